"""Images, environments, volumes, paths and statuses of the kubelet, without a process."""

import asyncio
import base64
import hashlib
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.cluster.api_client import ApiError
from rehearsal.cluster.control_plane.bootstrap import aws_auth_webhook, pod_identity_webhook
from rehearsal.cluster.control_plane.commands import STAGES
from rehearsal.cluster.kubelet import processes
from rehearsal.cluster.kubelet.containers import Container, not_started
from rehearsal.cluster.kubelet.environment import container_variables, expand, service_variables
from rehearsal.cluster.kubelet.errors import NotStarted
from rehearsal.cluster.kubelet.images import (
    PLAYED,
    SYSTEM_PATH,
    Commands,
    Image,
    Start,
    argv_of,
    image_of,
    repository,
    set_flag,
)
from rehearsal.cluster.kubelet.objects import Object, Sources, field_of
from rehearsal.cluster.kubelet.ports import Ports, declared
from rehearsal.cluster.kubelet.processes import Output
from rehearsal.cluster.kubelet.rewriting import Rewriting
from rehearsal.cluster.kubelet.sandbox import Namespaces, Place, Programs, Rewritten, mountable
from rehearsal.cluster.kubelet.server import common_name
from rehearsal.cluster.kubelet.status import changed_status, phase_of, refusal
from rehearsal.cluster.kubelet.volumes import Volumes, mount_points, write_volume
from tests.unit.rehearsal.own_loop import run


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("amazon/aws-cli:2.36.5", "amazon/aws-cli"),
        ("amazon/aws-cli", "amazon/aws-cli"),
        ("docker.io/amazon/aws-cli@sha256:0123", "amazon/aws-cli"),
        ("public.ecr.aws/aws-cli/aws-cli:2", "public.ecr.aws/aws-cli/aws-cli"),
        ("docker.io/library/busybox:1.37", "busybox"),
        ("index.docker.io/library/alpine", "alpine"),
        ("alpine/k8s:1.36.3@sha256:0123", "alpine/k8s"),
        ("localhost:5000/alpine/k8s", "localhost:5000/alpine/k8s"),
    ],
)
def test_repositories(reference: str, name: str) -> None:
    assert repository(reference) == name


@pytest.mark.parametrize("reference", ["nginx", "evil/amazon/aws-cli", "localhost:5000/busybox", "alpine/k8s-x"])
def test_other_images_are_not_played(reference: str) -> None:
    assert image_of(reference) is None


@pytest.mark.parametrize(
    ("image", "container", "argv"),
    [
        ("amazon/aws-cli", {"args": ["s3", "ls"]}, ["aws", "s3", "ls"]),
        ("amazon/aws-cli", {"command": ["sleep"], "args": ["36000"]}, ["sleep", "36000"]),
        ("alpine/k8s", {"command": ["tail"], "args": ["-f", "/dev/null"]}, ["tail", "-f", "/dev/null"]),
        ("alpine/k8s", {}, ["bash"]),
        ("alpine/k8s", {"args": ["kubectl", "version"]}, ["kubectl", "version"]),
        ("bitnami/kubectl:1.31.4", {}, ["kubectl", "--help"]),
        ("bitnami/kubectl:1.31.4", {"args": ["get", "pods"]}, ["kubectl", "get", "pods"]),
        ("bitnami/kubectl:1.31.4", {"command": ["sh"]}, ["sh"]),
        ("busybox", {}, ["sh"]),
    ],
)
def test_what_a_container_starts(image: str, container: Object, argv: list[str]) -> None:
    found = image_of(image)
    assert found is not None
    assert argv_of(found, container) == argv


CONTROLLER = Image(entrypoint=("/controller",), module="rehearsal.some.controller", ports=(9443,))
DNS = Image(entrypoint=("external-dns",), command=("--help",), program="external-dns")


@pytest.mark.parametrize(
    ("image", "container", "argv"),
    [
        (CONTROLLER, {"args": ["--a=1"]}, [sys.executable, "-m", "rehearsal.some.controller", "--a=1"]),
        (
            CONTROLLER,
            {"command": ["/controller"], "args": ["--a=1"]},
            [sys.executable, "-m", CONTROLLER.module, "--a=1"],
        ),
        (CONTROLLER, {"command": ["sh", "-c"], "args": ["true"]}, ["sh", "-c", "true"]),
        (DNS, {}, ["external-dns", "--help"]),
        (DNS, {"args": ["--once"]}, ["external-dns", "--once"]),
    ],
)
def test_a_program_of_ours_plays_the_images_own(image: Image, container: Object, argv: list[str]) -> None:
    assert argv_of(image, container) == argv


def test_a_program_that_is_not_built_yet_is_waited_for(tmp_path: Path) -> None:
    commands = Commands(tmp_path / "commands", tmp_path / "bin")
    with pytest.raises(NotStarted, match=r"by the program external-dns, which is not built yet\.") as raised:
        commands.path(DNS)
    assert raised.value.reason == "ImagePullBackOff"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / DNS.program).touch()
    assert "external-dns" in commands.path(DNS)


@pytest.mark.parametrize(
    ("argv", "port"),
    [(["x", "--metrics-address=:8080"], 41001), (["x"], 41000), (["x", "--metrics-address=:9"], 41000)],
)
def test_external_dns_listens_on_loopback_alone(argv: list[str], port: int) -> None:
    adapt = PLAYED["registry.k8s.io/external-dns/external-dns"].adapt
    assert adapt is not None
    made = adapt(Start(argv, {}), {7979: 41000, 8080: 41001})
    assert made.argv == ["x", f"--metrics-address=127.0.0.1:{port}"]


def test_a_flag_has_one_value() -> None:
    assert set_flag(["x", "--a=1", "--ab=2", "--a", "3", "y"], "--a", "4") == ["x", "--ab=2", "y", "--a=4"]
    assert set_flag(["x"], "--a", "4") == ["x", "--a=4"]


def test_each_tcp_port_of_a_container_has_one_of_this_machine() -> None:
    ports = [
        {"name": "web", "containerPort": 8080},
        {"containerPort": 53, "protocol": "UDP"},
        {"containerPort": 5353, "protocol": "UDP"},
        {"containerPort": 53, "protocol": "TCP"},
        {"containerPort": 8080, "hostIP": "10.0.0.1"},
    ]
    container = {"name": "main", "image": "busybox", "ports": ports}
    assert declared(CONTROLLER, container) == [53, 8080, 9443]
    assert declared(PLAYED["busybox"], {"name": "main", "image": "busybox"}) == []
    made = Ports(CONTROLLER, container)
    assert len(set(made.numbers.values())) == 3
    assert made.variables == {f"REHEARSAL_PORT_{port}": str(number) for port, number in made.numbers.items()}
    number = made.numbers[8080]
    # Nobody else gets it, and the process that it is for can listen there, as every server asks to.
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", number))
    with socket.create_server(("127.0.0.1", number)):
        pass
    made.release()
    with socket.socket() as other:
        other.bind(("127.0.0.1", number))


def test_kwok_leaves_the_jobs_of_played_images_alone() -> None:
    stages = [stage for stage in yaml.safe_load_all(STAGES.read_text()) if stage["metadata"]["name"] == "pod-completes"]
    keys = [each["key"] for each in stages[0]["spec"]["selector"]["matchExpressions"]]
    (key,) = [each for each in keys if ".image" in each]
    written = re.search(r'test\("(.+)"\)', key)
    assert written is not None
    # A string in a jq program escapes its backslashes.
    pattern = re.compile(written[1].replace("\\\\", "\\"))
    for name in PLAYED:
        for reference in (name, f"{name}:1", f"{name}@sha256:0", f"docker.io/{name}:1", f"docker.io/library/{name}"):
            assert bool(pattern.search(reference)) == (image_of(reference) is not None), reference
    for other in ("nginx", "evil/busybox", "busyboxes", "alpine/k8s-x", "publicxecr.aws/aws-cli/aws-cli"):
        assert not pattern.search(other)


def test_an_image_has_only_its_own_tools(tmp_path: Path) -> None:
    commands = Commands(tmp_path / "commands", tmp_path / "bin")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / DNS.program).touch()
    assert commands.path(PLAYED["busybox"]) == SYSTEM_PATH
    for image, tools in (
        ("amazon/aws-cli", {"aws"}),
        ("bitnami/kubectl", {"kubectl"}),
        ("alpine/k8s", {"aws", "kubectl"}),
    ):
        first, _, rest = commands.path(PLAYED[image]).partition(":")
        assert rest == SYSTEM_PATH
        assert {link.name for link in Path(first).iterdir()} == tools
        assert commands.path(PLAYED[image]).startswith(first)
    assert (tmp_path / "commands/kubectl/kubectl").readlink() == tmp_path / "bin/kubectl"
    assert commands.path(DNS) == f"{tmp_path}/commands/external-dns:{SYSTEM_PATH}"
    assert (tmp_path / "commands/external-dns/external-dns").readlink() == tmp_path / "bin/external-dns"
    assert commands.path(CONTROLLER) == SYSTEM_PATH


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "1"),
        ("x$(A)$(B)y", "x12y"),
        ("$(NONE)", "$(NONE)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A}", "$A ${A}"),
        ("$(A", "$(A"),
        ("", ""),
    ],
)
def test_variables_in_texts(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expanded


class Api:
    """An API server that has these objects, by their paths."""

    def __init__(self, objects: Mapping[str, Object], longest: int = 2**32) -> None:
        """`longest`: seconds to which it shortens tokens."""
        self.objects = dict(objects)
        self.longest = longest
        self.asked: list[tuple[str, str, Any]] = []

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Object:
        self.asked.append((method, path, body))
        if path.endswith("/token") and body:
            seconds = min(body["spec"]["expirationSeconds"], self.longest)
            return {"status": {"token": f"token-{len(self.asked)}"}, "spec": {"expirationSeconds": seconds}}
        if path not in self.objects:
            raise ApiError(method, path, 404, b"{}")
        return self.objects[path]


POD: Object = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"app": "x", "a": 'q"'}, "annotations": {}},
    "spec": {"nodeName": "node", "serviceAccountName": "acc", "containers": [{"name": "main", "image": "busybox"}]},
    "status": {"podIP": "10.0.0.1", "hostIP": "10.0.0.2", "podIPs": [{"ip": "10.0.0.1"}]},
}
SETTINGS = "/api/v1/namespaces/n/configmaps/settings"
PASSWORD = "/api/v1/namespaces/n/secrets/password"  # a path, no password
OBJECTS: dict[str, Object] = {
    SETTINGS: {"data": {"color": "green"}, "binaryData": {"raw": base64.b64encode(b"\x00\xff").decode()}},
    PASSWORD: {"data": {"word": base64.b64encode(b"open").decode()}},
}


def variables(container: Object, objects: Mapping[str, Object] = OBJECTS) -> dict[str, str]:
    sources = Sources(Api(objects), "n")
    services = service_variables("127.0.0.1", 6443)
    return run(container_variables(POD, container, services, sources))


def test_the_environment_in_its_order() -> None:
    env = [
        {"name": "FIRST", "value": "$(IN_color) at $(KUBERNETES_SERVICE_HOST)"},
        {"name": "SECOND", "value": "$(FIRST)!"},
        {"name": "LATER", "value": "$(AFTER)"},
        {"name": "AFTER"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "password", "key": "word"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "word", "optional": True}}},
        {"name": "KUBERNETES_PORT", "value": "mine"},
    ]
    many = [{"prefix": "IN_", "configMapRef": {"name": "settings"}}, {"secretRef": {"name": "no", "optional": True}}]
    found = variables({"env": env, "envFrom": many})
    assert found["FIRST"] == "green at 127.0.0.1"
    assert found["SECOND"] == "green at 127.0.0.1!"
    assert (found["LATER"], found["AFTER"]) == ("$(AFTER)", "")
    assert (found["NODE"], found["APP"], found["WORD"]) == ("node", "x", "open")
    assert found["KUBERNETES_PORT"] == "mine"
    assert found["KUBERNETES_SERVICE_PORT"] == "6443"
    assert "NONE" not in found


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"secretKeyRef": {"name": "none", "key": "word"}}, 'secret "none" not found'),
        ({"configMapKeyRef": {"name": "none", "key": "word"}}, 'configmap "none" not found'),
        ({"configMapKeyRef": {"name": "settings", "key": "no"}}, "couldn't find key no in ConfigMap n/settings"),
        ({"secretKeyRef": {"name": "password", "key": "no"}}, "couldn't find key no in Secret n/password"),
        ({"fieldRef": {"fieldPath": "spec.nonsense"}}, "does not play the pod field spec.nonsense"),
        ({"resourceFieldRef": {"resource": "limits.cpu"}}, "does not play environment from resourceFieldRef"),
    ],
)
def test_what_is_missing_is_named_as_a_kubelet_does(source: Object, why: str) -> None:
    with pytest.raises(NotStarted, match=re.escape(why)) as caught:
        variables({"env": [{"name": "X", "valueFrom": source}]})
    assert caught.value.reason == "CreateContainerConfigError"


def test_fields_of_a_pod() -> None:
    assert field_of(POD, "metadata.labels") == 'a="q\\""\napp="x"'
    assert field_of(POD, "metadata.annotations['none']") == ""
    assert field_of(POD, "status.podIPs") == "10.0.0.1"


PLACES = {"/var/run/secrets/x": Path("/pod/x"), "/var/run/secrets": Path("/pod/s"), "/etc/app": Path("/pod/e")}


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("/var/run/secrets/x/token", "/pod/x/token"),
        ("/var/run/secrets", "/pod/s"),
        ("/var/run/secrets/", "/pod/s/"),
        ("/var/run/secrets/other", "/pod/s/other"),
        ("file:///etc/app/c", "file:///pod/e/c"),
        ("/x//etc/app/c", "/x//etc/app/c"),
        ("--from=/etc/app/c", "--from=/pod/e/c"),
        ("cat /etc/app/a '/etc/app/b' && ls /var/run/secrets", "cat /pod/e/a '/pod/e/b' && ls /pod/s"),
        ("PATH=/etc/app:/bin", "PATH=/pod/e:/bin"),
        ("/etc/apple", "/etc/apple"),
        ("/etc/app.d", "/etc/app.d"),
        ("/mnt/etc/app", "/mnt/etc/app"),
        ("x/etc/app", "x/etc/app"),
    ],
)
def test_paths_in_texts(text: str, rewritten: str) -> None:
    assert Rewriting(PLACES).text(text) == rewritten
    assert Rewriting(PLACES).argv([text]) == [rewritten]
    assert Rewriting(PLACES).env({"A": text}) == {"A": rewritten}


def test_without_paths_nothing_is_rewritten() -> None:
    assert Rewriting({}).text("/etc") == "/etc"
    assert Rewriting({"/": Path("/pod")}).text("/etc") == "/etc"


def test_a_volume_changes_in_one_step(tmp_path: Path) -> None:
    write_volume(tmp_path, {"token": b"1", "deep/er": b"x"})
    before = (tmp_path / "..data").readlink()
    assert (tmp_path / "token").read_bytes() == b"1"
    assert (tmp_path / "token").readlink() == Path("..data/token")
    assert (tmp_path / "deep/er").read_bytes() == b"x"
    write_volume(tmp_path, {"token": b"2"}, mode=0o400)
    assert (tmp_path / "token").read_bytes() == b"2"
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o400
    assert not (tmp_path / "deep").exists()
    assert not (tmp_path / before).exists()
    assert len(list(tmp_path.iterdir())) == 3


def pod_with(*volumes: Object) -> Object:
    return {**POD, "spec": {**POD["spec"], "volumes": list(volumes)}}


def prepared(directory: Path, api: Api, *volumes: Object) -> Volumes:
    made = Volumes(directory, pod_with(*volumes), api)
    run(made.prepare())
    return made


def test_a_projected_volume(tmp_path: Path) -> None:
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "settings", "items": [{"key": "color", "path": "c"}]}},
        {"secret": {"name": "password"}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    api = Api(OBJECTS)
    prepared(tmp_path, api, {"name": "v", "projected": {"sources": sources}})
    files = {path.name: path.read_bytes() for path in (tmp_path / "v").iterdir() if not path.name.startswith("..")}
    assert files == {"token": b"token-1", "c": b"green", "word": b"open", "namespace": b"n"}
    (asked,) = [body for method, _, body in api.asked if method == "POST"]
    assert asked["spec"] == {
        "audiences": [],
        "expirationSeconds": 3607,
        "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"},
    }
    assert api.asked[0][1] == "/api/v1/namespaces/n/serviceaccounts/acc/token"


def test_tokens_are_renewed_when_they_are_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000_000.0]
    monkeypatch.setattr("rehearsal.cluster.kubelet.volumes.time.time", lambda: clock[0])
    api = Api({})
    source = {"serviceAccountToken": {"path": "token", "audience": "sts.amazonaws.com", "expirationSeconds": 1000}}
    volumes = prepared(tmp_path, api, {"name": "v", "projected": {"sources": [source]}})
    assert api.asked[0][2]["spec"]["audiences"] == ["sts.amazonaws.com"]

    async def renewed_at(moment: float) -> float | None:
        clock[0] = 1_000_000.0 + moment
        return await volumes.renew()

    assert run(renewed_at(799)) == 5.0
    assert (tmp_path / "v/token").read_bytes() == b"token-1"
    assert run(renewed_at(800)) == 800
    assert (tmp_path / "v/token").read_bytes() == b"token-2"
    assert run(renewed_at(900)) == 700
    assert len(api.asked) == 2


@pytest.mark.parametrize(("longest", "after"), [(2**32, 86_400), (86_400, 69_120)])
def test_a_token_that_lives_long_is_renewed_daily(tmp_path: Path, longest: int, after: int) -> None:
    """One that was shortened to a day, as on EKS, by how long it is good and not by what was asked for."""
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": 10**6}}
    volumes = prepared(tmp_path, Api({}, longest), {"name": "v", "projected": {"sources": [source]}})
    wait = run(volumes.renew())
    assert wait is not None
    assert after - 10 < wait <= after


@pytest.mark.parametrize(
    ("volume", "why"),
    [
        ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
        ({"secret": {"secretName": "none"}}, 'secret "none" not found'),
        ({"configMap": {"name": "settings", "items": [{"key": "no", "path": "p"}]}}, "references non-existent"),
        ({"projected": {"sources": [{"clusterTrustBundle": {}}]}}, "does not play volumes from clusterTrustBundle"),
    ],
)
def test_a_volume_that_cannot_be_made(tmp_path: Path, volume: Object, why: str) -> None:
    with pytest.raises(NotStarted, match=why):
        prepared(tmp_path, Api(OBJECTS), {"name": "v", **volume})


def test_only_played_volumes_are_mounted(tmp_path: Path) -> None:
    volumes = prepared(
        tmp_path,
        Api(OBJECTS),
        {"name": "host", "hostPath": {"path": "/"}},
        {"name": "empty", "emptyDir": {}},
        {"name": "settings", "configMap": {"name": "settings"}},
    )
    mounts = [
        {"name": "host", "mountPath": "/host"},
        {"name": "empty", "mountPath": "/run/data/", "subPath": "sub"},
        {"name": "settings", "mountPath": "/etc/settings"},
    ]
    assert mount_points({"volumeMounts": mounts}, volumes.by_name) == {
        "/run/data": (tmp_path / "empty/sub", False),
        "/etc/settings": (tmp_path / "settings", True),
    }
    assert (tmp_path / "empty/sub").is_dir()
    assert (tmp_path / "settings/raw").read_bytes() == b"\x00\xff"


def test_nothing_that_is_needed_is_hidden_and_nothing_made_on_this_machine(tmp_path: Path) -> None:
    assert mountable("/run/anything", [])
    assert mountable("/var/run/secrets/x", [])
    assert mountable(str(tmp_path), [])
    assert not mountable(str(tmp_path), [tmp_path / "tools"])
    assert not mountable(str(tmp_path / "none"), [])


def test_a_path_that_cannot_be_mounted_is_rewritten(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    mounts = {"/run/in": (inside, True), "/no/such/directory": (outside, True)}
    programs = Programs("unshare", "nsenter", "setsid", "mount", root=True)
    sandbox = Namespaces(programs, Place("p", tmp_path / "c", tmp_path, tmp_path / "home", mounts))
    line = sandbox.first(["cat", "/no/such/directory/f", "/run/in/f"])
    assert line[-3:] == ["cat", f"{outside}/f", "/run/in/f"]
    assert line[line.index("bind,ro") :][:3] == ["bind,ro", str(inside), "/run/in"]
    assert line.count("bind,ro") == 1
    assert sandbox.another(7, ["ls", "/no/such/directory"], "")[-1] == str(outside)
    assert sandbox.env({"F": "/no/such/directory/f"}) == {"F": f"{outside}/f"}
    assert (tmp_path / "c/run/in").is_dir()


def test_rewritten_kubectl_finds_its_token(tmp_path: Path) -> None:
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    write_volume(tmp_path / "v", {"token": b"t", "ca.crt": b"c", "namespace": b"n"})
    sandbox = Rewritten(Place("p", tmp_path / "c", tmp_path, tmp_path / "home", {account: (tmp_path / "v", True)}))
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
    file = Path(sandbox.env(env)["KUBECONFIG"])
    assert file == tmp_path / "home/.kube/config"
    config = yaml.safe_load(file.read_text())
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert config["contexts"][0]["context"]["namespace"] == "n"
    assert Path(config["users"][0]["user"]["tokenFile"]).read_bytes() == b"t"
    assert sandbox.env({**env, "KUBECONFIG": "own"})["KUBECONFIG"] == "own"
    without = Rewritten(Place("p", tmp_path / "d", tmp_path, tmp_path / "home", {}))
    assert "KUBECONFIG" not in without.env(env)


def test_the_name_in_a_certificate() -> None:
    shown = {"subject": ((("organizationName", "system:masters"),), (("commonName", "somebody"),))}
    assert common_name(shown) == "somebody"
    assert common_name({}) == ""
    assert common_name(None) == ""


RUNS: Object = {"name": "c", "ready": True, "state": {"running": {}}}


def over(code: int) -> Object:
    return {"name": "c", "ready": False, "state": {"terminated": {"exitCode": code}}}


@pytest.mark.parametrize(
    ("policy", "statuses", "init", "phase"),
    [
        ("Never", [over(0)], [], "Succeeded"),
        ("Never", [over(1)], [], "Failed"),
        ("Never", [over(1), RUNS], [], "Running"),
        ("Never", [over(0), over(2)], [], "Failed"),
        ("OnFailure", [over(0)], [], "Succeeded"),
        ("OnFailure", [over(1)], [], "Running"),
        ("Always", [over(0)], [], "Running"),
        ("Never", [RUNS], [over(1)], "Failed"),
        ("OnFailure", [RUNS], [over(1)], "Running"),
        ("Never", [over(0)], [over(0)], "Succeeded"),
    ],
)
def test_phases(policy: str, statuses: list[Object], init: list[Object], phase: str) -> None:
    assert phase_of(policy, statuses, init) == phase


def container_in(state: Object) -> Container:
    """A container that is in a state; nothing of it runs."""
    made = object.__new__(Container)
    made.state, made.last_state, made.restarts, made.log = state, {}, 0, None
    made.name, made.pod = "ours", "uid"
    made.spec = {"name": "ours", "image": "busybox"}
    return made


def test_a_status_keeps_what_is_not_ours() -> None:
    pod: Object = {
        "spec": {"restartPolicy": "Never"},
        "status": {
            "containerStatuses": [
                {"name": "ours", "image": "busybox", "ready": True, "state": {"running": {}}, "restartCount": 0},
                {"name": "other", "image": "nginx", "ready": True, "state": {"running": {}}, "restartCount": 0},
            ],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}],
        },
    }
    ended: Object = {"terminated": {"exitCode": 1, "reason": "Error"}}
    status = changed_status(pod, {"ours": container_in(ended)}, {}, {}, {})
    ours, other = status["containerStatuses"]
    assert ours.pop("containerID") == f"containerd://{hashlib.sha256(b'uid/ours/0').hexdigest()}"
    assert ours == {
        "name": "ours", "image": "busybox", "ready": False, "started": False, "state": ended, "restartCount": 0
    }  # fmt: skip
    assert other == pod["status"]["containerStatuses"][1]
    assert status["phase"] == "Running"
    ready = status["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [ours]"
    assert ready["lastTransitionTime"] > "2026"
    running = changed_status(pod, {"ours": container_in({"running": {}})}, {}, {}, {})
    assert running["conditions"][0]["lastTransitionTime"] == "2020-01-01T00:00:00Z"


def test_an_ephemeral_container_changes_nothing_of_its_pods_phase() -> None:
    main: Object = {"name": "main", "image": "nginx", "ready": True, "state": {"running": {}}, "restartCount": 0}
    pod: Object = {"spec": {"restartPolicy": "Never"}, "status": {"containerStatuses": [main]}}
    ended: Object = {"terminated": {"exitCode": 1, "reason": "Error"}}
    refused = refusal({"name": "second", "image": "nginx"}, not_started("ImageNotPlayed", "why"))
    status = changed_status(pod, {}, {}, {"ours": container_in(ended)}, {"second": refused})
    ours, second = status["ephemeralContainerStatuses"]
    assert (ours["state"], ours["ready"]) == (ended, False)
    assert (second["name"], second["state"]["terminated"]["message"]) == ("second", "why")
    assert status["phase"] == "Running"
    assert status["conditions"][0]["status"] == "True"
    assert "ephemeralContainerStatuses" not in changed_status(pod, {}, {}, {}, {})


def test_a_container_that_never_ran_has_no_id() -> None:
    assert container_in({"waiting": {"reason": "ContainerCreating"}}).status()["containerID"] == ""


def test_output_that_comes_late_is_read_and_output_that_never_ends_is_left() -> None:
    async def read() -> list[bytes]:
        reader, ended = asyncio.StreamReader(), asyncio.Event()
        output = Output(reader)
        ended.set()
        asyncio.get_running_loop().call_later(0.05, reader.feed_data, b"late")
        # Nobody ends it: a process that was left behind holds it open.
        return [await output.read(ended), await output.read(ended)]

    assert run(asyncio.wait_for(read(), 5)) == [b"late", b""]


def test_output_ends() -> None:
    async def read() -> list[bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(b"all")
        reader.feed_eof()
        output = Output(reader)
        return [await output.read(asyncio.Event()), await output.read(asyncio.Event())]

    assert run(asyncio.wait_for(read(), 5)) == [b"all", b""]


def test_the_webhook_is_eks_own() -> None:
    (webhook,) = pod_identity_webhook(4321, "Q0E=")["webhooks"]
    assert webhook["clientConfig"] == {"url": "https://127.0.0.1:4321/mutate", "caBundle": "Q0E="}
    assert webhook["rules"][0]["operations"] == ["CREATE"]
    assert webhook["failurePolicy"] == "Ignore"


def test_the_webhook_of_aws_auth_sees_dry_runs_and_locks_nobody_out() -> None:
    (webhook,) = aws_auth_webhook(4321, "Q0E=")["webhooks"]
    assert webhook["clientConfig"] == {"url": "https://127.0.0.1:4321/validate", "caBundle": "Q0E="}
    assert webhook["rules"][0]["operations"] == ["CREATE", "UPDATE"]
    assert (webhook["failurePolicy"], webhook["sideEffects"]) == ("Ignore", "None")


def test_processes_that_never_go_do_not_hold_a_pods_end_up(monkeypatch: pytest.MonkeyPatch):
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        assert now < 60

    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(processes.sys, "platform", "linux")
    monkeypatch.setattr(processes, "_marked", lambda _mark: [4711])
    monkeypatch.setattr(processes.os, "kill", refuse)
    monkeypatch.setattr(processes.time, "monotonic", lambda: now)
    monkeypatch.setattr(processes.time, "sleep", sleep)
    processes.kill_marked("of-a-pod")
    assert 1 < now < 10
