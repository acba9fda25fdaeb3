"""The lab's own answers: one short program a part, which reads what a learner reads and hands in as a learner does.

What makes the puzzles is not asked here, so that the programs show that they can be solved. Ciphers and signatures come
from libraries; Caesar's shift alone is ours.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from functools import reduce
from hashlib import sha256
from secrets import token_bytes
from typing import Any, Final

from exercises.crypto.authorities import fingerprint
from exercises.crypto.envelopes import BLOCK_BYTES, sealed
from exercises.crypto.names import (
    ACCOUNT,
    ANSWERS,
    CERTIFICATES,
    CONFIG_MAPS,
    ENVELOPE,
    JWKS,
    KEY_ID,
    NAMESPACE,
    PARTS,
    Part,
)
from grading.account_probes import minted
from grading.kube_api import VERIFIED
from grading.outcomes import Done, Outcome
from grading.probes import Lab

Data = Mapping[str, str]
"""What stands in a ConfigMap."""

_WORD: Final = re.compile(r"The word of this lab is (\w+)\.")


class Unsolved(Exception):
    """What is needed could not be read; the text says what, and the answer that came."""


def hand_in(lab: Lab, manager: str = "") -> None:
    """Work out every answer and hand it in. Raises Unsolved.

    `manager` is the field manager as which that is done; empty: whoever asks.
    """
    answers = {part: PROGRAMS[part](lab) for part in PARTS}
    by = f"?fieldManager={manager}" if manager else ""
    _value("handing in", lab.api.request("PATCH", f"{CONFIG_MAPS}/{ANSWERS}{by}", {"data": answers}))


def caesar(data: Data) -> str:
    """Try every key until the text makes sense."""
    for x in range(1, 95):
        text = "".join(chr(32 + (ord(each) - 32 - x) % 95) for each in data["ciphertext"])
        if found := _WORD.search(text):
            return found[1]
    raise Unsolved("No key makes sense of the ConfigMap caesar.")


def changed_file(data: Data) -> str:
    """Compare the digest of each file with the one that was written down."""
    written = {name: digest for digest, name in (line.split() for line in data["SHA256SUMS"].splitlines())}
    digests = {name: sha256(data[name].encode()).hexdigest() for name in written}
    return next(digest for name, digest in digests.items() if digest != written[name])


def sigv4(data: Data) -> str:
    """Derive the signing key of the day, the region and the service, and sign with it."""

    def mac(key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), sha256).digest()

    secret = b"AWS4" + data["secret-access-key"].encode()
    scope = (data["date"][:8], data["region"], "sts", "aws4_request")
    return mac(reduce(mac, scope, secret), data["string-to-sign"]).hex()


def thumbprint(token: str, jwks: Mapping[str, Any]) -> str:
    """Verify a token with the key that it names, and name that key by what it is (RFC 7638)."""
    # A tenth of a second of imports.
    import jwt
    from jwt.algorithms import RSAAlgorithm

    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWKSet.from_dict(dict(jwks))[kid]
    jwt.decode(token, key, algorithms=["RS256"], options={"verify_aud": False})
    public = RSAAlgorithm.to_jwk(key.key, as_dict=True)
    canonical = f'{{"e":"{public["e"]}","kty":"RSA","n":"{public["n"]}"}}'
    return base64.urlsafe_b64encode(sha256(canonical.encode()).digest()).decode().rstrip("=")


def _certificate(lab: Lab) -> str:
    """Greet the API server, trusting one authority after another."""
    data: Data = _value("the ConfigMap", lab.api.request("GET", f"{CONFIG_MAPS}/{CERTIFICATES}"))["data"]
    for pem in data.values():
        if _value("the greeting", lab.api.handshake(pem)) == VERIFIED:
            return fingerprint(pem)
    raise Unsolved("No authority of the ConfigMap certificates has signed the API server's certificate.")


def _envelope(lab: Lab) -> str:
    """Have a data key made, encrypt with it, and forget it; KMS alone can tell it again."""
    data: Data = _value("the ConfigMap", lab.api.request("GET", f"{CONFIG_MAPS}/{ENVELOPE}"))["data"]
    name, _, value = data["context"].partition("=")
    made = lab.aws.call(
        "kms", "generate_data_key", KeyId=data[KEY_ID], KeySpec="AES_256", EncryptionContext={name: value}
    )
    return sealed(data["text"], _value("a data key", made), token_bytes(BLOCK_BYTES)).text


def _jwks(lab: Lab) -> str:
    token = minted(lab.api, NAMESPACE, ACCOUNT)
    if not isinstance(token, str):
        raise Unsolved(f"There is no token of {ACCOUNT}: {token.shown}")
    return thumbprint(token, _value("the JWKS", lab.api.request("GET", JWKS)))


def _of(name: str, program: Callable[[Data], str]) -> Callable[[Lab], str]:
    """A program that needs what stands in a ConfigMap, and nothing more."""

    def run(lab: Lab) -> str:
        return program(_value(f"the ConfigMap {name}", lab.api.request("GET", f"{CONFIG_MAPS}/{name}"))["data"])

    return run


def _value(what: str, outcome: Outcome) -> Any:
    if isinstance(outcome, Done):
        return outcome.value
    raise Unsolved(f"No answer about {what}: {outcome.shown}")


PROGRAMS: Final[Mapping[Part, Callable[[Lab], str]]] = {
    "caesar": _of("caesar", caesar),
    "hash": _of("files", changed_file),
    "sigv4": _of("signer", sigv4),
    "jwks": _jwks,
    "certificate": _certificate,
    "envelope": _envelope,
}
"""Part → the program that works its answer out. Each raises Unsolved."""
