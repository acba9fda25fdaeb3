"""The engine and the control plane, built once a version and kept.

Nobody serves these programs as ready binaries from one place that can be
checked, but Go's checksum database vouches for their sources: each tool is a
Go module below `tools/` that pins a version, and go.sum holds the sums. What
is built lies in the user's cache under a name made of everything that went
into it, so a second checkout builds nothing and a changed pin never meets an
old binary. Tools that only some settings need are built when they are asked
for by name.
"""

import hashlib
import os
import platform
import re
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rehearsal.paths import tools_dir

MODULES = Path(__file__).parents[1] / "tools"
"""One Go module a tool; its go.mod is the only place that names the version."""

BUILD_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
BUILD_SETTINGS = {"CGO_ENABLED": "0"}
"""Part of each tool's name in the cache: another setting is another binary. Without cgo the
programs are static and need no C compiler."""

Report = Callable[[str], None]
"""Takes one line of progress, without a line end."""


class ToolchainError(Exception):
    """A tool could not be built: two sentences, what is wrong and what to do."""


@dataclass(frozen=True)
class Room:
    """What a first build takes, in MiB, rounded up; measured on linux/amd64 with Go 1.26."""

    modules: int
    """In Go's module cache, with the archives as they were fetched."""
    objects: int
    """In Go's build cache."""
    programs: int
    """In our own cache."""


@dataclass(frozen=True)
class Tool:
    """One Go module and the programs built from it.

    `commands` maps a program's name to its package; `stamps` are linker
    `-X` settings in which `{version}`, `{major}` and `{minor}` are filled in.
    """

    name: str
    module: str
    commands: Mapping[str, str]
    room: Room
    stamps: tuple[str, ...] = ()
    tells_version: str = ""
    """Argument with which the tool's one program prints its version. A program of that name on PATH whose version is as
    new, of the same major one, then needs no building. Empty: the program is built."""

    @property
    def directory(self) -> Path:
        """Where go.mod and go.sum are."""
        return MODULES / self.name

    @property
    def overlay(self) -> Path:
        """Files of ours that are compiled in the place of a dependency's, by import path; most tools have none.

        An empty one says that theirs is not compiled.
        """
        return self.directory / "overlay"

    def sources(self) -> list[Path]:
        """Files of ours beside go.mod and go.sum, in a fixed order: a main package, and what is in `overlay`."""
        return sorted(self.directory.rglob("*.go"))

    def _go_mod(self) -> str:
        return (self.directory / "go.mod").read_text()

    @property
    def version(self) -> str:
        """The version that go.mod requires, as "v1.36.3"."""
        required = rf"^\s*(?:require\s+)?{re.escape(self.module)} (v\S+)"
        found = re.search(required, self._go_mod(), re.MULTILINE)
        if found is None:
            raise ToolchainError(
                f"{self.directory / 'go.mod'} does not require {self.module}. Restore it from the repository."
            )
        return found[1]

    @property
    def go_version(self) -> tuple[int, int]:
        """The oldest Go that go.mod allows, as (1, 26)."""
        found = re.search(r"^go (\d+)\.(\d+)", self._go_mod(), re.MULTILINE)
        if found is None:
            raise ToolchainError(f"{self.directory / 'go.mod'} has no go line. Restore it from the repository.")
        return int(found[1]), int(found[2])

    @property
    def ldflags(self) -> str:
        """Linker flags: no symbol table, and the version that the program shall report."""
        major, minor, *_ = self.version.removeprefix("v").split(".")
        stamps = [s.format(version=self.version, major=major, minor=minor) for s in self.stamps]
        return " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in stamps)])

    @property
    def key(self) -> str:
        """Name in the cache: tool, version, and a digest of all that decides what the binary is."""
        digest = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            digest.update((self.directory / name).read_bytes())
        decided = [self.ldflags, *BUILD_FLAGS, *(f"{k}={v}" for k, v in sorted(BUILD_SETTINGS.items()))]
        decided += [f"{name}={package}" for name, package in self.commands.items()]
        decided += [platform.system(), platform.machine()]
        for source in self.sources():
            sha = hashlib.sha256(source.read_bytes()).hexdigest()
            decided.append(f"{source.relative_to(self.directory).as_posix()}={sha}")
        digest.update("\0".join(decided).encode())
        return f"{self.name}-{self.version}-{digest.hexdigest()[:12]}"

    @property
    def bin_dir(self) -> Path:
        """Where the cache keeps this tool's programs."""
        return tools_dir() / self.key / "bin"

    def is_built(self) -> bool:
        """Whether every program is there; a tool's directory appears whole or not at all."""
        return all(os.access(self.bin_dir / name, os.X_OK) for name in self.commands)


TOOLS = (
    Tool(
        "pulumi",
        "github.com/pulumi/pulumi/pkg/v3",
        {"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
        Room(modules=1700, objects=2200, programs=150),
        # Without its version the engine refuses what the Automation API asks of it.
        stamps=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",),
        tells_version="version",
    ),
    Tool(
        "kubernetes",
        "k8s.io/kubernetes",
        {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
        },
        Room(modules=800, objects=2900, programs=400),
        stamps=(
            "k8s.io/component-base/version.gitVersion={version}",
            "k8s.io/component-base/version.gitMajor={major}",
            "k8s.io/component-base/version.gitMinor={minor}",
            "k8s.io/component-base/version.gitTreeState=clean",
        ),
    ),
    Tool(
        "etcd",
        "go.etcd.io/etcd/server/v3",
        {"etcd": "go.etcd.io/etcd/server/v3"},
        Room(modules=350, objects=350, programs=50),
    ),
    Tool(
        "kwok",
        "sigs.k8s.io/kwok",
        {"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
        Room(modules=450, objects=800, programs=100),
    ),
    Tool(
        "kubernetes-provider",
        "github.com/pulumi/pulumi-kubernetes/provider/v4",
        {"pulumi-resource-kubernetes": "."},
        Room(modules=800, objects=1500, programs=100),
    ),
)
"""What every rehearsal runs, apart from Python's own programs."""

OPTIONAL = (
    Tool(
        "external-dns",
        "sigs.k8s.io/external-dns",
        {"external-dns": "sigs.k8s.io/external-dns"},
        Room(modules=500, objects=1100, programs=100),
        stamps=("sigs.k8s.io/external-dns/pkg/apis/externaldns.Version={version}",),
    ),
    Tool(
        "helm",
        "helm.sh/helm/v4",
        {"helm": "helm.sh/helm/v4/cmd/helm"},
        Room(modules=600, objects=1000, programs=70),
        stamps=("helm.sh/helm/v4/internal/version.version={version}",),
    ),
)
"""What a rehearsal runs only with some settings, or only its user; `ensure` builds one of these when it is asked to."""


def version_of(name: str) -> str:
    """The pinned version of one tool, as "v1.36.3"; `name` is one of TOOLS' or OPTIONAL's names."""
    return _named(name).version


def ensure(report: Report, extra: Collection[str] = ()) -> Path:
    """The directory with the tools' programs, after building those that are missing.

    `extra` names optional tools to have too. The directory is the same with and
    without them: a process that was given it finds an optional program as soon
    as that is built. `report` gets a line of progress every few seconds while
    something is built or waited for, and none when all is there. Raises
    ToolchainError.
    """
    wanted = [*TOOLS, *(_named(name) for name in extra)]
    bin_dir = _merged_dir()
    if _is_merged(bin_dir, wanted):
        return bin_dir
    # Imported only here: a command that finds everything in the cache must not pay for it.
    from rehearsal.toolchain.go_build import adopt, build_tool, check_room, clear_leftovers, find_go

    with _lock(report):
        clear_leftovers()
        missing = [tool for tool in wanted if not tool.is_built() and not adopt(tool, report)]
        if missing:
            go = find_go(missing)
            check_room(go, missing)
            for tool in missing:
                build_tool(go, tool, report)
        _merge(bin_dir)
    return bin_dir


def _named(name: str) -> Tool:
    return next(tool for tool in (*TOOLS, *OPTIONAL) if tool.name == name)


def _merged_dir() -> Path:
    digest = hashlib.sha256("\0".join(tool.key for tool in (*TOOLS, *OPTIONAL)).encode())
    return tools_dir() / f"bin-{digest.hexdigest()[:12]}"


def _programs(tools: Iterable[Tool]) -> Iterator[tuple[Tool, str]]:
    return ((tool, name) for tool in tools for name in tool.commands)


def _is_merged(bin_dir: Path, tools: Iterable[Tool]) -> bool:
    # Follows the links, so a tool that was deleted from the cache is noticed.
    return all(os.access(bin_dir / name, os.X_OK) for _, name in _programs(tools))


def _merge(bin_dir: Path) -> None:
    """Make one directory of links into the tools' own directories."""
    bin_dir.mkdir(parents=True, exist_ok=True)
    for tool, name in _programs(tool for tool in (*TOOLS, *OPTIONAL) if tool.is_built()):
        link = bin_dir / name
        fresh = bin_dir / f".{name}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        # Relative, so that the cache may be moved.
        fresh.symlink_to(Path("..") / tool.key / "bin" / name)
        fresh.replace(link)


@contextmanager
def _lock(report: Report) -> Generator[None]:
    """One builder at a time; the lock falls with the process that holds it, however it ends."""
    import fcntl
    import time

    directory = tools_dir()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = (directory / ".lock").open("w")
    except OSError as error:
        raise ToolchainError(
            f"The tools' cache {directory} cannot be written: {error.strerror}. "
            "Make it writable, or name another directory in MYEKS_LAB_CACHE."
        ) from error
    with handle:
        began = said = time.monotonic()
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                now = time.monotonic()
                if now - said >= 3 or said == began:
                    report(f"tools: another process is building them, waiting {now - began:.0f} s")
                    said = now
                time.sleep(0.2)
        yield
