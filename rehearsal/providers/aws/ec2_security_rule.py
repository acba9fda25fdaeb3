"""Security group rules in their old form: one resource, several ranges.

Replacement and defaults: Terraform AWS provider 6, resource aws_security_group_rule.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.ec2 import Ec2Resource
from rehearsal.providers.aws.ec2_routing import hash_code
from rehearsal.providers.aws.ec2_security import ALL, protocol_name, rules_of
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import CheckFailure, Context, Diff, ProviderError, State

_TRY_ALL = 10  # rules alike of which each combination is tried: a thousand hashes at most


class SecurityGroupRule(Ec2Resource):
    """The old form: one permission with several ranges. Its id is a hash of all that it says."""

    pulumi_type = "aws:ec2/securityGroupRule:SecurityGroupRule"
    inputs: ClassVar = {
        "securityGroupId": Input(replace=True),
        "type": Input(replace=True),
        "protocol": Input(replace=True),
        "fromPort": Input(replace=True),
        "toPort": Input(replace=True),
        "cidrBlocks": Input(replace=True),
        "ipv6CidrBlocks": Input(replace=True),
        "prefixListIds": Input(replace=True),
        "self": Input(replace=True, default=False),
        "sourceSecurityGroupId": Input(replace=True, computed=True),
        "description": Input(),
    }
    delete_before_replace = True

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        if new["type"] not in ("ingress", "egress"):
            failures.append(CheckFailure("type", 'expected type to be one of ["ingress" "egress"]'))
        ends = ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "sourceSecurityGroupId")
        if not new["self"] and not any(new.get(name) for name in ends):
            failures.append(CheckFailure("cidrBlocks", f"one of `{', '.join((*ends, 'self'))}` must be specified"))
        if new["self"] and "sourceSecurityGroupId" in new:
            failures.append(CheckFailure("sourceSecurityGroupId", "conflicts with self"))

    @override
    def diff(self, ctx: Context, old: State, new: Properties) -> Diff:
        if old.inputs.get("self") and new.get("sourceSecurityGroupId") == new["securityGroupId"]:
            # Imported: EC2 does not tell the two ways to say this apart.
            same = {"self": False, "sourceSecurityGroupId": new["securityGroupId"]}
            old = State(old.id, {**old.inputs, **same}, old.outputs)
        return super().diff(ctx, old, new)

    @staticmethod
    def _permission(properties: Properties) -> dict[str, Any]:
        words = {"Description": properties["description"]} if properties.get("description") else {}
        protocol = protocol_name(properties["protocol"])
        permission: dict[str, Any] = {"IpProtocol": protocol}
        if protocol != ALL:
            permission |= {"FromPort": properties["fromPort"], "ToPort": properties["toPort"]}
        groups = [properties.get("sourceSecurityGroupId")] if properties.get("sourceSecurityGroupId") else []
        if properties.get("self"):
            groups = [properties["securityGroupId"]]
        for member, key, values in (
            ("IpRanges", "CidrIp", properties.get("cidrBlocks")),
            ("Ipv6Ranges", "CidrIpv6", properties.get("ipv6CidrBlocks")),
            ("PrefixListIds", "PrefixListId", properties.get("prefixListIds")),
            ("UserIdGroupPairs", "GroupId", groups),
        ):
            if values:
                permission[member] = [{key: value, **words} for value in values]
        return permission

    def _identity(self, properties: Properties) -> str:
        permission = self._permission(properties)
        parts = [properties["securityGroupId"]]
        parts += [str(permission[port]) for port in ("FromPort", "ToPort") if permission.get(port, 0) > 0]
        parts += [permission["IpProtocol"], properties["type"]]
        for member, key in (
            ("IpRanges", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6"),
            ("PrefixListIds", "PrefixListId"),
            ("UserIdGroupPairs", "GroupId"),
        ):
            parts += sorted(item[key] for item in permission.get(member, []))
        return f"sgrule-{hash_code(''.join(f'{part}-' for part in parts))}"

    @override
    def make(self, call: Call) -> str:
        authorize = getattr(call.ec2, f"authorize_security_group_{call.new['type']}")
        authorize(GroupId=call.new["securityGroupId"], IpPermissions=[self._permission(call.new)])
        return self._identity(call.new)

    @override
    def change(self, call: Call) -> None:
        update = getattr(call.ec2, f"update_security_group_rule_descriptions_{call.new['type']}")
        permission = self._permission({**call.new, "description": call.new.get("description", "")})
        update(GroupId=call.new["securityGroupId"], IpPermissions=[permission])

    @override
    def describe(self, call: Call) -> Properties | None:
        group = call.known.get("securityGroupId")
        groups = [group] if group else self._all_groups(call)
        for candidate in groups:
            for properties, rules in self._candidates(rules_of(call, candidate), call.known):
                if self._identity({**properties, "securityGroupId": candidate}) == call.id:
                    single = rules[0]["SecurityGroupRuleId"] if len(rules) == 1 else ""
                    return {**properties, "securityGroupId": candidate, "securityGroupRuleId": single}
        return None

    def _all_groups(self, call: Call) -> list[str]:
        found = call.all_pages("ec2", "describe_security_groups", "SecurityGroups")
        return [group["GroupId"] for group in found]

    def _candidates(
        self, rules: list[dict[str, Any]], known: Properties
    ) -> Iterator[tuple[Properties, list[dict[str, Any]]]]:
        """What one such resource could have made of the rules: what is known of it, or any of those alike."""
        if known:
            yield from self._known_ones(rules, known)
        alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for rule in rules:
            key = (rule["IsEgress"], rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"))
            alike.setdefault((*key, rule.get("Description", "")), []).append(rule)
        for together in alike.values():
            sizes = range(1, len(together) + 1) if len(together) <= _TRY_ALL else (1, len(together))
            for size in sizes:
                for some in itertools.combinations(together, size):
                    yield self._as_properties(list(some)), list(some)

    def _known_ones(
        self, rules: list[dict[str, Any]], known: Properties
    ) -> Iterator[tuple[Properties, list[dict[str, Any]]]]:
        own = [rule for rule in rules if self._belongs(rule, known)]
        if own:
            seen = self._as_properties(own)
            if known.get("sourceSecurityGroupId") == known["securityGroupId"]:
                # A group that names itself as the source says the same as `self`, in other words.
                seen |= {"self": False, "sourceSecurityGroupId": known["securityGroupId"]}
            for name in ("protocol", "fromPort", "toPort", "cidrBlocks", "ipv6CidrBlocks"):
                if name in known and self._equal(name, seen[name], known[name], seen["protocol"]):
                    seen[name] = known[name]
            yield seen, own

    @staticmethod
    def _equal(name: str, seen: Any, known: Any, protocol: str) -> bool:
        if name == "protocol":
            return protocol_name(known) == seen
        if name in ("fromPort", "toPort"):
            return protocol == ALL or seen == known
        return sorted(seen) == sorted(known)

    def _belongs(self, rule: dict[str, Any], known: Properties) -> bool:
        permission = self._permission(known)
        ends = [item["CidrIp"] for item in permission.get("IpRanges", [])]
        ends += [item["CidrIpv6"] for item in permission.get("Ipv6Ranges", [])]
        ends += [item["PrefixListId"] for item in permission.get("PrefixListIds", [])]
        ends += [item["GroupId"] for item in permission.get("UserIdGroupPairs", [])]
        return (
            rule["IsEgress"] is (known["type"] == "egress")
            and rule["IpProtocol"] == permission["IpProtocol"]
            and (rule["IpProtocol"] == ALL or rule.get("FromPort") == permission["FromPort"])
            and (rule["IpProtocol"] == ALL or rule.get("ToPort") == permission["ToPort"])
            and _end(rule) in ends
        )

    @staticmethod
    def _as_properties(rules: list[dict[str, Any]]) -> Properties:
        first = rules[0]
        every = first["IpProtocol"] == ALL
        groups = [r["ReferencedGroupInfo"]["GroupId"] for r in rules if r.get("ReferencedGroupInfo")]
        others = [group for group in groups if group != first["GroupId"]]
        return {
            "type": "egress" if first["IsEgress"] else "ingress",
            "protocol": first["IpProtocol"],
            "fromPort": 0 if every else first.get("FromPort", 0),
            "toPort": 0 if every else first.get("ToPort", 0),
            "cidrBlocks": [r["CidrIpv4"] for r in rules if r.get("CidrIpv4")],
            "ipv6CidrBlocks": [r["CidrIpv6"] for r in rules if r.get("CidrIpv6")],
            "prefixListIds": [r["PrefixListId"] for r in rules if r.get("PrefixListId")],
            "self": first["GroupId"] in groups,
            "sourceSecurityGroupId": others[0] if others else "",
            "description": first.get("Description", ""),
        }

    @override
    def remove(self, call: Call) -> None:
        known = call.known
        if "securityGroupId" not in known:
            raise ProviderError(f"{call.id} does not say which security group it belongs to. Refresh first.")
        own = [rule for rule in rules_of(call, known["securityGroupId"]) if self._belongs(rule, known)]
        if own:
            revoke = getattr(call.ec2, f"revoke_security_group_{known['type']}")
            ids = [rule["SecurityGroupRuleId"] for rule in own]
            revoke(GroupId=known["securityGroupId"], SecurityGroupRuleIds=ids)


def _end(rule: dict[str, Any]) -> str:
    referenced = rule.get("ReferencedGroupInfo", {}).get("GroupId", "")
    return rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or referenced
