"""How a live object becomes outputs and inputs of a resource."""

import base64
import json
from typing import Any

import pytest

from rehearsal.plugins.kubernetes import live
from rehearsal.plugins.kubernetes.tokens import ObjectKind
from rehearsal.plugins.properties import Properties, Secret

DEPLOYMENT = ObjectKind("apps", "v1", "Deployment")

APPLIED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {"name": "a", "image": "a:1", "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                    {"name": "b", "image": "b:1", "args": ["x", "y"]},
                ]
            },
        },
    },
}


def as_the_server_has_it() -> dict[str, Any]:
    """The applied object with defaults, another manager's field, and the record of who set what."""
    found = json.loads(json.dumps(APPLIED))
    found["metadata"] |= {"uid": "u", "resourceVersion": "7", "generation": 1, "creationTimestamp": "now"}
    found["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
    found["spec"] |= {"replicas": 3, "progressDeadlineSeconds": 600}
    found["spec"]["template"]["spec"] |= {"restartPolicy": "Always"}
    for container in found["spec"]["template"]["spec"]["containers"]:
        container["imagePullPolicy"] = "IfNotPresent"
    found["status"] = {"replicas": 3}
    port = 'k:{"containerPort":80,"protocol":"TCP"}'
    owned = {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {
            "f:selector": {},
            "f:template": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"a"}': {
                            ".": {},
                            "f:name": {},
                            "f:image": {},
                            "f:ports": {port: {".": {}, "f:containerPort": {}, "f:protocol": {}}},
                        },
                        'k:{"name":"b"}': {".": {}, "f:name": {}, "f:image": {}, "f:args": {}},
                    }
                },
            },
        },
    }
    found["metadata"]["managedFields"] = [
        {"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {"f:status": {}}},
        {"manager": "pulumi-kubernetes-12ab34cd", "operation": "Apply", "fieldsV1": owned},
    ]
    return found


def test_outputs_are_the_live_object_without_its_managers() -> None:
    shown = live.outputs(as_the_server_has_it(), "manager", "apps/v1")
    assert "managedFields" not in shown["metadata"]
    assert shown["metadata"]["uid"] == "u"
    assert shown["status"] == {"replicas": 3}
    assert shown[live.MANAGER] == "manager"
    assert shown[live.API_VERSION] == "apps/v1"


def test_inputs_of_an_object_that_no_state_knows_are_what_was_applied() -> None:
    assert live.inputs_of_manager(as_the_server_has_it()) == (APPLIED, "pulumi-kubernetes-12ab34cd")


def test_inputs_of_a_strangers_object_are_all_of_it_but_what_the_server_adds() -> None:
    found = as_the_server_has_it()
    found["metadata"]["managedFields"].pop()
    inputs, manager = live.inputs_of_manager(found)
    assert manager == ""
    assert "status" not in inputs
    assert set(inputs["metadata"]) == {"name", "namespace", "labels", "annotations"}
    assert inputs["spec"]["replicas"] == 3


def test_a_set_and_an_empty_map_are_taken_as_they_are_owned() -> None:
    found = {
        "apiVersion": "v1",
        "kind": "Thing",
        "metadata": {
            "name": "t",
            "finalizers": ["mine", "others"],
            "managedFields": [
                {
                    "manager": "pulumi-kubernetes-1",
                    "operation": "Apply",
                    "fieldsV1": {"f:metadata": {"f:finalizers": {'v:"mine"': {}}}, "f:spec": {".": {}}},
                }
            ],
        },
        "spec": {"defaulted": 1},
    }
    inputs, _ = live.inputs_of_manager(found)
    assert inputs["metadata"]["finalizers"] == ["mine"]
    assert inputs["spec"] == {}


def test_known_inputs_show_what_drifted_and_nothing_else() -> None:
    found = as_the_server_has_it()
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "a:2"
    del found["metadata"]["labels"]["app"]
    inputs = live.inputs_like(found, APPLIED)
    assert inputs["spec"]["template"]["spec"]["containers"][0] == {
        **APPLIED["spec"]["template"]["spec"]["containers"][0],
        "image": "a:2",
    }
    assert inputs["metadata"] == {"name": "web", "namespace": "default", "labels": {}}
    assert "replicas" not in inputs["spec"]


@pytest.mark.parametrize(
    ("written", "found", "same"),
    [
        ("1000m", "1", True),
        ("1Gi", "1024Mi", True),
        ("0.5", "500m", True),
        (2, "2", True),
        ("1k", "1000", True),
        ("1G", "1Gi", False),
        ("100m", "200m", False),
        ("latest", "latest2", False),
        ("", "0", False),
        (True, "1", False),
        ("1.2.3", "1.2.4", False),
    ],
)
def test_a_quantity_written_differently_is_the_same(written: Any, found: Any, same: bool) -> None:
    assert live.inputs_like({"cpu": found}, {"cpu": written}) == {"cpu": written if same else found}


def test_items_that_appeared_in_a_list_are_shown() -> None:
    assert live.inputs_like({"args": ["a", "b"]}, {"args": ["a"]}) == {"args": ["a", "b"]}
    assert live.inputs_like({"args": ["a"]}, {"args": ["a", "b"]}) == {"args": ["a"]}


def test_a_secrets_strings_are_found_in_its_data() -> None:
    data = {"pw": base64.b64encode(b"new").decode(), "more": base64.b64encode(b"x").decode()}
    found = {"kind": "Secret", "data": data}
    assert live.inputs_like(found, {"kind": "Secret", "stringData": {"pw": "old", "gone": "y"}}) == {
        "kind": "Secret",
        "stringData": {"pw": "new"},
    }


def test_what_a_secret_holds_is_secret() -> None:
    held: Properties = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "b"}, "stringData": {"c": "d"}, "type": "t"}
    marked = live.secret_data(held)
    assert isinstance(marked["data"], Secret)
    assert isinstance(marked["stringData"], Secret)
    assert marked["type"] == "t"
    config_map: Properties = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
    assert live.secret_data(config_map) == config_map


def test_a_manifest_has_no_nulls_and_nothing_of_the_servers() -> None:
    inputs: Properties = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": None, "resourceVersion": "7", "uid": "u"},
        "spec": {"replicas": None, "template": {"a": [{"b": None}]}},
    }
    assert live.manifest(DEPLOYMENT, inputs) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"a": [{}]}},
    }


def test_the_dashed_names_of_definitions_come_and_go() -> None:
    inputs: Properties = {"metadata": {"name": "x"}, "schema": [{"x_kubernetes_preserve_unknown_fields": True}]}
    sent = live.manifest(ObjectKind("", "v1", "Thing"), inputs)
    assert sent["schema"] == [{"x-kubernetes-preserve-unknown-fields": True}]
    assert live.outputs(sent, "m", "v1")["schema"] == inputs["schema"]
