"""What a trust policy lets in: the same as the evaluator that stands in for IAM in the rehearsal says, where both know
it, and the attacker's side of the doubt where nobody does."""

from __future__ import annotations

import random
from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy

from grading.trust_policy import Asks, fitting, lets_in, values_of

PROVIDER = "arn:aws:iam::111122223333:oidc-provider/example.com"
ACTION = "sts:AssumeRoleWithWebIdentity"
KEY, OTHER = "example.com:sub", "example.com:aud"
VALUES = ("a", "A", "ab", "b")
PATTERNS = (*VALUES, "a*", "?", "*", "?b", "")
OPERATORS = [
    f"{each}{operator}{end}"
    for operator in (
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    )
    for each in ("", "ForAnyValue:", "ForAllValues:")
    for end in ("", "IfExists")
]


def policy(draw: random.Random) -> dict[str, Any]:
    def condition() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(draw.randrange(3)):
            values = draw.sample(PATTERNS, draw.randint(1, 2))
            found.setdefault(draw.choice(OPERATORS), {})[draw.choice((KEY, OTHER))] = values
        if draw.random() < 0.1:
            found["Null"] = {draw.choice((KEY, OTHER)): draw.choice(("true", "false"))}
        return found

    def statement() -> dict[str, Any]:
        principals = ({"Federated": PROVIDER}, {"Federated": [PROVIDER, "x"]}, {"Federated": "x"}, "*")
        element = draw.choice(("Action", "Action", "Action", "NotAction"))
        actions = (ACTION, "sts:*", ["sts:AssumeRole", ACTION.upper()], "sts:TagSession", "sts:AssumeRole?ithWeb*")
        return {
            "Effect": draw.choice(("Allow", "Allow", "Deny")),
            "Principal": draw.choice(principals),
            element: draw.choice(actions),
            "Condition": condition(),
        }

    return {"Statement": [statement() for _ in range(draw.randint(1, 3))]}


@pytest.mark.parametrize("seed", range(20))
def test_it_is_as_the_rehearsals_evaluator_has_it(seed: int):
    draw = random.Random(seed)  # noqa: S311  # any policy will do, and the same each time
    found: list[bool] = []
    for _ in range(100):
        document = policy(draw)
        keys = {key: draw.choice((*VALUES, None)) for key in (KEY, OTHER)}
        context = EvalContext(
            principal_arn=PROVIDER,
            principal_type="WebIdentityUser",
            principal_account="111122223333",
            action=ACTION,
            resource_arn="arn:aws:iam::111122223333:role/r",
            region="ap-northeast-2",
            service_context={key: value for key, value in keys.items() if value is not None},
        )
        mine = lets_in(document, Asks(("Federated", PROVIDER), (ACTION,), keys))
        assert mine is evaluate_trust_policy(document, PROVIDER, context), (document, keys)
        found.append(mine)
    assert {True, False} == set(found)


ASKS = Asks(("Service", "pods.eks.amazonaws.com"), ("sts:AssumeRole", "sts:TagSession"), {"aws:x": "a"})


def statement(effect: str, condition: dict[str, Any], *actions: str) -> dict[str, Any]:
    principal = {"Service": "pods.eks.amazonaws.com"}
    return {"Effect": effect, "Principal": principal, "Action": [*actions] or "sts:*", "Condition": condition}


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:y": "a"}},
        {"StringEquals": {"aws:x": "${aws:username}"}},
        {"ArnLike": {"aws:x": "a"}},
        {"Bool": {"aws:x": "true"}},
        {"Null": {"aws:y": "true"}},
        {"StringEquals": {"aws:x": "a", "aws:y": "a"}},
    ],
    ids=str,
)
def test_what_nobody_knows_counts_for_the_attacker(condition: dict[str, Any]):
    assert lets_in({"Statement": statement("Allow", condition)}, ASKS)
    assert lets_in({"Statement": [statement("Allow", {}), statement("Deny", condition)]}, ASKS)
    certain = {**condition, "StringNotEquals": {"aws:x": "a"}}
    assert not lets_in({"Statement": statement("Allow", certain)}, ASKS), "one condition fails for certain"


def test_everybody_but_somebody_is_everybody():
    allowed = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": ACTION}
    but = {"NotPrincipal": {"Federated": "x"}, "Action": ACTION}
    asks = Asks(("Federated", PROVIDER), (ACTION,), {})
    assert lets_in({"Statement": [{"Effect": "Allow", **but}]}, asks)
    assert lets_in({"Statement": [allowed, {"Effect": "Deny", **but}]}, asks)
    assert not lets_in({"Statement": [{"Effect": "Deny", **but}]}, asks)


def test_all_actions_are_needed():
    allowed = statement("Allow", {}, "sts:AssumeRole")
    assert not lets_in({"Statement": [allowed]}, ASKS)
    assert lets_in({"Statement": [allowed, statement("Allow", {}, "sts:TagSession")]}, ASKS)
    assert not lets_in({"Statement": [statement("Allow", {}), statement("Deny", {}, "sts:TagSession")]}, ASKS)


def test_a_policy_tells_what_it_compares_a_key_with():
    one = statement("Allow", {"StringLike": {"AWS:X": ["a", "b*"], "aws:y": "no"}})
    two = statement("Deny", {"StringNotEquals": {"aws:x": "c"}})
    assert [*values_of({"Statement": [one, two]}, "aws:x")] == ["a", "b*", "c"]
    assert [*values_of({"Statement": one}, "aws:z")] == []


def test_texts_are_made_that_fit_a_pattern():
    assert [*fitting(["plain"], ["1", "2"])] == ["plain"]
    assert [*fitting(["a?-*"], ["1", "2"])] == ["ax-1", "ax-2"]
    assert [*fitting(["*:*"], ["1", "2"])] == ["1:1", "1:2", "2:1", "2:2"]
    assert [*fitting(["*a*b*c*"], ["1", "2"])] == ["1a1b1c1", "2a2b2c2"], "many stars are filled in alike"
