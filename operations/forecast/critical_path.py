"""When each resource begins and ends if nothing waits without need, and which chain decides the whole.

The engine starts a resource as soon as what it needs is there, sixteen or more
at a time, so the longest chain of needs is the time that an update takes; on
the way down the same chain is walked backwards.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True)
class Bar:
    """One resource in time; seconds from the start."""

    urn: str
    start: float
    end: float
    critical: bool
    """Whether the whole would be shorter if this were."""


@dataclass(frozen=True)
class Schedule:
    """All bars, earliest first, and how long the whole takes in seconds."""

    bars: tuple[Bar, ...]
    seconds: float

    @property
    def critical(self) -> tuple[Bar, ...]:
        """One longest chain, in its order."""
        return tuple(bar for bar in self.bars if bar.critical)


Needs = Mapping[str, frozenset[str]]
"""URN → URNs of what must be done before."""


def schedule(needs: Needs, seconds: Callable[[str], float]) -> Schedule:
    """Lay everything out as early as its needs allow. Raises graphlib.CycleError when they go in a circle."""
    start: dict[str, float] = {}
    end: dict[str, float] = {}
    held_up_by: dict[str, str | None] = {}
    for urn in TopologicalSorter(needs).static_order():
        last = max(needs.get(urn, ()), key=lambda one: (end[one], one), default=None)
        held_up_by[urn] = last
        start[urn] = end[last] if last is not None else 0.0
        end[urn] = start[urn] + seconds(urn)
    if not end:
        return Schedule((), 0.0)
    chain: set[str] = set()
    step: str | None = max(end, key=lambda one: (end[one], one))
    while step is not None:
        chain.add(step)
        step = held_up_by[step]
    bars = sorted((Bar(urn, start[urn], end[urn], urn in chain) for urn in end), key=lambda b: (b.start, b.end, b.urn))
    return Schedule(tuple(bars), max(end.values()))


def backwards(needs: Needs) -> dict[str, frozenset[str]]:
    """The needs of taking everything away: what needed a resource goes before it."""
    turned: dict[str, set[str]] = {urn: set() for urn in needs}
    for urn, before in needs.items():
        for one in before:
            turned.setdefault(one, set()).add(urn)
    return {urn: frozenset(after) for urn, after in turned.items()}
