"""EKS managed node groups.

Replacement, defaults and waits: Terraform AWS provider 6, resource aws_eks_node_group.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import given, pick
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.eks import EksResource, present, wait_status, wait_update
from rehearsal.providers.aws.naming import AutoName, with_prefix
from rehearsal.providers.properties import Properties


class NodeGroup(EksResource):
    """A managed node group. Its id is "cluster:name"."""

    pulumi_type = "aws:eks/nodeGroup:NodeGroup"
    inputs: ClassVar = {
        "clusterName": Input(replace=True),
        "nodeGroupName": Input(replace=True, computed=True),
        "nodeGroupNamePrefix": Input(replace=True, computed=True, unread=True),
        "nodeRoleArn": Input(replace=True),
        "subnetIds": Input(replace=True, unordered=True),
        "scalingConfig": Input(),
        "amiType": Input(replace=True, computed=True),
        "capacityType": Input(replace=True, computed=True),
        "diskSize": Input(replace=True, computed=True),
        "instanceTypes": Input(replace=True, computed=True),
        "labels": Input(),
        "launchTemplate": Input(partial=True, replace_members=frozenset({"id", "name"})),
        "nodeRepairConfig": Input(computed=True, partial=True),
        "releaseVersion": Input(computed=True),
        "remoteAccess": Input(replace=True, sets=frozenset({"sourceSecurityGroupIds"})),
        "taints": Input(unordered=True),
        "updateConfig": Input(computed=True, partial=True),
        "version": Input(computed=True),
        "forceUpdateVersion": Input(unread=True),
    }
    autoname = AutoName("nodeGroupName", prefix_property="nodeGroupNamePrefix")

    @override
    def make(self, call: Call) -> str:
        new = call.new
        name = new.get("nodeGroupName") or with_prefix(new["nodeGroupNamePrefix"])
        same = ("clusterName", "amiType", "capacityType", "diskSize", "instanceTypes", "labels", "launchTemplate")
        same += ("nodeRepairConfig", "releaseVersion", "scalingConfig", "tags", "taints", "updateConfig", "version")
        arguments = {**present(new, *same), "nodegroupName": name, "nodeRole": new["nodeRoleArn"]}
        arguments["subnets"] = new["subnetIds"]
        if new.get("remoteAccess"):
            access = new["remoteAccess"]
            arguments["remoteAccess"] = {
                **given(access, ec2SshKey="ec2SshKey", sourceSecurityGroupIds="sourceSecurityGroups")
            }
        made = call.eks.create_nodegroup(**arguments)["nodegroup"]
        return f"{made['clusterName']}:{made['nodegroupName']}"

    @staticmethod
    def _key(call: Call) -> dict[str, str]:
        cluster, _, name = call.id.partition(":")
        return {"clusterName": cluster, "nodegroupName": name}

    def _found(self, call: Call) -> dict[str, Any]:
        return call.eks.describe_nodegroup(**self._key(call))["nodegroup"]

    @override
    def settle(self, call: Call) -> None:
        what = f"EKS Node Group ({call.id})"
        wait_status(call, what, lambda: self._found(call), "ACTIVE", "CREATING", "UPDATING", minutes=60)

    @override
    def change(self, call: Call) -> None:
        new, changed, key = call.new, call.changed, self._key(call)

        def update(answer: dict[str, Any]) -> None:
            what = f"EKS Node Group ({call.id})"
            wait_update(call, what, answer, name=key["clusterName"], nodegroupName=key["nodegroupName"])

        if changed & {"launchTemplate", "releaseVersion", "version"}:
            arguments: dict[str, Any] = {**key, "force": bool(new.get("forceUpdateVersion"))}
            if new.get("launchTemplate"):
                arguments["launchTemplate"] = new["launchTemplate"]
            for name in ("releaseVersion", "version"):
                if name in changed and new.get(name):
                    arguments[name] = new[name]
            update(call.eks.update_nodegroup_version(**arguments))
        config: dict[str, Any] = {
            name: new[name]
            for name in ("scalingConfig", "updateConfig", "nodeRepairConfig")
            if name in changed and new.get(name)
        }
        config |= self._label_changes(call) | self._taint_changes(call)
        if config:
            update(call.eks.update_nodegroup_config(**key, **config))

    @staticmethod
    def _label_changes(call: Call) -> dict[str, Any]:
        if "labels" not in call.changed:
            return {}
        was, now = call.old.get("labels", {}), call.new.get("labels", {})
        put = {key: value for key, value in now.items() if was.get(key) != value}
        drop = sorted(was.keys() - now.keys())
        return {
            "labels": {
                **({"addOrUpdateLabels": put} if put else {}),
                **({"removeLabels": drop} if drop else {}),
            }
        }

    @staticmethod
    def _taint_changes(call: Call) -> dict[str, Any]:
        if "taints" not in call.changed:
            return {}
        was, now = call.old.get("taints", []), call.new.get("taints", [])
        put = [taint for taint in now if taint not in was]
        kept = {(taint["key"], taint["effect"]) for taint in now}
        drop = [taint for taint in was if (taint["key"], taint["effect"]) not in kept]
        return {
            "taints": {
                **({"addOrUpdateTaints": put} if put else {}),
                **({"removeTaints": drop} if drop else {}),
            }
        }

    @override
    def describe(self, call: Call) -> Properties | None:
        group = self._found(call)
        if group["status"] == "DELETING":
            return None
        names = ("clusterName", "amiType", "capacityType", "diskSize", "labels", "status", "version")
        access = group.get("remoteAccess")
        resources = group.get("resources", {})
        scaling = [{"name": item["name"]} for item in resources.get("autoScalingGroups", [])]
        return {
            **present(group, *names, "launchTemplate", "nodeRepairConfig", "releaseVersion", "scalingConfig"),
            **present(group, "instanceTypes", "updateConfig"),
            "arn": group["nodegroupArn"],
            "nodeGroupName": group["nodegroupName"],
            "nodeRoleArn": group["nodeRole"],
            "subnetIds": group["subnets"],
            "taints": [present(taint, "key", "value", "effect") for taint in group.get("taints", [])],
            "remoteAccess": pick(access, ec2SshKey="ec2SshKey", sourceSecurityGroupIds="sourceSecurityGroups")
            if access
            else None,
            "resources": [
                {
                    "autoscalingGroups": scaling,
                    "remoteAccessSecurityGroupId": resources.get("remoteAccessSecurityGroup", ""),
                }
            ],
            "tags": group.get("tags", {}),
        }

    @override
    def remove(self, call: Call) -> None:
        call.eks.delete_nodegroup(**self._key(call))
        call.wait_gone(f"EKS Node Group ({call.id})", lambda: self._found(call), minutes=60)
