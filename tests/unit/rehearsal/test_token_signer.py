"""The signer of service accounts' tokens, asked as the API server asks it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import jwt
import jwt.utils
import pytest
from cryptography.hazmat.primitives import serialization

from rehearsal.cluster.control_plane import ControlPlaneError
from rehearsal.cluster.control_plane.pki import token_key
from rehearsal.cluster.control_plane.token_signer import MESSAGES, SOCKET, TokenSigner


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A control plane's directory with its key; the name is longer than a socket's path may be."""
    made = tmp_path_factory.mktemp("world") / ("d" * 120)
    made.mkdir()
    token_key(made)
    return made


@pytest.fixture
def signer(directory: Path) -> Iterator[TokenSigner]:
    running = TokenSigner(directory / "sa.key", directory)
    running.start()
    yield running
    running.stop()


def serialized(message: Any) -> bytes:
    return message.SerializeToString()


def ask(directory: Path, method: str, **fields: Any) -> Any:
    """The answer of one of the service's methods, by the socket in that directory."""
    short = directory.parent / "s"
    short.unlink(missing_ok=True)
    short.symlink_to(directory)
    request, answer = {"Sign": ("SignJWTRequest", "SignJWTResponse")}.get(
        method, (f"{method}Request", f"{method}Response")
    )
    with grpc.insecure_channel(f"unix:{short / SOCKET}") as channel:
        call = channel.unary_unary(
            f"/v1.ExternalJWTSigner/{method}",
            request_serializer=serialized,
            response_deserializer=MESSAGES[answer].FromString,
        )
        return call(MESSAGES[request](**fields), timeout=10)


def part(content: dict[str, Any]) -> str:
    return jwt.utils.base64url_encode(json.dumps(content).encode()).decode()


def test_what_it_signs_is_verified_by_the_key_that_it_tells(signer: TokenSigner, directory: Path) -> None:
    claims = part({"sub": "system:serviceaccount:default:default"})
    signed = ask(directory, "Sign", claims=claims)
    told = ask(directory, "FetchKeys")
    (key,) = told.keys
    assert key.key_id == signer.key_id
    assert key.exclude_from_oidc_discovery is False
    token = f"{signed.header}.{claims}.{signed.signature}"
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "kid": key.key_id, "typ": "JWT"}
    public: Any = serialization.load_der_public_key(key.key)
    assert jwt.decode(token, public, ["RS256"]) == {"sub": "system:serviceaccount:default:default"}
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{signed.header}.{part({'sub': 'other'})}.{signed.signature}", public, ["RS256"])


def test_keys_are_the_same_each_time(signer: TokenSigner, directory: Path) -> None:
    """An API server that sees another time takes all that it has cached for old."""
    del signer
    first, second = ask(directory, "FetchKeys"), ask(directory, "FetchKeys")
    assert first == second
    assert first.refresh_hint_seconds == 3600
    assert first.data_timestamp.seconds > 0


def test_a_token_lasts_90_days_at_most(signer: TokenSigner, directory: Path) -> None:
    del signer
    assert ask(directory, "Metadata").max_token_expiration_seconds == 7_776_000


def test_messages_are_numbered_as_kubernetes_numbers_them() -> None:
    """KEP-740; by the wire, because both sides of the other tests have the same numbers."""
    answer = MESSAGES["FetchKeysResponse"](refresh_hint_seconds=5)
    answer.keys.add(key_id="k", key=b"d")
    answer.data_timestamp.seconds = 9
    assert serialized(answer) == b"\x0a\x06\x0a\x01k\x12\x01d\x12\x02\x08\x09\x18\x05"
    assert serialized(MESSAGES["SignJWTResponse"](header="h", signature="s")) == b"\x0a\x01h\x12\x01s"
    assert serialized(MESSAGES["SignJWTRequest"](claims="c")) == b"\x0a\x01c"
    assert serialized(MESSAGES["MetadataResponse"](max_token_expiration_seconds=7)) == b"\x08\x07"


def test_after_its_end_nobody_answers(signer: TokenSigner, directory: Path) -> None:
    signer.stop()
    with pytest.raises(grpc.RpcError) as caught:
        ask(directory, "Metadata")
    error: Any = caught.value
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    signer.stop()


def test_a_socket_that_cannot_be_made_is_an_error_of_the_control_plane(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError, match=r"token-signer\.sock cannot be made: .* Set TMPDIR"):
        TokenSigner(directory / "sa.key", tmp_path / "gone").start()
