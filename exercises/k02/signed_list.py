"""Whether the list of allowed images is as the release team has signed it: ECDSA with P-256, as `openssl dgst` does it.

The public key is read from the exercise's own objects, and not from the cluster: whoever could change the list there
could change the key beside it. The private key is kept nowhere.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from exercises.k02.images import LIST, RELEASE
from exercises.objects import at_stage, identity
from grading.account_probes import collection
from grading.kube_api import ANEW, refused
from grading.outcomes import Broke, Done, HttpRefused, Outcome
from grading.probes import Lab, OwnQuestion

KEY: Final = "release-key"
"""The ConfigMap that has the release team's public key."""

VERIFIED: Final = "verified"
UNVERIFIED: Final = "not verified"
_READ: Final = f"kubectl get configmap {{}} -n {RELEASE} -o json"


@dataclass(frozen=True)
class SignedList(OwnQuestion):
    """The signature of the list that is in the cluster, verified with the release team's public key."""

    changed: bool = False
    """Whether one byte of the list is changed before."""

    @property
    @override
    def brief(self) -> str:
        return "openssl dgst -verify, one byte of the list changed" if self.changed else "openssl dgst -verify the list"

    @property
    @override
    def typed(self) -> str:
        change = " | sed 2s/sha256/Sha256/" if self.changed else ""
        return (
            f"{_READ.format(LIST)} > /tmp/list.json; {_READ.format(KEY)} | jq -r .data.public > /tmp/release.pem;"
            " jq -r .data.signature /tmp/list.json | base64 -d > /tmp/list.sig;"
            f" jq -j '.data.registries + .data.digests' /tmp/list.json{change}"
            " | openssl dgst -sha256 -verify /tmp/release.pem -signature /tmp/list.sig"
        )

    @override
    def ask(self, lab: Lab) -> Outcome:
        found = lab.api.request("GET", f"{collection('configmaps', RELEASE)}/{LIST}")
        if isinstance(found, HttpRefused) and found.status == 404:
            return Broke(f"The ConfigMap {LIST} is not there. {ANEW}")
        found = refused(found, f"The ConfigMap {LIST}")
        if not isinstance(found, Done):
            return found
        data: Mapping[str, str] = found.value.get("data") or {}
        text = signed_text(data)
        if self.changed:
            text = text.replace("sha256", "Sha256", 1)
        said = VERIFIED if is_signed(text, data.get("signature", "")) else UNVERIFIED
        return Done(said, said)


def signed_text(data: Mapping[str, str]) -> str:
    """Of the list's `data`, what the signature is of."""
    return data.get("registries", "") + data.get("digests", "")


def is_signed(text: str, signature: str) -> bool:
    """Whether the release team has signed this text; `signature` in base64."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key(public_key().encode())
    assert isinstance(key, EllipticCurvePublicKey)  # noqa: S101  # it is in this folder
    try:
        key.verify(base64.b64decode(signature, validate=True), text.encode(), ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error):
        return False
    return True


def public_key() -> str:
    """The release team's, as PEM."""
    wanted = ("ConfigMap", RELEASE, KEY)
    return next(each["data"]["public"] for each in at_stage("k02", "open") if identity(each) == wanted)
