"""The loop: a group's Ingresses get what they ask for, and lose their finalizer when all of it is gone again."""

import threading
import time
from typing import Any, Final, NoReturn

from kubernetes import client, watch
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from rehearsal.cluster.controllers.load_balancer.aws import Aws, Failure, told
from rehearsal.cluster.controllers.load_balancer.bindings import Bindings
from rehearsal.cluster.controllers.load_balancer.cluster import BINDINGS, INGRESSES, ApiError, Cluster, path_of
from rehearsal.cluster.controllers.load_balancer.deploy import Place, Stack
from rehearsal.cluster.controllers.load_balancer.groups import Group, Refused, annotations, groups, held
from rehearsal.cluster.controllers.load_balancer.model import Desired, build
from rehearsal.cluster.controllers.load_balancer.network import Network
from rehearsal.cluster.controllers.load_balancer.settings import Settings

LOOK_AGAIN: Final = 300.0
"""Seconds after which everything is looked at though nothing is known to have changed."""
PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds before each new attempt after a failure; the last one again and again."""
SUBSCRIPTION_KEPT: Final = 7200.0
"""Seconds that the answer about Shield Advanced counts."""


class NotYet(Exception):
    """Something has to be gone first; to be looked at again."""


class Controller:
    """Acts for one cluster, as the only one that does."""

    def __init__(self, cluster: Cluster, aws: Aws, settings: Settings) -> None:
        """Asks nothing yet."""
        self._cluster = cluster
        self._aws = aws
        self._settings = settings
        self._network = Network(aws, settings)
        self._bindings = Bindings(cluster, aws, self._network, settings)
        self._told: dict[str, Any] = {}
        """By Ingress, what it was when all was well with it."""
        self._subscription_asked = -SUBSCRIPTION_KEPT

    def run(self) -> None:
        """Act on every change, without end."""
        changed = threading.Event()
        network, core = client.NetworkingV1Api(), client.CoreV1Api()
        watched = (
            network.list_ingress_for_all_namespaces,
            network.list_ingress_class,
            core.list_service_for_all_namespaces,
            client.DiscoveryV1Api().list_endpoint_slice_for_all_namespaces,
        )
        for each in watched:
            threading.Thread(target=_follow, args=(each, changed), daemon=True).start()
        failures = 0
        while True:
            changed.clear()
            failures = 0 if self.reconcile() else failures + 1
            if not failures:
                changed.wait(LOOK_AGAIN)
                continue
            # A change is no reason to hurry what has just failed.
            time.sleep(PAUSES[min(failures, len(PAUSES)) - 1])

    def reconcile(self) -> bool:
        """Bring every group to what its Ingresses ask for; whether all of that succeeded."""
        try:
            ingresses = [
                {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", **each}
                for each in self._cluster.listed(INGRESSES)
            ]
            found = groups(ingresses, self._cluster.classes(), self._settings.ingress_class)
            # Every one of them: a group that fails is no reason to leave another alone.
            outcomes = [self._try(group) for group in found]
            return self._bindings.serve() and all(outcomes)
        except (ApiError, ApiException, HTTPError) as error:
            print(f"the API server: {error}", flush=True)
            return False

    def _try(self, group: Group) -> bool:
        try:
            self._reconcile(group)
        except NotYet:
            return False
        except (ApiError, *Failure) as error:
            print(f"group {group.id}: {told(error)}", flush=True)
            return False
        return True

    def _fail(self, group: Group, reason: str, message: str) -> NoReturn:
        """Tell the members, if there are any, and the log; raises NotYet."""
        print(f"group {group.id}: {reason}: {message}", flush=True)
        for member in group.members:
            self._told.pop(member["metadata"]["uid"], None)
            self._cluster.event(member, "Warning", reason, message)
        raise NotYet

    def _reconcile(self, group: Group) -> None:
        for member in group.members:
            self._cluster.add_finalizer(path_of(member), member, group.id.finalizer)
        desired, place = self._model(group)
        try:
            balancer = self._deploy(group, desired, place)
        except Failure as error:
            self._fail(group, "FailedDeployModel", f"Failed deploy model due to {told(error)}")
        if balancer and desired:
            for member in group.members:
                ports = [each.port for each in desired.listeners]
                self._cluster.set_host(member, balancer["DNSName"].lower(), ports)
        for ingress in group.leaving:
            self._cluster.remove_finalizer(path_of(ingress), ingress, group.id.finalizer)
        for member in group.members:
            # What the Ingress asks for, not its version, which our own status changes.
            seen = (member["spec"], annotations(member), sorted(each["metadata"]["uid"] for each in group.members))
            if self._told.get(member["metadata"]["uid"]) != seen:
                self._told[member["metadata"]["uid"]] = seen
                self._cluster.event(member, "Normal", "SuccessfullyReconciled", "Successfully reconciled")

    def _model(self, group: Group) -> tuple[Desired | None, Place | None]:
        """What shall be, and where; the backend security group is made with it, as the real controller does."""
        try:
            desired = build(group, self._cluster.service, self._settings)
            if desired is None:
                return None, None
            standing = Stack(self._aws, self._settings, group.id).balancer()
            if standing and standing["Scheme"] == desired.scheme:
                subnets = [each["SubnetId"] for each in standing["AvailabilityZones"]]
            else:
                subnets = self._network.subnets(desired.scheme)
            return desired, Place(subnets, [self._network.backend()])
        except (Refused, *Failure) as error:
            self._fail(group, "FailedBuildModel", f"Failed build model due to {told(error)}")

    def _deploy(self, group: Group, desired: Desired | None, place: Place | None) -> dict[str, Any] | None:
        """Make AWS have all that is desired and nothing else; gives the load balancer. Raises NotYet, AWS's errors."""
        stack = Stack(self._aws, self._settings, group.id)
        if desired is None or place is None:
            self._take_down(group, stack)
            return None
        managed = self._network.make_managed(group.id, desired)
        (backend,) = place.security_groups
        arns = stack.make_target_groups(desired)
        balancer = stack.make_balancer(desired, Place(place.subnets, [managed, backend]))
        stack.make_listeners(balancer["LoadBalancerArn"], desired.listeners, arns)
        self._bindings.make(group.id, desired, arns, backend)
        self._ask_shield()
        names = [each.name for each in desired.target_groups.values()]
        self._bindings_go(group, names)
        stack.delete_target_groups(arns.values())
        return balancer

    def _take_down(self, group: Group, stack: Stack) -> None:
        """Everything of a group, in the order in which AWS lets it go."""
        stack.delete_balancer()
        self._ask_shield()
        self._bindings_go(group, [])
        stack.delete_target_groups()
        self._network.delete_managed(group.id)
        # The last one that holds a finalizer takes the security group that all share.
        others = [each for each in self._cluster.listed(INGRESSES) if any(one != group.id for one in held(each))]
        if not others:
            self._network.release_backend()

    def _bindings_go(self, group: Group, kept: list[str]) -> None:
        """Have bindings gone that are not wanted any more, with their targets and the rules for their pods."""
        if not self._bindings.delete(group.id, kept):
            self._bindings.serve()
            if not self._bindings.delete(group.id, kept):
                raise NotYet

    def _ask_shield(self) -> None:
        """The real controller asks, and goes on without an answer; protections are not played."""
        if not self._settings.shield or time.monotonic() < self._subscription_asked + SUBSCRIPTION_KEPT:
            return
        try:
            self._aws.shield.get_subscription_state()
            self._subscription_asked = time.monotonic()
        except Failure as error:
            print(f"unable to determine AWS Shield subscription state: {told(error)}", flush=True)


def _follow(listing: Any, changed: threading.Event) -> None:
    """Set `changed` whenever the objects that `listing` gives change."""
    while True:
        try:
            for _ in watch.Watch().stream(listing, timeout_seconds=600):
                changed.set()
        except (ApiException, HTTPError, OSError) as error:
            print(f"watching: {error}", flush=True)
            time.sleep(1)


def knows_bindings(cluster: Cluster) -> bool:
    """Whether the chart's custom resource definitions are there."""
    return cluster.found(BINDINGS) is not None
