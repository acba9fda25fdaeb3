"""A lab of a test's own: a checkout whose settings can be edited, and a world that nobody else sees."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from rehearsal.toolchain import cache

CHECKOUT = Path(__file__).parents[2]


class Lab:
    """Runs `./lab` as a user would, in a checkout and a world below one directory."""

    def __init__(self, root: Path) -> None:
        self.checkout = root / "checkout"
        self.world = root / "world"
        self.home = root / "home"
        self.charts = root / "charts"
        """Archives of charts; empty, so that every release is recorded until a test puts one there."""
        self.checkout.mkdir(parents=True)
        self.home.mkdir()
        self.charts.mkdir()
        for item in CHECKOUT.iterdir():
            if item.name not in (".git", "Pulumi.rehearsal.yaml"):
                (self.checkout / item.name).symlink_to(item)
        self.settings_file = self.checkout / "Pulumi.rehearsal.yaml"
        shutil.copy(CHECKOUT / "Pulumi.rehearsal.yaml", self.settings_file)
        cache = os.environ.get("MYEKS_LAB_CACHE") or Path(
            os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "myeks-lab"
        )
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "MYEKS_LAB_CACHE": str(cache),
            "MYEKS_LAB_WORLD": str(self.world),
            "MYEKS_LAB_CHARTS": str(self.charts),
            "MYEKS_LAB_OFFLINE": "1",
        }

    def __call__(self, *arguments: str, code: int | None = 0, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Run ./lab; the exit code must be `code` (None: any)."""
        ended = subprocess.run(
            [str(self.checkout / "lab"), *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if code is not None and ended.returncode != code:
            pytest.fail(f"lab {' '.join(arguments)} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")
        return ended

    def has(self, *tools: str) -> None:
        """Build these optional tools where they are not: on a new machine that takes longer than a command may."""
        cache.ensure(print, extra=tools)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ./lab and do not wait for it."""
        return subprocess.Popen(
            [str(self.checkout / "lab"), *arguments],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def sh(self, command: str, code: int | None = 0) -> str:
        """What a command line prints in `lab shell`."""
        ended = self("shell", "--", "sh", "-c", command, code=code)
        return ended.stdout if code == 0 else ended.stdout + ended.stderr

    def json(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self(*arguments, "--json").stdout)

    def set(self, **settings: object) -> None:
        """Change settings below `myeks:` in this checkout's rehearsal stack; None removes one."""
        content = yaml.safe_load(self.settings_file.read_text())
        for key, value in settings.items():
            if value is None:
                content["config"].pop(f"myeks:{key}", None)
            else:
                content["config"][f"myeks:{key}"] = value
        self.settings_file.write_text(yaml.safe_dump(content))

    def reset(self) -> None:
        """The settings as the project has them."""
        shutil.copy(CHECKOUT / "Pulumi.rehearsal.yaml", self.settings_file)

    def processes(self) -> list[str]:
        """Command lines of processes that belong to this lab: they name its world."""
        found: list[str] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    environment = (entry / "environ").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                if str(self.world) in line or f"MYEKS_LAB_WORLD={self.world}\0" in environment:
                    found.append(f"{entry.name} {line}")
        return found

    def left_running(self, within: float = 10) -> list[str]:
        """Processes of this lab that have not ended by themselves `within` seconds; a plug-in may be at its end yet."""
        end = time.monotonic() + within
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.1)
        return left

    def state(self) -> dict[str, Any]:
        """The engine's checkpoint."""
        (file,) = (self.world / "pulumi/backend/.pulumi/stacks").rglob("rehearsal.json")
        return json.loads(file.read_text())["checkpoint"]["latest"]


@pytest.fixture(scope="module", autouse=True)
def no_session_of_another_lab() -> None:
    """boto3 keeps the credentials that it has found first: they are those of a lab that another module had."""
    boto3.DEFAULT_SESSION = None


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that is taken away at the end of the module, however the tests went."""
    made = Lab(tmp_path_factory.mktemp("lab"))
    yield made
    made("down", "--force", code=None)
    assert made.left_running() == []
