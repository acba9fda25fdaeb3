"""The one list of exercises: settings, the commands' words, the stack's output, docs and rows are drawn from it.

One more exercise is one more line here, and a folder of its name (CONTRIBUTING.md tells what is in it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from exercises.texts import Texts, texts
from grading.check import ExerciseName

OFF: Final = "off"


@dataclass(frozen=True, kw_only=True)
class Play:
    """The two stages between which a learner plays."""

    start: str
    """What `lab play` brings: insecure, or not yet done."""

    solved: str
    """The lab's own answer. Its rows that have a goal judge the learner's."""

    version: str = ""
    """The only Kubernetes version that has the weakness, as `1.34`; empty: any."""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One exercise."""

    name: ExerciseName
    """As commands call it. Its folder has the same name, with `_` for `-`."""

    stages: tuple[str, ...]
    """Without `off`, in the order in which a learner goes through them."""

    alias: str = ""
    """Another word by which commands know it; empty: none."""

    setting: str = ""
    """Its key below `myeks:exercises` and in the stack output `exercises`; empty: the same as its name."""

    play: Play
    """Where play begins, and the lab's own answer."""

    owasp_2022: str = ""
    """Its number in OWASP's Kubernetes Top Ten of 2022, which the study note has; empty: none."""

    owasp_2025: tuple[str, ...] = ()
    """Its numbers in the list of 2025."""

    node_group: str = ""
    """Name of the EKS node group of one node that it has for itself; empty: it has none."""

    aws_types: tuple[str, ...] = ()
    """The engine's types of AWS resources that nothing else in the lab makes."""

    from_objects: bool = False
    """Whether all that it makes in the cluster are the Kubernetes objects in its folder's `objects`."""

    @property
    def key(self) -> str:
        """Its setting below `myeks:exercises`, and its member in the stack output `exercises`."""
        return self.setting or self.name

    @property
    def package(self) -> str:
        """The Python package of its folder."""
        return f"exercises.{self.name.replace('-', '_')}"

    @property
    def words(self) -> Texts:
        """What a learner reads of it."""
        return texts(self.name)

    @property
    def title(self) -> str:
        """Its name for a reader."""
        return self.words.title


def _owasp(
    name: ExerciseName,
    alias: str,
    *newer: str,
    watched: bool = False,
    version: str = "",
    node_group: str = "",
    aws_types: tuple[str, ...] = (),
) -> Exercise:
    """An exercise of OWASP's Top Ten: its objects stand open or closed, or are watched in between.

    Args:
        name: k and its number in the list of 2022.
        alias: its other name.
        newer: its numbers in the list of 2025.
        watched: whether something warns of what is still allowed.
        version: the only Kubernetes version that has the weakness; empty: any.
        node_group: see Exercise, like the next.
        aws_types: what it has on AWS beside its objects.
    """
    return Exercise(
        name=name,
        alias=alias,
        stages=("open", "watched", "closed") if watched else ("open", "closed"),
        play=Play(start="open", solved="closed", version=version),
        owasp_2022=name.upper(),
        owasp_2025=newer,
        node_group=node_group,
        aws_types=aws_types,
        from_objects=True,
    )


_ALL: Final = (
    Exercise(name="rbac", stages=("before", "after", "least"), play=Play(start="before", solved="least")),
    Exercise(
        name="identity-mapping",
        setting="identityMapping",
        stages=("masters", "authenticated", "unmapped", "entry"),
        play=Play(start="masters", solved="entry"),
        aws_types=("aws:iam/user:User", "aws:iam/userPolicyAttachment:UserPolicyAttachment"),
    ),
    Exercise(name="irsa", stages=("account", "on", "wide"), play=Play(start="wide", solved="account")),
    Exercise(
        name="pod-identity",
        setting="podIdentity",
        stages=("on", "wide"),
        play=Play(start="wide", solved="on"),
    ),
    _owasp("k01", "workload", "K01", watched=True),
    _owasp("k02", "supply-chain", watched=True),
    _owasp("k03", "permissions", "K02"),
    _owasp("k04", "policy", "K04", watched=True),
    _owasp("k05", "logging", "K10"),
    _owasp("k06", "authentication", "K09"),
    _owasp("k07", "network", "K05", "K08", node_group="owasp-k07"),
    _owasp(
        "k08",
        "secrets",
        "K03",
        aws_types=("aws:secretsmanager/secret:Secret", "aws:secretsmanager/secretVersion:SecretVersion"),
    ),
    _owasp("k09", "components", "K06", "K07"),
    _owasp("k10", "outdated", "K07", version="1.34"),
    Exercise(name="crypto", alias="cryptography", stages=("open", "closed"), play=Play(start="open", solved="closed")),
)

EXERCISES: Final[Mapping[ExerciseName, Exercise]] = {each.name: each for each in _ALL}


def named(word: str) -> Exercise | None:
    """The exercise that a user means, by its name or its alias; None where there is none."""
    return next((each for each in _ALL if word and word.lower() in (each.name, each.alias)), None)


def standing(outputs: Mapping[str, Any]) -> dict[ExerciseName, str]:
    """Exercise → the stage at which it stands, `off` where it does not."""
    told: Mapping[str, Any] = outputs.get("exercises") or {}
    return {name: _stage(told.get(exercise.key)) for name, exercise in EXERCISES.items()}


def _stage(value: object) -> str:
    if isinstance(value, str):
        return value
    return "on" if value is True else OFF


def walk(names: Iterable[ExerciseName]) -> tuple[dict[ExerciseName, str], ...]:
    """Which exercises to move to which stage, update after update, so that every stage is reached once.

    All move together: there are as many updates as the exercise with the most stages has. One that has no more stages
    stays at its last one, and is not named again.
    """
    chosen = list(dict.fromkeys(names))
    moves = zip_longest(*(EXERCISES[name].stages for name in chosen))
    return tuple({name: stage for name, stage in zip(chosen, step, strict=True) if stage} for step in moves)
