"""A worker node as the kubelet of EKS's AL2023 image registers it.

Labels, addresses and sizes decide what `kubectl get node`, selectors and the
exercises see; they are put together here, from facts that the caller took
from EC2, so that KWOK only has to keep the node alive.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KWOK_ANNOTATION = "kwok.x-k8s.io/node"
"""Marks the nodes that KWOK plays; its value is "fake", which is what they are."""

KUBELET_PORT = 10250
"""Of every node's kubelet, at the node's own address: `rehearsal.cluster.kubelet.egress` leads there."""

_MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}
_EC2 = uuid.UUID("ec2a0000-0000-4000-8000-000000000000")


@dataclass(frozen=True)
class Taint:
    """One taint of a node, in Kubernetes' own words."""

    key: str
    effect: str
    """NoSchedule, PreferNoSchedule or NoExecute."""
    value: str = ""


@dataclass(frozen=True)
class NodeSpec:
    """One node. What has a default is what a t3.medium in a managed node group has."""

    name: str
    """The Node's name: EC2's private DNS name, "ip-192-168-1-23.ap-northeast-2.compute.internal"."""
    instance_id: str
    instance_type: str
    zone: str
    region: str
    internal_ip: str
    external_ip: str = ""
    """Public IPv4 address, empty in a private subnet."""
    external_dns: str = ""
    """EC2's public DNS name; made from `external_ip` when empty."""
    nodegroup: str = ""
    """Name of the managed node group; empty for a node of its own."""
    capacity_type: str = "ON_DEMAND"
    """ON_DEMAND or SPOT."""
    ami_id: str = ""
    launch_template_id: str = ""
    launch_template_version: str = ""
    zone_id: str = ""
    """EC2's zone id, as "apne2-az1"; no label without it."""
    max_pods: int = 17
    """Pods that the node takes; the kubelet's --max-pods."""
    cpu: int = 2
    """vCPUs of the instance type."""
    memory_mib: int = 4096
    """Memory of the instance type, in MiB."""
    disk_gib: int = 20
    """Size of the root volume, in GiB."""
    arch: str = "amd64"
    """amd64 or arm64, as Kubernetes writes it."""
    pod_cidr: str = ""
    """Addresses that the node's pods get, from the node's subnet; KWOK's own range when empty."""
    version: str = ""
    """Kubernetes minor version of its kubelet, "1.35"; empty: the cluster's."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels of the node group, beside EKS's own."""
    taints: tuple[Taint, ...] = ()

    def manifest(self, kubelet_version: str, features: Sequence[str] = ()) -> dict[str, Any]:
        """The Node object, with a status that says all but whether it is ready.

        `features` are those that the API server must know before it asks for them.
        """
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": self.name,
                "labels": self._labels(),
                "annotations": {
                    KWOK_ANNOTATION: "fake",
                    "alpha.kubernetes.io/provided-node-ip": self.internal_ip,
                    "node.alpha.kubernetes.io/ttl": "0",
                    "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                },
            },
            "spec": self._spec(),
            "status": {
                "addresses": [{"type": kind, "address": address} for kind, address in self._addresses()],
                "capacity": self._capacity(),
                "allocatable": self._allocatable(),
                "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
                "nodeInfo": self._info(kubelet_version),
                **({"declaredFeatures": [*features]} if features else {}),
            },
        }

    def _labels(self) -> dict[str, str]:
        """What kubelet, cloud provider and node group put on the node; empty facts make no label."""
        own = {
            "beta.kubernetes.io/arch": self.arch,
            "beta.kubernetes.io/instance-type": self.instance_type,
            "beta.kubernetes.io/os": "linux",
            "failure-domain.beta.kubernetes.io/region": self.region,
            "failure-domain.beta.kubernetes.io/zone": self.zone,
            "kubernetes.io/arch": self.arch,
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": self.instance_type,
            "topology.kubernetes.io/region": self.region,
            "topology.kubernetes.io/zone": self.zone,
            "topology.k8s.aws/zone-id": self.zone_id,
        }
        group = {
            "eks.amazonaws.com/capacityType": self.capacity_type,
            "eks.amazonaws.com/nodegroup": self.nodegroup,
            "eks.amazonaws.com/nodegroup-image": self.ami_id,
            "eks.amazonaws.com/sourceLaunchTemplateId": self.launch_template_id,
            "eks.amazonaws.com/sourceLaunchTemplateVersion": self.launch_template_version,
        }
        managed = group if self.nodegroup else {}
        return {name: value for name, value in {**self.labels, **own, **managed}.items() if value}

    def _spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = {"providerID": f"aws:///{self.zone}/{self.instance_id}"}
        if self.pod_cidr:
            spec |= {"podCIDR": self.pod_cidr, "podCIDRs": [self.pod_cidr]}
        if self.taints:
            spec["taints"] = [
                {"key": taint.key, "effect": taint.effect, **({"value": taint.value} if taint.value else {})}
                for taint in self.taints
            ]
        return spec

    def _addresses(self) -> list[tuple[str, str]]:
        addresses = [("InternalIP", self.internal_ip)]
        if self.external_ip:
            addresses.append(("ExternalIP", self.external_ip))
        addresses += [("InternalDNS", self.name), ("Hostname", self.name)]
        if self.external_ip:
            addresses.append(("ExternalDNS", self.external_dns or self._public_dns()))
        return addresses

    def _public_dns(self) -> str:
        # EC2 names the first region's instances without the region.
        zone = "compute-1" if self.region == "us-east-1" else f"{self.region}.compute"
        return f"ec2-{self.external_ip.replace('.', '-')}.{zone}.amazonaws.com"

    @property
    def _memory_kib(self) -> int:
        # The kernel keeps some of it: a t3.medium on AL2023 reports about 3.74 of its 4 GiB.
        return self.memory_mib * 1024 * 935 // 1000

    @property
    def _disk_kib(self) -> int:
        # Less the boot partitions, 12 MiB on AL2023.
        return self.disk_gib * 1024 * 1024 - 12308

    def _capacity(self) -> dict[str, str]:
        return {
            "cpu": str(self.cpu),
            "memory": f"{self._memory_kib}Ki",
            "ephemeral-storage": f"{self._disk_kib}Ki",
            "hugepages-1Gi": "0",
            "hugepages-2Mi": "0",
            "pods": str(self.max_pods),
        }

    def _allocatable(self) -> dict[str, str]:
        """Capacity less what nodeadm reserves (AL2023 AMI: kubeReserved and evictionHard, 2025)."""
        memory = self._memory_kib - (255 + 11 * self.max_pods + 100) * 1024
        # A tenth is kept free by eviction, 1 GiB is reserved.
        disk = self._disk_kib * 1024 * 9 // 10 - 1024**3
        return {
            **self._capacity(),
            "cpu": f"{self.cpu * 1000 - _reserved_millicpu(self.cpu)}m",
            "memory": f"{memory}Ki",
            "ephemeral-storage": str(disk),
        }

    def _info(self, kubelet_version: str) -> dict[str, str]:
        machine = uuid.uuid5(_EC2, self.instance_id)
        return {
            "architecture": self.arch,
            "bootID": str(uuid.uuid5(machine, "boot")),
            "containerRuntimeVersion": "containerd://2.1.4",
            "kernelVersion": f"6.12.46-66.121.amzn2023.{_MACHINE.get(self.arch, self.arch)}",
            "kubeProxyVersion": "",
            "kubeletVersion": kubelet_version,
            "machineID": f"ec2{machine.hex[3:]}",
            "operatingSystem": "linux",
            "osImage": "Amazon Linux 2023",
            "systemUUID": f"ec2{str(machine)[3:]}",
        }


def _reserved_millicpu(cpu: int) -> int:
    """Of the first core 6 %, of the second 1 %, of the next two 0.5 %, of each further 0.25 %."""
    shares = [60, 10, 5, 5]
    return int(sum(shares[:cpu]) + 2.5 * max(0, cpu - 4))
