"""Every IAM document that the stack registers: linted, narrow, and every wildcard explained."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from parliament import analyze_policy_string

from components import external_dns, load_balancer_policy
from components.policies import Statement
from exercises.identity_mapping import component as identity_mapping
from tests.unit.conftest import OPERATOR, ZONE_ID
from tests.unit.mocks import ACCOUNT, ISSUER_HOST, REGION, Graph

EXPLAINED = {
    statement.sid: statement.wildcard
    for statement in (
        *load_balancer_policy.STATEMENTS,
        *external_dns.statements(ZONE_ID),
        *identity_mapping.boundary_statements("myeks"),
    )
    if statement.wildcard
}

MUTED = {
    "Unknown action elasticloadbalancing:ModifyIpPools": (
        "In the Service Authorization Reference since 2025 and in the controller's published policy; the linter's "
        "list of actions is older."
    ),
    "Unknown condition elasticloadbalancing:CreateAction for action elasticloadbalancing:AddTags": (
        "In the Service Authorization Reference and in the controller's published policy; the linter's list lacks it."
    ),
}
"""Finding → why it is none. `RESOURCE_STAR` is muted by the statement's own reason instead."""


def _documents(graph: Graph) -> dict[str, dict[str, Any]]:
    """Logical name → identity policy."""
    found = [node for kind in ("iam/policy:Policy", "iam/rolePolicy:RolePolicy") for node in graph.of(kind)]
    return {node.name: json.loads(node.inputs["policy"]) for node in found}


def _trusts(graph: Graph) -> dict[str, dict[str, Any]]:
    return {role.name: json.loads(role.inputs["assumeRolePolicy"]) for role in graph.of("iam/role:Role")}


def test_the_stack_registers_these_documents(full: Graph) -> None:
    assert _documents(full).keys() == {
        "ops-describe-cluster",
        "lbc-irsa-policy",
        "dns-irsa-policy",
        "testuser-boundary",
        "k08-payment-policy",
    }
    assert _trusts(full).keys() == {
        "ops-role",
        "nodes-role",
        "node-addons-vpc-cni-role",
        "addons-ebs-csi-role",
        "lbc-irsa-role",
        "dns-irsa-role",
        "irsa-sa-role",
        "pod-identity-sa-role",
        "k07-orders-role",
        "k08-shop-role",
        "crypto-sa-role",
    }


def _findings(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Sid of a statement, and what the linter says of it."""
    for statement in document["Statement"]:
        alone = {"Version": document["Version"], "Statement": [statement]}
        for finding in analyze_policy_string(json.dumps(alone)).findings:
            detail: object = finding.detail
            yield statement["Sid"], detail if isinstance(detail, str) and detail else str(finding.issue)


def test_every_document_passes_the_linter(full: Graph) -> None:
    findings = [(name, sid, text) for name, document in _documents(full).items() for sid, text in _findings(document)]
    unmuted = [
        found
        for found in findings
        if found[2] not in MUTED and not (found[2] == "RESOURCE_STAR" and found[1] in EXPLAINED)
    ]
    assert unmuted == []
    # A muted finding that is found no more is to be struck from the list.
    assert {text for _, _, text in findings} == {*MUTED, "RESOURCE_STAR"}


@pytest.mark.parametrize(
    "broken",
    [
        {"Action": "s3:NoSuchAction", "Resource": "*"},
        {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket"},
        {"Action": "*", "Resource": "*", "NotAKey": 1},
    ],
)
def test_the_linter_sees_what_is_wrong(broken: dict[str, Any]) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **broken}]}
    assert analyze_policy_string(json.dumps(document)).findings


def test_every_wildcard_is_explained(full: Graph) -> None:
    for name, document in _documents(full).items():
        for statement in document["Statement"]:
            if any("*" in named for named in (*statement["Resource"], *statement["Action"])):
                assert len(EXPLAINED.get(statement["Sid"], "")) > 20, f"{name}: {statement['Sid']}"


def test_no_action_is_a_wildcard_and_nothing_is_denied_or_inverted(full: Graph) -> None:
    for name, document in _documents(full).items():
        # A permissions boundary gives no right by itself.
        allowed = {"eks:List*"} if name == "testuser-boundary" else set[str]()
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow"
            assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
            assert {action for action in statement["Action"] if "*" in action} <= allowed


def test_a_wildcard_without_a_reason_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="Careless"):
        Statement(sid="Careless", actions=["s3:GetObject"])
    with pytest.raises(ValueError, match="Careless"):
        Statement(sid="Careless", actions=["s3:GetObject"], resources=["arn:aws:s3:::bucket/*"])
    with pytest.raises(ValueError, match="Careless"):
        Statement(sid="Careless", actions=["s3:Get*"], resources=["arn:aws:s3:::bucket/key"])
    Statement(sid="Fine", actions=["s3:GetObject"], resources=["arn:aws:s3:::bucket/key"])


def test_arns_name_the_labs_own_region_and_account(full: Graph, bare: Graph) -> None:
    for graph, region in ((full, REGION), (bare, "eu-west-1")):
        arns = [
            resource
            for document in _documents(graph).values()
            for statement in document["Statement"]
            for resource in statement["Resource"]
            if resource != "*" and ":route53:" not in resource
        ]
        assert arns
        for arn in arns:
            assert arn.split(":")[3:5] == [region, ACCOUNT]


def test_controller_has_the_published_rights() -> None:
    """Against v3.5.0 of the controller's iam_policy.json: 80 different actions."""
    actions = [action for statement in load_balancer_policy.STATEMENTS for action in statement.actions]
    assert len(set(actions)) == 80
    assert {
        "ec2:DescribeIpamPools",
        "ec2:DescribeRouteTables",
        "elasticloadbalancing:ModifyIpPools",
        "elasticloadbalancing:SetRulePriorities",
    } <= set(actions)


@pytest.mark.parametrize(
    ("role", "account"),
    [
        ("lbc-irsa-role", "kube-system:aws-load-balancer-controller"),
        ("dns-irsa-role", "kube-system:external-dns"),
        ("irsa-sa-role", "default:my-sa"),
    ],
)
def test_irsa_trusts_one_service_account_by_equality(full: Graph, role: str, account: str) -> None:
    (statement,) = _trusts(full)[role]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:openidconnectprovider/cluster-oidc"}
    assert statement["Condition"] == {
        "StringEquals": {
            f"{ISSUER_HOST}:aud": "sts.amazonaws.com",
            f"{ISSUER_HOST}:sub": f"system:serviceaccount:{account}",
        }
    }


@pytest.mark.parametrize(
    ("role", "namespace", "account"),
    [
        ("node-addons-vpc-cni-role", "kube-system", "aws-node"),
        ("addons-ebs-csi-role", "kube-system", "ebs-csi-controller-sa"),
        ("pod-identity-sa-role", "default", "pod-identity-sa"),
    ],
)
def test_pod_identity_trusts_one_service_account(full: Graph, role: str, namespace: str, account: str) -> None:
    (statement,) = _trusts(full)[role]["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert statement["Condition"] == {
        "StringEquals": {
            "aws:RequestTag/kubernetes-namespace": namespace,
            "aws:RequestTag/kubernetes-service-account": account,
        }
    }


@pytest.mark.parametrize("role", ["ops-role", "nodes-role"])
def test_instances_take_their_role_by_ec2(full: Graph, role: str) -> None:
    (statement,) = _trusts(full)[role]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }


def test_nobody_but_the_operator_may_use_ssh(full: Graph, default: Graph, bare: Graph) -> None:
    for graph in (default, bare):
        assert [rule for rule in graph.of(":SecurityGroupIngressRule") if rule.inputs.get("fromPort") == 22] == []
    ranges = {
        rule.inputs["cidrIpv4"] for rule in full.of(":SecurityGroupIngressRule") if rule.inputs.get("fromPort") == 22
    }
    assert ranges == {OPERATOR, "198.51.100.0/28"}


def test_no_inbound_rule_is_open_to_the_internet(full: Graph, default: Graph) -> None:
    for graph in (full, default):
        for rule in graph.of(":SecurityGroupIngressRule"):
            assert rule.inputs["cidrIpv4"] != "0.0.0.0/0"
        for group in graph.of("ec2/securityGroup:SecurityGroup"):
            assert "ingress" not in group.inputs


TAGLESS = {
    "aws:ec2/route:Route",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:kms/alias:Alias",
    "aws:secretsmanager/secretVersion:SecretVersion",
}
"""Types that AWS lets bear no tags."""


def test_every_resource_that_can_bears_the_configured_tags(full: Graph) -> None:
    tagged = [node for node in full.nodes if node.type.startswith(("aws:", "eks:")) and node.type not in TAGLESS]
    assert len(tagged) > 40
    for node in tagged:
        assert {"Project": "myeks", "Owner": "me"}.items() <= node.inputs["tags"].items(), node.name
