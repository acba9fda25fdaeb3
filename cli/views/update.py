"""How an update or a preview ended, printed for a person or as JSON."""

import json
from dataclasses import asdict

from cli.views import next_steps, summary
from stacks.console import duration, err, out
from stacks.outcomes import Run, Update
from stacks.stack import Stack


def tell(stack: Stack, update: Update, *, as_json: bool, refreshed: bool = False, with_lab: bool = True) -> None:
    """Print what an update did and how to go on.

    `refreshed`: it has looked at what stands, and not at the settings alone. `with_lab`: tell what the lab has too.
    """
    if as_json:
        out.print_json(json.dumps(update.as_json()))
    if update.run is None:
        _after_pulumi(stack, update, as_json=as_json)
    elif not as_json:
        _after_ours(update, update.run, refreshed=refreshed, with_lab=with_lab)


def _after_pulumi(stack: Stack, update: Update, *, as_json: bool) -> None:
    """What pulumi has not told: it does so of what it changed."""
    if not as_json:
        summary.helm(update.releases or ())
        err.print(next_steps.after_up(update.outputs, stack.option), markup=False)
    err.print(f"Take it away when you are done: ./lab down{stack.option}")


def _after_ours(update: Update, run: Run, *, refreshed: bool, with_lab: bool) -> None:
    if run.changed:
        summary.changes(run.changes)
    err.print(f"{summary.counts(run.counts)} in {duration(update.seconds)}.")
    if with_lab:
        summary.stood_up(update.outputs, update.releases or ())
    if not run.changed and not refreshed:
        out.print(next_steps.SETTINGS_ONLY.format(""), markup=False)
    if with_lab:
        out.print(next_steps.after_up(update.outputs, ""), markup=False)


def preview(run: Run, *, as_json: bool) -> None:
    """What `up` would change."""
    if as_json:
        out.print_json(json.dumps({"changes": [asdict(c) for c in run.changes], "counts": run.counts}))
        return
    summary.changes(run.changes, every=True)
    err.print(summary.counts(run.counts, would=True) + ".")
