"""A report's file: a page with its data and its signature in it, or these two alone as JSON.

Data and signature stand in script elements of a type that no browser runs. The page around them is signed as it stands,
with the two emptied.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from stacks.report import signing
from stacks.report.signing import Signature

LARGEST: Final = 20_000_000
"""Bytes of a file that is read; a report has less than one million."""

DATA: Final = "report-data"
SIGNATURE: Final = "report-signature"
_BEGIN: Final = '<script type="application/json" id="{}">'
_END: Final = "</script>"

Draw = Callable[[Mapping[str, Any], str, str], str]
"""Draws a page of data, their digest and the id of the key, with both blocks empty."""


class NoReport(ValueError):
    """A file is no report; the text says why, in a clause."""


@dataclass(frozen=True)
class Document:
    """What a file holds."""

    data: Mapping[str, Any]
    signature: Signature
    page: str
    """The page with both blocks empty; empty where the file is JSON."""


def block(name: str, value: Any = None) -> str:
    """An element that holds a plain value, and nothing that ends it early; without a value an empty one."""
    told = "" if value is None else json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        told = told.replace(sign, f"\\u{ord(sign):04x}")
    return f"{_BEGIN.format(name)}{told}{_END}"


def page_digest(page: str) -> str:
    """SHA-256 of a page, the same on machines with other line ends."""
    return hashlib.sha256(page.replace("\r\n", "\n").encode(errors="surrogatepass")).hexdigest()


def as_page(data: Mapping[str, Any], key: Ed25519PrivateKey, draw: Draw) -> str:
    """The file of a report: HTML."""
    page = draw(data, signing.digest(data), signing.key_id(signing.public(key)))
    signature = signing.signed(data, page_digest(page), key)
    # The page's own texts are escaped, so that each mark stands in it once.
    filled = page.replace(block(DATA), block(DATA, data), 1)
    return filled.replace(block(SIGNATURE), block(SIGNATURE, signature.model_dump()), 1)


def as_json(data: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The same without a page, for programs: `data` and `signature`."""
    return {"data": dict(data), "signature": signing.signed(data, "", key).model_dump()}


def read(file: Path) -> Document:
    """What a file holds; raises NoReport, and OSError for one that cannot be read."""
    if file.stat().st_size > LARGEST:
        raise NoReport(f"it is larger than {LARGEST // 1_000_000} MB")
    try:
        return parsed(file.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NoReport("it is no UTF-8 text") from error


def parsed(text: str) -> Document:
    """What a file's text holds; raises NoReport."""
    if text.lstrip().startswith("{"):
        told = _plain(text)
        if not isinstance(told.get("data"), dict) or "signature" not in told:
            raise NoReport("it is JSON, but no report of a lab")
        return Document(told["data"], _signature(told["signature"]), "")
    data, page = _taken(text, DATA)
    signature, page = _taken(page, SIGNATURE)
    return Document(_plain(data), _signature(_plain(signature)), page)


def _taken(text: str, name: str) -> tuple[str, str]:
    """The content of a block, and the text with the block empty."""
    found = list(re.finditer(f"{re.escape(_BEGIN.format(name))}([^<]*){_END}", text))
    if len(found) != 1:
        raise NoReport(f"it has {'no' if not found else 'more than one'} block {name} as a report of a lab has it")
    return found[0][1], text[: found[0].start(1)] + text[found[0].end(1) :]


def _signature(told: Any) -> Signature:
    try:
        return Signature.model_validate(told)
    except ValidationError as error:
        raise NoReport("its signature has another form") from error


def _plain(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text, object_pairs_hook=_once)
        # What can be read can also be written to be verified, with what goes around it there; no infinity can.
        signing.canonical([[[[told]]]])
    except (ValueError, RecursionError) as error:
        raise NoReport("what it holds is no JSON") from error
    if not isinstance(told, dict):
        raise NoReport("what it holds is no object")
    return told


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Programs differ in which of two members with one name they take."""
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("a member twice")
    return told
