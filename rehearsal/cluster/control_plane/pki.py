"""The cluster's own certificate authorities and everything signed by them.

They are made when the cluster is made and deleted with it, as on EKS. One
signs servers' certificates: it is what users see, and the controller manager
has its key. Another signs certificates of clients, for the control plane's own
parts alone: its key is never written, so that nobody else logs in with a
certificate, as on EKS. Keys are ECDSA because RSA ones would cost a noticeable part of the
start; only the key that signs service-account tokens is RSA, as EKS's is, so
that a decoded token shows the algorithm that it shows there.
"""

import base64
import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=365)
_SKEW = datetime.timedelta(minutes=5)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class Authority:
    """A new certificate authority; with `keeps_key` its key lies in `directory` too, for the controller that signs."""

    def __init__(self, directory: Path, cluster_name: str, *, keeps_key: bool = True) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"kubernetes {cluster_name}"[:64])])
        certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)
        """The authority's certificate."""
        self.certificate_file = directory / "ca.crt"
        self.key_file = directory / "ca.key"
        write_private(self.certificate_file, self.pem)
        if keeps_key:
            write_private(self.key_file, _key_pem(self._key))

    @property
    def data(self) -> str:
        """The certificate as kubeconfig and EKS carry it: PEM in base64."""
        return base64.b64encode(self.pem).decode()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .issuer_name(self._name)
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SKEW)
            .not_valid_after(now + _LIFETIME)
        )

    def client(self, file: str, user: str, groups: Sequence[str] = ()) -> tuple[Path, Path]:
        """Certificate and key files of a Kubernetes user in some groups."""
        return self._issue(file, user, groups, ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def server(self, file: str, user: str, hosts: Sequence[str]) -> tuple[Path, Path]:
        """Certificate and key files of a server that is reached under some names and addresses."""
        return self._issue(file, user, (), ExtendedKeyUsageOID.SERVER_AUTH, hosts)

    def _issue(
        self, file: str, user: str, groups: Sequence[str], usage: x509.ObjectIdentifier, hosts: Sequence[str]
    ) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups),
                x509.NameAttribute(NameOID.COMMON_NAME, user),
            ]
        )
        builder = (
            self._builder(subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        paths = self._directory / f"{file}.crt", self._directory / f"{file}.key"
        write_private(paths[0], certificate.public_bytes(serialization.Encoding.PEM))
        write_private(paths[1], _key_pem(key))
        return paths


def token_key(directory: Path) -> Path:
    """A new key for service-account tokens."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = directory / "sa.key"
    write_private(file, _key_pem(key))
    return file


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        key_encipherment=False,
        key_agreement=False,
        content_commitment=False,
        data_encipherment=False,
        encipher_only=False,
        decipher_only=False,
    )
