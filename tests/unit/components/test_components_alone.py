"""Components in programs of their own, without the lab around them."""

import json

import pulumi
import pytest

from components.irsa_role import IrsaRole, IrsaRoleArgs, OidcProvider
from components.network import Network, NetworkArgs
from components.ops_user_data import OpsEnvironment, OpsTools, ops_user_data
from components.policies import Scope
from tests.unit.mocks import ACCOUNT, REGION, run

SCOPE = Scope("aws", REGION, ACCOUNT)
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def test_two_networks_in_one_program() -> None:
    def program() -> None:
        for name, second in (("one", 0), ("two", 1)):
            Network(
                name,
                NetworkArgs(
                    prefix=name,
                    cidr=f"10.{second}.0.0/16",
                    zones=["a", "b"],
                    public_cidrs=[f"10.{second}.1.0/24", f"10.{second}.2.0/24"],
                    private_cidrs=[f"10.{second}.3.0/24", f"10.{second}.4.0/24"],
                ),
            )

    graph = run(program)
    assert [vpc.inputs["tags"]["Name"] for vpc in graph.of("ec2/vpc:Vpc")] == ["one-VPC", "two-VPC"]
    assert len(graph.of(":Subnet")) == 8
    assert len({node.urn for node in graph.nodes}) == len(graph.nodes)


def test_a_zone_for_each_subnet_or_none_at_all() -> None:
    args = NetworkArgs("x", "10.0.0.0/16", ["a"], ["10.0.1.0/24", "10.0.2.0/24"], ["10.0.3.0/24"])
    with pytest.raises(ValueError, match="zip"):
        run(lambda: pulumi.export("vpc", Network("x", args).vpc_id))


def test_irsa_role_with_an_existing_policy_makes_none_of_its_own() -> None:
    def program() -> None:
        provider = OidcProvider(arn="arn:aws:iam::111122223333:oidc-provider/issuer", issuer="issuer")
        args = IrsaRoleArgs(provider, "default", "my-sa", SCOPE, managed_policies={"s3": READ_ONLY})
        pulumi.export("role", IrsaRole("exercise", args).arn)

    graph = run(program)
    assert not graph.of("iam/policy:Policy")
    assert graph.one(":RolePolicyAttachment").inputs["policyArn"] == READ_ONLY
    trust = json.loads(graph.one("iam/role:Role").inputs["assumeRolePolicy"])
    assert trust["Statement"][0]["Condition"]["StringEquals"]["issuer:sub"] == "system:serviceaccount:default:my-sa"
    assert graph.outputs["role"].value.endswith("role/exercise-role")


def test_user_data_that_ec2_would_refuse_is_refused() -> None:
    environment = OpsEnvironment("x", REGION, ACCOUNT, "vpc-1", ["s1", "s2", "s3"], ["a", "b", "c"])
    tools = OpsTools("1.0.0", "1.0.0", "1.0.0", "1.0.0", krew_plugins=["plugin"] * 3000)
    with pytest.raises(ValueError, match="16384 bytes"):
        run(lambda: pulumi.export("text", ops_user_data("x", environment, tools)))


def test_values_cannot_break_out_of_the_user_data() -> None:
    environment = OpsEnvironment("x'; rm -rf /; '", REGION, ACCOUNT, "vpc-1", ["s1", "s2", "s3"], ["a", "b", "c"])
    tools = OpsTools("1.0.0", "1.0.0", "1.0.0", "1.0.0", krew_plugins=["ns"])
    graph = run(lambda: pulumi.export("text", ops_user_data("x", environment, tools)))
    assert """MYEKS_CLUSTER_NAME='x'"'"'; rm -rf /; '"'"''""" in graph.outputs["text"].value.splitlines()
