"""The load balancer controller behind its image: what Ingresses get, in which order it goes, and what stops it."""

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.cluster.control_plane import ApiError
from rehearsal.toolchain import cache
from tests.rehearsal.load_balancer_world import (
    BINDINGS,
    INGRESSES,
    NAME,
    PAGES,
    PREFIX,
    World,
    build,
    install,
    policy,
    until,
)
from tests.rehearsal.played_emulator import REGION, Emulator, refused

FINALIZER = "group.ingress.k8s.aws/study"
OWN = {"elbv2.k8s.aws/cluster": NAME, "lab": "myeks", "owner": "me"}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("lbc")
    emulator = Emulator(directory / "world", "tests.rehearsal.pod_emulator", cache.ensure(print))
    try:
        world = build(emulator, directory)
        install(world)
        yield world
    finally:
        for log in sorted(emulator.dir.rglob("*.log")):
            if "aws-load-balancer" in str(log):
                print(log.name, log.read_text(errors="replace")[-5000:], sep="\n")
        emulator.stop()


@pytest.fixture
def world(standing: World) -> Iterator[World]:
    yield standing
    standing.allow(policy())
    for each in standing.get(INGRESSES)["items"]:
        if "deletionTimestamp" not in each["metadata"]:
            standing.delete(each["metadata"]["name"])
    until(lambda: not standing.get(INGRESSES)["items"], "no Ingress")
    assert standing.is_clean(), standing.left()


def tags(world: World, arn: str) -> dict[str, str]:
    (found,) = world.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    return {each["Key"]: each["Value"] for each in found["Tags"]}


def test_an_ingress_gets_a_load_balancer_with_everything(world: World) -> None:
    world.page("grafana", **{"inbound-cidrs": "198.51.100.7/32,203.0.113.0/24"})
    host = world.host("grafana")
    assert world.ingress("grafana")["metadata"]["finalizers"] == [FINALIZER]
    (balancer,) = world.elb.describe_load_balancers()["LoadBalancers"]
    arn = balancer["LoadBalancerArn"]
    assert (host, balancer["LoadBalancerName"]) == (balancer["DNSName"], "myeks-study")
    assert host.endswith(f".{REGION}.elb.amazonaws.com")
    assert (balancer["VpcId"], balancer["Scheme"]) == (world.aws.vpc, "internet-facing")
    assert {each["SubnetId"] for each in balancer["AvailabilityZones"]} == set(world.aws.subnets)
    stack = {**OWN, "ingress.k8s.aws/stack": "study"}
    assert tags(world, arn) == {**stack, "ingress.k8s.aws/resource": "LoadBalancer"}

    listeners = {each["Port"]: each for each in world.elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]}
    assert listeners.keys() == {80, 443}
    redirect = listeners[80]["DefaultActions"][0]["RedirectConfig"]
    assert (redirect["Protocol"], redirect["Port"], redirect["StatusCode"]) == ("HTTPS", "443", "HTTP_301")
    assert listeners[443]["Certificates"] == [{"CertificateArn": world.certificate}]
    assert tags(world, listeners[443]["ListenerArn"]) == {**stack, "ingress.k8s.aws/resource": "443"}
    rules = world.elb.describe_rules(ListenerArn=listeners[443]["ListenerArn"])["Rules"]
    assert [each["Priority"] for each in rules] == ["1", "default"]
    assert {each["Field"]: each["Values"] for each in rules[0]["Conditions"]} == {
        "host-header": ["grafana.example.com"],
        "path-pattern": ["/*"],
    }
    assert tags(world, rules[0]["RuleArn"]) == {**stack, "ingress.k8s.aws/resource": "443:1"}

    (group,) = world.elb.describe_target_groups()["TargetGroups"]
    assert rules[0]["Actions"][0]["TargetGroupArn"] == group["TargetGroupArn"]
    assert (group["TargetType"], group["Port"], group["Matcher"]["HttpCode"]) == ("ip", 8080, "200-399")
    assert tags(world, group["TargetGroupArn"])["ingress.k8s.aws/resource"] == f"{PAGES}/grafana-web:80"
    pods = world.get(f"/api/v1/namespaces/{PAGES}/pods")["items"]

    def targets() -> set[tuple[str, int]]:
        shown = world.elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        return {(each["Target"]["Id"], each["Target"]["Port"]) for each in shown}

    until(lambda: targets() == {(each["status"]["podIP"], 8080) for each in pods}, "targets")
    (binding,) = world.get(BINDINGS)["items"]
    assert binding["metadata"]["name"] == group["TargetGroupName"]
    assert binding["metadata"]["labels"] == {"ingress.k8s.aws/stack": "study"}
    until(lambda: ("SuccessfullyReconciled", "Successfully reconciled") in world.events("grafana"), "an event")

    managed, backend = sorted(world.groups(), key=lambda each: each["GroupName"].startswith("k8s-traffic-"))
    assert set(balancer["SecurityGroups"]) == {managed["GroupId"], backend["GroupId"]}
    opened = {
        (permission["FromPort"], each["CidrIp"])
        for permission in managed["IpPermissions"]
        for each in permission["IpRanges"]
    }
    assert opened == {(port, cidr) for port in (80, 443) for cidr in ("198.51.100.7/32", "203.0.113.0/24")}
    until(lambda: len(world.left()["rules"]) == 1, "a rule for the pods")
    assert world.left()["rules"][0]["GroupId"] == backend["GroupId"]


def test_everything_is_gone_before_the_finalizer_is(world: World) -> None:
    world.page("grafana")
    world.host("grafana")
    until(lambda: world.left()["rules"], "a rule for the pods")
    world.delete("grafana")
    while not world.is_gone("grafana"):
        pass
    assert world.is_clean(), world.left()


def test_ingresses_of_one_group_share_a_load_balancer(world: World) -> None:
    world.page("grafana")
    world.page("kubeops")
    assert world.host("grafana") == world.host("kubeops")
    (balancer,) = world.elb.describe_load_balancers()["LoadBalancers"]
    (secure,) = [
        each
        for each in world.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        if each["Port"] == 443
    ]

    def hosts() -> list[str]:
        rules = world.elb.describe_rules(ListenerArn=secure["ListenerArn"])["Rules"]
        return [each["Conditions"][0]["Values"][0] for each in rules if not each["IsDefault"]]

    until(lambda: hosts() == ["grafana.example.com", "kubeops.example.com"], "both rules")
    # Two Ingresses name one certificate: the real controller adds it beside itself.
    shown = world.elb.describe_listener_certificates(ListenerArn=secure["ListenerArn"])["Certificates"]
    assert sorted(each["IsDefault"] for each in shown) == [False, True]
    world.delete("grafana")
    until(lambda: world.is_gone("grafana"), "the first gone")
    assert hosts() == ["kubeops.example.com"]
    assert len(world.elb.describe_target_groups()["TargetGroups"]) == 1
    assert len(world.elb.describe_load_balancers()["LoadBalancers"]) == 1


def test_another_group_has_another_load_balancer(world: World) -> None:
    world.page("grafana")
    world.page("alone", group=None)
    assert world.host("grafana") != world.host("alone")
    assert world.ingress("alone")["metadata"]["finalizers"] == ["ingress.k8s.aws/resources"]
    assert len(world.groups()) == 3
    world.delete("grafana")
    until(lambda: world.is_gone("grafana"), "the first gone")
    (balancer,) = world.elb.describe_load_balancers()["LoadBalancers"]
    assert balancer["LoadBalancerName"] == "myeks-alone"
    assert len(world.groups()) == 2


def test_pods_that_come_and_go_are_registered(world: World) -> None:
    world.page("grafana")
    world.host("grafana")
    (group,) = world.elb.describe_target_groups()["TargetGroups"]
    deployment = f"/apis/apps/v1/namespaces/{PAGES}/deployments/web"

    def count() -> int:
        shown = world.elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        return len(shown["TargetHealthDescriptions"])

    until(lambda: count() == 2, "two targets")
    world.set_replicas(deployment, 3)
    until(lambda: count() == 3, "three targets")
    world.set_replicas(deployment, 2)
    until(lambda: count() == 2, "two targets")


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("elasticloadbalancing:CreateLoadBalancer", "FailedDeployModel"),
        ("elasticloadbalancing:AddTags", "FailedDeployModel"),
        ("ec2:DescribeSubnets", "FailedBuildModel"),
    ],
)
def test_a_right_that_the_role_has_not_is_told(world: World, missing: str, reason: str) -> None:
    world.allow(policy(missing))
    world.page("grafana")

    def is_told() -> bool:
        return any(kind == reason and missing in message for kind, message in world.events("grafana"))

    until(is_told, f"a {reason} about {missing}")
    assert "ingress" not in world.ingress("grafana")["status"]["loadBalancer"]
    world.allow(policy())
    world.host("grafana")


def test_a_right_to_delete_that_the_role_has_not_keeps_the_ingress(world: World) -> None:
    world.page("grafana")
    world.host("grafana")
    world.allow(policy("elasticloadbalancing:DeleteTargetGroup"))
    world.delete("grafana")
    until(lambda: not world.elb.describe_load_balancers()["LoadBalancers"], "no load balancer")
    assert not world.is_gone("grafana")
    assert world.ingress("grafana")["metadata"]["finalizers"] == [FINALIZER]
    world.allow(policy())
    until(lambda: world.is_gone("grafana"), "gone")


def test_nothing_is_made_for_an_ingress_that_is_gone_before_it_has_the_finalizer(world: World) -> None:
    for _ in range(5):
        world.page("grafana")
        world.delete("grafana")
        until(lambda: world.is_gone("grafana"), "gone")
    world.page("kubeops", group=None)
    world.host("kubeops")
    assert [each["LoadBalancerName"] for each in world.elb.describe_load_balancers()["LoadBalancers"]] == [
        "myeks-kubeops"
    ]


def test_an_annotation_that_is_not_played_is_told(world: World) -> None:
    world.page("grafana", **{"wafv2-acl-arn": "arn:x"})
    wanted = f"Failed build model due to ingress: {PAGES}/grafana: {PREFIX}wafv2-acl-arn is not played here"
    until(lambda: ("FailedBuildModel", wanted) in world.events("grafana"), "an event")
    assert world.elb.describe_load_balancers()["LoadBalancers"] == []


def test_an_ingress_of_an_unknown_class_is_refused(world: World) -> None:
    with pytest.raises(ApiError) as raised:
        world.kubernetes.request(
            "POST",
            INGRESSES,
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": {"name": "x", "namespace": PAGES},
                "spec": {"ingressClassName": "nginx", "defaultBackend": {"service": _service()}},
            },
        )
    assert 'admission webhook "vingress.elbv2.k8s.aws" denied the request' in str(raised.value)


def _service() -> dict[str, Any]:
    return {"name": "web", "port": {"number": 80}}


def test_a_group_in_use_elsewhere_keeps_the_ingress(world: World) -> None:
    """The security group cannot go while somebody else's interface has it: neither can the finalizer."""
    world.page("grafana")
    world.host("grafana")
    (managed,) = [each for each in world.groups() if not each["GroupName"].startswith("k8s-traffic-")]
    ec2 = world.aws.ec2
    interface = ec2.create_network_interface(SubnetId=world.aws.subnets[0], Groups=[managed["GroupId"]])
    world.delete("grafana")
    until(lambda: not world.elb.describe_target_groups()["TargetGroups"], "no target group")
    assert refused(lambda: ec2.delete_security_group(GroupId=managed["GroupId"]))[0] == "DependencyViolation"
    assert not world.is_gone("grafana")
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterface"]["NetworkInterfaceId"])
    until(lambda: world.is_gone("grafana"), "gone")


def test_an_ingress_waits_for_its_controller(world: World) -> None:
    world.page("grafana")
    world.page("kubeops", group="other")
    world.host("grafana")
    world.host("kubeops")
    world.scale(0)
    world.delete("grafana")
    assert not world.is_gone("grafana")
    assert len(world.elb.describe_load_balancers()["LoadBalancers"]) == 2
    world.scale(2)
    until(world.is_served, "webhooks")
    until(lambda: world.is_gone("grafana"), "gone", within=60)
    (balancer,) = world.elb.describe_load_balancers()["LoadBalancers"]
    assert balancer["LoadBalancerName"] == "myeks-other"
    # Two of them run, one acts: the lease has one holder.
    lease = world.get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/aws-load-balancer-controller-leader")
    assert lease["spec"]["holderIdentity"]
    world.delete("kubeops")
    until(lambda: world.is_gone("kubeops"), "gone")
    world.scale(1)


def test_a_controller_that_comes_after_the_last_deletion_leaves_the_shared_group(world: World) -> None:
    """As the real one: it knows the backend security group only from what it has made or found for an Ingress."""
    world.page("grafana")
    world.host("grafana")
    world.scale(0)
    world.delete("grafana")
    world.scale(1)
    until(lambda: world.is_gone("grafana"), "gone", within=60)
    left = world.left()
    assert [name for name, things in left.items() if things] == ["security groups"]
    (group,) = left["security groups"]
    assert group["GroupName"].startswith("k8s-traffic-myeks-")
    world.aws.ec2.delete_security_group(GroupId=group["GroupId"])
