"""What the rehearsal refuses of the resources that a program registers.

The provider plug-in for Kubernetes is the real one and enters whatever cluster its kubeconfig names. The rehearsal may
only enter its own clusters, so each provider's kubeconfig is looked at before the engine starts the provider with it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import pulumi
import yaml
from pulumi.runtime import register_resource_transform
from pulumi.runtime.rpc import unwrap_rpc_secret

PROVIDER: Final = "pulumi:providers:kubernetes"

Endpoints = Callable[[], Collection[str]]
"""Tells the URLs of the API servers that belong to the rehearsal now."""


class ForeignClusterError(Exception):
    """A Kubernetes provider was led to a cluster that is not the rehearsal's own."""


def register(endpoints: Endpoints, refused: Callable[[str], object]) -> None:
    """Register all transforms for the rest of this program; called by the program before its first resource.

    `refused` gets the plain reason why a resource was refused: the engine wraps it into a Python trace.
    """

    async def guard(args: pulumi.ResourceTransformArgs) -> None:
        if args.type_ != PROVIDER:
            return
        kubeconfig: object = args.props.get("kubeconfig")
        if isinstance(kubeconfig, pulumi.Output):
            # It is one where it rests on another resource or is a secret.
            known = cast("pulumi.Output[object]", kubeconfig)
            kubeconfig = await known.future() if await known.is_known() else None
        try:
            prove_own(unwrap_rpc_secret(kubeconfig), endpoints)
        except ForeignClusterError as error:
            refused(f"{args.name}: {error}")
            raise

    # The SDK awaits it; its type says only that it may return something.
    register_resource_transform(cast("pulumi.ResourceTransform", guard))


def prove_own(kubeconfig: object, endpoints: Endpoints) -> None:
    """Raises ForeignClusterError unless every cluster in a kubeconfig is the rehearsal's own.

    The kubeconfig is text, a file's name or an object, as the provider takes it. One that is not known yet, or is not
    given, passes: a provider without one finds no cluster (see `recovery.launcher`).
    """
    if not isinstance(kubeconfig, str | Mapping) or not kubeconfig:
        return
    own: Collection[str] | None = None
    for cluster in _clusters(cast("str | Mapping[str, Any]", kubeconfig)):
        server = str(cluster.get("server", ""))
        if cluster.get("proxy-url"):
            raise ForeignClusterError(
                f"Its kubeconfig reaches {server} through a proxy. The rehearsal's clusters need none: leave it out."
            )
        if not _is_on_loopback(server):
            raise ForeignClusterError(
                f"Its kubeconfig leads to {server}, which is not on this machine. The rehearsal enters its own "
                "clusters only: take the kubeconfig of the cluster that the program creates."
            )
        own = endpoints() if own is None else own
        if server.rstrip("/") not in {each.rstrip("/") for each in own}:
            raise ForeignClusterError(
                f"Its kubeconfig leads to {server}, which is no cluster of the rehearsal. Take the kubeconfig of the "
                "cluster that the program creates."
            )


def _clusters(kubeconfig: str | Mapping[str, Any]) -> list[Mapping[str, Any]]:
    config: object = kubeconfig
    if isinstance(kubeconfig, str):
        try:
            if "\n" not in kubeconfig and not kubeconfig.lstrip().startswith("{"):
                kubeconfig = Path(kubeconfig).expanduser().read_text()
            config = yaml.safe_load(kubeconfig)
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise ForeignClusterError(
                f"Its kubeconfig cannot be read ({' '.join(str(error).split())}). Give one as JSON, YAML or a file."
            ) from error
    try:
        return [each["cluster"] for each in cast("Mapping[str, Any]", config)["clusters"]]
    except (KeyError, TypeError) as error:
        raise ForeignClusterError("Its kubeconfig names no clusters. Give one that does.") from error


def _is_on_loopback(server: str) -> bool:
    """Whether the URL has a loopback address, written as one: a name can lead anywhere."""
    try:
        return ipaddress.ip_address(urlsplit(server).hostname or "").is_loopback
    except ValueError:
        return False
