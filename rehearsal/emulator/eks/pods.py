"""What a pod of a cluster sees of AWS: what the webhook wrote into it, and where it finds AWS from.

A pod's process runs on this machine, where the addresses that a pod uses on EKS
(169.254.169.254, 169.254.170.23) are nobody's, or somebody else's. So every node
has paths of the emulator's in their place, which only its own pods get;
what a pod's specification says stays as it is on EKS.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.emulator.asgi import Response
from rehearsal.emulator.ec2.instance_metadata import Metadata, Place
from rehearsal.emulator.eks import pod_identity_webhook
from rehearsal.emulator.eks.pod_identity_agent import ADDON, PodIdentityAgent
from rehearsal.emulator.eks.state import Cluster, Clusters
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend, Session

PREFIX: Final = "/_rehearsal/node/"
"""Path of a node's services on the emulator; the secret follows."""
METADATA: Final = "metadata"
AGENT: Final = "agent"
CREDENTIALS_URI: Final = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


@dataclass(frozen=True)
class _Seat:
    """Where pods run: a node, on its own network or on pods'."""

    cluster: str
    instance_id: str
    hops: int


class Pods:
    """The callbacks of every cluster's control plane, and the services of its nodes."""

    def __init__(self, backend: Backend, calls: Calls, clusters: Clusters) -> None:
        """`clusters` say which node has which role."""
        self._backend = backend
        self._clusters = clusters
        self._metadata = Metadata(backend, calls)
        self._agent = PodIdentityAgent(backend, calls)
        self._seats: dict[str, _Seat] = {}
        self._secrets: dict[_Seat, str] = {}

    async def admit(self, cluster: Cluster, review: dict[str, Any]) -> dict[str, Any]:
        """The webhook's answer to an AdmissionReview for a new pod: always let in, changed if it gets a role."""
        request: Mapping[str, Any] = review["request"]
        pod: Mapping[str, Any] = request["object"]
        namespace, name = request["namespace"], pod["spec"].get("serviceAccountName") or "default"
        associated = any(
            (each["namespace"], each["serviceAccount"]) == (namespace, name) for each in cluster.associations.values()
        )
        account = await _service_account(cluster, namespace, name)
        region = self._backend.settings.region
        return pod_identity_webhook.answer(
            review, pod_identity_webhook.patch(pod, account, associated=associated, region=region)
        )

    async def environment(self, cluster: Cluster, pod: dict[str, Any], node: dict[str, Any]) -> dict[str, str]:
        """What a pod's processes find under other addresses here; laid over the pod's own variables."""
        spec: Mapping[str, Any] = pod["spec"]
        hops = 1 if spec.get("hostNetwork") else 2
        seat = _Seat(cluster.name, node["spec"]["providerID"].rsplit("/", 1)[-1], hops)
        base = f"{self._backend.settings.endpoint}{PREFIX}{self._secret(seat)}"
        found = {
            "AWS_ENDPOINT_URL": self._backend.settings.endpoint,
            # Go's SDK makes its client for AssumeRoleWithWebIdentity before it has read the one above.
            "AWS_ENDPOINT_URL_STS": self._backend.settings.endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{base}/{METADATA}/",
        }
        variables = [
            (each["name"], each.get("value", ""))
            for container in [*spec.get("containers", []), *(spec.get("initContainers") or [])]
            for each in container.get("env") or []
        ]
        if (CREDENTIALS_URI, pod_identity_webhook.CREDENTIALS_URI) in variables:
            found[CREDENTIALS_URI] = f"{base}/{AGENT}/v1/credentials"
        # One service's own address counts more than everybody's, and would lead out of the rehearsal.
        found |= {name: found["AWS_ENDPOINT_URL"] for name, _ in variables if name.startswith("AWS_ENDPOINT_URL_")}
        region = await self._region(cluster, seat, variables)
        return {**found, "AWS_DEFAULT_REGION": region} if region else found

    async def _region(self, cluster: Cluster, seat: _Seat, variables: Iterable[tuple[str, str]]) -> str:
        """The region of a pod whose own variables do not say it all; empty when there is nothing to add.

        AWS CLI 2 reads AWS_REGION, and asks the instance when nobody says; the one that runs here does neither.
        """
        told = dict(variables)
        if told.get("AWS_DEFAULT_REGION"):
            return ""
        if told.get("AWS_REGION"):
            return told["AWS_REGION"]
        place = self._place(cluster, seat)
        return self._backend.settings.region if place and await self._metadata.reaches(place) else ""

    async def answer(
        self, method: str, secret: str, rest: Iterable[str], headers: Mapping[str, str]
    ) -> Response | None:
        """A node's answer to a request under its secret; None: nothing ever comes, as from an address of nobody's."""
        seat = self._seats.get(secret)
        if seat is None:
            return Response(404)
        cluster = self._clusters.all.get(seat.cluster)
        place = self._place(cluster, seat) if cluster else None
        if cluster is None or place is None:
            return None
        match tuple(rest):
            case (kind, *parts) if kind == METADATA:
                return await self._metadata.answer(place, method, "/".join(parts), headers)
            case (kind, *parts) if kind == AGENT:
                if ADDON not in cluster.addons:
                    return None
                return await self._agent.answer(
                    cluster.name, await self._session(place), method, "/".join(parts), headers
                )
            case _:
                return Response(404)

    async def _session(self, place: Place) -> Session | None:
        """The agent's: it runs on the node's network and takes the node's role from the instance."""
        own = replace(place, hops=1)
        return self._metadata.session(own) if await self._metadata.reaches(own) else None

    def _place(self, cluster: Cluster, seat: _Seat) -> Place | None:
        for group in cluster.nodegroups.values():
            if seat.instance_id in group.nodes:
                return Place(seat.instance_id, group.view["nodeRole"], seat.hops)
        return None

    def _secret(self, seat: _Seat) -> str:
        if seat not in self._secrets:
            self._secrets[seat] = secrets.token_urlsafe(24)
            self._seats[self._secrets[seat]] = seat
        return self._secrets[seat]

    async def instances_gone(self, ids: list[str]) -> None:
        """Forget what belonged to instances that are gone."""
        for seat in [each for each in self._secrets if each.instance_id in ids]:
            del self._seats[self._secrets.pop(seat)]
        for instance_id in ids:
            self._metadata.forget(instance_id)


async def _service_account(cluster: Cluster, namespace: str, name: str) -> dict[str, Any] | None:
    if cluster.control_plane is None:
        return None
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"
    try:
        return await cluster.control_plane.client.request("GET", path)
    except ControlPlaneError:
        # The webhook's cache does not know it either; the API server refuses the pod by itself.
        return None
