"""What EKS's access policies allow."""

from typing import Any

import pytest

from rehearsal.emulator.eks.access_policies import ARN_PREFIX, POLICIES, Request, allowing, policy_name

CLUSTER: dict[str, Any] = {"type": "cluster", "namespaces": []}


def associated(name: str, scope: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return [{"policyArn": f"{ARN_PREFIX}{name}", "accessScope": scope or CLUSTER}]


def asked(verb: str, resource: str, namespace: str = "dev", group: str = "") -> Request:
    return Request(verb=verb, resource=resource, namespace=namespace, group=group)


VIEWS = [("list", "pods", ""), ("get", "pods/log", ""), ("watch", "deployments", "apps"), ("get", "namespaces", "")]
EDITS = [
    ("create", "pods", ""),
    ("delete", "secrets", ""),
    ("patch", "deployments", "apps"),
    ("create", "pods/exec", ""),
]
ADMINS = [
    ("create", "rolebindings", "rbac.authorization.k8s.io"),
    ("create", "localsubjectaccessreviews", "authorization.k8s.io"),
]
SECRETS = [("get", "secrets", ""), ("list", "secrets", "")]
CLUSTER_WIDE = [
    ("list", "nodes", ""),
    ("get", "clusterroles", "rbac.authorization.k8s.io"),
    ("list", "widgets", "x.io"),
]
CLUSTER_WRITES = [("delete", "nodes", ""), ("create", "namespaces", ""), ("impersonate", "users", "")]


@pytest.mark.parametrize(
    ("policy", "allowed", "not_allowed"),
    [
        ("AmazonEKSClusterAdminPolicy", VIEWS + EDITS + ADMINS + SECRETS + CLUSTER_WIDE + CLUSTER_WRITES, []),
        ("AmazonEKSAdminPolicy", VIEWS + EDITS + ADMINS + SECRETS, CLUSTER_WIDE + CLUSTER_WRITES),
        ("AmazonEKSEditPolicy", VIEWS + EDITS + SECRETS, ADMINS + CLUSTER_WIDE + CLUSTER_WRITES),
        ("AmazonEKSViewPolicy", VIEWS, EDITS + ADMINS + SECRETS + CLUSTER_WIDE + CLUSTER_WRITES),
        ("AmazonEKSAdminViewPolicy", VIEWS + SECRETS + CLUSTER_WIDE, EDITS + ADMINS + CLUSTER_WRITES),
        ("AmazonEKSSecretReaderPolicy", SECRETS, VIEWS + EDITS + ADMINS + CLUSTER_WIDE + CLUSTER_WRITES),
    ],
)
def test_each_policy_allows_what_it_is_documented_to(
    policy: str, allowed: list[tuple[str, str, str]], not_allowed: list[tuple[str, str, str]]
) -> None:
    for verb, resource, group in allowed:
        assert allowing(asked(verb, resource, group=group), associated(policy)) == policy, (verb, resource)
    for verb, resource, group in not_allowed:
        assert allowing(asked(verb, resource, group=group), associated(policy)) is None, (verb, resource)


def test_every_policy_is_in_the_table_above() -> None:
    assert len(POLICIES) == 6


def test_a_resource_of_that_name_in_another_group_is_not_meant() -> None:
    assert allowing(asked("list", "pods", group="metrics.k8s.io"), associated("AmazonEKSViewPolicy")) is None


def test_a_subresource_is_not_its_resource() -> None:
    assert allowing(asked("get", "pods/exec"), associated("AmazonEKSViewPolicy")) is None


@pytest.mark.parametrize(
    ("namespaces", "namespace", "allowed"),
    [
        (["dev"], "dev", True),
        (["dev"], "dev2", False),
        (["dev"], "", False),
        (["dev", "test"], "test", True),
        (["dev-*"], "dev-team", True),
        (["dev-*"], "dev", False),
        (["*"], "kube-system", True),
        (["*"], "", False),
        (["[a-z]"], "a", False),
        (["Dev"], "dev", False),
    ],
)
def test_a_scope_of_namespaces_is_those_namespaces(namespaces: list[str], namespace: str, allowed: bool) -> None:
    scope = {"type": "namespace", "namespaces": namespaces}
    found = allowing(asked("list", "pods", namespace), associated("AmazonEKSViewPolicy", scope))
    assert (found is not None) is allowed


def test_in_a_namespace_even_the_cluster_administrator_has_no_paths() -> None:
    scope = {"type": "namespace", "namespaces": ["*"]}
    path = Request(verb="get", path="/metrics")
    assert allowing(path, associated("AmazonEKSClusterAdminPolicy", scope)) is None
    assert allowing(path, associated("AmazonEKSClusterAdminPolicy"))
    assert allowing(path, associated("AmazonEKSAdminViewPolicy")) is None


def test_one_of_several_policies_is_enough_and_none_is_no_denial() -> None:
    dev = {"type": "namespace", "namespaces": ["dev"]}
    both = associated("AmazonEKSViewPolicy") + associated("AmazonEKSEditPolicy", dev)
    assert allowing(asked("create", "pods", "dev"), both) == "AmazonEKSEditPolicy"
    assert allowing(asked("create", "pods", "test"), both) is None
    assert allowing(asked("list", "pods"), []) is None


def test_an_unknown_policy_allows_nothing() -> None:
    assert policy_name("arn:aws:iam::aws:policy/AmazonEKSViewPolicy") is None
    assert allowing(asked("list", "pods"), [{"policyArn": "AmazonEKSViewPolicy", "accessScope": CLUSTER}]) is None


def test_a_review_is_read() -> None:
    attributes = {"verb": "get", "group": "apps", "resource": "deployments", "subresource": "scale", "namespace": "a"}
    expected = Request(verb="get", group="apps", resource="deployments/scale", namespace="a")
    assert Request.of({"resourceAttributes": attributes}) == expected
    assert Request.of({"nonResourceAttributes": {"verb": "get", "path": "/x"}}) == Request(verb="get", path="/x")
    assert allowing(Request.of({}), associated("AmazonEKSClusterAdminPolicy")) is None
