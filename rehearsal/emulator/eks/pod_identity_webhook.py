"""EKS's pod-identity-webhook: what it writes into a pod that is being created. Pure.

A pod gets a role in one of two ways: its service account is annotated with a
role (IRSA), or EKS has an association for it (Pod Identity). Either way the
webhook adds a token with the right audience and the variables by which SDKs
find it; where both are there, the association counts.

After amazon-eks-pod-identity-webhook (pkg/handler, pkg/cache, README; August
2026) as EKS runs it: with a region, and with regional STS endpoints.
"""

import base64
import csv
import json
import posixpath
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

PREFIX: Final = "eks.amazonaws.com/"
"""Of the annotations that the webhook reads."""
LONGEST: Final = 86400
"""Seconds that a token is asked for, unless told otherwise."""
LEAST: Final = 600
"""Seconds; the API server gives no shorter one."""
JITTER_FROM: Final = 79200
"""Pod Identity spreads tokens that nobody set a time for: between this many seconds and LONGEST."""

CREDENTIALS_URI: Final = "http://169.254.170.23/v1/credentials"
"""Where the Pod Identity agent answers on every node (EKS User Guide, "Pod Identity Agent")."""
POD_IDENTITY_AUDIENCE: Final = "pods.eks.amazonaws.com"

Jitter = Callable[[int, int], int]
"""(least, most) -> seconds, both included."""


@dataclass(frozen=True)
class _Way:
    """Where a token is put and which variables tell of it."""

    audience: str
    volume: str
    directory: str
    file: str
    variables: Mapping[str, str]
    """The two that say how to get credentials."""
    label: bool
    """Whether the pod is labelled."""

    @property
    def token_file(self) -> str:
        return posixpath.join(self.directory, self.file)


def _web_identity(role_arn: str, audience: str) -> _Way:
    directory = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
    way = _Way(audience, "aws-iam-token", directory, "token", {}, label=False)
    variables = {"AWS_ROLE_ARN": role_arn, "AWS_WEB_IDENTITY_TOKEN_FILE": way.token_file}
    return _Way(way.audience, way.volume, way.directory, way.file, variables, way.label)


def _pod_identity() -> _Way:
    directory, name = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount", "eks-pod-identity-token"
    variables = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": CREDENTIALS_URI,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": posixpath.join(directory, name),
    }
    return _Way(POD_IDENTITY_AUDIENCE, name, directory, name, variables, label=True)


def patch(
    pod: Mapping[str, Any],
    service_account: Mapping[str, Any] | None,
    *,
    associated: bool,
    region: str,
    jitter: Jitter = random.randint,
) -> list[dict[str, Any]]:
    """The JSON patch for a pod; empty when the pod gets no role.

    `service_account` is the pod's own, None when it does not exist (yet). `associated`: EKS has a Pod
    Identity association for it.
    """
    told: Mapping[str, str] = ((service_account or {}).get("metadata") or {}).get("annotations") or {}
    role_arn = told.get(f"{PREFIX}role-arn", "")
    if associated:
        way = _pod_identity()
    elif role_arn:
        way = _web_identity(role_arn, told.get(f"{PREFIX}audience", "sts.amazonaws.com"))
    else:
        return []
    metadata: Mapping[str, Any] = pod.get("metadata") or {}
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    seconds = _seconds(annotations, _seconds(told, LONGEST))
    if associated and seconds == LONGEST:
        seconds = jitter(JITTER_FROM, LONGEST)
    # Without a service account there is nothing that says "regional".
    regional = service_account is not None and _switch(told.get(f"{PREFIX}sts-regional-endpoints"), default=True)
    common = [("AWS_STS_REGIONAL_ENDPOINTS", "regional")] if regional else []
    changes: list[dict[str, Any]] = []
    if way.label:
        changes.append(_label(metadata))
    spec: Mapping[str, Any] = pod["spec"]
    if not any(volume["name"] == way.volume for volume in spec.get("volumes") or []):
        changes.append(_volume(spec, way, seconds))
    skipped = _skipped(annotations)
    token_file = way.token_file
    if "windows" in (
        (spec.get("nodeSelector") or {}).get(key) for key in ("beta.kubernetes.io/os", "kubernetes.io/os")
    ):
        token_file = "C:" + token_file.replace("/", "\\")
    for kind in ("containers", "initContainers"):
        if containers := spec.get(kind):
            changed = [
                each if each["name"] in skipped else _container(each, way, token_file, common, region)
                for each in containers
            ]
            changes.append({"op": "add", "path": f"/spec/{kind}", "value": changed})
    return changes


def _container(
    container: Mapping[str, Any], way: _Way, token_file: str, common: list[tuple[str, str]], region: str
) -> dict[str, Any]:
    env: list[dict[str, Any]] = list(container.get("env") or [])
    known = {variable["name"] for variable in env}
    added = [pair for pair in common if pair[0] not in known]
    if not known & {"AWS_REGION", "AWS_DEFAULT_REGION"}:
        added += [("AWS_DEFAULT_REGION", region), ("AWS_REGION", region)]
    if not known & way.variables.keys():
        added += [(name, token_file if name.endswith("_FILE") else value) for name, value in way.variables.items()]
    mounts: list[dict[str, Any]] = list(container.get("volumeMounts") or [])
    if not any(mount["name"] == way.volume for mount in mounts):
        mounts.append({"name": way.volume, "readOnly": True, "mountPath": way.directory})
    env += [{"name": name, "value": value} for name, value in added]
    return {**container, "env": env, "volumeMounts": mounts}


def _label(metadata: Mapping[str, Any]) -> dict[str, Any]:
    key = f"{PREFIX}pod-identity"
    if metadata.get("labels") is None:
        return {"op": "add", "path": "/metadata/labels", "value": {key: "enabled"}}
    return {"op": "add", "path": f"/metadata/labels/{key.replace('/', '~1')}", "value": "enabled"}


def _volume(spec: Mapping[str, Any], way: _Way, seconds: int) -> dict[str, Any]:
    source = {"audience": way.audience, "expirationSeconds": seconds, "path": way.file}
    volume = {"name": way.volume, "projected": {"sources": [{"serviceAccountToken": source}]}}
    if spec.get("volumes") is None:
        return {"op": "add", "path": "/spec/volumes", "value": [volume]}
    return {"op": "add", "path": "/spec/volumes/0", "value": volume}


def _seconds(annotations: Mapping[str, str], default: int) -> int:
    try:
        return max(LEAST, int(annotations[f"{PREFIX}token-expiration"]))
    except (KeyError, ValueError):
        return default


def _switch(text: str | None, *, default: bool) -> bool:
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    return default


def _skipped(annotations: Mapping[str, str]) -> set[str]:
    return {name for row in csv.reader([annotations.get(f"{PREFIX}skip-containers", "")]) for name in row}


def answer(review: Mapping[str, Any], changes: list[dict[str, Any]]) -> dict[str, Any]:
    """An AdmissionReview that lets the object in, changed."""
    response: dict[str, Any] = {"uid": review["request"]["uid"], "allowed": True}
    if changes:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(changes).encode()).decode()
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
