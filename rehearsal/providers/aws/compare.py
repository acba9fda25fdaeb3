"""When two values of a property mean the same to AWS, and what differs when they do not.

The real provider compares what the program says with what AWS has, and knows
that policies are data and not text, that some lists have no order, that what a
program leaves out may be AWS's choice. So must the stand-in, or it would show
changes that AWS would not make, or hide those that it would.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.providers.aws.schema import is_zero
from rehearsal.providers.properties import UNKNOWN, Change, Path, changes, has_unknown


@dataclass(frozen=True)
class Input:
    """What is to be known about an input beside its type."""

    replace: bool = False
    """A change needs a new resource (ForceNew in the provider's schema)."""
    default: Any = None
    """What the provider takes when the program says nothing."""
    computed: bool = False
    """AWS chooses when the program says nothing, and leaving it out later changes nothing."""
    unordered: bool = False
    """A set: its order means nothing."""
    document: bool = False
    """JSON text, compared as data."""
    unread: bool = False
    """AWS does not tell it, or it is the provider's own switch; the program's word stands."""
    partial: bool = False
    """An object whose members are AWS's choice where the program leaves them out."""
    member_defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of an object's members: what the provider takes when the program leaves one out."""
    sets: frozenset[str] = frozenset()
    """Of an object's members: lists whose order means nothing."""
    plays: frozenset[str] | None = None
    """Of an object's members (of a list's objects too), by dotted path: those that are played. None: all."""
    replace_members: frozenset[str] = frozenset()
    """Members of an object whose change needs a new resource."""


def unplayed(value: Any, plays: frozenset[str], path: Path, under: str = "") -> list[Path]:
    """Paths of members that the value has and the stand-in does not play."""
    if isinstance(value, list):
        return [found for i, item in enumerate(value) for found in unplayed(item, plays, (*path, i), under)]
    found: list[Path] = []
    if isinstance(value, dict):
        for key, item in value.items():
            name = f"{under}{key}"
            if name not in plays:
                found.append((*path, key))
            elif any(known.startswith(f"{name}.") for known in plays):
                found += unplayed(item, plays, (*path, key), f"{name}.")
    return found


def normal(value: Any, spec: Input) -> Any:
    """The value in a form in which equal meanings are equal values."""
    if value is UNKNOWN or value is None:
        return value
    if spec.document and isinstance(value, str) and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    if spec.unordered and isinstance(value, list):
        return sorted(value, key=_order)
    if isinstance(value, dict):
        members = {**spec.member_defaults, **value}
        return {
            key: sorted(v, key=_order) if key in spec.sets and isinstance(v, list) else v for key, v in members.items()
        }
    return value


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def same(was: Any, now: Any, spec: Input) -> bool:
    """Whether a known value that AWS reports means what the program said (`was`)."""
    return not differences(now, was, spec, ())


def differences(was: Any, now: Any, spec: Input, path: Path) -> list[Change]:
    """Changes from the old value to the new one, neither of them None."""
    if spec.unordered and isinstance(was, list) and isinstance(now, list) and not has_unknown(now):
        return _set_changes(was, now, path)
    was, now = normal(was, spec), normal(now, spec)
    if spec.document and not (was is UNKNOWN or now is UNKNOWN):
        return [] if was == now else [Change(path, "update")]
    was, now = _aligned(was, now, spec.partial)
    return changes(was, now, path) if path else changes([was], [now])


def _set_changes(was: list[Any], now: list[Any], path: Path) -> list[Change]:
    old = {_order(item): index for index, item in enumerate(was)}
    new = {_order(item): index for index, item in enumerate(now)}
    deleted = {old[key] for key in old.keys() - new.keys()}
    added = {new[key] for key in new.keys() - old.keys()}
    return (
        [Change((*path, index), "update") for index in sorted(deleted & added)]
        + [Change((*path, index), "delete") for index in sorted(deleted - added)]
        + [Change((*path, index), "add") for index in sorted(added - deleted)]
    )


def _aligned(was: Any, now: Any, partial: bool) -> tuple[Any, Any]:
    """Both values without the members that only one of them has and that say nothing."""
    if isinstance(was, dict) and isinstance(now, dict):
        old: dict[str, Any] = {}
        new: dict[str, Any] = {}
        for key in dict.fromkeys((*was, *now)):
            a, b = was.get(key), now.get(key)
            if key not in now and (partial or is_zero(a)):
                continue
            if key not in was and is_zero(b):
                continue
            old[key], new[key] = _aligned(a, b, partial)
        return old, new
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = [_aligned(a, b, partial) for a, b in zip(was, now, strict=True)]
        return [a for a, _ in pairs], [b for _, b in pairs]
    return was, now


def projected(value: Any, onto: Any) -> Any:
    """What AWS reports, cut down to the members that the program gave (`onto`)."""
    if isinstance(value, dict) and isinstance(onto, dict):
        return {key: projected(item, onto[key]) for key, item in value.items() if key in onto}
    if isinstance(value, list) and isinstance(onto, list) and len(value) == len(onto):
        return [projected(a, b) for a, b in zip(value, onto, strict=True)]
    return value
