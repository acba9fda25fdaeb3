"""kubectl exec and kubectl logs reach real processes, with the pod's own identity, through the real API server."""

import base64
import fcntl
import json
import os
import pty
import signal
import ssl
import struct
import subprocess
import termios
import time
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import kubernetes
import pytest
import urllib3
from kubernetes.stream import stream, ws_client

from rehearsal.control_plane.pki import Authority
from rehearsal.kubelet import volumes
from tests.rehearsal.control_planes import Object, until
from tests.rehearsal.kubelet_pods import NAMESPACE, PODS, TOOLS, Kubelet, allow, command_lines, running

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
OVERLAY = {"FROM_OUTSIDE": "laid over", "OVERRIDDEN": "by the rehearsal"}


async def environment(pod: Object, node: Object) -> dict[str, str]:
    return {**OVERLAY, "SEEN_BY_IT": f"{pod['metadata']['name']} on {node['metadata']['labels']['team']}"}


async def admission(review: Object) -> Object:
    patch = [{"op": "add", "path": "/metadata/annotations", "value": {"seen-by": "the webhook"}}]
    name = review["request"]["object"]["metadata"].get("name", "")
    response: Object = {"uid": review["request"]["uid"], "allowed": True}
    if name == "admitted":
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
    if name == "breaks-the-webhook":
        raise ValueError(name)
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


@pytest.fixture(scope="module")
def kubelet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    directory = tmp_path_factory.mktemp("kubelet") / "myeks"
    with running(directory, pod_environment=environment, admission=admission) as made:
        made.run("dev-kubectl", "tail", "-f", "/dev/null")
        yield made


def test_exit_code_and_both_outputs_are_the_commands_own(kubelet: Kubelet) -> None:
    done = kubelet.exec("dev-kubectl", "sh", "-c", "echo out; echo err >&2; exit 42")
    assert (done.stdout, done.returncode) == (b"out\n", 42)
    assert done.stderr == b"err\ncommand terminated with exit code 42\n"
    done = kubelet.exec("dev-kubectl", "true")
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)
    assert kubelet.exec("dev-kubectl", "sh", "-c", "kill -9 $$").returncode == 137


def test_input_reaches_the_command_and_so_does_its_end(kubelet: Kubelet) -> None:
    data = os.urandom(1 << 20)
    done = kubelet.exec("dev-kubectl", "cat", stdin=data)
    assert done.returncode == 0
    assert done.stdout == data
    # A command that reads nothing does not hold the client up.
    assert kubelet.exec("dev-kubectl", "true", stdin=data).returncode == 0


def test_much_output_arrives_whole(kubelet: Kubelet) -> None:
    done = kubelet.exec("dev-kubectl", "sh", "-c", "head -c 5000000 /dev/zero; head -c 1000000 /dev/zero >&2")
    assert len(done.stdout) == 5_000_000
    assert done.stderr == bytes(1_000_000)


def test_many_at_a_time_do_not_mix(kubelet: Kubelet) -> None:
    def one(number: int) -> tuple[bytes, int]:
        done = kubelet.exec("dev-kubectl", "sh", "-c", f"sleep 0.2; echo {number}; exit {number}")
        return done.stdout, done.returncode

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(one, range(12))) == [(f"{n}\n".encode(), n) for n in range(12)]


def test_a_process_left_behind_does_not_hold_the_client_up(kubelet: Kubelet) -> None:
    began = time.monotonic()
    done = kubelet.exec("dev-kubectl", "sh", "-c", "sleep 7701 & echo started")
    assert (done.stdout, done.returncode) == (b"started\n", 0)
    assert time.monotonic() - began < 5


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
    terminal.type("sleep 7702\n")
    until(lambda: command_lines("sleep 7702"), "sleep runs")
    terminal.type("\x03")
    until(lambda: not command_lines("sleep 7702"), "sleep ended")
    terminal.type("exit 4\n")
    terminal.until("command terminated with exit code 4")
    assert terminal.close() == 4


def _typed(terminal: Terminal, text: str, wanted: bytes) -> bool:
    terminal.shown = b""
    terminal.type(text)
    time.sleep(0.3)
    terminal.until("\n")
    return wanted in terminal.shown


@pytest.mark.parametrize("options", [[], ["-i"], ["-it"]], ids=["output", "input", "terminal"])
def test_an_exec_whose_client_goes_away_leaves_no_process(kubelet: Kubelet, options: list[str]) -> None:
    # It ignores the hang-up of its terminal, as a daemon does.
    script = "trap '' HUP TERM; sleep 7703; sleep 7704"
    command = kubelet.command("exec", *options, "dev-kubectl", "--", "sh", "-c", script)
    if "-it" in options:
        client = Terminal(command, 24, 80).process
    else:
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    until(lambda: [line for line in command_lines("sleep 7703") if line.startswith("sleep")], "command runs")
    client.kill()
    client.wait()
    until(lambda: not [line for line in command_lines("sleep 770") if "7701" not in line], "no process left")


@pytest.mark.parametrize("protocols", ["v5.channel.k8s.io,v4.channel.k8s.io", "v4.channel.k8s.io"])
def test_the_python_client_is_understood(kubelet: Kubelet, protocols: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Before version 35 it knew v4 alone.
    monkeypatch.setattr(ws_client, "V5_CHANNEL_PROTOCOL", protocols.partition(",")[0])
    config = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(kubelet.plane.admin_kubeconfig), client_configuration=config)
    api = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(config))
    answer = stream(
        api.connect_get_namespaced_pod_exec,
        "dev-kubectl",
        NAMESPACE,
        command=["sh", "-c", "echo out; echo err >&2; read line; echo got $line; exit 3"],
        stdin=True,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )
    answer.write_stdin("a line\n")
    answer.run_forever(timeout=20)
    assert answer.read_stdout() == "out\ngot a line\n"
    assert answer.read_stderr() == "err\n"
    assert answer.returncode == 3


def test_kubectl_inside_is_the_pods_service_account(kubelet: Kubelet) -> None:
    done = kubelet.exec("dev-kubectl", "kubectl", "get", "pods")
    assert done.returncode == 1
    assert b'User "system:serviceaccount:dev-team:dev-k8s" cannot list resource "pods"' in done.stderr
    assert b'in the namespace "dev-team"' in done.stderr
    allow(kubelet, ["get", "list"], ["pods"])
    done = until(lambda: _zero(kubelet.exec("dev-kubectl", "kubectl", "get", "pods", "-o", "name")), "allowed")
    assert b"pod/dev-kubectl" in done.stdout
    done = kubelet.exec("dev-kubectl", "kubectl", "get", "pods", "-n", "kube-system")
    assert b"Forbidden" in done.stderr
    assert done.returncode == 1


def _zero(done: "subprocess.CompletedProcess[bytes]") -> "subprocess.CompletedProcess[bytes] | None":
    return None if done.returncode else done


def claims(token: bytes) -> Object:
    part = token.split(b".")[1]
    return cast("Object", json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))))


@pytest.mark.parametrize("path", [ACCOUNT, ACCOUNT.removeprefix("/var")])
def test_the_token_is_bound_to_the_pod(kubelet: Kubelet, path: str) -> None:
    found = claims(kubelet.exec("dev-kubectl", "cat", f"{path}/token").stdout)
    assert found["sub"] == "system:serviceaccount:dev-team:dev-k8s"
    assert found["aud"] == ["https://kubernetes.default.svc"]
    pod = kubelet.pod("dev-kubectl")
    assert found["kubernetes.io"]["pod"] == {"name": "dev-kubectl", "uid": pod["metadata"]["uid"]}
    assert found["kubernetes.io"]["node"]["name"] == pod["spec"]["nodeName"]
    assert kubelet.exec("dev-kubectl", "cat", f"{path}/namespace").stdout == b"dev-team"
    ca = kubelet.exec("dev-kubectl", "cat", f"{path}/ca.crt").stdout
    assert ca.strip() == base64.b64decode(kubelet.plane.ca_data).strip()
    assert kubelet.exec("dev-kubectl", "sh", "-c", f"echo x > {path}/token").returncode != 0


def test_without_a_mounted_token_there_is_none(kubelet: Kubelet) -> None:
    kubelet.run("no-token", "tail", "-f", "/dev/null", automountServiceAccountToken=False)
    done = kubelet.exec("no-token", "ls", "/var/run/secrets")
    assert done.returncode != 0 or done.stdout == b""
    assert kubelet.exec("no-token", "cat", f"{ACCOUNT}/token").returncode != 0
    kubelet.delete("no-token")


def test_nothing_is_mounted_on_this_machine_and_nothing_written_to_it(kubelet: Kubelet) -> None:
    assert str(kubelet.plane.spec.dir) not in Path("/proc/self/mountinfo").read_text()
    assert not Path(ACCOUNT).exists()


def test_an_old_token_is_renewed(kubelet: Kubelet) -> None:
    source = {"serviceAccountToken": {"path": "token", "audience": "sts.amazonaws.com", "expirationSeconds": 600}}
    kubelet.run(
        "renewed",
        "tail",
        "-f",
        "/dev/null",
        volumes=[{"name": "aws", "projected": {"sources": [source]}}],
        container={"volumeMounts": [{"name": "aws", "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount"}]},
    )
    read = ["cat", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"]
    first = kubelet.exec("renewed", *read).stdout
    assert claims(first)["aud"] == ["sts.amazonaws.com"]
    assert kubelet.exec("renewed", *read).stdout == first
    clock = types.SimpleNamespace(time=lambda: time.time() + 0.81 * 600, time_ns=time.time_ns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volumes, "time", clock)
        second = kubelet.exec("renewed", *read).stdout
    assert claims(second)["sub"] == claims(first)["sub"]
    assert second != first
    kubelet.delete("renewed")


def test_the_environment_is_the_pods_own(kubelet: Kubelet) -> None:
    space = f"/api/v1/namespaces/{NAMESPACE}"
    kubelet.create(f"{space}/configmaps", "ConfigMap", "settings", data={"color": "green", "size": "9"})
    secret = base64.b64encode(b"s3cret").decode()
    kubelet.create(f"{space}/secrets", "Secret", "password", data={"word": secret})
    env: list[Object] = [
        {"name": "PLAIN", "value": "a $$ and $(COLOR_color)"},
        {"name": "OVERRIDDEN", "value": "by nobody"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "password", "key": "word"}}},
        {"name": "SIZE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "size"}}},
        {"name": "NONE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "no", "optional": True}}},
    ]
    many = [{"prefix": "COLOR_", "configMapRef": {"name": "settings"}}]
    # The module's own environment must not get in.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OF_THE_USER", "private")
        patch.setenv("AWS_PROFILE", "private")
        pod = kubelet.run("has-env", "tail", "-f", "/dev/null", container={"env": env, "envFrom": many})
        shown = kubelet.exec("has-env", "env").stdout.decode()
    found = {line.partition("=")[0]: line.partition("=")[2] for line in shown.splitlines()}
    assert found["PLAIN"] == "a $ and green"
    assert found["NODE"] == pod["spec"]["nodeName"]
    assert found["POD_IP"] == kubelet.pod("has-env")["status"]["podIP"]
    assert (found["WORD"], found["SIZE"], found["COLOR_size"]) == ("s3cret", "9", "9")
    assert found["SEEN_BY_IT"] == "has-env on study"
    assert {name: found[name] for name in OVERLAY} == OVERLAY
    assert found["HOSTNAME"] == "has-env"
    assert f"https://{found['KUBERNETES_SERVICE_HOST']}:{found['KUBERNETES_SERVICE_PORT']}" == kubelet.plane.endpoint
    assert not {"NONE", "OF_THE_USER", "AWS_PROFILE", "OLDPWD"} & set(found)
    assert list(Path(found["HOME"]).iterdir()) == []
    kubelet.delete("has-env")
    until(lambda: not Path(found["HOME"]).exists(), "the pod's files removed")


def test_volumes_are_where_the_spec_says(kubelet: Kubelet) -> None:
    space = f"/api/v1/namespaces/{NAMESPACE}"
    kubelet.create(f"{space}/configmaps", "ConfigMap", "files", data={"one": "1", "two": "2"})
    kubelet.run(
        "has-volumes",
        "tail",
        "-f",
        "/dev/null",
        volumes=[
            {"name": "files", "configMap": {"name": "files", "items": [{"key": "two", "path": "deep/er"}]}},
            {"name": "elsewhere", "configMap": {"name": "files"}},
            {"name": "scratch", "emptyDir": {}},
        ],
        container={
            "volumeMounts": [
                {"name": "files", "mountPath": "/run/files"},
                {"name": "elsewhere", "mountPath": "/no-such-directory-here/files"},
                {"name": "scratch", "mountPath": "/var/run/scratch"},
            ]
        },
    )
    assert kubelet.exec("has-volumes", "cat", "/run/files/deep/er").stdout == b"2"
    assert kubelet.exec("has-volumes", "cat", "/no-such-directory-here/files/one").stdout == b"1"
    assert kubelet.exec("has-volumes", "sh", "-c", "echo kept > /run/scratch/x").returncode == 0
    assert kubelet.exec("has-volumes", "cat", "/var/run/scratch/x").stdout == b"kept\n"
    assert not Path("/no-such-directory-here").exists()
    kubelet.delete("has-volumes")


def test_an_image_that_is_not_played_is_named(kubelet: Kubelet) -> None:
    kubelet.run("web", image="nginx:1.29")
    done = kubelet.exec("web", "ls")
    assert done.returncode == 1
    assert b"the rehearsal does not play image nginx:1.29" in done.stderr
    done = kubelet.kubectl("logs", "web")
    assert done.returncode == 1
    assert b"the rehearsal does not play image nginx:1.29" in done.stderr
    assert kubelet.pod("web")["status"]["containerStatuses"][0]["state"].keys() == {"running"}
    kubelet.delete("web")


def test_a_command_that_is_not_there(kubelet: Kubelet) -> None:
    done = kubelet.exec("dev-kubectl", "no-such-command")
    assert done.returncode == 1
    assert b'exec: "no-such-command": executable file not found in $PATH' in done.stderr
    done = kubelet.kubectl("exec", "no-such-pod", "--", "ls")
    assert b'pods "no-such-pod" not found' in done.stderr
    done = kubelet.kubectl("exec", "dev-kubectl", "-c", "no-such-container", "--", "ls")
    assert b"no-such-container" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("policy", "code", "phase", "reason"),
    [
        ("Never", 0, "Succeeded", "Completed"),
        ("Never", 3, "Failed", "Error"),
        ("OnFailure", 0, "Succeeded", "Completed"),
    ],
)
def test_a_command_that_ends_ends_the_pod(kubelet: Kubelet, policy: str, code: int, phase: str, reason: str) -> None:
    name = f"ends-{policy.lower()}-{code}"
    kubelet.run(name, "sh", "-c", f"echo said; echo failed >&2; exit {code}", policy=policy)
    pod = kubelet.until_pod(name, lambda pod: pod["status"]["phase"] == phase)
    (status,) = pod["status"]["containerStatuses"]
    terminated = status["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (code, reason)
    assert status["ready"] is False
    assert {c["type"]: c["status"] for c in pod["status"]["conditions"]}["Ready"] == "False"
    logs = kubelet.kubectl("logs", name)
    assert sorted(logs.stdout.splitlines()) == [b"failed", b"said"]
    done = kubelet.exec(name, "ls")
    assert f"cannot exec into a container in a completed pod; current phase is {phase}".encode() in done.stderr
    kubelet.delete(name)


def test_a_command_that_ends_is_started_again(kubelet: Kubelet) -> None:
    kubelet.run("again", "sh", "-c", "echo run; exit 1")
    pod = kubelet.until_pod("again", lambda pod: "waiting" in pod["status"]["containerStatuses"][0]["state"])
    (status,) = pod["status"]["containerStatuses"]
    assert status["restartCount"] == 1
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert pod["status"]["phase"] == "Running"
    assert kubelet.kubectl("logs", "again", "--previous").stdout == b"run\n"
    assert b"container not found" in kubelet.exec("again", "ls").stderr
    kubelet.delete("again")


def test_a_container_waits_for_what_it_needs(kubelet: Kubelet) -> None:
    env = [{"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "late", "key": "word"}}}]
    kubelet.run("waits", "sh", "-c", "echo $WORD", policy="Never", container={"env": env})
    pod = kubelet.until_pod("waits", lambda pod: "waiting" in pod["status"]["containerStatuses"][0]["state"])
    waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'secret "late" not found'}
    assert b"waiting to start: CreateContainerConfigError" in kubelet.kubectl("logs", "waits").stderr
    word = base64.b64encode(b"at last").decode()
    kubelet.create(f"/api/v1/namespaces/{NAMESPACE}/secrets", "Secret", "late", data={"word": word})
    kubelet.until_pod("waits", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert kubelet.kubectl("logs", "waits").stdout == b"at last\n"
    kubelet.delete("waits")


def test_init_containers_come_first(kubelet: Kubelet) -> None:
    mount = {"volumeMounts": [{"name": "shared", "mountPath": "/run/shared"}]}
    first = {"name": "first", "image": TOOLS, "command": ["sh", "-c", "echo made > /run/shared/file"], **mount}
    kubelet.run(
        "in-order",
        "cat",
        "/run/shared/file",
        policy="Never",
        initContainers=[first],
        volumes=[{"name": "shared", "emptyDir": {}}],
        container=mount,
    )
    kubelet.until_pod("in-order", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert kubelet.kubectl("logs", "in-order").stdout == b"made\n"
    failing = {"name": "first", "image": TOOLS, "command": ["sh", "-c", "echo no; exit 5"]}
    kubelet.run("stuck", "echo", "never", policy="Never", initContainers=[failing])
    kubelet.until_pod("stuck", lambda pod: pod["status"]["phase"] == "Failed")
    assert kubelet.kubectl("logs", "stuck", "-c", "first").stdout == b"no\n"
    for name in ("in-order", "stuck"):
        kubelet.delete(name)


def test_logs_follow_and_are_cut(kubelet: Kubelet) -> None:
    script = "for n in 1 2 3; do echo line $n; done; while [ ! -e $HOME/go ]; do sleep 0.1; done; echo last"
    kubelet.run("speaks", "sh", "-c", script, policy="Never")
    until(lambda: kubelet.kubectl("logs", "speaks").stdout.count(b"\n") == 3, "three lines")
    assert kubelet.kubectl("logs", "speaks", "--tail=2").stdout == b"line 2\nline 3\n"
    assert kubelet.kubectl("logs", "speaks", "--limit-bytes=10").stdout == b"line 1\nlin"
    stamp, text = kubelet.kubectl("logs", "speaks", "--tail=1", "--timestamps").stdout.split(b" ", 1)
    assert text == b"line 3\n"
    assert stamp.endswith(b"Z")
    assert kubelet.kubectl("logs", "speaks", "--since-time=2100-01-01T00:00:00Z").stdout == b""
    assert kubelet.kubectl("logs", "speaks", "--since=1h").stdout.count(b"\n") == 3
    following = subprocess.Popen(kubelet.command("logs", "-f", "speaks", "--tail=1"), stdout=subprocess.PIPE)
    assert following.stdout is not None
    assert following.stdout.readline() == b"line 3\n"
    assert kubelet.exec("speaks", "sh", "-c", "touch $HOME/go").returncode == 0
    assert following.communicate(timeout=20)[0] == b"last\n"
    assert following.returncode == 0
    kubelet.delete("speaks")


def test_deleting_a_pod_kills_all_of_it(kubelet: Kubelet) -> None:
    # The first leaves its parent, group and session, as a daemon does.
    kubelet.run("goes", "sh", "-c", "(setsid sleep 7705 &); sleep 7706")
    client = subprocess.Popen(
        kubelet.command("exec", "goes", "--", "sleep", "7707"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def running() -> bool:
        return all(
            any(line.startswith(f"sleep {n}") for line in command_lines(f"sleep {n}")) for n in (7705, 7706, 7707)
        )

    until(running, "all run")
    uid = kubelet.pod("goes")["metadata"]["uid"]
    kubelet.delete("goes")
    until(lambda: not any(command_lines(f"sleep {n}") for n in (7705, 7706, 7707)), "no process left")
    assert client.wait(20) != 0
    until(lambda: not (kubelet.plane.spec.dir / "pods" / uid).exists(), "files removed")


def test_a_pod_of_the_same_name_is_another_pod(kubelet: Kubelet) -> None:
    for text in ("first", "second"):
        kubelet.run("again-and-again", "sh", "-c", f"echo {text}; sleep 7708")
        until(lambda: kubelet.kubectl("logs", "again-and-again").stdout, "log")
        assert kubelet.kubectl("logs", "again-and-again").stdout == f"{text}\n".encode()
        kubelet.delete("again-and-again")


def test_a_job_of_a_played_image_ends_when_its_command_does(kubelet: Kubelet) -> None:
    container = {"name": "main", "image": "busybox", "command": ["sh", "-c", "sleep 2.5; exit 1"]}
    template: Object = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    jobs = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
    kubelet.create(jobs, "Job", "works", spec={"template": template, "backoffLimit": 0})
    status = until(lambda: kubelet.request("GET", f"{jobs}/works")["status"].get("failed"), "job failed")
    assert status == 1
    kubelet.request("DELETE", f"{jobs}/works?propagationPolicy=Background")


def test_the_webhook_sees_every_pod_and_its_failure_stops_none(kubelet: Kubelet) -> None:
    def made(name: str) -> Object:
        spec = {"containers": [{"name": "main", "image": "anything"}]}
        return kubelet.create(PODS, "Pod", name, spec=spec)["metadata"]

    assert until(lambda: _annotated(kubelet, made), "webhook is asked") == {"seen-by": "the webhook"}
    assert "annotations" not in made("not-changed")
    assert "annotations" not in made("breaks-the-webhook")
    for name in ("not-changed", "breaks-the-webhook"):
        kubelet.delete(name)
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"
    (webhook,) = kubelet.request("GET", path)["webhooks"]
    assert (webhook["name"], webhook["failurePolicy"]) == ("iam-for-pods.amazonaws.com", "Ignore")


def _annotated(kubelet: Kubelet, made: Any) -> Object | None:
    annotations = made("admitted").get("annotations")
    kubelet.delete("admitted")
    return annotations


def kubelet_port(kubelet: Kubelet) -> int:
    (node,) = kubelet.loop.run(kubelet.plane.nodes())
    return node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]


@pytest.mark.parametrize("path", ["exec", "containerLogs"])
@pytest.mark.parametrize(
    ("certificate", "status"),
    [("", 401), ("admin", 403), ("kubelet-own", 403), ("kubelet-client", 200)],
    ids=["none", "administrator", "kubelet", "api-server"],
)
def test_only_the_api_server_may_ask_the_kubelet(kubelet: Kubelet, path: str, certificate: str, status: int) -> None:
    pki = kubelet.plane.spec.dir / "pki"
    files: Object = {"cert_file": str(pki / f"{certificate}.crt"), "key_file": str(pki / f"{certificate}.key")}
    with urllib3.PoolManager(ca_certs=str(pki / "ca.crt"), retries=False, **(files if certificate else {})) as pool:
        url = f"https://127.0.0.1:{kubelet_port(kubelet)}/{path}/{NAMESPACE}/dev-kubectl/main"
        answer = pool.request("GET", url, fields={"command": "id", "output": "1"})
        if path == "exec" and status == 200:
            # It may ask, but not so: a command runs over a WebSocket alone.
            status = 400
        assert answer.status == status
        if status != 200:
            assert b"uid=" not in answer.data


def test_a_certificate_of_another_authority_is_refused(kubelet: Kubelet, tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path, "another").client("other", "kube-apiserver-kubelet-client")
    ca = kubelet.plane.spec.dir / "pki" / "ca.crt"
    with (
        urllib3.PoolManager(ca_certs=str(ca), cert_file=str(certificate), key_file=str(key), retries=False) as pool,
        pytest.raises((urllib3.exceptions.HTTPError, ssl.SSLError)),
    ):
        pool.request("GET", f"https://127.0.0.1:{kubelet_port(kubelet)}/healthz")


def test_a_user_needs_the_right_to_exec(kubelet: Kubelet) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
    kubelet.create(f"{rbac}/roles", "Role", "looks", rules=rules)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "looks"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "somebody"}
    kubelet.create(f"{rbac}/rolebindings", "RoleBinding", "looks", roleRef=role, subjects=[subject])
    done = kubelet.kubectl("exec", "dev-kubectl", "--as=somebody", "--", "id")
    assert done.returncode == 1
    assert b'User "somebody" cannot' in done.stderr
    assert b'resource "pods/exec"' in done.stderr
    assert b"uid=" not in done.stdout


def test_what_is_not_played_says_so(kubelet: Kubelet) -> None:
    done = kubelet.kubectl("attach", "dev-kubectl")
    assert done.returncode == 1
    assert b"the rehearsal does not play attach; exec and logs are played" in done.stderr
