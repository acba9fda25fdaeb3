"""The real control plane answers as EKS's does, heals, and leaves nothing."""

import base64
import dataclasses
import json
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import urllib3

from rehearsal.cluster.control_plane import ApiError, ControlPlane, ControlPlaneError
from tests.rehearsal.control_planes import (
    ISSUER,
    REGION,
    Cluster,
    Loop,
    Object,
    node,
    serving,
    spec,
    until,
)

PODS = "/api/v1/namespaces/default/pods"
CONTAINERS: Object = {"containers": [{"name": "main", "image": "anything:1"}]}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    loop = Loop()
    with serving() as webhooks:
        plane = ControlPlane(spec(tmp_path_factory.mktemp("plane") / "myeks", webhooks.url))
        loop.run(plane.start())
        try:
            made = Cluster(plane, loop, webhooks)
            for number in (1, 2, 3):
                loop.run(plane.add_node(node(number)))
            until(lambda: made.status_of(f"{PODS[:-5]}/serviceaccounts/default") == 200, "default account")
            yield made
        finally:
            loop.run(plane.stop())
            loop.close()


def ask(cluster: Cluster, path: str, token: str = "", body: Object | None = None) -> tuple[int, Any]:
    """Status and answer of a request with a bearer token, or with no credentials at all."""
    ca = base64.b64decode(cluster.plane.ca_data).decode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib3.PoolManager(ca_cert_data=ca, retries=False) as pool:
        method = "POST" if body else "GET"
        answer = pool.request(method, cluster.plane.endpoint + path, headers=headers, json=body)
    return answer.status, json.loads(answer.data) if answer.data[:1] == b"{" else answer.data.decode()


def account_token(cluster: Cluster) -> str:
    path = f"{PODS[:-5]}/serviceaccounts/default/token"
    answer = cluster.request("POST", path, {"kind": "TokenRequest", "spec": {"expirationSeconds": 600}})
    return answer["status"]["token"]


def segment(token: str, number: int) -> Object:
    part = token.split(".")[number]
    return cast("Object", json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def test_nodes_are_ready_and_look_like_eks_nodes(cluster: Cluster) -> None:
    names = {node(number).name for number in (1, 2, 3)}
    until(lambda: set(cluster.loop.run(cluster.plane.ready_nodes())) == names, "three nodes Ready")
    found = cluster.request("GET", f"/api/v1/nodes/{node(2).name}")
    labels = found["metadata"]["labels"]
    assert labels["node.kubernetes.io/instance-type"] == "t3.medium"
    assert labels["topology.kubernetes.io/zone"] == f"{REGION}b"
    assert labels["eks.amazonaws.com/nodegroup"] == "ng1"
    assert labels["eks.amazonaws.com/capacityType"] == "ON_DEMAND"
    assert labels["team"] == "study"
    assert found["spec"]["providerID"] == f"aws:///{REGION}b/i-0123456789abcdef2"
    assert {a["type"]: a["address"] for a in found["status"]["addresses"]} == {
        "InternalIP": "192.168.2.10",
        "ExternalIP": "13.125.1.2",
        "InternalDNS": node(2).name,
        "Hostname": node(2).name,
        "ExternalDNS": f"ec2-13-125-1-2.{REGION}.compute.amazonaws.com",
    }
    assert found["status"]["capacity"]["pods"] == "100"
    assert found["status"]["nodeInfo"]["osImage"] == "Amazon Linux 2023"
    assert found["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.36.")
    assert "-eks-" in found["status"]["nodeInfo"]["kubeletVersion"]


def test_ready_nodes_lose_the_taint_of_those_that_are_not(cluster: Cluster) -> None:
    def untainted() -> bool:
        nodes = cluster.loop.run(cluster.plane.nodes())
        return all("taints" not in found["spec"] for found in nodes)

    until(untainted, "no taint on ready nodes")


def test_a_pod_runs_on_a_node_and_goes_when_it_is_deleted(cluster: Cluster) -> None:
    cluster.create(PODS, "Pod", "runs", spec=CONTAINERS)

    def running() -> Object | None:
        pod = cluster.request("GET", f"{PODS}/runs")
        return pod if pod["status"].get("phase") == "Running" else None

    pod = until(running, "pod Running")
    host = next(n for n in (node(1), node(2), node(3)) if n.name == pod["spec"]["nodeName"])
    assert pod["status"]["hostIP"] == host.internal_ip
    assert pod["status"]["podIP"]
    assert pod["status"]["containerStatuses"][0]["ready"] is True
    # The API server finds the node's kubelet, though there are no logs of this image to be had.
    with pytest.raises(ApiError, match="does not play image anything:1"):
        cluster.request("GET", f"{PODS}/runs/log")
    cluster.request("DELETE", f"{PODS}/runs")
    until(lambda: cluster.status_of(f"{PODS}/runs") == 404, "pod gone")


@pytest.mark.parametrize(("sleeps", "grace"), [(4, 70), (60, 4)], ids=["its own time", "the grace period of a request"])
def test_a_hook_that_sleeps_holds_the_pods_end(cluster: Cluster, sleeps: int, grace: int) -> None:
    hook = {"preStop": {"sleep": {"seconds": sleeps}}}
    containers = [{**CONTAINERS["containers"][0], "lifecycle": hook}]
    path = f"{PODS}/lingers-{sleeps}"
    spec_ = {"containers": containers, "terminationGracePeriodSeconds": 70}
    cluster.create(PODS, "Pod", f"lingers-{sleeps}", spec=spec_)
    until(lambda: cluster.request("GET", path)["status"].get("phase") == "Running", "pod Running")
    began = time.monotonic()
    cluster.request("DELETE", path, {"gracePeriodSeconds": grace})
    until(lambda: cluster.status_of(path) == 404, "pod gone")
    # The API server tells the time of the deletion in whole seconds.
    assert 2.5 <= time.monotonic() - began < 20


def test_a_job_completes(cluster: Cluster) -> None:
    jobs = "/apis/batch/v1/namespaces/default/jobs"
    template = {"spec": {**CONTAINERS, "restartPolicy": "Never"}}
    cluster.create(jobs, "Job", "works", spec={"template": template})
    status = until(lambda: cluster.request("GET", f"{jobs}/works")["status"].get("succeeded"), "job complete")
    assert status == 1
    cluster.request("DELETE", f"{jobs}/works?propagationPolicy=Background")


def test_a_node_goes_with_its_pods(cluster: Cluster) -> None:
    extra = dataclasses.replace(node(1), name="extra", labels={"only": "extra"})
    cluster.loop.run(cluster.plane.add_node(extra))
    cluster.create(PODS, "Pod", "bound", spec={**CONTAINERS, "nodeSelector": {"only": "extra"}})
    until(lambda: cluster.request("GET", f"{PODS}/bound")["status"].get("podIP"), "pod on the extra node")
    cluster.loop.run(cluster.plane.remove_node("extra"))
    assert cluster.status_of("/api/v1/nodes/extra") == 404
    assert cluster.status_of(f"{PODS}/bound") == 404
    cluster.loop.run(cluster.plane.remove_node("extra"))


def test_what_eks_puts_into_a_cluster_is_there(cluster: Cluster) -> None:
    cluster.loop.run(cluster.plane.settle())
    gp2 = cluster.request("GET", "/apis/storage.k8s.io/v1/storageclasses/gp2")
    assert gp2["provisioner"] == "kubernetes.io/aws-ebs"
    assert gp2["volumeBindingMode"] == "WaitForFirstConsumer"
    assert "storageclass.kubernetes.io/is-default-class" not in gp2["metadata"].get("annotations", {})
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    binding = cluster.request("GET", f"{rbac}/clusterrolebindings/eks:node-bootstrapper")
    assert [s["name"] for s in binding["subjects"]] == ["system:bootstrappers", "system:nodes"]
    rules = cluster.request("GET", f"{rbac}/clusterroles/eks:node-bootstrapper")["rules"]
    assert rules[0]["resources"] == ["certificatesigningrequests/selfnodeserver"]


def test_nobody_enters_anonymously_but_health_answers(cluster: Cluster) -> None:
    assert [ask(cluster, path)[0] for path in ("/readyz", "/livez", "/healthz")] == [200, 200, 200]
    assert [ask(cluster, path)[0] for path in ("/version", "/api", "/api/v1/pods")] == [401, 401, 401]


def test_a_token_is_judged_by_the_webhook(cluster: Cluster) -> None:
    review: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    cluster.webhooks.users["k8s-aws-v1.known"] = ("testuser", ["team"])
    status, answer = ask(cluster, path, "k8s-aws-v1.known", review)
    assert status == 201
    assert answer["status"]["userInfo"]["username"] == "testuser"
    assert set(answer["status"]["userInfo"]["groups"]) == {"team", "system:authenticated"}
    assert ask(cluster, path, "k8s-aws-v1.unknown", review)[0] == 401
    asked = [r for r in cluster.webhooks.asked if r["kind"] == "TokenReview"]
    assert asked[-1]["spec"]["audiences"] == ["https://kubernetes.default.svc"]
    # Who was refused is let in as soon as there is a mapping: refusals are not remembered.
    cluster.webhooks.users["k8s-aws-v1.unknown"] = ("testuser", [])
    assert ask(cluster, path, "k8s-aws-v1.unknown", review)[0] == 201


def test_access_policies_are_asked_by_webhook_for_every_request(cluster: Cluster) -> None:
    cluster.webhooks.users["viewer"] = ("viewer", [])
    assert ask(cluster, "/api/v1/nodes", "viewer")[0] == 403
    cluster.webhooks.allowed.add(("viewer", "list", "nodes"))
    assert ask(cluster, "/api/v1/nodes", "viewer")[0] == 200
    assert ask(cluster, "/api/v1/pods", "viewer")[0] == 403
    cluster.webhooks.allowed.clear()
    assert ask(cluster, "/api/v1/nodes", "viewer")[0] == 403


def test_rbac_still_counts_when_the_webhook_fails(cluster: Cluster) -> None:
    cluster.webhooks.users["admin"] = ("someone", ["platform"])
    binding = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "platform"}],
    }
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    cluster.create(path, "ClusterRoleBinding", "platform", **binding)
    until(lambda: ask(cluster, "/api/v1/pods", "admin")[0] == 200, "view role bound")
    cluster.webhooks.broken = True
    try:
        # The token is remembered for ten seconds; the failing webhook is the access policies'.
        assert ask(cluster, "/api/v1/pods", "admin")[0] == 200
        assert ask(cluster, "/api/v1/nodes", "admin")[0] != 200
    finally:
        cluster.webhooks.broken = False


def test_service_account_tokens_are_as_on_eks(cluster: Cluster) -> None:
    token = account_token(cluster)
    assert segment(token, 0)["alg"] == "RS256"
    claims = segment(token, 1)
    assert claims["iss"] == ISSUER
    assert claims["aud"] == ["https://kubernetes.default.svc"]
    assert claims["sub"] == "system:serviceaccount:default:default"
    asked = len(cluster.webhooks.asked)
    assert ask(cluster, PODS, token)[0] == 403
    # Kubernetes' own identities have no access entry; nobody need be asked about them.
    assert len(cluster.webhooks.asked) == asked
    found = ask(cluster, "/.well-known/openid-configuration", token)[1]
    assert found["issuer"] == ISSUER
    assert found["jwks_uri"] == f"{ISSUER}/keys"
    assert segment(token, 0)["kid"] in {k["kid"] for k in ask(cluster, "/openid/v1/jwks", token)[1]["keys"]}


def test_nobody_else_on_the_machine_can_look_inside(cluster: Cluster) -> None:
    directory = cluster.plane.spec.dir
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    private = [
        *directory.glob("*.json"),
        *directory.glob("*.kubeconfig"),
        *(file for file in directory.glob("pki/**/*") if file.is_file()),
    ]
    assert len(private) > 15
    assert {stat.S_IMODE(file.stat().st_mode) for file in private} == {0o600}
    for info in cluster.plane.processes():
        assert set(listening(info.pid)) <= {"127.0.0.1"}, info.name
    # The API server's port alone; the kubelet's is in our own process, and asks for a certificate.
    assert sum(len(listening(info.pid)) for info in cluster.plane.processes()) == 1


def listening(pid: int) -> list[str]:
    """IPv4 and IPv6 addresses on which a process listens."""
    inodes = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found: list[str] = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                raw = bytes.fromhex(fields[1].split(":")[0])
                ipv4 = socket.inet_ntop(socket.AF_INET, raw[::-1])
                found.append(ipv4 if table == "tcp" else fields[1])
    return found


def test_five_processes_are_alive_and_small(cluster: Cluster) -> None:
    found = cluster.plane.processes()
    assert {p.name for p in found} == {
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kwok",
    }
    assert all(p.alive and p.rss_bytes > 10 << 20 for p in found)
    assert sum(p.rss_bytes for p in found) < 650 << 20


@pytest.mark.parametrize("name", ["kube-apiserver", "etcd", "kube-controller-manager", "kwok"])
def test_a_killed_process_comes_back_with_its_data(cluster: Cluster, name: str) -> None:
    keep, token = f"kept-{name}", account_token(cluster)
    cluster.create("/api/v1/namespaces/default/configmaps", "ConfigMap", keep, data={"still": "here"})
    endpoint = cluster.plane.endpoint
    before = next(p for p in cluster.plane.processes() if p.name == name)
    os.kill(before.pid, signal.SIGKILL)

    def back() -> bool:
        after = next(p for p in cluster.plane.processes() if p.name == name)
        return after.alive and after.pid != before.pid

    until(back, f"{name} restarted")

    def answers() -> Object | None:
        try:
            return cluster.request("GET", f"/api/v1/namespaces/default/configmaps/{keep}")
        except ControlPlaneError:
            return None

    assert until(answers, "API server answers", 30)["data"] == {"still": "here"}
    assert cluster.plane.endpoint == endpoint
    pod = f"after-{name}"

    def created() -> bool:
        try:
            cluster.create(PODS, "Pod", pod, spec=CONTAINERS)
        except ControlPlaneError:
            return False
        return True

    until(created, "pod accepted", 30)
    until(lambda: cluster.request("GET", f"{PODS}/{pod}")["status"].get("podIP"), "pod runs again", 30)
    # Tokens from before are good, and new ones can be had: 403, as nobody has allowed them anything.
    assert [ask(cluster, PODS, each)[0] for each in (token, account_token(cluster))] == [403, 403]


def test_no_two_in_one_directory(cluster: Cluster) -> None:
    second = ControlPlane(cluster.plane.spec)
    with pytest.raises(ControlPlaneError, match="holds another control plane's files"):
        cluster.loop.run(second.start())
    assert cluster.status_of("/readyz") == 200
    assert cluster.plane.admin_kubeconfig.exists()
