"""Who may enter the cluster: aws-auth and access entries, and which of them a mode allows.

The rules and their words are those of pulumi-eks 4.4.0
(nodejs/eks/cluster/authenticationMode.ts); the one about `system:` groups is
EKS's own, checked here so that a preview finds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
import yaml

from rehearsal.providers.eks.children import Child, Inputs
from rehearsal.providers.protocol import ProviderError

MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")


def supports_config_map(mode: str | None) -> bool:
    """Whether the ConfigMap aws-auth counts. Without a mode it does."""
    return mode in (None, "", "CONFIG_MAP", "API_AND_CONFIG_MAP")


def supports_access_entries(mode: str | None) -> bool:
    """Whether access entries count."""
    return mode in ("API", "API_AND_CONFIG_MAP")


def validate(args: Inputs) -> Inputs:
    """The arguments, with those that are only known later checked when they are. Raises ProviderError."""
    mode = args.get("authenticationMode")
    if mode is not None and not isinstance(mode, str):
        raise ProviderError("'authenticationMode' must be a plain string, not an output. Give the mode itself.")
    if mode and mode not in MODES:
        raise ProviderError(f"Invalid value for authenticationMode: {mode}. Allowed values are: {', '.join(MODES)}.")
    args = dict(args)
    if not supports_config_map(mode):
        for name in ("roleMappings", "userMappings", "instanceRoles"):
            args[name] = _empty(args.get(name), name, str(mode))
    if not supports_access_entries(mode) and args.get("accessEntries"):
        state = f"set to '{mode}'" if mode is not None else "not set"
        raise ProviderError(
            f"The 'accessEntries' property is not supported when 'authenticationMode' is {state}. "
            "Set it to API_AND_CONFIG_MAP or API."
        )
    for name, entry in plain_map(args, "accessEntries").items():
        _no_system_group(name, entry.get("kubernetesGroups"))
    return args


def plain_map(args: Inputs, name: str) -> dict[str, Inputs]:
    """A map whose keys name children, so that it cannot be an output. Raises ProviderError."""
    value = args.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProviderError(f"'{name}' must be a plain map, not an output. Make only the values in it outputs.")
    return cast("dict[str, Inputs]", value)


def _empty(value: Any, name: str, mode: str) -> Any:
    def check(mappings: Any) -> Any:
        if mappings:
            raise ProviderError(
                f"The '{name}' property does not support non-empty values when 'authenticationMode' is "
                f"set to '{mode}'. Leave it out, or set the mode to API_AND_CONFIG_MAP."
            )
        return mappings

    return value.apply(check) if isinstance(value, pulumi.Output) else check(value)


def _no_system_group(entry: str, groups: Any) -> None:
    if not isinstance(groups, list):
        return
    for group in cast("list[Any]", groups):
        if isinstance(group, str) and group.startswith("system:"):
            raise ProviderError(
                f"InvalidParameterException: The kubernetes group name {group} of access entry '{entry}' is "
                "invalid, it cannot start with system:. Associate an access policy instead."
            )


class _BlockDumper(yaml.SafeDumper):
    """Indents lists in maps as js-yaml does, and writes no anchors: EKS's mapper is to read plain YAML."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def mapping_yaml(kind: str, mappings: Sequence[Mapping[str, Any]]) -> str:
    """One of aws-auth's lists; `kind` is "role" or "user"."""
    rows = [{f"{kind}arn": row.get(f"{kind}Arn")} | _identity(row) for row in mappings]
    return yaml.dump(rows, Dumper=_BlockDumper, sort_keys=False, width=10**6)


def _identity(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"username": row.get("username"), "groups": list(row.get("groups") or [])}


def aws_auth_data(
    instance_role_arns: pulumi.Output[list[str]], role_mappings: Any, user_mappings: Any
) -> dict[str, pulumi.Output[str]]:
    """`mapRoles`, and `mapUsers` when there are user mappings: YAML texts, nodes' roles last."""

    def roles(values: list[Any]) -> str:
        nodes = [
            {
                "roleArn": arn,
                "username": "system:node:{{EC2PrivateDNSName}}",
                "groups": ["system:bootstrappers", "system:nodes"],
            }
            for arn in values[1]
        ]
        return mapping_yaml("role", [*(values[0] or []), *nodes])

    data = {"mapRoles": pulumi.Output.all(role_mappings, instance_role_arns).apply(roles)}
    if user_mappings is not None:
        users = pulumi.Output.from_input(user_mappings)
        data["mapUsers"] = users.apply(lambda rows: mapping_yaml("user", cast("list[Any]", rows or [])))
    return data


def create_entries(
    component: str,
    cluster: Child,
    entries: Mapping[str, Inputs],
    parent: pulumi.Resource,
) -> list[Child]:
    """An `aws.eks.AccessEntry` for each entry, with its policy associations under it."""
    created: list[Child] = []
    for name, entry in entries.items():
        child = Child(
            "aws:eks/accessEntry:AccessEntry",
            f"{component}-{name}",
            {
                "clusterName": cluster.get("name"),
                "principalArn": entry.get("principalArn"),
                "kubernetesGroups": entry.get("kubernetesGroups"),
                "userName": entry.get("username"),
                "type": entry.get("type"),
                "tags": entry.get("tags"),
            },
            (),
            pulumi.ResourceOptions(parent=parent, depends_on=[cluster]),
        )
        for policy, association in plain_map(entry, "accessPolicies").items():
            Child(
                "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
                f"{component}-{name}-{policy}",
                {
                    "accessScope": association.get("accessScope"),
                    "clusterName": cluster.get("name"),
                    "policyArn": association.get("policyArn"),
                    "principalArn": entry.get("principalArn"),
                },
                (),
                pulumi.ResourceOptions(parent=child, depends_on=[child]),
            )
        created.append(child)
    return created
