"""The project's own price table, so that an estimate needs neither credentials nor a network.

The numbers are data and stand in `regions.yaml` and `instances.csv`, each with its source and the day on which
that showed it.
"""

from __future__ import annotations

import csv
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict

from operations.cost.prices.model import Item, Key, Price, Prices, Source

HERE: Final = Path(__file__).parent

SPOT_DISCOUNT: Final = 0.6
"""Share that Spot is assumed to be below on demand. In Seoul t3.small and t3.xlarge stood 60 to 62 % below, and
t3a.medium and t3a.large 52 to 62 %, in a snapshot of the public SkyPilot catalogue (skypilot-catalog, v8), seen
2026-11-24. Spot moves all the time; `lab cost` with credentials asks for the price of the hour."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TableSource(_Strict):
    """Who showed prices, and when."""

    seen: date
    what: str


class _Instances(_Strict):
    file: str
    source: str


class _Data(_Strict):
    sources: dict[str, TableSource]
    pages: dict[Item, str]
    instances: _Instances
    regions: dict[str, dict[Item, tuple[float, str]]]


def table(region: str) -> Prices:
    """Every price that the table has for a region; none where it does not know the region."""
    data = _data()
    prices = {
        Key(item): Price(usd, Source.TABLE, data.sources[source].seen, data.pages[item])
        for item, (usd, source) in data.regions.get(region, {}).items()
    }
    seen = data.sources[data.instances.source].seen
    for name, usd in _instances().get(region, {}).items():
        prices[Key(Item.INSTANCE, name)] = Price(usd, Source.TABLE, seen, data.pages[Item.INSTANCE])
        prices[Key(Item.SPOT_INSTANCE, name)] = Price(
            usd * (1 - SPOT_DISCOUNT), Source.ASSUMED, seen, data.pages[Item.SPOT_INSTANCE]
        )
    return prices


def page(item: Item) -> str:
    """AWS's page on which an item's price can be looked up."""
    return _data().pages[item]


@lru_cache(maxsize=1)
def _data() -> _Data:
    return _Data.model_validate(yaml.safe_load((HERE / "regions.yaml").read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def _instances() -> dict[str, dict[str, float]]:
    """Region → instance type → USD an hour."""
    by_region: dict[str, dict[str, float]] = {}
    with (HERE / _data().instances.file).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = row.pop("instance_type")
            for region, usd in row.items():
                if usd:
                    by_region.setdefault(region, {})[name] = float(usd)
    return by_region
