"""What runs in the cluster: the platform's releases and pages, each after what it needs.

Releases come after nodes and coredns and do not wait for each other, because the load balancer controller's webhook
for Services is off (see its component). Ingresses come last: they go first, while controller, ExternalDNS and their
rights are still there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.addons import WorkloadAddons
from components.cluster import Cluster
from components.external_dns import ExternalDns, ExternalDnsArgs
from components.helm import Installed
from components.kube_ops_view import OpsView
from components.load_balancer_controller import LoadBalancerController, LoadBalancerControllerArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.network import Network
from components.node_group import NodeGroup
from components.policies import Scope
from components.web_pages import Page, WebPages, WebPagesArgs
from infra import versions
from infra.config.loading import LabConfig


@dataclass(frozen=True)
class Platform:
    """What runs in the cluster."""

    controller: LoadBalancerController
    external_dns: ExternalDns | None
    releases: Sequence[Installed]
    pages: Sequence[Page]
    published: bool
    """Whether the pages have Ingresses."""

    grafana_secret: str = ""
    """Name of the Secret with Grafana's password; empty without monitoring."""

    grafana_namespace: str = ""


def depends_on(*needs: pulumi.Resource, cluster: Cluster | None = None) -> pulumi.ResourceOptions:
    """Options of a component that is made after these and deleted before them, in the cluster if one is
    given."""
    return pulumi.ResourceOptions(depends_on=list(needs), providers=[cluster.kubernetes] if cluster else None)


def build(
    config: LabConfig,
    scope: Scope,
    network: Network,
    cluster: Cluster,
    nodes: NodeGroup,
    addons: WorkloadAddons,
) -> Platform:
    """Everything that the settings ask for."""
    running = depends_on(nodes, addons.coredns, cluster=cluster)
    controller = LoadBalancerController(
        "lbc",
        LoadBalancerControllerArgs(
            chart=versions.AWS_LOAD_BALANCER_CONTROLLER,
            cluster_name=cluster.cluster_name,
            vpc_id=network.vpc_id,
            region=config.region,
            oidc_provider=cluster.oidc_provider,
            scope=scope,
            tags=config.tags,
        ),
        running,
    )
    releases, pages = [controller.installed], list[Page]()
    needs: list[pulumi.Resource] = [controller]
    external_dns = None
    if config.domain and config.hosted_zone_id:
        external_dns = ExternalDns(
            "dns",
            ExternalDnsArgs(
                chart=versions.EXTERNAL_DNS,
                pause_image=versions.PAUSE_IMAGE,
                domain=config.domain,
                hosted_zone_id=config.hosted_zone_id,
                oidc_provider=cluster.oidc_provider,
                scope=scope,
                tags=config.tags,
            ),
            running,
        )
        releases.append(external_dns.installed)
        needs.append(external_dns)
    if config.kube_ops_view:
        view = OpsView("ops-view", versions.KUBE_OPS_VIEW, running)
        releases.append(view.installed)
        pages.append(view.page)
    grafana_secret = grafana_namespace = ""
    if config.monitoring:
        # Its namespace is ours.
        monitoring = _monitoring(config, depends_on(nodes, addons.coredns, addons.metrics_server, cluster=cluster))
        releases.append(monitoring.installed)
        pages.extend(monitoring.pages)
        # Not for the release itself: the engine waits until what an Ingress leads to answers.
        needs.append(monitoring.namespace)
        grafana_secret, grafana_namespace = monitoring.grafana_secret, monitoring.installed.namespace
    published = bool(config.domain and config.certificate_arn and pages)
    if config.domain and config.certificate_arn and pages:
        WebPages(
            "pages",
            WebPagesArgs(
                pages=pages,
                domain=config.domain,
                certificate_arn=config.certificate_arn,
                load_balancer_name=f"{config.cluster_name}-ingress-alb",
                allowed_cidrs=config.operator_cidrs,
            ),
            depends_on(*needs, cluster=cluster),
        )
    return Platform(controller, external_dns, releases, pages, published, grafana_secret, grafana_namespace)


def _monitoring(config: LabConfig, opts: pulumi.ResourceOptions) -> Monitoring:
    password = config.grafana_admin_password
    dashboard = versions.KUBERNETES_ALL_IN_ONE_DASHBOARD
    return Monitoring(
        "monitoring",
        MonitoringArgs(
            chart=versions.KUBE_PROMETHEUS_STACK,
            dashboard_id=dashboard.gnet_id,
            dashboard_revision=dashboard.revision,
            grafana_password=pulumi.Output.secret(password.get_secret_value()) if password else None,
        ),
        opts,
    )
