"""What the API server says about an object, in the shape that the engine keeps: outputs and inputs.

Outputs are the live object. Inputs are the part of it that the program set:
read from the old inputs where they are known, and else from the object's own
record of who set what, so that an object whose creation was interrupted is
taken up without a difference.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from rehearsal.plugins.kubernetes.api import Object
from rehearsal.plugins.kubernetes.tokens import ObjectKind
from rehearsal.plugins.properties import Properties, Secret

MANAGER = "__fieldManager"
"""Output that keeps the name under which the object's fields are managed, as the real provider does."""
API_VERSION = "__initialApiVersion"

_SET_BY_SERVER = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_DASHED = "x-kubernetes-"
_UNDERSCORED = "x_kubernetes_"


def manifest(kind: ObjectKind, inputs: Properties) -> Object:
    """The object to send: no nulls, the names of the API, and a kind without a patch's suffix."""
    body = cast("Object", _without_nulls(_renamed(inputs, _UNDERSCORED, _DASHED, "_", "-")))
    meta = {key: value for key, value in body.get("metadata", {}).items() if key not in _SET_BY_SERVER}
    return {**body, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta}


def outputs(live: Object, manager: str, api_version: str) -> Properties:
    """The live object without its record of managers, and what the provider keeps beside it."""
    meta = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    shown = cast("Properties", _renamed({**live, "metadata": meta}, _DASHED, _UNDERSCORED, "-", "_"))
    return {**secret_data(shown), MANAGER: manager, API_VERSION: api_version}


def secret_data(properties: Properties) -> Properties:
    """The properties; what a Secret holds is marked as secret, whoever set it."""
    if properties.get("kind") != "Secret" or properties.get("apiVersion") != "v1":
        return properties
    held = ("data", "stringData")
    return {key: Secret(value) if key in held else value for key, value in properties.items()}


def inputs_like(live: Object, old: Properties) -> Properties:
    """The live values of what the old inputs set. A value written differently (1000m, 1) counts as the same."""
    shown = cast("Properties", _renamed(live, _DASHED, _UNDERSCORED, "-", "_"))
    return cast("Properties", _like({**shown, **_string_data(live, old)}, old))


def _string_data(live: Object, old: Properties) -> Properties:
    """What the API server made of a Secret's `stringData`: it only keeps `data`."""
    strings, data = old.get("stringData"), live.get("data")
    if live.get("kind") != "Secret" or not isinstance(strings, dict) or not isinstance(data, dict):
        return {}
    held = cast("dict[str, str]", data)
    return {"stringData": {key: _text(held[key]) for key in cast("dict[str, str]", strings) if key in held}}


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode(errors="replace")


def inputs_of_manager(live: Object) -> tuple[Properties, str]:
    """The inputs of an object that no state knows, and their manager ("" when it was not this provider)."""
    for entry in live["metadata"].get("managedFields") or []:
        if entry.get("operation") == "Apply" and str(entry.get("manager")).startswith("pulumi-kubernetes-"):
            fields = cast("Mapping[str, Any]", entry.get("fieldsV1") or {})
            owned = cast("Object", _owned(live, fields))
            meta = {**owned.get("metadata", {}), **_identity(live)}
            found = {**owned, "apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": meta}
            return cast("Properties", _renamed(found, _DASHED, _UNDERSCORED, "-", "_")), entry["manager"]
    meta = {key: value for key, value in live["metadata"].items() if key not in _SET_BY_SERVER}
    rest = {key: value for key, value in live.items() if key != "status"}
    return cast("Properties", _renamed({**rest, "metadata": meta}, _DASHED, _UNDERSCORED, "-", "_")), ""


def _identity(live: Object) -> Object:
    return {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]}


def _owned(value: Any, fields: Mapping[str, Any]) -> Any:
    """The part of the value that a `fieldsV1` names (structured-merge-diff's form: f: field, k: key, v: value)."""
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        names = [name[2:] for name in fields if name.startswith("f:") and name[2:] in known]
        if not names:
            return {} if fields else known
        return {name: _owned(known[name], fields[f"f:{name}"]) for name in names}
    if isinstance(value, list):
        items: list[Any] = []
        for item in cast("list[Any]", value):
            found = _fields_of(item, fields)
            if found is not None:
                items.append(_owned(item, found))
        return items or cast("list[Any]", value)
    return value


def _fields_of(item: Any, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for name, below in fields.items():
        if name.startswith("v:") and json.loads(name[2:]) == item:
            return {}
        if name.startswith("k:") and isinstance(item, dict):
            key = cast("dict[str, Any]", json.loads(name[2:]))
            known = cast("dict[str, Any]", item)
            if all(known.get(part) == wanted for part, wanted in key.items()):
                return cast("Mapping[str, Any]", below)
    return None


def _like(live: Any, old: Any) -> Any:
    if isinstance(live, dict) and isinstance(old, dict):
        now = cast("dict[str, Any]", live)
        return {key: _like(now[key], value) for key, value in cast("dict[str, Any]", old).items() if key in now}
    if isinstance(live, list) and isinstance(old, list):
        before = cast("list[Any]", old)
        return [
            _like(item, before[index]) if index < len(before) else item
            for index, item in enumerate(cast("list[Any]", live))
        ]
    return old if _same_quantity(live, old) else live


_UNITS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}


def _same_quantity(one: Any, other: Any) -> bool:
    first, second = _quantity(one), _quantity(other)
    return first is not None and first == second


def _quantity(value: Any) -> Decimal | None:
    """The value as Kubernetes reads quantities ("500m", "1Gi", 2); None when it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value)
    digits = text.rstrip("numkKMGTPEi")
    unit = _UNITS.get(text[len(digits) :])
    if unit is None or not digits.replace(".", "", 1).removeprefix("-").isdigit():
        return None
    return Decimal(digits) * unit


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        return {key: _without_nulls(item) for key, item in known.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in cast("list[Any]", value)]
    return value


def _renamed(value: Any, prefix: str, instead: str, old: str, new: str) -> Any:
    """The value with other names for the `x-kubernetes-…` fields of CRDs, which no SDK can spell."""
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        return {
            (instead + key.removeprefix(prefix).replace(old, new)) if key.startswith(prefix) else key: _renamed(
                item, prefix, instead, old, new
            )
            for key, item in known.items()
        }
    if isinstance(value, list):
        return [_renamed(item, prefix, instead, old, new) for item in cast("list[Any]", value)]
    return value
