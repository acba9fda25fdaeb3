"""How handlers call AWS: its words for errors, its clients, and what can be found by an id alone."""

import threading
import time
from typing import Any

import pytest

from rehearsal.plugins.aws.connection import Aws, Call, error_code, in_awss_words, is_gone
from rehearsal.plugins.aws.ec2 import delete_when_free
from rehearsal.plugins.aws.ec2_security_rule import SecurityGroupRule
from rehearsal.plugins.properties import Properties
from rehearsal.plugins.protocol import Context, ProviderError


class Refused(Exception):
    """Shaped as boto3's ClientError."""

    def __init__(self, code: str, message: str = "no") -> None:
        super().__init__(message)
        self.response = {"Error": {"Code": code, "Message": message}}
        self.operation_name = "DeleteVpc"


def test_aws_speaks_in_its_own_words():
    with pytest.raises(ProviderError) as failure, in_awss_words("deleting a VPC"):
        raise Refused("DependencyViolation", "The vpc 'vpc-1' has dependencies and cannot be deleted.")
    assert str(failure.value) == (
        "deleting a VPC: operation DeleteVpc, api error DependencyViolation: "
        "The vpc 'vpc-1' has dependencies and cannot be deleted."
    )
    with pytest.raises(ZeroDivisionError), in_awss_words("dividing"):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("code", "gone"),
    [
        ("InvalidVpcID.NotFound", True),
        ("NoSuchEntity", True),
        ("ResourceNotFoundException", True),
        ("NatGatewayNotFound", True),
        ("NotFoundException", True),
        ("AccessDenied", False),
        ("ResourceInUseException", False),
    ],
)
def test_not_found_is_told_from_other_errors(code: str, gone: bool):
    assert error_code(Refused(code)) == code
    assert is_gone(Refused(code)) is gone
    assert not is_gone(ValueError("NoSuchEntity"))


class FakeEc2:
    """Refuses as often as it is told."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)

    def delete_vpc(self, **arguments: str) -> None:
        assert arguments == {"VpcId": "vpc-1"}
        if self.codes:
            raise Refused(self.codes.pop(0))


def deleting(monkeypatch: pytest.MonkeyPatch, *codes: str, minutes: float = 1) -> None:
    aws = Aws("ap-northeast-2", {})
    clients = FakeEc2(*codes)
    monkeypatch.setattr(aws, "client", lambda _service, _region: clients)
    monkeypatch.setattr("rehearsal.plugins.aws.ec2.DEPENDENCY_MINUTES", minutes)
    delete_when_free(Call(aws, Context(), "ap-northeast-2", "vpc-1"), "delete_vpc", VpcId="vpc-1")


def test_what_still_depends_on_it_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    deleting(monkeypatch, "DependencyViolation", "DependencyViolation")


def test_what_stays_is_told_in_awss_words(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(Refused) as failure:
        deleting(monkeypatch, *["DependencyViolation"] * 9, minutes=0)
    assert error_code(failure.value) == "DependencyViolation"
    with pytest.raises(Refused) as other:
        deleting(monkeypatch, "UnauthorizedOperation")
    assert error_code(other.value) == "UnauthorizedOperation"


def test_a_client_is_made_once_however_many_ask(monkeypatch: pytest.MonkeyPatch):
    made: list[str] = []

    def make(_self: Aws, service: str, _region: str) -> Any:
        made.append(service)
        time.sleep(0.02)  # long enough for the others to come
        return object()

    monkeypatch.setattr(Aws, "_make", make)
    aws = Aws("ap-northeast-2", {})
    seen: list[object] = []
    threads = [threading.Thread(target=lambda: seen.append(aws.client("ec2", "ap-northeast-2"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == ["ec2"]
    assert len(set(map(id, seen))) == 1


# -- rules in their old form


def rule(cidr: str = "", **more: Any) -> dict[str, Any]:
    return {
        "SecurityGroupRuleId": f"sgr-{cidr or more}",
        "GroupId": "sg-1",
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        **({"CidrIpv4": cidr} if cidr else {}),
        **more,
    }


def found(monkeypatch: pytest.MonkeyPatch, identity: str, rules: list[dict[str, Any]], known: Properties) -> Properties:
    monkeypatch.setattr("rehearsal.plugins.aws.ec2_security_rule.rules_of", lambda _call, _group: rules)
    monkeypatch.setattr(SecurityGroupRule, "_all_groups", lambda _self, _call: ["sg-0", "sg-1"])
    call = Call(Aws("ap-northeast-2", {}), Context(), "ap-northeast-2", identity, known)
    return SecurityGroupRule(call.aws).describe(call) or {}


def test_a_rule_of_several_ranges_is_found_by_its_id_alone(monkeypatch: pytest.MonkeyPatch):
    resource = SecurityGroupRule(Aws("ap-northeast-2", {}))
    said = {
        "securityGroupId": "sg-1",
        "type": "ingress",
        "protocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrBlocks": ["10.0.0.0/8", "192.168.0.0/16"],
    }
    identity = resource._identity(said)  # pyright: ignore[reportPrivateUsage] - what `make` returns
    rules = [rule("192.168.0.0/16"), rule("10.0.0.0/8"), rule("1.2.3.4/32", Description="other"), rule("172.16.0.0/12")]
    seen = found(monkeypatch, identity, rules, {})
    assert seen["securityGroupId"] == "sg-1"
    assert sorted(seen["cidrBlocks"]) == said["cidrBlocks"]
    assert found(monkeypatch, identity, rules, said)["cidrBlocks"] == said["cidrBlocks"]
    assert found(monkeypatch, identity, rules[:1], said) == {}


def test_a_group_that_names_itself_is_found_either_way(monkeypatch: pytest.MonkeyPatch):
    resource = SecurityGroupRule(Aws("ap-northeast-2", {}))
    base = {"securityGroupId": "sg-1", "type": "ingress", "protocol": "tcp", "fromPort": 22, "toPort": 22}
    rules = [rule(ReferencedGroupInfo={"GroupId": "sg-1"})]
    by_source = {**base, "sourceSecurityGroupId": "sg-1", "self": False}
    identity = resource._identity(by_source)  # pyright: ignore[reportPrivateUsage] - what `make` returns
    assert identity == resource._identity({**base, "self": True})  # pyright: ignore[reportPrivateUsage] - the same
    assert found(monkeypatch, identity, rules, by_source)["sourceSecurityGroupId"] == "sg-1"
    assert found(monkeypatch, identity, rules, {})["self"] is True
