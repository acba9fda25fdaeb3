"""What was done by hand in a cluster, told from what the lab, EKS and Helm made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stacks import traces
from stacks.cluster_facts import NotThere
from stacks.cluster_objects import Objects, has_owner
from stacks.errors import CannotAsk, Failure
from stacks.exercise_state import Held, held

BEGUN = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
BEFORE, AFTER = "2026-11-29T11:59:00Z", "2026-11-29T12:01:00Z"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
SERVED = {
    "/api/v1": (
        ("namespaces", "Namespace", False),
        ("serviceaccounts", "ServiceAccount", True),
        ("configmaps", "ConfigMap", True),
        ("pods", "Pod", True),
        ("nodes", "Node", False),
        ("resourcequotas", "ResourceQuota", True),
    ),
    RBAC: (
        ("clusterroles", "ClusterRole", False),
        ("clusterrolebindings", "ClusterRoleBinding", False),
        ("roles", "Role", True),
        ("rolebindings", "RoleBinding", True),
    ),
    ADMISSION: (
        ("validatingadmissionpolicies", "ValidatingAdmissionPolicy", False),
        ("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", False),
        ("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", False),
    ),
}


class Cluster:
    """An API server whose objects are laid out by path; a namespace ends when nothing in it is held."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.refuses = 0

    def add(self, collection: str, name: str, /, **meta: Any) -> str:
        about = {"name": name, "creationTimestamp": AFTER, "uid": f"{collection}/{name}", **meta}
        if "/namespaces/" in collection:
            about["namespace"] = collection.split("/namespaces/")[1].split("/")[0]
        self.objects[f"{collection}/{name}"] = {"metadata": about}
        return f"{collection}/{name}"

    def ask(self, method: str, path: str, body: Any) -> dict[str, Any]:
        path = path.partition("?")[0]
        self.asked.append((method, path))
        if method == "GET":
            return self._get(path)
        if self.refuses:
            self.refuses -= 1
            raise CannotAsk("403")
        if path not in self.objects:
            raise NotThere(path)
        meta = self.objects[path]["metadata"]
        if method == "DELETE":
            meta["deletionTimestamp"] = AFTER
        else:
            meta.update(body.get("metadata") or {})
            self.objects[path].update({key: value for key, value in body.items() if key != "metadata"})
        self._end()
        return {}

    def _end(self) -> None:
        for path, found in list(self.objects.items()):
            inside = [other for other in self.objects if other.startswith(f"{path}/")]
            if "deletionTimestamp" in found["metadata"]:
                for other in inside:
                    self.objects[other]["metadata"]["deletionTimestamp"] = AFTER
                if not found["metadata"].get("finalizers") and not inside:
                    del self.objects[path]
                    self._end()
                    return

    def _get(self, path: str) -> dict[str, Any]:
        if path == "/apis":
            bases = [each.removeprefix("/apis/") for each in SERVED if each.startswith("/apis/")]
            return {"groups": [{"name": each.split("/")[0], "versions": [{"groupVersion": each}]} for each in bases]}
        if path in SERVED:
            return {
                "resources": [
                    {"name": plural, "kind": kind, "namespaced": namespaced, "verbs": ["list", "delete"]}
                    for plural, kind, namespaced in SERVED[path]
                ]
            }
        if path in self.objects:
            return self.objects[path]
        base, _, plural = path.rpartition("/")
        group = base.partition("/namespaces/")[0]
        if plural not in {each[0] for each in SERVED.get(group, ())}:
            raise NotThere(path)
        return {"items": [each for key, each in self.objects.items() if self._is_listed(key, base, plural)]}

    def _is_listed(self, key: str, base: str, plural: str) -> bool:
        place, _, own = key.rpartition("/")[0].rpartition("/")
        return own == plural and (place == base or place.startswith(f"{base}/namespaces/"))


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster()
    made.add("/api/v1/namespaces", "owasp-k03")
    made.add("/api/v1/namespaces", "default")
    return made


def manifest(kind: str, name: str, namespace: str = "", version: str = "v1") -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **place}}


def component(name: str) -> dict[str, Any]:
    return {"urn": f"urn::{name}", "type": "myeks:components:Exercise"}


def resource(of: str, thing: dict[str, Any]) -> dict[str, Any]:
    kind = thing["kind"]
    called = f"urn::{kind}::{of}-{thing['metadata']['name']}"
    return {"urn": called, "type": f"kubernetes:x:{kind}", "custom": True, "parent": f"urn::{of}", "inputs": thing}


STATE = [
    component("k03"),
    component("k04"),
    resource("k03", manifest("Namespace", "owasp-k03")),
    resource("k03", manifest("ServiceAccount", "ci-bot", "owasp-k03")),
    resource("k03", manifest("ClusterRole", "owasp-k03-ci-bot", version="rbac.authorization.k8s.io/v1")),
    resource("k04", manifest("Namespace", "of-k04")),
]
MINE = held(STATE, "k03")


def found(cluster: Cluster, mine: Held = MINE, exercise: str = "k03") -> list[str]:
    return [each.about for each in traces.in_cluster(Objects(cluster.ask), mine, exercise, BEGUN)]


def test_the_state_tells_whose_a_resource_is():
    assert (MINE.own_namespaces, MINE.foreign_namespaces) == ({"owasp-k03"}, {"of-k04"})
    assert [each["kind"] for each in MINE.objects] == ["Namespace", "ServiceAccount", "ClusterRole"]
    assert MINE.since is None
    made = {**STATE[2], "created": "2026-11-29T14:27:28.235459117Z"}
    assert held([*STATE[:2], made], "k03").since == datetime(2026, 11, 29, 14, 27, 28, tzinfo=UTC)
    assert held([component("testuser"), resource("testuser", manifest("Pod", "a", "b"))], "identity-mapping").mine
    assert not held([component("k030"), resource("k030", manifest("Pod", "a", "b"))], "k03").mine


def test_an_untouched_exercise_has_no_trace(cluster: Cluster):
    cluster.add(f"{RBAC}/clusterroles", "owasp-k03-ci-bot")
    assert found(cluster) == []


@pytest.mark.parametrize(
    "meta",
    [
        {"creationTimestamp": BEFORE},
        {"labels": {"app.kubernetes.io/managed-by": "Helm"}},
        {"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
        {"ownerReferences": [{"name": "operator"}]},
        {"managedFields": [{"manager": "eks", "time": AFTER}]},
        {"managedFields": [{"manager": "pulumi-kubernetes-1", "time": AFTER}, {"manager": "me", "time": "2027"}]},
        {"name": "system:mine"},
        {"name": "eks:mine"},
        {"name": "owasp-k04-mine"},
    ],
)
def test_what_nobody_made_by_hand_in_this_exercise_is_left_alone(cluster: Cluster, meta: dict[str, Any]):
    cluster.add(f"{RBAC}/clusterroles", "mine", **meta)
    assert found(cluster) == []
    cluster.add(f"{RBAC}/clusterrolebindings", "mine", managedFields=[{"manager": "kubectl", "time": AFTER}])
    assert found(cluster) == ["ClusterRoleBinding mine"]


def test_policies_go_before_webhooks_and_both_before_the_rest(cluster: Cluster):
    cluster.add(f"{RBAC}/clusterroles", "mine")
    cluster.add("/api/v1/namespaces/default/resourcequotas", "mine")
    cluster.add("/api/v1/namespaces/of-k04/resourcequotas", "another exercise's")
    cluster.add(f"{ADMISSION}/validatingwebhookconfigurations", "mine")
    cluster.add(f"{ADMISSION}/validatingadmissionpolicies", "mine")
    cluster.add(f"{ADMISSION}/validatingadmissionpolicybindings", "mine")
    assert found(cluster) == [
        "ValidatingAdmissionPolicyBinding mine",
        "ValidatingAdmissionPolicy mine",
        "ValidatingWebhookConfiguration mine",
        "ClusterRole mine",
        "ResourceQuota mine in namespace default",
    ]


def test_what_bears_the_exercises_names_is_not_spared(cluster: Cluster):
    cluster.add("/api/v1/namespaces", "owasp-k03-more", creationTimestamp=BEFORE)
    cluster.add("/api/v1/namespaces", "any", labels={"lab.myeks/exercise": "k03"})
    cluster.add("/api/v1/namespaces", "owasp-k030")
    assert found(cluster) == ["Namespace owasp-k03-more", "Namespace any"]
    off = held([], "k03")
    cluster.add(f"{RBAC}/clusterroles", "owasp-k03-ci-bot", creationTimestamp=BEFORE)
    assert "ClusterRole owasp-k03-ci-bot" in found(cluster, off)
    assert "Namespace owasp-k03" in found(cluster, off)


def test_nodes_that_take_no_pods_are_told_and_the_platforms_taints_stay(cluster: Cluster):
    node = cluster.objects[cluster.add("/api/v1/nodes", "a")]
    # The second is that of a node which an exercise has for itself.
    keys = ("node.kubernetes.io/not-ready", "lab.myeks/exercise")
    kept = [{"key": key, "effect": "NoSchedule"} for key in keys]
    node["spec"] = {"taints": kept}
    assert found(cluster) == []
    node["spec"] = {"taints": [*kept, {"key": "mine", "effect": "NoSchedule"}], "unschedulable": True}
    (trace,) = traces.in_cluster(Objects(cluster.ask), MINE, "k03", BEGUN)
    assert trace.about == "Node a takes no pods"
    trace.undo()
    assert node["spec"] == {"unschedulable": None, "taints": kept}


def test_a_namespace_that_is_not_its_own_is_put_right_and_stays(cluster: Cluster):
    mine = held([component("irsa"), resource("irsa", manifest("Pod", "eks-iam-test1", "default"))], "irsa")
    label = {"pod-security.kubernetes.io/enforce": "restricted", "other": "x"}
    cluster.objects["/api/v1/namespaces/default"]["metadata"]["labels"] = label
    account = cluster.objects[cluster.add("/api/v1/namespaces/default/serviceaccounts", "default")]
    account["automountServiceAccountToken"] = False
    assert found(cluster, mine, "irsa") == [
        "labels of namespace default: pod-security.kubernetes.io/enforce",
        "ServiceAccount default/default",
    ]
    for each in traces.in_cluster(Objects(cluster.ask), mine, "irsa", BEGUN):
        each.undo()
    assert account["automountServiceAccountToken"] is None


@pytest.mark.parametrize(
    ("managers", "is_changed"),
    [(["pulumi-kubernetes-1", "kubelet"], False), (["pulumi-kubernetes-1", "kubectl-edit"], True), ([], False)],
)
def test_an_object_that_somebody_else_has_written_to_is_changed(managers: list[str], is_changed: bool):
    entries = [{"manager": each} for each in managers]
    assert traces.is_changed({"metadata": {"managedFields": entries}}) is is_changed
    status = {"manager": "kubectl", "subresource": "status"}
    assert not traces.is_changed({"metadata": {"managedFields": [status]}})
    assert traces.is_changed({"metadata": {"deletionTimestamp": AFTER}})


def test_the_api_servers_clock_counts():
    there = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = traces.by_the_servers_clock(lambda *_: {"metadata": {"creationTimestamp": there}}, BEGUN)
    assert timedelta(minutes=59) < told - BEGUN < timedelta(minutes=61)

    def refuses(*_: object) -> dict[str, Any]:
        raise CannotAsk("no")

    assert timedelta(0) < BEGUN - traces.by_the_servers_clock(refuses, BEGUN) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("finalizer", "owned"),
    [
        ("example.com/kept", False),
        ("kept", False),
        ("notkubernetes.io/x", False),
        ("kubernetes.io/pvc-protection", True),
        ("service.kubernetes.io/load-balancer-cleanup", True),
        ("ingress.k8s.aws/resources", True),
        ("foregroundDeletion", True),
    ],
)
def test_only_finalizers_that_nobody_takes_off_are_taken_off(finalizer: str, owned: bool):
    assert has_owner(finalizer) is owned


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)


def test_a_namespace_goes_with_what_a_finalizer_holds(cluster: Cluster):
    for name, collection in (("a", "configmaps"), ("b", "pods")):
        cluster.add(f"/api/v1/namespaces/owasp-k03/{collection}", name, finalizers=["example.com/kept"])
    cluster.objects["/api/v1/namespaces/owasp-k03"]["metadata"]["finalizers"] = ["example.com/kept"]
    Objects(cluster.ask).remove_namespaces(["owasp-k03", "not-there"])
    assert list(cluster.objects) == ["/api/v1/namespaces/default"]


def test_what_a_controller_still_holds_is_waited_for_and_told(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("stacks.cluster_objects.GOES_WITHIN", 0.01)
    path = cluster.add(f"{RBAC}/clusterroles", "mine", finalizers=["kubernetes.io/pvc-protection"])
    with pytest.raises(Failure, match="clusterroles/mine is being deleted still"):
        Objects(cluster.ask).remove(path)
    assert cluster.objects[path]["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]


def test_a_refusal_that_a_policy_leaves_behind_passes(cluster: Cluster):
    path = cluster.add(f"{RBAC}/clusterroles", "mine")
    cluster.refuses = 3
    Objects(cluster.ask).remove(path)
    assert path not in cluster.objects


def test_one_that_somebody_makes_again_at_once_counts_as_gone(cluster: Cluster):
    path = cluster.add(f"{RBAC}/clusterroles", "mine")

    def ask(method: str, at: str, body: Any) -> dict[str, Any]:
        told = cluster.ask(method, at, body)
        if method == "DELETE":
            cluster.add(f"{RBAC}/clusterroles", "mine", uid="another")
        return told

    Objects(ask).remove(path)
    assert path in cluster.objects


def test_finalizers_are_taken_from_what_is_meant_alone(cluster: Cluster):
    mine = cluster.add(
        "/api/v1/namespaces/owasp-k03/configmaps", "a", finalizers=["example.com/kept", "foregroundDeletion"]
    )
    other = cluster.add("/api/v1/namespaces/default/configmaps", "b", finalizers=["example.com/kept"])
    told = Objects(cluster.ask).let_go(lambda _, namespace, __: namespace == "owasp-k03")
    assert told == ["ConfigMap owasp-k03/a"]
    assert cluster.objects[mine]["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert cluster.objects[other]["metadata"]["finalizers"] == ["example.com/kept"]
