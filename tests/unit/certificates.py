"""Certificates of tests' own: an authority as a cluster has one, and what it signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)
CALLED = "kubernetes"
"""As the authority of every EKS cluster is called."""


@cache
def private(whose: str) -> Ed25519PrivateKey:
    """A private key, one for each word."""
    return Ed25519PrivateKey.from_private_bytes(sha256(whose.encode()).digest())


def certificate(name: str, whose: str, signer: str, extension: x509.ExtensionType, issuer: str = CALLED) -> bytes:
    """PEM of a certificate, good for two days: `whose` key it is for, and `signer`'s key that signs it."""

    def called(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    made = (
        x509.CertificateBuilder()
        .subject_name(called(name))
        .issuer_name(called(issuer))
        .public_key(private(whose).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(private(signer), None)
    )
    return made.public_bytes(Encoding.PEM)


@cache
def authority(whose: str, name: str = CALLED) -> str:
    """PEM of an authority."""
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    return certificate(name, whose, whose, constraints, name).decode()
