"""Certificate authorities that a learner is offered: the cluster's own, and two of the same name.

The foreign ones are made from the cluster's identity and its own authority, so that they are the same at every update,
and neither name nor dates tell which is which. Their private keys are kept nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

NAMES: Final = ("first", "second", "third")


def offered(issuer: str, own: str) -> Mapping[str, str]:
    """Name → PEM; at which place the cluster's own (`own`, PEM) is differs from lab to lab."""
    at = _drawn(issuer, "place")[0] % len(NAMES)
    return {name: own if number == at else foreign(issuer, name, own) for number, name in enumerate(NAMES)}


def foreign(issuer: str, name: str, own: str) -> str:
    """PEM of an authority that has signed nothing of this cluster, and has the name and the dates of its own (PEM)."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding

    key = Ed25519PrivateKey.from_private_bytes(_drawn(issuer, f"authority {name}"))
    like = x509.load_pem_x509_certificate(own.encode())
    made = (
        x509.CertificateBuilder()
        .subject_name(like.subject)
        .issuer_name(like.subject)
        .public_key(key.public_key())
        .serial_number(1 + int.from_bytes(_drawn(issuer, f"serial {name}")[:8], "big"))
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(like.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    return made.public_bytes(Encoding.PEM).decode()


def fingerprint(pem: str) -> str:
    """SHA-256 of a certificate, in hex digits. Raises ValueError for what is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()


def _drawn(issuer: str, label: str) -> bytes:
    return sha256(f"{issuer}\n{label}".encode()).digest()
