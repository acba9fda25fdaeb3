"""IPv4 prefixes of network interfaces, from which a node's pods have their addresses.

The VPC CNI asks for them with AssignPrivateIpAddresses. Who wants to know which
security groups protect a pod looks for the interface that has its address, as
the load balancer controller does. Amazon EC2 User Guide, "Prefix delegation", seen 2026-11.
"""

import ipaddress
from typing import Any, Final

from rehearsal.emulator.ec2.call import Action, Call
from rehearsal.emulator.ec2.interfaces import Interfaces
from rehearsal.emulator.errors import AwsError

LENGTH: Final = 28
"""Of every prefix: 16 addresses."""


class Prefixes:
    """Hands out blocks of a subnet's addresses."""

    def __init__(self, interfaces: Interfaces) -> None:
        """`interfaces` know what is taken."""
        self._interfaces = interfaces

    def actions(self) -> dict[str, Action]:
        """What is answered here in ministack's place."""
        return {"AssignPrivateIpAddresses": self._assign}

    async def _assign(self, call: Call) -> dict[str, Any]:
        interface_id = call.params["NetworkInterfaceId"]
        interface = self._interfaces.get(interface_id)
        if interface is None:
            message = f"The networkInterface ID '{interface_id}' does not exist"
            raise AwsError("InvalidNetworkInterfaceID.NotFound", message)
        count = call.params.get("Ipv4PrefixCount", 0)
        if not count:
            message = "The rehearsal plays AssignPrivateIpAddresses with Ipv4PrefixCount alone."
            raise AwsError("UnsupportedOperation", message)
        subnet = await self._interfaces.subnet(interface["SubnetId"])
        made = [{"Ipv4Prefix": str(each)} for each in self._free(subnet, count)]
        interface.setdefault("Ipv4Prefixes", []).extend(made)
        return {"NetworkInterfaceId": interface_id, "AssignedIpv4Prefixes": made}

    def _free(self, subnet: dict[str, Any], count: int) -> list[ipaddress.IPv4Network]:
        """Free prefixes of a subnet, side by side where there are as many; raises AwsError."""
        network = ipaddress.IPv4Network(subnet["CidrBlock"])
        prefixes = list(network.subnets(new_prefix=LENGTH)) if network.prefixlen <= LENGTH else []
        # The first and the last prefix hold addresses of AWS's own.
        free = [each for each in prefixes[1:-1] if not self._interfaces.is_used(subnet["SubnetId"], each)]
        length = LENGTH - max(count - 1, 0).bit_length()
        for block in network.subnets(new_prefix=length) if network.prefixlen <= length else ():
            inside = [each for each in free if each.subnet_of(block)]
            if len(inside) >= count:
                return inside[:count]
        if len(free) < count:
            raise AwsError(
                "InsufficientCidrBlocks",
                "There are not enough free cidr blocks in the specified subnet to satisfy the request.",
            )
        return free[:count]
