"""A cluster from `aws eks create-cluster` to its last process, on a real control plane."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal import processes
from rehearsal import world as worlds
from rehearsal.emulator.eks.access_policies import ARN_PREFIX
from rehearsal.toolchain import cache
from rehearsal.world import World
from tests.rehearsal.eks_account import Account, account, template
from tests.rehearsal.played_emulator import Emulator, wait_for

NAME = "myeks"
REGION = "ap-northeast-2"


class RunningWorld(Emulator):
    """A world that `rehearsal.world` started, with the same ways in as a played one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.dir = world.dir
        self.endpoint = world.endpoint
        self.id = world.id
        self._clients: dict[Any, Any] = {}
        self.read_credentials()


@pytest.fixture(scope="module")
def bin_dir() -> Path:
    return cache.ensure(print)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, bin_dir: Path) -> Iterator[Account]:
    directory = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYEKS_LAB_CACHE", str(directory / "cache"))
        patch.setenv("MYEKS_LAB_WORLD", str(directory / "world"))
        world = worlds.start(REGION, bin_dir)
        try:
            yield account(RunningWorld(world))
        finally:
            worlds.stop(world)
    assert processes.working_in(directory / "world") == []


class Kubectl:
    """kubectl as a user has it: a kubeconfig of `aws eks update-kubeconfig`, tokens of `aws eks get-token`."""

    def __init__(self, world: World, bin_dir: Path, home: Path) -> None:
        self.bin_dir = bin_dir
        aws_dir = Path(sys.executable).parent
        self.env = {
            **world.env(),
            "HOME": str(home),
            "KUBECONFIG": str(home / "kubeconfig"),
            "PATH": os.pathsep.join([str(bin_dir), str(aws_dir), os.environ["PATH"]]),
        }
        update = ["aws", "eks", "update-kubeconfig", "--name", NAME, "--user-alias", "me"]
        subprocess.run(update, env=self.env, check=True, capture_output=True, timeout=60)

    def __call__(self, *arguments: str, key: tuple[str, str] | None = None) -> tuple[int, str]:
        env = dict(self.env)
        if key:
            env |= {"AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1]}
        ended = subprocess.run(
            [str(self.bin_dir / "kubectl"), *arguments],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def kubectl(aws: Account, bin_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    assert isinstance(aws.emulator, RunningWorld)
    cluster = aws.cluster(NAME)
    assert cluster["status"] == "ACTIVE", cluster
    made = aws.ec2.create_launch_template(LaunchTemplateName="ng1", LaunchTemplateData=template({}))
    used = {"id": made["LaunchTemplate"]["LaunchTemplateId"], "version": "1"}
    assert aws.nodegroup(NAME, launchTemplate=used)["status"] == "ACTIVE"
    return Kubectl(aws.emulator.world, bin_dir, tmp_path_factory.mktemp("home"))


def test_the_note_s_commands_answer_as_on_eks(aws: Account, kubectl: Kubectl) -> None:
    config = yaml.safe_load(Path(kubectl.env["KUBECONFIG"]).read_text())
    assert config["current-context"] == "me"
    code, told = kubectl("auth", "whoami", "-o", "json")
    assert code == 0, told
    user = json.loads(told)["status"]["userInfo"]
    assert user["username"] == "arn:aws:iam::111122223333:user/operator"
    assert user["groups"] == ["system:authenticated"]
    assert user["extra"]["principalId"][0].startswith("AIDA")
    columns = "node.kubernetes.io/instance-type,eks.amazonaws.com/capacityType,topology.kubernetes.io/zone"
    code, told = kubectl("get", "node", f"--label-columns={columns}", "--no-headers")
    assert code == 0, told
    rows = [line.split() for line in told.splitlines()]
    assert sorted(row[-1] for row in rows) == [f"{REGION}a", f"{REGION}b", f"{REGION}c"]
    assert {(row[1], row[-3], row[-2]) for row in rows} == {("Ready", "t3.medium", "ON_DEMAND")}
    assert {row[0] for row in rows} == {each["PrivateDnsName"] for each in aws.instances(NAME)}
    code, told = kubectl("describe", "clusterrolebindings", "cluster-admin")
    assert (code, "system:masters" in told) == (0, True)
    assert kubectl("get", "sc")[0] == 0


def test_a_token_may_be_signed_for_the_region_s_sts(kubectl: Kubectl) -> None:
    host = f"sts.{REGION}.amazonaws.com"
    get_token = [str(Path(sys.executable).with_name("aws")), "eks", "get-token", "--cluster-name", NAME]
    asking = copy(kubectl)
    asking.env = {**kubectl.env, "AWS_ENDPOINT_URL_STS": f"https://{host}"}
    told = subprocess.run(get_token, env=asking.env, check=True, capture_output=True, timeout=60).stdout
    token = json.loads(told)["status"]["token"]
    signed = token.removeprefix("k8s-aws-v1.")
    assert base64.urlsafe_b64decode(signed + "=" * (-len(signed) % 4)).startswith(f"https://{host}/?Action=".encode())
    who = ("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    # kubectl calls the same command, in the same environment.
    assert asking(*who) == (0, "arn:aws:iam::111122223333:user/operator")


def test_eks_maps_the_node_role_and_its_webhook_refuses_a_typo(aws: Account, kubectl: Kubectl) -> None:
    map_of_roles = ("get", "cm", "aws-auth", "-n", "kube-system", "--show-managed-fields", "-o")
    code, told = kubectl(*map_of_roles, "json")
    assert code == 0, told
    made = json.loads(told)
    assert yaml.safe_load(made["data"]["mapRoles"]) == [
        {
            "rolearn": aws.node_role,
            "username": "system:node:{{EC2PrivateDNSName}}",
            "groups": ["system:bootstrappers", "system:nodes"],
        }
    ]
    assert [one["manager"] for one in made["metadata"]["managedFields"]] == ["vpcLambda"]
    webhook = "eks-aws-auth-configmap-validation-webhook"
    wait_for(lambda: kubectl("get", "validatingwebhookconfigurations", webhook)[0] == 0)

    def written(roles: str, name: str = "aws-auth") -> str:
        place = Path(kubectl.env["HOME"]) / "aws-auth.json"
        meta = {"name": name, "namespace": "kube-system"}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"mapRoles": roles}}
        place.write_text(json.dumps(body))
        return str(place)

    reason = (
        f'admission webhook "{webhook}.amazonaws.com" denied the request: error parsing config map: '
        '[json: unknown field "rolear" one of rolearn or SSO must be supplied]'
    )
    typo, right = f"- rolear: {aws.node_role}\n  username: y\n", f"- rolearn: {aws.node_role}\n  username: y\n"
    place = written(typo)
    # The API server takes note of the webhook some time after it is there.
    wait_for(lambda: reason in kubectl("replace", "-f", place, "--dry-run=server")[1])
    for verb in (
        ("create", "-f", place),
        ("replace", "-f", place),
        ("apply", "-f", place),
        ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", place),
        ("patch", "cm", "aws-auth", "-n", "kube-system", "-p", json.dumps({"data": {"mapUsers": "- userar: x"}})),
    ):
        code, told = kubectl(*verb)
        assert (code, "denied the request: error parsing config map: [json: unknown field" in told) == (1, True), told
    assert (
        json.loads(kubectl(*map_of_roles, "json")[1])["metadata"]["resourceVersion"]
        == (made["metadata"]["resourceVersion"])
    )
    assert kubectl("replace", "--dry-run=server", "-f", written(right))[0] == 0
    assert kubectl("create", "--dry-run=server", "-f", written(typo, "another"))[0] == 0
    # A webhook that does not answer locks nobody out. Last, for nobody puts it back.
    gone = [{"op": "replace", "path": "/webhooks/0/clientConfig/url", "value": "https://127.0.0.1:1/validate"}]
    code, told = kubectl("patch", "validatingwebhookconfiguration", webhook, "--type=json", "-p", json.dumps(gone))
    assert code == 0, told
    place = written(typo)
    wait_for(lambda: kubectl("replace", "--dry-run=server", "-f", place)[0] == 0)


def test_a_user_goes_through_the_stages_of_the_exercise(aws: Account, kubectl: Kubectl) -> None:
    arn, *key = aws.user("testuser")
    as_user = {"key": (key[0], key[1])}
    code, told = kubectl("get", "node", **as_user)
    assert (code, "Unauthorized" in told or "must be logged in" in told) == (1, True), told

    def mapped(group: str) -> None:
        users = [{"userarn": arn, "username": "testuser", "groups": [group]}] if group else []
        data = ["create", "configmap", "aws-auth", "-n", "kube-system", f"--from-literal=mapUsers={json.dumps(users)}"]
        kubectl("delete", "configmap", "aws-auth", "-n", "kube-system", "--ignore-not-found")
        code, told = kubectl(*data)
        assert code == 0, told

    mapped("system:masters")
    assert kubectl("delete", "namespace", "nobody", "--ignore-not-found", **as_user)[0] == 0
    code, told = kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}", **as_user)
    assert (code, told) == (0, "testuser")
    mapped("system:authenticated")
    code, told = kubectl("get", "node", **as_user)
    assert (code, "Forbidden" in told) == (1, True), told
    assert kubectl("api-resources", **as_user)[0] == 0
    mapped("")
    assert kubectl("api-resources", **as_user)[0] == 1
    mapped("system:masters")
    who = {"clusterName": NAME, "principalArn": arn}
    aws.eks.create_access_entry(**who)
    code, told = kubectl("get", "pods", "-n", "default", **as_user)
    assert (code, "Forbidden" in told) == (1, True), told
    scope = {"type": "namespace", "namespaces": ["default"]}
    aws.eks.associate_access_policy(policyArn=f"{ARN_PREFIX}AmazonEKSViewPolicy", accessScope=scope, **who)
    code, told = kubectl("get", "pods", "-n", "default", **as_user)
    assert (code, "No resources found" in told) == (0, True), told
    for wrong in (("get", "pods", "-n", "kube-system"), ("get", "secrets", "-n", "default"), ("get", "node")):
        code, told = kubectl(*wrong, **as_user)
        assert (code, "Forbidden" in told) == (1, True), told
    aws.eks.delete_access_entry(**who)
    aws.delete_user("testuser")


def test_an_add_on_brings_its_objects_and_takes_them_along(aws: Account, kubectl: Kubectl) -> None:
    def told(*arguments: str) -> str:
        code, text = kubectl(*arguments, "-n", "kube-system")
        assert code == 0, text
        return text.strip()

    deployment = ("get", "deployment", "coredns", "-o")
    replicas, image = "jsonpath={.spec.replicas}", "jsonpath={.spec.template.spec.containers[0].image}"
    offered = aws.eks.describe_addon_versions(addonName="coredns", kubernetesVersion="1.36")["addons"][0]
    newest = offered["addonVersions"][0]["addonVersion"]
    which = {"clusterName": NAME, "addonName": "coredns"}

    aws.eks.create_addon(**which)
    assert told("get", "pdb", "coredns", "-o", "jsonpath={.spec.maxUnavailable}") == "1"
    assert told("get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIP}").endswith(".0.10")
    told("rollout", "status", "deployment/coredns", "--timeout=60s")
    addresses = ("-l", "kubernetes.io/service-name=kube-dns", "-o", "jsonpath={.items[0].endpoints[*].addresses[0]}")
    wait_for(lambda: len(told("get", "endpointslices", *addresses).split()) == 2, 60)
    account = "--as=system:serviceaccount:kube-system:coredns"
    for verb, what, expected in (("list", "services", "yes"), ("list", "secrets", "no")):
        assert kubectl("auth", "can-i", verb, what, "-A", account)[1].splitlines()[-1] == expected

    def change(**wanted: str) -> None:
        update = aws.eks.update_addon(**which, **wanted)["update"]
        assert aws.updated(NAME, update, addonName="coredns")["status"] == "Successful"

    told("scale", "deployment", "coredns", "--replicas=1")
    change(resolveConflicts="PRESERVE")
    assert told(*deployment, replicas) == "1"
    assert newest not in told(*deployment, image)
    change(resolveConflicts="OVERWRITE", addonVersion=newest)
    assert told(*deployment, replicas) == "2"
    assert told(*deployment, image).endswith(f"/eks/coredns:{newest}")

    aws.eks.delete_addon(**which, preserve=True)
    assert aws.eks.list_addons(clusterName=NAME)["addons"] == []
    assert told(*deployment, replicas) == "2"
    aws.eks.create_addon(**which)
    aws.eks.delete_addon(**which)
    everything = "deployment,service,pdb,configmap,clusterrole,clusterrolebinding"
    assert "coredns" not in told("get", everything, "-o", "name")
    wait_for(lambda: "coredns" not in told("get", "pods", "-o", "name"), 60)


def test_the_node_group_grows_and_shrinks_in_the_cluster(aws: Account, kubectl: Kubectl) -> None:
    for wanted in (4, 3):
        aws.eks.update_nodegroup_config(clusterName=NAME, nodegroupName="ng1", scalingConfig={"desiredSize": wanted})
        assert aws.settled(NAME)["status"] == "ACTIVE"
        _, told = kubectl("get", "node", "--no-headers")
        assert len(told.splitlines()) == wanted


def test_the_control_plane_comes_back_when_it_is_killed(aws: Account, kubectl: Kubectl) -> None:
    assert isinstance(aws.emulator, RunningWorld)

    def api_server() -> dict[str, Any]:
        assert isinstance(aws.emulator, RunningWorld)
        listed = aws.emulator.world.status()["clusters"][NAME]["processes"]
        return next(each for each in listed if each["name"] == "kube-apiserver")

    before = api_server()
    os.kill(before["pid"], signal.SIGKILL)
    wait_for(lambda: api_server()["alive"] and api_server()["pid"] != before["pid"], 30)
    wait_for(lambda: kubectl("get", "node")[0] == 0, 60)


def test_a_deleted_cluster_leaves_no_process_and_no_resource(aws: Account, kubectl: Kubectl) -> None:
    assert isinstance(aws.emulator, RunningWorld)
    world = aws.emulator.world
    pids = [each["pid"] for each in world.status()["clusters"][NAME]["processes"]]
    assert pids
    aws.delete_cluster(NAME)
    assert world.status()["clusters"] == {}
    assert processes.working_in(world.dir) == [world.pid]
    assert not any(processes.command_line(pid) for pid in pids)
    assert not (world.dir / "clusters" / NAME).exists()
    left = worlds.leftovers(world)
    assert left.keys() == {"ec2 vpcs", "ec2 subnets", "ec2 launch templates", "iam roles"}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_cluster_ends_with_its_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bin_dir: Path, how: signal.Signals
) -> None:
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MYEKS_LAB_WORLD", str(tmp_path / "world"))
    world = worlds.start(REGION, bin_dir)
    made = account(RunningWorld(world))
    made.cluster(NAME)
    assert len(processes.working_in(world.dir)) > 1
    os.kill(world.pid, how)
    assert processes.wait_gone(world.pid, 30)
    wait_for(lambda: processes.working_in(world.dir) == [], 15)
    worlds.stop(world)
    assert not world.dir.exists()
