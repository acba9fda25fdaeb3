"""EKS clusters and managed node groups.

Replacement, defaults and waits: Terraform AWS provider 6, resources
aws_eks_cluster and aws_eks_node_group.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.plugins.aws.base import AwsResource, Strings
from rehearsal.plugins.aws.compare import Input
from rehearsal.plugins.aws.connection import Call
from rehearsal.plugins.aws.iam_roles import timestamp
from rehearsal.plugins.aws.naming import AutoName, with_prefix
from rehearsal.plugins.aws.shapes import given, pick
from rehearsal.plugins.properties import Change, Properties
from rehearsal.plugins.protocol import ProviderError, State

_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_ENDPOINT_MEMBERS = ("endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs")
_NETWORK_MEMBERS = ("subnetIds", "securityGroupIds")
PARTIAL = Input(computed=True, partial=True)


class EksResource(AwsResource):
    """A resource of EKS's API whose tags hang on its ARN."""

    arn_property: ClassVar[str] = "arn"

    @override
    def retag(self, call: Call, put: Strings, drop: list[str]) -> None:
        arn = call.outputs[self.arn_property]
        if drop:
            call.eks.untag_resource(resourceArn=arn, tagKeys=drop)
        if put:
            call.eks.tag_resource(resourceArn=arn, tags=put)


def issues(health: dict[str, Any]) -> str:
    """What EKS says is wrong: "code: message" of each issue."""
    return "; ".join(f"{issue.get('code')}: {issue.get('message')}" for issue in health.get("issues", []))


def wait_status(call: Call, what: str, describe: Any, wanted: str, *pending: str, minutes: float) -> None:
    """Wait until `describe()["status"]` is the wanted one; another than those pending is a failure."""

    def poll() -> bool | None:
        found = describe()
        status = found["status"]
        if status != wanted and status not in pending:
            raise ProviderError(
                f"unexpected state '{status}', wanted target '{wanted}': {issues(found.get('health', {}))}"
            )
        return True if status == wanted else None

    call.wait(f"{what} to become {wanted}", poll, minutes=minutes)


def wait_update(call: Call, what: str, answer: dict[str, Any], **which: str) -> None:
    """Wait until the update that EKS answered with has succeeded. `which` names add-on or node group."""
    update = answer["update"]

    def poll() -> bool | None:
        found = call.eks.describe_update(updateId=update["id"], **which)["update"]
        if found["status"] in ("Failed", "Cancelled"):
            reasons = [f"{e.get('errorCode')}: {e.get('errorMessage')}" for e in found.get("errors", [])]
            raise ProviderError(f"update {found['type']} of {what} is {found['status']}: {'; '.join(reasons)}")
        return True if found["status"] == "Successful" else None

    call.wait(f"{what} to be updated", poll, minutes=60)


class Cluster(EksResource):
    """An EKS cluster. Its id is its name."""

    pulumi_type = "aws:eks/cluster:Cluster"
    inputs: ClassVar = {
        "name": Input(replace=True, computed=True),
        "roleArn": Input(replace=True),
        "version": Input(computed=True),
        "vpcConfig": Input(
            partial=True,
            member_defaults={"endpointPrivateAccess": False, "endpointPublicAccess": True},
            sets=frozenset({"publicAccessCidrs", "securityGroupIds", "subnetIds"}),
            plays=frozenset({*_ENDPOINT_MEMBERS, *_NETWORK_MEMBERS}),
        ),
        "accessConfig": Input(
            computed=True,
            partial=True,
            member_defaults={"bootstrapClusterCreatorAdminPermissions": True},
            replace_members=frozenset({"bootstrapClusterCreatorAdminPermissions"}),
        ),
        "kubernetesNetworkConfig": Input(
            computed=True,
            partial=True,
            plays=frozenset({"ipFamily", "serviceIpv4Cidr"}),
            replace_members=frozenset({"ipFamily", "serviceIpv4Cidr"}),
        ),
        "encryptionConfig": Input(sets=frozenset({"resources"})),
        "enabledClusterLogTypes": Input(unordered=True),
        "bootstrapSelfManagedAddons": Input(replace=True, default=True, unread=True),
        "upgradePolicy": PARTIAL,
        "deletionProtection": Input(computed=True),
        "forceUpdateVersion": Input(unread=True),
        "defaultAddonsToRemoves": Input(unread=True),
    }
    autoname = AutoName(prefix_property="name")

    @override
    def replaces(self, change: Change, spec: Input, old: State) -> bool:
        """Envelope encryption cannot be taken off again."""
        if change.path == ("encryptionConfig",) and change.kind == "delete":
            return True
        return super().replaces(change, spec, old)

    @override
    def make(self, call: Call) -> str:
        new = call.new
        arguments: dict[str, Any] = {
            "resourcesVpcConfig": _members(new["vpcConfig"], *_ENDPOINT_MEMBERS, *_NETWORK_MEMBERS),
            "bootstrapSelfManagedAddons": new["bootstrapSelfManagedAddons"],
            "logging": _logging(new.get("enabledClusterLogTypes", [])),
            "tags": new["tags"],
        }
        same = ("name", "roleArn", "version", "accessConfig", "upgradePolicy", "deletionProtection")
        arguments |= {name: new[name] for name in same if new.get(name) is not None}
        if "kubernetesNetworkConfig" in new:
            arguments["kubernetesNetworkConfig"] = _members(
                new["kubernetesNetworkConfig"], "ipFamily", "serviceIpv4Cidr"
            )
        if new.get("encryptionConfig"):
            arguments["encryptionConfig"] = [new["encryptionConfig"]]
        return call.eks.create_cluster(**arguments)["cluster"]["name"]

    def _found(self, call: Call) -> dict[str, Any]:
        return call.eks.describe_cluster(name=call.id)["cluster"]

    @override
    def settle(self, call: Call) -> None:
        what = f"EKS Cluster ({call.id})"
        pending = ("CREATING", "UPDATING", "PENDING")
        wait_status(call, what, lambda: self._found(call), "ACTIVE", *pending, minutes=30)

    @override
    def change(self, call: Call) -> None:
        new, changed, cluster = call.new, call.changed, {"name": call.id}

        def update(answer: dict[str, Any]) -> None:
            wait_update(call, f"EKS Cluster ({call.id})", answer, name=call.id)

        if "version" in changed and new.get("version"):
            force = {"force": True} if new.get("forceUpdateVersion") else {}
            update(call.eks.update_cluster_version(**cluster, version=new["version"], **force))
        if "accessConfig" in changed and new.get("accessConfig", {}).get("authenticationMode"):
            mode = _members(new["accessConfig"], "authenticationMode")
            update(call.eks.update_cluster_config(**cluster, accessConfig=mode))
        if "encryptionConfig" in changed:
            update(
                call.eks.associate_encryption_config(clusterName=call.id, encryptionConfig=[new["encryptionConfig"]])
            )
        if "enabledClusterLogTypes" in changed:
            logging = _logging(new.get("enabledClusterLogTypes", []))
            update(call.eks.update_cluster_config(**cluster, logging=logging))
        for name in ("upgradePolicy", "deletionProtection"):
            if name in changed and new.get(name) is not None:
                update(call.eks.update_cluster_config(**cluster, **{name: new[name]}))
        if "vpcConfig" in changed:
            for members in (_ENDPOINT_MEMBERS, _NETWORK_MEMBERS):
                self._change_network(call, members, update)

    def _change_network(self, call: Call, members: tuple[str, ...], update: Any) -> None:
        defaults = self.inputs["vpcConfig"].member_defaults
        was, now = {**defaults, **call.old["vpcConfig"]}, {**defaults, **call.new["vpcConfig"]}
        if any(_comparable(was.get(name)) != _comparable(now.get(name)) for name in members):
            config = _members(now, *members)
            update(call.eks.update_cluster_config(name=call.id, resourcesVpcConfig=config))

    @override
    def describe(self, call: Call) -> Properties | None:
        cluster = self._found(call)
        enabled = [
            kind
            for logging in cluster.get("logging", {}).get("clusterLogging", [])
            if logging.get("enabled")
            for kind in logging.get("types", [])
        ]
        encryption = cluster.get("encryptionConfig") or []
        issuer = cluster.get("identity", {}).get("oidc", {}).get("issuer")
        names = ("arn", "name", "roleArn", "version", "endpoint", "platformVersion", "status")
        return {
            **_members(cluster, *names, "accessConfig", "upgradePolicy"),
            "clusterId": cluster.get("id", ""),
            "createdAt": timestamp(cluster.get("createdAt")),
            "certificateAuthority": cluster.get("certificateAuthority"),
            "identities": [{"oidcs": [{"issuer": issuer}]}] if issuer else [],
            "vpcConfig": cluster["resourcesVpcConfig"],
            "kubernetesNetworkConfig": cluster.get("kubernetesNetworkConfig"),
            "encryptionConfig": encryption[0] if encryption else None,
            "enabledClusterLogTypes": sorted(enabled),
            "deletionProtection": cluster.get("deletionProtection", False),
            "tags": cluster.get("tags", {}),
        }

    @override
    def remove(self, call: Call) -> None:
        call.eks.delete_cluster(name=call.id)
        call.wait_gone(f"EKS Cluster ({call.id})", lambda: self._found(call), minutes=15)


def _members(source: Properties, *names: str) -> Properties:
    return {name: source[name] for name in names if source.get(name) is not None}


def _comparable(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def _logging(enabled: list[str]) -> dict[str, Any]:
    off = [kind for kind in _LOG_TYPES if kind not in enabled]
    entries = [{"types": sorted(enabled), "enabled": True}] if enabled else []
    return {"clusterLogging": [*entries, *([{"types": off, "enabled": False}] if off else [])]}


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
        "nodeRepairConfig": PARTIAL,
        "releaseVersion": Input(computed=True),
        "remoteAccess": Input(replace=True, sets=frozenset({"sourceSecurityGroupIds"})),
        "taints": Input(unordered=True),
        "updateConfig": PARTIAL,
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
        arguments = {**_members(new, *same), "nodegroupName": name, "nodeRole": new["nodeRoleArn"]}
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
            **_members(group, *names, "launchTemplate", "nodeRepairConfig", "releaseVersion", "scalingConfig"),
            **_members(group, "instanceTypes", "updateConfig"),
            "arn": group["nodegroupArn"],
            "nodeGroupName": group["nodegroupName"],
            "nodeRoleArn": group["nodeRole"],
            "subnetIds": group["subnets"],
            "taints": [_members(taint, "key", "value", "effect") for taint in group.get("taints", [])],
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
