"""The lab's web pages on the internet: one Ingress each, one load balancer for all.

The Ingresses are the stack's own and not the charts', so that the engine itself deletes each and waits until
the controller has taken its finalizer away, which is when the load balancer, its target groups and its
security groups are gone. There are none without a domain and a certificate: Prometheus asks nobody for a
password.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    HTTPIngressPathArgs,
    HTTPIngressRuleValueArgs,
    Ingress,
    IngressBackendArgs,
    IngressRuleArgs,
    IngressServiceBackendArgs,
    IngressSpecArgs,
    ServiceBackendPortArgs,
)

from components.base import Component

GROUP = "study"


@dataclass(frozen=True)
class Page:
    """One page and the Service that serves it."""

    name: str
    """Name of the Ingress, and first label of the host name."""

    namespace: str
    service: str
    port: int
    local_port: int | None = None
    """Port on the operator's machine for a port-forward; None: the Service's own."""

    path: str = "/"
    """Where the page is best opened."""

    def url(self, domain: str) -> str:
        """The page's address on the internet."""
        return f"https://{self.name}.{domain}{'' if self.path == '/' else self.path}"

    @property
    def port_forward(self) -> str:
        """Command that leads to the page without an Ingress."""
        local = self.local_port or self.port
        return f"kubectl port-forward --namespace {self.namespace} service/{self.service} {local}:{self.port}"


@dataclass(frozen=True)
class WebPagesArgs:
    """The pages and how they are published."""

    pages: Sequence[Page]
    domain: str
    certificate_arn: str
    load_balancer_name: str
    """At most 32 letters, digits and hyphens."""

    allowed_cidrs: Sequence[str] = ()
    """Ranges that may open the pages; empty: everybody."""


class WebPages(Component):
    """One Ingress a page; needs the cluster's Kubernetes provider in `opts`.

    Depend on the load balancer controller, on ExternalDNS and on the pages' releases: all of them must be
    there after the last Ingress has gone.
    """

    def __init__(self, name: str, args: WebPagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("WebPages", name, opts)
        for page in args.pages:
            Ingress(
                f"{name}-{page.name}",
                metadata=ObjectMetaArgs(
                    name=page.name,
                    namespace=page.namespace,
                    labels={"app.kubernetes.io/name": page.name},
                    annotations=_annotations(args),
                ),
                spec=IngressSpecArgs(ingress_class_name="alb", rules=[_rule(page, args.domain)]),
                opts=self.child(),
            )
        self.register_outputs({})


def _annotations(args: WebPagesArgs) -> dict[str, str]:
    settings = {
        "group.name": GROUP,
        "load-balancer-name": args.load_balancer_name,
        "scheme": "internet-facing",
        "target-type": "ip",
        "success-codes": "200-399",
        "listen-ports": json.dumps([{"HTTPS": 443}, {"HTTP": 80}]),
        "certificate-arn": args.certificate_arn,
        "ssl-redirect": "443",
    }
    if args.allowed_cidrs:
        settings["inbound-cidrs"] = ",".join(args.allowed_cidrs)
    return {f"alb.ingress.kubernetes.io/{key}": value for key, value in settings.items()}


def _rule(page: Page, domain: str) -> IngressRuleArgs:
    backend = IngressBackendArgs(
        service=IngressServiceBackendArgs(name=page.service, port=ServiceBackendPortArgs(number=page.port))
    )
    path = HTTPIngressPathArgs(path="/", path_type="Prefix", backend=backend)
    return IngressRuleArgs(host=f"{page.name}.{domain}", http=HTTPIngressRuleValueArgs(paths=[path]))
