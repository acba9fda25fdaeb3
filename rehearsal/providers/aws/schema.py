"""What properties each resource type has, as the AWS SDK declares them.

Read from a file that `generate_schema` writes, because importing the SDK costs
the plugin more time than a whole update without changes.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.providers.properties import UNKNOWN, Asset, ResourceReference, render
from rehearsal.providers.properties import Path as PropertyPath
from rehearsal.providers.protocol import CheckFailure

FILE = Path(__file__).with_name("schema.json")

_ZEROS: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "document": ""}
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class TypeSchema:
    """One resource type: input name → shape, the required ones, output name → shape."""

    inputs: dict[str, Any]
    required: tuple[str, ...]
    outputs: dict[str, Any]


@functools.cache
def schemas() -> dict[str, TypeSchema]:
    """Token → schema."""
    resources = json.loads(FILE.read_text())["resources"]
    return {
        token: TypeSchema(entry["inputs"], tuple(entry["required"]), entry["outputs"])
        for token, entry in resources.items()
    }


def zero(shape: Any) -> Any:
    """What an output of this shape is when AWS has nothing to say; None for an object."""
    if isinstance(shape, str):
        return _ZEROS[shape]
    if "list" in shape:
        return []
    return {} if "map" in shape else None


def is_zero(value: Any) -> bool:
    """Whether a value says nothing: None, False, 0, "" or empty. So the real provider sees it."""
    return value is None or (value is not UNKNOWN and not isinstance(value, ResourceReference) and not value)


def without_nulls(value: Any) -> Any:
    """The value without members that are None."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def coerce(value: Any, shape: Any, path: PropertyPath, failures: list[CheckFailure]) -> Any:
    """The value in the shape that the provider wants, as the real one converts it.

    Numbers and booleans may come as text and the other way round; a document
    may be an object. What does not fit, and every name that the type does not
    have, is added to `failures` with its path.
    """
    if value is UNKNOWN:
        return value
    if isinstance(value, ResourceReference):
        value = value.id
        if value is UNKNOWN:
            return value
    if isinstance(shape, str):
        return _scalar(value, shape, path, failures)
    if "list" in shape:
        if isinstance(value, list):
            return [coerce(item, shape["list"], (*path, i), failures) for i, item in enumerate(value)]
    elif isinstance(value, dict):
        if "map" in shape:
            return {key: coerce(item, shape["map"], (*path, key), failures) for key, item in value.items()}
        return _object(value, shape, path, failures)
    wanted = "a list" if "list" in shape else "an object"
    failures.append(CheckFailure(render(path), f"expected {wanted}, got {_kind(value)}"))
    return value


def _object(value: dict[str, Any], shape: Any, path: PropertyPath, failures: list[CheckFailure]) -> Any:
    fields: dict[str, Any] = shape["inputs"]
    for name in value.keys() - fields.keys():
        failures.append(CheckFailure(render((*path, name)), "this property is not known"))
    for name in shape["required"]:
        if name not in value:
            failures.append(CheckFailure(render((*path, name)), "this property is required"))
    return {
        name: coerce(item, fields[name], (*path, name), failures) if name in fields else item
        for name, item in value.items()
    }


def _scalar(value: Any, shape: str, path: PropertyPath, failures: list[CheckFailure]) -> Any:
    for converted in _conversions(value, shape):
        return converted
    failures.append(CheckFailure(render(path), f"expected a value of type {shape}, got {_kind(value)}"))
    return value


def _conversions(value: Any, shape: str) -> Iterator[Any]:
    """At most one value: the converted one."""
    if shape == "document":
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield json.dumps(value)
    elif shape == "string":
        if isinstance(value, bool):
            yield "true" if value else "false"
        elif isinstance(value, (str, int, float)):
            yield str(value)
    elif shape == "boolean":
        if isinstance(value, bool):
            yield value
        elif isinstance(value, str) and value.lower() in _BOOLEANS:
            yield _BOOLEANS[value.lower()]
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if shape == "number" or isinstance(value, int):
            yield value
    elif isinstance(value, str):
        try:
            yield int(value) if shape == "integer" else float(value)
        except ValueError:
            return


def _kind(value: Any) -> str:
    if isinstance(value, Asset):
        return "an asset"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else type(value).__name__)
