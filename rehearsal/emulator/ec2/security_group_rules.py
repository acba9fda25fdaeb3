"""Security group rules, one for each peer, each only once.

AWS makes a rule with an id of its own for every range and group that is
named, refuses one that is there already, and shows rules of the same ports
together. ministack keeps what was sent as one rule and takes it twice.
"""

import ipaddress
from typing import Any, Final, NamedTuple

from rehearsal.emulator.ec2.call import Action, Call
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.ministack import Backend


class Peer(NamedTuple):
    """Where a kind of peer stands in a permission."""

    member: str
    """As boto3 names it."""
    wire: str
    """As it is sent."""
    key: str
    """What tells one peer from another."""


PEERS: Final = (
    Peer("IpRanges", "IpRanges", "CidrIp"),
    Peer("Ipv6Ranges", "Ipv6Ranges", "CidrIpv6"),
    Peer("UserIdGroupPairs", "Groups", "GroupId"),
    Peer("PrefixListIds", "PrefixListIds", "PrefixListId"),
)
PROTOCOLS: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
"""Protocol numbers that EC2 turns into names."""

Rule = dict[str, Any]
"""A permission with exactly one peer."""
Identity = tuple[str, int, int, str, str]


class Rules:
    """The actions on a security group's rules."""

    def __init__(self, backend: Backend) -> None:
        """`backend` holds the groups."""
        self._backend = backend

    def actions(self) -> dict[str, Action]:
        """What is answered here in ministack's place."""
        return {
            "AuthorizeSecurityGroupIngress": self._authorize,
            "AuthorizeSecurityGroupEgress": self._authorize,
            "RevokeSecurityGroupIngress": self._revoke,
            "RevokeSecurityGroupEgress": self._revoke,
        }

    def amend(self, group: dict[str, Any]) -> None:
        """Show rules of the same protocol and ports together."""
        for side in ("IpPermissions", "IpPermissionsEgress"):
            merged: dict[tuple[Any, ...], dict[str, Any]] = {}
            for permission in group[side]:
                ports = (permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort"))
                known = merged.setdefault(ports, {**permission, **{peer.member: [] for peer in PEERS}})
                for peer in PEERS:
                    known[peer.member] = known[peer.member] + permission.get(peer.member, [])
            group[side] = list(merged.values())

    def _group(self, call: Call) -> dict[str, Any]:
        group_id = call.params.get("GroupId", "")
        record = self._backend.security_groups.get(group_id)
        if record is None:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        return record

    def _known(self, call: Call) -> set[Identity]:
        side = "IpPermissionsEgress" if call.action.endswith("Egress") else "IpPermissions"
        return {_identity(rule) for permission in self._group(call)[side] for rule in _split(permission)}

    async def _authorize(self, call: Call) -> dict[str, Any]:
        known = self._known(call)
        rules = _wanted(call)
        for rule in rules:
            self._check(rule)
            identity = _identity(rule)
            if identity in known:
                message = f"the specified rule {_told(identity)} already exists"
                raise AwsError("InvalidPermission.Duplicate", message)
            known.add(identity)
        return await call.forward(_form(call, rules))

    def _check(self, rule: Rule) -> None:
        for cidr in [*rule["IpRanges"], *rule["Ipv6Ranges"]]:
            text = cidr.get("CidrIp", cidr.get("CidrIpv6", ""))
            try:
                ipaddress.ip_network(text)
            except ValueError as error:
                raise AwsError("InvalidParameterValue", f"CIDR block {text} is malformed") from error
        for pair in rule["UserIdGroupPairs"]:
            if pair.get("GroupId") not in self._backend.security_groups:
                raise AwsError("InvalidGroup.NotFound", f"The security group '{pair.get('GroupId')}' does not exist")

    async def _revoke(self, call: Call) -> dict[str, Any]:
        if call.params.get("SecurityGroupRuleIds"):
            return await call.forward()
        known = self._known(call)
        rules = _wanted(call)
        for rule in rules:
            if _identity(rule) not in known:
                message = "The specified rule does not exist in this security group."
                raise AwsError("InvalidPermission.NotFound", message)
        return await call.forward(_form(call, rules))


def _wanted(call: Call) -> list[Rule]:
    """The rules that a request names, in either of its two forms."""
    params = call.params
    permissions: list[dict[str, Any]] = params.get("IpPermissions", [])
    if not permissions and "IpProtocol" in params:
        flat = {name: params[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in params}
        if "CidrIp" in params:
            flat["IpRanges"] = [{"CidrIp": params["CidrIp"]}]
        if "SourceSecurityGroupId" in call.form:
            flat["UserIdGroupPairs"] = [{"GroupId": call.form["SourceSecurityGroupId"][0]}]
        permissions = [flat]
    rules = [rule for permission in permissions for rule in _split(permission)]
    if not rules:
        raise AwsError(
            "MissingParameter", "The request must contain the parameter ipPermissions or securityGroupRuleIds"
        )
    return rules


def _split(permission: dict[str, Any]) -> list[Rule]:
    protocol = str(permission.get("IpProtocol", "-1")).lower()
    base: dict[str, Any] = {
        name: int(permission[name]) for name in ("FromPort", "ToPort") if permission.get(name) is not None
    }
    base["IpProtocol"] = PROTOCOLS.get(protocol, protocol)
    return [
        {**base, **{other.member: [] for other in PEERS}, peer.member: [each]}
        for peer in PEERS
        for each in permission.get(peer.member, [])
    ]


def _identity(rule: Rule) -> Identity:
    kind, key = next((peer.member, rule[peer.member][0].get(peer.key, "")) for peer in PEERS if rule[peer.member])
    every_port = rule["IpProtocol"] == "-1"
    first, last = (-1, -1) if every_port else (rule.get("FromPort", -1), rule.get("ToPort", -1))
    return rule["IpProtocol"], first, last, kind, key


def _told(identity: Identity) -> str:
    protocol, first, last, _, peer = identity
    if protocol == "-1":
        return f'"peer: {peer}, ALL, ALLOW"'
    return f'"peer: {peer}, {protocol.upper()}, from port: {first}, to port: {last}, ALLOW"'


def _form(call: Call, rules: list[Rule]) -> dict[str, list[str]]:
    """The request again, with a permission for each rule."""
    flat = ("IpPermissions.", "IpProtocol", "FromPort", "ToPort", "CidrIp", "SourceSecurityGroup")
    form = {name: value for name, value in call.form.items() if not name.startswith(flat)}
    for index, rule in enumerate(rules, 1):
        prefix = f"IpPermissions.{index}"
        for name in ("IpProtocol", "FromPort", "ToPort"):
            if name in rule and not (rule["IpProtocol"] == "-1" and name != "IpProtocol"):
                form[f"{prefix}.{name}"] = [str(rule[name])]
        for peer in PEERS:
            for each in rule[peer.member]:
                form |= {f"{prefix}.{peer.wire}.1.{name}": [str(value)] for name, value in each.items()}
    return form
