"""Containers really run: what they are given, what they say, how they end, and what becomes of their pods."""

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.control_planes import Object, until
from tests.rehearsal.kubelet_pods import NAMESPACE, PODS, TOOLS, Kubelet, mentions, nap, running, sleepers

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
    directory = tmp_path_factory.mktemp("runs") / "myeks"
    with running(directory, pod_environment=environment, admission=admission) as made:
        yield made


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
    first = hashlib.sha256(f"{pod['metadata']['uid']}/main/0".encode()).hexdigest()
    assert status["lastState"]["terminated"]["containerID"] != f"containerd://{first}"
    assert status["containerID"] == status["lastState"]["terminated"]["containerID"]
    until(lambda: any(each[0] == "BackOff" for each in _events(kubelet, "again")), "its restarts are told")
    assert kubelet.kubectl("logs", "again", "--previous").stdout == b"run\n"
    assert b"container not found" in kubelet.exec("again", "ls").stderr
    kubelet.delete("again")


def _events(kubelet: Kubelet, pod: str) -> list[tuple[str, str, str]]:
    """What the kubelet told of a pod, in that order: reason, place, message."""
    path = f"/api/v1/namespaces/{NAMESPACE}/events?fieldSelector=involvedObject.name%3D{pod}"
    found = [each for each in kubelet.request("GET", path)["items"] if each["reportingComponent"] == "kubelet"]
    found.sort(key=lambda each: each["metadata"]["name"])
    return [(each["reason"], each["involvedObject"]["fieldPath"], each["message"]) for each in found]


@pytest.mark.parametrize(("name", "image"), [("runs-and-tells", TOOLS), ("is-played-and-tells", "nginx:1.29")])
def test_a_pod_tells_how_it_began(kubelet: Kubelet, name: str, image: str) -> None:
    pod = kubelet.run(name, "sleep", nap(7711), image=image)
    here = "spec.containers{main}"
    expected = [
        ("Pulled", here, f'Container image "{image}" already present on machine and can be accessed by the pod'),
        ("Created", here, "Container created"),
        ("Started", here, "Container started"),
    ]
    until(lambda: _events(kubelet, name) == expected, "its beginning is told")
    described = until(lambda: _described(kubelet, name, "Scheduled"), "its scheduling is told")
    assert f"Successfully assigned {NAMESPACE}/{name} to" in described
    assert re.fullmatch(r"containerd://[0-9a-f]{64}", pod["status"]["containerStatuses"][0]["containerID"])
    kubelet.delete(name)


def _described(kubelet: Kubelet, pod: str, word: str) -> str:
    told = kubelet.kubectl("describe", "pod", pod).stdout.decode()
    return told if word in told.partition("Events:")[2] else ""


def test_an_image_that_would_be_pulled_is_told_to_be(kubelet: Kubelet) -> None:
    kubelet.run("pulls", "sleep", nap(7710), image="amazon/aws-cli:latest")
    until(lambda: len(_events(kubelet, "pulls")) == 4, "its beginning is told")
    first, second = [each[2] for each in _events(kubelet, "pulls")[:2]]
    assert first == 'Pulling image "amazon/aws-cli:latest"'
    assert second.startswith('Successfully pulled image "amazon/aws-cli:latest" in 0s')
    kubelet.delete("pulls")


def test_a_container_waits_for_what_it_needs(kubelet: Kubelet) -> None:
    env = [{"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "late", "key": "word"}}}]
    kubelet.run("waits", "sh", "-c", "echo $WORD", policy="Never", container={"env": env})
    pod = kubelet.until_pod("waits", lambda pod: "waiting" in pod["status"]["containerStatuses"][0]["state"])
    waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'secret "late" not found'}
    assert not pod["status"]["containerStatuses"][0].get("containerID")
    wanted = ("Failed", "spec.containers{main}", 'Error: secret "late" not found')
    until(lambda: wanted in _events(kubelet, "waits"), "its failure is told")
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
    kubelet.run("goes", "sh", "-c", f"(setsid sleep {nap(7705)} &); sleep {nap(7706)}")
    client = subprocess.Popen(
        kubelet.command("exec", "goes", "--", "sleep", nap(7707)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until(lambda: len(sleepers(7705, 7706, 7707)) == 3, "all run")
    uid = kubelet.pod("goes")["metadata"]["uid"]
    kubelet.delete("goes")
    until(lambda: not mentions(7705, 7706, 7707), "no process left")
    assert client.wait(20) != 0
    until(lambda: not (kubelet.plane.spec.dir / "pods" / uid).exists(), "files removed")


def test_a_pod_of_the_same_name_is_another_pod(kubelet: Kubelet) -> None:
    for text in ("first", "second"):
        kubelet.run("again-and-again", "sh", "-c", f"echo {text}; sleep {nap(7708)}")
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


def test_a_restarted_api_server_finds_its_pods_as_they_were(kubelet: Kubelet) -> None:
    kubelet.run("stays", "sh", "-c", f"echo began; sleep {nap(7709)}")
    until(lambda: sleepers(7709), "it runs")
    before = mentions(7709)
    (server,) = [process for process in kubelet.plane.processes() if process.name == "kube-apiserver"]
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: kubelet.exec("stays", "true").returncode == 0, "exec works again", 30)
    assert mentions(7709) == before
    assert kubelet.kubectl("logs", "stays").stdout == b"began\n"
    # The watch is taken up again: a new pod runs, a deleted one ends.
    kubelet.run("new", "sh", "-c", "echo new", policy="Never")
    kubelet.until_pod("new", lambda pod: pod["status"]["phase"] == "Succeeded")
    for name in ("stays", "new"):
        kubelet.delete(name)
    until(lambda: not mentions(7709), "no process left")
