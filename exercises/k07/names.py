"""Names of exercise K07, which what it makes and what it asks have in common."""

from __future__ import annotations

from typing import Final

from exercises.catalogue import EXERCISES

NAMESPACE: Final = "owasp-k07"
AGENTS: Final = "owasp-k07-agents"
"""Namespace of what belongs on a node's own network."""

NODE_GROUP: Final = EXERCISES["k07"].node_group
"""The node group that all its pods run on, and none of another exercise."""

WEB: Final = "web"
"""The Deployment whose pods an attacker is in."""

ORDERS: Final = "orders"
"""The Deployment whose pods have a role of their own, and its service account."""

NODE_AGENT: Final = "node-agent"
"""The Deployment whose pod is on the node's own network."""

DEPLOYER: Final = "deployer"
"""The service account that makes pods."""
