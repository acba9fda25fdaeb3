"""Tables of single leftovers, for `sweep` and `down`: what is left and why it matters, and what was deleted."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console

from operations.cleanup import Leftover, Outcome
from operations.cleanup.model import Claim
from stacks import tables
from stacks.console import duration, out

SHORTEST_DAYS = 2
"""From this many days on an age is shown in days."""


def table(left: Sequence[Leftover], where: Console = out) -> None:
    """One row a leftover."""
    now = datetime.now(UTC)
    tables.show(
        ("left", "id", "name", "size", "age", "known by", "why it matters"),
        (
            (
                each.kind.name,
                _short(each.resource.id),
                each.resource.name,
                each.resource.size,
                age(each.resource.created, now),
                _known_by(each),
                each.kind.why,
            )
            for each in left
        ),
        to=where,
    )


def _known_by(each: Leftover) -> str:
    notes = [each.ownership.evidence]
    if each.resource.going:
        notes.append(f"goes with {each.resource.holder}" if each.resource.holder else "goes by itself")
    elif each.ownership.claim is Claim.NAMESAKE:
        notes.append("same name, not this lab's")
    elif not each.ours:
        notes.append("not the lab's")
    elif not each.sure:
        notes.append("by the name alone")
    return "; ".join(notes)


def outcome(found: Outcome, where: Console = out) -> None:
    """What was deleted, and what would not go."""
    where.print(f"{len(found.deleted)} deleted.")
    if found.failed:
        tables.show(
            ("not deleted", "id", "why"),
            ((each.leftover.kind.name, _short(each.leftover.resource.id), each.why) for each in found.failed),
            to=where,
        )


def age(created: datetime | None, now: datetime) -> str:
    """How old it is; empty where AWS does not tell it."""
    if created is None:
        return ""
    seconds = max((now - created).total_seconds(), 0)
    days = int(seconds // 86400)
    return f"{days} d" if days >= SHORTEST_DAYS else duration(seconds)


def _short(identifier: str) -> str:
    """An id as it is; of an ARN the part after the account."""
    return identifier.split(":", 5)[-1] if identifier.startswith("arn:") else identifier
