"""What an update after a killed one finds, laid out: the stack's state, pulumi, AWS and the cluster."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.config.loading import parse
from operations import cleanup
from operations.cleanup import KINDS, Kind, Leftover, Report, Resource
from operations.cleanup.model import Claim, Ownership
from stacks import locks, pulumi_cli, takeover
from stacks.pulumi_cli import Ended
from stacks.stack import Stack

STACK = Stack("mine", Path("Pulumi.mine.yaml"), parse({}, "ap-northeast-2"))
LOCKED = "error: the stack is currently locked by 1 lock(s)."
VPC = "aws:ec2/vpc:Vpc"
FINE = Ended(0, "", "", interrupted=False)


def urn(kind: str, name: str = "it") -> str:
    return f"urn:pulumi:mine::myeks::{kind}::{name}"


def resource(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"urn": urn(kind), "type": kind, "custom": True, "inputs": inputs}


def creating(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"type": "creating", "resource": resource(kind, **inputs)}


def locked(command: str) -> Ended:
    return Ended(255, f"error: {command}", LOCKED, interrupted=False)


def absent() -> ClientError:
    return ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}, "Describe")


class Aws:
    """A client whose answers are laid out: method → answers, the last of which stays."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, service: str) -> "Aws":
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def answer(**question: Any) -> Any:
            self.asked.append((name, question))
            told = self.answers[name]
            found = told.pop(0) if len(told) > 1 else told[0]
            if isinstance(found, Exception):
                raise found
            return found

        return answer


class Backend:
    """The stack's state, what pulumi was told, and what AWS has."""

    def __init__(self) -> None:
        self.deployment: dict[str, Any] = {"resources": [], "pending_operations": []}
        self.ran: list[tuple[str, ...]] = []
        self.locked = False
        self.exports = True
        self.gave_up = False
        self.released: list[bool] = []
        self.report = Report()
        self.kinds: tuple[Kind, ...] = ()
        self.aws = Aws()

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert arguments == ("stack", "export", "--stack", "mine")
        told = json.dumps({"version": 3, "deployment": self.deployment})
        return subprocess.CompletedProcess([], 0 if self.exports else 255, told if self.exports else "", "")

    def run(self, *arguments: str, **_: object) -> Ended:
        self.ran.append(arguments)
        if self.locked:
            return locked(arguments[0])
        if arguments[:2] == ("stack", "import"):
            kept = json.loads(Path(arguments[arguments.index("--file") + 1]).read_text())
            assert kept["version"] == 3
            self.deployment = kept["deployment"]
        return FINE

    def release(self, stack: Stack, said: str, *, yes: bool) -> None:
        assert (stack.name, said) == ("mine", LOCKED)
        self.released.append(yes)
        self.locked = False

    def find(self, *_: object, kinds: list[Kind], **__: object) -> Report:
        self.kinds = tuple(kinds)
        return self.report

    def has(self, kind: str, *things: Resource) -> None:
        (known,) = (each for each in KINDS if each.engine_type == kind)
        mine = Ownership(Claim.TAG, "tag myeks:lab")
        self.report = Report(left=(*self.report.left, *(Leftover(known, resource, mine) for resource in things)))

    def update(self, *, yes: bool = True, builds: bool = True) -> Ended:
        return takeover.update(STACK, lambda: self.run("up" if builds else "destroy"), yes=yes, builds=builds)

    @property
    def commands(self) -> list[str]:
        return [" ".join(each for each in arguments[:2] if not each.startswith("-")) for arguments in self.ran]

    @property
    def ids(self) -> dict[str, str]:
        return {each["urn"]: each["id"] for each in self.deployment["resources"]}


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    made = Backend()
    monkeypatch.setattr(pulumi_cli, "ask", made.ask)
    monkeypatch.setattr(pulumi_cli, "run", made.run)
    monkeypatch.setattr(pulumi_cli, "last_update_failed", lambda _stack: made.gave_up)
    monkeypatch.setattr(locks, "release", made.release)
    monkeypatch.setattr(cleanup, "find", made.find)
    monkeypatch.setattr(cleanup, "clients", lambda *_: made.aws)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)
    return made
