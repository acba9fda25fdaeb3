"""Exercise Pod Identity: what breaks it, and the rows that have to fail."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.rehearsal.mutations.mutation import (
    ADMINISTRATOR,
    S3,
    Apply,
    Mutation,
    annotated,
    conditions_of,
    one_more,
    runs_as,
    set_condition,
)

POD_ASKED = ("test4-identity", "test4-s3-list", "test4-s3-write", "play-s3-list")
POD_TRUST = ("trust", "play-trust")
POD_INJECTED = ("test4-token", "test4-env", "test4-volume", "test4-mount")


def mutations() -> Iterator[Mutation]:
    """Every stage's."""
    yield from _pod_identity()
    yield from _pod_identity_wide()


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
        annotated(account, role="arn:aws:iam::111122223333:role/other"),
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
            one_more(
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
        yield make(
            f"the trust does not ask for {tag}", conditions_of(set_condition(tag, None))("podIdentity"), *POD_TRUST
        )
        yield make(
            f"the trust asks for another {tag}",
            conditions_of(set_condition(tag, "other"))("podIdentity"),
            *POD_ASKED,
            *POD_TRUST,
        )
    yield make("the role may not read", lambda lab: lab.detached(lab.role("podIdentity"), S3),
               "test4-s3-list", "play-s3-list")  # fmt: skip
    yield make("the role may write", lambda lab: lab.attached(lab.role("podIdentity"), ADMINISTRATOR), "test4-s3-write")
    yield make(
        "test4 runs as the default account",
        lambda lab: lab.recreated("default", "eks-iam-test4", runs_as("default")),
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
