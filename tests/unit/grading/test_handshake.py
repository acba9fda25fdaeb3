"""A TLS greeting tells whose certificates are trusted from whose are not, and both from no answer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from grading.endpoint import Endpoint
from grading.kube_api import UNVERIFIED, VERIFIED, Client
from grading.outcomes import Done, Outcome, Unanswered
from tests.unit.certificates import authority, certificate, private

OWN, FOREIGN = (authority(each).encode() for each in ("the cluster", "somebody else"))


@pytest.fixture
def serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Has whoever connects reach a TLS server whose certificate is for this address, over a pair of sockets."""

    def serve(address: str) -> None:
        name = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        kept = tmp_path / "server.pem"
        key = private("the server").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        kept.write_bytes(key + certificate("kube-apiserver", "the server", "the cluster", name))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(kept)

        def greet(end: socket.socket) -> None:
            with end:
                end.settimeout(10)
                try:
                    with context.wrap_socket(end, server_side=True) as secured:
                        secured.recv(1)
                except OSError:
                    return

        def connect(where: tuple[str, int], timeout: float) -> socket.socket:
            assert where == ("127.0.0.1", 6443)
            mine, other = socket.socketpair()
            mine.settimeout(timeout)
            Thread(target=greet, args=(other,), daemon=True).start()
            return mine

        monkeypatch.setattr(socket, "create_connection", connect)

    return serve


def greeted(trusts: bytes) -> Outcome:
    endpoint = Endpoint("https://127.0.0.1:6443", OWN, ())
    client = Client(endpoint, Path("ca.crt"), lambda: "token", Event())
    assert client.authority == OWN.decode()
    return client.handshake(trusts.decode())


def test_the_own_authority_verifies_the_server(serves: Callable[[str], None]):
    serves("127.0.0.1")
    assert greeted(OWN) == Done(VERIFIED, "verified, TLSv1.3")


def test_a_foreign_authority_of_the_same_name_does_not(serves: Callable[[str], None]):
    serves("127.0.0.1")
    outcome = greeted(FOREIGN)
    assert isinstance(outcome, Done)
    assert outcome.value == UNVERIFIED


def test_a_certificate_for_another_address_is_none(serves: Callable[[str], None]):
    serves("192.0.2.1")
    outcome = greeted(OWN)
    assert isinstance(outcome, Done)
    assert outcome.value == UNVERIFIED
    assert "192.0.2.1" in outcome.shown or "mismatch" in outcome.shown


def test_who_does_not_answer_has_said_nothing(monkeypatch: pytest.MonkeyPatch):
    def connect(*_: Any) -> socket.socket:
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    assert greeted(OWN) == Unanswered("The API server did not answer: refused")
