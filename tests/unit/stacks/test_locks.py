"""Locks that a killed update left: which may go, and who is asked."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from infra.config.loading import parse
from rehearsal import processes
from stacks import locks, pulumi_cli
from stacks.errors import Failure
from stacks.stack import Stack

STACK = Stack("mine", Path("Pulumi.mine.yaml"), parse({}, "ap-northeast-2"))
CLOUD = "error: [409] Conflict: Another update is currently in progress.\nTo learn more about possible reasons\n"


def said(host: str = "", pid: int = 4711) -> str:
    """What pulumi 3.259 says of a lock in a backend of files."""
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
        "lock file with `pulumi cancel`.\n  file:///home/me/.pulumi/locks/organization/myeks/mine/7353c262.json: "
        f"created by me@{host or socket.gethostname()} (pid {pid}) at 2026-11-24T13:50:38Z\n"
    )


class Seen:
    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []
        self.asked: list[str] = []
        self.answer = True
        self.command_lines: dict[int, str] = {}
        self.code = 0

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.ran.append(arguments)
        return subprocess.CompletedProcess([], self.code, "", "error: no way to the backend")

    def confirm(self, question: str, **_: object) -> bool:
        self.asked.append(question)
        return self.answer


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    made = Seen()
    monkeypatch.setattr(pulumi_cli, "ask", made.ask)
    monkeypatch.setattr(typer, "confirm", made.confirm)
    monkeypatch.setattr(processes, "command_line", lambda pid: made.command_lines.get(pid, ""))
    monkeypatch.setattr(locks, "_orphaned_providers", lambda: iter(()))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    return made


CANCELLED = [("cancel", "--yes", "--stack", "mine")]


def test_a_lock_is_known_by_what_pulumi_says_of_it():
    assert locks.is_locked(said())
    assert locks.is_locked(CLOUD)
    assert not locks.is_locked("error: no stack named 'mine' found")
    (holder,) = locks.holders(said("host.example", 12))
    assert (holder.user, holder.host, holder.pid, holder.since) == ("me", "host.example", 12, "2026-11-24T13:50:38Z")
    assert locks.holders(CLOUD) == []


def test_a_lock_of_a_process_of_this_machine_that_has_ended_goes_by_yes(seen: Seen, capsys: pytest.CaptureFixture[str]):
    locks.release(STACK, said(), yes=True)
    assert (seen.asked, seen.ran) == ([], CANCELLED)
    told = capsys.readouterr().err
    assert "process 4711 of me@" in told
    assert "2026-11-24T13:50:38Z" in told


def test_without_yes_somebody_is_asked(seen: Seen):
    seen.answer = False
    with pytest.raises(typer.Exit) as left:
        locks.release(STACK, said(), yes=False)
    assert left.value.exit_code == 1
    assert (len(seen.asked), seen.ran) == (1, [])
    seen.answer = True
    locks.release(STACK, said(), yes=False)
    assert seen.ran == CANCELLED


def test_another_program_that_has_the_process_id_now_holds_no_lock(seen: Seen):
    seen.command_lines[4711] = "/usr/bin/vim notes"
    locks.release(STACK, said(), yes=True)
    assert seen.ran == CANCELLED


@pytest.mark.parametrize("yes", [True, False])
def test_the_lock_of_a_pulumi_that_runs_stays(seen: Seen, yes: bool):
    seen.command_lines[4711] = "/usr/local/bin/pulumi up --stack mine"
    with pytest.raises(Failure, match="Another pulumi is at work on stack mine: process 4711"):
        locks.release(STACK, said(), yes=yes)
    assert (seen.asked, seen.ran) == ([], [])


@pytest.mark.parametrize("text", [said("elsewhere"), CLOUD])
def test_a_lock_from_elsewhere_goes_by_an_answer_alone(seen: Seen, text: str, monkeypatch: pytest.MonkeyPatch):
    # Also when a pulumi with that process id runs here.
    seen.command_lines[4711] = "/usr/local/bin/pulumi up --stack other"
    for yes in (True, False):
        with pytest.raises(Failure, match="pulumi cancel --stack mine"):
            locks.release(STACK, text, yes=yes)
    assert (seen.asked, seen.ran) == ([], [])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    locks.release(STACK, text, yes=True)
    assert (len(seen.asked), seen.ran) == (1, CANCELLED)


def test_one_lock_from_elsewhere_is_enough(seen: Seen):
    with pytest.raises(Failure, match="cannot see whether another pulumi works"):
        locks.release(STACK, said() + said("elsewhere"), yes=True)
    assert seen.ran == []


def test_a_lock_that_does_not_go_is_told(seen: Seen):
    seen.code = 255
    with pytest.raises(Failure, match="could not be removed: no way to the backend"):
        locks.release(STACK, said(), yes=True)


def process(proc: Path, pid: int, command: str, cwd: Path, parent: int) -> None:
    entry = proc / str(pid)
    entry.mkdir(parents=True)
    (entry / "cmdline").write_bytes(command.replace(" ", "\0").encode())
    (entry / "cwd").symlink_to(cwd)
    (entry / "stat").write_text(f"{pid} (a (strange) name) S {parent} 1 1 0")


def test_providers_whose_pulumi_is_gone_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    proc, checkout = tmp_path / "proc", tmp_path / "checkout"
    checkout.mkdir()
    monkeypatch.setattr(processes, "PROC", proc)
    monkeypatch.setattr(locks, "CHECKOUT", checkout)
    (proc / "self").mkdir(parents=True)
    provider = "/home/me/.pulumi/plugins/resource-aws-v7.51.1/pulumi-resource-aws 127.0.0.1:4"
    process(proc, 10, "/usr/bin/pulumi preview", checkout, 1)
    process(proc, 11, provider, checkout, 10)
    process(proc, 12, provider, checkout, 1)
    process(proc, 13, provider, tmp_path, 1)
    process(proc, 14, "/bin/cat pulumi-resource-aws", checkout, 1)
    ended: list[int] = []
    waited: list[int] = []
    finishes: Callable[[int], bool] = {12: False}.__getitem__

    def wait(pid: int, within: float) -> bool:
        assert 0 < within <= locks.PROVIDERS_END_WITHIN
        waited.append(pid)
        return finishes(pid)

    monkeypatch.setattr(processes, "wait_gone", wait)
    monkeypatch.setattr(processes, "end", lambda pid, _within: ended.append(pid))
    locks._end_providers()  # pyright: ignore[reportPrivateUsage]
    assert (waited, ended) == ([12], [12])
    finishes = {12: True}.__getitem__
    ended.clear()
    locks._end_providers()  # pyright: ignore[reportPrivateUsage]
    assert ended == []
