"""Which stack a command is about, and its settings, checked before anything is started.

The stack `rehearsal` lives on this machine. Every other name is an AWS stack of
the user's own Pulumi backend: only naming one lets a command touch AWS.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from grading.check import ExerciseName
from infra.config.loading import DEFAULT_REGION, NAMESPACE, ConfigError, LabConfig, Problem, parse
from infra.config.problems import key_of, shown
from rehearsal import stack_files
from stacks import kept_stages
from stacks.errors import BadInput, NotUp

REHEARSAL: Final = "rehearsal"
CHECKOUT: Final = Path(__file__).absolute().parent.parent
PROJECT_FILE: Final = CHECKOUT / "Pulumi.yaml"
SHELLS_STACK: Final = "LAB_STACK"
"""Environment variable that names the stack to which a shell of ours belongs."""
SUBJECT: Final = "LAB_AS"
"""Environment variable that names the exercises' subject to whom a shell of ours belongs; empty in the operator's."""
_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

StackOption = Annotated[
    str,
    typer.Option("--stack", "-s", metavar="STACK", help="An AWS stack by name; without it, the rehearsal."),
]


@dataclass(frozen=True)
class Stack:
    """A named stack with its settings file and its checked configuration."""

    name: str
    file: Path
    config: LabConfig
    profile: str | None = None
    """`aws:profile`, by which the engine reaches AWS; None: as the environment says. The rehearsal's always does."""

    stages: kept_stages.Values = field(default_factory=dict[str, str | bool])
    """Stages that count instead of the file's: `lab stage` does not write them into the rehearsal's file."""

    @property
    def is_rehearsal(self) -> bool:
        """Whether it lives on this machine and costs nothing."""
        return self.name == REHEARSAL

    @property
    def aws_environment(self) -> tuple[dict[str, str], set[str]]:
        """What boto3 and aws need to reach the account that the engine does: variables to set, and to unset."""
        region = self.config.region
        values = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        if self.profile is None:
            return values, set()
        # Keys in the environment would win over a profile; with the engine the profile wins.
        return {**values, "AWS_PROFILE": self.profile}, set(_KEYS)

    @property
    def option(self) -> str:
        """What names it at the end of a command: " -s dev", nothing for the rehearsal."""
        return "" if self.is_rehearsal else f" -s {self.name}"


def configured(config: LabConfig) -> dict[ExerciseName, str]:
    """Exercise → its stage by the settings."""
    return config.exercises.stages()


def load(name: str, *, as_caller: bool = False) -> Stack:
    """Read Pulumi.<name>.yaml and check every setting; raises BadInput with all problems at once.

    `as_caller`: what follows is for whoever the shell is, and not for the operator.
    """
    file = file_of(name, as_caller=as_caller)
    text = read(file)
    return parsed(name, file, text, kept_stages.over(content(file, text)) if name == REHEARSAL else {})


def file_of(name: str, *, as_caller: bool = False) -> Path:
    """The stack's settings file; raises BadInput when there is none, or when this shell cannot reach its AWS."""
    if name != REHEARSAL and os.environ.get(SHELLS_STACK) == REHEARSAL:
        raise BadInput("This shell's AWS is the rehearsal's. Leave it with exit, then run the command again.")
    if name != REHEARSAL and (subject := os.environ.get(SUBJECT)) and not as_caller:
        raise BadInput(f"At AWS this shell is {subject}. Leave it with exit, then run the command again.")
    file = CHECKOUT / f"Pulumi.{name}.yaml"
    if not file.exists():
        known = ", ".join(sorted(stack_name(path) for path in CHECKOUT.glob("Pulumi.*.yaml")))
        raise BadInput(f"There is no stack {name}: {file.name} does not exist. Name one of: {known}.")
    return file


def read(file: Path) -> str:
    """The text of a settings file, with its line ends as they are; raises BadInput for what is no text."""
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{file.name} is not UTF-8 text (byte {error.start}). Save it as such.") from error


def content(file: Path, text: str) -> dict[str, Any]:
    """A settings file's text as the engine reads it, the project's defaults below it; raises BadInput."""
    try:
        settings = stack_files.stack_settings(text, file.name, NAMESPACE)
        inherited = _inherited()
    except stack_files.Refused as error:
        raise BadInput(str(error)) from error
    return {**settings, "config": {**inherited, **(settings.get("config") or {})}}


def project() -> dict[str, Any]:
    """Pulumi.yaml, whose defaults the engine takes where a stack's file has no value; raises `stack_files.Refused`."""
    return stack_files.project_settings(PROJECT_FILE.read_text(), PROJECT_FILE.name)


def _inherited() -> dict[str, Any]:
    """What Pulumi.yaml gives a stack that leaves it out, where it is not the lab's own default."""
    prefix = f"{NAMESPACE}:"
    return {
        key: value
        for key, value in stack_files.defaults(project()).items()
        if not key.startswith(prefix) or _differs(key.removeprefix(prefix), value)
    }


def _differs(key: str, value: object) -> bool:
    try:
        return parse({key: value}, DEFAULT_REGION) != parse({}, DEFAULT_REGION)
    except ConfigError:
        return True


def parsed(name: str, file: Path, text: str, stages: kept_stages.Values | None = None) -> Stack:
    """The stack if its file held this text, with these stages instead of the file's; raises BadInput with all problems
    at once."""
    config: dict[str, Any] = kept_stages.laid_over(content(file, text), stages or {}).get("config", {})
    profile = None if name == REHEARSAL else config.get("aws:profile")
    return Stack(name, file, _checked(file, config), str(profile) if profile else None, stages or {})


def standing_outputs(stack: Stack, outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """These outputs of the stack; raises NotUp when they are of one that does not stand."""
    if not outputs.get("kubeconfig"):
        raise NotUp(f"Stack {stack.name} is not up. Stand it up with ./lab up{stack.option}.")
    return outputs


def settings_of(stack: Stack) -> dict[str, Any]:
    """What the stack's file says, with its own stages laid over; raises BadInput."""
    return kept_stages.laid_over(content(stack.file, read(stack.file)), stack.stages)


def stack_name(file: Path) -> str:
    """The stack that a settings file belongs to: Pulumi.dev.yaml → dev."""
    return file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def _checked(file: Path, config: dict[str, Any]) -> LabConfig:
    prefix = f"{NAMESPACE}:"
    ours = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    declared = project().get("config") or {}
    problems = [problem for key, value in ours.items() if (problem := _mistyped(key, value, declared.get(key)))]
    try:
        checked = parse(ours, config.get("aws:region"))
    except ConfigError as error:
        told = {problem.key for problem in error.problems}
        every = ConfigError([*error.problems, *(problem for problem in problems if problem.key not in told)])
        raise BadInput(f"{file.name}: {every}") from error
    if problems:
        raise BadInput(f"{file.name}: {ConfigError(problems)}")
    return checked


def _mistyped(key: str, value: object, entry: object) -> Problem | None:
    """What the engine refuses though the program would take it: it compares a value with its entry in Pulumi.yaml.

    (pulumi 3.259, sdk/go/common/workspace/project.go, ValidateConfigValue.)
    """
    declared = cast("dict[str, Any]", entry).get("type") if isinstance(entry, dict) else None
    name = key_of(key)
    if not isinstance(value, str):
        return None
    if declared == "array":
        return Problem(name, "It is text, and has to be a list.", "Write one entry a line, each after a dash.")
    if declared == "object":
        return Problem(name, "It is text, and has to be a map.", "Write `key: value` lines below it, or {} for none.")
    if declared == "boolean" and value not in {"true", "false"}:
        return Problem(name, f"{shown(value)} is not true or false.", "Write true or false.")
    return None
