"""What the exercises IRSA and Pod Identity have in common: pods with the AWS CLI in namespace `default`, and the
one right over AWS that they may get.

The two use different service accounts, because the AWS SDKs take the first credentials that they find.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.policies import managed_policy
from exercises.shared.pods import PodShape

NAMESPACE = "default"


def policies(partition: pulumi.Input[str]) -> dict[str, pulumi.Output[str]]:
    """Short name → ARN of the policies of an exercise's role: it reads S3 and does nothing else."""
    return {"s3": managed_policy(partition, "AmazonS3ReadOnlyAccess")}


def sleeping(number: int, image: str, service_account: pulumi.Input[str] | None = None) -> PodShape:
    """The pod `eks-iam-test<number>`, which sleeps for ten hours and is asked by `kubectl exec`.

    Args:
        number: of the pod in the study note.
        image: image whose entrypoint is the AWS CLI, with a shell.
        service_account: its service account; None: `default`.
    """
    return _shape(number, image, command=["sleep", "36000"], service_account=service_account)


def listing_buckets(number: int, image: str) -> PodShape:
    """The pod `eks-iam-test<number>`, which has no token, lists the S3 buckets once and ends.

    It fails: all that it can be is the node, which has no right to list them. Its log tells so.
    """
    return _shape(number, image, args=["s3", "ls"], mount_token=False, ends=True)


def _shape(
    number: int,
    image: str,
    *,
    args: Sequence[str] | None = None,
    command: Sequence[str] | None = None,
    service_account: pulumi.Input[str] | None = None,
    mount_token: bool | None = None,
    ends: bool = False,
) -> PodShape:
    return PodShape(
        name=f"eks-iam-test{number}",
        namespace=NAMESPACE,
        container="my-aws-cli",
        image=image,
        command=command,
        args=args,
        service_account=service_account,
        restart_policy="Never",
        mount_token=mount_token,
        ends=ends,
        as_applied=True,
    )
