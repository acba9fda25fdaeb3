"""A real Kubernetes control plane on this machine, in the place of EKS's managed one.

Everything that the exercises ask about (authentication, RBAC, admission,
service-account tokens, audit, encryption at rest) has to be answered by the
real programs, or the answers would be worth nothing. Only the nodes are
played: KWOK registers and keeps them, and `rehearsal.cluster.kubelet` runs the
containers that are looked into.
"""

from rehearsal.cluster.api_client import ApiError
from rehearsal.cluster.control_plane.control_plane import ControlPlane
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.node_objects import NodeSpec, Taint
from rehearsal.cluster.spec import ControlPlaneSpec, ProcessInfo

__all__ = [
    "ApiError",
    "ControlPlane",
    "ControlPlaneError",
    "ControlPlaneSpec",
    "NodeSpec",
    "ProcessInfo",
    "Taint",
]
