"""Ingresses whose controller is gone: which they are, what is asked first, and what is deleted."""

from dataclasses import replace
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError

from operations import cleanup
from operations.cleanup import Failed, LabIdentity, Leftover, Outcome, Report
from stacks import cluster_facts, ingresses
from stacks.aws_lab import LabSession
from stacks.cluster_facts import NotThere
from stacks.console import Progress
from stacks.errors import CannotAsk, Failure
from tests.unit.stacks.sweep_world import STACK, STANDING, UNASKED, left, report

LISTS = "/apis/networking.k8s.io/v1/ingresses"
GRAFANA = "/apis/networking.k8s.io/v1/namespaces/monitoring/ingresses/grafana"
BINDING = "/apis/elbv2.k8s.aws/v1beta1/namespaces/monitoring/targetgroupbindings/k8s-1"
HOOKS = "/apis/admissionregistration.k8s.io/v1"
OWED = "group.ingress.k8s.aws/study"
AGAIN = "./lab down -s dev --yes"
TAGS = {"elbv2.k8s.aws/cluster": "myeks"}


def named(name: str, *finalizers: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "monitoring", "finalizers": list(finalizers), **more}}


def hook(name: str, *webhooks: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "webhooks": [{"name": each} for each in webhooks]}


def tagged(each: Leftover, **tags: str) -> Leftover:
    return replace(each, resource=replace(each.resource, tags=tags or TAGS))


BALANCER = tagged(left("load balancer", "arn:1", name="myeks-ingress-alb"))
GROUP = tagged(left("security group", "sg-1"))
ENGINES = tagged(left("security group", "sg-2", recorded=True))
SOMEBODYS = tagged(left("security group", "sg-3"), other="one")
CLUSTER = tagged(left("cluster", "myeks"))


class World:
    """A cluster without a controller, and the controller's things on AWS."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, Any] = {
            LISTS: [named("grafana", OWED, "example.com/kept"), named("free", "example.com/kept")],
            "/apis/apps/v1/deployments": [],
            f"{HOOKS}/validatingwebhookconfigurations": [
                hook("aws-load-balancer-webhook", "vingress.elbv2.k8s.aws"),
                hook("pod-identity", "iam.amazonaws.com"),
            ],
            f"{HOOKS}/mutatingwebhookconfigurations": [],
            "/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings": [
                named("k8s-1", "elbv2.k8s.aws/resources", labels={"ingress.k8s.aws/stack": "study"}),
                named("mine", "elbv2.k8s.aws/resources"),
            ],
        }
        self.done: list[tuple[str, str, Any]] = []
        self.silent = False
        self.report = report(CLUSTER, BALANCER, GROUP, ENGINES, SOMEBODYS)
        self.failed: list[Failed] = []
        self.rules: list[dict[str, Any]] = []
        monkeypatch.setattr(cluster_facts, "reached", lambda _: self.ask)
        monkeypatch.setattr(cleanup, "find", self.find)
        monkeypatch.setattr(cleanup, "delete", self.delete)
        monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
        monkeypatch.setattr(ingresses, "COMES_BACK_WITHIN", 0.0)
        monkeypatch.setattr(ingresses, "pages", lambda *_: self.rules)

    def ask(self, method: str, path: str, body: Any) -> Any:
        if self.silent:
            raise CannotAsk("It does not answer.")
        if method != "GET":
            self.done.append((method, path, body))
            return {}
        if path not in self.answers:
            raise NotThere(path)
        return {"items": self.answers[path]}

    def find(self, *_: Any, **__: Any) -> Report:
        return self.report

    def delete(self, _client: Any, _lab: LabIdentity, chosen: list[Leftover], *_: Any, **__: Any) -> Outcome:
        self.done += [("delete", each.resource.id, None) for each in chosen if not each.recorded]
        return Outcome([each for each in chosen if not self.failed], self.failed)

    def revoke_security_group_ingress(self, **asked: Any) -> None:
        self.done.append(("revoke", asked["GroupId"], asked["SecurityGroupRuleIds"]))

    def clear(self, *, yes: bool = True, kubeconfig: object = "any") -> None:
        held = replace(STANDING, kubeconfig=kubeconfig)
        lab = LabSession(STACK, LabIdentity("myeks", "ap-northeast-2"), lambda _: self, held)
        ingresses.clear(lab, Progress(), yes=yes, again=AGAIN)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_with_consent_all_of_it_goes_and_the_finalizer_last(world: World, capsys: pytest.CaptureFixture[str]):
    reference = {"ReferencedGroupInfo": {"GroupId": "sg-1"}, "IsEgress": False}
    world.rules = [
        {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-node", **reference},
        {"SecurityGroupRuleId": "sgr-2", "GroupId": "sg-1", **reference},
        {"SecurityGroupRuleId": "sgr-3", "GroupId": "sg-node", "IsEgress": False},
    ]
    world.clear()
    assert world.done == [
        ("revoke", "sg-node", ["sgr-1"]),
        ("delete", "arn:1", None),
        ("delete", "sg-1", None),
        ("DELETE", f"{HOOKS}/validatingwebhookconfigurations/aws-load-balancer-webhook", None),
        ("DELETE", BINDING, None),
        ("PATCH", BINDING, {"metadata": {"finalizers": []}}),
        ("PATCH", GRAFANA, {"metadata": {"finalizers": ["example.com/kept"]}}),
    ]
    said = capsys.readouterr().err
    assert f"monitoring/grafana  finalizer {OWED}\n" in said
    assert "free" not in said
    assert "deleted: load balancer myeks-ingress-alb" in said


def test_nothing_is_done_where_nobody_can_agree(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda _: pytest.fail("asked"))
    with pytest.raises(Failure, match=r"Start the controller again, or run \./lab down -s dev --yes"):
        world.clear(yes=False)
    assert world.done == []


@pytest.mark.parametrize("agrees", [True, False])
def test_on_a_terminal_the_user_is_asked(world: World, monkeypatch: pytest.MonkeyPatch, agrees: bool):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda _: agrees)
    if agrees:
        world.clear(yes=False)
    else:
        with pytest.raises(typer.Exit):
            world.clear(yes=False)
    assert bool(world.done) is agrees


def ready(replicas: int) -> dict[str, Any]:
    image = "public.ecr.aws/eks/aws-load-balancer-controller:v3.5.0"
    return {"spec": {"template": {"spec": {"containers": [{"image": image}]}}}, "status": {"readyReplicas": replicas}}


def test_a_controller_that_stands_lets_go_itself(world: World, capsys: pytest.CaptureFixture[str]):
    world.answers["/apis/apps/v1/deployments"] = [ready(1)]
    world.clear()
    assert world.done == []
    assert capsys.readouterr().err == ""


def test_a_controller_that_starts_meanwhile_lets_go_itself(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ingresses, "COMES_BACK_WITHIN", 60.0)
    looks = iter([0, 0, 1])
    monkeypatch.setattr(ingresses, "controller_is_ready", lambda _: bool(next(looks)))
    world.clear()
    assert world.done == []


def test_without_such_an_ingress_nobody_is_asked_for_the_controller(world: World):
    world.answers = {LISTS: [named("free", "example.com/kept")]}
    world.clear()
    assert world.done == []


def test_a_cluster_that_does_not_answer_is_the_engines_to_find_out(world: World):
    world.silent = True
    world.clear()
    world.silent = False
    world.clear(kubeconfig=None)
    assert world.done == []


def test_where_no_bindings_are_defined_the_rest_goes(world: World):
    del world.answers["/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings"]
    world.clear()
    assert world.done[-1][:2] == ("PATCH", GRAFANA)


@pytest.mark.parametrize("unasked", [True, False])
def test_as_long_as_something_stays_the_finalizer_does(world: World, unasked: bool):
    if unasked:
        world.report = report(BALANCER, unasked=[UNASKED])
    else:
        world.failed = [Failed(GROUP, "a network interface uses it")]
    with pytest.raises(Failure) as told:
        world.clear()
    assert ("iam:ListRoles" if unasked else "sg-1: a network interface uses it") in str(told.value)
    assert AGAIN in str(told.value)
    assert not [each for each in world.done if each[0] == "PATCH"]


def test_rules_that_may_not_be_deleted_are_told(world: World, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeSecurityGroupRules")

    monkeypatch.setattr(ingresses, "pages", refuse)
    with pytest.raises(Failure, match="ec2:DescribeSecurityGroupRules"):
        world.clear()
    assert world.done == []
