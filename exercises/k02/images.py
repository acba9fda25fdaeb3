"""The images of K02: what the release team has allowed, and what only looks like it. None of them is ever pulled."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from exercises.objects import at_stage, identity

NAMESPACE: Final = "owasp-k02"
RELEASE: Final = "owasp-k02-release"
LIST: Final = "allowed-images"
"""The ConfigMap in namespace RELEASE that names what is allowed."""


def listed() -> Mapping[str, str]:
    """`data` of the list, as the exercise's objects have it."""
    wanted = ("ConfigMap", RELEASE, LIST)
    return next(each["data"] for each in at_stage("k02", "open") if identity(each) == wanted)


_DATA: Final = listed()
REGISTRY: Final = _DATA["registries"].split()[0]
_WEB, _NEXT, _TOOLS = _DATA["digests"].split()
_UNKNOWN: Final = f"sha256:{sha256(b'somebody else built this').hexdigest()}"
ELSEWHERE: Final = "registry.example.net/miner"

WEB: Final = f"{REGISTRY}/web@{_WEB}"
NEXT_WEB: Final = f"{REGISTRY}/web@{_NEXT}"
TOOLS: Final = f"{REGISTRY}/tools@{_TOOLS}"

FOREIGN: Final = f"{ELSEWHERE}/web@{_UNKNOWN}"

UNTRUSTED: Final[Mapping[str, str]] = {
    "other-registry": FOREIGN,
    "tag": f"{REGISTRY}/web:1.4",
    "unknown-digest": f"{REGISTRY}/web@{_UNKNOWN}",
    # A repository with the name sha256, and a tag that looks like the rest of an allowed digest.
    "digest-as-tag": f"{ELSEWHERE}/{_WEB}",
}
"""Short name → an image that is not on the list, each in its own way."""
