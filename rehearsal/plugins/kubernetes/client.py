"""Requests to one API server, in a way that survives its restart.

Only what the provider asks for: reading, server-side apply and deletion of
objects of any kind. The server's own words reach the user in every error.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

import urllib3

from rehearsal.plugins.kubernetes.api import (
    ApiError,
    Object,
    Served,
    UnknownKindError,
    UnreachableError,
)
from rehearsal.plugins.kubernetes.credentials import Credentials, tls_context
from rehearsal.plugins.kubernetes.settings import Access, prove_on_this_machine
from rehearsal.plugins.kubernetes.tokens import ObjectKind
from rehearsal.plugins.protocol import CancelledError, Context, ProviderError

PATIENCE = 30.0
"""Seconds that a server which does not answer is waited for: a restarted one takes about three."""

_PAUSE = 0.25
_TELL_EVERY = 1.0
_CONNECTIONS = 32
_TIMEOUT = urllib3.Timeout(connect=5.0, read=60.0)
_RETRIED = frozenset({429, 502, 503, 504})
_UNAUTHORIZED, _NOT_FOUND, _CONFLICT = 401, 404, 409


class Client:
    """One API server, entered as one user. Safe to use from many threads."""

    def __init__(self, access: Access, patience: float = PATIENCE) -> None:
        """Raises ProviderError when the server is not on this machine."""
        prove_on_this_machine(access.server)
        self.namespace = access.namespace
        self._server = access.server.rstrip("/")
        self._credentials = Credentials(access.user)
        self._patience = patience
        self._gone = ""
        self._served: dict[str, dict[str, Served]] = {}
        self._discovery = threading.Lock()
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS, ssl_context=tls_context(access), timeout=_TIMEOUT, retries=False
        )

    # -- objects

    def get(self, kind: ObjectKind, namespace: str | None, name: str, ctx: Context) -> Object | None:
        """The object, None when there is none. Raises UnknownKindError, ApiError, UnreachableError."""
        try:
            return self._request("GET", self._path(kind, namespace, name, ctx), ctx)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def listed(self, kind: ObjectKind, namespace: str | None, selector: str, ctx: Context) -> list[Object]:
        """Objects by label selector."""
        path = self._path(kind, namespace, "", ctx)
        answer = self._request("GET", path, ctx, query={"labelSelector": selector})
        return list(answer.get("items") or [])

    def apply(
        self,
        kind: ObjectKind,
        obj: Object,
        manager: str,
        ctx: Context,
        *,
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply: the fields given become the manager's, those that it had before and gave up go."""
        meta = obj["metadata"]
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        path = self._path(kind, meta.get("namespace"), meta["name"], ctx)
        return self._request("PATCH", path, ctx, query=query, body=obj, content="application/apply-patch+yaml")

    def delete(self, kind: ObjectKind, namespace: str | None, name: str, propagation: str, ctx: Context) -> bool:
        """Ask for deletion. False when there is nothing to delete."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        try:
            self._request("DELETE", self._path(kind, namespace, name, ctx), ctx, body=body)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return False
            raise
        return True

    # -- kinds

    def served(self, kind: ObjectKind, ctx: Context) -> Served:
        """How the server offers the kind. Raises UnknownKindError."""
        with self._discovery:
            group = self._served.get(kind.api_version)
            if group is None or kind.kind not in group:
                group = self._discover(kind.api_version, ctx)
                self._served[kind.api_version] = group
        if kind.kind not in group:
            raise UnknownKindError(
                f'no matches for kind "{kind.kind}" in version "{kind.api_version}". '
                "Verify that any required CRDs have been created."
            )
        return group[kind.kind]

    def _discover(self, api_version: str, ctx: Context) -> dict[str, Served]:
        root = "apis" if "/" in api_version else "api"
        try:
            answer = self._request("GET", f"/{root}/{api_version}", ctx)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return {}
            raise
        resources = cast("list[Mapping[str, Any]]", answer.get("resources") or [])
        return {r["kind"]: Served(r["name"], r["namespaced"]) for r in resources if "/" not in r["name"]}

    def _path(self, kind: ObjectKind, namespace: str | None, name: str, ctx: Context) -> str:
        served = self.served(kind, ctx)
        parts = ["apis" if kind.group else "api", *kind.api_version.split("/")]
        if served.namespaced:
            parts += ["namespaces", namespace or self.namespace]
        parts.append(served.plural)
        if name:
            parts.append(name)
        return "/" + "/".join(quote(part, safe="") for part in parts)

    # -- the wire

    def _request(
        self,
        method: str,
        path: str,
        ctx: Context,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content: str = "application/json",
    ) -> Object:
        """One request, repeated while the server is away or overloaded: each kind of request may be repeated."""
        url = self._server + path
        if query:
            url += "?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
        started = told = time.monotonic()
        renewed = False
        while True:
            if self._gone:
                raise UnreachableError(self._gone)
            header = self._credentials.header()
            status, answer, fault = self._send(method, url, body, {**header, "Content-Type": content})
            if status == _UNAUTHORIZED and not renewed and self._credentials.forget(header):
                renewed = True
                continue
            if status and status not in _RETRIED:
                if status >= 400:
                    raise ApiError(status, answer)
                return answer
            waited = time.monotonic() - started
            if waited > self._patience:
                if status:
                    raise ApiError(status, answer)
                self._gone = (
                    f"The Kubernetes API server at {self._server} has not answered for {waited:.0f} s: {fault}. "
                    "Look whether the cluster is running, then try again."
                )
                raise UnreachableError(self._gone)
            if time.monotonic() - told > _TELL_EVERY:
                told = time.monotonic()
                ctx.status(f"waiting for the API server ({waited:.0f} s): {answer.get('message') or fault}")
            if ctx.cancelled.wait(_PAUSE):
                raise CancelledError("Waiting for the API server was cancelled. Run the update again.")

    def _send(self, method: str, url: str, body: Object | None, headers: dict[str, str]) -> tuple[int, Object, str]:
        """Status (0: no answer), the server's object, and why there was no answer."""
        data = None if body is None else json.dumps(body)
        try:
            response = self._pool.request(method, url, body=data, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args):
                raise ProviderError(
                    f"The API server at {self._server} is not the one that the kubeconfig means: {error}. "
                    "Take a fresh kubeconfig."
                ) from error
            return 0, {}, str(error)
        try:
            answer = json.loads(response.data)
        except ValueError:
            answer = {"message": response.data.decode(errors="replace").strip()}
        return response.status, answer, ""
