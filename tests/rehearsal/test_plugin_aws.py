"""The aws stand-in under the real engine, against the emulator: networks, machines, IAM, keys and logs."""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pulumi
import pulumi_aws as aws
import pytest
from pulumi_aws import cloudwatch, ec2, eks, get_availability_zones, get_caller_identity, iam, kms, ssm, vpc

from rehearsal.providers.aws.provider import AwsProvider
from rehearsal.providers.protocol import Context
from rehearsal.world import World, leftovers
from tests.rehearsal.plugin_aws_world import (
    REGION,
    changed,
    engine,
    environment,
    goes_there_and_back,
    imported,
    running,
)
from tests.rehearsal.plugin_engine import Engine

TAGS = {"owner": "tests"}
PASSWORD = "correct-horse-battery"
READ = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def document(action: str, **principal: str) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action}
    statement |= {"Principal": principal} if principal else {"Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def program(
    *,
    name_tag: str = "lab",
    description: str = "A role",
    subnet: str = "10.0.2.0/24",
    hops: int = 2,
    disk: int = 20,
    kind: str = "t3.small",
    retention: int = 7,
    ssh: str = "192.0.2.0/24",
    https: tuple[str, ...] = ("10.0.0.0/8", "192.168.0.0/16"),
    action: str = "s3:ListAllMyBuckets",
    boundary: str | None = None,
    rotation: bool = True,
    nat: bool = True,
    user_data: str = f"#!/bin/sh\necho {PASSWORD}\n",
    dns: bool = True,
    group_text: str = "Managed by Pulumi",
) -> Callable[[], None]:
    """Every type but EKS's, as the lab uses it; each argument changes one thing."""

    def make() -> None:
        net = ec2.Vpc("net", cidr_block="10.0.0.0/16", enable_dns_hostnames=True, tags={"Name": name_tag})
        ops = ec2.Vpc("ops", cidr_block="172.20.0.0/16", tags=TAGS)
        first = ec2.Subnet(
            "first",
            vpc_id=net.id,
            cidr_block="10.0.1.0/24",
            availability_zone=f"{REGION}a",
            map_public_ip_on_launch=True,
            tags=TAGS,
        )
        ec2.Subnet("second", vpc_id=net.id, cidr_block=subnet, availability_zone=f"{REGION}b", tags=TAGS)
        gateway = ec2.InternetGateway("gateway", vpc_id=net.id, tags=TAGS)
        table = ec2.RouteTable("table", vpc_id=net.id, tags=TAGS)
        out = ec2.Route("out", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)
        ec2.RouteTableAssociation("uses", route_table_id=table.id, subnet_id=first.id)
        if nat:
            address = ec2.Eip("nat-ip", domain="vpc", tags=TAGS, opts=pulumi.ResourceOptions(depends_on=[out]))
            ec2.NatGateway("nat", allocation_id=address.id, subnet_id=first.id, tags=TAGS)
        peering = ec2.VpcPeeringConnection("peering", vpc_id=net.id, peer_vpc_id=ops.id, auto_accept=True, tags=TAGS)
        ec2.PeeringConnectionOptions(
            "options",
            vpc_peering_connection_id=peering.id,
            accepter=ec2.PeeringConnectionOptionsAccepterArgs(allow_remote_vpc_dns_resolution=dns),
            requester=ec2.PeeringConnectionOptionsRequesterArgs(allow_remote_vpc_dns_resolution=True),
        )
        ec2.Route(
            "to-ops",
            route_table_id=table.id,
            destination_cidr_block="172.20.0.0/16",
            vpc_peering_connection_id=peering.id,
        )
        group = security(net, ssh, https, group_text)
        template(group, hops, disk)
        profile = people(action, description, boundary)
        key = kms.Key("key", enable_key_rotation=rotation, deletion_window_in_days=7, tags=TAGS)
        kms.Alias("alias", target_key_id=key.key_id)
        cloudwatch.LogGroup("logs", name="/lab/tests", retention_in_days=retention, tags=TAGS)
        server = ec2.Instance(
            "server",
            ami=ssm.get_parameter_output(
                name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
            ).value,
            instance_type=kind,
            subnet_id=first.id,
            private_ip="10.0.1.100",
            vpc_security_group_ids=[group.id],
            iam_instance_profile=profile.name,
            metadata_options=ec2.InstanceMetadataOptionsArgs(http_tokens="required", http_put_response_hop_limit=1),
            root_block_device=ec2.InstanceRootBlockDeviceArgs(
                volume_type="gp3", volume_size=30, encrypted=True, tags=TAGS
            ),
            user_data=pulumi.Output.secret(user_data),
            user_data_replace_on_change=True,
            tags={"Name": "server", "password": pulumi.Output.secret(PASSWORD)},
            opts=pulumi.ResourceOptions(delete_before_replace=True, ignore_changes=["ami"]),
        )
        public = ec2.Eip("server-ip", domain="vpc", instance=server.id, tags=TAGS)
        pulumi.export("account", get_caller_identity().account_id)
        pulumi.export("zones", get_availability_zones(state="available").names)
        pulumi.export("public", public.public_ip)

    return make


def security(net: ec2.Vpc, ssh: str, https: tuple[str, ...], text: str) -> ec2.SecurityGroup:
    group = ec2.SecurityGroup("group", vpc_id=net.id, description=text, tags=TAGS)
    vpc.SecurityGroupIngressRule(
        "ssh",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=22,
        to_port=22,
        cidr_ipv4=ssh,
        description="SSH",
        tags=TAGS,
    )
    vpc.SecurityGroupIngressRule(
        "own", security_group_id=group.id, ip_protocol="-1", referenced_security_group_id=group.id
    )
    vpc.SecurityGroupEgressRule("all-out", security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0")
    ec2.SecurityGroupRule(
        "https",
        security_group_id=group.id,
        type="ingress",
        protocol="tcp",
        from_port=443,
        to_port=443,
        cidr_blocks=list(https),
        description="HTTPS",
    )
    ec2.SecurityGroupRule(
        "kubelet",
        security_group_id=group.id,
        type="ingress",
        protocol="tcp",
        from_port=1025,
        to_port=65535,
        source_security_group_id=group.id,
    )
    return group


def template(group: ec2.SecurityGroup, hops: int, disk: int) -> None:
    ebs = ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
        volume_type="gp3", volume_size=disk, iops=3000, throughput=125, encrypted="true", delete_on_termination="true"
    )
    ec2.LaunchTemplate(
        "template",
        update_default_version=True,
        vpc_security_group_ids=[group.id],
        block_device_mappings=[ec2.LaunchTemplateBlockDeviceMappingArgs(device_name="/dev/xvda", ebs=ebs)],
        metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=hops
        ),
        tag_specifications=[ec2.LaunchTemplateTagSpecificationArgs(resource_type="instance", tags=TAGS)],
        user_data="aGVsbG8=",
        tags=TAGS,
    )


def people(action: str, description: str, boundary: str | None) -> iam.InstanceProfile:
    role = iam.Role(
        "role",
        assume_role_policy=document("sts:AssumeRole", Service="ec2.amazonaws.com"),
        description=description,
        permissions_boundary=boundary,
        tags=TAGS,
    )
    iam.RolePolicyAttachment("reads", role=role.name, policy_arn=READ)
    iam.RolePolicy("inline", role=role.id, policy=document(action))
    policy = iam.Policy("policy", policy=document(action), tags=TAGS)
    user = iam.User("user", tags=TAGS)
    iam.UserPolicyAttachment("users", user=user.name, policy_arn=policy.arn)
    iam.OpenIdConnectProvider(
        "issuer", url="https://oidc.example.com/id/ABC", client_id_lists=["sts.amazonaws.com"], tags=TAGS
    )
    return iam.InstanceProfile("profile", role=role.name, tags=TAGS)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("aws") / "world") as made:
        yield made


@pytest.fixture(scope="module")
def lab(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The program as it is, stood up; the tests of the module leave it as they found it."""
    made = engine(tmp_path_factory.mktemp("engine") / "e", world)
    first = made.up(program())
    assert set(first.operations) == {"create"}
    assert first.outputs["account"] == world.account_id
    assert first.outputs["zones"] == [f"{REGION}{zone}" for zone in "abc"]
    yield made
    made.destroy()
    assert leftovers(world) == {}


def inputs(lab: Engine) -> dict[str, str]:
    """Every resource's inputs as text, without what encryption makes anew each time."""
    texts = {r["urn"]: json.dumps(r.get("inputs"), sort_keys=True) for r in lab.export()}
    return {urn: re.sub('"ciphertext": "[^"]*"', "hidden", text) for urn, text in texts.items()}


def test_a_second_run_a_preview_and_a_refresh_change_nothing(lab: Engine):
    assert changed(lab.up(program())) == set()
    assert changed(lab.preview(program())) == set()
    before = inputs(lab)
    lab.refresh(program())
    assert inputs(lab) == before
    assert changed(lab.preview(program())) == set()


# Changes that do not touch each other are made together: each row costs four runs of the engine.
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            {
                "name_tag": "other",
                "description": "other",
                "boundary": READ,
                "hops": 1,
                "disk": 30,
                "kind": "t3.medium",
                "retention": 30,
                "ssh": "198.51.100.0/24",
                "action": "s3:ListBucket",
                "rotation": False,
                "dns": False,
            },
            {
                ("update", name)
                for name in (
                    *("net", "role", "template", "server", "logs", "ssh"),
                    *("inline", "policy", "key", "options"),
                )
            },
            id="in place",
        ),
        pytest.param(
            {"subnet": "10.0.3.0/24", "https": ("10.0.0.0/8",), "user_data": "#!/bin/sh\n"},
            {("replace", "second"), ("replace", "https"), ("replace", "server"), ("update", "server-ip")},
            id="by replacement",
        ),
        pytest.param(
            {"group_text": "another group"},
            {("replace", name) for name in ("group", "ssh", "own", "all-out", "https", "kubelet")}
            | {("update", "template"), ("update", "server")},
            id="with what depends on it",
        ),
    ],
)
def test_a_change_is_what_aws_would_make_of_it(lab: Engine, change: dict[str, Any], expected: set[tuple[str, str]]):
    goes_there_and_back(lab, program, change, expected)


def test_what_is_switched_off_goes_and_comes_back(lab: Engine):
    assert changed(lab.up(program(nat=False))) == {("delete", "nat"), ("delete", "nat-ip")}
    assert changed(lab.up(program())) == {("create", "nat"), ("create", "nat-ip")}


def test_somebody_elses_change_is_found_and_put_right(lab: Engine, world: World):
    with environment(world):
        boto3.client("logs").put_retention_policy(logGroupName="/lab/tests", retentionInDays=1)
        ec2_client = boto3.client("ec2")
        (net,) = ec2_client.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["lab"]}])["Vpcs"]
        ec2_client.create_tags(Resources=[net["VpcId"]], Tags=[{"Key": "theirs", "Value": "x"}])
        iam_client = boto3.client("iam")
        (user,) = [u for u in iam_client.list_users()["Users"] if u["UserName"].startswith("user-")]
        for policy in iam_client.list_attached_user_policies(UserName=user["UserName"])["AttachedPolicies"]:
            iam_client.detach_user_policy(UserName=user["UserName"], PolicyArn=policy["PolicyArn"])
    lab.refresh(program())
    found = lab.up(program())
    assert changed(found) == {("update", "logs"), ("update", "net"), ("create", "users")}
    assert changed(lab.preview(program())) == set()


def test_an_id_alone_tells_the_whole_resource(lab: Engine, world: World):
    """So that a creation of which the engine never heard can be taken over."""
    seen = {name: (changes, differing) for name, changes, differing in imported(lab, world)}
    assert len(seen) == len([r for r in lab.export() if r["type"].startswith("aws:")])
    # What AWS does not tell: the provider's own switches, and what EC2 was told at a launch.
    assert {name: changes for name, (changes, _) in seen.items() if changes} == {
        "key": [("deletionWindowInDays", False)],
        "peering": [("autoAccept", False)],
        "template": [("updateDefaultVersion", False)],
        "server": [("userData", False), ("userDataReplaceOnChange", False)],
    }
    unsaid = {"deletionWindowInDays", "autoAccept", "updateDefaultVersion", "userData", "userDataReplaceOnChange"}
    in_other_words = {"self", "sourceSecurityGroupId"}  # a rule whose group names itself
    by_the_address = {"associatePublicIpAddress"}  # the elastic address came after the launch
    secret = {"tags", "tagsAll"}  # the state holds it encrypted
    allowed = unsaid | in_other_words | by_the_address | secret
    assert {name: left for name, (_, differing) in seen.items() if (left := differing - allowed)} == {}


@pytest.mark.parametrize(
    ("token", "args", "result"),
    [
        ("aws:index/getCallerIdentity:getCallerIdentity", {}, aws.GetCallerIdentityResult),
        ("aws:index/getPartition:getPartition", {}, aws.GetPartitionResult),
        ("aws:index/getRegion:getRegion", {}, aws.GetRegionResult),
        (
            "aws:index/getAvailabilityZones:getAvailabilityZones",
            {"state": "available", "excludeNames": [f"{REGION}d"]},
            aws.GetAvailabilityZonesResult,
        ),
        (
            "aws:ssm/getParameter:getParameter",
            {"name": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"},
            ssm.GetParameterResult,
        ),
        (
            "aws:eks/getAddonVersion:getAddonVersion",
            {"addonName": "vpc-cni", "kubernetesVersion": "1.36", "mostRecent": True},
            eks.GetAddonVersionResult,
        ),
        ("aws:eks/getClusterVersions:getClusterVersions", {"clusterType": "eks"}, eks.GetClusterVersionsResult),
        ("aws:iam/getRole:getRole", {"name": "asked"}, iam.GetRoleResult),
    ],
)
def test_functions_answer_with_all_that_the_sdk_reads(world: World, token: str, args: dict[str, Any], result: type):
    """What is missing would be None in the program, and no error."""
    with environment(world):
        roles = boto3.client("iam")
        roles.create_role(
            RoleName="asked", AssumeRolePolicyDocument=document("sts:AssumeRole", Service="ec2.amazonaws.com")
        )
        try:
            provider = AwsProvider()
            provider.configure(Context(), {"region": REGION})
            answer = provider.invoke(Context(), token, args)
        finally:
            roles.delete_role(RoleName="asked")
    optional = {"filters", "exclude_names", "exclude_zone_ids", "all_availability_zones", "state", "id"}
    optional |= {"cluster_type", "cluster_versions_onlies", "default_only", "include_all", "version_status"}
    read = set(inspect.signature(result).parameters) - (optional - {snake(name) for name in args})
    assert read <= {snake(name) for name in answer}


def snake(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name).lower()


def test_no_secret_is_readable_in_the_state(lab: Engine):
    (file,) = (lab.directory / "backend").rglob("test.json")
    text = file.read_text()
    assert "server" in text
    assert PASSWORD not in text
    (server,) = [r for r in json.loads(text)["checkpoint"]["latest"]["resources"] if r["urn"].endswith("::server")]
    for part in (server["inputs"], server["outputs"]):
        assert "ciphertext" in part["userData"]
        assert "ciphertext" in part["tags"]["password"]
        assert part["tags"]["Name"] == "server"
    assert "ciphertext" in server["outputs"]["tagsAll"]["password"]
