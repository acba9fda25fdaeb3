"""Changes the exercises' stages in a stack's settings file, and nothing else in it.

The file is written by people: its comments tell which values there are. So the new value is put in place of the old
one in the text itself, and the rest of the file stays as it is, byte by byte. Before the text is given out it is read
again: a file that is written in a way that does not allow the change is refused, never damaged.
"""

import json
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from cli.failures import BadInput
from cli.stacks import Stack, parsed
from exercises.row import ExerciseName
from exercises.stages import EXERCISES, OFF
from infra.config import NAMESPACE

KEY: Final = f"{NAMESPACE}:exercises"
INDENT: Final = 2
"""Columns by which a line that is added stands below its key."""


def read(file: Path) -> str:
    """The file's text, with its line ends as they are."""
    return file.read_bytes().decode()


@contextmanager
def laid_over(stack: Stack, stages: Mapping[ExerciseName, str]) -> Generator[Stack]:
    """The stack with these stages instead of its own; its file is a copy, which goes with the block.

    Raises BadInput when the settings do not go together with them.
    """
    if not stages:
        yield stack
        return
    # For this user alone: a settings file may hold a password.
    with tempfile.TemporaryDirectory(prefix="lab-stage-") as directory:
        text = with_stages(read(stack.file), stages)
        copy = Path(directory) / stack.file.name
        copy.touch(mode=0o600)
        copy.write_bytes(text.encode())
        yield replace(parsed(stack.name, stack.file, text), file=copy)


def with_stages(text: str, stages: Mapping[ExerciseName, str]) -> str:
    """The settings file's text with the exercises at these stages. Raises BadInput."""
    wanted = {EXERCISES[name].key: setting(name, stage) for name, stage in stages.items()}
    try:
        changed = text
        for key, value in wanted.items():
            changed = _with(changed, key, value)
        went_well = yaml.safe_load(changed) == _expected(yaml.safe_load(text), wanted)
    except (YAMLError, yaml.YAMLError) as error:
        raise BadInput(f"The settings file is not YAML: {' '.join(str(error).split())}. Mend it there.") from error
    if not went_well:
        values = ", ".join(f"{key}: {_written(value)}" for key, value in wanted.items())
        raise BadInput(f"{KEY} is written in a way that can only be changed by hand. Write {values} there.")
    return changed


def setting(exercise: ExerciseName, stage: str) -> str | bool:
    """The stage as a setting: an exercise that is only on or off has a boolean."""
    return stage != OFF if EXERCISES[exercise].stages == ("on",) else stage


def _expected(before: Any, wanted: Mapping[str, str | bool]) -> Any:
    """What the changed file has to say; None for a file that is no settings file."""
    try:
        before = before or {}
        config = before.get("config") or {}
        exercises = config.get(KEY) or {}
        if isinstance(exercises, str):
            exercises = json.loads(exercises)
        return {**before, "config": {**config, KEY: {**exercises, **wanted}}}
    except (AttributeError, TypeError, ValueError):
        return None


def _with(text: str, key: str, value: str | bool) -> str:
    """The text with one setting below `myeks:exercises`."""
    root = YAML().compose(text)
    if root is None:
        return _after_comments(text) + f"config:\n  {KEY}:\n    {key}: {_written(value)}\n"
    config = _value(root, "config")
    if config is None:
        return _add(text, root, "config", {KEY: {key: value}})
    if not _entries(config):
        return _replace(text, config, json.dumps({KEY: {key: value}}))
    exercises = _value(config, KEY)
    if exercises is None:
        return _add(text, config, KEY, {key: value})
    if isinstance(exercises, ScalarNode):
        # Nothing, or a map as JSON text, as `pulumi config set` leaves one.
        return _replace(text, exercises, json.dumps({**_decoded(exercises), key: value}))
    old = _value(exercises, key)
    if old is not None:
        return _replace(text, old, _written(value, getattr(old, "style", None)))
    if not _entries(exercises):
        return _replace(text, exercises, json.dumps({key: value}))
    return _add(text, exercises, key, value)


def _entries(node: Node) -> list[tuple[Any, Any]]:
    return node.value if isinstance(node, MappingNode) else []


def _value(node: Node, key: str) -> Any:
    """The node of a mapping's value; None when it has no such key."""
    return next((value for name, value in _entries(node) if name.value == key), None)


def _decoded(node: ScalarNode) -> dict[str, Any]:
    try:
        found = json.loads(node.value or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _replace(text: str, node: Node, written: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    # A value that is missing begins where its key's colon ends.
    space = " " if text[start - 1 : start] == ":" else ""
    return text[:start] + space + written + text[end:]


def _add(text: str, node: Node, key: str, value: object) -> str:
    """Add an entry to a mapping that has some, before the first: what follows the last may belong to the next key."""
    first = _entries(node)[0][0].start_mark
    written = json.dumps(value) if isinstance(value, dict) else _written(value)
    if getattr(node, "flow_style", False):
        return text[: first.index] + f"{key}: {written}, " + text[first.index :]
    line_end = "\r\n" if "\r\n" in text else "\n"
    if isinstance(value, dict):
        below = line_end + " " * (first.column + INDENT)
        written = below + below.join(f"{name}: {_written(item)}" for name, item in value.items())
        space = ""
    else:
        space = " "
    return text[: first.index] + f"{key}:{space}{written}{line_end}" + " " * first.column + text[first.index :]


def _after_comments(text: str) -> str:
    """A text without content, ready for a line to follow."""
    return text if not text or text.endswith("\n") else f"{text}\n"


def _written(value: object, style: str | None = None) -> str:
    """A value as YAML: a text has the quotes that the old one had, and `off`, which YAML 1.1 reads as false, some."""
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    quote = style if style in ("'", '"') else '"' if value == OFF else ""
    return f"{quote}{value}{quote}"
