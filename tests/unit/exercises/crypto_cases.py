"""For exercise crypto's questions: the right answer, wrong ones, and none.

The API server and STS are played by verifiers that really verify: by a key of a test's own, and by signing once more.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from exercises.crypto.answers import HandedIn
from exercises.crypto.authorities import fingerprint, offered
from exercises.crypto.forgeries import ForgedToken, RealToken, SignedRequest
from exercises.crypto.keys import DataKey, Greeting
from exercises.crypto.names import ACCOUNT, JWKS, NAMESPACE, Part
from exercises.crypto.puzzle import Puzzle
from exercises.crypto.solutions import caesar, changed_file, sigv4, thumbprint
from grading.check import Row
from grading.expectations import Allowed, AwsDenied, Says
from grading.grade import Verdict
from grading.kube_api import UNVERIFIED, VERIFIED
from grading.outcomes import AwsRefused, Done, Outcome, Unanswered, http
from grading.run_probe import ROLE_ARN
from grading.tokens import SessionKey, presigned
from tests.unit.exercises.case import Case, Program
from tests.unit.exercises.crypto_kms import envelope, envelope_map, kms
from tests.unit.grading.fake_lab import FakeLab, lab, status, url_in

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
QUESTIONS: Final = (HandedIn, SignedRequest, RealToken, ForgedToken, Greeting, DataKey)
ROLE: Final = "arn:aws:iam::111122223333:role/crypto-sa-role"
OPERATOR: Final = SessionKey("AKIAOPERATOR0000", "operator")
"""As the fake lab has it."""

UNAUTHORIZED: Final = http(401, status(401, "Unauthorized", "Unauthorized"))
FORBIDDEN: Final = http(403, status(403, "Forbidden", "forbidden"))
BUSY: Final = http(500, status(500, "InternalError", "later"))
REFUSED: Final = AwsRefused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", "Couldn't retrieve the key")

Verifier = Callable[[str], Outcome]
"""A token → what is said to who shows it."""


@lru_cache
def key(name: str) -> rsa.RSAPrivateKey:
    """A key pair, one for each name."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(name: str) -> dict[str, Any]:
    """The public half, as a JWKS has it."""
    found: dict[str, Any] = RSAAlgorithm.to_jwk(key(name).public_key(), as_dict=True)
    members = {member: found[member] for member in ("kty", "n", "e")}
    return {"use": "sig", "alg": "RS256", "kid": f"kid-of-{name}", **members}


def minted(account: str, name: str = "cluster") -> str:
    """A token of a service account, as the API server signs it."""
    claims = {"sub": f"system:serviceaccount:{NAMESPACE}:{account}", "aud": ["x"], "exp": 4_000_000_000}
    return jwt.encode(claims, key(name), algorithm="RS256", headers={"kid": f"kid-of-{name}"})


def keys() -> dict[str, Any]:
    """The cluster's JWKS: the key before, and the one that signs."""
    return {"keys": [public("before"), public("cluster")]}


def user(name: str) -> Outcome:
    """The API server's answer to somebody whom it knows."""
    return http(201, {"status": {"userInfo": {"username": name}}})


def verifying(token: str) -> Outcome:
    """The API server: a service account's token by the JWKS, an EKS token by the signature that it ought to have."""
    if token.startswith("k8s-aws-v1."):
        return user("operator") if _signed_by_operator(url_in(token)) else UNAUTHORIZED
    try:
        wanted = jwt.PyJWKSet.from_dict(keys())[jwt.get_unverified_header(token).get("kid", "")]
        claims = jwt.decode(token, wanted, algorithms=["RS256"], options={"verify_aud": False})
    except (jwt.PyJWTError, KeyError):
        return UNAUTHORIZED
    return user(str(claims["sub"]))


def _signed_by_operator(url: str) -> bool:
    from datetime import UTC, datetime
    from urllib.parse import parse_qs, urlsplit

    query = parse_qs(urlsplit(url).query)
    when = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    here = lab()
    names = here.session.names
    again = presigned(OPERATOR, names["CLUSTER_NAME"], region=names["AWS_REGION"], sts=here.aws.sts, when=when)
    return again.url == url


def cases(row: Row) -> Iterator[Case]:
    """The right answer first."""
    question, expected = row.question, row.expected
    match question:
        case HandedIn():
            assert isinstance(expected, Says)
            yield from _handed_in(question.part, wanted=expected.pattern == "right")
        case SignedRequest():
            yield from _at_api_server(allowed=isinstance(expected, Allowed))
            yield Case("no credentials", _without_credentials, NOT_ASKED)
        case RealToken() | ForgedToken():
            if question.verifier == "STS":
                yield from _at_sts(allowed=not isinstance(expected, AwsDenied))
            else:
                yield from _at_api_server(allowed=isinstance(expected, Says), named=isinstance(expected, Says))
            yield Case("the account was deleted", lambda _: None, FAILED)
        case Greeting():
            yield from _greeting(own=question.own)
        case DataKey():
            yield from _data_key(question)
        case _:
            raise AssertionError(question)
    yield Case("no answer", _silent, NOT_ASKED)


def _silent(one: FakeLab) -> None:
    standing({}, shown=lambda _: BUSY, broken=True)(one)
    one.api.greeting = BUSY


def standing(answers: Mapping[str, str], *, shown: Verifier = verifying, broken: bool = False) -> Program:
    """A lab with these answers handed in, whose API server and STS verify so."""

    def at_sts(**params: Any) -> Outcome:
        outcome = shown(params["WebIdentityToken"])
        if not isinstance(outcome, Done):
            return REFUSED if outcome == UNAUTHORIZED else outcome
        return Done({"SubjectFromWebIdentityToken": outcome.value["status"]["userInfo"]["username"]}, "")

    def answer(_method: str, path: str, _body: Any, token: str | None) -> Outcome | None:
        if broken:
            return BUSY
        if path.endswith("/token"):
            return http(201, {"status": {"token": minted(path.split("/")[-2])}})
        if path.endswith("/selfsubjectreviews"):
            assert token
            return shown(token)
        if path.endswith("/configmaps/envelope"):
            return http(200, {"data": envelope_map()})
        if path.endswith("/configmaps/answers"):
            return http(200, {"data": dict(answers)})
        if path.endswith(f"/serviceaccounts/{ACCOUNT}"):
            return http(200, {"metadata": {"annotations": {ROLE_ARN: ROLE}}})
        return http(200, keys()) if path == JWKS else None

    def program(one: FakeLab) -> None:
        one.api.answers.append(answer)
        call = one.aws.call

        def called(service: str, operation: str, signer: Any = "operator", **params: Any) -> Outcome:
            if operation == "assume_role_with_web_identity":
                assert (signer, params["RoleArn"]) == ("unsigned", ROLE)
                return at_sts(**params)
            if service == "kms":
                return BUSY if broken else kms(operation, **params)
            return call(service, operation, signer, **params)

        one.aws.call = called

    return program


def right(part: Part) -> str:
    """The answer, as the lab's own program finds it."""
    maps = Puzzle.of(lab().session.names).config_maps
    match part:
        case "caesar":
            return caesar(maps["caesar"])
        case "hash":
            return changed_file(maps["files"])
        case "sigv4":
            return sigv4(maps["signer"])
        case "jwks":
            return thumbprint(minted(ACCOUNT), keys())
        case "certificate":
            return fingerprint(lab().api.authority)
        case "envelope":
            return envelope()


def wrong(part: Part) -> Iterator[tuple[str, str]]:
    """Wrong answers, each with a word of what is said of it."""
    puzzle = Puzzle.of(lab().session.names)
    other = Puzzle("https://oidc.example/id/OTHER", puzzle.cluster, puzzle.region)
    match part:
        case "caesar":
            yield str(puzzle.x), "that is x"
            yield other.word, "not the word"
            yield f"The word of this lab is {puzzle.word}.", "more than the word"
        case "hash":
            same = next(name for name in puzzle.files if name != puzzle.changed)
            yield puzzle.changed, "that is the file"
            yield sha256(puzzle.originals[puzzle.changed].encode()).hexdigest(), "SHA256SUMS"
            yield sha256(puzzle.files[same].encode()).hexdigest(), "SHA256SUMS"
            yield sha256(puzzle.files[puzzle.changed].rstrip("\n").encode()).hexdigest(), "without the last line end"
            yield other.digest, "not the digest"
            yield puzzle.digest[:-1], "63 characters"
        case "sigv4":
            yield other.signed.signature, "not the signature"
            yield puzzle.signed.signature[:40], "40 characters"
            yield from _of_a_wrong_chain(puzzle)
        case "jwks":
            yield "kid-of-cluster", "kid"
            yield thumbprint(minted(ACCOUNT, "before"), keys()), "does not verify"
            yield thumbprint(minted(ACCOUNT, "foreign"), {"keys": [public("foreign")]}), "no key"
            digest = base64.urlsafe_b64decode(right("jwks") + "=")
            yield digest.hex(), "base64url"
        case "certificate":
            own = lab().api.authority
            others = [pem for pem in offered(puzzle.issuer, own).values() if pem != own]
            for pem in others:
                yield fingerprint(pem), "has not signed"
            yield sha256(own.encode()).hexdigest(), "PEM"
            sha1 = hashes.SHA1()  # noqa: S303  # a mistake that is easily made
            yield x509.load_pem_x509_certificate(own.encode()).fingerprint(sha1).hex(), "SHA-1"
            yield fingerprint(own)[:-1], "63 characters"
            yield sha256(b"").hexdigest(), "no fingerprint"
        case "envelope":
            yield from _wrong_envelopes(puzzle)


def _wrong_envelopes(puzzle: Puzzle) -> Iterator[tuple[str, str]]:
    yield envelope(context="other"), f"with the context lab={puzzle.context}"
    yield envelope(key_id="another-key"), "another key"
    yield envelope(text="This is another text."), "does not hold the text"
    yield envelope(change=lambda text: text.rpartition(".")[0]), "2 parts"
    yield envelope(change=lambda text: text.replace(".", ".00", 1)), "32 hex digits"
    yield envelope(change=lambda text: f"!{text}"), "base64"
    yield (
        envelope(change=lambda text: f"{base64.b64encode(b'x').decode()}.{text.partition('.')[2]}"),
        "does not decrypt",
    )
    plain = base64.b64encode(puzzle.text.encode()).decode()
    yield envelope(change=lambda text: f"{text.rpartition('.')[0]}.{plain}"), "in plain"
    other = base64.b64encode(b"sixteen bytes 16" * 2).decode()
    yield envelope(change=lambda text: f"{text.rpartition('.')[0]}.{other}"), "not encrypted with it"


def _of_a_wrong_chain(puzzle: Puzzle) -> Iterator[tuple[str, str]]:
    """By the lab's own program, given something else."""
    data = puzzle.config_maps["signer"]
    yield sigv4({**data, "string-to-sign": data["string-to-sign"] + "\n"}), "line end"
    yield sigv4({**data, "secret-access-key": data["secret-access-key"][1:]}), "not the signature"


def _handed_in(part: Part, *, wanted: bool) -> Iterator[Case]:
    given = standing({part: right(part)})
    nothing = standing({part: ""})
    yield Case("as it has to be", given if wanted else nothing, PASSED)
    yield Case("the other way round", nothing if wanted else given, FAILED)
    yield Case("no such key", standing({}), FAILED if wanted else PASSED)
    for answer, words in wrong(part):
        yield Case(f"wrong: {words}", standing({part: answer}), FAILED)
    yield Case("the ConfigMap was deleted", lambda _: None, FAILED)


def _at_api_server(*, allowed: bool, named: bool = False) -> Iterator[Case]:
    yield Case("whoever verifies", standing({}), PASSED)
    if allowed:
        yield Case("nobody is let in", standing({}, shown=lambda _: UNAUTHORIZED), FAILED)
        elsewhere = user(f"system:serviceaccount:default:{ACCOUNT}")
        yield from [Case("another my-sa", standing({}, shown=lambda _: elsewhere), FAILED)] if named else []
    else:
        yield Case("everybody is believed", standing({}, shown=lambda _: user("my-sa")), FAILED)
    yield Case("forbidden", standing({}, shown=lambda _: FORBIDDEN), FAILED)


def _at_sts(*, allowed: bool) -> Iterator[Case]:
    yield from list(_at_api_server(allowed=allowed))[:2]
    denied = AwsRefused("AccessDenied", "AssumeRoleWithWebIdentity", "Not authorized")
    yield Case("denied by the trust policy", standing({}, shown=lambda _: denied), FAILED)


def _greeting(*, own: bool) -> Iterator[Case]:
    def says(word: str) -> Program:
        return lambda one: setattr(one.api, "greeting", Done(word, word))

    yield Case("whoever verifies", standing({}), PASSED)
    yield Case("the other way round", says(UNVERIFIED if own else VERIFIED), FAILED)


def _data_key(question: DataKey) -> Iterator[Case]:
    def answered(outcome: Outcome) -> Program:
        def program(one: FakeLab) -> None:
            standing({})(one)
            one.aws.call = lambda *_, **__: outcome  # pyright: ignore[reportAttributeAccessIssue]

        return program

    def careless(one: FakeLab) -> None:
        standing({})(one)
        one.aws.call = lambda _, operation, **params: kms(operation, careless=True, **params)  # pyright: ignore

    yield Case("KMS looks", standing({}), PASSED)
    if question.how != "right":
        yield Case("KMS looks at nothing", careless, FAILED)
    denied = AwsRefused("AccessDeniedException", "GenerateDataKey", "no")
    yield Case("denied", answered(denied), FAILED)
    yield Case("KMS is busy", answered(Unanswered("AWS answered ThrottlingException")), NOT_ASKED)
    yield Case("the ConfigMap was deleted", lambda _: None, NOT_ASKED)


def _without_credentials(one: FakeLab) -> None:
    one.aws.key = Unanswered("There are no AWS credentials.")
