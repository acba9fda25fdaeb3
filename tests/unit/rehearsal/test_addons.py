"""When an add-on's objects come, stay and go."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from rehearsal.cluster.control_plane.manifests import Manifest
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.emulator.eks.addons import Addons
from rehearsal.emulator.eks.lookups import Lookups
from rehearsal.emulator.eks.pod_identity import PodIdentity
from rehearsal.emulator.eks.state import Cluster, Clusters, ControlPlane
from rehearsal.emulator.eks.updates import Updates
from rehearsal.emulator.settings import Settings
from tests.unit.rehearsal import own_loop

WHICH = {"clusterName": "myeks", "addonName": "coredns"}


class Plane:
    """Keeps what it was asked for; `why` it cannot do it."""

    def __init__(self, why: str = "") -> None:
        self.asked: list[tuple[str, bool]] = []
        self.kinds: set[str] = set()
        self.release = asyncio.Event()
        self.release.set()
        self._why = why

    async def put(self, objects: Sequence[Manifest], *, force: bool = True) -> None:
        await self.release.wait()
        if self._why:
            raise ControlPlaneError(self._why)
        self.asked.append(("put", force))
        self.kinds = {each["kind"] for each in objects}

    async def take(self, objects: Sequence[Manifest]) -> None:
        if self._why:
            raise ControlPlaneError(self._why)
        self.asked.append(("take", {each["kind"] for each in objects} == self.kinds))


def run(test: Callable[[Addons, Clusters, Plane], Coroutine[Any, Any, None]], why: str = "") -> None:
    """Run with the add-ons of one cluster."""

    async def with_cluster() -> None:
        plane, clusters, updates = Plane(why), Clusters(), Updates()
        view = {
            "name": "myeks",
            "status": "ACTIVE",
            "version": "1.36",
            "endpoint": "https://127.0.0.1:1",
            "kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.100.0.0/16"},
        }
        clusters.all["myeks"] = Cluster(view, bootstrap_addons=False, control_plane=cast(ControlPlane, plane))
        settings = Settings(Path("/"), "ap-northeast-2", Path("/"), 1)
        nobody: Any = None
        await test(
            Addons(settings, cast(Lookups, nobody), clusters, cast(PodIdentity, nobody), updates), clusters, plane
        )
        await updates.stop()

    own_loop.run(with_cluster())


def test_the_objects_are_there_when_the_answer_comes_and_go_with_the_add_on() -> None:
    async def test(addons: Addons, clusters: Clusters, plane: Plane) -> None:
        assert (await addons.create(WHICH))["addon"]["status"] == "CREATING"
        assert plane.asked == [("put", True)]
        assert {"ServiceAccount", "ClusterRole", "Deployment", "PodDisruptionBudget"} <= plane.kinds
        assert clusters.all["myeks"].addons["coredns"]["status"] == "ACTIVE"
        await addons.delete(WHICH)
        assert plane.asked == [("put", True), ("take", True)]

    run(test)


def test_they_stay_when_they_are_to_be_preserved() -> None:
    async def test(addons: Addons, clusters: Clusters, plane: Plane) -> None:
        await addons.create(WHICH)
        await addons.delete({**WHICH, "preserve": True})
        assert plane.asked == [("put", True)]
        assert clusters.all["myeks"].addons == {}

    run(test)


@pytest.mark.parametrize(("how", "force"), [("OVERWRITE", True), ("NONE", True), ("PRESERVE", False)])
def test_an_update_keeps_what_users_changed_only_when_told(how: str, force: bool) -> None:
    async def test(addons: Addons, clusters: Clusters, plane: Plane) -> None:
        await addons.create(WHICH)
        update = (await addons.update({**WHICH, "resolveConflicts": how}))["update"]
        record = clusters.all["myeks"].updates[update["id"]]["update"]
        async with asyncio.timeout(10):
            while record["status"] == "InProgress":
                await asyncio.sleep(0.01)
        assert (record["status"], plane.asked[-1]) == ("Successful", ("put", force))

    run(test)


def test_an_add_on_whose_objects_are_refused_has_failed_and_can_be_deleted() -> None:
    async def test(addons: Addons, clusters: Clusters, plane: Plane) -> None:
        await addons.create(WHICH)
        view = clusters.all["myeks"].addons["coredns"]
        assert view["status"] == "CREATE_FAILED"
        assert view["health"]["issues"][0]["message"] == "the API server is away"
        await addons.delete(WHICH)
        assert clusters.all["myeks"].addons == {}

    run(test, "the API server is away")


def test_an_add_on_settles_though_its_client_goes_away() -> None:
    async def test(addons: Addons, clusters: Clusters, plane: Plane) -> None:
        plane.release.clear()
        asking = asyncio.create_task(addons.create(WHICH))
        await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        view = clusters.all["myeks"].addons["coredns"]
        assert view["status"] == "CREATING"
        plane.release.set()
        async with asyncio.timeout(10):
            while view["status"] == "CREATING":
                await asyncio.sleep(0.01)
        assert (view["status"], plane.asked) == ("ACTIVE", [("put", True)])

    run(test)
