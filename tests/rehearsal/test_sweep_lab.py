"""`lab sweep` of a standing lab, and `lab down` of one whose cluster is gone, in the rehearsal and as on AWS.

As on AWS means: another stack's name, the pulumi CLI and its own backend, and AWS's calls answered by the emulator.
"""

import json
import subprocess

import yaml

from rehearsal.stack import RehearsalStack
from rehearsal.toolchain import cache
from rehearsal.world import World
from stacks.stack import PROJECT_FILE
from tests.rehearsal.conftest import Lab
from tests.rehearsal.played_emulator import wait_for


def test_a_lab_deleted_past_the_engine_still_comes_down_by_one_command(lab: Lab) -> None:
    assert "not up" in lab("sweep", code=3).stderr
    lab("up")

    standing = json.loads(lab("sweep", "--json", code=1).stdout)
    assert standing["notAsked"] == []
    assert standing["engine"]["resources"] > 50
    found = {each["kind"]: each["found"] for each in standing["asked"]}
    assert (found["cluster"], found["node group"], found["instance"], found["VPC"]) == (1, 1, 5, 2)
    # Nothing of a whole lab is without its tag or name, but for what goes with an instance.
    assert [each for each in standing["left"] if not each["deletable"] and not each["goesByItself"]] == []

    refused = lab("sweep", "--delete", "--yes", code=2)
    assert "./lab down" in refused.stderr
    assert json.loads(lab("sweep", "--json", code=1).stdout)["left"] != []

    swept = json.loads(lab("sweep", "--delete", "--yes", "--force", "--json", code=1).stdout)
    assert (swept["left"], swept["notDeleted"], swept["notAsked"]) == ([], [], [])
    # All that is left is what the engine believes.
    assert swept["engine"]["resources"] == standing["engine"]["resources"]

    ended = lab("down", timeout=120)
    assert "the cluster is gone" in ended.stderr
    assert "Nothing is left" in ended.stderr


def test_a_learners_own_service_of_type_load_balancer_goes_before_the_cluster(lab: Lab) -> None:
    lab("up")
    lab.sh("kubectl create namespace shop && kubectl -n shop create service loadbalancer web --tcp=80:8080")
    ended = lab("down", timeout=180)
    said = ended.stderr
    assert "shop/web" in said
    assert said.index("deleted with their load balancers: Service shop/web") < said.index("every resource deleted")
    assert "Nothing is left" in said


def test_a_lab_under_another_name_leaves_nothing_and_what_is_made_by_hand_is_yours(lab: Lab) -> None:
    before = lab.settings_file.read_text()
    lab.settings_file.write_text(before.replace("myeks:clusterName: myeks", "myeks:clusterName: other"))
    lab("up")
    lab.settings_file.write_text(before)
    lab("up")
    lab.sh("aws iam create-user --user-name student && aws s3 mb s3://mine")
    ended = lab("down", "--json", timeout=180)
    told = json.loads(ended.stdout)
    assert (told["left"], told["yours"]) == ({}, {"iam users": ["student"], "s3 buckets": ["mine"]})
    assert "aws iam delete-user --user-name student" in ended.stderr
    assert "aws s3 rb --force s3://mine" in ended.stderr
    assert "defect" not in ended.stderr


CREATE_GROUP = ("ec2", "create-security-group", "--group-name")


class OnAws:
    """The lab that stands in the rehearsal, taken for a stack on AWS that is named `mine`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        told = json.loads((lab.world / "world.json").read_text())
        world = World(told["id"], told["pid"], told["endpoint"], told["account_id"], told["region"], lab.world)
        stack = RehearsalStack(
            world,
            cache.ensure(print),
            project_file=PROJECT_FILE,
            stack_file=lab.settings_file,
            program=lambda: None,
        )
        self._env = {**lab.env, **stack.environment()}
        kept = yaml.safe_load((lab.world / "pulumi/work/Pulumi.rehearsal.yaml").read_text())
        (lab.checkout / "Pulumi.mine.yaml").write_text(yaml.safe_dump(kept))
        self.run("pulumi", "-C", str(lab.world / "pulumi/work"), "stack", "rename", "mine", "--stack", "rehearsal")

    def run(self, *command: str, code: int = 0, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Any command in the environment in which its engine works; `typed` is what it reads."""
        ended = subprocess.run(
            command, env=self._env, input=typed, capture_output=True, text=True, timeout=240, check=False
        )
        assert ended.returncode == code, f"{command}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended

    def aws(self, *command: str) -> str:
        """The AWS CLI's answer as text."""
        return self.run("aws", *command, "--output", "text").stdout.strip()

    def volume(self, tag: str, value: str) -> str:
        """A new volume with that tag; its id."""
        tags = f"ResourceType=volume,Tags=[{{Key={tag},Value={value}}}]"
        volume = ["--availability-zone", "ap-northeast-2a", "--size", "8", "--tag-specifications", tags]
        return self.aws("ec2", "create-volume", *volume, "--query", "VolumeId")

    def __call__(self, *command: str, code: int = 0, typed: str = "") -> subprocess.CompletedProcess[str]:
        """`./lab COMMAND -s mine`."""
        name, *rest = command
        return self.run(str(self._lab.checkout / "lab"), name, "-s", "mine", *rest, code=code, typed=typed)


def test_on_aws_a_cluster_that_is_gone_and_what_holds_the_vpc_do_not_keep_the_lab(lab: Lab) -> None:
    lab("up")
    mine = OnAws(lab)
    assert "./lab down -s mine" in mine("sweep", "--delete", "--yes", code=2).stderr

    mine.aws("eks", "delete-nodegroup", "--cluster-name", "myeks", "--nodegroup-name", "ng1")
    wait_for(lambda: "ng1" not in mine.aws("eks", "list-nodegroups", "--cluster-name", "myeks"), 60)
    mine.aws("eks", "delete-cluster", "--name", "myeks")
    wait_for(lambda: "myeks" not in mine.aws("eks", "list-clusters"), 60)
    # As a load balancer controller, GuardDuty and a CSI driver leave them, and somebody who works in the same VPC.
    vpc = mine.aws("ec2", "describe-vpcs", "--filters", "Name=tag:Name,Values=myeks-VPC", "--query", "Vpcs[0].VpcId")
    group_id, stranger = (
        mine.aws(*CREATE_GROUP, name, "--description", "x", "--vpc-id", vpc, "--query", "GroupId")
        for name in ("k8s-study-0123456789", "database")
    )
    service = "com.amazonaws.ap-northeast-2.guardduty-data"
    endpoint = ["--vpc-id", vpc, "--vpc-endpoint-type", "Interface", "--service-name", service]
    endpoint_id = mine.aws("ec2", "create-vpc-endpoint", *endpoint, "--query", "VpcEndpoint.VpcEndpointId")
    volume_id = mine.volume("ebs.csi.aws.com/cluster-name", "myeks")

    failed = mine("down", "--yes", code=1)
    said = failed.stdout + failed.stderr
    assert "asking pulumi what stack mine holds" in failed.stderr
    assert "EKS has no cluster myeks" in failed.stderr
    assert "can't delete Helm Release" not in said
    assert {group_id, stranger, endpoint_id, volume_id} <= set(said.split())
    # What is the lab's went first; the engine fails for the other's alone.
    assert "2 deleted" in failed.stderr
    assert group_id not in mine.aws("ec2", "describe-security-groups", "--query", "SecurityGroups[].GroupId")
    assert endpoint_id not in mine.aws("ec2", "describe-vpc-endpoints", "--query", "VpcEndpoints[].VpcEndpointId")
    assert "./lab sweep -s mine --delete" in failed.stderr
    mine.aws("ec2", "delete-security-group", "--group-id", stranger)

    swept = json.loads(mine("sweep", "--delete", "--yes", "--json", code=1).stdout)
    assert "deleted" not in swept
    assert {each["kind"] for each in swept["left"]} == {"volume", "VPC"}
    assert swept["engine"]["resources"] == 1
    asked = mine("sweep", "--delete", code=1, typed="y\n")
    assert "Delete these 1 of myeks" in asked.stdout
    assert volume_id not in mine.aws("ec2", "describe-volumes", "--query", "Volumes[].VolumeId")

    ended = mine("down", "--yes")
    assert "Nothing is left of myeks" in ended.stdout
    assert json.loads(mine("sweep", "--json").stdout)["clean"] is True

    # With its state lost a lab still comes to an end.
    mine.run("pulumi", "-C", str(lab.checkout), "stack", "rm", "mine", "--yes", "--preserve-config")
    lost = mine.volume("myeks:lab", "ap-northeast-2/myeks")
    left = mine("down", "--yes", code=1)
    assert "Pulumi has no stack mine" in left.stderr
    assert lost in left.stdout
    assert "./lab sweep -s mine --delete." in left.stderr
    mine("sweep", "--delete", "--yes")
    assert "Nothing is left of myeks" in mine("down").stdout
