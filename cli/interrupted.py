"""Puts right what a killed update left on AWS, so that the same command goes on.

`rehearsal.recovery` deletes what a killed run made, out of the plug-ins' journal. Real providers keep none, and a
cluster takes ten minutes to make: what AWS has is taken over instead (`cli.pending` tells how the engine learns of it).
Everything that is still to be done afterwards stands in the state, so that this too may be cut off.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from cli import locks, pending, pulumi_cli, recorded
from cli.console import err, progress
from cli.failures import CannotAsk, Failure
from cli.lab_on_aws import identity
from cli.pending import Inputs, Operation
from cli.stacks import Stack
from infra import leftovers
from infra.leftovers import Client
from infra.leftovers.answers import if_there, reason
from infra.leftovers.registry import FIRST

RESTS_WITHIN: Final = 40 * 60.0
"""Seconds that AWS may take to finish what the killed update had asked for; a node group may take half an hour."""

_AT_WORK: Final = frozenset({"CREATING", "UPDATING", "DELETING", "PENDING"})
_BROKEN: Final = frozenset({"FAILED", "CREATE_FAILED"})

Update = Callable[[], pulumi_cli.Ended]


def update(stack: Stack, run: Update, *, yes: bool, builds: bool) -> pulumi_cli.Ended:
    """Run an update of the stack, with what a killed one left put right first.

    Args:
        stack: the stack that is changed.
        run: starts pulumi.
        yes: whether a lock that is known to be stale is removed without asking.
        builds: whether the update builds the lab, and does not only take it away.
    """
    _put_right(stack, yes=yes, builds=builds)
    ended = run()
    if ended.code == 0 or not locks.is_locked(ended.stderr):
        return ended
    locks.release(stack, ended.stderr, yes=yes)
    _put_right(stack, yes=yes, builds=builds)
    return run()


def _put_right(stack: Stack, *, yes: bool, builds: bool) -> None:
    """Tell the engine what became of what was begun; make half-made things ready to be made anew."""
    kept = _export(stack)
    if pending.operations(kept["deployment"]):
        kept = _taken_over(stack, kept, yes=yes)
    doubtful = pending.unread(kept["deployment"], (*_STATES, pending.RELEASE))
    if not doubtful:
        return
    broken = _at_rest(_client(stack), doubtful)
    half_made = broken | {each["urn"] for each in doubtful if pending.is_cut_off_release(each)}
    if builds and half_made:
        err.print("Half made, so deleted first and then made anew:", *sorted(map(_short, half_made)), markup=False)
        targets = [part for urn in sorted(half_made) for part in ("--target", urn)]
        arguments = ("destroy", "--yes", "--skip-preview", "--stack", stack.name, *targets)
        pulumi_cli.insist(pulumi_cli.run(*arguments, stdout=sys.stderr), "destroy")


def _export(stack: Stack) -> dict[str, Any]:
    """The stack's state; an empty one where it cannot be had: then pulumi says why in the update itself."""
    ended = pulumi_cli.ask("stack", "export", "--stack", stack.name)
    try:
        kept = json.loads(ended.stdout)
    except ValueError:
        kept = {}
    return kept if kept.get("deployment") else {"deployment": {}}


def _taken_over(stack: Stack, kept: dict[str, Any], *, yes: bool) -> dict[str, Any]:
    """The state with what was begun put right, as it stands in the backend now."""
    ids, told = _found(stack, kept["deployment"])
    changed = {**kept, "deployment": pending.put_right(kept["deployment"], ids)}
    ended = _import(stack, changed)
    if locks.is_locked(ended.stderr):
        locks.release(stack, ended.stderr, yes=yes)
        # What was at work may have done more since.
        kept = _export(stack)
        ids, told = _found(stack, kept["deployment"])
        changed = {**kept, "deployment": pending.put_right(kept["deployment"], ids)}
        ended = _import(stack, changed)
    pulumi_cli.insist(ended, "stack import")
    err.print("The update before this one was cut off. What it had begun:")
    for line in told:
        err.print(f"  {line}", markup=False)
    return changed


def _import(stack: Stack, kept: Mapping[str, Any]) -> pulumi_cli.Ended:
    # In a file and not by a pipe: pulumi may have to ask for the passphrase. Secrets in it are encrypted.
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "state.json")
        file.touch(mode=0o600)
        file.write_text(json.dumps(kept))
        arguments = ("stack", "import", "--stack", stack.name, "--file", str(file))
        return pulumi_cli.run(*arguments, stdout=sys.stderr, quiet=True)


def _found(stack: Stack, deployment: Inputs) -> tuple[dict[str, str], list[str]]:
    """URN → id of what was being created and is there, or may be; and a line for each operation."""
    operations = pending.operations(deployment)
    created = [each for each in operations if each.kind == pending.CREATING]
    report = _report(stack, deployment, {each.type for each in created})
    client = _client(stack)
    taken = pending.standing(deployment)
    ids: dict[str, str] = {}
    told: list[str] = []
    for each in operations:
        if each.kind != pending.CREATING:
            told.append(f"{each.about}: {each.kind}; it is read anew.")
            continue
        known = pending.known_id(each)
        candidates = [known] if known else [*pending.matching(each, report), *_asked(client, each)]
        if each.urn in taken:
            told.append(
                f"{each.about}: creating; the state has one already, which stays. ./lab sweep{stack.option} shows "
                "whether there is another."
            )
        elif len(candidates) == 1:
            ids[each.urn] = candidates[0]
            where = "if it is there, it" if known else f"AWS has it ({candidates[0]}); it"
            told.append(f"{each.about}: creating; {where} is taken over.")
        elif candidates:
            told.append(
                f"{each.about}: creating; AWS has {len(candidates)} that may be it ({', '.join(candidates)}), and none "
                f"is taken over. ./lab sweep{stack.option} shows them."
            )
        elif pending.is_idempotent(each):
            told.append(f"{each.about}: creating; doing that twice does no harm.")
        else:
            told.append(f"{each.about}: creating; AWS does not have it.")
    return ids, told


def _report(stack: Stack, deployment: Inputs, types: set[str]) -> leftovers.Report:
    """What AWS has of these types; raises CannotAsk when it does not tell."""
    wanted = [kind for kind in leftovers.KINDS if kind.engine_type in types]
    if not wanted:
        return leftovers.Report()
    kinds = [kind for kind in leftovers.KINDS if kind in FIRST or kind in wanted]
    held = recorded.parsed(deployment.get("resources") or [])
    with progress() as shown:
        shown.phase("an update was cut off; asking AWS what became of it")
        report = leftovers.find(_client(stack), identity(stack, held), held.ids, kinds=kinds, tell=shown.waiting)
    for each in report.unasked:
        if each.kind in wanted:
            raise CannotAsk(
                f"An update was cut off, and AWS cannot be asked for {each.kind.plural}: {each.why}. Mend that, then "
                "run this again."
            )
    return report


def _asked(client: Client, operation: Operation) -> list[str]:
    ask = _QUESTIONS.get(operation.type)
    return _answered(lambda: list(ask(client, operation.inputs)), operation.about) or [] if ask else []


def _at_rest(client: Client, doubtful: list[dict[str, Any]]) -> set[str]:
    """Wait until AWS has finished with each; URNs of those that came out broken. Raises Failure, CannotAsk."""
    broken: set[str] = set()
    with progress() as shown:
        for each in doubtful:
            state = _STATES.get(each["type"])
            if state is None:
                continue
            about = f"{_short(each['urn'])} ({each['id']})"
            waiting = Retrying(
                retry=retry_if_result(lambda told: told in _AT_WORK),
                stop=stop_after_delay(RESTS_WITHIN),
                wait=wait_exponential(multiplier=0.5, max=15),
                before_sleep=lambda _, about=about: shown.waiting(f"AWS is still at work on {about}"),
            )
            try:
                told = waiting(_state_of, client, state, each["id"], about)
            except RetryError as error:
                raise Failure(
                    f"AWS is still at work on {about}. Wait until it has finished, then run this again."
                ) from error
            if told in _BROKEN:
                broken.add(each["urn"])
    return broken


def _state_of(client: Client, state: "State", identity: str, about: str) -> str:
    return str(_answered(lambda: state(client, identity), about) or "").upper()


def _answered(question: Callable[[], Any], about: str) -> Any:
    """AWS's answer, None where there is no such thing; raises CannotAsk."""
    try:
        return if_there(question)
    except (BotoCoreError, ClientError) as error:
        raise CannotAsk(
            f"An update was cut off, and AWS cannot be asked about {about}: {reason(error)}. Mend that, then run this "
            "again."
        ) from error


def _client(stack: Stack) -> Client:
    try:
        return leftovers.clients(stack.profile, stack.config.region)
    except BotoCoreError as error:
        raise CannotAsk(f"{str(error).rstrip('.')}. Mend aws:profile in {stack.file.name}, or AWS_PROFILE.") from error


def _short(urn: str) -> str:
    return urn.rpartition("::")[2]


State = Callable[[Client, str], str]
"""Asks for the state of the thing with this id, in AWS's word."""


def _node_group(client: Client, identity: str) -> str:
    cluster, _, name = identity.partition(":")
    return client("eks").describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]["status"]


def _addon(client: Client, identity: str) -> str:
    cluster, _, name = identity.partition(":")
    return client("eks").describe_addon(clusterName=cluster, addonName=name)["addon"]["status"]


_STATES: Final[Mapping[str, State]] = {
    pending.CLUSTER: lambda client, name: client("eks").describe_cluster(name=name)["cluster"]["status"],
    pending.NODE_GROUP: _node_group,
    pending.ADDON: _addon,
    pending.NAT_GATEWAY: lambda client, gateway: client("ec2").describe_nat_gateways(NatGatewayIds=[gateway])[
        "NatGateways"
    ][0]["State"],
}
"""What takes minutes, and what nothing else can be built on before it is ready."""


def _links(client: Client, inputs: Inputs) -> Iterator[str]:
    mine = [{"Name": "association.subnet-id", "Values": [inputs["subnetId"]]}]
    return pending.subnet_links(client("ec2").describe_route_tables(Filters=mine), inputs)


def _rules(client: Client, inputs: Inputs, *, egress: bool) -> Iterator[str]:
    mine = [{"Name": "group-id", "Values": [inputs["securityGroupId"]]}]
    return pending.group_rules(client("ec2").describe_security_group_rules(Filters=mine), inputs, egress=egress)


def _associations(client: Client, inputs: Inputs) -> Iterator[str]:
    found = client("eks").list_pod_identity_associations(
        clusterName=inputs["clusterName"], namespace=inputs["namespace"], serviceAccount=inputs["serviceAccount"]
    )
    return (each["associationId"] for each in found["associations"])


_QUESTIONS: Final[Mapping[str, Callable[[Client, Inputs], Iterator[str]]]] = {
    pending.POD_IDENTITY: _associations,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _links,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": lambda client, of: _rules(client, of, egress=False),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": lambda client, of: _rules(client, of, egress=True),
}
"""For what bears no name: how AWS is asked for it."""
