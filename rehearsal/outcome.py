"""How a run of the engine ended: what it changed and put out, or what it said when it failed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from pulumi import automation as auto


class RunFailed(Exception):
    """The engine ended a run with errors; the text holds what it said, without repeats."""


class SettingsRefused(RunFailed):
    """The engine did not take the settings, and began nothing."""


_SETTINGS: Final = re.compile(
    r"with configuration key '[^']*' must be|is missing configuration values?|as a configuration key|"
    r"could not (unmarshal|validate|read) '[^']*\.yaml'|mapping key .* already defined|expected only string keys|"
    r"environments are not supported|does not support environments"
)
"""How the engine refuses a stack's or the project's file (pulumi 3.259: pkg/workspace/config.go, and in sdk/go/common
workspace and resource/config)."""


@dataclass
class Result:
    """How a run ended: resources by operation ("create": 3, "same": 90) and the stack's outputs."""

    changes: dict[str, int] = field(default_factory=dict[str, int])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, created, updated, replaced or deleted."""
        return any(count for operation, count in self.changes.items() if operation != "same")


def unwrapped(outputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs as plain values; the engine's wrapper around a secret becomes "[secret]"."""
    signature = "4dabf18193072939515e22adb298388d"  # Pulumi's mark of a special value in state

    def plain(value: object) -> object:
        if isinstance(value, dict):
            mapping = cast("dict[str, object]", value)
            if signature in mapping:
                return "[secret]"
            return {key: plain(item) for key, item in mapping.items()}
        if isinstance(value, list):
            return [plain(item) for item in cast("list[object]", value)]
        return value

    return {key: plain(value) for key, value in outputs.items()}


def causes(errors: Iterable[str]) -> list[str]:
    """Error messages of a run, each once, without those that only follow from another.

    A program that asks the engine for something while that gives up meets an exception of its own.
    """
    told = [each for each in dict.fromkeys(errors) if each and each != "update failed"]
    return [each for each in told if not each.endswith("resource monitor shut down")] or told


def refused(told: str) -> RunFailed:
    """What a run failed with: SettingsRefused where the engine did not take the settings."""
    return (SettingsRefused if _SETTINGS.search(told) else RunFailed)(told)


def said(error: auto.CommandError) -> str:
    """The engine's own error lines out of a CommandError, which holds all that it printed."""
    # It prints the two streams one after the other, each after its name.
    lines = [re.sub(r"^(code|stdout|stderr): ?", "", line.strip()) for line in str(error).splitlines()]
    told = [line.removeprefix("error:").strip() for line in lines if line.startswith("error:")]
    return "\n".join(dict.fromkeys(told)) or "\n".join([line for line in lines if line][-8:])
