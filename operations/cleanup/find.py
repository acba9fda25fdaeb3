"""Asks AWS for every kind, and keeps what could not be asked apart from what is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from clients import aws as aws_clients
from clients.aws_responses import reason
from clients.polling import poll_until
from operations.cleanup.model import (
    Claim,
    ClientFactory,
    Kind,
    LabIdentity,
    Leftover,
    OwnershipContext,
    Report,
    Resource,
    Unasked,
)
from operations.cleanup.ownership import classify
from operations.cleanup.registry import BALANCERS, CLASSIC_BALANCERS, CLUSTERS, FIRST, KINDS, VPCS

RecordedIds = Mapping[str, frozenset[str]]
"""The engine's types → ids of that type in its state."""

Tell = Callable[[str], None]
"""Takes one line about what is going on."""

_WORKERS: Final = 6
# More attempts than for a single question: IAM is asked a hundred small ones, and throttles.
_PATIENCE: Final = Config(
    connect_timeout=5, read_timeout=30, retries={"max_attempts": 5, "mode": "standard"}, max_pool_connections=16
)


def clients(profile: str | None, region: str) -> ClientFactory:
    """Clients with the caller's own credentials; raises BotoCoreError when there is no such profile."""
    return aws_clients.clients(profile, region, _PATIENCE)


def find(
    client: ClientFactory,
    lab: LabIdentity,
    recorded: RecordedIds | None = None,
    *,
    kinds: Sequence[Kind] = KINDS,
    tell: Tell = lambda _: None,
) -> Report:
    """Everything that is the lab's or stands in its VPC; never raises for what AWS does not answer.

    Args:
        client: makes clients.
        lab: whose resources are looked for.
        recorded: what the engine's state holds.
        kinds: what is asked for, in the order of deletion; those of `FIRST` tell whose the others are.
        tell: called with a line for each kind that has been asked for.
    """
    asked = [kind for kind in kinds if kind.applies(lab)]
    answers = _answers(client, lab, [kind for kind in FIRST if kind in asked], tell)
    context = _context(answers, lab)
    answers |= _answers(client, lab, [kind for kind in asked if kind not in FIRST], tell)
    return Report(
        asked=tuple(asked),
        left=tuple(each for kind in asked for each in _left(kind, answers, lab, context, recorded or {})),
        unasked=tuple(Unasked(kind, why) for kind in asked if isinstance(why := answers[kind.name], str)),
        inapplicable=tuple(kind for kind in kinds if kind not in asked),
    )


def settled(
    client: ClientFactory,
    lab: LabIdentity,
    recorded: RecordedIds | None = None,
    *,
    within: float,
    kinds: Sequence[Kind] = KINDS,
    tell: Tell = lambda _: None,
) -> Report:
    """As `find`, asked again while all that is left goes by itself, for at most so many seconds.

    AWS takes some minutes to let go of a deleted load balancer's interfaces, and of others like them.
    """
    report = find(client, lab, recorded, kinds=kinds, tell=tell)
    if not _only_going(report):
        return report
    return poll_until(
        lambda report: not _only_going(report),
        lambda: _again(client, lab, report, recorded),
        within=within,
        first=1,
        waiting=lambda: tell("AWS is still letting go of the last things"),
    )


def _only_going(report: Report) -> bool:
    return bool(report.left) and all(each.resource.going for each in report.left)


def _again(client: ClientFactory, lab: LabIdentity, before: Report, recorded: RecordedIds | None) -> Report:
    """The same report, with the kinds that had something asked again."""
    kinds = {*FIRST, *(each.kind for each in before.left)}
    asked = find(client, lab, recorded, kinds=[kind for kind in before.asked if kind in kinds])
    failed = {each.kind.name for each in asked.unasked}
    kept = tuple(each for each in before.unasked if each.kind.name not in failed)
    return replace(before, left=asked.left, unasked=(*kept, *asked.unasked))


def _context(answers: Mapping[str, list[Resource] | str], lab: LabIdentity) -> OwnershipContext:
    """What the answers to the first questions say of all others."""

    def told(kind: Kind) -> list[Resource]:
        found = answers.get(kind.name, [])
        return [] if isinstance(found, str) else found

    def ours(kind: Kind, context: OwnershipContext) -> list[Resource]:
        return [each.resource for each in _left(kind, answers, lab, context, {}) if each.ours]

    def names(balancers: Iterable[Resource]) -> frozenset[str]:
        known = (str(each.raw.get("DNSName", "")).lower().removeprefix("dualstack.") for each in balancers)
        return frozenset(name for name in known if name)

    mine = ours(CLUSTERS, OwnershipContext())
    others = [each for each in told(CLUSTERS) if each not in mine]
    vpcs = frozenset(each.id for each in ours(VPCS, OwnershipContext()))
    context = OwnershipContext(
        vpcs=vpcs,
        other_vpcs=frozenset(each.id for each in told(VPCS)) - vpcs,
        namesake=bool(others) or any(isinstance(answers.get(kind.name), str) for kind in FIRST),
        namesake_vpc=others[0].vpc if others else "",
    )
    balancers = [*ours(BALANCERS, context), *ours(CLASSIC_BALANCERS, context)]
    all_balancers = [*told(BALANCERS), *told(CLASSIC_BALANCERS)]
    return replace(
        context,
        balancers=names(balancers),
        other_balancers=names(each for each in all_balancers if each not in balancers),
    )


def _answers(
    client: ClientFactory, lab: LabIdentity, kinds: Iterable[Kind], tell: Tell
) -> dict[str, list[Resource] | str]:
    """By a kind's name, what AWS has of it, or why it could not be asked."""

    def one(kind: Kind) -> tuple[str, list[Resource] | str]:
        try:
            found: list[Resource] | str = list(kind.find(client, lab))
        except (BotoCoreError, ClientError) as error:
            found = reason(error, kind.rights)
        tell(f"asked for {kind.plural}")
        return kind.name, found

    pool = ThreadPoolExecutor(_WORKERS)
    try:
        return dict(pool.map(one, kinds))
    finally:
        # Ctrl-C waits for the requests under way alone.
        pool.shutdown(wait=False, cancel_futures=True)


def _left(
    kind: Kind,
    answers: Mapping[str, list[Resource] | str],
    lab: LabIdentity,
    context: OwnershipContext,
    recorded: RecordedIds,
) -> list[Leftover]:
    found = answers.get(kind.name, [])
    if isinstance(found, str):
        return []
    left: list[Leftover] = []
    for resource in found:
        whose = classify(resource, kind, lab, context)
        # The VPC's own claim would otherwise be that it stands in itself.
        if whose is not None and not (kind is VPCS and whose.claim is Claim.PLACE):
            held = (resource.recorded_id or resource.id) in recorded.get(kind.engine_type, frozenset())
            left.append(Leftover(kind, resource, whose, held))
    return sorted(left, key=lambda each: (each.resource.name, each.resource.id))
