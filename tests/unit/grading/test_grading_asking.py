"""How questions are put: again only while the answer may change by itself, and nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

import pytest
from typing_extensions import override

from exercises.registry import ROWS
from grading import grade as ask_module
from grading import run_probe, session
from grading.account_probes import ObjectFacts
from grading.check import Row
from grading.expectations import Allowed, Expectation, Forbidden, Unauthorized
from grading.grade import Answer, Verdict, ask, ask_all, belongs
from grading.outcomes import AwsRefused, Done, HttpRefused, Outcome, Ran, Unanswered, http
from grading.pod_probes import InPod
from grading.probes import AsTestuser, Question, ReadObject, Request, listing
from grading.session import NoOperator
from grading.tokens import claims
from grading.variables import Unknown
from tests.unit.grading.fake_lab import ACCOUNT, REGION, Clock, FakeLab, lab, query_of, status


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (ask_module, run_probe):
        monkeypatch.setattr(module, "time", made)
    return made


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


def whoami(name: str, *groups: str) -> Outcome:
    return http(201, {"status": {"userInfo": {"username": name, "groups": ["system:authenticated", *groups]}}})


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
def test_what_aws_has_not_spread_yet_is_asked_again(
    clock: Clock, expected: Expectation, lags: bool, first: Outcome, then: Outcome
):
    here = lab(patience=5, clock=clock)
    times = in_turn(here, first, then)
    assert ask(row(expected, lags=lags), here.session).verdict is Verdict.PASSED
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
def test_a_wrong_answer_is_asked_for_once(clock: Clock, expected: Expectation, answer: Outcome):
    here = lab(patience=5, clock=clock)
    times = in_turn(here, answer, SAYS_401)
    assert ask(row(expected), here.session).verdict is Verdict.FAILED
    assert times() == 1


WHOAMI = AsTestuser(Request("kubectl auth whoami", "POST", "/selfsubjectreviews", {}, picks="whoami"))
ANNOTATIONS = ReadObject("serviceaccounts", "default", "dev-k8s", "annotations")
FACTS = ObjectFacts("kubectl get node", "/api/v1/nodes/a", (("name", ("metadata", "name")),))


@pytest.mark.parametrize("question", [LISTING, WHOAMI, ANNOTATIONS, FACTS])
def test_an_answer_names_its_request_in_the_audit_log(question: Question):
    here = lab()
    in_turn(here, http(200, {"metadata": {"name": "a"}}, {"audit-id": "5ce4"}))
    asked = Row("identity-mapping", "masters", "a-row", "testuser", question, Allowed(), "why.")
    assert ask(asked, here.session).audit_id == "5ce4"


def test_what_this_process_did_not_ask_of_the_api_server_has_no_audit_id():
    here = lab()
    in_turn(here, HttpRefused(403, "no", {"audit-id": "5ce5"}))
    assert ask(row(Allowed()), here.session).audit_id == "5ce5"
    pods = Row("rbac", "before", "a-row", "pod", InPod("dev", "pod", ("kubectl",), "kubectl"), Allowed(), "why.")
    assert ask(pods, lab().session).audit_id == ""


def test_patience_has_an_end_and_the_last_answer_counts(clock: Clock):
    here = lab(patience=0.5, clock=clock)
    times = in_turn(here, SAYS_401, SAYS_403)
    answer = ask(row(Allowed()), here.session)
    assert (answer.verdict, answer.observed[:3]) == (Verdict.FAILED, "403")
    assert 0.5 <= clock.now - 1000 < 3
    assert times() > 1


def test_no_patience_is_left_once_the_lab_has_settled(clock: Clock):
    here = lab(patience=-1, clock=clock)
    times = in_turn(here, SAYS_401, SAYS_200)
    assert ask(row(Allowed()), here.session).verdict is Verdict.FAILED
    assert times() == 1


def test_no_answer_is_no_reason_to_ask_again(clock: Clock):
    here = lab(patience=5, clock=clock)
    times = in_turn(here, Unanswered("down"), SAYS_200)
    assert ask(row(Allowed()), here.session).verdict is Verdict.NOT_ASKED
    assert times() == 1


def test_a_pod_that_has_not_ended_is_waited_for(clock: Clock):
    here = lab(patience=-1, clock=clock)
    (one,) = (one for one in ROWS if one.name == "irsa-test1-s3-list")
    waiting = {"status": {"containerStatuses": [{"state": {"running": {}}}]}}
    over = {"status": {"containerStatuses": [{"state": {"terminated": {"exitCode": 254}}}]}}
    times = in_turn(here, http(200, {"status": {}}), http(200, waiting), http(200, over))
    said = "An error occurred (AccessDenied) when calling the ListBuckets operation: Access Denied"
    here.api.logged = Done(said, "log")
    assert ask(one, here.session).verdict is Verdict.PASSED
    assert times() == 3


def test_what_the_stack_does_not_tell_cannot_be_asked():
    here = lab()

    def fail() -> str:
        raise Unknown("EKS does not tell the nodes' role.")

    here.session.names._ask["NODE_ROLE"] = fail  # pyright: ignore[reportPrivateUsage]  # as EKS would do
    (one,) = (one for one in ROWS if one.name == "irsa-test2-s3-list")
    here.api.ran = Ran(
        254, "", "An error occurred (AccessDenied) when calling the ListBuckets operation: User: x is not"
        " authorized to perform: s3:ListAllMyBuckets"
    )  # fmt: skip
    answer = ask(one, here.session)
    assert (answer.verdict, answer.observed) == (Verdict.NOT_ASKED, "EKS does not tell the nodes' role.")


def test_an_operator_without_credentials_can_ask_nobody():
    here = lab()

    def fail(*_: Any) -> Outcome:
        raise NoOperator("There are no AWS credentials.")

    here.api.answers.append(fail)
    assert ask(row(Allowed()), here.session).verdict is Verdict.NOT_ASKED


def test_answers_come_in_the_rows_order_and_each_is_told():
    here = lab()
    rows = [row(Allowed()), *(one for one in ROWS if one.exercise == "rbac")]
    told: list[Answer] = []
    answers = ask_all(rows, here.session, told.append)
    assert [each.row for each in answers] == rows
    assert {each.row.name for each in told} == {each.name for each in rows}


def test_nothing_is_asked_once_the_asking_is_stopped():
    here = lab()
    here.session.stop.set()
    answers = ask_all([row(Allowed())], here.session)
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
        ask_all([quick, row(Allowed())], here.session, interrupt)
    assert time.monotonic() - began < 5


def test_only_rows_of_the_standing_stage_belong():
    here = lab().session
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
    assert ask(by_name("irsa-test3-s3-write"), here.session).verdict is Verdict.FAILED
    assert here.aws.calls == [
        ("s3", "delete_bucket", "operator", {"Bucket": "myeks-check-irsa-111122223333"}),
    ]
    here.aws.answers["delete_bucket"] = AwsRefused("AccessDenied", "DeleteBucket", "no")
    assert (
        "delete the bucket myeks-check-irsa-111122223333" in ask(by_name("irsa-test3-s3-write"), here.session).observed
    )
    denied = lab()
    denied.api.ran = Ran(1, "", "An error occurred (AccessDenied) when calling the CreateBucket operation: no")
    assert ask(by_name("irsa-test3-s3-write"), denied.session).verdict is Verdict.PASSED
    assert denied.aws.calls == []


def test_a_role_that_the_cli_would_remember_is_taken_anew():
    first, second = lab(), lab()
    for here in (first, second):
        ask(by_name("irsa-test3-identity"), here.session)
        ask(by_name("irsa-test3-s3-list"), here.session)
        ask(by_name("irsa-test2-s3-list"), here.session)
        ask(by_name("pod-identity-test4-s3-list"), here.session)
        name = f"AWS_ROLE_SESSION_NAME={here.session.session_name}"
        assert [argv for _, _, argv in here.api.commands] == [
            ("env", name, "aws", "sts", "get-caller-identity", "--query", "Arn"),
            ("env", name, "aws", "s3", "ls"),
            ("aws", "s3", "ls"),
            ("aws", "s3", "ls"),
        ]
    assert first.session.session_name != second.session.session_name


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
    ask(by_name("pod-identity-foreign-account"), here.session)
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
    assert ask(by_name("pod-identity-foreign-account"), here.session).verdict is Verdict.FAILED
    assert [method for method, *_ in here.api.asked].count("POST") == 2


def test_tokens_for_questions_are_asked_for_with_their_audience():
    here = lab()
    ask(by_name("irsa-foreign-account"), here.session)
    (method, path, body, token) = here.api.asked[0]
    assert (method, path) == ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token")
    assert token is None
    assert body["spec"] == {"audiences": ["sts.amazonaws.com"], "expirationSeconds": 600}


def test_a_token_of_another_signer_keeps_the_claims_and_loses_the_signature():
    from tests.unit.exercises.row_cases import TOKEN

    here = lab()
    here.api.on("POST", "/token", 201, {"status": {"token": TOKEN}})
    here.api.on(
        "GET", "/my-sa", 200, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}}}
    )
    here.aws.answers["assume_role_with_web_identity"] = AwsRefused("InvalidIdentityToken", "X", "no")
    for name in ("irsa-token-of-another-signer", "irsa-foreign-account"):
        ask(by_name(name), here.session)
    forged, whole = (params["WebIdentityToken"] for _, _, _, params in here.aws.calls)
    assert whole == TOKEN
    assert claims(forged) == claims(TOKEN)
    assert forged.rsplit(".", 1)[0] == TOKEN.rsplit(".", 1)[0]
    assert forged != TOKEN
    signers = {signer for _, _, signer, _ in here.aws.calls}
    assert signers == {"unsigned"}


class AtOneSecond(datetime):
    """The moment at which all is signed."""

    @classmethod
    @override
    def now(cls, tz: tzinfo | None = None) -> AtOneSecond:
        return cls(2026, 11, 24, 10, 0, 0, 123456, tz)


def test_a_token_that_was_let_in_is_never_shown_again(monkeypatch: pytest.MonkeyPatch):
    """The date in a token has whole seconds, and many tokens are asked for within one."""
    monkeypatch.setattr(session, "datetime", AtOneSecond)
    here = lab().session
    tokens = [str(here.testuser_token("good")) for _ in range(50)]
    assert len(set(tokens)) == 50
    dates = [query_of(token)["X-Amz-Date"][0] for token in tokens]
    assert (dates[0], dates[1], dates[-1]) == ("20261124T100000Z", "20261124T095959Z", "20261124T095911Z")


def test_a_token_that_lets_nobody_in_is_made_once():
    here = lab().session
    kinds = [here.testuser_token(kind) for kind in ("good", "of-another-cluster", "expired")]
    assert len(set(map(str, kinds))) == 3
    assert [here.testuser_token(kind) for kind in ("of-another-cluster", "expired")] == kinds[1:]
    assert here.names["AWS_REGION"] == REGION


@pytest.mark.parametrize(
    ("name", "first", "then"),
    [
        ("mapping-unmapped-list-nodes", http(200, {"items": []}), SAYS_401),
        ("mapping-entry-whoami", whoami("testuser"), whoami(f"arn:aws:iam::{ACCOUNT}:user/testuser")),
        ("mapping-masters-whoami", whoami("testuser"), whoami("testuser", "system:masters")),
    ],
)
def test_an_api_server_that_remembers_whom_it_let_in_shows_a_change(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, name: str, first: Outcome, then: Outcome
):
    """A successful answer of EKS's is kept for the token, and the change comes while the asking goes on."""
    monkeypatch.setattr(session, "datetime", AtOneSecond)
    here = lab(patience=90, clock=clock)
    remembered: dict[str | None, Outcome] = {}

    def answer(_method: str, _path: str, _body: Any, token: str | None) -> Outcome:
        now = first if clock.now < 1020 else then
        if isinstance(now, Done):
            remembered.setdefault(token, now)
        return remembered.get(token, now)

    here.api.answers.append(answer)
    assert ask(by_name(name), here.session).verdict is Verdict.PASSED
    assert 1020 <= clock.now < 1030


def ran_in_turn(here: FakeLab, monkeypatch: pytest.MonkeyPatch, *ran: Ran) -> list[Ran]:
    """Commands in pods end with these; what is left of them."""
    left = list(ran)
    monkeypatch.setattr(here.api, "run", lambda *_: left.pop(0))
    return left


def said(code: str, operation: str) -> Ran:
    return Ran(254, "", f"An error occurred ({code}) when calling the {operation} operation: no")


@pytest.mark.parametrize("name", ["irsa-test3-s3-write", "pod-identity-test4-s3-write"])
@pytest.mark.parametrize(
    "first",
    [
        said("AccessDenied", "AssumeRoleWithWebIdentity"),
        said("InvalidIdentityToken", "AssumeRoleWithWebIdentity"),
        Ran(253, "", "Unable to locate credentials. You can configure them."),
        Ran(255, "", "Error when retrieving credentials from container-role: Error retrieving metadata"),
    ],
    ids=["denied the role", "no provider yet", "no credentials", "no association yet"],
)
def test_who_has_no_role_yet_is_asked_again_for_what_the_role_is_refused(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, name: str, first: Ran
):
    here = lab(patience=5, clock=clock)
    left = ran_in_turn(here, monkeypatch, first, said("AccessDenied", "CreateBucket"))
    assert ask(by_name(name), here.session).verdict is Verdict.PASSED
    assert left == []


@pytest.mark.parametrize(
    "first",
    [
        Ran(0, "make_bucket: x", ""),
        Ran(2, "", "aws: error: argument operation: Invalid choice"),
        Ran(
            254,
            "",
            "An error occurred (AccessDenied) when calling the CreateBucket operation: User: arn:aws:sts::1:"
            "assumed-role/other/i-1 is not authorized to perform: s3:CreateBucket",
        ),
    ],
    ids=["allowed", "broken", "somebody else is refused"],
)
def test_a_wrong_end_of_what_must_be_refused_is_one_at_once(clock: Clock, monkeypatch: pytest.MonkeyPatch, first: Ran):
    here = lab(patience=5, clock=clock)
    left = ran_in_turn(here, monkeypatch, first, said("AccessDenied", "CreateBucket"))
    assert ask(by_name("irsa-test3-s3-write"), here.session).verdict is Verdict.FAILED
    assert len(left) == 1


@pytest.mark.parametrize("log", ["Unable to locate credentials.", said("AccessDenied", "GetCallerIdentity").stderr])
def test_a_log_of_a_pod_that_has_ended_is_read_once_and_the_remedy_told(clock: Clock, log: str):
    here = lab(patience=90, clock=clock)
    times = in_turn(here, http(200, {"status": {"containerStatuses": [{"state": {"terminated": {"exitCode": 254}}}]}}))
    here.api.logged = Done(log, "log")
    answer = ask(by_name("irsa-test1-s3-list"), here.session)
    assert answer.verdict is Verdict.FAILED
    assert "./lab stage irsa off and back" in answer.wrong
    assert times() == 1


REFUSED = (
    'Error from server (Forbidden): pods is forbidden: User "system:serviceaccount:dev-team:dev-k8s" cannot list'
    ' resource "pods" in API group "" in the namespace "dev-team"'
)


@pytest.mark.parametrize(
    ("name", "first", "then"),
    [
        ("rbac-after-dev-list-pods", Ran(1, "", REFUSED), Ran(0, "dev-kubectl", "")),
        ("rbac-before-dev-list-pods", Ran(0, "dev-kubectl", ""), Ran(1, "", REFUSED)),
        ("rbac-after-dev-can-i", Ran(1, "no\n", ""), Ran(0, "yes\n", "")),
        ("rbac-after-dev-can-i-everything", Ran(1, "no\n", ""), Ran(0, "yes\n", "")),
        ("rbac-before-dev-can-i", Ran(0, "yes\n", ""), Ran(1, "no\n", "")),
    ],
)
def test_an_api_server_that_has_not_heard_of_a_role_or_its_end_is_asked_again(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, name: str, first: Ran, then: Ran
):
    here = lab(patience=5, clock=clock)
    left = ran_in_turn(here, monkeypatch, first, then)
    assert ask(by_name(name), here.session).verdict is Verdict.PASSED
    assert left == []
