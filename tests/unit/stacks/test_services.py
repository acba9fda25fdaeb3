"""Services of type LoadBalancer that are not the stack's: which they are, and that they go with consent alone."""

from collections.abc import Callable
from typing import Any

import pytest
import typer

from operations.cleanup import LabIdentity
from stacks import services
from stacks.aws_lab import LabSession
from stacks.cluster_facts import NotThere
from stacks.console import Progress
from stacks.errors import CannotAsk, Failure
from stacks.services import Cluster, Service
from stacks.state import CLUSTER, RELEASE, StackState
from tests.unit.stacks.sweep_world import STACK

HELD = StackState(
    {
        CLUSTER: frozenset({"myeks"}),
        services.TYPE: frozenset({"default/own"}),
        RELEASE: frozenset({"monitoring/kube-prometheus-stack"}),
    },
    kubeconfig={"any": "thing"},
)
SHOP = Service("default", "shop", "a01.elb.amazonaws.com", ("service.kubernetes.io/load-balancer-cleanup",))
AGAIN = "./lab down -s dev"


class Fake(Cluster):
    """A cluster whose Services need some looks to go."""

    def __init__(self, *there: Service, looks: int = 0, error: str = "") -> None:
        super().__init__(Api())
        self.there = list(there)
        self.looks = looks
        self.error = error
        self.asked: list[str] = []

    def of_load_balancers(self, held: StackState) -> list[Service]:
        assert held is HELD
        if self.error:
            raise CannotAsk(self.error)
        if self.asked:
            self.looks -= 1
            if self.looks < 0:
                self.there = [each for each in self.there if str(each) not in self.asked]
        return self.there

    def delete(self, service: Service) -> None:
        self.asked.append(str(service))


@pytest.fixture(autouse=True)
def nobody_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def opened(held: StackState) -> LabSession:
    return LabSession(STACK, LabIdentity("myeks", "ap-northeast-2"), lambda _: None, held)


def clear(cluster: Cluster, *, yes: bool = True) -> None:
    services.clear(opened(HELD), Progress(), yes=yes, again=AGAIN, cluster=cluster)


def test_a_service_goes_and_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Fake(SHOP, looks=3)
    clear(cluster)
    assert cluster.asked == ["default/shop"]
    assert cluster.there == []
    said = capsys.readouterr().err
    assert "default/shop  a01.elb.amazonaws.com" in said
    assert "deleted with their load balancers: Service default/shop" in said


@pytest.mark.parametrize("agrees", [True, False])
def test_it_goes_with_consent_alone(monkeypatch: pytest.MonkeyPatch, agrees: bool) -> None:
    questions: list[str] = []

    def confirm(question: str) -> bool:
        questions.append(question)
        return agrees

    monkeypatch.setattr(typer, "confirm", confirm)
    cluster = Fake(SHOP)
    if agrees:
        clear(cluster, yes=False)
    else:
        with pytest.raises(typer.Exit) as left:
            clear(cluster, yes=False)
        assert left.value.exit_code == 1
    assert questions == ["Delete it first?"]
    assert cluster.asked == (["default/shop"] if agrees else [])


def test_nobody_is_asked_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(typer, "confirm", lambda _: pytest.fail("asked"))
    clear(Fake(), yes=False)
    assert capsys.readouterr().err == ""


def test_a_service_that_stays_is_told_with_what_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "GOES_WITHIN", 0.0)
    with pytest.raises(Failure) as failed:
        clear(Fake(SHOP, looks=9))
    assert "default/shop (finalizer service.kubernetes.io/load-balancer-cleanup)" in str(failed.value)
    assert f"run {AGAIN} again" in str(failed.value)


def test_a_cluster_that_does_not_answer_is_told_and_the_engine_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    clear(Fake(SHOP, error="The API server did not answer. Try again."))
    said = capsys.readouterr().err
    assert "could not be asked for Services of type LoadBalancer: The API server did not answer. Try again. The" in said


def test_a_state_without_a_kubeconfig_has_no_cluster_to_ask() -> None:
    services.clear(opened(StackState()), Progress(), yes=False, again=AGAIN)


def found(name: str, kind: str = "LoadBalancer", release: str = "", **ingress: str) -> dict[str, Any]:
    namespace, _, release_name = release.partition("/")
    marks = {"meta.helm.sh/release-name": release_name, "meta.helm.sh/release-namespace": namespace}
    return {
        "metadata": {"namespace": "default", "name": name, **({"annotations": marks} if release else {})},
        "spec": {"type": kind},
        "status": {"loadBalancer": {"ingress": [ingress]} if ingress else {}},
    }


class Api:
    """An API server with Services of every kind."""

    def __init__(self, refusal: CannotAsk | None = None) -> None:
        self.refusal = refusal
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, method: str, path: str, body: Any) -> dict[str, Any]:
        self.asked.append((method, path, body))
        if self.refusal:
            raise self.refusal
        return {
            "items": [
                found("shop", hostname="a01.elb.amazonaws.com"),
                found("kubernetes", "ClusterIP"),
                found("own"),
                found("grafana", release="monitoring/kube-prometheus-stack"),
                found("mine", release="default/kube-prometheus-stack"),
            ]
        }


def test_what_the_engine_or_its_releases_made_is_the_stacks() -> None:
    api = Api()
    told = [(each.name, each.address) for each in Cluster(api).of_load_balancers(HELD)]
    assert told == [("shop", "a01.elb.amazonaws.com"), ("mine", "")]
    assert api.asked == [("GET", "/api/v1/services", None)]


def test_a_service_is_deleted_by_its_own_path() -> None:
    api = Api()
    Cluster(api).delete(SHOP)
    assert api.asked == [("DELETE", "/api/v1/namespaces/default/services/shop", None)]


@pytest.mark.parametrize(
    ("ask", "refusal", "raises"),
    [
        (lambda cluster: cluster.delete(SHOP), NotThere("404"), False),
        (lambda cluster: cluster.delete(SHOP), CannotAsk("403"), True),
        (lambda cluster: cluster.of_load_balancers(HELD), NotThere("404"), True),
        (lambda cluster: cluster.of_load_balancers(HELD), CannotAsk("401"), True),
    ],
)
def test_what_is_gone_is_fine_and_a_refusal_is_told(
    ask: Callable[[Cluster], Any], refusal: CannotAsk, raises: bool
) -> None:
    cluster = Cluster(Api(refusal))
    if raises:
        with pytest.raises(CannotAsk, match=str(refusal)):
            ask(cluster)
    else:
        ask(cluster)
