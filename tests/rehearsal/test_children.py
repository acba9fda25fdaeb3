"""Commands that are run for the user: their signals, their end, and their end when we are killed."""

import errno
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal import processes

CHECKOUT = Path(__file__).parents[2]
RUN = """
import os, sys
from cli import child_process
sys.exit(child_process.run(sys.argv[1:], os.environ, dies_with_us=True))
"""
COUNTS = """
trap 'echo INT' INT; trap 'echo TERM; exit 5' TERM; trap 'echo HUP' HUP; trap 'echo QUIT' QUIT
echo ready $$; while :; do sleep 0.05; done
"""
"""A shell script that tells which signals it got."""


def started(*line: str, **settings: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *line],
        cwd=CHECKOUT,
        env={**os.environ, "LAB_INVOKED_FROM": "/"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **settings,  # pyright: ignore[reportArgumentType, reportCallIssue]  # only preexec_fn
    )


def ready(process: subprocess.Popen[str]) -> int:
    """The command's process id, once it is there."""
    assert process.stdout
    word, pid = process.stdout.readline().split()
    assert word == "ready"
    return int(pid)


def until(what: str, seen: Callable[[], object], within: float = 20) -> None:
    end = time.monotonic() + within
    while not seen():
        if time.monotonic() > end:
            pytest.fail(f"waited {within} s for {what}")
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("pwd", 0)]
)
def test_the_end_of_the_command_is_our_end(script: str, code: int):
    process = started("sh", "-c", script)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == code
    assert said == ("/\n" if script == "pwd" else "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_sent_to_us_alone_goes_to_the_command_once(number: signal.Signals):
    process = started("sh", "-c", COUNTS)
    ready(process)
    process.send_signal(number)
    assert process.stdout
    assert process.stdout.readline() == f"{number.name.removeprefix('SIG')}\n"
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert said == "TERM\n"
    assert process.returncode == 5


def test_an_interrupt_ends_a_command_that_does_not_handle_it():
    process = started("sh", "-c", "echo ready $$; exec sleep 60")
    ready(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130


def test_a_signal_that_is_ignored_here_is_ignored_by_the_command():
    process = started(
        "sh", "-c", "echo ready $$; exec sleep 60", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    pid = ready(process)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    os.kill(pid, signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143


def test_a_command_that_does_not_end_on_request_is_killed():
    script = "from cli import child_process; child_process.GRACE = 0.5\n" + RUN
    process = subprocess.Popen(
        [sys.executable, "-c", script, "sh", "-c", "trap 'echo no' TERM; echo ready $$; while :; do sleep 0.1; done"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    ready(process)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert said == "no\n"
    assert process.returncode == 137


def test_the_command_is_killed_with_us():
    process = started("sh", "-c", "echo ready $$; exec sleep 60")
    pid = ready(process)
    process.kill()
    process.wait(timeout=10)
    until("the command to be gone", lambda: not processes.alive(pid, "sleep"))


@pytest.mark.parametrize("line", ["/no/such/thing", "no-such-thing", str(CHECKOUT / "README.md"), str(CHECKOUT)])
def test_what_is_no_command_is_told(line: str):
    process = started(line)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 1  # the exception, which the command line turns into a message
    assert f"stacks.errors.BadInput: {'There is no command ' if 'no' in line else ''}{line}" in said


def test_keys_of_a_terminal_reach_the_command_once():
    """The terminal itself sends to both of us: passing it on would make two, and a second Ctrl-C often means more."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(CHECKOUT)
        os.execv(sys.executable, [sys.executable, "-c", RUN, "sh", "-c", COUNTS])  # noqa: S606  # the test's own
    seen = b""

    def read(until_seen: bytes, within: float = 20) -> None:
        nonlocal seen
        end = time.monotonic() + within
        while until_seen not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    seen += os.read(terminal, 4096)
                except OSError as error:
                    if error.errno != errno.EIO:  # what Linux answers at the end
                        raise
                    return

    try:
        read(b"ready")
        os.write(terminal, b"\x03")
        read(b"INT")
        read(b"never", within=0.7)
        os.write(terminal, b"\x1c")
        read(b"QUIT")
        os.kill(pid, signal.SIGTERM)
        read(b"TERM")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert (seen.count(b"INT"), seen.count(b"QUIT"), seen.count(b"TERM")) == (1, 1, 1)
    assert os.waitstatus_to_exitcode(status) == 5
