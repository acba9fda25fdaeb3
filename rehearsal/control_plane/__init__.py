"""A real Kubernetes control plane on this machine, in the place of EKS's managed one.

Everything that the exercises ask about (authentication, RBAC, admission,
service-account tokens, audit, encryption at rest) has to be answered by the
real programs, or the answers would be worth nothing. Only the nodes are
played: KWOK registers and keeps them, and `rehearsal.kubelet` runs the
containers that are looked into.
"""

from rehearsal.control_plane.client import ApiError
from rehearsal.control_plane.cluster import ControlPlane
from rehearsal.control_plane.errors import ControlPlaneError
from rehearsal.control_plane.nodes import NodeSpec, Taint
from rehearsal.control_plane.spec import ControlPlaneSpec, ProcessInfo

__all__ = [
    "ApiError",
    "ControlPlane",
    "ControlPlaneError",
    "ControlPlaneSpec",
    "NodeSpec",
    "ProcessInfo",
    "Taint",
]
