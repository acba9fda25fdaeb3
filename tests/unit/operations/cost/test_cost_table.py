"""The dated table: complete for Seoul, honest about where each price comes from."""

import csv
from datetime import date

import pytest
import yaml

from infra.instance_types import INSTANCE_TYPES
from infra.regions import SUPPORTED_REGIONS
from operations.cost.prices import table as tables
from operations.cost.prices.model import UNITS, Item, Key, Source
from operations.cost.prices.table import SPOT_DISCOUNT, page, table

TODAY = date(2026, 11, 24)
NOT_PROVISIONED = {Item.GP3_IOPS, Item.GP3_THROUGHPUT}


def test_seoul_has_everything_that_a_lab_can_be_made_of():
    known = {key.item for key in table("ap-northeast-2")}
    assert known == set(Item) - NOT_PROVISIONED


@pytest.mark.parametrize("region", SUPPORTED_REGIONS)
def test_every_region_has_the_default_instances_and_the_control_plane(region: str):
    prices = table(region)
    for key in (
        Key(Item.INSTANCE, "t3.medium"),
        Key(Item.INSTANCE, "t3.small"),
        Key(Item.CONTROL_PLANE),
        Key(Item.EXTENDED_SUPPORT),
        Key(Item.PUBLIC_IPV4),
        Key(Item.NAT_GATEWAY),
        Key(Item.KMS_KEY),
        Key(Item.LOG_INGESTION),
        Key(Item.LOG_STORAGE),
    ):
        assert key in prices


@pytest.mark.parametrize("region", SUPPORTED_REGIONS)
def test_every_price_has_a_day_a_page_and_is_plausible(region: str):
    for key, price in table(region).items():
        assert 0 < price.usd < 20, key
        assert date(2025, 1, 1) <= price.seen <= TODAY
        assert price.page.startswith("https://aws.amazon.com/")
        assert price.source is (Source.ASSUMED if key.item is Item.SPOT_INSTANCE else Source.TABLE)


def test_extended_support_makes_sixty_cents_everywhere():
    for region in SUPPORTED_REGIONS:
        prices = table(region)
        whole = prices[Key(Item.CONTROL_PLANE)].usd + prices[Key(Item.EXTENDED_SUPPORT)].usd
        assert whole == pytest.approx(0.60)


def test_spot_is_reckoned_from_on_demand():
    prices = table("ap-northeast-2")
    for key, price in prices.items():
        if key.item is Item.SPOT_INSTANCE:
            on_demand = prices[Key(Item.INSTANCE, key.instance_type)]
            assert price.usd == pytest.approx(on_demand.usd * (1 - SPOT_DISCOUNT))


def test_instances_are_ones_that_the_lab_knows_in_regions_that_it_knows():
    with (tables.HERE / "instances.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        names = [row["instance_type"] for row in reader]
        regions = (reader.fieldnames or [])[1:]
    assert set(names) <= set(INSTANCE_TYPES)
    assert len(names) == len(set(names))
    assert list(regions) == list(SUPPORTED_REGIONS)


def test_a_larger_size_of_a_family_never_costs_less():
    """Catches a digit that was lost on the way."""
    for region in SUPPORTED_REGIONS:
        prices = table(region)
        by_family: dict[str, list[tuple[int, float, str]]] = {}
        for name, kind in INSTANCE_TYPES.items():
            price = prices.get(Key(Item.INSTANCE, name))
            if price and kind.nitro:
                by_family.setdefault(name.split(".")[0], []).append((kind.vcpus, price.usd, name))
        for family in by_family.values():
            by_core = [(vcpus, usd / vcpus, name) for vcpus, usd, name in family if vcpus > 2]
            for vcpus, a_core, name in by_core:
                assert a_core == pytest.approx(by_core[0][1], rel=0.02), (region, name, vcpus)


def test_the_file_names_known_sources_and_regions_only():
    data = yaml.safe_load((tables.HERE / "regions.yaml").read_text())
    assert set(data["regions"]) == set(SUPPORTED_REGIONS)
    used = {source for items in data["regions"].values() for _, source in items.values()}
    assert used | {data["instances"]["source"]} == set(data["sources"])


def test_an_unknown_region_has_no_prices():
    assert table("us-east-1") == {}


def test_every_item_has_a_unit_and_a_page():
    assert set(UNITS) == set(Item)
    assert all(page(item) for item in Item)
