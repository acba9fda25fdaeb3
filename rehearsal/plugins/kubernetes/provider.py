"""The provider: its configuration, its way to the cluster, and which handler plays which type."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

from rehearsal.plugins.kubernetes import settings, tokens
from rehearsal.plugins.properties import UNKNOWN, Properties, changes
from rehearsal.plugins.protocol import (
    Context,
    Diff,
    Provider,
    ProviderError,
    Resource,
    UnknownTokenError,
)

if TYPE_CHECKING:
    from rehearsal.plugins.kubernetes.client import Client

_WAY_TO_CLUSTER = ("kubeconfig", "context", "cluster")
_IDENTIFIER = "clusterIdentifier"


class KubernetesProvider(Provider):
    """One cluster."""

    name = "kubernetes"

    def __init__(self) -> None:
        self.version = metadata.version("pulumi-kubernetes")
        self.settings = settings.Settings()
        self._client: Client | None = None
        self._lock = threading.Lock()
        self._warned: set[str] = set()

    def check_config(self, ctx: Context, old: Properties | None, new: Properties) -> Properties:
        """Refuse what is not played."""
        del ctx, old
        settings.check(new)
        return new

    def diff_config(self, ctx: Context, old: Properties, new: Properties) -> Diff:
        """Another cluster replaces the provider and so every object; other changes do not."""
        del ctx
        found = changes(old, new)
        moved = self._moved(old, new, {change.path[0] for change in found})
        return Diff([replace(change, replace=change.path[0] in moved) for change in found])

    def configure(self, ctx: Context, config: Properties) -> None:
        """Note the settings; the cluster is asked nothing until an object needs it."""
        del ctx
        settings.check(config)
        self.settings = settings.parse(config)

    def resource(self, token: str) -> Resource:
        """Handlers of a kind, or of a Helm release."""
        if token == tokens.RELEASE:
            from rehearsal.plugins.kubernetes.release import Release

            return Release(self)
        kind = tokens.object_kind(token)
        from rehearsal.plugins.kubernetes.objects import KubernetesObject

        return KubernetesObject(kind, self)

    def invoke(self, ctx: Context, token: str, args: Properties) -> Properties:
        """No function is played: they render charts and YAML, which the program can do."""
        del ctx, args
        raise UnknownTokenError("kubernetes", "function", token)

    def client(self) -> Client:
        """The API server's client, made on first use."""
        from rehearsal.plugins.kubernetes import client

        with self._lock:
            if self._client is None:
                patience = client.PATIENCE / 3 if self.settings.delete_unreachable else client.PATIENCE
                self._client = client.Client(settings.access(self.settings), patience)
            return self._client

    def default_namespace(self) -> str:
        """The configured namespace, the kubeconfig's, or "default"; "" without a readable kubeconfig."""
        try:
            return settings.access(self.settings).namespace
        except ProviderError:
            return ""

    def warn_once(self, ctx: Context, text: str) -> None:
        """The first warning is shown; those after it would say the same of other objects."""
        with self._lock:
            if self._warned:
                return
            self._warned.add(text)
        ctx.log(text, "warning")

    @staticmethod
    def _moved(old: Mapping[str, Any], new: Mapping[str, Any], changed: set[Any]) -> set[str]:
        """The settings through which the provider now means another cluster (provider.go, DiffConfig)."""
        before, after = old.get(_IDENTIFIER), new.get(_IDENTIFIER)
        if before and after:
            return {_IDENTIFIER} if before != after else set()
        unknown = {key for key in _WAY_TO_CLUSTER if new.get(key) is UNKNOWN}
        if unknown:
            return unknown
        one, other = settings.active_cluster(old), settings.active_cluster(new)
        if one is not None and other is not None and one != other:
            return changed & set(_WAY_TO_CLUSTER)
        return set()
