"""An update after a killed one that was at work in the cluster: objects and Helm releases."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from stacks import in_cluster, pending_operations
from stacks.errors import CannotAsk
from stacks.in_cluster import Revision
from tests.unit.stacks.takeover_bench import VPC, Backend, creating, resource, urn
from tests.unit.stacks.takeover_bench import backend as backend

NAMESPACE = "kubernetes:core/v1:Namespace"


class Inside:
    """A cluster: the manager of every object in it, and Helm's last revision of every release."""

    def __init__(self, manager: str | None = None, status: str = "") -> None:
        self._manager = manager
        self.last = Revision(2, status, "m", "secret") if status else None
        self.forgotten: list[Revision] = []
        self.going = [False]

    def prove(self) -> None:
        pass

    def manager(self, _inputs: object) -> str | None:
        return self._manager

    def is_going(self, _inputs: object) -> bool:
        return self.going.pop(0)

    def last_revision(self, _inputs: object) -> Revision | None:
        return self.last

    def forget(self, revision: Revision) -> None:
        self.forgotten.append(revision)


def led_to(monkeypatch: pytest.MonkeyPatch, cluster: Inside | CannotAsk) -> None:
    """Have every Kubernetes resource's provider lead to that cluster."""

    @contextmanager
    def opened(_kubeconfig: str) -> Generator[Inside]:
        if isinstance(cluster, CannotAsk):
            raise cluster
        yield cluster

    monkeypatch.setattr(in_cluster, "kubeconfig_of", lambda *_: "{}")
    monkeypatch.setattr(in_cluster, "opened", opened)


@pytest.mark.parametrize(
    ("manager", "told", "outputs"),
    [
        ("pulumi-kubernetes-1", "the cluster has it", {"__fieldManager": "pulumi-kubernetes-1"}),
        # Somebody else's, and the engine will say so.
        ("", "the cluster has it", {}),
        (None, "the cluster does not have it", None),
    ],
)
def test_an_object_is_taken_over_with_its_manager(
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    manager: str | None,
    told: str,
    outputs: dict[str, str] | None,
):
    backend.deployment["pending_operations"] = [creating(NAMESPACE, metadata={"name": "monitoring"})]
    led_to(monkeypatch, Inside(manager))
    backend.update()
    assert f"Namespace it: creating; {told}" in capsys.readouterr().err
    kept = [each["outputs"] for each in backend.deployment["resources"]]
    assert kept == ([] if outputs is None else [{"metadata": {"name": "monitoring"}, **outputs}])


@pytest.mark.parametrize(
    ("status", "commands"),
    [
        ("pending-install", ["stack import", "destroy", "up"]),
        ("uninstalling", ["stack import", "destroy", "up"]),
        # Installed whole, and the engine was killed before it wrote that down.
        ("deployed", ["stack import", "up"]),
        ("failed", ["stack import", "up"]),
        ("", ["stack import", "up"]),
    ],
)
def test_a_release_is_made_anew_only_where_helm_would_refuse_it(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, status: str, commands: list[str]
):
    backend.deployment["pending_operations"] = [creating(pending_operations.RELEASE, name="r", namespace="m")]
    cluster = Inside(status=status)
    led_to(monkeypatch, cluster)
    backend.update()
    assert backend.commands == commands
    assert backend.ids == ({urn(pending_operations.RELEASE): "m/r"} if status else {})
    assert cluster.forgotten == []


@pytest.mark.parametrize("status", ["pending-upgrade", "pending-rollback"])
@pytest.mark.parametrize("builds", [True, False])
def test_a_revision_that_was_cut_off_is_forgotten(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: str, builds: bool
):
    kept = {
        **resource(pending_operations.RELEASE, name="r"),
        "id": "m/r",
        "outputs": {"status": {"status": "deployed"}},
    }
    backend.deployment["resources"] = [kept]
    backend.deployment["pending_operations"] = [{"type": "updating", "resource": kept}]
    cluster = Inside(status=status)
    led_to(monkeypatch, cluster)
    backend.update(builds=builds)
    assert cluster.forgotten == [cluster.last]
    assert backend.commands == ["stack import", "up" if builds else "destroy"]
    assert f"Release it: Helm stood at {status} in revision 2" in " ".join(capsys.readouterr().err.split())


def test_a_cluster_that_does_not_answer_is_told_once_and_stops_nobody(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    backend.deployment["pending_operations"] = [
        creating(NAMESPACE, metadata={"name": "monitoring"}),
        creating(pending_operations.RELEASE, name="r", namespace="m"),
    ]
    led_to(monkeypatch, CannotAsk("The cluster cannot be asked: no."))
    backend.update()
    assert capsys.readouterr().err.count("cannot be asked") == 1
    assert set(backend.ids.values()) == {"monitoring", "m/r"}


@pytest.mark.parametrize(("builds", "left"), [(True, []), (False, [True, True, False])])
def test_what_goes_is_waited_for_before_it_is_built_anew(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, builds: bool, left: list[bool]
):
    kept = {**resource(NAMESPACE, metadata={"name": "monitoring"}), "id": "monitoring"}
    backend.deployment["resources"] = [kept]
    backend.deployment["pending_operations"] = [{"type": "deleting", "resource": kept}]
    cluster = Inside()
    cluster.going = [True, True, False]
    led_to(monkeypatch, cluster)
    backend.update(builds=builds)
    assert cluster.going == left
    assert backend.commands == ["stack import", "up" if builds else "destroy"]


@pytest.mark.parametrize(("gave_up", "left"), [(True, []), (False, [True, False])])
def test_what_a_given_up_update_was_deleting_is_waited_for(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, gave_up: bool, left: list[bool]
):
    component = {**resource(NAMESPACE, metadata={"name": "none"}), "custom": False}
    kept = {**resource(NAMESPACE, metadata={"name": "monitoring"}), "id": "monitoring"}
    backend.deployment["resources"] = [component, resource(VPC), kept]
    backend.gave_up = gave_up
    cluster = Inside()
    cluster.going = [True, False]
    led_to(monkeypatch, cluster)
    backend.update()
    assert cluster.going == left
    assert backend.commands == ["up"]
