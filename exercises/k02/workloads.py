"""The ways by which an image comes into a namespace: as a container of each kind, and by each thing that makes pods."""

from __future__ import annotations

from typing import Any, Final

from exercises.k02.images import NAMESPACE, WEB
from grading.account_probes import DRY_RUN, collection
from grading.probes import Request

Spec = dict[str, Any]

_LABELS: Final = {"app": "check"}


def container(image: str, name: str = "app") -> Spec:
    """A container of a pod's specification."""
    return {"name": name, "image": image}


def pod(name: str, *containers: Spec, namespace: str = NAMESPACE, **fields: Any) -> Spec:
    """The manifest of a pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"check-{name}", "namespace": namespace},
        "spec": {"containers": list(containers), **fields},
    }


def with_sidecar(name: str, image: str) -> Spec:
    """A pod of two containers, the second one of this image."""
    return pod(name, container(WEB), container(image, "sidecar"))


def with_init_container(name: str, image: str) -> Spec:
    """A pod with an init container of this image."""
    return pod(name, container(WEB), initContainers=[container(image, "prepare")])


def deployment(name: str, image: str) -> Spec:
    """The manifest of a Deployment."""
    spec = {"selector": {"matchLabels": _LABELS}, "template": _template(image)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(name), "spec": spec}


def job(name: str, image: str) -> Spec:
    """The manifest of a Job."""
    spec = {"template": _template(image, restartPolicy="Never")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _metadata(name), "spec": spec}


def cron_job(name: str, image: str) -> Spec:
    """The manifest of a CronJob."""
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": job(name, image)["spec"]}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": _metadata(name), "spec": spec}


def setting_image(what: str, image: str) -> Request:
    """`kubectl set image` of the object web; `what` is deployment or pod."""
    containers = [container(image)]
    if what == "pod":
        path, spec = collection("pods", NAMESPACE), {"containers": containers}
    else:
        path, spec = collection("deployments", NAMESPACE, "apps"), {"template": {"spec": {"containers": containers}}}
    line = f"kubectl set image {what}/web app={image} -n {NAMESPACE} --dry-run=server"
    short = f"kubectl set image {what}/web app={image.partition('@')[0]}"
    return Request(line, "PATCH", f"{path}/web?{DRY_RUN}", {"spec": spec}, short=short)


def _metadata(name: str) -> Spec:
    return {"name": f"check-{name}", "namespace": NAMESPACE}


def _template(image: str, **fields: Any) -> Spec:
    return {"metadata": {"labels": _LABELS}, "spec": {"containers": [container(image)], **fields}}
