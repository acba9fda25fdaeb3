"""What commands set of the rehearsal, kept beside its world: stages by `lab stage`, the lab's end by `up --ttl`.

Pulumi.rehearsal.yaml is under version control. A command that changes it for each step of a study note makes the
checkout dirty, and the next pull of the project a conflict. So these settings are laid over the file's own, and go
with the lab. When the file is edited afterwards, the file's new value counts.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.config.loading import NAMESPACE
from rehearsal import paths
from stacks.files import replace_text

KEY: Final = f"{NAMESPACE}:exercises"

EXPIRES: Final = "expires"
"""The lab's end, a setting beside the exercises'."""

Values = Mapping[str, str | bool]
"""Setting below `myeks:exercises`, or EXPIRES → its value, as `{"rbac": "before", "irsa": True}`."""


def file() -> Path:
    """Where they are kept: next to the world's directory, which is cleared when a rehearsal starts afresh."""
    world = paths.world_dir()
    return world.with_name(f"{world.name}.stages.json")


def over(settings: Mapping[str, Any]) -> Values:
    """What is kept, for a settings file with this content; what was edited in the file since does not count."""
    own = _own(settings)
    return {key: entry["stage"] for key, entry in _read().items() if entry["file"] == own.get(key)}


def keep(settings: Mapping[str, Any], values: Values) -> None:
    """Keep these and forget all others; `settings` is the content of the settings file."""
    own = _own(settings)
    entries = {key: {"file": own.get(key), "stage": value} for key, value in values.items() if value != own.get(key)}
    if not entries:
        forget()
    elif entries != _read():
        file().parent.mkdir(parents=True, exist_ok=True)
        replace_text(file(), json.dumps(entries))


def forget() -> None:
    """The lab is gone: the next one begins with what its settings file says."""
    file().unlink(missing_ok=True)


def laid_over(settings: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """The content of a settings file with these values in the place of its own."""
    if not values:
        return dict(settings)
    config: Mapping[str, Any] = settings.get("config") or {}
    stages = {key: value for key, value in values.items() if key != EXPIRES}
    changed: dict[str, Any] = {KEY: {**exercises(settings), **stages}} if stages else {}
    if EXPIRES in values:
        changed[f"{NAMESPACE}:{EXPIRES}"] = values[EXPIRES]
    return {**settings, "config": {**config, **changed}}


def exercises(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a settings file says of the exercises; empty where it says nothing that is a mapping."""
    config = settings.get("config")
    found: Any = config.get(KEY) if isinstance(config, dict) else None
    if isinstance(found, str):
        # As `pulumi config set` leaves it.
        try:
            found = json.loads(found)
        except ValueError:
            found = None
    return dict(found) if isinstance(found, dict) else {}


def _own(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the settings file itself says of all that may be kept."""
    config: Any = settings.get("config") or {}
    return {EXPIRES: config.get(f"{NAMESPACE}:{EXPIRES}") or "", **exercises(settings)}


def _read() -> dict[str, Any]:
    """Setting → {"file": the file's value when it was kept, "stage": the value}; nothing where it is not readable."""
    try:
        found: Any = json.loads(file().read_text())
    except (OSError, ValueError):
        return {}
    whole = isinstance(found, dict) and all(
        isinstance(entry, dict) and {"file", "stage"} <= entry.keys() for entry in found.values()
    )
    return found if whole else {}
