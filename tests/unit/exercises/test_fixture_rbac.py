"""Exercise RBAC at each stage, as the stack registers it."""

import pytest

from exercises.shared.pods import FORCED
from infra import versions
from tests.unit.conftest import stack
from tests.unit.mocks import Graph

TEAMS = ("dev", "infra")


@pytest.fixture(scope="module")
def before() -> Graph:
    return stack({"exercises": {"rbac": "before"}})


@pytest.fixture(scope="module")
def after() -> Graph:
    return stack({"exercises": {"rbac": "after"}})


def test_off_makes_nothing(default: Graph) -> None:
    assert [node.name for node in default.nodes if node.name.startswith("rbac")] == []


def test_before_has_accounts_and_pods_and_no_right(before: Graph) -> None:
    assert [node.name for node in before.nodes if "rbac.authorization" in node.type] == []
    for team in TEAMS:
        assert before.named(f"rbac-{team}-namespace").inputs["metadata"] == {"name": f"{team}-team"}
        account = before.named(f"rbac-{team}-account").inputs["metadata"]
        assert account == {"name": f"{team}-k8s", "namespace": f"{team}-team"}


def test_after_differs_by_the_roles_alone(before: Graph, after: Graph) -> None:
    inputs = [{node.urn: node.raw for node in graph.nodes} for graph in (before, after)]
    assert inputs[0].items() <= inputs[1].items()
    assert {urn.rpartition("::")[2] for urn in inputs[1].keys() - inputs[0].keys()} == {
        f"rbac-{team}-{what}" for team in TEAMS for what in ("role", "binding")
    }


@pytest.mark.parametrize("team", TEAMS)
def test_a_role_covers_one_namespace_and_one_account(after: Graph, team: str) -> None:
    role = after.named(f"rbac-{team}-role")
    assert role.type == "kubernetes:rbac.authorization.k8s.io/v1:Role"
    assert role.inputs["metadata"] == {"name": f"role-{team}-team", "namespace": f"{team}-team", "annotations": FORCED}
    assert role.inputs["rules"] == [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    binding = after.named(f"rbac-{team}-binding").inputs
    assert binding["metadata"] == {"name": f"roleB-{team}-team", "namespace": f"{team}-team"}
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": f"role-{team}-team",
    }
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": f"{team}-k8s", "namespace": f"{team}-team"}]


@pytest.mark.parametrize("team", TEAMS)
def test_a_pod_has_kubectl_and_waits(before: Graph, team: str) -> None:
    pod = before.named(f"rbac-{team}-pod")
    assert pod.inputs["metadata"] == {"name": f"{team}-kubectl", "namespace": f"{team}-team"}
    assert pod.inputs["spec"] == {
        "serviceAccountName": f"{team}-k8s",
        "containers": [
            {
                "name": "kubectl-pod",
                "image": versions.tools_image(versions.DEFAULT_KUBERNETES_VERSION),
                "command": ["tail"],
                "args": ["-f", "/dev/null"],
            }
        ],
        "terminationGracePeriodSeconds": 0,
    }
    assert pod.options["deleteBeforeReplace"] is True


def test_the_pods_kubectl_is_the_clusters() -> None:
    graph = stack({"kubernetesVersion": "1.35", "exercises": {"rbac": "before"}})
    for team in TEAMS:
        (container,) = graph.named(f"rbac-{team}-pod").inputs["spec"]["containers"]
        assert container["image"] == versions.tools_image("1.35")


def test_nothing_waits_for_the_exercise(after: Graph) -> None:
    """What nothing comes after can be taken away at any time."""
    ours = {node.urn for node in after.nodes if node.name.startswith("rbac")}
    for node in after.nodes:
        if node.urn not in ours:
            assert not ours & after.closure(node), node.name
