"""What a resource waits for, in words, and when a person is told so; nothing is asked and nobody sleeps."""

import threading
from typing import Any

import pytest
from pulumi import automation as auto

from stacks import waits
from stacks.waits import AGAIN, Reporter, Resource

INGRESS = Resource("urn:pulumi:a::b::c::grafana", "kubernetes:networking.k8s.io/v1:Ingress", "delete")
AWAY = ": it has no ready pod"


def going(*finalizers: str, **more: Any) -> dict[str, Any]:
    about = {"name": "one", "deletionTimestamp": "2026-11-28T00:00:00Z", "finalizers": list(finalizers)}
    return {"metadata": about, **more}


def pod(name: str, ready: bool = False, phase: str = "Pending", **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}, *status.pop("conditions", [])]
    return {"metadata": {"name": name}, "status": {"phase": phase, "conditions": conditions, **status}}


@pytest.mark.parametrize(
    ("finalizer", "away", "told"),
    [
        (
            "group.ingress.k8s.aws/study",
            AWAY,
            "finalizer group.ingress.k8s.aws/study, taken off by the AWS Load Balancer Controller: it has no ready pod",
        ),
        (
            "ingress.k8s.aws/resources",
            "",
            "finalizer ingress.k8s.aws/resources, taken off by the AWS Load Balancer Controller",
        ),
        ("example.com/kept", AWAY, "finalizer example.com/kept"),
        (
            "service.kubernetes.io/load-balancer-cleanup",
            AWAY,
            "finalizer service.kubernetes.io/load-balancer-cleanup, taken off by the cloud controller manager that EKS "
            "runs",
        ),
    ],
)
def test_a_finalizer_is_told_with_who_owes_it(finalizer: str, away: str, told: str):
    assert waits.deletion(going(finalizer), away) == told


def test_what_is_not_being_deleted_waits_for_no_finalizer():
    assert waits.deletion({"metadata": {"name": "one", "finalizers": ["example.com/kept"]}}) == ""
    assert waits.deletion(going()) == ""


def test_a_namespace_says_what_remains_in_it():
    remains = "Some content in the namespace has finalizers remaining: example.com/kept in 1 resource instances"
    conditions = [
        {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "All content deleted"},
        {"type": "NamespaceFinalizersRemaining", "status": "True", "message": remains},
    ]
    assert waits.deletion(going(kind="Namespace", status={"conditions": conditions})) == remains


def test_pods_that_are_not_ready_are_told_with_their_reason():
    pulls = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling\n  image "x"'}}
    crashes = {"waiting": {"reason": "CrashLoopBackOff"}}
    nowhere = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes: cpu"}
    found = [
        pod("a", containerStatuses=[{"ready": False, "state": pulls}]),
        pod("b", conditions=[nowhere]),
        pod("c", ready=True, phase="Running"),
        pod("done", phase="Succeeded"),
    ]
    assert waits.pods(found) == (
        'pod a (ImagePullBackOff: Back-off pulling image "x"), pod b (Unschedulable: 0/3 nodes: cpu)'
    )
    starting = [{"state": {"waiting": {"reason": "PodInitializing"}}}]
    init = pod("d", initContainerStatuses=[{"state": crashes}], containerStatuses=starting)
    assert waits.pods([init]) == "pod d (CrashLoopBackOff)"
    assert waits.pods([*found, init]).endswith("cpu) and 1 more pods")
    assert waits.pods([pod("e", phase="Running", ready=True)]) == ""


def test_a_pod_that_is_ending_is_not_ready():
    ending = pod("a", ready=True, phase="Running")
    ending["metadata"] |= going("example.com/kept")["metadata"] | {"name": "a"}
    assert waits.pods([ending]) == "pod a (finalizer example.com/kept)"


def test_a_deployment_that_cannot_make_pods_says_why():
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no endpoints"}
    found = {"metadata": {"name": "web"}, "status": {"conditions": [failure]}}
    assert waits.workload(found) == "web: FailedCreate: no endpoints"
    assert waits.workload({"metadata": {"name": "web"}}) == ""


def test_the_newest_warning_is_told():
    found = [
        {"type": "Warning", "reason": "FailedBuildModel", "message": "new", "lastTimestamp": "2026-11-28T02:00:00Z"},
        {"type": "Warning", "reason": "FailedBuildModel", "message": "old", "lastTimestamp": "2026-11-28T01:00:00Z"},
        {"type": "Normal", "reason": "Synced", "message": "well", "lastTimestamp": "2026-11-28T03:00:00Z"},
    ]
    assert waits.events(found) == "FailedBuildModel: new"
    assert waits.events(found[2:]) == ""


def test_eks_tells_status_and_health():
    issue = {"code": "NodeCreationFailure", "message": "Instances failed to join the kubernetes cluster"}
    described = {"status": "CREATING", "health": {"issues": [issue]}}
    assert waits.eks(described) == (
        "EKS, which has it CREATING; NodeCreationFailure: Instances failed to join the kubernetes cluster"
    )
    assert waits.eks({"status": "DELETING"}) == "EKS, which has it DELETING"


def test_an_interface_is_told_with_its_owner():
    found = [
        {"NetworkInterfaceId": "eni-1", "Description": "ELB app/myeks/1", "RequesterId": "amazon-elb"},
        {"NetworkInterfaceId": "eni-2", "Attachment": {"InstanceId": "i-1"}},
        {"NetworkInterfaceId": "eni-3"},
    ]
    assert waits.interfaces(found) == (
        "network interface eni-1 (ELB app/myeks/1, of amazon-elb), "
        "network interface eni-2 (no description, of i-1) and 1 more network interfaces"
    )
    assert waits.interfaces([]) == ""


class Run:
    """A reporter with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.why = ""
        self.told: list[str] = []
        self.asked = 0
        self.reporter = Reporter(self._ask, self.told.append, lambda: self.now)

    def _ask(self, resource: Resource) -> str:
        self.asked += 1
        if self.why == "broken":
            raise RuntimeError("a probe met something")
        return self.why

    def at(self, now: float, why: str | None = None) -> list[str]:
        """What is told at that time."""
        self.now = now
        self.why = self.why if why is None else why
        self.told.clear()
        self.reporter.look()
        return list(self.told)


def test_what_waits_is_told_after_ten_seconds_when_it_changes_and_once_a_minute():
    run = Run()
    run.reporter.begun(INGRESS)
    assert run.at(9.9, "finalizer x") == []
    assert run.asked == 0
    assert run.at(10) == ["kubernetes:Ingress grafana, being deleted for 10 s, waits for finalizer x"]
    assert run.at(12) == []
    assert run.at(20, "finalizer y") == ["kubernetes:Ingress grafana, being deleted for 20 s, waits for finalizer y"]
    assert run.at(20 + AGAIN - 1) == []
    assert run.at(20 + AGAIN) == ["kubernetes:Ingress grafana, being deleted for 1 min 20 s, waits for finalizer y"]
    run.reporter.ended(INGRESS.urn)
    assert run.at(300, "finalizer z") == []


def test_what_cannot_be_asked_is_named_all_the_same_and_stops_nothing():
    run = Run()
    run.reporter.begun(INGRESS)
    assert run.at(11, "broken") == ["kubernetes:Ingress grafana, being deleted for 11 s"]
    assert run.at(13, "broken") == []
    assert run.at(15, "finalizer x") == ["kubernetes:Ingress grafana, being deleted for 15 s, waits for finalizer x"]
    assert run.at(17, "") == []


def test_what_ends_while_it_is_asked_for_is_not_told():
    told: list[str] = []
    clock = iter((0.0, 11.0, 12.0))

    def ask(resource: Resource) -> str:
        reporter.ended(resource.urn)
        return "finalizer x"

    reporter = Reporter(ask, told.append, lambda: next(clock))
    reporter.begun(INGRESS)
    reporter.look()
    assert told == []


def test_a_question_without_an_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(waits, "_PACE", 0.0)
    monkeypatch.setattr(waits, "_ENDS_WITHIN", 0.01)
    asked, answer = threading.Event(), threading.Event()
    told: list[str] = []

    def ask(_: Resource) -> str:
        asked.set()
        answer.wait(10)
        return "finalizer x"

    reporter = Reporter(ask, told.append)
    monkeypatch.setattr(waits, "AFTER", 0.0)
    with reporter.watching():
        reporter.begun(INGRESS)
        assert asked.wait(5)
    assert reporter.is_over
    answer.set()
    # Whatever comes then is no news any more.
    reporter.look()
    assert told == []


def event(kind: str, op: str, *, custom: bool = True) -> auto.EngineEvent:
    state = {"type": INGRESS.type, "urn": INGRESS.urn, "id": "a/b", "parent": "", "provider": "", "custom": custom}
    where = "old" if op == "delete" else "new"
    metadata = {
        "op": op,
        "urn": INGRESS.urn,
        "type": INGRESS.type,
        "provider": "",
        where: {**state, "inputs": {"x": 1}},
    }
    return auto.EngineEvent.from_json({"sequence": 1, "timestamp": 1, kind: {"metadata": metadata}})


@pytest.mark.parametrize("end", ["resOutputsEvent", "resOpFailedEvent"])
def test_the_engines_events_tell_what_is_under_way(end: str):
    seen: list[Resource] = []
    now = [0.0]
    reporter = Reporter(lambda each: seen.append(each) or "", lambda _: None, lambda: now[0])
    reporter.take(event("resourcePreEvent", "delete"))
    now[0] = 11
    reporter.look()
    assert [(each.operation, each.id, dict(each.inputs)) for each in seen] == [("delete", "a/b", {"x": 1})]
    reporter.take(event(end, "delete"))
    reporter.look()
    assert len(seen) == 1


@pytest.mark.parametrize(("op", "custom"), [("same", True), ("create", False)])
def test_components_and_what_stays_are_not_waited_for(op: str, custom: bool):
    run = Run()
    run.reporter.take(event("resourcePreEvent", op, custom=custom))
    assert run.at(100) == []
