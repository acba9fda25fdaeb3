"""A Kubernetes version is chosen while it is supported in the way that the settings ask for, and not a day longer."""

from datetime import date

import pytest
from config_cases import SEOUL

from infra.config.loading import Problem, parse
from infra.config.rules.support import unsupported

LAST_STANDARD = date(2026, 12, 2)
FIRST_EXTENDED = date(2026, 12, 3)
LAST_EXTENDED = date(2027, 12, 2)
FIRST_WITHOUT = date(2027, 12, 3)


def told(today: date, **values: object) -> list[Problem]:
    return list(unsupported(parse({"kubernetesVersion": "1.34", **values}, SEOUL), today))


def test_a_version_is_chosen_until_the_last_day_of_its_standard_support():
    assert told(LAST_STANDARD) == []
    (problem,) = told(FIRST_EXTENDED)
    assert problem.key == "myeks:kubernetesVersion"
    assert "ended on 2026-12-02" in problem.what
    assert '"1.36" or "1.35"' in problem.remedy
    assert "myeks:supportType to EXTENDED" in problem.remedy


@pytest.mark.parametrize("today", [LAST_STANDARD, FIRST_EXTENDED, LAST_EXTENDED])
def test_with_extended_support_it_is_chosen_a_year_longer(today: date):
    assert told(today, supportType="EXTENDED") == []


@pytest.mark.parametrize("kind", ["STANDARD", "EXTENDED"])
def test_after_that_nothing_helps(kind: str):
    (problem,) = told(FIRST_WITHOUT, supportType=kind)
    assert "has not supported 1.34 since 2027-12-02" in problem.what
    assert "EXTENDED" not in problem.remedy
    assert problem.remedy == "Use a newer release of this lab."


def test_only_versions_of_that_day_are_offered():
    (problem,) = told(date(2027, 5, 1))
    assert problem.remedy.startswith('Write "1.36",')
    (problem,) = told(date(2027, 9, 1))
    assert problem.remedy.startswith("Use a newer release of this lab,")
