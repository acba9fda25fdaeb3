"""What EKS offers: Kubernetes versions and add-ons, with the dates that decide their price.

Data only. Kubernetes versions: Amazon EKS User Guide, "Understand the
Kubernetes version lifecycle on EKS", seen 2026-11. Add-on versions: as
`aws eks describe-addon-versions` was seen to give them in 2026, from public
stacks that pin them; which of them is the default changes from week to week.
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple


class KubernetesVersion(NamedTuple):
    """One minor version that EKS offers under standard support."""

    version: str
    patch: str
    """The patch that control planes run."""
    platform: str
    released: datetime
    standard_until: datetime
    extended_until: datetime


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


KUBERNETES_VERSIONS: Final = (
    KubernetesVersion("1.36", "1.36.3", "eks.9", _day(2026, 6, 2), _day(2027, 8, 2), _day(2028, 8, 2)),
    KubernetesVersion("1.35", "1.35.7", "eks.15", _day(2026, 1, 27), _day(2027, 3, 27), _day(2028, 3, 27)),
    KubernetesVersion("1.34", "1.34.10", "eks.22", _day(2025, 10, 2), _day(2026, 12, 2), _day(2027, 12, 2)),
)
"""Newest first; the first is what EKS takes when no version is asked for."""

VERSIONS: Final = {row.version: row for row in KUBERNETES_VERSIONS}


class Addon(NamedTuple):
    """One add-on."""

    name: str
    kind: str
    """DescribeAddonVersions' `type`: networking, storage, observability, security."""
    namespace: str
    versions: dict[str, tuple[str, ...]]
    """Versions by Kubernetes version, newest first; the last is EKS's default."""
    needs_nodes: bool
    """Whether it is unhealthy without a node to run on: it has a Deployment."""
    wants_role: bool
    """Whether it needs rights in AWS (requiresIamPermissions)."""
    service_accounts: tuple[str, ...] = ()
    """Its service accounts that Pod Identity associations may be given for."""


def _all(*versions: str) -> dict[str, tuple[str, ...]]:
    return {row.version: versions for row in KUBERNETES_VERSIONS}


ADDONS: Final = {
    row.name: row
    for row in (
        Addon(
            "vpc-cni",
            "networking",
            "kube-system",
            _all("v1.22.4-eksbuild.3", "v1.22.3-eksbuild.1"),
            needs_nodes=False,
            wants_role=True,
            service_accounts=("aws-node",),
        ),
        Addon(
            "kube-proxy",
            "networking",
            "kube-system",
            {
                "1.36": ("v1.36.0-eksbuild.25", "v1.36.0-eksbuild.21"),
                "1.35": ("v1.35.3-eksbuild.5", "v1.35.0-eksbuild.2"),
                "1.34": ("v1.34.6-eksbuild.2", "v1.34.0-eksbuild.4"),
            },
            needs_nodes=False,
            wants_role=False,
        ),
        Addon(
            "coredns",
            "networking",
            "kube-system",
            {
                "1.36": ("v1.14.3-eksbuild.23", "v1.14.3-eksbuild.16"),
                "1.35": ("v1.13.2-eksbuild.7", "v1.13.2-eksbuild.1"),
                "1.34": ("v1.13.1-eksbuild.1", "v1.12.4-eksbuild.1"),
            },
            needs_nodes=True,
            wants_role=False,
        ),
        Addon(
            "metrics-server",
            "observability",
            "kube-system",
            _all("v0.8.1-eksbuild.6", "v0.8.0-eksbuild.6"),
            needs_nodes=True,
            wants_role=False,
        ),
        Addon(
            "aws-ebs-csi-driver",
            "storage",
            "kube-system",
            _all("v1.63.1-eksbuild.1", "v1.62.0-eksbuild.1"),
            needs_nodes=True,
            wants_role=True,
            service_accounts=("ebs-csi-controller-sa",),
        ),
        Addon(
            "eks-pod-identity-agent",
            "security",
            "kube-system",
            _all("v1.3.10-eksbuild.3", "v1.3.10-eksbuild.2"),
            needs_nodes=False,
            wants_role=False,
        ),
    )
}
"""The add-ons that the rehearsal knows, by name."""

LOG_TYPES: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
"""Control plane log types (EKS API Reference, "LogSetup")."""

AMI_RELEASE: Final = "20261112"
"""Date of the EKS optimized AMI that nodes are launched from."""
