"""Why a row failed: each thing that can be changed by hand is named, with the command that undoes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from exercises.registry import ROWS
from grading.grade import Answer, Verdict
from grading.outcomes import AwsRefused, Done
from operations.diagnosis import explain
from tests.unit.grading.fake_lab import ACCOUNT, OUTPUTS, FakeLab, lab

ENGINE = [{"manager": "pulumi-kubernetes-1a2b3c"}]
SYSTEM = [{"manager": "kube-apiserver"}]
HAND = [{"manager": "kubectl-create"}]
ARN = OUTPUTS["testuserArn"]
ROLE = OUTPUTS["exerciseRoleArns"]["irsa"]
PUT_BACK = "./lab up --refresh puts it back"
Thing = dict[str, Any]


def role(name: str, namespace: str, *verbs: str, made: list[Thing] = ENGINE) -> Thing:
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": list(verbs)}]
    return {"metadata": {"name": name, "namespace": namespace, "managedFields": made}, "rules": rules}


def binding(name: str, namespace: str, of: tuple[str, str], subject: Thing, made: list[Thing] = ENGINE) -> Thing:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), "managedFields": made}
    return {"metadata": metadata, "roleRef": {"kind": of[0], "name": of[1]}, "subjects": [subject]}


DEV = {"kind": "ServiceAccount", "name": "dev-k8s", "namespace": "dev-team"}
OWN_ROLE = role("role-dev-team", "dev-team", "*")
OWN_BINDING = binding("roleB-dev-team", "dev-team", ("Role", "role-dev-team"), DEV)


def standing(
    here: FakeLab, *, roles: list[Thing] | None = None, bindings: list[Thing] | None = None, account: str = "dev-k8s"
) -> None:
    """RBAC's objects, and the pods of the dev team."""
    anywhere = [role("view", "", "get", "list", made=SYSTEM)]
    for kind, items in (
        ("clusterrolebindings", [one for one in bindings or [] if "namespace" not in one["metadata"]]),
        ("rolebindings", [one for one in bindings or [] if "namespace" in one["metadata"]]),
        ("clusterroles", anywhere),
        ("roles", roles or []),
    ):
        here.api.on("GET", f"rbac.authorization.k8s.io/v1/{kind}", 200, {"items": items})
    here.api.on("GET", "/pods/dev-kubectl", 200, {"spec": {"serviceAccountName": account}})


def causes(here: FakeLab, name: str, *, allowed: bool, option: str = "") -> list[tuple[str, str]]:
    """The causes of one failed row, with their remedies."""
    (row,) = (row for row in ROWS if row.name == name)
    answer = Answer(row, Verdict.FAILED, "seen", allowed=allowed)
    (found,) = explain([answer], here.session, option).values()
    return [(one.cause, one.remedy) for one in found]


REFUSED: Mapping[str, tuple[Thing, str]] = {
    "no RoleBinding": ({"roles": [OWN_ROLE]}, "RoleBinding roleB-dev-team is missing in dev-team"),
    "no Role": ({"bindings": [OWN_BINDING]}, "Role role-dev-team is missing in dev-team"),
    "another subject": (
        {
            "roles": [OWN_ROLE],
            "bindings": [binding("roleB-dev-team", "dev-team", ("Role", "role-dev-team"), {**DEV, "name": "default"})],
        },
        "RoleBinding roleB-dev-team in dev-team names ServiceAccount default, not ServiceAccount dev-k8s",
    ),
    "another role": (
        {"roles": [OWN_ROLE], "bindings": [binding("roleB-dev-team", "dev-team", ("ClusterRole", "edit"), DEV)]},
        "RoleBinding roleB-dev-team in dev-team refers to ClusterRole edit, not to Role role-dev-team",
    ),
    "a narrower role": (
        {"roles": [role("role-dev-team", "dev-team", "get")], "bindings": [OWN_BINDING]},
        "Role role-dev-team in dev-team does not allow to list pods",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_lacks_is_named_and_put_back(case: str) -> None:
    there, cause = REFUSED[case]
    here = lab()
    standing(here, **there)
    assert causes(here, "rbac-after-dev-list-pods", allowed=False) == [(cause, PUT_BACK)]
    on_aws = causes(here, "rbac-after-dev-list-pods", allowed=False, option=" -s dev")
    assert on_aws == [(cause, "./lab up --refresh -s dev puts it back")]


def test_what_was_made_by_hand_is_made_so_by_its_stage() -> None:
    here = lab()
    standing(here, roles=[OWN_ROLE])
    (row,) = (row for row in ROWS if row.name == "rbac-after-dev-list-pods")
    (found,) = explain([Answer(row, Verdict.FAILED, "seen")], here.session, " -s dev", ["rbac"]).values()
    assert [one.remedy for one in found] == ["./lab stage rbac after -s dev makes it so"]


def test_who_gives_what_must_not_be_is_named_and_deleted() -> None:
    here = lab()
    oops = binding("oops", "", ("ClusterRole", "view"), DEV, HAND)
    standing(here, roles=[OWN_ROLE], bindings=[OWN_BINDING, oops])
    for name in ("rbac-after-dev-list-pods-kube-system", "rbac-after-dev-can-i-other-team"):
        assert causes(here, name, allowed=True) == [
            (
                "ClusterRoleBinding oops, made by hand, gives it (ClusterRole view)",
                "kubectl delete clusterrolebinding oops",
            )
        ]


def test_a_binding_in_a_namespace_is_deleted_in_it() -> None:
    here = lab()
    standing(here, bindings=[binding("mine", "kube-system", ("ClusterRole", "view"), DEV, HAND)])
    assert causes(here, "rbac-before-dev-list-pods-kube-system", allowed=True) == [
        (
            "RoleBinding mine in kube-system, made by hand, gives it (ClusterRole view)",
            "kubectl delete rolebinding mine -n kube-system",
        )
    ]


def test_what_kubernetes_or_the_lab_has_made_is_not_deleted() -> None:
    everybody = {"kind": "Group", "name": "system:serviceaccounts"}
    for made, remedy in ((SYSTEM, "kubectl edit clusterrolebinding x, and undo the change"), (ENGINE, PUT_BACK)):
        here = lab()
        standing(here, bindings=[binding("x", "", ("ClusterRole", "view"), everybody, made)])
        ((cause, told),) = causes(here, "rbac-after-dev-list-pods-kube-system", allowed=True)
        assert "gives it to Group system:serviceaccounts" in cause
        assert told == remedy


def test_a_pod_of_another_account_is_the_cause() -> None:
    here = lab()
    standing(here, roles=[OWN_ROLE], bindings=[OWN_BINDING], account="default")
    assert causes(here, "rbac-after-dev-list-pods", allowed=False) == [
        (
            "Pod dev-kubectl runs as service account default, not dev-k8s",
            "./lab stage rbac off and then ./lab stage rbac after makes it again",
        )
    ]


def test_where_nothing_differs_and_where_nobody_answers_it_is_said() -> None:
    here = lab()
    standing(here, roles=[OWN_ROLE], bindings=[OWN_BINDING])
    ((cause, remedy),) = causes(here, "rbac-after-dev-list-pods", allowed=False)
    assert cause == "Nothing was found that differs from what the lab makes"
    assert remedy.startswith("./lab check rbac asks again")
    ((cause, _),) = causes(lab(), "rbac-after-dev-list-pods", allowed=False)
    assert cause.startswith("The cause could not be looked for (ClusterRoles cannot be read: 404")


def test_only_failed_rows_have_causes() -> None:
    row = ROWS[0]
    answers = [Answer(row, Verdict.PASSED, "seen"), Answer(row, Verdict.NOT_ASKED, "seen")]
    assert explain(answers, lab().session) == {}


def mapped(here: FakeLab, *groups: str, username: str = "testuser") -> None:
    users = f"- userarn: {ARN}\n  username: {username}\n  groups: [{', '.join(groups)}]\n"
    here.api.on("GET", "/configmaps/aws-auth", 200, {"data": {"mapUsers": users}})


def entered(here: FakeLab, *policies: tuple[str, Thing], groups: tuple[str, ...] = ()) -> None:
    associated = [{"policyArn": f"arn:aws:eks::aws:cluster-access-policy/{n}", "accessScope": s} for n, s in policies]
    here.aws.answers["describe_access_entry"] = Done({"accessEntry": {"username": ARN, "kubernetesGroups": groups}}, "")
    here.aws.answers["list_associated_access_policies"] = Done({"associatedAccessPolicies": associated}, "")


DEFAULT: Thing = {"type": "namespace", "namespaces": ["default"]}
CLUSTER: Thing = {"type": "cluster"}
VIEW = ("AmazonEKSViewPolicy", DEFAULT)
ENTRY_GONE = f"aws eks delete-access-entry --cluster-name myeks --principal-arn {ARN}"
EDIT_GONE = (
    f"aws eks disassociate-access-policy --cluster-name myeks --principal-arn {ARN} "
    "--policy-arn arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
)
Program = Callable[[FakeLab], None]


def both(here: FakeLab) -> None:
    mapped(here, "system:masters")
    entered(here)


MAPPINGS: list[tuple[str, Program, str, str]] = [
    ("masters-list-nodes", lambda _: None, "aws-auth does not map testuser", PUT_BACK),
    (
        "masters-list-nodes",
        lambda here: mapped(here, "developers"),
        "aws-auth gives testuser the groups developers, not system:masters",
        PUT_BACK,
    ),
    (
        "masters-whoami",
        lambda here: mapped(here, "system:masters", username="somebody"),
        "aws-auth calls testuser somebody",
        PUT_BACK,
    ),
    ("masters-list-nodes", both, "An access entry of testuser, made by hand, wins over aws-auth", ENTRY_GONE),
    (
        "unmapped-list-nodes",
        entered,
        "An access entry of testuser, made by hand, lets them in",
        ENTRY_GONE,
    ),
    (
        "unmapped-list-nodes",
        lambda here: mapped(here, "a"),
        "aws-auth maps testuser, with the groups a",
        PUT_BACK,
    ),
    ("entry-list-pods", lambda _: None, "The access entry of testuser is missing", PUT_BACK),
    (
        "entry-whoami",
        lambda here: entered(here, VIEW, groups=("devs",)),
        "The access entry of testuser gives the groups devs",
        PUT_BACK,
    ),
    (
        "entry-list-pods",
        entered,
        "The access entry of testuser has no access policy AmazonEKSViewPolicy",
        PUT_BACK,
    ),
    (
        "entry-list-pods-kube-system",
        lambda here: entered(here, ("AmazonEKSViewPolicy", CLUSTER)),
        "Access policy AmazonEKSViewPolicy is on the cluster, not on namespace default",
        PUT_BACK,
    ),
    (
        "entry-delete-pod",
        lambda here: entered(here, VIEW, ("AmazonEKSEditPolicy", DEFAULT)),
        "Access policy AmazonEKSEditPolicy on namespace default, associated by hand, may give it",
        EDIT_GONE,
    ),
]


@pytest.mark.parametrize(("row", "program", "cause", "remedy"), MAPPINGS)
def test_what_lets_testuser_in_is_compared(row: str, program: Program, cause: str, remedy: str) -> None:
    here = lab()
    program(here)
    standing(here)
    assert (cause, remedy) == causes(here, f"mapping-{row}", allowed=False)[0]


def test_rbac_may_let_testuser_do_more() -> None:
    here = lab()
    mapped(here, "system:authenticated")
    user = {"kind": "User", "name": "testuser"}
    standing(here, bindings=[binding("mine", "", ("ClusterRole", "view"), user, HAND)])
    assert causes(here, "mapping-authenticated-list-nodes", allowed=True) == [
        ("ClusterRoleBinding mine, made by hand, gives it (ClusterRole view)", "kubectl delete clusterrolebinding mine")
    ]
    ((cause, remedy),) = causes(here, "mapping-authenticated-discovery", allowed=False)
    assert cause == "ClusterRoleBinding system:discovery is missing"
    assert remedy.startswith("kubectl create clusterrolebinding discovery --clusterrole=system:discovery --group=")


@pytest.mark.parametrize(
    ("row", "user", "cause"),
    [
        ("masters-aws-s3-denied", {"Arn": ARN}, "testuser has no permissions boundary"),
        (
            "masters-aws-s3-allowed",
            {"Arn": ARN, "PermissionsBoundary": {"PermissionsBoundaryArn": "arn:b"}},
            "testuser has the permissions boundary arn:b, and the setting says none",
        ),
        ("masters-aws-identity", {"Arn": "arn:x"}, f"The IAM user testuser is arn:x now, not {ARN}"),
    ],
)
def test_the_iam_user_is_compared(row: str, user: Thing, cause: str) -> None:
    here = lab()
    here.aws.answers["get_user"] = Done({"User": user}, "")
    assert causes(here, f"mapping-{row}", allowed=True) == [(cause, PUT_BACK)]
    here.aws.answers["get_user"] = AwsRefused("NoSuchEntity", "GetUser", "no")
    assert causes(here, f"mapping-{row}", allowed=True) == [("The IAM user testuser is missing", PUT_BACK)]


TRUST = {
    "Effect": "Allow",
    "Principal": {"Federated": OUTPUTS["oidcProviderArn"]},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
        "StringEquals": {
            f"{OUTPUTS['oidcIssuer'].removeprefix('https://')}:aud": "sts.amazonaws.com",
            f"{OUTPUTS['oidcIssuer'].removeprefix('https://')}:sub": "system:serviceaccount:default:my-sa",
        }
    },
}
S3 = {"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}
ADMIN = {"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}


def irsa(
    *,
    annotations: Thing | None = None,
    statement: Thing | None = None,
    policies: tuple[Thing, ...] = (S3,),
    audiences: tuple[str, ...] = ("sts.amazonaws.com",),
    told: str = ROLE,
) -> FakeLab:
    """A lab whose my-sa has its role, but for what a test changes."""
    here = lab()
    kept = {"eks.amazonaws.com/role-arn": ROLE} if annotations is None else annotations
    here.api.on("GET", "/serviceaccounts/my-sa", 200, {"metadata": {"annotations": kept}})
    pod = {"serviceAccountName": "my-sa", "containers": [{"env": [{"name": "AWS_ROLE_ARN", "value": told}]}]}
    here.api.on("GET", "/pods/eks-iam-test3", 200, {"spec": pod})
    document = {"Statement": [statement or TRUST]}
    here.aws.answers |= {
        "get_role": Done({"Role": {"AssumeRolePolicyDocument": document}}, ""),
        "list_attached_role_policies": Done({"AttachedPolicies": list(policies)}, ""),
        "get_open_id_connect_provider": Done({"ClientIDList": list(audiences)}, ""),
    }
    return here


NAME = ROLE.rpartition("/")[2]


@pytest.mark.parametrize(
    ("changed", "cause", "remedy"),
    [
        (
            {"annotations": {}},
            "ServiceAccount my-sa has no annotation eks.amazonaws.com/role-arn",
            PUT_BACK,
        ),
        (
            {"annotations": {"eks.amazonaws.com/role-arn": "arn:x"}},
            "The annotation of ServiceAccount my-sa names arn:x",
            PUT_BACK,
        ),
        ({"audiences": ()}, "The cluster's OIDC provider takes no tokens for sts.amazonaws.com", PUT_BACK),
        ({"policies": ()}, f"Role {NAME} has no policy AmazonS3ReadOnlyAccess", PUT_BACK),
        (
            {"policies": (S3, ADMIN)},
            f"Policy AdministratorAccess is attached to role {NAME} by hand",
            f"aws iam detach-role-policy --role-name {NAME} --policy-arn {ADMIN['PolicyArn']}",
        ),
        (
            {"told": "arn:y"},
            "Pod eks-iam-test3 was made for role arn:y",
            "./lab stage irsa off and then ./lab stage irsa on makes it again",
        ),
    ],
)
def test_what_gives_a_pod_its_role_is_compared(changed: Any, cause: str, remedy: str) -> None:
    assert causes(irsa(**changed), "irsa-test3-s3-list", allowed=False) == [(cause, remedy)]


def test_another_trust_policy_is_named_with_what_is_wrong() -> None:
    other = {**TRUST, "Principal": {"Service": "ec2.amazonaws.com"}}
    ((cause, remedy),) = causes(irsa(statement=other), "irsa-trust", allowed=True)
    assert cause.startswith(f"The trust policy of role {NAME} is another (right is principals: [Federated: ")
    assert remedy == PUT_BACK


def test_a_node_that_may_list_buckets_is_the_cause_of_all_pods_that_are_the_node() -> None:
    here = irsa(policies=(ADMIN,))
    for name in ("irsa-test1-s3-list", "irsa-test2-s3-list", "pod-identity-foreign-account"):
        ((cause, remedy),) = causes(here, name, allowed=True)
        assert cause == "Policy AdministratorAccess is attached to the nodes' role ng1-role-9a8b7c6 by hand"
        assert remedy.startswith("aws iam detach-role-policy --role-name ng1-role-9a8b7c6 ")


def test_an_association_that_is_gone_or_another_is_the_cause() -> None:
    here = lab()
    here.aws.answers["list_pod_identity_associations"] = Done({"associations": []}, "")
    assert causes(here, "pod-identity-test4-s3-list", allowed=False) == [
        ("ServiceAccount pod-identity-sa has no Pod Identity association", PUT_BACK)
    ]
    here.aws.answers["list_pod_identity_associations"] = Done({"associations": [{"associationId": "a-1"}]}, "")
    here.aws.answers["describe_pod_identity_association"] = Done({"association": {"roleArn": "arn:z"}}, "")
    assert causes(here, "pod-identity-test4-s3-list", allowed=False) == [
        ("The Pod Identity association of pod-identity-sa names arn:z", PUT_BACK)
    ]
    here.api.on(
        "GET", "/pod-identity-sa", 200, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": f"arn:{ACCOUNT}"}}}
    )
    assert causes(here, "pod-identity-no-annotation", allowed=False)[0] == (
        "ServiceAccount pod-identity-sa has an annotation eks.amazonaws.com/role-arn, made by hand",
        "kubectl annotate sa pod-identity-sa eks.amazonaws.com/role-arn-",
    )


def test_what_the_pods_without_a_role_are_given_is_named() -> None:
    here = irsa(policies=())
    spec = {"containers": [{"env": [{"name": "AWS_ROLE_ARN", "value": "arn:x"}]}]}
    here.api.on("GET", "/pods/eks-iam-test1", 200, {"spec": spec})
    assert causes(here, "irsa-test1-no-token", allowed=True)[0] == (
        "Pod eks-iam-test1 was made with credentials of its own: AWS_ROLE_ARN",
        "./lab stage irsa off and then ./lab stage irsa on makes it again",
    )
    here.aws.answers["list_pod_identity_associations"] = Done({"associations": [{"associationId": "a-1"}]}, "")
    assert causes(here, "pod-identity-foreign-account", allowed=True) == [
        (
            "ServiceAccount default has a Pod Identity association, made by hand",
            "aws eks delete-pod-identity-association --cluster-name myeks --association-id a-1",
        )
    ]


def test_what_hands_the_role_to_a_stranger_is_named() -> None:
    here = lab()
    here.aws.answers["list_pod_identity_associations"] = Done({"associations": [{"associationId": "a-1"}]}, "")
    assert causes(here, "pod-identity-play-stranger", allowed=True) == [
        (
            "ServiceAccount default has a Pod Identity association, made by hand",
            "aws eks delete-pod-identity-association --cluster-name myeks --association-id a-1",
        )
    ]
    here.aws.answers["list_pod_identity_associations"] = Done({"associations": []}, "")
    assert causes(here, "pod-identity-wide-stranger", allowed=False) == [
        ("ServiceAccount default has no Pod Identity association", PUT_BACK)
    ]


@pytest.mark.parametrize("row", ["pod-identity-test4-s3-list", "pod-identity-trust"])
def test_a_pod_that_runs_as_another_account_is_the_cause(row: str) -> None:
    here = lab()
    here.api.on("GET", "/pods/eks-iam-test4", 200, {"spec": {"serviceAccountName": "default", "containers": [{}]}})
    assert causes(here, row, allowed=False)[0] == (
        "Pod eks-iam-test4 runs as service account default, not pod-identity-sa",
        "./lab stage pod-identity off and then ./lab stage pod-identity on makes it again",
    )
