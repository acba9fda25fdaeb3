"""A standing lab whose exercises are changed by plain requests, past the engine, and judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import boto3

from exercises.catalogue import Exercise
from exercises.judge import Score, judge, rows_of
from exercises.objects import CLUSTER_NAME, IMAGES, Object, at_stage
from grading.grade import Verdict, ask_all
from grading.outcomes import Unanswered
from grading.session import opened
from grading.tokens import Key, SessionKey
from infra import versions
from rehearsal.environment import environment
from rehearsal.world import attach
from tests.rehearsal.conftest import Lab
from tests.rehearsal.lab_changes import Standing
from tests.rehearsal.owasp.case import Case
from tests.rehearsal.owasp.objects import Cluster, manifests, named, others

SETTLE: Final = 15.0
"""Seconds within which the API server has taken in roles (at once) and policies (it looks once a second)."""


def table(exercise: Exercise) -> Any:
    """What is tried on an exercise."""
    return import_module(f"tests.rehearsal.owasp.{exercise.name}")


class Stand:
    """A lab in which these exercises stand open at first."""

    def __init__(
        self, lab: Lab, played: Iterable[Exercise], version: str = versions.DEFAULT_KUBERNETES_VERSION
    ) -> None:
        self._lab = lab
        begins = {each: each.play.start for each in played if each.play}
        lab.set(exercises={each.key: start for each, start in begins.items()})
        self._outputs: Mapping[str, Any] = lab.json("up")["outputs"]
        self._stage = {each.name: start for each, start in begins.items()}
        # As the stack fills them in.
        found = (versions.tools_image(version), versions.AWS_CLI_IMAGE, self._outputs["clusterName"])
        self._images: dict[str, str] = dict(zip((*IMAGES, CLUSTER_NAME), found, strict=True))

    @contextmanager
    def inside(self, *, asks_testuser: bool = False) -> Generator[Any]:
        """What grades, inside the lab."""
        with environment({"MYEKS_LAB_WORLD": str(self._lab.world)}, set()):
            world = attach()
            assert world is not None
            with (
                environment(world.env(), world.unset()),
                self._key(wanted=asks_testuser) as key,
                opened(self._outputs, patience=0, boundary=True, testuser=key, stages=self._stage) as here,
            ):
                yield here

    @contextmanager
    def _key(self, *, wanted: bool) -> Generator[Key | Unanswered]:
        """testuser's, for the length of a block."""
        if not wanted:
            yield Unanswered("testuser is not asked.")
            return
        iam: Any = boto3.client("iam", region_name=self._outputs["region"])
        made = iam.create_access_key(UserName="testuser")["AccessKey"]
        try:
            yield SessionKey(made["AccessKeyId"], made["SecretAccessKey"])
        finally:
            iam.delete_access_key(UserName="testuser", AccessKeyId=made["AccessKeyId"])

    @contextmanager
    def changing(self) -> Generator[Standing]:
        """The operator's ways to change the lab, each for the length of a block."""
        with self.inside() as here:
            yield Standing(self._outputs, here.api)

    def sh(self, command: str) -> str:
        """What a command line prints in `lab shell`."""
        return self._lab.sh(command)

    def objects(self, exercise: Exercise, stage: str) -> tuple[Object, ...]:
        return at_stage(exercise.name, stage, self._images)

    def put(
        self,
        exercise: Exercise,
        stage: str,
        apply: Iterable[Object] = (),
        delete: Iterable[Object] = (),
        aws: Callable[[str], None] | None = None,
    ) -> None:
        """The exercise as it is at this stage, then changed."""
        on_aws: Callable[[str, str], None] | None = getattr(table(exercise), "at_stage", None)
        wanted = self.objects(exercise, stage)
        known = [each for one in exercise.stages for each in self.objects(exercise, one)]
        with self.inside() as here:
            cluster = Cluster(here.api)
            cluster.take(others(known, wanted))
            cluster.put(wanted)
            if on_aws:
                on_aws(stage, self._outputs["region"])
            cluster.take(delete)
            cluster.put(apply)
            if aws:
                aws(self._outputs["region"])

    def take(self, objects: Iterable[Object]) -> None:
        with self.inside() as here:
            Cluster(here.api).take(objects)

    def score(self, exercise: Exercise, enough: Callable[[Score], bool]) -> Score:
        """The score once it is as wanted, or the last one."""
        until = time.monotonic() + SETTLE
        while True:
            with self.inside(asks_testuser=exercise.name == "identity-mapping") as here:
                found = judge(exercise.name, ask_all(rows_of(exercise.name), here))
            if enough(found) or time.monotonic() > until:
                return found


def told(score: Score) -> str:
    wrong = [each for each in score.answers if each.verdict is not Verdict.PASSED]
    return "\n".join([f"{score.points}", *(f"{each.row.name}: {each.observed} ({each.wrong})" for each in wrong)])


@contextmanager
def changed(stand: Stand, exercise: Exercise, stage: str, case: Case) -> Generator[None]:
    """The exercise at a stage and changed by a case, for the length of a block."""
    applied = manifests(case.apply)
    stand.put(exercise, stage, applied, [named(each) for each in case.delete], case.aws)
    try:
        yield
    finally:
        mine = [each for one in exercise.stages for each in stand.objects(exercise, one)]
        stand.take(others(applied, mine))
