"""The lab's VPC and the ops VPC: addresses, names, tags, routes."""

import ipaddress

import pytest

from tests.unit.conftest import LAB
from tests.unit.mocks import Graph

ZONES = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]


def test_vpc_as_specified(default: Graph) -> None:
    vpc = default.named("network-vpc").inputs
    assert vpc["cidrBlock"] == "192.168.0.0/16"
    assert vpc["enableDnsHostnames"] is True
    assert vpc["enableDnsSupport"] is True
    assert vpc["tags"]["Name"] == "myeks-VPC"


@pytest.mark.parametrize(
    ("kind", "title", "first", "role", "public"),
    [
        ("public", "Public", 1, "kubernetes.io/role/elb", True),
        ("private", "Private", 11, "kubernetes.io/role/internal-elb", False),
    ],
)
def test_three_subnets_of_a_kind(default: Graph, kind: str, title: str, first: int, role: str, public: bool) -> None:
    for index, zone in enumerate(ZONES):
        subnet = default.named(f"network-{kind}-{index + 1}").inputs
        assert subnet["cidrBlock"] == f"192.168.{first + index}.0/24"
        assert subnet["availabilityZone"] == zone
        assert subnet["mapPublicIpOnLaunch"] is public
        assert subnet["tags"] == {**LAB, "Name": f"myeks-Vpc1{title}Subnet{index + 1}", role: "1"}


def test_every_subnet_has_a_route_table(default: Graph) -> None:
    subnets = {subnet.name + "-id" for subnet in default.of("ec2/subnet:Subnet")}
    associated = [one.inputs["subnetId"] for one in default.of(":RouteTableAssociation")]
    assert sorted(associated) == sorted(subnets)
    assert len(subnets) == 7


def test_public_subnets_alone_lead_to_the_internet(default: Graph) -> None:
    to_gateway = [route.inputs for route in default.of("ec2/route:Route") if "gatewayId" in route.inputs]
    assert sorted((route["routeTableId"], route["gatewayId"]) for route in to_gateway) == [
        ("network-public-routes-id", "network-igw-id"),
        ("ops-network-routes-id", "ops-network-igw-id"),
    ]


def test_no_nat_gateway_by_default(default: Graph) -> None:
    assert not default.of(":NatGateway")
    assert not [route for route in default.of("ec2/route:Route") if "natGatewayId" in route.inputs]


def test_one_nat_gateway_serves_the_private_subnets(nat: Graph) -> None:
    gateway = nat.one(":NatGateway")
    assert gateway.inputs["subnetId"] == "network-public-1-id"
    assert gateway.inputs["allocationId"] == "network-nat-ip-id"
    (route,) = [route for route in nat.of("ec2/route:Route") if "natGatewayId" in route.inputs]
    assert route.inputs["routeTableId"] == "network-private-routes-id"
    assert route.inputs["destinationCidrBlock"] == "0.0.0.0/0"


def test_nat_gateway_adds_three_resources_and_changes_none(default: Graph, nat: Graph) -> None:
    plain = {node.urn: node.inputs for node in default.nodes}
    with_nat = {node.urn: node.inputs for node in nat.nodes}
    assert {urn.rpartition("::")[2] for urn in with_nat.keys() - plain.keys()} == {
        "network-nat",
        "network-nat-ip",
        "network-private-internet",
    }
    assert plain.items() <= {urn: inputs for urn, inputs in with_nat.items() if urn in plain}.items()


def test_ops_vpc_is_peered_with_routes_both_ways_and_dns(default: Graph) -> None:
    assert default.named("ops-network-vpc").inputs["cidrBlock"] == "172.20.0.0/16"
    subnet = default.named("ops-network-subnet").inputs
    assert subnet["cidrBlock"] == "172.20.1.0/24"
    peering = default.one(":VpcPeeringConnection").inputs
    assert (peering["vpcId"], peering["peerVpcId"]) == ("ops-network-vpc-id", "network-vpc-id")
    assert peering["autoAccept"] is True
    over = {
        (route.inputs["routeTableId"], route.inputs["destinationCidrBlock"])
        for route in default.of("ec2/route:Route")
        if route.inputs.get("vpcPeeringConnectionId") == "ops-network-peering-id"
    }
    assert over == {
        ("ops-network-routes-id", "192.168.0.0/16"),
        ("network-public-routes-id", "172.20.0.0/16"),
        ("network-private-routes-id", "172.20.0.0/16"),
    }
    options = default.one(":PeeringConnectionOptions").inputs
    assert options["accepter"] == options["requester"] == {"allowRemoteVpcDnsResolution": True}


def test_no_ops_vpc_without_ops_servers(bare: Graph) -> None:
    assert len(bare.of("ec2/vpc:Vpc")) == 1
    assert not bare.of(":VpcPeeringConnection")
    assert not bare.of("ec2/instance:Instance")
    assert not bare.of(":AccessEntry")
    assert not [rule for rule in bare.of(":SecurityGroupIngressRule") if "172.20" in str(rule.inputs)]


def test_region_and_name_are_the_configured_ones(bare: Graph) -> None:
    assert bare.named("network-vpc").inputs["tags"]["Name"] == "other-VPC"
    assert bare.named("network-public-3").inputs["availabilityZone"] == "eu-west-1c"
    assert bare.named("lbc-release").inputs["values"]["region"] == "eu-west-1"
    for node in bare.nodes:
        # URNs hold the names of project and components; the lab's tag has the project's as prefix.
        told = str(node.inputs)
        for ours in ("::myeks:", "myeks:components:", "'myeks:lab'", '"myeks:lab"'):
            told = told.replace(ours, "")
        assert "myeks" not in told, node.name


def test_services_have_addresses_of_their_own(default: Graph) -> None:
    services = ipaddress.ip_network(default.one("eks:index:Cluster").inputs["kubernetesServiceIpAddressRange"])
    for vpc in default.of("ec2/vpc:Vpc"):
        assert not services.overlaps(ipaddress.ip_network(vpc.inputs["cidrBlock"]))
