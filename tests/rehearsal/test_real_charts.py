"""The four real charts, with the lab's own values. They are nobody's to put into this repository: the test runs when
the charts' directory has them (see docs/rehearsal.md, "Helm charts")."""

import pytest

from infra.versions import CHARTS
from rehearsal.paths import charts_dir
from tests.rehearsal.conftest import Lab

ARCHIVES = [f"{chart.name}-{chart.version}.tgz" for chart in CHARTS]
LACKING = [name for name in ARCHIVES if not (charts_dir() / name).is_file()]

pytestmark = pytest.mark.skipif(
    bool(LACKING), reason=f"NOT TESTED with the real charts: {charts_dir()} lacks {', '.join(LACKING)}"
)


def test_the_real_charts_are_installed_kept_and_uninstalled(lab: Lab):
    lab.env["MYEKS_LAB_CHARTS"] = str(charts_dir())
    # The charts know the values of a lab with all on, ExternalDNS included: a plan checks them and makes nothing.
    lab.set(
        domain="lab.example.com",
        hostedZoneId="Z0123456789ABCDEFGHIJ",
        certificateArn="arn:aws:acm:ap-northeast-2:111122223333:certificate/00000000-0000-4000-8000-000000000001",
        grafanaAdminPassword="not-so-secret-9f3b",
    )
    lab("plan")
    lab.reset()
    made = lab("up", "--json", timeout=420)
    releases = lab.json("status")["releases"]
    assert {one["chart"] for one in releases} == {
        "aws-load-balancer-controller",
        "kube-ops-view",
        "kube-prometheus-stack",
    }
    for one in releases:
        assert (one["state"], one["revision"]) == ("deployed", 1), made.stderr
        assert one["pods_ready"] == one["pods"] > 0
    assert set(lab.json("preview")["counts"]) == {"same"}
    assert set(lab.json("up")["changes"]) == {"same"}
    assert "Nothing is left" in lab("down", timeout=420).stderr
    assert lab.left_running() == []
