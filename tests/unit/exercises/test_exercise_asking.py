"""How questions are put: again only while the answer may change by itself, and nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from exercises.ask import Answer, Verdict, ask, ask_all, belongs
from exercises.expectations import Allowed, Expectation, Forbidden, Unauthorized
from exercises.names import Unknown
from exercises.outcomes import AwsRefused, Done, HttpRefused, Outcome, Ran, Unanswered, http
from exercises.questions import AsTestuser, InPod, listing
from exercises.row import Row
from exercises.rows import ROWS
from exercises.situation import NoOperator
from exercises.tokens import claims
from tests.unit.exercises.fake_lab import REGION, FakeLab, lab, status

LISTING = AsTestuser(listing("pods", "default"))
SAYS_401 = http(401, status(401, "Unauthorized", "Unauthorized"))
SAYS_403 = http(
    403,
    status(
        403,
        "Forbidden",
        'pods is forbidden: User "testuser" cannot list resource "pods" in API group "" in the namespace "default"',
    ),
)
SAYS_200 = http(200, {"items": []})


def row(expected: Expectation, *, lags: bool = False) -> Row:
    return Row("identity-mapping", "masters", "a-row", "testuser", LISTING, expected, "why.", lags=lags)


def in_turn(here: FakeLab, *outcomes: Outcome) -> Callable[[], int]:
    """Answer with these, the last one for ever; tells how often it was asked."""
    left = list(outcomes)

    def answer(*_: Any) -> Outcome:
        return left.pop(0) if len(left) > 1 else left[0]

    here.api.answers.append(answer)
    return lambda: len(here.api.asked)


FORBIDDEN = Forbidden("testuser", "list", "pods", "default")


@pytest.mark.parametrize(
    ("expected", "lags", "first", "then"),
    [
        (Allowed(), False, SAYS_401, SAYS_200),
        (Allowed(), False, SAYS_403, SAYS_200),
        (FORBIDDEN, False, SAYS_401, SAYS_403),
        # What an earlier stage allowed.
        (FORBIDDEN, True, SAYS_200, SAYS_403),
        (Unauthorized(), True, SAYS_200, SAYS_401),
        (Unauthorized(), True, SAYS_403, SAYS_401),
    ],
)
def test_what_aws_has_not_spread_yet_is_asked_again(expected: Expectation, lags: bool, first: Outcome, then: Outcome):
    here = lab(patience=5)
    times = in_turn(here, first, then)
    assert ask(row(expected, lags=lags), here.situation).verdict is Verdict.PASSED
    assert times() == 2


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (FORBIDDEN, SAYS_200),
        (Unauthorized(), SAYS_200),
        (Unauthorized(), SAYS_403),
        (Allowed(), HttpRefused(404, "not found")),
        (Allowed(), HttpRefused(422, "invalid")),
    ],
)
def test_a_wrong_answer_is_asked_for_once(expected: Expectation, answer: Outcome):
    here = lab(patience=5)
    times = in_turn(here, answer, SAYS_401)
    assert ask(row(expected), here.situation).verdict is Verdict.FAILED
    assert times() == 1


def test_patience_has_an_end_and_the_last_answer_counts():
    here = lab(patience=0.5)
    times = in_turn(here, SAYS_401, SAYS_403)
    began = time.monotonic()
    answer = ask(row(Allowed()), here.situation)
    assert (answer.verdict, answer.observed[:3]) == (Verdict.FAILED, "403")
    assert 0.4 < time.monotonic() - began < 3
    assert times() > 1


def test_no_patience_is_left_once_the_lab_has_settled():
    here = lab(patience=-1)
    times = in_turn(here, SAYS_401, SAYS_200)
    assert ask(row(Allowed()), here.situation).verdict is Verdict.FAILED
    assert times() == 1


def test_no_answer_is_no_reason_to_ask_again():
    here = lab(patience=5)
    times = in_turn(here, Unanswered("down"), SAYS_200)
    assert ask(row(Allowed()), here.situation).verdict is Verdict.NOT_ASKED
    assert times() == 1


def test_a_pod_that_has_not_ended_is_waited_for():
    here = lab(patience=-1)
    (one,) = (one for one in ROWS if one.name == "irsa-test1-s3-list")
    waiting = {"status": {"containerStatuses": [{"state": {"running": {}}}]}}
    over = {"status": {"containerStatuses": [{"state": {"terminated": {"exitCode": 254}}}]}}
    times = in_turn(here, http(200, {"status": {}}), http(200, waiting), http(200, over))
    said = "An error occurred (AccessDenied) when calling the ListBuckets operation: Access Denied"
    here.api.logged = Done(said, "log")
    assert ask(one, here.situation).verdict is Verdict.PASSED
    assert times() == 3


def test_what_the_stack_does_not_tell_cannot_be_asked():
    here = lab()

    def fail() -> str:
        raise Unknown("EKS does not tell the nodes' role.")

    here.situation.names._ask["NODE_ROLE"] = fail  # pyright: ignore[reportPrivateUsage]  # as EKS would do
    (one,) = (one for one in ROWS if one.name == "irsa-test2-s3-list")
    here.api.ran = Ran(
        254, "", "An error occurred (AccessDenied) when calling the ListBuckets operation: User: x is not"
        " authorized to perform: s3:ListAllMyBuckets"
    )  # fmt: skip
    answer = ask(one, here.situation)
    assert (answer.verdict, answer.observed) == (Verdict.NOT_ASKED, "EKS does not tell the nodes' role.")


def test_an_operator_without_credentials_can_ask_nobody():
    here = lab()

    def fail(*_: Any) -> Outcome:
        raise NoOperator("There are no AWS credentials.")

    here.api.answers.append(fail)
    assert ask(row(Allowed()), here.situation).verdict is Verdict.NOT_ASKED


def test_answers_come_in_the_rows_order_and_each_is_told():
    here = lab()
    rows = [row(Allowed()), *(one for one in ROWS if one.exercise == "rbac")]
    told: list[Answer] = []
    answers = ask_all(rows, here.situation, told.append)
    assert [each.row for each in answers] == rows
    assert {each.row.name for each in told} == {each.name for each in rows}


def test_nothing_is_asked_once_the_asking_is_stopped():
    here = lab()
    here.situation.stop.set()
    answers = ask_all([row(Allowed())], here.situation)
    assert [each.verdict for each in answers] == [Verdict.NOT_ASKED]
    assert here.api.asked == []


def test_an_interrupted_asking_ends_soon():
    here = lab(patience=60)
    in_turn(here, SAYS_401)

    def interrupt(_: Answer) -> None:
        raise KeyboardInterrupt

    quick = Row("rbac", "before", "quick", "x", InPod("a", "b", ("true",), "kubectl"), Allowed(), "why.")
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ask_all([quick, row(Allowed())], here.situation, interrupt)
    assert time.monotonic() - began < 5


def test_only_rows_of_the_standing_stage_belong():
    here = lab().situation
    stages = {(one.exercise, one.stage) for one in ROWS if belongs(one, here)}
    assert stages == {("rbac", "before"), ("identity-mapping", "masters"), ("irsa", "on"), ("pod-identity", "on")}
    s3 = [one.name for one in ROWS if belongs(one, here) and "-aws-s3-" in one.name]
    assert s3 == ["mapping-masters-aws-s3-denied"]
    here.boundary = False
    s3 = [one.name for one in ROWS if belongs(one, here) and "-aws-s3-" in one.name]
    assert s3 == ["mapping-masters-aws-s3-allowed"]


def by_name(name: str) -> Row:
    (one,) = (one for one in ROWS if one.name == name)
    return one


def test_a_bucket_that_must_not_have_been_made_is_deleted():
    here = lab()
    here.aws.answers["delete_bucket"] = Done({}, "")
    here.api.ran = Ran(0, "make_bucket: x", "")
    assert ask(by_name("irsa-test3-s3-write"), here.situation).verdict is Verdict.FAILED
    assert here.aws.calls == [
        ("s3", "delete_bucket", "operator", {"Bucket": "myeks-check-irsa-111122223333"}),
    ]
    here.aws.answers["delete_bucket"] = AwsRefused("AccessDenied", "DeleteBucket", "no")
    assert (
        "delete the bucket myeks-check-irsa-111122223333"
        in ask(by_name("irsa-test3-s3-write"), here.situation).observed
    )
    denied = lab()
    denied.api.ran = Ran(1, "", "An error occurred (AccessDenied) when calling the CreateBucket operation: no")
    assert ask(by_name("irsa-test3-s3-write"), denied.situation).verdict is Verdict.PASSED
    assert denied.aws.calls == []


def test_a_role_that_the_cli_would_remember_is_taken_anew():
    first, second = lab(), lab()
    for here in (first, second):
        ask(by_name("irsa-test3-identity"), here.situation)
        ask(by_name("irsa-test3-s3-list"), here.situation)
        ask(by_name("irsa-test2-s3-list"), here.situation)
        ask(by_name("pod-identity-test4-s3-list"), here.situation)
        name = f"AWS_ROLE_SESSION_NAME={here.situation.session_name}"
        assert [argv for _, _, argv in here.api.commands] == [
            ("env", name, "aws", "sts", "get-caller-identity", "--query", "Arn"),
            ("env", name, "aws", "s3", "ls"),
            ("aws", "s3", "ls"),
            ("aws", "s3", "ls"),
        ]
    assert first.situation.session_name != second.situation.session_name


@pytest.mark.parametrize("code", [0, 1])
def test_a_pod_that_asks_once_is_deleted_however_it_ended(code: int):
    here = lab()
    pod = {
        "spec": {"containers": [{"image": "amazon/aws-cli:9"}]},
        "status": {"containerStatuses": [{"state": {"terminated": {"exitCode": code}}}]},
    }
    here.api.on("GET", "/pods/", 200, pod)
    here.api.on("POST", "/pods", 201, pod)
    here.api.on("DELETE", "/pods/check-foreign", 200, {})
    here.api.logged = Done("no", "log")
    ask(by_name("pod-identity-foreign-account"), here.situation)
    made = [body for method, _, body, _ in here.api.asked if method == "POST"]
    assert made[0]["spec"]["containers"][0]["image"] == "amazon/aws-cli:9"
    assert made[0]["spec"]["serviceAccountName"] == "default"
    assert [path for method, path, *_ in here.api.asked if method == "DELETE"] == [
        "/api/v1/namespaces/default/pods/check-foreign"
    ]


def test_a_pod_that_an_earlier_check_left_is_taken_away_first():
    here = lab()
    there = [True]

    def pods(method: str, path: str, _body: Any, _token: str | None) -> Outcome | None:
        over = {
            "spec": {"containers": [{"image": "i"}]},
            "status": {"containerStatuses": [{"state": {"terminated": {"exitCode": 1}}}]},
        }
        if method == "POST":
            return http(409, "already exists") if there[0] else http(201, over)
        if method == "DELETE":
            there[0] = False
        return http(200, over)

    here.api.answers.append(pods)
    here.api.logged = Done("Unable to locate credentials", "log")
    assert ask(by_name("pod-identity-foreign-account"), here.situation).verdict is Verdict.FAILED
    assert [method for method, *_ in here.api.asked].count("POST") == 2


def test_tokens_for_questions_are_asked_for_with_their_audience():
    here = lab()
    ask(by_name("irsa-foreign-account"), here.situation)
    (method, path, body, token) = here.api.asked[0]
    assert (method, path) == ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token")
    assert token is None
    assert body["spec"] == {"audiences": ["sts.amazonaws.com"], "expirationSeconds": 600}


def test_a_token_of_another_signer_keeps_the_claims_and_loses_the_signature():
    from tests.unit.exercises.row_cases import TOKEN

    here = lab()
    here.api.on("POST", "/token", 201, {"status": {"token": TOKEN}})
    here.aws.answers["assume_role_with_web_identity"] = AwsRefused("InvalidIdentityToken", "X", "no")
    for name in ("irsa-token-of-another-signer", "irsa-foreign-account"):
        ask(by_name(name), here.situation)
    forged, whole = (params["WebIdentityToken"] for _, _, _, params in here.aws.calls)
    assert whole == TOKEN
    assert claims(forged) == claims(TOKEN)
    assert forged.rsplit(".", 1)[0] == TOKEN.rsplit(".", 1)[0]
    assert forged != TOKEN
    signers = {signer for _, _, signer, _ in here.aws.calls}
    assert signers == {"unsigned"}


def test_testusers_tokens_are_made_once_for_each_kind():
    here = lab().situation
    kinds = [here.testuser_token(kind) for kind in ("good", "of-another-cluster", "expired")]
    assert len(set(map(str, kinds))) == 3
    assert here.testuser_token("good") == kinds[0]
    assert here.names["AWS_REGION"] == REGION
