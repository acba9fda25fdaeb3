"""AWS on a bad day: every command that stops says why in a line, and the same command goes on to a clean end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.rehearsal.conftest import Lab
from tests.rehearsal.faults import EVENINGS, Evening, Fault, count, listed

STAGE = ("stage", "rbac", "after", "identity-mapping", "entry", "irsa", "on", "pod-identity", "on")

START = """
from rehearsal import world
from rehearsal.toolchain import cache
world.start("ap-northeast-2", cache.ensure(lambda _: None))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("faults"))
    yield made
    made("down", "--force", code=None)
    assert made.left_running() == []


def faults(lab: Lab, lay: tuple[dict[str, Any], ...] | None = None) -> list[dict[str, Any]]:
    """Lay faults, or ask how often those that lie have struck."""
    world = json.loads((lab.world / "world.json").read_text())
    answer = urllib3.request(
        "GET" if lay is None else "POST",
        f"{world['endpoint']}/_rehearsal/faults",
        body=None if lay is None else json.dumps(lay),
        headers={"Authorization": f"Bearer {(lab.world / 'secret').read_text()}"},
        timeout=10,
    )
    assert answer.status == 200, answer.data
    return answer.json()


def meets(lab: Lab, fault: Fault, *command: str) -> None:
    """Run a command with the fault laid; it ends as the table says, and every call was really spoiled."""
    faults(lab, fault.calls)
    if fault.killed:
        interrupted(lab, fault, *command)
        return
    ended = lab(*command, code=None)
    struck = faults(lab) if lab.world.exists() else []
    assert all(one["spoiled"] for one in struck), f"not every fault was met: {struck}"
    if fault.ending == "survives":
        assert ended.returncode == 0, ended.stderr
        return
    assert ended.returncode == 1, ended.stderr
    assert fault.told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert f"./lab {'down' if command[0] == 'down' else 'up'}" in ended.stderr, "the command that goes on"
    faults(lab, ())


def interrupted(lab: Lab, fault: Fault, *command: str) -> None:
    running = lab.start(*command)
    end = time.monotonic() + 120
    while not faults(lab)[0]["spoiled"]:
        assert time.monotonic() < end, "the call was never made"
        assert running.poll() is None, running.communicate()[0]
        time.sleep(0.1)
    if fault.killed == "SIGKILL":
        for line in lab.processes():
            pid, program = line.split()[:2]
            if Path(program).name == "pulumi":
                os.kill(int(pid), signal.SIGKILL)
    else:
        running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=120)
    assert "Traceback" not in said, said
    if fault.killed == "SIGKILL":
        assert running.returncode == 1, said
        assert f"./lab {'down' if command[0] == 'down' else 'up'}" in said, "the command that goes on"
    else:
        assert running.returncode == 130, said
        assert f"To go on: ./lab {command[0]}" in said
    if lab.world.exists():
        faults(lab, ())


def test_there_are_at_least_forty(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{count()} faults are injected:\n")
        for step, fault in listed():
            sys.stdout.write(f"  {step:5}  {fault.name} ({fault.ending})\n")
    assert count() >= 40


@pytest.mark.parametrize("evening", EVENINGS, ids=[evening.up[0].name for evening in EVENINGS])
def test_an_evening(lab: Lab, evening: Evening) -> None:
    lab("down", "--force", code=None)
    lab.reset()
    subprocess.run([sys.executable, "-c", START], env=lab.env, cwd=lab.checkout, check=True, timeout=60)
    for fault in evening.up:
        meets(lab, fault, "up")
    lab("up")
    for fault in evening.stage:
        meets(lab, fault, *STAGE)
    lab(*STAGE)
    assert set(lab.json("preview")["counts"]) == {"same"}
    for fault in evening.down:
        meets(lab, fault, "down")
    if lab.world.exists():
        assert "Nothing is left" in lab("down").stderr
    assert not lab.world.exists()
    assert lab.left_running() == []
