"""Target groups: one for each backend of each Ingress, with the names that the real controller gives."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.cluster.controllers.load_balancer.groups import GroupId, Object, Refused, annotations, key
from rehearsal.cluster.controllers.load_balancer.settings import Settings

FindService = Callable[[str, str], Object | None]
"""(namespace, name) → the Service, None when there is none."""


@dataclass(frozen=True)
class TargetGroup:
    """One backend of one Ingress."""

    id: str
    """Of the tag ingress.k8s.aws/resource: `namespace/ingress-service:port`."""
    name: str
    port: int
    codes: str
    """HTTP codes of a healthy target."""
    namespace: str
    service: str
    service_port: int | str
    """As the Ingress names it."""
    target_port: int | str
    """As the Service names it: a number, or the name of a port of its pods."""


def hashed(prefix: str, group: GroupId, *parts: str) -> str:
    """A name that is the same for the same things: the group's, shortened, and a part of a hash."""
    digest = hashlib.sha256("".join(parts).encode()).hexdigest()[:10]
    if group.explicit:
        return f"{prefix}-{plain(group.name)[:17]}-{digest}"
    return f"{prefix}-{plain(group.namespace)[:8]}-{plain(group.name)[:8]}-{digest}"


def plain(text: str) -> str:
    """Letters and digits alone."""
    return re.sub(r"[^0-9A-Za-z]", "", text)


def target_group(
    group: GroupId, ingress: Object, backend: Object, find: FindService, settings: Settings
) -> TargetGroup | None:
    """The target group of a backend; None when there is no such Service. Raises Refused."""
    asked, namespace = backend.get("service"), ingress["metadata"]["namespace"]
    if not asked:
        raise Refused(f'ingress: {key(ingress)}: missing required "service" field in backend')
    port = asked["port"].get("name") or asked["port"].get("number")
    if port == "use-annotation":
        raise Refused(f"ingress: {key(ingress)}: actions in annotations are not played here")
    kind = annotations(ingress).get("target-type", settings.target_type)
    if kind != "ip":
        raise Refused(f"ingress: {key(ingress)}: target-type {kind} is not played here, only ip")
    service = find(namespace, asked["name"])
    if service is None:
        return None
    target = _target_port(service, port, key(ingress))
    # A port that the Service names is looked up in each pod; the group's own number then means nothing.
    number = target if isinstance(target, int) else 1
    metadata = ingress["metadata"]
    digest = hashlib.sha256(
        "".join(
            (
                settings.cluster,
                str(group),
                metadata["namespace"],
                metadata["name"],
                service["metadata"]["uid"],
                str(port),
                str(number),
                kind,
                "HTTP",
                "HTTP1",
            )
        ).encode()
    ).hexdigest()[:10]
    return TargetGroup(
        id=f"{key(ingress)}-{asked['name']}:{port}",
        name=f"k8s-{plain(namespace)[:8]}-{plain(asked['name'])[:8]}-{digest}",
        port=number,
        codes=annotations(ingress).get("success-codes", "200"),
        namespace=namespace,
        service=asked["name"],
        service_port=port,
        target_port=target,
    )


def service_port(service: Object, port: int | str) -> Mapping[str, Any] | None:
    """A Service's port by its number or name."""
    for each in service["spec"].get("ports") or []:
        if port in (each["port"], each.get("name")):
            return each
    return None


def _target_port(service: Object, port: int | str, ingress: str) -> int | str:
    found = service_port(service, port)
    if found is None:
        name = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
        raise Refused(f"ingress: {ingress}: unable to find port {port} on service {name}")
    return found.get("targetPort", found["port"])
