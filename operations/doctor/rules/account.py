"""Rules about the AWS account: who the caller is, their rights, and the quotas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from infra.config.loading import LabConfig
from operations.doctor.findings import Finding, Layer, Status, unchecked
from operations.doctor.observations import Caller, Denied, Observations, QuotaSeen, RecordedResources, Refused, Unseen
from operations.doctor.permissions import by_right
from operations.doctor.quotas import QUOTAS, Quota, needs

UP_TAKES: Final = timedelta(minutes=45)
"""Within which credentials that end are a risk: `up` takes about 20 minutes, half as long again at times."""
_SHOWN_RIGHTS: Final = 6


def caller(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    """Who the caller is, and how long the credentials hold."""
    layer, caller = Layer.CREDENTIALS, seen.caller
    if isinstance(caller, Unseen):
        yield unchecked(layer, "Who you are", caller, "Look at this machine's way to AWS, then try again.")
        return
    if isinstance(caller, Refused):
        yield Finding(layer, Status.FAIL, f"AWS does not say who you are: {caller.why}.", _login(caller))
        return
    if caller.arn.endswith(":root"):
        yield Finding(
            layer,
            Status.WARN,
            f"You are the root user of account {caller.account}.",
            "Use an administrator's role or user: what root does cannot be limited.",
        )
    else:
        yield Finding(layer, Status.OK, f"You are {caller.arn} in account {caller.account}.")
    yield from _expiry(caller, now)


def _login(refused: Refused) -> str:
    if refused.profiles is None:
        return "Log in (aws sso login, aws configure) or correct aws:profile in the stack's settings."
    if not refused.profiles:
        return "There is none at all: make it (aws configure), or take aws:profile out of the stack's settings."
    return (
        f"Name one of these in aws:profile of the stack's settings, or in AWS_PROFILE: {', '.join(refused.profiles)}."
    )


def _expiry(caller: Caller, now: datetime) -> Iterator[Finding]:
    layer = Layer.CREDENTIALS
    if isinstance(caller.expires, Unseen):
        remedy = f"See that they hold: `up` may take {UP_TAKES.total_seconds() / 60:.0f} minutes."
        yield unchecked(layer, "When these credentials end", caller.expires, remedy)
        return
    if caller.expires is None:
        return
    left = caller.expires - now
    minutes = max(0, int(left.total_seconds() // 60))
    if left < UP_TAKES:
        yield Finding(
            layer,
            Status.WARN,
            f"These credentials end in {minutes} minutes.",
            f"Renew them first: `up` may take {UP_TAKES.total_seconds() / 60:.0f} minutes.",
        )
    else:
        yield Finding(layer, Status.OK, f"These credentials hold for {minutes} minutes.")


def permissions(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    """The rights that the stack needs."""
    layer = Layer.PERMISSIONS
    if isinstance(seen.denied, Unseen):
        yield unchecked(layer, "Your rights", seen.denied, "Allow yourself iam:SimulatePrincipalPolicy to see them.")
        return
    needed = by_right(config)
    if not seen.denied:
        yield Finding(layer, Status.OK, f"You have all {len(needed)} rights that the stack needs.")
        return
    by_type: dict[tuple[str, str], list[str]] = {}
    for denied in seen.denied:
        if not denied.missing:
            for kind in needed.get(denied.right, ("other",)):
                by_type.setdefault((kind, denied.decision), []).append(denied.right)
    for (kind, decision), rights in sorted(by_type.items()):
        # What a policy denies no other policy can allow, an administrator's neither.
        outright = decision == "explicitDeny"
        yield Finding(
            layer,
            Status.FAIL,
            f"For {kind} {'a policy denies you' if outright else 'you may not'} {_listed(rights)}.",
            "Have that policy changed (a service control policy or a boundary may be it), or use another account."
            if outright
            else "Use an administrator's role, or have these allowed.",
        )
    yield from _conditional([denied for denied in seen.denied if denied.missing])


def _conditional(denied: Sequence[Denied]) -> Iterator[Finding]:
    if denied:
        rights = _listed([one.right for one in denied])
        keys = ", ".join(sorted({key for one in denied for key in one.missing}))
        yield Finding(
            Layer.PERMISSIONS,
            Status.UNCHECKED,
            f"Whether you may {rights} depends on {keys}, which only the call itself has.",
            "Ask whoever wrote the policies with these conditions, or just try.",
        )


def _listed(rights: Sequence[str]) -> str:
    """iam:GetRole, iam:PassRole to eks.amazonaws.com and 3 more."""
    more = f" and {len(rights) - _SHOWN_RIGHTS} more" if len(rights) > _SHOWN_RIGHTS else ""
    return ", ".join(right.replace(" ", " to ") for right in rights[:_SHOWN_RIGHTS]) + more


def quotas(config: LabConfig, seen: Observations, now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # rules are called alike
    """What the stack takes of each quota."""
    taken = needs(config)
    for quota in QUOTAS:
        need = taken.get(quota)
        if not need:
            continue
        one = seen.quotas.get(quota.code, Unseen("it was not asked"))
        if isinstance(one, Unseen):
            yield unchecked(Layer.QUOTAS, quota.what, one)
        else:
            yield _quota(quota, one, need, seen.recorded)


def _quota(quota: Quota, one: QuotaSeen, need: int, recorded: RecordedResources | Unseen) -> Finding:
    """By what the stack takes beside what it has: after a run that failed, or before a change, it has a part."""
    own = 0.0
    if isinstance(recorded, RecordedResources):
        own = sum(amount for each, amount in one.by.items() if recorded.holds(quota.counted_by, each))
    more = max(0.0, need - own)
    told = f"{quota.what}: {one.used:g} of {one.limit:g} used, the stack takes {f'{more:g}' if more else 'no'} more."
    if not more or one.used + more <= one.limit:
        return Finding(Layer.QUOTAS, Status.OK, told)
    if isinstance(recorded, Unseen):
        return unchecked(Layer.QUOTAS, f"{told} Whether it has some of them already", recorded)
    remedy = f"Free some, or have quota {quota.code} of {quota.service} raised to {one.used + more:g}."
    return Finding(Layer.QUOTAS, Status.FAIL, told, remedy)
