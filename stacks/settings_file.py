"""Changes the exercises' stages or the lab's end in a stack's settings file, and nothing else in it.

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
from yaml import MappingNode, Node, ScalarNode

from exercises.catalogue import EXERCISES, OFF
from grading.check import ExerciseName
from infra.config.loading import NAMESPACE
from rehearsal import stack_files
from stacks.errors import BadInput, Failure
from stacks.files import replace_text
from stacks.stack import Stack, parsed, read

KEY: Final = f"{NAMESPACE}:exercises"
EXPIRES: Final = f"{NAMESPACE}:expires"
INDENT: Final = 2
"""Columns by which a line that is added stands below its key."""


def write(file: Path, before: str, after: str) -> None:
    """Write what differs; raises Failure when somebody else has written meanwhile."""
    if read(file) != before:
        raise Failure(f"{file.name} was changed by another program meanwhile. Check it, then run this again.")
    if after != before:
        replace_text(file, after)


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
        kept = {key: value for key, value in stack.stages.items() if key not in {EXERCISES[one].key for one in stages}}
        copy = Path(directory) / stack.file.name
        copy.touch(mode=0o600)
        copy.write_bytes(text.encode())
        yield replace(parsed(stack.name, stack.file, text, kept), file=copy)


def with_stages(text: str, stages: Mapping[ExerciseName, str]) -> str:
    """The settings file's text with the exercises at these stages. Raises BadInput."""
    wanted = {EXERCISES[name].key: stage for name, stage in stages.items()}
    before = _settings(text)
    changed = text
    try:
        for key, value in wanted.items():
            changed = _with(changed, key, value)
        went_well = _settings(changed) == _expected(before, wanted)
    except (yaml.YAMLError, BadInput):
        went_well = False
    if not went_well:
        values = ", ".join(f"{key}: {_written(value)}" for key, value in wanted.items())
        raise BadInput(f"{KEY} is written in a way that can only be changed by hand. Write {values} there.")
    return changed


def with_expires(text: str, expires: str) -> str:
    """The settings file's text with the lab's end at this moment. Raises BadInput."""
    quoted = json.dumps(expires)
    before = _settings(text)
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        config = _entry(root, "config") if root else None
        if config is None or not _entries(config[1]):
            raise yaml.YAMLError("There are no settings.")
        old = _entry(config[1], EXPIRES)
        changed = _replace(text, old, quoted) if old else _add(text, config[1], EXPIRES, quoted)
        went_well = _settings(changed) == {**before, "config": {**before["config"], EXPIRES: expires}}
    except (yaml.YAMLError, BadInput):
        went_well, changed = False, text
    if not went_well:
        raise BadInput(f"The settings file can only be changed by hand. Write {EXPIRES}: {quoted} below config: there.")
    return changed


def _settings(text: str) -> dict[str, Any]:
    try:
        return stack_files.stack_settings(text, "The settings file", NAMESPACE)
    except stack_files.Refused as error:
        raise BadInput(str(error)) from error


def _expected(before: Any, wanted: Mapping[str, str]) -> Any:
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


def _with(text: str, key: str, value: str) -> str:
    """The text with one setting below `myeks:exercises`."""
    root = yaml.compose(text, yaml.SafeLoader)
    if root is None:
        return _after_comments(text) + f"config:\n  {KEY}:\n    {key}: {_written(value)}\n"
    if not _entries(root):
        return text  # no settings file: it is refused
    config = _entry(root, "config")
    if config is None:
        return _add(text, root, "config", {KEY: {key: value}})
    if not _entries(config[1]):
        return _replace(text, config, json.dumps({KEY: {key: value}}))
    exercises = _entry(config[1], KEY)
    if exercises is None:
        return _add(text, config[1], KEY, {key: value})
    if isinstance(exercises[1], ScalarNode):
        # Nothing, or a map as JSON text, as `pulumi config set` leaves one.
        return _replace(text, exercises, json.dumps({**_decoded(exercises[1]), key: value}))
    old = _entry(exercises[1], key)
    if old is not None:
        return _replace(text, old, _written(value, getattr(old[1], "style", None)))
    if not _entries(exercises[1]):
        return _replace(text, exercises, json.dumps({key: value}))
    return _add(text, exercises[1], key, value)


_Entry = tuple[ScalarNode, Node]
"""A mapping's key and value."""


def _entries(node: Node) -> list[_Entry]:
    return node.value if isinstance(node, MappingNode) else []


def _entry(node: Node, key: str) -> _Entry | None:
    """The entry of a key; a setting may stand there without its namespace."""
    found = {entry[0].value: entry for entry in _entries(node)}
    meant = (entry for name, entry in found.items() if stack_files.full_key(str(name), NAMESPACE) == key)
    return found.get(key) or next(meant, None)


def _decoded(node: ScalarNode) -> dict[str, Any]:
    try:
        found = json.loads(node.value or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _replace(text: str, entry: _Entry, written: str) -> str:
    """Put another value in place of an entry's."""
    key, value = entry
    if isinstance(value, ScalarNode) and not value.value and value.style is None:
        # There is no value: its place is behind the key's colon.
        start = end = text.index(":", key.end_mark.index) + 1
        written = f" {written}"
    else:
        start, end = value.start_mark.index, value.end_mark.index
    return text[:start] + written + text[end:]


def _add(text: str, node: Node, key: str, value: object) -> str:
    """Add an entry to a mapping that has some, before the first: what follows the last may belong to the next key."""
    first = _entries(node)[0][0].start_mark
    if isinstance(node, MappingNode) and node.flow_style:
        return text[: first.index] + f"{key}: {_written(value)}, " + text[first.index :]
    line_end = "\r\n" if "\r\n" in text else "\n"
    # The last of them is the beginning of the line in which the first entry goes on.
    lines = [*_lines(key, value), ""]
    return text[: first.index] + (line_end + " " * first.column).join(lines) + text[first.index :]


def _lines(key: str, value: object) -> list[str]:
    """An entry in block style."""
    if not isinstance(value, dict):
        return [f"{key}: {_written(value)}"]
    below = [line for name, item in value.items() for line in _lines(name, item)]
    return [f"{key}:", *(" " * INDENT + line for line in below)]


def _after_comments(text: str) -> str:
    """A text without content, ready for a line to follow."""
    return text if not text or text.endswith("\n") else f"{text}\n"


def _written(value: object, style: str | None = None) -> str:
    """A value as YAML: a text has the quotes that the old one had, and `off` and `on`, which YAML
    1.1 reads as booleans, some."""
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    quote = style if style in ("'", '"') else '"' if value in (OFF, "on") else ""
    return f"{quote}{value}{quote}"
