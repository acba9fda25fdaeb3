"""The kubernetes stand-in under the real engine, against a real control plane."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from rehearsal.control_plane import ControlPlane
from tests.rehearsal.control_planes import Cluster, Loop, node, serving, spec, until
from tests.rehearsal.plugin_engine import Engine, failing

OPERATOR = "operator-token"
NAMESPACE = "/api/v1/namespaces"
CONFIG_MAPS = f"{NAMESPACE}/default/configmaps"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    loop = Loop()
    with serving() as webhooks:
        webhooks.users[OPERATOR] = ("operator", ["system:masters"])
        webhooks.users["nobody"] = ("nobody", [])
        plane = ControlPlane(spec(tmp_path_factory.mktemp("plane") / "myeks", webhooks.url))
        loop.run(plane.start())
        try:
            made = Cluster(plane, loop, webhooks)
            loop.run(plane.add_node(node(1)))
            until(lambda: made.status_of(f"{NAMESPACE}/default/serviceaccounts/default") == 200, "default account")
            yield made
        finally:
            loop.run(plane.stop())
            loop.close()


class Lab:
    """A stack on the cluster, entered by a credential command that counts its calls."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster = cluster
        self.calls = directory / "calls"
        self.engine = Engine(
            directory / "engine", {"kubernetes": [sys.executable, "-m", "rehearsal.plugins.kubernetes"]}
        )
        self.name = directory.name.replace("_", "-").lower()[:40]

    def kubeconfig(self, token: str = OPERATOR, server: str = "") -> str:
        credential = {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "kind": "ExecCredential",
            "status": {"token": token, "expirationTimestamp": "2100-01-01T00:00:00Z"},
        }
        script = f"echo . >> {self.calls}; echo '{json.dumps(credential)}'"
        authority = self.cluster.plane.ca_data
        server = server or self.cluster.plane.endpoint
        return json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority-data": authority}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
                "users": [{"name": "u", "user": {"exec": {"command": "sh", "args": ["-c", script]}}}],
            }
        )

    def options(self, **changes: Any) -> pulumi.ResourceOptions:
        settings: dict[str, Any] = {"kubeconfig": self.kubeconfig(), **changes}
        return pulumi.ResourceOptions(provider=k8s.Provider("cluster", **settings))

    def times_entered(self) -> int:
        return len(self.calls.read_text().split()) if self.calls.exists() else 0

    def state_text(self) -> str:
        """The state as it lies on disk."""
        files = (self.engine.directory / "backend").rglob("stacks/**/*.json")
        return "".join(file.read_text() for file in files)


@pytest.fixture
def lab(cluster: Cluster, tmp_path: Path) -> Lab:
    return Lab(cluster, tmp_path)


def meta(name: str, **more: Any) -> k8s.meta.v1.ObjectMetaArgs:
    return k8s.meta.v1.ObjectMetaArgs(name=name, **more)


def everything(lab: Lab, *, replicas: int = 2, value: str = "a", policy: str = "sync") -> Callable[[], None]:
    """A bit of all that the lab has."""

    def program() -> None:
        to = lab.options()
        namespace = k8s.core.v1.Namespace("space", opts=to)
        inside = namespace.metadata["name"]
        account = k8s.core.v1.ServiceAccount("account", metadata=meta("account", namespace=inside), opts=to)
        k8s.core.v1.ConfigMap("map", metadata={"namespace": inside}, data={"k": value}, opts=to)
        k8s.core.v1.Secret("secret", metadata=meta("secret", namespace=inside), string_data={"p": "hunter22"}, opts=to)
        labels = {"app": "web"}
        web = k8s.apps.v1.Deployment(
            "web",
            metadata={"namespace": inside},
            spec={
                "replicas": replicas,
                "selector": {"match_labels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "service_account_name": account.metadata["name"],
                        "containers": [{"name": "web", "image": "web:1", "resources": {"limits": {"cpu": "0.1"}}}],
                    },
                },
            },
            opts=to,
        )
        service = k8s.core.v1.Service(
            "web", metadata=meta("web", namespace=inside), spec={"selector": labels, "ports": [{"port": 80}]}, opts=to
        )
        k8s.networking.v1.Ingress(
            "web",
            metadata=meta("web", namespace=inside),
            spec={"default_backend": {"service": {"name": "web", "port": {"number": 80}}}},
            opts=to,
        )
        k8s.storage.v1.StorageClass(
            "gp3", metadata=meta(f"gp3-{lab.name}"), provisioner="ebs.csi.aws.com", parameters={"type": "gp3"}, opts=to
        )
        release = k8s.helm.v3.Release(
            "dns",
            chart="external-dns",
            version="1.21.1",
            namespace="kube-system",
            repository_opts={"repo": "https://kubernetes-sigs.github.io/external-dns/"},
            values={"policy": policy, "password": pulumi.Output.secret("swordfish")},
            opts=to,
        )
        pulumi.export("namespace", inside)
        pulumi.export("phase", namespace.status.phase)
        pulumi.export("available", web.status.available_replicas)
        pulumi.export("ip", service.spec.cluster_ip)
        pulumi.export("release", release.status.status)

    return program


def test_objects_live_and_die(lab: Lab, cluster: Cluster) -> None:
    program = everything(lab)
    previewed = lab.engine.preview(program)
    made = lab.engine.up(program)
    assert made.operations == {"create": 11}
    assert previewed.operations == made.operations
    space = made.outputs["namespace"]
    assert space.startswith("space-")
    assert made.outputs["phase"] == "Active"
    assert made.outputs["available"] == 2, "the engine goes on when the replicas are available"
    assert made.outputs["ip"].startswith("10.100.")
    assert made.outputs["release"] == "recorded"
    assert made.messages.count("runs no load balancer controller") > 0

    found = cluster.request("GET", f"{NAMESPACE}/{space}")
    (manager,) = [entry for entry in found["metadata"]["managedFields"] if entry["operation"] == "Apply"]
    assert manager["manager"].startswith("pulumi-kubernetes-")
    assert found["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    state = lab.state_text()
    assert space in state
    assert "managedFields" not in state
    for secret in ("hunter22", "aHVudGVyMjI=", "swordfish"):
        assert secret not in state

    lab.engine.refresh(program)
    entered = lab.times_entered()
    assert lab.engine.up(program).steps == []
    assert lab.engine.preview(program).steps == []
    assert lab.times_entered() == entered, "without a change nobody enters the cluster"

    lab.engine.destroy()
    assert cluster.status_of(f"{NAMESPACE}/{space}") == 404
    assert cluster.status_of(f"/apis/storage.k8s.io/v1/storageclasses/gp3-{lab.name}") == 404


def test_changes_are_made_in_place_or_by_a_new_object(lab: Lab, cluster: Cluster) -> None:
    space = lab.engine.up(everything(lab)).outputs["namespace"]
    changed = everything(lab, replicas=3, value="b", policy="upsert-only")
    previewed = lab.engine.preview(changed)
    done = lab.engine.up(changed)
    for run in (previewed, done):
        assert run.named("update") == {"web", "dns"}
        assert run.named("replace") == {"map"}, "pods would not notice new data in an old ConfigMap"
    assert done.outputs["available"] == 3
    maps = cluster.request("GET", f"{NAMESPACE}/{space}/configmaps")["items"]
    assert [item["data"] for item in maps if item["metadata"]["name"].startswith("map-")] == [{"k": "b"}]
    back = lab.engine.up(everything(lab))
    assert back.named("update") == {"web", "dns"}
    assert lab.engine.up(everything(lab)).steps == []
    lab.engine.destroy()


def config_map(
    lab: Lab, data: dict[str, str], *, provider: dict[str, Any] | None = None, **more: Any
) -> Callable[[], None]:
    def program() -> None:
        to = lab.options(**(provider or {"enable_config_map_mutable": True}))
        k8s.core.v1.ConfigMap("map", metadata=meta(lab.name, **more), data=data, opts=to)

    return program


def test_what_others_changed_is_seen_and_put_right(lab: Lab, cluster: Cluster) -> None:
    program = config_map(lab, {"k": "a"})
    lab.engine.up(program)
    path = f"{CONFIG_MAPS}/{lab.name}"
    found = cluster.request("GET", path)
    cluster.request("PUT", path, {**found, "data": {"k": "drifted", "other": "o"}})
    lab.engine.refresh(program)
    # Whoever changed it manages the field now: it is not taken from them unasked.
    assert 'conflict with "' in failing(lab.engine, program)
    forced = config_map(lab, {"k": "a"}, annotations={"pulumi.com/patchForce": "true"})
    assert lab.engine.up(forced).named("update") == {"map"}
    assert cluster.request("GET", path)["data"] == {"k": "a", "other": "o"}
    cluster.request("DELETE", path)
    lab.engine.refresh(forced)
    assert lab.engine.up(forced).named("create") == {"map"}
    lab.engine.destroy()


def test_what_is_there_already_is_not_taken_over(lab: Lab, cluster: Cluster) -> None:
    cluster.create(CONFIG_MAPS, "ConfigMap", lab.name, data={"k": "theirs"})
    text = failing(lab.engine, config_map(lab, {"k": "ours"}))
    assert f'configmaps "{lab.name}" already exists' in text
    assert cluster.request("GET", f"{CONFIG_MAPS}/{lab.name}")["data"] == {"k": "theirs"}
    upsert = config_map(lab, {"n": "new"}, provider={"upsert_existing_objects": True})
    assert lab.engine.up(upsert).named("create") == {"map"}
    assert cluster.request("GET", f"{CONFIG_MAPS}/{lab.name}")["data"] == {"k": "theirs", "n": "new"}
    lab.engine.destroy()


def test_an_object_is_imported_with_what_it_has(lab: Lab, cluster: Cluster) -> None:
    cluster.create(CONFIG_MAPS, "ConfigMap", lab.name, data={"k": "theirs"})

    def program() -> None:
        to = pulumi.ResourceOptions.merge(lab.options(), pulumi.ResourceOptions(import_=f"default/{lab.name}"))
        k8s.core.v1.ConfigMap("map", metadata=meta(lab.name, namespace="default"), data={"k": "theirs"}, opts=to)

    assert lab.engine.up(program).named("import") == {"map"}
    assert lab.engine.up(program).steps == []
    lab.engine.destroy()


def test_a_patch_changes_some_fields_and_gives_them_back(lab: Lab, cluster: Cluster) -> None:
    path = f"{CONFIG_MAPS}/{lab.name}"
    cluster.create(CONFIG_MAPS, "ConfigMap", lab.name, data={"k": "theirs"})

    def program() -> None:
        k8s.core.v1.ConfigMapPatch("patch", metadata={"name": lab.name}, data={"n": "ours"}, opts=lab.options())

    lab.engine.up(program)
    assert cluster.request("GET", path)["data"] == {"k": "theirs", "n": "ours"}
    assert lab.engine.up(program).steps == []
    lab.engine.destroy()
    assert cluster.request("GET", path)["data"] == {"k": "theirs"}


def pod(lab: Lab, selector: dict[str, str] | None = None, **opts: Any) -> Callable[[], None]:
    def program() -> None:
        to = pulumi.ResourceOptions.merge(lab.options(), pulumi.ResourceOptions(**opts))
        spec = k8s.core.v1.PodSpecArgs(
            containers=[k8s.core.v1.ContainerArgs(name="c", image="i:1")], node_selector=selector
        )
        created = k8s.core.v1.Pod("pod", metadata=meta(lab.name), spec=spec, opts=to)
        pulumi.export("phase", created.status.phase)

    return program


def test_a_pod_that_does_not_start_is_kept_and_can_be_put_right(lab: Lab, cluster: Cluster) -> None:
    impatient = {"custom_timeouts": pulumi.CustomTimeouts(create="2s")}
    text = failing(lab.engine, pod(lab, {"there": "is-none"}, **impatient))
    assert "Pod" in text
    assert "not scheduled" in text
    assert cluster.status_of(f"{NAMESPACE}/default/pods/{lab.name}") == 200
    assert [r["id"] for r in lab.engine.export() if r["type"].endswith(":Pod")] == [f"default/{lab.name}"]
    assert lab.engine.up(pod(lab)).outputs == {"phase": "Running"}
    lab.engine.destroy()
    assert cluster.status_of(f"{NAMESPACE}/default/pods/{lab.name}") == 404


def test_custom_resources_come_after_their_definition(lab: Lab, cluster: Cluster) -> None:
    group = f"{lab.name}.example.com"

    def program() -> None:
        to = lab.options()
        schema: dict[str, Any] = {"type": "object", "x_kubernetes_preserve_unknown_fields": True}
        version: Any = {"name": "v1", "served": True, "storage": True, "schema": {"open_apiv3_schema": schema}}
        k8s.apiextensions.v1.CustomResourceDefinition(
            "bugs",
            metadata=meta(f"bugs.{group}"),
            spec={
                "group": group,
                "scope": "Cluster",
                "names": {"kind": "Bug", "plural": "bugs"},
                "versions": [version],
            },
            opts=to,
        )
        # On purpose without a dependency: it is tolerated that the definition is still on its way.
        k8s.apiextensions.CustomResource(
            "bug", api_version=f"{group}/v1", kind="Bug", metadata={"name": "b"}, spec={"legs": 6}, opts=to
        )

    lab.engine.up(program)
    assert cluster.request("GET", f"/apis/{group}/v1/bugs/b")["spec"] == {"legs": 6}
    assert lab.engine.up(program).steps == []
    lab.engine.destroy()


def test_an_unknown_field_is_named(lab: Lab) -> None:
    def program() -> None:
        inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": lab.name}, "daata": {"k": "v"}}
        pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "map", inputs, lab.options())

    assert "daata" in failing(lab.engine, program)


@pytest.mark.parametrize(
    ("api_version", "kind", "said"),
    [
        ("example.org/v1", "Nothing", 'no matches for kind "Nothing" in version "example.org/v1"'),
        ("yaml/v2", "ConfigFile", "does not know the resource type kubernetes:yaml/v2:ConfigFile"),
    ],
)
def test_an_unknown_kind_is_named(lab: Lab, api_version: str, kind: str, said: str) -> None:
    def program() -> None:
        k8s.apiextensions.CustomResource(
            "x", api_version=api_version, kind=kind, metadata={"name": "x"}, opts=lab.options()
        )

    assert said in failing(lab.engine, program)


def test_rbac_is_real(lab: Lab) -> None:
    refused = config_map(lab, {}, provider={"kubeconfig": lab.kubeconfig("nobody")})
    assert f'configmaps "{lab.name}" is forbidden: User "nobody"' in failing(lab.engine, refused)


def test_deletion_waits_for_the_finalizer(lab: Lab, cluster: Cluster) -> None:
    path = f"{CONFIG_MAPS}/{lab.name}"
    lab.engine.up(config_map(lab, {"k": "v"}, finalizers=["example.com/hold"]))
    released: list[float] = []

    def release() -> None:
        until(lambda: cluster.request("GET", path)["metadata"].get("deletionTimestamp"), "deletion asked for")
        time.sleep(1)
        found = cluster.request("GET", path)
        released.append(time.monotonic())
        cluster.request("PUT", path, {**found, "metadata": {**found["metadata"], "finalizers": []}})

    thread = threading.Thread(target=release)
    thread.start()
    lab.engine.destroy()
    ended = time.monotonic()
    thread.join()
    assert released
    assert ended > released[0], "destroy did not end before the object was let go"


def test_a_restart_of_the_api_server_is_survived(lab: Lab, cluster: Cluster) -> None:
    (server,) = [process for process in cluster.plane.processes() if process.name == "kube-apiserver"]
    os.kill(server.pid, signal.SIGKILL)
    lab.engine.up(config_map(lab, {"k": "v"}))
    assert cluster.request("GET", f"{CONFIG_MAPS}/{lab.name}")["data"] == {"k": "v"}
    lab.engine.destroy()


def test_only_clusters_on_this_machine_are_entered(lab: Lab) -> None:
    elsewhere = lab.kubeconfig(server="https://ABC.gr7.ap-northeast-2.eks.amazonaws.com")
    text = failing(lab.engine, config_map(lab, {}, provider={"kubeconfig": elsewhere}))
    assert "is not on this machine" in text
    assert lab.times_entered() == 0


def test_a_cluster_that_is_gone_can_be_forgotten(lab: Lab, cluster: Cluster) -> None:
    program = config_map(lab, {"k": "v"})
    lab.engine.up(program)
    # The provider keeps the old way in its state: only the address is made to lead nowhere.
    lab.engine.rewrite(cluster.plane.endpoint, "https://127.0.0.1:1")
    lab.engine.env["PULUMI_K8S_DELETE_UNREACHABLE"] = "true"
    assert "map" in lab.engine.destroy().named("delete")
    assert lab.engine.export() == []
    cluster.request("DELETE", f"{CONFIG_MAPS}/{lab.name}")
