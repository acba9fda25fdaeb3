"""A service account's token, verified against published keys."""

import re
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from rehearsal.emulator.eks import tokens
from rehearsal.emulator.eks.eks_auth import session_name

ISSUER = "https://oidc.eks.ap-northeast-2.amazonaws.com/id/A"
NOW = 1_800_000_000


@cache
def key(number: int = 0) -> rsa.RSAPrivateKey:
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def published(*numbers: int) -> list[jwt.PyJWK]:
    return [jwt.PyJWK({**RSAAlgorithm.to_jwk(key(n).public_key(), as_dict=True), "kid": str(n)}) for n in numbers]


def claims(**more: Any) -> dict[str, Any]:
    own = (
        more.pop("own")
        if "own" in more
        else {
            "namespace": "default",
            "serviceaccount": {"name": "my-sa", "uid": "1"},
            "pod": {"name": "p", "uid": "2"},
        }
    )
    return {
        "iss": ISSUER,
        "aud": ["sts.amazonaws.com"],
        "sub": "system:serviceaccount:default:my-sa",
        "iat": NOW - 10,
        "nbf": NOW - 10,
        "exp": NOW + 3600,
        "kubernetes.io": own,
        **more,
    }


def signed(number: int = 0, key_id: str = "0", **more: Any) -> str:
    return jwt.encode(claims(**more), key(number), "RS256", {"kid": key_id})


def test_a_good_token_says_who_holds_it() -> None:
    token = tokens.verify(signed(), ISSUER, published(1, 0), NOW)
    assert token == tokens.ServiceAccountToken(
        issuer=ISSUER,
        subject="system:serviceaccount:default:my-sa",
        audiences=("sts.amazonaws.com",),
        namespace="default",
        service_account="my-sa",
        pod_name="p",
        pod_uid="2",
    )
    unbound = {"namespace": "n", "serviceaccount": {"name": "s"}}
    assert tokens.verify(signed(own=unbound), ISSUER, published(0), NOW).pod_name == ""
    assert tokens.verify(signed(aud="one"), ISSUER, published(0), NOW).audiences == ("one",)


@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        (lambda: signed(1), tokens.BadSignature),
        (lambda: signed(1, "1"), tokens.NoKey),
        (lambda: jwt.encode(claims(), key(), "RS256"), tokens.NoKey),
        (lambda: jwt.encode(claims(), "x" * 32, "HS256", {"kid": "0"}), tokens.BadSignature),
        (
            lambda: jwt.encode(claims(), ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": "0"}),
            tokens.BadSignature,
        ),
        (lambda: jwt.encode(claims(), key(), "RS512", {"kid": "0"}), tokens.BadSignature),
        (lambda: signed(iss=ISSUER + "B"), tokens.UnknownIssuer),
        (lambda: signed(exp=NOW), tokens.Expired),
        (lambda: signed(exp=None), tokens.Malformed),
        (lambda: signed(exp=str(NOW + 60)), tokens.Malformed),
        (lambda: signed(nbf=NOW + 120), tokens.NotYet),
        (lambda: signed(own=None), tokens.Malformed),
        (lambda: signed(own={"namespace": "n"}), tokens.Malformed),
        (lambda: signed(aud=None), tokens.Malformed),
        (lambda: "a.b.c", tokens.Malformed),
        (lambda: "", tokens.Malformed),
    ],
)
def test_another_is_refused_for_what_is_wrong_with_it(
    token: Callable[[], str], refusal: type[tokens.TokenRefused]
) -> None:
    with pytest.raises(tokens.TokenRefused) as raised:
        tokens.verify(token(), ISSUER, published(0), NOW)
    assert type(raised.value) is refusal


def test_a_second_decides() -> None:
    tokens.verify(signed(exp=NOW + 1), ISSUER, published(0), NOW)
    tokens.verify(signed(nbf=NOW + tokens.AHEAD), ISSUER, published(0), NOW)
    with pytest.raises(tokens.Expired) as raised:
        tokens.verify(signed(exp=NOW), ISSUER, published(0), NOW)
    assert (raised.value.now, raised.value.expiration) == (NOW, NOW)


@pytest.mark.parametrize("text", ["", "x", "a.b.c", jwt.encode({"iss": ""}, "x" * 32), jwt.encode({}, "x" * 32)])
def test_what_names_no_issuer_is_no_token(text: str) -> None:
    with pytest.raises(tokens.Malformed):
        tokens.issuer_of(text)


def test_verifying_costs_the_event_loop_little() -> None:
    token, keys = signed(), published(0)
    began = time.perf_counter()
    for _ in range(100):
        tokens.verify(token, ISSUER, keys, NOW)
    assert time.perf_counter() - began < 1


@given(
    st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9][-_A-Za-z0-9]{0,99}", fullmatch=True),
)
def test_a_pod_s_session_has_a_name_that_sts_takes(pod: str, cluster: str) -> None:
    name = session_name(cluster, pod)
    assert re.fullmatch(r"[\w+=,.@-]{2,64}", name)
    assert name != session_name(cluster, pod)
