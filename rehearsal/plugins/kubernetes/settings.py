"""The provider's configuration: which cluster, and the switches that change what happens to objects."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from rehearsal.plugins.protocol import CheckFailure, InvalidPropertiesError, ProviderError

_SWITCHES: Final = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
}
"""Switches that are played, with the variables that set them where the program does not."""

_NAMES = ("cluster", "clusterIdentifier", "context", "kubeconfig", "namespace")
# They silence warnings that the stand-in never gives.
_SILENCERS = ("suppressDeprecationWarnings", "suppressHelmHookWarnings")
UNPLAYED = (
    "alwaysRender",
    "helmReleaseSettings",
    "kubeClientSettings",
    "renderYamlToDirectory",
    "skipUpdateUnreachable",
)
PLAYED = frozenset((*_NAMES, *_SWITCHES, *_SILENCERS, "enableServerSideApply"))
# The engine's own keys beside the configuration.
_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL", "parameterization"})


@dataclass(frozen=True)
class Settings:
    """What the provider was configured with."""

    kubeconfig: str = ""
    """JSON, YAML or a path; empty: $KUBECONFIG, else ~/.kube/config."""
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    """For objects that name none; empty: the kubeconfig's own, else "default"."""
    delete_unreachable: bool = False
    mutable_config_maps: bool = False
    mutable_secrets: bool = False
    patch_force: bool = False
    upsert: bool = False


@dataclass(frozen=True)
class Access:
    """One context of a kubeconfig: where the API server is and who enters."""

    server: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]
    namespace: str


def check(config: Mapping[str, Any]) -> None:
    """Raises InvalidPropertiesError for every key that is not played."""
    failures: list[CheckFailure] = []
    for key in config:
        if key in PLAYED or key in _ENGINE_KEYS or key.startswith("__"):
            continue
        if key in UNPLAYED:
            reason = f"The rehearsal does not play '{key}'. Leave it out, or run this stack on AWS."
        else:
            reason = f"'{key}' is not a setting of the provider. Known are {', '.join(sorted(PLAYED))}."
        failures.append(CheckFailure(key, reason))
    if _switch(config.get("enableServerSideApply"), "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY") is False:
        failures.append(
            CheckFailure("enableServerSideApply", "The rehearsal plays server-side apply alone. Leave it switched on.")
        )
    if failures:
        raise InvalidPropertiesError(failures)


def parse(config: Mapping[str, Any]) -> Settings:
    """Settings from checked configuration. Switches arrive as JSON in strings."""
    switches = {key: _switch(config.get(key), variable) is True for key, variable in _SWITCHES.items()}
    return Settings(
        kubeconfig=config.get("kubeconfig") or "",
        context=config.get("context") or "",
        cluster=config.get("cluster") or "",
        namespace=config.get("namespace") or "",
        delete_unreachable=switches["deleteUnreachable"],
        mutable_config_maps=switches["enableConfigMapMutable"],
        mutable_secrets=switches["enableSecretMutable"],
        patch_force=switches["enablePatchForce"],
        upsert=switches["upsertExistingObjects"],
    )


def _switch(value: Any, variable: str) -> bool | None:
    if value is None or value == "":
        value = os.environ.get(variable)
    return None if value is None else value is True or value == "true"


def access(settings: Settings) -> Access:
    """The kubeconfig's context that the settings choose. Raises ProviderError saying what is missing."""
    config = _load(settings.kubeconfig)
    name = settings.context or config.get("current-context") or ""
    context = _named(config, "contexts", "context", name) if name else {}
    cluster_name = settings.cluster or context.get("cluster") or ""
    cluster = _named(config, "clusters", "cluster", cluster_name)
    user = _named(config, "users", "user", context["user"]) if context.get("user") else {}
    server = cluster.get("server")
    if not isinstance(server, str):
        raise ProviderError(f"The kubeconfig's cluster '{cluster_name}' has no server. Give one.")
    return Access(server, cluster, user, settings.namespace or context.get("namespace") or "default")


def prove_on_this_machine(server: str) -> None:
    """Raises ProviderError unless the URL leads to a loopback address, written as one: names can lead anywhere."""
    host = urlsplit(server).hostname or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ProviderError(
            f"The kubeconfig leads to {server}, which is not on this machine. The rehearsal only enters "
            "clusters of its own: take the kubeconfig from the cluster that the program creates."
        )


def active_cluster(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The cluster's entry in the kubeconfig of a configuration; None where there is none to be found."""
    try:
        return access(parse(config)).cluster
    except ProviderError:
        return None


def _load(text: str) -> Mapping[str, Any]:
    if not text.lstrip().startswith("{") and "\n" not in text:
        text = _read(text)
    try:
        loaded = json.loads(text)
    except ValueError:
        import yaml  # only a kubeconfig that is no JSON needs it

        try:
            loaded = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ProviderError(f"The kubeconfig is neither JSON nor YAML: {error}. Correct it.") from error
    if not isinstance(loaded, dict):
        raise ProviderError("The kubeconfig holds no clusters. Give the provider one that does.")
    return cast("dict[str, Any]", loaded)


def _read(path: str) -> str:
    chosen = path or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    try:
        return Path(chosen).expanduser().read_text()
    except OSError as error:
        raise ProviderError(
            f"The kubeconfig {chosen} cannot be read: {error.strerror}. Give the provider a kubeconfig."
        ) from error


def _named(config: Mapping[str, Any], group: str, kind: str, name: str) -> Mapping[str, Any]:
    for entry in config.get(group) or []:
        if entry.get("name") == name:
            return entry.get(kind) or {}
    raise ProviderError(f"The kubeconfig has no {kind} '{name}'. Name one that it has.")
