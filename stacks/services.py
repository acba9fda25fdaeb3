"""Services of type LoadBalancer that are not the stack's own: they go before the cluster does.

Somebody who works in the lab makes one, and AWS gets a load balancer that the engine knows nothing of. With the cluster
goes the controller that would delete it; it then keeps the subnets, the internet gateway and the VPC, and costs. While
the cluster stands, deleting the Service is all it takes: its controller holds the Service by a finalizer until the load
balancer is gone.
"""

import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import typer

from clients.polling import poll_until
from stacks.aws_lab import LabSession
from stacks.cluster_facts import Ask, NotThere
from stacks.console import Progress, err
from stacks.errors import CannotAsk, Failure
from stacks.state import RELEASE, StackState

GOES_WITHIN: Final = 600.0
"""Seconds that a controller may take to delete a load balancer, with its groups."""

TYPE: Final = "kubernetes:core/v1:Service"
_RELEASE_NAME: Final = "meta.helm.sh/release-name"
_RELEASE_NAMESPACE: Final = "meta.helm.sh/release-namespace"
"""Annotations by which Helm marks what a release made (helm.sh/helm/v3, pkg/action/validate.go)."""


@dataclass(frozen=True)
class Service:
    """One Service of type LoadBalancer."""

    namespace: str
    name: str
    address: str
    """Host name of its load balancer; empty while there is none."""

    finalizers: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Cluster:
    """The API server's Services; every method raises CannotAsk when it does not answer."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def of_load_balancers(self, held: StackState) -> list[Service]:
        """Services of type LoadBalancer that neither the engine nor a release of its state made."""
        found = self._ask("GET", "/api/v1/services", None)["items"]
        return [_service(each) for each in found if _makes_a_load_balancer(each) and not _is_own(each, held)]

    def delete(self, service: Service) -> None:
        """Ask for its deletion; one that is gone is fine."""
        with suppress(NotThere):
            self._ask("DELETE", f"/api/v1/namespaces/{service.namespace}/services/{service.name}", None)


def clear(lab: LabSession, shown: Progress, *, yes: bool, again: str, cluster: Cluster | None = None) -> None:
    """Delete the Services of type LoadBalancer that are not the stack's, and wait until their load balancers are gone.

    Args:
        lab: the lab whose cluster is asked, with what the engine's state holds.
        shown: shows what is waited for; its line is hidden while the user is asked.
        yes: do not ask before.
        again: the command that goes on after a failure.
        cluster: who is asked; None: the cluster of the state's kubeconfig.

    Raises Failure when one does not go, typer.Exit when the user does not agree. A cluster without an answer is named
    and is no error: whether the engine can go on without it, the engine finds out.
    """
    held = lab.recorded
    if cluster is None and not held.kubeconfig:
        return
    try:
        shown.waiting("asking the cluster for Services of type LoadBalancer")
        cluster = cluster or Cluster(lab.ask)
        found = cluster.of_load_balancers(held)
    except CannotAsk as error:
        told = str(error).rstrip(".")
        err.print(
            f"The cluster could not be asked for Services of type LoadBalancer: {told}. The load balancer of one that "
            "is not the stack's would keep the VPC.",
            markup=False,
        )
        return
    if not found:
        return
    err.print("These Services are not the stack's, and their load balancers would keep its VPC:")
    for each in found:
        err.print(f"  {each}  {each.address or 'no load balancer yet'}", markup=False)
    if not yes:
        with shown.paused():
            agreed = typer.confirm(f"Delete {'it' if len(found) == 1 else f'these {len(found)}'} first?")
        if not agreed:
            raise typer.Exit(1)
    _delete(cluster, held, found, again, shown)


def _delete(cluster: Cluster, held: StackState, agreed: Sequence[Service], again: str, shown: Progress) -> None:
    names = {str(each) for each in agreed}

    def still() -> list[Service]:
        left = [each for each in cluster.of_load_balancers(held) if str(each) in names]
        if left:
            shown.waiting(f"waiting for Service {_waits(left)}")
        return left

    try:
        for each in agreed:
            cluster.delete(each)
        left = poll_until(operator.not_, still, within=GOES_WITHIN, longest=10)
    except CannotAsk as error:
        raise Failure(f"The cluster stopped answering: {str(error).rstrip('.')}. Run {again} again.") from error
    if left:
        raise Failure(
            f"After {GOES_WITHIN / 60:.0f} minutes Service {_waits(left)} is still there. See what kubectl describe "
            f"service says of it, then run {again} again."
        )
    shown.phase(f"deleted with their load balancers: Service {', '.join(sorted(names))}")


def _waits(left: Sequence[Service]) -> str:
    """`default/shop (finalizer service.kubernetes.io/load-balancer-cleanup)`."""
    return ", ".join(
        f"{each} (finalizer {', '.join(each.finalizers)})" if each.finalizers else str(each) for each in left
    )


def _service(found: Mapping[str, Any]) -> Service:
    about = found["metadata"]
    ingress: Sequence[Mapping[str, Any]] = (found["status"].get("loadBalancer") or {}).get("ingress") or []
    return Service(
        about["namespace"], about["name"], next(_addresses(ingress), ""), tuple(about.get("finalizers") or ())
    )


def _addresses(ingress: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in ingress:
        if address := each.get("hostname") or each.get("ip"):
            yield address


def _makes_a_load_balancer(found: Mapping[str, Any]) -> bool:
    return found["spec"].get("type") == "LoadBalancer"


def _is_own(found: Mapping[str, Any], held: StackState) -> bool:
    about = found["metadata"]
    if f"{about['namespace']}/{about['name']}" in held.ids.get(TYPE, frozenset()):
        return True
    marks: Mapping[str, str] = about.get("annotations") or {}
    release = f"{marks.get(_RELEASE_NAMESPACE)}/{marks.get(_RELEASE_NAME)}"
    return release in held.ids.get(RELEASE, frozenset())
