"""The pure parts of the eks stand-in: kubeconfig, aws-auth, the VPC CNI's settings, the rules of access."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.errors import InputPropertyError

from rehearsal.providers.eks import access, addons, cluster, kubeconfig
from rehearsal.providers.eks.children import compact
from rehearsal.providers.eks.node_group import ami_type
from rehearsal.providers.protocol import ProviderError

VALID: dict[str, Any] = {"vpcId": "vpc-1", "skipDefaultNodeGroup": True}


def test_kubeconfig_enters_by_the_aws_cli() -> None:
    config = kubeconfig.generate("myeks", "https://127.0.0.1:1", "ap-northeast-2", "Q0E=")
    (user,) = config["users"]
    assert user["user"]["exec"] == {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": [
            *("--region", "ap-northeast-2"),
            *("eks", "get-token", "--cluster-name", "myeks"),
            *("--output", "json"),
        ],
        "env": [
            {
                "name": "KUBERNETES_EXEC_INFO",
                "value": '{"apiVersion": "client.authentication.k8s.io/v1beta1"}',
            }
        ],
    }
    assert config["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:1",
        "certificate-authority-data": "Q0E=",
    }


def test_kubeconfig_for_others_names_no_profile() -> None:
    credentials = {"roleArn": "arn:aws:iam::1:role/r", "profileName": "p"}

    def args(with_profile: bool) -> list[str]:
        made = kubeconfig.generate("c", "e", "r", "ca", credentials, with_profile=with_profile)
        return made["users"][0]["user"]["exec"]["args"]

    assert args(True)[-4:] == ["--role", "arn:aws:iam::1:role/r", "--profile", "p"]
    assert args(False)[-2:] == ["--role", "arn:aws:iam::1:role/r"]


def test_a_cluster_needs_the_aws_cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProviderError, match="aws CLI"):
        kubeconfig.require_aws_cli()
    (tmp_path / "aws").touch(mode=0o700)
    kubeconfig.require_aws_cli()


def test_what_is_no_arn_has_no_region() -> None:
    assert kubeconfig.region_of("arn:aws:eks:eu-west-1:1:cluster/c") == "eu-west-1"
    with pytest.raises(ProviderError, match="'myeks' is not an ARN"):
        kubeconfig.region_of("myeks")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"authenticationMode": "IAM"}, "Allowed values are: CONFIG_MAP, API_AND_CONFIG_MAP, API"),
        (
            {"authenticationMode": "API", "userMappings": [{"userArn": "a"}]},
            "'userMappings' property does not support non-empty values .* is set to 'API'",
        ),
        ({"authenticationMode": "API", "roleMappings": [{}]}, "'roleMappings'"),
        ({"accessEntries": {"e": {}}}, "'accessEntries' property is not supported .* is not set"),
        ({"authenticationMode": "CONFIG_MAP", "accessEntries": {"e": {}}}, "set to 'CONFIG_MAP'"),
        (
            {"authenticationMode": "API", "accessEntries": {"e": {"kubernetesGroups": ["system:masters"]}}},
            "system:masters of access entry 'e' is invalid, it cannot start with system:",
        ),
        ({"instanceRole": "r", "instanceRoles": ["r"]}, "mutually exclusive"),
        ({"subnetIds": ["s"], "publicSubnetIds": ["s"]}, "mutually exclusive"),
        ({"skipDefaultNodeGroup": False}, "default node group"),
        ({"vpcId": None}, "Set vpcId"),
    ],
)
def test_what_the_component_refuses(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ProviderError, match=said):
        cluster.validate({**VALID, **change})


@pytest.mark.parametrize("mode", [None, "CONFIG_MAP", "API_AND_CONFIG_MAP", "API"])
def test_what_the_component_takes(mode: str | None) -> None:
    given = {**VALID, "authenticationMode": mode}
    if mode not in (None, "CONFIG_MAP"):
        given["accessEntries"] = {"e": {"principalArn": "a", "kubernetesGroups": ["viewers"]}}
    if mode != "API":
        given["userMappings"] = [{"userArn": "a", "username": "u", "groups": []}]
    assert cluster.validate(given)["vpcId"] == "vpc-1"


def test_aws_auth_is_plain_yaml() -> None:
    groups = ["system:masters"]
    rows = [{"userArn": f"arn{n}", "username": f"u{n}", "groups": groups} for n in range(2)]
    text = access.mapping_yaml("user", rows)
    assert yaml.safe_load(text) == [{"userarn": f"arn{n}", "username": f"u{n}", "groups": groups} for n in range(2)]
    assert "&" not in text
    assert text.startswith("- userarn: arn0\n  username: u0\n  groups:\n    - system:masters\n")


def test_cni_defaults_are_the_components() -> None:
    environment, init = addons.cni_environment({})
    assert environment == {
        "WARM_ENI_TARGET": "1",
        "AWS_VPC_K8S_CNI_LOGLEVEL": "DEBUG",
        "AWS_VPC_K8S_CNI_LOG_FILE": "/host/var/log/aws-routed-eni/ipamd.log",
        "AWS_VPC_K8S_CNI_VETHPREFIX": "eni",
        "AWS_VPC_ENI_MTU": "9001",
        "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "DEBUG",
        "AWS_VPC_K8S_PLUGIN_LOG_FILE": "/var/log/aws-routed-eni/plugin.log",
        "ENABLE_POD_ENI": "false",
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "false",
        "AWS_VPC_K8S_CNI_EXTERNALSNAT": "false",
    }
    assert init == {"DISABLE_TCP_EARLY_DEMUX": "false"}


def test_two_names_of_one_cni_setting_are_refused() -> None:
    with pytest.raises(ProviderError, match="one of `cniExternalSnat` or `externalSnat`"):
        addons.cni_environment({"cniExternalSnat": True, "externalSnat": True})


def test_configured_values_win_over_named_settings() -> None:
    merged = addons.merge_cni_configuration(
        {"A": "named", "B": "named"},
        {"I": "named"},
        True,
        {"env": {"A": "own"}, "init": {"env": {"J": "own"}, "image": "x"}, "enableNetworkPolicy": "false"},
    )
    assert merged == {
        "env": {"A": "own", "B": "named"},
        "init": {"env": {"I": "named", "J": "own"}, "image": "x"},
        "enableNetworkPolicy": "false",
    }
    assert addons.merge_cni_configuration({}, {}, True, None)["enableNetworkPolicy"] == "true"
    assert "enableNetworkPolicy" not in addons.merge_cni_configuration({}, {}, None, None)


@pytest.mark.parametrize(
    ("system", "gpu", "types", "expected"),
    [
        ("AL2023", False, ["t3.medium"], "AL2023_x86_64_STANDARD"),
        ("AL2023", False, [], "AL2023_x86_64_STANDARD"),
        ("AL2023", False, ["m7g.large", "c6gn.xlarge"], "AL2023_ARM_64_STANDARD"),
        ("AL2023", True, ["g5.xlarge"], "AL2023_x86_64_NVIDIA"),
        ("Bottlerocket", True, ["g5g.xlarge"], "BOTTLEROCKET_ARM_64_NVIDIA"),
    ],
)
def test_ami_type(system: str, gpu: bool, types: list[str], expected: str) -> None:
    assert ami_type(system, gpu, types) == expected


@pytest.mark.parametrize(
    ("types", "said"),
    [(["t3.medium", "m7g.large"], "common architecture"), (["medium"], "Invalid EC2 instance type: medium")],
)
def test_instance_types_without_an_ami_type(types: list[str], said: str) -> None:
    with pytest.raises(InputPropertyError) as error:
        ami_type("AL2023", False, types)
    assert said in error.value.reason


def test_json_is_written_as_javascript_writes_it() -> None:
    assert compact({"b": 2.0, "a": [True, None, "é"]}) == '{"b":2,"a":[true,null,"é"]}'
    assert json.loads(compact({"b": 2.5}, sort_keys=True)) == {"b": 2.5}
