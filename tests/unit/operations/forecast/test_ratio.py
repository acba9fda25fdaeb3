"""The lab's own order costs at most a tenth over what the cloud forces, up and down, with everything on and off."""

from __future__ import annotations

import pytest

from operations.forecast import forecast
from operations.forecast.resource_graph import Graph as ScheduleGraph
from tests.unit.mocks import Graph
from tests.unit.operations.forecast.plans import plan_of

AT_MOST = 1.10


@pytest.fixture(params=["default", "full", "bare"])
def graph(request: pytest.FixtureRequest) -> ScheduleGraph:
    ran: Graph = request.getfixturevalue(request.param)
    return ScheduleGraph.from_plan(plan_of(ran))


def test_up_is_within_a_tenth_of_the_bound(graph: ScheduleGraph) -> None:
    way = forecast.up(graph)
    assert way.bound.seconds > 600, "the cluster and its nodes are in it"
    assert way.ratio <= AT_MOST, [bar.urn.split("::")[-1] for bar in way.predicted.critical]


def test_destroy_is_within_a_tenth_of_the_bound(graph: ScheduleGraph) -> None:
    way = forecast.destroy(graph)
    assert way.bound.seconds > 600, "the nodes and the cluster are in it"
    assert way.ratio <= AT_MOST, [bar.urn.split("::")[-1] for bar in way.predicted.critical]
