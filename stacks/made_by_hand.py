"""What somebody made by hand and the next update would make too: taken over, replaced with consent, or named.

The study note makes the exercises' objects by kubectl, aws and eksctl. A stage that is to make the same would stop at
them: "already exists". So before an update everything that it is to create is looked for. What is as the lab makes it
goes into the engine's state in the way in which what a killed update had made goes there
(`stacks.pending_operations`). What differs is named, and is replaced only with consent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import typer

from clients.polling import poll_until
from exercises.made import Made, made
from operations.cleanup import ClientFactory
from stacks import made_by_hand_on_aws, pending_operations
from stacks.console import Progress, err
from stacks.errors import CannotAsk, Failure
from stacks.in_cluster import Cluster
from stacks.object_differences import differences, known, unlike
from stacks.pending_operations import Json, Operation
from stacks.stack import Stack, configured

ROUNDS: Final = 3
"""Previews at most: what is taken over on AWS makes known what others of the update are called."""

GOES_WITHIN: Final = 90.0
"""Seconds that an object that was deleted may take to go."""

_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_RECORDED: Final = frozenset({"urn", "type", "custom", "inputs", "parent", "provider"})

Agree = Callable[[str], bool]
"""Asks whether to replace; the argument is the question."""


class Engine(Protocol):
    """The engine that keeps a stack's state."""

    def to_create(self) -> list[Json]:
        """What an update would create, in the state's own form."""
        ...

    def export(self) -> Json:
        """The state, with its `deployment`."""
        ...

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Put another state in its place."""
        ...


def confirmed(*, yes: bool) -> Agree:
    """Whoever sits at the terminal; with `yes` they have agreed before."""

    def agree(question: str) -> bool:
        try:
            return yes or typer.confirm(question, err=True)  # stdout may be for a script
        except typer.Abort:  # nobody is there
            return False

    return agree


def nobody(_question: str) -> bool:
    """Who cannot be asked has not agreed."""
    return False


@dataclass(frozen=True)
class Found:
    """Something that stands and that the update is to create."""

    operation: Operation
    id: str
    differing: tuple[str, ...] = ()
    """In what it is not as the lab makes it: paths of fields."""

    marks: Json = field(default_factory=dict[str, Any])
    """Outputs that the engine needs."""

    deleted_by: tuple[str, ...] = ()
    """Commands that delete it."""

    @property
    def line(self) -> str:
        """For the user: what it is, and what differs."""
        kind = self.operation.type.rpartition(":")[2]
        return f"{kind} {self.id}" + (f" ({', '.join(self.differing)})" if self.differing else "")


@dataclass(frozen=True)
class Takeover:
    """One stack's look for what was made by hand."""

    stack: Stack
    engine: Engine
    client: ClientFactory
    cluster_of: Callable[[Mapping[str, Any], Json], Cluster | None]
    """The cluster that a resource is in, by the state's deployment; None where it cannot be asked."""

    shown: Progress
    agree: Agree = nobody

    def run(self, deployment: Json) -> None:
        """Take over or replace, so that the update can create the rest. Raises Failure where it may not replace."""
        if not self._is_anything_there(deployment):
            return
        for _ in range(ROUNDS):
            self.shown.phase("something was made by hand; looking what the update would make")
            creates = [_without_label(_alone(each)) for each in self.engine.to_create()]
            found = list(self._found(creates, deployment))
            if not found:
                return
            self._insist_on_consent([each for each in found if each.differing])
            self._remove([each for each in found if each.differing and each.operation.is_object], deployment)
            taken = [each for each in found if not (each.differing and each.operation.is_object)]
            if not taken:
                return
            deployment = self._record(taken, creates)
            if not any(
                made_by_hand_on_aws.is_unnamed(Operation(pending_operations.CREATING, each)) for each in creates
            ):
                return

    def _is_anything_there(self, deployment: Json) -> bool:
        """Whether anything stands that the settings want and the state has not; a preview costs many times as much."""
        stages = configured(self.stack.config)
        resources: list[Json] = deployment.get("resources") or []
        recorded = {(each["type"], each.get("id")) for each in resources}
        wanted = [each for each in made() if stages[each.exercise] in each.stages]
        missing = [each for each in wanted if (_type(each), each.id) not in recorded]
        provider = next((each for each in resources if each["type"] == "pulumi:providers:kubernetes"), None)
        cluster = None
        if missing and provider:
            cluster = self.cluster_of({"provider": f"{provider['urn']}::{provider.get('id')}"}, deployment)
        try:
            if cluster and any(cluster.read(each.manifest) for each in missing):
                return True
            return made_by_hand_on_aws.is_anything_there(self.client, self.stack.config.cluster_name, stages, resources)
        except CannotAsk:
            return False  # the engine finds out, and says why

    def _found(self, creates: list[Json], deployment: Json) -> Iterator[Found]:
        accounts: set[str] = set()
        """Service accounts that will be others than those that pods run as."""
        # Accounts first: pods are as good as theirs.
        for resource in sorted(creates, key=lambda each: each["type"].endswith(":Pod")):
            operation = Operation(pending_operations.CREATING, resource)
            if not resource.get("custom") or not self._has_provider(resource, deployment):
                continue
            found = (
                self._in_cluster(operation, deployment, accounts)
                if operation.is_object
                else self._on_aws(operation, deployment)
            )
            if operation.type.endswith(":ServiceAccount") and (found is None or found.differing):
                accounts.add(pending_operations.known_id(operation))
            if found:
                yield found

    def _has_provider(self, resource: Json, deployment: Json) -> bool:
        urn = str(resource.get("provider", "")).rpartition("::")[0]
        return urn in pending_operations.standing(deployment) or not resource["type"].startswith(
            pending_operations.KUBERNETES
        )

    def _in_cluster(self, operation: Operation, deployment: Json, accounts: set[str]) -> Found | None:
        cluster = self.cluster_of(operation.resource, deployment)
        live = cluster.read(operation.inputs) if cluster else None
        if cluster is None or live is None:
            return None
        if "deletionTimestamp" in live["metadata"]:
            self._wait_until_gone(cluster, operation)
            return None
        differing = list(differences(operation.inputs, live, cluster.would_be(known(operation.inputs))))
        spec = live.get("spec") or {}
        if f"{live['metadata'].get('namespace')}/{spec.get('serviceAccountName')}" in accounts:
            differing.append("its service account is made again")
        manager = cluster.manager(operation.inputs)
        marks = {pending_operations.FIELD_MANAGER: manager} if manager else {}
        return Found(operation, pending_operations.known_id(operation), tuple(differing), marks, (_delete(live),))

    def _on_aws(self, operation: Operation, deployment: Json) -> Found | None:
        resource = made_by_hand_on_aws.look(self.client, operation)
        if resource is None:
            return None
        if not self._can_record(operation, deployment):
            raise Failure(
                f"{operation.about} stands already, made by hand, and the lab has no state yet to take it over into. "
                f"Delete it, then run this again: {' && '.join(resource.deleted_by)}"
            )
        wanted = {key: operation.inputs.get(key) for key in resource.inputs}
        differing = tuple(unlike(wanted, resource.inputs))
        return Found(operation, resource.id, differing or ("made by hand",), {}, resource.deleted_by)

    def _can_record(self, operation: Operation, deployment: Json) -> bool:
        return str(operation.resource.get("provider", "")).rpartition("::")[0] in pending_operations.standing(
            deployment
        )

    def _insist_on_consent(self, differing: list[Found]) -> None:
        if not differing:
            return
        err.print("Made by hand, and not as the lab makes it:")
        for each in differing:
            err.print(f"  {each.line}", markup=False, soft_wrap=True)
        with self.shown.paused():
            agreed = self.agree("Made by hand; replace?")
        if not agreed:
            commands = "\n".join(f"  {command}" for each in differing for command in each.deleted_by)
            raise Failure(
                f"What was made by hand has the name that the lab needs. Add --yes to replace it, or "
                f"delete it and run this again:\n{commands}"
            )

    def _remove(self, differing: list[Found], deployment: Json) -> None:
        for each in differing:
            cluster = self.cluster_of(each.operation.resource, deployment)
            if cluster:
                cluster.remove(each.operation.inputs)
                self._wait_until_gone(cluster, each.operation)
                err.print(f"Made by hand, and deleted to be made by the lab: {each.line}", markup=False)

    def _wait_until_gone(self, cluster: Cluster, operation: Operation) -> None:
        poll_until(
            lambda live: live is None,
            lambda: cluster.read(operation.inputs),
            within=GOES_WITHIN,
            first=0.2,
            longest=2,
            waiting=lambda: self.shown.waiting(f"{operation.about} is being deleted"),
        )

    def _record(self, taken: list[Found], creates: list[Json]) -> Json:
        """The deployment with these in it, as if an update that was cut off had made them."""
        kept = self.engine.export()
        deployment: Json = kept["deployment"]
        stands = pending_operations.standing(deployment)
        parents = [each for each in _parents(taken, creates) if each["urn"] not in stands]
        begun = [{"type": pending_operations.CREATING, "resource": _recorded(each.operation)} for each in taken]
        resources: list[Json] = deployment.get("resources") or []
        laid_out = {**deployment, "resources": [*resources, *parents], "pending_operations": begun}
        found = {each.operation.urn: {"id": each.id, **each.marks} for each in taken}
        changed = {**kept, "deployment": pending_operations.put_right(laid_out, found)}
        with self.shown.paused():
            self.engine.restore(changed)
        err.print("Made by hand, and taken over: " + ", ".join(each.line for each in taken), markup=False)
        return changed["deployment"]


def _alone(resource: Json) -> Json:
    """What the update would have, without what it depends on: that may not be there yet, and the update tells it."""
    return {key: value for key, value in resource.items() if key in _RECORDED}


def _without_label(resource: Json) -> Json:
    """What the update would have, without the label that the provider gives to objects in such a preview alone."""
    inputs: Json = resource.get("inputs") or {}
    meta: Json = inputs.get("metadata") or {}
    labels: Json = meta.get("labels") or {}
    if not resource["type"].startswith(pending_operations.KUBERNETES) or labels.get(_MANAGED_BY) != "pulumi":
        return resource
    kept = {key: value for key, value in labels.items() if key != _MANAGED_BY}
    bare = {**{key: value for key, value in meta.items() if key != "labels"}, **({"labels": kept} if kept else {})}
    return {**resource, "inputs": {**inputs, "metadata": bare}}


def _parents(taken: list[Found], creates: list[Json]) -> Iterator[Json]:
    """Components around what is taken over and still to be created, outermost first."""
    components = {each["urn"]: each for each in creates if not each.get("custom")}
    for each in taken:
        chain: list[Json] = []
        urn = each.operation.resource.get("parent")
        while urn in components:
            chain.append(components.pop(urn))
            urn = chain[-1].get("parent")
        yield from reversed(chain)


def _recorded(operation: Operation) -> Json:
    return {**operation.resource, "inputs": known(operation.inputs)}


def _type(made: Made) -> str:
    """The engine's type of an object."""
    version = made.api_version if "/" in made.api_version else f"core/{made.api_version}"
    return f"{pending_operations.KUBERNETES}{version}:{made.kind}"


def _delete(live: Mapping[str, Any]) -> str:
    """The command that deletes an object, by the tool that made it."""
    meta, kind = live["metadata"], str(live["kind"]).lower()
    where = f" --namespace {meta['namespace']}" if meta.get("namespace") else ""
    if kind == "serviceaccount" and (meta.get("labels") or {}).get(_MANAGED_BY) == "eksctl":
        return f"eksctl delete iamserviceaccount --cluster $CLUSTER_NAME --name {meta['name']}{where}"
    return f"kubectl delete {kind} {meta['name']}{where}"
