"""Rows of exercise Pod Identity: the same right as by IRSA, by an association alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from exercises.catalogue import EXERCISES
from exercises.pod_identity.trust import LetsOtherPodsIn, TakesNoRole
from exercises.shared.aws_checks import (
    NAMESPACE,
    NODE_SESSION,
    ROLE_SESSION,
    bucket_row,
    identity_row,
    in_pod,
    listing_row,
    service_account_user,
)
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.check import Row
from grading.expectations import Allowed, Between, Expectation, Holds, Says
from grading.pod_probes import ShortPod
from grading.probes import Associations, Question, ReadObject, RoleTrust
from grading.roles import PodsRole

AUDIENCE = "pods.eks.amazonaws.com"
ACCOUNT = "pod-identity-sa"
POD = "eks-iam-test4"
VOLUME = "eks-pod-identity-token"
MOUNTED_AT = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
STRANGER = ("kube-public", "default")
"""Namespace and name of the service account that stage wide gives the role to as well."""


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    session = ROLE_SESSION.format("$POD_IDENTITY_ROLE") + "eks-*"
    yield identity_row("pod-identity", POD, session, "The agent on its node gets it a session of the role from EKS.")
    yield listing_row("pod-identity", POD)
    yield bucket_row("pod-identity", POD, session)
    yield from _how()
    yield from _as_injected()
    yield _row(
        "foreign-account",
        "default",
        ShortPod("check-foreign", NAMESPACE, "default", POD, ("sts", "get-caller-identity", "--query", "Arn")),
        Says(NODE_SESSION),
        "A pod of another service account is the node to AWS: no association names it.",
    )
    yield from _played()
    yield from gates(StageRows(EXERCISES["pod-identity"]))


def _played() -> Iterator[Row]:
    """The role as it is too wide, and what judges whoever repairs it."""
    who = "/".join(STRANGER)
    stranger = ShortPod("check-stranger", *STRANGER, POD, ("s3api", "list-buckets", "--query", "Buckets[].Name"))
    wide = "An association hands it the role, and the trust policy does not look at whose pod it is."
    closed = "The trust policy names another service account, or no association names this one: it is the node."
    yield Row("pod-identity", "wide", "pod-identity-wide-stranger", who, stranger, Allowed(), wide, lags=True)
    yield replace(_row("play-stranger", who, stranger, TakesNoRole(), closed), lags=True, goal="attack")
    trust = RoleTrust(PodsRole(NAMESPACE, POD))
    alone, any_other = (LetsOtherPodsIn(NAMESPACE, ACCOUNT, others=others) for others in (False, True))
    any_pod = "A trust policy for pods.eks.amazonaws.com without conditions lets every association of the account in."
    next_one = "A policy that does not check both tags lets the next association give the role to another account."
    yield Row("pod-identity", "wide", "pod-identity-wide-trust", ACCOUNT, trust, any_other, any_pod)
    yield replace(_row("play-trust", ACCOUNT, trust, alone, next_one), goal="attack")
    own = in_pod(POD, "aws s3 ls")
    works = "The pod that the role is for lists the buckets."
    yield Row("pod-identity", "wide", "pod-identity-wide-s3-list", POD, own, Allowed(), works, lags=True)
    yield replace(_row("play-s3-list", POD, own, Allowed(), works), lags=True, goal="use")


def _row(name: str, subject: str, question: Question, expected: Expectation, why: str) -> Row:
    return Row("pod-identity", "on", f"pod-identity-{name}", subject, question, expected, why)


def _how() -> Iterator[Row]:
    yield _row(
        "no-annotation",
        ACCOUNT,
        ReadObject("serviceaccounts", NAMESPACE, ACCOUNT, "annotations"),
        Holds((("eks.amazonaws.com/role-arn", None),), "no annotation eks.amazonaws.com/role-arn"),
        "The service account does not know its role.",
    )
    yield _row(
        "trust",
        ACCOUNT,
        RoleTrust(PodsRole(NAMESPACE, POD)),
        Holds(
            (
                ("principals", ("Service: pods.eks.amazonaws.com",)),
                ("actions", ("sts:AssumeRole", "sts:TagSession")),
                (
                    "conditions",
                    (
                        f"StringEquals aws:RequestTag/kubernetes-namespace: {NAMESPACE}",
                        f"StringEquals aws:RequestTag/kubernetes-service-account: {ACCOUNT}",
                    ),
                ),
            ),
            "pods.eks.amazonaws.com alone, with sts:AssumeRole and sts:TagSession, StringEquals on the request's tags "
            f"kubernetes-namespace ({NAMESPACE}) and kubernetes-service-account ({ACCOUNT})",
        ),
        "The trust names EKS's service and no OIDC provider, so that it fits any cluster; the tags, which EKS sets, "
        "say whose pod it is for.",
    )
    yield _row(
        "association",
        ACCOUNT,
        Associations(NAMESPACE, ACCOUNT),
        Holds(
            (
                ("number", 1),
                ("namespace", NAMESPACE),
                ("serviceAccount", ACCOUNT),
                ("roleArn", "$POD_IDENTITY_ROLE_ARN"),
            )
        ),
        "EKS knows who has which role, outside the cluster.",
    )


def _as_injected() -> Iterator[Row]:
    yield _row(
        "test4-token",
        POD,
        in_pod(POD, f"cat {MOUNTED_AT}/{VOLUME}", "token"),
        Holds((("aud", (AUDIENCE,)), ("sub", service_account_user(ACCOUNT)), ("iss", "$ISSUER"))),
        "A token for EKS, by which the agent proves whose pod asks.",
    )
    yield _row(
        "test4-env",
        POD,
        ReadObject("pods", NAMESPACE, POD, "env"),
        Holds(
            (
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", f"{MOUNTED_AT}/{VOLUME}"),
                ("AWS_STS_REGIONAL_ENDPOINTS", "regional"),
                ("AWS_REGION", "$AWS_REGION"),
                ("AWS_DEFAULT_REGION", "$AWS_REGION"),
                ("AWS_ROLE_ARN", None),
                ("AWS_WEB_IDENTITY_TOKEN_FILE", None),
            )
        ),
        "EKS tells the SDK to ask the agent, and names no role.",
    )
    yield _row(
        "test4-volume",
        POD,
        ReadObject("pods", NAMESPACE, POD, "volume", VOLUME),
        Holds((("audience", AUDIENCE), ("expirationSeconds", Between(79200, 86400)), ("path", VOLUME))),
        "A projected token for EKS alone, of 22 to 24 hours: so not all pods renew theirs at once.",
    )
    yield _row(
        "test4-mount",
        POD,
        ReadObject("pods", NAMESPACE, POD, "mount", VOLUME),
        Holds((("mountPath", MOUNTED_AT), ("readOnly", True))),
        "It lies where AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE says.",
    )
