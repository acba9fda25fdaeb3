"""What gives a pod its rights over AWS, against what the exercises IRSA and Pod Identity make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from exercises.irsa import checks as irsa
from exercises.pod_identity import checks as pod_identity
from exercises.shared.aws_checks import NAMESPACE
from grading.check import Row
from grading.expectations import AwsDenied, Expectation
from grading.extract import object_facts, trust
from grading.finding import Finding, Remedies
from grading.outcomes import Done
from grading.probes import RoleTrust
from grading.roles import PodsRole
from grading.run_probe import ROLE_ARN
from grading.session import GradingSession

POLICY: Final = "AmazonS3ReadOnlyAccess"
AUDIENCE_ANNOTATION: Final = "eks.amazonaws.com/audience"
ACCOUNTS: Final = {irsa.TEST1: "default", irsa.TEST2: "default", irsa.TEST3: irsa.ACCOUNT,
                   pod_identity.POD: pod_identity.ACCOUNT}  # fmt: skip
"""Pod → its service account."""

_READS_S3: Final = ("S3", "AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess")
"""Parts of the names of AWS's managed policies that allow listing buckets."""


def findings(row: Row, lab: GradingSession, trust_of_role: Expectation, remedies: Remedies) -> Iterator[Finding]:
    """Why this row failed; `trust_of_role` is what the exercise demands of its role's trust policy."""
    again = remedies.made_again(row.exercise, row.stage)
    question = row.question
    # The role's trust policy is found by the pod that has the role.
    by_pod = isinstance(question, RoleTrust) and isinstance(question.role, PodsRole)
    if row.subject in ACCOUNTS or by_pod:
        yield from _pod(pod_identity.POD if by_pod else row.subject, lab, again)
    if row.subject == irsa.TEST1:
        yield from _told(lab, again)
    if _asks_as_node(row):
        yield from _node(lab)
        if row.exercise == "pod-identity":
            yield from _associated_too(NAMESPACE, row.subject, lab)
        return
    if row.exercise == "irsa":
        yield from _annotation(lab, remedies)
        yield from _provider(lab, remedies)
    elif row.subject == "/".join(pod_identity.STRANGER):
        if row.stage == "wide":
            yield from _association(*pod_identity.STRANGER, lab, remedies)
        else:
            yield from _associated_too(*pod_identity.STRANGER, lab)
    else:
        yield from _no_annotation(lab)
        yield from _association(NAMESPACE, pod_identity.ACCOUNT, lab, remedies)
    name = lab.names["IRSA_ROLE" if row.exercise == "irsa" else "POD_IDENTITY_ROLE"]
    yield from _trust(name, lab, trust_of_role, remedies)
    if "-s3-" in row.name:
        yield from _policies(name, lab, remedies)
    if row.subject in (irsa.TEST3, pod_identity.POD):
        yield from _injected(row, lab, again)


def _asks_as_node(row: Row) -> bool:
    denied = isinstance(row.expected, AwsDenied) and "$NODE_ROLE" in row.expected.caller
    return denied or row.name == "pod-identity-foreign-account"


def _pod(name: str, lab: GradingSession, again: str) -> Iterator[Finding]:
    answer = lab.api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")
    if isinstance(answer, Done):
        account = answer.value["spec"].get("serviceAccountName") or "default"
        if account != ACCOUNTS[name]:
            yield Finding(f"Pod {name} runs as service account {account}, not {ACCOUNTS[name]}", again)


def _told(lab: GradingSession, again: str) -> Iterator[Finding]:
    """Whether somebody has given eks-iam-test1 what it is to do without."""
    name = irsa.TEST1
    answer = lab.api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")
    found = object_facts(answer.value, "tokens", "") if isinstance(answer, Done) else None
    if isinstance(found, Done) and any(found.value.values()):
        given = ", ".join(one for ones in found.value.values() for one in ones)
        yield Finding(f"Pod {name} was made with credentials of its own: {given}", again)


def _associated_too(namespace: str, account: str, lab: GradingSession) -> Iterator[Finding]:
    cluster = lab.names["CLUSTER_NAME"]
    listed = lab.aws.call(
        "eks", "list_pod_identity_associations", clusterName=cluster, namespace=namespace, serviceAccount=account
    )
    for one in listed.value["associations"] if isinstance(listed, Done) else ():
        delete = (
            f"aws eks delete-pod-identity-association --cluster-name {cluster} --association-id {one['associationId']}"
        )
        yield Finding(f"ServiceAccount {account} has a Pod Identity association, made by hand", delete)


def _node(lab: GradingSession) -> Iterator[Finding]:
    role = lab.names["NODE_ROLE"]
    for name, arn in _attached(role, lab) or ():
        if any(part in name for part in _READS_S3):
            detach = f"aws iam detach-role-policy --role-name {role} --policy-arn {arn}"
            yield Finding(f"Policy {name} is attached to the nodes' role {role} by hand", detach)


def _annotations(account: str, lab: GradingSession) -> dict[str, str] | None:
    answer = lab.api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}")
    return (answer.value["metadata"].get("annotations") or {}) if isinstance(answer, Done) else None


def _annotation(lab: GradingSession, remedies: Remedies) -> Iterator[Finding]:
    account, wanted = irsa.ACCOUNT, lab.names["IRSA_ROLE_ARN"]
    found = _annotations(account, lab)
    if found is None:
        yield Finding(f"ServiceAccount {account} is missing in {NAMESPACE}", remedies.put_back)
        return
    if ROLE_ARN not in found:
        yield Finding(f"ServiceAccount {account} has no annotation {ROLE_ARN}", remedies.put_back)
    elif found[ROLE_ARN] != wanted:
        yield Finding(f"The annotation of ServiceAccount {account} names {found[ROLE_ARN]}", remedies.put_back)
    if AUDIENCE_ANNOTATION in found:
        yield Finding(
            f"ServiceAccount {account} has the annotation {AUDIENCE_ANNOTATION} {found[AUDIENCE_ANNOTATION]}, made by "
            "hand",
            f"kubectl annotate sa {account} {AUDIENCE_ANNOTATION}-",
        )


def _no_annotation(lab: GradingSession) -> Iterator[Finding]:
    account = pod_identity.ACCOUNT
    if ROLE_ARN in (_annotations(account, lab) or {}):
        yield Finding(
            f"ServiceAccount {account} has an annotation {ROLE_ARN}, made by hand",
            f"kubectl annotate sa {account} {ROLE_ARN}-",
        )


def _provider(lab: GradingSession, remedies: Remedies) -> Iterator[Finding]:
    arn = lab.names["OIDC_PROVIDER_ARN"]
    answer = lab.aws.call("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=arn)
    if not isinstance(answer, Done):
        return
    taken: Sequence[str] = answer.value.get("ClientIDList") or ()
    if irsa.AUDIENCE not in taken:
        yield Finding(f"The cluster's OIDC provider takes no tokens for {irsa.AUDIENCE}", remedies.put_back)
    for one in taken:
        if one != irsa.AUDIENCE:
            remove = (
                "aws iam remove-client-id-from-open-id-connect-provider "
                f"--open-id-connect-provider-arn {arn} --client-id {one}"
            )
            yield Finding(f"The cluster's OIDC provider takes tokens for {one} too", remove)


def _association(namespace: str, account: str, lab: GradingSession, remedies: Remedies) -> Iterator[Finding]:
    where: dict[str, Any] = {"clusterName": lab.names["CLUSTER_NAME"]}
    listed = lab.aws.call("eks", "list_pod_identity_associations", **where, namespace=namespace, serviceAccount=account)
    if not isinstance(listed, Done):
        return
    if not listed.value["associations"]:
        yield Finding(f"ServiceAccount {account} has no Pod Identity association", remedies.put_back)
    for one in listed.value["associations"]:
        found = lab.aws.call("eks", "describe_pod_identity_association", **where, associationId=one["associationId"])
        if isinstance(found, Done) and found.value["association"].get("roleArn") != lab.names["POD_IDENTITY_ROLE_ARN"]:
            role = found.value["association"].get("roleArn")
            yield Finding(f"The Pod Identity association of {account} names {role}", remedies.put_back)


def _trust(role: str, lab: GradingSession, wanted: Expectation, remedies: Remedies) -> Iterator[Finding]:
    answer = lab.aws.call("iam", "get_role", RoleName=role)
    if isinstance(answer, Done):
        wrong = wanted.against(trust(answer.value["Role"]["AssumeRolePolicyDocument"]), lab.names)
        if wrong:
            yield Finding(f"The trust policy of role {role} is another ({wrong})", remedies.put_back)


def _policies(role: str, lab: GradingSession, remedies: Remedies) -> Iterator[Finding]:
    attached = _attached(role, lab)
    if attached is None:
        return
    if POLICY not in dict(attached):
        yield Finding(f"Role {role} has no policy {POLICY}", remedies.put_back)
    for name, arn in attached:
        if name != POLICY:
            detach = f"aws iam detach-role-policy --role-name {role} --policy-arn {arn}"
            yield Finding(f"Policy {name} is attached to role {role} by hand", detach)


def _attached(role: str, lab: GradingSession) -> list[tuple[str, str]] | None:
    answer = lab.aws.call("iam", "list_attached_role_policies", RoleName=role)
    if not isinstance(answer, Done):
        return None
    found: list[dict[str, Any]] = answer.value["AttachedPolicies"]
    return [(one["PolicyName"], one["PolicyArn"]) for one in found]


def _injected(row: Row, lab: GradingSession, again: str) -> Iterator[Finding]:
    """Whether EKS told the pod of its role when it was made."""
    answer = lab.api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{row.subject}")
    if not isinstance(answer, Done):
        return
    variables = {
        each["name"]: each.get("value") for one in answer.value["spec"]["containers"] for each in one.get("env") or ()
    }
    if row.exercise == "irsa":
        told = variables.get("AWS_ROLE_ARN")
        if told != lab.names["IRSA_ROLE_ARN"]:
            about = f"for role {told}" if told else "without its role"
            yield Finding(f"Pod {row.subject} was made {about}", again)
    elif "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in variables:
        yield Finding(f"Pod {row.subject} was made while there was no association", again)
