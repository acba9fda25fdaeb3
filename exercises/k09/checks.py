"""Rows of exercise K09: who reaches the kubelets, and what the API server leads to, without need."""

from __future__ import annotations

from collections.abc import Iterator

from exercises.catalogue import EXERCISES
from exercises.k09.questions import LedThrough, MayScrapeEveryNode, OnEveryNode, OnPodsNode
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import AsAccount, AsOperator, ObjectFacts
from grading.check import Row
from grading.expectations import Allowed, Holds, Says
from grading.probes import Question, Request, discovery, listing, whoami
from grading.refusals import AnyForbidden

NAMESPACE = "owasp-k09"
SCRAPER = "scraper"
GUEST = "guest"
SHOP = f"{NAMESPACE}-shop"
LEDGER = "ledger"
OPERATOR = "operator"
USERS = {account: f"system:serviceaccount:{NAMESPACE}:{account}" for account in (SCRAPER, GUEST)}
DNS_METRICS = "/api/v1/namespaces/kube-system/services/kube-dns:metrics/proxy/metrics"
NOT_SERVED = (404, 406)
"""The API server has no such debug page (profiling is off, or Kubernetes is older than the page), or not as JSON."""


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["k09"])
    yield from _kubelets(stage)
    yield from _led_through(stage)
    yield from _jobs(stage)
    yield from _kept(stage)
    yield from gates(stage)


def _get(path: str) -> Request:
    return Request(f"kubectl get --raw {path}", "GET", path)


def _attack(stage: StageRows, name: str, account: str, question: Question) -> Iterator[Row]:
    return stage.attack(name, account, question, AnyForbidden(USERS[account]))


def _kubelets(stage: StageRows) -> Iterator[Row]:
    """What a kubelet does for whoever comes through the API server."""
    ledger, inside = f"{SHOP}/{LEDGER}", f"{SHOP}/{LEDGER}/{LEDGER}"
    proxy = "/api/v1/nodes/$NODE/proxy"
    run = f"{proxy}/run/{inside}?cmd=id"
    line = f"echo | kubectl create -f - --raw '{run}'".replace("'", '"')
    yield from _attack(stage, "node-pods", SCRAPER, OnEveryNode(NAMESPACE, SCRAPER, _get(f"{proxy}/pods")))
    yield from _attack(
        stage, "node-log", SCRAPER, OnPodsNode(NAMESPACE, SCRAPER, ledger, _get(f"{proxy}/containerLogs/{inside}"))
    )
    yield from _attack(
        stage, "node-command", SCRAPER, OnPodsNode(NAMESPACE, SCRAPER, ledger, Request(line, "POST", run))
    )


def _led_through(stage: StageRows) -> Iterator[Row]:
    """What the API server leads to, and what it tells of itself."""

    def led(account: str, path: str, off: tuple[int, ...] = ()) -> Question:
        return LedThrough(AsAccount(NAMESPACE, account, _get(path)), off)

    ledger = f"/api/v1/namespaces/{SHOP}/pods/{LEDGER}/proxy/"
    yield from _attack(stage, "guest-service", GUEST, led(GUEST, DNS_METRICS))
    yield from _attack(stage, "scraper-service", SCRAPER, led(SCRAPER, DNS_METRICS))
    yield from _attack(stage, "guest-pod", GUEST, led(GUEST, ledger))
    yield from _attack(stage, "scraper-pod", SCRAPER, led(SCRAPER, ledger))
    yield from _attack(stage, "guest-metrics", GUEST, AsAccount(NAMESPACE, GUEST, _get("/metrics")))
    yield from _attack(stage, "guest-flags", GUEST, led(GUEST, "/flagz", NOT_SERVED))
    yield from _attack(stage, "scraper-debug", SCRAPER, led(SCRAPER, "/debug/pprof/cmdline", NOT_SERVED))


def _jobs(stage: StageRows) -> Iterator[Row]:
    """What both accounts are there for."""
    yield from stage.use("nodes", SCRAPER, AsAccount(NAMESPACE, SCRAPER, listing("nodes")))
    yield from stage.use("node-metrics", SCRAPER, MayScrapeEveryNode(NAMESPACE, SCRAPER), Says("yes"))
    yield from stage.use("api-metrics", SCRAPER, AsAccount(NAMESPACE, SCRAPER, _get("/metrics")))
    yield from stage.use("discovery", GUEST, AsAccount(NAMESPACE, GUEST, discovery()))
    yield from stage.use("whoami", GUEST, AsAccount(NAMESPACE, GUEST, whoami()))


def _kept(stage: StageRows) -> Iterator[Row]:
    """What a repair leaves alone."""
    log = f"/api/v1/namespaces/{SHOP}/pods/{LEDGER}/log"
    yield from stage.intact(
        "operator-log", OPERATOR, AsOperator(Request(f"kubectl logs {LEDGER} -n {SHOP}", "GET", log)), Allowed()
    )
    yield from stage.intact("dns", OPERATOR, AsOperator(_service("kube-dns")), Allowed())
    role = "system:kubelet-api-admin"
    yield from stage.intact(
        "kubelet-role",
        OPERATOR,
        ObjectFacts(
            f"kubectl get clusterrole {role} -o yaml",
            f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{role}",
            (("name", ("metadata", "name")),),
        ),
        Holds((("name", role),)),
    )


def _service(name: str) -> Request:
    path = f"/api/v1/namespaces/kube-system/services/{name}"
    return Request(f"kubectl get service {name} -n kube-system", "GET", path)
