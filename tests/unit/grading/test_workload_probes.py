"""A Deployment that is accepted says nothing yet: the pod of its template is asked for as well."""

from __future__ import annotations

from typing import Any

import pytest

from grading import workload_probes
from grading.account_probes import creating
from grading.outcomes import Broke, Done, HttpRefused, Outcome, Unanswered
from grading.refusals import AdmissionRefused
from grading.workload_probes import ThroughController
from tests.unit.grading.fake_lab import FakeLab, lab, status

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"hostPID": True, "containers": [{"name": "app"}]}}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"template": TEMPLATE},
}
OWN = "/apis/apps/v1/namespaces/shop/replicasets/check-abc"
QUESTION = ThroughController("shop", "builder", creating(DEPLOYMENT, "deployments"))
POD_SECURITY = 'pods "check-abc-x" is forbidden: violates PodSecurity "restricted:latest": hostPID=true'
POLICY = "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> FakeLab:
    """A lab in which the account is there and its Deployment is accepted; nothing is known of a ReplicaSet."""

    class Time:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            self.now += seconds

    monkeypatch.setattr(workload_probes, "time", Time())
    made = lab()
    made.api.on("POST", "serviceaccounts/builder/token", 201, {"status": {"token": "builders"}})
    made.api.on("POST", "/deployments?dryRun=All", 201, DEPLOYMENT)
    made.api.on("POST", "/replicasets", 201, {"metadata": {"name": "check-abc"}})
    made.api.on("DELETE", OWN, 200, {})
    return made


def failed(message: str) -> dict[str, Any]:
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    return {"status": {"replicas": 0, "conditions": [condition]}}


def asked(here: FakeLab, method: str, path: str) -> list[tuple[Any, str | None]]:
    return [(body, token) for verb, at, body, token in here.api.asked if (verb, at) == (method, path)]


def refused(outcome: Outcome, code: int) -> None:
    assert isinstance(outcome, HttpRefused)
    assert outcome.status == code


def test_a_pod_that_is_made_is_allowed(here: FakeLab) -> None:
    here.api.on("GET", OWN, 200, {"status": {"replicas": 1}})
    assert isinstance(QUESTION.ask(here.session), Done)
    assert asked(here, "DELETE", OWN)


def test_the_controller_is_given_the_template_and_no_node(here: FakeLab) -> None:
    here.api.on("GET", OWN, 200, {"status": {"replicas": 1}})
    QUESTION.ask(here.session)
    ((body, token),) = asked(here, "POST", "/apis/apps/v1/namespaces/shop/replicasets")
    spec = body["spec"]["template"]["spec"]
    assert token is None
    assert spec["hostPID"]
    assert spec["containers"] == [{"name": "app"}]
    assert spec["nodeSelector"] == {"lab.myeks/node": "none"}


@pytest.mark.parametrize(("message", "code"), [(POD_SECURITY, 403), (POLICY, 422)])
def test_a_pod_that_is_refused_is_a_refusal(here: FakeLab, message: str, code: int) -> None:
    here.api.on("GET", OWN, 200, failed(message))
    outcome = QUESTION.ask(here.session)
    refused(outcome, code)
    assert not AdmissionRefused().against(outcome, here.session.names)
    assert asked(here, "DELETE", OWN)


def test_a_pod_that_fails_for_another_reason_is_not_refused_by_admission(here: FakeLab) -> None:
    here.api.on("GET", OWN, 200, failed('pods "x" is forbidden: exceeded quota: all, requested: pods=1'))
    assert AdmissionRefused().against(QUESTION.ask(here.session), here.session.names)


def test_a_refused_deployment_is_not_carried_further(here: FakeLab) -> None:
    no = status(422, "Invalid", POLICY)
    here.api.answers.insert(
        0, lambda verb, path, *_: HttpRefused(422, no["message"]) if "/deployments" in path and verb == "POST" else None
    )
    refused(QUESTION.ask(here.session), 422)
    assert not asked(here, "POST", "/apis/apps/v1/namespaces/shop/replicasets")


def test_without_the_account_nothing_was_refused(here: FakeLab) -> None:
    here.api.answers.clear()
    assert isinstance(QUESTION.ask(here.session), Broke)


def test_a_controller_that_does_nothing_is_no_answer(here: FakeLab) -> None:
    here.api.on("GET", OWN, 200, {"status": {"replicas": 0}})
    assert isinstance(QUESTION.ask(here.session), Unanswered)
    assert asked(here, "DELETE", OWN)


def test_typed_it_is_done_for_real() -> None:
    assert "--dry-run" not in QUESTION.typed
    assert QUESTION.typed.endswith("kubectl get events -n shop --field-selector reason=FailedCreate")
