"""The ways by which an image comes into a namespace: as a container of each kind, and by each thing that makes pods."""

from __future__ import annotations

from typing import Any, Final

from exercises.k02.images import NAMESPACE, WEB
from grading.account_probes import DRY_RUN, collection
from grading.probes import Request

Spec = dict[str, Any]

NAME: Final = "check-image"
_LABELS: Final = {"app": NAME}


def container(image: str, name: str = "app") -> Spec:
    """A container of a pod's specification."""
    return {"name": name, "image": image}


def pod(*containers: Spec, namespace: str = NAMESPACE, **fields: Any) -> Spec:
    """The manifest of a pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {"containers": list(containers), **fields},
    }


def with_sidecar(image: str) -> Spec:
    """A pod of two containers, the second one of this image."""
    return pod(container(WEB), container(image, "sidecar"))


def with_init_container(image: str) -> Spec:
    """A pod with an init container of this image."""
    return pod(container(WEB), initContainers=[container(image, "prepare")])


def deployment(image: str) -> Spec:
    """The manifest of a Deployment."""
    spec = {"selector": {"matchLabels": _LABELS}, "template": _template(image)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(), "spec": spec}


def job(image: str) -> Spec:
    """The manifest of a Job."""
    spec = {"template": _template(image, restartPolicy="Never")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _metadata(), "spec": spec}


def cron_job(image: str) -> Spec:
    """The manifest of a CronJob."""
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": job(image)["spec"]}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": _metadata(), "spec": spec}


def setting_image(what: str, image: str) -> Request:
    """`kubectl set image` of the object web; `what` is deployment or pod."""
    containers = [container(image)]
    if what == "pod":
        path, spec = collection("pods", NAMESPACE), {"containers": containers}
    else:
        path, spec = collection("deployments", NAMESPACE, "apps"), {"template": {"spec": {"containers": containers}}}
    line = f"kubectl set image {what}/web app={image} -n {NAMESPACE} --dry-run=server"
    return Request(line, "PATCH", f"{path}/web?{DRY_RUN}", {"spec": spec})


def _metadata() -> Spec:
    return {"name": NAME, "namespace": NAMESPACE}


def _template(image: str, **fields: Any) -> Spec:
    return {"metadata": {"labels": _LABELS}, "spec": {"containers": [container(image)], **fields}}
