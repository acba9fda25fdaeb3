"""What the program makes, as one value: `infra.stack` fills it, `infra.outputs` exports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.cluster import Cluster
from components.network import Network
from components.ops_servers import OpsServers
from components.policies import Scope
from infra.config.model import LabConfig
from infra.exercises import Fixtures
from infra.platform import Platform

NODE_GROUP = "ng1"


@dataclass(frozen=True)
class Lab:
    """Everything that was made, for the outputs."""

    config: LabConfig
    scope: Scope
    network: Network
    ops: OpsServers | None
    cluster: Cluster
    addon_versions: Mapping[str, pulumi.Output[str]]
    platform: Platform
    exercises: Fixtures
    node_group_name: str = field(default=NODE_GROUP)
