"""Exercise crypto answered wrongly: by nothing, by what is no answer, and by another lab's right answers."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

from exercises.crypto import solutions
from exercises.crypto.names import ACCOUNT, CONFIG_MAPS, ENVELOPE, MALLORY, NAMESPACE, PARTS, Part
from exercises.crypto.names import ANSWERS as NAME
from grading.outcomes import Done
from tests.rehearsal.owasp.objects import Cluster
from tests.rehearsal.owasp.stand import Stand

ANSWERS: Final = f"{CONFIG_MAPS}/{NAME}"
_DIGEST: Final = "0" * 64

WRONG: Final[Mapping[str, Mapping[Part, str]]] = {
    "nothing": dict.fromkeys(PARTS, ""),
    "no answer": {
        "caesar": "word",
        "hash": _DIGEST,
        "sigv4": _DIGEST,
        "jwks": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "certificate": _DIGEST,
        "envelope": f"AAAA.{'0' * 32}.AAAA",
    },
    # Which a rehearsal of 2026-11-29 took for right.
    "another lab's": {
        "caesar": "bololani",
        "hash": "09bd56495a7b9d8da3ea0d8d9932b70fbfed8bda20c982b9dfc938e3eac7c202",
        "sigv4": "6f499f68c6cfb14831c1f5245cde9605011cac78f7447bdf02623e33069d1fa6",
        "jwks": "KyozV_Tf70gYZTrkVej747dM4p9iZf8-eTHVSNX-5TI",
        "certificate": "4f99da7f3f951e4841b43980df13f5718900b4a7c33a3a51d763b7fa77a55ca9",
        "envelope": (
            "NTBhNDZjMmEtMjVmZC00ZjUyLWJlOWItMzc4ODY2MmM1MjU2flgR3p1oFf4owPguOzdDwbZBqz2o0b4JzcBXbUyMUAFzReCUnWfjJxvm"
            "Z+8I5xFUCF7Bqwq77IhmGpdW0RGxJ1404vJoRK3r4l9IH/BBQAM=.ae2d3964c14f31b38485e23817657fed.NTdIVXW/E72COfPG4hSy"
            "OjTNPJWBXa/IRfFqB+rQDpxiWXmsURrBT9AORslMQSKH"
        ),
    },
}
"""What somebody tries → part → answer."""

_ACCOUNTS: Final = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
STAY: Final = (ANSWERS, f"{CONFIG_MAPS}/{ENVELOPE}", f"{_ACCOUNTS}/{MALLORY}", f"{_ACCOUNTS}/{ACCOUNT}")
"""Objects whose deletion costs everything."""


def answer(stand: Stand, answers: Mapping[Part, str]) -> None:
    """Hand in what the lab's own programs find, but for these answers."""
    with stand.inside() as here:
        solutions.hand_in(here)
        changed = here.api.request("PATCH", ANSWERS, {"data": dict(answers)})
        assert isinstance(changed, Done), changed.shown


@contextmanager
def without(stand: Stand, path: str) -> Generator[None]:
    """An object is away, for the length of a block."""
    with stand.inside() as here:
        kept = here.api.request("GET", path)
        assert isinstance(kept, Done), kept.shown
        meta = {key: kept.value["metadata"].get(key) for key in ("name", "namespace", "annotations")}
        manifest = {**kept.value, "metadata": meta}
        Cluster(here.api).take([manifest])
    try:
        yield
    finally:
        with stand.inside() as here:
            Cluster(here.api).put([manifest])
