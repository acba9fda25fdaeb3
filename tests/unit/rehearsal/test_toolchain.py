"""What is decided about tools without running one: names, pins, and errors a stranger can act on."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rehearsal.toolchain import cache as toolchain
from rehearsal.toolchain import go_build
from rehearsal.toolchain.cache import OPTIONAL, TOOLS, Room, Tool, ToolchainError, ensure, version_of
from rehearsal.toolchain.go_build import Go

EVERY = (*TOOLS, *OPTIONAL)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tools"


def fail_to_run(*args: object, **kwargs: object) -> None:
    raise AssertionError(f"a process was started: {args}")


def place(tool: Tool) -> None:
    tool.bin_dir.mkdir(parents=True, exist_ok=True)
    for name in tool.commands:
        (tool.bin_dir / name).write_text("")
        (tool.bin_dir / name).chmod(0o755)


def silent(line: str) -> None:
    raise AssertionError(f"reported: {line}")


@pytest.mark.parametrize("tool", EVERY, ids=lambda tool: tool.name)
def test_every_tool_is_pinned_by_its_module(tool: Tool) -> None:
    go_mod = (tool.directory / "go.mod").read_text()
    assert tool.version in go_mod
    assert tool.go_version >= (1, 26)
    for package in tool.commands.values():
        if package == ".":
            assert f'"{tool.module}/' in (tool.directory / "main.go").read_text()
        else:
            assert package in go_mod.partition("require")[0], "a tool directive keeps `go mod tidy` from dropping it"
    assert (tool.directory / "go.sum").stat().st_size > 1000
    assert tool.key.startswith(f"{tool.name}-{tool.version}-")


def test_the_programs_know_their_version() -> None:
    flags = {tool.name: tool.ldflags for tool in TOOLS}
    assert f"common/version.Version={version_of('pulumi')}" in flags["pulumi"]
    assert f"version.gitVersion={version_of('kubernetes')} " in flags["kubernetes"]
    assert "version.gitMajor=1 " in flags["kubernetes"]
    assert "version.gitMinor=36 " in flags["kubernetes"]


def test_the_provider_answers_for_the_programs_sdk() -> None:
    checkout = toolchain.MODULES.parents[1]
    pinned = re.search(r"^pulumi-kubernetes==(\S+)", (checkout / "requirements.txt").read_text(), re.MULTILINE)
    main = next(tool for tool in TOOLS if tool.name == "kubernetes-provider").directory / "main.go"
    assert pinned is not None
    assert f'const version = "{pinned[1]}"\n' in main.read_text()


def test_nothing_runs_when_all_is_there(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in TOOLS:
        place(tool)
    first = ensure(silent)
    monkeypatch.setattr(subprocess, "Popen", fail_to_run)
    monkeypatch.setattr(subprocess, "run", fail_to_run)
    began = time.monotonic()
    assert ensure(silent) == first
    assert time.monotonic() - began < 0.05
    assert {entry.name for entry in first.iterdir()} == {name for tool in TOOLS for name in tool.commands}
    assert not any(link.readlink().is_absolute() for link in first.iterdir())


def test_only_what_is_missing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in TOOLS:
        place(tool)
    merged = ensure(silent)
    kwok = next(tool for tool in TOOLS if tool.name == "kwok")
    shutil.rmtree(kwok.bin_dir.parent)
    built: list[str] = []

    def build(go: Go, tool: Tool, report: Callable[[str], None]) -> None:
        built.append(tool.name)
        place(tool)

    monkeypatch.setattr(go_build, "build_tool", build)
    monkeypatch.setattr(go_build, "find_go", lambda tools: Go("go", "go1.26.0", Path("/m"), Path("/b")))
    assert ensure(silent) == merged
    assert built == ["kwok"]
    assert os.access(merged / "kwok", os.X_OK)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Tool:
    """An optional tool beside the others."""
    tool = Tool("etcd", "go.etcd.io/etcd/server/v3", {"small": "."}, Room(1, 1, 1))
    monkeypatch.setattr(toolchain, "TOOLS", tuple(known for known in TOOLS if known.name != tool.name))
    monkeypatch.setattr(toolchain, "OPTIONAL", (tool,))
    return tool


def test_an_optional_tool_is_built_when_it_is_asked_for(small: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(go: Go, tool: Tool, report: Callable[[str], None]) -> None:
        assert tool is small
        place(tool)

    for tool in toolchain.TOOLS:
        place(tool)
    monkeypatch.setattr(go_build, "build_tool", fail_to_run)
    monkeypatch.setattr(go_build, "find_go", lambda tools: Go("go", "go1.26.0", Path("/m"), Path("/b")))
    without = ensure(silent)
    assert not (without / "small").exists()
    monkeypatch.setattr(go_build, "build_tool", build)
    assert ensure(silent, extra=["etcd"]) == without, "a world that runs finds it where it looks already"
    assert os.access(without / "small", os.X_OK)
    monkeypatch.setattr(go_build, "build_tool", fail_to_run)
    assert ensure(silent) == ensure(silent, extra=["etcd"]) == without
    assert os.access(without / "small", os.X_OK)


PROVIDER_SOURCES = [
    "main.go",
    "overlay/github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider/provider_construct.go",
]


@pytest.mark.parametrize(
    ("name", "changed"),
    [("etcd", "go.mod"), ("etcd", "go.sum"), *(("kubernetes-provider", source) for source in PROVIDER_SOURCES)],
)
def test_another_source_is_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, changed: str
) -> None:
    tool = next(tool for tool in TOOLS if tool.name == name)
    shutil.copytree(toolchain.MODULES, tmp_path / "modules")
    before = tool.key
    monkeypatch.setattr(toolchain, "MODULES", tmp_path / "modules")
    assert tool.key == before
    with (tool.directory / changed).open("a") as file:
        file.write("\n// changed\n")
    assert tool.key != before


def test_other_build_settings_are_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [tool.key for tool in TOOLS]
    monkeypatch.setitem(toolchain.BUILD_SETTINGS, "CGO_ENABLED", "1")
    assert not set(before) & {tool.key for tool in TOOLS}


def test_without_go_the_error_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolchainError, match=r"no `go`\. Install Go 1\.26 or newer from https://go\.dev/dl/\."):
        ensure(silent)


@pytest.mark.parametrize(("version", "accepted"), [("go1.22.5", False), ("go1.26.0", True), ("go1.30rc1", True)])
def test_the_version_of_go_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, accepted: bool
) -> None:
    answer = SimpleNamespace(stdout=f"{version}\n{tmp_path}\n{tmp_path}\n")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: answer)
    if accepted:
        assert go_build.find_go(TOOLS).version == version
    else:
        with pytest.raises(ToolchainError, match=r"is go1\.22\.5, which is too old: the tools need Go 1\.26\."):
            go_build.find_go(TOOLS)


def test_a_full_disk_is_noticed_before_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = Go("go", "go1.26.0", tmp_path / "not" / "yet" / "there", tmp_path / "objects")
    two = [tool for tool in TOOLS if tool.name in ("etcd", "kwok")]
    free = 1000

    def usage(path: Path) -> SimpleNamespace:
        return SimpleNamespace(free=free << 20)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(ToolchainError, match=r"etcd and kwok takes up to 2100 MiB in .* where 1000 MiB are free"):
        go_build.check_room(go, two)
    free = 1300
    with pytest.raises(ToolchainError):
        go_build.check_room(go, two)
    # What is fetched already need not be fetched again.
    for tool in two:
        (go.module_cache / f"{tool.module}@{tool.version}").mkdir(parents=True)
    go_build.check_room(go, two)


def test_a_users_go_settings_do_not_reach_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {
        "GOFLAGS": "-mod=vendor -tags=none",
        "GOOS": "plan9",
        "GOARCH": "mips",
        "GOWORK": "/some/go.work",
        "CGO_ENABLED": "1",
        "GOTOOLCHAIN": "go1.20",
        "GO111MODULE": "off",
        "GOPROXY": "https://proxy.example",
        "HTTPS_PROXY": "http://proxy.example",
    }
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    used = go_build.build_environment()
    assert used["GOFLAGS"].split() == list(toolchain.BUILD_FLAGS)
    assert "-mod=readonly" in used["GOFLAGS"], "go.sum must vouch for every module"
    assert "GOOS" not in used
    assert "GOARCH" not in used
    assert (used["GOWORK"], used["CGO_ENABLED"], used["GO111MODULE"]) == ("off", "0", "on")
    assert used["GOTOOLCHAIN"] == "local"
    assert (used["GOPROXY"], used["HTTPS_PROXY"]) == (theirs["GOPROXY"], theirs["HTTPS_PROXY"])


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(ToolchainError, match="MYEKS_LAB_CACHE"):
        ensure(silent)


@pytest.mark.parametrize(
    ("command", "log", "says"),
    [
        ("list", "go: x@v1: dial tcp: lookup modules.example: no such host", "could not be fetched"),
        ("list", "go: module lookup disabled by GOPROXY=off", "Connect to the network"),
        ("build", "link: write: no space left on device", "The disk filled up while etcd"),
        ("list", "go: verifying x@v1: checksum mismatch", "did not build: `go list` ended with status 1"),
        ("build", "x.go:1: undefined: y", "undefined: y"),
    ],
)
def test_a_failed_build_says_why(cache: Path, command: str, log: str, says: str) -> None:
    etcd = next(tool for tool in TOOLS if tool.name == "etcd")
    cache.mkdir(parents=True)
    file = cache / "etcd.log"
    file.write_text(f"go: downloading something v1\n{log}\n")
    error = go_build.explain(etcd, file, command, 1)
    assert isinstance(error, ToolchainError)
    assert says in str(error)
    if "did not build" in str(error):
        assert str(file) in str(error)
