"""What a stack costs, as a person or a script is shown it: by `lab cost`, and before `up` and `preview`.

AWS is asked for prices only about a stack on AWS that is named, with the user's own credentials; what it does not tell
comes from the project's dated table, and each row says which.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from infra.regions import SUPPORTED_REGIONS
from operations.cost import estimate as bills
from operations.cost import savings as cost_savings
from operations.cost.estimate import Bill, Row
from operations.cost.prices.model import HOURS_A_MONTH, UNITS, Key, Price, Prices, Source
from operations.cost.prices.table import table
from operations.cost.savings import Saving
from stacks import tables
from stacks.console import out, progress
from stacks.stack import Stack


@dataclass(frozen=True)
class Estimate:
    """A bill and where its prices come from."""

    stack: Stack
    now: datetime
    bill: Bill
    savings: tuple[Saving, ...]
    hours: float | None
    """Hours that were asked about."""

    not_live: str
    """Why prices are from the table, when AWS told none or not all; empty when it told all."""


def tell(stack: Stack) -> None:
    """Show what a stack costs, before somebody is asked whether it shall stand."""
    show(estimate(stack, None))


def estimate(stack: Stack, hours: float | None) -> Estimate:
    """The bill of a stack: AWS's prices over the table's."""
    config, now = stack.config, _now()
    horizon = max(hours or 0.0, HOURS_A_MONTH)
    prices: dict[Key, Price] = dict(table(config.region))
    why = "this is the rehearsal, which asks AWS nothing"
    if not stack.is_rehearsal:
        keys = {line.key for c in cost_savings.wanted(config, now) for line in bills.lines(c, now, horizon)}
        live, why = _asked(stack, keys, now)
        prices.update(live)
    return Estimate(
        stack,
        now,
        bills.bill(config, prices, now, horizon),
        cost_savings.savings(config, prices, now),
        hours,
        why,
    )


def show(found: Estimate) -> None:
    """The bill as a table, what would make it smaller, and what it leaves out."""
    region = found.stack.config.region
    place = SUPPORTED_REGIONS.get(region, region)
    if found.stack.is_rehearsal:
        out.print(f"Here it costs nothing. On AWS in {region} ({place}) this lab would cost, in USD:")
    else:
        out.print(f"Stack {found.stack.name} in {region} ({place}), in USD:")
    _rows(found)
    bill = found.bill
    bound = "at least" if bill.unpriced else "about"
    out.print(
        f"Left running: {bound} {bill.hourly:.2f} USD an hour, {bill.over(bills.HOURS_A_DAY):.2f} a day, "
        f"{bill.over(HOURS_A_MONTH):.0f} if forgotten for a month."
    )
    if found.savings:
        _savings(found.savings)
    for note in _notes(found):
        out.print(note, markup=False)


def as_json(found: Estimate) -> dict[str, Any]:
    """The same for a script."""
    bill, config = found.bill, found.stack.config

    def money(of: Row | Bill) -> dict[str, float]:
        told = {"hourly": of.hourly, "daily": of.over(bills.HOURS_A_DAY), "monthly": of.over(HOURS_A_MONTH)}
        if found.hours is not None:
            told["forHours"] = of.over(found.hours)
        return {name: round(usd, 6) for name, usd in told.items()}

    return {
        "stack": found.stack.name,
        "region": config.region,
        "asOf": found.now.isoformat(timespec="seconds"),
        "currency": "USD",
        "hours": found.hours,
        "hoursAMonth": HOURS_A_MONTH,
        "total": money(bill),
        "rows": [
            {
                "component": row.line.component,
                "what": row.line.what,
                "quantity": row.line.quantity,
                "unit": UNITS[row.line.key.item].name,
                "price": row.price.usd,
                **money(row),
                "fromHours": row.line.from_hours,
                "source": row.price.source.value,
                "seen": row.price.seen.isoformat(),
                "page": row.price.page,
                "assumed": row.note,
            }
            for row in bill.rows
        ],
        "notCounted": [{"component": line.component, "what": line.what} for line in bill.unpriced],
        "neverCounted": list(bills.NEVER_COUNTED),
        "savings": [
            {"setting": s.setting, "hourly": round(s.hourly, 6), "monthly": round(s.monthly, 6), "note": s.note}
            for s in found.savings
        ],
        "notLive": found.not_live,
    }


def _now() -> datetime:
    return datetime.now(UTC)


def _asked(stack: Stack, keys: set[Key], now: datetime) -> tuple[Prices, str]:
    """What AWS tells, and why not all of it, if so."""
    from botocore.exceptions import BotoCoreError  # these take a while to import, and most commands ask no prices

    from clients.aws import clients
    from operations.cost.prices import price_list_api

    config = stack.config
    try:
        with progress() as shown:
            shown.waiting("asking AWS for its prices")
            client = clients(stack.profile, config.region)
            live = price_list_api.ask(keys, config.region, config.zones, client, now)
    except BotoCoreError as error:
        return {}, price_list_api.reason(error)
    by_reason: dict[str, list[str]] = {}
    for key, why in live.unanswered.items():
        by_reason.setdefault(why, []).append(str(key))
    if len(by_reason) == 1 and not live.prices:
        return live.prices, next(iter(by_reason))
    return live.prices, "; ".join(f"{why} ({', '.join(keys)})" for why, keys in by_reason.items())


def _rows(found: Estimate) -> None:
    heads = ["", "quantity", "price", "an hour", "a day", "a month"]
    if found.hours is not None:
        heads.append(f"{found.hours:g} h")
    rows: list[tuple[tables.Cell, ...]] = [
        (
            row.line.what + (" *" if row.note else ""),
            f"{row.line.quantity:.4g}",
            f"{row.price.usd:.4g} a {UNITS[row.line.key.item].name}",
            *_money(row, found.hours),
            f"{row.price.source} {row.price.seen}",
        )
        for row in found.bill.rows
    ]
    total = ("in all", "", "", *_money(found.bill, found.hours), "")
    rows.append(tuple(Text(one, "bold") for one in total))
    tables.show((*heads, "price from"), rows, right=(1, *range(3, len(heads))))


def _money(of: Row | Bill, hours: float | None) -> list[str]:
    told = [f"{of.hourly:.4f}", f"{of.over(bills.HOURS_A_DAY):.2f}", f"{of.over(HOURS_A_MONTH):.2f}"]
    return told if hours is None else [*told, f"{of.over(hours):.2f}"]


def _savings(savings: tuple[Saving, ...]) -> None:
    tables.show(
        ("It would cost less with", "an hour", "a month", ""),
        (
            (
                saving.setting,
                # What begins to cost within the month saves nothing in this hour.
                f"-{saving.hourly:.4f}" if round(saving.hourly, 4) else "",
                f"-{saving.monthly:.2f}",
                saving.note,
            )
            for saving in savings
        ),
        right=(1, 2),
    )


def _notes(found: Estimate) -> list[str]:
    bill = found.bill
    notes = [f"* Assumed: {note}" for note in dict.fromkeys(row.note for row in bill.rows if row.note)]
    notes.append("Monitoring, kube-ops-view, add-ons and what exercises run is on the nodes and costs nothing more.")
    if bill.unpriced:
        notes.append(f"No price known, so not counted: {'; '.join(line.what for line in bill.unpriced)}.")
    notes.append(f"Never counted: {'; '.join(bills.NEVER_COUNTED)}.")
    sources = {row.price.source for row in bill.rows}
    if found.not_live and sources - {Source.LIVE}:
        notes.append(f"Prices that are not live are from the project's table: {found.not_live}.")
    return notes
