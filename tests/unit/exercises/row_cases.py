"""For every row: what the lab really answers when all is right, and every way in which the answer can be wrong.

A case programs the fakes with raw answers (a process's output, a Status object, a policy document), so that a row is
tested with all that lies between the answer and the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from exercises.irsa.trust import LetsOthersIn
from exercises.k02.signed_list import SignedList
from exercises.k04.new_namespace import InNewNamespace
from exercises.k05.watching import Ordinary, RulesRead, Seen
from exercises.k07.asking import InDeployment
from exercises.k08.reading import AnotherShop, AtAws, InPlain, StealsSecrets
from exercises.k09.questions import LedThrough, MayScrapeEveryNode, OnEveryNode, OnPodsNode
from exercises.k10.connecting import Connects
from exercises.pod_identity.trust import LetsOtherPodsIn, TakesNoRole
from exercises.shared.aws_checks import denied_as_node
from exercises.shared.user_facing_roles import UserFacingRoles
from grading.check import Row
from grading.expectations import Allowed, AwsDenied, Between, Forbidden, Holds, OneOf, Says, Unauthorized
from grading.grade import Verdict
from grading.outcomes import AwsRefused, Done, Ran, Unanswered, http
from grading.pod_probes import InPod, PodLog, ShortPod
from grading.probes import Associations, AsTestuser, AwsAsTestuser, ReadObject, RoleTrust, TokenAtApiServer, TokenAtSts
from grading.refusals import AnyForbidden
from grading.roles import AnnotatedRole
from grading.variables import Names
from tests.unit.exercises import (
    account_cases,
    crypto_cases,
    k02_cases,
    k04_cases,
    k05_cases,
    k06_cases,
    k07_cases,
    k08_cases,
    k09_cases,
    k10_cases,
    trust_cases,
    user_facing_roles_cases,
)
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import ACCOUNT, FakeLab, jwt, lab, status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
SECRET_KEY = "the-secret-key-of-a-session"
TOKEN = jwt(aud=["somebody"], sub="system:serviceaccount:default:default", iss="somewhere")


def cases(row: Row) -> Iterator[Case]:
    """The right answer first, then wrong ones, then no answer at all."""
    names = lab().session.names
    match row.question:
        case InPod(reader="token"):
            yield from _token_in_pod(row, names)
        case InPod(reader="kubectl" | "can-i"):
            yield from _kubectl_in_pod(row, names)
        case InPod() | PodLog() | ShortPod():
            yield from _aws_in_pod(row, names)
        case AsTestuser() | TokenAtApiServer():
            yield from _at_api_server(row, names)
        case AwsAsTestuser() | TokenAtSts():
            yield from _at_aws(row, names)
        case ReadObject(extract="tokens"):
            yield from _no_tokens(row)
        case ReadObject():
            yield from _object(row, names)
        case RoleTrust():
            yield from _trust(row, names)
        case Associations():
            yield from _associations(row, names)
        case InNewNamespace():
            yield from k04_cases.cases(row.expected)
        case question if type(question) in k06_cases.QUESTIONS:
            yield from k06_cases.cases(row)
        case Seen() | Ordinary() | RulesRead():
            yield from k05_cases.cases(row, row.question)
        case SignedList():
            yield from k02_cases.cases(row.question)
        case question if type(question) in crypto_cases.QUESTIONS:
            yield from crypto_cases.cases(row)
        case InDeployment():
            yield from k07_cases.cases(row, names)
        case StealsSecrets() | AnotherShop() | AtAws() | InPlain():
            yield from k08_cases.cases(row, row.question)
        case UserFacingRoles():
            yield from user_facing_roles_cases.cases()
        case Connects():
            yield from k10_cases.cases(row)
        case OnEveryNode() | OnPodsNode() | MayScrapeEveryNode() | LedThrough():
            yield from k09_cases.cases(row, row.question)
        case _:
            yield from account_cases.cases(row, names)


def forbidden(expected: Forbidden, names: Names, **other: str) -> str:
    """The API server's message for a refusal."""
    said = {"user": names.fill(expected.user), "verb": expected.verb, "resource": expected.resource, **other}
    namespace = other.get("namespace", expected.namespace)
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    return (
        f'{said["resource"]} is forbidden: User "{said["user"]}" cannot {said["verb"]} resource'
        f' "{said["resource"]}" in API group "{other.get("group", expected.group)}" {where}'
    )


def _other_refusals(expected: Forbidden, names: Names) -> Iterator[tuple[str, str]]:
    yield "another user is refused", forbidden(expected, names, user="system:anonymous")
    yield "another verb is refused", forbidden(expected, names, verb="watch")
    yield "another resource is refused", forbidden(expected, names, resource="configmaps")
    yield "another namespace is refused", forbidden(expected, names, namespace="elsewhere")
    yield "another group's resource is refused", forbidden(expected, names, group="apps")
    yield "a refusal without a reason", "forbidden"


LOGIN = "error: You must be logged in to the server (Unauthorized)"
DOWN = "The connection to the server 10.100.0.1 was refused - did you specify the right host or port?"


def _kubectl_in_pod(row: Row, names: Names) -> Iterator[Case]:
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
        for label, message in _other_refusals(expected, names):
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


def _token_in_pod(row: Row, names: Names) -> Iterator[Case]:
    assert isinstance(row.expected, Holds)
    right = {name: _plain(value, names) for name, value in row.expected.facts}

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


def _aws_in_pod(row: Row, names: Names) -> Iterator[Case]:
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


def _at_api_server(row: Row, names: Names) -> Iterator[Case]:
    """A request with a token, in this process."""

    def answered(code: int, body: object) -> Program:
        def program(one: FakeLab) -> None:
            one.api.answers.append(
                lambda method, path, sent, token: _issued(path) or (http(code, body) if token else None)
            )

        return program

    expected = row.expected
    unauthorized = status(401, "Unauthorized", "Unauthorized")
    somebody = Forbidden("somebody", "list", "pods")
    refused = status(403, "Forbidden", forbidden(somebody, names))
    if isinstance(expected, Forbidden):
        right = forbidden(expected, names)
        yield Case("right", answered(403, status(403, "Forbidden", right)), PASSED)
        yield Case("right, with a reason", answered(403, status(403, "Forbidden", f"{right}: no policy")), PASSED)
        for label, message in _other_refusals(expected, names):
            yield Case(label, answered(403, status(403, "Forbidden", message)), FAILED)
        yield Case("not known", answered(401, unauthorized), FAILED)
        yield Case("not known, in the words of 403", answered(401, status(401, "Forbidden", right)), FAILED)
        yield Case("allowed", answered(200, {"items": []}), FAILED)
        yield Case("not there", answered(404, status(404, "NotFound", "not found")), FAILED)
    elif isinstance(expected, Unauthorized):
        yield Case("right", answered(401, unauthorized), PASSED)
        yield Case("forbidden", answered(403, refused), FAILED)
        yield Case("forbidden, in the words of 401", answered(403, status(403, "x", "Unauthorized")), FAILED)
        yield Case("allowed", answered(200, {"items": []}), FAILED)
        yield Case("401 for another reason", answered(401, status(401, "Expired", "another")), FAILED)
    elif isinstance(expected, Allowed):
        yield Case("right", answered(200, {"items": []}), PASSED)
        yield Case("forbidden", answered(403, refused), FAILED)
        yield Case("not known", answered(401, unauthorized), FAILED)
    elif isinstance(expected, AnyForbidden):
        yield Case("right", answered(403, refused), PASSED)
        yield Case("allowed", answered(200, {"items": []}), FAILED)
        yield Case("not known", answered(401, unauthorized), FAILED)
        yield Case("not there", answered(404, status(404, "NotFound", "not found")), FAILED)
    elif isinstance(expected, Says):
        yes = expected.pattern == "yes"
        yield Case("right", answered(201, {"status": {"allowed": yes}}), PASSED)
        yield Case("the other answer", answered(201, {"status": {"allowed": not yes}}), FAILED)
        yield Case("not known", answered(401, unauthorized), FAILED)
    else:
        yield from _whoami(expected, names, answered)
    yield Case("busy", answered(429, status(429, "TooManyRequests", "later")), NOT_ASKED)
    yield Case("broken", answered(500, status(500, "InternalError", "later")), NOT_ASKED)
    down = Unanswered("The API server did not answer: connection refused")
    yield Case("down", lambda one: one.api.answers.append(lambda *_: down), NOT_ASKED)
    if isinstance(row.question, TokenAtApiServer):
        yield Case("no service account", lambda one: None, NOT_ASKED)
    else:
        none = Unanswered("no key")
        yield Case("no key", lambda one: setattr(one.session, "testuser", none), NOT_ASKED)


def _whoami(expected: object, names: Names, answered: Callable[[int, object], Program]) -> Iterator[Case]:
    assert isinstance(expected, Holds)
    right = {name: _plain(value, names) for name, value in expected.facts}

    def user(**changed: Any) -> Program:
        return answered(201, {"status": {"userInfo": {**right, **changed}}})

    yield Case("right", user(), PASSED)
    yield Case("the groups in another order", user(groups=right["groups"][::-1]), PASSED)
    yield Case("somebody else", user(username="somebody"), FAILED)
    yield Case("one more group", user(groups=[*right["groups"], "developers"]), FAILED)
    yield Case("one group less", user(groups=right["groups"][1:]), FAILED)
    yield Case("no group", user(groups=None), FAILED)
    yield Case("not known", answered(401, status(401, "Unauthorized", "Unauthorized")), FAILED)


def _issued(path: str) -> Any:
    return http(201, {"status": {"token": TOKEN}}) if path.endswith("/token") else None


def _at_aws(row: Row, names: Names) -> Iterator[Case]:
    """A call with testuser's key, or with a service account's token."""
    question, expected = row.question, row.expected
    sts = isinstance(question, TokenAtSts)
    operation = question.operation if isinstance(question, AwsAsTestuser) else "assume_role_with_web_identity"

    def answered(outcome: Any) -> Program:
        def program(one: FakeLab) -> None:
            one.aws.answers[operation] = outcome
            one.api.answers.append(lambda method, path, body, token: _issued(path))
            _annotated(one, names)

        return program

    session = {
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/testuser",
        "Buckets": [],
        "AssumedRoleUser": {"Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/role/check"},
        "Credentials": {"SecretAccessKey": SECRET_KEY},
    }
    if isinstance(expected, AwsDenied):
        caller = names.fill(expected.caller)
        said = f"User: {caller or 'somebody'} is not authorized to perform: s3:ListAllMyBuckets"
        yield Case("right", answered(AwsRefused(expected.code, expected.operation, said)), PASSED)
        yield Case("allowed", answered(Done(session, "allowed")), FAILED)
        codes = {"AccessDenied", "InvalidIdentityToken", "ExpiredTokenException", "InvalidClientTokenId"}
        for code in sorted(codes - {expected.code}):
            yield Case(code, answered(AwsRefused(code, expected.operation, said)), FAILED)
        yield Case("another operation", answered(AwsRefused(expected.code, "GetX", said)), FAILED)
        if caller:
            other = said.replace(caller, f"arn:aws:iam::{ACCOUNT}:user/somebody")
            yield Case("another user", answered(AwsRefused(expected.code, expected.operation, other)), FAILED)
    else:
        yield Case("right", answered(Done(session, "allowed")), PASSED)
        yield Case("denied", answered(AwsRefused("AccessDenied", "X", "no")), FAILED)
        if isinstance(expected, Says):
            other = {"Arn": f"arn:aws:iam::{ACCOUNT}:user/testuser2"}
            yield Case("another user", answered(Done(other, "allowed")), FAILED)
    yield Case("AWS is out of reach", answered(Unanswered("no answer")), NOT_ASKED)
    if sts:
        yield Case("no service account", lambda one: None, NOT_ASKED)

        def not_annotated(one: FakeLab) -> None:
            one.api.on("GET", "/serviceaccounts/my-sa", 200, {"metadata": {}})
            answered(AwsRefused(getattr(expected, "code", ""), getattr(expected, "operation", ""), "no"))(one)

        yield Case("no annotation", not_annotated, FAILED)
    else:
        none = Unanswered("no key")
        yield Case("no key", lambda one: setattr(one.session, "testuser", none), NOT_ASKED)


def _annotated(one: FakeLab, names: Names) -> None:
    """my-sa names its role."""
    annotations = {"eks.amazonaws.com/role-arn": names["IRSA_ROLE_ARN"]}
    one.api.on("GET", "/serviceaccounts/my-sa", 200, {"metadata": {"annotations": annotations}})


def _object(row: Row, names: Names) -> Iterator[Case]:
    question, expected = row.question, row.expected
    assert isinstance(question, ReadObject)
    assert isinstance(expected, Holds)
    right = {name: _plain(value, names) for name, value in expected.facts if value is not None}
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


def _no_tokens(row: Row) -> Iterator[Case]:
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
            raise AssertionError("see _no_tokens")


def _trust(row: Row, names: Names) -> Iterator[Case]:
    expected = row.expected
    if isinstance(expected, LetsOthersIn | LetsOtherPodsIn):
        yield from trust_cases.cases(expected, lambda one: _leads_to_the_role(one, names))
        return
    assert isinstance(expected, Holds)
    facts = {name: _plain(value, names) for name, value in expected.facts}
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
    _annotated(one, names)
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


def _associations(row: Row, names: Names) -> Iterator[Case]:
    expected = row.expected
    assert isinstance(expected, Holds)
    right = {name: _plain(value, names) for name, value in expected.facts if name != "number"}

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


def _plain(value: Any, names: Names) -> Any:
    """An expected value as the lab would answer it."""
    if isinstance(value, OneOf):
        return _plain(value.values[0], names)
    if isinstance(value, Between):
        return value.most
    if isinstance(value, tuple):
        return [_plain(one, names) for one in value]
    return json.loads(json.dumps(names.fill(value) if isinstance(value, str) else value))
