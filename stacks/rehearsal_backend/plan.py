"""The engine's plan of any stack from nothing, previewed in the rehearsal: what `lab plan` draws its graph from.

Nothing of the user's account is asked, so a stack that is meant for AWS is played without what leads there.
"""

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.config.aws_checks import Answers
from infra.config.loading import LabConfig
from rehearsal import stack_files
from rehearsal import world as worlds
from rehearsal.at_work import AlreadyRunning
from rehearsal.engine import interruptible
from rehearsal.environment import environment
from rehearsal.outcome import RunFailed
from stacks.console import progress
from stacks.error_hints import cause, refusal
from stacks.errors import Failure
from stacks.rehearsal_backend import opening
from stacks.stack import Stack, settings_of


def plan_of(chosen: Stack) -> Mapping[str, Any]:
    """The engine's plan of this stack from nothing known of AWS, previewed in the rehearsal."""
    with progress() as shown, tempfile.TemporaryDirectory() as directory, _region_played(chosen):
        world, bin_dir, started = opening.begin(chosen, shown)
        try:
            stack = opening.stack_in(world, bin_dir, _without_accounts(chosen, Path(directory)), shown, NoLookups())
            shown.waiting("previewing the program")
            with interruptible(stack.engine, shown.phase):
                return stack.plan()
        except AlreadyRunning as error:
            raise Failure(str(error)) from error
        except RunFailed as error:
            raise refusal(error)(f"The plan stopped: {cause(str(error))}") from error
        finally:
            if started:
                worlds.stop(world)


@dataclass(frozen=True)
class NoLookups:
    """Asks nobody: the graph does not depend on whether a zone or a certificate exists."""

    def ask(self, config: LabConfig) -> Answers:  # noqa: ARG002  # the protocol names it
        """No problems, no questions."""
        return Answers()


@contextmanager
def _region_played(chosen: Stack) -> Generator[None]:
    """A running rehearsal of another region is left alone: while this holds the world is one beside it."""
    running = opening.attached()
    region = chosen.config.region
    if running is None or running.region == region:
        yield
        return
    with environment({"MYEKS_LAB_WORLD": f"{running.dir}-{region}"}, set()):
        yield


def _without_accounts(chosen: Stack, directory: Path) -> Stack:
    """The stack with a settings file that leads to no account of the user's; no edge of the graph needs one.

    Left out are encrypted values, whose key is the user's, and how the provider reaches AWS (`aws:profile`).
    """
    config: dict[str, Any] = settings_of(chosen).get("config") or {}
    kept = {
        key: value
        for key, value in config.items()
        if not (isinstance(value, dict) and set(value) == {"secure"})
        and (key == "aws:region" or not key.startswith("aws:"))
    }
    file = directory / chosen.file.name
    file.write_text(stack_files.written({"config": kept}))
    return Stack(chosen.name, file, chosen.config)
