"""kube-ops-view: the cluster's nodes and pods as one moving picture.

The study note sets its time zone by `env.TZ`. The chart that is still kept (8.3.3, values and templates read
2026-11) has no setting for the container's environment, so there is nothing to set it by; the page shows
ages, not times.
"""

from __future__ import annotations

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from components.base import Chart, Component
from components.helm import Installed, install
from components.web_pages import Page

NAMESPACE = "kube-system"
PORT = 8080


class OpsView(Component):
    """The release, and the page that it serves; needs the cluster's Kubernetes provider in `opts`."""

    release: Release
    installed: Installed
    page: Page

    def __init__(self, name: str, chart: Chart, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("OpsView", name, opts)
        self.release = install(
            f"{name}-release",
            chart,
            NAMESPACE,
            {"service": {"type": "ClusterIP", "port": PORT}},
            self.child(),
        )
        self.installed = Installed(chart.name, NAMESPACE, chart.name, chart.version)
        self.page = Page("kubeopsview", NAMESPACE, chart.name, PORT, path="/#scale=1.5")
        self.register_outputs({})
