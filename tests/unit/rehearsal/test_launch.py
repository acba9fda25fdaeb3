"""What the launchers of the plug-ins say, and that they are ended by their own ids alone."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import aws_cli
from rehearsal.providers import launch


@pytest.fixture
def laid_out(tmp_path: Path) -> Path:
    """Launchers, with a provider that prints its environment."""
    for name in ("bin", "plugins", "pids"):
        (tmp_path / name).mkdir()
    printing = tmp_path / "bin" / launch.KUBERNETES
    printing.write_text('#!/bin/sh\necho "$@"; echo $$; env\n')
    printing.chmod(0o755)
    launch.lay_out(tmp_path / "plugins", tmp_path / "bin", tmp_path / "pids", tmp_path / "own")
    return tmp_path


def test_there_is_one_for_each_plugin(laid_out: Path):
    names = {file.name for file in (laid_out / "plugins").iterdir()}
    assert names == {"aws", "pulumi-resource-aws", "pulumi-resource-eks", "pulumi-resource-kubernetes"}
    text = (laid_out / "plugins/pulumi-resource-aws").read_text()
    assert "-m rehearsal.providers.aws" in text
    assert "PROXY" not in text


def test_the_provider_has_nothing_of_the_users_and_no_way_out(laid_out: Path):
    users = {**os.environ, "KUBECONFIG": "/home/me/.kube/config", "HTTPS_PROXY": "http://proxy.example:3128"}
    ran = subprocess.run(
        [laid_out / "plugins" / launch.KUBERNETES, "127.0.0.1:1"],
        env=users,
        capture_output=True,
        text=True,
        check=True,
    )
    arguments, pid, *environment = ran.stdout.splitlines()
    assert arguments == "127.0.0.1:1"
    # The id that was noted is the provider's own.
    assert [file.name for file in (laid_out / "pids").iterdir()] == [pid]
    values = {name: value for name, _, value in (line.partition("=") for line in environment)}
    assert not Path(values["KUBECONFIG"]).exists()
    assert Path(values["KUBECONFIG"]).parent == laid_out / "own"
    assert values["HTTPS_PROXY"] == values["HTTP_PROXY"] == "http://127.0.0.1:1"
    assert "127.0.0.1" in values["NO_PROXY"]
    assert values["TMPDIR"] == str(laid_out / "own")


def test_only_plugins_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lines = {11: "/b/pulumi-resource-kubernetes 127.0.0.1:1", 12: "python -m rehearsal.providers.aws", 13: "vim notes"}
    ended: list[int] = []
    monkeypatch.setattr(launch.processes, "alive", lambda pid, part: part in lines[pid])
    monkeypatch.setattr(launch.processes, "wait_gone", lambda _pid, _within: False)
    monkeypatch.setattr(launch.processes, "end", lambda pid, _within: ended.append(pid))
    for pid in lines:
        (tmp_path / str(pid)).touch()
    launch.end(tmp_path)
    assert sorted(ended) == [11, 12]
    assert list(tmp_path.iterdir()) == []


def test_the_aws_cli_starts_from_an_environment_whose_path_has_a_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    python = tmp_path / "with space" / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    launch.lay_out(tmp_path, Path("/tools"), tmp_path / "pids", tmp_path / "own")
    first, line = (tmp_path / "aws").read_text().splitlines()
    # The kernel takes a first line only up to a space: no path of ours may stand in it.
    assert first == "#!/bin/sh"
    assert shlex.split(line) == ["exec", str(python), "-I", "-c", aws_cli.START, "$@"]
