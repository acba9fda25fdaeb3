"""What is attached to an EKS cluster: add-ons, access entries and their policies, pod identities.

Replacement, defaults and waits: Terraform AWS provider 6, resources
aws_eks_addon, aws_eks_access_entry, aws_eks_access_policy_association,
aws_eks_pod_identity_association.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.boto_calls import Call, is_gone
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.eks import EksResource, issues, present, wait_update
from rehearsal.providers.aws.iam_roles import timestamp
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import CheckFailure, ProviderError

# The real provider lets an add-on be DEGRADED for the whole 20 minutes that it waits, as its pods
# may find a node yet. Here nodes are there in seconds or not at all.
DEGRADED_SECONDS = 60


class Addon(EksResource):
    """An EKS add-on. Its id is "cluster:name"."""

    pulumi_type = "aws:eks/addon:Addon"
    inputs: ClassVar = {
        "clusterName": Input(replace=True),
        "addonName": Input(replace=True),
        "addonVersion": Input(computed=True),
        "configurationValues": Input(computed=True, document=True),
        "podIdentityAssociations": Input(unordered=True),
        "serviceAccountRoleArn": Input(),
        "preserve": Input(unread=True),
        "resolveConflictsOnCreate": Input(unread=True),
        "resolveConflictsOnUpdate": Input(unread=True),
    }
    _SETTINGS = ("addonVersion", "configurationValues", "podIdentityAssociations", "serviceAccountRoleArn")

    @override
    def make(self, call: Call) -> str:
        new = call.new
        made = call.eks.create_addon(
            **present(new, "clusterName", "addonName", "tags", *self._SETTINGS),
            **self._conflicts(new, "resolveConflictsOnCreate"),
        )["addon"]
        return f"{made['clusterName']}:{made['addonName']}"

    @staticmethod
    def _conflicts(new: Properties, name: str) -> dict[str, str]:
        return {"resolveConflicts": new[name]} if new.get(name) else {}

    @staticmethod
    def _key(call: Call) -> dict[str, str]:
        cluster, _, name = call.id.partition(":")
        return {"clusterName": cluster, "addonName": name}

    def _found(self, call: Call) -> dict[str, Any]:
        return call.eks.describe_addon(**self._key(call))["addon"]

    @override
    def settle(self, call: Call) -> None:
        degraded_since: list[float] = []

        def poll() -> bool | None:
            addon = self._found(call)
            status = addon["status"]
            if status == "DEGRADED":
                degraded_since.append(time.monotonic())
                if time.monotonic() - degraded_since[0] < DEGRADED_SECONDS:
                    return None
            elif status in ("CREATING", "UPDATING"):
                degraded_since.clear()
                return None
            if status != "ACTIVE":
                raise ProviderError(
                    f"unexpected state '{status}', wanted target 'ACTIVE': {issues(addon.get('health', {}))}"
                )
            return True

        call.wait(f"EKS Add-On ({call.id}) to become ACTIVE", poll, minutes=20)

    @override
    def change(self, call: Call) -> None:
        new, changed = call.new, call.changed
        if not changed.intersection(self._SETTINGS):
            return
        key = self._key(call)
        arguments = present(new, *(name for name in self._SETTINGS if name in changed))
        if "podIdentityAssociations" in changed:
            arguments["podIdentityAssociations"] = new.get("podIdentityAssociations", [])
        # EKS takes a role away unless it is said again.
        arguments |= present(new, "serviceAccountRoleArn")
        answer = call.eks.update_addon(**key, **arguments, **self._conflicts(new, "resolveConflictsOnUpdate"))
        wait_update(
            call,
            f"EKS Add-On ({call.id})",
            answer,
            name=key["clusterName"],
            addonName=key["addonName"],
        )

    @override
    def describe(self, call: Call) -> Properties | None:
        addon = self._found(call)
        associations = [
            self._association(call, addon["clusterName"], arn) for arn in addon.get("podIdentityAssociations", [])
        ]
        return {
            **present(addon, "clusterName", "addonName", "addonVersion"),
            "configurationValues": addon.get("configurationValues", ""),
            "serviceAccountRoleArn": addon.get("serviceAccountRoleArn", ""),
            "podIdentityAssociations": associations,
            "arn": addon["addonArn"],
            "createdAt": timestamp(addon.get("createdAt")),
            "modifiedAt": timestamp(addon.get("modifiedAt")),
            "tags": addon.get("tags", {}),
        }

    @staticmethod
    def _association(call: Call, cluster: str, arn: str) -> Properties:
        found = call.eks.describe_pod_identity_association(clusterName=cluster, associationId=arn.rpartition("/")[2])[
            "association"
        ]
        return present(found, "roleArn", "serviceAccount")

    @override
    def remove(self, call: Call) -> None:
        preserve = {"preserve": True} if call.known.get("preserve") else {}
        call.eks.delete_addon(**self._key(call), **preserve)
        call.wait_gone(f"EKS Add-On ({call.id})", lambda: self._found(call), minutes=40)


class AccessEntry(EksResource):
    """Who may enter a cluster. Its id is "cluster:principal ARN"."""

    pulumi_type = "aws:eks/accessEntry:AccessEntry"
    arn_property = "accessEntryArn"
    inputs: ClassVar = {
        "clusterName": Input(replace=True),
        "principalArn": Input(replace=True),
        "kubernetesGroups": Input(computed=True, unordered=True),
        "type": Input(replace=True, default="STANDARD"),
        "userName": Input(computed=True),
    }

    @staticmethod
    def _key(call: Call) -> dict[str, str]:
        cluster, _, principal = call.id.partition(":")
        return {"clusterName": cluster, "principalArn": principal}

    @staticmethod
    def _names(new: Properties) -> Properties:
        user = {"username": new["userName"]} if new.get("userName") else {}
        return {**present(new, "kubernetesGroups"), **user}

    @override
    def make(self, call: Call) -> str:
        new = call.new
        made = call.eks.create_access_entry(
            **present(new, "clusterName", "principalArn", "tags", "type"), **self._names(new)
        )["accessEntry"]
        return f"{made['clusterName']}:{made['principalArn']}"

    @override
    def change(self, call: Call) -> None:
        call.eks.update_access_entry(**self._key(call), **self._names(call.new))

    @override
    def describe(self, call: Call) -> Properties | None:
        entry = call.eks.describe_access_entry(**self._key(call))["accessEntry"]
        return {
            **present(entry, "clusterName", "principalArn", "type", "accessEntryArn"),
            "kubernetesGroups": entry.get("kubernetesGroups", []),
            "userName": entry.get("username", ""),
            "createdAt": timestamp(entry.get("createdAt")),
            "modifiedAt": timestamp(entry.get("modifiedAt")),
            "tags": entry.get("tags", {}),
        }

    @override
    def remove(self, call: Call) -> None:
        call.eks.delete_access_entry(**self._key(call))


class AccessPolicyAssociation(EksResource):
    """What an access entry allows. Its id is "cluster#principal ARN#policy ARN"."""

    pulumi_type = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
    inputs: ClassVar = {
        "clusterName": Input(replace=True),
        "principalArn": Input(replace=True),
        "policyArn": Input(replace=True),
        "accessScope": Input(replace=True, sets=frozenset({"namespaces"})),
    }

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        kind = new["accessScope"].get("type") if isinstance(new["accessScope"], dict) else "cluster"
        if isinstance(kind, str) and kind not in ("cluster", "namespace"):
            failures.append(
                CheckFailure("accessScope.type", f'expected to be one of ["cluster" "namespace"], got {kind}')
            )

    @staticmethod
    def _key(call: Call) -> dict[str, str]:
        cluster, principal, policy = call.id.split("#")
        return {"clusterName": cluster, "principalArn": principal, "policyArn": policy}

    @override
    def make(self, call: Call) -> str:
        new = call.new
        call.eks.associate_access_policy(**present(new, "clusterName", "principalArn", "policyArn", "accessScope"))
        return f"{new['clusterName']}#{new['principalArn']}#{new['policyArn']}"

    @override
    def describe(self, call: Call) -> Properties | None:
        key = self._key(call)
        policy = key.pop("policyArn")
        listed = call.all_pages("eks", "list_associated_access_policies", "associatedAccessPolicies", **key)
        found: dict[str, Any] | None = next((p for p in listed if p["policyArn"] == policy), None)
        if found is None:
            return None
        scope = found["accessScope"]
        return {
            **key,
            "policyArn": policy,
            "accessScope": {"type": scope["type"], "namespaces": scope.get("namespaces", [])},
            "associatedAt": timestamp(found.get("associatedAt")),
            "modifiedAt": timestamp(found.get("modifiedAt")),
        }

    @override
    def remove(self, call: Call) -> None:
        call.eks.disassociate_access_policy(**self._key(call))


class PodIdentityAssociation(EksResource):
    """Which role the pods of a service account get. Its id is EKS's own, which does not tell the cluster."""

    pulumi_type = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
    arn_property = "associationArn"
    inputs: ClassVar = {
        "clusterName": Input(replace=True),
        "namespace": Input(replace=True),
        "serviceAccount": Input(replace=True),
        "roleArn": Input(),
        "targetRoleArn": Input(),
        "disableSessionTags": Input(computed=True),
    }

    @override
    def make(self, call: Call) -> str:
        names = ("clusterName", "namespace", "serviceAccount", "roleArn", "tags")
        made = call.eks.create_pod_identity_association(
            **present(call.new, *names, "targetRoleArn", "disableSessionTags")
        )
        return made["association"]["associationId"]

    @override
    def change(self, call: Call) -> None:
        call.eks.update_pod_identity_association(
            clusterName=call.known["clusterName"],
            associationId=call.id,
            **present(call.new, "roleArn", "targetRoleArn", "disableSessionTags"),
        )

    @override
    def describe(self, call: Call) -> Properties | None:
        cluster = call.known.get("clusterName")
        for name in [cluster] if cluster else call.all_pages("eks", "list_clusters", "clusters"):
            try:
                found = call.eks.describe_pod_identity_association(clusterName=name, associationId=call.id)
            except Exception as error:
                if is_gone(error):
                    continue
                raise
            association = found["association"]
            names = ("clusterName", "namespace", "serviceAccount", "roleArn", "associationArn", "associationId")
            return {
                **present(association, *names),
                "targetRoleArn": association.get("targetRoleArn", ""),
                "externalId": association.get("externalId", ""),
                "disableSessionTags": association.get("disableSessionTags", False),
                "tags": association.get("tags", {}),
            }
        return None

    @override
    def remove(self, call: Call) -> None:
        call.eks.delete_pod_identity_association(clusterName=call.known["clusterName"], associationId=call.id)
