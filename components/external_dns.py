"""ExternalDNS: keeps the hosted zone's records equal to what Ingresses and Services ask for, and no other
zone's.

On the way down it must live some seconds longer than the last Ingress, or the records stay in the zone: it waits
5 seconds after an event before it looks at the cluster, and at SIGTERM it stops at once, whatever it has
not done yet (kubernetes-sigs/external-dns v0.21.0, controller/controller.go and execute.go). The chart has no setting
for a hook that holds its pod, and Helm deletes the pod's service account and rights with it. So a second Deployment
stands beside it, whose only pod does nothing and takes its time to end. It needs the release and the Ingresses need
it, so that on every way down (`pulumi destroy`, or an update that removes the domain) the engine deletes the
Ingresses, then this Deployment, and only when its pod is gone ExternalDNS.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.base import Chart, Component, Tags
from components.helm import Installed, install
from components.irsa_role import IrsaRole, IrsaRoleArgs, OidcProvider
from components.policies import Scope, Statement

NAMESPACE = "kube-system"
SERVICE_ACCOUNT = "external-dns"

GRACE_SECONDS: Final = 20
"""How long ExternalDNS runs on after the last Ingress: 5 seconds until it looks, at most one for its clock, and the
calls to Route 53, which takes 5 a second from an account (Route 53 Developer Guide, "Quotas", seen 2026-11)."""

_SPARE_SECONDS: Final = 10
"""What the pod has to end after its hook, before the kubelet kills it."""

GRACE_NAME: Final = "external-dns-grace-period"


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
    pause_image: str
    """Image whose only process waits for its end."""

    domain: str
    hosted_zone_id: str
    oidc_provider: OidcProvider
    scope: Scope
    tags: Tags = field(default_factory=dict[str, str])


class ExternalDns(Component):
    """Role, release, and the Deployment that gives it its last seconds; needs the cluster's Kubernetes provider in
    `opts`. What makes records depends on the component."""

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
        _grace_period(f"{name}-grace-period", args.pause_image, self.child([self.release]))
        self.installed = Installed(args.chart.name, NAMESPACE, args.chart.name, args.chart.version)
        self.register_outputs({})


def _grace_period(name: str, image: str, opts: pulumi.ResourceOptions) -> Deployment:
    """A Deployment whose deletion takes GRACE_SECONDS: the engine waits until its pod is gone (foreground deletion)."""
    labels = {"app.kubernetes.io/name": GRACE_NAME}
    container = core.ContainerArgs(
        name="pause",
        image=image,
        # The kubelet itself sleeps, so that the image needs no shell (Kubernetes 1.34 and newer).
        lifecycle=core.LifecycleArgs(
            pre_stop=core.LifecycleHandlerArgs(sleep=core.SleepActionArgs(seconds=GRACE_SECONDS))
        ),
        resources=core.ResourceRequirementsArgs(requests={"cpu": "1m", "memory": "4Mi"}, limits={"memory": "16Mi"}),
        security_context=core.SecurityContextArgs(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=core.CapabilitiesArgs(drop=["ALL"]),
        ),
    )
    pod = core.PodSpecArgs(
        automount_service_account_token=False,
        containers=[container],
        termination_grace_period_seconds=GRACE_SECONDS + _SPARE_SECONDS,
        security_context=core.PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=65535,
            seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
        ),
    )
    return Deployment(
        name,
        metadata=ObjectMetaArgs(name=GRACE_NAME, namespace=NAMESPACE, labels=labels),
        spec=DeploymentSpecArgs(
            replicas=1,
            selector=LabelSelectorArgs(match_labels=labels),
            template=core.PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels), spec=pod),
        ),
        opts=opts,
    )
