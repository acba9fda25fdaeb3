"""The two bastions: who reaches them, what they may do, what they do at boot."""

import json
import re

import pytest

from components.ops_servers import PRIVATE_IPS
from components.ops_user_data import LIMIT_BYTES, SCRIPT
from infra import versions
from tests.unit.conftest import OPERATOR
from tests.unit.mocks import ACCOUNT, REGION, Graph


@pytest.mark.parametrize("number", [1, 2])
def test_server(full: Graph, number: int) -> None:
    server = full.named(f"ops-{number}")
    inputs = server.inputs
    assert inputs["privateIp"] == ["172.20.1.100", "172.20.1.200"][number - 1]
    assert inputs["subnetId"] == "ops-network-subnet-id"
    assert inputs["ami"] == "ami-newest"
    assert inputs["keyName"] == "my-key"
    assert inputs["metadataOptions"]["httpTokens"] == "required"
    assert inputs["rootBlockDevice"]["encrypted"] is True
    assert inputs["rootBlockDevice"]["volumeType"] == "gp3"
    assert inputs["tags"]["Name"] == f"myeks-ops-{number}"


def test_new_image_leaves_servers_alone_and_new_user_data_makes_them_anew(default: Graph) -> None:
    for server in default.of("ec2/instance:Instance"):
        assert server.options["ignoreChanges"] == ["ami"]
        assert server.inputs["userDataReplaceOnChange"] is True
        # The private address is fixed, so the new server cannot stand beside the old one.
        assert server.options["deleteBeforeReplace"] is True


def test_image_is_asked_of_ssm(default: Graph) -> None:
    names = [args["name"] for token, args in default.invokes if token == "aws:ssm/getParameter:getParameter"]
    assert names == ["/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"]


def test_ssh_from_each_operator_range_alone(full: Graph, default: Graph) -> None:
    rules = [
        rule.inputs for rule in full.of(":SecurityGroupIngressRule") if rule.inputs["securityGroupId"] == "ops-sg-id"
    ]
    assert {(rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) for rule in rules} == {
        (OPERATOR, 22, 22),
        ("198.51.100.0/28", 22, 22),
    }
    assert not [
        rule for rule in default.of(":SecurityGroupIngressRule") if rule.inputs["securityGroupId"] == "ops-sg-id"
    ]


def test_no_key_pair_unless_configured(default: Graph) -> None:
    for server in default.of("ec2/instance:Instance"):
        assert "keyName" not in server.inputs


def test_role_may_describe_its_own_cluster_and_use_session_manager(default: Graph) -> None:
    (statement,) = json.loads(default.named("ops-describe-cluster").inputs["policy"])["Statement"]
    assert statement["Action"] == ["eks:DescribeCluster"]
    assert statement["Resource"] == [f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/myeks"]
    attached = [
        one.inputs["policyArn"] for one in default.of(":RolePolicyAttachment") if one.inputs["role"] == "ops-role"
    ]
    assert attached == ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]
    assert [one.inputs["role"] for one in default.of(":InstanceProfile")] == ["ops-role"]


def test_role_is_cluster_administrator_by_access_entry(default: Graph) -> None:
    entry = default.one(":AccessEntry").inputs
    assert entry["principalArn"].endswith("role/ops-role")
    assert entry["clusterName"] == "myeks"
    assert "kubernetesGroups" not in entry
    association = default.one(":AccessPolicyAssociation").inputs
    assert association["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    assert association["accessScope"] == {"type": "cluster"}
    assert association["principalArn"] == entry["principalArn"]


def test_public_addresses_outlive_a_server(default: Graph) -> None:
    assert {ip.inputs["instance"] for ip in default.of("ec2/eip:Eip")} == {"ops-1-id", "ops-2-id"}
    assert "mapPublicIpOnLaunch" not in default.named("ops-network-subnet").inputs


def test_nodes_let_exactly_these_servers_in(default: Graph) -> None:
    group = default.named("nodes-remote-access")
    assert group.inputs["name"] == "myeks-ng1-remoteAccess"
    trusted = [
        rule.inputs
        for rule in default.of(":SecurityGroupIngressRule")
        if rule.inputs["securityGroupId"] == "nodes-remote-access-id"
    ]
    assert [(rule["cidrIpv4"], rule["ipProtocol"]) for rule in trusted] == [
        (f"{address}/32", "-1") for address in PRIVATE_IPS
    ]


def test_user_data_has_what_the_study_note_exports_and_installs(default: Graph) -> None:
    text = default.named("ops-1").inputs["userData"]
    assert text.startswith("#!/bin/bash\n")
    for line in [
        "MYEKS_CLUSTER_NAME=myeks",
        f"MYEKS_REGION={REGION}",
        f"MYEKS_ACCOUNT_ID={ACCOUNT}",
        "MYEKS_VPC_ID=network-vpc-id",
        "MYEKS_PUBLIC_SUBNET_1=network-public-1-id",
        "MYEKS_PUBLIC_SUBNET_3=network-public-3-id",
        f"MYEKS_ZONE_2={REGION}b",
        f"MYEKS_KUBECTL_VERSION={versions.KUBERNETES_VERSIONS[versions.DEFAULT_KUBERNETES_VERSION].kubectl}",
        f"MYEKS_HELM_VERSION={versions.HELM_VERSION}",
        f"MYEKS_AWS_CLI_VERSION={versions.AWS_CLI_VERSION}",
        f"MYEKS_KREW_VERSION={versions.KREW_VERSION}",
        "MYEKS_KREW_PLUGINS='access-matrix rbac-tool rolesum whoami rbac-view ctx ns df-pv stern'",
    ]:
        assert line in text.splitlines()
    assert len(text.encode()) < LIMIT_BYTES


def test_every_variable_of_the_script_is_given(default: Graph) -> None:
    text = default.named("ops-2").inputs["userData"]
    given = {line.split("=")[0] for line in text.splitlines() if line.startswith("MYEKS_")}
    used = set(re.findall(r"\$\{?(MYEKS_[A-Z0-9_]+)", SCRIPT.read_text()))
    assert used == given


def test_profile_exports_every_name_of_the_note() -> None:
    script = SCRIPT.read_text()
    for name in ["CLUSTER_NAME", "VPCID", "PubSubnet1", "PubSubnet2", "PubSubnet3", "N1", "N2", "N3", "ACCOUNT_ID"]:
        assert f"{name}=" in script


def test_whoever_logs_in_has_a_kubeconfig() -> None:
    script = SCRIPT.read_text()
    writer = script[script.index("cat >/usr/local/bin/myeks-kubeconfig") : script.index("chmod 0755 /usr/local/bin/my")]
    (users,) = re.findall(r"^for user in (.*); do$", writer, re.MULTILINE)
    assert users.split() == ["root", "ec2-user", "ssm-user"]
    # ssm-user is made at the first session: its home is then a copy of this directory.
    assert re.search(r"^write_as root /etc/skel$", writer, re.MULTILINE)


def test_kubeconfig_is_retried_until_the_cluster_is_there() -> None:
    script = SCRIPT.read_text()
    assert "aws eks update-kubeconfig" in script
    unit = script[script.index("[Service]") : script.index("[Install]")]
    assert "Restart=on-failure" in unit
    assert "StartLimitIntervalSec=0" in script
