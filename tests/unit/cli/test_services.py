"""Services of type LoadBalancer that are not the stack's: which they are, and that they go with consent alone."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from kubernetes import client, config

from cli import services
from cli.console import Progress
from cli.failures import CannotAsk, Failure
from cli.recorded import CLUSTER, RELEASE, Recorded
from cli.services import Cluster, Service

HELD = Recorded(
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
        super().__init__({})
        self.there = list(there)
        self.looks = looks
        self.error = error
        self.asked: list[str] = []

    def of_load_balancers(self, held: Recorded) -> list[Service]:
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


def clear(cluster: Cluster, *, yes: bool = True) -> None:
    services.clear(HELD, Progress(), yes=yes, again=AGAIN, cluster=cluster)


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
    clear(Fake(SHOP, error="connection refused"))
    assert "could not be asked for Services of type LoadBalancer: connection refused" in capsys.readouterr().err


def test_a_state_without_a_kubeconfig_has_no_cluster_to_ask() -> None:
    services.clear(Recorded(), Progress(), yes=False, again=AGAIN)


def found(name: str, kind: str = "LoadBalancer", release: str = "") -> Any:
    namespace, _, release_name = release.partition("/")
    marks = {"meta.helm.sh/release-name": release_name, "meta.helm.sh/release-namespace": namespace} if release else {}
    return SimpleNamespace(
        metadata=SimpleNamespace(namespace="default", name=name, annotations=marks or None, finalizers=None),
        spec=SimpleNamespace(type=kind),
        status=SimpleNamespace(load_balancer=SimpleNamespace(ingress=None)),
    )


class Api:
    """The client library's own, with Services of every kind."""

    error: Exception | None = None

    def __init__(self, _: object) -> None:
        pass

    def list_service_for_all_namespaces(self, **_: Any) -> Any:
        if self.error:
            raise self.error
        return SimpleNamespace(
            items=[
                found("shop"),
                found("kubernetes", "ClusterIP"),
                found("own"),
                found("grafana", release="monitoring/kube-prometheus-stack"),
                found("mine", release="default/kube-prometheus-stack"),
            ]
        )

    def delete_namespaced_service(self, name: str, namespace: str, **_: Any) -> None:
        if self.error:
            raise self.error


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> type[Api]:
    monkeypatch.setattr(client, "CoreV1Api", Api)
    monkeypatch.setattr(config, "new_client_from_config_dict", lambda _: None)
    monkeypatch.setattr(Api, "error", None)
    return Api


@pytest.mark.usefixtures("api")
def test_what_the_engine_or_its_releases_made_is_the_stacks() -> None:
    assert [each.name for each in Cluster("{}").of_load_balancers(HELD)] == ["shop", "mine"]


@pytest.mark.parametrize(
    ("ask", "status", "raises"),
    [
        (lambda cluster: cluster.delete(SHOP), 404, False),
        (lambda cluster: cluster.delete(SHOP), 403, True),
        (lambda cluster: cluster.of_load_balancers(HELD), 404, True),
        (lambda cluster: cluster.of_load_balancers(HELD), 401, True),
    ],
)
def test_what_is_gone_is_fine_and_a_refusal_is_told(
    api: type[Api], monkeypatch: pytest.MonkeyPatch, ask: Callable[[Cluster], Any], status: int, raises: bool
) -> None:
    monkeypatch.setattr(api, "error", client.ApiException(status=status, reason="so"))
    if raises:
        with pytest.raises(CannotAsk, match=str(status)):
            ask(Cluster({}))
    else:
        ask(Cluster({}))
