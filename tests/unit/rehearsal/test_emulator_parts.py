"""The emulator's rules that need no emulator: its door, its wire formats, and how nodes are spread."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel
from botocore.parsers import EC2QueryParser
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.emulator import request_authentication, rest_json_server
from rehearsal.emulator.ec2 import query_protocol
from rehearsal.emulator.ec2.filters import LISTINGS, select
from rehearsal.emulator.ec2.instance_types import INSTANCE_TYPES
from rehearsal.emulator.ec2.launch import put_together
from rehearsal.emulator.eks import nodegroup_rules, validation
from rehearsal.emulator.eks.user_data import max_pods, node_configs, node_labels
from rehearsal.emulator.errors import AwsError

OWN = frozenset({"127.0.0.1:4566"})
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/ap-northeast-2/ec2/aws4_request, Signature=0"
SCOPE = "AKIAIOSFODNN7EXAMPLE/20260101/ap-northeast-2/sts/aws4_request"


@cache
def model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


@pytest.mark.parametrize(
    ("authorization", "query", "signed"),
    [
        (SIGNED, {}, ("AKIAIOSFODNN7EXAMPLE", "ec2")),
        ("", {"X-Amz-Algorithm": ["AWS4-HMAC-SHA256"], "X-Amz-Credential": [SCOPE]}, ("AKIAIOSFODNN7EXAMPLE", "sts")),
        ("", {}, None),
        ("", {"X-Amz-Credential": [SCOPE]}, None),
        ("", {"X-Amz-Algorithm": ["AWS4-HMAC-SHA256"], "X-Amz-Credential": [SCOPE, SCOPE]}, None),
        ("", {"X-Amz-Algorithm": ["AWS4-HMAC-SHA256"], "X-Amz-Credential": [SCOPE], "x-amz-credential": ["k"]}, None),
        ("", {"AWSAccessKeyId": ["test"], "Signature": ["x"]}, None),
        (SIGNED, {"X-Amz-Credential": [SCOPE]}, None),
        (SIGNED, {"AWSAccessKeyId": ["test"]}, None),
        ("AWS4-ECDSA-P256-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/ec2/aws4_request", {}, None),
        ("AWS test:signature", {}, None),
        ("Basic eDp5", {"X-Amz-Algorithm": ["AWS4-HMAC-SHA256"], "X-Amz-Credential": [SCOPE]}, None),
    ],
)
def test_one_credential_is_read_and_two_are_none(
    authorization: str, query: dict[str, list[str]], signed: tuple[str, str] | None
) -> None:
    assert request_authentication.signature(authorization, query) == signed


@pytest.mark.parametrize(
    ("host", "path", "signed", "code"),
    [
        ("127.0.0.1:4566", "/", request_authentication.Signature("AKIAIOSFODNN7EXAMPLE", "ec2"), None),
        ("127.0.0.1:4566", "/bucket/key", request_authentication.Signature("ASIAIOSFODNN7EXAMPLE", "s3"), None),
        ("127.0.0.1", "/", request_authentication.Signature("AKIAIOSFODNN7EXAMPLE", "ec2"), "InvalidHost"),
        ("", "/", request_authentication.Signature("AKIAIOSFODNN7EXAMPLE", "ec2"), "InvalidHost"),
        (
            "127.0.0.1:4566",
            "/_ministack/reset",
            request_authentication.Signature("AKIAIOSFODNN7EXAMPLE", "s3"),
            "NotFound",
        ),
        ("127.0.0.1:4566", "/latest/meta-data", None, "NotFound"),
        ("127.0.0.1:4566", "/", None, "MissingAuthenticationToken"),
        ("127.0.0.1:4566", "/", request_authentication.Signature("111122223333", "iam"), "InvalidClientTokenId"),
        ("127.0.0.1:4566", "/", request_authentication.Signature("test", "iam"), "InvalidClientTokenId"),
        (
            "127.0.0.1:4566",
            "/",
            request_authentication.Signature("AKIAIOSFODNN7EXAMPLE", "lambda"),
            "UnsupportedService",
        ),
    ],
)
def test_the_door_opens_for_who_signed_for_what_is_played(
    host: str, path: str, signed: request_authentication.Signature | None, code: str | None
) -> None:
    refused = request_authentication.refusal(host, OWN, path, signed)
    assert (refused.code if refused else None) == code


FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "content-length": "900"}
ASKED = {"Action": ["AssumeRoleWithWebIdentity"], "Version": ["2011-06-15"]}


@pytest.mark.parametrize(
    ("method", "path", "headers", "query", "open_"),
    [
        ("POST", "/", FORM, {}, True),
        ("GET", "/", {}, ASKED, True),
        ("POST", "/", {**FORM, "content-length": "65537"}, {}, False),
        ("POST", "/", {**FORM, "content-length": "-1"}, {}, False),
        ("POST", "/", {"content-type": FORM["content-type"]}, {}, False),
        ("POST", "/", {**FORM, "content-type": "application/json"}, {}, False),
        ("POST", "/", {**FORM, "content-type": "application/x-amz-json-1.1"}, {}, False),
        ("POST", "/", {**FORM, "x-amz-target": "IAMService.ListUsers"}, {}, False),
        ("POST", "/", {**FORM, "authorization": ""}, {}, False),
        ("POST", "/", {**FORM, "authorization": "AWS test:x"}, {}, False),
        ("POST", "/", {**FORM, "x-amz-security-token": "t"}, {}, False),
        ("POST", "/", FORM, {"X-Amz-Credential": ["test/20260101/r/sts/aws4_request"]}, False),
        ("POST", "/", FORM, {"x-amz-signature": ["0"]}, False),
        ("POST", "/bucket", FORM, {}, False),
        ("PUT", "/", FORM, {}, False),
        ("DELETE", "/", {}, ASKED, False),
    ],
)
def test_one_call_need_not_be_signed(
    method: str, path: str, headers: dict[str, str], query: dict[str, list[str]], open_: bool
) -> None:
    assert request_authentication.may_be_unsigned(method, path, headers, query) is open_


@pytest.mark.parametrize(
    ("query", "body", "open_"),
    [
        ({}, b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=r", True),
        (ASKED, b"", True),
        (ASKED, b"RoleArn=r", True),
        ({}, b"Action=AssumeRoleWithWebIdentity", False),
        ({}, b"Action=AssumeRoleWithWebIdentity&Version=2010-05-08", False),
        ({}, b"Action=AssumeRole&Version=2011-06-15", False),
        ({}, b"Action=GetCallerIdentity&Version=2011-06-15", False),
        ({}, b"Action=AssumeRoleWithSAML&Version=2011-06-15", False),
        ({}, b"Action=ListUsers&Version=2010-05-08", False),
        (ASKED, b"Action=ListUsers&Version=2010-05-08", False),
        ({"Action": ["ListUsers"]}, b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15", False),
        ({}, b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&Action=ListUsers", False),
        ({}, b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&Action=", False),
        ({"Action": ["AssumeRoleWithWebIdentity", "ListUsers"], "Version": ["2011-06-15"]}, b"", False),
        ({}, b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=\xff", False),
        ({}, b"", False),
    ],
)
def test_and_that_call_is_no_other(query: dict[str, list[str]], body: bytes, open_: bool) -> None:
    assert (request_authentication.web_identity(query, body) is not None) is open_


def test_an_arn_in_a_path_is_read_whole() -> None:
    reader = rest_json_server.RestJson(model("eks"))
    role = "arn:aws:iam::111122223333:role/team/dev"
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    entry = f"/clusters/c/access-entries/{role}"
    assert reader.read("GET", entry, {}, b"") == ("DescribeAccessEntry", {"clusterName": "c", "principalArn": role})
    name, params = reader.read("DELETE", f"{entry}/access-policies/{policy}", {}, b"") or ("", {})
    assert (name, params["principalArn"], params["policyArn"]) == ("DisassociateAccessPolicy", role, policy)
    name, params = reader.read("DELETE", f"/tags/{role}", {"tagKeys": ["a", "b"]}, b"") or ("", {})
    assert (name, params["tagKeys"]) == ("UntagResource", ["a", "b"])
    assert reader.read("GET", "/clusters", {"maxResults": ["5"]}, b"") == ("ListClusters", {"maxResults": 5})
    assert reader.read("PATCH", "/clusters", {}, b"") is None


@pytest.mark.parametrize("body", [b"{", b'{"name": 1, "roleArn": "r", "resourcesVpcConfig": {}}', b"{}"])
def test_a_request_that_does_not_fit_the_model_is_refused(body: bytes) -> None:
    with pytest.raises(AwsError) as refused:
        rest_json_server.RestJson(model("eks")).read("POST", "/clusters", {}, body)
    assert refused.value.code == "InvalidParameterException"


def test_ec2s_parameters_are_read_as_boto3_names_them() -> None:
    form = {
        "Action": ["RunInstances"],
        "MaxCount": ["2"],
        "SecurityGroupId.2": ["sg-b"],
        "SecurityGroupId.1": ["sg-a"],
        "BlockDeviceMapping.1.DeviceName": ["/dev/xvda"],
        "BlockDeviceMapping.1.Ebs.Encrypted": ["true"],
        "TagSpecification.1.ResourceType": ["instance"],
        "TagSpecification.1.Tag.1.Key": ["Name"],
        "TagSpecification.1.Tag.1.Value": [""],
    }
    assert query_protocol.read(model("ec2").operation_model("RunInstances"), form) == {
        "MaxCount": 2,
        "SecurityGroupIds": ["sg-a", "sg-b"],
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}],
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": ""}]}],
    }


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1), st.booleans())
def test_ec2s_answers_are_read_back_as_they_were_written(text: str, flag: bool) -> None:
    operation = model("ec2").operation_model("DescribeVpcs")
    vpc = {"VpcId": "vpc-1", "IsDefault": flag, "Tags": [{"Key": "Name", "Value": text}]}
    written = query_protocol.write(operation, {"Vpcs": [vpc]})
    response: Any = {"status_code": 200, "headers": {}, "body": written, "context": {}}
    assert EC2QueryParser().parse(response, operation.output_shape)["Vpcs"] == [vpc]


SUBNETS = [
    {"SubnetId": "subnet-1", "AvailabilityZone": "a", "DefaultForAz": True, "Tags": [{"Key": "Name", "Value": "x*y"}]},
    {"SubnetId": "subnet-2", "AvailabilityZone": "b", "DefaultForAz": False},
]


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("subnet-id", ["subnet-?"], 2),
        ("subnet-id", ["subnet-"], 0),
        ("subnet-id", ["subnet-1", "subnet-2"], 2),
        ("subnet-id", [], 0),
        ("default-for-az", ["true"], 1),
        ("availability-zone", ["A"], 0),
        ("tag:Name", ["x*"], 1),
        ("tag:Name", ["x\\*y"], 1),
        ("tag:Name", ["x\\*"], 0),
        ("tag:name", ["*"], 0),
        ("tag-key", ["Name"], 1),
        ("tag-value", ["x?y"], 1),
        ("subnet-id", ["subnet[-]1"], 0),
    ],
)
def test_filters_are_ec2s(name: str, values: list[str], found: int) -> None:
    chosen = select(LISTINGS["DescribeSubnets"], SUBNETS, [{"Name": name, "Values": values}])
    assert len(chosen) == found


def test_every_filter_leads_to_a_member_that_there_is() -> None:
    ec2 = model("ec2")
    for action, listing in LISTINGS.items():
        output: Any = ec2.operation_model(action).output_shape
        items = output.members["Reservations"].member if action == "DescribeInstances" else output
        item = items.members[listing.key].member
        for name, path in listing.filters.items():
            shape = item
            for part in path.split("."):
                while shape.type_name == "list":
                    shape = shape.member
                assert part in shape.members, (action, name, path)
                shape = shape.members[part]


def test_a_request_goes_before_its_template() -> None:
    template = {"ImageId": "ami-1", "InstanceType": "t3.medium", "SecurityGroupIds": ["sg-t"], "KeyName": "k"}
    launch = put_together({"InstanceType": "t3.large", "SubnetId": "subnet-1"}, template)
    assert (launch.instance_type, launch.subnet_id, launch.groups, launch.key_name) == (
        "t3.large",
        "subnet-1",
        ("sg-t",),
        "k",
    )
    assert launch.volumes[0]["Ebs"]["VolumeSize"] == 8
    assert launch.metadata["HttpTokens"] == "required"


@pytest.mark.parametrize(
    "request_",
    [
        {"InstanceType": "t3.micro"},
        {"ImageId": "ami-1", "InstanceType": "t9.huge"},
        {"ImageId": "ami-1", "InstanceType": "t3.micro", "SubnetId": "s", "NetworkInterfaces": [{"SubnetId": "o"}]},
    ],
)
def test_what_cannot_be_launched_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(AwsError):
        put_together(request_, {})


def test_the_labs_instance_type_holds_seventeen_pods() -> None:
    assert INSTANCE_TYPES["t3.medium"].max_pods == 17
    assert INSTANCE_TYPES["m5.large"].max_pods == 29


def mime(*parts: tuple[str, str]) -> str:
    """Base64 of MIME multi-part user data."""
    text = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="B"\n\n'
    text += "".join(f"--B\nContent-Type: {kind}\n\n{content}\n" for kind, content in parts)
    return base64.b64encode(f"{text}--B--\n".encode()).decode()


NODE = "application/node.eks.aws"


@pytest.mark.parametrize(
    ("kubelet", "pods"),
    [
        ("{config: {maxPods: 100}}", 100),
        ("{flags: [--max-pods=58]}", 58),
        ("{config: {maxPods: 100}, flags: [--max-pods=58]}", 58),
        ("{config: {maxPods: many}}", 17),
        ("{}", 17),
    ],
)
def test_the_kubelets_settings_are_read_as_nodeadm_reads_them(kubelet: str, pods: int) -> None:
    configs = node_configs(
        mime((NODE, f"kind: NodeConfig\nspec: {{kubelet: {kubelet}}}"), ("text/x-shellscript", "true"))
    )
    assert max_pods(configs, 17) == pods


@pytest.mark.parametrize(
    ("first", "pods"),
    [
        ("{config: {maxPods: 100}}", 17),
        ("{config: {maxPods: 100}, flags: [--max-pods=100]}", 100),
        ("{flags: [--max-pods=100]}", 100),
    ],
)
def test_a_flag_counts_more_than_a_later_configuration(first: str, pods: int) -> None:
    parts = [(NODE, f"spec: {{kubelet: {kubelet}}}") for kubelet in (first, "{config: {maxPods: 17}}")]
    assert max_pods(node_configs(mime(*parts)), 29) == pods


def test_labels_of_the_kubelet_are_the_nodes() -> None:
    configs = node_configs(mime((NODE, "spec: {kubelet: {flags: ['--node-labels=a=b,c=d']}}")))
    assert node_labels(configs) == {"a": "b", "c": "d"}
    assert node_configs("") == []


@pytest.mark.parametrize("data", [base64.b64encode(b"#!/bin/sh\n").decode(), "no base64!", mime((NODE, "a: [b"))])
def test_user_data_that_eks_cannot_read_is_refused(data: str) -> None:
    with pytest.raises(AwsError, match="MIME multipart"):
        node_configs(data)


@given(st.integers(1, 6), st.integers(1, 20))
def test_nodes_are_spread_evenly_and_taken_back_evenly(zones: int, count: int) -> None:
    subnets = [f"subnet-{zone}" for zone in range(zones)]
    placed: dict[str, str] = {}
    for number in range(count):
        placed[f"i-{number}"] = nodegroup_rules.spread(subnets, list(placed.values()))
    while placed:
        each = [list(placed.values()).count(subnet) for subnet in subnets]
        assert max(each) - min(each) <= 1
        del placed[nodegroup_rules.to_remove(subnets, placed)]


def test_the_last_node_added_is_the_first_to_go() -> None:
    subnets = ["a", "b", "c"]
    nodes = {"1": "a", "2": "b", "3": "c", "4": nodegroup_rules.spread(subnets, ["a", "b", "c"])}
    assert nodegroup_rules.to_remove(subnets, nodes) == "4"


@pytest.mark.parametrize(
    ("wanted", "vpc", "chosen"),
    [
        (None, "192.168.0.0/16", "10.100.0.0/16"),
        (None, "10.0.0.0/16", "172.20.0.0/16"),
        ("10.96.0.0/16", "192.168.0.0/16", "10.96.0.0/16"),
    ],
)
def test_services_have_a_range_of_their_own(wanted: str | None, vpc: str, chosen: str) -> None:
    assert validation.service_cidr(wanted, vpc) == chosen


@pytest.mark.parametrize(
    ("document", "trusted"),
    [
        ({"Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}}]}, True),
        ({"Statement": {"Effect": "Allow", "Principal": {"Service": ["x", "eks.amazonaws.com"]}}}, True),
        ({"Statement": [{"Effect": "Deny", "Principal": {"Service": "eks.amazonaws.com"}}]}, False),
        ({"Statement": [{"Effect": "Allow", "Principal": "*"}]}, False),
        ({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "eks.amazonaws.com"}}]}, False),
        ("{}", False),
    ],
)
def test_a_role_is_a_services_when_it_says_so(document: Any, trusted: bool) -> None:
    assert validation.trusts(document, "eks.amazonaws.com") is trusted


LAST_STANDARD = datetime(2026, 12, 2, 23, 59, tzinfo=UTC)
"""Of 1.34."""
FIRST_EXTENDED = datetime(2026, 12, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "now", "current"),
    [
        ({"supportType": "STANDARD"}, LAST_STANDARD, "EXTENDED"),
        ({"supportType": "EXTENDED"}, LAST_STANDARD, "STANDARD"),
        ({"supportType": "EXTENDED"}, FIRST_EXTENDED, "EXTENDED"),
        ({}, FIRST_EXTENDED, "EXTENDED"),
    ],
)
def test_an_upgrade_policy_is_chosen_while_standard_support_lasts(
    policy: dict[str, str], now: datetime, current: str
) -> None:
    validation.check_upgrade_policy(policy, "1.34", now, current)


@pytest.mark.parametrize(
    "check",
    [
        lambda: validation.check_name("a" * 101),
        lambda: validation.check_name(""),
        lambda: validation.check_upgrade("1.34", "1.36"),
        lambda: validation.check_upgrade_policy({"supportType": "FOREVER"}, "1.34", LAST_STANDARD),
        lambda: validation.check_upgrade_policy({"supportType": "STANDARD"}, "1.34", FIRST_EXTENDED),
        lambda: validation.check_upgrade_policy({"supportType": "EXTENDED"}, "1.34", FIRST_EXTENDED, "STANDARD"),
        lambda: validation.check_mode_change("API", "API_AND_CONFIG_MAP"),
        lambda: validation.check_logging({"clusterLogging": [{"types": ["everything"], "enabled": True}]}),
        lambda: validation.check_encryption([{}, {}]),
        lambda: nodegroup_rules.check_scaling({"minSize": 2, "desiredSize": 2, "maxSize": 1}),
        lambda: nodegroup_rules.check_scaling({"minSize": 0, "desiredSize": 0, "maxSize": 0}),
        lambda: nodegroup_rules.check_labels({"eks.amazonaws.com/x": "y"}),
    ],
)
def test_eks_refuses(check: Callable[[], object]) -> None:
    with pytest.raises(AwsError):
        check()


def test_eks_takes_what_is_right() -> None:
    validation.check_name("my-eks_1")
    validation.check_upgrade("1.35", "1.36")
    validation.check_mode_change("CONFIG_MAP", "API")
    nodegroup_rules.check_scaling({"minSize": 0, "desiredSize": 0, "maxSize": 1})
    nodegroup_rules.check_labels({"team": "a", "example.com/x": "y", "node.kubernetes.io/exclude": "z"})


def test_nodes_that_are_behind_hold_the_cluster_back() -> None:
    """Text: hashicorp/terraform-provider-aws issue 19478, seen 2026-11."""
    nodegroup_rules.check_upgrade_of_cluster("1.35", {})
    nodegroup_rules.check_upgrade_of_cluster("1.35", {"ng1": "1.35", "ng2": "1.35"})
    with pytest.raises(AwsError) as refused:
        nodegroup_rules.check_upgrade_of_cluster("1.35", {"ng2": "1.34", "ng1": "1.34", "ng3": "1.35"})
    assert (refused.value.code, refused.value.message) == (
        "InvalidRequestException",
        "Nodegroups ng1, ng2 must be updated to match cluster version 1.35 before updating cluster version",
    )
