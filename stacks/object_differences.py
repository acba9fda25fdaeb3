"""In what an object that somebody made is not as the lab makes it. Pure: values in, paths of fields out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stacks import pending_operations
from stacks.pending_operations import Json

ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"
_NOTES: Final = ("pulumi.com/", "kubectl.kubernetes.io/")
"""Beginnings of annotations that say nothing of the object: they are for who applies it."""

_DRAWN: Final = ((re.compile(r"kube-api-access-\w{5}"), "kube-api-access"),)
"""What the API server draws by lot."""
_OF_ITSELF: Final = ("apiVersion", "kind", "metadata", "status")


def known(value: Any) -> Any:
    """Inputs without what is known only after others were made, and without the provider's notes about defaults."""
    if isinstance(value, dict):
        return {key: known(item) for key, item in value.items() if key != "__defaults" and not _is_unknown(item)}
    return [known(item) for item in value if not _is_unknown(item)] if isinstance(value, list) else value


def _is_unknown(value: object) -> bool:
    return isinstance(value, str) and pending_operations.UNKNOWN in value


def differences(
    wanted: Mapping[str, Any], live: Mapping[str, Any], would_be: Mapping[str, Any] | None
) -> Iterator[str]:
    """Paths at which an object is not as the lab makes it.

    Args:
        wanted: what the program asks for.
        live: the object as it stands.
        would_be: what the API server would make of `wanted`; None where it would not.
    """
    meta = wanted.get("metadata") or {}
    for key in ("labels", "annotations"):
        asked, there = (_said(each.get(key) or {}) for each in (meta, live["metadata"]))
        for name in {*asked, *({ROLE_ANNOTATION} & there.keys())}:
            if asked.get(name) != there.get(name):
                yield f"metadata.{key}.{name}"
    if would_be is None:
        yield "the API server would not make it so"
        return
    yield from unlike(_settled(would_be), _settled(live))


def _said(annotations: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in annotations.items() if not key.startswith(_NOTES)}


def _settled(resource: Mapping[str, Any]) -> Json:
    """An object without who it is, how it is doing, where it runs and what was drawn by lot."""
    kept = {key: value for key, value in resource.items() if key not in _OF_ITSELF}
    if isinstance(kept.get("spec"), dict):
        kept["spec"] = {key: value for key, value in kept["spec"].items() if key != "nodeName"}
    text = json.dumps(kept)
    for pattern, name in _DRAWN:
        text = pattern.sub(name, text)
    return json.loads(text)


def unlike(wanted: object, there: object, path: str = "") -> Iterator[str]:
    """Paths of the fields in which two differ."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        for key in sorted({*wanted, *there}):
            yield from unlike(wanted.get(key), there.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        for index, pair in enumerate(zip(wanted, there, strict=True)):
            yield from unlike(*pair, f"{path}[{index}]")
    elif wanted != there:
        yield path
