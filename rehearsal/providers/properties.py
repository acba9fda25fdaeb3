"""Resource properties as plain Python values, because the wire form hides what they mean.

The engine sends every property as a protobuf `Struct`, in which secrets,
values that are not known yet, references to resources, and assets are objects
with a signature (Pulumi SDK, sdk/go/common/resource/plugin/rpc.go, 3.259).
The SDK's own `PropertyValue` reads them too, but takes an unknown value for a
string and fails on outputs without a value, so the plugins use this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, final

from google.protobuf import struct_pb2

Properties = dict[str, Any]
"""Values: None, bool, int, float, str, list, dict, Secret, UNKNOWN, ResourceReference, Asset."""

Path = tuple[str | int, ...]
"""Where a value is: property names and list indexes, from the outside in."""

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the wire's mark for a secret, not a secret
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_ASSETS = frozenset({"c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7"})
_UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS = frozenset(
    {
        _UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_EXACT_INTEGERS = 2**53
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@final
class Unknown:
    """The type of `UNKNOWN`: a value that only an update will bring."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Unknown:
        return self


UNKNOWN: Final = Unknown()
"""Compare by `is`: there is only this one."""


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts in its state and hides in its output."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True)
class ResourceReference:
    """A resource handed over as a value. `id` is None for a component, UNKNOWN before its creation."""

    urn: str
    id: str | Unknown | None = None
    package_version: str = ""


@dataclass(frozen=True)
class Asset:
    """An asset or archive, kept as it came: `fields` hold its signature and path, text, uri or assets."""

    fields: Mapping[str, Any]


def decode(struct: struct_pb2.Struct) -> Properties:
    """Properties of a request. Whole numbers come back as int. Raises ValueError on an unknown signature."""
    return {key: _decode(value) for key, value in struct.fields.items()}


def _decode(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= _EXACT_INTEGERS else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind != "struct_value":
        return None
    fields = value.struct_value.fields
    if _SIGNATURE not in fields:
        return {key: _decode(item) for key, item in fields.items()}
    return _decode_signed(fields[_SIGNATURE].string_value, {key: _decode(v) for key, v in fields.items()})


def _decode_signed(signature: str, fields: Properties) -> Any:
    if signature == _SECRET:
        return Secret(_unwrapped(fields.get("value")))
    if signature == _OUTPUT:
        value = fields.get("value", UNKNOWN)
        return Secret(_unwrapped(value)) if fields.get("secret") else value
    if signature == _RESOURCE:
        # A custom resource has an id, empty as long as the resource does not exist; a component has none.
        identity = fields.get("id")
        return ResourceReference(
            fields["urn"],
            UNKNOWN if identity == "" else identity,
            fields.get("packageVersion") or "",
        )
    if signature in _ASSETS:
        return Asset(fields)
    raise ValueError(f"The property signature {signature} is not known. Use the pinned version of Pulumi.")


def _unwrapped(value: Any) -> Any:
    return value.value if isinstance(value, Secret) else value


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties of a response. Raises TypeError, naming the type, for what no property can be."""
    return struct_pb2.Struct(fields={key: _encode(value) for key, value in properties.items()})


def _encode(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, (int, float)):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=_UNKNOWN_STRING)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode(value))
    if isinstance(value, (list, tuple)):
        items = [_encode(item) for item in value]
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
    if isinstance(value, Secret):
        return _encode({_SIGNATURE: _SECRET, "value": value.value})
    if isinstance(value, Asset):
        return _encode(value.fields)
    if isinstance(value, ResourceReference):
        fields: Properties = {_SIGNATURE: _RESOURCE, "urn": value.urn}
        if value.id is not None:
            fields["id"] = "" if value.id is UNKNOWN else value.id
        if value.package_version:
            fields["packageVersion"] = value.package_version
        return _encode(fields)
    raise TypeError(f"A {type(value).__name__} cannot be a property. Return plain values from the handler.")


def plain(value: Any) -> Any:
    """The value without its secret marks, at any depth."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def secret_paths(value: Any, path: Path = ()) -> frozenset[Path]:
    """Paths of every secret in the value; what lies inside a secret is not listed again."""
    if isinstance(value, Secret):
        return frozenset({path})
    children: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, Mapping):
        children = value.items()
    elif isinstance(value, (list, tuple)):
        children = enumerate(value)
    return frozenset(found for key, item in children for found in secret_paths(item, (*path, key)))


def with_secrets(value: Properties, paths: Iterable[Path]) -> Properties:
    """The value with a secret at each path.

    Where the value ends before the path does (a provider flattened or reordered
    it), the deepest part that is there becomes secret: rather too much than too
    little. A path whose first name is missing hides nothing, as nothing is there.
    """
    for path in sorted(paths, key=len):
        if path and path[0] in value:
            value = {**value, str(path[0]): _secret_at(value[str(path[0])], path[1:])}
    return value


def _secret_at(value: Any, path: Path) -> Any:
    if isinstance(value, Secret):
        return value
    if path:
        head = path[0]
        if isinstance(value, Mapping) and head in value:
            return {**value, head: _secret_at(value[head], path[1:])}
        if isinstance(value, list) and isinstance(head, int) and head < len(value):
            return [_secret_at(v, path[1:]) if i == head else v for i, v in enumerate(value)]
    return Secret(plain(value))


def has_unknown(value: Any) -> bool:
    """Whether the value, or any part of it, is not known yet."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, ResourceReference):
        return value.id is UNKNOWN
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    return isinstance(value, (list, tuple)) and any(has_unknown(item) for item in value)


Kind = Literal["add", "delete", "update"]


@dataclass(frozen=True)
class Change:
    """One difference between two sets of properties."""

    path: Path
    kind: Kind
    replace: bool = False
    """Only a new resource can have the new value."""

    @property
    def name(self) -> str:
        """The path as Pulumi writes it: `spec.ports[0].name`, `tags["a b"]`."""
        return render(self.path)


def changes(old: Any, new: Any, path: Path = ()) -> list[Change]:
    """Differences of plain values, leaf by leaf; an unknown new value is a change.

    A key whose value is None counts as missing. Keys that start with two
    underscores are the engine's own and are left out at the top.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found: list[Change] = []
        for key in dict.fromkeys((*old, *new)):
            if not path and key.startswith("__"):
                continue
            found += _child_changes(old.get(key), new.get(key), (*path, key))
        return found
    if isinstance(old, list) and isinstance(new, list):
        found = []
        for index in range(max(len(old), len(new))):
            found += _child_changes(_at(old, index), _at(new, index), (*path, index))
        return found
    same = type(old) is type(new) or {type(old), type(new)} <= {int, float}
    return [] if same and old == new and new is not UNKNOWN else [Change(path, "update")]


def _at(items: Sequence[Any], index: int) -> Any:
    return items[index] if index < len(items) else None


def _child_changes(old: Any, new: Any, path: Path) -> list[Change]:
    if old is None and new is None:
        return []
    if old is None:
        return [Change(path, "add")]
    if new is None:
        return [Change(path, "delete")]
    return changes(old, new, path)


def render(path: Path) -> str:
    """A property path as Pulumi writes it (docs: "Property paths")."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _IDENTIFIER.match(part):
            text += f".{part}" if text else part
        else:
            escaped = part.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text
