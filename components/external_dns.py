"""ExternalDNS: keeps the hosted zone's records equal to what Ingresses and Services ask for, and no other
zone's.

On the way down it must live some seconds longer than the last Ingress, or the records stay in the zone. It
therefore acts on events, not once a minute, and the platform's other releases depend on it, so that their
removal stands between the Ingresses' and its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from components.base import Chart, Component, Tags
from components.helm import Installed, install
from components.irsa import IrsaRole, IrsaRoleArgs, OidcProvider
from components.policies import Scope, Statement

NAMESPACE = "kube-system"
SERVICE_ACCOUNT = "external-dns"


def statements(hosted_zone_id: str) -> tuple[Statement, ...]:
    """What ExternalDNS may do: change one zone, and find it."""
    return (
        Statement(
            sid="ChangeOneZone",
            actions=[
                "route53:ChangeResourceRecordSets",
                "route53:ListResourceRecordSets",
                "route53:ListTagsForResources",
            ],
            resources=["arn:{partition}:route53:::hostedzone/" + hosted_zone_id],
        ),
        Statement(
            sid="FindZones",
            actions=["route53:ListHostedZones"],
            wildcard="The action lists all zones of the account; AWS lets it not be narrowed.",
        ),
    )


@dataclass(frozen=True)
class ExternalDnsArgs:
    """The zone that it serves."""

    chart: Chart
    domain: str
    hosted_zone_id: str
    oidc_provider: OidcProvider
    scope: Scope
    tags: Tags = field(default_factory=dict[str, str])


class ExternalDns(Component):
    """Role and release; needs the cluster's Kubernetes provider in `opts`."""

    release: Release
    installed: Installed

    def __init__(self, name: str, args: ExternalDnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ExternalDns", name, opts)
        role = IrsaRole(
            f"{name}-irsa",
            IrsaRoleArgs(
                oidc_provider=args.oidc_provider,
                namespace=NAMESPACE,
                service_account=SERVICE_ACCOUNT,
                statements=statements(args.hosted_zone_id),
                scope=args.scope,
                tags=args.tags,
            ),
            opts=self.child(),
        )
        self.release = install(
            f"{name}-release",
            args.chart,
            NAMESPACE,
            {
                "provider": {"name": "aws"},
                "extraArgs": {
                    "aws-zone-type": "public",
                    # By the domain alone it would also take a zone below, in which it may do nothing, and stop there;
                    # and it would not find the zone above.
                    "zone-id-filter": args.hosted_zone_id,
                    "aws-zone-match-parent": True,
                },
                "sources": ["service", "ingress"],
                "domainFilters": [args.domain],
                "policy": "sync",
                "registry": "txt",
                "txtOwnerId": args.hosted_zone_id,
                "triggerLoopOnEvent": True,
                # Two at a time would undo each other's records.
                "deploymentStrategy": {"type": "Recreate"},
                "serviceAccount": {
                    "create": True,
                    "name": SERVICE_ACCOUNT,
                    "annotations": role.annotations,
                },
            },
            self.child([role]),
        )
        self.installed = Installed(args.chart.name, NAMESPACE, args.chart.name, args.chart.version)
        self.register_outputs({})
