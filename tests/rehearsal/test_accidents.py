"""Interrupts and parts that die: the next command puts it right, without anybody's hands."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rehearsal.conftest import Lab


def until(what: str, seen: Callable[[], object], within: float = 60) -> None:
    end = time.monotonic() + within
    while not seen():
        if time.monotonic() > end:
            pytest.fail(f"waited {within} s for {what}")
        time.sleep(0.1)


def pids(lab: Lab, name: str) -> list[int]:
    """Processes of this lab whose program has that file name."""
    # One that is just ending, or beginning, has no command line.
    lines = [line.split() for line in lab.processes()]
    return [int(words[0]) for words in lines if len(words) > 1 and Path(words[1]).name == name]


def creating(lab: Lab) -> bool:
    """Whether an update is in its middle: the cluster's VPC is there, the nodes are not."""
    try:
        resources = lab.state()["resources"]
    except (ValueError, KeyError):
        return False
    return len(resources) > 15


def test_interrupt_in_the_middle_then_up(lab: Lab):
    first = lab.start("up")
    until("the update to be in its middle", lambda: creating(lab))
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=90)
    assert first.returncode == 130
    assert said.endswith("lab: Interrupted. To go on: ./lab up\n")
    assert "Traceback" not in said
    lab("up")
    assert set(lab.json("preview")["counts"]) == {"same"}


def test_down_with_the_control_plane_killed(lab: Lab):
    for name in ("kube-apiserver", "etcd", "kube-controller-manager"):
        for pid in pids(lab, name):
            os.kill(pid, signal.SIGKILL)
    assert "Nothing is left" in lab("down").stderr
    assert not lab.world.exists()


def test_up_after_the_emulator_was_killed_starts_afresh(lab: Lab):
    lab("up")
    for line in lab.processes():
        if "rehearsal.emulator.server" in line:
            os.kill(int(line.split()[0]), signal.SIGKILL)
    until("its children to be gone", lambda: not pids(lab, "kube-apiserver"))
    lab("up")
    assert [node["ready"] for node in lab.json("status")["nodes"]] == [True] * 3
    lab("down")


def test_interrupt_before_the_engine_runs_leaves_nothing_half_started(lab: Lab):
    first = lab.start("up")
    time.sleep(0.7)
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=60)
    # A signal that comes before Python takes any ends the process itself.
    assert first.returncode in (130, -signal.SIGINT), said
    assert "Traceback" not in said
    lab("down")
    assert lab.left_running() == []


@pytest.mark.parametrize("command", ["preview", "plan"])
def test_interrupt_while_the_engine_begins_leaves_nothing(lab: Lab, command: str):
    lab("down", "--force")
    first = lab.start(command)
    until("the engine", lambda: pids(lab, "pulumi"))
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 130, said
    assert said.endswith(f"lab: Interrupted. To go on: ./lab {command}\n")
    assert "Traceback" not in said
    assert lab.left_running() == []
    assert not lab.world.exists()


EVENING_BEFORE = """
import boto3
from rehearsal import world
from rehearsal.environment import environment
from rehearsal.toolchain.cache import ensure
here = world.start("ap-northeast-2", ensure(print))
with environment(here.env(), here.unset()):
    boto3.client("logs").create_log_group(logGroupName="/aws/eks/myeks/cluster")
"""


def test_the_log_group_that_eks_makes_after_a_lab_is_gone_is_not_in_the_next_ones_way(lab: Lab):
    subprocess.run([sys.executable, "-c", EVENING_BEFORE], cwd=lab.checkout, env=lab.env, check=True, timeout=60)
    lab("up")
    shown = lab.sh("aws logs describe-log-groups --query 'logGroups[].[logGroupName, retentionInDays]' --output text")
    assert shown.split() == ["/aws/eks/myeks/cluster", "7"]
    assert "Nothing is left" in lab("down").stderr
