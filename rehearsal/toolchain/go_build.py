"""Runs the Go compiler for the tools that are missing.

Apart from `toolchain`, because it is needed once a version: it knows what can
go wrong on a stranger's machine (no Go, too old a Go, no network, no room)
and sees to it that an interrupted build leaves nothing behind.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rehearsal.paths import tools_dir
from rehearsal.process_guard import Guard, kill_group
from rehearsal.toolchain.cache import BUILD_FLAGS, BUILD_SETTINGS, Report, Tool, ToolchainError

_REPORT_EVERY = 3.0
"""Seconds between two lines of progress."""

_TEMPORARY = ".building-"
_TAIL_LINES = 15

_OFFLINE = re.compile(
    r"dial tcp|no such host|i/o timeout|connection refused|handshake timeout|GOPROXY=off|is unreachable"
)
_NO_ROOM = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)

# A user's own settings for other work; these would change what is built, or refuse to build it.
_DROPPED = ("GOOS", "GOARCH", "GOEXPERIMENT", "GOBIN", "GOAMD64", "GOARM64", "GODEBUG", "GOCOVERDIR")


@dataclass(frozen=True)
class Go:
    """The Go that builds: its program and the caches that it fills."""

    program: str
    version: str
    module_cache: Path
    build_cache: Path


def build_environment() -> dict[str, str]:
    """The user's environment, where proxies are, with everything that decides about the build fixed."""
    environment = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    # GOFLAGS must not be empty: an empty one lets Go's own configuration file decide.
    fixed = {"GOFLAGS": " ".join(BUILD_FLAGS), "GOWORK": "off", "GO111MODULE": "on", "GOTOOLCHAIN": "local"}
    return environment | fixed | BUILD_SETTINGS


def find_go(tools: Sequence[Tool]) -> Go:
    """The Go on PATH. Raises ToolchainError when there is none, or one that is too old for the tools."""
    needed = max(tool.go_version for tool in tools)
    wanted = ".".join(str(part) for part in needed)
    program = shutil.which("go")
    if program is None:
        raise ToolchainError(
            f"Go is not installed: PATH has no `go`. Install Go {wanted} or newer from https://go.dev/dl/."
        )
    names = ["GOVERSION", "GOMODCACHE", "GOCACHE"]
    try:
        # In a directory without go.mod, so that no project's own wishes count.
        asked = subprocess.run(
            [program, "env", *names],
            cwd=tools_dir(),
            env=build_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainError(
            f"{program} does not run: {error}. Install Go {wanted} or newer from https://go.dev/dl/."
        ) from error
    version, module_cache, build_cache = asked.stdout.splitlines()
    found = re.match(r"go(\d+)\.(\d+)", version)
    if found is not None and (int(found[1]), int(found[2])) < needed:
        raise ToolchainError(
            f"{program} is {version}, which is too old: the tools need Go {wanted}. "
            f"Install Go {wanted} or newer from https://go.dev/dl/."
        )
    return Go(program, version, Path(module_cache), Path(build_cache))


def check_room(go: Go, tools: Sequence[Tool]) -> None:
    """Raise ToolchainError when a first build of these tools would fill a disk."""
    needed = {
        go.module_cache: sum(tool.room.modules for tool in tools if not _is_fetched(go, tool)),
        go.build_cache: sum(tool.room.objects for tool in tools),
        tools_dir(): sum(tool.room.programs for tool in tools),
    }
    disks: dict[int, list[Path]] = {}
    for place in needed:
        disks.setdefault(_existing(place).stat().st_dev, []).append(place)
    for places in disks.values():
        wanted = sum(needed[place] for place in places)
        free = shutil.disk_usage(_existing(places[0])).free >> 20
        if free < wanted:
            names = " and ".join(tool.name for tool in tools)
            raise ToolchainError(
                f"Building {names} takes up to {wanted} MiB in {' and '.join(map(str, places))}, where "
                f"{free} MiB are free. Free some room, or set MYEKS_LAB_CACHE, GOMODCACHE and GOCACHE to "
                "another disk."
            )


def _is_fetched(go: Go, tool: Tool) -> bool:
    return (go.module_cache / f"{tool.module}@{tool.version}").is_dir()


def _existing(place: Path) -> Path:
    return next(path for path in (place, *place.parents) if path.exists())


def clear_leftovers() -> None:
    """Remove what killed builds left; the caller holds the lock, so none of it is alive."""
    for leftover in tools_dir().glob(f"{_TEMPORARY}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def adopt(tool: Tool, report: Report) -> bool:
    """Put a link to a program that this machine has into a tool's place in the cache; whether there is a fit one."""
    (name,) = tool.commands if tool.tells_version else ("",)
    program = shutil.which(name) if name else None
    if program is None:
        return False
    try:
        asked = subprocess.run([program, tool.tells_version], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    found, needed = _release(asked.stdout), _release(tool.version)
    if found is None or needed is None or found < needed or found[0] != needed[0]:
        return False
    shutil.rmtree(tool.bin_dir.parent, ignore_errors=True)
    tool.bin_dir.mkdir(parents=True)
    (tool.bin_dir / name).symlink_to(program)
    report(f"{tool.name}: {program} is {asked.stdout.strip()}, so it is not built")
    return True


def _release(text: str) -> tuple[int, ...] | None:
    """A version as numbers; None when it is another text, or a version before a release."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return tuple(int(part) for part in found.groups()) if found else None


def build_tool(go: Go, tool: Tool, report: Report) -> None:
    """Build one tool into its place in the cache, whole or not at all. Raises ToolchainError."""
    began = time.monotonic()
    title = f"{tool.name} {tool.version}"
    log = tools_dir() / "log" / f"{tool.key}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(b"")
    with _workplace(tool) as place, Guard() as guard:
        run = _Runner(go, tool, log, guard)
        packages = place / "packages"

        def fetching() -> None:
            report(f"{title}: fetching modules, {_count(log, fetched=True)} so far, {_since(began)}")

        if tool.overlay.is_dir():
            run.directory = place / "source"
            shutil.copytree(tool.directory, run.directory, ignore=shutil.ignore_patterns(tool.overlay.name))
            _patch(run, tool, fetching)
        run(["list", "-deps", *tool.commands.values()], packages, fetching)
        total = len(packages.read_text().splitlines())
        packages.unlink()

        def compiling() -> None:
            report(f"{title}: compiling, {_count(log, fetched=False)} of {total} packages, {_since(began)}")

        flags = ["-v", "-ldflags", tool.ldflags]
        run(["build", *flags, *_targets(tool, place / "bin")], log, compiling)
        shutil.rmtree(place / "source", ignore_errors=True)
        absent = [name for name in tool.commands if not os.access(place / "bin" / name, os.X_OK)]
        if absent:
            raise ToolchainError(
                f"Building {title} did not make {', '.join(absent)}. "
                "Its packages are named in rehearsal/toolchain/cache.py; correct them there."
            )
        final = tools_dir() / tool.key
        # A tool's directory from which somebody removed a program.
        shutil.rmtree(final, ignore_errors=True)
        place.rename(final)
    log.unlink()
    report(f"{title}: built in {_since(began)}")


def _patch(run: "_Runner", tool: Tool, progress: Callable[[], None]) -> None:
    """Let the module in `run.directory` use copies of its dependencies that have our files in them.

    An empty file of ours leaves theirs out. Go's own -overlay is refused for files in its module cache, and for
    vendored ones it would have to fetch first what our files leave out. Raises ToolchainError for a file of ours that
    replaces nothing: it is for another version.
    """
    ours = {source.relative_to(tool.overlay): source for source in tool.sources() if tool.overlay in source.parents}
    listing = run.directory / "packages"
    # With -find: only the package itself is fetched and compared with go.sum, not what it imports.
    wanted = sorted({name.parent.as_posix() for name in ours})
    run(["list", "-find", "-f", "{{.ImportPath}}\t{{.Module.Path}}\t{{.Module.Dir}}", *wanted], listing, progress)
    copies: dict[str, Path] = {}
    for line in listing.read_text().splitlines():
        package, module, directory = line.split("\t")
        if module not in copies:
            copies[module] = run.directory / "patched" / str(len(copies))
            _copy_writable(Path(directory), copies[module])
            run(["mod", "edit", f"-replace={module}=./patched/{copies[module].name}"], listing, progress)
        for name, source in ours.items():
            if name.parent.as_posix() != package:
                continue
            replaced = copies[module] / name.relative_to(module)
            if not replaced.is_file():
                raise ToolchainError(
                    f"{tool.name} {tool.version} has no file {name}, which {source} replaces. "
                    "Correct the overlay for this version."
                )
            if source.stat().st_size:
                shutil.copyfile(source, replaced)
            else:
                replaced.unlink()


def _copy_writable(source: Path, target: Path) -> None:
    """Copy a module out of Go's cache, where nothing can be written."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for directory, _, _ in os.walk(target):
        Path(directory).chmod(0o755)


def _targets(tool: Tool, directory: Path) -> list[str]:
    """What to build and where to; one command alone may have another name than its package."""
    if len(tool.commands) > 1:
        return ["-o", f"{directory}/", *tool.commands.values()]
    ((name, package),) = tool.commands.items()
    return ["-o", str(directory / name), package]


@contextmanager
def _workplace(tool: Tool) -> Generator[Path]:
    """A directory beside the finished tools; gone afterwards, unless it was renamed to one of them."""
    place = Path(tempfile.mkdtemp(prefix=f"{_TEMPORARY}{tool.name}-", dir=tools_dir()))
    # mkdtemp keeps others out; the tools are no secret.
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


class _Runner:
    """Runs `go` for one tool, in a process group that ends with us."""

    def __init__(self, go: Go, tool: Tool, log: Path, guard: Guard) -> None:
        self.directory = tool.directory
        """The module's, where each command runs."""
        self._go = go
        self._tool = tool
        self._log = log
        self._guard = guard

    def __call__(self, arguments: Sequence[str], output: Path, progress: Callable[[], None]) -> None:
        """Run one command; standard output goes to `output`, everything else to the log."""
        progress()
        with output.open("ab") as out, self._log.open("ab") as log:
            process = subprocess.Popen(
                [self._go.program, *arguments],
                cwd=self.directory,
                env=build_environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        self._guard.add(process.pid)
        try:
            while True:
                try:
                    status = process.wait(timeout=_REPORT_EVERY)
                    break
                except subprocess.TimeoutExpired:
                    progress()
        except BaseException:
            _end(process)
            raise
        finally:
            self._guard.remove(process.pid)
        if status != 0:
            raise explain(self._tool, self._log, arguments[0], status)


def explain(tool: Tool, log: Path, command: str, status: int) -> ToolchainError:
    """What a failed `go COMMAND` means to a user, from the end of its log."""
    title = f"{tool.name} {tool.version}"
    lines = log.read_text(errors="replace").splitlines()
    tail = "\n".join(lines[-_TAIL_LINES:])
    if _NO_ROOM.search(tail):
        return ToolchainError(
            f"The disk filled up while {title} was built. Free some room, or set MYEKS_LAB_CACHE, "
            "GOMODCACHE and GOCACHE to another disk."
        )
    if command == "list" and _OFFLINE.search(tail):
        return ToolchainError(
            f"The Go modules of {title} could not be fetched: {lines[-1]}. Connect to the network, "
            "or set GOPROXY to a module proxy that can be reached from here."
        )
    return ToolchainError(
        f"{title} did not build: `go {command}` ended with status {status}. Read {log}, which ends with:\n{tail}"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the whole group to end, then make it."""
    kill_group(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Compilers that outlive their `go` are still in its group.
        kill_group(process.pid)
        process.wait()


def _count(log: Path, *, fetched: bool) -> int:
    """Lines about fetched modules, or those about compiled packages."""
    return sum(line.startswith("go: ") == fetched for line in log.read_text(errors="replace").splitlines())


def _since(began: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - began), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
