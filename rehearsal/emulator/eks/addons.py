"""Add-ons: their record, their objects in the cluster, and as healthy as their nodes let them be.

The programs in their pods are not played; that coredns is DEGRADED until there
is a node to run on, and that a wrong setting is refused, is what a stack can
get wrong.
"""

import asyncio
import json
import logging
import time
import uuid
from functools import partial
from typing import Any

import yaml

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.emulator.eks.addon_objects import Place, objects
from rehearsal.emulator.eks.catalog import ADDONS, KUBERNETES_VERSIONS, Addon
from rehearsal.emulator.eks.lookups import Lookups
from rehearsal.emulator.eks.pod_identity import PodIdentity
from rehearsal.emulator.eks.state import Cluster, Clusters, in_use, invalid, not_found
from rehearsal.emulator.eks.updates import Updates
from rehearsal.emulator.settings import Settings

log = logging.getLogger(__name__)

UNHEALTHY = "The add-on is unhealthy because it doesn't have the desired number of replicas."


class Addons:
    """EKS's operations on add-ons."""

    def __init__(
        self, settings: Settings, lookups: Lookups, clusters: Clusters, pod_identity: PodIdentity, updates: Updates
    ) -> None:
        """`pod_identity` makes the associations that an add-on asks for."""
        self._settings = settings
        self._lookups = lookups
        self._clusters = clusters
        self._pod_identity = pod_identity
        self._updates = updates
        self._tasks: set[asyncio.Task[None]] = set()

    async def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """CreateAddon."""
        cluster = self._clusters.active(params["clusterName"])
        name = params["addonName"]
        addon = _known(name)
        if name in cluster.addons:
            raise in_use(f"Addon already exists with name: {name}", clusterName=cluster.name, addonName=name)
        version = _version(addon, cluster.view["version"], params.get("addonVersion"))
        values = params.get("configurationValues", "")
        check_values(name, values)
        if role := params.get("serviceAccountRoleArn"):
            await self._lookups.pod_role(role)
        if name in cluster.addons:
            raise in_use(f"Addon already exists with name: {name}", clusterName=cluster.name, addonName=name)
        region, account, now = self._settings.region, self._settings.account_id, time.time()
        view: dict[str, Any] = {
            "addonName": name,
            "clusterName": cluster.name,
            "status": "CREATING",
            "addonVersion": version,
            "health": {"issues": []},
            "addonArn": f"arn:aws:eks:{region}:{account}:addon/{cluster.name}/{name}/{uuid.uuid4()}",
            "createdAt": now,
            "modifiedAt": now,
            "tags": params.get("tags", {}),
            "podIdentityAssociations": [],
        }
        if role:
            view["serviceAccountRoleArn"] = role
        if values:
            view["configurationValues"] = values
        cluster.addons[name] = view
        await self._associate(cluster, view, addon, params.get("podIdentityAssociations", []))
        answer = dict(view)
        settling = asyncio.create_task(self._settle(cluster, view), name=f"add-on {name}")
        self._tasks.add(settling)
        settling.add_done_callback(self._tasks.discard)
        # Settled at the first look, as after any change; whoever asked may be gone before.
        await asyncio.shield(settling)
        return {"addon": answer}

    async def _settle(self, cluster: Cluster, view: dict[str, Any]) -> None:
        """Bring a new add-on to its end state."""
        try:
            await self._put(cluster, view)
        except ControlPlaneError as error:
            view["status"] = "CREATE_FAILED"
            view["health"] = {"issues": [{"code": "InternalFailure", "message": str(error), "resourceIds": []}]}
        else:
            view["status"] = "ACTIVE"

    async def _put(self, cluster: Cluster, view: dict[str, Any], *, force: bool = True) -> None:
        """Have an add-on's objects in the cluster, as ControlPlane.put does it. Raises ControlPlaneError."""
        if cluster.control_plane:
            await cluster.control_plane.put(objects(view, self._place(cluster)), force=force)

    def _place(self, cluster: Cluster) -> Place:
        network = cluster.view["kubernetesNetworkConfig"]
        return Place(cluster.name, self._settings.region, cluster.view["endpoint"], network["serviceIpv4Cidr"])

    async def _associate(
        self, cluster: Cluster, view: dict[str, Any], addon: Addon, wanted: list[dict[str, str]]
    ) -> None:
        """Make the Pod Identity associations of an add-on be what is wanted."""
        for association in wanted:
            if association["serviceAccount"] not in addon.service_accounts:
                raise invalid(f"The addon {addon.name} has no service account {association['serviceAccount']}")
        owned = [arn.rsplit("/", 1)[-1] for arn in view["podIdentityAssociations"]]
        for association_id in owned:
            self._pod_identity.drop(cluster, association_id)
        view["podIdentityAssociations"] = []
        for association in wanted:
            made = await self._pod_identity.make(
                cluster,
                {"namespace": addon.namespace, **association},
                owner=view["addonArn"],
            )
            view["podIdentityAssociations"].append(made["associationArn"])

    def _get(self, params: dict[str, Any]) -> tuple[Cluster, dict[str, Any]]:
        cluster, name = self._clusters.get(params["clusterName"]), params["addonName"]
        if name not in cluster.addons:
            message = f"No addon: {name} found in cluster: {cluster.name}"
            raise not_found(message, clusterName=cluster.name, addonName=name)
        return cluster, cluster.addons[name]

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """DescribeAddon."""
        cluster, view = self._get(params)
        return {"addon": _looked_at(cluster, view)}

    def listed(self, params: dict[str, Any]) -> dict[str, Any]:
        """ListAddons."""
        return {"addons": list(self._clusters.get(params["clusterName"]).addons)}

    async def update(self, params: dict[str, Any]) -> dict[str, Any]:
        """UpdateAddon."""
        cluster, view = self._get(params)
        name = view["addonName"]
        self._updates.check_free(cluster, addonName=name)
        addon, begun = _known(name), {}
        if "addonVersion" in params:
            view["addonVersion"] = _version(addon, cluster.view["version"], params["addonVersion"])
            begun["AddonVersion"] = view["addonVersion"]
        if "configurationValues" in params:
            check_values(name, params["configurationValues"])
            view["configurationValues"] = params["configurationValues"]
            begun["ConfigurationValues"] = params["configurationValues"]
        if "serviceAccountRoleArn" in params:
            if params["serviceAccountRoleArn"]:
                await self._lookups.pod_role(params["serviceAccountRoleArn"])
                view["serviceAccountRoleArn"] = params["serviceAccountRoleArn"]
            else:
                view.pop("serviceAccountRoleArn", None)
            begun["ServiceAccountRoleArn"] = params["serviceAccountRoleArn"]
        if "podIdentityAssociations" in params:
            await self._associate(cluster, view, addon, params["podIdentityAssociations"])
            begun["PodIdentityAssociations"] = json.dumps(params["podIdentityAssociations"])
        if "resolveConflicts" in params:
            begun["ResolveConflicts"] = params["resolveConflicts"]
        view["modifiedAt"] = time.time()
        preserve = params.get("resolveConflicts") == "PRESERVE"
        work = partial(self._put, cluster, view, force=not preserve)
        return {"update": self._updates.begin(cluster, view, "AddonUpdate", begun, work, addonName=name)}

    async def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """DeleteAddon; with `preserve` the add-on's objects stay in the cluster."""
        cluster, view = self._get(params)
        for arn in view["podIdentityAssociations"]:
            self._pod_identity.drop(cluster, arn.rsplit("/", 1)[-1])
        del cluster.addons[view["addonName"]]
        if cluster.control_plane and not params.get("preserve"):
            try:
                await cluster.control_plane.take(objects(view, self._place(cluster)))
            except ControlPlaneError as error:
                log.warning("the add-on %s left something behind: %s", view["addonName"], error)
        return {"addon": {**view, "status": "DELETING"}}

    def describe_versions(self, params: dict[str, Any]) -> dict[str, Any]:
        """DescribeAddonVersions."""
        wanted = [ADDONS[name] for name in ADDONS if params.get("addonName", name) == name]
        kinds: list[str] = params.get("types", [])
        listed = [
            _described(addon, params.get("kubernetesVersion")) for addon in wanted if not kinds or addon.kind in kinds
        ]
        return {"addons": [each for each in listed if each["addonVersions"]]}


def check_values(name: str, text: str) -> None:
    """Settings that an add-on's schema takes, as far as the lab uses them; raises AwsError."""
    try:
        values = yaml.safe_load(text) if text else {}
    except yaml.YAMLError:
        values = None
    if not isinstance(values, dict):
        raise _unsupported("[$: object expected]")
    if name != "vpc-cni":
        return
    switch = values.get("enableNetworkPolicy")
    if switch is not None and not isinstance(switch, str):
        raise _unsupported("[$.enableNetworkPolicy: boolean found, string expected]")
    if switch not in (None, "true", "false"):
        raise _unsupported(f'[$.enableNetworkPolicy: does not match the format boolean: "{switch}"]')
    for key, value in (values.get("env") or {}).items():
        if not isinstance(value, str):
            raise _unsupported(f"[$.env.{key}: {type(value).__name__} found, string expected]")


def _unsupported(why: str) -> Exception:
    return invalid(
        "ConfigurationValue provided in request is not supported: Json schema validation failed with error: " + why
    )


def _known(name: str) -> Addon:
    if name not in ADDONS:
        raise invalid(f"Addon {name} specified is not supported", addonName=name)
    return ADDONS[name]


def _version(addon: Addon, kubernetes: str, wanted: str | None) -> str:
    offered = addon.versions[kubernetes]
    if wanted is None:
        return offered[-1]
    if wanted not in offered:
        raise invalid("Addon version specified is not supported", addonName=addon.name)
    return wanted


def _looked_at(cluster: Cluster, view: dict[str, Any]) -> dict[str, Any]:
    """An add-on as it is now: what runs on nodes is unhealthy while there is none."""
    if view["status"] != "ACTIVE" or cluster.node_count or not ADDONS[view["addonName"]].needs_nodes:
        return view
    issue = {"code": "InsufficientNumberOfReplicas", "message": UNHEALTHY, "resourceIds": []}
    return {**view, "status": "DEGRADED", "health": {"issues": [issue]}}


def _described(addon: Addon, kubernetes: str | None) -> dict[str, Any]:
    offered = [row.version for row in KUBERNETES_VERSIONS if kubernetes in (None, row.version)]
    versions: dict[str, list[dict[str, Any]]] = {}
    for minor in offered:
        for version in addon.versions[minor]:
            default = version == addon.versions[minor][-1]
            versions.setdefault(version, []).append(
                {"clusterVersion": minor, "platformVersions": ["*"], "defaultVersion": default}
            )
    return {
        "addonName": addon.name,
        "type": addon.kind,
        "publisher": "eks",
        "owner": "aws",
        "defaultNamespace": addon.namespace,
        "addonVersions": [
            {
                "addonVersion": version,
                "architecture": ["amd64", "arm64"],
                "computeTypes": ["ec2"],
                "compatibilities": compatibilities,
                "requiresConfiguration": False,
                "requiresIamPermissions": addon.wants_role,
            }
            for version, compatibilities in versions.items()
        ],
    }
