"""Access entries and their access policies: EKS's own list of who may enter a cluster."""

import time
import uuid
from typing import Any, Final

from rehearsal.emulator.eks import access_rules
from rehearsal.emulator.eks.access_policies import ARN_PREFIX, POLICIES
from rehearsal.emulator.eks.access_rules import NODE_TYPES
from rehearsal.emulator.eks.iam_authenticator import canonical_arn
from rehearsal.emulator.eks.lookups import Lookups
from rehearsal.emulator.eks.state import AccessEntry, Cluster, Clusters, bad_request, in_use, not_found
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Caller
from rehearsal.emulator.settings import Settings

ADMIN_POLICY: Final = f"{ARN_PREFIX}AmazonEKSClusterAdminPolicy"


class Access:
    """EKS's operations on access entries and access policies."""

    def __init__(self, settings: Settings, calls: Calls, clusters: Clusters) -> None:
        """`calls` looks principals up."""
        self._settings = settings
        self._lookups = Lookups(calls)
        self._clusters = clusters

    async def admit_creator(self, cluster: Cluster, caller: Caller) -> None:
        """Make whoever creates a cluster its administrator, by an entry when entries are in use."""
        principal_id = caller.principal_id.partition(":")[0]
        if cluster.authentication_mode == "CONFIG_MAP":
            cluster.hidden_admin = principal_id
            return
        arn = canonical_arn(caller.arn)
        entry = AccessEntry(self._view(cluster.name, arn, {"type": "STANDARD"}), principal_id)
        entry.policies[ADMIN_POLICY] = _association(ADMIN_POLICY, {"type": "cluster", "namespaces": []})
        cluster.entries[arn] = entry

    async def admit_nodes(self, cluster: Cluster, role_arn: str) -> None:
        """Make the entry of a managed node group's role, unless there is one."""
        if cluster.authentication_mode == "CONFIG_MAP" or role_arn in cluster.entries:
            return
        principal_id = await self._lookups.principal_id(role_arn, self._settings.account_id)
        view = self._view(cluster.name, role_arn, {"type": "EC2_LINUX"})
        cluster.entries[role_arn] = AccessEntry(view, principal_id, made_by_eks=True)

    def dismiss_nodes(self, cluster: Cluster, role_arn: str) -> None:
        """Take that entry away with the last node group of the role, if EKS had made it."""
        entry = cluster.entries.get(role_arn)
        if entry and entry.made_by_eks and not cluster.has_nodes_of(role_arn):
            del cluster.entries[role_arn]

    def _cluster(self, name: str) -> Cluster:
        cluster = self._clusters.active(name)
        if cluster.authentication_mode == "CONFIG_MAP":
            raise bad_request(
                "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this "
                "operation.",
                clusterName=name,
            )
        return cluster

    def _entry(self, params: dict[str, Any]) -> AccessEntry:
        cluster, principal = self._cluster(params["clusterName"]), params["principalArn"]
        access_rules.check_principal_format(principal)
        if principal not in cluster.entries:
            message = "The specified principalArn could not be found. You can view your available access entries with "
            raise not_found(f"{message}'list-access-entries'.", clusterName=cluster.name)
        return cluster.entries[principal]

    def _view(self, cluster_name: str, principal: str, params: dict[str, Any]) -> dict[str, Any]:
        kind = params.get("type", "STANDARD")
        resource = principal.rsplit(":", 1)[-1]
        sort, name = resource.split("/", 1)[0], resource.rsplit("/", 1)[-1]
        account, region = self._settings.account_id, self._settings.region
        owner = principal.split(":")[4]
        path = f"access-entry/{cluster_name}/{sort}/{owner}/{name}/{uuid.uuid4()}"
        now = time.time()
        return {
            "clusterName": cluster_name,
            "principalArn": principal,
            "kubernetesGroups": ["system:nodes"] if kind in NODE_TYPES else params.get("kubernetesGroups", []),
            "accessEntryArn": f"arn:aws:eks:{region}:{account}:{path}",
            "createdAt": now,
            "modifiedAt": now,
            "tags": params.get("tags", {}),
            "username": params.get("username") or _username(principal, kind),
            "type": kind,
        }

    async def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """CreateAccessEntry."""
        cluster, principal = self._cluster(params["clusterName"]), params["principalArn"]
        kind = params.get("type", "STANDARD")
        access_rules.check_type(kind)
        access_rules.check_principal(principal, kind, self._settings.account_id)
        access_rules.check_names(kind, params)
        if principal in cluster.entries:
            message = "The specified access entry resource is already in use on this cluster."
            raise in_use(message, clusterName=cluster.name)
        principal_id = await self._lookups.principal_id(principal, self._settings.account_id)
        if principal in cluster.entries:
            # Somebody else's request came first while the principal was looked up.
            message = "The specified access entry resource is already in use on this cluster."
            raise in_use(message, clusterName=cluster.name)
        entry = AccessEntry(self._view(cluster.name, principal, params), principal_id)
        cluster.entries[principal] = entry
        return {"accessEntry": entry.view}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """DescribeAccessEntry."""
        return {"accessEntry": self._entry(params).view}

    def listed(self, params: dict[str, Any]) -> dict[str, Any]:
        """ListAccessEntries."""
        cluster, policy = self._cluster(params["clusterName"]), params.get("associatedPolicyArn")
        entries = [arn for arn, entry in cluster.entries.items() if policy is None or policy in entry.policies]
        return {"accessEntries": entries}

    def update(self, params: dict[str, Any]) -> dict[str, Any]:
        """UpdateAccessEntry."""
        entry = self._entry(params)
        access_rules.check_names(entry.view["type"], params)
        for name in ("kubernetesGroups", "username"):
            if name in params:
                entry.view[name] = params[name]
        entry.view["modifiedAt"] = time.time()
        return {"accessEntry": entry.view}

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """DeleteAccessEntry."""
        self._entry(params)
        del self._clusters.get(params["clusterName"]).entries[params["principalArn"]]
        return {}

    def associate(self, params: dict[str, Any]) -> dict[str, Any]:
        """AssociateAccessPolicy."""
        entry, policy = self._entry(params), params["policyArn"]
        scope = {"namespaces": [], **params["accessScope"]}
        access_rules.check_policy(entry.view["type"], policy, scope)
        before = entry.policies.get(policy)
        entry.policies[policy] = _association(policy, scope)
        if before:
            entry.policies[policy]["associatedAt"] = before["associatedAt"]
        return {
            "clusterName": params["clusterName"],
            "principalArn": params["principalArn"],
            "associatedAccessPolicy": entry.policies[policy],
        }

    def disassociate(self, params: dict[str, Any]) -> dict[str, Any]:
        """DisassociateAccessPolicy."""
        entry = self._entry(params)
        if params["policyArn"] not in entry.policies:
            raise not_found(f"The access policy {params['policyArn']} is not associated with the access entry.")
        del entry.policies[params["policyArn"]]
        return {}

    def list_associated(self, params: dict[str, Any]) -> dict[str, Any]:
        """ListAssociatedAccessPolicies."""
        return {
            "clusterName": params["clusterName"],
            "principalArn": params["principalArn"],
            "associatedAccessPolicies": list(self._entry(params).policies.values()),
        }

    def list_policies(self) -> dict[str, Any]:
        """ListAccessPolicies."""
        return {"accessPolicies": [{"name": name, "arn": f"{ARN_PREFIX}{name}"} for name in sorted(POLICIES)]}


def _username(principal: str, kind: str) -> str:
    """The name that EKS gives (User Guide, "Create access entries")."""
    if kind in NODE_TYPES:
        return "system:node:{{EC2PrivateDNSName}}"
    parts = principal.split(":")
    if parts[5].startswith("role/"):
        return f"arn:{parts[1]}:sts::{parts[4]}:assumed-role/{parts[5].rsplit('/', 1)[-1]}/{{{{SessionName}}}}"
    return principal


def _association(policy: str, scope: dict[str, Any]) -> dict[str, Any]:
    now = time.time()
    return {"policyArn": policy, "accessScope": scope, "associatedAt": now, "modifiedAt": now}
