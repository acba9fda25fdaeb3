"""kubectl exec and kubectl logs reach real processes, with the pod's own identity, through the real API server."""

import base64
import json
import os
import ssl
import subprocess
import time
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import kubernetes
import pytest
import urllib3
from kubernetes.stream import stream, ws_client

from rehearsal.cluster.control_plane.pki import Authority
from rehearsal.cluster.kubelet import volumes
from rehearsal.cluster.kubelet.api import ApiServer
from rehearsal.cluster.kubelet.metrics import MetricsApi
from rehearsal.cluster.kubelet.server import tls
from tests.rehearsal.control_planes import Loop, Object, until
from tests.rehearsal.kubelet_pods import NAMESPACE, Kubelet, Terminal, allow, mentions, nap, running, sleepers

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
UNSCHEDULED: Object = {"containers": [{"name": "main", "image": "anything:1"}], "nodeSelector": {"no": "such"}}


@pytest.fixture(scope="module")
def kubelet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    with running(tmp_path_factory.mktemp("kubelet") / "myeks") as made:
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
    done = kubelet.exec("dev-kubectl", "sh", "-c", f"sleep {nap(7701)} & echo started")
    assert (done.stdout, done.returncode) == (b"started\n", 0)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("options", [[], ["-i"], ["-it"]], ids=["output", "input", "terminal"])
def test_an_exec_whose_client_goes_away_leaves_no_process(kubelet: Kubelet, options: list[str]) -> None:
    # It ignores the hang-up of its terminal, as a daemon does.
    script = f"trap '' HUP TERM; sleep {nap(7703)}; sleep {nap(7704)}"
    command = kubelet.command("exec", *options, "dev-kubectl", "--", "sh", "-c", script)
    if "-it" in options:
        client = Terminal(command, 24, 80).process
    else:
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    until(lambda: sleepers(7703), "command runs")
    client.kill()
    client.wait()
    until(lambda: not mentions(7703, 7704), "no process left")


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
    assert found["exp"] - found["iat"] == 90 * 86400
    assert found["kubernetes.io"]["warnafter"] - found["iat"] == 3607
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


def kubelet_port(kubelet: Kubelet) -> int:
    """Where this machine has it; the webhook has the same one."""
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"
    url = kubelet.request("GET", path)["webhooks"][0]["clientConfig"]["url"]
    return urlsplit(url).port or 0


@pytest.mark.parametrize("path", ["exec", "containerLogs"])
@pytest.mark.parametrize(
    ("certificate", "status"),
    [("", 401), ("admin", 403), ("kubelet-own", 403), ("kubelet-client", 200)],
    ids=["none", "administrator", "kubelet", "api-server"],
)
def test_only_the_api_server_may_ask_the_kubelet(kubelet: Kubelet, path: str, certificate: str, status: int) -> None:
    pki = kubelet.plane.spec.dir / "pki"
    own = pki / "clients" / certificate
    files: Object = {"cert_file": f"{own}.crt", "key_file": f"{own}.key"}
    with urllib3.PoolManager(ca_certs=str(pki / "ca.crt"), retries=False, **(files if certificate else {})) as pool:
        url = f"https://127.0.0.1:{kubelet_port(kubelet)}/{path}/{NAMESPACE}/dev-kubectl/main"
        answer = pool.request("GET", url, fields={"command": "id", "output": "1"})
        if path == "exec" and status == 200:
            # It may ask, but not so: a command runs over a WebSocket alone.
            status = 400
        assert answer.status == status
        if status != 200:
            assert b"uid=" not in answer.data


def test_a_kubelet_tells_the_pods_of_its_node(kubelet: Kubelet) -> None:
    clients = kubelet.plane.spec.dir / "pki" / "clients"
    (node,) = kubelet.loop.run(kubelet.plane.nodes())
    kubelet.create("/api/v1/namespaces/default/pods", "Pod", "elsewhere", spec=UNSCHEDULED)
    with urllib3.PoolManager(
        ca_certs=str(clients.parent / "ca.crt"),
        cert_file=str(clients / "kubelet-client.crt"),
        key_file=str(clients / "kubelet-client.key"),
        retries=False,
    ) as pool:

        def told(uri: str) -> Any:
            headers = {"X-Forwarded-Uri": uri} if uri else {}
            return pool.request("GET", f"https://127.0.0.1:{kubelet_port(kubelet)}/pods", headers=headers)

        listed = json.loads(told(f"/api/v1/nodes/{node['metadata']['name']}/proxy/pods").data)
        assert (listed["kind"], listed["apiVersion"]) == ("PodList", "v1")
        names = {pod["metadata"]["name"]: pod for pod in listed["items"]}
        assert "dev-kubectl" in names
        assert "elsewhere" not in names, "it is on no node"
        assert names["dev-kubectl"]["status"]["phase"] == "Running"
        assert json.loads(told("/api/v1/nodes/another:10250/proxy/pods").data)["items"] == []
        assert told("").status == 400
    kubelet.request("DELETE", "/api/v1/namespaces/default/pods/elsewhere")


def test_a_node_s_pods_are_there_for_who_may_get_nodes_proxy(kubelet: Kubelet) -> None:
    (node,) = kubelet.loop.run(kubelet.plane.nodes())
    path = f"/api/v1/nodes/{node['metadata']['name']}/proxy"
    listed = json.loads(kubelet.kubectl("get", "--raw", f"{path}/pods").stdout)
    assert "dev-kubectl" in [pod["metadata"]["name"] for pod in listed["items"]]
    assert kubelet.kubectl("get", "--raw", f"{path}/healthz").stdout == b"ok"
    refused = kubelet.kubectl("get", "--raw", f"{path}/pods", "--as=watcher")
    assert b'User "watcher" cannot get resource "nodes/proxy"' in refused.stderr
    rules = [{"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}]
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    kubelet.create(f"{rbac}/clusterroles", "ClusterRole", "looks-at-nodes", rules=rules)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "looks-at-nodes"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "watcher"}
    path_of_bindings = f"{rbac}/clusterrolebindings"
    kubelet.create(path_of_bindings, "ClusterRoleBinding", "looks-at-nodes", roleRef=role, subjects=[subject])
    until(lambda: kubelet.kubectl("get", "--raw", f"{path}/pods", "--as=watcher").returncode == 0, "role in force")


def test_a_certificate_of_another_authority_is_refused(kubelet: Kubelet, tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path, "another").client("other", "kube-apiserver-kubelet-client")
    ca = kubelet.plane.spec.dir / "pki" / "ca.crt"
    with (
        urllib3.PoolManager(ca_certs=str(ca), cert_file=str(certificate), key_file=str(key), retries=False) as pool,
        pytest.raises((urllib3.exceptions.HTTPError, ssl.SSLError)),
    ):
        pool.request("GET", f"https://127.0.0.1:{kubelet_port(kubelet)}/healthz")


def test_a_command_runs_by_post_for_who_may_create_nodes_proxy(kubelet: Kubelet) -> None:
    (node,) = kubelet.loop.run(kubelet.plane.nodes())
    path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/run/{NAMESPACE}/dev-kubectl/main?cmd="

    def run(command: str, *more: str) -> subprocess.CompletedProcess[bytes]:
        return kubelet.kubectl("create", "--raw", path + command, "-f", "-", *more, stdin=b"")

    assert run("printf%20%25s-%25s%20one%20two").stdout == b"one-two"
    failed = run("ls%20/no/such")
    assert failed.returncode == 1
    assert b"command 'ls /no/such' exited with 2: ls: " in failed.stderr
    assert b"executable file not found in $PATH" in run("no-such-command").stderr
    assert b'User "watcher" cannot create resource "nodes/proxy"' in run("true", "--as=watcher").stderr


@pytest.mark.parametrize(
    ("name", "status"), [("", 401), ("kube-apiserver-kubelet-client", 401), ("front-proxy-client", 200)]
)
def test_figures_are_for_the_api_server_alone(tmp_path: Path, name: str, status: int) -> None:
    authority = Authority(tmp_path, "of the test")
    files = (
        dict(zip(("cert_file", "key_file"), map(str, authority.client("client", name)), strict=True)) if name else {}
    )
    context = tls(authority.certificate_file, authority.server("served", "served", ["127.0.0.1"]))
    loop = Loop()

    async def serving() -> MetricsApi:
        made = MetricsApi(ApiServer("https://127.0.0.1:1", authority.certificate_file, authority.client("own", "own")))
        await made.start(context)
        return made

    served = loop.run(serving())
    try:
        with urllib3.PoolManager(ca_certs=str(authority.certificate_file), retries=False, **files) as pool:
            answer = pool.request("GET", f"https://127.0.0.1:{served.port}/apis/metrics.k8s.io/v1beta1")
            assert answer.status == status
    finally:
        loop.run(served.stop())
        loop.close()


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
