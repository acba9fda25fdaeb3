"""Answers to what is read as the operator: objects of the cluster, trust policies and associations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from exercises.irsa.trust import LetsOthersIn
from exercises.pod_identity.trust import LetsOtherPodsIn
from grading.check import Row
from grading.expectations import Holds
from grading.grade import Verdict
from grading.outcomes import AwsRefused, Done, Ran, Unanswered
from grading.probes import ReadObject, RoleTrust
from grading.roles import AnnotatedRole
from grading.variables import Names
from tests.unit.exercises import (
    trust_cases,
)
from tests.unit.exercises.case import Case, Program
from tests.unit.exercises.pod_cases import plain
from tests.unit.grading.fake_lab import ACCOUNT, FakeLab

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED


def annotated(one: FakeLab, names: Names) -> None:
    """my-sa names its role."""
    annotations = {"eks.amazonaws.com/role-arn": names["IRSA_ROLE_ARN"]}
    one.api.on("GET", "/serviceaccounts/my-sa", 200, {"metadata": {"annotations": annotations}})


def object_(row: Row, names: Names) -> Iterator[Case]:
    question, expected = row.question, row.expected
    assert isinstance(question, ReadObject)
    assert isinstance(expected, Holds)
    right = {name: plain(value, names) for name, value in expected.facts if value is not None}
    # In their order: test processes that run side by side have to collect the same names.
    wanted = [name for name, value in expected.facts if value is not None]
    unwanted = [name for name, value in expected.facts if value is None]

    def found(facts: Mapping[str, Any]) -> Program:
        return lambda one: one.api.on("GET", f"/{question.kind}/{question.name}", 200, _shaped(question, facts))

    yield Case("right", found(right), PASSED)
    for name in wanted:
        changed = {**right, name: not right[name] if isinstance(right[name], bool) else _other(right[name])}
        yield Case(f"another {name}", found(changed), FAILED)
        yield Case(f"no {name}", found({key: value for key, value in right.items() if key != name}), FAILED)
    for name in unwanted:
        yield Case(f"{name} although there must be none", found({**right, name: "something"}), FAILED)
    if question.extract in ("volume", "mount"):
        empty = {"spec": {"containers": [{}]}}
        yield Case("nothing there", lambda one: one.api.on("GET", question.name, 200, empty), FAILED)
    if question.extract == "volume":
        two = deepcopy(_shaped(question, right))
        two["spec"]["volumes"][1]["projected"]["sources"].append({"configMap": {"name": "x"}})
        yield Case("more in the volume", lambda one: one.api.on("GET", question.name, 200, two), FAILED)
    yield from _not_read(question)


def _not_read(question: ReadObject) -> Iterator[Case]:
    yield Case("not there", lambda one: None, NOT_ASKED)
    yield Case("no right to read", lambda one: one.api.on("GET", question.name, 403, "no"), NOT_ASKED)


def no_tokens(row: Row) -> Iterator[Case]:
    """A pod to which nobody has given a token."""
    question = row.question
    assert isinstance(question, ReadObject)

    def pod(*sources: dict[str, Any], env: list[dict[str, Any]] | None = None) -> Program:
        volumes = [{"name": "scratch", "emptyDir": {}}, {"name": "x", "projected": {"sources": [*sources]}}]
        body = {"spec": {"containers": [{"env": env}], "volumes": volumes if sources else None}}
        return lambda one: one.api.on("GET", f"/pods/{question.name}", 200, body)

    certificate, token = {"configMap": {"name": "kube-root-ca.crt"}}, {"serviceAccountToken": {"path": "token"}}
    yield Case("right", pod(), PASSED)
    yield Case("a volume without a token", pod(certificate), PASSED)
    yield Case("a variable of another kind", pod(env=[{"name": "PATH", "value": "/bin"}]), PASSED)
    yield Case("the token for the API server", pod(token, certificate), FAILED)
    yield Case("a token for somebody else", pod({"serviceAccountToken": {"audience": "a", "path": "token"}}), FAILED)
    yield Case("a role", pod(env=[{"name": "AWS_ROLE_ARN", "value": "arn:x"}]), FAILED)
    yield Case("a key from a Secret", pod(env=[{"name": "AWS_ACCESS_KEY_ID", "valueFrom": {}}]), FAILED)
    yield from _not_read(question)


def _other(value: Any) -> Any:
    return value + 1 if isinstance(value, int) else f"{value}-other"


def _shaped(question: ReadObject, facts: Mapping[str, Any]) -> dict[str, Any]:
    """An object that holds the facts."""
    other = {"name": "kube-api-access", "projected": {"sources": []}}
    match question.extract:
        case "annotations":
            return {"metadata": {"annotations": dict(facts) or None}}
        case "env":
            env = [{"name": name, "value": value} for name, value in facts.items()]
            return {"spec": {"containers": [{"env": [{"name": "PATH", "value": "/bin"}, *env]}]}}
        case "mount":
            return {"spec": {"containers": [{"volumeMounts": [{"name": question.volume, **facts}]}]}}
        case "volume":
            volume = {"name": question.volume, "projected": {"sources": [{"serviceAccountToken": dict(facts)}]}}
            return {"spec": {"containers": [{}], "volumes": [other, volume]}}
        case "tokens":
            raise AssertionError("see no_tokens")


def trust(row: Row, names: Names) -> Iterator[Case]:
    expected = row.expected
    if isinstance(expected, LetsOthersIn | LetsOtherPodsIn):
        yield from trust_cases.cases(expected, lambda one: _leads_to_the_role(one, names))
        return
    assert isinstance(expected, Holds)
    facts = {name: plain(value, names) for name, value in expected.facts}
    kind, _, principal = facts["principals"][0].partition(": ")
    conditions: dict[str, dict[str, str]] = {}
    for line in facts.get("conditions", []):
        operator, _, rest = line.partition(" ")
        key, _, value = rest.rpartition(": ")
        conditions.setdefault(operator, {})[key] = value
    actions: list[str] = facts["actions"]
    right: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {kind: principal},
        "Action": actions if len(actions) > 1 else actions[0],
        **({"Condition": conditions} if conditions else {}),
    }

    def policy(*statements: dict[str, Any], **changed: Any) -> Program:
        document = {"Version": "2012-10-17", "Statement": [{**right, **changed}, *statements]}
        answer = Done({"Role": {"AssumeRolePolicyDocument": document}}, "allowed")

        def program(one: FakeLab) -> None:
            _leads_to_the_role(one, names)
            one.aws.answers.update(get_role=answer)

        return program

    yield Case("right", policy(), PASSED)
    yield Case("another principal", policy(Principal={"Service": "ec2.amazonaws.com"}), FAILED)
    yield Case("anybody", policy(Principal="*"), FAILED)
    yield Case("one more principal", policy(Principal={kind: [principal, "x"]}), FAILED)
    federated = {"Effect": "Allow", "Principal": {"Federated": "arn:x"}, "Action": "sts:AssumeRoleWithWebIdentity"}
    yield Case("one more statement", policy(federated), FAILED)
    yield Case("one more action", policy(Action=[*actions, "sts:SetSourceIdentity"]), FAILED)
    yield Case("one action less", policy(Action=actions[1:]), FAILED)
    yield Case("a denial", policy(Effect="Deny"), FAILED)
    for operator, keys in conditions.items():
        for key, value in keys.items():
            less = {operator: {other: one for other, one in keys.items() if other != key}}
            yield Case(f"no condition on {key}", policy(Condition=less), FAILED)
            yield Case(f"another {key}", policy(Condition={operator: {**keys, key: f"{value}x"}}), FAILED)
            either = {operator: {**keys, key: [value, "x"]}}
            yield Case(f"one more {key}", policy(Condition=either), FAILED)
        yield Case("alike instead of equal", policy(Condition={"StringLike": keys}), FAILED)
    gone = AwsRefused("NoSuchEntity", "GetRole", "not found")

    def no_role(one: FakeLab) -> None:
        _leads_to_the_role(one, names)
        one.aws.answers.update(get_role=gone)

    yield Case("no role", no_role, NOT_ASKED)
    yield from _no_way_to_the_role(row, policy())


def _leads_to_the_role(one: FakeLab, names: Names) -> None:
    """An annotation, or a pod that has it."""
    annotated(one, names)
    one.api.ran = Ran(0, f"arn:aws:sts::{ACCOUNT}:assumed-role/{names['POD_IDENTITY_ROLE']}/eks-myeks-pod\n", "")


def _no_way_to_the_role(row: Row, right: Program) -> Iterator[Case]:
    """Where the command cannot find the role, its right trust policy helps nobody."""
    question = row.question
    if isinstance(question, RoleTrust) and isinstance(question.role, AnnotatedRole):

        def not_annotated(one: FakeLab) -> None:
            one.api.on("GET", "/serviceaccounts/my-sa", 200, {"metadata": {}})
            right(one)

        yield Case("no annotation", not_annotated, FAILED)
        yield Case("no service account", lambda one: None, NOT_ASKED)
        return

    def ran(answer: Ran | Unanswered) -> Program:
        def program(one: FakeLab) -> None:
            right(one)
            one.api.ran = answer

        return program

    yield Case("the pod has no role", ran(Ran(255, "", "Unable to locate credentials")), FAILED)
    yield Case("no pod", ran(Unanswered("404 pods not found")), NOT_ASKED)


def associations(row: Row, names: Names) -> Iterator[Case]:
    expected = row.expected
    assert isinstance(expected, Holds)
    right = {name: plain(value, names) for name, value in expected.facts if name != "number"}

    def associated(number: int, **changed: str) -> Program:
        listed = {"associations": [{"associationId": f"a-{n}"} for n in range(number)]}
        described = {"association": {**right, **changed}}
        return lambda one: one.aws.answers.update(
            list_pod_identity_associations=Done(listed, ""), describe_pod_identity_association=Done(described, "")
        )

    yield Case("right", associated(1), PASSED)
    yield Case("none", associated(0), FAILED)
    yield Case("two", associated(2), FAILED)
    yield Case("to another role", associated(1, roleArn=f"arn:aws:iam::{ACCOUNT}:role/other"), FAILED)
    yield Case("of another service account", associated(1, serviceAccount="other"), FAILED)
    denied = AwsRefused("AccessDeniedException", "ListPodIdentityAssociations", "no")
    yield Case("no right to ask", lambda one: one.aws.answers.update(list_pod_identity_associations=denied), NOT_ASKED)
