"""Instance types: what decides how much fits on a node.

ministack invents the numbers, and a node's capacity and its pods per network
interface are part of what the lab teaches. Rows: Amazon EC2 User Guide,
"Instance types" (vCPUs, memory) and "IP addresses per network interface per
instance type", seen 2026-11.
"""

from typing import Any, Final, NamedTuple


class InstanceType(NamedTuple):
    """One row."""

    name: str
    vcpus: int
    memory_mib: int
    interfaces: int
    addresses: int
    """IPv4 addresses per network interface."""
    arch: str
    """x86_64 or arm64."""

    @property
    def max_pods(self) -> int:
        """Pods that the VPC CNI can give an address without prefix delegation."""
        return self.interfaces * (self.addresses - 1) + 2

    def description(self) -> dict[str, Any]:
        """As DescribeInstanceTypes tells it."""
        cores = max(1, self.vcpus // 2) if self.arch == "x86_64" else self.vcpus
        return {
            "InstanceType": self.name,
            "CurrentGeneration": not self.name.startswith("t2."),
            "FreeTierEligible": self.name in ("t2.micro", "t3.micro"),
            "SupportedUsageClasses": ["on-demand", "spot"],
            "SupportedRootDeviceTypes": ["ebs"],
            "SupportedVirtualizationTypes": ["hvm"],
            "BareMetal": False,
            "Hypervisor": "xen" if self.name.startswith("t2.") else "nitro",
            "ProcessorInfo": {"SupportedArchitectures": [self.arch]},
            "VCpuInfo": {
                "DefaultVCpus": self.vcpus,
                "DefaultCores": cores,
                "DefaultThreadsPerCore": self.vcpus // cores,
            },
            "MemoryInfo": {"SizeInMiB": self.memory_mib},
            "InstanceStorageSupported": False,
            "EbsInfo": {"EncryptionSupport": "supported"},
            "NetworkInfo": {
                "MaximumNetworkInterfaces": self.interfaces,
                "Ipv4AddressesPerInterface": self.addresses,
            },
            "BurstablePerformanceSupported": self.name.startswith("t"),
        }


def _burstable() -> list[InstanceType]:
    shapes = {
        "nano": (2, 512, 2, 2),
        "micro": (2, 1024, 2, 2),
        "small": (2, 2048, 3, 4),
        "medium": (2, 4096, 3, 6),
        "large": (2, 8192, 3, 12),
        "xlarge": (4, 16384, 4, 15),
        "2xlarge": (8, 32768, 4, 15),
    }
    rows = [
        InstanceType(f"{family}.{size}", *shape, "arm64" if family == "t4g" else "x86_64")
        for family in ("t3", "t3a", "t4g")
        for size, shape in shapes.items()
    ]
    # The one row in which the AMD family differs.
    return [row._replace(interfaces=2) if row.name == "t3a.small" else row for row in rows]


def _fixed() -> list[InstanceType]:
    sizes = {"large": (2, 3, 10), "xlarge": (4, 4, 15), "2xlarge": (8, 4, 15), "4xlarge": (16, 8, 30)}
    families = {"c": 2, "m": 4, "r": 8}
    return [
        InstanceType(
            f"{letter}{generation}.{size}",
            vcpus,
            vcpus * gib_per_vcpu * 1024,
            interfaces,
            addresses,
            "arm64" if generation.endswith("g") else "x86_64",
        )
        for letter, gib_per_vcpu in families.items()
        for generation in ("5", "5a", "6i", "6a", "6g", "7i", "7a", "7g")
        for size, (vcpus, interfaces, addresses) in sizes.items()
    ]


INSTANCE_TYPES: Final = {
    row.name: row
    for row in (
        InstanceType("t2.micro", 1, 1024, 2, 2, "x86_64"),
        InstanceType("t2.small", 1, 2048, 3, 4, "x86_64"),
        InstanceType("t2.medium", 2, 4096, 3, 6, "x86_64"),
        InstanceType("t2.large", 2, 8192, 3, 12, "x86_64"),
        *_burstable(),
        *_fixed(),
    )
}
"""The types that the rehearsal knows, by name."""
