"""Objects in a cluster whatever their kind: listed, changed and deleted for good, also where a finalizer holds them.

Experiments leave policies that refuse everything, finalizers that no controller removes, and APIs that do
not answer. Each of them would keep the engine waiting for many minutes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from clients.polling import poll_until
from stacks.cluster_facts import Ask, NotThere
from stacks.errors import CannotAsk, Failure
from stacks.pending_operations import Json

TAKES_EFFECT_WITHIN: Final = 30.0
"""Seconds in which each API server learns that a policy is gone; until then it may go on refusing."""

GOES_WITHIN: Final = 120.0
"""Seconds that an object may take to go."""

NOW: Final = "?gracePeriodSeconds=0&propagationPolicy=Background"
_HAVE_OWNERS: Final = ("kubernetes.io", "k8s.io", "k8s.aws", "amazonaws.com")
"""Ends of the domains whose finalizers a controller takes off."""

_PLAIN: Final = frozenset({"kubernetes", "foregroundDeletion", "orphan"})
_NAMESPACES: Final = "/api/v1/namespaces"


@dataclass(frozen=True)
class Kind:
    """A kind of objects that the API server has."""

    base: str
    """Path of its group and version."""

    plural: str
    kind: str
    is_namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """Of one object, or of all; without a namespace those of all namespaces."""
        place = f"/namespaces/{namespace}" if namespace and self.is_namespaced else ""
        return f"{self.base}{place}/{self.plural}" + (f"/{name}" if name else "")


class Objects:
    """A cluster's objects. Every method raises CannotAsk when the API server does not answer."""

    def __init__(self, ask: Ask, tell: Callable[[str], None] = lambda _: None) -> None:
        """`tell` gets what is waited for."""
        self._ask, self._tell = ask, tell

    def get(self, path: str) -> Json | None:
        """What stands there; None where nothing does."""
        try:
            return self._ask("GET", path, None)
        except NotThere:
            return None

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """Every kind that can be listed and deleted, in one version, without those of an API that does not answer."""
        found: dict[tuple[str, str], Kind] = {}
        groups: list[Mapping[str, Any]] = (self.get("/apis") or {}).get("groups") or []
        bases = [
            ("", "/api/v1"),
            *((group["name"], f"/apis/{each['groupVersion']}") for group in groups for each in group["versions"]),
        ]
        for group, base in bases:
            for each in self._resources(base):
                if "/" not in each["name"] and {"list", "delete"} <= set(each.get("verbs") or []):
                    kind = Kind(base, each["name"], each["kind"], each["namespaced"])
                    found.setdefault((group, each["name"]), kind)
        return tuple(found.values())

    def _resources(self, base: str) -> list[Any]:
        try:
            return (self.get(base) or {}).get("resources") or []
        except CannotAsk:
            return []

    def kind_of(self, manifest: Mapping[str, Any]) -> Kind | None:
        """The kind of an object in the API's JSON form; None where the API server has none."""
        version = str(manifest["apiVersion"])
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        wanted = manifest["kind"]
        return next(
            (each for each in self.kinds if each.kind == wanted and each.base == base),
            # It may be served in another version too.
            next((each for each in self.kinds if each.kind == wanted and _group(each.base) == _group(base)), None),
        )

    def path_of(self, manifest: Mapping[str, Any]) -> str:
        """Path of the object with this manifest; empty where the API server has no such kind."""
        kind = self.kind_of(manifest)
        meta = manifest["metadata"]
        return kind.path(meta.get("namespace") or "default", meta["name"]) if kind else ""

    def would_be(self, manifest: Mapping[str, Any]) -> Json | None:
        """The object as the API server would make it, defaults and webhooks included (a dry run); None where it would
        not."""
        kind = self.kind_of(manifest)
        if kind is None:
            return None
        meta: Mapping[str, Any] = manifest["metadata"]
        # Under a name of its own: the object itself may stand.
        asked = {**{key: value for key, value in meta.items() if key != "name"}, "generateName": f"{meta['name']}-"}
        try:
            path = kind.path(meta.get("namespace") or "default")
            return self._ask("POST", f"{path}?dryRun=All", {**manifest, "metadata": asked})
        except CannotAsk:
            return None

    def patch(self, path: str, change: object) -> None:
        """Change an object by a JSON merge patch; one that is gone is left alone."""
        self._patiently("PATCH", path, change)

    def remove(self, path: str) -> None:
        """Delete an object and wait until it is gone, with the finalizers that nobody else takes off.

        Raises Failure when it stays.
        """
        if found := self.get(path):
            self._patiently("DELETE", path + NOW, None)
            self._await(lambda: self._is_there(path, found), f"{path} is being deleted")

    def remove_namespaces(self, names: Collection[str]) -> None:
        """As `remove`, of namespaces with all that is in them."""
        before = {name: found for name in names if (found := self.get(f"{_NAMESPACES}/{name}"))}
        for name in before:
            path = f"{_NAMESPACES}/{name}"
            # The namespace's own end leaves pods the seconds that they ask for.
            for pod in (self.get(f"{path}/pods") or {}).get("items") or []:
                self._patiently("DELETE", f"{path}/pods/{pod['metadata']['name']}{NOW}", None)
            self._patiently("DELETE", path + NOW, None)
        for name, found in before.items():
            self._await(
                lambda name=name, found=found: self._is_ending(name, found), f"namespace {name} is being deleted"
            )

    def _is_ending(self, name: str, before: Json) -> bool:
        """Whether a namespace is there still, then without the finalizers that nobody takes off."""
        if not self._is_there(f"{_NAMESPACES}/{name}", before):
            return False
        for kind, each in self.within(name):
            self._unhold(kind.path(name, each["metadata"]["name"]), each)
        return True

    def let_go(self, is_meant: Callable[[str, str, str], bool]) -> list[str]:
        """Take the finalizers that nobody takes off from every object that is meant, by kind, namespace and name; what
        they were taken from."""
        told: list[str] = []
        for kind in self.kinds:
            try:
                items = [] if kind.plural == "events" else (self.get(kind.path()) or {}).get("items") or []
            except CannotAsk:
                continue
            for each in items:
                name, namespace = each["metadata"]["name"], each["metadata"].get("namespace") or ""
                if is_meant(kind.kind, namespace, name) and self._unhold(kind.path(namespace, name), each):
                    told.append(f"{kind.kind} {'/'.join(filter(None, (namespace, name)))}")
        return told

    def within(self, namespace: str) -> Iterator[tuple[Kind, Json]]:
        """Everything in a namespace that can be asked for."""
        for kind in self.kinds:
            if kind.is_namespaced and kind.plural != "events":
                try:
                    items = (self.get(kind.path(namespace)) or {}).get("items") or []
                except CannotAsk:
                    continue
                yield from ((kind, each) for each in items)

    def _is_there(self, path: str, before: Json) -> bool:
        """Whether the object is there still, then without the finalizers that nobody takes off. One that somebody has
        made since in its place is another."""
        found = self.get(path)
        if found is None or found["metadata"]["uid"] != before["metadata"]["uid"]:
            return False
        self._unhold(path, found)
        return True

    def _unhold(self, path: str, found: Mapping[str, Any]) -> bool:
        """Whether there were finalizers to take off."""
        before: list[str] = found["metadata"].get("finalizers") or []
        kept = [each for each in before if has_owner(each)]
        if kept != before:
            self.patch(path, {"metadata": {"finalizers": kept}})
        return kept != before

    def _await(self, is_there: Callable[[], bool], about: str) -> None:
        tell = partial(self._tell, about)
        if poll_until(operator.not_, is_there, within=GOES_WITHIN, longest=0.5, waiting=tell):
            raise Failure(f"After {GOES_WITHIN:.0f} s {about} still. Run this again in some minutes.")

    def _patiently(self, method: str, path: str, body: object) -> None:
        waiting = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, CannotAsk) and not isinstance(error, NotThere)),
            stop=stop_after_delay(TAKES_EFFECT_WITHIN),
            wait=wait_fixed(0.5),
            before_sleep=lambda _: self._tell(f"{path} cannot be changed yet"),
            reraise=True,
        )
        try:
            waiting(self._ask, method, path, body)
        except NotThere:
            return


def has_owner(finalizer: str) -> bool:
    """Whether a controller takes a finalizer off; others were put there by hand and hold an object forever."""
    domain = finalizer.partition("/")[0]
    return finalizer in _PLAIN or any(domain == end or domain.endswith(f".{end}") for end in _HAVE_OWNERS)


def _group(base: str) -> str:
    return base.rpartition("/")[0]
