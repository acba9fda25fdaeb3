"""Ingresses whose load balancer controller is gone: their load balancer and their finalizer go before the engine waits.

An Ingress keeps a finalizer until the AWS Load Balancer Controller has deleted its load balancer. Without that
controller (scaled to 0, uninstalled, crashing) nothing does, and the Ingress, its namespace and the lab's network stay.
Then what the controller would have deleted is deleted here, by the tags that it gives (aws-load-balancer-controller
3.5.0, pkg/deploy/tracking/provider.go).
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError

from clients.aws_responses import pages, reason
from clients.polling import poll_until
from operations import cleanup
from operations.cleanup import Leftover
from operations.cleanup.kinds.load_balancers import BALANCERS, TARGET_GROUPS
from operations.cleanup.kinds.network import SECURITY_GROUPS
from stacks.aws_lab import LabSession
from stacks.cluster_facts import Ask, NotThere
from stacks.console import Progress, err
from stacks.errors import CannotAsk, Failure
from stacks.wait_probes import controller_is_ready
from stacks.waits import LOAD_BALANCER, owner_of

COMES_BACK_WITHIN: Final = 8.0
"""Seconds in which a controller that is only being started again gets ready."""

CLUSTER_TAG: Final = "elbv2.k8s.aws/cluster"
_INGRESSES: Final = "/apis/networking.k8s.io/v1/ingresses"
_BINDINGS: Final = "/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings"
_HOOKS: Final = tuple(
    f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations" for kind in ("validating", "mutating")
)
_HOOK: Final = ".elbv2.k8s.aws"
"""End of the names of the controller's webhooks. Without it they refuse every change, also of a finalizer."""

_RIGHTS: Final = ("ec2:DescribeSecurityGroupRules", "ec2:RevokeSecurityGroupIngress")


def clear(lab: LabSession, shown: Progress, *, yes: bool, again: str) -> None:
    """Let Ingresses go whose controller has no ready pod, with all that it made on AWS.

    Args:
        lab: the lab whose cluster and AWS are asked, in an environment in which they answer.
        shown: shows what is done; its line is hidden while the user is asked.
        yes: do not ask before.
        again: the command that does it without asking.

    Raises Failure when nobody can be asked for consent or something stays, typer.Exit when the user does not agree. A
    cluster that does not answer is no error here: whether the engine can go on without it, the engine finds out.
    """
    if not lab.recorded.kubeconfig:
        return
    try:
        shown.waiting("asking the cluster for Ingresses without a controller")
        ask = lab.ask
        found = _held(ask)
        if not found or _comes_back(ask):
            return
    except CannotAsk:
        return
    err.print(f"These Ingresses wait for {LOAD_BALANCER}, which has no ready pod:")
    for each in found:
        err.print(f"  {_name(each)}  finalizer {', '.join(_owed(each))}", markup=False)
    _agree(shown, yes=yes, again=again)
    _delete_on_aws(lab, shown, again)
    try:
        _let_go(ask, found)
    except CannotAsk as error:
        raise Failure(f"The finalizers could not be taken off: {error} Then run {again}.") from error
    shown.phase(f"finalizers taken off: Ingress {', '.join(map(_name, found))}")


def _agree(shown: Progress, *, yes: bool, again: str) -> None:
    what = "its load balancers, target groups and security groups"
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(
            f"Nothing was deleted, because these Ingresses would never go. Start the controller again, or run {again}: "
            f"it deletes {what}, and takes the finalizers off."
        )
    with shown.paused():
        agreed = typer.confirm(f"Delete {what}, and take the finalizers off?")
    if not agreed:
        raise typer.Exit(1)


def _held(ask: Ask) -> list[Mapping[str, Any]]:
    return [each for each in ask("GET", _INGRESSES, None)["items"] if _owed(each)]


def _comes_back(ask: Ask) -> bool:
    """Whether the controller has a ready pod, now or in a moment."""
    return poll_until(
        bool,
        lambda: controller_is_ready(lambda path: ask("GET", path, None)),
        within=COMES_BACK_WITHIN,
        first=1,
        longest=1,
    )


def _owed(found: Mapping[str, Any]) -> list[str]:
    """The finalizers that the load balancer controller owes."""
    return [each for each in found["metadata"].get("finalizers") or [] if owner_of(each) == LOAD_BALANCER]


def _name(found: Mapping[str, Any]) -> str:
    return f"{found['metadata']['namespace']}/{found['metadata']['name']}"


def _delete_on_aws(lab: LabSession, shown: Progress, again: str) -> None:
    kinds = [kind for kind in cleanup.KINDS if kind in (*cleanup.FIRST, TARGET_GROUPS, SECURITY_GROUPS)]
    report = cleanup.find(lab.client, lab.lab, lab.recorded.ids, kinds=kinds, tell=shown.waiting)
    mine = [each for each in report.left if _is_the_controllers(each, lab.lab.cluster)]
    try:
        _revoke(lab, [each.resource.id for each in mine if each.kind is SECURITY_GROUPS])
    except (BotoCoreError, ClientError) as error:
        raise Failure(f"Rules about them could not be deleted: {reason(error, _RIGHTS)}. Then run {again}.") from error
    outcome = cleanup.delete(lab.client, lab.lab, mine, lab.recorded.ids, tell=shown.waiting)
    unknown = [f"{each.kind.plural}: {each.why}" for each in report.unasked]
    stays = [f"{each.leftover.kind.name} {each.leftover.resource.id}: {each.why}" for each in outcome.failed]
    if unknown or stays:
        told = "\n".join(f"  {each}" for each in (*unknown, *stays))
        raise Failure(f"Not everything of the controller's could be deleted:\n{told}\nMend that and run {again}.")
    for each in outcome.deleted:
        shown.phase(f"deleted: {each.kind.name} {each.resource.name or each.resource.id}")


def _is_the_controllers(each: Leftover, cluster: str) -> bool:
    kinds = (BALANCERS, TARGET_GROUPS, SECURITY_GROUPS)
    return each.ours and each.kind in kinds and each.resource.tags.get(CLUSTER_TAG) == cluster


def _revoke(lab: LabSession, groups: Sequence[str]) -> None:
    """Delete the rules by which other groups, the nodes' among them, let these in: they would keep them."""
    if not groups:
        return
    ec2 = lab.client("ec2")
    kept: dict[str, list[str]] = {}
    for rule in pages(ec2, "describe_security_group_rules", "SecurityGroupRules"):
        names = (rule.get("ReferencedGroupInfo") or {}).get("GroupId")
        if names in groups and rule["GroupId"] not in groups and not rule["IsEgress"]:
            kept.setdefault(rule["GroupId"], []).append(rule["SecurityGroupRuleId"])
    for group, rules in kept.items():
        ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=rules)


def _let_go(ask: Ask, found: Sequence[Mapping[str, Any]]) -> None:
    """Take the controller's webhooks, its bindings and the finalizers away; raises CannotAsk."""
    for path in _HOOKS:
        for each in ask("GET", path, None)["items"]:
            if any(str(hook["name"]).endswith(_HOOK) for hook in each.get("webhooks") or []):
                ask("DELETE", f"{path}/{each['metadata']['name']}", None)
    try:
        bindings = ask("GET", _BINDINGS, None)["items"]
    except NotThere:
        bindings = []
    for each in bindings:
        if any(key.startswith("ingress.k8s.aws/") for key in each["metadata"].get("labels") or {}):
            _release(ask, _BINDINGS, each, deletes=True)
    for each in found:
        _release(ask, _INGRESSES, each, deletes=False)


def _release(ask: Ask, kind: str, found: Mapping[str, Any], *, deletes: bool) -> None:
    about, owed = found["metadata"], _owed(found)
    group, _, plural = kind.rpartition("/")
    path = f"{group}/namespaces/{about['namespace']}/{plural}/{about['name']}"
    others = [each for each in about.get("finalizers") or [] if each not in owed]
    try:
        if deletes:
            ask("DELETE", path, None)
        ask("PATCH", path, {"metadata": {"finalizers": others}})
    except NotThere:
        pass
