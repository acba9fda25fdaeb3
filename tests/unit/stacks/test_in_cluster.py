"""What is asked of the API server about what a killed update had begun, and what is made of the answers."""

from typing import Any

import pytest

from grading.outcomes import Done, HttpRefused, Outcome, Ran, Unanswered
from stacks import in_cluster
from stacks.errors import CannotAsk
from stacks.in_cluster import Cluster, Revision

CORE = {"resources": [{"name": "pods", "kind": "Pod", "namespaced": True}, {"name": "pods/log", "kind": "Pod"}]}
STORAGE = {"resources": [{"name": "storageclasses", "kind": "StorageClass", "namespaced": False}]}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}
CLASS = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "gp3"}}


class Api:
    """Answers by path; what has none is not there."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Outcome] = {path: self.outcome(said) for path, said in answers.items()}
        self.asked: list[tuple[str, str]] = []

    @staticmethod
    def outcome(said: Any) -> Outcome:
        return said if isinstance(said, Unanswered | HttpRefused) else Done(said, "")

    def request(self, method: str, path: str, body: object = None, token: str | None = None) -> Outcome:
        self.asked.append((method, path))
        return self.answers.get(path, HttpRefused(404, "not found"))

    def log(self, namespace: str, pod: str) -> Outcome:
        raise NotImplementedError

    def run(self, namespace: str, pod: str, argv: tuple[str, ...]) -> Ran | Unanswered:
        raise NotImplementedError

    @property
    def authority(self) -> str:
        raise NotImplementedError

    def handshake(self, authority: str) -> Outcome:
        raise NotImplementedError

    def begin_streams(self, method: str, path: str, token: str, audit_id: str) -> Outcome:
        raise NotImplementedError


def managed(*managers: str) -> dict[str, Any]:
    return {"metadata": {"managedFields": [{"manager": manager} for manager in managers]}}


@pytest.mark.parametrize(
    ("inputs", "answers", "manager"),
    [
        (
            POD,
            {"/api/v1": CORE, "/api/v1/namespaces/n/pods/p": managed("kubelet", "pulumi-kubernetes-0a1b2c3d")},
            "pulumi-kubernetes-0a1b2c3d",
        ),
        (
            CLASS,
            {"/apis/storage.k8s.io/v1": STORAGE, "/apis/storage.k8s.io/v1/storageclasses/gp3": managed("kubectl")},
            "",
        ),
        (POD, {"/api/v1": CORE}, None),
        # Its kind is not served any more, or not yet.
        (CLASS, {}, None),
    ],
)
def test_an_objects_manager(inputs: dict[str, Any], answers: dict[str, Any], manager: str | None):
    assert Cluster(Api(**answers)).manager(inputs) == manager


def secret(number: int, status: str) -> dict[str, Any]:
    labels = {"version": str(number), "status": status}
    return {"metadata": {"name": f"sh.helm.release.v1.r.v{number}", "labels": labels}}


def test_the_last_revision_counts_and_can_be_forgotten():
    where = "/api/v1/namespaces/m/secrets"
    listed = {"items": [secret(2, "superseded"), secret(10, "pending-upgrade"), secret(9, "deployed")]}
    api = Api(**{f"{where}?labelSelector=owner%3Dhelm,name%3Dr": listed, f"{where}/sh.helm.release.v1.r.v10": {}})
    cluster = Cluster(api)
    last = cluster.last_revision({"name": "r", "namespace": "m"})
    assert last == Revision(10, "pending-upgrade", "m", "sh.helm.release.v1.r.v10")
    assert last
    cluster.forget(last)
    assert api.asked[-1] == ("DELETE", f"{where}/sh.helm.release.v1.r.v10")
    assert cluster.last_revision({"name": "other", "namespace": "m"}) is None


def test_no_answer_is_not_taken_for_a_no():
    for said in (Unanswered("timed out"), HttpRefused(403, "forbidden")):
        cluster = Cluster(Api(**{"/api/v1": said, "/version": said}))
        with pytest.raises(CannotAsk, match="the cluster cannot be asked"):
            cluster.manager(POD)
        with pytest.raises(CannotAsk):
            cluster.prove()


def test_the_way_in_is_the_providers():
    provider = {"urn": "urn:p", "type": in_cluster.PROVIDER, "inputs": {"kubeconfig": "{}"}}
    hidden = {**provider, "urn": "urn:h", "inputs": {"kubeconfig": {"ciphertext": "v1:x"}}}
    deployment = {"resources": [provider, hidden]}
    assert in_cluster.kubeconfig_of({"provider": "urn:p::id"}, deployment) == "{}"
    assert in_cluster.kubeconfig_of({"provider": "urn:h::id"}, deployment) == ""
    assert in_cluster.kubeconfig_of({"provider": "urn:gone::id"}, deployment) == ""
    assert in_cluster.kubeconfig_of({}, {}) == ""
    with pytest.raises(CannotAsk), in_cluster.opened(""):
        pass
