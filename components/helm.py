"""How the lab installs a Helm chart: pinned, from its own repository, waiting until it runs, undone when it
fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from components.base import Chart

TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Installed:
    """A release as the stack's outputs have it."""

    name: str
    namespace: str
    chart: str
    version: str


def install(
    name: str,
    chart: Chart,
    namespace: pulumi.Input[str],
    values: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
) -> Release:
    """Install a chart as a release named like the chart, so that its objects have the names that its page
    shows.

    `skip_await` stays off: what comes after a release counts on its pods being ready.
    """
    return Release(
        name,
        name=chart.name,
        chart=chart.name,
        version=chart.version,
        repository_opts=RepositoryOptsArgs(repo=chart.repository),
        namespace=namespace,
        values=values,
        # A failed first installation would else block the next one by its name.
        atomic=True,
        timeout=TIMEOUT_SECONDS,
        opts=opts,
    )
