"""What the lab looks like, from what EC2, Elastic Load Balancing, Route 53 and the API server tell."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stacks import cluster_facts, landscape
from stacks.errors import CannotAsk
from stacks.landscape import LoadBalancer, Peering, Pod, Record

OUTPUTS = {"vpcId": "vpc-lab", "clusterName": "myeks", "hostedZoneId": "Z1"}


def named(name: str) -> list[dict[str, str]]:
    return [{"Key": "Name", "Value": name}]


def instance(name: str, subnet: str, state: str = "running", **more: str) -> dict[str, Any]:
    told = {"InstanceId": f"i-{name}", "InstanceType": "t3.medium", "State": {"Name": state}, "SubnetId": subnet}
    return {**told, "Tags": named(name), **more}


def peering(ident: str, requester: str, accepter: str, state: str = "active") -> dict[str, Any]:
    ends = {"RequesterVpcInfo": {"VpcId": requester}, "AccepterVpcInfo": {"VpcId": accepter}}
    return {"VpcPeeringConnectionId": ident, "Status": {"Code": state}, **ends}


def subnet(ident: str, vpc: str, zone: str) -> dict[str, Any]:
    return {"SubnetId": ident, "VpcId": vpc, "AvailabilityZone": zone, "CidrBlock": "10.0.0.0/24", "Tags": named(ident)}


ANSWERS: dict[str, Any] = {
    "describe_vpc_peering_connections": {
        "VpcPeeringConnections": [
            peering("pcx-1", "vpc-ops", "vpc-lab"),
            peering("pcx-2", "vpc-lab", "vpc-gone", "deleted"),
            peering("pcx-3", "vpc-a", "vpc-b"),
        ]
    },
    "describe_vpcs": {
        "Vpcs": [
            {"VpcId": "vpc-ops", "CidrBlock": "172.20.0.0/16"},
            {"VpcId": "vpc-lab", "CidrBlock": "192.168.0.0/16", "Tags": named("myeks-VPC")},
        ]
    },
    "describe_subnets": {
        "Subnets": [subnet("two", "vpc-lab", "b"), subnet("one", "vpc-lab", "a"), subnet("ops", "vpc-ops", "a")]
    },
    "describe_instances": {
        "Reservations": [
            {"Instances": [instance("n2", "one"), instance("n1", "one", PrivateDnsName="node-1")]},
            {"Instances": [instance("old", "one", "terminated"), instance("bastion", "ops", "stopped")]},
        ]
    },
    "describe_load_balancers": {
        "LoadBalancers": [
            {"LoadBalancerName": "mine", "DNSName": "mine.elb", "VpcId": "vpc-lab", "State": {"Code": "active"}},
            {"LoadBalancerName": "other", "DNSName": "other.elb", "VpcId": "vpc-x", "State": {"Code": "active"}},
        ]
    },
    "list_resource_record_sets": {
        "ResourceRecordSets": [
            {"Name": "grafana.example.com.", "Type": "A", "AliasTarget": {"DNSName": "mine.elb"}},
            {"Name": "example.com.", "Type": "NS", "ResourceRecords": [{"Value": "ns1"}, {"Value": "ns2"}]},
        ]
    },
}
PODS = [
    {"metadata": {"namespace": "b", "name": "two"}, "spec": {"nodeName": "node-1"}, "status": {"phase": "Running"}},
    {"metadata": {"namespace": "a", "name": "one"}, "spec": {}, "status": {}},
]


class Service:
    """A boto3 client that answers from the table."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def can_paginate(self, _operation: str) -> bool:
        return False

    def __getattr__(self, operation: str) -> Any:
        def call(**given: Any) -> Any:
            self.asked.append((operation, given))
            return ANSWERS[operation]

        return call


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr(cluster_facts, "entered", lambda _: lambda _path: {"items": PODS})
    return Service()


def test_what_stands_in_what(service: Service):
    seen = landscape.look(lambda _: service, OUTPUTS)
    assert [(each.id, each.name) for each in seen.networks] == [("vpc-lab", "myeks-VPC"), ("vpc-ops", "")]
    lab, ops = seen.networks
    assert [(each.id, each.zone) for each in lab.subnets] == [("one", "a"), ("two", "b")]
    assert [each.name for each in lab.subnets[0].machines] == ["n1", "n2"]
    assert lab.subnets[0].machines[0].private_name == "node-1"
    assert [(each.name, each.state) for each in ops.subnets[0].machines] == [("bastion", "stopped")]
    assert seen.peerings == (Peering("pcx-1", "vpc-ops", "active"),)
    assert seen.load_balancers == (LoadBalancer("mine", "mine.elb", "active"),)
    assert seen.records == (
        Record("grafana.example.com", "A", ("mine.elb",)),
        Record("example.com", "NS", ("ns1", "ns2")),
    )
    assert seen.pods == (Pod("a", "one", "Unknown", ""), Pod("b", "two", "Running", "node-1"))
    asked = dict(service.asked)
    assert asked["describe_instances"]["Filters"][0]["Values"] == ["vpc-lab", "vpc-ops"]


def test_without_a_hosted_zone_no_record_is_asked_for(service: Service):
    assert landscape.look(lambda _: service, {**OUTPUTS, "hostedZoneId": ""}).records == ()
    assert "list_resource_record_sets" not in dict(service.asked)


def test_an_aws_that_refuses_is_told(service: Service):
    def refuses(_service: str) -> Any:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, "DescribeVpcs")

    with pytest.raises(CannotAsk, match=re.escape("AWS could not be asked about myeks")):
        landscape.look(refuses, OUTPUTS)
