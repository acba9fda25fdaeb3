"""`lab sweep` of a standing lab, and `lab down` of one whose cluster is gone, in the rehearsal and as on AWS.

As on AWS means: another stack's name, the pulumi CLI and its own backend, and AWS's calls answered by the emulator.
"""

import json
import subprocess

import yaml

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


class OnAws:
    """The lab that stands in the rehearsal, taken for a stack on AWS that is named `mine`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._env = dict(line.split("=", 1) for line in lab.sh("env -0").split("\0") if "=" in line)
        kept = yaml.safe_load((lab.world / "pulumi/work/Pulumi.rehearsal.yaml").read_text())
        (lab.checkout / "Pulumi.mine.yaml").write_text(yaml.safe_dump(kept))
        self.run("pulumi", "-C", str(lab.world / "pulumi/work"), "stack", "rename", "mine", "--stack", "rehearsal")

    def run(self, *command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Any command in the environment of the lab's shell."""
        ended = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=240, check=False)
        assert ended.returncode == code, f"{command}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended

    def aws(self, *command: str) -> str:
        """The AWS CLI's answer as text."""
        return self.run("aws", *command, "--output", "text").stdout.strip()

    def __call__(self, *command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """`./lab COMMAND -s mine`."""
        name, *rest = command
        return self.run(str(self._lab.checkout / "lab"), name, "-s", "mine", *rest, code=code)


def test_on_aws_a_cluster_that_is_gone_and_what_holds_the_vpc_do_not_keep_the_lab(lab: Lab) -> None:
    lab("up")
    mine = OnAws(lab)
    assert "./lab down -s mine" in mine("sweep", "--delete", "--yes", code=2).stderr

    mine.aws("eks", "delete-nodegroup", "--cluster-name", "myeks", "--nodegroup-name", "ng1")
    wait_for(lambda: "ng1" not in mine.aws("eks", "list-nodegroups", "--cluster-name", "myeks"), 60)
    mine.aws("eks", "delete-cluster", "--name", "myeks")
    wait_for(lambda: "myeks" not in mine.aws("eks", "list-clusters"), 60)
    # As a load balancer controller and a CSI driver leave them that were ended first.
    vpc = mine.aws("ec2", "describe-vpcs", "--filters", "Name=tag:Name,Values=myeks-VPC", "--query", "Vpcs[0].VpcId")
    group = ["--group-name", "k8s-study-0123456789", "--description", "managed", "--vpc-id", vpc]
    group_id = mine.aws("ec2", "create-security-group", *group, "--query", "GroupId")
    tags = "ResourceType=volume,Tags=[{Key=ebs.csi.aws.com/cluster-name,Value=myeks}]"
    volume = ["--availability-zone", "ap-northeast-2a", "--size", "8", "--tag-specifications", tags]
    volume_id = mine.aws("ec2", "create-volume", *volume, "--query", "VolumeId")

    failed = mine("down", "--yes", code=1)
    said = failed.stdout + failed.stderr
    assert "EKS has no cluster myeks" in failed.stderr
    assert "can't delete Helm Release" not in said
    assert group_id in said
    assert volume_id in said
    assert "./lab sweep -s mine --delete" in failed.stderr

    swept = json.loads(mine("sweep", "--delete", "--yes", "--json", code=1).stdout)
    assert {each["id"] for each in swept["deleted"]} == {group_id, volume_id}
    assert {each["kind"] for each in swept["left"]} == {"VPC"}
    assert swept["engine"]["resources"] == 1

    ended = mine("down", "--yes")
    assert "Nothing is left of myeks" in ended.stdout
    assert json.loads(mine("sweep", "--json").stdout)["clean"] is True
