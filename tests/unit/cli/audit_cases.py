"""Events of an audit log, as the API server writes them."""

from __future__ import annotations

import json
from typing import Any

ATTACK_ID = "116f6085-40b8-44bf-a7ee-2f5fbb56c45b"
SECRET = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
"""Looks like a token."""

BOT = "system:serviceaccount:owasp-k03:ci-bot"


def event(
    audit_id: str,
    *,
    user: str = "alice",
    groups: list[str] | None = None,
    verb: str = "get",
    resource: str = "pods",
    namespace: str = "",
    name: str = "",
    code: int = 200,
    decision: str = "allow",
    reason: str = 'RBAC: allowed by RoleBinding "r/ns" of Role "r" to User "alice"',
    message: str = "",
    **more: Any,
) -> dict[str, Any]:
    """The event of a request's end."""
    about = {"resource": resource, "namespace": namespace, "name": name, "apiVersion": "v1"}
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Request",
        "auditID": audit_id,
        "stage": "ResponseComplete",
        "requestURI": f"/api/v1/{resource}/{name}",
        "verb": verb,
        "user": {"username": user, "groups": groups or ["system:authenticated"]} if user else {},
        "sourceIPs": ["127.0.0.1"],
        "userAgent": "kubectl/v1.36.0",
        "objectRef": {key: value for key, value in about.items() if value},
        "responseStatus": {"code": code, "message": message} if code else {},
        "responseObject": {"data": {"password": "hidden-in-an-object"}},
        "requestReceivedTimestamp": "2026-11-29T12:00:01.000000Z",
        "stageTimestamp": "2026-11-29T12:00:01.500000Z",
        "annotations": {"authorization.k8s.io/decision": decision, "authorization.k8s.io/reason": reason}
        if decision
        else {},
        **more,
    }


ALLOWED = event("allowed-1", user=BOT, namespace="owasp-k03", name="shop", resource="deployments")
DENIED = event(
    ATTACK_ID,
    user=BOT,
    groups=["system:serviceaccounts", "system:serviceaccounts:owasp-k03", "system:authenticated"],
    verb="list",
    resource="secrets",
    namespace="kube-system",
    code=403,
    decision="forbid",
    reason="",
    message="secrets is forbidden",
)
POLICY_REFUSED = event(
    "policy-1",
    user="system:serviceaccount:owasp-k09:scraper",
    resource="nodes",
    name="ip-1",
    code=422,
    message="nodes is forbidden: ValidatingAdmissionPolicy 'owasp-k09-no-proxy' with binding 'b' denied request: no",
)
CONTROLLER = event(
    "controller-1",
    user="system:serviceaccount:kube-system:replicaset-controller",
    verb="create",
    namespace="owasp-k01",
    code=403,
    message='pods "x" is forbidden: violates PodSecurity "baseline:latest": privileged',
)
WEBHOOK_REFUSED = event("webhook-1", code=400, message='admission webhook "w.example" denied the request: no')
SYSTEMS = event("system-1", user="system:kube-scheduler", verb="update", resource="leases")
NOBODY = event("nobody-1", user="", code=401, decision="", message="Unauthorized")


def messages(*events: dict[str, Any]) -> list[str]:
    """As the log holds them."""
    return [json.dumps(each) for each in events]
