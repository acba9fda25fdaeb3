"""EKS clusters.

Replacement, defaults and waits: Terraform AWS provider 6, resource aws_eks_cluster.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.eks import EksResource, present, wait_status, wait_update
from rehearsal.providers.aws.iam_roles import timestamp
from rehearsal.providers.aws.naming import AutoName
from rehearsal.providers.properties import Change, Properties
from rehearsal.providers.protocol import State

_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_ENDPOINT_MEMBERS = ("endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs")
_NETWORK_MEMBERS = ("subnetIds", "securityGroupIds")


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
        "upgradePolicy": Input(computed=True, partial=True),
        "deletionProtection": Input(computed=True),
        "forceUpdateVersion": Input(unread=True),
        "defaultAddonsToRemoves": Input(unread=True),
    }
    autoname = AutoName(prefix_property="name")

    @override
    def replaces(self, change: Change, spec: Input, old: State, new: Properties) -> bool:
        """Envelope encryption cannot be taken off again."""
        if change.path == ("encryptionConfig",) and change.kind == "delete":
            return True
        return super().replaces(change, spec, old, new)

    @override
    def make(self, call: Call) -> str:
        new = call.new
        arguments: dict[str, Any] = {
            "resourcesVpcConfig": present(new["vpcConfig"], *_ENDPOINT_MEMBERS, *_NETWORK_MEMBERS),
            "bootstrapSelfManagedAddons": new["bootstrapSelfManagedAddons"],
            "logging": _logging(new.get("enabledClusterLogTypes", [])),
            "tags": new["tags"],
        }
        same = ("name", "roleArn", "version", "accessConfig", "upgradePolicy", "deletionProtection")
        arguments |= {name: new[name] for name in same if new.get(name) is not None}
        if "kubernetesNetworkConfig" in new:
            arguments["kubernetesNetworkConfig"] = present(
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
            mode = present(new["accessConfig"], "authenticationMode")
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
            config = present(now, *members)
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
            **present(cluster, *names, "accessConfig", "upgradePolicy"),
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


def _comparable(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def _logging(enabled: list[str]) -> dict[str, Any]:
    off = [kind for kind in _LOG_TYPES if kind not in enabled]
    entries = [{"types": sorted(enabled), "enabled": True}] if enabled else []
    return {"clusterLogging": [*entries, *([{"types": off, "enabled": False}] if off else [])]}
