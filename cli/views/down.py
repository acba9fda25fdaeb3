"""What `down` has left, printed for a person or as JSON."""

import json

from cli.views import leftovers
from stacks import own_things
from stacks.aws_lab import delete_command
from stacks.console import duration, err, out
from stacks.errors import Failure
from stacks.outcomes import LeftInRehearsal, LeftOnAws
from stacks.stack import Stack


def on_aws(stack: Stack, found: LeftOnAws, *, as_json: bool) -> int:
    """Tell what AWS and the engine's state have; the exit code."""
    report, now = found.report, found.recorded
    if as_json:
        out.print_json(json.dumps(leftovers.as_json(stack, report, now, None)))
    else:
        leftovers.show(stack, report, now)
    if any(each.ours for each in report.left):
        err.print(f"Delete what is left with {delete_command(stack, report)}.", markup=False)
    return leftovers.exit_code(report, now)


def in_rehearsal(found: LeftInRehearsal, *, as_json: bool) -> None:
    """Tell what the emulator had when it was stopped; raises Failure when that was the lab's own."""
    if as_json:
        told = {"left": found.left, "yours": found.own, "seconds": round(found.seconds, 1)}
        out.print_json(json.dumps(told))
    if found.left:
        table = "\n".join(f"  {service}: {', '.join(ids)}" for service, ids in found.left.items())
        raise Failure(
            f"The program left resources behind; on AWS they would go on costing:\n{table}\n"
            "The emulator is stopped, so that they are gone here. This is a defect of the stack: please report it."
        )
    err.print(_nothing(found), markup=False, soft_wrap=True)


def _nothing(found: LeftInRehearsal) -> str:
    if found.forced:
        return "The rehearsal is stopped; nothing is left of it."
    if not found.was_up:
        return "The rehearsal is not up; nothing is left of it."
    lasted = duration(found.seconds)
    if not found.own:
        return f"Nothing is left: no resource, no process, no file. {lasted}."
    return "\n".join(
        (
            f"Nothing of the lab is left. {lasted}. These were yours, made by hand. They went with the rehearsal; "
            "on AWS they would stay until you remove them:",
            *own_things.lines(found.own, found.account_id),
        )
    )
