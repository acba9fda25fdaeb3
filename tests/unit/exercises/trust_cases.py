"""Trust policies for exercises irsa and pod-identity: right ones of every kind, and those that let somebody else in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from exercises.irsa.trust import LetsOthersIn
from exercises.pod_identity.trust import LetsOtherPodsIn
from grading.grade import Verdict
from grading.outcomes import Done
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import ISSUER_HOST, OUTPUTS, FakeLab

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
Statement = dict[str, Any]

SUB: Final = f"{ISSUER_HOST}:sub"
MY_SA: Final = "system:serviceaccount:default:my-sa"
_WEB_IDENTITY: Final[Statement] = {
    "Principal": {"Federated": OUTPUTS["oidcProviderArn"]},
    "Action": "sts:AssumeRoleWithWebIdentity",
}
_ALL_AUDIENCES: Final[Statement] = {"StringEquals": {f"{ISSUER_HOST}:aud": "sts.amazonaws.com"}}


def _irsa(effect: str, condition: Statement, **changed: Any) -> Statement:
    return {"Effect": effect, **_WEB_IDENTITY, "Condition": condition, **changed}


def _any_account(**more: Any) -> Statement:
    return _irsa("Allow", {**_ALL_AUDIENCES, "StringLike": {SUB: "system:serviceaccount:*:*"}, **more})


def _denied(operator: str, value: str | list[str] = MY_SA, **changed: Any) -> Statement:
    return _irsa("Deny", {operator: {SUB: value}}, **changed)


IRSA_RIGHT: Final[dict[str, list[Statement]]] = {
    "equals": [_irsa("Allow", {"StringEquals": {SUB: MY_SA}})],
    "like without a wildcard": [_irsa("Allow", {"StringLike": {SUB: MY_SA}})],
    "equals in another spelling": [_irsa("Allow", {"StringEqualsIgnoreCase": {SUB.upper(): MY_SA}})],
    "any value equals": [_irsa("Allow", {"ForAnyValue:StringEquals": {SUB: [MY_SA]}})],
    "like and equals at once": [_any_account(StringEquals={SUB: MY_SA})],
    "twice": [_irsa("Allow", {"StringEquals": {SUB: MY_SA}}), _irsa("Allow", {"StringLike": {SUB: MY_SA}})],
    "a denial of all others": [_any_account(), _denied("StringNotEquals")],
    "a denial of all that are not alike": [_any_account(), _denied("StringNotLike")],
    "a denial of others that comes first": [_denied("StringNotEquals"), _any_account()],
    "a denial for whoever asks": [_any_account(), _denied("StringNotEquals", Principal="*")],
    "a denial for every AWS principal": [_any_account(), _denied("StringNotEquals", Principal={"AWS": "*"})],
    "a denial of all of STS": [_any_account(), _denied("StringNotEquals", Action="sts:*")],
    "a denial of all but another call": [
        _any_account(),
        {
            key: value
            for key, value in _denied("StringNotEquals", NotAction="sts:TagSession").items()
            if key != "Action"
        },
    ],
    "a denial if there is a sub": [_any_account(), _denied("StringNotEqualsIfExists")],
    "no grant but the narrow one": [_irsa("Allow", {"StringEquals": {SUB: MY_SA}}), _denied("StringNotEquals")],
    "not equal to nobody": [_irsa("Allow", {"StringEquals": {SUB: MY_SA}, "StringNotEquals": {SUB: "x"}})],
    "for another provider too": [
        _irsa("Allow", {"StringEquals": {SUB: MY_SA}}),
        _irsa("Allow", {}, Principal={"Federated": "arn:aws:iam::111122223333:oidc-provider/example.com"}),
    ],
}

IRSA_WIDE: Final[dict[str, list[Statement]]] = {
    "any account": [_any_account()],
    "no condition": [_irsa("Allow", {})],
    "no condition on sub": [_irsa("Allow", _ALL_AUDIENCES)],
    "any namespace": [_irsa("Allow", {"StringLike": {SUB: "system:serviceaccount:*:my-sa"}})],
    "any namespace that begins so": [_irsa("Allow", {"StringLike": {SUB: "system:serviceaccount:def*:my-sa"}})],
    "any account of the namespace": [_irsa("Allow", {"StringLike": {SUB: "system:serviceaccount:default:*"}})],
    "any account that begins so": [_irsa("Allow", {"StringLike": {SUB: "system:serviceaccount:default:my-*"}})],
    "any end of two letters": [_irsa("Allow", {"StringLike": {SUB: "system:serviceaccount:default:my-??"}})],
    "any end": [_irsa("Allow", {"StringLike": {SUB: "*my-sa"}})],
    "many stars": [_irsa("Allow", {"StringLike": {SUB: "sys*:*a*:de*:m*"}})],
    "an account that fits two patterns": [
        _irsa("Allow", {"StringLike": {SUB: "*:default:my-*"}, "ForAnyValue:StringLike": {SUB: "*-sa*"}})
    ],
    "a namespace that fits two patterns": [
        _irsa("Allow", {"StringLike": {SUB: "*:default*:*"}, "ForAnyValue:StringLike": {SUB: "*:my-sa"}})
    ],
    "another account by its name": [_irsa("Allow", {"StringEquals": {SUB: [MY_SA, f"{MY_SA}-2"]}})],
    "one statement of two": [_irsa("Allow", {"StringEquals": {SUB: MY_SA}}), _any_account()],
    "a denial of a few": [_any_account(), _denied("StringLike", "system:serviceaccount:kube-*:*")],
    "a denial of all that are not alike, too wide": [_any_account(), _denied("StringNotLike", f"{MY_SA}*")],
    "a denial of others if they call it so": [
        _any_account(),
        _irsa("Deny", {"StringNotEquals": {SUB: MY_SA, "sts:RoleSessionName": "good"}}),
    ],
    "a denial of another call": [_any_account(), _denied("StringNotEquals", Action="sts:AssumeRole")],
    "a denial for another provider": [_any_account(), _denied("StringNotEquals", Principal={"Federated": "arn:x"})],
    "a denial with a variable": [_any_account(), _denied("StringNotEquals", "${aws:username}")],
    "a denial where there is no sub": [_any_account(), _irsa("Deny", {"Null": {SUB: "true"}})],
    "nobody": [_irsa("Allow", {"StringEquals": {SUB: MY_SA}}), _irsa("Deny", {})],
    "a service alone": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    "a name of the session that everybody can choose": [
        _irsa("Allow", {"StringEquals": {"sts:RoleSessionName": "my-sa"}})
    ],
}

_TAG: Final = "aws:RequestTag/kubernetes-"
_NAMESPACE, _ACCOUNT = {f"{_TAG}namespace": "default"}, {f"{_TAG}service-account": "pod-identity-sa"}
_BOTH: Final = {**_NAMESPACE, **_ACCOUNT}
_SOURCE: Final = {"ArnEquals": {"aws:SourceArn": "arn:aws:eks:ap-northeast-2:111122223333:cluster/myeks"}}


def _pods(effect: str, condition: Statement, *actions: str) -> Statement:
    service = {"Principal": {"Service": "pods.eks.amazonaws.com"}}
    action = {"Action": [*(actions or ("sts:AssumeRole", "sts:TagSession"))]}
    return {"Effect": effect, **service, **action, "Condition": condition}


PODS_RIGHT: Final[dict[str, list[Statement]]] = {
    "equals": [_pods("Allow", {"StringEquals": _BOTH})],
    "like": [_pods("Allow", {"StringLike": _BOTH})],
    "with the cluster": [_pods("Allow", {"StringEquals": _BOTH, **_SOURCE})],
    "one equals, one alike": [_pods("Allow", {"StringEquals": _NAMESPACE, "StringLike": _ACCOUNT})],
    "twice": [_pods("Allow", {"StringEquals": _BOTH}), _pods("Allow", {"StringEquals": _BOTH})],
    "asked for one call of two": [
        _pods("Allow", {"StringEquals": _BOTH}, "sts:AssumeRole"),
        _pods("Allow", {}, "sts:TagSession"),
    ],
    "two denials": [
        _pods("Allow", {}),
        _pods("Deny", {"StringNotEquals": _NAMESPACE}),
        _pods("Deny", {"StringNotEquals": _ACCOUNT}),
    ],
    "a condition and a denial": [
        _pods("Allow", {"StringEquals": _NAMESPACE}),
        _pods("Deny", {"StringNotEquals": _ACCOUNT}),
    ],
    "denials of one call": [
        _pods("Allow", {}),
        _pods("Deny", {"StringNotEquals": _NAMESPACE}, "sts:TagSession"),
        _pods("Deny", {"StringNotLike": _ACCOUNT}, "sts:AssumeRole"),
    ],
}

PODS_WIDE: Final[dict[str, list[Statement]]] = {
    "no condition": [_pods("Allow", {})],
    "the cluster alone": [_pods("Allow", _SOURCE)],
    "the namespace alone": [_pods("Allow", {"StringEquals": _NAMESPACE})],
    "the account alone": [_pods("Allow", {"StringEquals": _ACCOUNT})],
    "without tags": [_pods("Allow", {"ForAllValues:StringEquals": _BOTH})],
    "without tags too": [_pods("Allow", {"StringEqualsIfExists": _BOTH})],
    "any namespace": [_pods("Allow", {"StringLike": {f"{_TAG}namespace": "*", **_ACCOUNT}})],
    "any account that begins so": [_pods("Allow", {"StringLike": {**_NAMESPACE, f"{_TAG}service-account": "pod-*"}})],
    "one more namespace": [_pods("Allow", {"StringEquals": {**_ACCOUNT, f"{_TAG}namespace": ["default", "x"]}})],
    "one statement of two": [_pods("Allow", {"StringEquals": _BOTH}), _pods("Allow", {})],
    # Both have to differ before anything is denied.
    "one denial for both": [_pods("Allow", {}), _pods("Deny", {"StringNotEquals": _BOTH})],
    "a denial of one alone": [_pods("Allow", {}), _pods("Deny", {"StringNotEquals": _ACCOUNT})],
    "a denial of one namespace": [
        _pods("Allow", {}),
        _pods("Deny", {"StringEquals": {f"{_TAG}namespace": "kube-public"}}),
    ],
    "nobody": [_pods("Allow", {"StringEquals": _BOTH}), _pods("Deny", {})],
    "the nodes alone": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    "the pod's name, which anybody can choose": [
        _pods("Allow", {"StringEquals": {**_NAMESPACE, f"{_TAG}pod-name": "eks-iam-test4"}})
    ],
}


EVERYBODY: Final = frozenset(
    {
        "any account",
        "no condition",
        "no condition on sub",
        "one statement of two",
        "a denial of a few",
        "a denial of others if they call it so",
        "a denial of another call",
        "a denial for another provider",
        "a denial with a variable",
        "a denial where there is no sub",
        "a name of the session that everybody can choose",
        "the cluster alone",
        "a denial of one namespace",
    }
)
"""Those of the wide ones that let in whoever comes."""


def cases(expected: LetsOthersIn | LetsOtherPodsIn, leads_to_the_role: Program) -> Iterator[Case]:
    """The right answer first."""
    irsa = isinstance(expected, LetsOthersIn)
    narrow, wide = (IRSA_RIGHT, IRSA_WIDE) if irsa else (PODS_RIGHT, PODS_WIDE)
    everybody = {name: each for name, each in wide.items() if name in EVERYBODY}
    others = {**narrow, **{name: each for name, each in wide.items() if name not in EVERYBODY}}
    right, wrong = (everybody, others) if expected.others else (narrow, wide)
    policy = _of(leads_to_the_role)
    for number, (name, statements) in enumerate(right.items()):
        yield Case("right" if number == 0 else f"right: {name}", policy(statements), PASSED)
    for name, statements in wrong.items():
        yield Case(f"wrong: {name}", policy(statements), FAILED)
    yield Case("no role", leads_to_the_role, NOT_ASKED)


def _of(leads_to_the_role: Program) -> Callable[[list[Statement]], Program]:
    def policy(statements: list[Statement]) -> Program:
        document = {"Version": "2012-10-17", "Statement": statements}

        def program(one: FakeLab) -> None:
            leads_to_the_role(one)
            one.aws.answers.update(get_role=Done({"Role": {"AssumeRolePolicyDocument": document}}, "allowed"))

        return program

    return policy
