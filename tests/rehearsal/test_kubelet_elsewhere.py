"""The kubelet where it has no rights, on older versions, and when its process is killed."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from rehearsal.cluster.kubelet.sandbox import Programs
from rehearsal.toolchain.cache import ensure
from tests.rehearsal.control_planes import until
from tests.rehearsal.kubelet_pods import NAMESPACE, Kubelet, forwarding, mentions, nap, running, sleepers

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
BUSY = ["tail", "-f", "/dev/null"]


@pytest.fixture(scope="module", params=["user-namespace", "rewritten"])
def kubelet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    found = Programs.found()
    programs = None
    if request.param == "user-namespace":
        assert found is not None
        programs = Programs(found.unshare, found.nsenter, found.setsid, found.mount, root=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Programs, "found", classmethod(lambda cls: programs))
        with running(tmp_path_factory.mktemp("elsewhere") / "myeks") as made:
            made.run("dev-kubectl", *BUSY)
            yield made


def test_exec_works_there_too(kubelet: Kubelet) -> None:
    done = kubelet.exec("dev-kubectl", "sh", "-c", "cat; echo err >&2; exit 9", stdin=b"typed")
    assert (done.stdout, done.returncode) == (b"typed", 9)
    assert done.stderr.startswith(b"err\n")


def test_kubectl_inside_is_the_pods_service_account(kubelet: Kubelet) -> None:
    done = kubelet.exec("dev-kubectl", "kubectl", "get", "pods")
    assert b'User "system:serviceaccount:dev-team:dev-k8s" cannot list resource "pods"' in done.stderr
    assert b'in the namespace "dev-team"' in done.stderr


@pytest.mark.parametrize("path", [ACCOUNT, ACCOUNT.removeprefix("/var")])
def test_the_pods_files_are_found_by_their_paths(kubelet: Kubelet, path: str) -> None:
    listed = kubelet.exec("dev-kubectl", "ls", path).stdout.split()
    assert listed == [b"ca.crt", b"namespace", b"token"]
    assert kubelet.exec("dev-kubectl", "sh", "-c", f"cat {path}/namespace").stdout == b"dev-team"
    parent = path.rpartition("/")[0].rpartition("/")[0]
    assert kubelet.exec("dev-kubectl", "ls", parent).stdout == b"kubernetes.io\n"
    assert not Path(path).exists()


def test_a_terminal_is_one(kubelet: Kubelet) -> None:
    command = kubelet.command("exec", "-it", "dev-kubectl", "--", "sh", "-c", "test -t 0 && tty && ps -o tty= -p $$")
    done = subprocess.run(
        ["script", "-qec", shlex.join(command), "/dev/null"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    name, controlling = done.stdout.decode().replace("^@", "").split()[-2:]
    assert name == f"/dev/{controlling}"


def test_nothing_is_left_of_a_client_and_of_a_pod_that_go(kubelet: Kubelet) -> None:
    kubelet.run("goes", "sh", "-c", f"(setsid sleep {nap(7801)} &); sleep {nap(7802)}")
    until(lambda: len(sleepers(7801, 7802)) == 2, "both run")
    client = subprocess.Popen(kubelet.command("exec", "goes", "--", "sleep", nap(7803)), stdout=subprocess.DEVNULL)
    until(lambda: sleepers(7803), "command runs")
    client.kill()
    client.wait()
    until(lambda: not mentions(7803), "no process left of the client's")
    assert sleepers(7802)
    kubelet.delete("goes")
    until(lambda: not mentions(7801, 7802), "no process left of the pod's")


def test_a_pod_ends_as_its_command_does(kubelet: Kubelet) -> None:
    kubelet.run("ends", "sh", "-c", f"cat {ACCOUNT}/namespace; exit 2", policy="Never")
    kubelet.until_pod("ends", lambda pod: pod["status"]["phase"] == "Failed")
    assert kubelet.kubectl("logs", "ends").stdout == b"dev-team"
    kubelet.delete("ends")


@pytest.mark.parametrize("version", ["1.35", "1.34"])
def test_older_api_servers_bring_commands_to_the_pods_too(tmp_path: Path, version: str) -> None:
    with running(tmp_path / "myeks", version=version) as kubelet:
        script = 'echo said; exec python3 -m http.server --bind 127.0.0.1 "$REHEARSAL_PORT_80"'
        kubelet.run("dev-kubectl", "sh", "-c", script, container={"ports": [{"containerPort": 80}]})
        done = kubelet.exec("dev-kubectl", "sh", "-c", "cat; echo told >&2; exit 3", stdin=b"hello")
        assert (done.returncode, done.stdout) == (3, b"hello")
        assert b"told" in done.stderr
        assert kubelet.kubectl("logs", "dev-kubectl").stdout.startswith(b"said\n")
        with forwarding(kubelet, "dev-kubectl", 80) as (port, _):
            answer = urllib3.request("HEAD", f"http://127.0.0.1:{port}", timeout=30, retries=False)
            assert answer.status == 200


@pytest.mark.parametrize(
    ("command", "variable", "answer"),
    [
        (
            ("exec", "dev-kubectl", "--", "id"),
            "KUBECTL_REMOTE_COMMAND_WEBSOCKETS",
            b"runs commands over WebSocket",
        ),
        (("port-forward", "dev-kubectl", ":80"), "KUBECTL_PORT_FORWARD_WEBSOCKETS", b"forwards ports over WebSocket"),
    ],
)
def test_a_client_that_speaks_spdy_alone_is_told_so(
    kubelet: Kubelet, command: tuple[str, ...], variable: str, answer: bytes
) -> None:
    spdy = os.environ | {variable: "false"}
    done = subprocess.run(kubelet.command(*command), capture_output=True, env=spdy, timeout=60, check=False)
    assert done.returncode == 1
    assert answer in done.stderr


def test_a_killed_emulator_takes_its_pods_along(tmp_path: Path) -> None:
    directory = tmp_path / "cluster"
    program = (
        "import sys, time; from pathlib import Path\n"
        "from tests.rehearsal.kubelet_pods import running\n"
        f"with running(Path({str(directory)!r})) as kubelet:\n"
        f"    kubelet.run('stays', 'sh', '-c', '(setsid sleep {nap(7901)} &); sleep {nap(7902)}')\n"
        "    print('ready', flush=True); time.sleep(60)\n"
    )
    ensure(print)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    kubectl = [str(ensure(print) / "kubectl"), "--kubeconfig", str(directory / "admin.kubeconfig"), "-n", NAMESPACE]
    client = subprocess.Popen(
        [*kubectl, "exec", "stays", "--", "sleep", nap(7903)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: len(sleepers(7901, 7902, 7903)) == 3, "all run")
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    until(lambda: not mentions(7901, 7902, 7903), "no process left", 10)
    assert client.wait(20) != 0


def test_a_stopped_control_plane_leaves_no_pod(tmp_path: Path) -> None:
    with running(tmp_path / "myeks") as kubelet:
        kubelet.run("stays", "sh", "-c", f"(setsid sleep {nap(7911)} &); sleep {nap(7912)}")
        until(lambda: len(sleepers(7911, 7912)) == 2, "runs")
    assert mentions(7911, 7912) == []
    assert not (tmp_path / "myeks").exists()
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
