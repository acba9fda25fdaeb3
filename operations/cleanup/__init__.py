"""What a lab left behind on AWS, asked of AWS itself.

The engine deletes what it recorded. Beside it, controllers in the cluster make load balancers, volumes and records,
EKS makes groups and interfaces, and a state can be lost. So AWS is asked, kind by kind, and needs nothing but the
stack's settings to be asked. `classify` decides what is this lab's and `registry` in which order it can go, both
without AWS; the other modules are thin calls of one service each.
"""

from operations.cleanup.delete import Failed, Outcome, delete, in_order
from operations.cleanup.find import RecordedIds, clients, find, settled
from operations.cleanup.kinds.clusters import CLUSTERS
from operations.cleanup.model import ClientFactory, Kind, LabIdentity, Leftover, Report, Resource, Unasked
from operations.cleanup.registry import FIRST, HOLDERS, KINDS

__all__ = [
    "CLUSTERS",
    "FIRST",
    "HOLDERS",
    "KINDS",
    "ClientFactory",
    "Failed",
    "Kind",
    "LabIdentity",
    "Leftover",
    "Outcome",
    "RecordedIds",
    "Report",
    "Resource",
    "Unasked",
    "clients",
    "delete",
    "find",
    "in_order",
    "settled",
]
