"""What the stack tells: everything that the study note exports by hand, and what the lab's commands need.

No output is a secret. A value that the configuration does not give is the empty text (or an empty list or
map), so that every output is always there.
"""

from __future__ import annotations

from typing import Any

import pulumi

from infra.lab import Lab


def export(lab: Lab) -> None:
    """Register the stack's outputs."""
    for name, value in of(lab).items():
        pulumi.export(name, value)


def of(lab: Lab) -> dict[str, Any]:
    """Output name → value or Output. The names are part of the lab's interface."""
    config, cluster, platform, ops = lab.config, lab.cluster, lab.platform, lab.ops
    return {
        "clusterName": cluster.cluster_name,
        "kubernetesVersion": config.kubernetes_version,
        "region": config.region,
        "accountId": lab.scope.account,
        "vpcId": lab.network.vpc_id,
        "publicSubnetIds": lab.network.public_subnet_ids,
        "privateSubnetIds": lab.network.private_subnet_ids,
        "nodeGroupName": lab.node_group_name,
        "maxPods": config.node_group.max_pods,
        "certificateArn": config.certificate_arn or "",
        "domain": config.domain or "",
        "hostedZoneId": config.hosted_zone_id or "",
        "kubeconfig": cluster.kubeconfig,
        "kubeconfigCommand": pulumi.Output.format(
            "aws eks update-kubeconfig --region {0} --name {1}", config.region, cluster.cluster_name
        ),
        "oidcProviderArn": cluster.oidc_provider_arn,
        "oidcIssuer": cluster.oidc_issuer,
        "opsServerInstanceIds": ops.instance_ids if ops else [],
        "opsServerPublicIps": ops.public_ips if ops else [],
        "opsServerPrivateIps": ops.private_ips if ops else [],
        "nodePublicIpsCommand": (
            f"aws ec2 describe-instances --region {config.region} --filters"
            f" Name=tag:Name,Values={config.cluster_name}-{lab.node_group_name}-Node"
            " Name=instance-state-name,Values=running"
            " --query 'Reservations[].Instances[].[Placement.AvailabilityZone,PublicIpAddress]' --output text"
        ),
        "addons": [{"name": name, "version": version} for name, version in lab.addon_versions.items()],
        "releases": [
            {"name": one.name, "namespace": one.namespace, "chart": one.chart, "version": one.version}
            for one in platform.releases
        ],
        "pages": {
            page.name: {"url": page.url(config.domain)}
            if platform.published and config.domain
            else {"portForward": page.port_forward}
            for page in platform.pages
        },
        "grafanaPasswordCommand": _grafana_password(lab),
        "exercises": config.exercises.outputs(),
        "exerciseRoleArns": dict(lab.exercises.role_arns),
        "testuserArn": lab.exercises.testuser.arn,
        "expires": config.expires or "",
    }


def _grafana_password(lab: Lab) -> str:
    """The command that reads Grafana's password from where the chart keeps it; empty without monitoring."""
    platform = lab.platform
    if not platform.grafana_secret:
        return ""
    return (
        f"kubectl get secret --namespace {platform.grafana_namespace} {platform.grafana_secret}"
        " --output jsonpath='{.data.admin-password}' | base64 --decode"
    )
