"""kubectl df-pv, as of github.com/yashbhutwala/kubectl-df-pv v0.5.0: how full the volumes of claims are.

A node's kubelet measures its pods' volumes. Only nodes with a pod that mounts a claim are asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from operations.rbac.cluster_reader import NotAsked, Reader
from programs import text
from programs.cluster import Parser, Stopped, add_options, asking, options_of

DEFAULT: Final = ("pv", "pvc", "namespace", "node", "pod", "mount", "size", "used", "available", "%used")
HEADS: Final = {
    "pv": "PV NAME",
    "pvc": "PVC NAME",
    "namespace": "NAMESPACE",
    "node": "NODE NAME",
    "pod": "POD NAME",
    "mount": "VOLUME MOUNT NAME",
    "size": "SIZE",
    "used": "USED",
    "available": "AVAILABLE",
    "%used": "%USED",
    "iused": "IUSED",
    "ifree": "IFREE",
    "%iused": "%IUSED",
}
_UNITS: Final = (("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10))


@dataclass(frozen=True)
class Volume:
    """A claim's volume as a kubelet measures it; sizes in bytes."""

    pv: str
    pvc: str
    namespace: str
    node: str
    pod: str
    mount: str
    capacity: int
    used: int
    available: int
    inodes: int
    inodes_used: int
    inodes_free: int

    def cells(self) -> dict[str, str]:
        """The cell of each column."""
        share, files = _percent(self.used, self.capacity), _percent(self.inodes_used, self.inodes)
        return {
            "pv": self.pv,
            "pvc": self.pvc,
            "namespace": self.namespace,
            "node": self.node,
            "pod": self.pod,
            "mount": self.mount,
            "size": _coloured(_size(self.capacity), share),
            "used": _coloured(_size(self.used), share),
            "available": _coloured(_size(self.available), share),
            "%used": _coloured(f"{share:.2f}", share),
            "iused": _coloured(str(self.inodes_used), files),
            "ifree": _coloured(str(self.inodes_free), files),
            "%iused": _coloured(f"{files:.2f}", files),
        }


def main(arguments: list[str]) -> None:
    """Print a row a volume."""
    parser = Parser("kubectl df-pv", "df for persistent volumes.")
    parser.add_argument("-v", "--verbosity", metavar="LEVEL", default="info", help="taken and not used")
    parser.add_argument("-d", "--disable-color", action="store_true")
    parser.add_argument("--columns", metavar="COLUMNS", default="", help=", ".join(HEADS))
    add_options(parser)
    given = parser.parse_args(arguments)
    wanted = tuple(name.strip().lower() for name in given.columns.split(",")) if given.columns else DEFAULT
    if unknown := [name for name in wanted if name not in HEADS]:
        raise Stopped(f'unknown column "{unknown[0]}". Name some of: {", ".join(HEADS)}.')
    with asking(options_of(given)) as reader:
        found, silent = volumes(reader, given.namespace)
    if found:
        rows = [[one.cells()[name] for name in wanted] for one in found]
        text.show(["", *text.padded([[HEADS[name] for name in wanted], *rows]), ""])
    else:
        text.log(
            f"Either no volumes found in namespace/s: '{given.namespace or 'all'}' or the storage provisioner used for "
            "the volumes does not publish metrics to kubelet"
        )
    for node in silent:
        text.tell(f"Node {node} measures no volumes. Claims and their sizes: kubectl get pv,pvc -A")


def volumes(reader: Reader, namespace: str) -> tuple[list[Volume], list[str]]:
    """The claims' volumes in one namespace, or in all; and the nodes that did not tell."""
    place = f"/namespaces/{namespace}" if namespace else ""
    pods = reader.get(f"/api/v1{place}/pods").get("items") or []
    nodes = sorted({one["spec"]["nodeName"] for one in pods if one["spec"].get("nodeName") and _has_claim(one)})
    if not nodes:
        return [], []
    claims = {
        (one["metadata"]["namespace"], one["metadata"]["name"]): one["spec"].get("volumeName", "")
        for one in reader.get(f"/api/v1{place}/persistentvolumeclaims").get("items") or []
    }
    found: list[Volume] = []
    silent: list[str] = []
    for node in nodes:
        try:
            summary = reader.get(f"/api/v1/nodes/{node}/proxy/stats/summary")
        except NotAsked as error:
            if error.status in (401, 403):
                raise
            silent.append(node)
            continue
        found += _measured(node, summary, claims, namespace)
    return found, silent


def _measured(node: str, summary: Any, claims: dict[tuple[str, str], str], namespace: str) -> Iterable[Volume]:
    for pod in summary.get("pods") or ():
        for one in pod.get("volume") or ():
            claim = one.get("pvcRef")
            if claim and namespace in ("", claim["namespace"]):
                owner = (claim["namespace"], claim["name"])
                yield Volume(
                    pv=claims.get(owner, ""),
                    pvc=claim["name"],
                    namespace=claim["namespace"],
                    node=node,
                    pod=pod["podRef"]["name"],
                    mount=one["name"],
                    capacity=one.get("capacityBytes", 0),
                    used=one.get("usedBytes", 0),
                    available=one.get("availableBytes", 0),
                    inodes=one.get("inodes", 0),
                    inodes_used=one.get("inodesUsed", 0),
                    inodes_free=one.get("inodesFree", 0),
                )


def _has_claim(pod: Any) -> bool:
    return any("persistentVolumeClaim" in one for one in pod["spec"].get("volumes") or ())


def _size(amount: int) -> str:
    for unit, size in _UNITS:
        if amount >= size:
            return f"{amount / size:.2f}".rstrip("0").rstrip(".") + unit
    return str(max(amount, 0))


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


def _coloured(cell: str, share: float) -> str:
    return text.painted(cell, "red" if share > 75 else "green" if share < 25 else "yellow")
