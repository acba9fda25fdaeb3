"""The settings of one emulator, and the secrets that it makes for itself.

Kept apart from the server so that every part can be built in a test with
settings of its own.
"""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ACCOUNT_ID: Final = "111122223333"
"""The account that the rehearsal plays: the one that AWS's own documentation uses for examples."""

OPERATOR: Final = "operator"
"""The IAM user that works in the lab; AdministratorAccess is attached to it."""

BUCKET: Final = f"amzn-s3-demo-bucket-{ACCOUNT_ID}"
"""A bucket that is there from the start, so that who may list buckets sees one; named as in AWS's documentation."""


@dataclass(frozen=True)
class Settings:
    """One emulator's place and secrets."""

    dir: Path
    """The world's directory; only its owner may read it."""
    region: str
    bin_dir: Path
    """Holds etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok."""
    port: int
    """TCP port on 127.0.0.1."""
    account_id: str = ACCOUNT_ID
    world_id: str = field(default_factory=lambda: secrets.token_hex(8))
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """Bearer token of the emulator's own routes (status, shutdown)."""

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`, the value of the Host header that clients send."""
        return f"127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        """The endpoint URL for every AWS service."""
        return f"http://{self.host}"
