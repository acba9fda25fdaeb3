"""Finds the causes of a check's failed rows: each exercise has its own way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from exercises.registry import ROWS
from grading.account_probes import AsAccount
from grading.check import ExerciseName, Row
from grading.expectations import Expectation
from grading.finding import Finding, Remedies
from grading.grade import Answer, Verdict
from grading.outcomes import Done
from grading.pod_probes import InPod
from grading.probes import RoleTrust
from grading.session import GradingSession, NoOperator
from grading.variables import Unknown
from operations.diagnosis import aws_pods, gates, mapping
from operations.diagnosis.rbac import Rbac, Wanted
from operations.rbac.identities import Identity
from operations.rbac.objects import Subject

NOTHING: Final = "Nothing was found that differs from what the lab makes"
"""The cause where none was found."""

TRUST: Final[Mapping[tuple[ExerciseName, str], Expectation]] = {
    (row.exercise, row.stage): row.expected for row in ROWS if isinstance(row.question, RoleTrust) and not row.goal
}
"""Exercise and stage → what is demanded of the trust policy of the exercise's role."""


def explain(
    answers: Iterable[Answer], lab: GradingSession, option: str = "", by_hand: Collection[ExerciseName] = ()
) -> dict[str, tuple[Finding, ...]]:
    """Name of a failed row → its causes, each with a remedy; never none. Asks the lab as the operator.

    `option` names the stack at the end of a command: " -s dev"; `by_hand` are the exercises that were made by hand.
    """
    found: dict[str, tuple[Finding, ...]] = {}
    for answer in answers:
        row = answer.row
        if answer.verdict is Verdict.FAILED:
            stage = f"{row.exercise} {row.stage}" if row.exercise in by_hand else ""
            found[row.name] = _causes(answer, lab, Remedies(option, stage))
    return found


def _causes(answer: Answer, lab: GradingSession, remedies: Remedies) -> tuple[Finding, ...]:
    row = answer.row
    try:
        causes = tuple(dict.fromkeys(_of(answer, lab, remedies)))
    except (LookupError, Unknown, NoOperator) as error:
        return (Finding(f"The cause could not be looked for ({error})", _asked_again(row, remedies)),)
    return causes or (Finding(NOTHING, _asked_again(row, remedies)),)


def _asked_again(row: Row, remedies: Remedies) -> str:
    return (
        f"./lab check {row.exercise}{remedies.option} asks again, and ./lab up --refresh{remedies.option} puts back "
        "what was changed"
    )


def _of(answer: Answer, lab: GradingSession, remedies: Remedies) -> Iterator[Finding]:
    row = answer.row
    if gates.is_gate(row):
        yield from gates.findings(answer, lab, remedies)
    elif row.exercise == "rbac":
        yield from _teams(answer, lab, remedies)
    elif row.exercise == "identity-mapping":
        yield from mapping.findings(row, lab, allowed=answer.allowed, remedies=remedies)
    elif trust := TRUST.get((row.exercise, row.stage)):
        yield from aws_pods.findings(row, lab, trust, remedies)


def _teams(answer: Answer, lab: GradingSession, remedies: Remedies) -> Iterator[Finding]:
    """A team's account: whether the pod has it, and what its bindings say."""
    row = answer.row
    question = row.question
    if not isinstance(question, InPod | AsAccount) or row.asks is None:
        return
    namespace, account = question.namespace, row.subject
    pod = None
    if isinstance(question, InPod):
        pod = lab.api.request("GET", f"/api/v1/namespaces/{namespace}/pods/{question.pod}")
    if isinstance(pod, Done) and isinstance(question, InPod):
        runs_as = pod.value["spec"].get("serviceAccountName") or "default"
        if runs_as != account:
            again = remedies.made_again(row.exercise, row.stage)
            yield Finding(f"Pod {question.pod} runs as service account {runs_as}, not {account}", again)
            return
    subject = Subject("ServiceAccount", account, namespace)
    rbac = Rbac(lab.api)
    if answer.allowed:
        yield from rbac.granting(Identity.of(subject), row.asks, remedies)
    elif row.stage in ("after", "least"):
        wanted = Wanted("RoleBinding", f"roleB-{namespace}", namespace, "Role", f"role-{namespace}", subject)
        yield from rbac.lacking(wanted, row.asks, remedies)
