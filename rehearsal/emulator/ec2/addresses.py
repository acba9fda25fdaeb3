"""Elastic IP addresses and the NAT gateways that use them.

ministack's NAT gateways have no address at all, and an address does not know
who uses it. Both matter when a network is taken down: a gateway's address
cannot be released, nor its internet gateway detached, while it is in use.
"""

from typing import Any

from rehearsal.emulator.ec2.call import Action, Call
from rehearsal.emulator.ec2.interfaces import Interfaces, new_id
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend


class Addresses:
    """Who has which public address."""

    def __init__(self, backend: Backend, calls: Calls, interfaces: Interfaces) -> None:
        """`interfaces` holds the gateways' and instances' interfaces."""
        self._backend = backend
        self._calls = calls
        self._interfaces = interfaces
        self._gateways: dict[str, dict[str, Any]] = {}
        """NatGatewayAddresses' one item by NAT gateway id."""

    def actions(self) -> dict[str, Action]:
        """What is answered here in ministack's place."""
        return {
            "CreateNatGateway": self._create_gateway,
            "DeleteNatGateway": self._delete_gateway,
            "AssociateAddress": self._associate,
            "DisassociateAddress": self._disassociate,
            "ReleaseAddress": self._release,
        }

    def amend_nat_gateway(self, gateway: dict[str, Any]) -> None:
        """Tell the gateway's address."""
        address = self._gateways.get(gateway["NatGatewayId"])
        gateway["NatGatewayAddresses"] = [address] if address else []

    def amend_address(self, address: dict[str, Any]) -> None:
        """Tell who uses an address."""
        record = self._backend.addresses.get(address["AllocationId"], {})
        for name in ("AssociationId", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress"):
            if record.get(name):
                address[name] = record[name]
        address["NetworkBorderGroup"] = self._backend.settings.region
        address["PublicIpv4Pool"] = "amazon"

    def _record(self, allocation_id: str) -> dict[str, Any]:
        record = self._backend.addresses.get(allocation_id)
        if record is None:
            message = f"The allocation ID '{allocation_id}' does not exist"
            raise AwsError("InvalidAllocationID.NotFound", message)
        return record

    async def _create_gateway(self, call: Call) -> dict[str, Any]:
        params = call.params
        subnet = await self._interfaces.subnet(params["SubnetId"])
        public = params.get("ConnectivityType", "public") == "public"
        record: dict[str, Any] = {}
        if public:
            if "AllocationId" not in params:
                raise AwsError("MissingParameter", "The request must contain the parameter AllocationId")
            record = self._record(params["AllocationId"])
            if record.get("AssociationId"):
                message = f"Elastic IP address [{params['AllocationId']}] is already associated"
                raise AwsError("Resource.AlreadyAssociated", message)
        result = await call.forward()
        gateway = result["NatGateway"]
        interface = self._interfaces.attach(
            subnet,
            (),
            description=f"Interface for NAT Gateway {gateway['NatGatewayId']}",
            private_ip=params.get("PrivateIpAddress", ""),
            kind="nat_gateway",
            requester="amazon-aws",
        )
        address = {
            "NetworkInterfaceId": interface["NetworkInterfaceId"],
            "PrivateIp": interface["PrivateIpAddress"],
            "IsPrimary": True,
            "Status": "succeeded",
        }
        if public:
            record["AssociationId"] = new_id("eipassoc")
            record["NetworkInterfaceId"] = interface["NetworkInterfaceId"]
            record["PrivateIpAddress"] = interface["PrivateIpAddress"]
            self._interfaces.set_public_ip(interface, record["PublicIp"], record["AssociationId"])
            address |= {
                "AllocationId": params["AllocationId"],
                "PublicIp": record["PublicIp"],
                "AssociationId": record["AssociationId"],
            }
        self._gateways[gateway["NatGatewayId"]] = address
        gateway["NatGatewayAddresses"] = [address]
        return result

    async def _delete_gateway(self, call: Call) -> dict[str, Any]:
        result = await call.forward()
        address = self._gateways.get(call.params["NatGatewayId"])
        if address:
            self._interfaces.release(address["NetworkInterfaceId"])
            if "AllocationId" in address and address["AllocationId"] in self._backend.addresses:
                _unlink(self._backend.addresses[address["AllocationId"]])
        return result

    async def _associate(self, call: Call) -> dict[str, Any]:
        params = call.params
        record = self._record(params["AllocationId"])
        if record.get("AssociationId") and not params.get("AllowReassociation"):
            message = f"resource {params['AllocationId']} is already associated with associate-id "
            raise AwsError("Resource.AlreadyAssociated", message + record["AssociationId"])
        interface = self._target(params)
        instance_id = interface.get("Attachment", {}).get("InstanceId")
        record.update(
            AssociationId=new_id("eipassoc"),
            NetworkInterfaceId=interface["NetworkInterfaceId"],
            PrivateIpAddress=interface["PrivateIpAddress"],
            InstanceId=instance_id,
        )
        self._interfaces.set_public_ip(interface, record["PublicIp"], record["AssociationId"])
        self._tell_instance(instance_id, record["PublicIp"])
        return {"AssociationId": record["AssociationId"]}

    def _target(self, params: dict[str, Any]) -> dict[str, Any]:
        if interface_id := params.get("NetworkInterfaceId"):
            interface = self._interfaces.get(interface_id)
            if interface is None:
                message = f"The networkInterface ID '{interface_id}' does not exist"
                raise AwsError("InvalidNetworkInterfaceID.NotFound", message)
            return interface
        instance_id = params.get("InstanceId", "")
        interfaces = self._interfaces.of_instance(instance_id)
        if not interfaces:
            raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
        return interfaces[0]

    async def _disassociate(self, call: Call) -> dict[str, Any]:
        wanted = call.params.get("AssociationId", "")
        for record in self._backend.addresses.values():
            if record.get("AssociationId") == wanted:
                interface = self._interfaces.get(record.get("NetworkInterfaceId") or "")
                if interface:
                    self._interfaces.set_public_ip(interface, "")
                self._tell_instance(record.get("InstanceId"), "")
                _unlink(record)
                return {}
        raise AwsError("InvalidAssociationID.NotFound", f"The association ID '{wanted}' does not exist")

    def _tell_instance(self, instance_id: str | None, public_ip: str) -> None:
        if instance_id:
            record = self._backend.instances[instance_id]
            record["PublicIpAddress"] = public_ip
            record["PublicDnsName"] = self._interfaces.public_dns_name(public_ip) if public_ip else ""

    async def _release(self, call: Call) -> dict[str, Any]:
        record = self._record(call.params.get("AllocationId", ""))
        if record.get("AssociationId"):
            raise AwsError("InvalidIPAddress.InUse", f"Address {record['PublicIp']} is in use.")
        return await call.forward()


def _unlink(record: dict[str, Any]) -> None:
    record.update(AssociationId=None, NetworkInterfaceId=None, PrivateIpAddress=None, InstanceId=None)
