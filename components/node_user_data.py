"""What a node does at its first boot, as EKS wants it beside a launch template of one's own.

EKS merges its own part (the cluster's endpoint and CA) into the launch template's user data, which must
therefore be a MIME multi-part text (Amazon EKS User Guide, "Customize managed nodes with launch templates",
seen 2026-11).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

TOOLS = ("nvme-cli", "links", "tree", "tcpdump", "sysstat", "ipvsadm", "ipset", "bind-utils", "htop")
"""Packages that the study note uses on nodes."""

# Fixed: a random boundary would make a new launch template version at each run.
_BOUNDARY = "==MYEKS=="


def node_user_data(max_pods: int, tools: Sequence[str] = TOOLS) -> str:
    """Base64 text for `LaunchTemplate.user_data`.

    Args:
        max_pods: greatest number of pods on the node, for nodeadm to tell the kubelet. Twice: for a node group
            without an AMI of its own, EKS adds a NodeConfig with a maxPods that it has calculated, and of two the
            later one wins; but a flag wins over every maxPods, wherever it stands (nodeadm's internal/api/merge.go,
            2026-07, and the kubelet's reference: flags before configuration files).
        tools: packages to install; one that the distribution does not have is passed over.
    """
    config = "\n".join(
        [
            "apiVersion: node.eks.aws/v1alpha1",
            "kind: NodeConfig",
            "spec:",
            "  kubelet:",
            "    config:",
            f"      maxPods: {max_pods}",
            "    flags:",
            f"      - --max-pods={max_pods}",
        ]
    )
    script = f"#!/bin/bash\ndnf install --assumeyes --setopt=strict=0 {' '.join(tools)}"
    parts = [("application/node.eks.aws", config), ("text/x-shellscript; charset=us-ascii", script)]
    lines = ["MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"', ""]
    for content_type, body in parts:
        lines += [f"--{_BOUNDARY}", f"Content-Type: {content_type}", "", body, ""]
    lines += [f"--{_BOUNDARY}--", ""]
    return base64.b64encode("\n".join(lines).encode()).decode()
