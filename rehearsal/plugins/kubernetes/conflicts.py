"""Two managers of one field: who gives way, and what the user is told.

Follows provider/pkg/await/await.go of pulumi-kubernetes 4.34.2, which takes over
what `kubectl apply` set and gives way to everybody else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rehearsal.plugins.kubernetes.api import ApiError, Object
from rehearsal.plugins.kubernetes.naming import PATCH_FORCE, is_true
from rehearsal.plugins.kubernetes.tokens import ObjectKind
from rehearsal.plugins.protocol import Context, ProviderError

if TYPE_CHECKING:
    from rehearsal.plugins.kubernetes.client import Client

_CONFLICT = 409
_MANAGER = re.compile(r'conflict with "(?P<manager>[^"]*)"')
_TAKEN_OVER = frozenset({"kubectl", "before-first-apply"})


class FieldConflictError(ProviderError):
    """Somebody else manages a field that the program sets."""


def apply(
    client: Client,
    kind: ObjectKind,
    obj: Object,
    manager: str,
    ctx: Context,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> Object:
    """Server-side apply. Raises FieldConflictError with what to do, or what the client raises."""
    force = force or is_true(obj, PATCH_FORCE)
    try:
        return client.apply(kind, obj, manager, ctx, force=force, dry_run=dry_run)
    except ApiError as error:
        managers = _managers(error.causes)
        if error.status != _CONFLICT or not managers:
            raise
        if managers <= _TAKEN_OVER:
            return client.apply(kind, obj, manager, ctx, force=True, dry_run=dry_run)
        raise FieldConflictError(
            f'The resource managed by field manager "{manager}" had an apply conflict: {error}. '
            f'Leave these fields to the other manager, or set the annotation {PATCH_FORCE} to "true" on the '
            "object to take them over."
        ) from error


def _managers(causes: list[Mapping[str, Any]]) -> set[str]:
    found: set[str] = set()
    for cause in causes:
        if cause.get("reason") == "FieldManagerConflict":
            match = _MANAGER.search(str(cause.get("message")))
            found.add(match["manager"] if match else "")
    return found
