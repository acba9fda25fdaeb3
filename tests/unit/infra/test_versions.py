"""Every pinned version is one, and what goes with a Kubernetes version is of that version."""

import re
from datetime import date

import pytest

from infra import versions


@pytest.mark.parametrize("version", versions.KUBERNETES_VERSIONS)
def test_tools_are_of_the_clusters_minor_version(version: str):
    found = versions.KUBERNETES_VERSIONS[version]
    assert found.kubectl.startswith(f"{version}.")
    assert found.tools_image_tag.startswith(f"{version}.")
    assert versions.tools_image(version) == f"alpine/k8s:{found.tools_image_tag}"


def test_the_dates_are_those_of_eks():
    assert {name: one.standard_support_until for name, one in versions.KUBERNETES_VERSIONS.items()} == {
        "1.36": date(2027, 8, 2),
        "1.35": date(2027, 3, 27),
        "1.34": date(2026, 12, 2),
    }


def test_extended_support_is_a_year_longer():
    for one in versions.KUBERNETES_VERSIONS.values():
        standard = one.standard_support_until
        assert one.extended_support_until == standard.replace(year=standard.year + 1)


def test_the_default_is_the_version_that_is_supported_longest():
    longest = max(versions.KUBERNETES_VERSIONS.items(), key=lambda item: item[1].standard_support_until)
    assert longest[0] == versions.DEFAULT_KUBERNETES_VERSION


def test_charts_are_pinned_exactly_and_come_by_https():
    assert len({chart.name for chart in versions.CHARTS}) == 4
    for chart in versions.CHARTS:
        assert re.fullmatch(r"\d+\.\d+\.\d+", chart.version)
        assert chart.repository.startswith("https://")
    for version in (versions.HELM_VERSION, versions.KREW_VERSION, versions.AWS_CLI_VERSION):
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_an_unsupported_version_has_no_image():
    with pytest.raises(KeyError):
        versions.tools_image("1.31")
