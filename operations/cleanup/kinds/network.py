"""The VPCs and everything that keeps one from being deleted."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from clients.aws_responses import named, pages, when
from operations.cleanup import ownership
from operations.cleanup.model import ClientFactory, Kind, LabIdentity, NameEvidence, Resource

_NO_PEERING = frozenset({"deleted", "deleting", "rejected", "expired", "failed"})
_SERVICE_INTERFACES = "amazon-"
"""Requesters of interfaces that a service made for itself and takes away itself: `amazon-elb`, `amazon-aws`."""


def _nat_gateways(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for gateway in pages(client("ec2"), "describe_nat_gateways", "NatGateways"):
        if gateway["State"] in ("deleted", "failed"):
            continue
        tags, name = named(gateway.get("Tags"))
        yield Resource(
            id=gateway["NatGatewayId"],
            name=name,
            tags=tags,
            created=when(gateway.get("CreateTime")),
            vpc=gateway.get("VpcId", ""),
            state=gateway["State"],
            going=gateway["State"] == "deleting",
        )


def _endpoints(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for endpoint in pages(client("ec2"), "describe_vpc_endpoints", "VpcEndpoints"):
        state = endpoint.get("State", "").lower()
        if state == "deleted":
            continue
        tags, name = named(endpoint.get("Tags"))
        yield Resource(
            id=endpoint["VpcEndpointId"],
            name=name or endpoint.get("ServiceName", ""),
            tags=tags,
            size=f"{endpoint.get('VpcEndpointType', '')}, {len(endpoint.get('SubnetIds', []))} zones",
            created=when(endpoint.get("CreationTimestamp")),
            vpc=endpoint.get("VpcId", ""),
            state=state,
            going=state == "deleting",
        )


def _interfaces(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for interface in pages(client("ec2"), "describe_network_interfaces", "NetworkInterfaces"):
        tags, _ = named(interface.get("TagSet"))
        requester = interface.get("RequesterId", "")
        attached = interface.get("Attachment", {})
        held = interface["Status"] != "available"
        yield Resource(
            id=interface["NetworkInterfaceId"],
            name=interface.get("Description", ""),
            tags=tags,
            size=interface.get("PrivateIpAddress", ""),
            vpc=interface.get("VpcId", ""),
            state=interface["Status"],
            # Whoever uses it lets it go; what is detached already has to be deleted.
            going=held
            and (
                interface.get("RequesterManaged", False)
                or requester.startswith(_SERVICE_INTERFACES)
                or attached.get("DeleteOnTermination", False)
            ),
            holder=attached.get("InstanceId", ""),
        )


def _addresses(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for address in client("ec2").describe_addresses()["Addresses"]:
        tags, name = named(address.get("Tags"))
        yield Resource(
            id=address["AllocationId"],
            name=name,
            tags=tags,
            size=address.get("PublicIp", ""),
            state="in use" if address.get("AssociationId") else "",
        )


def _peerings(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for peering in pages(client("ec2"), "describe_vpc_peering_connections", "VpcPeeringConnections"):
        if peering["Status"]["Code"] in _NO_PEERING:
            continue
        tags, name = named(peering.get("Tags"))
        yield Resource(
            id=peering["VpcPeeringConnectionId"],
            name=name,
            tags=tags,
            vpc=peering.get("RequesterVpcInfo", {}).get("VpcId", ""),
            peer_vpc=peering.get("AccepterVpcInfo", {}).get("VpcId", ""),
            state=peering["Status"]["Code"],
        )


def _security_groups(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for group in pages(client("ec2"), "describe_security_groups", "SecurityGroups"):
        if group["GroupName"] == "default":
            continue
        tags, _ = named(group.get("Tags"))
        yield Resource(id=group["GroupId"], name=group["GroupName"], tags=tags, vpc=group.get("VpcId", ""))


def _subnets(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for subnet in pages(client("ec2"), "describe_subnets", "Subnets"):
        tags, name = named(subnet.get("Tags"))
        yield Resource(
            id=subnet["SubnetId"], name=name, tags=tags, size=subnet.get("CidrBlock", ""), vpc=subnet.get("VpcId", "")
        )


def _route_tables(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for table in pages(client("ec2"), "describe_route_tables", "RouteTables"):
        if any(link.get("Main") for link in table.get("Associations", [])):
            continue
        tags, name = named(table.get("Tags"))
        yield Resource(id=table["RouteTableId"], name=name, tags=tags, vpc=table.get("VpcId", ""), raw=table)


def _internet_gateways(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for gateway in pages(client("ec2"), "describe_internet_gateways", "InternetGateways"):
        tags, name = named(gateway.get("Tags"))
        at = [each["VpcId"] for each in gateway.get("Attachments", [])]
        yield Resource(id=gateway["InternetGatewayId"], name=name, tags=tags, vpc=at[0] if at else "")


def _vpcs(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for vpc in pages(client("ec2"), "describe_vpcs", "Vpcs"):
        tags, name = named(vpc.get("Tags"))
        yield Resource(id=vpc["VpcId"], name=name, tags=tags, size=vpc.get("CidrBlock", ""))


def _delete_endpoint(client: ClientFactory, resource: Resource) -> None:
    """A refusal comes in the answer, not as an error."""
    answer = client("ec2").delete_vpc_endpoints(VpcEndpointIds=[resource.id])
    for refused in answer.get("Unsuccessful", []):
        raise ClientError({"Error": refused["Error"]}, "DeleteVpcEndpoints")


def _delete_group(client: ClientFactory, resource: Resource) -> None:
    """Without its rules about other groups first: two groups that name each other would keep each other."""
    ec2 = client("ec2")
    own = [{"Name": "group-id", "Values": [resource.id]}]
    rules = [
        rule
        for rule in pages(ec2, "describe_security_group_rules", "SecurityGroupRules", Filters=own)
        if rule.get("ReferencedGroupInfo", {}).get("GroupId")
    ]
    for egress, revoke in ((False, "revoke_security_group_ingress"), (True, "revoke_security_group_egress")):
        ids = [rule["SecurityGroupRuleId"] for rule in rules if rule["IsEgress"] is egress]
        if ids:
            getattr(ec2, revoke)(GroupId=resource.id, SecurityGroupRuleIds=ids)
    ec2.delete_security_group(GroupId=resource.id)


def _delete_route_table(client: ClientFactory, resource: Resource) -> None:
    ec2 = client("ec2")
    for link in resource.raw.get("Associations", []):
        ec2.disassociate_route_table(AssociationId=link["RouteTableAssociationId"])
    ec2.delete_route_table(RouteTableId=resource.id)


def _delete_internet_gateway(client: ClientFactory, resource: Resource) -> None:
    ec2 = client("ec2")
    if resource.vpc:
        ec2.detach_internet_gateway(InternetGatewayId=resource.id, VpcId=resource.vpc)
    ec2.delete_internet_gateway(InternetGatewayId=resource.id)


NAT_GATEWAYS = Kind(
    "NAT gateway",
    "NAT gateways",
    "ec2",
    ("ec2:DescribeNatGateways",),
    "billed by the hour, used or not",
    _nat_gateways,
    lambda client, resource: client("ec2").delete_nat_gateway(NatGatewayId=resource.id),
    ownership.nameless,
    "aws:ec2/natGateway:NatGateway",
    names=NameEvidence.NOTHING,
)
ENDPOINTS = Kind(
    "VPC endpoint",
    "VPC endpoints",
    "ec2",
    ("ec2:DescribeVpcEndpoints",),
    "billed by the hour and zone, about 0.01 USD; keeps the VPC",
    _endpoints,
    _delete_endpoint,
    ownership.endpoint,
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    patience=900.0,
)
INTERFACES = Kind(
    "network interface",
    "network interfaces",
    "ec2",
    ("ec2:DescribeNetworkInterfaces",),
    "costs nothing; keeps subnet, groups and VPC",
    _interfaces,
    lambda client, resource: client("ec2").delete_network_interface(NetworkInterfaceId=resource.id),
    ownership.interface,
    "aws:ec2/networkInterface:NetworkInterface",
    patience=900.0,
)
ADDRESSES = Kind(
    "Elastic IP address",
    "Elastic IP addresses",
    "ec2",
    ("ec2:DescribeAddresses",),
    "billed by the hour, used or not",
    _addresses,
    lambda client, resource: client("ec2").release_address(AllocationId=resource.id),
    ownership.nameless,
    "aws:ec2/eip:Eip",
    names=NameEvidence.NOTHING,
)
PEERINGS = Kind(
    "VPC peering connection",
    "VPC peering connections",
    "ec2",
    ("ec2:DescribeVpcPeeringConnections",),
    "costs nothing by itself; keeps both VPCs",
    _peerings,
    lambda client, resource: client("ec2").delete_vpc_peering_connection(VpcPeeringConnectionId=resource.id),
    ownership.nameless,
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
    names=NameEvidence.NOTHING,
)
SECURITY_GROUPS = Kind(
    "security group",
    "security groups",
    "ec2",
    ("ec2:DescribeSecurityGroups",),
    "costs nothing; keeps the VPC",
    _security_groups,
    _delete_group,
    ownership.security_group,
    "aws:ec2/securityGroup:SecurityGroup",
)
SUBNETS = Kind(
    "subnet",
    "subnets",
    "ec2",
    ("ec2:DescribeSubnets",),
    "costs nothing; keeps the VPC",
    _subnets,
    lambda client, resource: client("ec2").delete_subnet(SubnetId=resource.id),
    ownership.nameless,
    "aws:ec2/subnet:Subnet",
    names=NameEvidence.NOTHING,
)
ROUTE_TABLES = Kind(
    "route table",
    "route tables",
    "ec2",
    ("ec2:DescribeRouteTables",),
    "costs nothing; keeps the VPC",
    _route_tables,
    _delete_route_table,
    ownership.nameless,
    "aws:ec2/routeTable:RouteTable",
    names=NameEvidence.NOTHING,
)
INTERNET_GATEWAYS = Kind(
    "internet gateway",
    "internet gateways",
    "ec2",
    ("ec2:DescribeInternetGateways",),
    "costs nothing; keeps the VPC",
    _internet_gateways,
    _delete_internet_gateway,
    ownership.nameless,
    "aws:ec2/internetGateway:InternetGateway",
    names=NameEvidence.NOTHING,
)
VPCS = Kind(
    "VPC",
    "VPCs",
    "ec2",
    ("ec2:DescribeVpcs",),
    "costs nothing; a region takes five by default",
    _vpcs,
    lambda client, resource: client("ec2").delete_vpc(VpcId=resource.id),
    ownership.nameless,
    "aws:ec2/vpc:Vpc",
    names=NameEvidence.NOTHING,
)
