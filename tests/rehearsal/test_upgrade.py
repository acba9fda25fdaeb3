"""A standing control plane becomes the next Kubernetes version, with what is in it; and who may exec at which."""

import socket
import ssl
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import jwt
import pytest

from rehearsal.cluster.control_plane import ControlPlaneError
from rehearsal.toolchain.cache import ensure
from tests.rehearsal.control_planes import Object, node, until
from tests.rehearsal.kubelet_pods import NAMESPACE, PODS, Kubelet, running

RBAC = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"


def let(kubelet: Kubelet, user: str, verb: str) -> None:
    """Give a user one verb on pods/exec."""
    rules = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": [verb]}]
    kubelet.create(f"{RBAC}/roles", "Role", user, rules=rules)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    kubelet.create(f"{RBAC}/rolebindings", "RoleBinding", user, roleRef=role, subjects=[subject])


def exec_status(kubelet: Kubelet, user: str) -> int:
    """HTTP status of an exec by WebSocket in the name of a user."""
    clients = kubelet.plane.spec.dir / "pki" / "clients"
    context = ssl.create_default_context(cafile=str(kubelet.plane.spec.dir / "pki" / "ca.crt"))
    context.load_cert_chain(clients / "admin.crt", clients / "admin.key")
    address = urlsplit(kubelet.plane.endpoint)
    query = urlencode({"command": "id", "stdout": "true", "container": "main"})
    headers = {
        "Host": address.netloc,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "v5.channel.k8s.io",
        "Impersonate-User": user,
    }
    lines = [f"GET {PODS}/dev-kubectl/exec?{query} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    with (
        socket.create_connection((str(address.hostname), address.port or 443), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=address.hostname) as connection,
    ):
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.makefile("rb").readline().split()[1])


def emulated(kubelet: Kubelet) -> str:
    shown = kubelet.request("GET", "/version")
    return f"{shown['emulationMajor']}.{shown['emulationMinor']}"


def upgrade(kubelet: Kubelet, version: str) -> None:
    kubelet.loop.run(kubelet.plane.upgrade(version), 120)
    assert emulated(kubelet) == version


def check_tokens(kubelet: Kubelet, *earlier: str) -> str:
    """A request is shortened to 24 hours, a pod's own token is good for 90 days, and `earlier` ones are still good."""

    def created(*options: str) -> tuple[str, int, bytes]:
        done = kubelet.kubectl("create", "token", "dev-k8s", *options)
        told = jwt.decode(done.stdout.strip(), options={"verify_signature": False})
        return done.stdout.decode().strip(), told["exp"] - told["iat"], done.stderr

    _, seconds, said = created("--duration", "8760h")
    assert seconds == 86400
    assert b"requested expiration of 31536000 seconds shortened to 86400 seconds" in said
    bound = ("--bound-object-kind", "Pod", "--bound-object-name", "dev-kubectl", "--duration", "3607s")
    token, seconds, said = created(*bound)
    assert (seconds, said) == (90 * 86400, b"")
    for each in (token, *earlier):
        review = {"kind": "TokenReview", "spec": {"token": each}}
        answer = kubelet.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
        assert answer["status"].get("authenticated"), answer["status"]
    return token


def test_each_version_is_the_next_one_s_beginning(tmp_path: Path) -> None:
    """Who may exec: Kubernetes' gate AuthorizePodWebsocketUpgradeCreatePermission, on since 1.35."""
    with running(tmp_path / "myeks", version="1.34") as kubelet:
        endpoint = kubelet.plane.endpoint
        kubelet.run("dev-kubectl", "sh", "-c", "tail -f /dev/null")
        kubelet.create(f"/api/v1/namespaces/{NAMESPACE}/configmaps", "ConfigMap", "kept", data={"still": "here"})
        secret: Object = {"stringData": {"password": "secret"}}
        kubelet.create(f"/api/v1/namespaces/{NAMESPACE}/secrets", "Secret", "kept", **secret)
        for user, verb in (("watcher", "get"), ("maker", "create"), ("both", "*")):
            let(kubelet, user, verb)
        until(lambda: exec_status(kubelet, "both") == 101, "roles in force")
        assert [exec_status(kubelet, user) for user in ("watcher", "maker")] == [101, 403]
        token = check_tokens(kubelet)
        for version in ("1.35", "1.36"):
            upgrade(kubelet, version)
            assert kubelet.plane.endpoint == endpoint
            kept = kubelet.request("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps/kept")
            assert kept["data"] == {"still": "here"}
            kubelet.request("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets/kept")
            until(lambda: exec_status(kubelet, "both") == 101, "exec works again", 30)
            assert [exec_status(kubelet, user) for user in ("watcher", "maker", "nobody")] == [403, 403, 403]
            check_tokens(kubelet, token)
            # The container has been running all the time, and kubectl reaches it.
            assert b"uid=" in kubelet.exec("dev-kubectl", "id").stdout
            assert kubelet.pod("dev-kubectl")["status"]["containerStatuses"][0]["restartCount"] == 0
            # Controllers and scheduler are there too: a new pod gets a node.
            kubelet.run(f"new-{version.replace('.', '-')}", "sh", "-c", "tail -f /dev/null")

        (old,) = kubelet.loop.run(kubelet.plane.nodes())
        assert old["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.34."), "nodes keep their version"
        kubelet.loop.run(kubelet.plane.add_node(node(2)))
        new = kubelet.request("GET", f"/api/v1/nodes/{node(2).name}")
        assert new["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.36.")


def test_a_version_that_does_not_start_is_taken_back(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ensure(print).iterdir():
        (programs / program.name).symlink_to(program.resolve())
    apiserver = programs / "kube-apiserver"
    real = apiserver.readlink()
    apiserver.unlink()
    apiserver.write_text(
        f'#!/bin/sh\ncase "$*" in *--emulated-version=1.35*) exec {real} "$@" ;; esac\necho it breaks >&2; exit 1\n'
    )
    apiserver.chmod(0o755)
    with running(tmp_path / "myeks", version="1.35", bin_dir=programs) as kubelet:
        for version, said in (("1.99", r"1\.99 cannot be played"), ("1.36", "it breaks")):
            with pytest.raises(ControlPlaneError, match=said):
                kubelet.loop.run(kubelet.plane.upgrade(version), 120)
            assert emulated(kubelet) == "1.35"
            assert kubelet.plane.spec.version == "1.35"
        assert {each.name for each in kubelet.plane.processes() if each.alive} >= {"kube-apiserver", "kube-scheduler"}
