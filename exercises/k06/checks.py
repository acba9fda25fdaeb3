"""Rows of exercise K06: tokens that never expire, who can make more of them, and what a login is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from exercises.catalogue import EXERCISES
from exercises.k06.tokens import ACCOUNT, TOKEN_TYPE, LongestToken, TokenOfDeletedPod, TokensInSecrets
from exercises.k06.ways_in import Anonymous, AnonymousBindings, AnonymousMay, ClientCertificate, TemplatesPod
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import DRY_RUN, AsAccount, ByStolenToken, collection, creating
from grading.check import Row
from grading.expectations import Allowed, Between, Holds, OneOf, Unauthorized
from grading.probes import Request
from grading.refusals import AnyForbidden

NAMESPACE: Final = "owasp-k06"
ROBOT: Final = "robot"
CI: Final = "ci"
OPERATOR: Final = "operator"
NOBODY: Final = "nobody"
"""Who has not logged in."""

CI_USER: Final = f"system:serviceaccount:{NAMESPACE}:{CI}"
REPORT: Final = f"{collection('configmaps', NAMESPACE)}/report"


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["k06"])
    accepted = Holds((("accepted", Between(1, 99)),), "one at least is accepted")
    none = Holds((("accepted", 0),), "none is accepted")
    for account in (ROBOT, CI):
        standing = TokensInSecrets(NAMESPACE, account)
        yield from stage.attack(f"{account}-secret-token", account, standing, none, opened=accepted)
    more = AsAccount(NAMESPACE, CI, creating(_token_secret(), "secrets"))
    yield from stage.attack("ci-new-secret-token", CI, more, AnyForbidden(CI_USER))
    reads = Request(f"kubectl get configmap report -n {NAMESPACE}", "GET", REPORT)
    stolen = ByStolenToken(NAMESPACE, CI, ROBOT, reads)
    yield from stage.attack("ci-makes-token", CI, stolen, AnyForbidden(CI_USER))
    yield from stage.attack(
        "anonymous-right",
        NOBODY,
        AnonymousMay("list", "configmaps", NAMESPACE),
        Holds((("allowed", "false"),)),
        opened=Holds((("allowed", "true"),)),
    )

    yield from stage.attack(
        "anonymous-binding",
        NOBODY,
        AnonymousBindings(),
        Holds((("bindings", ()),), "no binding names them"),
        opened=Holds((("bindings", (f"RoleBinding {NAMESPACE}/everybody",)),)),
    )
    yield from stage.attack("ci-pod", CI, AsAccount(NAMESPACE, CI, creating(_pod(), "pods")), AnyForbidden(CI_USER))

    yield from stage.use("robot-reads", ROBOT, AsAccount(NAMESPACE, ROBOT, reads))
    startable = Holds(
        (("account", ROBOT), ("missing Secrets", ()), ("token", OneOf(("bound to the pod", "in a Secret")))),
        "account robot, no Secret missing, with a token",
    )
    yield from stage.use("robot-pod", ROBOT, TemplatesPod(NAMESPACE, ROBOT), startable)
    yield from stage.use("ci-writes", CI, AsAccount(NAMESPACE, CI, _writing()))

    listing = Anonymous(collection("configmaps", NAMESPACE))
    yield from stage.intact("anonymous-request", NOBODY, listing, Unauthorized())
    yield from stage.intact("anonymous-health", NOBODY, Anonymous("/livez"), Allowed())
    yield from gates(stage)
    yield from _platform(stage)


def _platform(stage: StageRows) -> Iterator[Row]:
    """What no repair changes: what Kubernetes and EKS do about logins by themselves. It is not judged in play."""
    words = EXERCISES["k06"].words.rows
    longest = Holds((("hours", Between(1, 24)),), "good for 24 hours at most")
    certificate = Holds(
        (("conditions", ("Approved",)), ("certificate", "none")), "approved, and no certificate is issued"
    )
    for name, who, question, expected in (
        ("longest-token", ROBOT, LongestToken(NAMESPACE, ROBOT), longest),
        ("client-certificate", OPERATOR, ClientCertificate("owasp-k06-mallory"), certificate),
        ("deleted-pod", ROBOT, TokenOfDeletedPod(NAMESPACE, ROBOT), Unauthorized()),
    ):
        yield replace(stage.gate(name, who, question, expected, words[name]), goal=None)


def _token_secret() -> dict[str, Any]:
    """What makes the controller manager write a token that never expires."""
    metadata = {"name": "one-more", "namespace": NAMESPACE, "annotations": {ACCOUNT: ROBOT}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TOKEN_TYPE}


def _pod() -> dict[str, Any]:
    """A pod in which whoever made it reads the robot's token."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "as-robot", "namespace": NAMESPACE},
        "spec": {"serviceAccountName": ROBOT, "containers": [{"name": "c", "image": "nginx:1.20-alpine"}]},
    }


def _writing() -> Request:
    """The build account's own job."""
    return Request(
        f'kubectl patch configmap report -n {NAMESPACE} -p \'{{"data":{{"state":"built"}}}}\' --dry-run=server',
        "PATCH",
        f"{REPORT}?{DRY_RUN}",
        {"data": {"state": "built"}},
    )
