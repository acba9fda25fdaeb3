"""Rows of exercise K01: pods with one danger each, made by hand, by a Deployment and by `kubectl debug`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from exercises.catalogue import EXERCISES
from exercises.k01.limits import Limited, Unlimited
from exercises.k01.pods import (
    AGENT,
    DANGEROUS,
    GREEDY,
    IMAGE,
    NAMESPACE,
    NO_LIMITS,
    WITH_VOLUMES,
    WRITABLE,
    deployment,
    good,
    pod,
)
from exercises.shared.gates import OPERATOR, gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import DRY_RUN, AsAccount, AsOperator, collection, creating
from grading.check import Row
from grading.expectations import Allowed, Forbidden
from grading.probes import Request
from grading.refusals import AdmissionRefused, AnyForbidden, Warned
from grading.workload_probes import Profile, ThroughController, debugging

BUILDER: Final = "builder"
TEAM: Final = "web-team"
USER: Final = f"system:serviceaccount:{NAMESPACE}:{BUILDER}"
ADMISSION: Final = "admissionregistration.k8s.io"
ENFORCE: Final = "pod-security.kubernetes.io/enforce"

_WARNED: Final = {"watched": Warned('would violate PodSecurity "restricted')}
_POLICY_WARNED: Final = {"watched": Warned("Validation failed for ValidatingAdmissionPolicy")}


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["k01"])
    for name, spec in DANGEROUS.items():
        yield from stage.attack(name, BUILDER, _making(BUILDER, name, spec), AdmissionRefused(), others=_WARNED)
    yield from stage.attack(
        "debug-container", BUILDER, _debugging(BUILDER, "api", "sysadmin"), AnyForbidden(USER), others=_WARNED
    )
    yield from stage.attack(
        "deployment",
        BUILDER,
        _deploying(BUILDER, "host-pid", DANGEROUS["host-pid"]),
        AdmissionRefused(),
        others=_WARNED,
    )
    yield from stage.attack(
        "writable-root",
        BUILDER,
        _making(BUILDER, "writable-root", WRITABLE),
        AdmissionRefused(),
        others=_POLICY_WARNED,
    )
    for name, spec in (("no-limits", NO_LIMITS), ("greedy", GREEDY)):
        yield from stage.attack(name, BUILDER, _making(BUILDER, name, spec), Limited(), opened=Unlimited())

    yield from stage.use("good-pod", TEAM, _making(TEAM, "good", good()))
    yield from stage.use("good-pod-of-builder", BUILDER, _making(BUILDER, "good", good()))
    yield from stage.use("good-pod-with-volumes", TEAM, _making(TEAM, "good-volumes", WITH_VOLUMES))
    yield from stage.use("good-deployment", TEAM, _deploying(TEAM, "good", good()))
    yield from stage.use("good-debug", TEAM, _debugging(TEAM, "web", "restricted"))
    yield from stage.use("web", TEAM, AsAccount(NAMESPACE, TEAM, _web()))

    yield from stage.intact(
        "relabel",
        BUILDER,
        AsAccount(NAMESPACE, BUILDER, _relabelling()),
        Forbidden(USER, "patch", "namespaces", NAMESPACE),
    )
    yield from stage.intact(
        "remove-policies",
        BUILDER,
        AsAccount(NAMESPACE, BUILDER, _removing_all("validatingadmissionpolicybindings", group=ADMISSION)),
        Forbidden(USER, "deletecollection", "validatingadmissionpolicybindings", group=ADMISSION),
    )
    yield from stage.intact(
        "remove-limits",
        BUILDER,
        AsAccount(NAMESPACE, BUILDER, _removing_all("limitranges", NAMESPACE)),
        Forbidden(USER, "deletecollection", "limitranges", NAMESPACE),
    )
    yield from stage.intact(
        "other-namespace", OPERATOR, AsOperator(creating(pod("agent", AGENT, "default"), "pods")), Allowed()
    )
    yield from gates(stage)


def _making(account: str, name: str, spec: Mapping[str, Any]) -> AsAccount:
    return AsAccount(NAMESPACE, account, creating(pod(name, dict(spec)), "pods"))


def _deploying(account: str, name: str, spec: Mapping[str, Any]) -> ThroughController:
    return ThroughController(NAMESPACE, account, creating(deployment(name, dict(spec)), "deployments"))


def _debugging(account: str, of: str, profile: Profile) -> AsAccount:
    return AsAccount(NAMESPACE, account, debugging(of, NAMESPACE, IMAGE, profile))


def _web() -> Request:
    return Request(f"kubectl get pod web -n {NAMESPACE}", "GET", f"{collection('pods', NAMESPACE)}/web")


def _relabelling() -> Request:
    return Request(
        f"kubectl label namespace {NAMESPACE} {ENFORCE}=privileged --overwrite --dry-run=server",
        "PATCH",
        f"{collection('namespaces')}/{NAMESPACE}?{DRY_RUN}",
        {"metadata": {"labels": {ENFORCE: "privileged"}}},
    )


def _removing_all(resource: str, namespace: str = "", group: str = "") -> Request:
    path = f"{collection(resource, namespace, group)}?{DRY_RUN}"
    return Request(f"kubectl delete --raw '{path}'", "DELETE", path)
