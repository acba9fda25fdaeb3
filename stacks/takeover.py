"""Puts right what a killed update left, so that the same command goes on; on AWS and in the rehearsal alike.

A cluster takes ten minutes to make, so what is there is taken over instead of being made once more; how the engine
learns of it is in `stacks.pending_operations`. What was begun in the cluster is asked of its API server
(`stacks.in_cluster`). Everything that is still to be done afterwards stands in the state, so that this too may be cut
off.
"""

import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from clients.polling import poll_until
from operations import cleanup
from operations.cleanup import ClientFactory
from operations.cleanup.registry import FIRST
from stacks import begun_on_aws, in_cluster, locks, pending_operations, pulumi_state
from stacks import state as recorded
from stacks.aws_lab import client_of, identity
from stacks.console import Progress, err, progress
from stacks.errors import CannotAsk, Failure
from stacks.in_cluster import Cluster
from stacks.made_by_hand import Agree, Takeover, nobody
from stacks.pending_operations import Inputs, Json, Operation
from stacks.pulumi_cli import Ended
from stacks.stack import Stack

RESTS_WITHIN: Final = 40 * 60.0
"""Seconds that AWS may take to finish what the killed update had asked for; a node group may take half an hour."""

OBJECT_GOES_WITHIN: Final = 60.0
"""Seconds that an object in the cluster may take to go. One that a finalizer holds longer counts as there."""

_AT_WORK: Final = frozenset({"CREATING", "UPDATING", "DELETING", "PENDING"})
_BROKEN: Final = frozenset({"FAILED", "CREATE_FAILED"})

Update = Callable[[], Ended]


class Engine(Protocol):
    """The engine that keeps a stack's state."""

    def export(self) -> Json:
        """The state in the engine's own form, with its `deployment`."""
        ...

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Put another state in its place."""
        ...

    def delete(self, urns: Collection[str]) -> None:
        """Delete these resources, for real and from the state."""
        ...

    def gave_up(self) -> bool:
        """Whether the last update failed or was stopped: what it had begun to delete may go all the same."""
        ...

    def to_create(self) -> list[Json]:
        """What an update would create, in the state's own form."""
        ...


def update(stack: Stack, run: Update, *, yes: bool, builds: bool, agree: Agree = nobody) -> Ended:
    """Run an update of a stack on AWS, with what a killed one left put right first.

    Args:
        stack: the stack that is changed.
        run: starts pulumi.
        yes: whether a lock that is known to be stale is removed without asking.
        builds: whether the update builds the lab, and does not only take it away.
        agree: asked whether what was made by hand may be replaced.
    """
    engine = pulumi_state.OnAws(stack)

    def prepare() -> None:
        with progress() as shown:
            put_right(stack, engine, shown, builds=builds, agree=agree)

    try:
        prepare()
    except pulumi_state.Locked as error:
        locks.release(stack, error.said, yes=yes)
        # What was at work may have done more since.
        prepare()
    ended = run()
    if ended.code == 0 or not locks.is_locked(ended.stderr):
        return ended
    locks.release(stack, ended.stderr, yes=yes)
    prepare()
    return run()


def put_right(stack: Stack, engine: Engine, shown: Progress, *, builds: bool, agree: Agree = nobody) -> None:
    """Tell the engine what became of what was begun; make half-made things ready to be made again.

    Where the update builds, what was made by hand and stands in its way is taken over too, or replaced if `agree`
    says so. The environment must be the one in which the stack's AWS answers. Raises Failure, CannotAsk, and what the
    engine raises.
    """
    kept = engine.export()
    deployment: Json = kept["deployment"]
    begun = pending_operations.operations(deployment)
    gave_up = builds and engine.gave_up()
    with ExitStack() as opened:
        recovery = _Recovery(stack, engine, shown, opened)
        if (
            begun
            or gave_up
            or pending_operations.unread(deployment, (*begun_on_aws.STATES, pending_operations.RELEASE))
        ):
            if builds:
                recovery.wait_for_what_goes(
                    deployment, [*begun, *(pending_operations.deletions(deployment) if gave_up else ())]
                )
            recovery.run(kept, builds=builds)
            deployment = engine.export()["deployment"]
        if builds:
            Takeover(stack, engine, client_of(stack), recovery.cluster, shown, agree).run(deployment)


@dataclass
class _Recovery:
    stack: Stack
    engine: Engine
    shown: Progress
    opened: ExitStack
    clusters: dict[str, Cluster | None] = field(default_factory=dict[str, "Cluster | None"])

    def wait_for_what_goes(self, deployment: Inputs, begun: Iterable[Operation]) -> None:
        """Wait for objects under deletion: read meanwhile they would count as there, and would be gone afterwards."""
        for each in begun:
            if each.kind != pending_operations.DELETING or not each.is_object:
                continue
            cluster = self.cluster(each.resource, deployment)
            if cluster is None:
                continue
            poll_until(
                operator.not_,
                partial(cluster.is_going, each.inputs),
                within=OBJECT_GOES_WITHIN,
                longest=2,
                waiting=partial(self.shown.waiting, f"{each.about} is being deleted"),
            )

    def run(self, kept: Json, *, builds: bool) -> None:
        if pending_operations.operations(kept["deployment"]):
            kept = self._taken_over(kept)
        doubtful = pending_operations.unread(kept["deployment"], (*begun_on_aws.STATES, pending_operations.RELEASE))
        broken = _at_rest(client_of(self.stack), doubtful, self.shown)
        broken |= {each["urn"] for each in doubtful if self._is_half_installed(each, kept["deployment"])}
        if builds and broken:
            err.print("Half made, so deleted first and then made again:", *sorted(map(_short, broken)), markup=False)
            with self.shown.paused():
                self.engine.delete(sorted(broken))

    def _taken_over(self, kept: Json) -> Json:
        """The state with what was begun put right, as the engine has it now."""
        ids, told = self._found(kept["deployment"])
        changed = {**kept, "deployment": pending_operations.put_right(kept["deployment"], ids)}
        with self.shown.paused():
            self.engine.restore(changed)
        err.print("The update before this one was cut off. What it had begun:")
        for line in told:
            err.print(f"  {line}", markup=False)
        return changed

    def _found(self, deployment: Inputs) -> tuple[dict[str, Json], list[str]]:
        """URN → id and outputs of what was being created and is there, or may be; and a line for each operation."""
        operations = pending_operations.operations(deployment)
        created = [each for each in operations if each.kind == pending_operations.CREATING]
        report = _report(self.stack, deployment, {each.type for each in created}, self.shown)
        client = client_of(self.stack)
        taken = pending_operations.standing(deployment)
        option = self.stack.option
        found: dict[str, Json] = {}
        told: list[str] = []
        for each in operations:
            if each.kind != pending_operations.CREATING:
                told.append(f"{each.about}: {each.kind}; it is read again.")
                continue
            if each.urn in taken:
                told.append(
                    f"{each.about}: creating; the state has one already, which stays. ./lab sweep{option} shows "
                    "whether there is another."
                )
                continue
            known = pending_operations.known_id(each)
            if known and (each.is_object or each.type == pending_operations.RELEASE):
                marks, line = self._inside(each, deployment)
                if marks is not None:
                    found[each.urn] = {"id": known, **marks}
                told.append(f"{each.about}: creating; {line}")
                continue
            candidates = [known] if known else [*pending_operations.matching(each, report), *_asked(client, each)]
            if len(candidates) == 1:
                found[each.urn] = {"id": candidates[0]}
                where = "if it is there, it" if known else f"AWS has it ({candidates[0]}); it"
                told.append(f"{each.about}: creating; {where} is taken over.")
            elif candidates:
                told.append(
                    f"{each.about}: creating; AWS has {len(candidates)} that may be it ({', '.join(candidates)}), and "
                    f"none is taken over. ./lab sweep{option} shows them."
                )
            elif pending_operations.is_idempotent(each):
                told.append(f"{each.about}: creating; doing that twice does no harm.")
            else:
                told.append(f"{each.about}: creating; AWS does not have it.")
        return found, told

    def _inside(self, each: Operation, deployment: Inputs) -> tuple[Json | None, str]:
        """Of what was being created in a cluster: more outputs for the state, None where it is not there; and a line.

        Where the cluster cannot be asked, the engine will find out.
        """
        cluster = self.cluster(each.resource, deployment)
        if cluster is None:
            return {}, "if it is there, it is taken over."
        if each.type == pending_operations.RELEASE:
            last = cluster.last_revision(each.inputs)
            if last is None:
                return None, "the cluster does not have it."
            return {}, f"the cluster has it ({last.status}); it is taken over."
        manager = cluster.manager(each.inputs)
        if manager is None:
            return None, "the cluster does not have it."
        return {pending_operations.FIELD_MANAGER: manager} if manager else {}, "the cluster has it; it is taken over."

    def _is_half_installed(self, resource: Inputs, deployment: Inputs) -> bool:
        """Whether it is a Helm release that must be uninstalled before it can be installed.

        A revision that was cut off in an upgrade is forgotten here: then the one before it counts, as for an upgrade
        that never began.
        """
        if resource["type"] != pending_operations.RELEASE:
            return False
        cluster = self.cluster(resource, deployment)
        if cluster is None:
            return pending_operations.is_cut_off_release(resource)
        last = cluster.last_revision(resource.get("inputs") or {})
        if last and last.status in in_cluster.HALF_CHANGED:
            cluster.forget(last)
            err.print(
                f"Release {_short(resource['urn'])}: Helm stood at {last.status} in revision {last.number}, which is "
                "forgotten; the one before it counts.",
                markup=False,
            )
        return last is not None and last.status in in_cluster.HALF_INSTALLED

    def cluster(self, resource: Inputs, deployment: Inputs) -> Cluster | None:
        """The cluster that a resource is in; None where it cannot be asked, which is reported once."""
        kubeconfig = in_cluster.kubeconfig_of(resource, deployment)
        if kubeconfig and kubeconfig not in self.clusters:
            self.clusters[kubeconfig] = None
            try:
                cluster = self.opened.enter_context(in_cluster.opened(kubeconfig))
                cluster.prove()
                self.clusters[kubeconfig] = cluster
            except CannotAsk as error:
                err.print(f"{error} So what was begun in it is left to the engine to find out.", markup=False)
        return self.clusters.get(kubeconfig)


def _report(stack: Stack, deployment: Inputs, types: set[str], shown: Progress) -> cleanup.Report:
    """What AWS has of these types; raises CannotAsk when it does not tell."""
    wanted = [kind for kind in cleanup.KINDS if kind.engine_type in types]
    if not wanted:
        return cleanup.Report()
    kinds = [kind for kind in cleanup.KINDS if kind in FIRST or kind in wanted]
    held = recorded.parsed(deployment.get("resources") or [])
    shown.phase("an update was cut off; asking AWS what became of it")
    report = cleanup.find(client_of(stack), identity(stack, held), held.ids, kinds=kinds, tell=shown.waiting)
    for each in report.unasked:
        if each.kind in wanted:
            raise CannotAsk(
                f"An update was cut off, and AWS cannot be asked for {each.kind.plural}: {each.why}. Fix that, then "
                "run this again."
            )
    return report


def _asked(client: ClientFactory, operation: Operation) -> list[str]:
    ask = begun_on_aws.QUESTIONS.get(operation.type)
    return begun_on_aws.answered(lambda: list(ask(client, operation.inputs)), operation.about) or [] if ask else []


def _at_rest(client: ClientFactory, doubtful: list[dict[str, Any]], shown: Progress) -> set[str]:
    """Wait until AWS has finished with each; URNs of those that came out broken. Raises Failure, CannotAsk."""
    broken: set[str] = set()
    for each in doubtful:
        state = begun_on_aws.STATES.get(each["type"])
        if state is None:
            continue
        about = f"{_short(each['urn'])} ({each['id']})"
        told = poll_until(
            lambda told: told not in _AT_WORK,
            partial(_state_of, client, state, each["id"], about),
            within=RESTS_WITHIN,
            waiting=partial(shown.waiting, f"AWS is still at work on {about}"),
        )
        if told in _AT_WORK:
            raise Failure(f"AWS is still at work on {about}. Wait until it has finished, then run this again.")
        if told in _BROKEN:
            broken.add(each["urn"])
    return broken


def _state_of(client: ClientFactory, state: begun_on_aws.State, identity: str, about: str) -> str:
    return str(begun_on_aws.answered(lambda: state(client, identity), about) or "").upper()


def _short(urn: str) -> str:
    return urn.rpartition("::")[2]
