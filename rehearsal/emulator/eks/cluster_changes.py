"""Changes of a cluster: UpdateClusterConfig and its like, one kind of change at a time."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.emulator.eks import validation
from rehearsal.emulator.eks.catalog import VERSIONS
from rehearsal.emulator.eks.clusters import ClusterOperations
from rehearsal.emulator.eks.logs import make_group
from rehearsal.emulator.eks.lookups import Lookups
from rehearsal.emulator.eks.nodegroup_rules import check_upgrade_of_cluster
from rehearsal.emulator.eks.state import Cluster, Clusters, bad_request, invalid
from rehearsal.emulator.eks.updates import Updates
from rehearsal.emulator.internal_calls import Calls

CHANGES: Final = {
    "logging": "LoggingUpdate",
    "resourcesVpcConfig": "EndpointAccessUpdate",
    "accessConfig": "AccessConfigUpdate",
    "deletionProtection": "DeletionProtectionUpdate",
    "upgradePolicy": "UpgradePolicyUpdate",
    "zonalShiftConfig": "ZonalShiftConfigUpdate",
}
"""UpdateClusterConfig's members that are played, and the type of update that each makes."""


class ClusterChanges:
    """EKS's operations that change a cluster."""

    def __init__(self, calls: Calls, clusters: Clusters, operations: ClusterOperations, updates: Updates) -> None:
        """`operations` does what a change needs done in the account."""
        self._calls = calls
        self._clusters = clusters
        self._operations = operations
        self._updates = updates
        self._lookups = Lookups(calls)

    async def update_config(self, params: dict[str, Any]) -> dict[str, Any]:
        """UpdateClusterConfig: one kind of change at a time."""
        cluster = self._clusters.active(params["name"])
        self._updates.check_free(cluster)
        wanted = [name for name in CHANGES if name in params]
        others = set(params) - {"name", "clientRequestToken", *wanted}
        if others:
            raise bad_request(f"The rehearsal does not play changes of {', '.join(sorted(others))}.")
        if len(wanted) != 1:
            raise invalid("Only one type of update can be allowed.", clusterName=cluster.name)
        change, value = wanted[0], params[wanted[0]]
        match change:
            case "logging":
                await self._operations.send_logs(cluster)
                self._updates.check_free(cluster)
                begun = self._change_logging(cluster, value)
            case "accessConfig":
                begun = self._change_access(cluster, value)
            case "resourcesVpcConfig":
                begun = await self._change_network(cluster, value)
            case "upgradePolicy":
                begun = self._change_upgrade_policy(cluster, value)
            case _:
                if cluster.view[change] == value:
                    raise invalid(f"Cluster is already at the desired configuration of {change}")
                cluster.view[change] = value
                begun = {change: str(value)}
        kind = "VpcConfigUpdate" if {"SubnetIds", "SecurityGroups"} & begun.keys() else CHANGES[change]

        async def write_logs() -> None:
            await make_group(self._calls, cluster)

        return {"update": self._updates.begin(cluster, cluster.view, kind, begun, write_logs)}

    def _change_logging(self, cluster: Cluster, value: dict[str, Any]) -> dict[str, str]:
        validation.check_logging(value)
        before = validation.enabled_logs(cluster.view)
        on = {kind for setup in value["clusterLogging"] if setup.get("enabled") for kind in setup["types"]}
        off = {kind for setup in value["clusterLogging"] if not setup.get("enabled") for kind in setup["types"]}
        after = (before | on) - off
        if after == before:
            raise invalid("No changes needed for the logging config provided", clusterName=cluster.name)
        cluster.view["logging"] = {"clusterLogging": validation.logging_view(after)}
        return {"ClusterLogging": json.dumps(cluster.view["logging"])}

    def _change_access(self, cluster: Cluster, value: dict[str, Any]) -> dict[str, str]:
        mode = value.get("authenticationMode", cluster.authentication_mode)
        validation.check_mode_change(cluster.authentication_mode, mode)
        if mode == cluster.authentication_mode:
            raise invalid(f"Cluster is already at authentication mode {mode}", clusterName=cluster.name)
        cluster.view["accessConfig"]["authenticationMode"] = mode
        return {"AuthenticationMode": mode}

    def _change_upgrade_policy(self, cluster: Cluster, value: dict[str, Any]) -> dict[str, str]:
        current = cluster.view["upgradePolicy"]["supportType"]
        validation.check_upgrade_policy(value, cluster.view["version"], datetime.now(UTC), current)
        wanted = value.get("supportType", current)
        if wanted == current:
            raise invalid(f"Cluster is already at the desired configuration of upgradePolicy: {current}")
        cluster.view["upgradePolicy"] = {"supportType": wanted}
        return {"UpgradePolicy": wanted}

    async def _change_network(self, cluster: Cluster, value: dict[str, Any]) -> dict[str, str]:
        config = cluster.view["resourcesVpcConfig"]
        begun: dict[str, str] = {}
        if {"subnetIds", "securityGroupIds"} & value.keys():
            subnets = await self._lookups.subnets(value.get("subnetIds", config["subnetIds"]))
            if validation.check_subnets(subnets) != config["vpcId"]:
                raise invalid("Subnets specified must belong to the cluster's VPC")
            groups = value.get("securityGroupIds", config["securityGroupIds"])
            await self._lookups.groups(groups, config["vpcId"])
            config["subnetIds"], config["securityGroupIds"] = [each["SubnetId"] for each in subnets], groups
            self._operations.detach(cluster)
            self._operations.attach(cluster, subnets)
            return {"SubnetIds": str(config["subnetIds"]), "SecurityGroups": str(groups)}
        public = value.get("endpointPublicAccess", config["endpointPublicAccess"])
        private = value.get("endpointPrivateAccess", config["endpointPrivateAccess"])
        cidrs = value.get("publicAccessCidrs", config["publicAccessCidrs"]) or ["0.0.0.0/0"]
        validation.check_endpoint(public, private, cidrs)
        after = {
            "endpointPublicAccess": public,
            "endpointPrivateAccess": private,
            "publicAccessCidrs": cidrs if public else [],
        }
        if all(_unordered(config[name]) == _unordered(setting) for name, setting in after.items()):
            raise invalid(
                f"Cluster is already at the desired configuration with endpointPrivateAccess: {private}, "
                f"endpointPublicAccess: {public}, and Public Endpoint Restrictions: {cidrs}",
                clusterName=cluster.name,
            )
        config |= after
        begun = {"EndpointPublicAccess": str(public).lower(), "EndpointPrivateAccess": str(private).lower()}
        return begun | {"PublicAccessCidrs": str(cidrs)}

    def update_version(self, params: dict[str, Any]) -> dict[str, Any]:
        """UpdateClusterVersion: to the next minor version, when the managed nodes have the present one."""
        cluster, wanted = self._clusters.active(params["name"]), params["version"]
        self._updates.check_free(cluster)
        validation.check_upgrade(cluster.view["version"], wanted)
        groups = {name: group.view["version"] for name, group in cluster.nodegroups.items()}
        check_upgrade_of_cluster(cluster.view["version"], groups)
        platform = VERSIONS[wanted].platform

        async def upgrade() -> None:
            if cluster.control_plane is None:
                raise ControlPlaneError(f"The control plane of {cluster.name} is not running.")
            if cluster.wrapped_key:
                # The new API server needs its data key again.
                await self._calls("kms", "Decrypt", CiphertextBlob=cluster.wrapped_key)
            await cluster.control_plane.upgrade(wanted)
            cluster.view["version"], cluster.view["platformVersion"] = wanted, platform

        begun = {"Version": wanted, "PlatformVersion": platform}
        return {"update": self._updates.begin(cluster, cluster.view, "VersionUpdate", begun, upgrade)}

    async def associate_encryption(self, params: dict[str, Any]) -> dict[str, Any]:
        """AssociateEncryptionConfig: once and for all."""
        cluster = self._clusters.active(params["clusterName"])
        self._updates.check_free(cluster)
        if cluster.view["encryptionConfig"]:
            message = f"Cluster {cluster.name} already has encryption configuration associated."
            raise bad_request(message, clusterName=cluster.name)
        configs = params["encryptionConfig"]
        if key := validation.check_encryption(configs):
            await self._lookups.key(key)
        cluster.view["encryptionConfig"] = configs
        begun = {"EncryptionConfig": json.dumps(configs)}
        return {"update": self._updates.begin(cluster, cluster.view, "AssociateEncryptionConfig", begun)}


def _unordered(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value
