"""The node group and its launch template."""

import base64
import email
from email.message import Message
from typing import Any

import pytest
import yaml

from components.node_user_data import node_user_data
from tests.unit.conftest import LAB, stack
from tests.unit.mocks import Graph


def _template(graph: Graph) -> dict[str, Any]:
    return graph.one(":LaunchTemplate", "nodes-template").inputs


def test_node_group_as_specified(default: Graph) -> None:
    inputs = default.one("eks:index:ManagedNodeGroup").inputs
    assert inputs["nodeGroupName"] == "ng1"
    assert inputs["scalingConfig"] == {"minSize": 3, "desiredSize": 3, "maxSize": 3}
    assert inputs["instanceTypes"] == ["t3.medium"]
    assert inputs["amiType"] == "AL2023_x86_64_STANDARD"
    assert inputs["capacityType"] == "ON_DEMAND"
    assert inputs["version"] == "1.36"
    assert inputs["subnetIds"] == [f"network-public-{n}-id" for n in (1, 2, 3)]
    assert inputs["launchTemplate"] == {"id": "nodes-template-id", "version": "1"}
    assert inputs["nodeRoleArn"].endswith("role/nodes-role")


def test_eks_refuses_a_launch_template_beside_these(default: Graph) -> None:
    inputs = default.one("eks:index:ManagedNodeGroup").inputs
    assert not {"remoteAccess", "diskSize"} & inputs.keys()


def test_configured_sizes(bare: Graph) -> None:
    inputs = bare.one("eks:index:ManagedNodeGroup").inputs
    assert inputs["scalingConfig"] == {"minSize": 1, "desiredSize": 2, "maxSize": 4}
    assert inputs["capacityType"] == "SPOT"
    assert _template(bare)["blockDeviceMappings"][0]["ebs"]["volumeSize"] == 50


def test_root_volume(default: Graph) -> None:
    (device,) = _template(default)["blockDeviceMappings"]
    assert device["deviceName"] == "/dev/xvda"
    assert device["ebs"] == {
        "volumeType": "gp3",
        "volumeSize": 120,
        "iops": 3000,
        "throughput": 125,
        "encrypted": "true",
        "deleteOnTermination": "true",
    }


def test_metadata_service_can_be_asked_from_a_pod_with_a_token(default: Graph) -> None:
    options = _template(default)["metadataOptions"]
    assert options == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 2}


def test_instances_bear_the_name_that_the_note_filters_by(full: Graph) -> None:
    tags = {one["resourceType"]: one["tags"] for one in _template(full)["tagSpecifications"]}
    assert tags.keys() == {"instance", "volume", "network-interface"}
    assert tags["instance"] == {**LAB, "Name": "myeks-ng1-Node", "Project": "myeks", "Owner": "me"}


def test_key_pair_only_when_configured(default: Graph, full: Graph) -> None:
    assert "keyName" not in _template(default)
    assert _template(full)["keyName"] == "my-key"


def _attached(graph: Graph) -> set[str]:
    """Names of the AWS managed policies of the node role."""
    return {
        one.inputs["policyArn"].removeprefix("arn:aws:iam::aws:policy/")
        for one in graph.of(":RolePolicyAttachment")
        if one.inputs["role"] == "nodes-role"
    }


NEEDED = {"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly"}


def test_role_has_no_right_over_network_interfaces_and_parameters(default: Graph) -> None:
    assert _attached(default) == NEEDED


def test_session_manager_reaches_nodes_only_when_wanted() -> None:
    assert _attached(stack({"nodeGroup": {"sessionManager": True}})) == NEEDED | {"AmazonSSMManagedInstanceCore"}
    assert _attached(stack({"nodeGroup": {"sessionManager": False}})) == NEEDED


def test_a_standing_lab_keeps_the_role_that_was_the_node_group_s(default: Graph) -> None:
    """Another role would replace the node group, beside which there cannot be a second one of its name."""
    owner = "urn:pulumi:test::myeks::myeks:components:NodeGroup::nodes"
    for name in ("nodes-role", "nodes-worker", "nodes-registry"):
        (before,) = default.named(name).options["aliases"]
        assert before == owner


def _parts(user_data: str) -> list[Message]:
    whole = email.message_from_bytes(base64.b64decode(user_data))
    assert whole.get_content_type() == "multipart/mixed"
    parts = whole.get_payload()
    assert isinstance(parts, list)
    assert not whole.defects
    return [part for part in parts if isinstance(part, Message)]


def _text(part: Message) -> str:
    body = part.get_payload()
    assert isinstance(body, str)
    return body


@pytest.mark.parametrize("max_pods", [17, 100])
def test_kubelet_is_told_how_many_pods(max_pods: int) -> None:
    config, _ = _parts(node_user_data(max_pods))
    assert config.get_content_type() == "application/node.eks.aws"
    assert yaml.safe_load(_text(config)) == {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {"kubelet": {"config": {"maxPods": max_pods}, "flags": [f"--max-pods={max_pods}"]}},
    }


def test_configured_number_of_pods_reaches_the_template(default: Graph, bare: Graph) -> None:
    assert _template(default)["userData"] == node_user_data(100)
    assert _template(bare)["userData"] == node_user_data(17)


def test_tools_are_installed_and_a_missing_one_does_not_stop_the_others() -> None:
    _, script = _parts(node_user_data(100))
    lines = _text(script).strip().splitlines()
    assert lines[0] == "#!/bin/bash"
    assert "--setopt=strict=0" in lines[1]
    for tool in ["nvme-cli", "links", "tree", "tcpdump", "sysstat", "ipvsadm", "ipset", "bind-utils", "htop"]:
        assert tool in lines[1].split()


def test_user_data_is_the_same_at_every_run() -> None:
    assert node_user_data(100) == node_user_data(100)
