"""Exercise crypto answered wrongly: by nothing, by another lab's answer, and by what has no right form."""

from __future__ import annotations

from typing import Final

from exercises.crypto.names import ACCOUNT, CONFIG_MAPS, ENVELOPE, MALLORY, NAMESPACE
from exercises.crypto.names import ANSWERS as NAME

ANSWERS: Final = f"{CONFIG_MAPS}/{NAME}"
_DIGEST: Final = "0" * 64

WRONG: Final = (
    ("caesar", ""),
    ("caesar", "dumapuba"),
    ("hash", "orders"),
    ("hash", _DIGEST),
    ("sigv4", _DIGEST),
    ("jwks", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
    ("certificate", _DIGEST),
    ("envelope", "KEY.IV.DATA"),
    ("envelope", f"AAAA.{'0' * 32}.AAAA"),
)
"""Part and answer."""

_ACCOUNTS: Final = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
STAY: Final = (ANSWERS, f"{CONFIG_MAPS}/{ENVELOPE}", f"{_ACCOUNTS}/{MALLORY}", f"{_ACCOUNTS}/{ACCOUNT}")
"""Objects whose deletion costs everything."""
