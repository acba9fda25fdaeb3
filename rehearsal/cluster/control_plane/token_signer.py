"""Signs the tokens of service accounts for the API server, so that they last as long as on EKS.

A pod's own token lasts a year where Kubernetes is as it comes, and no flag of
the API server changes that; on EKS it lasts 90 days. The API server can leave
the signing to another program, which also says how long its tokens last at
most: a pod's token then lasts no longer. That gives EKS's lifetimes without a
change to Kubernetes. It costs no process, because the signer is a thread of
the process that keeps the control plane.

How they talk: KEP-740, "API for external signing of Service Account tokens",
gRPC on a socket in the control plane's own directory (Kubernetes 1.34 and
later know it without a feature gate). The 90 days: EKS User Guide,
"Grant Kubernetes workloads access to AWS using Kubernetes service accounts",
as of 2026-11.
"""

import base64
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, cast

import grpc
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from rehearsal.cluster.errors import ControlPlaneError

SOCKET: Final = "token-signer.sock"
"""In the control plane's directory, where the API server runs."""
LONGEST_SECONDS: Final = 90 * 86400
"""How long a pod's own token is good."""
REFRESH_SECONDS: Final = 3600
"""When the API server asks for the keys again; until then others may keep what it publishes, an hour as usual."""
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "SignJWTRequest": ("claims:string",),
    "SignJWTResponse": ("header:string", "signature:string"),
    "FetchKeysRequest": (),
    "FetchKeysResponse": ("keys:Key", "data_timestamp:Timestamp", "refresh_hint_seconds:int64"),
    "Key": ("key_id:string", "key:bytes", "exclude_from_oidc_discovery:bool"),
    "Timestamp": ("seconds:int64", "nanos:int32"),
    "MetadataRequest": (),
    "MetadataResponse": ("max_token_expiration_seconds:int64",),
}
"""The messages of KEP-740, their fields in the order of their numbers."""
_REPEATED: Final = "keys"


class TokenSigner:
    """Signs with the cluster's one key from `start` to `stop`."""

    def __init__(self, key_file: Path, directory: Path) -> None:
        """`key_file`: an RSA key in PEM. `directory`: the control plane's own, mode 0700."""
        # Checking that it is a good key takes 50 ms; it was made a moment ago.
        key = serialization.load_pem_private_key(key_file.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        self._key = cast("rsa.RSAPrivateKey", key)
        self._public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        # Kubernetes names a key so. The controller manager, which signs the tokens in Secrets, does it by itself.
        self.key_id = _base64(hashlib.sha256(self._public).digest())
        self._since = int(time.time())
        self._directory = directory
        self._server: grpc.Server | None = None

    def start(self) -> None:
        """Listen; takes milliseconds. Raises ControlPlaneError when the socket cannot be made."""
        server = grpc.server(ThreadPoolExecutor(max_workers=2, thread_name_prefix="token signer"))
        server.add_generic_rpc_handlers((_Service(self),))
        try:
            # A socket's path has 103 bytes at most. The API server finds it as a file in its own directory,
            # and here a link makes the path short for as long as the socket is made.
            with tempfile.TemporaryDirectory(prefix="myeks-lab-") as short:
                link = Path(short, "in")
                link.symlink_to(self._directory.resolve())
                server.add_insecure_port(f"unix:{link / SOCKET}")
        except (OSError, RuntimeError) as error:
            raise ControlPlaneError(
                f"The socket {self._directory / SOCKET} cannot be made: {error}. "
                f"Set TMPDIR to a directory with a short name in which you may write."
            ) from error
        server.start()
        self._server = server

    def stop(self) -> None:
        """End, also when it was not started. The socket's file goes with the directory."""
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

    def sign(self, request: Any) -> Any:
        """Header and signature for the claims that the API server has written."""
        header = _base64(json.dumps({"alg": "RS256", "kid": self.key_id, "typ": "JWT"}).encode())
        signed = self._key.sign(f"{header}.{request.claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return MESSAGES["SignJWTResponse"](header=header, signature=_base64(signed))

    def fetch_keys(self, request: Any) -> Any:
        """The keys by which the API server verifies tokens, and which it publishes."""
        del request
        answer = MESSAGES["FetchKeysResponse"](refresh_hint_seconds=REFRESH_SECONDS)
        answer.keys.add(key_id=self.key_id, key=self._public)
        answer.data_timestamp.seconds = self._since
        return answer

    def metadata(self, request: Any) -> Any:
        """How long a token lasts at most."""
        del request
        return MESSAGES["MetadataResponse"](max_token_expiration_seconds=LONGEST_SECONDS)


class _Service(grpc.GenericRpcHandler):
    def __init__(self, signer: TokenSigner) -> None:
        self._methods: dict[str, tuple[str, Callable[[Any], Any]]] = {
            "/v1.ExternalJWTSigner/Sign": ("SignJWTRequest", signer.sign),
            "/v1.ExternalJWTSigner/FetchKeys": ("FetchKeysRequest", signer.fetch_keys),
            "/v1.ExternalJWTSigner/Metadata": ("MetadataRequest", signer.metadata),
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a method, None where there is none."""
        if handler_call_details.method not in self._methods:
            return None
        request, answer = self._methods[handler_call_details.method]
        return grpc.unary_unary_rpc_method_handler(
            lambda message, context: answer(message),  # noqa: ARG005  # gRPC passes both
            request_deserializer=MESSAGES[request].FromString,
            response_serializer=_serialized,
        )


def _messages() -> dict[str, Any]:
    """The messages' classes by their names."""
    package = "myeks_lab.token_signer"
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(fields, 1):
            field_name, _, kind = field.partition(":")
            label = kinds.LABEL_REPEATED if field_name == _REPEATED else kinds.LABEL_OPTIONAL
            added = message.field.add(name=field_name, number=number, label=label)
            if kind in _FIELDS:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                added.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in _FIELDS}


MESSAGES: Final = _messages()
"""For the signer, and for who plays the API server to it."""


def _serialized(message: Any) -> bytes:
    return message.SerializeToString()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
