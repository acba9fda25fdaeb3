"""Every version that the lab pins, in one place, so that an upgrade is one reviewed change.

Nothing else in the project names a chart, image or tool version. Each entry says where its version
was read and when; "seen" is the month in which the source showed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final


@dataclass(frozen=True)
class KubernetesVersion:
    """One Kubernetes minor version that EKS offers."""

    standard_support_until: date
    """Last day of standard support: 0.10 USD an hour; from the next day on extended support, 0.60 USD
    an hour. Amazon EKS User Guide, "Kubernetes versions", seen 2026-11."""

    extended_support_until: date
    """Last day of extended support, after which EKS upgrades every cluster by itself; the same source."""

    kubectl: str
    """Patch version of kubectl on the ops servers (no leading ``v``), the newest of this minor version:
    tags of the Go module k8s.io/kubectl, seen 2026-11."""

    tools_image_tag: str
    """Tag of the image ``TOOLS_IMAGE`` whose kubectl is of this minor version. The image follows the patch
    releases with some delay, so this one is a patch that public repositories were seen to run, 2026-11."""


KUBERNETES_VERSIONS: Final[dict[str, KubernetesVersion]] = {
    "1.36": KubernetesVersion(date(2027, 8, 2), date(2028, 8, 2), kubectl="1.36.6", tools_image_tag="1.36.3"),
    "1.35": KubernetesVersion(date(2027, 3, 27), date(2028, 3, 27), kubectl="1.35.10", tools_image_tag="1.35.8"),
    "1.34": KubernetesVersion(date(2026, 12, 2), date(2027, 12, 2), kubectl="1.34.13", tools_image_tag="1.34.1"),
}
"""Kubernetes minor version → what goes with it; newest first."""

DEFAULT_KUBERNETES_VERSION: Final = "1.36"


@dataclass(frozen=True)
class Chart:
    """A Helm chart at one version."""

    name: str
    """Name of the chart in its repository."""

    repository: str
    """URL of the Helm repository."""

    version: str
    """Chart version (not the version of the application in it)."""

    digest: str = ""
    """SHA-256 of the chart's archive in hexadecimal digits, from the index.yaml of its repository; empty where no
    index was seen. The rehearsal takes no other archive from the network."""


AWS_LOAD_BALANCER_CONTROLLER: Final = Chart(
    name="aws-load-balancer-controller",
    repository="https://aws.github.io/eks-charts",
    version="3.5.0",
    # The repository's index of 2026-08-03; so has its archive itself.
    digest="45051f634b33e10baccb3354d0681b7de787c60445e599fa276e0c9aedd4ccd5",
)
EXTERNAL_DNS: Final = Chart(
    name="external-dns",
    repository="https://kubernetes-sigs.github.io/external-dns/",
    version="1.21.1",
    # The repository's index of 2026-08-21.
    digest="5dd033a4b872bf641860695705ee460031d0bc695f114bf8926fee6736814e19",
)
KUBE_OPS_VIEW: Final = Chart(
    # The chart of geek-cookbook has not moved since 2022 and depends on a repository that is gone.
    name="kube-ops-view",
    repository="https://charts.christianhuth.de",
    version="8.3.3",
)
KUBE_PROMETHEUS_STACK: Final = Chart(
    name="kube-prometheus-stack",
    repository="https://prometheus-community.github.io/helm-charts",
    version="88.5.3",
)

CHARTS: Final[tuple[Chart, ...]] = (
    AWS_LOAD_BALANCER_CONTROLLER,
    EXTERNAL_DNS,
    KUBE_OPS_VIEW,
    KUBE_PROMETHEUS_STACK,
)
"""Every chart that the stack can install."""


@dataclass(frozen=True)
class GrafanaDashboard:
    """A dashboard of grafana.com, imported by the Grafana chart."""

    gnet_id: int
    revision: int


KUBERNETES_ALL_IN_ONE_DASHBOARD: Final = GrafanaDashboard(gnet_id=17900, revision=1)
"""“1 Kubernetes All-in-one Cluster Monitoring KR v1.26.0”. Revision 1 is the one that always exists:
grafana.com numbers the revisions from 1 and keeps them all. No public source seen in 2026-11 names a newer
one."""

TOOLS_IMAGE: Final = "alpine/k8s"
"""Image with a shell, kubectl, helm and the AWS CLI, for the exercise pods."""


def tools_image(kubernetes_version: str) -> str:
    """Reference of the tools image for a Kubernetes minor version.

    Args:
        kubernetes_version: a key of ``KUBERNETES_VERSIONS``, such as ``1.36``.

    Raises:
        KeyError: the version is not supported.
    """
    return f"{TOOLS_IMAGE}:{KUBERNETES_VERSIONS[kubernetes_version].tools_image_tag}"


PAUSE_IMAGE: Final = "registry.k8s.io/pause:3.10.2"
"""Image of a pod that does nothing. Kubernetes 1.36.3 names this one (build/dependencies.yaml, seen 2026-11)."""

# The ops servers' tools; kubectl follows the cluster (see KUBERNETES_VERSIONS).
HELM_VERSION: Final = "4.3.1"
"""Tag of the Go module helm.sh/helm/v4, seen 2026-11. Helm 3 gets no fixes since 2026-11."""

KREW_VERSION: Final = "0.5.0"
"""Release of kubernetes-sigs/krew, as packaged by Arch Linux in 2026-03."""

AWS_CLI_VERSION: Final = "2.36.5"
"""AWS CLI version 2, release of 2026-07."""

AWS_CLI_IMAGE: Final = "amazon/aws-cli:latest"
"""Image of the AWS CLI, whose entrypoint is `aws`, for the exercise pods. The study note names this tag, and a pod that
has another image is changed by the note's `kubectl apply`: its container ends, and is not started again."""

KREW_PLUGINS: Final[tuple[str, ...]] = (
    "access-matrix",
    "rbac-tool",
    "rolesum",
    "whoami",
    "rbac-view",
    "ctx",
    "ns",
    "df-pv",
    "stern",
)
"""krew plugins on the ops servers; the krew index serves the newest version of each only."""


class Addon:
    """Names of the EKS add-ons that the lab runs.

    Their versions are not pinned: EKS offers only the versions that fit the cluster's minor version, and
    withdraws old ones, so the stack asks for the default version of its Kubernetes version.
    """

    VPC_CNI: Final = "vpc-cni"
    KUBE_PROXY: Final = "kube-proxy"
    COREDNS: Final = "coredns"
    METRICS_SERVER: Final = "metrics-server"
    EBS_CSI_DRIVER: Final = "aws-ebs-csi-driver"
    POD_IDENTITY_AGENT: Final = "eks-pod-identity-agent"


ADDONS: Final[tuple[str, ...]] = (
    Addon.VPC_CNI,
    Addon.KUBE_PROXY,
    Addon.COREDNS,
    Addon.METRICS_SERVER,
    Addon.EBS_CSI_DRIVER,
    Addon.POD_IDENTITY_AGENT,
)
"""Every add-on that the lab runs."""
