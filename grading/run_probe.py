"""How each kind of question is put: to the API server, to AWS, or to a pod. One try, no verdict."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

from grading.account_probes import asked, minted
from grading.extract import ended, object_facts, trust
from grading.kube_api import ApiServer, refused
from grading.outcomes import (
    AwsRefused,
    Broke,
    Done,
    HttpRefused,
    Outcome,
    Ran,
    Starting,
    Unanswered,
    aws_cli,
    can_i,
    done_text,
    facts,
    kubectl,
    parsed,
    short,
)
from grading.pod_probes import SESSION_NAME, InPod, PodLog, ShortPod
from grading.probes import (
    Associations,
    AsTestuser,
    AwsAsTestuser,
    OwnQuestion,
    Question,
    ReadObject,
    RoleTrust,
    TokenAtApiServer,
    TokenAtSts,
)
from grading.roles import AnnotatedRole, PodsRole
from grading.session import GradingSession
from grading.tokens import claims, signed_anew
from grading.variables import Names

SHORT_POD_SECONDS: Final = 90.0
"""How long a pod that asks once may take; on AWS the image may have to be pulled first."""

ROLE_ARN: Final = "eks.amazonaws.com/role-arn"
"""Annotation of a service account that names its role (EKS User Guide, "Assign IAM roles to Kubernetes service
accounts")."""


def put(question: Question, lab: GradingSession) -> Outcome:
    """Put a question once. Raises variables.Unknown and session.NoOperator."""
    match question:
        case InPod():
            return _in_pod(question, lab)
        case PodLog():
            return _ended_pod(lab, question.namespace, question.pod)
        case ShortPod():
            return _short_pod(question, lab)
        case AsTestuser():
            return _as_testuser(question, lab)
        case AwsAsTestuser():
            return _aws_as_testuser(question, lab)
        case TokenAtSts():
            return _token_at_sts(question, lab)
        case TokenAtApiServer():
            token = token_of(lab.api, question.namespace, question.service_account, question.audience)
            if not isinstance(token, str):
                return token
            request = question.request
            return lab.api.request(request.method, request.path, request.body, token)
        case ReadObject():
            return _read(question, lab)
        case RoleTrust():
            return _trust(question, lab)
        case Associations():
            return _associations(question, lab)
        case OwnQuestion():
            return question.ask(lab)


def _in_pod(question: InPod, lab: GradingSession) -> Outcome:
    names = lab.names
    argv = tuple(names.fill(part) for part in question.argv)
    if question.new_session:
        argv = ("env", f"{SESSION_NAME}={lab.session_name}", *argv)
    ran = lab.api.run(question.namespace, question.pod, argv)
    if isinstance(ran, Unanswered):
        return ran
    outcome = _understood(ran, question)
    if isinstance(outcome, Done) and question.undo_bucket:
        undone = lab.aws.call("s3", "delete_bucket", Bucket=names.fill(question.undo_bucket))
        if not isinstance(undone, Done):
            bucket = names.fill(question.undo_bucket)
            return Done(outcome.value, short(f"{outcome.shown}; delete the bucket {bucket}: {undone.shown}"))
    return outcome


def _understood(ran: Ran, question: InPod) -> Outcome:
    match question.reader:
        case "kubectl":
            return kubectl(ran)
        case "can-i":
            return can_i(ran)
        case "aws":
            return aws_cli(ran)
        case "aws-json":
            return _json_text(aws_cli(ran))
        case "token":
            return _claims(ran)


def _json_text(outcome: Outcome) -> Outcome:
    found = parsed(outcome)
    return done_text(found.value) if isinstance(found, Done) and isinstance(found.value, str) else found


def _claims(ran: Ran) -> Outcome:
    """A token's claims; the token itself goes nowhere."""
    if ran.exit_code != 0:
        return Broke(short(ran.stderr) or f"exit code {ran.exit_code}")
    try:
        said = claims(ran.stdout)
    except ValueError:
        return Broke("What came back is no token.")
    return facts({name: said.get(name) for name in ("aud", "sub", "iss")})


def _ended_pod(lab: GradingSession, namespace: str, pod: str) -> Outcome:
    """What the AWS CLI of a pod that ends by itself has found out."""
    found = refused(lab.api.request("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}"), f"The pod {pod}")
    if not isinstance(found, Done):
        return found
    code = ended(found.value)
    if not isinstance(code, int):
        return Starting(f"The pod {pod} has not ended yet{f' ({code})' if code else ''}.")
    log = refused(lab.api.log(namespace, pod), f"The log of pod {pod}")
    if not isinstance(log, Done):
        return log
    return aws_cli(Ran(code, str(log.value), str(log.value)))


def _short_pod(question: ShortPod, lab: GradingSession) -> Outcome:
    pods = f"/api/v1/namespaces/{question.namespace}/pods"
    like = f"/api/v1/namespaces/default/pods/{question.image_of}"
    pattern = refused(lab.api.request("GET", like), f"The pod {question.image_of}")
    if not isinstance(pattern, Done):
        return pattern
    body = _pod_body(question, str(pattern.value["spec"]["containers"][0]["image"]))
    path = f"{pods}/{question.name}"
    made = lab.api.request("POST", pods, body)
    if isinstance(made, HttpRefused) and made.status == 409:
        _remove(lab, path)
        return Starting(f"An earlier pod {question.name} is going away.")
    if not isinstance(made, Done):
        return Unanswered(f"The pod {question.name} cannot be made: {made.shown}")
    try:
        until = time.monotonic() + SHORT_POD_SECONDS
        while True:
            outcome = _ended_pod(lab, question.namespace, question.name)
            if not isinstance(outcome, Starting):
                return _json_text(outcome)
            if time.monotonic() > until or lab.stop.wait(0.2):
                return Unanswered(outcome.reason)
    finally:
        _remove(lab, path)


def _remove(lab: GradingSession, path: str) -> None:
    lab.api.request("DELETE", path, {"gracePeriodSeconds": 0})


def _pod_body(question: ShortPod, image: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": question.name},
        "spec": {
            "serviceAccountName": question.service_account,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": question.name, "image": image, "args": list(question.argv)}],
        },
    }


def _as_testuser(question: AsTestuser, lab: GradingSession) -> Outcome:
    token = lab.testuser_token(question.bearer)
    if isinstance(token, Unanswered):
        return token
    return asked(lab, question.request, token)


def _aws_as_testuser(question: AwsAsTestuser, lab: GradingSession) -> Outcome:
    if isinstance(lab.testuser, Unanswered):
        return lab.testuser
    outcome = lab.aws.call(question.service, question.operation, lab.testuser)
    if not isinstance(outcome, Done):
        return outcome
    value = str(outcome.value[question.picks]) if question.picks else ""
    return done_text(value)


def token_of(api: ApiServer, namespace: str, account: str, audience: str) -> str | Outcome:
    """A new token of a service account's."""
    made = minted(api, namespace, account, audience=audience)
    return made if isinstance(made, str) else refused(made, f"The service account {account}")


def _token_at_sts(question: TokenAtSts, lab: GradingSession) -> Outcome:
    token = token_of(lab.api, question.namespace, question.service_account, question.audience)
    if not isinstance(token, str):
        return token
    role = _annotated(question.role, lab)
    if not isinstance(role, str):
        return role
    outcome = lab.aws.call(
        "sts",
        "assume_role_with_web_identity",
        "unsigned",
        RoleArn=role,
        RoleSessionName="check",
        WebIdentityToken=signed_anew(token) if question.signed_anew else token,
    )
    # The answer holds credentials; all that is kept of it is whose they are.
    return done_text(str(outcome.value["AssumedRoleUser"]["Arn"])) if isinstance(outcome, Done) else outcome


def _annotated(role: AnnotatedRole, lab: GradingSession) -> str | Outcome:
    """The ARN in a service account's annotation; AWS is not asked about a role that nobody names."""
    path = f"/api/v1/namespaces/{role.namespace}/serviceaccounts/{role.service_account}"
    found = refused(lab.api.request("GET", path), f"The service account {role.service_account}")
    if not isinstance(found, Done):
        return found
    arn = (found.value.get("metadata", {}).get("annotations") or {}).get(ROLE_ARN)
    return str(arn) if arn else Broke(f"The service account {role.service_account} has no annotation {ROLE_ARN}")


def _as_pod(role: PodsRole, lab: GradingSession) -> str | Outcome:
    """The ARN as which AWS knows a pod."""
    ran = lab.api.run(role.namespace, role.pod, role.ARGV)
    if isinstance(ran, Unanswered):
        return ran
    outcome = aws_cli(ran)
    return str(outcome.value) if isinstance(outcome, Done) else outcome


def _trust(question: RoleTrust, lab: GradingSession) -> Outcome:
    role = question.role
    arn = _annotated(role, lab) if isinstance(role, AnnotatedRole) else _as_pod(role, lab)
    if not isinstance(arn, str):
        return arn
    # As `cut -d/ -f2` has it: of a role's ARN, and of a session's, the part after the first slash.
    name = next(iter(arn.split("/")[1:2]), arn)
    answer = _as_operator(lab, "iam", "get_role", RoleName=name)
    return trust(answer.value["Role"]["AssumeRolePolicyDocument"]) if isinstance(answer, Done) else answer


def _read(question: ReadObject, lab: GradingSession) -> Outcome:
    path = f"/api/v1/namespaces/{question.namespace}/{question.kind}/{question.name}"
    found = refused(lab.api.request("GET", path), f"{question.kind.removesuffix('s')} {question.name}")
    if not isinstance(found, Done):
        return found
    told = object_facts(found.value, question.extract, question.volume)
    return replace(told, headers=found.headers) if isinstance(told, Done) else told


def _as_operator(lab: GradingSession, service: str, operation: str, **params: Any) -> Outcome:
    """A call that only wants to know; refused, it says nothing about the exercise."""
    outcome = lab.aws.call(service, operation, **params)
    if isinstance(outcome, AwsRefused):
        return Unanswered(f"You may not ask, or it is not there: {outcome.shown}")
    return outcome


def _associations(question: Associations, lab: GradingSession) -> Outcome:
    names: Names = lab.names
    cluster = names["CLUSTER_NAME"]
    listed = _as_operator(
        lab,
        "eks",
        "list_pod_identity_associations",
        clusterName=cluster,
        namespace=question.namespace,
        serviceAccount=question.service_account,
    )
    if not isinstance(listed, Done):
        return listed
    found = listed.value["associations"]
    if not found:
        return facts({"number": 0})
    described = _as_operator(
        lab,
        "eks",
        "describe_pod_identity_association",
        clusterName=cluster,
        associationId=found[0]["associationId"],
    )
    if not isinstance(described, Done):
        return described
    one = described.value["association"]
    return facts({"number": len(found), **{name: one.get(name) for name in ("namespace", "serviceAccount", "roleArn")}})
