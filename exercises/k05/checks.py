"""Rows of exercise K05: what an intruder does is found in the audit log and told by a rule, ordinary work is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from exercises.catalogue import EXERCISES
from exercises.k05.watching import ALARM, NAMESPACE, Ordinary, RulesRead, Seen, Streams
from exercises.shared.gates import OPERATOR, gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import AsAccount, AsOperator, can_i, collection, creating, listing_all
from grading.check import Row
from grading.expectations import Between, Holds, Says
from grading.kube_api import SWITCHING
from grading.probes import Request

WEB: Final = "web"
CI: Final = "ci"
SHOP: Final = "shop"
"""An account that works honestly, and its pod."""

OTHER: Final = "deployer"
BUSYBOX: Final = "busybox:1.37"

OK, CREATED = 200, 201


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["k05"])
    yield from _attacks(stage)
    yield from _ordinary(stage)
    yield from _kept(stage)
    yield from gates(stage)


def _found(alarm: bool, account: str, verb: str, resource: str, code: int) -> Holds:
    """The event of a call that was allowed, and whether a rule tells of it."""
    user = {"user": _user(account)} if account else {}
    event = {"verb": verb, "resource": resource, **user, "code": code, "decision": "allow"}
    what = "a rule fires" if alarm else "no rule fires"
    words = f"in the audit log: {verb} {resource}, {code}; {what}"
    return Holds((*event.items(), (ALARM, "yes" if alarm else "no")), words)


def _attacks(stage: StageRows) -> Iterator[Row]:
    """Each call is allowed, in the log, and told by a rule of the learner's."""

    def attack(name: str, call: AsAccount | Streams, verb: str, resource: str, code: int) -> Iterator[Row]:
        seen, missed = (_found(alarm, call.account, verb, resource, code) for alarm in (True, False))
        return stage.attack(name, call.account, Seen(call), seen, opened=missed)

    def by(account: str, request: Request) -> AsAccount:
        return AsAccount(NAMESPACE, account, request)

    everywhere = listing_all("secrets")
    yield from attack("list-secrets", by(WEB, everywhere), "list", "secrets", OK)
    yield from attack("list-elsewhere", by(WEB, _list_in("kube-system")), "list", "secrets", OK)
    yield from attack("watch-secrets", by(WEB, _watch()), "watch", "secrets", OK)
    yield from attack("other-account", by(CI, everywhere), "list", "secrets", OK)
    yield from attack("mint-token", by(WEB, _token(OTHER)), "create", "serviceaccounts/token", CREATED)
    yield from attack("exec", Streams(NAMESPACE, WEB, SHOP, "websocket"), "get", "pods/exec", SWITCHING)
    yield from attack("host-path", by(WEB, creating(_pod("node-disk", _HOST_PATH), "pods")), "create", "pods", CREATED)
    yield from attack(
        "privileged", by(WEB, creating(_pod("node-privileged", _PRIVILEGED), "pods")), "create", "pods", CREATED
    )


def _ordinary(stage: StageRows) -> Iterator[Row]:
    """What happens every day, made now: it is in the log, and no rule tells of it."""

    def works(name: str, account: str, request: Request, verb: str, resource: str, code: int = OK) -> Iterator[Row]:
        call = AsAccount(NAMESPACE, account, request) if account else AsOperator(request)
        return stage.use(name, account or OPERATOR, Seen(call), _found(False, account, verb, resource, code))

    pods, secrets = collection("pods", NAMESPACE), collection("secrets", NAMESPACE)
    listing = Request(f"kubectl get pods -n {NAMESPACE}", "GET", pods)
    own = Request(f"kubectl get secret shop-config -n {NAMESPACE}", "GET", f"{secrets}/shop-config")
    pod = Request(f"kubectl get pod {SHOP} -n {NAMESPACE}", "GET", f"{pods}/{SHOP}")
    log = Request(f"kubectl logs {SHOP} -n {NAMESPACE}", "GET", f"{pods}/{SHOP}/log")
    config = f"{collection('configmaps', NAMESPACE)}/web-config"
    yield from works("list-pods", SHOP, listing, "list", "pods")
    yield from works("get-pod", SHOP, pod, "get", "pods")
    yield from works("read-log", SHOP, log, "get", "pods/log")
    yield from works("own-secret", SHOP, own, "get", "secrets")
    yield from works(
        "web-config", WEB, Request(f"kubectl get cm web-config -n {NAMESPACE}", "GET", config), "get", "configmaps"
    )
    yield from works("web-pod", WEB, creating(_pod("worker", {}), "pods"), "create", "pods", CREATED)
    yield from works("helm-list", "", _helm(), "list", "secrets")
    yield from works("operator-token", "", _token(SHOP), "create", "serviceaccounts/token", CREATED)
    agent = _pod("lab-check-agent", _HOST_PATH, "kube-system")
    yield from works("agent", "", creating(agent, "pods"), "create", "pods", CREATED)
    platform = Holds((("events", Between(1, 10**6)), (ALARM, "no")), "in the audit log; no rule fires")
    yield from stage.use("platform", "kube-system", Ordinary(), platform)


def _kept(stage: StageRows) -> Iterator[Row]:
    """What a repair leaves as it is."""
    spdy = Streams(NAMESPACE, WEB, SHOP, "spdy")
    still = _found(True, WEB, "create", "pods/exec", SWITCHING)
    yield from stage.intact("exec-by-spdy", WEB, Seen(spdy), still)
    read = Holds((("rules", Between(1, 50)),), "every key is a Sigma rule")
    yield from stage.intact("rules-are-read", OPERATOR, RulesRead(), read)
    tampers = AsAccount(NAMESPACE, WEB, can_i("patch", "configmaps", namespace=NAMESPACE))
    yield from stage.intact("tamper", WEB, tampers, Says("no"))


def _user(account: str) -> str:
    return f"system:serviceaccount:{NAMESPACE}:{account}"


def _list_in(namespace: str) -> Request:
    return Request(f"kubectl get secrets -n {namespace}", "GET", collection("secrets", namespace))


def _watch() -> Request:
    path = f"{collection('secrets')}?watch=1&timeoutSeconds=1"
    return Request(f"kubectl get --raw '{path}'", "GET", path)


def _helm() -> Request:
    """What Helm does for `helm list -A`: it keeps its releases in Secrets."""
    return Request("helm list -A", "GET", f"{collection('secrets')}?labelSelector=owner%3Dhelm&limit=1")


def _token(account: str) -> Request:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    path = f"{collection('serviceaccounts', NAMESPACE)}/{account}/token"
    return Request(f"kubectl create token {account} -n {NAMESPACE}", "POST", path, body)


_HOST_PATH: Final = {"volumes": [{"name": "node", "hostPath": {"path": "/var/log"}}]}
_PRIVILEGED: Final = {"containers": [{"name": "app", "image": BUSYBOX, "securityContext": {"privileged": True}}]}


def _pod(name: str, more: dict[str, Any], namespace: str = NAMESPACE) -> dict[str, Any]:
    spec = {"containers": [{"name": "app", "image": BUSYBOX}], **more}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
