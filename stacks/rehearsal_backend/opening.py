"""Opens the rehearsal: tools, world, and this lab's program put together.

The rehearsal itself can play any program; here is the one place that hands it ours.
"""

import shlex
import sys
import threading
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from infra import versions
from infra.config.loading import NAMESPACE, SECRET_KEYS
from rehearsal import aws_cli_2, stack_files, world
from rehearsal import stack as run
from rehearsal.charts.repository import Pin
from rehearsal.endpoint import WorldError
from rehearsal.environment import environment
from rehearsal.toolchain import cache
from rehearsal.world import World
from stacks import aws_lab, state, takeover
from stacks.aws_lab import LabSession
from stacks.console import Progress
from stacks.errors import Failure, NotUp
from stacks.files import replace_text
from stacks.stack import PROJECT_FILE, Stack, settings_of

if TYPE_CHECKING:
    from infra.config.aws_checks import Lookups


def tools(progress: Progress, optional: Collection[str] = ()) -> Path:
    """Directory of the built tools; builds what is missing, which takes minutes once.

    `optional` names tools that only some settings need.
    """
    try:
        return cache.ensure(progress.phase, optional)
    except cache.ToolchainError as error:
        raise Failure(str(error)) from error


def begin(stack: Stack, progress: Progress, *, to_run: bool = False) -> tuple[World, Path, bool]:
    """The running world, started when there is none; with the tools, and whether it was started now.

    With `to_run` the tools are there too that play what these settings run in pods. Raises Failure when it runs in
    another region than the stack's settings name.
    """
    aws_cli_2.ensure(progress.phase)
    bin_dir = tools(progress, ["external-dns"] if to_run and stack.config.domain else [])
    # The program's packages take a while to import: meanwhile the emulator or the engine starts.
    if _importing.ident is None:
        _importing.start()
    try:
        here, started = world.joined(stack.config.region, bin_dir, progress.waiting)
    except WorldError as error:
        raise Failure(str(error)) from error
    if started:
        progress.phase(f"AWS emulator ready on {here.endpoint}")
    elif damaged := _restored(here):
        progress.phase(f"the operator's AWS key was damaged; put right: {', '.join(damaged)}")
    return here, bin_dir, started


def attached() -> World | None:
    """The running world, if there is one and it proves to be ours; raises Failure when something else answers.

    Its operator can work then: what damaged their AWS key since is put right.
    """
    try:
        here = world.attach()
    except WorldError as error:
        raise Failure(str(error)) from error
    if here:
        _restored(here)
    return here


def _restored(here: World) -> list[str]:
    """The operator's key as it was made, whatever happened to its files since; what was damaged. Raises Failure."""
    try:
        return here.restore_operator()
    except WorldError as error:
        raise Failure(str(error)) from error


def running() -> World:
    """The running world; raises NotUp when there is none."""
    here = attached()
    if here is None:
        raise NotUp("The rehearsal is not up. Start it with ./lab up.")
    return here


def stack_in(
    here: World,
    bin_dir: Path,
    stack: Stack,
    shown: Progress | None = None,
    lookups: "Lookups | None" = None,
    agree: Callable[[str], bool] = lambda _: False,
) -> run.RehearsalStack:
    """This lab's program as a stack in that world; `lookups` is asked about the settings, AWS when it is None.

    `agree` is asked before what somebody made by hand is replaced.

    `shown` shows what a recovery from a killed run waits for, and which chart is pulled or cannot be had.
    """

    def put_right(kept: run.RehearsalStack, builds: bool) -> None:
        if _importing.ident is not None:
            # Two threads that import packages with circles in them, as requests has, meet modules that are half made.
            _importing.join()
        takeover.put_right(stack, kept, shown or Progress(), builds=builds, agree=agree)

    return run.RehearsalStack(
        here,
        bin_dir,
        project_file=PROJECT_FILE,
        stack_file=_settings(stack, here.dir),
        program=partial(_program, lookups),
        tell=shown.phase if shown else lambda _: None,
        put_right=put_right,
        command=shlex.join(["./lab", *sys.argv[1:]]),
        secret_keys=[f"{NAMESPACE}:{key}" for key in SECRET_KEYS],
        charts=[Pin(chart.name, chart.version, chart.repository, chart.digest) for chart in versions.CHARTS],
    )


@contextmanager
def lab_in(stack: Stack, kept: run.RehearsalStack) -> Generator[LabSession]:
    """The lab of a stack in a world that is open already; in the block its AWS answers."""
    with environment(kept.environment(), kept.world.unset()):
        yield aws_lab.of(stack, state.parsed(kept.resources()))


def _settings(stack: Stack, directory: Path) -> Path:
    """The settings file for the engine: the stack's own, or one with the stages that are laid over it."""
    if not stack.stages:
        return stack.file
    # For this user alone, as replace_text makes a new file: it may hold a password.
    laid_over = directory / stack.file.name
    replace_text(laid_over, stack_files.written(settings_of(stack)))
    return laid_over


def _import_program() -> None:
    import infra.stack  # noqa: F401  # pyright: ignore[reportUnusedImport]  # for its side effect: it is warm


_importing = threading.Thread(target=_import_program, daemon=True)
"""Started once in a process."""


def _program(lookups: "Lookups | None") -> None:
    from infra.stack import deploy  # seconds of imports, wanted only when the engine runs

    deploy(lookups)
