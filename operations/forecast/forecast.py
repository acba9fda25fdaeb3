"""Both waits of an evening, predicted, against the shortest that the cloud allows."""

from collections.abc import Callable
from dataclasses import dataclass

from operations.forecast.critical_path import Needs, Schedule, backwards, schedule
from operations.forecast.durations import create_seconds, delete_seconds
from operations.forecast.lower_bound import bound_needs, program_needs
from operations.forecast.resource_graph import Graph


@dataclass(frozen=True)
class Forecast:
    """One way, up or down."""

    predicted: Schedule
    """As the program orders it."""
    bound: Schedule
    """As early as the cloud allows."""

    @property
    def ratio(self) -> float:
        """Predicted over bound; 1 is the best there is."""
        return self.predicted.seconds / self.bound.seconds if self.bound.seconds else 1.0


def up(graph: Graph) -> Forecast:
    """Standing everything in the graph up from nothing."""
    return _forecast(graph, program_needs(graph), bound_needs(graph), create_seconds)


def destroy(graph: Graph) -> Forecast:
    """Taking everything in the graph away."""
    return _forecast(graph, backwards(program_needs(graph)), backwards(bound_needs(graph)), delete_seconds)


def _forecast(graph: Graph, program: Needs, bound: Needs, takes: Callable[[str, str], float]) -> Forecast:
    def seconds(urn: str) -> float:
        resource = graph.resources[urn]
        return takes(resource.type, resource.name)

    return Forecast(schedule(program, seconds), schedule(bound, seconds))
