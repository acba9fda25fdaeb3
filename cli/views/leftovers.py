"""How leftovers are shown: what is left, what could not be asked, and what was asked without finding any."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from operations.cleanup import Leftover, Outcome, Report
from operations.cleanup.model import Claim
from stacks import leftover_tables, tables
from stacks.console import out
from stacks.stack import Stack
from stacks.state import StackState

LEFT: Final = 1
NOT_ASKED: Final = 3


def show(stack: Stack, report: Report, recorded: StackState) -> None:
    """The whole answer; says that nothing is left only when everything could be asked."""
    name, region = stack.config.cluster_name, stack.config.region
    beside = [each for each in report.left if not each.recorded]
    if beside:
        leftover_tables.table(beside)
        for line in _summary(stack, beside, recorded):
            out.print(line, markup=False)
    if report.unasked:
        tables.show(("could not be asked", "why"), ((each.kind.plural, each.why) for each in report.unasked))
    if recorded.unknown:
        out.print(f"Pulumi's stack {stack.name} could not be asked: {recorded.unknown}.", markup=False)
    elif recorded.count:
        count = f"{recorded.count} resource{'' if recorded.count == 1 else 's'}"
        out.print(
            f"Pulumi's stack {stack.name} holds {count}, which ./lab down{stack.option} takes away. "
            f"Of those, AWS has: {_counted(report)}.",
            markup=False,
        )
    if is_clean(report, recorded):
        out.print(f"Nothing is left of {name} in {region}. Asked, and none found:", markup=False)
    elif not report.unasked or len(report.unasked) < len(report.asked):
        out.print("Asked, and none found:")
    _asked(report, stack, recorded)
    for kind in report.inapplicable:
        out.print(f"No {kind.plural} can be this lab's: it has no domain.", markup=False)


def is_clean(report: Report, recorded: StackState) -> bool:
    """Whether everything could be asked, on AWS and in the engine's state, and nothing was found."""
    return report.clean and not recorded.unknown and not recorded.count


def exit_code(report: Report, recorded: StackState) -> int:
    """0 when nothing is left; 3 when that cannot be told; 1 when something is left and everything was asked."""
    if report.unasked or recorded.unknown:
        return NOT_ASKED
    return LEFT if report.left or recorded.count else 0


def _counted(report: Report) -> str:
    """What the engine's state holds and AWS has, by kind; the engine holds more, which AWS counts as a part of it."""
    counted = Counter(each.kind for each in report.left if each.recorded)
    return ", ".join(f"{n} {kind.name if n == 1 else kind.plural}" for kind, n in counted.items()) or "none"


def _summary(stack: Stack, beside: Sequence[Leftover], recorded: StackState) -> list[str]:
    claims = Counter(each.ownership.claim for each in beside if not each.resource.going)
    lines = [f"{len(beside)} left."]
    if recorded.has_cluster:
        lines = [
            f"{len(beside)} not in Pulumi's state. While the lab is up, AWS made these for it: "
            f"./lab down{stack.option} deletes them too, and asks AWS afterwards what is left."
        ]
    if strangers := claims[Claim.PLACE]:
        lines.append(
            f"{strangers} of them have neither the tag nor the name of the lab, and block the deletion of its VPC. "
            "No command of the lab deletes them: find out whose they are."
        )
    if namesakes := claims[Claim.NAMESAKE]:
        lines.append(
            f"{namesakes} of them have the cluster's name, and a cluster of that name is or may be somebody else's. "
            "No command of the lab deletes them: find out whose they are."
        )
    if maybe := unsure(beside):
        lines.append(maybe if stack.is_rehearsal else f"{maybe} ./lab sweep --delete leaves them with --yes.")
    return lines


def unsure(left: Sequence[Leftover]) -> str:
    """Of how many a person has to say whose they are; empty when of none."""
    count = sum(each.ownership.claim is Claim.CLUSTER for each in left)
    if not count:
        return ""
    return f"{count} of them hold data and have only the cluster's name, which is not proof: see their age."


def _asked(report: Report, stack: Stack, recorded: StackState) -> None:
    found = {each.kind.name for each in report.left} | {each.kind.name for each in report.unasked}
    by_service: dict[str, list[str]] = {}
    for kind in report.asked:
        if kind.name not in found:
            by_service.setdefault(kind.service, []).append(kind.plural)
    if not recorded.unknown and not recorded.count:
        by_service["pulumi"] = [f"resources in stack {stack.name}"]
    tables.show(("", ""), ((f"  {service}", ", ".join(plurals)) for service, plurals in by_service.items()))


def as_json(stack: Stack, report: Report, recorded: StackState, outcome: Outcome | None) -> dict[str, Any]:
    """Everything, as plain values."""
    now = datetime.now(UTC)
    found = {kind.name: 0 for kind in report.asked}
    for each in report.left:
        found[each.kind.name] += 1
    unasked = {each.kind.name for each in report.unasked}

    def thing(each: Leftover) -> dict[str, Any]:
        created = each.resource.created
        return {
            "kind": each.kind.name,
            "id": each.resource.id,
            "name": each.resource.name,
            "size": each.resource.size,
            "state": each.resource.state,
            "createdAt": created.isoformat(timespec="seconds") if created else None,
            "ageSeconds": round((now - created).total_seconds()) if created else None,
            "claim": each.ownership.claim.value,
            "evidence": each.ownership.evidence,
            "deletable": each.ours,
            "goesByItself": each.resource.going,
            "recorded": each.recorded,
            "why": each.kind.why,
        }

    told: dict[str, Any] = {
        "stack": stack.name,
        "cluster": stack.config.cluster_name,
        "region": stack.config.region,
        "clean": is_clean(report, recorded),
        "asked": [
            {"kind": kind.name, "service": kind.service, "found": found[kind.name]}
            for kind in report.asked
            if kind.name not in unasked
        ],
        "left": [thing(each) for each in report.left],
        "notAsked": [
            {"kind": each.kind.name, "service": each.kind.service, "why": each.why} for each in report.unasked
        ],
        "inapplicable": [kind.name for kind in report.inapplicable],
        "engine": {"resources": None if recorded.unknown else recorded.count, "why": recorded.unknown},
    }
    if outcome is not None:
        told["deleted"] = [thing(each) for each in outcome.deleted]
        told["notDeleted"] = [{**thing(each.leftover), "refused": each.why} for each in outcome.failed]
    return told
