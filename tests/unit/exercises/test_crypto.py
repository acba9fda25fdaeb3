"""Puzzles of exercise crypto differ from lab to lab and can be solved; mistakes are told; forgeries are real ones."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any, get_args

import jwt
import pytest
from cryptography import x509

from exercises.crypto import answers, solutions
from exercises.crypto.authorities import NAMES, fingerprint, offered
from exercises.crypto.envelopes import Envelope
from exercises.crypto.forgeries import ForgedToken, Forgery, SignedRequest, forged
from exercises.crypto.names import ACCOUNT, ANSWERS, CERTIFICATES, CONFIG_MAPS, MALLORY, NAMESPACE, PARTS, Part
from exercises.crypto.puzzle import FILES, SUMS, Puzzle, shifted
from exercises.registry import ROWS
from grading.outcomes import Done, Outcome
from tests.unit.certificates import authority
from tests.unit.exercises.crypto_cases import (
    OPERATOR,
    Verifier,
    keys,
    minted,
    public,
    right,
    standing,
    user,
    verifying,
    wrong,
)
from tests.unit.exercises.crypto_kms import envelope, envelope_map
from tests.unit.grading.fake_lab import OUTPUTS, lab, query_of

PUZZLES = [Puzzle(f"https://oidc.example/id/{number:032X}", "myeks", "ap-northeast-2") for number in range(60)]
FORGERIES: tuple[Forgery, ...] = get_args(Forgery)
WRONG = [(part, answer, words) for part in PARTS for answer, words in wrong(part)]


def told(part: Part, answer: str) -> str:
    here = lab()
    standing({part: answer})(here)
    outcome = answers.HandedIn(part).ask(here.session)
    assert isinstance(outcome, Done)
    return str(outcome.value)


def test_the_note_s_own_example_is_a_shift_by_three():
    """ "ABC" is sent as "DEF" (study note, "암/복호화 예시")."""
    assert shifted("ABC", 3) == "DEF"
    assert shifted("~", 1) == " "
    assert shifted(shifted("My-Sa 4~", 90), 5) == "My-Sa 4~"


def test_answers_differ_from_lab_to_lab():
    assert len({each.word for each in PUZZLES}) == len(PUZZLES)
    assert len({each.digest for each in PUZZLES}) == len(PUZZLES)
    assert len({each.signed.signature for each in PUZZLES}) == len(PUZZLES)
    assert len({each.x for each in PUZZLES}) > 30
    assert {each.changed for each in PUZZLES} == set(FILES)


def test_the_lab_s_own_programs_solve_the_puzzles_of_every_lab():
    for puzzle in PUZZLES:
        maps = puzzle.config_maps
        assert solutions.caesar(maps["caesar"]) == puzzle.word
        assert solutions.changed_file(maps["files"]) == puzzle.digest
        assert solutions.sigv4(maps["signer"]) == puzzle.signed.signature


def test_caesar_s_text_is_not_the_sentence():
    for puzzle in PUZZLES:
        assert 1 <= puzzle.x <= 94
        assert puzzle.word not in puzzle.config_maps["caesar"]["ciphertext"]


def test_one_byte_of_one_file_was_changed():
    for puzzle in PUZZLES:
        pairs = [(puzzle.originals[name].encode(), puzzle.files[name].encode()) for name in FILES]
        assert [len(before) for before, _ in pairs] == [len(after) for _, after in pairs]
        assert sum(x != y for before, after in pairs for x, y in zip(before, after, strict=True)) == 1
        assert SUMS in puzzle.config_maps["files"]
        assert puzzle.digest not in puzzle.sums


def test_the_string_to_sign_is_all_that_the_signature_is_made_of():
    """The chain by hand, as the AWS General Reference ("Create a signed AWS API request") has it."""
    puzzle = PUZZLES[0]
    day, region = puzzle.moment.strftime("%Y%m%d"), puzzle.region
    key = f"AWS4{puzzle.key.secret_access_key}".encode()
    for each in (day, region, "sts", "aws4_request"):
        key = hmac.digest(key, each.encode(), "sha256")
    found = puzzle.signed
    assert hmac.digest(key, found.string_to_sign.encode(), "sha256").hex() == found.signature
    assert found.signature in found.url
    assert found.string_to_sign.splitlines()[2] == f"{day}/{region}/sts/aws4_request"


def test_no_configmap_holds_an_answer():
    for puzzle in PUZZLES:
        shown = json.dumps(puzzle.config_maps)
        for answer in (puzzle.word, puzzle.digest, puzzle.signed.signature):
            assert answer not in shown


@pytest.mark.parametrize("part", PARTS)
def test_a_right_answer_is_right_however_it_was_pasted(part: Part):
    assert told(part, right(part)) == "right"
    assert told(part, f' "{right(part)}"\n') == "right"


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("answer", ["", " \n", '""'])
def test_no_answer_is_not_a_right_one(part: Part, answer: str):
    assert told(part, answer) == "none yet"


@pytest.mark.parametrize("part", ["caesar", "hash", "sigv4"])
def test_capital_letters_are_no_mistake_where_they_mean_nothing(part: Part):
    assert told(part, right(part).upper()) == "right"


@pytest.mark.parametrize(("part", "answer", "words"), WRONG, ids=[f"{part}: {words}" for part, _, words in WRONG])
def test_a_wrong_answer_is_told_by_its_mistake(part: Part, answer: str, words: str):
    said = told(part, answer)
    assert said.startswith("wrong: ")
    assert words in said
    assert right(part) not in said


def test_mistakes_in_the_chain_are_told():
    puzzle = Puzzle.of(lab().session.names)
    secret, text = puzzle.key.secret_access_key, puzzle.signed.string_to_sign
    moment = puzzle.moment.strftime("%Y%m%dT%H%M%SZ")

    def signature(first: str, date: str = moment[:8], *, as_hex: bool = False) -> str:
        key = first.encode()
        for each in (date, puzzle.region, "sts", "aws4_request"):
            key = hmac.digest(key, each.encode(), "sha256")
            key = key.hex().encode() if as_hex else key
        return hmac.digest(key, text.encode(), "sha256").hex()

    assert "AWS4 is missing" in told("sigv4", signature(secret))
    assert "day alone" in told("sigv4", signature(f"AWS4{secret}", moment))
    assert "hex digits" in told("sigv4", signature(f"AWS4{secret}", as_hex=True))


def test_a_token_by_the_key_that_came_before_is_no_proof_of_the_other():
    """Two keys in the JWKS: the right one is that of today's tokens."""
    assert told("jwks", right("jwks")) == "right"
    old = solutions.thumbprint(minted(ACCOUNT, "before"), keys())
    assert old != right("jwks")


def test_the_thumbprint_is_that_of_rfc_7638():
    """The example of its section 3.1."""
    key = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
        "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-"
        "65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
        "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    token = minted(ACCOUNT)
    said = answers.jwks("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", token, {"keys": [key]})
    assert "does not verify" in said


def test_the_lab_hands_in_what_passes():
    here = lab()
    maps = Puzzle.of(here.session.names).config_maps
    offer = {CERTIFICATES: offered(Puzzle.of(here.session.names).issuer, here.api.authority)}
    for name, data in {**maps, **offer}.items():
        here.api.on("GET", f"{CONFIG_MAPS}/{name}", 200, {"data": data})
    here.api.on("PATCH", f"{CONFIG_MAPS}/{ANSWERS}", 200, {})
    standing({})(here)
    solutions.hand_in(here.session)
    [(body, token)] = [(body, token) for method, _, body, token in here.api.asked if method == "PATCH"]
    assert token is None
    given = body["data"]
    assert set(given) == set(PARTS)
    assert {part: told(part, answer) for part, answer in given.items()} == dict.fromkeys(PARTS, "right")
    assert here.api.authority in here.api.greeted


def test_two_envelopes_of_the_lab_are_never_the_same():
    """IV and data key are new ones each time; here the fake KMS has one data key."""
    here = lab()
    standing({})(here)
    first, second = (solutions.PROGRAMS["envelope"](here.session) for _ in range(2))
    assert first.split(".")[1:] != second.split(".")[1:]
    assert told("envelope", first) == told("envelope", second) == "right"


def test_an_envelope_does_not_hold_the_text():
    puzzle = Puzzle.of(lab().session.names)
    assert puzzle.text.encode() not in Envelope.read(right("envelope")).data


def test_the_text_of_an_envelope_may_end_with_a_line_end():
    assert told("envelope", envelope(text=f"{envelope_map()['text']}\n")) == "right"


def test_a_fingerprint_may_be_written_as_openssl_prints_it():
    digits = right("certificate").upper()
    pairs = ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
    assert told("certificate", f"sha256 Fingerprint={pairs}") == "right"


@pytest.mark.parametrize("called", ["kubernetes", "kubernetes myeks"])
def test_the_authorities_have_one_name_and_the_cluster_s_own_is_among_them(called: str):
    own = authority("the cluster", called)
    places: set[str] = set()
    for puzzle in PUZZLES:
        offer = offered(puzzle.issuer, own)
        assert offer == offered(puzzle.issuer, own)
        assert len({fingerprint(pem) for pem in offer.values()}) == 3
        assert list(offer.values()).count(own) == 1
        places.update(name for name, pem in offer.items() if pem == own)
        found = [x509.load_pem_x509_certificate(pem.encode()) for pem in offer.values()]
        assert {each.subject.rfc4514_string() for each in found} == {f"CN={called}"}
        assert len({(each.not_valid_before_utc, each.not_valid_after_utc) for each in found}) == 1
    assert places == set(NAMES)


def test_what_cannot_be_read_is_not_answered():
    with pytest.raises(solutions.Unsolved, match="caesar"):
        solutions.hand_in(lab().session)


def careless(how: Forgery) -> Verifier:
    """A verifier with the one mistake that a forgery lives on."""

    def verify(token: str) -> Outcome:
        header = jwt.get_unverified_header(token)
        signature = token.rpartition(".")[2]
        named = header.get("kid") == "kid-of-cluster"
        match how:
            case "changed-sub":  # compares the signature with that of a token that it knows, and not with the text
                believes = named and signature == minted(MALLORY).rpartition(".")[2]
            case "alg-none":  # believes the token's own alg
                believes = header["alg"] == "none" and not signature
            case "foreign-key":  # takes any RSA key of this size
                believes = named and len(base64.urlsafe_b64decode(signature + "==")) == 256
        said = jwt.decode(token, options={"verify_signature": False})
        return user(said["sub"]) if believes else verifying(token)

    return verify


@pytest.mark.parametrize("how", FORGERIES)
@pytest.mark.parametrize("verifier", ["API server", "STS"])
def test_a_forgery_gets_by_a_verifier_with_its_mistake_and_by_no_other(how: Forgery, verifier: Any):
    for shown, gets_by in ((verifying, False), (careless(how), True)):
        here = lab()
        standing({}, shown=shown)(here)
        assert isinstance(ForgedToken(how, verifier).ask(here.session), Done) is gets_by


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forgery_says_my_sa_and_is_mallory_s(how: Forgery):
    token = minted(MALLORY)
    changed = forged(token, how)
    said = jwt.decode(changed, options={"verify_signature": False})
    assert said["sub"] == f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
    assert jwt.get_unverified_header(changed)["alg"] == ("none" if how == "alg-none" else "RS256")
    same = changed.rpartition(".")[2] == token.rpartition(".")[2]
    assert same is (how == "changed-sub")
    with pytest.raises(jwt.PyJWTError):
        jwt.decode(changed, jwt.PyJWK(public("cluster")), algorithms=["RS256"], options={"verify_aud": False})


def test_a_changed_request_differs_in_the_byte_that_it_says():
    tokens: dict[str, str] = {}
    for how in ("one-byte", "wrong-secret", "real"):
        here = lab()
        standing({})(here)
        SignedRequest(how).ask(here.session)
        [tokens[how]] = [token for _, _, _, token in here.api.asked if token]
    assert query_of(tokens["one-byte"])["X-Amz-Expires"] == ["61"]
    assert query_of(tokens["wrong-secret"])["X-Amz-Expires"] == ["60"]
    for token in tokens.values():
        assert query_of(token)["X-Amz-Credential"][0].startswith(OPERATOR.access_key_id)


def test_a_wrong_answer_is_told_at_once():
    """AWS spreads rights with a delay; what a learner writes into the cluster is there."""
    mine = [row for row in ROWS if row.exercise == "crypto"]
    assert {row.lags for row in mine if isinstance(row.question, answers.HandedIn)} == {False}
    assert {row.lags for row in mine if not isinstance(row.question, answers.HandedIn)} == {True}


def test_the_issuer_is_that_of_the_stack_s_outputs():
    assert Puzzle.of(lab().session.names).issuer == OUTPUTS["oidcIssuer"]
