"""`eks:index:Cluster`: role, security groups, cluster, add-ons, Kubernetes provider, access, OIDC provider.

Follows pulumi-eks 4.4.0 (nodejs/eks/cluster/cluster.ts) without what needs
machines of its own: no default node group, no Fargate, no Auto Mode.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pulumi

from rehearsal.providers.eks import access, addons, control_plane, kubeconfig, security_groups, storage_classes
from rehearsal.providers.eks.children import (
    Child,
    CustomReference,
    Inputs,
    child_version,
    compact,
    given,
    invoke,
    text_of,
    without_none,
)
from rehearsal.providers.eks.roles import InstanceRoles, ServiceRole
from rehearsal.providers.protocol import ProviderError

# The real component opens a TLS connection to oidc.eks.REGION.amazonaws.com and
# takes the SHA-1 of the chain's topmost intermediate. There is no network here,
# and IAM has not looked at the thumbprint of an EKS issuer since 2022; so this
# one is recognisably nobody's.
OIDC_THUMBPRINT = "0" * 40


def validate(args: Inputs) -> Inputs:
    """The arguments after every check that needs no value from elsewhere. Raises ProviderError."""
    args = access.validate(args)
    if args.get("instanceRole") is not None and args.get("instanceRoles") is not None:
        raise ProviderError("instanceRole and instanceRoles are mutually exclusive, and cannot both be set. Drop one.")
    separate = args.get("publicSubnetIds") is not None or args.get("privateSubnetIds") is not None
    if args.get("subnetIds") is not None and separate:
        raise ProviderError(
            "subnetIds, and the use of publicSubnetIds and/or privateSubnetIds are mutually exclusive. "
            "Choose a single approach."
        )
    if not args.get("skipDefaultNodeGroup"):
        raise ProviderError(
            "The rehearsal does not play the default node group. Set skipDefaultNodeGroup, and add an "
            "eks.ManagedNodeGroup."
        )
    if args.get("vpcId") is None:
        raise ProviderError("The rehearsal has no default VPC. Set vpcId.")
    return args


class Cluster(pulumi.ComponentResource):
    """The component. `state` holds every output of the real one, by its camelCase name."""

    def __init__(self, name: str, args: Inputs, opts: pulumi.ResourceOptions) -> None:
        kubeconfig.require_aws_cli()
        args = _with_profile(validate(args))
        super().__init__("eks:index:Cluster", name, {}, opts)
        self._label = name
        self._args = args
        self._mode: str | None = args.get("authenticationMode")
        self._partition: pulumi.Output[str] = invoke("aws:index/getPartition:getPartition", {}, self).apply(
            lambda found: found["partition"]
        )
        self.state = self._create()
        self.register_outputs(self.state)

    def _create(self) -> dict[str, Any]:
        name, args = self._label, self._args
        service_role = self._service_role()
        group = self._cluster_security_group()
        cluster = control_plane.create(name, args, service_role, group, self._subnet_ids(), self)
        self._addon("kube-proxy", cluster, args.get("kubeProxyAddonOptions") or {}, by_default=True)
        config = self._kubeconfig(cluster, with_profile=False)
        provider = self._kubernetes_provider(cluster)
        instance_roles = self._instance_roles()
        aws_auth = self._aws_auth(instance_roles.arns, provider)
        entries = {**instance_roles.entries, **access.plain_map(args, "accessEntries")}
        access_entries: list[Child] = []
        if access.supports_access_entries(self._mode):
            access_entries = access.create_entries(name, cluster, entries, self)
        else:
            entries = {}
        entered = [*access_entries, *([aws_auth] if aws_auth else [])]
        classes = storage_classes.create(name, args.get("storageClasses"), provider, entered, self)
        vpc_cni = self._vpc_cni(cluster, provider, entered)
        # Pods of coredns need nodes; without the default node group it comes only when asked for.
        coredns = args.get("corednsAddonOptions") or {}
        if coredns.get("enabled") is True or coredns.get("configurationValues") is not None:
            self._addon("coredns", cluster, {**coredns, "enabled": True}, by_default=False)
        oidc = self._oidc_provider(cluster)
        node_group, ingress = self._node_security_group(cluster, group)
        core = without_none(
            {
                "vpcId": args["vpcId"],
                "subnetIds": self._subnet_ids(),
                "publicSubnetIds": args.get("publicSubnetIds"),
                "privateSubnetIds": args.get("privateSubnetIds"),
                "clusterSecurityGroup": group,
                "cluster": cluster,
                "endpoint": cluster.get("endpoint"),
                "nodeGroupOptions": without_none(
                    {
                        "version": args.get("version"),
                        "instanceProfile": instance_roles.profile,
                        "nodeSecurityGroup": node_group,
                        "clusterIngressRule": ingress,
                    }
                ),
                "kubeconfig": config,
                "provider": provider,
                "vpcCni": vpc_cni,
                "instanceRoles": instance_roles.roles,
                "eksNodeAccess": aws_auth,
                "tags": args.get("tags"),
                "nodeSecurityGroupTags": args.get("nodeSecurityGroupTags"),
                "storageClasses": classes,
                "oidcProvider": oidc,
                "encryptionConfig": control_plane.encryption(args),
                "clusterIamRole": args.get("serviceRole") or (service_role.role if service_role else None),
                "accessEntries": list(entries.values()),
                "autoModeNodeRoleName": "",
            }
        )
        eks_group_id = cluster.get("vpcConfig").apply(lambda config: config["clusterSecurityGroupId"])
        issuer = cluster.get("identities").apply(_issuer)
        return without_none(
            {
                "kubeconfig": config,
                "kubeconfigJson": config.apply(compact),
                "clusterSecurityGroup": group,
                "instanceRoles": instance_roles.roles,
                "nodeSecurityGroup": node_group,
                "eksClusterIngressRule": ingress,
                "eksCluster": cluster,
                "core": core,
                "clusterSecurityGroupId": group.id if group else eks_group_id,
                "nodeSecurityGroupId": node_group.id if node_group else eks_group_id,
                "clusterIngressRuleId": ingress.get("securityGroupRuleId") if ingress else "",
                "defaultNodeGroupAsgName": "",
                "fargateProfileId": "",
                "fargateProfileStatus": "",
                "oidcProviderArn": oidc.get("arn") if oidc else "",
                "oidcProviderUrl": issuer,
                "oidcIssuer": issuer.apply(lambda url: url.replace("https://", "")),
                "autoModeNodeRoleName": "",
            }
        )

    def _service_role(self) -> ServiceRole | None:
        if self._args.get("serviceRole") is not None:
            return None
        return ServiceRole(
            f"{self._label}-eksRole",
            "eks.amazonaws.com",
            ("AmazonEKSClusterPolicy",),
            self,
            partition=self._partition,
            description="Allows EKS to manage clusters on your behalf.",
            actions=("sts:AssumeRole", "sts:TagSession"),
            tags=self._args.get("tags"),
        )

    def _cluster_security_group(self) -> Child | CustomReference | None:
        args = self._args
        if args.get("clusterSecurityGroup") is not None:
            return args["clusterSecurityGroup"]
        if args.get("skipDefaultSecurityGroups"):
            return None
        return security_groups.cluster_group(
            self._label, args["vpcId"], args.get("clusterSecurityGroupTags"), args.get("tags"), self
        )

    def _subnet_ids(self) -> Any:
        args = self._args
        if args.get("subnetIds") is not None:
            return args["subnetIds"]
        both = pulumi.Output.all(args.get("publicSubnetIds") or [], args.get("privateSubnetIds") or [])
        return both.apply(lambda lists: [*lists[0], *lists[1]])

    def _addon(self, addon: str, cluster: Child, options: Inputs, *, by_default: bool) -> None:
        if by_default if options.get("enabled") is None else options["enabled"]:
            addons.managed(self._label, addon, cluster, options, self._args.get("tags"), self)

    def _kubeconfig(self, cluster: Child, *, with_profile: bool) -> pulumi.Output[dict[str, Any]]:
        def generate(values: list[Any]) -> dict[str, Any]:
            name, endpoint, authority, arn, credentials = values
            region = kubeconfig.region_of(arn)
            return kubeconfig.generate(
                name, endpoint, region, authority["data"], credentials, with_profile=with_profile
            )

        return pulumi.Output.all(
            cluster.get("name"),
            cluster.get("endpoint"),
            cluster.get("certificateAuthority"),
            cluster.get("arn"),
            self._args.get("providerCredentialOpts"),
        ).apply(generate)

    def _kubernetes_provider(self, cluster: Child) -> pulumi.ProviderResource:
        # A provider's inputs are strings on the wire; its SDK writes booleans as JSON.
        mutable = self._args.get("enableConfigMapMutable")
        props = {
            "kubeconfig": self._kubeconfig(cluster, with_profile=True).apply(compact),
            "enableConfigMapMutable": None if mutable is None else pulumi.Output.from_input(mutable).apply(text_of),
        }
        return pulumi.ProviderResource(
            "kubernetes",
            f"{self._label}-eks-k8s",
            without_none(props),
            pulumi.ResourceOptions(parent=self, version=child_version("kubernetes")),
        )

    def _instance_roles(self) -> InstanceRoles:
        args = self._args
        if args.get("instanceRoles") is not None:
            return InstanceRoles.given(args["instanceRoles"])
        if args.get("instanceRole") is not None:
            return InstanceRoles.given([args["instanceRole"]], default=args["instanceRole"])
        if args.get("createInstanceRole"):
            return InstanceRoles.created(self._label, self._partition, args.get("tags"), self)
        return InstanceRoles.given([])

    def _aws_auth(self, role_arns: pulumi.Output[list[str]], provider: pulumi.ProviderResource) -> Child | None:
        if not access.supports_config_map(self._mode):
            return None
        data = access.aws_auth_data(role_arns, self._args.get("roleMappings"), self._args.get("userMappings"))
        return Child(
            "kubernetes:core/v1:ConfigMap",
            f"{self._label}-nodeAccess",
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "immutable": False,
                "metadata": {
                    "name": "aws-auth",
                    "namespace": "kube-system",
                    "annotations": {"pulumi.com/patchForce": "true"},
                },
                "data": data,
            },
            (),
            pulumi.ResourceOptions(parent=self, provider=provider),
        )

    def _vpc_cni(
        self, cluster: Child, provider: pulumi.ProviderResource, entered: list[Child]
    ) -> addons.VpcCniAddon | None:
        if self._args.get("useDefaultVpcCni"):
            return None
        settings = {
            **(self._args.get("vpcCniOptions") or {}),
            "clusterName": cluster.get("name"),
            "clusterVersion": cluster.get("version"),
            "tags": self._args.get("tags"),
        }
        return addons.VpcCniAddon(
            f"{self._label}-vpc-cni",
            settings,
            pulumi.ResourceOptions(parent=self, depends_on=[*entered], providers={"kubernetes": provider}),
        )

    def _oidc_provider(self, cluster: Child) -> Child | None:
        if not given(self._args.get("createOidcProvider")):
            return None
        return Child(
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
            f"{self._label}-oidcProvider",
            {
                "clientIdLists": ["sts.amazonaws.com"],
                "url": cluster.get("identities").apply(_issuer),
                "thumbprintLists": [OIDC_THUMBPRINT],
            },
            ("arn",),
            pulumi.ResourceOptions(parent=self),
        )

    def _node_security_group(
        self, cluster: Child, group: Child | CustomReference | None
    ) -> tuple[Child | None, Child | None]:
        args = self._args
        if args.get("skipDefaultSecurityGroups") or group is None:
            return None, None
        return security_groups.node_group(
            self._label,
            args["vpcId"],
            cluster,
            group.id,
            args.get("nodeSecurityGroupTags"),
            args.get("tags"),
            self,
        )


def _issuer(identities: list[Mapping[str, Any]] | None) -> str:
    if not identities or not identities[0].get("oidcs"):
        return ""
    return identities[0]["oidcs"][0]["issuer"]


def _with_profile(args: Inputs) -> Inputs:
    """The AWS profile that the program runs under goes into the provider's kubeconfig, if one is set."""
    profile = os.environ.get("AWS_PROFILE") or pulumi.Config("aws").get("profile")
    if profile and args.get("providerCredentialOpts") is None:
        return {**args, "providerCredentialOpts": {"profileName": profile}}
    return args
