"""Reads Pulumi.yaml and Pulumi.<stack>.yaml as the engine reads them, or refuses them with the line.

The engine reads YAML by Go's yaml.v3 (`yes`, `no`, `on` and `off` are text there, a key that stands twice is an error)
and gives a key without a namespace the project's (pulumi 3.259: sdk/go/common/workspace, loaders.go and project.go;
sdk/go/common/resource/config, key.go). Whoever reads the same file by other rules works on another stack than the
engine does. What the engine reads in a way that nobody can mean (dates, special tags) is refused.
"""

import json
import re
from collections.abc import Hashable, Mapping
from typing import Any, Final, cast

import yaml
from yaml import MappingNode, Node, ScalarNode

_TAG: Final = "tag:yaml.org,2002:"
_WORDS: Final[Mapping[str, tuple[str, object]]] = {
    **dict.fromkeys(("true", "True", "TRUE"), ("bool", True)),
    **dict.fromkeys(("false", "False", "FALSE"), ("bool", False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), ("null", None)),
    "<<": ("merge", "<<"),
}
_INTEGER: Final = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}.*)?")
_KNOWN_TAGS: Final = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "merge", "seq", "map"))
_EXACT: Final = 1 << 53
"""The largest number whose digits all arrive: the engine hands numbers on as JSON."""


class Refused(Exception):
    """A file that cannot be read as the engine reads it: what is wrong with its name and line, then what to do."""


def stack_settings(text: str, name: str, project: str) -> dict[str, Any]:
    """A stack's file as plain values, each key below `config` with its namespace; raises Refused.

    Args:
        text: what Pulumi.<stack>.yaml holds.
        name: the file's, for messages.
        project: the project's name, the namespace of keys that have none.
    """
    node, found = _read(text, name)
    settings: Any = found or {}
    config: Any = (settings.get("config") or {}) if isinstance(settings, dict) else None
    if node is None or not isinstance(settings, dict) or not isinstance(config, dict):
        if found is None:
            return {}
        raise Refused(f"{name} has no mapping under config:. Write the settings as in Pulumi.dev.yaml.")
    if settings.get("environment"):
        line = _line(node, "environment")
        raise Refused(
            f"{name}, line {line}: environment: takes settings from Pulumi Cloud, which are not in this file. "
            "Remove it, and write the settings below config:."
        )
    below = _value(node, "config")
    full: dict[str, Any] = {}
    for key, value in cast("dict[str, Any]", config).items():
        meant = full_key(key, project)
        line = _line(below, key)
        if meant is None:
            raise Refused(f"{name}, line {line}: {key} is no key of a setting. Write NAMESPACE:NAME, as aws:region.")
        if meant in full:
            raise Refused(f"{name}, line {line}: {meant} is set twice, here as {key}. Remove one of the two.")
        # The engine takes nothing for the empty text, at this level alone.
        full[meant] = "" if value is None else value
    return {**settings, "config": full} if "config" in settings else settings


def project_settings(text: str, name: str) -> dict[str, Any]:
    """Pulumi.yaml as plain values; raises Refused."""
    _, found = _read(text, name)
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        raise Refused(f"{name} names no project. Restore it from the repository.")
    return found


def defaults(project: Mapping[str, Any]) -> dict[str, Any]:
    """What Pulumi.yaml says of settings that a stack leaves out: key with its namespace → value."""
    found: dict[str, Any] = {}
    for key, entry in (project.get("config") or {}).items():
        meant = full_key(key, str(project["name"]))
        if meant is None:
            continue
        if not isinstance(entry, dict):
            found[meant] = entry
        else:
            for word in ("default", "value"):
                if word in entry:
                    found[meant] = entry[word]
    return found


def full_key(key: str, project: str) -> str | None:
    """A setting's key with its namespace: clusterName → myeks:clusterName; None for what is no key."""
    if ":" not in key:
        return f"{project}:{key}"
    parts = key.split(":")
    if len(parts) == 3 and parts[1] == "config":
        return f"{parts[0]}:{parts[2]}"
    return key if len(parts) == 2 else None


def written(settings: Mapping[str, Any]) -> str:
    """Settings as YAML that reads the same by every rule: all text stands in quotes."""
    return yaml.dump(dict(settings), Dumper=_Quoting, width=1_000_000)


def _read(text: str, name: str) -> tuple[Node | None, Any]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        found = None if node is None else loader.construct_document(node)
        # Anchors become values of their own, and one that holds itself is found.
        return node, json.loads(json.dumps(found))
    except _Unclear as error:
        raise Refused(f"{name}, line {error.line}: {error}") from error
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        where = f", line {at.line + 1}" if at else ""
        said = error.problem or error.context or "it cannot be read"
        remedy = "Put spaces in its place." if "'\\t'" in said else "Fix it there."
        raise Refused(f"{name}{where}: {said[0].upper()}{said[1:]}. {remedy}") from error
    except yaml.YAMLError as error:
        raise Refused(f"{name} is not YAML: {' '.join(str(error).split())}. Fix it there.") from error
    except (ValueError, RecursionError) as error:
        raise Refused(f"{name} has a value that holds itself. Write it without the anchor.") from error
    finally:
        loader.dispose()


def _value(node: Node | None, key: str) -> Node | None:
    """A mapping's value at a key."""
    pairs: list[tuple[Node, Node]] = node.value if isinstance(node, MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _line(node: Node | None, key: str) -> int:
    """The line of a mapping's key, the first being 1; its beginning where the key comes from elsewhere."""
    pairs: list[tuple[Node, Node]] = node.value if isinstance(node, MappingNode) else []
    found = next((name for name, _ in pairs if name.value == key), node)
    return found.start_mark.line + 1 if found else 1


class _Unclear(Exception):
    """What the engine refuses or reads as nobody means it."""

    def __init__(self, line: int, told: str) -> None:
        self.line = line
        super().__init__(told)


class _Loader(yaml.SafeLoader):
    """yaml.v3's reading of plain values (resolve.go) and of keys (decode.go, uniqueKeys)."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        if kind is ScalarNode:
            return _TAG + (_resolved(value)[0] if implicit[0] else "str")
        return super().resolve(kind, value, implicit)

    def construct_object(self, node: Node, deep: bool = False) -> Any:  # the base class's
        if node.tag not in _KNOWN_TAGS:
            word = node.tag.removeprefix(_TAG)
            if word == "timestamp":
                _refuse(node, "a date is read as a moment", "Put it in quotes")
            _refuse(node, f"the tag {word} is not known", "Write it without the tag")
        return super().construct_object(node, deep=deep)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.tag not in (_TAG + "str", _TAG + "merge"):
                _refuse(key, f"the key {getattr(key, 'value', '')} is not text", "Put it in quotes")
            if key.value in first:
                _refuse(key, f"{key.value} stands in line {first[key.value]} already", "Remove one of the two")
            first[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep=deep)

    def scalar(self, node: ScalarNode) -> object:
        """A number, a truth or nothing, by its tag."""
        tag, value = _resolved(node.value)
        wanted = node.tag.removeprefix(_TAG)
        if wanted == "float" and tag == "int":
            return float(cast("int", value))
        if wanted != tag:
            _refuse(node, f"{node.value} is no {wanted}", "Write it without the tag")
        if isinstance(value, str) or (isinstance(value, (int, float)) and abs(value) > _EXACT):
            _refuse(node, f"the engine does not keep the number {node.value} as it is", "Put it in quotes")
        return value


for _name in ("int", "float", "bool", "null"):
    _Loader.add_constructor(_TAG + _name, _Loader.scalar)


def _resolved(text: str) -> tuple[str, object]:
    """The type of a plain value and the value; a number that is not finite, a date and text stay as they are."""
    if text in _WORDS:
        return _WORDS[text]
    if _SPECIAL.fullmatch(text):
        return "float", text
    if _DATE.fullmatch(text):
        return "timestamp", text
    if not text or text[0] not in "+-.0123456789":
        return "str", text
    plain = text if text[0] == "." else text.replace("_", "")
    if found := _INTEGER.fullmatch(plain):
        sign, *digits = found.groups()
        base, number = next((base, d) for base, d in zip((16, 2, 8, 10), digits, strict=True) if d is not None)
        return "int", int(sign + number, base)
    return ("float", float(plain)) if _FLOAT.fullmatch(plain) else ("str", text)


def _refuse(node: Node, what: str, remedy: str) -> None:
    raise _Unclear(node.start_mark.line + 1, f"{what[0].upper()}{what[1:]}. {remedy}.")


class _Quoting(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar(f"{_TAG}str", text, style='"'))
