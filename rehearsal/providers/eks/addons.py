"""EKS add-ons: the component's own (kube-proxy, coredns, vpc-cni) and `eks:index:Addon`.

Defaults and the environment of the VPC CNI as in pulumi-eks 4.4.0
(nodejs/eks/addons), odd ones included: `customNetworkConfig` alone is
overwritten by the default of `cniCustomNetworkCfg`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pulumi

from rehearsal.providers.eks.children import (
    Child,
    ComponentReference,
    Inputs,
    Reference,
    compact,
    given,
    invoke,
    text_of,
)
from rehearsal.providers.protocol import ProviderError

_TOKEN = "aws:eks/addon:Addon"  # noqa: S105 - a resource type, not a secret


def _latest(addon: str, kubernetes_version: Any, parent: pulumi.Resource) -> pulumi.Output[str]:
    found = invoke(
        "aws:eks/getAddonVersion:getAddonVersion",
        {"addonName": addon, "kubernetesVersion": kubernetes_version, "mostRecent": True},
        parent,
    )
    return found.apply(lambda result: result["version"])


def _configuration(values: Any) -> Any:
    """Sorted JSON, so that the order of a map is no change; None when there are none."""
    if values is None:
        return None
    return pulumi.Output.from_input(values).apply(lambda known: compact(known, sort_keys=True))


def managed(component: str, addon: str, cluster: Child, options: Inputs, tags: Any, parent: pulumi.Resource) -> Child:
    """An add-on that the cluster component brings: the most recent version unless one is named."""
    version = options.get("version") or _latest(addon, cluster.get("version"), parent)
    return Child(
        _TOKEN,
        f"{component}-{addon}",
        {
            "clusterName": cluster.get("name"),
            "addonName": addon,
            "addonVersion": version,
            "preserve": True,
            "tags": tags,
            "resolveConflictsOnCreate": options.get("resolveConflictsOnCreate") or "OVERWRITE",
            "resolveConflictsOnUpdate": options.get("resolveConflictsOnUpdate") or "OVERWRITE",
            "configurationValues": _configuration(options.get("configurationValues")),
        },
        (),
        pulumi.ResourceOptions(parent=parent),
    )


class Addon(pulumi.ComponentResource):
    """`eks:index:Addon`: one add-on, in the tree under its cluster."""

    def __init__(self, name: str, args: Inputs, opts: pulumi.ResourceOptions) -> None:
        cluster = args.get("cluster")
        if not isinstance(cluster, ComponentReference) or cluster.token != "eks:index:Cluster":  # noqa: S105 - a resource type, not a secret
            raise ProviderError("'cluster' of an Addon must be the eks.Cluster itself. Pass the cluster, not its core.")
        super().__init__(
            "eks:index:Addon",
            name,
            {},
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(parent=cluster)),
        )
        values = args.get("configurationValues")
        settings = pulumi.Output.from_input(values).apply(compact) if values is not None else None
        core = cluster.get("core")
        self.addon = Child(
            _TOKEN,
            name,
            {
                **{key: value for key, value in args.items() if key != "cluster"},
                "clusterName": core.apply(_cluster_of).apply(lambda aws_cluster: aws_cluster.get("name")),
                "configurationValues": settings,
            },
            (),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def _cluster_of(core: Mapping[str, Any]) -> Reference:
    return cast("Reference", core["cluster"])


class VpcCniAddon(pulumi.ComponentResource):
    """`eks:index:VpcCniAddon`: the vpc-cni add-on, configured by named settings."""

    def __init__(self, name: str, args: Inputs, opts: pulumi.ResourceOptions) -> None:
        super().__init__("eks:index:VpcCniAddon", name, {}, opts)
        if args.get("clusterName") is None:
            raise ProviderError("Missing required option 'clusterName'. Name the cluster.")
        version = args.get("addonVersion")
        if not version:
            if not args.get("clusterVersion"):
                raise ProviderError(
                    "You need to specify either `addonVersion` or `clusterVersion` to determine the version "
                    "of the vpc-cni addon to use. Give one of them."
                )
            version = _latest("vpc-cni", args["clusterVersion"], self)
        environment, init = cni_environment(args)
        values = pulumi.Output.all(
            environment, init, args.get("enableNetworkPolicy"), args.get("configurationValues")
        ).apply(lambda parts: merge_cni_configuration(*parts))
        self.addon = Child(
            _TOKEN,
            name,
            {
                "clusterName": args["clusterName"],
                "addonName": "vpc-cni",
                "addonVersion": version,
                "resolveConflictsOnCreate": args.get("resolveConflictsOnCreate") or "OVERWRITE",
                "resolveConflictsOnUpdate": args.get("resolveConflictsOnUpdate") or "OVERWRITE",
                "preserve": True,
                "configurationValues": _configuration(values),
                "serviceAccountRoleArn": args.get("serviceAccountRoleArn"),
                "tags": args.get("tags"),
            },
            (),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"addon": self.addon})


_Environment = dict[str, Any]

# Variable, setting, default; in the order in which the real component writes them.
_VARIABLES: tuple[tuple[str, str, str | None], ...] = (
    ("AWS_VPC_CNI_NODE_PORT_SUPPORT", "nodePortSupport", None),
    ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "customNetworkConfig", None),
    ("WARM_ENI_TARGET", "warmEniTarget", "1"),
    ("WARM_IP_TARGET", "warmIpTarget", None),
    ("WARM_PREFIX_TARGET", "warmPrefixTarget", None),
    ("ENABLE_PREFIX_DELEGATION", "enablePrefixDelegation", None),
    ("AWS_VPC_K8S_CNI_LOGLEVEL", "logLevel", "DEBUG"),
    ("AWS_VPC_K8S_CNI_LOG_FILE", "logFile", "/host/var/log/aws-routed-eni/ipamd.log"),
    ("AWS_VPC_K8S_CNI_VETHPREFIX", "vethPrefix", "eni"),
    ("AWS_VPC_ENI_MTU", "eniMtu", "9001"),
    ("ENI_CONFIG_LABEL_DEF", "eniConfigLabelDef", None),
    ("AWS_VPC_K8S_PLUGIN_LOG_LEVEL", "pluginLogLevel", "DEBUG"),
    ("AWS_VPC_K8S_PLUGIN_LOG_FILE", "pluginLogFile", "/var/log/aws-routed-eni/plugin.log"),
    ("ENABLE_POD_ENI", "enablePodEni", "false"),
    ("AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER", "cniConfigureRpfilter", None),
    ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "cniCustomNetworkCfg", "false"),
)


def cni_environment(args: Inputs) -> tuple[_Environment, _Environment]:
    """The aws-node container's environment and its init container's: strings or outputs of them."""
    if given(args.get("cniExternalSnat")) and given(args.get("externalSnat")):
        raise ProviderError(
            "Please specify one of `cniExternalSnat` or `externalSnat` in your VpcCniOptions. "
            "They are two names of one setting."
        )
    environment: _Environment = {}
    for variable, setting, default in _VARIABLES:
        value = args.get(setting)
        if given(value) or (setting == "warmEniTarget" and value is not None):
            environment[variable] = pulumi.Output.from_input(value).apply(_text_or(default))
        elif default is not None:
            environment[variable] = default
    snat = args.get("externalSnat") if given(args.get("externalSnat")) else args.get("cniExternalSnat")
    environment["AWS_VPC_K8S_CNI_EXTERNALSNAT"] = _flag(snat)
    return environment, {"DISABLE_TCP_EARLY_DEMUX": _flag(args.get("disableTcpEarlyDemux"))}


def _text_or(default: str | None) -> Callable[[Any], str]:
    return lambda value: text_of(value) if value is not None else (default or "")


def _flag(value: Any) -> Any:
    return pulumi.Output.from_input(value).apply(text_of) if given(value) else "false"


def merge_cni_configuration(
    environment: Mapping[str, str],
    init: Mapping[str, str],
    network_policy: bool | None,
    values: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The add-on's configuration: the user's own values win over those of the named settings."""
    merged = dict(values or {})
    if "enableNetworkPolicy" not in merged and network_policy is not None:
        merged["enableNetworkPolicy"] = text_of(network_policy)
    own = merged.get("env")
    merged["env"] = {**environment, **own} if isinstance(own, dict) else dict(environment)
    own_init = merged.get("init")
    if isinstance(own_init, dict):
        own_env = cast("dict[str, Any]", own_init).get("env")
        merged["init"] = {**own_init, "env": {**init, **own_env} if isinstance(own_env, dict) else dict(init)}
    else:
        merged["init"] = {"env": dict(init)}
    return merged
