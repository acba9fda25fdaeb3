"""EKS's API: each operation by its name, handed to the part that plays it."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rehearsal.emulator import rest_json_server
from rehearsal.emulator.ec2.service import Ec2
from rehearsal.emulator.eks.access import Access
from rehearsal.emulator.eks.addons import Addons
from rehearsal.emulator.eks.auth_webhooks import EntranceControl
from rehearsal.emulator.eks.catalog import KUBERNETES_VERSIONS
from rehearsal.emulator.eks.cluster_changes import ClusterChanges
from rehearsal.emulator.eks.clusters import ClusterOperations
from rehearsal.emulator.eks.eks_auth import EksAuth
from rehearsal.emulator.eks.lookups import Lookups
from rehearsal.emulator.eks.nodegroups import Nodegroups
from rehearsal.emulator.eks.pod_identity import PodIdentity
from rehearsal.emulator.eks.pods import Pods
from rehearsal.emulator.eks.state import Cluster, Clusters, ControlPlaneFactory, Trouble, bad_request, not_found
from rehearsal.emulator.eks.tokens import Tokens
from rehearsal.emulator.eks.updates import Updates
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend

log = logging.getLogger(__name__)

Operation = Callable[[dict[str, Any]], dict[str, Any] | Awaitable[dict[str, Any]]]


class Eks:
    """Answers EKS's calls and its clusters' webhooks."""

    def __init__(
        self, backend: Backend, calls: Calls, ec2: Ec2, factory: ControlPlaneFactory, fails_later: Trouble
    ) -> None:
        """Takes EKS's calls over from ministack; `fails_later` tells what is to end in a failed state."""
        settings = backend.settings
        self._backend = backend
        self.wire = rest_json_server.RestJson(calls.model("eks"))
        self._clusters = Clusters()
        self._updates = Updates()
        self._entrance = EntranceControl(backend, calls)
        self.tokens = Tokens(self._clusters)
        """Verifies service accounts' tokens."""
        self.pods = Pods(backend, calls, self._clusters)
        """What pods see of AWS."""
        EksAuth(backend, calls, self._clusters, self.tokens)
        access = Access(settings, calls, self._clusters)
        lookups = Lookups(calls)
        pod_identity = PodIdentity(settings, lookups, self._clusters)
        addons = Addons(settings, lookups, self._clusters, pod_identity, self._updates)
        self._operations = ClusterOperations(
            backend, calls, ec2, self._clusters, access, self._updates, factory, self.pods, fails_later
        )
        changes = ClusterChanges(calls, self._clusters, self._operations, self._updates)
        self._nodegroups = Nodegroups(settings, calls, self._clusters, access, self._updates, fails_later)
        ec2.instances.on_terminated += [self._nodegroups.instances_gone, self.pods.instances_gone]
        self._by_name: Mapping[str, Operation] = {
            "DescribeCluster": lambda params: {"cluster": self._clusters.get(params["name"]).view},
            "ListClusters": lambda _: {"clusters": list(self._clusters.all)},
            "DeleteCluster": lambda params: self._operations.delete(params["name"]),
            "UpdateClusterConfig": changes.update_config,
            "UpdateClusterVersion": changes.update_version,
            "AssociateEncryptionConfig": changes.associate_encryption,
            "DescribeClusterVersions": _cluster_versions,
            "DescribeUpdate": self._describe_update,
            "ListUpdates": self._list_updates,
            "CreateNodegroup": self._nodegroups.create,
            "DescribeNodegroup": self._nodegroups.describe,
            "ListNodegroups": self._nodegroups.listed,
            "UpdateNodegroupConfig": self._nodegroups.update_config,
            "UpdateNodegroupVersion": self._nodegroups.update_version,
            "DeleteNodegroup": self._nodegroups.delete,
            "CreateAddon": addons.create,
            "DescribeAddon": addons.describe,
            "ListAddons": addons.listed,
            "UpdateAddon": addons.update,
            "DeleteAddon": addons.delete,
            "DescribeAddonVersions": addons.describe_versions,
            "CreateAccessEntry": access.create,
            "DescribeAccessEntry": access.describe,
            "ListAccessEntries": access.listed,
            "UpdateAccessEntry": access.update,
            "DeleteAccessEntry": access.delete,
            "AssociateAccessPolicy": access.associate,
            "DisassociateAccessPolicy": access.disassociate,
            "ListAssociatedAccessPolicies": access.list_associated,
            "ListAccessPolicies": lambda _: access.list_policies(),
            "CreatePodIdentityAssociation": pod_identity.create,
            "DescribePodIdentityAssociation": pod_identity.describe,
            "ListPodIdentityAssociations": pod_identity.listed,
            "UpdatePodIdentityAssociation": pod_identity.update,
            "DeletePodIdentityAssociation": pod_identity.delete,
            "ListTagsForResource": lambda params: {"tags": self._tags(params["resourceArn"])},
            "TagResource": self._tag,
            "UntagResource": self._untag,
        }
        backend.replace("eks", self._handle)

    async def stop(self) -> None:
        """End every cluster's processes."""
        await self._updates.stop()
        await self._nodegroups.stop()
        await self._operations.stop()

    def status(self) -> dict[str, Any]:
        """Each cluster: {"endpoint", "version", "status", "processes": […], "nodes": […]}."""
        return {name: _status(cluster) for name, cluster in self._clusters.all.items()}

    async def review(self, kind: str, secret: str, review: dict[str, Any]) -> dict[str, Any] | None:
        """Answer a webhook of the cluster that has this secret."""
        found = [cluster for cluster in self._clusters.all.values() if cluster.secret == secret]
        match (kind, found):
            case ("authenticate", [cluster]):
                return await self._entrance.authenticate(cluster, review)
            case ("authorize", [cluster]):
                return self._entrance.authorize(cluster, review)
            case _:
                return None

    async def _handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        try:
            if (region := self._backend.region_of(headers, query)) != self._backend.settings.region:
                raise bad_request(f"The rehearsal plays EKS in {self._backend.settings.region} only, not in {region}.")
            response = rest_json_server.answer(await self._answer(method, path, headers, body, query))
        except AwsError as error:
            response = rest_json_server.failure(error)
        except Exception as error:
            # Whatever it was, the client gets EKS's form of it.
            log.exception("EKS %s %s failed", method, path)
            response = rest_json_server.failure(AwsError("ServerException", str(error), 500))
        return response.status, response.headers, response.body

    async def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> dict[str, Any]:
        request = self.wire.read(method, path, query, body)
        if request is None:
            raise bad_request(f"EKS has no operation {method} {path}.")
        name, params = request
        if name == "CreateCluster":
            return await self._operations.create(params, self._backend.caller(headers, query))
        operation = self._by_name.get(name)
        if operation is None:
            raise bad_request(f"The rehearsal does not play EKS's operation {name}.")
        result = operation(params)
        return result if isinstance(result, dict) else await result

    def _describe_update(self, params: dict[str, Any]) -> dict[str, Any]:
        cluster = self._clusters.get(params["name"])
        return {"update": self._updates.describe(cluster, params["updateId"], _owner(params))}

    def _list_updates(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"updateIds": self._updates.listed(self._clusters.get(params["name"]), _owner(params))}

    def _tags(self, arn: str) -> dict[str, str]:
        """The tags of whatever has this ARN; a change of them is a change of the thing."""
        for cluster in self._clusters.all.values():
            views = [(cluster.view, "arn")]
            views += [(group.view, "nodegroupArn") for group in cluster.nodegroups.values()]
            views += [(view, "addonArn") for view in cluster.addons.values()]
            views += [(entry.view, "accessEntryArn") for entry in cluster.entries.values()]
            views += [(view, "associationArn") for view in cluster.associations.values()]
            for view, key in views:
                if view[key] == arn:
                    return view.setdefault("tags", {})
        raise not_found(f"Resource not found for ARN: {arn}")

    def _tag(self, params: dict[str, Any]) -> dict[str, Any]:
        self._tags(params["resourceArn"]).update(params["tags"])
        return {}

    def _untag(self, params: dict[str, Any]) -> dict[str, Any]:
        tags = self._tags(params["resourceArn"])
        for key in params["tagKeys"]:
            tags.pop(key, None)
        return {}


def _owner(params: dict[str, Any]) -> dict[str, str]:
    return {name: params[name] for name in ("nodegroupName", "addonName") if name in params}


def _status(cluster: Cluster) -> dict[str, Any]:
    processes = cluster.control_plane.processes() if cluster.control_plane else []
    return {
        "endpoint": cluster.view.get("endpoint", ""),
        "version": cluster.view["version"],
        "status": cluster.view["status"],
        "processes": [
            {"name": each.name, "pid": each.pid, "rss_bytes": each.rss_bytes, "alive": each.alive} for each in processes
        ],
        "nodes": [node.name for group in cluster.nodegroups.values() for node in group.nodes.values()],
    }


def _cluster_versions(params: dict[str, Any]) -> dict[str, Any]:
    wanted: list[str] = params.get("clusterVersions", [])
    rows = [row for row in KUBERNETES_VERSIONS if not wanted or row.version in wanted]
    if params.get("defaultOnly"):
        rows = [row for row in rows if row is KUBERNETES_VERSIONS[0]]
    listed = [
        {
            "clusterVersion": row.version,
            "clusterType": "eks",
            "defaultPlatformVersion": row.platform,
            "defaultVersion": row is KUBERNETES_VERSIONS[0],
            "releaseDate": row.released.timestamp(),
            "endOfStandardSupportDate": row.standard_until.timestamp(),
            "endOfExtendedSupportDate": row.extended_until.timestamp(),
            "status": "standard-support",
            "versionStatus": "STANDARD_SUPPORT",
            "kubernetesPatchVersion": row.patch,
        }
        for row in rows
    ]
    return {"clusterVersions": listed}
