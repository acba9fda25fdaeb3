"""Rows of exercise K02: images that nobody has allowed, by every way into a namespace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from exercises.catalogue import EXERCISES
from exercises.k02.images import (
    ELSEWHERE,
    FOREIGN,
    LIST,
    NAMESPACE,
    NEXT_WEB,
    RELEASE,
    TOOLS,
    UNTRUSTED,
    WEB,
)
from exercises.k02.signed_list import UNVERIFIED, VERIFIED, SignedList
from exercises.k02.workloads import (
    container,
    cron_job,
    deployment,
    job,
    pod,
    setting_image,
    with_init_container,
    with_sidecar,
)
from exercises.shared.gates import OPERATOR, gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import DRY_RUN, AsAccount, AsOperator, collection, creating
from grading.check import Row
from grading.expectations import Allowed, Forbidden, Says
from grading.probes import Request
from grading.refusals import AnyForbidden, Warned
from grading.workload_probes import ThroughController, debugging

DEPLOYER: Final = "deployer"
MANAGER: Final = "release-manager"
USER: Final = f"system:serviceaccount:{NAMESPACE}:{DEPLOYER}"
RBAC: Final = "rbac.authorization.k8s.io"
ADMISSION: Final = "admissionregistration.k8s.io"

_CRON: Final = ("spec", "jobTemplate", "spec", "template")
_WARNED: Final = {"watched": Warned("Validation failed for ValidatingAdmissionPolicy")}


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["k02"])

    def attack(name: str, question: AsAccount) -> Iterator[Row]:
        return stage.attack(name, DEPLOYER, question, AnyForbidden(USER), others=_WARNED)

    def use(name: str, question: AsAccount) -> Iterator[Row]:
        return stage.use(name, DEPLOYER, question)

    for name, image in UNTRUSTED.items():
        yield from attack(name, _asks(creating(pod(name, container(image)), "pods")))
    yield from attack("sidecar", _asks(creating(with_sidecar("sidecar", FOREIGN), "pods")))
    yield from attack("init-container", _asks(creating(with_init_container("init-container", FOREIGN), "pods")))
    yield from attack("debug-container", _asks(debugging("api", NAMESPACE, FOREIGN, "restricted")))
    yield from attack("set-image-of-pod", _asks(setting_image("pod", FOREIGN)))
    yield from attack("set-image", _through(setting_image("deployment", FOREIGN)))
    yield from attack("deployment", _through(creating(deployment("web", FOREIGN), "deployments")))
    yield from attack("job", _through(creating(job("job", FOREIGN), "jobs")))
    yield from attack("cron-job", _through(creating(cron_job("cron-job", FOREIGN), "cronjobs"), _CRON))

    yield from use("good-pod", _asks(creating(pod("web", container(WEB)), "pods")))
    yield from use("good-sidecar", _asks(creating(with_sidecar("good-sidecar", TOOLS), "pods")))
    yield from use("good-debug", _asks(debugging("web", NAMESPACE, TOOLS, "restricted")))
    yield from use("good-set-image", _through(setting_image("deployment", NEXT_WEB)))
    yield from use("good-cron-job", _through(creating(cron_job("good-cron-job", TOOLS), "cronjobs"), _CRON))
    yield from stage.use("release", MANAGER, AsAccount(RELEASE, MANAGER, _changing_list()))

    yield from stage.intact(
        "change-list",
        DEPLOYER,
        AsAccount(NAMESPACE, DEPLOYER, _changing_list()),
        Forbidden(USER, "patch", "configmaps", RELEASE),
    )
    yield from stage.intact(
        "delete-list",
        DEPLOYER,
        AsAccount(NAMESPACE, DEPLOYER, _deleting_list()),
        Forbidden(USER, "delete", "configmaps", RELEASE),
    )
    yield from stage.intact(
        "become-manager",
        DEPLOYER,
        AsAccount(NAMESPACE, DEPLOYER, creating(_binding(), "rolebindings")),
        Forbidden(USER, "create", "rolebindings", RELEASE, RBAC),
    )
    yield from stage.intact(
        "remove-policies",
        DEPLOYER,
        AsAccount(NAMESPACE, DEPLOYER, _removing_bindings()),
        Forbidden(USER, "deletecollection", "validatingadmissionpolicybindings", group=ADMISSION),
    )
    yield from stage.intact("signed-list", OPERATOR, SignedList(), Says(VERIFIED))
    yield from stage.intact("one-byte", OPERATOR, SignedList(changed=True), Says(UNVERIFIED))
    elsewhere = pod("agent", container(f"{ELSEWHERE}/agent:1"), namespace="default")
    yield from stage.intact("other-namespace", OPERATOR, AsOperator(creating(elsewhere, "pods")), Allowed())
    yield from gates(stage)


def _asks(request: Request) -> AsAccount:
    return AsAccount(NAMESPACE, DEPLOYER, request)


def _through(request: Request, template: tuple[str, ...] = ("spec", "template")) -> ThroughController:
    return ThroughController(NAMESPACE, DEPLOYER, request, template)


def _changing_list() -> Request:
    patch = {"data": {"registries": ELSEWHERE}}
    return Request(
        f"kubectl patch configmap {LIST} -n {RELEASE} --dry-run=server -p '{json.dumps(patch)}'",
        "PATCH",
        f"{collection('configmaps', RELEASE)}/{LIST}?{DRY_RUN}",
        patch,
    )


def _deleting_list() -> Request:
    return Request(
        f"kubectl delete configmap {LIST} -n {RELEASE} --dry-run=server",
        "DELETE",
        f"{collection('configmaps', RELEASE)}/{LIST}?{DRY_RUN}",
    )


def _binding() -> dict[str, object]:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "check-release", "namespace": RELEASE},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "release-images"},
        "subjects": [{"kind": "ServiceAccount", "name": DEPLOYER, "namespace": NAMESPACE}],
    }


def _removing_bindings() -> Request:
    path = f"{collection('validatingadmissionpolicybindings', group=ADMISSION)}?{DRY_RUN}"
    return Request(f"kubectl delete --raw '{path}'", "DELETE", path)
