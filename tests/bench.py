"""The rehearsal's speed and memory, as ratios taken in one run: `make bench`.

Two yardsticks are measured beside the lab itself. The floor is a bare control
plane on the same machine, from nothing to its first running pod; the empty
program is what the engine costs with nothing to do. The machine's speed drops
out of the ratios.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from rehearsal.cluster.control_plane import ControlPlane, ControlPlaneSpec, NodeSpec
from rehearsal.toolchain import cache
from tests.rehearsal.conftest import Lab

AIMS: Final = {"up": 2.5, "no-op up": 2.5, "memory": 1229.0, "every stage": 90.0}
"""`up` in floors, no-op in empty no-ops, memory in MiB, every stage in seconds."""
MANY: Final = 2000
"""Roles, and as many bindings, for `whocan`."""
NOBODY: Final = "http://127.0.0.1:9/nobody"
REGION: Final = "ap-northeast-2"


async def floor(directory: Path, bin_dir: Path) -> tuple[float, float]:
    """Seconds from nothing to the API server being ready, and to a first pod Running."""
    began = time.monotonic()
    plane = ControlPlane(
        ControlPlaneSpec(
            cluster_name="floor",
            region=REGION,
            version="1.36",
            issuer="https://oidc.invalid/floor",
            service_cidr="10.100.0.0/16",
            dir=directory,
            bin_dir=bin_dir,
            authn_webhook_url=NOBODY,
            authz_webhook_url=NOBODY,
        )
    )
    await plane.start()
    ready = time.monotonic() - began
    try:
        node = NodeSpec(
            name=f"ip-192-168-1-10.{REGION}.compute.internal",
            instance_id="i-0123456789abcdef0",
            instance_type="t3.medium",
            zone=f"{REGION}a",
            region=REGION,
            internal_ip="192.168.1.10",
        )
        await plane.add_node(node)
        await _first_pod(plane)
        return ready, time.monotonic() - began
    finally:
        await plane.stop()


async def _first_pod(plane: ControlPlane) -> None:
    kubectl = [str(plane.spec.bin_dir / "kubectl"), "--kubeconfig", str(plane.admin_kubeconfig)]

    async def run(*arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *kubectl, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    # The pod is refused until the controller manager has made the default service account.
    while (await run("run", "first", "--image=none", "--restart=Never"))[0] != 0:
        await asyncio.sleep(0.1)
    while (await run("get", "pod", "first", "-o", "jsonpath={.status.phase}"))[1] != "Running":
        await asyncio.sleep(0.1)


def empty_program(directory: Path, bin_dir: Path) -> tuple[float, float]:
    """Seconds that an empty program's first `up` and its no-op take the engine, each with a new process."""
    import subprocess

    def once() -> float:
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "tests.bench", "empty", str(directory), str(bin_dir)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.monotonic() - began

    return once(), once()


def _empty_up(directory: Path, bin_dir: Path) -> None:
    from pulumi import automation as auto

    from rehearsal.engine import EngineCommand

    (directory / "backend").mkdir(parents=True, exist_ok=True)
    workspace = auto.LocalWorkspace(
        work_dir=str(directory),
        program=lambda: None,
        pulumi_command=EngineCommand(bin_dir / "pulumi"),
        project_settings=auto.ProjectSettings(name="empty", runtime="python"),
        env_vars={
            "PULUMI_HOME": str(directory / "home"),
            "PULUMI_BACKEND_URL": f"file://{directory / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        },
    )
    auto.Stack.create_or_select("empty", workspace).up()


def resident_mib(lab: Lab) -> float:
    """Resident memory of every process of a lab's world, in MiB; pages that several share count in each."""
    total = 0
    for line in lab.processes():
        for row in Path("/proc", line.split()[0], "status").read_text().splitlines():
            if row.startswith("VmRSS:"):
                total += int(row.split()[1])
    return total / 1024


def whocan() -> tuple[float, float]:
    """Seconds to read MANY roles and bindings into the evaluator, and to answer who may get pods anywhere."""
    from grading.requests import ResourceRequest
    from operations.rbac.evaluator import Evaluator
    from operations.rbac.objects import Policy
    from tests.unit.operations.rbac import random_policies

    objects = random_policies.objects(random_policies.dice(1), MANY, MANY)
    began = time.monotonic()
    policy = Policy.of(objects)
    read = time.monotonic() - began
    Evaluator(policy).who_can(ResourceRequest("get", "", "pods"), anywhere=True)
    return read, time.monotonic() - began - read


def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    began = time.monotonic()
    call()
    return time.monotonic() - began


def main() -> None:
    """Measure everything once and print the table."""
    console = Console()
    bin_dir = cache.ensure(console.print)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        ready, running = asyncio.run(floor(root / "floor", bin_dir))
        empty_up, empty_noop = empty_program(root / "empty", bin_dir)
        lab = Lab(root / "lab")
        try:
            up = timed(lambda: lab("up"))
            noop = timed(lambda: lab("up"))
            preview = timed(lambda: lab("preview"))
            memory = resident_mib(lab)
            resources = len(lab.state()["resources"])
            lab("stage", "rbac", "after", "identity-mapping", "entry", "irsa", "on", "pod-identity", "on")
            check = timed(lambda: lab("check"))
            every = timed(lambda: lab("check", "--every-stage", timeout=600))
            down = timed(lambda: lab("down"))
        finally:
            lab("down", "--force", code=None)
    table = Table("measured", "value", "ratio", "aim", box=None, pad_edge=False)
    table.add_row("API server ready, bare control plane", f"{ready:.1f} s", "", "")
    table.add_row("first pod Running, bare control plane (the floor)", f"{running:.1f} s", "1", "")
    table.add_row("empty program: up", f"{empty_up:.1f} s", "", "")
    table.add_row("empty program: no-op up", f"{empty_noop:.1f} s", "1", "")
    table.add_row("./lab up, tools cached", f"{up:.1f} s", f"{up / running:.2f} floors", f"{AIMS['up']:g}")
    table.add_row(
        "./lab up, no change",
        f"{noop:.1f} s",
        f"{noop / empty_noop:.2f} empty no-ops",
        f"{AIMS['no-op up']:g}",
    )
    table.add_row("./lab preview, no change", f"{preview:.1f} s", f"{preview / empty_noop:.2f} empty no-ops", "")
    table.add_row("./lab check, every exercise on", f"{check:.1f} s", f"{check / empty_noop:.2f} empty no-ops", "")
    table.add_row(
        "./lab check --every-stage",
        f"{every:.1f} s",
        f"{every / noop:.1f} no-op ups",
        f"{AIMS['every stage']:.0f} s",
    )
    read, answered = whocan()
    table.add_row(f"whocan: reading {MANY} roles and {MANY} bindings", f"{read * 1000:.0f} ms", "", "")
    table.add_row("whocan: who may get pods, anywhere", f"{answered * 1000:.0f} ms", "", "")
    table.add_row("./lab down", f"{down:.1f} s", f"{down / running:.2f} floors", "")
    table.add_row("resources in the stack", str(resources), "", "")
    table.add_row("resident memory of the standing lab", f"{memory:.0f} MiB", "", f"{AIMS['memory']:.0f} MiB")
    console.print(table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["empty"]:
        _empty_up(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
