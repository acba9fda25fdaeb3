"""A request's way, on the page: what its event tells of each station, and what it does not."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from cli.page import access, request_way, timeline
from cli.page.access import Access
from cli.page.look import Problem
from cli.page.request_way import Found, way
from cli.page.timeline import Happened
from grading.audit_log import Newest
from operations.rbac.iam_principals import Principal
from operations.rbac.objects import Binding, Policy, Role, Rule, Subject
from tests.unit.cli.audit_cases import (
    ALLOWED,
    ATTACK_ID,
    BOT,
    CONTROLLER,
    DENIED,
    NOBODY,
    POLICY_REFUSED,
    SECRET,
    event,
)
from tests.unit.cli.page_browser import run
from tests.unit.cli.page_lab import EVIL, NOT_UP, Lab, lab, opened
from tests.unit.cli.test_page_pages import whole

__all__ = ["lab"]
ARN = "arn:aws:iam::111122223333:user/operator"
OPERATOR: dict[str, Any] = {
    "username": ARN,
    "groups": ["system:authenticated"],
    "extra": {
        "accessKeyId": ["AKIAIOSFODNN7EXAMPLE"],
        "arn": [ARN],
        "canonicalArn": [ARN],
        "sessionName": ["morning"],
    },
}
POD_TOKEN = {
    "authentication.kubernetes.io/credential-id": ["JTI=8c396676"],
    "authentication.kubernetes.io/pod-name": ["dev-kubectl"],
    "authentication.kubernetes.io/node-name": ["ip-192-168-1-181"],
}
ESCALATES = "user is attempting to grant RBAC permissions not currently held"
ROBOT = Subject("ServiceAccount", "ci-bot", "owasp-k03")
POLICY = Policy(
    (Role("Role", "deployer", "owasp-k03", (Rule(("get",), ("",), ("deployments",)),)),),
    (Binding("RoleBinding", "deployer", "owasp-k03", "Role", "deployer", (ROBOT,)),),
)
PRINCIPALS = (
    Principal(ARN, "access entry", ARN),
    Principal("arn:aws:iam::111122223333:user/other", "aws-auth", "other"),
)
CLUSTER = Access("", POLICY, principals=PRINCIPALS)
UNREAD = Access("", None, problem=Problem("no"))


def by(user: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {**event("i", **given), "user": user}


@pytest.mark.parametrize(
    ("user", "annotations", "how"),
    [
        ({}, {}, "nobody"),
        ({"username": "system:anonymous"}, {}, "anonymous"),
        (OPERATOR, {}, "iam"),
        (
            {"username": "x", "extra": {"authentication.kubernetes.io/credential-id": ["X509SHA256=ab"]}},
            {},
            "certificate",
        ),
        ({"username": BOT, "extra": POD_TOKEN}, {}, "account"),
        ({"username": BOT}, {"authentication.k8s.io/legacy-token": BOT}, "legacy-account"),
        ({"username": "oidc:x", "extra": POD_TOKEN}, {}, "token"),
        ({"username": "system:apiserver"}, {}, "untold"),
    ],
)
def test_by_what_a_caller_is_known(user: dict[str, Any], annotations: dict[str, str], how: str):
    code = 200 if user else 401
    found = way({**by(user, code=code), "annotations": annotations}, CLUSTER).authentication
    assert (found.how, found.state) == (how, "passed" if user else "refused")


def test_a_caller_is_told_by_arn_session_pod_and_entry():
    found = way(by(OPERATOR), CLUSTER).authentication
    assert (found.arn, found.session, found.groups) == (ARN, "morning", ("system:authenticated",))
    assert [each.source for each in found.principals] == ["access entry"]
    assert way(by({"username": "x"}), CLUSTER).authentication.principals == ()
    found = way(by({"username": BOT, "extra": POD_TOKEN}), CLUSTER).authentication
    assert (found.pod, found.node) == ("dev-kubectl", "ip-192-168-1-181")


def test_authorization_is_the_events_and_roles_are_those_of_now():
    found = way(ALLOWED, CLUSTER).authorization
    assert (found.state, found.known) == ("passed", True)
    assert found.now
    assert found.now.via == "RoleBinding deployer → Role deployer"
    found = way(DENIED, CLUSTER).authorization
    assert (found.state, found.known, found.now) == ("refused", True, None)
    # It was refused then, and is allowed now.
    since = {**ALLOWED, "annotations": DENIED["annotations"]}
    assert way(since, CLUSTER).authorization.now
    assert way(since, CLUSTER).authorization.state == "refused"
    assert way(ALLOWED, UNREAD).authorization.known is False
    assert way(NOBODY, CLUSTER).authorization.state == "not-reached"
    assert way(event("i", decision=""), CLUSTER).authorization.state == "untold"


def test_who_is_asked_for_is_judged_and_not_who_asks():
    impersonating = {**by(OPERATOR), "objectRef": ALLOWED["objectRef"], "impersonatedUser": {"username": BOT}}
    found = way(impersonating, CLUSTER)
    assert found.authorization.now
    assert (found.asked.user, found.asked.impersonator) == (BOT, ARN)
    assert found.authentication.user == ARN


def test_the_name_of_what_is_created_is_nothing_that_an_authorizer_sees():
    role = Role("ClusterRole", "r", rules=(Rule(("create", "get"), ("",), ("pods", "pods/exec"), ("web",)),))
    bound = Binding("ClusterRoleBinding", "b", "", "ClusterRole", "r", (Subject("User", "alice"),))
    named = Access("", Policy((role,), (bound,)))
    assert way(event("i", verb="create", name="web"), named).authorization.now is None
    assert way(event("i", verb="get", name="web"), named).authorization.now
    exec_ = event("i", verb="create", name="web")
    exec_["objectRef"]["subresource"] = "exec"
    assert way(exec_, named).authorization.now


def test_a_path_that_is_no_resource_is_judged_as_one():
    role = Role("ClusterRole", "r", rules=(Rule(("get",), non_resource_urls=("/metrics",)),))
    bound = Binding("ClusterRoleBinding", "b", "", "ClusterRole", "r", (Subject("User", "alice"),))
    one = {**event("i"), "objectRef": None, "requestURI": "/metrics?x=1"}
    found = way(one, Access("", Policy((role,), (bound,))))
    assert found.authorization.now
    assert (found.admission.state, found.stored) == ("not-asked", "no-object")


ADMITTED = {
    "authorization.k8s.io/decision": "allow",
    "pod-security.kubernetes.io/enforce-policy": "restricted:latest",
    "pod-security.kubernetes.io/audit-violations": "would violate: hidden",
    "mutation.webhook.admission.k8s.io/round_0_index_0": json.dumps(
        {"configuration": "pod-identity-webhook", "webhook": "iam-for-pods.amazonaws.com", "mutated": True}
    ),
    "patch.webhook.admission.k8s.io/round_0_index_0": json.dumps(
        {"patch": [{"op": "add", "path": "/spec/volumes/0", "value": "hidden-value"}], "patchType": "JSONPatch"}
    ),
    "failed-open.validating.webhook.admission.k8s.io/round_0_index_1": "slow.example",
    "validation.policy.admission.k8s.io/validation_failure": json.dumps(
        [{"message": "hidden", "policy": "p", "binding": "b", "validationActions": ["Audit"]}]
    ),
}


def test_admission_is_told_by_names_and_places_and_not_by_values():
    found = way({**event("i", verb="create"), "annotations": ADMITTED}, CLUSTER)
    told = found.admission
    assert (told.state, told.level, told.would_violate, told.is_silent) == ("passed", "restricted:latest", True, False)
    assert told.webhooks == (("pod-identity-webhook", "iam-for-pods.amazonaws.com", True),)
    assert (told.patched, told.unanswered) == (("/spec/volumes/0",), ("slow.example",))
    assert told.policies == (("p", "b", "Audit"),)
    assert "hidden" not in str(found)
    broken = dict.fromkeys(ADMITTED, "{") | {"authorization.k8s.io/decision": "allow"}
    assert way({**event("i", verb="create"), "annotations": broken}, CLUSTER).admission.webhooks == ()


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (POLICY_REFUSED | {"verb": "update"}, "refused"),
        (CONTROLLER, "refused"),
        (DENIED, "not-reached"),
        (NOBODY, "not-reached"),
        (event("i", verb="list"), "not-asked"),
        (event("i", verb="create", code=201), "passed"),
        # An object that is not valid may have passed admission or not come to it.
        (event("i", verb="create", code=422, message="Required value"), "untold"),
        (event("i", verb="create", code=403, message=ESCALATES), "untold"),
    ],
)  # fmt: skip
def test_admission_is_asked_about_changes(one: dict[str, Any], state: str):
    assert way(one, CLUSTER).admission.state == state


def part(subresource: str, **given: Any) -> dict[str, Any]:
    one = event("i", **given)
    return {**one, "objectRef": {**one["objectRef"], "subresource": subresource}}


def group(name: str, **given: Any) -> dict[str, Any]:
    one = event("i", **given)
    return {**one, "objectRef": {**one["objectRef"], "apiGroup": name}}


@pytest.mark.parametrize(
    ("one", "stored"),
    [
        (event("i", verb="create", code=201), "written"),
        (event("i", verb="delete"), "written"),
        (part("eviction", verb="create", code=201), "written"),
        (group("rbac.authorization.k8s.io", verb="create", code=201), "written"),
        (event("i", verb="create", code=201) | {"requestURI": "/api/v1/pods?dryRun=All&x=y"}, "dry-run"),
        (event("i", verb="create", code=201) | {"requestURI": "/api/v1/pods?x=dryRun"}, "written"),
        (event("i"), "read"),
        (event("i", code=404), "read"),
        (event("i", verb="create", code=409), "not-written"),
        (event("i", verb="create", code=500), "untold"),
        (event("i", verb="create", code=0), "untold"),
        (part("exec", verb="get", code=101), "no-object"),
        (part("token", verb="create", code=201), "no-object"),
        (group("authorization.k8s.io", verb="create", code=201), "no-object"),
        (DENIED, "not-reached"),
        (POLICY_REFUSED, "not-reached"),
        (NOBODY, "not-reached"),
    ],
)
def test_what_comes_to_etcd(one: dict[str, Any], stored: str):
    assert way(one, CLUSTER).stored == stored


def test_ways_to_a_pod_pass_admission_though_they_only_read():
    assert way(part("exec", verb="get", code=101), CLUSTER).admission.state == "passed"
    assert way(part("log", verb="get"), CLUSTER).admission.state == "not-asked"


def test_no_key_and_no_token_is_in_a_way():
    extra = {**OPERATOR["extra"], "arn": [SECRET], "sessionName": [SECRET], **{key: [SECRET] for key in POD_TOKEN}}
    user = {"username": SECRET, "uid": SECRET, "groups": [SECRET], "extra": extra}
    one = by(user, verb="create", name=SECRET, reason=SECRET)
    one |= {"userAgent": SECRET, "sourceIPs": [SECRET], "level": SECRET}
    one["annotations"] |= dict.fromkeys(ADMITTED, SECRET) | {"authorization.k8s.io/decision": "allow"}
    told = str(way(one, CLUSTER))
    for secret in (SECRET, "AKIAIOSFODNN7EXAMPLE", "hidden-in-an-object"):
        assert secret in str(one)
        assert secret not in told


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The events that the log has; what it was asked for comes behind them."""
    events: list[Any] = [ALLOWED, {**DENIED, "stage": "ResponseStarted", "responseStatus": {}}, DENIED]

    def read(_: str, *given: Any, keep: Any) -> Any:
        found = tuple(keep(each) for each in events if isinstance(each, dict))
        events.append(given)
        return "", Newest(found, whole=True)

    monkeypatch.setattr(timeline, "events", read)
    monkeypatch.setattr(access, "read", lambda _: CLUSTER)
    return events


def test_a_request_is_found_by_its_id_and_time(log: list[Any]):
    at = DENIED["requestReceivedTimestamp"]
    found = request_way.read("rehearsal", ATTACK_ID, at).way
    assert found
    assert (found.asked.id, found.asked.code) == (ATTACK_ID, 403)
    assert log[-1][0] == f'"{ATTACK_ID}"'
    # Another request with the same ID is another request.
    later = {**DENIED, "requestReceivedTimestamp": "2026-11-29T12:00:09.000000Z", "verb": "delete"}
    log.insert(0, later)
    found = request_way.read("rehearsal", ATTACK_ID, at).way
    assert found
    assert found.asked.verb == "list"
    found = request_way.read("rehearsal", ATTACK_ID, "").way
    assert found
    assert found.asked.verb == "delete"
    assert request_way.read("rehearsal", ATTACK_ID, "never") == Found("")
    assert request_way.read("rehearsal", "other", at) == Found("")


def test_no_more_of_the_log_is_read_than_since_the_request(log: list[Any]):
    now = datetime.now(UTC)
    for received, wanted in (
        ((now - timedelta(minutes=5)).isoformat(), 360.0),
        ((now + timedelta(minutes=5)).isoformat(), 60.0),
        ((now - timedelta(days=9)).isoformat(), request_way.OLDEST),
        ("never", request_way.OLDEST),
        ("", request_way.OLDEST),
    ):
        request_way.read("rehearsal", ATTACK_ID, received)
        assert wanted <= log[-1][1] <= wanted + time.time() - now.timestamp() + 1, received


def test_a_lab_that_is_down_has_no_way(log: list[Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timeline, "events", lambda *_, **__: Happened(" -s dev", problem=NOT_UP))
    assert request_way.read("dev", ATTACK_ID, "") == Found(" -s dev", problem=NOT_UP)


def test_roles_that_cannot_be_read_leave_the_event(log: list[Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access, "read", lambda _: UNREAD)
    found = request_way.read("rehearsal", ATTACK_ID, "")
    assert found.way
    assert found.unread == "no"
    assert found.way.authorization.known is False


ALL_EVIL = by(
    {"username": EVIL, "groups": [EVIL], "extra": {"arn": [EVIL], "sessionName": [EVIL]}},
    verb="create", name=EVIL, namespace=EVIL, resource=EVIL, reason=EVIL, code=201,
) | {"userAgent": EVIL, "sourceIPs": [EVIL], "level": EVIL}  # fmt: skip
EVIL_ADMITTED = {**ALL_EVIL, "annotations": {**ADMITTED, "pod-security.kubernetes.io/exempt": EVIL}}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Found("", way(by(OPERATOR, verb="create", code=201), CLUSTER)), ("An IAM token", "access entry", "Written.")),
        (Found("", way(DENIED, CLUSTER)), ("No authorizer allowed it.", "RBAC alone would not", "Not reached")),
        (Found("", way(ALLOWED, CLUSTER)), ("RoleBinding deployer → Role deployer", "Reading passes no admission")),
        (Found("", way(NOBODY, CLUSTER)), ("nobody is known", "not reached")),
        (Found("", way(CONTROLLER, CLUSTER)), ("Pod Security baseline:latest",)),
        (Found("", way(ALL_EVIL, CLUSTER), unread=EVIL), ("The event names nothing of it",)),
        (Found("", way(EVIL_ADMITTED, CLUSTER)), ("changed the object", "violated, and let through:")),
        (Found("", way({}, CLUSTER)), ("the event does not tell",)),
        (Found(""), ("no such request",)),
        (Found("", problem=NOT_UP), ("./lab up",)),
        (Found("", problem=Problem(EVIL)), ()),
    ],
    ids=["iam", "denied", "read", "nobody", "refused", "evil", "admitted", "empty", "none", "down", "silent"],
)
def test_the_page_is_whole(lab: Lab, monkeypatch: pytest.MonkeyPatch, found: Found, told: tuple[str, ...]):
    monkeypatch.setattr(request_way, "read", lambda *_: found)
    address = f"/happened/request?id={ATTACK_ID}&at={quote(EVIL)}"

    async def test() -> None:
        page = await opened()
        text = whole(await page.browser.get(address))
        for each in told:
            assert each in text
        assert "<script>alert" not in text
        await page.browser.post("/language", "to=ko&back=%2Fhappened")
        assert "<script>alert" not in whole(await page.browser.get(address))

    run(test)


@pytest.mark.parametrize("asked", ["", "a b", "a" * 65, quote('" || "'), quote(EVIL)])
def test_what_is_no_id_is_not_asked_for(lab: Lab, monkeypatch: pytest.MonkeyPatch, asked: str):
    monkeypatch.setattr(request_way, "read", lambda *_: pytest.fail("asked"))

    async def test() -> None:
        answer = await (await opened()).browser.get(f"/happened/request?id={asked}")
        assert answer.status == 404
        assert "no Audit-ID" in whole(answer)

    run(test)


def test_the_timeline_leads_to_each_way(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    one = replace(timeline.cleaned(timeline.asked(DENIED)), received="2026-11-29T12:00:01+09:00")
    monkeypatch.setattr(timeline, "read", lambda *_, **__: Happened("", (one,)))

    async def test() -> None:
        text = whole(await (await opened()).browser.get("/happened"))
        assert f'href="/happened/request?id={ATTACK_ID}&amp;at=2026-11-29T12%3A00%3A01%2B09%3A00"' in text

    run(test)
