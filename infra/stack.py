"""The lab: its components in their order, and which of them needs which.

The order matters twice: something is made only when what it needs is ready, and it is deleted before what it
needs. The second is what a lab that is torn down every evening depends on. The edges that no input expresses:

- nodes come after vpc-cni, the Pod Identity agent and vpc-cni's role, and after the public route to the
  internet;
- everything with pods comes after nodes, and releases after coredns; they do not wait for each other, because
  the load balancer controller's webhook for Services is off (see its component);
- Ingresses come last: they go first, while controller, ExternalDNS and their rights are still there;
- namespaces of our own come after metrics-server: a namespace cannot end while an API that somebody
  registered does not answer;
- the exercises come last and nothing comes after them, so that they can go from any stage to any other; but
  testuser comes first, because the cluster maps the user (see `infra.exercises`);
- the lab's own end, if it has one, is arranged before the cluster is begun, and stands until the cluster is gone:
  a creation or a deletion that nobody brings to its end is ended too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pulumi
import pulumi_aws as aws

from components.addons import AddonsArgs, NodeAddons, WorkloadAddons, default_version
from components.cluster import ANYWHERE, Cluster, ClusterArgs
from components.expiry import Expiry, ExpiryArgs
from components.ingress_expiry import IngressExpiry, IngressExpiryArgs
from components.network import Network, NetworkArgs
from components.node_group import NodeGroup, NodeGroupArgs, NodeRole
from components.ops_network import OpsNetwork, OpsNetworkArgs
from components.ops_servers import OpsServers, OpsServersArgs
from components.ops_user_data import OpsEnvironment, OpsTools
from components.policies import Scope
from components.policy_parameters import PolicyParameters
from components.storage import DefaultStorage
from infra import exercises as fixtures
from infra import log_group_hook, versions
from infra.config.aws_checks import AwsLookups, Lookups
from infra.config.loading import OPS_VPC_CIDR, SERVICE_CIDR, LabConfig, Problem, from_pulumi
from infra.config.problems import key_of
from infra.config.pulumi_program import ProgramConfigError
from infra.config.rules.support import unsupported
from infra.lab import NODE_GROUP, Lab
from infra.lab_tag import lab_tags
from infra.outputs import export
from infra.platform import build as build_platform
from infra.platform import depends_on


def deploy(lookups: Lookups | None = None) -> None:
    """The Pulumi program: read the configuration, ask AWS about it, build the lab, export its outputs.

    Args:
        lookups: who is asked about the configuration; None: AWS.

    Raises:
        ProgramConfigError: the configuration cannot be used; nothing has been registered.
    """
    config = from_pulumi()
    profile = pulumi.Config("aws").get("profile")
    answers = (lookups or AwsLookups(config.region, profile)).ask(config)
    now = datetime.now(UTC)
    if problems := [*_expired(config, now), *unsupported(config, now.date()), *answers.problems]:
        raise ProgramConfigError(problems)
    for one in answers.unanswered:
        pulumi.log.info(f"{one.key} could not be checked with AWS. {one.why}")
    export(build(config, profile))


def build(config: LabConfig, aws_profile: str | None = None) -> Lab:
    """Make the lab of a checked configuration."""
    # Everything that takes tags takes the configuration's: here they get the one that tells which lab it is.
    config = config.model_copy(update={"tags": config.tags | lab_tags(config.region, config.cluster_name)})
    scope = Scope(
        partition=aws.get_partition_output().partition,
        region=config.region,
        account=aws.get_caller_identity_output().account_id,
    )
    network = Network(
        "network",
        NetworkArgs(
            prefix=config.cluster_name,
            cidr=config.vpc_cidr,
            zones=config.zones,
            public_cidrs=config.public_subnet_cidrs,
            private_cidrs=config.private_subnet_cidrs,
            nat_gateway=config.nat_gateway,
            tags=config.tags,
        ),
    )
    addon_versions = {addon: default_version(addon, config.kubernetes_version) for addon in versions.ADDONS}
    ops = _ops(config, scope, network) if config.ops_servers.enabled else None
    testuser = fixtures.testuser(config, scope)
    ending = _ending(config, scope, network, ops)
    role = NodeRole(
        "nodes",
        f"Nodes of {config.cluster_name}-{NODE_GROUP}",
        scope.partition,
        session_manager=config.node_group.session_manager,
        tags=config.tags,
    )
    cluster = _cluster(config, scope, network, ops, testuser, role, addon_versions, aws_profile, depends_on(*ending))
    addons = AddonsArgs(
        cluster_name=cluster.cluster_name,
        partition=scope.partition,
        versions=addon_versions,
        tags=config.tags,
    )
    node_addons = NodeAddons("node-addons", addons, depends_on(cluster.core))
    group = _node_group(config, network, ops, cluster, role)
    node_opts = depends_on(node_addons, *network.way_out)
    nodes = NodeGroup("nodes", group, node_opts)
    workload_addons = WorkloadAddons("addons", addons, nodes.cluster_name, depends_on(nodes))
    DefaultStorage("storage", depends_on(workload_addons.ebs_csi_driver, cluster=cluster))
    platform = build_platform(config, scope, network, cluster, nodes, workload_addons)
    if config.expires_at and platform.published:
        image = versions.tools_image(config.kubernetes_version)
        IngressExpiry("pages-expiry", IngressExpiryArgs(config.expires_at, image), depends_on(cluster=cluster))
    PolicyParameters("policy-parameters", depends_on(nodes, cluster=cluster))
    running = depends_on(nodes, workload_addons, cluster=cluster)
    exercises = fixtures.build(config, scope, cluster, group, testuser, running, node_opts)
    return Lab(config, scope, network, ops, cluster, addon_versions, platform, exercises)


def _expired(config: LabConfig, now: datetime) -> Iterator[Problem]:
    """An end that has passed: AWS would take a new lab away while it is built."""
    if config.expires_at and config.expires_at <= now:
        yield Problem(
            key_of("expires"),
            f"The lab was to end at {config.expires}, which has passed.",
            "Give it more time with `./lab up --ttl 4h`, or remove the key.",
        )


def _ops(config: LabConfig, scope: Scope, network: Network) -> OpsServers:
    ops_network = OpsNetwork(
        "ops-network",
        OpsNetworkArgs(
            prefix=config.cluster_name,
            zone=config.zones[0],
            cidr=OPS_VPC_CIDR,
            peer_vpc_id=network.vpc_id,
            peer_cidr=config.vpc_cidr,
            peer_route_tables={
                "public": network.public_route_table_id,
                "private": network.private_route_table_id,
            },
            tags=config.tags,
        ),
    )
    return OpsServers(
        "ops",
        OpsServersArgs(
            prefix=config.cluster_name,
            scope=scope,
            vpc_id=ops_network.vpc_id,
            subnet_id=ops_network.subnet_id,
            environment=OpsEnvironment(
                cluster_name=config.cluster_name,
                region=config.region,
                account_id=scope.account,
                vpc_id=network.vpc_id,
                public_subnet_ids=network.public_subnet_ids,
                zones=config.zones,
            ),
            tools=OpsTools(
                kubectl=versions.KUBERNETES_VERSIONS[config.kubernetes_version].kubectl,
                helm=versions.HELM_VERSION,
                aws_cli=versions.AWS_CLI_VERSION,
                krew=versions.KREW_VERSION,
                krew_plugins=versions.KREW_PLUGINS,
            ),
            instance_type=config.ops_servers.instance_type,
            operator_cidrs=config.operator_cidrs,
            key_name=config.key_name,
            tags=config.tags,
        ),
        depends_on(*ops_network.way_out),
    )


def _ending(config: LabConfig, scope: Scope, network: Network, ops: OpsServers | None) -> list[Expiry]:
    """The end of the cluster, if the lab has one; the end of the rest, which has its ids only later, is beside it."""
    if config.expires_at is None:
        return []
    addresses = list(ops.address_ids) if ops else []
    if network.nat_address_id is not None:
        addresses.append(network.nat_address_id)
    common = ExpiryArgs(config.expires_at, scope, config.cluster_name, tags=config.tags)
    if addresses:
        Expiry(
            "ec2-expiry",
            replace(
                common,
                instance_ids=ops.instance_ids if ops else [],
                nat_gateway_ids=[network.nat_gateway_id] if network.nat_gateway_id is not None else [],
                address_ids=addresses,
            ),
        )
    more = fixtures.own_node_groups(config)
    return [Expiry("cluster-expiry", replace(common, node_group_name=NODE_GROUP, more_node_groups=more))]


def _cluster(
    config: LabConfig,
    scope: Scope,
    network: Network,
    ops: OpsServers | None,
    testuser: fixtures.Testuser,
    role: NodeRole,
    addon_versions: Mapping[str, pulumi.Output[str]],
    aws_profile: str | None,
    opts: pulumi.ResourceOptions,
) -> Cluster:
    public_access: list[pulumi.Input[str]] = [ANYWHERE]
    if config.operator_cidrs:
        # The ops servers come from the internet too: across a peering the endpoint's name answers with its
        # public addresses, whatever the peering's DNS setting.
        addresses = ops.public_ips if ops else []
        public_access = [
            *config.operator_cidrs,
            *(pulumi.Output.concat(address, "/32") for address in addresses),
        ]
    return Cluster(
        "cluster",
        ClusterArgs(
            cluster_name=config.cluster_name,
            kubernetes_version=config.kubernetes_version,
            support_type=config.support_type,
            partition=scope.partition,
            vpc_id=network.vpc_id,
            public_subnet_ids=network.public_subnet_ids,
            private_subnet_ids=network.private_subnet_ids,
            vpc_cni_version=addon_versions[versions.Addon.VPC_CNI],
            kube_proxy_version=addon_versions[versions.Addon.KUBE_PROXY],
            service_cidr=SERVICE_CIDR,
            prefix_delegation=config.node_group.prefix_delegation,
            public_access_cidrs=public_access,
            administrators={"ops": ops.role_arn} if ops else {},
            user_mappings=testuser.mappings,
            node_role_arn=role.arn,
            before_log_group=log_group_hook.hook(aws_profile, config.region),
            aws_profile=aws_profile,
            tags=config.tags,
        ),
        opts,
    )


def _node_group(
    config: LabConfig, network: Network, ops: OpsServers | None, cluster: Cluster, role: NodeRole
) -> NodeGroupArgs:
    group = config.node_group
    return NodeGroupArgs(
        group_name=NODE_GROUP,
        cluster=cluster.core,
        cluster_name=config.cluster_name,
        kubernetes_version=config.kubernetes_version,
        role=role,
        vpc_id=network.vpc_id,
        subnet_ids=network.public_subnet_ids,
        cluster_security_group_id=cluster.security_group_id,
        instance_types=group.instance_types,
        min_size=group.min_size,
        desired_size=group.desired_size,
        max_size=group.max_size,
        disk_size_gib=group.disk_size_gib,
        max_pods=group.max_pods,
        capacity_type=group.capacity_type,
        operator_cidrs=config.operator_cidrs,
        trusted_addresses=ops.private_ips if ops else [],
        key_name=config.key_name,
        tags=config.tags,
    )
