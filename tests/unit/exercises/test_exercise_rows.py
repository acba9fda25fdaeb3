"""Every row passes on the right answer, and on that alone."""

import re

import pytest

from exercises.catalogue import EXERCISES
from exercises.registry import ROWS
from grading.check import Row
from grading.expectations import AwsDenied, Forbidden, Holds, Says, Unauthorized
from grading.grade import Verdict, ask
from grading.run_probe import ROLE_ARN
from tests.unit.exercises.case import Case
from tests.unit.exercises.row_cases import SECRET_KEY, TOKEN, cases
from tests.unit.grading.fake_lab import SECRET, lab

CASES = [(row, case) for row in ROWS for case in cases(row)]


@pytest.mark.parametrize(("row", "case"), CASES, ids=[f"{row.name}: {case.label}" for row, case in CASES])
def test_a_row_tells_right_from_wrong(row: Row, case: Case):
    here = lab()
    case.program(here)
    answer = ask(row, here.session)
    assert answer.verdict is case.verdict, answer
    assert answer.observed
    assert bool(answer.wrong) is (answer.verdict is Verdict.FAILED)
    for secret in (SECRET, SECRET_KEY, TOKEN, "k8s-aws-v1."):
        assert secret not in answer.observed


def test_every_row_has_a_right_answer_wrong_ones_and_none_at_all():
    for row in ROWS:
        verdicts = [case.verdict for case in cases(row)]
        assert verdicts[0] is Verdict.PASSED, row.name
        assert verdicts.count(Verdict.FAILED) >= 1, row.name
        assert verdicts.count(Verdict.NOT_ASKED) >= 1, row.name


def test_names_are_unique_and_fit_for_scripts():
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


def test_every_stage_has_rows_and_every_row_a_stage():
    assert {(row.exercise, row.stage) for row in ROWS} == {
        (name, stage) for name, exercise in EXERCISES.items() for stage in exercise.stages
    }


def test_every_row_says_who_and_why():
    for row in ROWS:
        assert row.subject
        assert row.why.endswith(".")
        assert row.expected.text


def found(exercise: str, stage: str, command: str, subject: str = "") -> Row:
    """The one row that asks this."""
    fitting = [
        row
        for row in ROWS
        if (row.exercise, row.stage) == (exercise, stage)
        and row.command.endswith(command)
        and row.boundary is not False
        and not row.goal
        and (not subject or row.subject == subject)
    ]
    assert len(fitting) == 1, (exercise, stage, command, [row.name for row in fitting])
    return fitting[0]


@pytest.mark.parametrize(("team", "other"), [("dev", "infra"), ("infra", "dev")])
def test_the_rows_of_the_rbac_table_are_there(team: str, other: str):
    user, own = f"system:serviceaccount:{team}-team:{team}-k8s", f"{team}-team"
    exec_ = f"kubectl exec -it {team}-kubectl -n {own} -- kubectl "
    probe = "run check-nginx --image nginx:1.20-alpine --dry-run=server"
    for stage in ("before", "after"):
        for command, namespace in (
            (f"get pods -n {other}-team", f"{other}-team"),
            ("get pods -n kube-system", "kube-system"),
        ):
            assert found("rbac", stage, exec_ + command).expected == Forbidden(user, "list", "pods", namespace)
        assert found("rbac", stage, exec_ + "get nodes").expected == Forbidden(user, "list", "nodes")
        assert found("rbac", stage, exec_ + f"auth can-i get pods -n {other}-team").expected == Says("no")
    assert found("rbac", "before", exec_ + "get pods").expected == Forbidden(user, "list", "pods", own)
    assert found("rbac", "before", exec_ + probe).expected == Forbidden(user, "create", "pods", own)
    assert found("rbac", "before", exec_ + "auth can-i get pods").expected == Says("no")
    for command in ("get pods", probe, f"delete pod {team}-kubectl --dry-run=server"):
        assert found("rbac", "after", exec_ + command).expected.text == "allowed"
    for command in ("auth can-i get pods", "auth can-i '*' '*'"):
        assert found("rbac", "after", exec_ + command).expected == Says("yes")


def test_the_rows_of_the_identity_table_are_there():
    run = "./lab as testuser -- "
    arn = "$TESTUSER_ARN"
    mapping = "identity-mapping"
    assert found(mapping, "masters", run + "kubectl get nodes").expected.text == "allowed"
    assert found(mapping, "masters", run + "kubectl auth can-i '*' '*' -A").expected == Says("yes")
    assert found(mapping, "authenticated", run + "kubectl get nodes").expected == Forbidden("testuser", "list", "nodes")
    assert found(mapping, "authenticated", run + "kubectl api-resources").expected.text == "allowed"
    assert found(mapping, "unmapped", run + "kubectl get nodes").expected == Unauthorized()
    assert found(mapping, "unmapped", run + "kubectl api-resources").expected == Unauthorized()
    for command, expected in {
        "kubectl get pods -n kube-system": Forbidden(arn, "list", "pods", "kube-system"),
        "kubectl get nodes": Forbidden(arn, "list", "nodes"),
        "kubectl delete pod any -n default --dry-run=server": Forbidden(arn, "delete", "pods", "default"),
    }.items():
        assert found(mapping, "entry", run + command).expected == expected
    assert found(mapping, "entry", run + "kubectl get pods -n default").expected.text == "allowed"
    for stage in EXERCISES[mapping].stages:
        assert found(mapping, stage, run + "aws sts get-caller-identity --query Arn").expected == Says(arn)
        assert found(mapping, stage, run + "aws s3 ls").expected == AwsDenied("AccessDenied", "ListBuckets", arn)
        names = {row.name for row in ROWS}
        for token in ("expired-token", "token-of-another-cluster"):
            assert (f"mapping-{stage}-{token}" in names) is (stage != "unmapped")
    users = {
        row.stage: dict(row.expected.facts)
        for row in ROWS
        if row.command == run + "kubectl auth whoami" and isinstance(row.expected, Holds)
    }
    assert users == {
        "masters": {"username": "testuser", "groups": ("system:authenticated", "system:masters")},
        "authenticated": {"username": "testuser", "groups": ("system:authenticated",)},
        "entry": {"username": arn, "groups": ("system:authenticated",)},
    }


NODE = "arn:$PARTITION:sts::$ACCOUNT_ID:assumed-role/$NODE_ROLE/i-*"


def test_the_rows_of_the_pods_table_are_there():
    denied = AwsDenied("AccessDenied", "ListBuckets", NODE)
    assert found("irsa", "on", "kubectl logs eks-iam-test1").expected == denied
    assert found("irsa", "on", "kubectl exec -it eks-iam-test2 -- aws s3 ls").expected == denied
    session = 'env "AWS_ROLE_SESSION_NAME=check-$RANDOM" '
    for exercise, pod, role, named in (("irsa", 3, "IRSA_ROLE", session), ("pod-identity", 4, "POD_IDENTITY_ROLE", "")):
        run = f"kubectl exec -it eks-iam-test{pod} -- {named}aws "
        identity = found(exercise, "on", run + "sts get-caller-identity --query Arn").expected
        assert isinstance(identity, Says)
        assert identity.pattern.startswith(f"arn:$PARTITION:sts::$ACCOUNT_ID:assumed-role/${role}/")
        assert found(exercise, "on", run + "s3 ls").expected.text == "allowed"
        (write,) = (row for row in ROWS if row.command.startswith(run + "s3 mb"))
        assert isinstance(write.expected, AwsDenied)
        assert (write.expected.code, write.expected.operation) == ("AccessDenied", "CreateBucket")


def facts(name: str) -> dict[str, object]:
    (row,) = (row for row in ROWS if row.name == name)
    assert isinstance(row.expected, Holds)
    return dict(row.expected.facts)


def test_what_eks_injects_is_as_eks_injects_it():
    account = "system:serviceaccount:default:"
    assert facts("irsa-test2-token")["sub"] == account + "default"
    assert facts("irsa-test3-token") == {"aud": ("sts.amazonaws.com",), "sub": account + "my-sa", "iss": "$ISSUER"}
    mounted = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
    assert facts("irsa-test3-env")["AWS_WEB_IDENTITY_TOKEN_FILE"] == f"{mounted}/token"
    assert facts("irsa-test3-env")["AWS_ROLE_ARN"] == "$IRSA_ROLE_ARN"
    assert facts("irsa-test3-mount") == {"mountPath": mounted, "readOnly": True}
    assert facts("irsa-test3-volume") == {"audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}
    assert facts("pod-identity-no-annotation") == {"eks.amazonaws.com/role-arn": None}
    assert facts("pod-identity-trust") == {
        "principals": ("Service: pods.eks.amazonaws.com",),
        "actions": ("sts:AssumeRole", "sts:TagSession"),
        "conditions": (
            "StringEquals aws:RequestTag/kubernetes-namespace: default",
            "StringEquals aws:RequestTag/kubernetes-service-account: pod-identity-sa",
        ),
    }
    assert facts("irsa-test1-no-token") == {"volumes": (), "variables": ()}
    assert facts("irsa-trust")["conditions"] == (
        "StringEquals $ISSUER_HOST:aud: sts.amazonaws.com",
        f"StringEquals $ISSUER_HOST:sub: {account}my-sa",
    )
    env = facts("pod-identity-test4-env")
    assert env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://169.254.170.23/v1/credentials"
    assert facts("pod-identity-association")["serviceAccount"] == "pod-identity-sa"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("irsa-foreign-account", "AccessDenied"),
        ("irsa-wrong-audience", "InvalidIdentityToken"),
        ("irsa-token-of-another-signer", "InvalidIdentityToken"),
    ],
)
def test_who_must_not_get_the_role_is_asked(name: str, code: str):
    (row,) = (row for row in ROWS if row.name == name)
    assert row.expected == AwsDenied(code, "AssumeRoleWithWebIdentity")


def test_a_token_for_sts_is_shown_to_the_api_server_and_a_foreign_pod_is_the_node():
    rows = {row.name: row for row in ROWS}
    assert rows["irsa-sts-token-at-api-server"].expected == Unauthorized()
    assert rows["pod-identity-foreign-account"].expected == Says(NODE)


def test_a_role_is_asked_about_by_the_way_that_the_row_prints():
    """Another role in the annotation is another question, though the lab's own role is as it was."""
    (row,) = (row for row in ROWS if row.name == "irsa-trust")
    here = lab()
    case = next(cases(row))
    here.api.on(
        "GET", "/serviceaccounts/my-sa", 200, {"metadata": {"annotations": {ROLE_ARN: "arn:aws:iam::1:role/x"}}}
    )
    case.program(here)
    ask(row, here.session)
    assert [params for _, operation, _, params in here.aws.calls if operation == "get_role"] == [{"RoleName": "x"}]
    assert "kubectl get sa my-sa" in row.command


def test_a_new_session_of_a_role_is_in_the_command_too():
    for row in ROWS:
        if getattr(row.question, "new_session", False):
            assert '"AWS_ROLE_SESSION_NAME=check-$RANDOM" aws' in row.command
