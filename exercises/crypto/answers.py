"""Whether an answer that was handed in is right, and if not, what it looks like: the mistakes that are easily made.

No right answer is ever told.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from typing_extensions import override

from exercises.crypto.authorities import fingerprint, offered
from exercises.crypto.envelopes import judged
from exercises.crypto.names import ACCOUNT, ANSWERS, CONFIG_MAPS, ENVELOPE, JWKS, KEY_ID, NAMESPACE, Part
from exercises.crypto.puzzle import Puzzle
from grading.account_probes import token_of
from grading.kube_api import ANEW, refused
from grading.outcomes import Broke, Done, HttpRefused, Outcome
from grading.probes import Lab, OwnQuestion

RIGHT: Final = "right"
NONE: Final = "none yet"
HEX: Final = 64
"""Digits of a SHA-256 digest."""


@dataclass(frozen=True)
class HandedIn(OwnQuestion):
    """The answer to one part, read from the ConfigMap, and compared with the lab's objects."""

    part: Part

    @property
    @override
    def brief(self) -> str:
        return f"the answer to {self.part}"

    @property
    @override
    def typed(self) -> str:
        return f"kubectl get configmap {ANSWERS} -n {NAMESPACE} -o jsonpath='{{.data.{self.part}}}'"

    @override
    def ask(self, lab: Lab) -> Outcome:
        found = lab.api.request("GET", f"{CONFIG_MAPS}/{ANSWERS}")
        if isinstance(found, HttpRefused) and found.status == 404:
            return Broke(f"The ConfigMap {ANSWERS} is not there. {ANEW}")
        found = refused(found, f"The ConfigMap {ANSWERS}")
        if not isinstance(found, Done):
            return found
        given = str((found.value.get("data") or {}).get(self.part) or "").strip().strip("'\"")
        if not given:
            return Done(NONE, NONE)
        wrong = _JUDGES[self.part](given, lab)
        if not isinstance(wrong, str):
            return wrong
        return Done(f"wrong: {wrong}", f"wrong: {wrong}") if wrong else Done(RIGHT, RIGHT)


def caesar(given: str, puzzle: Puzzle) -> str:
    """What is wrong with an answer to caesar; empty when it is right."""
    if given.lower().rstrip(".") == puzzle.word:
        return ""
    if given == str(puzzle.x):
        return "that is x; the answer is the word that the sentence tells"
    if puzzle.word in given.lower():
        return "that is more than the word"
    return "that is not the word of this lab"


def changed_file(given: str, puzzle: Puzzle) -> str:
    """The same for hash."""
    digest = given.split()[0].lower()
    if digest == puzzle.digest:
        return ""
    if digest == puzzle.changed:
        return "that is the file; the answer is its digest"
    if digest in puzzle.sums:
        return "that is a digest of SHA256SUMS; the changed file has another one now"
    without = {sha256(text.rstrip("\n").encode()).hexdigest() for text in puzzle.files.values()}
    if digest in without:
        return "that is a digest without the last line end"
    return _no_digest(digest) or "that is not the digest of the changed file"


def sigv4(given: str, puzzle: Puzzle) -> str:
    """The same for sigv4."""
    signature = given.lower()
    if signature == puzzle.signed.signature:
        return ""
    for mistake, other in _wrong_signatures(puzzle):
        if signature == other:
            return mistake
    return _no_digest(signature) or "that is not the signature"


def jwks(given: str, token: str, keys: Mapping[str, Any]) -> str:
    """The same for jwks, by a token of the account that was made just now and the keys that verify it."""
    import jwt

    answer = given.rstrip("=")
    for key in keys["keys"]:
        digest = sha256(_canonical(key)).digest()
        if answer == _base64url(digest):
            try:
                jwt.decode(token, jwt.PyJWK(key), algorithms=["RS256"], options={"verify_aud": False})
            except jwt.PyJWTError:
                return f"that key is in the JWKS, and does not verify {ACCOUNT}'s token"
            return ""
        if answer in (digest.hex(), base64.b64encode(digest).decode().rstrip("=")):
            return "that is the thumbprint; write it in base64url"
        if answer == key.get("kid"):
            return "that is the kid; the answer is the thumbprint of the key itself"
        if answer == _base64url(sha256(_canonical(key) + b"\n").digest()):
            return "that is a digest with a line end after the JSON"
    return "no key of the JWKS has this thumbprint"


def certificate(given: str, own: str, offer: Mapping[str, str]) -> str:
    """The same for certificate; `own` is the PEM of the cluster's authority, `offer` has all that were offered."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1

    answer = given.rpartition("=")[2].replace(":", "").lower()
    if answer == fingerprint(own):
        return ""
    if answer in {fingerprint(pem) for pem in offer.values()}:
        return "that authority has not signed the API server's certificate"
    if answer == sha256(own.encode()).hexdigest():
        return "that is the digest of the PEM text; the fingerprint is that of the certificate in it (DER)"
    if answer == x509.load_pem_x509_certificate(own.encode()).fingerprint(SHA1()).hex():  # noqa: S303  # to name it
        return "that is the SHA-1 fingerprint"
    return _no_digest(answer) or "that is no fingerprint of the authorities"


def _asked_of_certificates(given: str, lab: Lab) -> str:
    return certificate(given, lab.api.authority, offered(lab.names["ISSUER"], lab.api.authority))


def _asked_of_kms(given: str, lab: Lab) -> str | Outcome:
    keys = key_ids(lab)
    return judged(given, lab, keys[KEY_ID]) if isinstance(keys, dict) else keys


def key_ids(lab: Lab) -> dict[str, str] | Outcome:
    """The KMS keys of the exercise, by the ConfigMap that tells them to a learner."""
    found = refused(lab.api.request("GET", f"{CONFIG_MAPS}/{ENVELOPE}"), f"The ConfigMap {ENVELOPE}")
    return dict(found.value["data"]) if isinstance(found, Done) else found


def _asked_of_puzzle(judge: Callable[[str, Puzzle], str]) -> Callable[[str, Lab], str | Outcome]:
    return lambda given, lab: judge(given, Puzzle.of(lab.names))


def _asked_of_api_server(given: str, lab: Lab) -> str | Outcome:
    token = token_of(lab, NAMESPACE, ACCOUNT)
    if not isinstance(token, str):
        return token
    keys = refused(lab.api.request("GET", JWKS), "The JWKS")
    return jwks(given, token, keys.value) if isinstance(keys, Done) else keys


_JUDGES: Final[Mapping[Part, Callable[[str, Lab], str | Outcome]]] = {
    "caesar": _asked_of_puzzle(caesar),
    "hash": _asked_of_puzzle(changed_file),
    "sigv4": _asked_of_puzzle(sigv4),
    "jwks": _asked_of_api_server,
    "certificate": _asked_of_certificates,
    "envelope": _asked_of_kms,
}


def _wrong_signatures(puzzle: Puzzle) -> list[tuple[str, str]]:
    """What comes of a mistake in the chain, with its name."""
    secret, text = puzzle.key.secret_access_key, puzzle.signed.string_to_sign
    moment = puzzle.moment.strftime("%Y%m%dT%H%M%SZ")
    scope = (moment[:8], puzzle.region, "sts", "aws4_request")
    key = _chain(f"AWS4{secret}", *scope)
    as_text = f"AWS4{secret}".encode()
    for each in scope:
        as_text = _mac(as_text, each).hex().encode()
    return [
        ("AWS4 is missing before the secret", _mac(_chain(secret, *scope), text).hex()),
        ("the date of the first HMAC is the day alone", _mac(_chain(f"AWS4{secret}", moment, *scope[1:]), text).hex()),
        ("a line end was signed too", _mac(key, f"{text}\n").hex()),
        ("the keys between were taken as hex digits, and not as bytes", _mac(as_text, text).hex()),
        ("that is the signing key", key.hex()),
    ]


def _chain(secret: str, *scope: str) -> bytes:
    key = secret.encode()
    for each in scope:
        key = _mac(key, each)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), sha256).digest()


def _no_digest(given: str) -> str:
    if len(given) == HEX and not set(given) - set("0123456789abcdef"):
        return ""
    return f"it has {len(given)} characters, and has to have {HEX} hex digits"


def _canonical(key: Mapping[str, Any]) -> bytes:
    """A public key as RFC 7638, section 3, has it before the digest."""
    members = {"e": key.get("e"), "kty": key.get("kty"), "n": key.get("n")}
    return json.dumps(members, separators=(",", ":"), sort_keys=True).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
