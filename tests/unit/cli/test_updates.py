"""What is refused before the rehearsal is begun, and what a learner is told at the end."""

from pathlib import Path

import pytest

from cli import aws_stack, updates
from cli.commands import preview
from cli.views import next_steps
from exercises.catalogue import EXERCISES
from exercises.registry import ROWS
from grading.check import ExerciseName
from infra.config.loading import parse
from rehearsal.outcome import Result
from stacks import rehearsal_backend
from stacks.console import Progress
from stacks.errors import BadInput
from stacks.stack import Stack

CONFIG = parse({"expires": "2026-01-01T00:00Z"}, "ap-northeast-2")


@pytest.fixture(autouse=True)
def nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal_backend, "begin", lambda *_: pytest.fail("begun"))
    monkeypatch.setattr(aws_stack, "_pulumi", lambda *_, **__: pytest.fail("begun"))


def test_a_lab_whose_end_has_passed_is_not_built():
    with pytest.raises(BadInput, match="--ttl"):
        updates.rehearse(Stack("rehearsal", Path("Pulumi.rehearsal.yaml"), CONFIG), Progress())


@pytest.mark.parametrize("name", ["rehearsal", "dev"])
def test_nor_previewed(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(preview, "load", lambda given: Stack(given, Path(f"Pulumi.{given}.yaml"), CONFIG))
    with pytest.raises(BadInput, match="--ttl"):
        preview.preview(name)


OUTPUTS = {"clusterName": "myeks", "region": "ap-northeast-2", "kubernetesVersion": "1.36"}


def ended(capsys: pytest.CaptureFixture[str], *, created: int, refreshed: bool = False, **outputs: object) -> str:
    result = Result({"create": created, "same": 9}, {**OUTPUTS, **outputs})
    updates.tell(updates.Update(result, (), 1.0), as_json=False, refreshed=refreshed)
    return capsys.readouterr().out


def test_where_nothing_changed_it_is_told_that_only_settings_were_looked_at(capsys: pytest.CaptureFixture[str]):
    said = "Nothing changed: up compares with the settings only."
    told = ended(capsys, created=0)
    assert said in told
    assert "./lab up --refresh\n" in told
    assert said not in ended(capsys, created=1)
    assert said not in ended(capsys, created=0, refreshed=True)


def test_up_ends_with_the_next_step_of_a_learner(capsys: pytest.CaptureFixture[str]):
    last = ended(capsys, created=1).splitlines()[-1]
    assert last.startswith("Next: ./lab stage rbac before begins the first exercise; ./lab shell")
    last = ended(capsys, created=1, exercises={"rbac": "after", "irsa": True}).splitlines()[-1]
    assert last.startswith("Next: ./lab check grades rbac, irsa; ./lab shell")
    assert "./lab check -s dev grades rbac; ./lab shell -s dev" in next_steps.after_up(
        {"exercises": {"rbac": "after"}}, " -s dev"
    )


def test_from_stage_to_stage_a_learner_gets_through_all_exercises():
    steps: list[tuple[ExerciseName, str]] = [
        (name, stage) for name, exercise in EXERCISES.items() for stage in exercise.stages
    ]
    commands = {row.command for row in ROWS}
    for (name, stage), following in zip(steps, [*steps[1:], None], strict=True):
        stands, tries, then = next_steps.after_stage(name, stage, "")
        assert stands.startswith(f"{name} stands at {stage}. ")
        assert tries.partition(": ")[2] in commands
        assert f"./lab check {name} grades it" in then
        assert then.endswith("It was the last exercise." if following is None else " goes on.")
        assert following is None or f"./lab stage {' '.join(following)} " in then
    assert len(list(next_steps.after_stage("rbac", "off", " -s dev"))) == 1
