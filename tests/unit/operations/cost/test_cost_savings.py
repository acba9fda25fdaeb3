"""What other settings would save, and that each saving is the difference of two bills."""

from datetime import UTC, datetime

import pytest
from cost_cases import NOW, PUBLISHED, SEOUL, config, configs, moments
from hypothesis import given

from infra.config.loading import LabConfig, parse
from operations.cost.estimate import bill, lines
from operations.cost.prices.model import Item, Key, Price, Source
from operations.cost.prices.table import table
from operations.cost.savings import TOGETHER, alternatives, savings, wanted


def saved(**values: object) -> dict[str, float]:
    return {s.setting: s.hourly for s in savings(config(**values), table(SEOUL), NOW)}


# By hand: Spot 3 x 0.052 x 0.6; a node 0.052 + 120 x 0.0912 / 730 + 0.005; 3 x 80 GiB less;
# two servers with 2 x 30 GiB and two addresses.
@pytest.mark.parametrize(
    ("setting", "hourly"),
    [
        ("nodeGroup.capacityType: SPOT", 0.0936),
        ("nodeGroup.desiredSize: 2", 0.071992),
        ("nodeGroup.diskSizeGiB: 40", 0.029984),
        ("opsServers.enabled: false", 0.069496),
    ],
)
def test_each_saving_of_the_default_lab(setting: str, hourly: float):
    assert saved()[setting] == pytest.approx(hourly, abs=1e-6)


def test_all_together_is_less_than_the_sum_because_they_overlap():
    found = saved()
    together = found.pop(TOGETHER)
    # Two Spot nodes with 40 GiB, nothing else: 0.10 + 2 x 0.0208 + 80 x 0.0912 / 730 + 0.01 + 0.001370 + 0.031968.
    assert together == pytest.approx(0.418809 - (0.10 + 0.0416 + 0.009995 + 0.01 + 0.001370 + 0.031968), abs=1e-5)
    assert together < sum(found.values())


@pytest.mark.parametrize(
    ("values", "setting", "hourly"),
    [
        ({"natGateway": True}, "natGateway: false", 0.059 + 0.005),
        (PUBLISHED, "no domain", 0.0225 + 0.008 + 3 * 0.005),
        ({}, "natGateway: false", None),
        ({}, "no domain", None),
        ({"opsServers": {"enabled": False}}, "opsServers.enabled: false", None),
        ({"nodeGroup": {"capacityType": "SPOT"}}, "nodeGroup.capacityType: SPOT", None),
        ({"nodeGroup": {"desiredSize": 1}}, "nodeGroup.desiredSize: 0", None),
        ({"nodeGroup": {"minSize": 3}}, "nodeGroup.desiredSize: 2", None),
        ({"nodeGroup": {"minSize": 3}}, "nodeGroup.desiredSize and minSize: 2", 0.071992),
        ({"nodeGroup": {"minSize": 1}}, "nodeGroup.desiredSize: 2", 0.071992),
        ({"nodeGroup": {"diskSizeGiB": 40}}, "nodeGroup.diskSizeGiB: 40", None),
    ],
)
def test_only_what_there_is_can_be_saved(values: dict[str, object], setting: str, hourly: float | None):
    assert saved(**values).get(setting) == (None if hourly is None else pytest.approx(hourly, abs=1e-6))


def test_a_newer_version_saves_the_extended_support_that_begins_within_the_month():
    lab = config(kubernetesVersion="1.34", supportType="EXTENDED")
    (soon,) = [s for s in savings(lab, table(SEOUL), NOW) if s.setting.startswith("kubernetesVersion")]
    assert soon.hourly == 0
    assert soon.monthly == pytest.approx(526 * 0.5)
    late = datetime(2026, 12, 3, tzinfo=UTC)
    assert savings(lab, table(SEOUL), late)[0].hourly == pytest.approx(0.5)
    upgraded = config(kubernetesVersion="1.34")
    assert not [s for s in savings(upgraded, table(SEOUL), NOW) if s.setting.startswith("kubernetesVersion")]
    early = datetime(2026, 10, 1, tzinfo=UTC)
    assert not [s for s in savings(lab, table(SEOUL), early) if s.setting.startswith("kubernetesVersion")]


def test_the_spot_saving_says_what_it_rests_on():
    def note(**live: float) -> str:
        prices = dict(table(SEOUL))
        for name, usd in live.items():
            prices[Key(Item.SPOT_INSTANCE, name.replace("_", "."))] = Price(usd, Source.LIVE, NOW.date(), "")
        return next(s.note for s in savings(config(), prices, NOW) if s.setting.endswith("SPOT"))

    assert "60% below on demand" in note()
    assert "price of this hour" in note(t3_medium=0.02)


def test_what_cannot_be_compared_is_not_offered():
    prices = {key: price for key, price in table(SEOUL).items() if key.item is not Item.SPOT_INSTANCE}
    assert not [s for s in savings(config(), prices, NOW) if s.setting.endswith("SPOT")]


def test_the_prices_of_every_alternative_are_asked_for():
    asked = {line.key for c in wanted(config(), NOW) for line in lines(c, NOW)}
    assert Key(Item.SPOT_INSTANCE, "t3.medium") in asked
    assert Key(Item.INSTANCE, "t3.medium") in asked


@given(configs, moments)
def test_a_saving_is_the_difference_of_two_bills_and_positive(lab: LabConfig, now: datetime):
    prices = table(SEOUL)
    found = {s.setting: s for s in savings(lab, prices, now)}
    assert all(s.monthly > 0 for s in found.values())
    for alternative in alternatives(lab, now):
        saving = found.get(alternative.setting)
        difference = bill(lab, prices, now).over(730) - bill(alternative.change(lab), prices, now).over(730)
        assert (saving.monthly if saving else 0) == pytest.approx(max(0.0, difference))


def test_a_changed_lab_is_one_that_the_settings_allow():
    lab = config(natGateway=True, **PUBLISHED)
    for alternative in alternatives(lab, NOW):
        changed = alternative.change(lab)
        dumped = changed.model_dump(by_alias=True, exclude={"region", "grafana_admin_password"}, exclude_none=True)
        parse(dumped, SEOUL)
