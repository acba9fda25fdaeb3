"""The tokens that the exercises are about, made and taken apart in this process.

An EKS token is a presigned request to STS. `aws eks get-token` makes one too, but takes a second of a process for
each, and cannot make one that is already old. What is signed is told by the EKS authenticator (aws-iam-authenticator,
README, "API Authorization from Outside a Cluster", seen 2026-11).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from botocore.auth import SIGV4_TIMESTAMP, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from typing_extensions import override

PREFIX: Final = "k8s-aws-v1."
CLUSTER_HEADER: Final = "x-k8s-aws-id"
SECONDS: Final = 60
"""X-Amz-Expires, as `aws eks get-token` writes it. EKS takes a token for 15 minutes after its date all the same."""


class Key(Protocol):
    """An access key of an IAM user or of a session."""

    @property
    def access_key_id(self) -> str:
        """AKIA… or ASIA…"""
        ...

    @property
    def secret_access_key(self) -> str:
        """Its secret."""
        ...


@dataclass(frozen=True)
class SessionKey:
    """A key with the session token that goes with it, if it is a session's."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


@dataclass(frozen=True)
class Presigned:
    """A request to STS that whoever has its URL can make."""

    url: str
    string_to_sign: str
    signature: str
    """64 hex digits."""


class _Dated(SigV4QueryAuth):
    """Signs as of a given moment; botocore's own always signs as of now."""

    def __init__(self, credentials: Credentials, region: str, when: datetime) -> None:
        super().__init__(credentials, "sts", region, expires=SECONDS)
        self._when = when

    @override
    def add_auth(self, request: AWSRequest) -> None:
        self.sign(request)

    def sign(self, request: AWSRequest) -> Presigned:
        """Add the signature to the request's URL."""
        request.context["timestamp"] = self._when.astimezone(UTC).strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        string_to_sign = self.string_to_sign(request, self.canonical_request(request))
        signature = str(self.signature(string_to_sign, request))
        self._inject_signature_to_request(request, signature)
        return Presigned(str(request.url), string_to_sign, signature)


def for_cluster(key: Key, cluster: str, *, region: str, sts: str, when: datetime | None = None) -> str:
    """A bearer token for an EKS cluster.

    Args:
        key: whose token it is.
        cluster: the cluster's name.
        region: AWS region whose STS is asked.
        sts: URL of that STS, without a path.
        when: the moment of signing; now when None.
    """
    return of_url(presigned(key, cluster, region=region, sts=sts, when=when).url)


def presigned(key: Key, cluster: str, *, region: str, sts: str, when: datetime | None = None) -> Presigned:
    """The request that is in such a token; arguments as of `for_cluster`."""
    credentials = Credentials(key.access_key_id, key.secret_access_key, getattr(key, "session_token", None))
    request = AWSRequest(
        method="GET",
        url=f"{sts.rstrip('/')}/?Action=GetCallerIdentity&Version=2011-06-15",
        headers={CLUSTER_HEADER: cluster},
    )
    return _Dated(credentials, region, when or datetime.now(UTC)).sign(request)


def of_url(url: str) -> str:
    """The token that holds this URL."""
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def claims(token: str) -> dict[str, Any]:
    """What a service account's token says, not verified. Raises ValueError for what is no JWT."""
    try:
        _, payload, _ = token.strip().split(".")
        found: Any = json.loads(_decoded(payload))
    except ValueError as error:
        raise ValueError("that is no token") from error
    if not isinstance(found, dict):
        raise ValueError("that is no token")
    # Kubernetes writes a list also for one audience; a text means the same.
    return {**found, "aud": [aud] if isinstance(aud := found.get("aud"), str) else aud}


def signed_anew(token: str) -> str:
    """The same token, signed with a key that nobody knows. Raises ValueError for what is no JWT."""
    claims(token)
    said, _, _ = token.strip().rpartition(".")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signature = key.sign(said.encode(), padding.PKCS1v15(), SHA256())
    return f"{said}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
