"""Nodes of a managed node group: an instance each, and the Node that stands for it.

What the auto scaling group behind a node group does on AWS: launch instances
from the group's template, spread over its subnets, and replace what is gone.
"""

import asyncio
import hashlib
import ipaddress
from typing import Any

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.node_objects import NodeSpec
from rehearsal.emulator.ec2.instance_types import INSTANCE_TYPES
from rehearsal.emulator.eks.nodegroup_rules import spread, taints_of, to_remove
from rehearsal.emulator.eks.state import Cluster, Node, Nodegroup
from rehearsal.emulator.eks.user_data import max_pods, node_configs, node_labels
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls

READY_WITHIN = 60.0
"""Seconds that a node gets to become Ready; KWOK needs about one."""
LOOK_AGAIN = 0.2
"""Seconds between two looks at the nodes."""
PREFIXES = 4
"""Prefixes of 16 addresses that a node's interface gets for its pods. The VPC CNI asks for one after the other."""


class NodeFailure(Exception):
    """A node could not be made: EKS's issue code and a message."""

    def __init__(self, code: str, message: str, resources: list[str]) -> None:
        """`resources` are the instances it is about."""
        super().__init__(message)
        self.code = code
        self.resources = resources


def ami_id(region: str, version: str, ami_type: str) -> str:
    """A made-up id of the EKS optimized AMI, the same for the same image."""
    return f"ami-{hashlib.sha256(f'{region}/{version}/{ami_type}'.encode()).hexdigest()[:17]}"


class Nodes:
    """Launches, removes and replaces nodes."""

    def __init__(self, region: str, calls: Calls) -> None:
        """`calls` runs instances."""
        self._region = region
        self._calls = calls

    async def scale(self, cluster: Cluster, group: Nodegroup) -> None:
        """Make the group have as many nodes as it shall have; raises NodeFailure."""
        wanted = group.view["scalingConfig"]["desiredSize"]
        subnets: list[str] = group.view["subnets"]
        while len(group.nodes) > wanted:
            placed = {node.instance_id: node.subnet_id for node in group.nodes.values()}
            await self.remove(cluster, group, group.nodes[to_remove(subnets, placed)])
        placed_now = [node.subnet_id for node in group.nodes.values()]
        for _ in range(wanted - len(group.nodes)):
            placed_now.append(spread(subnets, placed_now))
        new = placed_now[len(group.nodes) :]
        made = await asyncio.gather(*(self._launch(cluster, group, subnet) for subnet in new), return_exceptions=True)
        for outcome in made:
            if isinstance(outcome, BaseException):
                raise outcome
        await self._wait_ready(cluster, [node for node in made if isinstance(node, Node)])

    async def roll(self, cluster: Cluster, group: Nodegroup) -> None:
        """Replace every node of another template version or another AMI; the new one comes first."""
        current = (_template_of(group), group.view["releaseVersion"])
        for old in [node for node in group.nodes.values() if (node.template, node.release) != current]:
            new = await self._launch(cluster, group, old.subnet_id)
            await self._wait_ready(cluster, [new])
            await self.remove(cluster, group, old)

    async def remove(self, cluster: Cluster, group: Nodegroup, node: Node) -> None:
        """Take a node and its instance away."""
        # First out of the group: its end is no reason to replace it.
        group.nodes.pop(node.instance_id, None)
        await self.forget(cluster, node)
        try:
            await self._calls("ec2", "TerminateInstances", InstanceIds=[node.instance_id])
        except AwsError as error:
            if error.code != "InvalidInstanceID.NotFound":
                raise

    async def forget(self, cluster: Cluster, node: Node) -> None:
        """Take a node away whose instance is gone."""
        if cluster.control_plane:
            try:
                await cluster.control_plane.remove_node(node.name)
            except ControlPlaneError as error:
                raise NodeFailure("ClusterUnreachable", str(error), [node.instance_id]) from error

    async def _launch(self, cluster: Cluster, group: Nodegroup, subnet_id: str) -> Node:
        instance = await self._run_instance(cluster, group, subnet_id)
        release = group.view["releaseVersion"]
        node = Node(instance["InstanceId"], instance["PrivateDnsName"], subnet_id, _template_of(group), release)
        group.nodes[node.instance_id] = node
        control_plane = cluster.control_plane
        if control_plane is None:
            raise NodeFailure("ClusterUnreachable", "The cluster's control plane is not running.", [node.instance_id])
        try:
            await control_plane.add_node(self._spec(group, instance, await self._pod_cidr(instance)))
        except ControlPlaneError as error:
            raise NodeFailure("NodeCreationFailure", str(error), [node.instance_id]) from error
        return node

    async def _run_instance(self, cluster: Cluster, group: Nodegroup, subnet_id: str) -> dict[str, Any]:
        view, template = group.view, group.template
        tags = {
            "aws:autoscaling:groupName": view["resources"]["autoScalingGroups"][0]["name"],
            "eks:cluster-name": cluster.name,
            "eks:nodegroup-name": group.name,
            f"kubernetes.io/cluster/{cluster.name}": "owned",
            "k8s.io/cluster-autoscaler/enabled": "true",
            f"k8s.io/cluster-autoscaler/{cluster.name}": "owned",
        }
        request: dict[str, Any] = {
            "MinCount": 1,
            "MaxCount": 1,
            "TagSpecifications": [
                {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            ],
        }
        if "launchTemplate" in view:
            version = view["launchTemplate"]["version"]
            request["LaunchTemplate"] = {"LaunchTemplateId": view["launchTemplate"]["id"], "Version": version}
        if not template.get("ImageId"):
            request["ImageId"] = ami_id(self._region, view["version"], view["amiType"])
        if not template.get("InstanceType"):
            request["InstanceType"] = view["instanceTypes"][0]
        interfaces = template.get("NetworkInterfaces", [])
        cluster_group = cluster.view["resourcesVpcConfig"]["clusterSecurityGroupId"]
        if interfaces:
            first = {**interfaces[0], "SubnetId": subnet_id}
            first.setdefault("Groups", [cluster_group])
            request["NetworkInterfaces"] = [first, *interfaces[1:]]
        else:
            request["SubnetId"] = subnet_id
            if not template.get("SecurityGroupIds"):
                request["SecurityGroupIds"] = [cluster_group]
        if not template.get("BlockDeviceMappings") and "diskSize" in view:
            ebs = {"VolumeSize": view["diskSize"], "VolumeType": "gp3"}
            request["BlockDeviceMappings"] = [{"DeviceName": "/dev/xvda", "Ebs": ebs}]
        if view["capacityType"] == "SPOT":
            request["InstanceMarketOptions"] = {"MarketType": "spot"}
        if key := (view.get("remoteAccess") or {}).get("ec2SshKey"):
            request["KeyName"] = key
        try:
            return (await self._calls("ec2", "RunInstances", **request))["Instances"][0]
        except AwsError as error:
            raise NodeFailure("AsgInstanceLaunchFailures", f"{error.code}: {error.message}", []) from error

    async def _pod_cidr(self, instance: dict[str, Any]) -> str:
        """The block that a node's pods get their addresses from, as prefixes of its interface; "" in a full subnet."""
        interface_id = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
        try:
            answer = await self._calls(
                "ec2", "AssignPrivateIpAddresses", NetworkInterfaceId=interface_id, Ipv4PrefixCount=PREFIXES
            )
        except AwsError as error:
            if error.code != "InsufficientCidrBlocks":
                raise NodeFailure("Ec2SubnetInvalidConfiguration", error.message, [instance["InstanceId"]]) from error
            return ""
        blocks = [ipaddress.IPv4Network(each["Ipv4Prefix"]) for each in answer["AssignedIpv4Prefixes"]]
        # One block that is no more than all of them, or the first: KWOK takes one alone.
        whole = list(ipaddress.collapse_addresses(blocks))
        return str(max(whole, key=lambda each: each.num_addresses))

    def _spec(self, group: Nodegroup, instance: dict[str, Any], pod_cidr: str) -> NodeSpec:
        view = group.view
        row = INSTANCE_TYPES[instance["InstanceType"]]
        configs = node_configs(group.template.get("UserData", ""))
        template_id, version = _template_of(group)
        root = [each for each in group.template.get("BlockDeviceMappings", []) if each["DeviceName"] == "/dev/xvda"]
        disk = root[0].get("Ebs", {}).get("VolumeSize", 20) if root else view.get("diskSize", 20)
        return NodeSpec(
            name=instance["PrivateDnsName"],
            instance_id=instance["InstanceId"],
            instance_type=row.name,
            zone=instance["Placement"]["AvailabilityZone"],
            region=self._region,
            internal_ip=instance["PrivateIpAddress"],
            external_ip=instance.get("PublicIpAddress", ""),
            external_dns=instance.get("PublicDnsName", ""),
            nodegroup=group.name,
            capacity_type=view["capacityType"],
            ami_id=instance["ImageId"],
            launch_template_id=template_id,
            launch_template_version=version,
            zone_id=instance["Placement"].get("AvailabilityZoneId", ""),
            max_pods=max_pods(configs, row.max_pods),
            cpu=row.vcpus,
            memory_mib=row.memory_mib,
            disk_gib=disk,
            version=view["version"],
            arch="arm64" if row.arch == "arm64" else "amd64",
            pod_cidr=pod_cidr,
            labels={**node_labels(configs), **view["labels"]},
            taints=taints_of(view),
        )

    async def _wait_ready(self, cluster: Cluster, nodes: list[Node]) -> None:
        wanted = {node.name for node in nodes}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_WITHIN
        while wanted:
            if cluster.control_plane is None:
                return
            try:
                wanted -= set(await cluster.control_plane.ready_nodes())
            except ControlPlaneError as error:
                failure = str(error)
            else:
                failure = "Unhealthy nodes in the kubernetes cluster"
            if wanted:
                if loop.time() > deadline:
                    failed = [node.instance_id for node in nodes if node.name in wanted]
                    raise NodeFailure("NodeCreationFailure", failure, failed)
                await asyncio.sleep(LOOK_AGAIN)


def _template_of(group: Nodegroup) -> tuple[str, str]:
    named = group.view.get("launchTemplate", {})
    return named.get("id", ""), named.get("version", "")
