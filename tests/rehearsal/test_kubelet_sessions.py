"""kubectl attach, run, debug, cp and port-forward reach real processes, and nobody waits for what is not played."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
import urllib3

from tests.rehearsal.control_planes import Object, until
from tests.rehearsal.kubelet_pods import Kubelet, Terminal, forwarding, nap, running, sleepers


@pytest.fixture(scope="module")
def kubelet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    with running(tmp_path_factory.mktemp("sessions") / "myeks") as made:
        made.run("dev-kubectl", "tail", "-f", "/dev/null")
        yield made


def test_a_terminal_is_one(kubelet: Kubelet) -> None:
    terminal = Terminal(kubelet.command("exec", "-it", "dev-kubectl", "--", "sh"), 30, 100)
    terminal.type("test -t 0 && test -t 1 && echo is-a-$((1+1))-terminal\n")
    terminal.until("is-a-2-terminal")
    terminal.type("stty size; echo term=$TERM-\n")
    terminal.until("30 100")
    terminal.until("term=xterm-")
    terminal.resize(40, 120)
    # kubectl hears of its terminal's new size by a signal.
    os.kill(terminal.process.pid, signal.SIGWINCH)
    until(lambda: _typed(terminal, "stty size\n", b"40 120"), "new size")
    # Ctrl-C ends the command on the terminal, and neither the shell nor kubectl.
    terminal.type(f"sleep {nap(7702)}\n")
    until(lambda: sleepers(7702), "sleep runs")
    terminal.type("\x03")
    until(lambda: not sleepers(7702), "sleep ended")
    terminal.type("exit 4\n")
    terminal.until("command terminated with exit code 4")
    assert terminal.close() == 4


def _typed(terminal: Terminal, text: str, wanted: bytes) -> bool:
    terminal.shown = b""
    terminal.type(text)
    time.sleep(0.3)
    terminal.until("\n")
    return wanted in terminal.shown


def test_attach_shows_what_the_process_writes_from_then_on_and_feeds_it(kubelet: Kubelet) -> None:
    script = "echo before; while read line; do echo got $line; echo err >&2; done; echo end; exit 3"
    kubelet.run("reads", "sh", "-c", script, policy="Never", container={"stdin": True, "stdinOnce": True})
    until(lambda: kubelet.kubectl("logs", "reads").stdout == b"before\n", "it reads")
    done = kubelet.kubectl("attach", "-i", "reads", stdin=b"one\ntwo\n")
    assert done.stdout == b"got one\ngot two\nend\n"
    assert b"err\nerr\n" in done.stderr
    kubelet.until_pod("reads", lambda pod: pod["status"]["phase"] == "Failed")
    assert kubelet.kubectl("logs", "reads").stdout.splitlines()[0] == b"before"
    again = kubelet.kubectl("attach", "reads")
    assert again.returncode == 1, "it has ended"
    kubelet.delete("reads")


def test_run_waits_for_its_command_and_gives_it_a_terminal(kubelet: Kubelet) -> None:
    done = kubelet.kubectl(
        "run", "-i", "--rm", "--restart=Never", "once", "--image=busybox", "--", "cat", stdin=b"typed\n"
    )
    assert done.stdout.startswith(b"typed\n"), done
    command = ("run", "-it", "--rm", "--restart=Never", "shell", "--image=busybox", "--", "sh")
    terminal = Terminal(kubelet.command(*command), 30, 100)
    terminal.until("try pressing enter")
    terminal.type("test -t 0 && echo is-a-$((1+1))-terminal; stty size\n")
    terminal.until("is-a-2-terminal")
    terminal.until("30 100")
    terminal.type(f"sleep {nap(7720)}\n")
    until(lambda: sleepers(7720), "sleep runs")
    terminal.type("\x03")
    until(lambda: not sleepers(7720), "sleep ended")
    terminal.type("exit 6\n")
    terminal.until("deleted")
    assert terminal.close() == 6


def test_debug_runs_a_container_beside_those_of_the_pod(kubelet: Kubelet) -> None:
    kubelet.run("played-by-nobody", image="registry.example.com/none:1")
    for pod in ("dev-kubectl", "played-by-nobody"):
        debug = ("debug", "-it", pod, "--image=busybox", "-c", "looks", "--", "sh")
        terminal = Terminal(kubelet.command(*debug), 24, 80)
        terminal.until("try pressing enter")
        terminal.type("echo host-$(hostname)-\n")
        terminal.until(f"host-{pod}-")
        terminal.type("exit 5\n")
        terminal.close()
        over = kubelet.until_pod(pod, lambda pod: "terminated" in _debugging(pod))
        assert _debugging(over)["terminated"]["exitCode"] == 5
        assert over["status"]["phase"] == "Running", "the pod goes on"
        assert b"host-" in kubelet.kubectl("logs", pod, "-c", "looks").stdout
    kubelet.delete("played-by-nobody")


def _debugging(pod: Object) -> Object:
    statuses = pod["status"].get("ephemeralContainerStatuses") or [{"state": {}}]
    return cast("Object", statuses[-1]["state"])


def test_nobody_waits_for_what_is_not_played(kubelet: Kubelet, tmp_path: Path) -> None:
    image = "registry.example.com/none:1"
    why = f"the rehearsal does not play image {image}".encode()
    kubelet.run("not-played", image=image)
    kubelet.run("ended", "true", policy="Never")
    kubelet.until_pod("ended", lambda pod: pod["status"]["phase"] == "Succeeded")
    (node,) = kubelet.loop.run(kubelet.plane.nodes())
    node_name = f"node/{node['metadata']['name']}"
    asked: list[tuple[tuple[str, ...], bytes]] = [
        (("debug", "-i", "dev-kubectl", f"--image={image}", "-c", "second"), why),
        (("debug", "-i", "dev-kubectl", "--image=busybox", "-c", "third", "--", "no-such-command"), b"no-such-command"),
        (("debug", "-i", "ended", "--image=busybox", "-c", "late"), b"the pod has ended"),
        (("debug", "-i", "dev-kubectl", f"--image={image}", "--copy-to=copy"), why),
        (("debug", "-i", node_name, f"--image={image}"), why),
        (("run", "-i", "--restart=Never", "asks", f"--image={image}"), why),
        (("run", "-i", "--restart=Never", "fails", "--image=busybox", "--", "no-such-command"), b"no-such-command"),
        (("attach", "not-played"), why),
        (("exec", "not-played", "--", "id"), why),
        (("logs", "-f", "--pod-running-timeout=2s", "not-played"), why),
        (("logs", "--previous", "not-played"), why),
        (("logs", "--previous", "dev-kubectl"), b"previous terminated container"),
        (("cp", "not-played:/etc/hostname", str(tmp_path / "never-written")), why),
        (("exec", "ended", "--", "id"), b"completed pod"),
        (("port-forward", "not-played", ":80"), why),
    ]

    def ask(each: tuple[tuple[str, ...], bytes]) -> None:
        arguments, expected = each
        done = kubelet.kubectl(*arguments, stdin=b"", timeout=45)
        assert done.returncode != 0, each
        assert expected in done.stderr + done.stdout, (each, done.stdout, done.stderr)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, asked))
    kubelet.kubectl("delete", "pod", "copy", "asks", "fails", "not-played", "ended", "--wait=false")


def test_debug_of_a_node_and_of_a_copy_run(kubelet: Kubelet) -> None:
    (node,) = kubelet.loop.run(kubelet.plane.nodes())
    name = node["metadata"]["name"]
    reads = ("sh", "-c", "read line; echo got $line; hostname")
    done = kubelet.kubectl("debug", "-i", f"node/{name}", "--image=busybox", "--", *reads, stdin=b"x\n", timeout=30)
    assert done.stdout.splitlines()[-2] == b"got x", done
    copied = ("debug", "-i", "dev-kubectl", "--copy-to=twin", "--image=busybox", "-c", "looks", "--", *reads)
    done = kubelet.kubectl(*copied, stdin=b"y\n", timeout=30)
    assert done.stdout.splitlines()[-2:] == [b"got y", b"twin"], done
    kubelet.kubectl("delete", "pod", "twin", "--wait=false")


def test_cp_brings_files_both_ways(kubelet: Kubelet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("there and back")
    home = kubelet.exec("dev-kubectl", "sh", "-c", "echo $HOME").stdout.decode().strip()
    assert kubelet.kubectl("cp", str(tmp_path / "file"), f"dev-kubectl:{home}/file").returncode == 0
    assert kubelet.kubectl("cp", f"dev-kubectl:{home}/file", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back").read_text() == "there and back"


def _get(port: int) -> tuple[int, bytes]:
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request("GET", f"http://127.0.0.1:{port}/passwd", timeout=30)
        return answer.status, answer.data


def test_port_forward_leads_to_the_process(kubelet: Kubelet) -> None:
    serves = 'cd /etc && exec python3 -m http.server --bind 127.0.0.1 "$REHEARSAL_PORT_8080"'
    kubelet.run("web", "sh", "-c", serves, container={"ports": [{"name": "http", "containerPort": 8080}]})
    with forwarding(kubelet, "web", "http") as (port, client):
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(_get, [port] * 8)) == [(200, Path("/etc/passwd").read_bytes())] * 8
        kubelet.delete("web")
        with pytest.raises(urllib3.exceptions.HTTPError):
            _get(port)
        _, said = client.communicate(timeout=30)
        # Its port on this machine may be another's by now.
        assert b"connect: connection refused: nothing that the rehearsal runs in the pod declares port 8080" in said


_ECHOES = """
import os, socket
listening = socket.create_server(("127.0.0.1", int(os.environ["REHEARSAL_PORT_7"])))
while True:
    with listening.accept()[0] as client:
        while data := client.recv(65536):
            client.sendall(data)
        client.sendall(b"end")
"""


def test_port_forward_carries_much_both_ways_at_once(kubelet: Kubelet) -> None:
    kubelet.run("echoes", "python3", "-c", _ECHOES, container={"ports": [{"containerPort": 7}]})
    data = os.urandom(8 << 20)

    def send(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    with (
        forwarding(kubelet, "echoes", 7) as (port, _),
        ThreadPoolExecutor(1) as pool,
        socket.create_connection(("127.0.0.1", port), 30) as connection,
        connection.makefile("rb") as answer,
    ):
        sending = pool.submit(send, connection)
        assert answer.read() == data + b"end"
        sending.result()
    kubelet.delete("echoes")


def test_port_forward_is_refused_where_nothing_listens(kubelet: Kubelet) -> None:
    with forwarding(kubelet, "dev-kubectl", 80) as (port, client):
        with pytest.raises(urllib3.exceptions.HTTPError):
            _get(port)
        _, said = client.communicate(timeout=30)
    assert b"error forwarding port 80 to pod dev-kubectl" in said
    assert b"connect: connection refused: nothing that the rehearsal runs in the pod declares port 80" in said
    assert client.returncode == 1
