"""The estimate shown before anything is created on AWS: each row's arithmetic."""

from datetime import date

import pytest

from infra.config import parse
from infra.cost import Bill, estimate

DAY = date(2026, 11, 24)


def bill(**values: object):
    return estimate(parse(values, "ap-northeast-2"), DAY)


def row(found: Bill, beginning: str) -> float:
    (one,) = [r.hourly for r in found.rows if r.what.startswith(beginning)]
    return one


def test_default_lab_row_by_row():
    found = bill()
    assert row(found, "control plane, standard") == pytest.approx(0.10)
    assert row(found, "nodes") == pytest.approx(3 * 0.052)
    assert row(found, "node disks") == pytest.approx(3 * 120 * 0.0912 / 730)
    assert row(found, "public IPv4 addresses: 5") == pytest.approx(5 * 0.005)
    assert found.hourly == pytest.approx(sum(r.hourly for r in found.rows))
    assert found.unpriced == ()


def test_parts_come_and_go_with_their_settings():
    whats = [r.what for r in bill(opsServers={"enabled": False}, natGateway=True).rows]
    assert "NAT gateway" in whats
    assert not any("ops server" in what for what in whats)
    assert "public IPv4 addresses: 4" in whats
    assert "load balancer of the web pages" not in whats


def test_extended_support_costs_six_times_as_much():
    config = parse({"kubernetesVersion": "1.34"}, "ap-northeast-2")
    assert row(estimate(config, date(2026, 12, 2)), "control plane, standard") == pytest.approx(0.10)
    assert row(estimate(config, date(2026, 12, 3)), "control plane, extended") == pytest.approx(0.60)


def test_a_type_without_a_price_is_named_and_not_counted_as_free():
    found = bill(nodeGroup={"instanceTypes": ["m6i.large"]})
    assert found.unpriced == ("m6i.large",)
    assert not any(r.what.startswith("nodes") for r in found.rows)
