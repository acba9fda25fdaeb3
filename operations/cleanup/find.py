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
from operations.cleanup.model import Claim, Client, Kind, Lab, Leftover, Report, Surroundings, Thing, Unasked
from operations.cleanup.ownership import belonging
from operations.cleanup.registry import BALANCERS, CLASSIC_BALANCERS, CLUSTERS, FIRST, KINDS, VPCS

Recorded = Mapping[str, frozenset[str]]
"""The engine's types → ids of that type in its state."""

Tell = Callable[[str], None]
"""Takes one line about what is going on."""

_WORKERS: Final = 6
# More attempts than for a single question: IAM is asked a hundred small ones, and throttles.
_PATIENCE: Final = Config(
    connect_timeout=5, read_timeout=30, retries={"max_attempts": 5, "mode": "standard"}, max_pool_connections=16
)


def clients(profile: str | None, region: str) -> Client:
    """Clients with the caller's own credentials; raises BotoCoreError when there is no such profile."""
    return aws_clients.clients(profile, region, _PATIENCE)


def find(
    client: Client,
    lab: Lab,
    recorded: Recorded | None = None,
    *,
    kinds: Sequence[Kind] = KINDS,
    tell: Tell = lambda _: None,
) -> Report:
    """Everything that is the lab's or stands in its VPC; never raises for what AWS does not answer.

    Args:
        client: makes clients.
        lab: whose things are looked for.
        recorded: what the engine's state holds.
        kinds: what is asked for, in the order of deletion; those of `FIRST` tell whose the others are.
        tell: hears of each kind as it has been asked for.
    """
    asked = [kind for kind in kinds if kind.applies(lab)]
    answers = _answers(client, lab, [kind for kind in FIRST if kind in asked], tell)
    around = _surroundings(answers, lab)
    answers |= _answers(client, lab, [kind for kind in asked if kind not in FIRST], tell)
    return Report(
        asked=tuple(asked),
        left=tuple(each for kind in asked for each in _left(kind, answers, lab, around, recorded or {})),
        unasked=tuple(Unasked(kind, why) for kind in asked if isinstance(why := answers[kind.name], str)),
        inapplicable=tuple(kind for kind in kinds if kind not in asked),
    )


def settled(
    client: Client,
    lab: Lab,
    recorded: Recorded | None = None,
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
    return bool(report.left) and all(each.thing.going for each in report.left)


def _again(client: Client, lab: Lab, before: Report, recorded: Recorded | None) -> Report:
    """The same report, with the kinds that had something asked anew."""
    kinds = {*FIRST, *(each.kind for each in before.left)}
    asked = find(client, lab, recorded, kinds=[kind for kind in before.asked if kind in kinds])
    failed = {each.kind.name for each in asked.unasked}
    kept = tuple(each for each in before.unasked if each.kind.name not in failed)
    return replace(before, left=asked.left, unasked=(*kept, *asked.unasked))


def _surroundings(answers: Mapping[str, list[Thing] | str], lab: Lab) -> Surroundings:
    """What the answers to the first questions say of all others."""

    def told(kind: Kind) -> list[Thing]:
        found = answers.get(kind.name, [])
        return [] if isinstance(found, str) else found

    def ours(kind: Kind, around: Surroundings) -> list[Thing]:
        return [each.thing for each in _left(kind, answers, lab, around, {}) if each.ours]

    def names(balancers: Iterable[Thing]) -> frozenset[str]:
        known = (str(each.raw.get("DNSName", "")).lower().removeprefix("dualstack.") for each in balancers)
        return frozenset(name for name in known if name)

    mine = ours(CLUSTERS, Surroundings())
    others = [each for each in told(CLUSTERS) if each not in mine]
    vpcs = frozenset(each.id for each in ours(VPCS, Surroundings()))
    around = Surroundings(
        vpcs=vpcs,
        other_vpcs=frozenset(each.id for each in told(VPCS)) - vpcs,
        namesake=bool(others) or any(isinstance(answers.get(kind.name), str) for kind in FIRST),
        namesake_vpc=others[0].vpc if others else "",
    )
    balancers = [*ours(BALANCERS, around), *ours(CLASSIC_BALANCERS, around)]
    all_balancers = [*told(BALANCERS), *told(CLASSIC_BALANCERS)]
    return replace(
        around,
        balancers=names(balancers),
        other_balancers=names(each for each in all_balancers if each not in balancers),
    )


def _answers(client: Client, lab: Lab, kinds: Iterable[Kind], tell: Tell) -> dict[str, list[Thing] | str]:
    """By a kind's name, what AWS has of it, or why it could not be asked."""

    def one(kind: Kind) -> tuple[str, list[Thing] | str]:
        try:
            found: list[Thing] | str = list(kind.find(client, lab))
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
    kind: Kind, answers: Mapping[str, list[Thing] | str], lab: Lab, around: Surroundings, recorded: Recorded
) -> list[Leftover]:
    found = answers.get(kind.name, [])
    if isinstance(found, str):
        return []
    left: list[Leftover] = []
    for thing in found:
        whose = belonging(thing, kind, lab, around)
        # The VPC's own claim would otherwise be that it stands in itself.
        if whose is not None and not (kind is VPCS and whose.claim is Claim.PLACE):
            held = (thing.recorded_id or thing.id) in recorded.get(kind.engine_type, frozenset())
            left.append(Leftover(kind, thing, whose, held))
    return sorted(left, key=lambda each: (each.thing.name, each.thing.id))
