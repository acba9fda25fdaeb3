"""The environment of a container: what its spec says, and how it finds its API server.

Nothing of the environment of whoever runs the rehearsal gets in.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.cluster.kubelet.errors import NotStarted
from rehearsal.cluster.kubelet.objects import Sources, field_of

_REFERENCE = re.compile(r"\$(?:\$|\(([^()$]+)\))")


def expand(text: str, env: Mapping[str, str]) -> str:
    """Put variables into a text: $(NAME) for one that is set, and $$ for a dollar sign."""

    def value(found: re.Match[str]) -> str:
        if found[1] is None:
            return "$"
        return env.get(found[1], found[0])

    return _REFERENCE.sub(value, text)


def service_variables(host: str, port: int) -> dict[str, str]:
    """What a kubelet says of the Service `kubernetes`, for an API server at that address."""
    address = f"tcp://{host}:{port}"
    prefix = f"KUBERNETES_PORT_{port}_TCP"
    return {
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": str(port),
        "KUBERNETES_SERVICE_PORT_HTTPS": str(port),
        "KUBERNETES_PORT": address,
        prefix: address,
        f"{prefix}_PROTO": "tcp",
        f"{prefix}_PORT": str(port),
        f"{prefix}_ADDR": host,
    }


async def container_variables(
    pod: Mapping[str, Any], container: Mapping[str, Any], services: Mapping[str, str], sources: Sources
) -> dict[str, str]:
    """The variables of a container; those of services give way to the container's own. Raises NotStarted."""
    env: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        values = await _all_of(source, sources)
        env |= {source.get("prefix", "") + key: value.decode(errors="replace") for key, value in values.items()}
    for variable in container.get("env") or []:
        name = variable["name"]
        if "valueFrom" in variable:
            value = await _value_from(pod, variable["valueFrom"], sources)
            if value is not None:
                env[name] = value
        else:
            env[name] = expand(variable.get("value", ""), {**services, **env})
    return {**services, **env}


async def _all_of(source: Mapping[str, Any], sources: Sources) -> Mapping[str, bytes]:
    if reference := source.get("configMapRef"):
        return await sources.config_map(reference["name"], reference.get("optional", False)) or {}
    if reference := source.get("secretRef"):
        return await sources.secret(reference["name"], reference.get("optional", False)) or {}
    return {}


async def _value_from(pod: Mapping[str, Any], source: Mapping[str, Any], sources: Sources) -> str | None:
    if reference := source.get("fieldRef"):
        return field_of(pod, reference["fieldPath"])
    if reference := source.get("configMapKeyRef"):
        found = await sources.config_map(reference["name"], reference.get("optional", False))
        return _key(found, reference, "ConfigMap", pod)
    if reference := source.get("secretKeyRef"):
        found = await sources.secret(reference["name"], reference.get("optional", False))
        return _key(found, reference, "Secret", pod)
    kinds = ", ".join(source)
    raise NotStarted("CreateContainerConfigError", f"the rehearsal does not play environment from {kinds}")


def _key(
    values: Mapping[str, bytes] | None, reference: Mapping[str, Any], kind: str, pod: Mapping[str, Any]
) -> str | None:
    if values is not None and reference["key"] in values:
        return values[reference["key"]].decode(errors="replace")
    if reference.get("optional", False):
        return None
    where = f"{pod['metadata']['namespace']}/{reference['name']}"
    raise NotStarted("CreateContainerConfigError", f"couldn't find key {reference['key']} in {kind} {where}")


def expand_all(argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """A command line with its variables put in."""
    return [expand(argument, env) for argument in argv]
