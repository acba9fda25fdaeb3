"""Managed node groups."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from rehearsal.emulator.ec2.instance_types import INSTANCE_TYPES
from rehearsal.emulator.eks import aws_auth
from rehearsal.emulator.eks import nodegroup_rules as rules
from rehearsal.emulator.eks.access import Access
from rehearsal.emulator.eks.catalog import AMI_RELEASE, VERSIONS
from rehearsal.emulator.eks.lookups import Lookups
from rehearsal.emulator.eks.nodes import NodeFailure, Nodes
from rehearsal.emulator.eks.state import Cluster, Clusters, Nodegroup, Trouble, bad_request, in_use, invalid, not_found
from rehearsal.emulator.eks.updates import Updates
from rehearsal.emulator.eks.user_data import node_configs
from rehearsal.emulator.eks.validation import check_name
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.settings import Settings

log = logging.getLogger(__name__)

ADDONS_FOR_NODES = ("vpc-cni", "kube-proxy")
"""Without them no node becomes Ready."""


class Nodegroups:
    """EKS's operations on node groups."""

    def __init__(
        self,
        settings: Settings,
        calls: Calls,
        clusters: Clusters,
        access: Access,
        updates: Updates,
        fails_later: Trouble,
    ) -> None:
        """`access` makes the entry that nodes enter by."""
        self._fails_later = fails_later
        self._settings = settings
        self._clusters = clusters
        self._access = access
        self._updates = updates
        self._lookups = Lookups(calls)
        self._nodes = Nodes(settings.region, calls)
        self._tasks: set[asyncio.Task[None]] = set()

    async def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """CreateNodegroup."""
        cluster = self._clusters.active(params["clusterName"])
        name = params["nodegroupName"]
        check_name(name, "nodegroupName")
        self._check_new(cluster, name)
        template = await self._lookups.template(params["launchTemplate"]) if "launchTemplate" in params else {}
        data: dict[str, Any] = template.get("LaunchTemplateData", {})
        rules.check_combination(params, data)
        view = await self._view(cluster, params, template)
        self._check_new(cluster, name)
        group = Nodegroup(view, data)
        cluster.nodegroups[name] = group
        try:
            await self._access.admit_nodes(cluster, view["nodeRole"])
        except AwsError:
            del cluster.nodegroups[name]
            raise
        group.task = self._spawn(self._bring_up(cluster, group))
        return {"nodegroup": dict(view)}

    def _check_new(self, cluster: Cluster, name: str) -> None:
        if name in cluster.nodegroups:
            message = f"NodeGroup already exists with name {name} and cluster name {cluster.name}"
            raise in_use(message, clusterName=cluster.name, nodegroupName=name)

    async def _view(self, cluster: Cluster, params: dict[str, Any], template: dict[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = template.get("LaunchTemplateData", {})
        if params.get("warmPoolConfig"):
            raise bad_request("The rehearsal does not play warmPoolConfig.")
        scaling = {"minSize": 1, "maxSize": 2, "desiredSize": 2, **params.get("scalingConfig", {})}
        rules.check_scaling(scaling)
        subnets = await self._lookups.subnets(params["subnets"])
        if {subnet["VpcId"] for subnet in subnets} != {cluster.view["resourcesVpcConfig"]["vpcId"]}:
            raise invalid("Subnets are not in the same VPC as the cluster")
        await self._lookups.node_role(params["nodeRole"])
        rules.check_labels(params.get("labels", {}))
        types = [data["InstanceType"]] if data.get("InstanceType") else params.get("instanceTypes") or ["t3.medium"]
        self._lookups.instance_types(types)
        custom = bool(data.get("ImageId"))
        if not custom:
            node_configs(data.get("UserData", ""))
        arch = INSTANCE_TYPES[types[0]].arch
        default_ami = "AL2023_ARM_64_STANDARD" if arch == "arm64" else "AL2023_x86_64_STANDARD"
        ami_type = "CUSTOM" if custom else params.get("amiType", default_ami)
        if ami_type not in rules.AMI_TYPES:
            raise bad_request(f"The rehearsal does not play the AMI type {ami_type}.")
        if rules.AMI_TYPES[ami_type] not in ("", arch):
            raise invalid(f"[{', '.join(types)}] is not a valid instance type for requested amiType {ami_type}")
        version = params.get("version", cluster.view["version"])
        rules.check_version(version, cluster.view["version"])
        name, region, account = params["nodegroupName"], self._settings.region, self._settings.account_id
        unique = str(uuid.uuid4())
        now = time.time()
        view: dict[str, Any] = {
            "nodegroupName": name,
            "nodegroupArn": f"arn:aws:eks:{region}:{account}:nodegroup/{cluster.name}/{name}/{unique}",
            "clusterName": cluster.name,
            "version": version,
            "releaseVersion": params.get("releaseVersion", f"{VERSIONS[version].patch}-{AMI_RELEASE}"),
            "createdAt": now,
            "modifiedAt": now,
            "status": "CREATING",
            "capacityType": params.get("capacityType", "ON_DEMAND"),
            "scalingConfig": scaling,
            "subnets": params["subnets"],
            "amiType": ami_type,
            "nodeRole": params["nodeRole"],
            "labels": params.get("labels", {}),
            "taints": params.get("taints", []),
            "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{unique}"}]},
            "health": {"issues": []},
            "updateConfig": params.get("updateConfig", {"maxUnavailable": 1}),
            "tags": params.get("tags", {}),
        }
        if not data.get("InstanceType"):
            view["instanceTypes"] = types
        if custom:
            view["releaseVersion"] = data["ImageId"]
        if template:
            view["launchTemplate"] = _named(template)
        else:
            view["diskSize"] = params.get("diskSize", 20)
            if params.get("remoteAccess"):
                view["remoteAccess"] = params["remoteAccess"]
        if "nodeRepairConfig" in params:
            view["nodeRepairConfig"] = params["nodeRepairConfig"]
        return view

    async def _bring_up(self, cluster: Cluster, group: Nodegroup) -> None:
        missing = [] if cluster.bootstrap_addons else [name for name in ADDONS_FOR_NODES if name not in cluster.addons]
        try:
            if self._fails_later("CreateNodegroup"):
                raise NodeFailure("NodeCreationFailure", "Instances failed to join the kubernetes cluster", [])
            await aws_auth.admit_nodes(cluster, group.view["nodeRole"])
            await self._nodes.scale(cluster, group)
            if missing:
                instances = list(group.nodes)
                message = f"Unhealthy nodes in the kubernetes cluster: {', '.join(missing)} not installed"
                raise NodeFailure("NodeCreationFailure", message, instances)
        except NodeFailure as failure:
            log.exception("node group %s of cluster %s cannot be made", group.name, cluster.name)
            _fail(group, failure)
            group.view["status"] = "CREATE_FAILED"
        else:
            group.view["status"] = "ACTIVE"

    def _get(self, params: dict[str, Any]) -> tuple[Cluster, Nodegroup]:
        cluster, name = self._clusters.get(params["clusterName"]), params["nodegroupName"]
        if name not in cluster.nodegroups:
            message = f"No node group found for name: {name}."
            raise not_found(message, clusterName=cluster.name, nodegroupName=name)
        return cluster, cluster.nodegroups[name]

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """DescribeNodegroup."""
        return {"nodegroup": self._get(params)[1].view}

    def listed(self, params: dict[str, Any]) -> dict[str, Any]:
        """ListNodegroups."""
        return {"nodegroups": list(self._clusters.get(params["clusterName"]).nodegroups)}

    def _changeable(self, params: dict[str, Any]) -> tuple[Cluster, Nodegroup]:
        cluster, group = self._get(params)
        owner = {"nodegroupName": group.name}
        self._updates.check_free(cluster, **owner)
        if group.view["status"] not in ("ACTIVE", "DEGRADED"):
            raise in_use(
                "Nodegroup cannot be updated as it is currently not in Active State", clusterName=cluster.name, **owner
            )
        return cluster, group

    def update_config(self, params: dict[str, Any]) -> dict[str, Any]:
        """UpdateNodegroupConfig: sizes, labels, taints, how updates go."""
        cluster, group = self._changeable(params)
        view, begun = group.view, {}
        if "scalingConfig" in params:
            scaling = {**view["scalingConfig"], **params["scalingConfig"]}
            rules.check_scaling(scaling)
            view["scalingConfig"] = scaling
            begun |= {name[0].upper() + name[1:]: str(size) for name, size in scaling.items()}
        if labels := params.get("labels"):
            rules.check_labels(labels.get("addOrUpdateLabels", {}))
            kept = {key: value for key, value in view["labels"].items() if key not in labels.get("removeLabels", [])}
            view["labels"] = {**kept, **labels.get("addOrUpdateLabels", {})}
            begun["LabelsToAdd"] = str(labels.get("addOrUpdateLabels", {}))
        if taints := params.get("taints"):
            gone = [(each["key"], each["effect"]) for each in taints.get("removeTaints", [])]
            new = taints.get("addOrUpdateTaints", [])
            gone += [(each["key"], each["effect"]) for each in new]
            view["taints"] = [each for each in view["taints"] if (each["key"], each["effect"]) not in gone] + new
            begun["TaintsToAdd"] = str(new)
        for name in ("updateConfig", "nodeRepairConfig"):
            if name in params:
                view[name] = params[name]
                begun[name[0].upper() + name[1:]] = str(params[name])
        if not begun:
            raise invalid("No update parameters were specified", clusterName=cluster.name, nodegroupName=group.name)
        return self._begin(cluster, group, "ConfigUpdate", begun, lambda: self._nodes.scale(cluster, group))

    async def update_version(self, params: dict[str, Any]) -> dict[str, Any]:
        """UpdateNodegroupVersion: another template version or AMI release; every node is replaced."""
        cluster, group = self._changeable(params)
        view = group.view
        if "launchTemplate" in params:
            template = await self._lookups.template(params["launchTemplate"])
            named = view.get("launchTemplate")
            if named is None:
                raise invalid("You cannot specify a launch template for a node group that was made without one.")
            if template["LaunchTemplateId"] != named["id"]:
                raise invalid("Launch template ID cannot be changed.")
            data: dict[str, Any] = template["LaunchTemplateData"]
            rules.check_combination({"launchTemplate": params["launchTemplate"]}, data)
            if bool(data.get("ImageId")) != (view["amiType"] == "CUSTOM"):
                raise invalid("Your new launch template version must use a custom AMI exactly if the old one does.")
            if not data.get("ImageId"):
                node_configs(data.get("UserData", ""))
            view["launchTemplate"], group.template = _named(template), data
        version = params.get("version", cluster.view["version"] if "launchTemplate" not in params else view["version"])
        rules.check_version(version, cluster.view["version"])
        rules.check_version_change(view["version"], version)
        if view["amiType"] != "CUSTOM":
            view["version"] = version
            view["releaseVersion"] = params.get("releaseVersion", f"{VERSIONS[version].patch}-{AMI_RELEASE}")
        begun = {"Version": version, "ReleaseVersion": view["releaseVersion"]}
        if "launchTemplate" in view:
            begun["LaunchTemplateVersion"] = view["launchTemplate"]["version"]
        return self._begin(cluster, group, "VersionUpdate", begun, lambda: self._nodes.roll(cluster, group))

    def _begin(
        self,
        cluster: Cluster,
        group: Nodegroup,
        kind: str,
        begun: dict[str, str],
        work: Callable[[], Awaitable[None]],
    ) -> dict[str, Any]:
        async def change() -> None:
            try:
                await work()
            except NodeFailure as failure:
                _fail(group, failure)
                group.view["status"] = "DEGRADED"
                raise
            group.view["health"] = {"issues": []}
            group.view["modifiedAt"] = time.time()

        update = self._updates.begin(cluster, group.view, kind, begun, change, nodegroupName=group.name)
        return {"update": update}

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """DeleteNodegroup."""
        cluster, group = self._get(params)
        if group.view["status"] == "DELETING":
            message = f"Nodegroup {group.name} is already being deleted"
            raise in_use(message, clusterName=cluster.name, nodegroupName=group.name)
        self._updates.check_free(cluster, nodegroupName=group.name)
        group.view["status"] = "DELETING"
        bringing_up = group.task
        group.task = self._spawn(self._take_down(cluster, group, bringing_up))
        return {"nodegroup": dict(group.view)}

    async def _take_down(self, cluster: Cluster, group: Nodegroup, bringing_up: asyncio.Task[None] | None) -> None:
        if bringing_up and not bringing_up.done():
            bringing_up.cancel()
            await asyncio.gather(bringing_up, return_exceptions=True)
        try:
            nodes = list(group.nodes.values())
            await asyncio.gather(*(self._nodes.remove(cluster, group, node) for node in nodes))
        except (NodeFailure, AwsError) as error:
            log.exception("node group %s of cluster %s cannot be deleted", group.name, cluster.name)
            code = error.code if isinstance(error, NodeFailure) else "Ec2InstanceTypeDoesNotExist"
            _fail(group, NodeFailure(code, str(error), list(group.nodes)))
            group.view["status"] = "DELETE_FAILED"
            return
        # While the group is still told: whoever waits for its end may take the cluster next.
        await aws_auth.dismiss_nodes(cluster, group.view["nodeRole"])
        cluster.nodegroups.pop(group.name, None)
        self._access.dismiss_nodes(cluster, group.view["nodeRole"])

    async def instances_gone(self, ids: list[str]) -> None:
        """Somebody terminated instances: forget their nodes, and launch others in their place."""
        for cluster in self._clusters.all.values():
            for group in list(cluster.nodegroups.values()):
                gone = [group.nodes.pop(instance_id) for instance_id in ids if instance_id in group.nodes]
                if gone and group.view["status"] not in ("DELETING", "CREATING"):
                    self._spawn(self._replace(cluster, group, gone))

    async def _replace(self, cluster: Cluster, group: Nodegroup, gone: list[Any]) -> None:
        try:
            for node in gone:
                await self._nodes.forget(cluster, node)
            await self._nodes.scale(cluster, group)
        except NodeFailure as failure:
            _fail(group, failure)
            group.view["status"] = "DEGRADED"

    async def stop(self) -> None:
        """Break off whatever is in progress."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _named(template: dict[str, Any]) -> dict[str, str]:
    return {
        "id": template["LaunchTemplateId"],
        "name": template["LaunchTemplateName"],
        "version": str(template["VersionNumber"]),
    }


def _fail(group: Nodegroup, failure: NodeFailure) -> None:
    issue = {"code": failure.code, "message": str(failure), "resourceIds": failure.resources}
    group.view["health"] = {"issues": [issue]}
