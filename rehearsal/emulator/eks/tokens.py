"""Service-account tokens as those outside a cluster see them: a JWT, and the keys that the cluster publishes.

STS and EKS Auth both take such a token for a pod's word. Each has its own words
for what is wrong with one, so a refusal here says what it is, and the two
translate it.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import jwt

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.emulator.eks.state import Cluster, Clusters

JWKS: Final = "/openid/v1/jwks"
ALGORITHM: Final = "RS256"
"""What EKS's clusters sign with."""
AHEAD: Final = 60
"""Seconds that a token's beginning may be in the future: two clocks of one machine differ by less than one."""


class TokenRefused(Exception):
    """The token proves nothing."""


class Malformed(TokenRefused):
    """It is no JWT, or lacks a claim that every service account's token has."""


class UnknownIssuer(TokenRefused):
    """Nobody here issues tokens under that name."""


class NoKey(TokenRefused):
    """Its issuer does not publish the key that it names, or does not answer."""


class BadSignature(TokenRefused):
    """Somebody else signed it."""


class NotYet(TokenRefused):
    """It begins in the future."""


class Expired(TokenRefused):
    """Its time is over."""

    def __init__(self, now: float, expiration: int) -> None:
        """Both in seconds since 1970."""
        super().__init__(f"{now} is after {expiration}")
        self.now = now
        self.expiration = expiration


@dataclass(frozen=True)
class ServiceAccountToken:
    """What a verified token says."""

    issuer: str
    subject: str
    """system:serviceaccount:NAMESPACE:NAME."""
    audiences: tuple[str, ...]
    namespace: str
    service_account: str
    pod_name: str
    """Empty in a token that is bound to no pod."""
    pod_uid: str


def issuer_of(token: str) -> str:
    """The `iss` that a token claims; raises Malformed. Nothing is verified."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise Malformed(str(error)) from error
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise Malformed("iss is missing")
    return issuer


def verify(token: str, issuer: str, keys: Iterable[jwt.PyJWK], now: float) -> ServiceAccountToken:
    """Check a token against its issuer's keys and the clock; raises TokenRefused.

    `now` is in seconds since 1970. The audience is the caller's to judge.
    """
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
    except jwt.InvalidTokenError as error:
        raise Malformed(str(error)) from error
    fitting = [key for key in keys if key.key_id == key_id]
    if not fitting:
        raise NoKey(str(key_id))
    unchecked = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
    try:
        claims = jwt.decode(token, fitting[0], algorithms=[ALGORITHM], options=cast(Any, unchecked))
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError) as error:
        raise BadSignature(str(error)) from error
    except jwt.InvalidTokenError as error:
        raise Malformed(str(error)) from error
    if claims.get("iss") != issuer:
        raise UnknownIssuer(str(claims.get("iss")))
    expiration, begin = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expiration, int) or not isinstance(begin, int):
        raise Malformed("exp or nbf is no number")
    if now >= expiration:
        raise Expired(now, expiration)
    if begin > now + AHEAD:
        raise NotYet(str(begin))
    return _read(claims)


def _read(claims: Mapping[str, Any]) -> ServiceAccountToken:
    own = claims.get("kubernetes.io")
    try:
        account, pod = own["serviceaccount"]["name"], own.get("pod", {})  # pyright: ignore[reportOptionalSubscript, reportOptionalMemberAccess]  # caught below
        audiences = claims["aud"]
        return ServiceAccountToken(
            issuer=str(claims["iss"]),
            subject=str(claims["sub"]),
            audiences=(audiences,) if isinstance(audiences, str) else tuple(audiences),
            namespace=str(own["namespace"]),  # pyright: ignore[reportOptionalSubscript]  # caught below
            service_account=str(account),
            pod_name=str(pod.get("name", "")),
            pod_uid=str(pod.get("uid", "")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"it is no service account's: {error}") from error


class Tokens:
    """Verifies tokens of the clusters of this account."""

    def __init__(self, clusters: Clusters) -> None:
        """`clusters` issue them."""
        self._clusters = clusters
        self._keys: dict[str, list[jwt.PyJWK]] = {}
        """By issuer; a cluster keeps its key as long as it lives, and its issuer is its own."""

    async def verify(self, token: str) -> ServiceAccountToken:
        """Who holds this token; raises TokenRefused."""
        issuer = issuer_of(token)
        cluster = self.cluster(issuer)
        if cluster is None:
            raise UnknownIssuer(issuer)
        return verify(token, issuer, await self._published(cluster, issuer), time.time())

    def cluster(self, issuer: str) -> Cluster | None:
        """The cluster that issues under this name."""
        found = [each for each in self._clusters.all.values() if each.view["identity"]["oidc"]["issuer"] == issuer]
        return found[0] if found else None

    async def _published(self, cluster: Cluster, issuer: str) -> list[jwt.PyJWK]:
        if issuer not in self._keys:
            if cluster.control_plane is None:
                raise NoKey("the cluster is not running")
            try:
                answer = await cluster.control_plane.client.request("GET", JWKS)
                self._keys[issuer] = jwt.PyJWKSet.from_json(json.dumps(answer)).keys
            except (ControlPlaneError, jwt.PyJWKSetError) as error:
                raise NoKey(str(error)) from error
        return self._keys[issuer]
