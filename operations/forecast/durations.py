"""How long AWS takes for what the lab is made of.

AWS promises no durations, so these are medians of runs that others published:
lines like "Creation complete after 9m24s" in Terraform logs of public
repositories on GitHub, 2019 to 2026, found by full-text search in 2026-11. The
engine calls the same APIs and waits for the same states. Each row says how many
runs stand behind it; a row without any is an assumption and says so.
"""

import re
from dataclasses import dataclass
from typing import Final

SOURCE: Final = "medians of published Terraform logs, seen 2026-11"
OTHER_SECONDS: Final = 2.0
"""What is not in the table: one API call and a look whether it is there. Most logs say 0 to 3 s."""


@dataclass(frozen=True)
class Duration:
    """One row; seconds that a resource takes to be created and to be deleted."""

    type: str
    create: float
    delete: float
    runs: tuple[int, int]
    """How many published runs the two medians are of; 0: assumed."""
    name: str = ""
    """Regular expression that the resource's name in the program must hold; empty: any."""
    note: str = ""


DURATIONS: Final = (
    Duration("aws:eks/cluster:Cluster", 588, 228, (12, 9), note="create 8m21s to 11m23s, delete 2m30s to 9m12s"),
    Duration("aws:eks/nodeGroup:NodeGroup", 134, 380, (11, 8), note="create 58s to 5m47s, delete 2m18s to 8m21s"),
    Duration("aws:eks/addon:Addon", 35, 9, (1, 1), name="vpc-?cni", note="before there are nodes"),
    Duration("aws:eks/addon:Addon", 25, 9, (4, 1), name="kube-?proxy"),
    Duration("aws:eks/addon:Addon", 25, 9, (1, 1), name="pod-identity-agent"),
    Duration("aws:eks/addon:Addon", 15, 9, (10, 1), name="coredns", note="create 14s to 56s"),
    Duration("aws:eks/addon:Addon", 50, 9, (2, 1), name="metrics-server"),
    Duration("aws:eks/addon:Addon", 54, 9, (7, 1), name="ebs-csi", note="create 45s to 1m5s"),
    Duration("aws:ec2/natGateway:NatGateway", 107, 72, (9, 4), note="create 1m25s to 2m5s"),
    Duration("aws:ec2/vpc:Vpc", 11, 1, (1, 6), note="with DNS hostnames, which is a second call"),
    Duration("aws:ec2/subnet:Subnet", 11, 2, (3, 1), note="with public addresses, which is a second call"),
    Duration("aws:ec2/internetGateway:InternetGateway", 1, 3, (0, 9), note="delete longer while addresses are mapped"),
    Duration("aws:ec2/instance:Instance", 12, 48, (2, 2)),
    Duration("aws:kms/key:Key", 28, 1, (3, 0), note="deletion is only scheduled"),
    Duration("kubernetes:helm.sh/v3:Release", 137, 15, (1, 0), name="monitoring", note="kube-prometheus-stack"),
    Duration("kubernetes:helm.sh/v3:Release", 34, 10, (2, 0), note="aws-load-balancer-controller; others alike"),
    Duration(
        "kubernetes:networking.k8s.io/v1:Ingress", 15, 30, (0, 0), note="until the ALB has a name; until it is gone"
    ),
    Duration(
        "kubernetes:apps/v1:Deployment", 10, 22, (0, 0), name="grace-period", note="a small image; its pod's own sleep"
    ),
    Duration("kubernetes:core/v1:Namespace", 1, 10, (0, 0), note="its contents are deleted first"),
    Duration("kubernetes:core/v1:Pod", 10, 3, (0, 0), note="image pull"),
)


def duration_of(type_: str, name: str) -> Duration | None:
    """The first row for a resource; None: OTHER_SECONDS hold."""
    for row in DURATIONS:
        if row.type == type_ and re.search(row.name, name):
            return row
    return None


def create_seconds(type_: str, name: str) -> float:
    """Seconds until a resource is there."""
    row = duration_of(type_, name)
    return row.create if row else OTHER_SECONDS


def delete_seconds(type_: str, name: str) -> float:
    """Seconds until a resource is gone."""
    row = duration_of(type_, name)
    return row.delete if row else OTHER_SECONDS
