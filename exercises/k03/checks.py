"""Rows of exercise K03: what a CI robot can reach beyond its job, by each way up that RBAC knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exercises.catalogue import EXERCISES
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import AsAccount, ByStolenToken, can_i, collection, creating, listing_all
from grading.check import Row
from grading.expectations import Forbidden, Says
from grading.probes import Request, may_do_everything
from grading.refusals import AnyForbidden

NAMESPACE = "owasp-k03"
BOT = "ci-bot"
ADMIN = "platform-admin"
USER = f"system:serviceaccount:{NAMESPACE}:{BOT}"
RBAC = "rbac.authorization.k8s.io"
WORKLOADS = ("deployment", "daemonset", "statefulset", "replicaset", "job", "cronjob")
"""Kinds whose controllers make pods: who may create one chooses the pods' service account."""

SHOP = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/shop"


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["k03"])

    def does(name: str, request: Request) -> Iterator[Row]:
        """The robot does it."""
        return stage.attack(name, BOT, AsAccount(NAMESPACE, BOT, request), AnyForbidden(USER))

    def might(name: str, verb: str, resource: str, group: str = "", namespace: str = "") -> Iterator[Row]:
        """The robot asks whether it might: the deed itself would need another request's headers, or a node's name."""
        question = AsAccount(NAMESPACE, BOT, can_i(verb, resource, group, namespace))
        return stage.attack(name, BOT, question, Says("no"), opened=Says("yes"))

    yield from stage.attack(
        "secrets-everywhere",
        BOT,
        AsAccount(NAMESPACE, BOT, listing_all("secrets")),
        Forbidden(USER, "list", "secrets"),
    )
    secret = f"{collection('secrets', NAMESPACE)}/database"
    yield from does("own-secret", Request(f"kubectl get secret database -n {NAMESPACE}", "GET", secret))
    yield from stage.attack(
        "token-of-admin",
        BOT,
        ByStolenToken(NAMESPACE, BOT, ADMIN, may_do_everything()),
        AnyForbidden(USER),
        opened=Says("yes"),
    )
    yield from might("impersonate-account", "impersonate", "serviceaccounts")
    yield from might("impersonate-group", "impersonate", "groups")
    yield from might("exec", "create", "pods/exec")
    yield from might("node-proxy", "get", "nodes/proxy")
    yield from might("watch-secrets", "watch", "secrets")
    yield from does("pod-as-admin", creating(_pod(), "pods"))
    for kind in WORKLOADS:
        yield from might(f"create-{kind}", "create", f"{kind}s", "batch" if "job" in kind else "apps", NAMESPACE)
    yield from might("deploy-elsewhere", "patch", "deployments", "apps", "kube-system")
    yield from does("bind-admin", creating(_binding(), "clusterrolebindings"))
    yield from does("new-role", creating(_role(), "roles"))
    deploys = Request(f"kubectl get deployment shop -n {NAMESPACE}", "GET", SHOP)
    yield from stage.use("read-deployment", BOT, AsAccount(NAMESPACE, BOT, deploys))
    yield from stage.use("set-image", BOT, AsAccount(NAMESPACE, BOT, _set_image("1.21-alpine")))
    everything = AsAccount(NAMESPACE, ADMIN, may_do_everything())
    yield from stage.intact("admin", ADMIN, everything, Says("yes"))
    yield from gates(stage)


def _pod() -> dict[str, Any]:
    """A pod in which the robot would be the administrator."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "way-up", "namespace": NAMESPACE},
        "spec": {"serviceAccountName": ADMIN, "containers": [{"name": "c", "image": "nginx:1.20-alpine"}]},
    }


def _binding() -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "owasp-k03-way-up"},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": BOT, "namespace": NAMESPACE}],
    }


def _role() -> dict[str, Any]:
    """A role with more than the robot has."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": "way-up", "namespace": NAMESPACE},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }


def _set_image(tag: str) -> Request:
    """The robot's own job."""
    image = f"nginx:{tag}"
    return Request(
        f"kubectl set image deployment/shop shop={image} -n {NAMESPACE} --dry-run=server",
        "PATCH",
        f"{SHOP}?dryRun=All",
        {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": image}]}}}},
    )
