"""Signs a report with a key of the lab, part by part, so that a change is found and its place can be named.

What a signature proves: this file is as the holder of this key signed it. The key is on the learner's machine, and so
is the lab: whoever owns the machine can make the lab write what they like, or sign with any key. Who wants to know more
compares the ids of keys from report to report, or runs the check themself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import BaseModel, ConfigDict

from stacks import progress
from stacks.errors import Failure

_KEY_ID: Final = 16
"""Digits of a key's id: enough to tell thirty learners apart at a glance, and one who looks for an equal one tires."""


class Signature(BaseModel):
    """What stands in a report beside its data; bytes as base64, digests in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key: str
    """Public key, Ed25519."""

    digest: str
    """SHA-256 of the data, in their canonical form."""

    page: str
    """SHA-256 of the page without data and signature; empty for a report without a page."""

    parts: dict[str, str]
    """Part of the data → its signature."""

    signature: str
    """Of digest and page together."""

    @property
    def key_id(self) -> str:
        """What people compare."""
        return key_id(self.key)


def canonical(value: Any) -> bytes:
    """The one way in which a plain value is written to be signed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(value: Any) -> str:
    """SHA-256 of a plain value."""
    return hashlib.sha256(canonical(value)).hexdigest()


def key_id(key: str) -> str:
    """Of a public key in base64."""
    return hashlib.sha256(key.encode()).hexdigest()[:_KEY_ID]


def parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Name of a part → its value; takes any plain values, as somebody may have changed them."""
    found: dict[str, Any] = {}
    for path, value in _parts(data):
        # Somebody may have written a row twice.
        number = 1
        while (name := path if number == 1 else f"{path} ({number})") in found:
            number += 1
        found[name] = value
    return found


def _parts(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        listed = value if isinstance(value, list) and all(isinstance(each, dict) for each in value) else None
        if key == "progress" and listed is not None:
            for each in listed:
                yield f"progress {each.get('exercise')}", each
        elif key == "exercises" and listed is not None:
            for each in listed:
                yield from _exercise(each)
        elif key != "id":  # It is in every signature.
            yield key, value


def _exercise(told: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    rows = told.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        yield f"exercise {told.get('exercise')}", told
        return
    yield f"exercise {told.get('exercise')}", {key: value for key, value in told.items() if key != "rows"}
    for row in rows:
        # Its exercise is a part of what is said of it.
        yield f"row {row.get('name')}", {"exercise": told.get("exercise"), **row}


def signed(data: Mapping[str, Any], page: str, key: Ed25519PrivateKey) -> Signature:
    """The signature of a report; `page` is the digest of its page, empty where there is none."""

    def sign(message: bytes) -> str:
        return base64.b64encode(key.sign(message)).decode()

    whole = digest(data)
    return Signature(
        key=public(key),
        digest=whole,
        page=page,
        parts={name: sign(_message(data.get("id"), name, value)) for name, value in parts(data).items()},
        signature=sign(_whole(whole, page)),
    )


def holds(signature: Signature) -> bool:
    """Whether digest and page's digest are what the key signed."""
    return _verifies(signature.key, signature.signature, _whole(signature.digest, signature.page))


def part_holds(signature: Signature, report: Any, name: str, value: Any) -> bool:
    """Whether a part of the report with this id is as the key signed it."""
    return _verifies(signature.key, signature.parts.get(name, ""), _message(report, name, value))


def _whole(whole: str, page: str) -> bytes:
    return canonical(["lab report", whole, page])


def _message(report: Any, name: str, value: Any) -> bytes:
    return canonical(["lab report part", report, name, value])


def _verifies(key: str, signature: str, message: bytes) -> bool:
    try:
        of = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        of.verify(base64.b64decode(signature, validate=True), message)
    except (ValueError, InvalidSignature):
        return False
    return True


def public(key: Ed25519PrivateKey) -> str:
    """Its public key in base64."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def key_file(stack: str) -> Path:
    """Beside the progress of the stack; like that it outlives the lab."""
    kept = progress.file(stack)
    return kept.with_name(kept.name.replace("progress.json", "report-key.pem"))


def own_key(stack: str) -> Ed25519PrivateKey:
    """The stack's key, made at the first use; its file is the user's alone. Raises Failure where it cannot be read."""
    file = key_file(stack)
    if not file.exists():
        _make(file)
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Failure(f"{file} holds no key for reports. Move it away: the next report makes a new key, with a new id.")
    return key


def _make(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(pem)
        # Whoever makes one at the same time and comes first, that one's counts.
        with suppress(FileExistsError):
            os.link(name, file)
    finally:
        Path(name).unlink()
