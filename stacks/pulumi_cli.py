"""Runs the user's own pulumi on the user's terminal, and keeps what it says about an error.

Prompts, colours and progress stay pulumi's; only its stderr passes through here, because that alone tells what it says
before it has an event log: that the stack is locked, or that its backend does not answer.
"""

import codecs
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from rehearsal.outcome import refused
from stacks import error_hints
from stacks.console import err
from stacks.errors import CannotAsk, Failure
from stacks.stack import CHECKOUT

EVENT_LOG: Final = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Environment in which the pulumi CLI knows `--event-log`, as its own Automation API sets it."""

_LOGGED: Final = frozenset({"up", "destroy", "preview"})
"""Commands that we run and that can write an event log."""

_PIPE_CLOSES_WITHIN: Final = 2.0
"""Seconds after pulumi's end: a plug-in that outlives a killed one may hold its stderr open."""

_READ_EVERY: Final = 0.5
"""Seconds between two looks into the event log."""

OnEvent = Callable[[dict[str, Any]], object]
"""Takes one event of the engine in its JSON form (github.com/pulumi/pulumi, sdk/go/common/apitype/events.go)."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    errors: str
    """The errors in its event log, one a line; what it wrote to stderr where there are none."""

    stderr: str
    interrupted: bool
    """Whether Ctrl-C was pressed meanwhile."""


def binary() -> str:
    """The user's own pulumi; raises CannotAsk when there is none."""
    found = shutil.which("pulumi")
    if not found:
        raise CannotAsk(
            "The pulumi CLI is not on PATH. Install it from https://www.pulumi.com/docs/install/ and log in."
        )
    return found


def run(*arguments: str, stdout: IO[str] | None = None, quiet: bool = False, on_event: OnEvent | None = None) -> Ended:
    """Run pulumi on the user's terminal, however it ends; Ctrl-C is pulumi's to handle.

    With `quiet` what it writes to stderr is kept and not shown; it asks on stdout. `on_event` is called for each event
    as the engine logs it, from another thread.
    """
    with tempfile.TemporaryDirectory() as directory:
        events = Path(directory, "events")
        # The log holds outputs and settings: it is gone with the command.
        log = ["--event-log", str(events)] if arguments[0] in _LOGGED else []
        process = subprocess.Popen(
            [binary(), *arguments, *log],
            cwd=Path(CHECKOUT),
            env=os.environ | EVENT_LOG,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        kept: list[str] = []
        reader = threading.Thread(target=_read, args=(process.stderr, kept, quiet), daemon=True)
        reader.start()
        over = threading.Event()
        if on_event and log:
            threading.Thread(target=follow, args=(events, over, on_event), daemon=True).start()
        interrupted = False
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:
                interrupted = True
        over.set()
        reader.join(_PIPE_CLOSES_WITHIN)
        stderr = "".join(kept)
        return Ended(code, error_hints.logged(events) or error_hints.printed(stderr), stderr, interrupted)


def follow(log: Path, over: threading.Event, on_event: OnEvent, every: float = _READ_EVERY) -> None:
    """Hand on each event that is written to a log, until it is over."""
    rest = ""
    with contextlib.ExitStack() as opened:
        stream: IO[str] | None = None
        while not over.wait(every):
            if stream is None:
                if not log.exists():
                    continue
                stream = opened.enter_context(log.open(errors="replace"))
            # What ends no line is still being written.
            *lines, rest = (rest + stream.read()).split("\n")
            for line in lines:
                with contextlib.suppress(ValueError):
                    on_event(json.loads(line))


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that only tells something, without a terminal."""
    return subprocess.run(
        [binary(), *arguments, "--non-interactive"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )


def outputs(stack: str) -> dict[str, Any]:
    """A stack's outputs, secret ones masked; raises CannotAsk when pulumi cannot tell."""
    ended = ask("stack", "output", "--json", "--stack", stack)
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines()
        raise CannotAsk(
            f"pulumi could not read the outputs of stack {stack}: {said[-1] if said else 'it said nothing'}. "
            "Check pulumi login and the stack's name."
        )
    return json.loads(ended.stdout or "{}")


def last_update_failed(stack: str) -> bool:
    """Whether the stack's last update was stopped or failed; no when pulumi does not tell.

    What it had begun to delete may be gone and stand in the state all the same.
    """
    ended = ask("stack", "history", "--json", "--page-size", "1", "--stack", stack)
    try:
        updates: list[dict[str, object]] = json.loads(ended.stdout) if ended.returncode == 0 else []
    except ValueError:
        return False
    return bool(updates) and updates[0].get("result") == "failed"


def require(ended: Ended, what: str) -> None:
    """Raises KeyboardInterrupt when the user stopped it, and Failure with the cause in a line when it failed."""
    if ended.code == 0:
        return
    told = error_hints.cause(ended.errors) if ended.errors else "What it said stands above."
    if ended.interrupted:
        err.print(f"pulumi {what} was stopped. {told}", markup=False)
        raise KeyboardInterrupt
    if ended.code < 0:
        raise Failure(
            f"pulumi {what} was ended from outside (signal {-ended.code}). Run the same command again: it puts right "
            "what that left, and goes on."
        )
    kind = error_hints.refusal(refused(ended.errors))
    raise kind(f"pulumi {what} ended with exit code {ended.code}. {told}")


def _read(stream: IO[bytes] | None, kept: list[str], quiet: bool) -> None:
    """Copy to our stderr as it comes, and not line by line: what ends a line may be long in coming."""
    if stream is None:
        return
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while chunk := os.read(stream.fileno(), 8192):
        text = decoder.decode(chunk)
        kept.append(text)
        if not quiet:
            sys.stderr.write(text)
            sys.stderr.flush()
