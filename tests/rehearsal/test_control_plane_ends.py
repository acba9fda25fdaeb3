"""However a control plane ends, or fails to begin, nothing of it stays behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.cluster.control_plane import ControlPlane, ControlPlaneError
from rehearsal.toolchain.cache import ensure
from tests.rehearsal.control_planes import Loop, processes_in, spec, until

NOBODY = "http://127.0.0.1:9/nobody"


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def bin_dir_with(tmp_path: Path, name: str, script: str | None) -> Path:
    """The programs, one of them replaced by a script or missing."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for program in ensure(print).iterdir():
        if program.name != name:
            (directory / program.name).symlink_to(program.resolve())
    if script is not None:
        (directory / name).write_text(f"#!/bin/sh\n{script}\n")
        (directory / name).chmod(0o755)
    return directory


@pytest.mark.parametrize("version", ["1.35", "1.34"])
def test_an_older_version_is_emulated_and_stopping_leaves_nothing(loop: Loop, tmp_path: Path, version: str) -> None:
    directory = tmp_path / "cluster"
    plane = ControlPlane(spec(directory, NOBODY, version=version))
    loop.run(plane.start())
    shown = loop.run(plane.client.request("GET", "/version"))
    assert f"{shown['emulationMajor']}.{shown['emulationMinor']}" == version
    pids = [info.pid for info in plane.processes()]
    ports = [int(plane.endpoint.rsplit(":", 1)[1])]
    assert not is_free(ports[0])
    assert len(processes_in(directory)) == 5
    loop.run(plane.stop())
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert processes_in(directory) == {}
    assert all(is_free(port) for port in ports)
    assert not directory.exists()
    assert plane.processes() == []
    with pytest.raises(ControlPlaneError, match="is not running"):
        loop.run(plane.nodes())
    loop.run(plane.stop())


@pytest.mark.parametrize("version", ["1.99", "nonsense"])
def test_a_version_that_cannot_be_played_is_refused(loop: Loop, tmp_path: Path, version: str) -> None:
    plane = ControlPlane(spec(tmp_path / "cluster", NOBODY, version=version))
    with pytest.raises(ControlPlaneError, match=f"Kubernetes {version} cannot be played"):
        loop.run(plane.start())
    assert not (tmp_path / "cluster").exists()


@pytest.mark.parametrize(
    ("name", "script", "says"),
    [
        ("etcd", "echo the disk is on fire >&2; exit 3", "the disk is on fire"),
        ("kube-apiserver", "echo no such flag >&2; exit 1", "no such flag"),
        ("kube-scheduler", "echo scheduler refuses >&2; exit 1", "scheduler refuses"),
        ("kwok", None, "kwok could not be started"),
    ],
)
def test_a_failing_start_says_why_and_is_undone(
    loop: Loop, tmp_path: Path, name: str, script: str | None, says: str
) -> None:
    directory = tmp_path / "cluster"
    plane = ControlPlane(spec(directory, NOBODY, bin_dir=bin_dir_with(tmp_path, name, script)))
    with pytest.raises(ControlPlaneError, match=says) as caught:
        loop.run(plane.start())
    assert name in str(caught.value)
    assert processes_in(directory) == {}
    assert not directory.exists()


@pytest.mark.parametrize("after", [0.05, 0.4, 1.2])
def test_a_cancelled_start_is_undone(loop: Loop, tmp_path: Path, after: float) -> None:
    directory = tmp_path / "cluster"
    plane = ControlPlane(spec(directory, NOBODY))

    async def cancelled() -> None:
        async with asyncio.timeout(after):
            await plane.start()

    with pytest.raises(TimeoutError):
        loop.run(cancelled())
    assert processes_in(directory) == {}
    assert not directory.exists()


def test_a_killed_parent_takes_its_processes_along(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from rehearsal.cluster.control_plane import ControlPlane\n"
        "from tests.rehearsal.control_planes import spec\n"
        "async def main():\n"
        f"    plane = ControlPlane(spec(Path({str(directory)!r}), {NOBODY!r}))\n"
        "    await plane.start(); print('ready', flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    assert len(processes_in(directory)) == 5
    # The whole group, as a terminal or a supervisor would do it.
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    try:
        until(lambda: processes_in(directory) == {}, "no process left", 5)
    finally:
        for pid in processes_in(directory):
            os.kill(pid, signal.SIGKILL)
