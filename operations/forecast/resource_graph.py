"""The stack's resource graph, read from the engine's own plan of an update.

The engine's plan file (`preview --save-plan`) names for every resource its
parent, its provider, what it depends on and which property each dependency
comes from. Components make nothing by themselves, so the graph that decides
how long things take is the one of the resources in them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast


@dataclass(frozen=True)
class Resource:
    """One resource that somebody has to create; providers and components are none."""

    urn: str
    needs: frozenset[str]
    """URNs of what must be there before, for whatever reason the program has."""
    inputs_from: frozenset[str]
    """The part of `needs` whose outputs are this resource's inputs: it cannot be otherwise."""

    @property
    def type(self) -> str:
        """Type token, as "aws:eks/cluster:Cluster"."""
        return type_of(self.urn)

    @property
    def name(self) -> str:
        """The name that the program gave it."""
        return self.urn.split("::")[-1]


class Graph:
    """Resources by URN; `needs` and `inputs_from` hold only URNs of the graph."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = {resource.urn: resource for resource in resources}

    def __len__(self) -> int:
        return len(self.resources)

    @classmethod
    def from_plan(cls, plan: Mapping[str, Any]) -> "Graph":
        """Read the content of a plan file: {"resourcePlans": {urn: {"goal": {...}}}}."""
        return _Reader(plan["resourcePlans"]).graph()


class _Reader:
    def __init__(self, plans: Mapping[str, Any]) -> None:
        self._goals: dict[str, Mapping[str, Any]] = {
            urn: plan["goal"] for urn, plan in plans.items() if plan.get("goal")
        }

    def graph(self) -> Graph:
        return Graph(self._resource(urn) for urn in self._goals if self._is_made(urn))

    def _is_made(self, urn: str) -> bool:
        return bool(self._goals[urn].get("custom")) and not type_of(urn).startswith("pulumi:providers:")

    def _resource(self, urn: str) -> Resource:
        needs: set[str] = set()
        inputs: set[str] = set()
        # A component's registration waits for what the component depends on, its children for it.
        for ancestor in self._line(urn):
            own, _ = self._named(ancestor)
            needs |= own
        _, from_outputs = self._named(urn)
        inputs |= from_outputs
        provider = _urn_of_provider(self._goals[urn].get("provider", ""))
        if provider in self._goals:
            all_of_it, data = self._named(provider)
            needs |= all_of_it
            inputs |= data
        made = self._made(needs | inputs, {urn})
        return Resource(urn, made, self._made(inputs, {urn}))

    def _named(self, urn: str) -> tuple[set[str], set[str]]:
        """What one goal names: everything, and the part whose outputs it takes."""
        goal = self._goals[urn]
        by_property = cast("Mapping[str, list[str] | None]", goal.get("propertyDependencies") or {})
        inputs = {urn for urns in by_property.values() for urn in urns or ()}
        return inputs | set(goal.get("dependencies") or ()), inputs

    def _line(self, urn: str) -> Iterable[str]:
        while urn in self._goals:
            yield urn
            urn = self._goals[urn].get("parent") or ""

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for urn, goal in self._goals.items():
            found.setdefault(goal.get("parent") or "", []).append(urn)
        return found

    def _made(self, named: Collection[str], without: Collection[str]) -> frozenset[str]:
        """Components replaced by everything in them, providers by what they need."""
        found: set[str] = set()
        seen: set[str] = set()
        open_ = [urn for urn in named if urn in self._goals]
        while open_:
            urn = open_.pop()
            if urn in seen:
                continue
            seen.add(urn)
            if self._is_made(urn):
                found.add(urn)
            elif self._goals[urn].get("custom"):
                open_ += [one for one in self._named(urn)[0] if one in self._goals]
            else:
                open_ += self._children.get(urn, [])
        return frozenset(found - set(without))


def type_of(urn: str) -> str:
    """The type token in a URN: the last of the chain of parents' types."""
    return urn.split("::")[2].split("$")[-1]


def _urn_of_provider(reference: str) -> str:
    """A provider reference is its URN and its id."""
    return reference.rpartition("::")[0]
