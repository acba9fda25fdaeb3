"""How handlers call AWS: its words for errors, its clients, and what can be found by an id alone."""

import threading
import time
from typing import Any

import pytest

from rehearsal.providers.aws.boto_calls import Aws, Call, error_code, in_awss_words, is_gone
from rehearsal.providers.aws.ec2 import delete_when_free
from rehearsal.providers.aws.ec2_security_rule import SecurityGroupRule
from rehearsal.providers.aws.kms_logs import LogGroup
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import Context, ProviderError, State


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
    monkeypatch.setattr("rehearsal.providers.aws.ec2.DEPENDENCY_MINUTES", minutes)
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
    monkeypatch.setattr("rehearsal.providers.aws.ec2_security_rule.rules_of", lambda _call, _group: rules)
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


# -- what is called when


class Logs:
    """CloudWatch Logs with one group; notes what changes it."""

    def __init__(self) -> None:
        self.group: dict[str, Any] = {}
        self.tags: dict[str, str] = {}
        self.calls: list[str] = []

    def create_log_group(self, logGroupName: str, tags: dict[str, str]) -> None:  # noqa: N803 - boto3's name
        self.calls.append("create")
        self.group = {"logGroupName": logGroupName, "arn": f"arn:logs:{logGroupName}:*"}
        self.tags = dict(tags)

    def put_retention_policy(self, logGroupName: str, retentionInDays: int) -> None:  # noqa: N803 - boto3's names
        self.calls.append("retain")
        self.group["retentionInDays"] = retentionInDays

    def delete_retention_policy(self, logGroupName: str) -> None:  # noqa: N803 - boto3's name
        self.calls.append("retain for ever")
        self.group.pop("retentionInDays")

    def tag_resource(self, resourceArn: str, tags: dict[str, str]) -> None:  # noqa: N803 - boto3's name
        self.calls.append(f"tag {sorted(tags)}")
        self.tags |= tags

    def untag_resource(self, resourceArn: str, tagKeys: list[str]) -> None:  # noqa: N803 - boto3's names
        self.calls.append(f"untag {tagKeys}")
        self.tags = {key: value for key, value in self.tags.items() if key not in tagKeys}

    def delete_log_group(self, logGroupName: str) -> None:  # noqa: N803 - boto3's name
        self.calls.append("delete")
        if not self.group:
            raise Refused("ResourceNotFoundException")
        self.group = {}

    def list_tags_for_resource(self, resourceArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        return {"tags": self.tags}

    def get_paginator(self, _operation: str) -> Any:
        found = {"logGroups": [self.group] if self.group else []}
        return type("Pages", (), {"paginate": lambda _self, **_arguments: [found]})()


class Bench:
    """A log group's handlers on a fake of its service."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **default_tags: str) -> None:
        aws = Aws("ap-northeast-2", default_tags)
        self.logs = Logs()
        monkeypatch.setattr(aws, "client", lambda _service, _region: self.logs)
        self.type = LogGroup(aws)
        self.created: list[str] = []
        self.ctx = Context(name="thing", created_to=self.created.append)

    def checked(self, **inputs: Any) -> Properties:
        return self.type.check(self.ctx, None, {"name": "group", **inputs})

    def calls(self) -> list[str]:
        made, self.logs.calls = self.logs.calls, []
        return made


def test_a_creation_is_noted_as_soon_as_the_object_is_there(monkeypatch: pytest.MonkeyPatch):
    bench = Bench(monkeypatch)
    monkeypatch.setattr(bench.logs, "put_retention_policy", lambda **_arguments: pytest.fail("too early"))
    with pytest.raises(pytest.fail.Exception):
        bench.type.create(bench.ctx, bench.checked(retentionInDays=7))
    assert bench.created == ["group"]


def test_only_what_changed_is_changed(monkeypatch: pytest.MonkeyPatch):
    bench = Bench(monkeypatch, team="a")
    state = bench.type.create(bench.ctx, bench.checked(retentionInDays=7, tags={"x": "1"}))
    assert bench.calls() == ["create", "retain"]
    assert state.outputs["tagsAll"] == {"team": "a", "x": "1"}
    assert state.outputs["tags"] == {"x": "1"}
    assert state.outputs["arn"] == "arn:logs:group"

    outputs = bench.type.update(bench.ctx, state, bench.checked(retentionInDays=7, tags={"y": "2"}))
    assert bench.calls() == ["untag ['x']", "tag ['y']"]
    assert outputs["tagsAll"] == {"team": "a", "y": "2"}

    state = State("group", bench.checked(retentionInDays=7, tags={"y": "2"}), outputs)
    outputs = bench.type.update(bench.ctx, state, bench.checked(tags={"y": "2"}))
    assert bench.calls() == ["retain for ever"]
    assert outputs["retentionInDays"] == 0


def test_a_creation_that_failed_half_way_is_finished(monkeypatch: pytest.MonkeyPatch):
    """The engine asks for an update without a change when it knows of a failed initialisation."""
    bench = Bench(monkeypatch)
    inputs = bench.checked(retentionInDays=7)
    bench.logs.create_log_group("group", {})
    bench.calls()
    bench.type.update(bench.ctx, State("group", inputs, {"arn": "arn:logs:group", "tagsAll": {}}), inputs)
    assert bench.calls() == ["retain"]


def test_what_is_gone_already_is_deleted(monkeypatch: pytest.MonkeyPatch):
    bench = Bench(monkeypatch)
    state = bench.type.create(bench.ctx, bench.checked())
    bench.type.delete(bench.ctx, state)
    bench.type.delete(bench.ctx, state)
    assert bench.type.read(bench.ctx, "group", state) is None
    kept = State("group", bench.checked(skipDestroy=True), {})
    bench.calls()
    bench.type.delete(bench.ctx, kept)
    assert bench.calls() == []


def test_what_aws_refuses_is_not_taken_for_deleted(monkeypatch: pytest.MonkeyPatch):
    bench = Bench(monkeypatch)
    state = bench.type.create(bench.ctx, bench.checked())

    def refuse(**_arguments: str) -> None:
        raise Refused("AccessDeniedException", "not you")

    monkeypatch.setattr(bench.logs, "delete_log_group", refuse)
    with pytest.raises(ProviderError, match="api error AccessDeniedException: not you"):
        bench.type.delete(bench.ctx, state)
