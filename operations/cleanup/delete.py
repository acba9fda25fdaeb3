"""Deletes what is left, kind by kind in the registry's order, and waits until each is really gone.

Every round asks AWS again and deletes only what still has the lab's tag or name: an id from an earlier answer is
never enough. "Not yet" (something else still needs it) is asked again for as long as the kind may take; any other
refusal is reported with AWS's reason, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from clients.aws_responses import is_absent, is_busy, reason
from clients.polling import poll_until
from operations.cleanup.find import RecordedIds, Tell, find
from operations.cleanup.model import ClientFactory, Kind, LabIdentity, Leftover
from operations.cleanup.registry import FIRST, KINDS

AFTER_FAILURE = 30.0
"""Seconds that a kind is waited for when one before it could not be deleted: what that one keeps stays too."""


@dataclass(frozen=True)
class Failed:
    """A leftover that is still there, and why."""

    leftover: Leftover
    why: str


@dataclass
class Outcome:
    """What became of each, in the order of deletion."""

    deleted: list[Leftover] = field(default_factory=list[Leftover])
    failed: list[Failed] = field(default_factory=list[Failed])


def in_order(left: Collection[Leftover], kinds: Sequence[Kind] = KINDS) -> list[tuple[Kind, list[Leftover]]]:
    """What may be deleted, by kind, in the order in which it can be.

    What goes with an instance is waited for only if the instance is among it: one that stays keeps its disks.
    """
    mine = [each for each in left if each.ours and not each.recorded]
    ids = {each.resource.id for each in mine}
    mine = [each for each in mine if not (each.resource.going and each.resource.holder) or each.resource.holder in ids]
    return [(kind, found) for kind in kinds if (found := [each for each in mine if each.kind is kind])]


def delete(
    client: ClientFactory,
    lab: LabIdentity,
    left: Collection[Leftover],
    recorded: RecordedIds | None = None,
    *,
    kinds: Sequence[Kind] = KINDS,
    tell: Tell = lambda _: None,
    most_patience: float | None = None,
) -> Outcome:
    """Delete what bears the lab's tag or name and is not the engine's to delete.

    Args:
        client: makes clients.
        lab: whose resources they are.
        left: what was found and agreed to; nothing else is touched.
        recorded: what the engine's state holds.
        kinds: every kind, in the order of deletion.
        tell: called with what is done and what is waited for.
        most_patience: seconds that a kind is waited for at the most; None: as long as the kind may take.
    """
    outcome = Outcome()
    for kind, mine in in_order(left, kinds):
        patience = kind.patience if most_patience is None else min(kind.patience, most_patience)
        if outcome.failed:
            patience = min(patience, AFTER_FAILURE)
        tell(f"deleting {len(mine)} {kind.name if len(mine) == 1 else kind.plural}")
        why = _until_gone(_Round(client, lab, kind, kinds, mine, recorded, tell), patience)
        outcome.deleted.extend(each for each in mine if each.resource.id not in why)
        outcome.failed.extend(Failed(each, why[each.resource.id]) for each in mine if each.resource.id in why)
    return outcome


@dataclass
class _Round:
    """One kind's leftovers, deleted and looked for again and again."""

    client: ClientFactory
    lab: LabIdentity
    kind: Kind
    kinds: Sequence[Kind]
    agreed: Sequence[Leftover]
    recorded: RecordedIds | None
    tell: Tell
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """Id → why it will not go, whatever is waited for."""

    def __call__(self) -> Mapping[str, str]:
        """Ids that are still there, and why."""
        still = self._there()
        if isinstance(still, str):
            return {each.resource.id: still for each in self.agreed}
        why: dict[str, str] = {}
        for each in still:
            why[each.resource.id] = self.refused.get(each.resource.id) or self._delete(each)
        if why:
            first, reason_ = next(iter(why.items()))
            more = f" and {len(why) - 1} more" if len(why) > 1 else ""
            self.tell(f"waiting for {self.kind.name} {first}{more}: {reason_}")
        return why

    def _there(self) -> list[Leftover] | str:
        """Those agreed to that are still the lab's; or why that cannot be told."""
        kinds = [self.kind, *(kind for kind in FIRST if kind is not self.kind and kind in self.kinds)]
        report = find(self.client, self.lab, self.recorded, kinds=kinds)
        # Without its VPC a resource may not be known as the lab's: that is not to be taken for gone.
        if why := next((each.why for each in report.unasked), ""):
            return why
        ids = {each.resource.id for each in self.agreed}
        return [each for each in report.left if each.kind is self.kind and each.resource.id in ids and each.ours]

    def _delete(self, each: Leftover) -> str:
        if each.resource.going:
            return f"it is {each.resource.state or 'being deleted'}"
        try:
            self.kind.delete(self.client, each.resource)
        except ClientError as error:
            if is_absent(error):
                return "its deletion is under way"
            why = reason(error)
            if not is_busy(error):
                self.refused[each.resource.id] = why
            return why
        except BotoCoreError as error:
            return reason(error)
        return "its deletion is under way"

    def hopeful(self, why: Mapping[str, str]) -> bool:
        """Whether something is left that can still go."""
        return any(each not in self.refused for each in why)


def _until_gone(look: _Round, patience: float) -> Mapping[str, str]:
    return poll_until(lambda why: not look.hopeful(why), look, within=patience, first=0.25)
