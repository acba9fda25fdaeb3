"""A stack on AWS whose pulumi is killed: the same command goes on, and `down` leaves nothing.

On AWS means: the pulumi CLI that runs the program itself, a backend of the user's own, and AWS's calls answered by the
emulator.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import urllib3
import yaml

from tests.rehearsal.conftest import Lab

# The emulator without a lab, then everything that a run of the engine needs.
START: Final = """
import json
from rehearsal import world
from rehearsal.toolchain import cache
from stacks.console import Progress
from stacks.rehearsal_backend import opening
from stacks.stack import load
here = world.start("ap-northeast-2", cache.ensure(lambda _: None))
stack = opening.stack_in(here, opening.tools(Progress()), load("rehearsal"))
stack.preview()
print(json.dumps({"set": stack.environment(), "unset": sorted(here.unset())}))
"""


def until(what: str, seen: Callable[[], object], within: float = 90) -> None:
    end = time.monotonic() + within
    while not seen():
        if time.monotonic() > end:
            pytest.fail(f"waited {within} s for {what}")
        time.sleep(0.05)


class Mine:
    """A stack on AWS that is named `mine`."""

    def __init__(self, lab: Lab, root: Path) -> None:
        self.lab = lab
        started = subprocess.run(
            [sys.executable, "-c", START],
            env=lab.env,
            cwd=lab.checkout,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        told = json.loads(started.stdout.splitlines()[-1])
        host = root / "pulumi-language-python"
        host.write_text(
            f'#!/bin/sh\nPYTHONPATH="{lab.checkout}" exec "{sys.executable}" -m tests.rehearsal.language_host "$@"\n'
        )
        host.chmod(0o755)
        self.env = {k: v for k, v in lab.env.items() if k not in told["unset"]} | told["set"]
        self.env["PATH"] = f"{root}{os.pathsep}{self.env['PATH']}"
        self.settings = lab.checkout / "Pulumi.mine.yaml"
        self.settings.write_text(lab.settings_file.read_text())
        self.run("pulumi", "stack", "init", "mine")

    def run(self, *command: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            command, cwd=self.lab.checkout, env=self.env, capture_output=True, text=True, timeout=300, check=False
        )
        assert code is None or ended.returncode == code, (
            f"{command}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        )
        return ended

    def __call__(self, command: str, *more: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """`./lab COMMAND -s mine`."""
        return self.run(*self.line(command, *more), code=code)

    def line(self, command: str, *more: str) -> list[str]:
        skip = ["--skip-doctor"] if command == "up" else []
        return [str(self.lab.checkout / "lab"), command, "-s", "mine", *skip, *more]

    def start(self, command: str, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.line(command, *more),
            cwd=self.lab.checkout,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def faults(self, *lay: dict[str, Any]) -> list[dict[str, Any]]:
        """Lay faults, or ask how often those that lie have struck."""
        answer = urllib3.request(
            "POST" if lay else "GET",
            f"{json.loads((self.lab.world / 'world.json').read_text())['endpoint']}/_rehearsal/faults",
            body=json.dumps(lay) if lay else None,
            headers={"Authorization": f"Bearer {(self.lab.world / 'secret').read_text()}"},
            timeout=10,
        )
        assert answer.status == 200, answer.data
        return answer.json()

    def engine(self, command: str) -> list[int]:
        """Process ids of the user's pulumi that runs this command."""
        found = [line.split() for line in self.lab.processes()]
        return [int(words[0]) for words in found if Path(words[1]).name == "pulumi" and words[2:3] == [command]]

    def killed(self, command: str, service: str, operation: str, *more: str, after: int = 0) -> str:
        """Kill pulumi while this call is under way; what `./lab COMMAND` says then. `more` are effects beside that."""
        call = {"service": service, "operation": operation, "after": after}
        self.faults(*({**call, "effect": effect} for effect in ("slow", *more)))
        running = self.start(command, "--yes")
        until(
            f"{operation} to be called",
            lambda: self.faults()[0]["spoiled"] or running.poll() is not None,
        )
        assert running.poll() is None, running.communicate()[0]
        for pid in self.engine("up" if command == "up" else "destroy"):
            os.kill(pid, signal.SIGKILL)
        said, _ = running.communicate(timeout=60)
        assert running.returncode == 1, said
        self.quiet()
        return said

    def quiet(self) -> None:
        """Real providers are ended by the lab; the stand-ins go by themselves, and bear another name."""
        until("the stand-ins to end", lambda: not any("rehearsal.providers" in line for line in self.lab.processes()))

    @property
    def checkpoint(self) -> Path:
        (file,) = (self.lab.world / "pulumi/backend/.pulumi/stacks").rglob("mine.json")
        return file

    def state(self) -> dict[str, Any]:
        return json.loads(self.checkpoint.read_text())["checkpoint"]["latest"]

    @property
    def locks(self) -> list[Path]:
        return list((self.lab.world / "pulumi/backend/.pulumi/locks").rglob("mine/*.json"))

    def stands(self) -> None:
        """Everything is as the program says, and AWS has nothing of the lab that the engine does not know."""
        self.run("pulumi", "preview", "--stack", "mine", "--expect-no-changes", "--non-interactive")
        left = json.loads(self("sweep", "--json", code=1).stdout)["left"]
        unknown = [each for each in left if each["claim"] == "tag" and not each["recorded"]]
        # The node group's are EKS's, and the disks go with their instances.
        assert [each for each in unknown if each["name"] != "myeks-ng1-Node" and not each["goesByItself"]] == []


@pytest.fixture(scope="module")
def mine(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Mine:
    return Mine(lab, tmp_path_factory.mktemp("mine"))


def test_however_often_it_is_killed_up_goes_on(mine: Mine) -> None:
    said = mine.killed("up", "ec2", "CreateVpc", after=1)
    assert "Run the same command again" in said
    assert [op["type"] for op in mine.state()["pending_operations"]] != []
    said = mine.killed("up", "eks", "CreateCluster")
    assert "process" in said
    assert "has ended without unlocking it" in said
    assert "Vpc network-vpc: creating; AWS has it (vpc-" in said or "Vpc ops-network-vpc: creating; AWS has it" in said
    said = mine.killed("up", "eks", "CreateNodegroup")
    assert "Cluster cluster-eksCluster: creating; AWS has it (myeks); it is taken over." in said
    said = mine.killed("up", "eks", "CreateAddon", after=2)
    assert "NodeGroup nodes: creating; AWS has it (myeks:ng1)" in said
    ended = mine("up", "--yes")
    assert "Addon" in ended.stderr
    assert not mine.locks
    mine.stands()
    vpcs = mine.run("aws", "ec2", "describe-vpcs", "--query", "Vpcs[?!IsDefault].VpcId", "--output", "text").stdout
    assert len(vpcs.split()) == 2


def begun(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource as a pending operation that creates it."""
    kept = {key: value for key, value in resource.items() if key not in ("id", "outputs", "created", "modified")}
    return {"type": "creating", "resource": kept}


def test_whatever_was_begun_is_taken_over_or_made(mine: Mine) -> None:
    """A standing lab, as if all of it had been under way when pulumi was killed; two things are not there."""
    mine("up", "--yes")
    file = json.loads(mine.checkpoint.read_text())
    latest = file["checkpoint"]["latest"]
    for each in latest["resources"]:
        # What is under way at one time rests on nothing else of it.
        each.pop("dependencies", None)
        each.pop("propertyDependencies", None)
    made = [each for each in latest["resources"] if each.get("custom") and not each["type"].startswith("pulumi:")]
    kept = [each for each in latest["resources"] if each not in made]
    latest |= {"resources": kept, "pending_operations": [begun(each) for each in made]}
    mine.checkpoint.write_text(json.dumps(file))
    gone = next(each for each in made if each["type"] == "aws:eks/podIdentityAssociation:PodIdentityAssociation")
    association = ("--cluster-name", "myeks", "--association-id", gone["id"])
    mine.run("aws", "eks", "delete-pod-identity-association", *association)
    mine.run("aws", "eks", "delete-addon", "--cluster-name", "myeks", "--addon-name", "aws-ebs-csi-driver")
    until(
        "the add-on to be gone",
        lambda: "aws-ebs-csi" not in mine.run("aws", "eks", "list-addons", "--cluster-name", "myeks").stdout,
    )

    ended = mine("up", "--yes")
    lines = [line for line in ended.stderr.splitlines() if ": creating; " in line]
    assert len(lines) == len(made) > 70
    absent = [line.split(":")[0].strip() for line in lines if "AWS does not have it" in line]
    assert absent == [f"PodIdentityAssociation {gone['urn'].rpartition('::')[2]}"]
    assert not [line for line in lines if "that may be it" in line]
    inside = [line for line in lines if "the cluster has it" in line]
    assert len(inside) == len([each for each in made if each["type"].startswith("kubernetes:")]) > 5
    # Helm says of each release that it is whole.
    assert len([line for line in inside if "the cluster has it (deployed)" in line]) == 3
    assert "Half made" not in ended.stderr
    assert not mine.state().get("pending_operations")
    mine.stands()


def test_what_was_made_by_hand_is_taken_over(mine: Mine) -> None:
    mine("up", "--yes")
    made = "kubectl create namespace dev-team && kubectl create sa dev-k8s -n dev-team"
    mine("shell", "--", "sh", "-c", f"{made} && aws iam create-user --user-name testuser")
    said = mine("stage", "rbac", "before", "identity-mapping", "unmapped", "--yes").stderr
    (line,) = [each for each in said.splitlines() if each.startswith("Made by hand, and taken over: ")]
    for thing in ("User testuser (", "Namespace dev-team", "ServiceAccount dev-team/dev-k8s"):
        assert thing in line
    mine.stands()
    mine("stage", "rbac", "off", "identity-mapping", "off", "--yes")
    assert "NotFound" in mine("shell", "--", "sh", "-c", "kubectl get namespace dev-team", code=1).stderr


def test_a_lock_that_may_be_in_use_stays(mine: Mine) -> None:
    mine.faults({"service": "sts", "operation": "GetCallerIdentity", "effect": "slow", "times": 5})
    other = mine.start("up", "--yes")
    until("the lock", lambda: mine.locks)
    os.killpg(other.pid, signal.SIGSTOP)  # so that it holds the lock for as long as the other command takes
    try:
        refused = mine("up", "--yes", code=1)
        assert "Another pulumi is at work on stack mine: process" in refused.stderr
        assert len(mine.locks) == 1
    finally:
        os.killpg(other.pid, signal.SIGCONT)
    other.communicate(timeout=240)
    assert other.returncode == 0
    assert mine.locks == []

    directory = mine.lab.world / "pulumi/backend/.pulumi/locks/organization/myeks/mine"
    lock = directory / "0.json"
    holder = {"pid": 1, "username": "me", "hostname": "elsewhere", "timestamp": "2026-11-24T09:00:00+09:00"}
    lock.write_text(json.dumps(holder))
    refused = mine("up", "--yes", code=1)
    assert "locked by process 1 of me@elsewhere since 2026-11-24T09:00:00+09:00" in refused.stderr
    assert "pulumi cancel --stack mine" in refused.stderr
    assert lock.exists()
    mine.run("pulumi", "cancel", "--yes", "--stack", "mine")
    assert not lock.exists()


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(mine: Mine) -> None:
    settings = yaml.safe_load(mine.settings.read_text())
    settings["config"]["myeks:exercises"]["irsa"] = True
    mine.settings.write_text(yaml.safe_dump(settings))
    mine.faults({"service": "iam", "operation": "CreateRole", "effect": "slow"})
    running = mine.start("up", "--yes")
    until("the role", lambda: mine.faults()[0]["spoiled"])
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=120)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    mine("up", "--yes")
    mine.stands()


def test_a_killed_down_goes_on_and_leaves_nothing(mine: Mine) -> None:
    said = mine.killed("down", "eks", "DeleteNodegroup")
    assert "./lab down -s mine" in said
    ended = mine("down", "--yes")
    assert "NodeGroup nodes: deleting; it is read again." in ended.stderr
    assert "Nothing is left of myeks" in ended.stdout
    assert json.loads(mine("sweep", "--json").stdout)["clean"] is True


def test_what_fails_after_the_kill_is_made_anew(mine: Mine) -> None:
    mine("down", "--yes")
    mine.killed("up", "eks", "CreateCluster", "fails-later")
    told = mine("up", "--yes").stderr
    assert "Half made, so deleted first and then made again: cluster-eksCluster" in told
    mine.stands()


def test_a_killed_up_comes_down(mine: Mine) -> None:
    mine("down", "--yes")
    mine.killed("up", "eks", "CreateNodegroup")
    ended = mine("down", "--yes")
    assert "NodeGroup nodes: creating; AWS has it (myeks:ng1)" in ended.stderr
    assert "Nothing is left of myeks" in ended.stdout
