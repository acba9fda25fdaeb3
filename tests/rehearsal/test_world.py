"""A world's start and end, with its real process, also when something goes wrong."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from rehearsal import processes
from rehearsal import world as worlds
from rehearsal.endpoint import NotTheEmulator, WorldError, prove
from rehearsal.world import World
from tests.rehearsal.eks_account import trust
from tests.rehearsal.played_emulator import refused, wait_for

REGION = "ap-northeast-2"
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a test's world is; nothing of it is left afterwards."""
    directory = tmp_path / "world"
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MYEKS_LAB_WORLD", str(directory))
    yield directory
    for pid in processes.working_in(directory):
        processes.end(pid, 0)


def started() -> World:
    return worlds.start(REGION, Path("/nowhere"))


def listens(world: World) -> bool:
    parts = urlsplit(world.endpoint)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname or "", parts.port or 0)) == 0


def test_a_world_starts_answers_and_ends_without_a_trace(place: Path) -> None:
    told: list[str] = []
    world = worlds.start(REGION, Path("/nowhere"), told.append)
    assert told == ["starting the AWS emulator"]
    assert (world.region, world.account_id, world.dir) == (REGION, "111122223333", place)
    assert place.stat().st_mode & 0o077 == 0
    prove(world.endpoint, world.id)
    with pytest.raises(NotTheEmulator):
        prove(world.endpoint, "another")
    assert worlds.attach() == world
    assert world.status()["clusters"] == {}
    assert worlds.start(REGION, Path("/nowhere")) == world
    with pytest.raises(WorldError, match="runs in ap-northeast-2, and aws:region says eu-west-1"):
        worlds.start("eu-west-1", Path("/nowhere"))
    assert worlds.sweep() is False
    environment = {**os.environ, **world.env()}
    for name in world.unset():
        environment.pop(name, None)
    command = [sys.executable, "-m", "awscli", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
    told_arn = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert told_arn.stdout.strip() == "arn:aws:iam::111122223333:user/operator"
    worlds.stop(world)
    assert not place.exists()
    assert not listens(world)
    assert not processes.command_line(world.pid)
    assert worlds.attach() is None
    worlds.stop(world)


def client(world: World, service: str):
    return boto3.Session().client(
        service,  # pyright: ignore[reportArgumentType, reportCallIssue]  # the service's name is data
        endpoint_url=world.endpoint,
        region_name=REGION,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


MARKED, OWN = "cname-page.example.com.", "mail.example.com."
TEXTS = {MARKED: '"heritage=external-dns,external-dns/owner=Z"', OWN: '"v=spf1 -all"'}
"""Records of a zone: one by which ExternalDNS marks what it wrote, and one of the zone's owner."""


def change(world: World, zone: str, action: str, name: str) -> None:
    record = {"Name": name, "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": TEXTS[name]}]}
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    client(world, "route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def test_what_a_stack_leaves_is_named_service_by_service(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = started()
    for name, value in world.env().items():
        monkeypatch.setenv(name, value)
    assert worlds.leftovers(world) == {}
    ec2, iam, kms, logs = (client(world, service) for service in ("ec2", "iam", "kms", "logs"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    instance = ec2.run_instances(
        ImageId="ami-0123456789abcdef0", InstanceType="t3.micro", SubnetId=subnet, MinCount=1, MaxCount=1
    )["Instances"][0]["InstanceId"]
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/lab", TargetKeyId=key)
    logs.create_log_group(logGroupName="/aws/eks/myeks/cluster")
    iam.create_user(UserName="testuser")
    iam.create_role(RoleName="left", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
    zone = client(world, "route53").create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    for name in TEXTS:
        change(world, zone, "CREATE", name)
    left = worlds.leftovers(world)
    # Its interface and its disk go with the instance.
    assert left == {
        "ec2 vpcs": [vpc],
        "ec2 subnets": [subnet],
        "ec2 instances": [instance],
        "iam roles": ["left"],
        "iam users": ["testuser"],
        "kms keys": [key],
        "kms aliases": ["alias/lab"],
        "logs log groups": ["/aws/eks/myeks/cluster"],
        "route53 hosted zones": [zone],
        "route53 records of ExternalDNS": [MARKED],
    }
    # What AWS goes on showing for a while is gone all the same.
    ec2.terminate_instances(InstanceIds=[instance])
    kms.delete_alias(AliasName="alias/lab")
    assert refused(lambda: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=6))[0] == "ValidationException"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    logs.delete_log_group(logGroupName="/aws/eks/myeks/cluster")
    iam.delete_user(UserName="testuser")
    iam.delete_role(RoleName="left")
    change(world, zone, "DELETE", MARKED)
    assert worlds.leftovers(world) == {"route53 hosted zones": [zone]}
    change(world, zone, "DELETE", OWN)
    client(world, "route53").delete_hosted_zone(Id=zone)
    assert worlds.leftovers(world) == {}
    worlds.stop(world)


def test_a_killed_world_is_cleared_by_the_next_start(place: Path) -> None:
    first = started()
    os.kill(first.pid, signal.SIGKILL)
    processes.wait_gone(first.pid, 5)
    assert worlds.attach() is None
    (place / "pulumi").mkdir()
    told: list[str] = []
    second = worlds.start(REGION, Path("/nowhere"), told.append)
    assert told[0] == "the rehearsal before ended without lab down; cleared what it left"
    assert second.id != first.id
    assert not (place / "pulumi").exists()
    # The old world's owner cannot end the new one.
    prove(second.endpoint, second.id)
    worlds.stop(second)
    assert not place.exists()


def test_a_killed_world_can_be_stopped_or_swept(place: Path) -> None:
    for clear in (worlds.stop, lambda _: worlds.sweep()):
        world = started()
        os.kill(world.pid, signal.SIGKILL)
        processes.wait_gone(world.pid, 5)
        clear(world)
        assert not place.exists()


def test_two_starts_at_once_make_one_world(place: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: started(), range(3)))
    assert len({world.id for world in made}) == 1
    assert len(processes.working_in(place)) == 1
    worlds.stop(made[0])


@pytest.mark.parametrize("after", [0.0, 0.05, 0.2, 0.4])
def test_an_interrupted_start_leaves_nothing_or_a_whole_world(place: Path, after: float) -> None:
    script = f"from pathlib import Path; from rehearsal import world; world.start({REGION!r}, Path('/nowhere'))"
    starting = subprocess.Popen([sys.executable, "-c", script], cwd=CHECKOUT, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: place.exists() or starting.poll() is not None)
    time.sleep(after)
    starting.send_signal(signal.SIGINT)
    starting.communicate(timeout=15)
    world = worlds.attach()
    if world is None:
        assert not place.exists()
        assert processes.working_in(place) == []
    else:
        # It was ready before it could be interrupted, and is whole.
        assert processes.working_in(place) == [world.pid]


def test_a_start_that_fails_says_why_and_leaves_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(WorldError, match=r"did not start \(exit code 1\). Run ./lab up again"):
        started()
    assert not place.exists()


def test_somebody_elses_answer_is_not_taken_for_the_worlds(place: Path) -> None:
    world = started()

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"id": "other"}')

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told = json.loads((place / "world.json").read_text())
    endpoint = f"http://127.0.0.1:{server.server_port}"
    (place / "world.json").write_text(json.dumps({**told, "endpoint": endpoint}))
    with pytest.raises(NotTheEmulator, match=r"does not answer as it\. Run \./lab down --force"):
        worlds.attach()
    server.shutdown()
    worlds.stop(world)
    assert not place.exists()


def test_a_world_that_hangs_is_ended_all_the_same(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "STOP_WITHIN", 0.3)
    monkeypatch.setattr("rehearsal.endpoint.ANSWER_WITHIN", 0.3)
    for clear in (worlds.stop, lambda _: worlds.sweep(force=True)):
        world = started()
        os.kill(world.pid, signal.SIGSTOP)
        with pytest.raises(NotTheEmulator, match="--force"):
            worlds.attach()
        clear(world)
        assert not place.exists()
        assert not processes.command_line(world.pid)
