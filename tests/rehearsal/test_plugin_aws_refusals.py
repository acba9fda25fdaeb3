"""What the aws stand-in refuses, in whose words, and how its process ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import grpc
import pulumi
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc
from pulumi_aws import ec2, eks, iam

from rehearsal.providers.properties import Properties, encode
from rehearsal.world import World, leftovers
from tests.rehearsal.plugin_aws_world import PLUGIN, REGION, changed, engine, environment, running
from tests.rehearsal.plugin_engine import ROOT, Engine, failing

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("aws") / "world") as made:
        yield made


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Engine]:
    made = engine(tmp_path / "engine", world)
    yield made
    made.destroy()
    assert leftovers(world) == {}


def resource(token: str, **inputs: Any) -> Callable[[], None]:
    """A program of one resource, past what the SDK's classes would refuse."""

    def make() -> None:
        pulumi.CustomResource(token, "thing", inputs)

    return make


@pytest.mark.parametrize(
    ("token", "inputs", "named"),
    [
        ("aws:s3/bucket:Bucket", {}, ["aws:s3/bucket:Bucket"]),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16", "colour": "red", "size": 1}, ["colour", "size"]),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16", "ipv4IpamPoolId": "pool"}, ["ipv4IpamPoolId", "not play"]),
        (
            "aws:eks/cluster:Cluster",
            {"roleArn": "r", "vpcConfig": {"subnetIds": ["a"], "shape": {"round": True}}},
            ["vpcConfig.shape"],
        ),
        ("aws:ec2/vpc:Vpc", {"enableDnsSupport": "perhaps"}, ["enableDnsSupport", "boolean"]),
    ],
)
def test_what_it_does_not_know_is_named(lab: Engine, token: str, inputs: dict[str, Any], named: list[str]):
    said = failing(lab, resource(token, **inputs), "preview")
    for name in named:
        assert name in said


def test_nothing_is_made_of_what_it_does_not_know(lab: Engine):
    def program() -> None:
        net = ec2.Vpc("net", cidr_block="10.0.0.0/16")
        pulumi.CustomResource("aws:s3/bucket:Bucket", "bucket", {"bucket": net.id})

    assert "aws:s3/bucket:Bucket" in failing(lab, program)


def test_a_function_that_it_does_not_know_is_named(lab: Engine):
    def program() -> None:
        pulumi.export("images", pulumi.runtime.invoke("aws:ec2/getAmi:getAmi", {"mostRecent": True}).value)

    assert "aws:ec2/getAmi:getAmi" in failing(lab, program, "preview")


def test_an_argument_that_it_does_not_know_is_named(lab: Engine):
    def program() -> None:
        pulumi.export("zones", pulumi.runtime.invoke("aws:index/getRegion:getRegion", {"planet": "x"}).value)

    assert "planet" in failing(lab, program, "preview")


def subnets(cidr: str) -> Callable[[], None]:
    def make() -> None:
        net = ec2.Vpc("net", cidr_block="10.0.0.0/16")
        first = ec2.Subnet("first", vpc_id=net.id, cidr_block="10.0.0.0/24")
        ec2.Subnet("second", vpc_id=net.id, cidr_block=cidr, opts=pulumi.ResourceOptions(depends_on=[first]))

    return make


def test_overlapping_subnets_are_refused_in_awss_words_and_mended_in_the_next_run(lab: Engine):
    said = failing(lab, subnets("10.0.0.128/25"))
    assert "creating aws:ec2/subnet:Subnet (second): operation CreateSubnet, api error InvalidSubnet.Conflict" in said
    assert changed(lab.up(subnets("10.0.1.0/24"))) == {("create", "second")}


def test_what_is_in_use_is_not_deleted(lab: Engine, world: World):
    lab.up(resource("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16"))
    (net,) = [r for r in lab.export() if r["type"] == "aws:ec2/vpc:Vpc"]
    with environment(world):
        client = boto3.client("ec2")
        theirs = client.create_subnet(VpcId=net["id"], CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        said = failing(lab, lambda: None, "destroy")
        assert "operation DeleteVpc, api error DependencyViolation" in said
        assert [r["id"] for r in lab.export() if r["type"] == "aws:ec2/vpc:Vpc"] == [net["id"]]
        client.delete_subnet(SubnetId=theirs)
    lab.destroy()


def test_an_entry_with_a_system_group_is_refused(lab: Engine):
    def program() -> None:
        net = ec2.Vpc("net", cidr_block="10.0.0.0/16")
        inside = [
            ec2.Subnet(f"s{n}", vpc_id=net.id, cidr_block=f"10.0.{n}.0/24", availability_zone=f"{REGION}{zone}").id
            for n, zone in enumerate("ab")
        ]
        role = iam.Role("role", assume_role_policy=TRUST)
        rights = iam.RolePolicyAttachment(
            "rights", role=role.name, policy_arn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
        )
        cluster = eks.Cluster(
            "cluster",
            role_arn=role.arn,
            vpc_config=eks.ClusterVpcConfigArgs(subnet_ids=inside),
            access_config=eks.ClusterAccessConfigArgs(authentication_mode="API"),
            opts=pulumi.ResourceOptions(depends_on=[rights]),
        )
        user = iam.User("user")
        eks.AccessEntry(
            "entry", cluster_name=cluster.name, principal_arn=user.arn, kubernetes_groups=["system:masters"]
        )

    assert "operation CreateAccessEntry, api error InvalidParameterException" in failing(lab, program)
    lab.destroy()
    with environment_of(lab):
        # EKS itself made it for the control plane's logs; on AWS too it outlives the cluster.
        logs = boto3.client("logs")
        for group in logs.describe_log_groups(logGroupNamePrefix="/aws/eks/")["logGroups"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])


@contextmanager
def environment_of(made: Engine) -> Generator[None]:
    names = [name for name in made.env if name.startswith(("AWS_", "MYEKS_"))]
    saved = {name: os.environ.get(name) for name in names}
    os.environ.update({name: made.env[name] for name in names if made.env[name]})
    try:
        yield
    finally:
        for name, value in saved.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("AWS_ENDPOINT_URL", "https://sts.ap-northeast-2.amazonaws.com"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("MYEKS_REHEARSAL_WORLD", "another-world"),
        ("MYEKS_REHEARSAL_WORLD", ""),
        ("AWS_ENDPOINT_URL_EC2", "https://ec2.ap-northeast-2.amazonaws.com"),
    ],
)
def test_it_works_in_its_own_world_only(world: World, tmp_path: Path, setting: str, value: str):
    made = engine(tmp_path / "engine", world, **{setting: value})
    said = failing(made, resource("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16"), "preview")
    assert "rehearsal" in said
    assert value in said or setting in said
    assert leftovers(world) == {}


# -- its process


class Plugin:
    """The plugin's process, with an engine that only listens."""

    def __init__(self, world: World) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*PLUGIN, address],
            env={**os.environ, **world.env(), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        port = self.process.stdout.readline().strip()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def configure(self) -> None:
        self.stub.Configure(provider_pb2.ConfigureRequest(args=encode({"region": REGION})), timeout=30)

    def create(self, token: str, inputs: Properties) -> provider_pb2.CreateResponse:
        checked = self.stub.Check(
            provider_pb2.CheckRequest(urn="urn:thing", name="thing", type=token, news=encode(inputs)), timeout=30
        )
        assert not checked.failures
        return self.stub.Create(
            provider_pb2.CreateRequest(urn="urn:thing", name="thing", type=token, properties=checked.inputs),
            timeout=120,
        )

    def end(self) -> None:
        self.channel.close()
        self.listener.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def plugin(world: World) -> Iterator[Plugin]:
    made = Plugin(world)
    yield made
    made.end()


def test_it_ends_at_once_when_it_is_told_to(plugin: Plugin):
    plugin.configure()
    start = time.monotonic()
    plugin.process.send_signal(signal.SIGINT)  # what the engine sends first
    assert plugin.process.wait(10) == 0
    assert time.monotonic() - start < 1.5


def test_a_run_without_changes_does_not_load_the_aws_library(world: World):
    """It costs more than the whole comparison."""
    program = """
import sys
from rehearsal.providers import server
from rehearsal.providers.aws.provider import AwsProvider
from rehearsal.providers.protocol import Context, State
provider = AwsProvider()
provider.configure(Context(), provider.check_config(Context(), None, {}))
vpc = provider.resource("aws:ec2/vpc:Vpc")
inputs = vpc.check(Context(), None, {"cidrBlock": "10.0.0.0/16"})
assert not vpc.diff(Context(), State("vpc-1", inputs, {}), inputs).changes
print(sorted({"boto3", "botocore", "pulumi_aws", "ministack"} & set(sys.modules)))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **world.env()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"


def test_it_does_not_outlive_the_engine(plugin: Plugin, world: World):
    with environment(world):
        network, role = boto3.client("ec2"), boto3.client("iam")
        net = network.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        inside = [
            network.create_subnet(VpcId=net, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
            for n, zone in enumerate("ab")
        ]
        arn = role.create_role(RoleName="orphan", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        policy = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
        role.attach_role_policy(RoleName="orphan", PolicyArn=policy)
        plugin.configure()
        inputs = {"name": "orphan", "roleArn": arn, "vpcConfig": {"subnetIds": [s["SubnetId"] for s in inside]}}
        errors: list[str] = []

        def create() -> None:
            try:
                plugin.create("aws:eks/cluster:Cluster", inputs)
            except grpc.RpcError as error:
                errors.append(str(error))

        calling = threading.Thread(target=create)
        calling.start()
        deadline = time.monotonic() + 30
        while not boto3.client("eks").list_clusters()["clusters"] and time.monotonic() < deadline:
            time.sleep(0.02)
        plugin.listener.close()  # the engine is gone
        assert plugin.process.wait(15) == 0
        calling.join(10)
        assert errors

        clusters = boto3.client("eks")
        clusters.get_waiter("cluster_active").wait(name="orphan", WaiterConfig={"Delay": 1})
        clusters.delete_cluster(name="orphan")
        clusters.get_waiter("cluster_deleted").wait(name="orphan", WaiterConfig={"Delay": 1})
        role.detach_role_policy(RoleName="orphan", PolicyArn=policy)
        role.delete_role(RoleName="orphan")
        for subnet in inside:
            network.delete_subnet(SubnetId=subnet["SubnetId"])
        network.delete_vpc(VpcId=net)
        with suppress(Exception):
            boto3.client("logs").delete_log_group(logGroupName="/aws/eks/orphan/cluster")


def test_many_creations_go_on_at_the_same_time(plugin: Plugin, world: World):
    plugin.configure()
    seen: list[str] = []

    def create() -> None:
        seen.append(plugin.create("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}).id)

    calls = [threading.Thread(target=create) for _ in range(24)]
    for call in calls:
        call.start()
    for call in calls:
        call.join(120)
    assert len(set(seen)) == 24
    for identity in seen:
        request = provider_pb2.DeleteRequest(id=identity, type="aws:ec2/vpc:Vpc")
        plugin.stub.Delete(request, timeout=30)
    assert leftovers(world) == {}


def test_it_says_which_version_it_stands_in_for(plugin: Plugin):
    assert plugin.stub.GetPluginInfo(empty_pb2.Empty(), timeout=30).version == version("pulumi-aws")
