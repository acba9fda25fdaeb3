"""Network interfaces: who sits in a subnet, with which address and which security groups.

ministack's instances have addresses out of thin air and hold no subnet or
security group in use. Here each instance, NAT gateway and EKS control plane
has an interface, as on AWS; whether a subnet or a group can be deleted, and
which address is free, follows from that.
"""

import ipaddress
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rehearsal.emulator.ec2.call import Action, Call
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend


def new_id(prefix: str) -> str:
    """A resource id as AWS forms them: "eni-" and 17 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"


class Interfaces:
    """The interfaces that AWS makes by itself, and those that users make."""

    def __init__(self, backend: Backend, calls: Calls) -> None:
        """Starts with none."""
        self._backend = backend
        self._calls = calls
        self._all: dict[str, dict[str, Any]] = {}

    def actions(self) -> dict[str, Action]:
        """What is answered here in ministack's place."""
        return {
            "CreateNetworkInterface": self._create,
            "DeleteNetworkInterface": self._delete,
            "AttachNetworkInterface": _not_played,
            "DetachNetworkInterface": _not_played,
        }

    async def subnet(self, subnet_id: str) -> dict[str, Any]:
        """A subnet as DescribeSubnets gives it; raises AwsError when there is none."""
        return (await self._calls("ec2", "DescribeSubnets", SubnetIds=[subnet_id]))["Subnets"][0]

    def attach(
        self,
        subnet: dict[str, Any],
        groups: Iterable[str],
        *,
        description: str = "",
        private_ip: str = "",
        instance_id: str = "",
        public_ip: str = "",
        kind: str = "interface",
        requester: str = "",
        delete_on_termination: bool = True,
    ) -> dict[str, Any]:
        """A new interface in a subnet.

        `instance_id` is what it is attached to, `requester` the AWS service that manages it, `kind`
        interface or nat_gateway. Raises AwsError for an address that is outside or taken.
        """
        interface_id = new_id("eni")
        address = private_ip or self._free_address(subnet)
        if private_ip:
            self._check_address(subnet, private_ip)
        attached_at = datetime.now(UTC)
        interface: dict[str, Any] = {
            "NetworkInterfaceId": interface_id,
            "SubnetId": subnet["SubnetId"],
            "VpcId": subnet["VpcId"],
            "AvailabilityZone": subnet["AvailabilityZone"],
            "Description": description,
            "OwnerId": self._backend.settings.account_id,
            "RequesterManaged": bool(requester),
            "RequesterId": requester or None,
            "Status": "in-use" if instance_id or requester else "available",
            "MacAddress": _mac(interface_id),
            "PrivateIpAddress": address,
            "PrivateDnsName": self.private_dns_name(address),
            "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": address}],
            "SourceDestCheck": True,
            "InterfaceType": kind,
            "Groups": [self.group(group) for group in groups],
        }
        if instance_id or requester:
            interface["Attachment"] = {
                "AttachmentId": new_id("eni-attach"),
                "AttachTime": attached_at,
                "DeleteOnTermination": delete_on_termination,
                "DeviceIndex": 0 if instance_id else 1,
                "InstanceId": instance_id or None,
                "InstanceOwnerId": self._backend.settings.account_id if instance_id else requester,
                "Status": "attached",
            }
        self._all[interface_id] = interface
        self.set_public_ip(interface, public_ip)
        return interface

    def set_public_ip(self, interface: dict[str, Any], public_ip: str, association_id: str = "") -> None:
        """Give an interface a public address, or take it away with an empty one."""
        if public_ip:
            interface["Association"] = {
                "PublicIp": public_ip,
                "PublicDnsName": self.public_dns_name(public_ip),
                "IpOwnerId": self._backend.settings.account_id if association_id else "amazon",
                "AssociationId": association_id or None,
            }
        else:
            interface.pop("Association", None)

    def group(self, group_id: str) -> dict[str, str]:
        """A security group's id and name; raises AwsError when there is none."""
        record = self._backend.security_groups.get(group_id)
        if record is None:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        return {"GroupId": group_id, "GroupName": record["GroupName"]}

    def release(self, interface_id: str) -> None:
        """Take an interface away; one that is gone is fine."""
        self._all.pop(interface_id, None)
        self._backend.records("ec2", "_tags").pop(interface_id, None)

    def of_instance(self, instance_id: str) -> list[dict[str, Any]]:
        """The interfaces of an instance."""
        return [each for each in self._all.values() if each.get("Attachment", {}).get("InstanceId") == instance_id]

    def in_subnet(self, subnet_id: str) -> list[dict[str, Any]]:
        """Every interface in a subnet."""
        return [each for each in self._all.values() if each["SubnetId"] == subnet_id]

    def in_vpc(self, vpc_id: str) -> list[dict[str, Any]]:
        """Every interface in a VPC."""
        return [each for each in self._all.values() if each["VpcId"] == vpc_id]

    def with_group(self, group_id: str) -> list[dict[str, Any]]:
        """Every interface that a security group protects."""
        return [each for each in self._all.values() if any(group["GroupId"] == group_id for group in each["Groups"])]

    def get(self, interface_id: str) -> dict[str, Any] | None:
        """One interface, if it is there."""
        return self._all.get(interface_id)

    def listed(self, from_ministack: list[dict[str, Any]], wanted: list[str]) -> list[dict[str, Any]]:
        """What DescribeNetworkInterfaces shall list."""
        both = [*from_ministack, *(dict(each) for each in self._all.values())]
        return [each for each in both if not wanted or each["NetworkInterfaceId"] in wanted]

    def amend_subnet(self, subnet: dict[str, Any]) -> None:
        """Count the addresses that are in use; AWS keeps five for itself."""
        size = ipaddress.ip_network(subnet["CidrBlock"]).num_addresses
        taken = self._taken(subnet["SubnetId"])
        blocks = self._blocks(subnet["SubnetId"])
        subnet["AvailableIpAddressCount"] = size - 5 - len(taken) - sum(each.num_addresses for each in blocks)

    def public_address(self) -> str:
        """A public address that nobody has: of the blocks that are reserved for documentation (RFC 5737)."""
        taken = {each["Association"]["PublicIp"] for each in self._all.values() if "Association" in each}
        blocks = ("192.0.2", "198.51.100", "203.0.113")
        free = [ip for block in blocks for last in range(1, 255) if (ip := f"{block}.{last}") not in taken]
        if not free:
            raise AwsError("InsufficientAddressCapacity", "The rehearsal has no public address left.", 500)
        return secrets.choice(free)

    def private_dns_name(self, address: str) -> str:
        """The name that EC2 gives an address inside the VPC."""
        region = self._backend.settings.region
        zone = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
        return f"ip-{address.replace('.', '-')}.{zone}"

    def public_dns_name(self, address: str) -> str:
        """The name that EC2 gives a public address."""
        region = self._backend.settings.region
        zone = "compute-1" if region == "us-east-1" else f"{region}.compute"
        return f"ec2-{address.replace('.', '-')}.{zone}.amazonaws.com"

    def _taken(self, subnet_id: str) -> set[str]:
        return {each["PrivateIpAddress"] for each in self.in_subnet(subnet_id)}

    def _blocks(self, subnet_id: str) -> list[ipaddress.IPv4Network]:
        """The prefixes in a subnet that interfaces have."""
        return [
            ipaddress.IPv4Network(prefix["Ipv4Prefix"])
            for each in self.in_subnet(subnet_id)
            for prefix in each.get("Ipv4Prefixes", [])
        ]

    def is_used(self, subnet_id: str, block: ipaddress.IPv4Network) -> bool:
        """Whether anything of a block of a subnet is taken."""
        if any(block.overlaps(each) for each in self._blocks(subnet_id)):
            return True
        return any(ipaddress.IPv4Address(each) in block for each in self._taken(subnet_id))

    def _free_address(self, subnet: dict[str, Any]) -> str:
        network = ipaddress.ip_network(subnet["CidrBlock"])
        taken, blocks = self._taken(subnet["SubnetId"]), self._blocks(subnet["SubnetId"])
        # The first four addresses and the last are AWS's own (VPC User Guide, "Subnet CIDR blocks").
        count = network.num_addresses - 5
        # The upper half comes first: prefixes are cut from below, and need room that is whole.
        start = count // 2 + secrets.randbelow(count - count // 2)
        for step in range(count):
            address = network[4 + (start + step) % count]
            if str(address) not in taken and not any(address in block for block in blocks):
                return str(address)
        raise AwsError(
            "InsufficientFreeAddressesInSubnet",
            f"The specified subnet does not have enough free addresses to satisfy the request: {subnet['SubnetId']}",
        )

    def _check_address(self, subnet: dict[str, Any], address: str) -> None:
        network = ipaddress.ip_network(subnet["CidrBlock"])
        if ipaddress.ip_address(address) not in network:
            raise AwsError("InvalidParameterValue", "Address does not fall within the subnet's address range")
        reserved = {str(network[index]) for index in (0, 1, 2, 3, -1)}
        if address in reserved:
            raise AwsError("InvalidParameterValue", "Address is in subnet's reserved address range")
        if address in self._taken(subnet["SubnetId"]):
            raise AwsError("InvalidIPAddress.InUse", f"Address {address} is in use.")

    async def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        subnet = await self.subnet(params["SubnetId"])
        groups = params.get("Groups") or [await self.default_group(subnet["VpcId"])]
        interface = self.attach(
            subnet,
            groups,
            description=params.get("Description", ""),
            private_ip=params.get("PrivateIpAddress", ""),
        )
        tags = [tag for spec in params.get("TagSpecifications", []) for tag in spec.get("Tags", [])]
        if tags:
            await self._calls("ec2", "CreateTags", Resources=[interface["NetworkInterfaceId"]], Tags=tags)
        return {"NetworkInterface": {**interface, "TagSet": tags}}

    async def _delete(self, call: Call) -> dict[str, Any]:
        interface_id = call.params["NetworkInterfaceId"]
        interface = self._all.get(interface_id)
        if interface is None:
            message = f"The networkInterface ID '{interface_id}' does not exist"
            raise AwsError("InvalidNetworkInterfaceID.NotFound", message)
        if "Attachment" in interface:
            message = f"Network interface '{interface_id}' is currently in use."
            raise AwsError("InvalidParameterValue", message)
        self.release(interface_id)
        return {}

    async def default_group(self, vpc_id: str) -> str:
        """The id of a VPC's default security group."""
        filters = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": ["default"]}]
        return (await self._calls("ec2", "DescribeSecurityGroups", Filters=filters))["SecurityGroups"][0]["GroupId"]


async def _not_played(call: Call) -> dict[str, Any]:
    raise AwsError("UnsupportedOperation", f"The rehearsal does not play {call.action}.")


def _mac(interface_id: str) -> str:
    # The two lowest bits of the first octet: not multicast, locally administered.
    digits = interface_id.removeprefix("eni-")[:10]
    return "02:" + ":".join(digits[index : index + 2] for index in range(0, 10, 2))
