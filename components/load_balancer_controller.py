"""The AWS Load Balancer Controller: makes load balancers for Ingresses, and must outlive every one of them.

On the way down every Ingress goes first: an Ingress without its controller never loses its finalizer, and its
load balancer keeps the VPC from being deleted.

Its webhook for Services is off. It fails closed, so that every Service anywhere that is created before the
controller's first pod is ready would be rejected, and everything would have to wait for it; all that it does is
to give Services of type LoadBalancer to this controller by default, and the lab has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from components.base import Chart, Component, Tags
from components.controller_tags import controller_tags
from components.helm import Installed, install
from components.irsa_role import IrsaRole, IrsaRoleArgs, OidcProvider
from components.load_balancer_policy import STATEMENTS
from components.policies import Scope

NAMESPACE = "kube-system"
SERVICE_ACCOUNT = "aws-load-balancer-controller"


@dataclass(frozen=True)
class LoadBalancerControllerArgs:
    """The cluster that the controller serves."""

    chart: Chart
    cluster_name: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    region: str
    oidc_provider: OidcProvider
    scope: Scope
    tags: Tags = field(default_factory=dict[str, str])


class LoadBalancerController(Component):
    """Role, service account and release; needs the cluster's Kubernetes provider in `opts`."""

    release: Release
    installed: Installed

    def __init__(self, name: str, args: LoadBalancerControllerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("LoadBalancerController", name, opts)
        role = IrsaRole(
            f"{name}-irsa",
            IrsaRoleArgs(
                oidc_provider=args.oidc_provider,
                namespace=NAMESPACE,
                service_account=SERVICE_ACCOUNT,
                statements=STATEMENTS,
                scope=args.scope,
                tags=args.tags,
            ),
            opts=self.child(),
        )
        account = role.service_account(f"{name}-account", self.child())
        self.release = install(
            f"{name}-release",
            args.chart,
            NAMESPACE,
            {
                "clusterName": args.cluster_name,
                "vpcId": args.vpc_id,
                "region": args.region,
                "serviceAccount": {"create": False, "name": SERVICE_ACCOUNT},
                "enableServiceMutatorWebhook": False,
                "defaultTags": controller_tags(args.tags),
            },
            # Until its last Ingress is gone the controller needs its rights, not its account alone.
            self.child([account, role]),
        )
        self.installed = Installed(args.chart.name, NAMESPACE, args.chart.name, args.chart.version)
        self.register_outputs({})
