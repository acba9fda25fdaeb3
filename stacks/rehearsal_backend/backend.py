"""Runs this lab's program by the rehearsal's own engine, in the world on this machine."""

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from operations.doctor import machine
from operations.doctor.findings import Finding, Layer, Status
from operations.doctor.rules.machine import diagnose_machine
from rehearsal import paths, room
from rehearsal import world as worlds
from rehearsal.at_work import AlreadyRunning
from rehearsal.emulator.settings import OPERATOR
from rehearsal.engine import interruptible
from rehearsal.environment import environment
from rehearsal.outcome import RunFailed, SettingsRefused
from rehearsal.stack import RehearsalStack
from rehearsal.world import World
from stacks import cluster_facts, expiry, kept_stages, wait_probes
from stacks.aws_lab import LabSession
from stacks.console import Progress
from stacks.engine_events import Watcher
from stacks.error_hints import cause, refusal
from stacks.errors import BadInput, Failure
from stacks.made_by_hand import Agree, nobody
from stacks.outcomes import LeftInRehearsal, Run, Update
from stacks.pending_operations import Json
from stacks.rehearsal_backend import down, opening
from stacks.stack import Stack, content, parsed, read, standing_outputs
from stacks.takeover import Engine

ADMIN: Final = "admin"
"""What a shell calls the rehearsal's operator."""


@dataclass(frozen=True)
class RehearsalBackend:
    """The rehearsal's stack; the methods' promises are those of `stacks.backend.Backend`."""

    stack: Stack

    @property
    def costs(self) -> bool:
        """It does not."""
        return False

    @property
    def place(self) -> str:
        """The rehearsal needs nothing else."""
        return "this machine"

    @property
    def patience(self) -> float:
        """A change counts at once."""
        return 2.0

    def examine(self) -> tuple[Finding, ...]:
        """Looks at this machine alone."""
        return (*diagnose_machine(machine.look(machine.REHEARSAL_TOOLS)), free_room())

    def with_end(self, expires: str | None) -> tuple[Stack, Callable[[], None]]:
        """Kept beside the lab: its settings file is under version control."""
        stack = self.stack
        if expires is not None:
            kept = {**stack.stages, kept_stages.EXPIRES: expires}
            stack = parsed(stack.name, stack.file, read(stack.file), kept)
        # What was edited in the file since counts from now on, whatever it is edited to next.
        return stack, lambda: kept_stages.keep(content(stack.file, read(stack.file)), stack.stages)

    def agree(self, *, yes: bool, tell: Callable[[Stack], object] | None) -> None:
        """Nobody need be asked."""
        del yes, tell

    def up(self, shown: Progress, *, yes: bool, agree: Agree, refresh: bool = False, as_json: bool = False) -> Update:
        """The world is started where there is none."""
        del yes, as_json  # Nothing is asked before, and nothing is said on stdout.
        expiry.require(self.stack.config, datetime.now(UTC))
        world, bin_dir, _ = opening.begin(self.stack, shown, to_run=True)
        stack = opening.stack_in(world, bin_dir, self.stack, shown, agree=agree)
        late = wait_probes.reporter(self.stack, shown.phase, builds=True)
        watcher = Watcher(shown, "applying" if stack.exists() else "creating", late)
        try:
            # What asks beside the engine does it in the engine's environment, also when the engine is done.
            asked = environment(stack.environment(), world.unset())
            with asked, late.watching(), interruptible(stack.engine, shown.phase):
                if refresh and stack.exists():
                    stack.refresh(Watcher(shown, "reading", late))
                result = stack.up(watcher)
        except AlreadyRunning as error:
            raise Failure(str(error)) from error
        except SettingsRefused as error:
            raise BadInput(f"The engine does not take the settings: {cause(str(error))}") from error
        except RunFailed as error:
            raise Failure(
                f"The update stopped: {cause(str(error))}\nWhat stands is recorded: ./lab up goes on, "
                "./lab down takes it away."
            ) from error
        shown.waiting("asking the API server what Helm has")
        with environment(stack.environment(), world.unset()):
            releases = cluster_facts.after_up(result.outputs)
        run = Run(counts=result.changes, changes=tuple(watcher.changes))
        return Update(outputs=result.outputs, releases=releases, run=run, seconds=shown.elapsed)

    def apply(self, shown: Progress, *, refresh: bool = False, agree: Agree = nobody) -> None:
        """An update like any other."""
        self.up(shown, yes=True, agree=agree, refresh=refresh)

    def preview(self, shown: Progress, *, as_json: bool = False) -> Run:
        """A preview of nothing leaves nothing: a world that was started for it is stopped."""
        del as_json
        world, bin_dir, started = opening.begin(self.stack, shown)
        stack = opening.stack_in(world, bin_dir, self.stack, shown)
        watcher = Watcher(shown, "comparing")
        try:
            with interruptible(stack.engine, shown.phase):
                result = stack.preview(watcher)
        except AlreadyRunning as error:
            raise Failure(str(error)) from error
        except RunFailed as error:
            raise refusal(error)(f"The preview stopped: {cause(str(error))}") from error
        finally:
            if started:
                worlds.stop(world)
        return Run(counts=result.changes, changes=tuple(watcher.changes))

    def destroy(self, shown: Progress, *, yes: bool, as_json: bool = False) -> LeftInRehearsal:
        """By the engine; then the emulator is asked what is left, and everything goes with it."""
        del as_json
        return down.destroy(self.stack, shown, yes=yes)

    @contextmanager
    def outputs(self) -> Generator[tuple[Mapping[str, Any], Path]]:
        """From the running world, in its environment."""
        stack = self._kept()
        with environment(stack.environment(), stack.world.unset()):
            yield standing_outputs(self.stack, stack.outputs()), stack.world.dir

    @contextmanager
    def opened(self) -> Generator[LabSession]:
        """By the running world."""
        with opening.lab_in(self.stack, self._kept()) as lab:
            yield lab

    def resources(self) -> list[Json]:
        """From the running world."""
        return self._kept().resources()

    @contextmanager
    def engine(self) -> Generator[Engine]:
        """The passphrase is in the world's own file, which the engine is led to."""
        stack = self._kept()
        unset = stack.world.unset() | {"PULUMI_CONFIG_PASSPHRASE"}
        try:
            with stack.alone(), environment(stack.environment(), unset):
                yield stack
        except AlreadyRunning as error:
            raise Failure(str(error)) from error

    def last_update_failed(self) -> bool:
        """By what the engine has written of it."""
        world = opening.attached()
        return world is not None and opening.stack_in(world, opening.tools(Progress()), self.stack).last_update_failed()

    def operator(self, outputs: Mapping[str, Any]) -> tuple[str, str]:
        """The world's own."""
        return ADMIN, f"arn:aws:iam::{outputs['accountId']}:user/{OPERATOR}"

    def world(self) -> World:
        """The running one."""
        return opening.running()

    def is_gone(self) -> bool:
        """By the world's id."""
        here = opening.attached()
        return here is None or here.id != os.environ.get("MYEKS_REHEARSAL_WORLD")

    def _kept(self) -> RehearsalStack:
        """The stack in the running world; raises NotUp when there is none."""
        world = opening.running()
        return opening.stack_in(world, opening.tools(Progress()), self.stack)


def free_room() -> Finding:
    """Whether the disk has room for a rehearsal."""
    if told := room.lack():
        what, _, remedy = told.partition(". ")
        return Finding(Layer.MACHINE, Status.FAIL, f"{what}.", remedy)
    directory = paths.world_dir().absolute()
    return Finding(Layer.MACHINE, Status.OK, f"{room.free(directory)} MiB are free in {directory}.")
