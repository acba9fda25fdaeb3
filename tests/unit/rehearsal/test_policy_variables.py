"""Policy variables and condition keys, as IAM evaluates them."""

import importlib.util
import json
import sys
from typing import Any

import pytest

from rehearsal.emulator.policy_variables import PolicyLanguage

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/lab/pods"
BUCKET = "arn:aws:s3:::b"
TAGS = {"aws:principaltag/team": "study", "aws:userid": "AROA1:s", "aws:principaltag/odd": "a*"}


@pytest.fixture(scope="module")
def evaluator() -> Any:
    """A copy of ministack's evaluator, so that nobody else's is changed."""
    found = importlib.util.find_spec("ministack.core.iam_evaluator")
    assert found
    assert found.origin
    name = "copy_of_ministacks_evaluator"
    copy = importlib.util.spec_from_file_location(name, found.origin)
    assert copy
    assert copy.loader
    module = importlib.util.module_from_spec(copy)
    # Its dataclasses look their module up by name.
    sys.modules[name] = module
    copy.loader.exec_module(module)
    tags = {f"{BUCKET}/mine": {"Team": "study"}}
    PolicyLanguage(module, lambda account, name: ROLE if (account, name) == (ACCOUNT, "pods") else None, tags.get)
    return module


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "s3:GetObject", **elements}


def decide(
    evaluator: Any,
    *statements: dict[str, Any],
    resource: str = f"{BUCKET}/study/x",
    version: str | None = "2012-10-17",
    keys: dict[str, Any] | None = None,
    **more: Any,
) -> str:
    context = evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/pods/s",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action="s3:GetObject",
        resource_arn=resource,
        region="ap-northeast-2",
        principal_keys=TAGS if keys is None else keys,
        **more,
    )
    document = {"Statement": list(statements)} | ({"Version": version} if version else {})
    return evaluator.evaluate(context, [evaluator.parse_policy_document(json.dumps(document))]).decision


OF_TEAM = f"{BUCKET}/${{aws:PrincipalTag/team}}/*"


def test_a_variable_in_a_resource_is_the_caller_s_value(evaluator: Any) -> None:
    assert decide(evaluator, statement(Resource=OF_TEAM)) == "Allow"
    assert decide(evaluator, statement(Resource=OF_TEAM), resource=f"{BUCKET}/other/x") == "ImplicitDeny"
    everything = statement(Resource="*")
    assert decide(evaluator, everything, statement("Deny", Resource=OF_TEAM)) == "Deny"
    assert decide(evaluator, everything, statement("Deny", Resource=OF_TEAM), resource=f"{BUCKET}/other/x") == "Allow"


@pytest.mark.parametrize(
    "variable",
    ["${AWS:principaltag/TEAM}", "${ aws:PrincipalTag/team }", "${aws:PrincipalTag/team, 'other'}"],
)
def test_a_key_is_known_in_any_case_and_before_its_default(evaluator: Any, variable: str) -> None:
    assert decide(evaluator, statement(Resource=f"{BUCKET}/{variable}/x")) == "Allow"


def test_a_variable_without_a_value_matches_no_resource(evaluator: Any) -> None:
    nothing: dict[str, Any] = {}
    for resource in (f"{BUCKET}/study/x", OF_TEAM.replace("*", "x")):
        assert decide(evaluator, statement(Resource=OF_TEAM), resource=resource, keys=nothing) == "ImplicitDeny"
    everything, of_team = statement(Resource="*"), statement("Deny", Resource=OF_TEAM)
    assert decide(evaluator, everything, of_team, keys=nothing) == "Allow"
    both = statement(Resource=[OF_TEAM, f"{BUCKET}/study/*"])
    assert decide(evaluator, both, keys=nothing) == "Allow"
    default = statement(Resource=f"{BUCKET}/${{aws:PrincipalTag/team, 'study'}}/x")
    assert decide(evaluator, default, keys=nothing) == "Allow"


def test_not_resource_excludes_what_has_a_value_and_nothing_else(evaluator: Any) -> None:
    everything, others = statement(Resource="*"), statement("Deny", NotResource=OF_TEAM)
    assert decide(evaluator, everything, others) == "Allow"
    assert decide(evaluator, everything, others, resource=f"{BUCKET}/other/x") == "Deny"
    assert decide(evaluator, everything, others, keys={}) == "Deny"


def test_a_policy_of_the_old_language_has_no_variables(evaluator: Any) -> None:
    for version in ("2008-10-17", None):
        assert decide(evaluator, statement(Resource=OF_TEAM), version=version) == "ImplicitDeny"
        text = OF_TEAM.replace("*", "x")
        assert decide(evaluator, statement(Resource=OF_TEAM), version=version, resource=text) == "Allow"


def test_signs_that_stand_for_themselves_are_no_wildcards(evaluator: Any) -> None:
    starred = statement(Resource=f"{BUCKET}/${{*}}${{?}}${{$}}")
    assert decide(evaluator, starred, resource=f"{BUCKET}/*?$") == "Allow"
    assert decide(evaluator, starred, resource=f"{BUCKET}/abc?$") == "ImplicitDeny"
    odd = statement(Resource=f"{BUCKET}/${{aws:PrincipalTag/odd}}")
    assert decide(evaluator, odd, resource=f"{BUCKET}/abc") == "ImplicitDeny"
    assert decide(evaluator, odd, resource=f"{BUCKET}/a*") == "Allow"


TEAM = "${aws:PrincipalTag/team}"


@pytest.mark.parametrize(
    ("operator", "value", "allowed", "without"),
    [
        ("StringEquals", TEAM, True, False),
        ("StringEquals", f"{TEAM}x", False, False),
        ("StringEqualsIgnoreCase", TEAM.replace("team", "TEAM"), True, False),
        ("StringLike", f"{TEAM}*", True, False),
        ("StringNotEquals", TEAM, False, True),
        ("StringNotLike", TEAM, False, True),
        ("StringNotEqualsIfExists", TEAM, False, True),
        ("StringEqualsIfExists", TEAM, True, False),
        ("ForAnyValue:StringEquals", ["x", TEAM], True, False),
        ("ForAllValues:StringEquals", TEAM, True, False),
        ("ForAllValues:StringNotEquals", TEAM, False, True),
        ("StringEquals", "${aws:PrincipalTag/team, 'study'}", True, True),
    ],
)
def test_conditions_compare_with_the_value(
    evaluator: Any, operator: str, value: Any, *, allowed: bool, without: bool
) -> None:
    guarded = statement(Resource="*", Condition={operator: {"s3:Team": value}})
    asked = {"s3:team": "study"}
    assert (decide(evaluator, guarded, service_context=asked) == "Allow") is allowed
    assert (decide(evaluator, guarded, keys={}, service_context=asked) == "Allow") is without


def test_other_operators_know_no_variables(evaluator: Any) -> None:
    for operator in ("NumericEquals", "IpAddress", "Bool", "DateLessThan"):
        guarded = statement(Resource="*", Condition={operator: {"s3:n": "${s3:n}"}})
        assert decide(evaluator, guarded, service_context={"s3:n": "5"}) == "ImplicitDeny"


def test_resource_tags_are_read_under_both_their_names(evaluator: Any) -> None:
    for key in ("aws:ResourceTag/team", "s3:ResourceTag/Team"):
        guarded = statement(Resource="*", Condition={"StringEquals": {key: TEAM}})
        assert decide(evaluator, guarded, resource=f"{BUCKET}/mine") == "Allow"
        assert decide(evaluator, guarded, resource=f"{BUCKET}/other") == "ImplicitDeny"
    foreign = statement(Resource="*", Condition={"StringEquals": {"ec2:ResourceTag/team": TEAM}})
    assert decide(evaluator, foreign, resource=f"{BUCKET}/mine") == "ImplicitDeny"


def test_the_principal_of_a_session_is_its_role(evaluator: Any) -> None:
    for operator in ("ArnEquals", "StringEquals"):
        guarded = statement(Resource="*", Condition={operator: {"aws:PrincipalArn": ROLE}})
        assert decide(evaluator, guarded) == "Allow"
    not_a_service = {"Bool": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"}}
    assert decide(evaluator, statement(Resource="*", Condition=not_a_service)) == "Allow"


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("arn:aws:iam::*:role/lab/*", True),
        ("arn:*:iam::*:role/lab/pods", True),
        ("arn:aws:*:role/lab/pods", False),
        ("arn:aws:iam::*:role/${aws:PrincipalTag/none}", False),
        ("*", True),
    ],
)
def test_arns_are_compared_part_by_part(evaluator: Any, pattern: str, *, fits: bool) -> None:
    guarded = statement(Resource="*", Condition={"ArnLike": {"aws:PrincipalArn": pattern}})
    assert (decide(evaluator, guarded) == "Allow") is fits
    inverted = statement(Resource="*", Condition={"ArnNotLike": {"aws:PrincipalArn": pattern}})
    assert (decide(evaluator, inverted) == "Allow") is not fits


def test_trust_and_resource_policies_know_variables_too(evaluator: Any) -> None:
    context = evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{ACCOUNT}:user/bob",
        principal_type="User",
        principal_account=ACCOUNT,
        action="sts:AssumeRole",
        resource_arn=ROLE,
        region="ap-northeast-2",
        principal_keys={"aws:username": "bob"},
        service_context={"sts:rolesessionname": "bob"},
    )
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringLike": {"sts:RoleSessionName": "${aws:username}"}},
    }
    new, old = ({"Version": version, "Statement": [trust]} for version in ("2012-10-17", "2008-10-17"))
    assert evaluator.evaluate_trust_policy(json.dumps(new), context.principal_arn, context)
    assert not evaluator.evaluate_trust_policy(json.dumps(old), context.principal_arn, context)
    assert evaluator.evaluate_resource_policy(new, context).decision == "Allow"
    assert evaluator.evaluate_resource_policy(old, context).decision == "ImplicitDeny"
