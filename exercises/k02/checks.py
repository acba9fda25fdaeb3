"""Rows of exercise K02: images that nobody has allowed, by every way into a namespace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from grading.account_probes import DRY_RUN, AsAccount, AsOperator, collection, creating
from grading.refusals import AnyForbidden, Warned

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
from exercises.shared.stage_rows import StageRows
from grading.check import Row
from grading.expectations import Allowed, Forbidden
from grading.probes import Request
from grading.workload_probes import ThroughController, Told, debugging

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

    for name, image in UNTRUSTED.items():
        yield from attack(name, _told(creating(pod(container(image)), "pods"), f"create a pod of {_short(image)}"))
    yield from attack("sidecar", _told(creating(with_sidecar(FOREIGN), "pods"), "create a pod with a second container"))
    yield from attack(
        "init-container", _told(creating(with_init_container(FOREIGN), "pods"), "create a pod with an init container")
    )
    yield from attack("debug-container", _told(debugging("web", NAMESPACE, FOREIGN, "restricted"), "kubectl debug web"))
    yield from attack("set-image-of-pod", _told(setting_image("pod", FOREIGN), "kubectl set image pod/web"))
    yield from attack("set-image", _through(setting_image("deployment", FOREIGN), "kubectl set image deployment/web"))
    yield from attack("deployment", _through(creating(deployment(FOREIGN), "deployments"), "create a Deployment"))
    yield from attack("job", _through(creating(job(FOREIGN), "jobs"), "create a Job"))
    yield from attack("cron-job", _through(creating(cron_job(FOREIGN), "cronjobs"), "create a CronJob", _CRON))

    yield from stage.use("good-pod", DEPLOYER, _told(creating(pod(container(WEB)), "pods"), "create a pod of web"))
    yield from stage.use(
        "good-sidecar", DEPLOYER, _told(creating(with_sidecar(TOOLS), "pods"), "create a pod of web and tools")
    )
    yield from stage.use(
        "good-debug", DEPLOYER, _told(debugging("web", NAMESPACE, TOOLS, "restricted"), "kubectl debug web, with tools")
    )
    yield from stage.use(
        "good-set-image", DEPLOYER, _through(setting_image("deployment", NEXT_WEB), "set the next image of web")
    )
    yield from stage.use(
        "good-cron-job", DEPLOYER, _through(creating(cron_job(TOOLS), "cronjobs"), "create a CronJob of tools", _CRON)
    )
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
    for name, namespace in (("system-pod", "kube-system"), ("other-namespace", "default")):
        question = AsOperator(creating(pod(container(f"{ELSEWHERE}/agent:1"), namespace=namespace), "pods"))
        yield from stage.intact(name, "operator", question, Allowed())


def _told(request: Request, words: str) -> Told:
    return Told(NAMESPACE, DEPLOYER, request, words)


def _through(request: Request, words: str, template: tuple[str, ...] = ("spec", "template")) -> ThroughController:
    return ThroughController(NAMESPACE, DEPLOYER, request, words, template)


def _short(image: str) -> str:
    """An image with the first part of its digest."""
    head, mark, digest = image.partition("sha256:")
    return head + mark + digest[:6]


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
