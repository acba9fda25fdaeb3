"""The EKS cluster, with what must be there before it and go after it.

`pulumi_eks.Cluster` makes the control plane, its role, kube-proxy, vpc-cni and the ConfigMap aws-auth.
Decided here:

- Its default security groups are skipped. They are for self-managed nodes; managed nodes use the group that
  EKS itself makes for the cluster. A second group with the tag `kubernetes.io/cluster/<name>` on a node would
  also stop the load balancer controller, which wants exactly one.
- Its OIDC provider is not used: it looks up a certificate thumbprint at every run, which changes in time and
  then shows as a difference. IAM has not needed one for EKS since 2023, so ours gives none.
- The principal that creates the cluster gets its admin access entry from EKS itself, because pulumi-eks sets
  `bootstrapClusterCreatorAdminPermissions`. A second entry for it would be refused (ResourceInUseException).
- The range of service addresses is given: EKS takes 10.100.0.0/16 or 172.20.0.0/16 by itself, and the second
  would hide the ops servers from pods.
- The log group is ours: EKS would make one that nobody deletes.
- aws-auth maps the nodes' role, as EKS does by itself when it makes a managed node group. pulumi-eks writes the whole
  list with every change of the users: without the role here, EKS's own entry would go with the first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_eks
import pulumi_kubernetes
from pulumi_aws import cloudwatch, eks, iam, kms

from components.base import Component, Tags
from components.irsa_role import OidcProvider

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
LOG_RETENTION_DAYS = 7
KEY_DELETION_WINDOW_DAYS = 7
"""The shortest that KMS takes."""

ANYWHERE = "0.0.0.0/0"
ADMIN_POLICY = "arn:{0}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


@dataclass(frozen=True)
class ClusterArgs:
    """The cluster, its network, and who may reach and enter it."""

    cluster_name: str
    kubernetes_version: str
    partition: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    public_subnet_ids: Sequence[pulumi.Input[str]]
    private_subnet_ids: Sequence[pulumi.Input[str]]
    vpc_cni_version: pulumi.Input[str]
    kube_proxy_version: pulumi.Input[str]
    support_type: str = "STANDARD"
    """What EKS does when standard support of the version ends: STANDARD, upgrade the cluster, or EXTENDED, keep it at
    six times the price. EKS's own default is EXTENDED."""

    service_cidr: str = "10.100.0.0/16"
    """Range of the Kubernetes services' addresses; cannot be changed later."""

    prefix_delegation: bool = True
    """Whether vpc-cni gives nodes /28 prefixes, so that a small instance can hold many pods."""

    public_access_cidrs: Sequence[pulumi.Input[str]] = (ANYWHERE,)
    """Who may reach the public endpoint. Given even when it is everybody, so that it can change back."""

    administrators: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Short name → ARN of an IAM principal that shall administrate the cluster, beside the creator."""

    user_mappings: Sequence[pulumi_eks.UserMappingArgs] = ()
    """IAM users that the ConfigMap aws-auth lets in. pulumi-eks owns it; beside it EKS alone may write it."""

    node_role_arn: pulumi.Input[str] | None = None
    """Role of the nodes, which aws-auth maps too."""

    before_log_group: pulumi.ResourceHook | None = None
    """What is run before the control plane's log group is created."""

    aws_profile: str | None = None
    """AWS profile that the program runs under, for the engine's own way into the cluster. The kubeconfig that
    users get names none."""

    tags: Tags = field(default_factory=dict[str, str])


class Cluster(Component):
    """KMS key, log group, cluster, OIDC provider, administrators' access entries and the Kubernetes provider.

    Depend on `core` to come after everything that pulumi-eks makes, vpc-cni and kube-proxy included.
    """

    core: pulumi_eks.Cluster
    cluster_name: pulumi.Output[str]
    """Known only when the cluster exists: what names it comes after it."""

    security_group_id: pulumi.Output[str]
    """The group that EKS made for the cluster; nodes must carry it to join."""

    kubeconfig: pulumi.Output[Any]
    """Object with an exec credential plugin (`aws eks get-token`); holds no secret."""

    own_kubeconfig: pulumi.Output[str]
    """JSON text; the program's own way into the cluster, with the AWS profile that it runs under."""

    oidc_provider: OidcProvider
    oidc_provider_arn: pulumi.Output[str]
    oidc_issuer: pulumi.Output[str]
    """URL, with `https://`."""

    kubernetes: pulumi_kubernetes.Provider

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Cluster", name, opts)
        self._name, self._args = name, args
        key = kms.Key(
            f"{name}-secrets",
            description=f"Envelope encryption of the Kubernetes secrets of {args.cluster_name}",
            enable_key_rotation=True,
            deletion_window_in_days=KEY_DELETION_WINDOW_DAYS,
            tags=args.tags,
            opts=self.child(),
        )
        kms.Alias(
            f"{name}-secrets",
            name=f"alias/{args.cluster_name}-eks-secrets",
            target_key_id=key.key_id,
            opts=self.child(),
        )
        logs = cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{args.cluster_name}/cluster",
            retention_in_days=LOG_RETENTION_DAYS,
            tags=args.tags,
            opts=self.child(before_create=args.before_log_group),
        )
        self.core = self._core(key, logs)
        self.cluster_name = self.core.eks_cluster.apply(lambda cluster: cluster.name)
        self.security_group_id = self.core.eks_cluster.apply(
            lambda cluster: cluster.vpc_config.apply(lambda config: config.cluster_security_group_id or "")
        )
        self._identity_provider()
        for short, principal in args.administrators.items():
            self._administrator(short, principal)
        self.kubeconfig = self.core.kubeconfig
        self.own_kubeconfig = self.core.kubeconfig_json.apply(self._with_profile)
        self.kubernetes = pulumi_kubernetes.Provider(
            f"{name}-kubernetes", kubeconfig=self.own_kubeconfig, opts=self.child()
        )
        self.register_outputs({"clusterName": self.cluster_name})

    def _core(self, key: kms.Key, logs: cloudwatch.LogGroup) -> pulumi_eks.Cluster:
        args = self._args
        # A free prefix in reserve, not a whole free network interface of prefixes, which a /24 has no room
        # for.
        warm = {"env": {"WARM_PREFIX_TARGET": "1"}} if args.prefix_delegation else None
        return pulumi_eks.Cluster(
            self._name,
            # By way of the log group: a mere depends_on holds for the whole component, which stays when a cluster of
            # another name takes this one's place. The old group would go before its cluster, which makes it again.
            name=logs.name.apply(lambda _: args.cluster_name),
            version=args.kubernetes_version,
            upgrade_policy=eks.ClusterUpgradePolicyArgs(support_type=args.support_type),
            vpc_id=args.vpc_id,
            public_subnet_ids=args.public_subnet_ids,
            private_subnet_ids=args.private_subnet_ids,
            skip_default_node_group=True,
            skip_default_security_groups=True,
            endpoint_public_access=True,
            endpoint_private_access=True,
            public_access_cidrs=args.public_access_cidrs,
            kubernetes_service_ip_address_range=args.service_cidr,
            authentication_mode=pulumi_eks.AuthenticationMode.API_AND_CONFIG_MAP,
            # The package's own way into the cluster would follow AWS_PROFILE first, the one who creates it does not.
            provider_credential_opts=(
                pulumi_eks.KubeconfigOptionsArgs(profile_name=args.aws_profile) if args.aws_profile else None
            ),
            # aws-auth is changed in place: between deletion and creation nobody mapped there could enter.
            enable_config_map_mutable=True,
            # Given even when it is empty: `mapUsers` is then the stack's own at all times, and what somebody
            # wrote there by hand goes with the next change.
            user_mappings=list(args.user_mappings),
            role_mappings=[_node_mapping(args.node_role_arn)] if args.node_role_arn is not None else None,
            encryption_config_key_arn=key.arn,
            enabled_cluster_log_types=LOG_TYPES,
            vpc_cni_options=pulumi_eks.VpcCniOptionsArgs(
                addon_version=args.vpc_cni_version,
                enable_network_policy=True,
                enable_prefix_delegation=True if args.prefix_delegation else None,
                configuration_values=warm,
            ),
            kube_proxy_addon_options=pulumi_eks.KubeProxyAddonOptionsArgs(version=args.kube_proxy_version),
            tags=args.tags,
            opts=self.child([logs]),
        )

    def _identity_provider(self) -> None:
        self.oidc_issuer = self.core.oidc_provider_url
        provider = iam.OpenIdConnectProvider(
            f"{self._name}-oidc",
            url=self.oidc_issuer,
            client_id_lists=["sts.amazonaws.com"],
            tags=self._args.tags,
            opts=self.child(),
        )
        self.oidc_provider_arn = provider.arn
        host = self.oidc_issuer.apply(lambda url: url.removeprefix("https://"))
        self.oidc_provider = OidcProvider(arn=provider.arn, issuer=host)

    def _administrator(self, short: str, principal: pulumi.Input[str]) -> None:
        entry = eks.AccessEntry(
            f"{self._name}-admin-{short}",
            cluster_name=self.cluster_name,
            principal_arn=principal,
            type="STANDARD",
            tags=self._args.tags,
            opts=self.child(),
        )
        eks.AccessPolicyAssociation(
            f"{self._name}-admin-{short}",
            cluster_name=self.cluster_name,
            principal_arn=entry.principal_arn,
            policy_arn=pulumi.Output.format(ADMIN_POLICY, self._args.partition),
            access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            opts=self.child([entry]),
        )

    def _with_profile(self, kubeconfig_json: str) -> str:
        """The kubeconfig with the AWS profile that the program runs under, if any."""
        profile = self._args.aws_profile
        if not profile:
            return kubeconfig_json
        kubeconfig = json.loads(kubeconfig_json)
        for user in kubeconfig["users"]:
            user["user"]["exec"]["args"] += ["--profile", profile]
        return json.dumps(kubeconfig, sort_keys=True)


def _node_mapping(role_arn: pulumi.Input[str]) -> pulumi_eks.RoleMappingArgs:
    """What EKS writes for a managed node group's role (EKS User Guide, "auth-configmap")."""
    return pulumi_eks.RoleMappingArgs(
        role_arn=role_arn,
        username="system:node:{{EC2PrivateDNSName}}",
        groups=["system:bootstrappers", "system:nodes"],
    )
