"""How the API server and AWS are asked of what takes long; both are played."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clients import aws
from infra.config.loading import parse
from stacks import cluster_facts, wait_probes
from stacks.errors import CannotAsk
from stacks.stack import Stack
from stacks.wait_probes import Probes
from stacks.waits import Resource

STACK = Stack("dev", Path("Pulumi.dev.yaml"), parse({}, "ap-northeast-2"))
GONE = ". Run this"
APPS = {
    "/apis/apps/v1": {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]},
    "/apis/networking.k8s.io/v1": {"resources": [{"name": "ingresses", "kind": "Ingress", "namespaced": True}]},
    "/api/v1": {"resources": [{"name": "namespaces", "kind": "Namespace", "namespaced": False}]},
}


class Api:
    """The cluster's answers by path, and EKS's and EC2's by operation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, Any] = dict(APPS)
        self.asked: list[str] = []
        cluster = {"endpoint": "https://one", "certificateAuthority": {"data": "Y2E="}, "status": "ACTIVE"}
        self.aws: dict[str, Any] = {"describe_cluster": {"cluster": cluster}}
        self.calls: list[tuple[str, Any]] = []
        monkeypatch.setattr(cluster_facts, "entered", lambda _: self.get)
        monkeypatch.setattr(aws, "clients", lambda *_: lambda _service: self)

    def get(self, path: str) -> Any:
        self.asked.append(path)
        if path not in self.answers:
            raise CannotAsk(path)
        return self.answers[path]

    def __getattr__(self, operation: str) -> Any:
        def call(**asked: Any) -> Any:
            self.calls.append((operation, asked))
            answer = self.aws[operation]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return Api(monkeypatch)


def of_cluster(version: str, kind: str, name: str, space: str = "pages", **more: Any) -> Resource:
    about = {"name": name, "namespace": space}
    inputs = {"apiVersion": version, "kind": kind, "metadata": about}
    return Resource("u", f"kubernetes:{version}:{kind}", more.get("operation", "delete"), more.get("id", ""), inputs)


def controller(ready: int | None) -> dict[str, Any]:
    image = "public.ecr.aws/eks/aws-load-balancer-controller:v3.5.0"
    containers = {"template": {"spec": {"containers": [{"image": image}]}}}
    return {"spec": containers, "status": {"readyReplicas": ready} if ready else {}}


@pytest.mark.parametrize(
    ("deployments", "gone"),
    [([controller(None)], True), ([], True), ([controller(1)], False), ([controller(None), controller(2)], False)],
)
def test_an_ingress_says_whether_its_controller_is_gone(api: Api, deployments: list[Any], gone: bool):
    about = {"name": "x", "deletionTimestamp": "now", "finalizers": ["group.ingress.k8s.aws/study"]}
    api.answers["/apis/networking.k8s.io/v1/namespaces/pages/ingresses/x"] = {"metadata": about}
    api.answers["/apis/apps/v1/deployments"] = {"items": deployments}
    said = Probes(STACK, GONE)(of_cluster("networking.k8s.io/v1", "Ingress", "x", id="pages/x"))
    assert said.startswith("finalizer group.ingress.k8s.aws/study, taken off by the AWS Load Balancer Controller")
    assert said.endswith(": it has no ready pod. Run this") is gone


def test_an_ingress_that_gets_no_address_says_its_newest_warning(api: Api):
    api.answers["/apis/networking.k8s.io/v1/namespaces/pages/ingresses/x"] = {"metadata": {"name": "x"}}
    wanted = "fieldSelector=involvedObject.kind%3DIngress%2CinvolvedObject.name%3Dx"
    event = {"type": "Warning", "reason": "FailedBuildModel", "message": "no certificate", "lastTimestamp": "1"}
    api.answers[f"/api/v1/namespaces/pages/events?{wanted}"] = {"items": [event]}
    probes = Probes(STACK, GONE)
    assert probes(of_cluster("networking.k8s.io/v1", "Ingress", "x", operation="create")) == (
        "FailedBuildModel: no certificate"
    )
    # What kinds there are is asked once.
    probes(of_cluster("networking.k8s.io/v1", "Ingress", "x", operation="create"))
    assert api.asked.count("/apis/networking.k8s.io/v1") == 1


@pytest.mark.parametrize(
    ("deployments", "told"),
    [
        ([], "an address, which the AWS Load Balancer Controller gives: it has no ready pod"),
        ([controller(1)], "an address, which the AWS Load Balancer Controller gives"),
    ],
)
def test_an_ingress_without_address_and_warning_says_who_owes_it(api: Api, deployments: list[Any], told: str):
    path = "/apis/networking.k8s.io/v1/namespaces/pages/ingresses/x"
    api.answers[path] = {"metadata": {"name": "x"}, "status": {"loadBalancer": {}}}
    wanted = "fieldSelector=involvedObject.kind%3DIngress%2CinvolvedObject.name%3Dx"
    api.answers[f"/api/v1/namespaces/pages/events?{wanted}"] = {"items": []}
    api.answers["/apis/apps/v1/deployments"] = {"items": deployments}
    resource = of_cluster("networking.k8s.io/v1", "Ingress", "x", operation="create")
    assert Probes(STACK, GONE)(resource) == told
    api.answers[path]["status"] = {"loadBalancer": {"ingress": [{"hostname": "one.elb.amazonaws.com"}]}}
    assert Probes(STACK, GONE)(resource) == ""


def test_a_namespace_is_asked_for_without_one(api: Api):
    condition = {"type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 1 instance"}
    about = {"name": "pages", "deletionTimestamp": "now"}
    api.answers["/api/v1/namespaces/pages"] = {"metadata": about, "status": {"conditions": [condition]}}
    said = Probes(STACK, GONE)(of_cluster("v1", "Namespace", "pages", space="", id="pages"))
    assert said == "pods. has 1 instance"


UNREADY = {
    "metadata": {"name": "web-1", "labels": {"app": "web", "pod-template-hash": "1"}},
    "status": {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]},
}
OTHER = {**UNREADY, "metadata": {"name": "db-1", "labels": {"app": "db"}}}
HOOKED = {**UNREADY, "metadata": {"name": "hook-1", "labels": {"job": "hook"}}}


def made(name: str, mark: str, value: str, label: tuple[str, str], **status: Any) -> dict[str, Any]:
    about = {"name": name, "annotations": {mark: value}}
    return {"metadata": about, "spec": {"selector": {"matchLabels": dict([label])}}, "status": status}


def test_a_deployment_is_told_by_its_pods(api: Api):
    found = made("web", "any", "", ("app", "web"))
    api.answers["/apis/apps/v1/namespaces/pages/deployments/web"] = found
    api.answers["/api/v1/namespaces/pages/pods?labelSelector=app%3Dweb"] = {"items": [UNREADY]}
    said = Probes(STACK, GONE)(of_cluster("apps/v1", "Deployment", "web", operation="create"))
    assert said == "pod web-1 (ErrImagePull)"


def test_a_deployment_that_goes_is_told_by_its_last_pods(api: Api):
    found = made("web", "any", "", ("app", "web"))
    found["metadata"] |= {"deletionTimestamp": "now", "finalizers": ["foregroundDeletion"]}
    ending = {"metadata": {"name": "web-1", "deletionTimestamp": "now"}, "status": {"phase": "Running"}}
    api.answers["/apis/apps/v1/namespaces/pages/deployments/web"] = found
    api.answers["/api/v1/namespaces/pages/pods?labelSelector=app%3Dweb"] = {"items": [ending]}
    assert Probes(STACK, GONE)(of_cluster("apps/v1", "Deployment", "web", id="pages/web")) == (
        "pod web-1 (it is ending); finalizer foregroundDeletion, taken off by the garbage collector when what belongs "
        "to it is gone"
    )


def test_a_release_is_told_by_the_pods_of_its_chart_and_of_its_hooks(api: Api):
    base = "/apis/apps/v1/namespaces/pages"
    api.answers |= {
        f"{base}/deployments": {
            "items": [
                made("web", "meta.helm.sh/release-name", "shop", ("app", "web")),
                made("db", "meta.helm.sh/release-name", "another", ("app", "db")),
            ]
        },
        f"{base}/statefulsets": {"items": []},
        f"{base}/daemonsets": {"items": []},
        "/apis/batch/v1/namespaces/pages/jobs": {"items": [made("h", "helm.sh/hook", "pre-install", ("job", "hook"))]},
        "/api/v1/namespaces/pages/pods": {"items": [UNREADY, OTHER, HOOKED]},
    }
    release = Resource("u", "kubernetes:helm.sh/v3:Release", "create", "", {"name": "shop", "namespace": "pages"})
    assert Probes(STACK, GONE)(release) == "pod web-1 (ErrImagePull), pod hook-1 (ErrImagePull)"


@pytest.mark.parametrize(
    ("kind", "identifier", "inputs", "call"),
    [
        ("cluster:Cluster", "", {"name": "myeks"}, ("describe_cluster", {"name": "myeks"})),
        (
            "nodeGroup:NodeGroup",
            "",
            {"clusterName": "myeks", "nodeGroupName": "ng1"},
            ("describe_nodegroup", {"clusterName": "myeks", "nodegroupName": "ng1"}),
        ),
        (
            "nodeGroup:NodeGroup",
            "myeks:ng1",
            {},
            ("describe_nodegroup", {"clusterName": "myeks", "nodegroupName": "ng1"}),
        ),
        (
            "addon:Addon",
            "",
            {"clusterName": "myeks", "addonName": "coredns"},
            ("describe_addon", {"clusterName": "myeks", "addonName": "coredns"}),
        ),
    ],
)
def test_eks_is_asked_for_what_it_makes(
    api: Api, kind: str, identifier: str, inputs: dict[str, str], call: tuple[str, Any]
):
    api.aws |= {f"describe_{each}": {each: {"status": "CREATING"}} for each in ("cluster", "nodegroup", "addon")}
    said = Probes(STACK, GONE)(Resource("u", f"aws:eks/{kind}", "create", identifier, inputs))
    assert said == "EKS, which has it CREATING"
    assert api.calls == [call]


@pytest.mark.parametrize(
    ("kind", "filtered"),
    [
        ("subnet:Subnet", {"Name": "subnet-id", "Values": ["id-1"]}),
        ("securityGroup:SecurityGroup", {"Name": "group-id", "Values": ["id-1"]}),
        ("vpc:Vpc", {"Name": "vpc-id", "Values": ["id-1"]}),
        ("internetGateway:InternetGateway", {"Name": "vpc-id", "Values": ["vpc-1"]}),
    ],
)
def test_a_part_of_the_network_is_held_by_interfaces(api: Api, kind: str, filtered: dict[str, Any]):
    held = {"NetworkInterfaceId": "eni-1", "Description": "ELB app/x/1", "Association": {"PublicIp": "192.0.2.1"}}
    inner = {"NetworkInterfaceId": "eni-2", "Description": "inner"}
    api.aws["describe_network_interfaces"] = {"NetworkInterfaces": [held, inner]}
    told = Probes(STACK, GONE)(Resource("u", f"aws:ec2/{kind}", "delete", "id-1", {"vpcId": "vpc-1"}))
    assert told.startswith("network interface eni-1 (ELB app/x/1)")
    # A gateway is not held by what has no public address.
    assert ("eni-2" in told) is ("Gateway" not in kind)
    assert api.calls == [("describe_network_interfaces", {"Filters": [filtered]})]
    # While it is changed nothing holds it.
    assert Probes(STACK, GONE)(Resource("u", f"aws:ec2/{kind}", "update", "id-1", {"vpcId": "vpc-1"})) == ""


def test_what_cannot_be_asked_is_silent(api: Api):
    denied = ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeCluster")
    api.aws["describe_cluster"] = denied
    assert Probes(STACK, GONE)(Resource("u", "aws:eks/cluster:Cluster", "create", "", {"name": "myeks"})) == ""
    assert Probes(STACK, GONE)(of_cluster("apps/v1", "Deployment", "web")) == ""
    assert Probes(STACK, GONE)(Resource("u", "aws:iam/role:Role", "create")) == ""
    assert api.asked == []


def test_when_the_run_is_over_nothing_is_asked(api: Api):
    probes = Probes(STACK, GONE)
    probes.is_over = lambda: True
    assert probes(Resource("u", "aws:eks/cluster:Cluster", "create", "", {"name": "myeks"})) == ""
    assert probes(of_cluster("apps/v1", "Deployment", "web")) == ""
    assert (api.calls, api.asked) == ([], [])


@pytest.mark.parametrize(("builds", "command"), [(False, "./lab down -s dev --yes"), (True, "")])
def test_only_down_names_the_command_that_goes_on(builds: bool, command: str, api: Api):
    about = {"name": "x", "deletionTimestamp": "now", "finalizers": ["ingress.k8s.aws/resources"]}
    api.answers["/apis/networking.k8s.io/v1/namespaces/pages/ingresses/x"] = {"metadata": about}
    api.answers["/apis/apps/v1/deployments"] = {"items": []}
    now, told = [0.0], list[str]()
    reporter = wait_probes.reporter(STACK, told.append, builds=builds)
    reporter._clock = lambda: now[0]  # pyright: ignore[reportPrivateUsage]
    reporter.begun(of_cluster("networking.k8s.io/v1", "Ingress", "x"))
    now[0] = 12
    reporter.look()
    assert "no ready pod" in told[0]
    assert ("lab down" in told[0]) is bool(command)
    assert command in told[0]
