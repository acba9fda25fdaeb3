"""What the rows of IRSA and of Pod Identity have in common: a pod with the AWS CLI and a role that may read S3."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Final

from grading.check import ExerciseName, Row
from grading.expectations import Allowed, AwsDenied, Expectation, Says
from grading.pod_probes import InPod, Reader

NAMESPACE: Final = "default"
ROLE_SESSION: Final = "arn:$PARTITION:sts::$ACCOUNT_ID:assumed-role/{0}/"
"""Beginning of the ARN of a role's sessions."""

NODE_SESSION: Final = ROLE_SESSION.format("$NODE_ROLE") + "i-*"
"""A node's session is named by its instance id."""


def in_pod(pod: str, line: str, reader: Reader = "aws") -> InPod:
    """A command line in a pod of namespace default."""
    return InPod(NAMESPACE, pod, tuple(shlex.split(line)), reader)


def service_account_user(name: str) -> str:
    """The user name of a service account of namespace default, which is also its tokens' sub."""
    return f"system:serviceaccount:{NAMESPACE}:{name}"


def denied_as_node() -> AwsDenied:
    """AWS knows the node's role, and refuses it S3."""
    return AwsDenied("AccessDenied", "ListBuckets", NODE_SESSION)


def _row(exercise: ExerciseName, pod: str, name: str, question: InPod, expected: Expectation, why: str) -> Row:
    short = pod.removeprefix("eks-iam-")
    # The session that the agent of Pod Identity hands out is not kept in the pod.
    asked = replace(question, new_session=exercise == "irsa")
    return Row(exercise, "on", f"{exercise}-{short}-{name}", pod, asked, expected, why)


def identity_row(exercise: ExerciseName, pod: str, session: str, why: str) -> Row:
    """Whom AWS takes the pod for."""
    return _row(
        exercise,
        pod,
        "identity",
        in_pod(pod, "aws sts get-caller-identity --query Arn", "aws-json"),
        Says(session),
        why,
    )


def listing_row(exercise: ExerciseName, pod: str) -> Row:
    """It may read S3."""
    return _row(exercise, pod, "s3-list", in_pod(pod, "aws s3 ls"), Allowed(), "The role has AmazonS3ReadOnlyAccess.")


def bucket_row(exercise: ExerciseName, pod: str, session: str) -> Row:
    """It may not write there. A bucket that is made although it must not be is deleted by the operator at once."""
    bucket = f"$CLUSTER_NAME-check-{exercise}-$ACCOUNT_ID"
    return _row(
        exercise,
        pod,
        "s3-write",
        InPod(NAMESPACE, pod, ("aws", "s3", "mb", f"s3://{bucket}"), "aws", undo_bucket=bucket),
        AwsDenied("AccessDenied", "CreateBucket", session),
        "AmazonS3ReadOnlyAccess: it may read, and not write.",
    )
