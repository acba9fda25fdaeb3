"""Answers to what is asked in a pod, and the words of refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from exercises.pod_identity.trust import TakesNoRole
from exercises.shared.aws_checks import denied_as_node
from grading.check import Row
from grading.expectations import Allowed, AwsDenied, Between, Forbidden, Holds, OneOf, Says
from grading.grade import Verdict
from grading.outcomes import Done, Ran, Unanswered
from grading.pod_probes import InPod
from grading.refusals import AnyForbidden
from grading.variables import Names
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import ACCOUNT, FakeLab, jwt

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
LOGIN = "error: You must be logged in to the server (Unauthorized)"
DOWN = "The connection to the server 10.100.0.1 was refused - did you specify the right host or port?"


def forbidden(expected: Forbidden, names: Names, **other: str) -> str:
    """The API server's message for a refusal."""
    said = {"user": names.fill(expected.user), "verb": expected.verb, "resource": expected.resource, **other}
    namespace = other.get("namespace", expected.namespace)
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    return (
        f'{said["resource"]} is forbidden: User "{said["user"]}" cannot {said["verb"]} resource'
        f' "{said["resource"]}" in API group "{other.get("group", expected.group)}" {where}'
    )


def other_refusals(expected: Forbidden, names: Names) -> Iterator[tuple[str, str]]:
    yield "another user is refused", forbidden(expected, names, user="system:anonymous")
    yield "another verb is refused", forbidden(expected, names, verb="watch")
    yield "another resource is refused", forbidden(expected, names, resource="configmaps")
    yield "another namespace is refused", forbidden(expected, names, namespace="elsewhere")
    yield "another group's resource is refused", forbidden(expected, names, group="apps")
    yield "a refusal without a reason", "forbidden"


def kubectl_in_pod(row: Row, names: Names) -> Iterator[Case]:
    def ran(code: int, stdout: str = "", stderr: str = "") -> Program:
        return lambda one: setattr(one.api, "ran", Ran(code, stdout, stderr))

    expected = row.expected
    refusal = "Error from server (Forbidden): "
    if isinstance(expected, AnyForbidden):
        user = Forbidden(expected.user, "create", "rolebindings")
        yield Case("right", ran(1, "", refusal + forbidden(user, names)), PASSED)
        yield Case("another user", ran(1, "", refusal + forbidden(user, names, user="system:anonymous")), FAILED)
        yield Case("allowed", ran(0, "created"), FAILED)
        yield Case("it is not there", ran(1, "", 'Error from server (NotFound): roles "x" not found'), FAILED)
    elif isinstance(expected, Forbidden):
        yield Case("right", ran(1, "", refusal + forbidden(expected, names)), PASSED)
        for label, message in other_refusals(expected, names):
            yield Case(label, ran(1, "", refusal + message), FAILED)
        yield Case("allowed", ran(0, "No resources found"), FAILED)
        yield Case("it is not there", ran(1, "", 'Error from server (NotFound): pods "x" not found'), FAILED)
    elif isinstance(expected, Says):
        other = {"yes": "no", "no": "yes"}[expected.pattern]
        code = {"yes": 0, "no": 1}
        yield Case("right", ran(code[expected.pattern], f"{expected.pattern}\n"), PASSED)
        yield Case("the other answer", ran(code[other], f"{other}\n"), FAILED)
        yield Case("no word", ran(0, ""), FAILED)
    else:
        yield Case("right", ran(0, "pod/check-nginx created (server dry run)\n"), PASSED)
        user = Forbidden("system:serviceaccount:dev-team:dev-k8s", "list", "pods", "dev-team")
        yield Case("forbidden", ran(1, "", refusal + forbidden(user, names)), FAILED)
    yield Case("not logged in", ran(1, "", LOGIN), FAILED)
    yield Case("kubectl breaks", ran(1, "", "error: unknown flag: --x"), FAILED)
    yield Case("the API server is down", ran(1, "", DOWN), NOT_ASKED)
    yield Case("the API server is busy", ran(1, "", "Error from server (TooManyRequests): later"), NOT_ASKED)
    yield Case("no kubectl in the pod", ran(127, "", "sh: kubectl: not found"), NOT_ASKED)
    yield Case("no pod", lambda one: setattr(one.api, "ran", Unanswered("404 pods not found")), NOT_ASKED)


def token_in_pod(row: Row, names: Names) -> Iterator[Case]:
    assert isinstance(row.expected, Holds)
    right = {name: plain(value, names) for name, value in row.expected.facts}

    def shown(**changed: Any) -> Program:
        return lambda one: setattr(one.api, "ran", Ran(0, jwt(**{**right, **changed}), ""))

    yield Case("right", shown(), PASSED)
    yield Case("for somebody else", shown(aud=["somebody"]), FAILED)
    yield Case("for somebody else too", shown(aud=[*right["aud"], "somebody"]), FAILED)
    yield Case("for nobody", shown(aud=[]), FAILED)
    yield Case("somebody else's", shown(sub="system:serviceaccount:default:other"), FAILED)
    yield Case("another cluster's", shown(iss="https://oidc.eks.ap-northeast-2.amazonaws.com/id/OTHER"), FAILED)
    yield Case("no token", lambda one: setattr(one.api, "ran", Ran(0, "hello", "")), FAILED)
    missing = Ran(1, "", "cat: no such file or directory")
    yield Case("no file", lambda one: setattr(one.api, "ran", missing), FAILED)
    yield Case("no pod", lambda one: setattr(one.api, "ran", Unanswered("404 pods not found")), NOT_ASKED)


def _aws_message(code: str, operation: str, message: str) -> str:
    return f"\nAn error occurred ({code}) when calling the {operation} operation: {message}\n"


def aws_in_pod(row: Row, names: Names) -> Iterator[Case]:
    """The AWS CLI in a pod: by exec, in a log, or in a pod of its own."""

    def ended(code: int, stdout: str = "", stderr: str = "") -> Program:
        def program(one: FakeLab) -> None:
            one.api.ran = Ran(code, stdout, stderr)
            one.api.logged = Done(stdout + stderr, "log")
            _ended_pod(one, code)

        return program

    expected = row.expected
    if isinstance(expected, TakesNoRole):
        expected = denied_as_node()
        agent = "\nError when retrieving credentials from container-role: Error retrieving metadata: Received non 200 "
        agent += "response {} from container metadata: [1]: ({}): told, fault: {}\n"
        refused = agent.format(400, "AccessDeniedException", "client")
        yield Case("EKS may not take the role", ended(255, "", refused), PASSED)
        gone = agent.format(404, "ResourceNotFoundException", "client")
        yield Case("the association is gone", ended(255, "", gone), PASSED)
        busy = agent.format(500, "InternalServerException", "server")
        yield Case("EKS Auth does not work", ended(255, "", busy), FAILED)
    if isinstance(expected, AwsDenied):
        who = names.fill(expected.caller).replace("*", "session")
        said = f"User: {who} is not authorized to perform: s3:{expected.operation} because no policy allows it"
        right = _aws_message(expected.code, expected.operation, said)
        unnamed = _aws_message(expected.code, expected.operation, "Access Denied")
        yield Case("right", ended(254, "", right), PASSED)
        yield Case("right, and AWS names nobody", ended(254, "", unnamed), PASSED)
        other = f"arn:aws:sts::{ACCOUNT}:assumed-role/somebody/session"
        yield Case("another role is denied", ended(254, "", right.replace(who, other)), FAILED)
        yield Case("allowed", ended(0, "2026-11-24 10:00:00 bucket\n"), FAILED)
        yield Case("another operation is denied", ended(254, "", right.replace(expected.operation, "GetX")), FAILED)
        yield Case("another error", ended(254, "", right.replace(expected.code, "NoSuchBucket")), FAILED)
    elif isinstance(expected, Says):
        arn = names.fill(expected.pattern).replace("*", "session")
        yield Case("right", ended(0, f'"{arn}"\n'), PASSED)
        other = f"arn:aws:sts::{ACCOUNT}:assumed-role/somebody/session"
        yield Case("another role", ended(0, f'"{other}"\n'), FAILED)
        user = f"arn:aws:iam::{ACCOUNT}:user/operator"
        yield Case("a user", ended(0, f'"{user}"\n'), FAILED)
        longer = f'"{arn}/and-more"\n'
        yield Case("a longer ARN", ended(0, longer), FAILED)
        denied = _aws_message("AccessDenied", "AssumeRoleWithWebIdentity", "Not authorized")
        yield Case("denied", ended(254, "", denied), FAILED)
    else:
        assert isinstance(expected, Allowed)
        yield Case("right", ended(0, "[]\n"), PASSED)
        yield Case("denied", ended(254, "", _aws_message("AccessDenied", "ListBuckets", "Access Denied")), FAILED)
    nobody = PASSED if isinstance(row.expected, TakesNoRole) else FAILED
    yield Case("no credentials", ended(253, "", "\nUnable to locate credentials.\n"), nobody)
    yield Case(
        "AWS is out of reach", ended(255, "", "\nCould not connect to the endpoint URL: https://s3\n"), NOT_ASKED
    )
    yield Case("AWS is busy", ended(254, "", _aws_message("SlowDown", "ListBuckets", "later")), NOT_ASKED)
    if isinstance(row.question, InPod):
        yield Case("no pod", lambda one: setattr(one.api, "ran", Unanswered("404 pods not found")), NOT_ASKED)
        yield Case("no aws in the pod", ended(127, "", "aws: not found"), NOT_ASKED)
    else:
        yield Case("no pod", lambda one: None, NOT_ASKED)
        yield Case("no right to read", lambda one: one.api.on("GET", "/pods/", 403, "no"), NOT_ASKED)


def _ended_pod(one: FakeLab, code: int) -> None:
    pod = {
        "spec": {"containers": [{"image": "amazon/aws-cli:2"}]},
        "status": {"containerStatuses": [{"state": {"terminated": {"exitCode": code}}}]},
    }
    for namespace in ("default", "kube-public"):
        one.api.on("GET", f"/api/v1/namespaces/{namespace}/pods/", 200, pod)
        one.api.on("POST", f"/api/v1/namespaces/{namespace}/pods", 201, pod)
        one.api.on("DELETE", f"/api/v1/namespaces/{namespace}/pods/", 200, {})


def plain(value: Any, names: Names) -> Any:
    """An expected value as the lab would answer it."""
    if isinstance(value, OneOf):
        return plain(value.values[0], names)
    if isinstance(value, Between):
        return value.most
    if isinstance(value, tuple):
        return [plain(one, names) for one in value]
    return json.loads(json.dumps(names.fill(value) if isinstance(value, str) else value))
