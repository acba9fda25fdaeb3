"""Load balancers in the emulated account: what they need, what they hold, and who may change them."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.rehearsal.ec2_network import Network, emulator, network
from tests.rehearsal.eks_account import trust
from tests.rehearsal.played_emulator import ACCOUNT, REGION, Emulator, refused

__all__ = ["emulator", "network"]

OWN = "elbv2.k8s.aws/cluster"
TAGS = [{"Key": OWN, "Value": "myeks"}]


class World(NamedTuple):
    """A network with a gateway to the internet, a security group in it, and a certificate."""

    elb: Any
    net: Network
    group: str
    certificate: str

    def balancer(self, name: str = "web", **more: Any) -> dict[str, Any]:
        wanted = {
            "Name": name,
            "SubnetMappings": [{"SubnetId": each} for each in self.net.subnets],
            "SecurityGroups": [self.group],
            **more,
        }
        return self.elb.create_load_balancer(**wanted)["LoadBalancers"][0]

    def target_group(self, name: str = "pods", **more: Any) -> dict[str, Any]:
        wanted = {"Protocol": "HTTP", "Port": 8080, "VpcId": self.net.vpc, "TargetType": "ip", **more}
        return self.elb.create_target_group(Name=name, **wanted)["TargetGroups"][0]

    def listener(self, balancer: str, actions: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
        wanted = {"Protocol": "HTTP", "Port": 80, **more}
        answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        return self.elb.create_listener(LoadBalancerArn=balancer, DefaultActions=actions or [answer], **wanted)[
            "Listeners"
        ][0]


@pytest.fixture
def world(emulator: Emulator, network: Network) -> Iterator[World]:
    elb, ec2, acm = emulator.client("elbv2"), network.ec2, emulator.client("acm")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    group = ec2.create_security_group(GroupName="alb", Description="d", VpcId=network.vpc)["GroupId"]
    certificate = acm.request_certificate(DomainName="example.com")["CertificateArn"]
    yield World(elb, network, group, certificate)
    for balancer in elb.describe_load_balancers()["LoadBalancers"]:
        elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    for target_group in elb.describe_target_groups()["TargetGroups"]:
        elb.delete_target_group(TargetGroupArn=target_group["TargetGroupArn"])
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    acm.delete_certificate(CertificateArn=certificate)


def test_a_load_balancer_is_where_its_subnets_are(world: World) -> None:
    made = world.balancer()
    assert made["VpcId"] == world.net.vpc
    assert {(each["SubnetId"], each["ZoneName"]) for each in made["AvailabilityZones"]} == {
        (subnet, f"{REGION}{zone}") for subnet, zone in zip(world.net.subnets, "abc", strict=True)
    }
    host, _, domain = made["DNSName"].partition(".")
    assert (host.rpartition("-")[0], host.rpartition("-")[2].isdigit()) == ("web", True)
    assert domain == f"{REGION}.elb.amazonaws.com"
    assert made["CanonicalHostedZoneId"] == "ZWKZPGTI48KDX"
    assert world.elb.describe_load_balancers(Names=["web"])["LoadBalancers"] == [made]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SubnetMappings": [{"SubnetId": "subnet-0"}, {"SubnetId": "subnet-1"}]}, "SubnetNotFound"),
        ({"SecurityGroups": ["sg-0"]}, "InvalidSecurityGroup"),
        ({"Name": "internal-web"}, "ValidationError"),
        ({"Name": "w" * 33}, "ValidationError"),
        ({"Name": "web"}, "DuplicateLoadBalancerName"),
    ],
)
def test_a_load_balancer_that_aws_refuses(world: World, changes: dict[str, Any], code: str) -> None:
    world.balancer()
    assert refused(lambda: world.balancer(**{"name": "other", **_lower(changes)}))[0] == code


def _lower(changes: dict[str, Any]) -> dict[str, Any]:
    return {("name" if key == "Name" else key): value for key, value in changes.items()}


def test_a_load_balancer_needs_two_zones_and_the_internet(world: World) -> None:
    ec2, first = world.net.ec2, world.net.subnets[0]
    code, message = refused(lambda: world.balancer(SubnetMappings=[{"SubnetId": first}]))
    assert (code, "two different Availability Zones" in message) == ("ValidationError", True)
    (gateway,) = [
        each["InternetGatewayId"]
        for each in ec2.describe_internet_gateways()["InternetGateways"]
        if any(link["VpcId"] == world.net.vpc for link in each["Attachments"])
    ]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=world.net.vpc)
    assert refused(world.balancer)[0] == "InvalidSubnet"
    inside = world.balancer(Scheme="internal")
    assert inside["DNSName"].startswith("internal-web-")
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=world.net.vpc)


def test_a_load_balancer_keeps_its_network(world: World) -> None:
    ec2, arn = world.net.ec2, world.balancer()["LoadBalancerArn"]
    filters = [{"Name": "vpc-id", "Values": [world.net.vpc]}]
    interfaces = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert {each["SubnetId"] for each in interfaces} == set(world.net.subnets)
    assert {each["Description"] for each in interfaces} == {f"ELB {arn.partition(':loadbalancer/')[2]}"}
    assert refused(lambda: ec2.delete_security_group(GroupId=world.group))[0] == "DependencyViolation"
    assert refused(lambda: ec2.delete_subnet(SubnetId=world.net.subnets[1]))[0] == "DependencyViolation"
    assert refused(lambda: ec2.delete_vpc(VpcId=world.net.vpc))[0] == "DependencyViolation"
    (gateway,) = [
        each["InternetGatewayId"]
        for each in ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [world.net.vpc]}])[
            "InternetGateways"
        ]
    ]
    detach = {"InternetGatewayId": gateway, "VpcId": world.net.vpc}
    assert "mapped public address" in refused(lambda: ec2.detach_internet_gateway(**detach))[1]
    other = ec2.create_security_group(GroupName="other", Description="d", VpcId=world.net.vpc)["GroupId"]
    world.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])
    ec2.delete_security_group(GroupId=world.group)
    world.elb.set_subnets(LoadBalancerArn=arn, Subnets=world.net.subnets[:2])
    ec2.delete_subnet(SubnetId=world.net.subnets[2])
    world.elb.delete_load_balancer(LoadBalancerArn=arn)
    assert ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"] == []
    ec2.delete_security_group(GroupId=other)


def test_a_protected_load_balancer_stays(world: World) -> None:
    arn = world.balancer()["LoadBalancerArn"]
    protect = {"LoadBalancerArn": arn, "Attributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]}
    world.elb.modify_load_balancer_attributes(**protect)
    assert refused(lambda: world.elb.delete_load_balancer(LoadBalancerArn=arn))[0] == "OperationNotPermitted"
    protect["Attributes"][0]["Value"] = "false"
    world.elb.modify_load_balancer_attributes(**protect)
    listener = world.listener(arn)["ListenerArn"]
    (rule,) = world.elb.describe_rules(ListenerArn=listener)["Rules"]
    world.elb.delete_load_balancer(LoadBalancerArn=arn)
    assert refused(lambda: world.elb.describe_rules(RuleArns=[rule["RuleArn"]]))[0] == "RuleNotFound"
    assert refused(lambda: world.elb.describe_listeners(ListenerArns=[listener]))[0] == "ListenerNotFound"


def test_a_target_group_is_held_by_what_leads_to_it(world: World) -> None:
    elb, group = world.elb, world.target_group(ProtocolVersion="HTTP1", Matcher={"HttpCode": "200-399"})
    assert (group["ProtocolVersion"], group["Matcher"]["HttpCode"], group["LoadBalancerArns"]) == (
        "HTTP1",
        "200-399",
        [],
    )
    assert refused(world.target_group)[0] == "DuplicateTargetGroupName"
    balancer = world.balancer()["LoadBalancerArn"]
    listener = world.listener(balancer)["ListenerArn"]
    arn = group["TargetGroupArn"]
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn}]}}
    rule = elb.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}],
        Actions=[forward],
    )["Rules"][0]
    assert rule["Actions"][0]["TargetGroupArn"] == arn
    assert rule["Actions"][0]["ForwardConfig"]["TargetGroups"] == [{"TargetGroupArn": arn, "Weight": 1}]
    assert rule["Conditions"][0]["Values"] == ["a.example.com"]
    shown = elb.describe_target_groups(LoadBalancerArn=balancer)["TargetGroups"]
    assert [each["LoadBalancerArns"] for each in shown] == [[balancer]]
    assert refused(lambda: elb.delete_target_group(TargetGroupArn=arn))[0] == "ResourceInUse"
    elb.delete_rule(RuleArn=rule["RuleArn"])
    elb.delete_target_group(TargetGroupArn=arn)


def test_targets_are_addresses_of_the_network(world: World) -> None:
    elb, arn = world.elb, world.target_group()["TargetGroupArn"]

    def register(**target: Any) -> Any:
        return elb.register_targets(TargetGroupArn=arn, Targets=[target])

    register(Id="192.168.1.20", Port=8080)
    register(Id="192.168.1.20", Port=9090)
    assert refused(lambda: register(Id="i-0123", Port=80))[0] == "ValidationError"
    assert refused(lambda: register(Id="10.0.0.5", Port=80))[0] == "InvalidTarget"
    assert refused(lambda: register(Id="8.8.8.8", Port=80, AvailabilityZone="all"))[0] == "InvalidTarget"
    register(Id="10.0.0.5", Port=80, AvailabilityZone="all")
    health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert {(each["Target"]["Id"], each["Target"]["Port"]) for each in health} == {
        ("192.168.1.20", 8080),
        ("192.168.1.20", 9090),
        ("10.0.0.5", 80),
    }
    assert {each["TargetHealth"]["State"] for each in health} == {"unused"}
    world.listener(world.balancer()["LoadBalancerArn"], [{"Type": "forward", "TargetGroupArn": arn}])
    health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert {each["TargetHealth"]["State"] for each in health} == {"healthy"}
    elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "192.168.1.20", "Port": 9090}, {"Id": "192.168.9.9"}])
    assert len(elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]) == 2


def test_a_listener_has_one_default_certificate_and_others(emulator: Emulator, world: World) -> None:
    elb, acm = world.elb, emulator.client("acm")
    balancer = world.balancer()["LoadBalancerArn"]
    secure: dict[str, Any] = {"Protocol": "HTTPS", "Port": 443}
    assert refused(lambda: world.listener(balancer, **secure))[0] == "ValidationError"
    unknown = [{"CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/none"}]
    assert refused(lambda: world.listener(balancer, Certificates=unknown, **secure))[0] == "CertificateNotFound"
    own = [{"CertificateArn": world.certificate}]
    listener = world.listener(balancer, Certificates=own, **secure)
    assert (listener["Certificates"], listener["SslPolicy"]) == (own, "ELBSecurityPolicy-2016-08")
    arn = listener["ListenerArn"]
    second = [{"CertificateArn": acm.request_certificate(DomainName="other.example.com")["CertificateArn"]}]
    elb.add_listener_certificates(ListenerArn=arn, Certificates=second)
    shown = elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
    assert shown == [{**own[0], "IsDefault": True}, {**second[0], "IsDefault": False}]
    assert (
        refused(lambda: elb.add_listener_certificates(ListenerArn=arn, Certificates=unknown))[0]
        == "CertificateNotFound"
    )
    remove = elb.remove_listener_certificates
    assert refused(lambda: remove(ListenerArn=arn, Certificates=own))[0] == "OperationNotPermitted"
    remove(ListenerArn=arn, Certificates=second)
    assert elb.describe_listener_certificates(ListenerArn=arn)["Certificates"] == [{**own[0], "IsDefault": True}]
    plain = world.listener(balancer)["ListenerArn"]
    assert refused(lambda: elb.add_listener_certificates(ListenerArn=plain, Certificates=own))[0] == "ValidationError"
    assert refused(lambda: world.listener(balancer))[0] == "DuplicateListener"
    acm.delete_certificate(CertificateArn=second[0]["CertificateArn"])


def test_rules_have_priorities(world: World) -> None:
    elb = world.elb
    listener = world.listener(world.balancer()["LoadBalancerArn"])["ListenerArn"]
    answer = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]

    def rule(priority: int, path: str) -> str:
        conditions = [{"Field": "path-pattern", "Values": [path]}]
        made = elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=answer)
        return made["Rules"][0]["RuleArn"]

    first, second = rule(1, "/a"), rule(2, "/b")
    assert refused(lambda: rule(2, "/c"))[0] == "PriorityInUse"
    swap = [{"RuleArn": first, "Priority": 2}, {"RuleArn": second, "Priority": 1}]
    elb.set_rule_priorities(RulePriorities=swap)
    shown = elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [(each["RuleArn"], each["Priority"]) for each in shown[:2]] == [(second, "1"), (first, "2")]
    assert shown[2]["IsDefault"]
    assert (
        refused(lambda: elb.set_rule_priorities(RulePriorities=[{"RuleArn": first, "Priority": 1}]))[0]
        == "PriorityInUse"
    )
    assert refused(lambda: elb.delete_rule(RuleArn=shown[2]["RuleArn"]))[0] == "OperationNotPermitted"


def test_get_resources_finds_by_tags_a_page_at_a_time(emulator: Emulator, world: World) -> None:
    tagging = emulator.client("resourcegroupstaggingapi")
    balancer = world.balancer(Tags=TAGS)["LoadBalancerArn"]
    group = world.target_group(Tags=TAGS)["TargetGroupArn"]
    world.target_group("other", Tags=[{"Key": OWN, "Value": "other"}])
    listener = world.listener(balancer, Tags=TAGS)["ListenerArn"]
    world.net.ec2.create_tags(Resources=[world.group], Tags=TAGS)
    security_group = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{world.group}"

    def found(**more: Any) -> set[str]:
        pages = tagging.get_paginator("get_resources").paginate(TagFilters=[{"Key": OWN, "Values": ["myeks"]}], **more)
        return {each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]}

    assert found() == {balancer, group, listener, security_group}
    assert found(ResourceTypeFilters=["elasticloadbalancing:targetgroup"]) == {group}
    assert found(ResourceTypeFilters=["elasticloadbalancing:loadbalancer", "ec2:security-group"]) == {
        balancer,
        security_group,
    }
    assert found(ResourcesPerPage=1) == {balancer, group, listener, security_group}
    first = tagging.get_resources(ResourcesPerPage=3, TagFilters=[{"Key": OWN}])
    assert (len(first["ResourceTagMappingList"]), bool(first["PaginationToken"])) == (3, True)
    wrong = refused(lambda: tagging.get_resources(PaginationToken="none"))  # no secret
    assert wrong[0] == "PaginationTokenExpiredException"


def test_the_account_has_neither_shield_advanced_nor_a_firewall(emulator: Emulator, world: World) -> None:
    arn = world.balancer()["LoadBalancerArn"]
    shield = emulator.client("shield")
    assert shield.get_subscription_state()["SubscriptionState"] == "INACTIVE"
    assert refused(lambda: shield.describe_protection(ResourceArn=arn))[0] == "UnsupportedOperation"
    assert "WebACL" not in emulator.client("wafv2").get_web_acl_for_resource(ResourceArn=arn)
    assert "WebACLSummary" not in emulator.client("waf-regional").get_web_acl_for_resource(ResourceArn=arn)


def _allow(*actions: str, resource: str = "*", **conditions: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, "Condition": conditions}


@pytest.fixture
def controller(emulator: Emulator) -> Iterator[Any]:
    """Makes clients of a role that may do what a test says."""
    iam, sts = emulator.client("iam"), emulator.client("sts")
    me = sts.get_caller_identity()["Arn"]
    role = iam.create_role(RoleName="controller", AssumeRolePolicyDocument=trust(arn=me))["Role"]["Arn"]

    def clients(*statements: dict[str, Any]) -> Any:
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName="controller", PolicyName="p", PolicyDocument=policy)
        got = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
        keys = (got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
        return lambda service: emulator.client(service, *keys)

    yield clients
    iam.delete_role_policy(RoleName="controller", PolicyName="p")
    iam.delete_role(RoleName="controller")


def test_a_role_deletes_only_what_bears_its_tag(world: World, controller: Any) -> None:
    owned: dict[str, Any] = {"Null": {f"aws:ResourceTag/{OWN}": "false"}}
    client = controller(_allow("elasticloadbalancing:Delete*", "ec2:DeleteSecurityGroup", **owned))
    elb, ec2 = client("elbv2"), client("ec2")
    own, foreign = world.balancer(Tags=TAGS), world.balancer("foreign")
    assert refused(lambda: elb.delete_load_balancer(LoadBalancerArn=foreign["LoadBalancerArn"]))[0] == "AccessDenied"
    elb.delete_load_balancer(LoadBalancerArn=own["LoadBalancerArn"])
    group = world.target_group()["TargetGroupArn"]
    assert refused(lambda: elb.delete_target_group(TargetGroupArn=group))[0] == "AccessDenied"
    world.elb.delete_load_balancer(LoadBalancerArn=foreign["LoadBalancerArn"])
    assert refused(lambda: ec2.delete_security_group(GroupId=world.group))[0] == "UnauthorizedOperation"
    world.net.ec2.create_tags(Resources=[world.group], Tags=TAGS)
    ec2.delete_security_group(GroupId=world.group)


def test_who_creates_with_tags_needs_the_right_to_tag(world: World, controller: Any) -> None:
    create = _allow("elasticloadbalancing:CreateTargetGroup", "ec2:CreateSecurityGroup")
    wanted = {"Protocol": "HTTP", "Port": 80, "VpcId": world.net.vpc, "TargetType": "ip"}
    group = {"GroupName": "g", "Description": "d", "VpcId": world.net.vpc}
    specification = [{"ResourceType": "security-group", "Tags": TAGS}]
    client = controller(create)
    code, message = refused(lambda: client("elbv2").create_target_group(Name="g", Tags=TAGS, **wanted))
    assert (code, "elasticloadbalancing:AddTags" in message) == ("AccessDenied", True)
    code, message = refused(lambda: client("ec2").create_security_group(TagSpecifications=specification, **group))
    assert (code, "ec2:CreateTags" in message) == ("UnauthorizedOperation", True)
    client = controller(
        create,
        _allow(
            "elasticloadbalancing:AddTags",
            resource=f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/*/*",
            StringEquals={"elasticloadbalancing:CreateAction": ["CreateTargetGroup"]},
        ),
        _allow(
            "ec2:CreateTags",
            resource=f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/*",
            StringEquals={"ec2:CreateAction": "CreateSecurityGroup"},
        ),
    )
    made = client("elbv2").create_target_group(Name="g", Tags=TAGS, **wanted)["TargetGroups"][0]["TargetGroupArn"]
    client("ec2").create_security_group(TagSpecifications=specification, **group)
    # Of what is there the condition says nothing: it may not be tagged.
    more = {"ResourceArns": [made], "Tags": [{"Key": "a", "Value": "b"}]}
    assert refused(lambda: client("elbv2").add_tags(**more))[0] == "AccessDenied"


def test_a_role_creates_only_what_is_born_with_its_tag(world: World, controller: Any) -> None:
    born: dict[str, Any] = {"Null": {f"aws:RequestTag/{OWN}": "false"}}
    create = _allow("elasticloadbalancing:CreateTargetGroup", "ec2:CreateSecurityGroup", **born)
    client = controller(create, _allow("elasticloadbalancing:AddTags", "ec2:CreateTags"))
    wanted = {"Protocol": "HTTP", "Port": 80, "VpcId": world.net.vpc, "TargetType": "ip"}
    group = {"GroupName": "g", "Description": "d", "VpcId": world.net.vpc}
    other = [{"Key": "a", "Value": "b"}]
    elb, ec2 = client("elbv2"), client("ec2")
    assert refused(lambda: elb.create_target_group(Name="g", Tags=other, **wanted))[0] == "AccessDenied"
    elb.create_target_group(Name="g", Tags=TAGS, **wanted)
    without = [{"ResourceType": "security-group", "Tags": other}]
    assert refused(lambda: ec2.create_security_group(TagSpecifications=without, **group))[0] == "UnauthorizedOperation"
    ec2.create_security_group(TagSpecifications=[{"ResourceType": "security-group", "Tags": TAGS}], **group)


def test_every_resource_that_is_tagged_is_asked_for(world: World, controller: Any) -> None:
    owned: dict[str, Any] = {"Null": {f"aws:ResourceTag/{OWN}": "false"}}
    client = controller(
        _allow("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags", "ec2:CreateTags", **owned)
    )
    own = world.target_group(Tags=TAGS)["TargetGroupArn"]
    foreign = world.target_group("foreign")["TargetGroupArn"]
    tag = [{"Key": "a", "Value": "b"}]
    client("elbv2").add_tags(ResourceArns=[own], Tags=tag)
    assert refused(lambda: client("elbv2").add_tags(ResourceArns=[own, foreign], Tags=tag))[0] == "AccessDenied"
    assert refused(lambda: client("elbv2").remove_tags(ResourceArns=[foreign], TagKeys=["a"]))[0] == "AccessDenied"
    world.net.ec2.create_tags(Resources=[world.group], Tags=TAGS)
    client("ec2").create_tags(Resources=[world.group], Tags=tag)
    both = [world.group, world.net.vpc]
    assert refused(lambda: client("ec2").create_tags(Resources=both, Tags=tag))[0] == "UnauthorizedOperation"
