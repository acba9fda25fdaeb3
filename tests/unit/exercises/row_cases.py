"""For every row: what the lab really answers when all is right, and every way in which the answer can be wrong.

A case programs the fakes with raw answers (a process's output, a Status object, a policy document), so that a row is
tested with all that lies between the answer and the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from exercises.k02.signed_list import SignedList
from exercises.k04.new_namespace import InNewNamespace
from exercises.k05.watching import Ordinary, RulesRead, Seen
from exercises.k07.asking import InDeployment
from exercises.k08.reading import AnotherShop, AtAws, InPlain, StealsSecrets
from exercises.k09.questions import LedThrough, MayScrapeEveryNode, OnEveryNode, OnPodsNode
from exercises.k10.connecting import Connects
from exercises.shared.user_facing_roles import UserFacingRoles
from grading.check import Row
from grading.expectations import Allowed, AwsDenied, Forbidden, Holds, Says, Unauthorized
from grading.grade import Verdict
from grading.outcomes import AwsRefused, Done, Unanswered, http
from grading.pod_probes import InPod, PodLog, ShortPod
from grading.probes import Associations, AsTestuser, AwsAsTestuser, ReadObject, RoleTrust, TokenAtApiServer, TokenAtSts
from grading.refusals import AnyForbidden
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
    user_facing_roles_cases,
)
from tests.unit.exercises.case import Case, Program
from tests.unit.exercises.object_cases import annotated, associations, no_tokens, object_, trust
from tests.unit.exercises.pod_cases import aws_in_pod, forbidden, kubectl_in_pod, other_refusals, plain, token_in_pod
from tests.unit.grading.fake_lab import ACCOUNT, FakeLab, jwt, lab, status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
SECRET_KEY = "the-secret-key-of-a-session"
TOKEN = jwt(aud=["somebody"], sub="system:serviceaccount:default:default", iss="somewhere")


def cases(row: Row) -> Iterator[Case]:
    """The right answer first, then wrong ones, then no answer at all."""
    names = lab().session.names
    match row.question:
        case InPod(reader="token"):
            yield from token_in_pod(row, names)
        case InPod(reader="kubectl" | "can-i"):
            yield from kubectl_in_pod(row, names)
        case InPod() | PodLog() | ShortPod():
            yield from aws_in_pod(row, names)
        case AsTestuser() | TokenAtApiServer():
            yield from _at_api_server(row, names)
        case AwsAsTestuser() | TokenAtSts():
            yield from _at_aws(row, names)
        case ReadObject(extract="tokens"):
            yield from no_tokens(row)
        case ReadObject():
            yield from object_(row, names)
        case RoleTrust():
            yield from trust(row, names)
        case Associations():
            yield from associations(row, names)
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
        for label, message in other_refusals(expected, names):
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
    right = {name: plain(value, names) for name, value in expected.facts}

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
            annotated(one, names)

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
