"""Evenings of a lab with a domain: its pages get an address, a load balancer and records, and nothing of them stays.

Each is lived with charts of ours that have the real ones' names, and with the real ones when their directory has them
(see docs/rehearsal.md, "Helm charts").
"""

import shutil

import pytest

from infra.versions import CHARTS
from rehearsal.paths import charts_dir
from tests.charts import packed
from tests.rehearsal.conftest import Lab
from tests.rehearsal.evenings import NOTHING, evening

ARCHIVES = {chart.name: f"{chart.name}-{chart.version}.tgz" for chart in CHARTS}
LACKING = [name for name in ARCHIVES.values() if not (charts_dir() / name).is_file()]
MONITORING = ("grafana", "prometheus")

real = pytest.param(
    "real",
    marks=pytest.mark.skipif(
        bool(LACKING), reason=f"NOT TESTED with the real charts: {charts_dir()} lacks {', '.join(LACKING)}"
    ),
)


@pytest.fixture(scope="module", params=["ours", real])
def charted(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    """A lab that has an archive of each chart."""
    for chart in CHARTS:
        archive = lab.charts / ARCHIVES[chart.name]
        if request.param == "ours":
            archive.write_bytes(packed(chart.name, version=chart.version))
        else:
            shutil.copy(charts_dir() / archive.name, archive)
    return lab


@pytest.mark.parametrize(
    ("settings", "pages"),
    [
        ({}, ("kubeopsview", *MONITORING)),
        ({"monitoring": False}, ("kubeopsview",)),
        ({"kubeOpsView": False}, MONITORING),
    ],
    ids=["all pages", "monitoring off", "kube-ops-view off"],
)
def test_pages_are_published_and_nothing_of_them_stays(
    charted: Lab, settings: dict[str, object], pages: tuple[str, ...]
):
    with evening(charted) as lived:
        lived.up(**settings)
        lived.is_published(*pages)
        assert set(charted.json("preview")["counts"]) == {"same"}
        lived.down()


def test_a_domain_that_is_removed_from_a_standing_lab_takes_all_of_it_away(charted: Lab):
    with evening(charted) as lived:
        lived.up(monitoring=False)
        lived.is_published("kubeopsview")
        charted.set(domain=None, hostedZoneId=None, certificateArn=None)
        charted("up")
        assert lived.account.made() == NOTHING
        assert lived.addresses() == {}
        assert "Nothing is left" in charted("down").stderr
        assert charted.left_running() == []


def test_a_controller_that_is_gone_first_is_named_and_what_it_made_is_taken_away_with_consent(charted: Lab):
    with evening(charted) as lived:
        lived.up(monitoring=False)
        lived.is_published("kubeopsview")
        lived.without_controller()
        before = lived.account.made()
        said = charted("down", code=1).stderr
        assert "These Ingresses wait for the AWS Load Balancer Controller, which has no ready pod" in said
        assert "kube-system/kubeopsview" in said
        assert "./lab down --yes" in said
        assert lived.account.made() == before
        lived.down("--yes")
