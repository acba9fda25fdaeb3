"""Brings what the answers are computed from out of the API server, by the Kubernetes client.

The objects are taken as JSON: the client's typed models take longer to build
than thousands of roles take to evaluate.
"""

import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final
from urllib.parse import quote, urlencode

import yaml

from grading.requests import ResourceRequest
from operations.rbac.api_resources import Catalogue
from operations.rbac.identities import Identity
from operations.rbac.objects import BindingKind, Policy, RoleKind, binding, role

_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
_DISCOVERY: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
PAGE: Final = 500
"""Objects a page, as kubectl asks for."""
AT_ONCE: Final = 8
"""Requests under way at a time."""
TIMEOUT: Final = (5, 30)
"""Seconds to connect, and to wait for an answer."""


Send = Callable[[str, str, Mapping[str, str], Mapping[str, Any] | None], tuple[int, bytes]]
"""Sends a request (method, path, headers, body) and returns HTTP's status and the content; raises NotAsked."""


def version_in(told: Mapping[str, Any]) -> tuple[int, int]:
    """Kubernetes' major and minor version from the API server's answer about /version.

    An API server that behaves as an older one than it is (--emulated-version) says so; that one counts.
    """
    major, minor = (str(told.get(f"emulation{part}") or told[part.lower()]) for part in ("Major", "Minor"))
    return int(major), int("".join(takewhile(str.isdigit, minor)))


class NotAsked(Exception):
    """The API server could not be asked; the text says why and what to do. `status` is HTTP's, 0 without one."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Self:
    """Whom the API server takes the caller for."""

    identity: Identity
    uid: str
    extra: Mapping[str, tuple[str, ...]]


class Reader:
    """Asks one API server as one user; may be used from several threads."""

    def __init__(self, kubeconfig: Mapping[str, Any] | str) -> None:
        """A kubeconfig's content. Its credentials are got now; raises NotAsked when they are not to be had."""
        self._send = _by_client(kubeconfig)

    @classmethod
    def by(cls, send: Send) -> "Reader":
        """A reader of whatever answers these requests."""
        made = cls.__new__(cls)
        made._send = send
        return made

    def get(self, path: str, accept: str = "application/json") -> dict[str, Any]:
        """The answer to a GET; raises NotAsked."""
        return self._request("GET", path, {"Accept": accept})

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a POST; raises NotAsked."""
        return self._request("POST", path, {"Accept": "application/json", "Content-Type": "application/json"}, body)

    def policy(self) -> Policy:
        """Every role and binding; raises NotAsked, also when the caller may not list them."""
        roles: tuple[tuple[RoleKind, str], ...] = (("ClusterRole", "clusterroles"), ("Role", "roles"))
        bindings: tuple[tuple[BindingKind, str], ...] = (
            ("ClusterRoleBinding", "clusterrolebindings"),
            ("RoleBinding", "rolebindings"),
        )
        with ThreadPoolExecutor(AT_ONCE) as pool:
            listed = list(pool.map(self._list, [f"{_RBAC}/{plural}" for _, plural in (*roles, *bindings)]))
        return Policy(
            tuple(role(kind, item) for (kind, _), items in zip(roles, listed[:2], strict=True) for item in items),
            tuple(binding(kind, item) for (kind, _), items in zip(bindings, listed[2:], strict=True) for item in items),
        )

    def version(self) -> tuple[int, int]:
        """Kubernetes' major and minor version; raises NotAsked."""
        return version_in(self.get("/version"))

    def catalogue(self) -> Catalogue:
        """Every resource that the server serves; raises NotAsked."""
        with ThreadPoolExecutor(2) as pool:
            return Catalogue.of(pool.map(lambda path: self.get(path, _DISCOVERY), ("/api", "/apis")))

    def myself(self) -> Self:
        """The caller, by SelfSubjectReview; raises NotAsked."""
        kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        user = self.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", kind)["status"]["userInfo"]
        extra = {name: tuple(values) for name, values in (user.get("extra") or {}).items()}
        return Self(Identity(user["username"], tuple(user.get("groups") or ())), user.get("uid", ""), extra)

    def may_i(self, requests: Sequence[ResourceRequest]) -> list[bool]:
        """What the API server itself says to each, by SelfSubjectAccessReview; raises NotAsked."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._may_i, requests))

    def namespace_exists(self, name: str) -> bool:
        """Whether there is such a namespace; yes when the caller may not know."""
        return self._exists(f"/api/v1/namespaces/{quote(name, safe='')}")

    def account_exists(self, namespace: str, name: str) -> bool:
        """Whether there is such a service account; yes when the caller may not know."""
        return self._exists(f"/api/v1/namespaces/{quote(namespace, safe='')}/serviceaccounts/{quote(name, safe='')}")

    def _exists(self, path: str) -> bool:
        try:
            self.get(path)
        except NotAsked as error:
            if error.status == 403:
                return True
            if error.status == 404:
                return False
            raise
        return True

    def aws_auth(self) -> Mapping[str, str] | None:
        """The data of the ConfigMap aws-auth; None when the caller may not read it."""
        try:
            return self.get("/api/v1/namespaces/kube-system/configmaps/aws-auth").get("data") or {}
        except NotAsked as error:
            if error.status == 403:
                return None
            if error.status == 404:
                return {}
            raise

    def _may_i(self, request: ResourceRequest) -> bool:
        attributes = {
            "verb": request.verb,
            "group": request.group,
            "resource": request.resource,
            "subresource": request.subresource,
            "name": request.name,
            "namespace": request.namespace,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    def _list(self, path: str) -> list[dict[str, Any]]:
        try:
            return [item for page in self._pages(path) for item in page]
        except NotAsked as error:
            if error.status != 410:
                raise
        # The list grew too old while it was read: begin again, once.
        return [item for page in self._pages(path) for item in page]

    def _pages(self, path: str) -> Iterator[list[dict[str, Any]]]:
        more = ""
        while True:
            query = {"limit": str(PAGE), **({"continue": more} if more else {})}
            answer = self.get(f"{path}?{urlencode(query)}")
            yield answer.get("items") or []
            more = (answer.get("metadata") or {}).get("continue", "")
            if not more:
                return

    def _request(
        self, method: str, path: str, headers: dict[str, str], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        status, text = self._send(method, path, headers, body)
        if status >= 400:
            raise _refusal(method, path, status, text)
        return json.loads(text)


def _by_client(kubeconfig: Mapping[str, Any] | str) -> Send:
    from kubernetes import client, config  # a part of a second, and only this asks
    from urllib3.exceptions import HTTPError

    settings: Any = yaml.safe_load(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
    chosen: Any = client.Configuration()
    chosen.connection_pool_maxsize = AT_ONCE
    # A retry is reported on stderr, and what cannot be reached now is for the user to try again.
    chosen.retries = False
    made: Any = None
    with _logged_errors() as errors:
        try:
            made = config.new_client_from_config_dict(settings, client_configuration=chosen)
        except config.ConfigException as error:
            errors.append(str(error))
    if errors:
        raise NotAsked(f"The kubeconfig gave no credentials: {errors[0]}. Check that aws and its keys work.")

    def send(method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None) -> tuple[int, bytes]:
        try:
            call = made.param_serialize(
                method, path, header_params=dict(headers), body=body, auth_settings=["BearerToken"]
            )
            answer = made.call_api(*call, _request_timeout=TIMEOUT)
            return answer.status, answer.read()
        except (client.ApiException, HTTPError, OSError) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise NotAsked(f"The API server could not be asked: {reason}. Try again in a moment.") from error

    return send


@contextmanager
def _logged_errors() -> Generator[list[str]]:
    """What is logged as an error meanwhile, kept from stderr.

    The client logs that a kubeconfig's command failed, and goes on without credentials.
    """
    texts: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        texts.append(record.getMessage())
        return False

    logging.root.addFilter(keep)
    try:
        yield texts
    finally:
        logging.root.removeFilter(keep)


def _refusal(method: str, path: str, status: int, text: bytes) -> NotAsked:
    try:
        message = str(json.loads(text).get("message", ""))
    except ValueError:
        message = text.decode(errors="replace")[:200]
    if status == 401:
        return NotAsked("The API server does not know these credentials (401). Check who you are in AWS.", status)
    if status == 403:
        return NotAsked(f"You may not ask that: {message}. Use credentials that may read RBAC objects.", status)
    return NotAsked(f"The API server answered {status} to {method} {path}: {message}. Try again in a moment.", status)
