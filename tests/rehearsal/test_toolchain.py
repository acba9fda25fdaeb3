"""Building tools with processes: a real Go on a small module, and a played one for what goes wrong."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from tests.rehearsal.control_planes import until

CHECKOUT = Path(__file__).parents[2]

# One small tool in the place of all others, and its build's progress on standard output.
PROGRAM = """
import sys
from rehearsal.toolchain import cache, go_build
from rehearsal.toolchain.cache import Room, Tool, ToolchainError
cache.MODULES = __import__("pathlib").Path(sys.argv[1])
cache.OPTIONAL = ()
cache.TOOLS = (
    Tool("small", "example.invalid/none", {"hello": "small/hello", "world": "small/world"}, Room(1, 1, 1),
         ("main.version={version}",)),
)
go_build._REPORT_EVERY = 0.1
try:
    print("BIN", cache.ensure(lambda line: print(line, flush=True)))
except ToolchainError as error:
    print("ERROR", error)
    sys.exit(3)
"""

HELLO = 'package main\n\nimport "fmt"\n\nvar version string\n\nfunc main() { fmt.Println("NAME", version) }\n'


class Bench:
    """A module, a cache, and a PATH whose `go` may be played."""

    def __init__(self, root: Path) -> None:
        self.modules = root / "modules"
        self.tools = root / "cache" / "tools"
        self.path = root / "path"
        self.calls = root / "calls"
        self.path.mkdir()
        small = self.modules / "small"
        for name in ("hello", "world"):
            (small / name).mkdir(parents=True)
            (small / name / "main.go").write_text(HELLO.replace("NAME", name))
        # The version is taken from a requirement that the small programs do not use.
        (small / "go.mod").write_text("module small\n\ngo 1.26\n\nrequire example.invalid/none v1.2.3\n")
        (small / "go.sum").write_text("")
        self.env = {
            **os.environ,
            "PATH": f"{self.path}:{os.environ['PATH']}",
            "PYTHONPATH": str(CHECKOUT),
            "MYEKS_LAB_CACHE": str(root / "cache"),
            "GOFLAGS": "-mod=vendor",
            "GOOS": "plan9",
        }

    def play_go(self, build: str, listing: str = "echo small; echo fmt") -> None:
        """Put a `go` on PATH whose `go list` and `go build` are shell scripts; $out is build's -o."""
        go = self.path / "go"
        go.write_text(
            "#!/bin/sh\n"
            f'case $1 in\n  env) echo go1.26.8; echo "{self.modules}"; echo "{self.modules}"; exit ;;\n'
            f"  list) {listing}; exit ;;\n"
            f'  build) echo build >> {self.calls}; while [ "$1" != -o ]; do shift; done; out=$2 ;;\nesac\n'
            f"{build}\n"
        )
        go.chmod(0o755)

    def depend(self, replaced: str) -> None:
        """Let `hello` say what a dependency says, of which `replaced` is a file with another one in its place."""
        dependency, small = self.modules.parent / "dependency", self.modules / "small"
        dependency.mkdir()
        (dependency / "go.mod").write_text("module example.invalid/none\n\ngo 1.26\n")
        (dependency / "none.go").write_text('package none\n\nconst Says = "theirs"\n')
        (dependency / "more.go").write_text("package none\n\nfunc does not compile\n")
        with (small / "go.mod").open("a") as file:
            file.write(f"\nreplace example.invalid/none => {dependency}\n")
        (small / "hello" / "main.go").write_text(
            'package main\n\nimport "example.invalid/none"\n\nfunc main() { print(none.Says) }\n'
        )
        ours = small / "overlay" / "example.invalid" / "none" / replaced
        ours.parent.mkdir(parents=True)
        ours.write_text('package none\n\nconst Says = "ours"\n')
        ours.with_name("more.go").touch()

    def start(self, program: str = PROGRAM) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", program, str(self.modules)],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, program: str = PROGRAM) -> tuple[int, str]:
        process = self.start(program)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def left(self) -> set[str]:
        """What lies in the cache, without the lock and the logs."""
        return {p.name.split("-")[0] for p in self.tools.iterdir()} - {".lock", "log"}

    def builds(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0

    def sleepers(self) -> list[int]:
        """Processes of a played build: they work in the module's directory."""
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if (entry / "cwd").readlink() == self.modules / "small":
                    found.append(int(entry.name))
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


FAST = 'mkdir -p "$out"; for p in hello world; do echo "#!/bin/sh" > "$out/$p"; chmod +x "$out/$p"; done'
SLOW = f"sleep 30 & sleep 30; {FAST}"


def read_until(stream: "IO[str] | None", word: str) -> None:
    assert stream is not None
    for line in stream:
        if word in line:
            return
    raise AssertionError(f"never said: {word}")


def test_a_real_build_is_stamped_kept_and_not_repeated(bench: Bench) -> None:
    code, output = bench.run()
    assert code == 0, output
    assert "small v1.2.3: compiling, 0 of" in output
    assert "small v1.2.3: built in" in output
    directory = Path(output.splitlines()[-1].removeprefix("BIN "))
    for name in ("hello", "world"):
        shown = subprocess.run([directory / name], capture_output=True, text=True, check=True)
        assert shown.stdout == f"{name} v1.2.3\n"
    assert bench.left() == {"small", "bin"}
    assert list((bench.tools / "log").iterdir()) == []
    again, said = bench.run()
    assert (again, said) == (0, f"BIN {directory}\n")


def test_a_file_of_ours_is_compiled_in_the_place_of_a_dependencys(bench: Bench) -> None:
    bench.depend("none.go")
    code, output = bench.run()
    assert code == 0, output
    program = Path(output.splitlines()[-1].removeprefix("BIN ")) / "hello"
    assert subprocess.run([program], capture_output=True, text=True, check=True).stderr == "ours"
    assert [entry.name for entry in program.resolve().parents[1].iterdir()] == ["bin"]
    theirs = bench.modules.parent / "dependency" / "none.go"
    assert "theirs" in theirs.read_text()


def test_a_file_that_replaces_nothing_is_an_error(bench: Bench) -> None:
    bench.depend("gone.go")
    code, output = bench.run()
    assert code == 3
    assert "ERROR small v1.2.3 has no file example.invalid/none/gone.go" in output
    assert bench.left() == set()


@pytest.mark.parametrize(
    ("told", "taken"),
    [("v1.2.3", True), ("1.3.0", True), ("v1.2.2", False), ("v2.0.0", False), ("v1.3.0-alpha.1", False), ("", False)],
)
def test_a_program_on_path_that_is_new_enough_is_not_built(bench: Bench, told: str, taken: bool) -> None:
    bench.play_go(FAST)
    theirs = bench.path / "hello"
    theirs.write_text(f"#!/bin/sh\n[ $1 = version ] && echo {told}\n")
    theirs.chmod(0o755)
    one = PROGRAM.replace(', "world": "small/world"', "")
    one = one.replace('("main.version={version}",)', 'tells_version="version"')
    code, output = bench.run(one)
    assert code == 0, output
    assert (bench.builds() == 0) == taken, output
    program = Path(output.splitlines()[-1].removeprefix("BIN ")) / "hello"
    assert (program.resolve() == theirs) == taken
    theirs.unlink()
    assert bench.run(one)[0] == 0
    assert bench.builds() == 1


def test_a_failing_build_shows_its_log_and_leaves_nothing_half(bench: Bench) -> None:
    bench.play_go(f"{FAST}; echo 'main.go:7: undefined: everything' >&2; exit 1")
    code, output = bench.run()
    assert code == 3
    assert "ERROR small v1.2.3 did not build: `go build` ended with status 1. Read " in output
    assert output.rstrip().endswith("main.go:7: undefined: everything")
    assert bench.left() == set()
    assert len(list((bench.tools / "log").iterdir())) == 1


def test_without_network_the_error_says_so(bench: Bench) -> None:
    said = "go: some/module@v1: Get https://proxy.invalid: dial tcp: lookup proxy.invalid: no such host"
    bench.play_go("exit 9", listing=f"echo '{said}' >&2; exit 1")
    code, output = bench.run()
    assert code == 3
    assert "The Go modules of small v1.2.3 could not be fetched: go: some/module@v1" in output
    assert bench.builds() == 0


def test_a_build_that_makes_too_little_is_no_success(bench: Bench) -> None:
    bench.play_go('mkdir -p "$out"; echo > "$out/hello"; chmod +x "$out/hello"')
    code, output = bench.run()
    assert code == 3
    assert "Building small v1.2.3 did not make world." in output
    assert bench.left() == set()


def test_progress_is_told_while_it_builds(bench: Bench) -> None:
    bench.play_go(f"echo fmt >&2; sleep 0.5; {FAST}")
    code, output = bench.run()
    assert code == 0
    assert output.count("compiling, 1 of 2 packages") >= 2


def test_two_at_once_build_once(bench: Bench) -> None:
    bench.play_go(f"sleep 1; {FAST}")
    first, second = bench.start(), bench.start()
    outputs = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    assert bench.builds() == 1
    assert sum("another process is building them" in output for output in outputs) == 1


def test_ctrl_c_ends_the_whole_build_and_removes_it(bench: Bench) -> None:
    bench.play_go(SLOW)
    process = bench.start()
    read_until(process.stdout, "compiling")
    until(lambda: len(bench.sleepers()) >= 3, "the played compilers run")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode != 0
    assert time.monotonic() - began < 5
    assert bench.sleepers() == []
    assert bench.left() == set()


def test_a_killed_builder_takes_its_build_along_and_the_next_one_succeeds(bench: Bench) -> None:
    bench.play_go(SLOW)
    process = bench.start()
    read_until(process.stdout, "compiling")
    until(lambda: len(bench.sleepers()) >= 3, "the played compilers run")
    process.kill()
    process.communicate(timeout=20)
    until(lambda: bench.sleepers() == [], "the build ended with its builder", 5)
    assert ".building" in bench.left()
    bench.play_go(FAST)
    code, output = bench.run()
    assert code == 0, output
    assert bench.left() == {"small", "bin"}
