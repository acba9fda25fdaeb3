"""Prometheus and Grafana by the chart kube-prometheus-stack, with the study note's values.

Left out of the note's values, on purpose:

- The charts' own `ingress` blocks: the pages' Ingresses are the stack's own (see `web_pages`).
- `prometheus.verticalPodAutoscaler.enabled`: the chart of 2025 made nothing of it; the one of today makes a
  VerticalPodAutoscaler, a kind that EKS does not have, and the installation would fail.
- Grafana's well-known password: the configured one, else the chart makes one and keeps it in its Secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.base import Chart, Component
from components.helm import Installed, install
from components.web_pages import Page

NAMESPACE = "monitoring"
TIME_ZONE = "Asia/Seoul"
_DASHBOARD_FOLDER = "default"


@dataclass(frozen=True)
class MonitoringArgs:
    """The chart and what is configured of it."""

    chart: Chart
    dashboard_id: int
    """Number of a dashboard on grafana.com."""

    dashboard_revision: int
    grafana_password: pulumi.Output[str] | None = None
    """A secret output, or None: the chart makes a password."""


class Monitoring(Component):
    """Namespace and release, and the pages that they serve; needs the cluster's Kubernetes provider in
    `opts`."""

    namespace: Namespace
    release: Release
    installed: Installed
    pages: tuple[Page, ...]
    grafana_secret: str
    """Name of the Secret with Grafana's password, key `admin-password`, in the namespace."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Monitoring", name, opts)
        self.namespace = Namespace(f"{name}-namespace", metadata=ObjectMetaArgs(name=NAMESPACE), opts=self.child())
        self.release = install(
            f"{name}-release",
            args.chart,
            self.namespace.metadata.apply(lambda metadata: metadata.name or NAMESPACE),
            values(args),
            self.child(),
        )
        release_name = args.chart.name
        self.installed = Installed(release_name, NAMESPACE, args.chart.name, args.chart.version)
        self.pages = (
            Page("prometheus", NAMESPACE, f"{release_name}-prometheus", 9090),
            Page("grafana", NAMESPACE, f"{release_name}-grafana", 80, local_port=3000),
        )
        self.grafana_secret = f"{release_name}-grafana"
        self.register_outputs({})


def values(args: MonitoringArgs) -> dict[str, Any]:
    """The chart's values."""
    grafana: dict[str, Any] = {
        "defaultDashboardsTimezone": TIME_ZONE,
        "defaultDashboardsEnabled": False,
        # The value above is for the chart's default dashboards, which are off; this one is for every
        # dashboard.
        "grafana.ini": {"date_formats": {"default_timezone": TIME_ZONE}},
        "dashboardProviders": {
            "dashboardproviders.yaml": {
                "apiVersion": 1,
                "providers": [
                    {
                        # Equal to the key under `dashboards`: the chart mounts them by it.
                        "name": _DASHBOARD_FOLDER,
                        "orgId": 1,
                        "folder": "",
                        "type": "file",
                        "disableDeletion": False,
                        "editable": True,
                        "options": {"path": f"/var/lib/grafana/dashboards/{_DASHBOARD_FOLDER}"},
                    }
                ],
            }
        },
        "dashboards": {
            _DASHBOARD_FOLDER: {
                "kubernetes-all-in-one": {
                    "gnetId": args.dashboard_id,
                    "revision": args.dashboard_revision,
                    "datasource": "Prometheus",
                }
            }
        },
    }
    if args.grafana_password is not None:
        grafana["adminPassword"] = args.grafana_password
    off = {"enabled": False}
    return {
        # No storageSpec: a volume would outlive the lab.
        "prometheus": {
            "prometheusSpec": {
                "scrapeInterval": "15s",
                "evaluationInterval": "15s",
                "podMonitorSelectorNilUsesHelmValues": False,
                "serviceMonitorSelectorNilUsesHelmValues": False,
                "retention": "5d",
                "retentionSize": "10GiB",
            }
        },
        "grafana": grafana,
        "alertmanager": off,
        "defaultRules": {"create": False},
        # EKS runs these where nobody can scrape them.
        "kubeControllerManager": off,
        "kubeEtcd": off,
        "kubeScheduler": off,
        "prometheus-windows-exporter": {"prometheus": {"monitor": {"enabled": False}}},
    }
