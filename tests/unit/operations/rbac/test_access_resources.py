"""Which resource a person means, and the matrix of resources and verbs."""

from collections.abc import Sequence
from typing import Any

import pytest

from grading.requests import ResourceRequest
from operations.rbac.api_resources import VERBS, Catalogue, UnknownResource
from operations.rbac.evaluator import Evaluator
from operations.rbac.identities import Identity
from operations.rbac.matrix import matrix
from operations.rbac.objects import Binding, Policy, Role, Rule, Subject


def served(
    plural: str, kind: str, *, scope: str = "Namespaced", verbs: Sequence[str] = VERBS, **more: Any
) -> dict[str, Any]:
    return {
        "resource": plural,
        "responseKind": {"kind": kind},
        "scope": scope,
        "singularResource": kind.lower(),
        "verbs": list(verbs),
        **more,
    }


def group(name: str, *versions: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {"name": name} if name else {}
    return {
        "metadata": metadata,
        "versions": [{"version": f"v{n}", "resources": one} for n, one in enumerate(versions)],
    }


CATALOGUE = Catalogue.of(
    [
        {
            "items": [
                group(
                    "",
                    [
                        served(
                            "pods",
                            "Pod",
                            shortNames=["po"],
                            subresources=[{"subresource": "exec", "verbs": ["create"]}],
                        ),
                        served("events", "Event", shortNames=["ev"]),
                        served("nodes", "Node", scope="Cluster"),
                        served("secrets", "Secret"),
                    ],
                )
            ]
        },
        {
            "items": [
                group(
                    "apps",
                    [
                        served(
                            "deployments", "Deployment", shortNames=["deploy"], subresources=[{"subresource": "scale"}]
                        )
                    ],
                    [served("deployments", "Deployment", verbs=["get"])],
                ),
                group("events.k8s.io", [served("events", "Event", shortNames=["ev"])]),
            ]
        },
    ]
)


@pytest.mark.parametrize(
    ("text", "name", "group_", "subresource"),
    [
        ("pods", "pods", "", ""),
        ("pod", "pods", "", ""),
        ("Pod", "pods", "", ""),
        ("po", "pods", "", ""),
        ("deploy", "deployments", "apps", ""),
        ("deployments.apps", "deployments", "apps", ""),
        ("deploy.apps/scale", "deployments", "apps", "scale"),
        ("pods/exec", "pods", "", "exec"),
        ("pods/*", "pods", "", "*"),
        ("events", "events", "", ""),
        ("events.", "events", "", ""),
        ("events.events.k8s.io", "events", "events.k8s.io", ""),
        ("nodes/metrics", "nodes", "", "metrics"),
        ("users", "users", "", ""),
        ("signers.certificates.k8s.io", "signers", "certificates.k8s.io", ""),
        ("*", "*", "*", ""),
        ("*.apps", "*", "apps", ""),
        ("*/scale", "*", "*", "scale"),
    ],
)
def test_names_as_kubectl_reads_them(text: str, name: str, group_: str, subresource: str) -> None:
    meant = CATALOGUE.find(text)
    assert (meant.resource.name, meant.resource.group, meant.subresource) == (name, group_, subresource)


@pytest.mark.parametrize(
    "text", ["podz", "pods.apps", "deployments.extensions", "", "deploy.", "po/exek", "nodes/exec", "deploy/my-app"]
)
def test_what_the_server_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(UnknownResource, match="has no"):
        CATALOGUE.find(text)


def test_the_preferred_version_tells_about_a_resource() -> None:
    assert len(CATALOGUE.find("deployments").resource.verbs) == len(VERBS)
    assert len([one for one in CATALOGUE.resources if one.name == "deployments"]) == 1


def test_a_name_that_groups_share_is_told() -> None:
    assert [one.full_name for one in CATALOGUE.find("ev").others] == ["events.events.k8s.io"]
    assert CATALOGUE.find("ev.events.k8s.io").others == ()


def test_resources_by_where_they_are() -> None:
    assert [one.full_name for one in CATALOGUE.scoped(namespaced=False)] == ["nodes"]
    assert [one.full_name for one in CATALOGUE.scoped(namespaced=True)] == [
        "events",
        "pods",
        "secrets",
        "deployments.apps",
        "events.events.k8s.io",
    ]


ALICE = Subject("User", "alice")
EVALUATOR = Evaluator(
    Policy(
        (
            Role(
                "Role",
                "r",
                "dev-team",
                (Rule(("get", "list"), ("",), ("pods",)), Rule(("get",), ("",), ("secrets",), ("a",))),
            ),
            Role("ClusterRole", "c", "", (Rule(("*",), ("",), ("pods/exec", "nodes")),)),
        ),
        (
            Binding("RoleBinding", "b", "dev-team", "Role", "r", (ALICE,)),
            Binding("ClusterRoleBinding", "c", "", "ClusterRole", "c", (ALICE,)),
        ),
    )
)


def rows(namespace: str, **options: Any) -> dict[str, dict[str, str]]:
    resources = CATALOGUE.scoped(namespaced=bool(namespace))
    made = matrix(EVALUATOR, Identity.of(ALICE), resources, namespace, **options)
    return {row.resource: dict(zip(VERBS, row.cells, strict=True)) for row in made}


def test_the_matrix_shows_what_is_allowed_where() -> None:
    inside, outside = rows("dev-team"), rows("default")
    assert {verb for verb, cell in inside["pods"].items() if cell == "yes"} == {"get", "list"}
    assert inside["secrets"]["get"] == "some names"
    assert inside["secrets"]["list"] == inside["pods"]["create"] == "no"
    assert set(outside["pods"].values()) == set(outside["secrets"].values()) == {"no"}
    assert set(rows("")["nodes"].values()) == {"yes"}
    assert "pods" not in rows("")


def test_subresources_have_rows_of_their_own_with_the_verbs_they_have() -> None:
    made = rows("dev-team", subresources=True)
    assert made["pods/exec"]["create"] == "yes"
    assert made["pods/exec"]["get"] == "no such verb"
    assert made["deployments/scale.apps"]["get"] == "no such verb"
    assert "pods/exec" not in rows("dev-team")


def test_only_what_rbac_does_not_allow_is_asked_of_the_server() -> None:
    asked: list[ResourceRequest] = []

    def ask(requests: Sequence[ResourceRequest]) -> list[bool]:
        asked.extend(requests)
        return [one.verb in ("create", "get") for one in requests]

    made = rows("dev-team", ask=ask)
    assert (made["pods"]["get"], made["pods"]["create"], made["pods"]["delete"]) == ("yes", "beyond RBAC", "no")
    assert made["secrets"]["get"] == "beyond RBAC"
    assert ResourceRequest("get", "", "pods", namespace="dev-team") not in asked
    assert {one.namespace for one in asked} == {"dev-team"}
