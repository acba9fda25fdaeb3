"""The controller's arguments, as its chart passes them."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_SSL_POLICY = "ELBSecurityPolicy-2016-08"
LEASE = "aws-load-balancer-controller-leader"


@dataclass(frozen=True)
class Settings:
    """What one controller works for."""

    cluster: str
    """Name of the cluster, in every tag."""
    region: str
    """Empty: the node's."""
    vpc: str
    """Empty: the node's."""
    ingress_class: str = "alb"
    """Value of the annotation kubernetes.io/ingress.class that counts too."""
    default_tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """On everything that is made."""
    ssl_policy: str = DEFAULT_SSL_POLICY
    scheme: str = "internal"
    """Of a load balancer whose Ingresses do not say."""
    target_type: str = "instance"
    shield: bool = True
    webhook_port: int = 9443
    webhook_certificates: Path = Path("/tmp/k8s-webhook-server/serving-certs")  # noqa: S108  # the chart's mount
    """Directory of tls.crt and tls.key."""
    lease: str = LEASE
    lease_namespace: str = ""
    """Empty: the pod's own."""


def pairs(text: str) -> dict[str, str]:
    """`a=b,c=d` as a mapping; raises ValueError."""
    found: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part} is not KEY=VALUE")
        found[key.strip()] = value.strip()
    return found


def parse(arguments: Sequence[str]) -> Settings:
    """The settings of a command line; arguments that change nothing here are let pass, and named in the log."""
    parser = argparse.ArgumentParser(prog="controller", description="Plays the AWS Load Balancer Controller.")
    parser.add_argument("--cluster-name", required=True)
    parser.add_argument("--aws-region", default="")
    parser.add_argument("--aws-vpc-id", default="")
    parser.add_argument("--ingress-class", default="alb")
    parser.add_argument("--default-tags", type=pairs, default={})
    parser.add_argument("--default-ssl-policy", default=DEFAULT_SSL_POLICY)
    parser.add_argument("--default-load-balancer-scheme", default="internal")
    parser.add_argument("--default-target-type", default="instance")
    parser.add_argument("--enable-shield", type=_boolean, default=True)
    parser.add_argument("--webhook-bind-port", type=int, default=9443)
    parser.add_argument("--webhook-cert-dir", type=Path, default=Settings.webhook_certificates)
    parser.add_argument("--leader-election-id", default=LEASE)
    parser.add_argument("--leader-election-namespace", default="")
    known, others = parser.parse_known_args(arguments)
    for each in others:
        print(f"not played: {each}", flush=True)
    return Settings(
        cluster=known.cluster_name,
        region=known.aws_region,
        vpc=known.aws_vpc_id,
        ingress_class=known.ingress_class,
        default_tags=known.default_tags,
        ssl_policy=known.default_ssl_policy,
        scheme=known.default_load_balancer_scheme,
        target_type=known.default_target_type,
        shield=known.enable_shield,
        webhook_port=known.webhook_bind_port,
        webhook_certificates=known.webhook_cert_dir,
        lease=known.leader_election_id,
        lease_namespace=known.leader_election_namespace,
    )


def _boolean(text: str) -> bool:
    return text.lower() in ("1", "t", "true")
