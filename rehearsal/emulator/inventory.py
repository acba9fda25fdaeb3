"""What exists in the emulated account beyond what a fresh one has, asked service by service.

This is how `lab down` shows that a stack leaves nothing behind, so it asks as
a user would, through the public API; what a fresh account has is known by
rule (the default VPC and its parts, the operator, one bucket), not by a list of ids.
"""

import configparser
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from rehearsal.emulator.settings import BUCKET, OPERATOR

Ids = Iterable[str]
Question = Callable[[Any], Ids]
"""Asks a boto3 client; gives the ids of what is there."""

GONE: Final = frozenset({"deleted", "deleting", "failed", "rejected", "expired", "terminated", "PendingDeletion"})
"""States of what AWS still shows for a while and no longer counts."""


def _default_vpc(ec2: Any) -> set[str]:
    return {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if vpc["IsDefault"]}


def _vpcs(ec2: Any) -> Ids:
    return (vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"])


def _subnets(ec2: Any) -> Ids:
    return (each["SubnetId"] for each in ec2.describe_subnets()["Subnets"] if not each["DefaultForAz"])


def _gateways(ec2: Any) -> Ids:
    default = _default_vpc(ec2)
    for each in ec2.describe_internet_gateways()["InternetGateways"]:
        if not any(link.get("VpcId") in default for link in each["Attachments"]):
            yield each["InternetGatewayId"]


def _route_tables(ec2: Any) -> Ids:
    for each in ec2.describe_route_tables()["RouteTables"]:
        if not any(link["Main"] for link in each["Associations"]):
            yield each["RouteTableId"]


def _groups(ec2: Any) -> Ids:
    return (
        each["GroupId"] for each in ec2.describe_security_groups()["SecurityGroups"] if each["GroupName"] != "default"
    )


def _instances(ec2: Any) -> Ids:
    for reservation in ec2.describe_instances()["Reservations"]:
        yield from (each["InstanceId"] for each in reservation["Instances"] if each["State"]["Name"] not in GONE)


def _interfaces(ec2: Any) -> Ids:
    """Without those that go with an instance or a load balancer, which is listed itself."""
    for each in ec2.describe_network_interfaces()["NetworkInterfaces"]:
        held = each.get("Attachment", {})
        if not held.get("InstanceId") and held.get("InstanceOwnerId") != "amazon-elb":
            yield each["NetworkInterfaceId"]


def _volumes(ec2: Any) -> Ids:
    """Without those that go with an instance."""
    for each in ec2.describe_volumes()["Volumes"]:
        if not any(link.get("DeleteOnTermination") for link in each["Attachments"]):
            yield each["VolumeId"]


def _peerings(ec2: Any) -> Ids:
    for each in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]:
        if each["Status"]["Code"] not in GONE:
            yield each["VpcPeeringConnectionId"]


def _nat_gateways(ec2: Any) -> Ids:
    return (each["NatGatewayId"] for each in ec2.describe_nat_gateways()["NatGateways"] if each["State"] not in GONE)


def _named(operation: str, key: str, name: str, **params: Any) -> Question:
    """A question whose answer is a plain list."""

    def ask(client: Any) -> Ids:
        answer = getattr(client, operation)(**params)
        return (each if not name else each[name] for each in answer.get(key, []))

    return ask


def _roles(iam: Any) -> Ids:
    return (role["RoleName"] for role in iam.list_roles()["Roles"] if not role["Path"].startswith("/aws-service-role/"))


def _users(iam: Any) -> Ids:
    return (user["UserName"] for user in iam.list_users()["Users"] if user["UserName"] != OPERATOR)


def _operator_keys(iam: Any) -> Ids:
    keys = [key["AccessKeyId"] for key in iam.list_access_keys(UserName=OPERATOR)["AccessKeyMetadata"]]
    return keys[1:]


def _buckets(s3: Any) -> Ids:
    return (each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"] != BUCKET)


def _keys(kms: Any) -> Ids:
    for key in kms.list_keys()["Keys"]:
        described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        if described["KeyState"] not in GONE and described.get("KeyManager") != "AWS":
            yield key["KeyId"]


def _key_aliases(kms: Any) -> Ids:
    return (
        each["AliasName"] for each in kms.list_aliases()["Aliases"] if not each["AliasName"].startswith("alias/aws/")
    )


def _parameters(ssm: Any) -> Ids:
    return (each["Name"] for each in ssm.describe_parameters()["Parameters"] if not each["Name"].startswith("/aws/"))


def _registered_records(route53: Any) -> Ids:
    """Records by which ExternalDNS marks those that it wrote: who deletes these deletes those."""
    for zone in route53.list_hosted_zones()["HostedZones"]:
        for pages in route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"]):
            for each in pages["ResourceRecordSets"]:
                if any("heritage=external-dns" in value["Value"] for value in each.get("ResourceRecords", [])):
                    yield each["Name"]


QUESTIONS: Final[tuple[tuple[str, str, Question], ...]] = (
    ("ec2", "vpcs", _vpcs),
    ("ec2", "subnets", _subnets),
    ("ec2", "internet gateways", _gateways),
    ("ec2", "route tables", _route_tables),
    ("ec2", "nat gateways", _nat_gateways),
    ("ec2", "addresses", _named("describe_addresses", "Addresses", "AllocationId")),
    ("ec2", "peering connections", _peerings),
    ("ec2", "security groups", _groups),
    ("ec2", "launch templates", _named("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId")),
    ("ec2", "instances", _instances),
    ("ec2", "volumes", _volumes),
    ("ec2", "snapshots", _named("describe_snapshots", "Snapshots", "SnapshotId", OwnerIds=["self"])),
    ("ec2", "network interfaces", _interfaces),
    ("ec2", "key pairs", _named("describe_key_pairs", "KeyPairs", "KeyName")),
    ("ec2", "vpc endpoints", _named("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId")),
    ("iam", "roles", _roles),
    ("iam", "policies", _named("list_policies", "Policies", "PolicyName", Scope="Local")),
    ("iam", "instance profiles", _named("list_instance_profiles", "InstanceProfiles", "InstanceProfileName")),
    ("iam", "users", _users),
    ("iam", "groups", _named("list_groups", "Groups", "GroupName")),
    ("iam", "further keys of the operator", _operator_keys),
    ("iam", "oidc providers", _named("list_open_id_connect_providers", "OpenIDConnectProviderList", "Arn")),
    ("eks", "clusters", _named("list_clusters", "clusters", "")),
    ("kms", "keys", _keys),
    ("kms", "aliases", _key_aliases),
    ("logs", "log groups", _named("describe_log_groups", "logGroups", "logGroupName")),
    ("route53", "hosted zones", _named("list_hosted_zones", "HostedZones", "Id")),
    ("route53", "records of ExternalDNS", _registered_records),
    ("acm", "certificates", _named("list_certificates", "CertificateSummaryList", "CertificateArn")),
    (
        "elb",
        "classic load balancers",
        _named("describe_load_balancers", "LoadBalancerDescriptions", "LoadBalancerName"),
    ),
    ("elbv2", "load balancers", _named("describe_load_balancers", "LoadBalancers", "LoadBalancerName")),
    ("elbv2", "target groups", _named("describe_target_groups", "TargetGroups", "TargetGroupName")),
    ("autoscaling", "groups", _named("describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName")),
    ("s3", "buckets", _buckets),
    ("ecr", "repositories", _named("describe_repositories", "repositories", "repositoryName")),
    ("ssm", "parameters", _parameters),
    ("secretsmanager", "secrets", _named("list_secrets", "SecretList", "Name")),
    ("scheduler", "schedules", _named("list_schedules", "Schedules", "Name")),
    ("cloudtrail", "trails", _named("describe_trails", "trailList", "Name")),
)
"""Service, what is asked for, and how."""


def inventory(endpoint: str, region: str, credentials: Path) -> dict[str, list[str]]:
    """{"ec2 vpcs": ["vpc-…"], …}: what a fresh account does not have, without empty answers."""
    kept = configparser.ConfigParser()
    kept.read(credentials)
    session = boto3.Session(
        aws_access_key_id=kept["default"]["aws_access_key_id"],
        aws_secret_access_key=kept["default"]["aws_secret_access_key"],
        region_name=region,
    )
    clients: dict[str, Any] = {}
    found: dict[str, list[str]] = {}
    for service, kind, question in QUESTIONS:
        if service not in clients:
            # No proxy: the emulator is on this machine.
            clients[service] = session.client(service, endpoint_url=endpoint, config=Config(proxies={}))  # pyright: ignore[reportArgumentType, reportCallIssue]  # the service's name is data
        if ids := sorted(question(clients[service])):
            found[f"{service} {kind}"] = ids
    return found
