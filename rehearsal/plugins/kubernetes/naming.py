"""Names and annotations that the provider itself reads or writes.

Follows provider/pkg/metadata of pulumi-kubernetes 4.34.2.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, cast

from rehearsal.plugins.properties import UNKNOWN, Properties
from rehearsal.plugins.protocol import Autonaming, CheckFailure, InvalidPropertiesError

AUTONAMED = "pulumi.com/autonamed"
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"
FIELD_MANAGER = "pulumi.com/patchFieldManager"
PATCH_FORCE = "pulumi.com/patchForce"
SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT = "pulumi.com/timeoutSeconds"
WAIT_FOR = "pulumi.com/waitFor"

_HEX_DIGITS = 8


def metadata(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's metadata; empty when there are none, or none known yet."""
    found = properties.get("metadata")
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def annotation(properties: Mapping[str, Any], key: str) -> str:
    """The annotation's value, "" without one."""
    annotations = metadata(properties).get("annotations")
    value = cast("Mapping[str, Any]", annotations).get(key) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else ""


def is_true(properties: Mapping[str, Any], key: str) -> bool:
    """Whether the annotation says "true"."""
    return annotation(properties, key) == "true"


def identity(namespace: str | None, name: str) -> str:
    """The resource's id: "namespace/name", or the name alone outside namespaces."""
    return f"{namespace}/{name}" if namespace else name


def split_identity(identifier: str) -> tuple[str | None, str]:
    """Namespace and name of an id."""
    namespace, separator, name = identifier.rpartition("/")
    return (namespace if separator else None), name


def suffix(seed: bytes, urn: str) -> str:
    """Eight hexadecimal digits: random, but the same within one plan of the engine."""
    if not seed:
        return secrets.token_hex(_HEX_DIGITS // 2)
    return hashlib.sha256(seed + urn.encode()).hexdigest()[:_HEX_DIGITS]


def field_manager() -> str:
    """A new name for the manager of one resource's fields."""
    return f"pulumi-kubernetes-{secrets.token_hex(_HEX_DIGITS // 2)}"


def named(
    inputs: Properties,
    old: Properties | None,
    generated: str,
    rule: Autonaming | None,
) -> Properties:
    """The inputs with a name: their own, that of the last run, or a generated one, which is marked.

    Raises InvalidPropertiesError where no name may be generated.
    """
    meta = inputs.get("metadata")
    if meta is UNKNOWN:
        return inputs
    meta = dict(metadata(inputs))
    if meta.get("name"):
        return inputs
    if meta.get("generateName"):
        raise InvalidPropertiesError(
            [
                CheckFailure(
                    "metadata.generateName",
                    "generateName is not supported in Server-Side Apply mode. Leave it out to get a generated name.",
                )
            ]
        )
    if old is not None and is_true(old, AUTONAMED):
        meta["name"] = metadata(old)["name"]
    else:
        if rule is not None and rule.mode == "disable":
            raise InvalidPropertiesError(
                [CheckFailure("metadata.name", "autonaming is disabled, the field must be set. Give a name.")]
            )
        meta["name"] = rule.proposed if rule is not None and rule.proposed else generated
    annotations = meta.get("annotations")
    if annotations is not UNKNOWN:
        meta["annotations"] = {**(annotations or {}), AUTONAMED: "true"}
    return {**inputs, "metadata": meta}
