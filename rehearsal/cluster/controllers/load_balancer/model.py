"""What a group's Ingresses ask for, as AWS's resources: worked out without asking anybody but for Services."""

import ipaddress
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rehearsal.cluster.controllers.load_balancer.backends import FindService, TargetGroup, hashed, target_group
from rehearsal.cluster.controllers.load_balancer.groups import (
    ORDERS,
    PLAYED,
    PREFIX,
    Group,
    Object,
    Refused,
    annotations,
    key,
)
from rehearsal.cluster.controllers.load_balancer.settings import Settings

Action = dict[str, Any]
"""As boto3 takes it; a forward names its group by the id in TARGET, until there is an ARN."""

TARGET: Final = "target"
NOT_FOUND: Final[Action] = {
    "Type": "fixed-response",
    "FixedResponseConfig": {"ContentType": "text/plain", "StatusCode": "404"},
}
NO_SERVICE: Final[Action] = {
    "Type": "fixed-response",
    "FixedResponseConfig": {
        "ContentType": "text/plain",
        "MessageBody": "Backend service does not exist",
        "StatusCode": "503",
    },
}
LONGEST_NAME: Final = 32


@dataclass(frozen=True)
class Rule:
    """One rule of a listener; its priority is its place."""

    conditions: list[dict[str, Any]]
    actions: list[Action]


@dataclass
class Listener:
    """One port of the load balancer."""

    port: int
    protocol: str
    cidrs: list[str] = field(default_factory=list[str])
    """IPv4 ranges that may connect."""
    certificates: list[str] = field(default_factory=list[str])
    """The default one first; it may come twice."""
    default: list[Action] = field(default_factory=list[Action])
    rules: list[Rule] = field(default_factory=list[Rule])


@dataclass(frozen=True)
class Desired:
    """Everything of one load balancer."""

    name: str
    scheme: str
    security_group: str
    """Name of the managed security group."""
    listeners: list[Listener]
    target_groups: dict[str, TargetGroup]
    """By id."""


def build(group: Group, find: FindService, settings: Settings) -> Desired | None:
    """What the group's members ask for; None when it has none. Raises Refused."""
    if not group.members:
        return None
    for member in group.members:
        _check_annotations(member)
    listeners = _listeners(group.members)
    redirect = _redirect(group.members, listeners)
    target_groups: dict[str, TargetGroup] = {}

    def forward(ingress: Object, backend: Object) -> Action:
        made = target_group(group.id, ingress, backend, find, settings)
        if made is None:
            return NO_SERVICE
        target_groups[made.id] = made
        return {"Type": "forward", TARGET: made.id}

    for listener, members in listeners:
        if redirect is not None and listener.protocol == "HTTP":
            config = {"Port": str(redirect), "Protocol": "HTTPS", "StatusCode": "HTTP_301"}
            listener.default = [{"Type": "redirect", "RedirectConfig": config}]
            continue
        defaults = [each for each in members if each["spec"].get("defaultBackend")]
        if len(defaults) > 1:
            raise Refused(f"multiple ingress defined default backend: {', '.join(key(each) for each in defaults)}")
        listener.default = [forward(each, each["spec"]["defaultBackend"]) for each in defaults] or [NOT_FOUND]
        for ingress in members:
            listener.rules += _rules(ingress, forward)
    scheme = _scheme(group.members, settings)
    return Desired(
        _name(group, scheme, settings),
        scheme,
        hashed("k8s", group.id, settings.cluster, str(group.id)),
        [listener for listener, _ in listeners],
        target_groups,
    )


def _check_annotations(ingress: Object) -> None:
    found = annotations(ingress)
    unknown = sorted(found.keys() - PLAYED)
    if unknown:
        raise Refused(f"ingress: {key(ingress)}: {PREFIX}{unknown[0]} is not played here")
    try:
        order = int(found.get("group.order", "0"))
    except ValueError:
        order = None
    if order not in ORDERS:
        raise Refused(f"explicit Ingress group order must be within [-1000:1000], Ingress: {key(ingress)}")


def _one(members: Sequence[Object], name: str, what: str) -> str | None:
    """The one value that members give an annotation; raises Refused for two."""
    values = {annotations(each)[name] for each in members if name in annotations(each)}
    if len(values) > 1:
        raise Refused(f"conflicting {what}: {' '.join(sorted(values))}")
    return next(iter(values), None)


def _scheme(members: Sequence[Object], settings: Settings) -> str:
    scheme = _one(members, "scheme", "scheme") or settings.scheme
    if scheme not in ("internal", "internet-facing"):
        raise Refused(f"unknown scheme: {scheme}")
    return scheme


def _name(group: Group, scheme: str, settings: Settings) -> str:
    name = _one(group.members, "load-balancer-name", "load balancer name")
    if name is None:
        return hashed("k8s", group.id, settings.cluster, str(group.id), scheme)
    if len(name) > LONGEST_NAME:
        raise Refused("load balancer name cannot be longer than 32 characters")
    return name


def _listeners(members: Sequence[Object]) -> list[tuple[Listener, list[Object]]]:
    """The group's listeners by port, each with the members that ask for it."""
    found: dict[int, tuple[Listener, list[Object]]] = {}
    for ingress in members:
        certificates = _list(annotations(ingress).get("certificate-arn", ""))
        cidrs = _cidrs(ingress)
        for port, protocol in _ports(ingress, secure=bool(certificates)).items():
            listener, asking = found.setdefault(port, (Listener(port, protocol), []))
            if listener.protocol != protocol:
                raise Refused(f"failed to merge listenPort config for port: {port}: conflicting protocol")
            if cidrs and listener.cidrs and set(cidrs) != set(listener.cidrs):
                raise Refused(f"failed to merge listenPort config for port: {port}: conflicting inbound-cidrs")
            if protocol == "HTTPS":
                if not certificates:
                    raise Refused(f"ingress: {key(ingress)}: finding certificates by host name is not played here")
                _add_certificates(listener, certificates)
            listener.cidrs = listener.cidrs or cidrs
            asking.append(ingress)
    for listener, _ in found.values():
        listener.cidrs = listener.cidrs or ["0.0.0.0/0"]
    return [found[port] for port in sorted(found)]


def _add_certificates(listener: Listener, certificates: list[str]) -> None:
    """The first one becomes the default; that one may be added again beside it, as the real controller does."""
    if not listener.certificates:
        listener.certificates = certificates[:1]
        certificates = certificates[1:]
    listener.certificates += [each for each in certificates if each not in listener.certificates[1:]]


def _list(text: str) -> list[str]:
    return [part for each in text.split(",") if (part := each.strip())]


def _cidrs(ingress: Object) -> list[str]:
    """Inbound IPv4 ranges; the load balancers here have no IPv6 addresses."""
    found: list[str] = []
    for text in _list(annotations(ingress).get("inbound-cidrs", "")):
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            raise Refused(f"invalid inbound-cidrs settings on Ingress: {key(ingress)}: {error}") from error
        if network.version == 4:
            found.append(text)
    return found


def _ports(ingress: Object, *, secure: bool) -> dict[int, str]:
    text = annotations(ingress).get("listen-ports")
    if text is None:
        return {443: "HTTPS"} if secure else {80: "HTTP"}
    try:
        entries: list[dict[str, int]] = json.loads(text)
        found = {int(port): protocol for entry in entries for protocol, port in entry.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise Refused(f"failed to parse listen-ports configuration: `{text}`") from error
    if not found:
        raise Refused(f"empty listen-ports configuration: `{text}`")
    for port, protocol in found.items():
        if not 1 <= port <= 65535:
            raise Refused(f"listen port must be within [1, 65535]: {port}")
        if protocol not in ("HTTP", "HTTPS"):
            raise Refused(f"listen protocol must be within [HTTP, HTTPS]: {protocol}")
    return found


def _redirect(members: Sequence[Object], listeners: Sequence[tuple[Listener, list[Object]]]) -> int | None:
    text = _one(members, "ssl-redirect", "sslRedirect port")
    if text is None:
        return None
    protocols = {str(listener.port): listener.protocol for listener, _ in listeners}
    if text not in protocols:
        raise Refused(f"listener does not exist for SSLRedirect port: {text}")
    if protocols[text] != "HTTPS":
        raise Refused(f"listener protocol non-SSL for SSLRedirect port: {text}")
    return int(text)


def _rules(ingress: Object, forward: Callable[[Object, Object], Action]) -> list[Rule]:
    rules: list[Rule] = []
    for rule in ingress["spec"].get("rules") or []:
        paths: list[Object] = (rule.get("http") or {}).get("paths") or []
        for path in sorted(paths, key=_precedence):
            conditions = [_condition("host-header", "HostHeaderConfig", [rule["host"]])] if rule.get("host") else []
            if path.get("path"):
                conditions.append(_condition("path-pattern", "PathPatternConfig", _patterns(path)))
            if not conditions:
                conditions.append(_condition("path-pattern", "PathPatternConfig", ["/*"]))
            rules.append(Rule(conditions, [forward(ingress, path["backend"])]))
    return rules


def _condition(name: str, config: str, values: list[str]) -> dict[str, Any]:
    return {"Field": name, config: {"Values": values}}


def _precedence(path: Object) -> tuple[int, int]:
    """Exact paths first, then prefixes, the longer before the shorter, then all others as they stand."""
    match path.get("pathType", ""):
        case "Exact":
            return 0, 0
        case "Prefix":
            return 1, -len(path["path"])
        case _:
            return 2, 0


def _patterns(path: Object) -> list[str]:
    text, kind = path["path"], path.get("pathType", "ImplementationSpecific")
    if kind == "ImplementationSpecific":
        return [text]
    if kind == "Prefix" and text == "/":
        return ["/*"]
    if any(character in text for character in "*?"):
        raise Refused(f"{kind.lower()} path shouldn't contain wildcards: {text}")
    return [text] if kind == "Exact" else [text.removesuffix("/"), text.removesuffix("/") + "/*"]
