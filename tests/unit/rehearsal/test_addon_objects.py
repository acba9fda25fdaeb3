"""What add-ons put into a cluster."""

import json
from typing import Any

import pytest
import yaml

from rehearsal.cluster.control_plane.manifests import KINDS, Manifest, path_of
from rehearsal.emulator.eks.addon_objects import Place, objects
from rehearsal.emulator.eks.catalog import ADDONS

PLACE = Place("myeks", "ap-northeast-2", "https://127.0.0.1:6443", "10.100.0.0/16")
OFFERED = sorted({(addon.name, v) for addon in ADDONS.values() for minor in addon.versions.values() for v in minor})


def made(name: str, version: str = "", values: Any = None, **more: str) -> dict[str, Manifest]:
    """An add-on's objects by kind and name."""
    view = {"addonName": name, "addonVersion": version or ADDONS[name].versions["1.36"][0], **more}
    if values is not None:
        view["configurationValues"] = json.dumps(values)
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in objects(view, PLACE)}


def containers(workload: Manifest) -> dict[str, dict[str, Any]]:
    pod = workload["spec"]["template"]["spec"]
    return {each["name"]: each for each in [*pod["containers"], *pod.get("initContainers", [])]}


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in container["env"]}


@pytest.mark.parametrize(("name", "version"), OFFERED)
def test_every_version_that_is_offered_has_whole_objects(name: str, version: str) -> None:
    found = made(name, version)
    assert len({path_of(each) for each in found.values()}) == len(found) > 0
    text = yaml.safe_dump(list(found.values())).replace("$(", "")
    assert "$" not in text
    for each in found.values():
        assert each["apiVersion"] == KINDS[each["kind"]].version
        assert each["metadata"]["labels"]
        for container in containers(each).values() if "template" in each.get("spec", {}) else []:
            host, _, image = container["image"].partition("/")
            assert host == "602401143452.dkr.ecr.ap-northeast-2.amazonaws.com"
            assert image.partition(":")[2].startswith("v")


@pytest.mark.parametrize("name", ADDONS)
def test_what_an_object_refers_to_comes_with_it_or_with_kubernetes(name: str) -> None:
    found = made(name)
    for key, each in found.items():
        if key.partition("/")[0].endswith("RoleBinding"):
            role = f"{each['roleRef']['kind']}/{each['roleRef']['name']}"
            kubernetes_own = (
                "system:node-proxier",
                "system:auth-delegator",
                "extension-apiserver-authentication-reader",
            )
            assert role in found or each["roleRef"]["name"] in kubernetes_own
            assert all(f"ServiceAccount/{subject['name']}" in found for subject in each["subjects"])
        if "template" in each.get("spec", {}):
            template = each["spec"]["template"]
            assert each["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
            account = template["spec"].get("serviceAccountName")
            assert account is None or f"ServiceAccount/{account}" in found
            volumes = {volume["name"] for volume in template["spec"].get("volumes", [])}
            mounts = {m["name"] for c in containers(each).values() for m in c.get("volumeMounts", [])}
            assert mounts == volumes
    assert all(f"ServiceAccount/{account}" in found for account in ADDONS[name].service_accounts)


def test_the_cluster_s_dns_has_the_tenth_address() -> None:
    assert made("coredns")["Service/kube-dns"]["spec"]["clusterIP"] == "10.100.0.10"


def test_aws_node_may_do_what_the_vpc_cni_lets_it() -> None:
    rules = made("vpc-cni")["ClusterRole/aws-node"]["rules"]
    verbs = {
        (group, what): rule["verbs"]
        for rule in rules
        for group in rule.get("apiGroups", [])
        for what in rule["resources"]
    }
    assert verbs["", "pods"] == ["list", "watch", "get"]
    assert verbs["vpcresources.k8s.aws", "cninodes"] == ["get", "list", "watch", "patch"]
    assert ("", "secrets") not in verbs


def test_configuration_values_change_the_vpc_cni() -> None:
    plain = containers(made("vpc-cni")["DaemonSet/aws-node"])
    assert variables(plain["aws-node"])["ENABLE_PREFIX_DELEGATION"] == "false"
    assert "--enable-network-policy=false" in plain["aws-eks-nodeagent"]["args"]
    values = {
        "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_IP_TARGET": "5"},
        "init": {"env": {"DISABLE_TCP_EARLY_DEMUX": "true"}},
        "enableNetworkPolicy": "true",
    }
    changed = containers(made("vpc-cni", values=values)["DaemonSet/aws-node"])
    shown = variables(changed["aws-node"])
    assert (shown["ENABLE_PREFIX_DELEGATION"], shown["WARM_IP_TARGET"], shown["WARM_ENI_TARGET"]) == ("true", "5", "1")
    assert len(changed["aws-node"]["env"]) == len(shown)
    assert variables(changed["aws-vpc-cni-init"])["DISABLE_TCP_EARLY_DEMUX"] == "true"
    assert "--enable-network-policy=true" in changed["aws-eks-nodeagent"]["args"]


@pytest.mark.parametrize(
    ("name", "values", "deployment"),
    [
        ("coredns", {"replicaCount": 3}, "coredns"),
        ("metrics-server", {"replicas": 3}, "metrics-server"),
        ("aws-ebs-csi-driver", {"controller": {"replicaCount": 3}}, "ebs-csi-controller"),
    ],
)
def test_configuration_values_change_the_replicas(name: str, values: dict[str, Any], deployment: str) -> None:
    key = f"Deployment/{deployment}"
    assert (made(name)[key]["spec"]["replicas"], made(name, values=values)[key]["spec"]["replicas"]) == (2, 3)


def test_the_ebs_csi_driver_tags_what_it_makes() -> None:
    values = {"controller": {"extraVolumeTags": {"b": "2", "a": "1"}}}
    plugin = containers(made("aws-ebs-csi-driver", values=values)["Deployment/ebs-csi-controller"])["ebs-plugin"]
    assert "--extra-tags=a=1,b=2" in plugin["args"]


def test_a_role_is_written_to_the_service_account() -> None:
    role = "arn:aws:iam::111122223333:role/cni"
    account = made("vpc-cni", serviceAccountRoleArn=role)["ServiceAccount/aws-node"]
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role}
    assert "annotations" not in made("vpc-cni")["ServiceAccount/aws-node"]["metadata"]
