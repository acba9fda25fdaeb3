"""Ways to break the exercises, and the rows of `lab check` that each has to turn: a table.

A mutation breaks one thing in a standing lab. The rows that it names have to fail, and no others. Rows that no change
of the lab can turn (a token that is refused for what it is) have mutations of the question, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from grading.check import ExerciseName
from tests.rehearsal.lab_changes import RBAC, Change, Object, Standing

Apply = Callable[[Standing], AbstractContextManager[None]]
TESTUSER = "testuser"
PODS = "/api/v1/namespaces/default/pods"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
AWS_AUTH = "/api/v1/namespaces/kube-system/configmaps/aws-auth"
ROLE_ARN = "eks.amazonaws.com/role-arn"
S3 = "AmazonS3ReadOnlyAccess"
ADMINISTRATOR = "AdministratorAccess"
VIEW = "AmazonEKSViewPolicy"


@dataclass(frozen=True)
class Mutation:
    """One way to break an exercise at a stage."""

    exercise: ExerciseName
    stage: str
    name: str
    apply: Apply
    failed: frozenset[str]
    """Names of the rows that have to fail."""

    not_asked: frozenset[str] = frozenset()
    """Names of the rows that cannot be asked any more."""

    boundary: bool = True
    """Whether testuser is meant to have a permissions boundary."""

    @property
    def id(self) -> str:
        return f"{self.exercise} {self.stage}: {self.name}"


def mutations() -> Iterator[Mutation]:
    """The whole table, stage by stage."""
    for team in ("dev", "infra"):
        yield from _before(team)
        yield from _after(team)
        yield from _least(team)
    yield from _masters()
    yield from _authenticated()
    yield from _unmapped()
    yield from _entry()
    yield from _irsa_account()
    yield from _irsa()
    yield from _irsa_wide()
    yield from _pod_identity()
    yield from _pod_identity_wide()


# RBAC.


def _account(team: str) -> Object:
    return {"kind": "ServiceAccount", "name": f"{team}-k8s", "namespace": f"{team}-team"}


def _pods(*verbs: str) -> list[Object]:
    return [{"apiGroups": [""], "resources": ["pods"], "verbs": list(verbs)}]


NODES: list[Object] = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]


def _team_rows(stage: str, team: str) -> Callable[..., frozenset[str]]:
    return lambda *names: frozenset(f"rbac-{stage}-{team}-{name}" for name in names)


def _elsewhere(stage: str, team: str) -> Iterator[Mutation]:
    """What must be forbidden at both stages, granted."""
    rows, who = _team_rows(stage, team), _account(team)
    other = {"dev": "infra-team", "infra": "dev-team"}[team]

    def grants(name: str, rules: list[Object], namespace: str, *failed: str) -> Mutation:
        return Mutation("rbac", stage, f"{team} {name}", lambda lab: lab.granted(who, rules, namespace), rows(*failed))

    yield grants("may list the other team's pods", _pods("list"), other, "list-pods-other-team")
    yield grants("may get the other team's pods", _pods("get"), other, "can-i-other-team")
    yield grants("may list the system's pods", _pods("list"), "kube-system", "list-pods-kube-system")
    yield grants("may list nodes", NODES, "", "list-nodes")


def _before(team: str) -> Iterator[Mutation]:
    rows, who, own = _team_rows("before", team), _account(team), f"{team}-team"

    def mutation(name: str, apply: Apply, *failed: str) -> Mutation:
        return Mutation("rbac", "before", f"{team} {name}", apply, rows(*failed))

    yield mutation("may list pods", lambda lab: lab.granted(who, _pods("list"), own), "list-pods")
    yield mutation("may create pods", lambda lab: lab.granted(who, _pods("create"), own), "create-pod")
    yield mutation("may get pods", lambda lab: lab.granted(who, _pods("get"), own), "can-i")
    yield mutation(
        "has its role already",
        lambda lab: lab.granted(who, [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}], own),
        *("list-pods", "create-pod", "can-i"),
    )
    yield mutation(
        "may look everywhere",
        lambda lab: lab.bound(who, "ClusterRole", "view"),
        *("list-pods", "can-i", "list-pods-other-team", "can-i-other-team", "list-pods-kube-system"),
    )
    yield mutation(
        "runs as the default account",
        lambda lab: lab.recreated(own, f"{team}-kubectl", _runs_as("default")),
        *("list-pods", "create-pod", "list-pods-other-team", "list-pods-kube-system", "list-nodes"),
    )
    yield from _elsewhere("before", team)


def _after(team: str) -> Iterator[Mutation]:
    rows, who, own = _team_rows("after", team), _account(team), f"{team}-team"
    role = f"{RBAC}/namespaces/{own}/roles/role-{own}"
    binding = f"{RBAC}/namespaces/{own}/rolebindings/roleB-{own}"
    everything = ("list-pods", "create-pod", "delete-pod", "can-i", "can-i-everything")

    def mutation(name: str, apply: Apply, *failed: str) -> Mutation:
        return Mutation("rbac", "after", f"{team} {name}", apply, rows(*failed))

    def narrowed(*verbs: str) -> Apply:
        return lambda lab: lab.changed(role, lambda found: found.update(rules=_pods(*verbs)))

    yield mutation("has no RoleBinding", lambda lab: lab.deleted(binding), *everything)
    yield mutation("has no Role", lambda lab: lab.deleted(role), *everything)
    yield mutation(
        "is not whom the RoleBinding names",
        lambda lab: lab.changed(binding, lambda found: found["subjects"][0].update(name="default")),
        *everything,
    )
    yield mutation("may not list", narrowed("get", "create", "delete"), "list-pods", "can-i-everything")
    yield mutation("may not create", narrowed("get", "list", "delete"), "create-pod", "can-i-everything")
    yield mutation("may not delete", narrowed("get", "list", "create"), "delete-pod", "can-i-everything")
    yield mutation("may not get", narrowed("list", "create", "delete"), "can-i", "can-i-everything")
    yield mutation("has a role for pods alone", narrowed("*"), "can-i-everything")
    yield mutation(
        "is an administrator",
        lambda lab: lab.bound(who, "ClusterRole", "cluster-admin"),
        *("list-pods-other-team", "can-i-other-team", "list-pods-kube-system", "list-nodes"),
    )
    missing = frozenset(
        f"rbac-after-{team}-{name}"
        for name in (*everything, "list-pods-other-team", "can-i-other-team", "list-pods-kube-system", "list-nodes")
    )
    pod = f"{team}-kubectl"
    yield Mutation("rbac", "after", f"{team} has no pod", lambda lab: lab.without_pod(own, pod), frozenset(), missing)
    yield from _elsewhere("after", team)


def _least(team: str) -> Iterator[Mutation]:
    rows, who, own = _team_rows("least", team), _account(team), f"{team}-team"
    role = f"{RBAC}/namespaces/{own}/roles/role-{own}"
    group = "rbac.authorization.k8s.io"
    binds: list[Object] = [
        {"apiGroups": [group], "resources": ["rolebindings"], "verbs": ["create"]},
        {"apiGroups": [group], "resources": ["clusterroles"], "verbs": ["bind"]},
    ]
    secrets: list[Object] = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]
    wide: list[Object] = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]

    def mutation(name: str, apply: Apply, *failed: str) -> Mutation:
        return Mutation("rbac", "least", f"{team} {name}", apply, rows(*failed))

    yield mutation("may list Secrets", lambda lab: lab.granted(who, secrets, own), "list-secrets")
    yield mutation("may bind roles", lambda lab: lab.granted(who, binds, own), "create-binding")
    yield mutation(
        "has the role with everything",
        lambda lab: lab.changed(role, lambda found: found.update(rules=wide)),
        *("list-secrets", "create-binding", "can-i-everything"),
    )
    yield mutation("has no Role", lambda lab: lab.deleted(role), "list-pods", "create-pod", "delete-pod")
    yield from _elsewhere("least", team)


def _runs_as(account: str) -> Change:
    return lambda pod: pod["spec"].update(serviceAccountName=account)


def _over(pod: Object) -> object:
    """A pod that has slept long enough."""
    return pod["spec"]["containers"][0].update(command=["sleep", "0"], args=None)


# Identity mapping.


def _mapped(**changed: Any) -> Apply:
    """testuser's line in aws-auth, changed."""
    import yaml

    def change(found: Object) -> None:
        users = yaml.safe_load(found["data"]["mapUsers"])
        users[0].update(changed)
        found["data"]["mapUsers"] = yaml.safe_dump(users)

    return lambda lab: lab.changed(AWS_AUTH, change)


def _mapping(groups: list[str]) -> Apply:
    """testuser in aws-auth, who was not there."""
    import yaml

    def apply(lab: Standing) -> AbstractContextManager[None]:
        line = {"userarn": _arn(lab), "username": TESTUSER, "groups": groups}
        return lab.changed(AWS_AUTH, lambda found: found.setdefault("data", {}).update(mapUsers=yaml.safe_dump([line])))

    return apply


def _not_mapped(lab: Standing) -> AbstractContextManager[None]:
    return lab.changed(AWS_AUTH, lambda found: found["data"].update(mapUsers="[]"))


def _arn(lab: Standing) -> str:
    return str(lab.outputs["testuserArn"])


def _of(stage: str) -> Callable[..., Mutation]:
    def make(name: str, apply: Apply, *failed: str) -> Mutation:
        rows = frozenset(f"mapping-{stage}-{one}" for one in failed)
        return Mutation("identity-mapping", stage, name, apply, rows)

    return make


def _bounded(stage: str) -> Iterator[Mutation]:
    yield _of(stage)("has no boundary", lambda lab: lab.without_boundary(TESTUSER), "aws-s3-denied")
    left = frozenset({f"mapping-{stage}-aws-s3-allowed"})
    nothing: Apply = lambda _: nullcontext()  # noqa: E731  # as all of the table
    yield Mutation("identity-mapping", stage, "a boundary was left behind", nothing, left, boundary=False)


def _masters() -> Iterator[Mutation]:
    make = _of("masters")
    inside = ("whoami", "list-nodes", "can-i-everything")
    yield make("the group is another", _mapped(groups=["system:authenticated"]), *inside)
    yield make("a group too many", _mapped(groups=["system:masters", "developers"]), "whoami")
    yield make("the name is another", _mapped(username="somebody"), "whoami")
    yield make("is not mapped", _not_mapped, *inside)
    yield make("an access entry was left behind", lambda lab: lab.entry(_arn(lab)), *inside)
    yield make(
        "is another user",
        lambda lab: lab.user_path(TESTUSER, "/others/"),
        *(*inside, "aws-identity", "aws-s3-denied"),
    )
    yield from _bounded("masters")


def _authenticated() -> Iterator[Mutation]:
    make = _of("authenticated")
    user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": TESTUSER}
    inside = ("whoami", "list-nodes")
    yield make("the group is another", _mapped(groups=["system:masters"]), *inside)
    yield make("may list nodes", lambda lab: lab.granted(user, NODES), "list-nodes")
    yield make(
        "nobody may discover",
        lambda lab: lab.changed(f"{RBAC}/clusterrolebindings/system:discovery", lambda found: found.pop("subjects")),
        "discovery",
    )
    yield make("is not mapped", _not_mapped, *inside, "discovery")
    yield make("an access entry was left behind", lambda lab: lab.entry(_arn(lab)), *inside)
    yield make(
        "is another user",
        lambda lab: lab.user_path(TESTUSER, "/others/"),
        *(*inside, "discovery", "aws-identity", "aws-s3-denied"),
    )
    yield from _bounded("authenticated")


def _unmapped() -> Iterator[Mutation]:
    make = _of("unmapped")
    yield make("the mapping was left behind", _mapping(["system:authenticated"]), "list-nodes", "discovery")
    yield make("an access entry was left behind", lambda lab: lab.entry(_arn(lab)), "list-nodes", "discovery")
    yield make("is another user", lambda lab: lab.user_path(TESTUSER, "/others/"), "aws-identity", "aws-s3-denied")
    yield from _bounded("unmapped")


PLAYED_ENTRY = tuple(f"play-{name}" for name in ("everything", "secrets", "nodes", "kube-system", "create-pod"))
"""What must be refused to whoever plays identity-mapping."""


def _entry() -> Iterator[Mutation]:
    make = _of("entry")
    everywhere = {"type": "cluster"}
    here = {"type": "namespace", "namespaces": ["default"]}
    yield make(
        "may look everywhere",
        lambda lab: lab.policy(_arn(lab), VIEW, everywhere),
        "list-pods-kube-system",
        "play-kube-system",
    )
    yield make(
        "may look in another namespace",
        lambda lab: lab.policy(_arn(lab), VIEW, {"type": "namespace", "namespaces": ["kube-system"]}),
        *("list-pods", "list-pods-kube-system", "play-pods", "play-kube-system"),
    )
    yield make("may not look", lambda lab: lab.without_policy(_arn(lab), VIEW), "list-pods", "play-pods")
    yield make(
        "may write",
        lambda lab: lab.policy(_arn(lab), "AmazonEKSEditPolicy", here),
        *("delete-pod", "play-create-pod", "play-secrets"),
    )
    yield make(
        "may look at everything",
        lambda lab: lab.policy(_arn(lab), "AmazonEKSAdminViewPolicy", everywhere),
        *("list-pods-kube-system", "list-nodes", "play-kube-system", "play-nodes", "play-secrets"),
    )
    yield make(
        "is an administrator",
        lambda lab: lab.policy(_arn(lab), "AmazonEKSClusterAdminPolicy", everywhere),
        *("list-pods-kube-system", "list-nodes", "delete-pod", *PLAYED_ENTRY),
    )
    inside = ("whoami", "list-pods", "list-pods-kube-system", "list-nodes", "delete-pod", "play-pods", *PLAYED_ENTRY)
    yield make("has no entry", lambda lab: lab.without_entry(_arn(lab)), *inside)
    yield make("is in a group", lambda lab: lab.entry_groups(_arn(lab), ["developers"]), "whoami")
    user: Callable[[Standing], Object] = lambda lab: {  # noqa: E731  # a subject that needs the lab
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "User",
        "name": _arn(lab),
    }
    yield make("RBAC lets them list nodes", lambda lab: lab.granted(user(lab), NODES), "list-nodes", "play-nodes")
    # The entry knows them by their id, so they come in; the policy goes by the ARN.
    yield make(
        "is another user",
        lambda lab: lab.user_path(TESTUSER, "/others/"),
        *("aws-identity", "aws-s3-denied", "list-pods", "play-pods"),
    )
    yield from _bounded("entry")


# IRSA.


def _conditions(change: Change) -> Callable[[str], Apply]:
    """A change of the conditions of the trust of the role of an exercise."""
    return lambda exercise: (
        lambda lab: lab.trust(lab.role(exercise), lambda document: change(document["Statement"][0]["Condition"]))
    )


def _alike(conditions: Object) -> None:
    equal = conditions["StringEquals"]
    (sub,) = (key for key in equal if key.endswith(":sub"))
    del equal[sub]
    conditions["StringLike"] = {sub: "system:serviceaccount:default:*"}


def _set(end: str, value: str | None) -> Change:
    def change(conditions: Object) -> None:
        equal = conditions["StringEquals"]
        (key,) = (one for one in equal if one.endswith(end))
        del equal[key]
        if value is not None:
            equal[key] = value

    return change


def _one_more(statement: Object) -> Change:
    return lambda document: document["Statement"].append(statement)


def _annotated(account: str, **annotations: str | None) -> Apply:
    def change(found: Object) -> None:
        kept = found["metadata"].setdefault("annotations", {})
        for name, value in annotations.items():
            key = {"role": ROLE_ARN, "audience": "eks.amazonaws.com/audience"}[name]
            kept.pop(key, None)
            if value is not None:
                kept[key] = value

    return lambda lab: lab.changed(f"{ACCOUNTS}/{account}", change)


IRSA_ASKED = ("test3-identity", "test3-s3-list", "test3-s3-write")
IRSA_ANNOTATED = ("trust", "foreign-account", "wrong-audience", "token-of-another-signer")
"""Rows whose command finds the role by the annotation."""

IRSA_INJECTED = ("test3-token", "test3-env", "test3-volume", "test3-mount")


def _irsa_account() -> Iterator[Mutation]:
    """What needs no pod is asked before there are any, too."""

    def make(name: str, apply: Apply, *failed: str) -> Mutation:
        return Mutation("irsa", "account", name, apply, frozenset(f"irsa-account-{one}" for one in failed))

    strangers = ("play-default-default", "play-kube-system-default", "play-kube-system-aws-node")
    yield make(
        "the account has no annotation",
        _annotated("my-sa", role=None),
        *(*IRSA_ANNOTATED, "annotation", *strangers, "play-own", "play-trust"),
    )
    yield make(
        "any account may take the role",
        _conditions(_alike)("irsa"),
        *("foreign-account", "trust", strangers[0], "play-trust"),
    )
    yield make("the trust is for any audience", _conditions(_set(":aud", None))("irsa"), "trust")
    yield make("the provider takes the API server's tokens", lambda lab: lab.audience("https://kubernetes.default.svc"),
               "wrong-audience")  # fmt: skip


def _irsa_wide() -> Iterator[Mutation]:
    """The role as it is too wide: whoever has repaired it is told so."""
    strangers = ("default-default", "kube-system-default", "kube-system-aws-node")

    def named(account: str) -> Apply:
        def change(conditions: Object) -> None:
            (sub,) = conditions.pop("StringLike")
            conditions["StringEquals"][sub] = f"system:serviceaccount:default:{account}"

        return _conditions(change)("irsa")

    def make(name: str, apply: Apply, *failed: str) -> Mutation:
        return Mutation("irsa", "wide", name, apply, frozenset(f"irsa-wide-{one}" for one in failed))

    yield make("the trust names my-sa alone", named("my-sa"), "trust", *strangers)
    yield make("the trust names nobody that there is", named("none"), "trust", "own", *strangers)


def _irsa() -> Iterator[Mutation]:
    def make(name: str, apply: Apply, *failed: str, not_asked: tuple[str, ...] = ()) -> Mutation:
        turned, silent = (frozenset(f"irsa-{one}" for one in names) for names in (failed, not_asked))
        return Mutation("irsa", "on", name, apply, turned, silent)

    yield make(
        "the node may list buckets",
        lambda lab: lab.before_pod("eks-iam-test1", lab.attached(lab.node_role, S3)),
        *("test1-s3-list", "test2-s3-list"),
    )
    yield make(
        "the node's role is out of reach",
        lambda lab: lab.before_pod("eks-iam-test1", lab.hop_limit(1)),
        *("test1-s3-list", "test2-s3-list"),
    )
    yield make(
        "test1 has a role",
        lambda lab: lab.recreated("default", "eks-iam-test1", _runs_as("my-sa")),
        *("test1-s3-list", "test1-no-token"),
    )
    yield make(
        "test1 has its account's token",
        lambda lab: lab.recreated(
            "default", "eks-iam-test1", lambda pod: pod["spec"].update(automountServiceAccountToken=True)
        ),
        "test1-no-token",
    )
    yield make(
        "test1 is told of a role",
        lambda lab: lab.recreated(
            "default",
            "eks-iam-test1",
            lambda pod: pod["spec"]["containers"][0].update(
                env=[{"name": "AWS_ROLE_ARN", "value": str(lab.outputs["exerciseRoleArns"]["irsa"])}]
            ),
        ),
        "test1-no-token",
    )
    yield make(
        "test1 is not there",
        lambda lab: lab.without_pod("default", "eks-iam-test1"),
        not_asked=("test1-s3-list", "test1-no-token"),
    )
    yield make(
        "test2 has a role",
        lambda lab: lab.recreated("default", "eks-iam-test2", _runs_as("my-sa")),
        *("test2-s3-list", "test2-token"),
    )
    yield make("the account has no annotation", _annotated("my-sa", role=None), *IRSA_ANNOTATED, "annotation")
    yield make("any account may take the role", _conditions(_alike)("irsa"), "foreign-account", "trust")
    yield make("any account of a cluster may take the role", _conditions(_set(":sub", None))("irsa"),
               "foreign-account", "trust")  # fmt: skip
    yield make(
        "another account may take the role",
        _conditions(_set(":sub", "system:serviceaccount:default:other"))("irsa"),
        *(*IRSA_ASKED, "trust"),
    )
    yield make(
        "the account of another namespace may take the role",
        _conditions(_set(":sub", "system:serviceaccount:kube-system:my-sa"))("irsa"),
        *(*IRSA_ASKED, "trust"),
    )
    yield make("the trust is for another audience", _conditions(_set(":aud", "other"))("irsa"), *IRSA_ASKED, "trust")
    yield make("the trust is for any audience", _conditions(_set(":aud", None))("irsa"), "trust")
    service = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    yield make("a service may take the role too", lambda lab: lab.trust(lab.role("irsa"), _one_more(service)), "trust")
    yield make("the role may not read", lambda lab: lab.detached(lab.role("irsa"), S3), "test3-s3-list")
    yield make("the role may write", lambda lab: lab.attached(lab.role("irsa"), ADMINISTRATOR), "test3-s3-write")
    yield make("the provider takes the API server's tokens", lambda lab: lab.audience("https://kubernetes.default.svc"),
               "wrong-audience")  # fmt: skip
    yield make(
        "the provider takes no token for STS",
        lambda lab: lab.without_audience("sts.amazonaws.com"),
        *(*IRSA_ASKED, "foreign-account"),
    )
    yield make(
        "the account has no annotation",
        lambda lab: lab.before_pod("eks-iam-test3", _annotated("my-sa", role=None)(lab)),
        *(*IRSA_ASKED, *IRSA_INJECTED, *IRSA_ANNOTATED, "annotation"),
    )
    yield make(
        "somebody takes the annotation away while the pods run",
        _annotated("my-sa", role=None),
        *IRSA_ANNOTATED,
        "annotation",
    )
    yield make(
        "the annotation names another role",
        lambda lab: lab.before_pod(
            "eks-iam-test3", _annotated("my-sa", role=str(lab.outputs["exerciseRoleArns"]["podIdentity"]))(lab)
        ),
        *(*IRSA_ASKED, "test3-env", "annotation", "trust"),
    )
    yield make(
        "the annotation names another audience",
        lambda lab: lab.before_pod("eks-iam-test3", _annotated("my-sa", audience="other")(lab)),
        *(*IRSA_ASKED, "test3-token", "test3-volume"),
    )
    yield make(
        "test3 runs as the default account",
        lambda lab: lab.recreated("default", "eks-iam-test3", _runs_as("default")),
        *(*IRSA_ASKED, *IRSA_INJECTED),
    )
    yield make(
        "EKS leaves the container alone",
        lambda lab: lab.recreated(
            "default",
            "eks-iam-test3",
            lambda pod: (
                pod["metadata"]
                .setdefault("annotations", {})
                .update({"eks.amazonaws.com/skip-containers": "my-aws-cli"})
            ),
        ),
        *(*IRSA_ASKED, "test3-token", "test3-env", "test3-mount"),
    )
    yield make(
        "test3 is not there",
        lambda lab: lab.without_pod("default", "eks-iam-test3"),
        not_asked=(*IRSA_ASKED, *IRSA_INJECTED),
    )
    yield make(
        "test3 has slept its ten hours",
        lambda lab: lab.recreated("default", "eks-iam-test3", _over),
        not_asked=(*IRSA_ASKED, "test3-token"),
    )


# Pod Identity.

POD_ASKED = ("test4-identity", "test4-s3-list", "test4-s3-write", "play-s3-list")
POD_TRUST = ("trust", "play-trust")
POD_INJECTED = ("test4-token", "test4-env", "test4-volume", "test4-mount")


def _pod_identity() -> Iterator[Mutation]:
    def make(name: str, apply: Apply, *failed: str, not_asked: tuple[str, ...] = ()) -> Mutation:
        turned, silent = (frozenset(f"pod-identity-{one}" for one in names) for names in (failed, not_asked))
        return Mutation("pod-identity", "on", name, apply, turned, silent)

    account = "pod-identity-sa"
    yield make(
        "the association names another role",
        lambda lab: lab.associated_otherwise(account, str(lab.outputs["exerciseRoleArns"]["irsa"])),
        *(*POD_ASKED, *POD_TRUST, "association"),
    )
    yield make(
        "the association is gone",
        lambda lab: lab.not_associated(account),
        *(*POD_ASKED, *POD_TRUST, "association"),
    )
    yield make(
        "there was no association when the pod began",
        lambda lab: lab.before_pod("eks-iam-test4", lab.not_associated(account)),
        *(*POD_ASKED, *POD_INJECTED, *POD_TRUST, "association"),
    )
    yield make(
        "another account is associated too",
        lambda lab: lab.associated("default", str(lab.outputs["exerciseRoleArns"]["podIdentity"])),
        "foreign-account",
    )
    yield make(
        "the account has an annotation",
        _annotated(account, role="arn:aws:iam::111122223333:role/other"),
        "no-annotation",
    )
    yield make(
        "the trust does not let EKS tag the session",
        lambda lab: lab.trust(
            lab.role("podIdentity"), lambda document: document["Statement"][0].update(Action="sts:AssumeRole")
        ),
        *(*POD_ASKED, *POD_TRUST),
    )
    yield make(
        "the trust names an OIDC provider too",
        lambda lab: lab.trust(
            lab.role("podIdentity"),
            _one_more(
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": str(lab.outputs["oidcProviderArn"])},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                }
            ),
        ),
        "trust",
    )
    yield make(
        "the trust names another service",
        lambda lab: lab.trust(
            lab.role("podIdentity"),
            lambda document: document["Statement"][0].update(Principal={"Service": "ec2.amazonaws.com"}),
        ),
        *(*POD_ASKED, *POD_TRUST),
    )
    yield make(
        "the trust does not ask whose pod it is",
        lambda lab: lab.trust(lab.role("podIdentity"), lambda document: document["Statement"][0].pop("Condition")),
        *POD_TRUST,
    )
    yield make(
        "another account's pods get the role",
        lambda lab: _both(
            lab.associated("default", str(lab.outputs["exerciseRoleArns"]["podIdentity"]), "kube-public"),
            lab.trust(lab.role("podIdentity"), lambda document: document["Statement"][0].pop("Condition")),
        ),
        *(*POD_TRUST, "play-stranger"),
    )
    yield make(
        "another account is associated, and the trust does not let its pods in",
        lambda lab: lab.associated("default", str(lab.outputs["exerciseRoleArns"]["podIdentity"]), "kube-public"),
    )
    for tag in ("kubernetes-namespace", "kubernetes-service-account"):
        yield make(f"the trust does not ask for {tag}", _conditions(_set(tag, None))("podIdentity"), *POD_TRUST)
        yield make(
            f"the trust asks for another {tag}", _conditions(_set(tag, "other"))("podIdentity"), *POD_ASKED, *POD_TRUST
        )
    yield make("the role may not read", lambda lab: lab.detached(lab.role("podIdentity"), S3),
               "test4-s3-list", "play-s3-list")  # fmt: skip
    yield make("the role may write", lambda lab: lab.attached(lab.role("podIdentity"), ADMINISTRATOR), "test4-s3-write")
    yield make(
        "test4 runs as the default account",
        lambda lab: lab.recreated("default", "eks-iam-test4", _runs_as("default")),
        *(*POD_ASKED, *POD_INJECTED, *POD_TRUST),
    )
    yield make(
        "the node's role is out of reach",
        lambda lab: lab.hop_limit(1),
        "foreign-account",
    )
    yield make(
        "test4 is not there",
        lambda lab: lab.without_pod("default", "eks-iam-test4"),
        not_asked=(*POD_ASKED, *POD_INJECTED, *POD_TRUST, "foreign-account", "play-stranger"),
    )


@contextmanager
def _both(one: AbstractContextManager[None], two: AbstractContextManager[None]) -> Generator[None]:
    with one, two:
        yield


def _pod_identity_wide() -> Iterator[Mutation]:
    """The role as it is too wide: whoever has repaired it is told so."""

    def make(name: str, apply: Apply, *failed: str) -> Mutation:
        return Mutation("pod-identity", "wide", name, apply, frozenset(f"pod-identity-wide-{one}" for one in failed))

    def asks_for(account: str) -> Apply:
        tags = {"kubernetes-namespace": "default", "kubernetes-service-account": account}
        condition = {"StringEquals": {f"aws:RequestTag/{tag}": value for tag, value in tags.items()}}
        return lambda lab: lab.trust(
            lab.role("podIdentity"), lambda document: document["Statement"][0].update(Condition=condition)
        )

    yield make("the trust asks for pod-identity-sa alone", asks_for("pod-identity-sa"), "trust", "stranger")
    yield make("the trust asks for an account that is not there", asks_for("none"), "trust", "stranger", "s3-list")
    yield make("the other association is gone", lambda lab: lab.not_associated("default", "kube-public"), "stranger")
