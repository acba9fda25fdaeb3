"""Kubernetes objects put in place and taken away by plain requests, as somebody does it by hand."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import pytest
import yaml

from exercises.objects import Object, identity, rank
from grading.account_probes import collection
from grading.kube_api import ApiServer
from grading.outcomes import Done, HttpRefused

GOES_WITHIN: Final = 60.0
"""Seconds that a namespace may take to go."""

CLUSTER_SCOPED: Final = frozenset(
    {
        "Namespace",
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)
VERSIONS: Final[Mapping[str, str]] = {
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "ValidatingAdmissionPolicy": "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1",
    "Deployment": "apps/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
}
"""Kind → its API version; others are in the core group."""


def manifests(text: str) -> list[Object]:
    return [each for each in yaml.safe_load_all(text) if each]


def named(line: str) -> Object:
    """An object from `Kind/namespace/name`."""
    kind, namespace, name = line.split("/")
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind, "metadata": meta}


def _collection(each: Object) -> str:
    kind, namespace, _ = identity(each)
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    group, _, version = each["apiVersion"].rpartition("/")
    return collection(plural.lower(), "" if kind in CLUSTER_SCOPED else namespace, group, version)


class Cluster:
    """A cluster whose objects are changed by hand."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    def put(self, objects: Iterable[Object]) -> None:
        """Each as it is told here, whatever was there."""
        for each in sorted(objects, key=rank):
            self._put(each)

    def take(self, objects: Iterable[Object]) -> None:
        """None of them any more. Returns when they are gone."""
        gone = sorted(objects, key=rank, reverse=True)
        for each in gone:
            self._api.request("DELETE", self._path(each), {"gracePeriodSeconds": 0})
        until = time.monotonic() + GOES_WITHIN
        for each in gone:
            while not isinstance(self._api.request("GET", self._path(each)), HttpRefused):
                assert time.monotonic() < until, f"{identity(each)} does not go"
                time.sleep(0.1)

    def _path(self, each: Object) -> str:
        return f"{_collection(each)}/{each['metadata']['name']}"

    def _put(self, each: Object) -> None:
        made = self._api.request("POST", _collection(each), each)
        if isinstance(made, Done):
            return
        there = self._api.request("GET", self._path(each))
        if not isinstance(there, Done):
            pytest.fail(f"{identity(each)}: {made.shown}")
        if each["kind"] in ("Pod", "ServiceAccount"):
            return  # a pod cannot be changed, and an account has nothing to change
        kept = {key: there.value["metadata"][key] for key in ("resourceVersion", "uid")}
        finalizers = {"spec": there.value["spec"]} if each["kind"] == "Namespace" else {}
        body = {**each, **finalizers, "metadata": {**each["metadata"], **kept}}
        changed = self._api.request("PUT", self._path(each), body)
        if not isinstance(changed, Done):
            # A binding's role cannot be changed.
            self.take([each])
            again = self._api.request("POST", _collection(each), each)
            assert isinstance(again, Done), f"{identity(each)}: {changed.shown}; {again.shown}"


def others(objects: Iterable[Object], stay: Iterable[Object]) -> Iterator[Object]:
    """Those that are not among the ones that stay."""
    kept = {identity(each) for each in stay}
    return (each for each in objects if identity(each) not in kept)
