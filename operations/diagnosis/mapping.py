"""What lets testuser into the cluster, and as whom, against what the stage of exercise identity mapping makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from exercises.identity_mapping.checks import MASTERS, USER
from grading.check import Row
from grading.finding import Finding, Remedies
from grading.outcomes import AwsRefused, Done
from grading.session import GradingSession
from operations.diagnosis.rbac import Rbac, Wanted
from operations.rbac.iam_principals import Principal, in_aws_auth
from operations.rbac.identities import AUTHENTICATED, Identity
from operations.rbac.objects import Subject

GROUPS: Final = {"masters": (MASTERS,), "authenticated": (AUTHENTICATED,)}
"""Stage → the groups that aws-auth gives; at the other stages it does not name testuser."""

VIEW: Final = "AmazonEKSViewPolicy"
NAMESPACES: Final = ("default",)
DISCOVERY: Final = Wanted(
    "ClusterRoleBinding", "system:discovery", "", "ClusterRole", "system:discovery", Subject("Group", AUTHENTICATED)
)


def findings(row: Row, lab: GradingSession, *, allowed: bool, remedies: Remedies) -> Iterator[Finding]:
    """Why this row failed; `allowed`: whether what it asked for was done."""
    arn = lab.names["TESTUSER_ARN"]
    yield from _user(row, lab, arn, remedies)
    if row.name.removeprefix(f"mapping-{row.stage}-").startswith("aws-"):
        return
    entry = _entry(lab, arn)
    mapped = _mapped(lab, arn)
    if row.stage == "entry":
        yield from _as_entry(entry, lab, arn, remedies)
    elif entry is not None:
        how = "wins over aws-auth" if row.stage in GROUPS else "lets them in"
        delete = f"aws eks delete-access-entry --cluster-name {lab.names['CLUSTER_NAME']} --principal-arn {arn}"
        yield Finding(f"An access entry of {USER}, made by hand, {how}", delete)
    yield from _as_mapped(row.stage, mapped, remedies)
    if row.asks is None:
        return
    rbac = Rbac(lab.api)
    if allowed:
        yield from rbac.granting(_identity(entry, mapped), row.asks, remedies)
    elif row.name.endswith("-discovery") and mapped:
        yield from rbac.lacking(DISCOVERY, row.asks, remedies)


def _user(row: Row, lab: GradingSession, arn: str, remedies: Remedies) -> Iterator[Finding]:
    answer = lab.aws.call("iam", "get_user", UserName=USER)
    if isinstance(answer, AwsRefused) and answer.code == "NoSuchEntity":
        yield Finding(f"The IAM user {USER} is missing", remedies.put_back)
    if not isinstance(answer, Done):
        return
    user: dict[str, Any] = answer.value["User"]
    if user["Arn"] != arn:
        yield Finding(f"The IAM user {USER} is {user['Arn']} now, not {arn}", remedies.put_back)
    boundary = (user.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    if row.boundary is True and not boundary:
        yield Finding(f"{USER} has no permissions boundary", remedies.put_back)
    if row.boundary is False and boundary:
        yield Finding(f"{USER} has the permissions boundary {boundary}, and the setting says none", remedies.put_back)


def _as_entry(entry: _Entry | None, lab: GradingSession, arn: str, remedies: Remedies) -> Iterator[Finding]:
    if entry is None:
        yield Finding(f"The access entry of {USER} is missing", remedies.put_back)
        return
    if entry.groups:
        yield Finding(f"The access entry of {USER} gives the groups {', '.join(entry.groups)}", remedies.put_back)
    if entry.username != arn:
        yield Finding(f"The access entry calls {USER} {entry.username}, not {arn}", remedies.put_back)
    views = [policy for policy in entry.policies if policy["policyArn"].endswith(f"/{VIEW}")]
    if not views:
        yield Finding(f"The access entry of {USER} has no access policy {VIEW}", remedies.put_back)
    for policy in entry.policies:
        scope = policy["accessScope"]
        where = "on the cluster" if scope["type"] == "cluster" else f"on namespace {', '.join(scope['namespaces'])}"
        name = policy["policyArn"].rpartition("/")[2]
        if policy not in views:
            delete = (
                f"aws eks disassociate-access-policy --cluster-name {lab.names['CLUSTER_NAME']} --principal-arn {arn} "
                f"--policy-arn {policy['policyArn']}"
            )
            yield Finding(f"Access policy {name} {where}, associated by hand, may give it", delete)
        elif scope["type"] == "cluster" or tuple(scope["namespaces"]) != NAMESPACES:
            yield Finding(f"Access policy {name} is {where}, not on namespace default", remedies.put_back)


def _as_mapped(stage: str, mapped: Principal | None, remedies: Remedies) -> Iterator[Finding]:
    wanted = GROUPS.get(stage)
    if mapped is None:
        if wanted:
            yield Finding(f"aws-auth does not map {USER}", remedies.put_back)
        return
    if wanted is None:
        yield Finding(f"aws-auth maps {USER}, with the groups {', '.join(mapped.groups) or 'none'}", remedies.put_back)
        return
    if mapped.username != USER:
        yield Finding(f"aws-auth calls {USER} {mapped.username}", remedies.put_back)
    if sorted(mapped.groups) != sorted(wanted):
        given, due = ", ".join(mapped.groups) or "none", ", ".join(wanted)
        yield Finding(f"aws-auth gives {USER} the groups {given}, not {due}", remedies.put_back)


class _Entry:
    """An access entry, as EKS tells it."""

    def __init__(self, view: dict[str, Any], policies: list[dict[str, Any]]) -> None:
        self.username = str(view.get("username") or "")
        self.groups = tuple(view.get("kubernetesGroups") or ())
        self.policies = policies


def _entry(lab: GradingSession, arn: str) -> _Entry | None:
    where: dict[str, Any] = {"clusterName": lab.names["CLUSTER_NAME"], "principalArn": arn}
    view = lab.aws.call("eks", "describe_access_entry", **where)
    if not isinstance(view, Done):
        return None
    listed = lab.aws.call("eks", "list_associated_access_policies", **where)
    return _Entry(
        view.value["accessEntry"], listed.value["associatedAccessPolicies"] if isinstance(listed, Done) else []
    )


def _mapped(lab: GradingSession, arn: str) -> Principal | None:
    answer = lab.api.request("GET", "/api/v1/namespaces/kube-system/configmaps/aws-auth")
    data = (answer.value.get("data") or {}) if isinstance(answer, Done) else {}
    return next((one for one in in_aws_auth(data) if one.arn.lower() == arn.lower() and not one.no_effect), None)


def _identity(entry: _Entry | None, mapped: Principal | None) -> Identity:
    found = entry or mapped
    return Identity(found.username, (*found.groups, AUTHENTICATED)) if found else Identity()
