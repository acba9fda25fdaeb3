"""Names of exercise K08, which what it makes and what it asks have in common."""

from __future__ import annotations

from typing import Final

NAMESPACE: Final = "owasp-k08"
SHOP: Final = "shop"
"""The Deployment, and its service account."""

VALUE: Final = "not-a-real-secret-of-the-shop"
"""The key: invented, the same in the Secret and at AWS."""


def at_aws(cluster: str) -> str:
    """Name of the secret in Secrets Manager, as the lab calls it: names count in the whole account."""
    return f"{cluster}-{NAMESPACE}-payment"
