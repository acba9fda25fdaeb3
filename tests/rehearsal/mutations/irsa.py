"""Exercise IRSA: what breaks it, and the rows that have to fail."""

from __future__ import annotations

from collections.abc import Iterator

from tests.rehearsal.lab_changes import Object
from tests.rehearsal.mutations.mutation import (
    ADMINISTRATOR,
    S3,
    Apply,
    Mutation,
    annotated,
    conditions_of,
    one_more,
    over,
    runs_as,
    set_condition,
)

IRSA_ASKED = ("test3-identity", "test3-s3-list", "test3-s3-write")
IRSA_ANNOTATED = ("trust", "foreign-account", "wrong-audience", "token-of-another-signer")
"""Rows whose command finds the role by the annotation."""
IRSA_INJECTED = ("test3-token", "test3-env", "test3-volume", "test3-mount")


def mutations() -> Iterator[Mutation]:
    """Every stage's."""
    yield from _irsa_account()
    yield from _irsa()
    yield from _irsa_wide()


def _alike(conditions: Object) -> None:
    equal = conditions["StringEquals"]
    (sub,) = (key for key in equal if key.endswith(":sub"))
    del equal[sub]
    conditions["StringLike"] = {sub: "system:serviceaccount:default:*"}


def _irsa_account() -> Iterator[Mutation]:
    """What needs no pod is asked before there are any, too."""

    def make(name: str, apply: Apply, *failed: str) -> Mutation:
        return Mutation("irsa", "account", name, apply, frozenset(f"irsa-account-{one}" for one in failed))

    strangers = ("play-default-default", "play-kube-system-default", "play-kube-system-aws-node")
    yield make(
        "the account has no annotation",
        annotated("my-sa", role=None),
        *(*IRSA_ANNOTATED, "annotation", *strangers, "play-own", "play-trust"),
    )
    yield make(
        "any account may take the role",
        conditions_of(_alike)("irsa"),
        *("foreign-account", "trust", strangers[0], "play-trust"),
    )
    yield make("the trust is for any audience", conditions_of(set_condition(":aud", None))("irsa"), "trust")
    yield make("the provider takes the API server's tokens", lambda lab: lab.audience("https://kubernetes.default.svc"),
               "wrong-audience")  # fmt: skip


def _irsa_wide() -> Iterator[Mutation]:
    """The role as it is too wide: whoever has repaired it is told so."""
    strangers = ("default-default", "kube-system-default", "kube-system-aws-node")

    def named(account: str) -> Apply:
        def change(conditions: Object) -> None:
            (sub,) = conditions.pop("StringLike")
            conditions["StringEquals"][sub] = f"system:serviceaccount:default:{account}"

        return conditions_of(change)("irsa")

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
        lambda lab: lab.recreated("default", "eks-iam-test1", runs_as("my-sa")),
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
        lambda lab: lab.recreated("default", "eks-iam-test2", runs_as("my-sa")),
        *("test2-s3-list", "test2-token"),
    )
    yield make("the account has no annotation", annotated("my-sa", role=None), *IRSA_ANNOTATED, "annotation")
    yield make("any account may take the role", conditions_of(_alike)("irsa"), "foreign-account", "trust")
    yield make("any account of a cluster may take the role", conditions_of(set_condition(":sub", None))("irsa"),
               "foreign-account", "trust")  # fmt: skip
    yield make(
        "another account may take the role",
        conditions_of(set_condition(":sub", "system:serviceaccount:default:other"))("irsa"),
        *(*IRSA_ASKED, "trust"),
    )
    yield make(
        "the account of another namespace may take the role",
        conditions_of(set_condition(":sub", "system:serviceaccount:kube-system:my-sa"))("irsa"),
        *(*IRSA_ASKED, "trust"),
    )
    yield make(
        "the trust is for another audience", conditions_of(set_condition(":aud", "other"))("irsa"), *IRSA_ASKED, "trust"
    )
    yield make("the trust is for any audience", conditions_of(set_condition(":aud", None))("irsa"), "trust")
    service = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    yield make("a service may take the role too", lambda lab: lab.trust(lab.role("irsa"), one_more(service)), "trust")
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
        lambda lab: lab.before_pod("eks-iam-test3", annotated("my-sa", role=None)(lab)),
        *(*IRSA_ASKED, *IRSA_INJECTED, *IRSA_ANNOTATED, "annotation"),
    )
    yield make(
        "somebody takes the annotation away while the pods run",
        annotated("my-sa", role=None),
        *IRSA_ANNOTATED,
        "annotation",
    )
    yield make(
        "the annotation names another role",
        lambda lab: lab.before_pod(
            "eks-iam-test3", annotated("my-sa", role=str(lab.outputs["exerciseRoleArns"]["podIdentity"]))(lab)
        ),
        *(*IRSA_ASKED, "test3-env", "annotation", "trust"),
    )
    yield make(
        "the annotation names another audience",
        lambda lab: lab.before_pod("eks-iam-test3", annotated("my-sa", audience="other")(lab)),
        *(*IRSA_ASKED, "test3-token", "test3-volume"),
    )
    yield make(
        "test3 runs as the default account",
        lambda lab: lab.recreated("default", "eks-iam-test3", runs_as("default")),
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
        lambda lab: lab.recreated("default", "eks-iam-test3", over),
        not_asked=(*IRSA_ASKED, "test3-token"),
    )
