"""How a program's releases are led to charts on this machine, and that a wrong value stops everything."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import Ingress

from rehearsal.charts.directory import Charts
from rehearsal.charts.releases import RELEASE, BadReleases, Releases
from rehearsal.charts.repository import Pin
from tests.charts import packed
from tests.unit import mocks

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def charts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Charts:
    """The chart web is there, no other is."""
    monkeypatch.setenv("MYEKS_LAB_CHARTS", str(tmp_path / "charts"))
    monkeypatch.setenv("MYEKS_LAB_OFFLINE", "1")
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "web-1.0.0.tgz").write_bytes(packed("web"))
    return Charts(tmp_path / "shelf")


def release(name: str, values: Any, chart: str = "web", release_name: str | None = None) -> Release:
    return Release(
        name,
        name=release_name,
        chart=chart,
        version="1.0.0",
        repository_opts=RepositoryOptsArgs(repo=NOWHERE),
        values=values,
    )


def run(charts: Charts, program: Callable[[], object], state: list[dict[str, Any]] | None = None) -> mocks.Graph:
    releases = Releases(charts, [Pin("web", "1.0.0", NOWHERE)], state or [])

    def made() -> None:
        program()

    return mocks.run(lambda: releases.around(made))


def test_a_release_gets_an_archive_on_this_machine(charts: Charts, tmp_path: Path):
    class Group(pulumi.ComponentResource):
        """As the lab's components: its releases have a parent."""

        def __init__(self) -> None:
            super().__init__("test:components:Group", "group")
            own = pulumi.ResourceOptions(parent=self)
            options = RepositoryOptsArgs(repo=NOWHERE)
            values = {"replicas": 1}
            Release("web", chart="web", version="1.0.0", repository_opts=options, values=values, opts=own)

    made = run(charts, Group).one(RELEASE)
    assert Path(made.inputs["chart"]).read_bytes() == packed("web")
    assert Path(made.inputs["chart"]).is_relative_to(tmp_path / "shelf")
    assert "repositoryOpts" not in made.inputs
    assert (made.inputs["version"], made.inputs["values"]) == ("1.0.0", {"replicas": 1})
    assert made.options["replaceOnChanges"] == []


@pytest.mark.parametrize(
    "metadata", [ObjectMetaArgs(name="page", annotations={"own": "1"}), {"annotations": {"own": "1"}}]
)
@pytest.mark.parametrize(("chart", "added"), [("web", {}), ("other", {"pulumi.com/skipAwait": "true"})])
def test_an_ingress_is_waited_for_only_when_every_chart_is_there(
    charts: Charts, metadata: Any, chart: str, added: dict[str, str]
):
    def program() -> None:
        release("controller", {}, chart)
        Ingress("page", metadata=metadata)

    made = run(charts, program).one("kubernetes:networking.k8s.io/v1:Ingress")
    assert made.inputs["metadata"]["annotations"] == {"own": "1", **added}


def test_one_without_a_chart_gets_the_empty_one_and_keeps_its_values(charts: Charts, tmp_path: Path):
    made = run(charts, lambda: release("other", {"any": "thing"}, "other")).one(RELEASE)
    assert made.inputs["chart"] == str(tmp_path / "shelf" / "recorded" / "other-1.0.0.tgz")
    assert made.inputs["values"] == {"any": "thing"}


def test_what_was_recorded_is_replaced_by_the_real_chart(charts: Charts, tmp_path: Path):
    recorded = str(tmp_path / "shelf" / "recorded" / "web-1.0.0.tgz")
    state = [
        {"type": RELEASE, "urn": f"urn:pulumi:test::myeks::{RELEASE}::{name}", "inputs": {"chart": chart}}
        for name, chart in (("web", recorded), ("again", str(tmp_path / "shelf" / "0123" / "web-1.0.0.tgz")))
    ]
    graph = run(charts, lambda: [release("web", {}), release("again", {})], state)
    # Helm would not install a chart's own kinds with an upgrade.
    assert graph.named("web").options["replaceOnChanges"] == ["chart"]
    assert graph.named("web").options["deleteBeforeReplace"] is True
    assert graph.named("again").options["replaceOnChanges"] == []


def test_a_chart_by_a_path_is_left_alone(charts: Charts):
    made = run(charts, lambda: Release("local", chart="./mine", values={"any": 1})).one(RELEASE)
    assert made.inputs["chart"] == "./mine"


def test_unknown_values_of_all_releases_are_told_and_nothing_is_made(charts: Charts, monkeypatch: pytest.MonkeyPatch):
    made: list[str] = []
    new_resource = mocks._Mocks.new_resource  # pyright: ignore[reportPrivateUsage]

    def seen(self: Any, args: Any) -> Any:
        made.append(args.name)
        return new_resource(self, args)

    monkeypatch.setattr(mocks._Mocks, "new_resource", seen)  # pyright: ignore[reportPrivateUsage]

    def program() -> None:
        Namespace("first")
        release("web", {"replica": 1, "service": {"prot": pulumi.Output.from_input(1)}}, release_name="shop")
        Namespace("between")
        release("second", {"imgae": "x"})
        release("other", {"any": "thing"}, "other")

    with pytest.raises(BadReleases) as refused:
        run(charts, program)
    assert str(refused.value).splitlines() == [
        f"Release {name}: the chart web 1.0.0 does not know the value {path}. "
        "Write it as the chart's values.yaml has it, or leave it out."
        for name, path in (("shop", "replica"), ("shop", "service.prot"), ("second", "imgae"))
    ]
    assert made == []


def test_a_broken_archive_is_told_and_nothing_is_made(charts: Charts, tmp_path: Path):
    (tmp_path / "charts" / "web-1.0.0.tgz").write_bytes(b"cut off")
    with pytest.raises(BadReleases, match=r"web-1\.0\.0\.tgz is not the chart web 1\.0\.0"):
        run(charts, lambda: release("web", {}))
