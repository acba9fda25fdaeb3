"""What happened, on the page: each request of the audit log once, who refused it, what belongs to an exercise."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from cli.page import timeline
from cli.page.audit_events import By, Verdict, asked
from cli.page.look import Problem
from cli.page.timeline import FOLDED, MOST_EVENTS, Filters, Happened, Mark, each_once
from exercises.catalogue import EXERCISES
from grading.audit_log import Newest
from grading.outcomes import Broke
from rehearsal.emulator.filter_patterns import compiled
from tests.unit.cli.audit_cases import (
    ALLOWED,
    ATTACK_ID,
    CONTROLLER,
    DENIED,
    NOBODY,
    POLICY_REFUSED,
    SECRET,
    SYSTEMS,
    WEBHOOK_REFUSED,
    event,
    messages,
)
from tests.unit.cli.page_browser import run
from tests.unit.cli.page_lab import EVIL, NOT_UP, Lab, lab, opened
from tests.unit.cli.test_page_pages import whole

__all__ = ["lab"]
EVENTS = (ALLOWED, DENIED, POLICY_REFUSED, CONTROLLER, SYSTEMS, NOBODY)
FOUND = Happened("", each_once(map(asked, EVENTS)))


def ids(found: Happened = FOUND, marked: Mapping[str, Mark] | None = None, **given: Any) -> set[str]:
    return {each.asked.id for each in timeline.timeline(found, Filters(**given), marked or {}).moments}


@pytest.mark.parametrize(
    ("code", "decision", "message", "verdict", "by", "what"),
    [
        (200, "allow", "", "allowed", "", ""),
        (101, "allow", "", "allowed", "", ""),
        (401, "", "Unauthorized", "refused", "authentication", ""),
        (403, "forbid", "pods is forbidden: User cannot", "refused", "authorization", ""),
        (403, "allow", 'pods "p" is forbidden: violates PodSecurity "baseline:latest": privileged', "refused",
         "admission", "Pod Security baseline:latest"),
        (422, "allow", "nodes is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
         "refused", "admission", "ValidatingAdmissionPolicy p, binding b"),
        (400, "allow", 'admission webhook "w.example" denied the request: no', "refused", "admission",
         "webhook w.example"),
        (403, "allow", "user is attempting to grant RBAC permissions not currently held", "refused", "escalation", ""),
        (403, "allow", "somebody said no", "refused", "other", ""),
        (403, "allow", "unable to create new content in namespace x because it is being terminated", "failed", "", ""),
        (404, "allow", "not found", "failed", "", ""),
        (409, "allow", "already exists", "failed", "", ""),
        (422, "allow", "spec.containers: Required value", "failed", "", ""),
        (503, "allow", 'admission webhook "w" denied the request', "failed", "", ""),
        (0, "", "", "open", "", ""),
    ],
)  # fmt: skip
def test_a_request_was_refused_by_somebody_or_not(
    code: int, decision: str, message: str, verdict: Verdict, by: By, what: str
):
    found = asked(event("i", code=code, decision=decision, message=message))
    assert (found.verdict, found.by, found.what) == (verdict, by, what)


@pytest.mark.parametrize(
    ("decision", "reason", "groups", "authorizer"),
    [
        ("allow", 'RBAC: allowed by ClusterRoleBinding "a: b"', [], "RBAC"),
        ("allow", "EKS access policy: allowed by AmazonEKSViewPolicy", [], "EKS access policy"),
        ("allow", "", ["system:masters"], "system:masters"),
        ("allow", "", ["system:nodes"], "Node"),
        ("allow", "", [], ""),
        ("forbid", "", ["system:masters"], ""),
    ],
)
def test_an_authorizer_is_told_as_far_as_the_event_does(decision: str, reason: str, groups: list[str], authorizer: str):
    assert asked(event("i", decision=decision, reason=reason, groups=groups)).authorizer == authorizer


def test_an_event_without_its_members_is_not_run_into():
    for broken in ({}, {"user": None, "objectRef": [], "responseStatus": "x", "annotations": 3, "stage": "Other"}):
        found = asked(broken)
        assert (found.user, found.code, found.verdict, found.resource) == ("", 0, "open", "")
    assert asked({"requestURI": "/metrics?token=a", "responseStatus": {"code": "403"}}).resource == "/metrics"
    apps = {"resource": "deployments", "subresource": "scale", "apiGroup": "apps"}
    assert asked({"objectRef": apps}).resource == "deployments/scale.apps"


def review(allowed: object, **attributes: str) -> dict[str, Any]:
    one = event("can-i", verb="create", resource="selfsubjectaccessreviews", code=201)
    one["objectRef"]["apiGroup"] = "authorization.k8s.io"
    asks = {"spec": {"resourceAttributes": attributes}}
    return {**one, "requestObject": asks, "responseObject": {"status": {"allowed": allowed, "reason": "hidden"}}}


def test_a_question_whether_something_is_allowed_is_told_with_its_answer():
    attributes = {"verb": "get", "group": "apps", "resource": "deployments", "subresource": "scale", "name": "shop"}
    found = asked(review(False, **attributes, namespace="owasp-k03"))
    assert (found.question, found.answer) == ("get deployments/scale.apps shop -n owasp-k03", "no")
    assert found.verdict == "allowed"
    assert "hidden" not in str(found)
    assert asked(review(True)).answer == "yes"
    for broken in (None, "true", 1):
        assert asked(review(broken)).answer == ""
    # Of any other object nothing is taken.
    other = {**review(False, **attributes), "objectRef": DENIED["objectRef"]}
    assert (asked(other).question, asked(other).answer) == ("", "")
    secret = Happened("", (asked(review(True, verb=SECRET, name=SECRET)),))
    assert SECRET not in str(timeline.timeline(secret, Filters(), {}))


@pytest.mark.parametrize(("allowed", "shown"), [(True, "is-allowed attack"), (False, "is-refused attack")])
def test_an_attack_by_question_counts_by_its_answer(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, allowed: bool, shown: str
):
    found = Happened("", (asked(review(allowed, verb="get", resource="pods")),))
    monkeypatch.setattr(timeline, "read", lambda *_, **__: found)
    monkeypatch.setattr(timeline, "marks", lambda _: {"can-i": Mark("k03", "row", "attack")})

    async def test() -> None:
        text = whole(await (await opened()).browser.get("/happened"))
        assert classes(text) == [shown]
        assert f"→ {'yes' if allowed else 'no'}</strong>" in text

    run(test)


def test_each_request_is_told_once_by_its_end_and_none_hides_behind_anothers_id():
    begun = {**event("one", code=0), "stage": "RequestReceived"}
    ended = event("one", code=201)
    other = {**event("one", code=403, decision="forbid"), "requestReceivedTimestamp": "2026-11-29T12:00:09.000000Z"}
    found = each_once(map(asked, (begun, ended, other)))
    assert [each.code for each in found] == [403, 201]
    assert [each.code for each in each_once(map(asked, (ended, begun)))] == [201]


def test_who_asks_in_anothers_name_is_told():
    found = asked({**event("i", user="boss"), "impersonatedUser": {"username": "alice", "groups": ["system:masters"]}})
    assert (found.user, found.impersonator, found.authorizer) == ("alice", "boss", "RBAC")
    only = Happened("", (found,))
    assert ids(only, subject="boss") == ids(only, subject="alice") == {"i"}


def test_the_clusters_own_parts_are_folded_away_until_they_are_wanted_or_refused():
    assert SYSTEMS["auditID"] not in ids()
    assert CONTROLLER["auditID"] in ids()  # refused, for what somebody had it do
    assert SYSTEMS["auditID"] in ids(own=True)
    # What the log is asked for has all that the page shows.
    fits = compiled(FOLDED)
    left = {each["auditID"] for each, message in zip(EVENTS, messages(*EVENTS), strict=True) if fits(message)}
    assert left == ids() == {each["auditID"] for each in EVENTS} - {SYSTEMS["auditID"]}
    for user, told in (
        ("system:kube-scheduler", False), ("system:node:ip-1", False), ("eks:addon-manager", False), ("kwok", False),
        ("system:serviceaccount:kube-system:aws-node", False), ("system:anonymous", True), ("alice", True),
        ("system:serviceaccount:kube-systems:x", True), ("kwoks", True),
    ):  # fmt: skip
        one = event("i", user=user)
        assert fits(messages(one)[0]) is told, user
        assert bool(ids(Happened("", (asked(one),)))) is told, user


@pytest.mark.parametrize("refused", [POLICY_REFUSED, CONTROLLER, WEBHOOK_REFUSED], ids=["policy", "level", "webhook"])
def test_what_is_refused_to_a_controller_is_asked_for_and_shown(refused: dict[str, Any]):
    one = {**refused, "user": CONTROLLER["user"]}
    assert compiled(FOLDED)(messages(one)[0])
    assert ids(Happened("", (asked(one),))) == {refused["auditID"]}


def test_filters_narrow_it_down():
    denied, allowed = DENIED["auditID"], ALLOWED["auditID"]
    assert ids(subject="CI-BOT") == ids(subject="sa:owasp-k03/ci-bot") == {denied, allowed}
    assert ids(subject="user:alice") == set()
    assert ids(verdict="allowed") == {allowed}
    assert ids(verdict="refused") == ids() - {allowed}
    assert ids(verdict="failed") == set()


@pytest.mark.parametrize(
    ("exercise", "given", "belongs"),
    [
        ("k03", {"namespace": "owasp-k03"}, True),
        ("k03", {"user": "system:serviceaccount:owasp-k03:ci-bot", "namespace": "kube-system"}, True),
        ("k03", {"user": "system:serviceaccount:owasp-k03x:a"}, False),
        ("k03", {"namespace": "owasp-k031"}, False),
        ("k10", {"namespace": "owasp-k1"}, False),
        ("k04", {"namespace": "owasp-k04-a"}, True),
        ("k04", {"namespace": "owasp-k04-new-1234"}, True),
        ("k09", {"resource": "clusterroles", "name": "owasp-k09-scraper"}, True),
        ("rbac", {"user": "system:serviceaccount:dev-team:dev-k8s"}, True),
        ("rbac", {"namespace": "infra-team"}, True),
        ("identity-mapping", {"user": "testuser"}, True),
        ("irsa", {"namespace": "default", "name": "eks-iam-test1"}, True),
        ("irsa", {"user": "system:serviceaccount:default:my-sa"}, True),
        ("irsa", {"namespace": "default", "name": "other"}, False),
        ("pod-identity", {"namespace": "default", "name": "eks-iam-test1"}, False),
        ("crypto", {"namespace": "owasp-crypto"}, True),
        ("rbac", {"user": "operator", "namespace": "default"}, False),
    ],
)
def test_an_exercise_has_its_namespaces_objects_and_accounts(exercise: str, given: dict[str, Any], belongs: bool):
    one = Happened("", (asked(event("i", **given)),))
    assert bool(ids(one, exercise=exercise)) is belongs


def test_every_exercise_has_a_place():
    assert all(timeline.places(each).namespaces for each in EXERCISES)


def test_what_a_check_asked_belongs_to_its_exercise():
    nobody = NOBODY["auditID"]
    assert nobody not in ids(exercise="k03")
    assert nobody in ids(exercise="k03", marked={nobody: Mark("k03", "row", "attack")})
    assert nobody not in ids(exercise="k01", marked={nobody: Mark("k03", "row", "attack")})


def test_a_log_that_is_too_long_tells_how_much_is_left_out():
    many = tuple(
        replace(asked(DENIED), id=f"i{number}", received=f"2026-11-29T12:00:{number % 60:02}.{number:06}Z")
        for number in range(MOST_EVENTS)
    )
    made = timeline.timeline(Happened("", each_once(many)), Filters(), {})
    assert (len(made.moments), made.more, made.count) == (timeline.MOST_ROWS, MOST_EVENTS - 200, MOST_EVENTS)
    assert made.refused == MOST_EVENTS
    times = [each.asked.received for each in made.moments]
    assert times == sorted(times, reverse=True)
    assert times[0].startswith("2026-11-29T12:00:59")


def test_no_key_and_no_token_of_an_event_is_shown():
    one = Happened("", (asked(event("i", user=SECRET, name=SECRET, namespace=SECRET, resource=SECRET, verb=SECRET)),))
    (moment,) = timeline.timeline(one, Filters(), {}).moments
    assert SECRET not in str(moment)
    assert "[not shown]" in moment.asked.user
    # Objects are not kept at all.
    assert "hidden-in-an-object" not in str(asked(DENIED))
    assert "hidden-in-an-object" in str(DENIED)
    assert timeline.timeline(Happened("", (asked(event("a b'\"")),)), Filters(), {}).moments[0].asked.id == ""


class Stack:
    option = ""


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def outputs(_: object) -> Generator[Any]:
        yield {"region": "r", "clusterName": "myeks"}, None

    monkeypatch.setattr(timeline, "load", lambda _: Stack())
    monkeypatch.setattr(timeline, "outputs_of", outputs)


@pytest.mark.usefixtures("stack")
def test_the_log_is_asked_for_as_much_as_is_wanted(monkeypatch: pytest.MonkeyPatch):
    told: list[Any] = []

    def newest(_: object, *given: Any) -> Any:
        *rest, keep = given
        told.append(tuple(rest))
        return Newest(tuple(map(keep, EVENTS)), whole=False)

    monkeypatch.setattr(timeline, "newest", newest)
    found = timeline.read("rehearsal", 60, own=False)
    assert (len(found.events), found.whole, found.problem) == (len(EVENTS), False, None)
    timeline.read("rehearsal", 15, own=True)
    assert told == [("myeks", FOLDED, 3600.0, MOST_EVENTS), ("myeks", "", 900.0, MOST_EVENTS)]


@pytest.mark.usefixtures("stack")
def test_a_log_that_is_off_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timeline, "newest", lambda *_, **__: Broke("The cluster's audit log is off."))
    assert timeline.read("rehearsal", 15, own=False).problem == Problem("The cluster's audit log is off.")


@pytest.mark.parametrize(
    "address",
    ["/happened", "/happened?exercise=k03&verdict=refused&own=on&minutes=60", f"/happened?subject={quote(EVIL)}",
     f"/happened?exercise={quote(EVIL)}&verdict={quote(EVIL)}&minutes={quote(EVIL)}"],
)  # fmt: skip
@pytest.mark.parametrize(
    "found",
    [
        FOUND,
        Happened("", (asked(event(EVIL, user=EVIL, name=EVIL, verb=EVIL, reason=EVIL)),), whole=False),
        Happened("", problem=NOT_UP),
        Happened("", problem=Problem(f"AWS said {EVIL}")),
    ],
    ids=["whole", "evil", "down", "silent"],
)
def test_the_page_is_whole(lab: Lab, monkeypatch: pytest.MonkeyPatch, address: str, found: Happened):
    monkeypatch.setattr(timeline, "read", lambda *_, **__: found)

    async def test() -> None:
        page = await opened()
        for language in ("en", "ko"):
            await page.browser.post("/language", f"to={language}&back=%2Fhappened")
            text = whole(await page.browser.get(address))
            assert "<script>alert" not in text
            assert ("./lab up" in text) == (found.problem is NOT_UP)
        await page.browser.post("/language", "to=en&back=%2Fhappened")
        text = whole(await page.browser.get(address))
        if found is FOUND and address == "/happened":
            assert "5 requests, 4 of them refused" in text
            for told in (
                "✗ 403 refused by authorization", "✗ 401 refused by authentication", "✓ 200 allowed (RBAC)",
                "ValidatingAdmissionPolicy owasp-k09-no-proxy", "nobody whom the API server knows",
            ):  # fmt: skip
                assert told in text
            assert "older requests are left out" not in text
        if address == "/happened" and not found.whole:
            assert "older requests are left out" in text

    run(test)


def test_the_attack_of_the_last_check_stands_out(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timeline, "read", lambda *_, **__: FOUND)
    lab.plays("k03")
    rows = [{"exercise": "k03", "name": "k03-open-read", "goal": goal, "audit_id": ATTACK_ID} for goal in ("attack",)]
    unasked = {"exercise": "k03", "name": "k03-not-asked", "goal": "use", "audit_id": "", "verdict": None}
    lab.printed = {"rows": [{**rows[0], "verdict": "passed", **SHOWN}, {**unasked, **SHOWN}], "summary": {"played": []}}

    async def test() -> None:
        page = await opened()
        assert "attack" not in " ".join(classes(whole(await page.browser.get("/happened"))))
        await page.browser.post("/exercises/k03/check")
        await page.over()
        text = whole(await page.browser.get("/happened"))
        assert classes(text).count("is-refused attack") == 1
        assert "k03-open-read" in text
        assert "k03-not-asked" not in text
        # A row that made no request marks none, not even one without an ID.
        assert set(timeline.marks(page.runs.last)) == {ATTACK_ID}

    run(test)


SHOWN = {"stage": "open", "subject": "ci-bot", "command": "", "expected": "", "observed": "", "why": "", "wrong": ""}


def classes(text: str) -> list[str]:
    return re.findall(r'<li class="([\w -]+)">', text)
