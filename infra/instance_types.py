"""How many pods an EC2 instance type can hold, so that maxPods is refused before a node fails on it.

The vpc-cni gives each pod an address of the VPC, and an instance type has a fixed number of network
interfaces with a fixed number of IPv4 addresses each. Only x86_64 types are here: the lab's nodes and ops
servers boot the x86_64 image of Amazon Linux 2023.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ADDRESSES_PER_PREFIX: Final = 16
"""A delegated prefix is a /28."""


@dataclass(frozen=True)
class InstanceType:
    """What decides the number of pods on one instance type."""

    name: str
    vcpus: int
    interfaces: int
    """Network interfaces (ENIs) that fit the instance."""
    addresses: int
    """IPv4 addresses on each interface, its own first one included."""
    nitro: bool
    """Whether it is a Nitro instance; only those take delegated prefixes."""

    def max_pods(self, prefix_delegation: bool) -> int:
        """Most pods that the node can hold.

        Without prefixes: interfaces * (addresses - 1) + 2, where 2 are the pods on the host's network. With
        prefixes each of those addresses is a /28, and the result is capped as EKS recommends: 110 pods
        under 30 vCPUs, 250 from there on (Amazon EKS User Guide, "Choose an optimal Amazon EC2 node
        instance type", 2026-11). A type that is not Nitro keeps single addresses.
        """
        slots = self.interfaces * (self.addresses - 1)
        if not (prefix_delegation and self.nitro):
            return slots + 2
        return min(slots * ADDRESSES_PER_PREFIX + 2, 110 if self.vcpus < 30 else 250)


# Size → (vCPUs, interfaces, addresses on each). Limits: EC2 User Guide, "Maximum IP addresses per network
# interface", as listed in amazon-vpc-cni-k8s 1.23.1, 2026-08.
_Sizes = dict[str, tuple[int, int, int]]

_T2: Final[_Sizes] = {
    "nano": (1, 2, 2),
    "micro": (1, 2, 2),
    "small": (1, 3, 4),
    "medium": (2, 3, 6),
    "large": (2, 3, 12),
    "xlarge": (4, 3, 15),
    "2xlarge": (8, 3, 15),
}
_T3: Final[_Sizes] = {
    "nano": (2, 2, 2),
    "micro": (2, 2, 2),
    "small": (2, 3, 4),
    "medium": (2, 3, 6),
    "large": (2, 3, 12),
    "xlarge": (4, 4, 15),
    "2xlarge": (8, 4, 15),
}
_GENERAL: Final[_Sizes] = {
    "large": (2, 3, 10),
    "xlarge": (4, 4, 15),
    "2xlarge": (8, 4, 15),
    "4xlarge": (16, 8, 30),
    "8xlarge": (32, 8, 30),
    "12xlarge": (48, 8, 30),
    "16xlarge": (64, 15, 50),
    "24xlarge": (96, 15, 50),
}
_FLEX: Final[_Sizes] = {size: row for size, row in _GENERAL.items() if size != "24xlarge"}
_SEVENTH_AMD: Final[_Sizes] = {"medium": (1, 2, 4), **_GENERAL}
_C5: Final[_Sizes] = {
    "large": (2, 3, 10),
    "xlarge": (4, 4, 15),
    "2xlarge": (8, 4, 15),
    "4xlarge": (16, 8, 30),
    "9xlarge": (36, 8, 30),
    "12xlarge": (48, 8, 30),
    "18xlarge": (72, 15, 50),
    "24xlarge": (96, 15, 50),
}
_EIGHTH_INTEL: Final[_Sizes] = {
    "large": (2, 3, 20),
    "xlarge": (4, 4, 30),
    "2xlarge": (8, 4, 30),
    "4xlarge": (16, 8, 50),
    "8xlarge": (32, 10, 50),
    "12xlarge": (48, 12, 50),
    "16xlarge": (64, 16, 64),
}

_FAMILIES: Final[dict[str, _Sizes]] = {
    "t2": _T2,
    "t3": _T3,
    "t3a": {**_T3, "small": (2, 2, 4)},
    "c5": _C5,
    **dict.fromkeys(
        ("m5", "m5a", "r5", "r5a", "c5a", "m6i", "m6a", "r6i", "r6a", "c6i", "c6a", "m7i", "r7i", "c7i"),
        _GENERAL,
    ),
    **dict.fromkeys(("m7i-flex", "c7i-flex"), _FLEX),
    **dict.fromkeys(("m7a", "r7a", "c7a"), _SEVENTH_AMD),
    **dict.fromkeys(("m8i", "r8i", "c8i", "m8i-flex", "r8i-flex", "c8i-flex"), _EIGHTH_INTEL),
}

INSTANCE_TYPES: Final[dict[str, InstanceType]] = {
    f"{family}.{size}": InstanceType(f"{family}.{size}", vcpus, interfaces, addresses, nitro=family != "t2")
    for family, sizes in _FAMILIES.items()
    for size, (vcpus, interfaces, addresses) in sizes.items()
}
"""Name → every instance type that the lab supports."""

FAMILIES: Final[tuple[str, ...]] = tuple(_FAMILIES)
"""The supported families, such as ``t3``."""

# Graviton families have a g right after the generation (t4g, m7gd, im4gn); a1 was the first Arm family.
_ARM = re.compile(r"(a1|[a-z]+[0-9]+g[a-z]*(-[a-z0-9]+)?)\..+")


def is_arm(name: str) -> bool:
    """Whether the name is one of an Arm (Graviton) type."""
    return _ARM.fullmatch(name) is not None
