"""What a killed update had begun inside the cluster, asked of its API server.

The engine's state says of an object neither whether it is there nor under which field manager it was applied: with
another one, the next change of it would be a conflict. Of a Helm release it does not tell where Helm stands. Helm
keeps each revision in a Secret, and refuses a release whose last revision is pending: "another operation is in
progress", "cannot re-use a name that is still in use" (helm.sh/helm/v3 3.18, pkg/action/upgrade.go and install.go).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, Final, cast

from grading.aws_api import Boto
from grading.endpoint import Endpoint, certificate_file
from grading.kube_api import ApiServer, Client
from grading.outcomes import Done, HttpRefused, Unanswered
from grading.tokens import for_cluster
from stacks.errors import CannotAsk

PROVIDER: Final = "pulumi:providers:kubernetes"
HALF_INSTALLED: Final = frozenset({"pending-install", "uninstalling"})
"""Only uninstalling such a release leads on."""

HALF_CHANGED: Final = frozenset({"pending-upgrade", "pending-rollback"})
"""The revision before such a one counts as soon as this one is forgotten."""

NOT_FOUND: Final = 404
_MANAGER: Final = "pulumi-kubernetes-"
_CANNOT: Final = "An update was cut off, and the cluster cannot be asked: {}."


@dataclass(frozen=True)
class Revision:
    """The last revision of a Helm release, as the labels of its Secret tell."""

    number: int
    status: str
    namespace: str
    secret: str


class Cluster:
    """An API server that a Kubernetes provider in the state leads to."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    def prove(self) -> None:
        """Raises CannotAsk unless the API server answers."""
        self._get("/version")

    def manager(self, inputs: Mapping[str, Any]) -> str | None:
        """The provider's field manager of the object with these inputs; None where there is no such object.

        Empty where the object is there and not by the provider.
        """
        thing = self._object(inputs)
        if thing is None:
            return None
        managers = [each.get("manager", "") for each in thing["metadata"].get("managedFields", [])]
        return next((each for each in managers if each.startswith(_MANAGER)), "")

    def is_going(self, inputs: Mapping[str, Any]) -> bool:
        """Whether the object with these inputs is being deleted and still there."""
        thing = self._object(inputs)
        return thing is not None and "deletionTimestamp" in thing["metadata"]

    def read(self, inputs: Mapping[str, Any]) -> Any:
        """The object with these inputs as it is, in the API's JSON form; None where there is no such object."""
        return self._object(inputs)

    def would_be(self, inputs: Mapping[str, Any]) -> Any:
        """The object as the API server would make it of these inputs, defaults and webhooks included (a dry run).

        None where it would not make it.
        """
        path = self._collection(inputs)
        names = {key: value for key, value in inputs["metadata"].items() if key != "name"}
        # Under a name of its own: the object itself may stand.
        meta = {**names, "generateName": f"{inputs['metadata']['name']}-"}
        outcome = self._api.request("POST", f"{path}?dryRun=All", {**inputs, "metadata": meta}) if path else None
        return outcome.value if isinstance(outcome, Done) else None

    def remove(self, inputs: Mapping[str, Any]) -> None:
        """Delete the object with these inputs, at once where it is a pod. Raises CannotAsk."""
        path = f"{self._collection(inputs)}/{inputs['metadata']['name']}"
        self._ask("DELETE", path, {"gracePeriodSeconds": 0} if inputs["kind"] == "Pod" else None)

    def _object(self, inputs: Mapping[str, Any]) -> Any:
        path = self._collection(inputs)
        return self._get(f"{path}/{(inputs.get('metadata') or {}).get('name')}") if path else None

    def _collection(self, inputs: Mapping[str, Any]) -> str:
        """Path of all objects of the kind of these inputs in their namespace; empty where there is no such kind."""
        version, kind = str(inputs.get("apiVersion")), str(inputs.get("kind"))
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        served = self._get(base) or {}
        found = [each for each in served.get("resources", []) if each["kind"] == kind and "/" not in each["name"]]
        if not found:
            return ""
        names = cast("Mapping[str, str]", inputs.get("metadata") or {})
        where = f"/namespaces/{names.get('namespace') or 'default'}" if found[0]["namespaced"] else ""
        return f"{base}{where}/{found[0]['name']}"

    def last_revision(self, release: Mapping[str, Any]) -> Revision | None:
        """The last revision of the release with these inputs; None where Helm has none."""
        namespace = release.get("namespace") or "default"
        wanted = f"owner%3Dhelm,name%3D{release.get('name')}"
        found = self._get(f"/api/v1/namespaces/{namespace}/secrets?labelSelector={wanted}") or {}
        labels = [(each["metadata"]["labels"], each["metadata"]["name"]) for each in found.get("items", [])]
        revisions = [Revision(int(of["version"]), of["status"], str(namespace), name) for of, name in labels]
        return max(revisions, key=lambda each: each.number, default=None)

    def forget(self, revision: Revision) -> None:
        """Delete a revision's Secret, so that for Helm it never was. Raises CannotAsk."""
        self._ask("DELETE", f"/api/v1/namespaces/{revision.namespace}/secrets/{revision.secret}")

    def _get(self, path: str) -> Any:
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer, None where there is no such thing. Raises CannotAsk."""
        outcome = self._api.request(method, path, body)
        if isinstance(outcome, Done):
            return outcome.value
        if isinstance(outcome, HttpRefused) and outcome.status == NOT_FOUND:
            return None
        raise CannotAsk(_CANNOT.format(outcome.shown))


@contextmanager
def opened(kubeconfig: str) -> Generator[Cluster]:
    """The cluster that a kubeconfig of EKS leads to. Raises CannotAsk."""
    try:
        endpoint = Endpoint.of(kubeconfig)
    except ValueError as error:
        raise CannotAsk(_CANNOT.format(error)) from error
    region, name = endpoint.option("--region") or "", endpoint.option("--cluster-name") or ""
    aws = Boto(region, endpoint.option("--profile"), endpoint.option("--role"))
    key = aws.operator_key()
    if isinstance(key, Unanswered):
        raise CannotAsk(_CANNOT.format(key.reason))
    token = for_cluster(key, name, region=region, sts=aws.sts)
    with certificate_file(endpoint) as ca_file:
        yield Cluster(Client(endpoint, ca_file, lambda: token, Event()))


def kubeconfig_of(resource: Mapping[str, Any], deployment: Mapping[str, Any]) -> str:
    """The kubeconfig by which the engine reaches a Kubernetes resource; empty where the state does not tell it."""
    provider = str(resource.get("provider", "")).rpartition("::")[0]
    for each in deployment.get("resources") or []:
        if each["urn"] == provider and each["type"] == PROVIDER:
            known: object = (each.get("inputs") or {}).get("kubeconfig")
            return known if isinstance(known, str) else ""
    return ""
