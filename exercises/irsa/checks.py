"""Rows of exercise IRSA: the node's role without one's own, the role with the right token, and nothing with another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exercises.catalogue import EXERCISES
from exercises.irsa.trust import LetsOthersIn
from exercises.shared.aws_checks import (
    NAMESPACE,
    ROLE_SESSION,
    bucket_row,
    denied_as_node,
    identity_row,
    in_pod,
    listing_row,
    service_account_user,
)
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.check import Row
from grading.expectations import Allowed, AwsDenied, Expectation, Holds, OneOf, Unauthorized
from grading.pod_probes import PodLog
from grading.probes import Question, ReadObject, RoleTrust, TokenAtApiServer, TokenAtSts, listing
from grading.roles import AnnotatedRole

AUDIENCE = "sts.amazonaws.com"
ACCOUNT = "my-sa"
VOLUME = "aws-iam-token"
MOUNTED_AT = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
ROLE = AnnotatedRole(NAMESPACE, ACCOUNT)
TEST1, TEST2, TEST3 = "eks-iam-test1", "eks-iam-test2", "eks-iam-test3"


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    yield from _the_account(_at_account)
    yield from _the_node()
    yield from _the_pod()
    yield from _as_injected()
    yield from _the_account(_at_on)
    yield from _played()
    yield from gates(StageRows(EXERCISES["irsa"]))


def _played() -> Iterator[Row]:
    """The role as it is too wide, and what judges whoever repairs it."""
    operation = "AssumeRoleWithWebIdentity"
    wide = "A trust policy with StringLike and `*` for sub lets in every service account of the cluster."
    one = "The trust policy names one service account, so that no other can take the role."
    strangers = (("default", "default"), ("kube-system", "default"), ("kube-system", "aws-node"))
    for namespace, account in strangers:
        question = TokenAtSts(namespace, account, ROLE, AUDIENCE)
        name, who = f"{namespace}-{account}", f"{namespace}/{account}"
        yield Row("irsa", "wide", f"irsa-wide-{name}", who, question, Allowed(), wide, lags=True)
        refused = AwsDenied("AccessDenied", operation)
        yield Row("irsa", "account", f"irsa-account-play-{name}", who, question, refused, one, lags=True, goal="attack")
    alone, any_other = (LetsOthersIn(NAMESPACE, ACCOUNT, AUDIENCE, others=others) for others in (False, True))
    yield Row("irsa", "wide", "irsa-wide-trust", ACCOUNT, RoleTrust(ROLE), any_other, wide)
    door = "With a `*` in the namespace or in the name, whoever makes an account that fits gets the role."
    yield Row("irsa", "account", "irsa-account-play-trust", ACCOUNT, RoleTrust(ROLE), alone, door, goal="attack")
    own = TokenAtSts(NAMESPACE, ACCOUNT, ROLE, AUDIENCE)
    works = "The account that the role is for takes it by its token for STS."
    yield Row("irsa", "wide", "irsa-wide-own", ACCOUNT, own, Allowed(), works, lags=True)
    yield Row("irsa", "account", "irsa-account-play-own", ACCOUNT, own, Allowed(), works, lags=True, goal="use")


_Make = Callable[[str, str, Question, Expectation, str], Row]


def _at_on(name: str, subject: str, question: Question, expected: Expectation, why: str) -> Row:
    return Row("irsa", "on", f"irsa-{name}", subject, question, expected, why)


def _at_account(name: str, subject: str, question: Question, expected: Expectation, why: str) -> Row:
    return Row("irsa", "account", f"irsa-account-{name}", subject, question, expected, why)


def _the_node() -> Iterator[Row]:
    yield _at_on(
        "test1-s3-list",
        TEST1,
        PodLog(NAMESPACE, TEST1),
        denied_as_node(),
        "It has no token, so it is the node to AWS: the node's role is reachable, and may not list buckets.",
    )
    yield _at_on(
        "test1-no-token",
        TEST1,
        ReadObject("pods", NAMESPACE, TEST1, "tokens"),
        Holds((("volumes", ()), ("variables", ())), "no volume with a token, and no variable AWS_*"),
        "automountServiceAccountToken is false, so that nothing tells AWS which service account it has.",
    )
    yield _at_on(
        "test2-s3-list",
        TEST2,
        in_pod(TEST2, "aws s3 ls"),
        denied_as_node(),
        "It has a token of its service account, and AWS knows nothing of that: it is the node, too.",
    )
    yield _at_on(
        "test2-token",
        TEST2,
        in_pod(TEST2, "cat /var/run/secrets/kubernetes.io/serviceaccount/token", "token"),
        Holds(
            (
                ("aud", OneOf((("https://kubernetes.default.svc",), ("$ISSUER",)))),
                ("sub", service_account_user("default")),
                ("iss", "$ISSUER"),
            )
        ),
        "That token is for the API server: aud says so.",
    )


def _the_pod() -> Iterator[Row]:
    session = ROLE_SESSION.format("$IRSA_ROLE")
    yield identity_row("irsa", TEST3, session + "*", "The AWS CLI has traded its token for the role at STS.")
    yield listing_row("irsa", TEST3)
    yield bucket_row("irsa", TEST3, session + "*")
    yield _at_on(
        "test3-token",
        TEST3,
        in_pod(TEST3, f"cat {MOUNTED_AT}/token", "token"),
        Holds((("aud", (AUDIENCE,)), ("sub", service_account_user(ACCOUNT)), ("iss", "$ISSUER"))),
        "A second token, for STS: aud names whom it is for, sub whose it is, iss who vouches for it.",
    )


def _as_injected() -> Iterator[Row]:
    yield _at_on(
        "test3-env",
        TEST3,
        ReadObject("pods", NAMESPACE, TEST3, "env"),
        Holds(
            (
                ("AWS_ROLE_ARN", "$IRSA_ROLE_ARN"),
                ("AWS_WEB_IDENTITY_TOKEN_FILE", f"{MOUNTED_AT}/token"),
                ("AWS_STS_REGIONAL_ENDPOINTS", "regional"),
                ("AWS_REGION", "$AWS_REGION"),
                ("AWS_DEFAULT_REGION", "$AWS_REGION"),
            )
        ),
        "EKS's webhook has read the service account's annotation and told the SDK where to look.",
    )
    yield _at_on(
        "test3-volume",
        TEST3,
        ReadObject("pods", NAMESPACE, TEST3, "volume", VOLUME),
        Holds((("audience", AUDIENCE), ("expirationSeconds", 86400), ("path", "token"))),
        "A projected token of 24 hours, which the kubelet renews in time.",
    )
    yield _at_on(
        "test3-mount",
        TEST3,
        ReadObject("pods", NAMESPACE, TEST3, "mount", VOLUME),
        Holds((("mountPath", MOUNTED_AT), ("readOnly", True))),
        "It lies where AWS_WEB_IDENTITY_TOKEN_FILE says.",
    )


def _the_account(make: _Make) -> Iterator[Row]:
    """What needs no pod."""
    operation = "AssumeRoleWithWebIdentity"

    def at_sts(account: str, audience: str = "", *, signed_anew: bool = False) -> TokenAtSts:
        return TokenAtSts(NAMESPACE, account, ROLE, audience, signed_anew)

    yield make(
        "annotation",
        ACCOUNT,
        ReadObject("serviceaccounts", NAMESPACE, ACCOUNT, "annotations"),
        Holds((("eks.amazonaws.com/role-arn", "$IRSA_ROLE_ARN"),)),
        "By this annotation EKS's webhook knows which role a new pod of the service account gets.",
    )
    yield make(
        "trust",
        ACCOUNT,
        RoleTrust(ROLE),
        Holds(
            (
                ("principals", ("Federated: $OIDC_PROVIDER_ARN",)),
                ("actions", ("sts:AssumeRoleWithWebIdentity",)),
                (
                    "conditions",
                    (
                        f"StringEquals $ISSUER_HOST:aud: {AUDIENCE}",
                        f"StringEquals $ISSUER_HOST:sub: {service_account_user(ACCOUNT)}",
                    ),
                ),
            ),
            f"the cluster's OIDC provider alone, StringEquals on aud ({AUDIENCE}) and sub "
            f"({service_account_user(ACCOUNT)})",
        ),
        "One cluster, one service account, one audience: StringEquals, not StringLike.",
    )
    yield make(
        "foreign-account",
        "default",
        at_sts("default", AUDIENCE),
        AwsDenied("AccessDenied", operation),
        "A good token of another service account: the trust policy names one sub.",
    )
    yield make(
        "wrong-audience",
        ACCOUNT,
        at_sts(ACCOUNT),
        AwsDenied("InvalidIdentityToken", operation),
        "The right account's token for the API server: STS is not its audience.",
    )
    yield make(
        "token-of-another-signer",
        ACCOUNT,
        at_sts(ACCOUNT, AUDIENCE, signed_anew=True),
        AwsDenied("InvalidIdentityToken", operation),
        "The same claims, signed with another key than the cluster publishes.",
    )
    yield make(
        "sts-token-at-api-server",
        ACCOUNT,
        TokenAtApiServer(NAMESPACE, ACCOUNT, AUDIENCE, listing("pods", NAMESPACE)),
        Unauthorized(),
        "A token for STS is no token for the API server: whoever receives it cannot use it there.",
    )
