"""A lab that answers as a test tells it to: the API server, pods and AWS as thin fakes."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from exercises.catalogue import standing
from grading.aws_api import Signer
from grading.kube_api import UNVERIFIED, VERIFIED
from grading.outcomes import Done, HttpRefused, Outcome, Ran, Unanswered, http
from grading.session import GradingSession
from grading.tokens import PREFIX, Key, SessionKey
from grading.variables import names_of
from tests.unit.certificates import authority

ACCOUNT = "111122223333"
REGION = "ap-northeast-2"
ISSUER_HOST = f"oidc.eks.{REGION}.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
SECRET = "the-secret-of-testuser-0123456789abcdef"
OUTPUTS: dict[str, Any] = {
    "clusterName": "myeks",
    "nodeGroupName": "ng1",
    "region": REGION,
    "accountId": ACCOUNT,
    "oidcIssuer": f"https://{ISSUER_HOST}",
    "oidcProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER_HOST}",
    "exercises": {"rbac": "before", "identityMapping": "masters", "irsa": True, "podIdentity": True},
    "exerciseRoleArns": {
        "irsa": f"arn:aws:iam::{ACCOUNT}:role/irsa-sa-role-1a2b3c4",
        "podIdentity": f"arn:aws:iam::{ACCOUNT}:role/pod-identity-sa-role-5d6e7f8",
    },
    "testuserArn": f"arn:aws:iam::{ACCOUNT}:user/testuser",
}
NODE_ROLE = "ng1-role-9a8b7c6"
NODE_SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/{NODE_ROLE}/i-0123456789abcdef0"

ApiAnswer = Callable[[str, str, Any, str | None], Outcome | None]


@dataclass
class FakeApi:
    """Requests are answered by the first function that knows an answer; then 404."""

    answers: list[ApiAnswer] = field(default_factory=list[ApiAnswer])
    ran: Ran | Unanswered = field(default_factory=lambda: Ran(0, "", ""))
    logged: Outcome = field(default_factory=lambda: Done("", "log"))
    asked: list[tuple[str, str, Any, str | None]] = field(default_factory=list[tuple[str, str, Any, str | None]])
    commands: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list[tuple[str, str, tuple[str, ...]]])
    greeted: list[str] = field(default_factory=list[str])
    greeting: Outcome | None = None
    """What comes of every greeting; None: its own authority verifies it, and no other one."""

    @property
    def authority(self) -> str:
        return authority("the cluster")

    def handshake(self, authority: str) -> Outcome:
        self.greeted.append(authority)
        said = VERIFIED if authority == self.authority else UNVERIFIED
        return self.greeting or Done(said, said)

    def request(self, method: str, path: str, body: object = None, token: str | None = None) -> Outcome:
        self.asked.append((method, path, body, token))
        for answer in self.answers:
            found = answer(method, path, body, token)
            if found is not None:
                return found
        return HttpRefused(404, f"{path} not found")

    def log(self, namespace: str, pod: str) -> Outcome:
        return self.logged

    def run(self, namespace: str, pod: str, argv: tuple[str, ...]) -> Ran | Unanswered:
        self.commands.append((namespace, pod, argv))
        return self.ran

    def begin_streams(self, method: str, path: str, token: str, audit_id: str) -> Outcome:
        return self.request(method, path, None, token)

    def on(self, method: str, part: str, status: int, body: object) -> None:
        """Answer requests whose path has `part` in it."""

        def answer(asked: str, path: str, _body: Any, _token: str | None) -> Outcome | None:
            return http(status, body) if asked == method and part in path else None

        self.answers.append(answer)


@dataclass
class FakeAws:
    """Calls are answered by operation."""

    answers: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    key: Key | Unanswered = field(default_factory=lambda: SessionKey("AKIAOPERATOR0000", "operator"))
    calls: list[tuple[str, str, Signer, dict[str, Any]]] = field(
        default_factory=list[tuple[str, str, Signer, dict[str, Any]]]
    )

    @property
    def sts(self) -> str:
        return f"https://sts.{REGION}.amazonaws.com"

    def call(self, service: str, operation: str, signer: Signer = "operator", **params: Any) -> Outcome:
        self.calls.append((service, operation, signer, params))
        return self.answers.get(operation, Unanswered(f"nobody answers {operation}"))

    def operator_key(self) -> Key | Unanswered:
        return self.key


@dataclass
class FakeLab:
    """A grading session and its two fakes."""

    api: FakeApi
    aws: FakeAws
    session: GradingSession


class Clock(Event):
    """Time that passes while somebody waits, and at no other time: in place of a lab's `stop` and of `time`."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    @override
    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0
        return self.is_set()


def lab(patience: float = 0.0, testuser: Key | Unanswered | None = None, clock: Clock | None = None) -> FakeLab:
    """A lab in which nothing answers yet but EKS about the nodes' role."""
    api, aws = FakeApi(), FakeAws()
    group = {"nodegroup": {"nodeRole": f"arn:aws:iam::{ACCOUNT}:role/{NODE_ROLE}"}}
    aws.answers["describe_nodegroup"] = Done(group, "")
    session = GradingSession(
        names=names_of(OUTPUTS, lambda: NODE_ROLE),
        stages=standing(OUTPUTS),
        boundary=True,
        api=api,
        aws=aws,
        testuser=testuser or SessionKey("AKIATESTUSER0000", SECRET),
        settled_by=(clock or time).monotonic() + patience,
        stop=clock or Event(),
    )
    return FakeLab(api, aws, session)


def status(code: int, reason: str, message: str) -> dict[str, Any]:
    """A Status object of the API server's."""
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}


def url_in(token: str) -> str:
    """The presigned URL in an EKS token."""
    encoded = token.removeprefix(PREFIX)
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


def query_of(token: str) -> dict[str, list[str]]:
    """That URL's query."""
    return parse_qs(urlsplit(url_in(token)).query)


def jwt(**claims: Any) -> str:
    """An unsigned token."""
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "kid": "k"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2lnbmF0dXJl"])
