"""K05's rules: what a Sigma rule sees of an audit event, and what becomes of a text that is none."""

from __future__ import annotations

import ast
import json
import socket
from pathlib import Path
from typing import Any, Final

import pytest

from exercises.k05 import rules
from exercises.k05.rules import BadRule, compiled, firing
from exercises.k05.watching import DETECTIONS, NAMESPACE, Seen
from exercises.objects import at_stage, identity
from grading.account_probes import AsOperator, listing_all
from grading.outcomes import Unanswered
from tests.unit.grading.fake_lab import lab

WEB: Final = "system:serviceaccount:owasp-k05:web"
KUBELET: Final = "system:node:ip-192-168-1-10.ap-northeast-2.compute.internal"
CONTROLLER: Final = "system:serviceaccount:kube-system:daemon-set-controller"
PERSON: Final = "arn:aws:iam::111122223333:user/operator"
DISK: Final = {"spec": {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}}
PRIVILEGED: Final = {"spec": {"containers": [{"name": "app", "securityContext": {"privileged": True}}]}}


def event(user: str, verb: str, resource: str, code: int = 200, **more: Any) -> dict[str, Any]:
    plain, _, sub = resource.partition("/")
    return {
        "kind": "Event",
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": user, "groups": ["system:authenticated"]},
        "objectRef": {"resource": plain, "apiVersion": "v1"} | ({"subresource": sub} if sub else {}),
        "responseStatus": {"metadata": {}, "code": code},
        "annotations": {"authorization.k8s.io/decision": "allow"},
        **more,
    }


ATTACK: Final = {
    "list": event(WEB, "list", "secrets"),
    "watch": event(WEB, "watch", "secrets"),
    "token": event(WEB, "create", "serviceaccounts/token", 201),
    "websocket": event(WEB, "get", "pods/exec", 101),
    "disk": event(WEB, "create", "pods", 201, requestObject=DISK),
    "privileged": event(WEB, "create", "pods", 201, requestObject=PRIVILEGED),
}
ORDINARY: Final = {
    "own secret": event(WEB, "get", "secrets"),
    "a pod": event(WEB, "create", "pods", 201, requestObject={"spec": {"containers": [{"name": "app"}]}}),
    "helm": event(PERSON, "list", "secrets"),
    "a person's token": event(PERSON, "create", "serviceaccounts/token", 201),
    "a kubelet's token": event(KUBELET, "create", "serviceaccounts/token", 201),
    "a controller's pod": event(CONTROLLER, "create", "pods", 201, requestObject=DISK),
    "a controller's secrets": event(CONTROLLER, "watch", "secrets"),
    "a log": event(WEB, "get", "pods/log"),
}
SPDY: Final = event(WEB, "create", "pods/exec", 101)


def of_stage(stage: str) -> tuple[rules.Rule, ...]:
    wanted = ("ConfigMap", NAMESPACE, DETECTIONS)
    return compiled(next(each["data"] for each in at_stage("k05", stage) if identity(each) == wanted))


def rule(condition: str = "s", **detection: Any) -> str:
    log = {"product": "kubernetes", "service": "audit"}
    return json.dumps({"title": "one", "logsource": log, "detection": {**detection, "condition": condition}})


def fires(fields: Any, one: dict[str, Any]) -> bool:
    return firing(compiled({"one": rule(s=fields)}), [one]) == ("one",)


def test_the_first_rules_miss_the_attack_and_the_last_ones_see_it():
    for name, one in ATTACK.items():
        assert firing(of_stage("open"), [one]) == (), name
        assert len(firing(of_stage("closed"), [one])) == 1, name


def test_no_rule_of_the_labs_fires_on_ordinary_work():
    for stage in ("open", "closed"):
        assert firing(of_stage(stage), list(ORDINARY.values())) == ()


def test_what_the_first_rules_see_the_last_ones_see_too():
    for stage in ("open", "closed"):
        assert firing(of_stage(stage), [SPDY]) == ("exec.yaml",)
    refused = event(WEB, "list", "secrets", 403)
    for stage in ("open", "closed"):
        assert firing(of_stage(stage), [refused]) == ("secrets.yaml",)


HALF: Final = {
    "lists alone": ("watch", {"objectRef.resource": "secrets", "verb": "list"}),
    "what succeeds in a namespace": ("list", {"objectRef.resource": "secrets", "objectRef.namespace": "*"}),
    "privileged alone": ("disk", {"requestObject.spec.containers|contains": '"privileged":true'}),
    "the disk alone": ("privileged", {"requestObject.spec.volumes|contains": '"hostPath":'}),
    "RBAC's word": ("token", {"objectRef.resource": "serviceaccounts/token"}),
    "the old way": ("websocket", {"objectRef.subresource": "exec", "verb": "create"}),
}
TOO_MUCH: Final = {
    "Helm": ("helm", {"objectRef.resource": "secrets", "verb": "list"}),
    "people": ("a person's token", {"objectRef.subresource": "token"}),
    "kubelets": ("a kubelet's token", {"objectRef.subresource": "token", "user.username|startswith": "system:"}),
    "controllers": ("a controller's pod", {"requestObject|contains": '"hostPath":'}),
    "get of a pod": ("a log", {"objectRef.resource": "pods", "verb": "get"}),
    "get of Secrets": ("own secret", {"objectRef.resource": "secrets", "user.username|endswith": ":web"}),
    "all pods": ("a pod", {"objectRef.resource": "pods", "verb": "create"}),
}


@pytest.mark.parametrize(("missed", "fields"), HALF.values(), ids=HALF)
def test_half_a_rule_misses_a_part_of_the_attack(missed: str, fields: dict[str, Any]):
    assert not fires(fields, ATTACK[missed])


@pytest.mark.parametrize(("everyday", "fields"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_a_rule_that_is_too_wide_fires_on_ordinary_work(everyday: str, fields: dict[str, Any]):
    assert fires(fields, ORDINARY[everyday])


@pytest.mark.parametrize(
    "fields",
    [
        {"verb": "LIST"},
        {"objectRef.resource|startswith": "secr"},
        {"OBJECTREF.Resource": "secrets"},
        {"responseStatus.code": 200},
        {"responseStatus.code": "200"},
        {"responseStatus.code|lt": 201},
        {"annotations.authorization.k8s.io/decision": "allow"},
        {"user.groups|contains": '"system:authenticated"'},
        {"user|contains": '"username":"system:serviceaccount:owasp-k05:web"'},
        {"objectRef.namespace": None},
        {"objectRef.resource|exists": True},
        {"user.username|re": "^system:.*:web$"},
        ["owasp-k05:web", "no such word"],
    ],
)
def test_a_rule_sees_what_an_event_has(fields: Any):
    assert fires(fields, ATTACK["list"])


@pytest.mark.parametrize(
    "fields",
    [
        {"verb": "watch"},
        {"objectRef.subresource": "exec"},
        {"objectRef.subresource": "*"},
        {"hostPath": "*"},
        {"responseStatus.code": 20},
        {"authorization.k8s.io/decision": "allow"},
        {"user.username|re": "^web$"},
        ["no such word"],
    ],
)
def test_a_rule_sees_nothing_else(fields: Any):
    assert not fires(fields, ATTACK["list"])


def test_what_is_not_there_can_be_left_out():
    one = compiled({"one": rule("s and not t", s={"verb": "list"}, t={"objectRef.subresource": "exec"})})
    assert firing(one, [ATTACK["list"]]) == ("one",)


def test_quotes_in_a_value_are_part_of_it():
    assert not fires({"verb": "x' OR '1'='1"}, ATTACK["list"])
    assert not fires({'a" OR 1=1 --': "x"}, ATTACK["list"])


def test_a_true_value_is_known_by_either_spelling():
    one = event(WEB, "create", "pods", requestObject={"spec": {"hostNetwork": True}})
    for value in (True, "true"):
        assert fires({"requestObject.spec.hostNetwork": value}, one)
    assert not fires({"requestObject.spec.hostNetwork": False}, one)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: [", "is no Sigma rule"),
        ("just words", "is no Sigma rule"),
        ("- 1", "is no Sigma rule"),
        ("", "is empty"),
        ("title: x", "log source"),
        (rule("other", s={"verb": "list"}), "other"),
        (rule(s={"verb|nosuch": "list"}), "nosuch"),
        (rule(s={"verb|re": "("}), "is no Sigma rule"),
    ],
)
def test_a_text_that_is_no_rule_is_told_by_its_key(text: str, said: str):
    with pytest.raises(BadRule) as told:
        compiled({"good.yaml": rule(s={"verb": "list"}), "mine.yaml": text})
    assert str(told.value).startswith("The rule mine.yaml ")
    assert said in str(told.value)


def test_no_rule_does_more_than_read():
    bad = rules.Rule("mine", ("DELETE FROM events",), frozenset())
    with pytest.raises(BadRule, match="mine cannot be asked: not authorized"):
        firing([bad], [SPDY])


def test_pysigma_asks_nobody(monkeypatch: pytest.MonkeyPatch):
    def nobody(*_: Any, **__: Any) -> Any:
        raise AssertionError("rules are read without a network")

    monkeypatch.setattr(socket.socket, "connect", nobody)
    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    text = rule(s={"verb": "list", "objectRef.resource": "pods"}).replace('"one"', '"offline"')
    assert firing(compiled({"one": text[:-1] + ', "tags": ["attack.t1552.007"]}'}), [SPDY]) == ()


def test_nobody_imports_pysigma_who_reads_no_rule():
    """It takes a fifth of a second, and every command reads every exercise."""
    tree = ast.parse(Path(rules.__file__).read_text())
    named = [alias.name for each in tree.body if isinstance(each, ast.Import) for alias in each.names]
    named += [str(each.module) for each in tree.body if isinstance(each, ast.ImportFrom)]
    assert "json" in named
    assert not any(name.split(".")[0] == "sigma" for name in named)


def test_a_call_whose_answer_has_no_id_is_not_looked_for():
    one = lab()
    one.api.on("GET", "/configmaps/detections", 200, {"data": {"one": rule(s={"verb": "list"})}})
    one.api.on("GET", "/api/v1/secrets", 200, {})
    found = Seen(AsOperator(listing_all("secrets"))).ask(one.session)
    assert isinstance(found, Unanswered)
    assert "no header Audit-ID" in found.reason
    assert one.aws.calls == []
