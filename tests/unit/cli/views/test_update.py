"""What a learner is told at the end of an update, in either world."""

import json
from pathlib import Path

import pytest

from cli.views import next_steps, update
from exercises.catalogue import EXERCISES
from exercises.registry import ROWS
from grading.check import ExerciseName
from infra.config.loading import parse
from stacks.outcomes import Run, Update
from stacks.stack import Stack

REHEARSAL, DEV = (
    Stack(name, Path(f"Pulumi.{name}.yaml"), parse({}, "ap-northeast-2")) for name in ("rehearsal", "dev")
)

OUTPUTS = {"clusterName": "myeks", "region": "ap-northeast-2", "kubernetesVersion": "1.36"}


def ended(capsys: pytest.CaptureFixture[str], *, created: int, refreshed: bool = False, **outputs: object) -> str:
    made = Update(outputs={**OUTPUTS, **outputs}, run=Run(counts={"create": created, "same": 9}), seconds=1.0)
    update.tell(REHEARSAL, made, as_json=False, refreshed=refreshed)
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


def test_what_pulumi_has_told_on_the_terminal_is_not_told_twice(capsys: pytest.CaptureFixture[str]):
    update.tell(DEV, Update(outputs=OUTPUTS), as_json=False, with_lab=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert "./lab stage rbac before -s dev begins the first exercise" in said.err
    assert said.err.endswith("Take it away when you are done: ./lab down -s dev\n")


def test_json_has_stdout_for_itself(capsys: pytest.CaptureFixture[str]):
    update.tell(DEV, Update(outputs=OUTPUTS), as_json=True)
    assert json.loads(capsys.readouterr().out) == {"outputs": OUTPUTS, "releases": None}
    update.tell(
        REHEARSAL, Update(outputs=OUTPUTS, releases=(), run=Run(counts={"same": 9}), seconds=1.25), as_json=True
    )
    told = {"changes": {"same": 9}, "outputs": OUTPUTS, "releases": [], "seconds": 1.2}
    assert json.loads(capsys.readouterr().out) == told
