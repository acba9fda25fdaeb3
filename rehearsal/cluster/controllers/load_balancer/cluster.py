"""The API server, as this controller's account sees it: plain objects, and only what the chart's rules allow."""

import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kubernetes import client, config

from rehearsal.cluster.controllers.load_balancer.groups import Object, key

INGRESSES: Final = "/apis/networking.k8s.io/v1/ingresses"
CLASSES: Final = "/apis/networking.k8s.io/v1/ingressclasses"
SLICES: Final = "/apis/discovery.k8s.io/v1/endpointslices"
BINDINGS: Final = "/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings"
TIMEOUT: Final = 30
"""Seconds for one answer."""
COMPONENT: Final = "ingress"
"""Source of the events."""


class ApiError(Exception):
    """The API server refused."""

    def __init__(self, status: int, message: str) -> None:
        """`status` of HTTP."""
        super().__init__(message)
        self.status = status


def connect() -> str:
    """Configure the client as a pod does, or by a kubeconfig that the environment names; gives the own namespace."""
    try:
        config.load_incluster_config()
        return Path(config.incluster_config.SERVICE_TOKEN_FILENAME).with_name("namespace").read_text().strip()
    except (config.ConfigException, OSError):
        config.load_kube_config()
        _, current = config.list_kube_config_contexts()
        return current["context"].get("namespace", "default")


class Cluster:
    """Reads and changes objects."""

    def __init__(self) -> None:
        """`connect` has been called."""
        self._client = client.ApiClient()
        self._events: dict[tuple[str, str, str], Object] = {}

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One request; a PATCH is a JSON merge patch. Raises ApiError."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Accept": "application/json", "Content-Type": kind}
        call = self._client.param_serialize(
            method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        answer = self._client.call_api(*call, _request_timeout=TIMEOUT)
        text = answer.read()
        if answer.status >= 400:
            try:
                message = json.loads(text)["message"]
            except (ValueError, KeyError, TypeError):
                message = f"{method} {path}: {answer.status}"
            raise ApiError(answer.status, message)
        return json.loads(text)

    def listed(self, path: str) -> list[dict[str, Any]]:
        """Every object of a kind."""
        return self.request("GET", path)["items"]

    def found(self, path: str) -> dict[str, Any] | None:
        """One object; None when there is none."""
        try:
            return self.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def classes(self) -> dict[str, Object]:
        """The IngressClasses by name."""
        return {each["metadata"]["name"]: each for each in self.listed(CLASSES)}

    def service(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A Service; None when there is none."""
        return self.found(f"/api/v1/namespaces/{namespace}/services/{name}")

    def add_finalizer(self, path: str, found: Object, finalizer: str) -> None:
        """Have an object hold a finalizer; raises ApiError when it has been changed meanwhile, or is gone.

        Nothing may be made for an object that does not hold it: nobody would take that away again.
        """
        held: list[str] = found["metadata"].get("finalizers") or []
        if finalizer not in held:
            self._set_finalizers(path, found, [*held, finalizer])

    def remove_finalizer(self, path: str, found: Object, finalizer: str) -> None:
        """Have an object hold a finalizer no longer."""
        held: list[str] = found["metadata"].get("finalizers") or []
        if finalizer in held:
            try:
                self._set_finalizers(path, found, [each for each in held if each != finalizer])
            except ApiError as error:
                # An object that is gone holds none.
                if error.status != 404:
                    raise

    def _set_finalizers(self, path: str, found: Object, finalizers: list[str]) -> None:
        # The version: a list is replaced whole, and somebody else may have added to it.
        version = found["metadata"]["resourceVersion"]
        self.request("PATCH", path, {"metadata": {"finalizers": finalizers, "resourceVersion": version}})

    def set_host(self, ingress: Object, host: str, ports: Iterable[int]) -> bool:
        """Publish the load balancer's name in an Ingress; whether that changed anything."""
        wanted = [{"hostname": host, "ports": [{"port": port, "protocol": "TCP"} for port in sorted(ports)]}]
        current: list[Object] = (ingress.get("status") or {}).get("loadBalancer", {}).get("ingress") or []
        if [each.get("hostname") for each in current] == [host]:
            return False
        self.request("PATCH", f"{path_of(ingress)}/status", {"status": {"loadBalancer": {"ingress": wanted}}})
        return True

    def event(self, about: Object, kind: str, reason: str, message: str) -> None:
        """Tell something about an object, `kind` Normal or Warning; the same thing again is counted."""
        metadata = about["metadata"]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = f"/api/v1/namespaces/{metadata['namespace']}/events"
        told = (metadata["uid"], reason, message)
        try:
            if before := self._events.get(told):
                count = {"count": before["count"] + 1, "lastTimestamp": now}
                self._events[told] = self.request("PATCH", f"{path}/{before['metadata']['name']}", count)
                return
            made = {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "name": f"{metadata['name']}.{secrets.token_hex(8)}",
                    "namespace": metadata["namespace"],
                },
                "involvedObject": {
                    "apiVersion": about["apiVersion"],
                    "kind": about["kind"],
                    "name": metadata["name"],
                    "namespace": metadata["namespace"],
                    "uid": metadata["uid"],
                },
                "type": kind,
                "reason": reason,
                "message": message[:1024],
                "source": {"component": COMPONENT},
                "count": 1,
                "firstTimestamp": now,
                "lastTimestamp": now,
            }
            self._events[told] = self.request("POST", path, made)
        except ApiError as error:
            # A namespace that is going takes no events, and the work is not to fail for one.
            self._events.pop(told, None)
            print(f"event {reason} of {key(about)}: {error}", flush=True)


def path_of(found: Object) -> str:
    """Where the API server keeps an Ingress or a TargetGroupBinding."""
    metadata = found["metadata"]
    base = BINDINGS if found["kind"] == "TargetGroupBinding" else INGRESSES
    root, _, plural = base.rpartition("/")
    return f"{root}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"
