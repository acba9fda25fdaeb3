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
    # Values of a stack with everything on, ExternalDNS included, are known to the charts.
    zone = lab.sh(
        "aws route53 create-hosted-zone --name lab.example.com --caller-reference one "
        "--query HostedZone.Id --output text"
    ).strip()
    certificate = lab.sh(
        "aws acm request-certificate --domain-name '*.lab.example.com' --validation-method DNS "
        "--query CertificateArn --output text"
    ).strip()
    lab.set(domain="lab.example.com", hostedZoneId=zone.removeprefix("/hostedzone/"), certificateArn=certificate)
    lab.set(grafanaAdminPassword="not-so-secret-9f3b")
    lab("preview")
    lab.reset()
    assert "Nothing is left" in lab("down", timeout=420).stderr
    assert lab.processes() == []
