"""Names of exercise crypto, which what it makes, what it asks and its own answers have in common."""

from __future__ import annotations

from typing import Final, Literal, get_args

NAMESPACE: Final = "owasp-crypto"
ANSWERS: Final = "answers"
"""The ConfigMap by which answers are handed in: part → answer."""

ACCOUNT: Final = "my-sa"
"""The service account whose token is verified; it has an IAM role, as my-sa in the study note has one."""

MALLORY: Final = "mallory"
"""The service account whose token is changed into one that says my-sa."""

CONFIG_MAPS: Final = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
JWKS: Final = "/openid/v1/jwks"

CERTIFICATES: Final = "certificates"
ENVELOPE: Final = "envelope"
KEY_ID: Final = "key-id"
DISABLED_KEY_ID: Final = "disabled-key-id"
"""Members of the ConfigMap of the part envelope: its two KMS keys."""

CONTEXT: Final = "lab"
"""Key of the encryption context."""

Part = Literal["caesar", "hash", "sigv4", "jwks", "certificate", "envelope"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
