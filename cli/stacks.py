"""Which stack a command is about, and its settings, checked before anything is started.

The stack `rehearsal` lives on this machine. Every other name is an AWS stack of
the user's own Pulumi backend: only naming one lets a command touch AWS.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml

from cli.failures import BadInput
from infra.config import NAMESPACE, ConfigError, LabConfig, parse

REHEARSAL: Final = "rehearsal"
CHECKOUT: Final = Path(__file__).absolute().parent.parent
PROJECT_FILE: Final = CHECKOUT / "Pulumi.yaml"

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

    @property
    def is_rehearsal(self) -> bool:
        """Whether it lives on this machine and costs nothing."""
        return self.name == REHEARSAL

    @property
    def option(self) -> str:
        """What names it at the end of a command: " -s dev", nothing for the rehearsal."""
        return "" if self.is_rehearsal else f" -s {self.name}"


def load(name: str) -> Stack:
    """Read Pulumi.<name>.yaml and check every setting; raises BadInput with all problems at once."""
    file = file_of(name)
    return parsed(name, file, file.read_text())


def file_of(name: str) -> Path:
    """The stack's settings file; raises BadInput when there is none."""
    file = CHECKOUT / f"Pulumi.{name}.yaml"
    if not file.exists():
        known = ", ".join(sorted(stack_name(path) for path in CHECKOUT.glob("Pulumi.*.yaml")))
        raise BadInput(f"There is no stack {name}: {file.name} does not exist. Name one of: {known}.")
    return file


def parsed(name: str, file: Path, text: str) -> Stack:
    """The stack if its file held this text; raises BadInput with all problems at once."""
    try:
        settings: object = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise BadInput(f"{file.name} is not YAML: {' '.join(str(error).split())}. Mend it there.") from error
    config = settings.get("config", {}) if isinstance(settings, dict) else None
    if not isinstance(config, dict):
        raise BadInput(f"{file.name} has no mapping under config:. Write the settings as in Pulumi.dev.yaml.")
    return Stack(name, file, _checked(file, config))


def stack_name(file: Path) -> str:
    """The stack that a settings file belongs to: Pulumi.dev.yaml → dev."""
    return file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def _checked(file: Path, config: dict[str, Any]) -> LabConfig:
    prefix = f"{NAMESPACE}:"
    ours = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    try:
        return parse(ours, config.get("aws:region"))
    except ConfigError as error:
        raise BadInput(f"{file.name}: {error}") from error
