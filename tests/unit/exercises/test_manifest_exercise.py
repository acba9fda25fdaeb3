"""Manifests become resources of the stack, in an order in which each finds what it needs and goes before it."""

import pytest
from pulumi_kubernetes.core.v1 import ConfigMap

from exercises.objects import Object, at_stage, identity
from exercises.shared.manifest_exercise import ManifestExercise, ManifestExerciseArgs, provider_notes
from exercises.shared.pods import FORCED, NO_PODS
from tests.unit.mocks import Graph, Node, run

OBJECTS = at_stage("k03", "open", {})


@pytest.fixture(scope="module")
def graph() -> Graph:
    return run(lambda: ManifestExercise("k03", ManifestExerciseArgs(OBJECTS)) and None)


def node(graph: Graph, each: Object) -> Node:
    kind, namespace, name = identity(each)
    return graph.named("-".join(part for part in ("k03", kind.lower(), namespace, name) if part))


@pytest.mark.parametrize("each", OBJECTS, ids=lambda each: "-".join(identity(each)))
def test_an_object_is_what_its_manifest_says(graph: Graph, each: Object):
    made = node(graph, each)
    assert made.type.endswith(f":{each['kind']}")
    for key, value in each.items():
        if key == "metadata":
            assert made.inputs["metadata"] == {**value, "annotations": provider_notes(each)}
        elif key not in ("apiVersion", "kind"):
            assert made.inputs[key] == value


@pytest.mark.parametrize(
    ("replicas", "told"), [({"replicas": 0}, FORCED | NO_PODS), ({"replicas": 1}, FORCED), ({}, FORCED)]
)
def test_only_a_deployment_without_pods_is_not_awaited(replicas: dict[str, int], told: dict[str, str]):
    deployment = next(each for each in OBJECTS if each["kind"] == "Deployment")
    spec = {key: value for key, value in deployment["spec"].items() if key != "replicas"}
    assert provider_notes({**deployment, "spec": {**spec, **replicas}}) == told
    assert all(provider_notes(each) == FORCED for each in OBJECTS if each["kind"] != "Deployment")


def test_only_what_has_pods_waits_for_what_pods_need():
    def program() -> None:
        needed = ConfigMap("needed")
        ManifestExercise("k03", ManifestExerciseArgs(OBJECTS, [needed]))

    found = run(program)
    needed = next(each for each in found.nodes if each.name == "needed")
    after = {each["kind"] for each in OBJECTS if found.outlives(needed, node(found, each))}
    assert after == {"Deployment", "Pod"} & {each["kind"] for each in OBJECTS} != set()


def test_what_others_need_outlives_them(graph: Graph):
    by_kind = {each["kind"]: node(graph, each) for each in OBJECTS}
    for before, after in (
        ("Namespace", "ServiceAccount"),
        ("Namespace", "Deployment"),
        ("ServiceAccount", "ClusterRoleBinding"),
        ("ClusterRole", "ClusterRoleBinding"),
        ("ServiceAccount", "Secret"),
        ("ClusterRoleBinding", "Deployment"),
    ):
        assert graph.outlives(by_kind[before], by_kind[after]), (before, after)
        assert not graph.outlives(by_kind[after], by_kind[before])
