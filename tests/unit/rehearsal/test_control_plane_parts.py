"""The parts of a control plane that can be judged without starting it."""

import dataclasses
import socket
import stat
import sys
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.cluster.control_plane import (
    ControlPlane,
    ControlPlaneError,
    ControlPlaneSpec,
    NodeSpec,
    Taint,
    audit,
    bootstrap,
    settings,
)
from rehearsal.cluster.control_plane.certificates import service_address
from rehearsal.cluster.control_plane.manifests import path_of
from rehearsal.cluster.control_plane.pki import Authority, token_key
from rehearsal.cluster.control_plane.processes import tail
from rehearsal.cluster.ports import Port

NODE = NodeSpec(
    name="ip-192-168-1-10.ap-northeast-2.compute.internal",
    instance_id="i-0123456789abcdef0",
    instance_type="t3.medium",
    zone="ap-northeast-2a",
    region="ap-northeast-2",
    internal_ip="192.168.1.10",
)


def spec(directory: Path) -> ControlPlaneSpec:
    return ControlPlaneSpec(
        cluster_name="myeks",
        region="ap-northeast-2",
        version="1.36",
        issuer="https://oidc.example/id/1",
        service_cidr="172.20.0.0/16",
        dir=directory,
        bin_dir=directory,
        authn_webhook_url="http://127.0.0.1:1/s",
        authz_webhook_url="http://127.0.0.1:1/s",
    )


def test_a_node_says_only_what_is_known_of_it() -> None:
    found = NODE.manifest("v1.36.3-eks-rehearsal")
    labels = found["metadata"]["labels"]
    assert not any(name.startswith("eks.amazonaws.com/") for name in labels)
    assert "topology.k8s.aws/zone-id" not in labels
    assert "" not in labels.values()
    assert [a["type"] for a in found["status"]["addresses"]] == [
        "InternalIP",
        "InternalDNS",
        "Hostname",
    ]
    assert found["spec"] == {"providerID": "aws:///ap-northeast-2a/i-0123456789abcdef0"}
    assert found["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] == 10250


def test_a_managed_node_with_everything() -> None:
    node = dataclasses.replace(
        NODE,
        region="us-east-1",
        external_ip="54.1.2.3",
        nodegroup="ng1",
        capacity_type="SPOT",
        launch_template_id="lt-1",
        launch_template_version="2",
        pod_cidr="192.168.1.128/25",
        labels={"team": "a", "kubernetes.io/hostname": "forged"},
        taints=(Taint("dedicated", "NoSchedule", "gpu"), Taint("bare", "NoExecute")),
    )
    found = node.manifest("v1.36.3-eks-rehearsal")
    labels = found["metadata"]["labels"]
    assert labels["eks.amazonaws.com/capacityType"] == "SPOT"
    assert labels["eks.amazonaws.com/sourceLaunchTemplateVersion"] == "2"
    assert labels["team"] == "a"
    assert labels["kubernetes.io/hostname"] == NODE.name, "a node group's label is no node's name"
    assert found["spec"]["podCIDRs"] == ["192.168.1.128/25"]
    assert found["spec"]["taints"] == [
        {"key": "dedicated", "effect": "NoSchedule", "value": "gpu"},
        {"key": "bare", "effect": "NoExecute"},
    ]
    dns = next(a["address"] for a in found["status"]["addresses"] if a["type"] == "ExternalDNS")
    assert dns == "ec2-54-1-2-3.compute-1.amazonaws.com"


@pytest.mark.parametrize(("cpu", "left"), [(1, "940m"), (2, "1930m"), (4, "3920m"), (8, "7910m"), (96, "95690m")])
def test_what_the_kubelet_reserves_of_the_processors(cpu: int, left: str) -> None:
    status = dataclasses.replace(NODE, cpu=cpu).manifest("v")["status"]
    assert status["allocatable"]["cpu"] == left


def test_a_t3_medium_has_what_a_real_one_reports() -> None:
    status = NODE.manifest("v")["status"]
    assert status["capacity"]["ephemeral-storage"] == "20959212Ki"
    assert status["allocatable"]["ephemeral-storage"] == "18242267955"
    assert 3_900_000 < int(status["capacity"]["memory"].removesuffix("Ki")) < 3_950_000


@given(
    cpu=st.integers(1, 448),
    memory=st.integers(2048, 24_000_000),
    disk=st.integers(8, 16_384),
    pods=st.integers(4, 110),
)
def test_no_node_can_give_more_than_it_has(cpu: int, memory: int, disk: int, pods: int) -> None:
    node = dataclasses.replace(NODE, cpu=cpu, memory_mib=memory, disk_gib=disk, max_pods=pods)
    status = node.manifest("v")["status"]
    capacity, allocatable = status["capacity"], status["allocatable"]
    assert 0 < int(allocatable["cpu"].removesuffix("m")) < int(capacity["cpu"]) * 1000
    assert 0 < int(allocatable["memory"].removesuffix("Ki")) < int(capacity["memory"].removesuffix("Ki"))
    disk_bytes = int(capacity["ephemeral-storage"].removesuffix("Ki")) * 1024
    assert 0 < int(allocatable["ephemeral-storage"]) < disk_bytes
    assert allocatable["pods"] == capacity["pods"] == str(pods)


def test_the_authority_signs_for_names_and_groups(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "myeks")
    root = x509.load_pem_x509_certificate(authority.pem)
    certificate, key = authority.client("admin", "someone", ["system:masters"])
    client = x509.load_pem_x509_certificate(certificate.read_bytes())
    client.verify_directly_issued_by(root)
    assert client.subject.rfc4514_string() == "CN=someone,O=system:masters"
    served = authority.server("api", "api", ["127.0.0.1", "kubernetes.default"])[0]
    server = x509.load_pem_x509_certificate(served.read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(n.value) for n in names] == ["127.0.0.1", "kubernetes.default"]
    for file in (key, authority.key_file, token_key(tmp_path)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_cluster_has_its_own_encryption_key(tmp_path: Path) -> None:
    keys = [settings.encryption(tmp_path / name, None).read_text() for name in ("one", "two")]
    assert keys[0] != keys[1]
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600


def decided(
    verb: str, resource: str, group: str = "", *, user: str = "someone", name: str = "x", namespace: str = "kube-system"
) -> tuple[str, list[str]]:
    """Level and omitted stages of a request for a resource, read from the rules as Kubernetes' audit documents say."""
    for rule in audit.rules():
        groups = [each for each in rule.get("resources", []) if each["group"] == group]
        fits = [
            each
            for each in groups
            if (not each.get("resources") or resource in each["resources"])
            and (not each.get("resourceNames") or name in each["resourceNames"])
        ]
        if "nonResourceURLs" in rule or (rule.get("resources") and not fits) or "userGroups" in rule:
            continue
        if verb not in rule.get("verbs", [verb]) or user not in rule.get("users", [user]):
            continue
        if namespace in rule.get("namespaces", [namespace]):
            return rule["level"], rule.get("omitStages", [])
    raise AssertionError("no rule")


def test_the_audit_policy_is_eks_s() -> None:
    """EKS Best Practices Guide, "Detective Controls", as of 2026-05-04."""
    no_receipt = ["RequestReceived"]
    assert decided("patch", "configmaps", name="aws-auth") == ("RequestResponse", no_receipt)
    assert decided("create", "configmaps", name="aws-auth") == ("Metadata", no_receipt), "creation is not in the rule"
    assert decided("patch", "configmaps", name="aws-auth", namespace="default") == ("Metadata", no_receipt)
    for verb in ("get", "create", "patch", "delete"):
        assert decided(verb, "secrets") == ("Metadata", no_receipt), "never a Secret's content"
    assert decided("create", "tokenreviews", "authentication.k8s.io") == ("Metadata", no_receipt)
    assert decided("create", "serviceaccounts/token") == ("Request", []), "every stage of it"
    assert decided("list", "pods") == ("Request", no_receipt)
    assert decided("create", "pods/exec") == ("RequestResponse", no_receipt)
    assert decided("patch", "clusterroles", "rbac.authorization.k8s.io") == ("RequestResponse", no_receipt)
    assert decided("create", "leases", "coordination.k8s.io") == ("Metadata", no_receipt), "a group that is not named"
    assert decided("create", "events")[0] == "None"
    assert decided("patch", "pods/status", user="kwok") == ("Request", no_receipt)
    assert decided("get", "nodes", user="kubelet")[0] == "None"


def test_the_kubernetes_service_has_the_first_address(tmp_path: Path) -> None:
    assert service_address(spec(tmp_path)) == "172.20.0.1"


def test_a_port_is_kept_while_its_program_is_away() -> None:
    port = Port()
    # Elsewhere a port is only known to have been free.
    if sys.platform == "linux":
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port.number))
    with socket.socket() as program:
        program.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        program.bind(("127.0.0.1", port.number))
        program.listen()
    port.release()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port.number))


def test_what_eks_brings_has_a_place_in_the_api() -> None:
    paths = [path_of(manifest) for manifest in bootstrap.manifests()]
    assert "/apis/storage.k8s.io/v1/storageclasses/gp2" in paths
    assert "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/roles/eks:authenticator" in paths
    assert len(paths) == len(set(paths)) == 7


def test_a_log_is_shown_by_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_text("\n".join(str(n) for n in range(100)))
    assert tail(log, 3) == "97\n98\n99"


def test_what_is_not_running_says_so(tmp_path: Path) -> None:
    plane = ControlPlane(spec(tmp_path))
    assert plane.processes() == []
    with pytest.raises(ControlPlaneError, match="The control plane of myeks is not running"):
        _ = plane.client
