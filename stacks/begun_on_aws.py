"""How AWS is asked about single resources that a killed update had begun: their state, and those that bear no name."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from clients.aws_responses import if_there, reason
from operations.cleanup import ClientFactory
from stacks import pending_operations
from stacks.errors import CannotAsk
from stacks.pending_operations import Inputs


def answered(question: Callable[[], Any], about: str) -> Any:
    """AWS's answer, None where there is no such thing; raises CannotAsk."""
    try:
        return if_there(question)
    except (BotoCoreError, ClientError) as error:
        raise CannotAsk(
            f"An update was cut off, and AWS cannot be asked about {about}: {reason(error)}. Fix that, then run this "
            "again."
        ) from error


State = Callable[[ClientFactory, str], str]
"""Asks for the state of the thing with this id, in AWS's word."""


def _node_group(client: ClientFactory, identity: str) -> str:
    cluster, _, name = identity.partition(":")
    return client("eks").describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]["status"]


def _addon(client: ClientFactory, identity: str) -> str:
    cluster, _, name = identity.partition(":")
    return client("eks").describe_addon(clusterName=cluster, addonName=name)["addon"]["status"]


STATES: Final[Mapping[str, State]] = {
    pending_operations.CLUSTER: lambda client, name: client("eks").describe_cluster(name=name)["cluster"]["status"],
    pending_operations.NODE_GROUP: _node_group,
    pending_operations.ADDON: _addon,
    pending_operations.NAT_GATEWAY: lambda client, gateway: client("ec2").describe_nat_gateways(
        NatGatewayIds=[gateway]
    )["NatGateways"][0]["State"],
}
"""What takes minutes, and what nothing else can be built on before it is ready."""


def _links(client: ClientFactory, inputs: Inputs) -> Iterator[str]:
    mine = [{"Name": "association.subnet-id", "Values": [inputs["subnetId"]]}]
    return pending_operations.subnet_links(client("ec2").describe_route_tables(Filters=mine), inputs)


def _rules(client: ClientFactory, inputs: Inputs, *, egress: bool) -> Iterator[str]:
    mine = [{"Name": "group-id", "Values": [inputs["securityGroupId"]]}]
    return pending_operations.group_rules(
        client("ec2").describe_security_group_rules(Filters=mine), inputs, egress=egress
    )


def _associations(client: ClientFactory, inputs: Inputs) -> Iterator[str]:
    found = client("eks").list_pod_identity_associations(
        clusterName=inputs["clusterName"], namespace=inputs["namespace"], serviceAccount=inputs["serviceAccount"]
    )
    return (each["associationId"] for each in found["associations"])


QUESTIONS: Final[Mapping[str, Callable[[ClientFactory, Inputs], Iterator[str]]]] = {
    pending_operations.POD_IDENTITY: _associations,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _links,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": lambda client, of: _rules(client, of, egress=False),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": lambda client, of: _rules(client, of, egress=True),
}
"""For what bears no name: how AWS is asked for it."""
