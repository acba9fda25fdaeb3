"""Rows of exercise identity mapping: testuser at the API server and at AWS, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exercises.catalogue import EXERCISES
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import creating
from grading.check import Goal, Row
from grading.expectations import Allowed, AwsDenied, Expectation, Forbidden, Holds, Says, Unauthorized
from grading.probes import AsTestuser, AwsAsTestuser, Question, deleting, discovery, listing, may_do_everything, whoami
from grading.probes import Request as ApiRequest
from grading.refusals import AnyForbidden
from grading.requests import Request, ResourceRequest, UrlRequest

USER = "testuser"
ARN = "$TESTUSER_ARN"
AUTHENTICATED = "system:authenticated"
MASTERS = "system:masters"
LIST_NODES = ResourceRequest("list", "", "nodes")


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    yield from _masters()
    yield from _tokens("masters")
    yield from _aws("masters")
    yield from _authenticated()
    yield from _tokens("authenticated")
    yield from _aws("authenticated")
    yield from _unmapped()
    yield from _aws("unmapped")
    yield from _entry()
    yield from _tokens("entry")
    yield from _aws("entry")
    yield from _played()
    yield from gates(StageRows(EXERCISES["identity-mapping"]))


def _row(
    stage: str,
    name: str,
    question: Question,
    expected: Expectation,
    why: str,
    boundary: bool | None = None,
    asks: Request | None = None,
    goal: Goal | None = None,
) -> Row:
    return Row(
        exercise="identity-mapping",
        stage=stage,
        name=f"mapping-{stage}-{name}",
        subject=USER,
        question=question,
        expected=expected,
        why=why,
        lags=True,
        asks=asks,
        boundary=boundary,
        goal=goal,
    )


def _user(name: str, *groups: str) -> Holds:
    return Holds((("username", name), ("groups", groups)), f"{name} in {', '.join(groups)}")


def _masters() -> Iterator[Row]:
    stage = "masters"
    yield _row(
        stage,
        "whoami",
        AsTestuser(whoami()),
        _user(USER, AUTHENTICATED, MASTERS),
        "aws-auth gives the IAM user this name and group; system:authenticated is added to whoever comes in.",
    )
    yield _row(
        stage,
        "list-nodes",
        AsTestuser(listing("nodes")),
        Allowed(),
        "The ClusterRoleBinding cluster-admin gives the group system:masters everything.",
        asks=LIST_NODES,
    )
    yield _row(
        stage, "can-i-everything", AsTestuser(may_do_everything()), Says("yes"), "Everything, in every namespace."
    )


def _authenticated() -> Iterator[Row]:
    stage = "authenticated"
    yield _row(
        stage,
        "whoami",
        AsTestuser(whoami()),
        _user(USER, AUTHENTICATED),
        "IAM has authenticated the user, and aws-auth gives them no group beside the one that everybody has.",
    )
    yield _row(
        stage,
        "list-nodes",
        AsTestuser(listing("nodes")),
        Forbidden(USER, "list", "nodes"),
        "403, not 401: the API server knows who asks, and RBAC gives them no right.",
        asks=LIST_NODES,
    )
    yield _row(
        stage,
        "discovery",
        AsTestuser(discovery()),
        Allowed(),
        "The ClusterRole system:discovery is bound to the group system:authenticated.",
        asks=UrlRequest("get", "/apis"),
    )


def _unmapped() -> Iterator[Row]:
    stage = "unmapped"
    why = "401, not 403: IAM knows the user, and the cluster does not."
    yield _row(stage, "list-nodes", AsTestuser(listing("nodes")), Unauthorized(), why)
    yield _row(stage, "discovery", AsTestuser(discovery()), Unauthorized(), why)


def _entry() -> Iterator[Row]:
    stage = "entry"
    yield _row(
        stage,
        "whoami",
        AsTestuser(whoami()),
        _user(ARN, AUTHENTICATED),
        "An access entry without a user name takes the ARN, and this one names no group.",
    )
    yield _row(
        stage,
        "list-pods",
        AsTestuser(listing("pods", "default")),
        Allowed(),
        "AmazonEKSViewPolicy is associated for namespace default. No object in the cluster shows it.",
    )
    yield _row(
        stage,
        "list-pods-kube-system",
        AsTestuser(listing("pods", "kube-system")),
        Forbidden(ARN, "list", "pods", "kube-system"),
        "The association's scope is one namespace.",
        asks=ResourceRequest("list", "", "pods", namespace="kube-system"),
    )
    yield _row(
        stage,
        "list-nodes",
        AsTestuser(listing("nodes")),
        Forbidden(ARN, "list", "nodes"),
        "Nodes are in no namespace.",
        asks=LIST_NODES,
    )
    yield _row(
        stage,
        "delete-pod",
        AsTestuser(deleting("any", "default")),
        Forbidden(ARN, "delete", "pods", "default"),
        "The policy is for looking.",
        asks=ResourceRequest("delete", "", "pods", namespace="default"),
    )


def _played() -> Iterator[Row]:
    """What judges whoever plays: by an access entry or by aws-auth, under any user name."""

    def refused(
        name: str, request: ApiRequest, why: str, expected: Expectation | None = None, asks: Request | None = None
    ) -> Row:
        question = AsTestuser(request)
        return _row("entry", f"play-{name}", question, expected or AnyForbidden(), why, asks=asks, goal="attack")

    more = "It is more than looking at pods in default."
    yield refused("everything", may_do_everything(), f"Nobody but the operator needs everything. {more}", Says("no"))
    yield refused("secrets", listing("secrets", "default"), f"Who looks at pods needs no Secrets. {more}")
    system = ResourceRequest("list", "", "pods", namespace="kube-system")
    yield refused("nodes", listing("nodes"), f"Nodes are in no namespace. {more}", asks=LIST_NODES)
    yield refused("kube-system", listing("pods", "kube-system"), f"One namespace was asked for. {more}", asks=system)
    yield refused(
        "create-pod", creating(_pod(), "pods"), f"Who creates a pod takes its service account's rights. {more}"
    )
    yield _row(
        "entry",
        "play-pods",
        AsTestuser(listing("pods", "default")),
        Allowed(),
        "The user looks at the pods in default.",
        goal="use",
    )


def _pod() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "check", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "nginx:1.20-alpine"}]},
    }


def _tokens(stage: str) -> Iterator[Row]:
    """A stage that lets the user in still refuses what is no valid token for this cluster."""
    yield _row(
        stage,
        "token-of-another-cluster",
        AsTestuser(listing("pods", "default"), "of-another-cluster"),
        Unauthorized(),
        "The cluster's name is signed into the token, as header x-k8s-aws-id.",
    )
    yield _row(
        stage,
        "expired-token",
        AsTestuser(listing("pods", "default"), "expired"),
        Unauthorized(),
        "A token is good for 15 minutes after it was signed.",
    )


def _aws(stage: str) -> Iterator[Row]:
    """At every stage the user is somebody to IAM; what they may do there has nothing to do with the cluster."""
    yield _row(
        stage,
        "aws-identity",
        AwsAsTestuser("aws sts get-caller-identity --query Arn", "sts", "get_caller_identity", "Arn"),
        Says(ARN),
        "IAM authenticates: whoever has the user's key is the user.",
    )
    question = AwsAsTestuser("aws s3 ls", "s3", "list_buckets")
    yield _row(
        stage,
        "aws-s3-denied",
        question,
        AwsDenied("AccessDenied", "ListBuckets", ARN),
        "AdministratorAccess is attached, and the permissions boundary leaves of it what the exercise needs.",
        boundary=True,
    )
    yield _row(
        stage,
        "aws-s3-allowed",
        question,
        Allowed(),
        "AdministratorAccess without a permissions boundary.",
        boundary=False,
    )
