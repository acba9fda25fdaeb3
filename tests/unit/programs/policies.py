"""A small policy and an API server that answers from a table, for the plug-ins' tests."""

import json
from collections.abc import Mapping
from typing import Any

from operations.rbac.cluster_reader import Reader
from operations.rbac.evaluator import Evaluator
from operations.rbac.objects import Policy


def role(name: str, *rules: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"kind": "Role" if namespace else "ClusterRole", "metadata": metadata, "rules": list(rules)}


def rule(verbs: str, resources: str, groups: tuple[str, ...] = ("",), names: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "verbs": verbs.split(),
        "apiGroups": list(groups),
        "resources": resources.split(),
        "resourceNames": list(names),
    }


def binding(
    name: str, role_kind: str, role_name: str, *subjects: tuple[str, str, str], namespace: str = ""
) -> dict[str, Any]:
    return {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "roleRef": {"kind": role_kind, "name": role_name},
        "subjects": [{"kind": kind, "name": one, "namespace": place} for kind, one, place in subjects],
    }


MASTERS = ("Group", "system:masters", "")
DEV = ("ServiceAccount", "dev-k8s", "dev-team")
ALICE = ("User", "alice", "")
OBJECTS = [
    role("cluster-admin", rule("*", "*", ("*",)), {"verbs": ["*"], "nonResourceURLs": ["*"], "apiGroups": []}),
    role("reader", rule("list get", "pods pods/log"), rule("get", "configmaps", names=("one", "two"))),
    role("events", rule("create", "events", ("", "events.k8s.io"))),
    role("role-dev-team", rule("*", "*", ("*",)), namespace="dev-team"),
    binding("cluster-admin", "ClusterRole", "cluster-admin", MASTERS),
    binding("read", "ClusterRole", "reader", ALICE, namespace="dev-team"),
    binding("events", "ClusterRole", "events", ALICE),
    binding("roleB-dev-team", "Role", "role-dev-team", DEV, namespace="dev-team"),
    binding("lost", "ClusterRole", "no-such-role", ("User", "bob", "")),
    binding("empty", "Role", "no-such-role", ("User", "bob", ""), namespace="nothing-here"),
]
POLICY = Policy.of(OBJECTS)
EVALUATOR = Evaluator(POLICY)


def answering(answers: Mapping[str, tuple[int, Any]]) -> Reader:
    """A reader of these answers by path; everything else is not found."""

    def send(_method: str, path: str, _headers: Mapping[str, str], _body: Any) -> tuple[int, bytes]:
        status, content = answers.get(path, (404, {"message": "not found"}))
        return status, json.dumps(content).encode()

    return Reader.by(send)
