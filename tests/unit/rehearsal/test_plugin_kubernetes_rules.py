"""The pure rules of the kubernetes stand-in: types, names, what replaces, what is ready."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.plugins.kubernetes import naming, readiness, replacement
from rehearsal.plugins.kubernetes.readiness import Failed
from rehearsal.plugins.kubernetes.tokens import ObjectKind, object_kind
from rehearsal.plugins.properties import UNKNOWN, Properties, changes
from rehearsal.plugins.protocol import Autonaming, InvalidPropertiesError, ProviderError, UnknownTokenError

POD = ObjectKind("", "v1", "Pod")
DEPLOYMENT = ObjectKind("apps", "v1", "Deployment")


@pytest.mark.parametrize(
    ("token", "api_version", "kind", "namespaced", "patch"),
    [
        ("kubernetes:core/v1:Namespace", "v1", "Namespace", False, False),
        ("kubernetes:core/v1:ConfigMap", "v1", "ConfigMap", True, False),
        ("kubernetes:apps/v1:Deployment", "apps/v1", "Deployment", True, False),
        ("kubernetes:networking.k8s.io/v1:Ingress", "networking.k8s.io/v1", "Ingress", True, False),
        ("kubernetes:storage.k8s.io/v1:StorageClassPatch", "storage.k8s.io/v1", "StorageClass", False, True),
        ("kubernetes:autoscaling/v2beta1:HorizontalPodAutoscaler", "autoscaling/v2beta1", None, True, False),
        ("kubernetes:example.com/v1alpha1:BugPatch", "example.com/v1alpha1", "BugPatch", True, False),
        ("kubernetes:example.com/v1:BlackList", "example.com/v1", "BlackList", True, False),
    ],
)
def test_tokens_name_kinds(token: str, api_version: str, kind: str | None, namespaced: bool, patch: bool) -> None:
    found = object_kind(token)
    assert (found.api_version, found.namespaced, found.patch) == (api_version, namespaced, patch)
    assert kind in (None, found.kind)


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:helm.sh/v3:Chart",
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:yaml/v2:ConfigFile",
        "kubernetes:yaml:ConfigGroup",
        "kubernetes:kustomize/v2:Directory",
        "kubernetes:core/v1:pod",
        "aws:ec2/vpc:Vpc",
    ],
)
def test_what_is_no_object_is_refused_by_name(token: str) -> None:
    with pytest.raises(UnknownTokenError, match=token):
        object_kind(token)


def test_lists_are_refused() -> None:
    with pytest.raises(ProviderError, match="ConfigMapList is a list"):
        object_kind("kubernetes:core/v1:ConfigMapList")


def test_a_missing_name_is_generated_and_marked() -> None:
    made = naming.named({"metadata": {"labels": {"a": "b"}}}, None, "web-12345678", None)
    assert made["metadata"] == {
        "labels": {"a": "b"},
        "name": "web-12345678",
        "annotations": {naming.AUTONAMED: "true"},
    }
    again = naming.named({"metadata": {"labels": {"a": "c"}}}, made, "web-99999999", None)
    assert again["metadata"]["name"] == "web-12345678"
    assert naming.is_true(again, naming.AUTONAMED)


def test_a_name_of_the_programs_own_stays() -> None:
    given_name: Properties = {"metadata": {"name": "web"}}
    assert naming.named(given_name, None, "other", None) == given_name
    unknown: Properties = {"metadata": {"name": UNKNOWN}}
    assert naming.named(unknown, None, "other", None) == unknown
    assert naming.named({"metadata": UNKNOWN}, None, "other", None) == {"metadata": UNKNOWN}
    # The old object had a name from the program: without one, the new object gets its own.
    assert naming.named({}, given_name, "web-1", None)["metadata"]["name"] == "web-1"


def test_the_stacks_rule_for_names_wins() -> None:
    rule = Autonaming("proposed", "enforce")
    assert naming.named({}, None, "generated", rule)["metadata"]["name"] == "proposed"
    with pytest.raises(InvalidPropertiesError, match="autonaming is disabled"):
        naming.named({}, None, "generated", Autonaming("", "disable"))
    with pytest.raises(InvalidPropertiesError, match="generateName is not supported"):
        naming.named({"metadata": {"generateName": "x-"}}, None, "generated", None)


def test_one_plan_one_name() -> None:
    assert naming.suffix(b"seed", "urn:a") == naming.suffix(b"seed", "urn:a")
    assert naming.suffix(b"seed", "urn:a") != naming.suffix(b"seed", "urn:b")
    assert naming.suffix(b"", "urn:a") != naming.suffix(b"", "urn:a")
    assert naming.field_manager().startswith("pulumi-kubernetes-")


@given(
    st.none() | st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True), st.from_regex(r"[a-z0-9.-]{1,30}", fullmatch=True)
)
def test_ids_name_namespace_and_object(namespace: str | None, name: str) -> None:
    assert naming.split_identity(naming.identity(namespace, name)) == (namespace, name)


def replaced(
    kind: ObjectKind, old: Properties, new: Properties, *, config_maps: bool = False, secrets: bool = False
) -> set[str]:
    fields = replacement.replacing_fields(kind, new, mutable_config_maps=config_maps, mutable_secrets=secrets)
    return {change.name for change in replacement.marked(changes(old, new), new, fields) if change.replace}


def container(**fields: Any) -> Properties:
    return {"spec": {"containers": [{"name": "c", "image": "a:1", **fields}]}}


@pytest.mark.parametrize(
    ("kind", "old", "new", "by"),
    [
        (POD, container(), container(image="a:2"), {"spec.containers[0].image"}),
        (POD, container(), container(env=[{"name": "A", "value": "1"}]), {"spec.containers[0].env"}),
        (POD, container(env=[{"name": "A"}]), container(), {"spec.containers[0].env"}),
        (POD, container(), container(name="d"), set()),
        (POD, {}, container(), {"spec"}),
        (POD, {"metadata": {"labels": {"a": "1"}}}, {"metadata": {"labels": {"a": "2"}}}, set()),
        (POD, {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, {"metadata.name"}),
        (POD, {"metadata": {"name": "a"}}, {"metadata": {"name": UNKNOWN}}, {"metadata.name"}),
        (DEPLOYMENT, {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, set()),
        (
            DEPLOYMENT,
            {"spec": {"selector": {"matchLabels": {"a": "1"}}}},
            {"spec": {"selector": {"matchLabels": {"a": "2"}}}},
            {"spec.selector.matchLabels.a"},
        ),
        (
            ObjectKind("batch", "v1", "Job"),
            {"spec": {"template": {"spec": {"restartPolicy": "Never"}}, "ttlSecondsAfterFinished": 1}},
            {"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}, "ttlSecondsAfterFinished": 2}},
            {"spec.template.spec.restartPolicy"},
        ),
        (
            ObjectKind("rbac.authorization.k8s.io", "v1", "RoleBinding"),
            {"roleRef": {"name": "a"}, "subjects": []},
            {"roleRef": {"name": "b"}, "subjects": [{"name": "x"}]},
            {"roleRef.name"},
        ),
        (
            ObjectKind("storage.k8s.io", "v1", "StorageClass"),
            {"parameters": {"type": "gp2"}, "allowVolumeExpansion": False},
            {"parameters": {"type": "gp3"}, "allowVolumeExpansion": True},
            {"parameters.type"},
        ),
        (
            ObjectKind("", "v1", "Service"),
            {"spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 1}]}},
            {"spec": {"clusterIP": "10.0.0.2", "ports": [{"port": 2}]}},
            {"spec.clusterIP"},
        ),
        (
            ObjectKind("", "v1", "ConfigMap", patch=True),
            {"metadata": {"name": "a"}, "data": {"k": "1"}},
            {"metadata": {"name": "b"}, "data": {"k": "2"}},
            {"metadata.name"},
        ),
        (ObjectKind("example.com", "v1", "Bug"), {"spec": {"a": 1}}, {"spec": {"a": 2}}, set()),
    ],
)
def test_which_changes_need_a_new_object(kind: ObjectKind, old: Properties, new: Properties, by: set[str]) -> None:
    assert replaced(kind, old, new) == by


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_data_is_replaced_unless_it_may_change(kind: str) -> None:
    held = ObjectKind("", "v1", kind)
    old: Properties = {"data": {"k": "1"}}
    new: Properties = {"data": {"k": "2"}}
    assert replaced(held, old, new) == {"data.k"}
    assert replaced(held, old, new, config_maps=True, secrets=True) == set()
    frozen = {"immutable": True}
    assert replaced(held, old | frozen, new | frozen, config_maps=True, secrets=True) == {"data.k"}


def condition(kind: str, status: str, **more: str) -> dict[str, Any]:
    return {"type": kind, "status": status, **more}


READY = condition("Ready", "True")


@pytest.mark.parametrize(
    ("kind", "obj", "judgement"),
    [
        (POD, {"status": {"phase": "Running", "conditions": [READY]}}, None),
        (POD, {"status": {"phase": "Succeeded"}}, None),
        (POD, {"status": {"phase": "Running", "conditions": [condition("Ready", "False")]}}, "phase Running"),
        (POD, {"status": {"phase": "Failed", "message": "evicted"}}, Failed("the pod failed: evicted")),
        (POD, {}, "phase not known yet"),
        (
            POD,
            {"status": {"phase": "Pending", "conditions": [condition("PodScheduled", "False", message="0/3 nodes")]}},
            "not scheduled: 0/3 nodes",
        ),
        (
            DEPLOYMENT,
            {
                "metadata": {"generation": 2},
                "spec": {"replicas": 2},
                "status": {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2, "replicas": 2},
            },
            "not yet observed by its controller",
        ),
        (
            DEPLOYMENT,
            {"spec": {"replicas": 2}, "status": {"updatedReplicas": 2, "availableReplicas": 2, "replicas": 2}},
            None,
        ),
        (
            DEPLOYMENT,
            {"spec": {"replicas": 2}, "status": {"updatedReplicas": 2, "availableReplicas": 1, "replicas": 2}},
            "1 of 2 replicas available",
        ),
        (
            DEPLOYMENT,
            {"spec": {"replicas": 2}, "status": {"updatedReplicas": 2, "availableReplicas": 2, "replicas": 3}},
            "1 old replicas still there",
        ),
        (DEPLOYMENT, {"spec": {"replicas": 0}, "status": {}}, None),
        (
            DEPLOYMENT,
            {"status": {"conditions": [condition("Progressing", "False", reason="ProgressDeadlineExceeded")]}},
            Failed("the rollout got stuck: None"),
        ),
        (
            ObjectKind("apps", "v1", "StatefulSet"),
            {"spec": {}, "status": {"readyReplicas": 1, "updateRevision": "b", "currentRevision": "a"}},
            "0 of 1 replicas updated",
        ),
        (
            ObjectKind("apps", "v1", "StatefulSet"),
            {"spec": {}, "status": {"readyReplicas": 1, "updateRevision": "a", "currentRevision": "a"}},
            None,
        ),
        (
            ObjectKind("apps", "v1", "DaemonSet"),
            {"status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}},
            "2 of 3 pods available",
        ),
        (
            ObjectKind("apps", "v1", "DaemonSet"),
            {"status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}},
            None,
        ),
        (ObjectKind("batch", "v1", "Job"), {"status": {"conditions": [condition("Complete", "True")]}}, None),
        (
            ObjectKind("batch", "v1", "Job"),
            {"status": {"conditions": [condition("Failed", "True", message="backoff")]}},
            Failed("the job failed: backoff"),
        ),
        (ObjectKind("", "v1", "Namespace"), {"status": {"phase": "Active"}}, None),
        (ObjectKind("", "v1", "Namespace"), {"status": {"phase": "Terminating"}}, "phase Terminating"),
        (ObjectKind("", "v1", "PersistentVolumeClaim"), {"status": {"phase": "Pending"}}, "phase Pending"),
        (ObjectKind("", "v1", "PersistentVolume"), {"status": {"phase": "Available"}}, None),
        (
            ObjectKind("", "v1", "ResourceQuota"),
            {"spec": {"hard": {"pods": "1"}}, "status": {}},
            "its limits are not in force yet",
        ),
        (ObjectKind("", "v1", "Secret"), {"type": "Opaque"}, None),
        (ObjectKind("", "v1", "Secret"), {"type": "kubernetes.io/service-account-token"}, "no token in it yet"),
        (
            ObjectKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
            {"status": {"conditions": [condition("Established", "True")]}},
            None,
        ),
        (
            ObjectKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
            {"status": {"conditions": [condition("NamesAccepted", "False", message="taken")]}},
            Failed("its names are refused: taken"),
        ),
    ],
)
def test_when_an_object_is_ready(kind: ObjectKind, obj: dict[str, Any], judgement: str | None) -> None:
    rule = readiness.judge(kind, obj)
    assert rule is not None
    found = rule(obj)
    assert found == judgement
    assert isinstance(found, Failed) == isinstance(judgement, Failed)


def test_most_kinds_are_ready_when_they_exist() -> None:
    for kind in ("ConfigMap", "ServiceAccount", "Service", "Endpoints"):
        assert readiness.judge(ObjectKind("", "v1", kind), {}) is None


@pytest.mark.parametrize(
    ("wait_for", "status", "ready"),
    [
        ("condition=Synced", {"conditions": [condition("Synced", "True")]}, True),
        ("condition=Synced=Unknown", {"conditions": [condition("Synced", "unknown")]}, True),
        ("condition=Synced", {"conditions": [condition("Synced", "False")]}, False),
        ("jsonpath={.status.phase}=Done", {"phase": "Done"}, True),
        ("jsonpath={.status.phase}=Done", {"phase": "Doing"}, False),
        ("jsonpath={.status.phase}", {"phase": "Any"}, True),
        ("jsonpath={.status.phase}", {}, False),
        ('["condition=A","jsonpath={.status.n}=1"]', {"conditions": [condition("A", "True")], "n": 1}, True),
        ('["condition=A","jsonpath={.status.n}=1"]', {"conditions": [condition("A", "True")], "n": 2}, False),
    ],
)
def test_the_annotation_says_what_is_ready(wait_for: str, status: dict[str, Any], ready: bool) -> None:
    obj = {"metadata": {"annotations": {naming.WAIT_FOR: wait_for}}, "status": status}
    rule = readiness.judge(ObjectKind("example.com", "v1", "Bug"), obj)
    assert rule is not None
    assert (rule(obj) is None) == ready


def test_an_annotation_that_is_not_understood_is_refused() -> None:
    obj = {"metadata": {"annotations": {naming.WAIT_FOR: "sometime"}}}
    with pytest.raises(ProviderError, match="'sometime', which is not understood"):
        readiness.judge(POD, obj)


@pytest.mark.parametrize(
    ("spec", "needed"),
    [
        ({"selector": {"a": "b"}}, True),
        ({"selector": {"a": "b"}, "clusterIP": "None"}, False),
        ({"selector": {"a": "b"}, "type": "ExternalName"}, False),
        ({}, False),
    ],
)
def test_which_services_need_endpoints(spec: dict[str, Any], needed: bool) -> None:
    assert readiness.needs_endpoints(ObjectKind("", "v1", "Service"), {"spec": spec}) == needed


def test_endpoints_wait_for_their_pods() -> None:
    ready, pending = {"conditions": {"ready": True}}, {"conditions": {"ready": False}}
    assert readiness.endpoints([]) == "no endpoints yet"
    assert readiness.endpoints([{"endpoints": [ready, pending]}]) == "1 of its pods not ready"
    assert readiness.endpoints([{"endpoints": [ready]}, {}]) is None


def test_a_claim_may_wait_for_its_first_pod() -> None:
    pending = {"status": {"phase": "Pending"}}
    assert readiness.binds_on_first_use(pending, {"volumeBindingMode": "WaitForFirstConsumer"})
    assert not readiness.binds_on_first_use(pending, {"volumeBindingMode": "Immediate"})
    assert not readiness.binds_on_first_use(pending, None)


def test_what_only_a_load_balancer_could_finish() -> None:
    service = ObjectKind("", "v1", "Service")
    assert readiness.waits_for_load_balancer(service, {"spec": {"type": "LoadBalancer"}})
    assert not readiness.waits_for_load_balancer(service, {"spec": {"type": "ClusterIP"}})
    assert readiness.waits_for_load_balancer(ObjectKind("networking.k8s.io", "v1", "Ingress"), {})
