"""What cannot work is told by one line; what is not about the lab goes to the machine's own program."""

import os
from pathlib import Path

import pytest

from programs import launchers, not_here
from programs.__main__ import run
from programs.names import EKSCTL, LACKING, LEAVING, PLUGINS

NODE = {
    "InstanceId": "i-1",
    "PublicIpAddress": "192.0.2.1",
    "PrivateIpAddress": "192.168.1.5",
    "PrivateDnsName": "ip-192-168-1-5.ap-northeast-2.compute.internal",
    "Tags": [{"Key": "eks:cluster-name", "Value": "myeks"}],
}
SERVER = {"InstanceId": "i-2", "PublicIpAddress": "203.0.113.9", "Tags": [{"Key": "Name", "Value": "myeks-ops-1"}]}


@pytest.mark.parametrize(
    ("name", "line", "host"),
    [
        ("ssh", "-o StrictHostKeyChecking=no ec2-user@192.0.2.1 hostname", "192.0.2.1"),
        ("ssh", "-i key.pem -p 22 192.0.2.1", "192.0.2.1"),
        ("ssh", "ssh://ec2-user@192.0.2.1:22", "192.0.2.1"),
        ("ssh", "other.example ping 192.0.2.1", "other.example"),
        ("ssh", "--bad", ""),
        ("ssh", "", ""),
        ("ping", "-c 1 192.0.2.1", "192.0.2.1"),
    ],
)
def test_whom_a_line_is_about(name: str, line: str, host: str) -> None:
    assert not_here.target_of(name, line.split()).host == host


@pytest.mark.parametrize("host", ["192.0.2.1", "192.168.1.5", NODE["PrivateDnsName"]])
def test_a_node_is_told_with_what_shows_it(host: str) -> None:
    told = not_here.machine_words(host, [SERVER, NODE])
    assert told.startswith(f"{host} is the node ip-192-168-1-5.ap-northeast-2.compute.internal, which is played")
    assert told.endswith("kubectl get node ip-192-168-1-5.ap-northeast-2.compute.internal -o wide")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("command", "code", "shown"),
    [("hostname", 0, NODE["PrivateDnsName"]), ("hostname -i", 255, ""), ("cat hostname", 255, ""), ("", 255, "")],
)
def test_a_node_tells_its_name_and_nothing_else(
    command: str,
    code: int,
    shown: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(not_here, "_instances", lambda: [SERVER, NODE])
    assert run("ssh", tmp_path, ["ec2-user@192.0.2.1", *command.split()]) == code
    told = capsys.readouterr()
    assert told.out.strip() == shown
    assert ("no machine answers there" in told.err) is (code != 0)


def test_a_server_is_told_and_others_are_not() -> None:
    assert "aws ec2 describe-instances --instance-ids i-2" in not_here.machine_words("203.0.113.9", [SERVER, NODE])
    assert not_here.machine_words("192.0.2.2", [SERVER, NODE]) == ""


@pytest.mark.parametrize(
    ("domain", "address", "of_lab"),
    [
        ("example.com", "https://kubeopsview.example.com/#scale=1.5", True),
        ("example.com", "https://example.com", True),
        ("example.com", "https://example.com.evil.org", False),
        ("example.com", "https://notexample.com", False),
        ("example.com", "notes.txt", False),
        # Without a domain the note's "https://grafana.$MyDomain" ends with a dot.
        ("", "https://grafana.", True),
        ("", "https://kubeopsview./#scale=1.5", True),
        ("", "https://example.com", False),
    ],
)
def test_pages_of_the_lab(
    domain: str,
    address: str,
    of_lab: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MyDomain", domain)
    monkeypatch.setenv("PATH", str(tmp_path))
    code = run("open", tmp_path, [address])
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    if of_lab:
        assert (code, told.startswith(f"open: {address} is not served here")) == (1, True)
    else:
        assert (code, "no such program" in told) == (127, True)


def test_what_is_not_the_labs_goes_to_the_machines_own_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for directory in (ours, theirs):
        directory.mkdir()
        (directory / "ssh").write_text("")
        (directory / "ssh").chmod(0o700)
    monkeypatch.setenv("PATH", f"{ours}{os.pathsep}{theirs}")
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execv", lambda path, line: started.append((path, line)))
    not_here.leaving("ssh", ["git@host.example", "true"], ours)
    assert started == [(str(theirs / "ssh"), ["ssh", "git@host.example", "true"])]


def test_without_ec2_the_shells_variables_are_what_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(not_here, "_instances", lambda: None)
    monkeypatch.setenv("N2", "192.0.2.7 192.0.2.8")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run("ping", tmp_path, ["-c", "1", "192.0.2.8"]) == 1
    assert run("ping", tmp_path, ["-c", "1", "192.0.2.9"]) == 127


def test_what_a_machine_lacks_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("kind", tmp_path, ["delete", "cluster", "--name", "myk8s"]) == 127
    told = capsys.readouterr().err
    assert told.startswith("kind: kind is not installed, and there is no kind cluster to delete")
    assert told.count("\n") == 1


def test_the_users_own_programs_come_first_but_for_what_leaves_the_machine(tmp_path: Path) -> None:
    assert launchers.around(tmp_path, rehearsal=True) == ((tmp_path / "programs-first",), (tmp_path / "programs",))
    plugins = {one.program for one in PLUGINS}
    assert {one.name for one in (tmp_path / "programs-first").iterdir()} == {EKSCTL, *LEAVING}
    assert {one.name for one in (tmp_path / "programs").iterdir()} == plugins | set(LACKING)
    assert all(os.access(one, os.X_OK) for one in (tmp_path / "programs").iterdir())
    assert {"kubectl-access_matrix", "kubectl-rbac_tool", "kubectl-df_pv"} < plugins


def test_on_aws_there_are_plug_ins_alone(tmp_path: Path) -> None:
    # The machine's own ssh, helm and eksctl are left alone, whether they are there or not.
    assert launchers.around(tmp_path, rehearsal=False) == ((), (tmp_path / "programs",))
    assert {one.name for one in (tmp_path / "programs").iterdir()} == {one.program for one in PLUGINS}
    assert not (tmp_path / "programs-first").exists()


def test_a_launcher_is_written_again_when_it_leads_elsewhere(tmp_path: Path) -> None:
    launchers.around(tmp_path, rehearsal=True)
    place = tmp_path / "programs-first/ssh"
    written = place.read_text()
    place.write_text("#!/bin/sh\nexec /gone\n")
    launchers.around(tmp_path, rehearsal=True)
    assert place.read_text() == written
