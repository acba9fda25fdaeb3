"""What the kubelet's tests share: a cluster with pods that really run, and kubectl."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rehearsal.cluster.control_plane import ControlPlane
from rehearsal.toolchain.cache import ensure
from tests.rehearsal.control_planes import Cluster, Loop, Object, node, serving, spec, until

TOOLS = "alpine/k8s:1.36.3"
NAMESPACE = "dev-team"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


class Kubelet(Cluster):
    """A running cluster with one node, the namespace dev-team and its service account dev-k8s."""

    def kubectl(
        self, *arguments: str, stdin: bytes | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[bytes]:
        """Run kubectl as the cluster's administrator, in dev-team."""
        return subprocess.run(self.command(*arguments), input=stdin, capture_output=True, timeout=timeout, check=False)

    def command(self, *arguments: str) -> list[str]:
        """kubectl's command line."""
        kubectl = ensure(print) / "kubectl"
        return [str(kubectl), "--kubeconfig", str(self.plane.admin_kubeconfig), "-n", NAMESPACE, *arguments]

    def exec(self, pod: str, *command: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a command in a pod."""
        options = ["-i"] if stdin is not None else []
        return self.kubectl("exec", *options, pod, "--", *command, stdin=stdin)

    def run(self, name: str, *command: str, image: str = TOOLS, policy: str = "Always", **fields: Any) -> Object:
        """Create a pod with one container, `main`; returns when it is running."""
        container: Object = {"name": "main", "image": image, **fields.pop("container", {})}
        if command:
            container["command"] = list(command)
        spec: Object = {"containers": [container], "restartPolicy": policy, "serviceAccountName": "dev-k8s", **fields}
        self.create(PODS, "Pod", name, spec=spec)
        return self.until_pod(name, lambda pod: pod["status"].get("phase", "Pending") != "Pending")

    def pod(self, name: str) -> Object:
        """The pod as the API server has it."""
        return self.request("GET", f"{PODS}/{name}")

    def until_pod(self, name: str, check: Callable[[Object], bool], timeout: float = 20) -> Object:
        """The pod, once `check` says yes."""

        def look() -> Object | None:
            pod = self.pod(name)
            return pod if check(pod) else None

        return until(look, f"pod {name}", timeout)

    def delete(self, name: str) -> None:
        """Delete a pod; returns when it is gone."""
        self.request("DELETE", f"{PODS}/{name}")
        until(lambda: self.status_of(f"{PODS}/{name}") == 404, f"pod {name} gone")


@contextmanager
def running(directory: Path, **changes: Any) -> Generator[Kubelet]:
    """A cluster of its own; `changes` are of its spec."""
    loop = Loop()
    with serving() as webhooks:
        plane = ControlPlane(spec(directory, webhooks.url, **changes))
        loop.run(plane.start())
        try:
            made = Kubelet(plane, loop, webhooks)
            loop.run(plane.settle())
            loop.run(plane.add_node(node(1)))
            made.create("/api/v1/namespaces", "Namespace", NAMESPACE)
            made.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", "ServiceAccount", "dev-k8s")
            until(lambda: made.status_of(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default") == 200, "account")
            until(lambda: loop.run(plane.ready_nodes()), "node ready")
            yield made
        finally:
            loop.run(plane.stop())
            loop.close()


def nap(number: int) -> str:
    """Seconds to sleep for that nobody else on this machine sleeps for."""
    return f"{number}.{os.getpid()}"


def sleepers(*numbers: int) -> list[int]:
    """Of these naps, those that a process takes now."""
    lines = _command_lines()
    return [number for number in numbers if any(line.startswith(f"sleep {nap(number)}") for line in lines)]


def mentions(*numbers: int) -> list[str]:
    """Command lines that have anything to do with one of these naps, clients' too."""
    return [line for line in _command_lines() if any(nap(number) in line for number in numbers)]


def _command_lines() -> list[str]:
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            # It may end while we look.
            with suppress(OSError):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


def allow(cluster: Cluster, verbs: Sequence[str], resources: Sequence[str]) -> None:
    """Let dev-k8s do that in dev-team."""
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
    rules = [{"apiGroups": [""], "resources": list(resources), "verbs": list(verbs)}]
    cluster.create(f"{path}/roles", "Role", "allowed", rules=rules)
    cluster.create(
        f"{path}/rolebindings",
        "RoleBinding",
        "allowed",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "allowed"},
        subjects=[{"kind": "ServiceAccount", "name": "dev-k8s", "namespace": NAMESPACE}],
    )


@contextmanager
def forwarding(kubelet: Kubelet, pod: str, port: int | str) -> Generator[tuple[int, "subprocess.Popen[bytes]"]]:
    """kubectl port-forward, and the port of 127.0.0.1 on which it listens."""
    command = kubelet.command("port-forward", pod, f":{port}")
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert client.stdout is not None
        line = client.stdout.readline()
        assert line.startswith(b"Forwarding from 127.0.0.1:"), line
        yield int(line.split(b":")[1].split()[0]), client
    finally:
        client.kill()
        client.communicate()


class Terminal:
    """kubectl on a terminal."""

    def __init__(self, command: list[str], rows: int, columns: int) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, close_fds=True
        )
        os.close(theirs)
        self.shown = b""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def until(self, text: str, timeout: float = 20) -> None:
        os.set_blocking(self._ours, False)
        deadline = time.monotonic() + timeout
        while text.encode() not in self.shown:
            assert time.monotonic() < deadline, self.shown
            try:
                self.shown += os.read(self._ours, 4096)
            except BlockingIOError:
                time.sleep(0.02)

    def close(self) -> int:
        code = self.process.wait(20)
        os.close(self._ours)
        return code
