"""The API server reaches what runs in pods, and is refused where nothing runs, as on a cluster."""

import base64
import json
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster.control_plane import ApiError
from rehearsal.cluster.control_plane.pki import Authority
from rehearsal.cluster.control_plane.settings import EGRESS_SOCKET
from rehearsal.cluster.kubelet.images import PLAYED, Image, set_flag
from rehearsal.emulator.eks.addon_objects import Place, objects
from rehearsal.emulator.eks.catalog import ADDONS
from tests.rehearsal.control_planes import REGION, Object, until
from tests.rehearsal.kubelet_pods import NAMESPACE, PODS, Kubelet, nap, running, sleepers
from tests.rehearsal.played_program import GROUP, PORT

CORE = f"/api/v1/namespaces/{NAMESPACE}"
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
APIS = "/apis/apiregistration.k8s.io/v1/apiservices"
IMAGE = "example.com/program:1"
NOTHING = "nginx:1.29"
"""An image that is not played."""


@pytest.fixture(scope="module", params=["1.36", "1.35"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    # So long that no Unix socket can have its path.
    directory = tmp_path_factory.mktemp("egress") / ("x" * 100) / "myeks"
    program = Image(
        entrypoint=("/program",),
        module="tests.rehearsal.played_program",
        ports=(PORT,),
        adapt=lambda start, ports: replace(start, argv=set_flag(start.argv, "--port", str(ports[PORT]))),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLAYED, "example.com/program", program)  # pyright: ignore[reportArgumentType]  # a dict behind it
        with running(directory, version=request.param) as made:
            yield made


def start(cluster: Kubelet, name: str, *command: str, image: str = IMAGE, port: int = PORT, **container: Any) -> None:
    """A pod behind a Service of the same name, whose port 443 is the container's port `main`."""
    main: Object = {
        "name": "main",
        "image": image,
        "ports": [{"name": "main", "containerPort": port}],
        **({"command": list(command)} if command else {}),
        **container,
    }
    metadata = {"name": name, "labels": {"app": name}}
    cluster.create(
        PODS, "Pod", name, metadata=metadata, spec={"containers": [main], "terminationGracePeriodSeconds": 0}
    )
    if cluster.status_of(f"{CORE}/services/{name}") == 404:
        ports = [{"name": "https", "port": 443, "targetPort": "main"}]
        cluster.create(f"{CORE}/services", "Service", name, spec={"selector": {"app": name}, "ports": ports})
    # Changes that follow each other closely are put off: its controller waits for its own writes to come back.
    until(lambda: endpoints(cluster, name), f"endpoints of {name}", 45)


def stop(cluster: Kubelet, name: str) -> None:
    """Delete the pod behind a Service."""
    cluster.delete(name)
    until(lambda: not endpoints(cluster, name), f"no endpoints of {name}", 45)


def endpoints(cluster: Kubelet, name: str) -> list[Object]:
    """The ready endpoints of a Service."""
    slices = cluster.request("GET", f"{SLICES}?labelSelector=kubernetes.io/service-name={name}")["items"]
    found = [endpoint for each in slices for endpoint in each.get("endpoints") or []]
    return [endpoint for endpoint in found if endpoint["conditions"].get("ready")]


def is_free(port: int) -> bool:
    """Whether nobody has a port of this machine, listening or not."""
    with socket.socket() as other:
        try:
            other.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def raw(cluster: Kubelet, path: str) -> "subprocess.CompletedProcess[bytes]":
    """What kubectl gets from a path of the API server."""
    return cluster.kubectl("get", "--raw", path)


def certificates(directory: Path, service: str) -> tuple[Authority, list[str]]:
    """An authority, and a program's arguments with a certificate of it for a Service."""
    authority = Authority(directory, "of the test")
    certificate, key = authority.server("served", "served", [f"{service}.{NAMESPACE}.svc"])
    return authority, [f"--certificate={certificate}", f"--key={key}"]


def test_a_web_page_by_service_and_by_pod(cluster: Kubelet) -> None:
    script = f"echo a page > page.html; exec {sys.executable} -m http.server --bind 127.0.0.1 $REHEARSAL_PORT_8080"
    start(cluster, "web", "sh", "-c", script, image="busybox:1.37", port=8080)
    for path in ("services/web:https", "services/web:443", "services/web:https", "pods/web:8080", "pods/web"):
        done = raw(cluster, f"{CORE}/{path}/proxy/page.html")
        assert (done.stdout, done.stderr) == (b"a page\n", b""), path
    done = raw(cluster, f"{CORE}/pods/web:8080/proxy/none.html")
    assert b"NotFound" in done.stderr
    assert b"GET /page.html" in cluster.kubectl("logs", "web").stdout + cluster.kubectl("logs", "web").stderr
    assert cluster.exec("web", "cat", "page.html").stdout == b"a page\n"


def test_a_port_that_the_container_does_not_have(cluster: Kubelet) -> None:
    done = raw(cluster, f"{CORE}/pods/web:8081/proxy/")
    assert done.returncode == 1
    assert b"connect: connection refused" in done.stderr


def test_a_port_on_which_the_process_does_not_listen(cluster: Kubelet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rehearsal.cluster.kubelet.containers._LISTENS_WITHIN", 0.5)
    start(cluster, "deaf", "sleep", nap(7901), image="busybox")
    done = raw(cluster, f"{CORE}/pods/deaf/proxy/")
    assert b"connect: connection refused" in done.stderr
    assert sleepers(7901)
    port = int(cluster.exec("deaf", "printenv", f"REHEARSAL_PORT_{PORT}").stdout)
    assert not is_free(port)
    cluster.delete("deaf")
    until(lambda: is_free(port), "port given back")


def test_a_pod_without_a_process_refuses_and_a_service_without_a_pod_has_no_endpoints(cluster: Kubelet) -> None:
    start(cluster, "nothing", image=NOTHING)
    path = f"{CORE}/services/nothing:https/proxy/"
    for one in (path, f"{CORE}/pods/nothing:8443/proxy/"):
        done = raw(cluster, one)
        assert done.returncode == 1
        assert b"connect: connection refused" in done.stderr, done.stderr
    stop(cluster, "nothing")
    until(
        lambda: b'no endpoints available for service "nothing' in raw(cluster, path).stderr,
        "the API server without the pod's endpoint",
    )


def test_a_program_that_takes_a_while_to_listen_is_waited_for(cluster: Kubelet) -> None:
    start(cluster, "slow", args=["--slow=2"])
    assert json.loads(raw(cluster, f"{CORE}/services/slow:https/proxy/page").stdout) == {"page": "/page"}
    cluster.delete("slow")


def test_what_runs_ends_with_its_pod_and_so_do_connections_to_it(cluster: Kubelet) -> None:
    start(cluster, "goes")
    command = cluster.command("get", "--raw", f"{CORE}/pods/goes/proxy/stream")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"line\n"
        cluster.delete("goes")
        client.communicate(timeout=10)
    assert cluster.status_of(f"{PODS}/goes/proxy/page") == 404


def configmap(cluster: Kubelet, name: str, **labels: str) -> Object:
    """Create a config map that the webhook is asked about."""
    path = f"{CORE}/configmaps"
    return cluster.create(path, "ConfigMap", name, metadata={"name": name, "labels": {"asked": "yes", **labels}})


def refusal(cluster: Kubelet, name: str) -> str:
    """Why a config map is refused."""
    with pytest.raises(ApiError) as refused:
        configmap(cluster, name)
    assert refused.value.status == 500
    assert 'failed calling webhook "hook.lab.example.com"' in str(refused.value)
    return str(refused.value)


def created(cluster: Kubelet, name: str) -> bool:
    """Create it, unless the webhook cannot be asked."""
    try:
        configmap(cluster, name)
    except ApiError:
        return False
    return True


def refused_with(cluster: Kubelet, name: str, words: str) -> None:
    """Refused again and again, at last with these words: the API server hears of a change of endpoints later."""
    until(lambda: words in refusal(cluster, name), words)


def test_an_admission_webhook_is_asked_and_without_its_process_requests_are_refused(
    cluster: Kubelet, tmp_path: Path
) -> None:
    authority, arguments = certificates(tmp_path, "hook")
    hook: Object = {
        "name": "hook.lab.example.com",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {
            "caBundle": authority.data,
            "service": {"name": "hook", "namespace": NAMESPACE, "path": "/validate"},
        },
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "objectSelector": {"matchLabels": {"asked": "yes"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
    }
    start(cluster, "hook", "/program", args=arguments)
    cluster.create(HOOKS, "ValidatingWebhookConfiguration", "hook", webhooks=[hook])
    try:

        def asked() -> bool:
            configmap(cluster, f"wanted-{len(names)}")
            names.append("")
            return b"asked about wanted-" in cluster.kubectl("logs", "hook").stdout

        names: list[str] = []
        # The API server takes a second to notice the configuration.
        until(asked, "webhook asked")
        with pytest.raises(ApiError, match="denied the request: other is not wanted"):
            configmap(cluster, "other", unwanted="yes")
        assert cluster.status_of(f"{CORE}/configmaps/other") == 404

        stop(cluster, "hook")
        refused_with(cluster, "nobody", 'no endpoints available for service "hook"')
        start(cluster, "hook", image=NOTHING)
        refused_with(cluster, "nothing", "connect: connection refused")
        cluster.delete("hook")
        start(cluster, "hook", args=arguments)
        until(lambda: created(cluster, "again"), "the API server with the new pod's endpoint", 30)
        assert b"asked about again" in cluster.kubectl("logs", "hook").stdout
    finally:
        cluster.request("DELETE", f"{HOOKS}/hook")


def available(cluster: Kubelet) -> Object:
    """The condition Available of the aggregated API."""
    conditions = cluster.request("GET", f"{APIS}/v1.{GROUP}").get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == "Available"), {"status": "", "reason": ""})


def test_an_aggregated_api_is_available_while_its_process_runs(cluster: Kubelet, tmp_path: Path) -> None:
    authority, arguments = certificates(tmp_path, "api")
    # As every aggregated API server does: only the API server may say whose request it is.
    told = cluster.request("GET", "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication")
    assert json.loads(told["data"]["requestheader-allowed-names"]) == ["front-proxy-client"]
    clients = tmp_path / "clients.crt"
    clients.write_text(told["data"]["requestheader-client-ca-file"])
    start(cluster, "api", args=[*arguments, f"--clients={clients}"])
    fields = {
        "group": GROUP,
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "caBundle": base64.b64encode(authority.pem).decode(),
        "service": {"name": "api", "namespace": NAMESPACE},
    }
    cluster.create(APIS, "APIService", f"v1.{GROUP}", spec=fields)
    try:
        until(lambda: available(cluster)["status"] == "True", "available", 30)
        path = f"/apis/{GROUP}/v1/caller"
        answer = json.loads(until(lambda: raw(cluster, path).stdout, "answer"))
        assert answer["user"] == "eks:cluster-bootstrap"
        assert "system:masters" in answer["groups"]

        stop(cluster, "api")
        until(lambda: available(cluster)["reason"] == "MissingEndpoints", "no endpoints", 60)
        assert available(cluster)["status"] == "False"
        start(cluster, "api", image=NOTHING)
        until(lambda: available(cluster)["reason"] == "FailedDiscoveryCheck", "nothing runs", 60)
        assert available(cluster)["status"] == "False"
        assert "connect: connection refused" in available(cluster)["message"]
        assert b"the server is currently unable to handle the request" in raw(cluster, path).stderr
    finally:
        cluster.request("DELETE", f"{APIS}/v1.{GROUP}")


def test_kubectl_top_shows_figures_while_metrics_server_stands(cluster: Kubelet) -> None:
    view = {"addonName": "metrics-server", "addonVersion": ADDONS["metrics-server"].versions["1.36"][0]}
    made = objects(view, Place("myeks", REGION, cluster.plane.endpoint, "10.100.0.0/16"))
    start(cluster, "quiet", image=NOTHING, resources={"requests": {"cpu": "1", "memory": "1Gi"}})
    cluster.loop.run(cluster.plane.put(made))
    try:
        (node,) = cluster.loop.run(cluster.plane.nodes())
        shown = until(lambda: cluster.kubectl("top", "node", "--no-headers").stdout, "figures", 60)
        assert shown.decode().split()[0] == node["metadata"]["name"]
        shown = cluster.kubectl("top", "pod", "--containers", "--no-headers", "-l", "app=quiet").stdout
        pod, container, cpu, memory = shown.decode().split()
        assert (pod, container) == ("quiet", "main")
        assert 200 <= int(cpu.removesuffix("m")) <= 800
        assert 204 <= int(memory.removesuffix("Mi")) <= 820
        assert cluster.kubectl("top", "pod", "quiet", "--no-headers").stdout.decode().split() == ["quiet", cpu, memory]
        waits = {"containers": [{"name": "main", "image": NOTHING}], "nodeSelector": {"no": "such"}}
        cluster.create(PODS, "Pod", "waits", spec=waits)
        assert b"waits" not in cluster.kubectl("top", "pod", "--no-headers").stdout
        for pod in ("waits", "nobody"):
            done = cluster.kubectl("get", "pods.metrics.k8s.io", pod)
            assert f'pods.metrics.k8s.io "dev-team/{pod}" not found'.encode() in done.stderr
        # Others' pods have that port for themselves.
        assert b"connect: connection refused" in raw(cluster, f"{CORE}/pods/https:quiet:10251/proxy/").stderr
        refused = cluster.kubectl("top", "node", "--as=somebody")
        assert b'User "somebody" cannot list resource "nodes" in API group "metrics.k8s.io"' in refused.stderr
        scale = ("scale", "deployment/metrics-server", "-n=kube-system", "--replicas=0")
        assert cluster.kubectl(*scale).returncode == 0
        until(lambda: cluster.kubectl("top", "node").returncode, "nobody answers", 60)
    finally:
        cluster.loop.run(cluster.plane.take(made))
        stop(cluster, "quiet")
        cluster.kubectl("delete", "pod", "waits", "--ignore-not-found")
    until(lambda: b"Metrics API not available" in cluster.kubectl("top", "node").stderr, "it is gone", 30)


def test_a_nodes_kubelet_is_reached_at_the_nodes_address(cluster: Kubelet) -> None:
    (node,) = cluster.loop.run(cluster.plane.nodes())
    name = node["metadata"]["name"]
    assert raw(cluster, f"/api/v1/nodes/{name}/proxy/healthz").stdout == b"ok"
    assert node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] == 10250
    done = raw(cluster, f"/api/v1/nodes/{name}:9100/proxy/metrics")
    assert b"connect: connection refused" in done.stderr


def test_the_way_in_is_ours_alone(cluster: Kubelet) -> None:
    directory = cluster.plane.spec.dir
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / EGRESS_SOCKET).stat().st_mode) == 0o600
    assert len(str(directory / EGRESS_SOCKET)) > 107
