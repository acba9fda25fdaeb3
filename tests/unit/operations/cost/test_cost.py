"""The bill: each row against numbers reckoned by hand, what has no price, and that more never costs less."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cost_cases import NOW, PUBLISHED, SEOUL, config, configs, moments
from hypothesis import given
from hypothesis import strategies as st

from components import cluster, node_group, ops_servers
from infra.config.loading import LabConfig
from operations.cost import estimate
from operations.cost.estimate import Bill, Row, bill, lines
from operations.cost.prices.model import Item, Key, Price, Prices, Source
from operations.cost.prices.table import table


def billed(now: datetime = NOW, horizon: float = 730, prices: Prices | None = None, **values: object) -> Bill:
    return bill(config(**values), table(SEOUL) if prices is None else prices, now, horizon)


def rows(found: Bill) -> dict[str, Row]:
    by_component = {row.line.component: row for row in found.rows}
    assert len(by_component) == len(found.rows), "two rows of one component: name them apart in the test"
    return by_component


# Component → (quantity, USD for one unit, USD an hour). Reckoned by hand from Seoul's list prices:
# 3 x 120 GiB x 0.0912 / 730 = 0.044975; 2 x 30 x 0.0912 / 730 = 0.007496; 1 GB / 24 x 0.76 = 0.031667;
# 7 GB x 0.0314 / 730 = 0.000301.
DEFAULT_LAB = {
    "control-plane": (1, 0.10, 0.10),
    "nodes": (3, 0.052, 0.156),
    "node-volumes": (360, 0.0912, 0.044975),
    "ops-servers": (2, 0.026, 0.052),
    "ops-volumes": (60, 0.0912, 0.007496),
    "public-ipv4": (5, 0.005, 0.025),
    "kms-key": (1, 1.0, 0.001370),
    "logs": (1 / 24, 0.76, 0.031667),
    "log-storage": (7, 0.0314, 0.000301),
}


@pytest.mark.parametrize("component", DEFAULT_LAB)
def test_each_row_of_the_default_lab(component: str):
    quantity, usd, hourly = DEFAULT_LAB[component]
    row = rows(billed())[component]
    assert row.line.quantity == pytest.approx(quantity)
    assert row.price.usd == pytest.approx(usd)
    assert row.hourly == pytest.approx(hourly, abs=1e-6)
    assert row.over(24) == pytest.approx(24 * hourly, abs=1e-4)
    assert row.over(730) == pytest.approx(730 * hourly, abs=1e-3)


def test_the_default_lab_has_these_rows_and_this_sum():
    found = billed()
    assert set(rows(found)) == set(DEFAULT_LAB)
    assert found.unpriced == ()
    assert found.hourly == pytest.approx(0.418809, abs=1e-6)
    assert found.over(24) == pytest.approx(10.0514, abs=1e-4)
    assert found.over(730) == pytest.approx(305.7305, abs=1e-4)
    assert found.over(8) == pytest.approx(3.3505, abs=1e-4)
    assert found.over(0) == 0


@pytest.mark.parametrize(
    ("values", "component", "hourly"),
    [
        ({"natGateway": True}, "nat-gateway", 0.059),
        ({"natGateway": True}, "public-ipv4", 6 * 0.005),
        ({"opsServers": {"enabled": False}}, "public-ipv4", 3 * 0.005),
        ({"opsServers": {"instanceType": "t3.medium"}}, "ops-servers", 2 * 0.052),
        (PUBLISHED, "load-balancer", 0.0225),
        (PUBLISHED, "load-balancer-capacity", 0.008),
        (PUBLISHED, "public-ipv4", 8 * 0.005),
        ({"nodeGroup": {"desiredSize": 5}}, "nodes", 5 * 0.052),
        ({"exercises": {"k07": "open"}}, "nodes", 4 * 0.052),
        ({"exercises": {"k07": "closed"}}, "public-ipv4", 6 * 0.005),
        ({"nodeGroup": {"desiredSize": 5}}, "node-volumes", 5 * 120 * 0.0912 / 730),
        ({"nodeGroup": {"diskSizeGiB": 30}}, "node-volumes", 3 * 30 * 0.0912 / 730),
        *(({"exercises": {"k08": stage}}, "secret", 0.40 / 730) for stage in ("open", "closed")),
        # An on-demand group takes its types in their order.
        ({"nodeGroup": {"instanceTypes": ["m5.large", "t3.medium"]}}, "nodes", 3 * 0.118),
        ({"nodeGroup": {"capacityType": "SPOT"}}, "nodes", 3 * 0.052 * 0.4),
    ],
)
def test_a_setting_and_the_row_that_it_changes(values: dict[str, Any], component: str, hourly: float):
    assert rows(billed(**values))[component].hourly == pytest.approx(hourly)


@pytest.mark.parametrize(
    ("values", "absent"),
    [
        ({}, {"nat-gateway", "load-balancer", "load-balancer-capacity", "extended-support"}),
        ({"opsServers": {"enabled": False}}, {"ops-servers", "ops-volumes"}),
        ({"exercises": {"k03": "open", "irsa": "on"}}, {"secret"}),
        # No pages, no Ingress, so no load balancer.
        ({**PUBLISHED, "monitoring": False, "kubeOpsView": False}, {"load-balancer", "load-balancer-capacity"}),
    ],
)
def test_what_is_not_there_has_no_row(values: dict[str, object], absent: set[str]):
    assert not absent & {line.component for line in lines(config(**values), NOW)}


def test_spot_of_several_types_is_counted_in_equal_parts():
    group = {"capacityType": "SPOT", "instanceTypes": ["t3.medium", "m5.large"]}
    found = [row for row in billed(nodeGroup=group).rows if row.line.component == "nodes"]
    assert [row.line.quantity for row in found] == [1.5, 1.5]
    assert sum(row.hourly for row in found) == pytest.approx(1.5 * 0.4 * (0.052 + 0.118))
    assert {row.note for row in found} == {estimate.SPOT_ASSUMED}


def test_a_spot_price_that_aws_told_is_not_called_assumed():
    told = Price(0.02, Source.LIVE, NOW.date(), "")
    prices = {**table(SEOUL), Key(Item.SPOT_INSTANCE, "t3.medium"): told}
    row = rows(billed(prices=prices, nodeGroup={"capacityType": "SPOT"}))["nodes"]
    assert row.hourly == pytest.approx(0.06)
    assert row.note == estimate.SPOT_NOW


# Standard support of 1.34 ends with 2026-12-02.
@pytest.mark.parametrize(
    ("now", "hourly", "month"),
    [
        (datetime(2026, 12, 2, 23, 30, tzinfo=UTC), 0.10, 73 + 729.5 * 0.5),
        (datetime(2026, 12, 3, tzinfo=UTC), 0.60, 730 * 0.6),
        (datetime(2027, 3, 1, tzinfo=UTC), 0.60, 730 * 0.6),
        # 8 days and 12 hours before: 204 h at 0.10, then 526 h at 0.60.
        (datetime(2026, 11, 24, 12, tzinfo=UTC), 0.10, 204 * 0.10 + 526 * 0.60),
        (datetime(2026, 11, 1, tzinfo=UTC), 0.10, 73.0),
    ],
)
def test_extended_support_begins_in_its_hour(now: datetime, hourly: float, month: float):
    control_plane = [
        row
        for row in billed(now, kubernetesVersion="1.34", supportType="EXTENDED").rows
        if row.line.component in {"control-plane", "extended-support"}
    ]
    assert sum(row.hourly for row in control_plane) == pytest.approx(hourly)
    assert sum(row.over(730) for row in control_plane) == pytest.approx(month)


def test_a_cluster_that_eks_upgrades_never_costs_extended_support():
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert "extended-support" not in rows(billed(now, horizon=24 * 120, kubernetesVersion="1.34"))


def test_extended_support_is_seen_as_far_as_is_asked():
    now = datetime(2026, 9, 1, tzinfo=UTC)
    lab: dict[str, Any] = {"kubernetesVersion": "1.34", "supportType": "EXTENDED"}
    assert "extended-support" not in rows(billed(now, **lab))
    far = rows(billed(now, horizon=24 * 120, **lab))["extended-support"]
    assert far.over(24 * 120) == pytest.approx(0.5 * 24 * (120 - 93))


def test_a_type_without_a_price_is_named_and_not_taken_for_free():
    found = billed(nodeGroup={"instanceTypes": ["m8i.large"]})
    assert [line.what for line in found.unpriced] == ["3 nodes, m8i.large, on demand"]
    assert "nodes" not in rows(found)
    assert found.hourly == pytest.approx(0.418809 - 0.156, abs=1e-6)


def test_a_region_that_the_table_does_not_know_has_no_prices():
    found = bill(config(), table("eu-south-2"), NOW)
    assert found.rows == ()
    assert len(found.unpriced) == len(DEFAULT_LAB)
    assert found.hourly == 0


def test_iops_and_throughput_beyond_the_free_ones_have_rows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(estimate, "NODE_DISK_IOPS", 4000)
    monkeypatch.setattr(estimate, "NODE_DISK_MIBS", 250)
    prices = {
        **table(SEOUL),
        Key(Item.GP3_IOPS): Price(0.006, Source.LIVE, NOW.date(), ""),
        Key(Item.GP3_THROUGHPUT): Price(0.048, Source.LIVE, NOW.date(), ""),
    }
    volumes = [row for row in billed(prices=prices).rows if row.line.component == "node-volumes"]
    assert [row.line.quantity for row in volumes] == [360, 3000, 375]
    assert sum(row.over(730) for row in volumes) == pytest.approx(360 * 0.0912 + 3000 * 0.006 + 375 * 0.048)


def test_the_bill_reckons_with_what_the_components_build():
    """Repeated in the bill because importing the components takes seconds."""
    assert estimate.NODE_DISK_IOPS == node_group.ROOT_IOPS
    assert estimate.NODE_DISK_MIBS == node_group.ROOT_THROUGHPUT_MIBS
    assert estimate.OPS_DISK_GIB == ops_servers.ROOT_VOLUME_GIB
    assert len(ops_servers.PRIVATE_IPS) == estimate.OPS_SERVERS
    assert estimate.LOG_RETENTION_DAYS == cluster.LOG_RETENTION_DAYS
    assert len(config().public_subnet_cidrs) == estimate.LOAD_BALANCER_ZONES


hours = st.floats(0, 10_000)


@given(configs, moments, hours, hours)
def test_more_hours_never_cost_less(lab: LabConfig, now: datetime, one: float, other: float):
    found = bill(lab, table(SEOUL), now, max(one, other))
    assert found.over(min(one, other)) <= found.over(max(one, other)) + 1e-9


@given(configs, moments, hours, st.integers(1, 20))
def test_more_nodes_never_cost_less(lab: LabConfig, now: datetime, span: float, more: int):
    group = lab.node_group
    larger = group.model_copy(update={"desired_size": group.desired_size + more})
    small, large = (bill(c, table(SEOUL), now, span) for c in (lab, lab.model_copy(update={"node_group": larger})))
    assert small.over(span) <= large.over(span)
    assert small.hourly < large.hourly


@given(configs, moments)
def test_nothing_costs_less_than_nothing_and_the_sum_is_the_rows(lab: LabConfig, now: datetime):
    found = bill(lab, table(SEOUL), now)
    assert all(row.hourly >= 0 and row.over(730) > 0 for row in found.rows)
    assert found.hourly == pytest.approx(sum(row.hourly for row in found.rows))
    assert found.unpriced == ()
