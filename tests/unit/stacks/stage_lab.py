"""A checkout with two stacks whose exercises can be moved, without anything that runs."""

from pathlib import Path

import pytest

from infra.config.loading import parse
from stacks import cluster_facts, pulumi_cli, stack
from stacks.aws_backend import engine
from stacks.outcomes import Run, Update
from stacks.rehearsal_backend import RehearsalBackend
from stacks.stack import CHECKOUT, Stack

OUTPUTS = {"clusterName": "myeks"}


class Lab:
    """A checkout with two stacks, and what was run in it."""

    def __init__(self, root: Path) -> None:
        text = (CHECKOUT / "Pulumi.rehearsal.yaml").read_text()
        self.files = {name: root / f"Pulumi.{name}.yaml" for name in ("rehearsal", "dev")}
        for file in self.files.values():
            file.write_text(text)
        self.text = text
        self.ran: list[tuple[str, dict[str, object]]] = []
        self.fails: BaseException | None = None

    def exercises(self, name: str = "rehearsal") -> dict[str, object]:
        return stack.settings_of(stack.load(name))["config"]["myeks:exercises"]

    def pulumi(self, _stack: Stack, *arguments: str, **_: object) -> None:
        file = arguments[arguments.index("--config-file") + 1] if "--config-file" in arguments else self.files["dev"]
        self.run(Stack(arguments[arguments.index("--stack") + 1], Path(file), parse({}, "ap-northeast-2")))

    def run(self, chosen: Stack) -> None:
        self.ran.append((chosen.name, stack.settings_of(chosen)["config"]["myeks:exercises"]))
        if self.fails:
            raise self.fails


def lab_in(root: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The checkout, below this directory; both worlds' updates are played."""
    made = Lab(root)

    def up(backend: RehearsalBackend, *_: object, **__: object) -> Update:
        made.run(backend.stack)
        return Update(outputs=OUTPUTS, run=Run(counts={"same": 9}))

    monkeypatch.setattr(stack, "CHECKOUT", root)
    monkeypatch.setattr(RehearsalBackend, "up", up)
    monkeypatch.setattr(engine, "change", made.pulumi)
    monkeypatch.setattr(pulumi_cli, "outputs", lambda _stack: OUTPUTS)
    monkeypatch.setattr(cluster_facts, "after_up", lambda *_: ())
    return made
