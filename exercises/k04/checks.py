"""Rows of exercise K04: dangerous pods in every tenant's namespace, and the ways by which a tenant leaves a policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from exercises.catalogue import EXERCISES
from exercises.k04.new_namespace import InNewNamespace
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import DRY_RUN, AsAccount, AsOperator, collection, creating
from grading.check import Row
from grading.expectations import Allowed
from grading.probes import Request
from grading.refusals import AdmissionRefused, AnyForbidden, Warned

OPERATOR: Final = "operator"
POLICIES: Final = "admissionregistration.k8s.io"
RBAC: Final = "rbac.authorization.k8s.io"
STANDING: Final = "owasp-k04-owner"
"""The platform team's policy, and its binding, that stand at every stage."""

IMAGE: Final = "public.ecr.aws/docker/library/busybox:1.37"

PRIVILEGED: Final = {"securityContext": {"privileged": True}}
HONEST: Final[Mapping[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Security context that Pod Security's level `restricted` takes."""


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["k04"])
    warned = {"watched": Warned("ValidatingAdmissionPolicy 'owasp-k04-pods'")}

    def pod(name: str, team: str, manifest: dict[str, Any]) -> Iterator[Row]:
        """A team makes a dangerous pod."""
        return stage.attack(
            name, account(team), _as(team, creating(manifest, "pods")), AdmissionRefused(), others=warned
        )

    def leaves(name: str, team: str, request: Request) -> Iterator[Row]:
        """A team changes what decides about it."""
        return stage.attack(name, account(team), _as(team, request), AnyForbidden(_user(team)))

    yield from pod("b-privileged", "b", _pod("b", container=PRIVILEGED))
    yield from pod("b-init-container", "b", _pod("b", initContainers=[{"name": "i", "image": IMAGE, **PRIVILEGED}]))
    yield from pod("b-host-network", "b", _pod("b", hostNetwork=True))
    yield from pod("c-privileged", "c", _pod("c", container=PRIVILEGED))
    yield from pod("c-host-pid", "c", _pod("c", hostPID=True))
    yield from pod("c-host-path", "c", _pod("c", volumes=[{"name": "node", "hostPath": {"path": "/"}}]))
    tomorrow = InNewNamespace("owasp-k04-new", "k04", _pod("", container=PRIVILEGED))
    yield from stage.attack("new-namespace", OPERATOR, tomorrow, AdmissionRefused(), others=warned)
    yield from leaves("a-exempts-itself", "a", _label("a", "pod-security.kubernetes.io/enforce", "privileged"))
    yield from leaves("b-leaves", "b", _label("b", "lab.myeks/exercise", None))
    yield from leaves("b-deletes-policy", "b", _deleting("validatingadmissionpolicies"))
    yield from leaves("b-deletes-binding", "b", _deleting("validatingadmissionpolicybindings"))
    yield from leaves("c-weakens-binding", "c", _weakening())
    yield from leaves("c-makes-policy", "c", creating(_policy(), "validatingadmissionpolicies"))

    for team in "abc":
        yield from stage.use(f"{team}-pod", account(team), _as(team, creating(_pod(team), "pods")))
    yield from stage.use("b-deployment", account("b"), _as("b", creating(_deployment("b"), "deployments")))
    namespace = Request("kubectl get namespace owasp-k04-c", "GET", f"{collection('namespaces')}/owasp-k04-c")
    yield from stage.use("c-own-namespace", account("c"), _as("c", namespace))
    reads = Request(f"kubectl get validatingadmissionpolicy {STANDING}", "GET", _path("validatingadmissionpolicies"))
    yield from stage.use("c-reads-policy", account("c"), _as("c", reads))
    yield from stage.use("new-tenant", OPERATOR, AsOperator(creating(_tenant(), "namespaces")))

    unowned = _pod("c")
    del unowned["metadata"]["labels"]
    yield from stage.intact("c-owner", account("c"), _as("c", creating(unowned, "pods")), AdmissionRefused())
    privileged = _as("a", creating(_pod("a", container=PRIVILEGED), "pods"))
    yield from stage.intact("a-privileged", account("a"), privileged, AdmissionRefused())
    elsewhere = _pod("", container=PRIVILEGED, hostNetwork=True)
    elsewhere["metadata"]["namespace"] = "default"
    yield from stage.intact("elsewhere", OPERATOR, AsOperator(creating(elsewhere, "pods")), Allowed())
    yield from stage.intact("bootstrap-role", OPERATOR, AsOperator(_annotating()), Allowed())
    yield from gates(stage)


def account(team: str) -> str:
    """Name of a team's service account."""
    return f"team-{team}"


def _as(team: str, request: Request) -> AsAccount:
    return AsAccount(_namespace(team), account(team), request)


def _namespace(team: str) -> str:
    return f"owasp-k04-{team}"


def _user(team: str) -> str:
    return f"system:serviceaccount:{_namespace(team)}:{account(team)}"


def _pod(team: str, container: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A pod that any policy takes, but for what is given; without a team it has no namespace."""
    metadata: dict[str, Any] = {"name": "try", "labels": {"owner": account(team or "d")}}
    if team:
        metadata["namespace"] = _namespace(team)
    first = {"name": "c", "image": IMAGE, "securityContext": HONEST, **(container or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [first], **spec}}


def _deployment(team: str) -> dict[str, Any]:
    pod = _pod(team)
    template = {"metadata": {"labels": pod["metadata"]["labels"]}, "spec": pod["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": pod["metadata"]["labels"]}, "template": template}
    metadata = {"name": "try", "namespace": _namespace(team)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _tenant() -> dict[str, Any]:
    """The namespace of one more tenant, with the strictest label there is: no policy has a reason to refuse it."""
    labels = {"lab.myeks/exercise": "k04", "pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "owasp-k04-d", "labels": labels}}


def _policy() -> dict[str, Any]:
    """A policy of a tenant's own. Without a binding it would decide nothing, and with one about everybody."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "false"}]}
    return {
        "apiVersion": f"{POLICIES}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "owasp-k04-tenant"},
        "spec": spec,
    }


def _path(resource: str) -> str:
    return f"{collection(resource, group=POLICIES)}/{STANDING}"


def _deleting(resource: str) -> Request:
    return Request(f"kubectl delete {resource} {STANDING} --dry-run=server", "DELETE", f"{_path(resource)}?{DRY_RUN}")


def _weakening() -> Request:
    """A binding that only warns refuses nothing any more."""
    resource = "validatingadmissionpolicybindings"
    line = f"""kubectl patch {resource} {STANDING} -p '{{"spec":{{"validationActions":["Warn"]}}}}' --type merge"""
    body = {"spec": {"validationActions": ["Warn"]}}
    return Request(f"{line} --dry-run=server", "PATCH", f"{_path(resource)}?{DRY_RUN}", body)


def _label(team: str, key: str, value: str | None) -> Request:
    """A label of the team's own namespace, set or (None) taken away."""
    change = f"{key}-" if value is None else f"{key}={value} --overwrite"
    return Request(
        f"kubectl label namespace {_namespace(team)} {change} --dry-run=server",
        "PATCH",
        f"{collection('namespaces')}/{_namespace(team)}?{DRY_RUN}",
        {"metadata": {"labels": {key: value}}},
    )


def _annotating() -> Request:
    """What the API server does with its own roles when it starts: it writes them."""
    return Request(
        "kubectl annotate clusterrole system:node asked=yes --dry-run=server",
        "PATCH",
        f"{collection('clusterroles', group=RBAC)}/system:node?{DRY_RUN}",
        {"metadata": {"annotations": {"asked": "yes"}}},
    )
