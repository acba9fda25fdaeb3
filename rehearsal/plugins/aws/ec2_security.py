"""Security groups and their rules, in the old form (one resource, many ranges) and the new (one rule each).

Replacement and defaults: Terraform AWS provider 6, resources aws_security_group,
aws_security_group_rule, aws_vpc_security_group_ingress_rule and its egress twin.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.plugins.aws.compare import Input
from rehearsal.plugins.aws.connection import Call
from rehearsal.plugins.aws.ec2_network import Ec2Resource, delete_when_free
from rehearsal.plugins.aws.ec2_routing import hash_code
from rehearsal.plugins.aws.naming import AutoName, with_prefix
from rehearsal.plugins.aws.shapes import given, only, pick, tag_map, tag_specification
from rehearsal.plugins.properties import Properties
from rehearsal.plugins.protocol import CheckFailure, ProviderError

_PROTOCOL_NUMBERS = {"all": "-1", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
ALL = "-1"


def protocol_name(protocol: str) -> str:
    """A protocol as EC2 keeps it: the name where it has one, "-1" for all."""
    return _PROTOCOL_NUMBERS.get(protocol.lower(), protocol.lower())


def rules_of(call: Call, group: str) -> list[dict[str, Any]]:
    """Every rule of a security group, one a range."""
    filters = [{"Name": "group-id", "Values": [group]}]
    return call.all_pages("ec2", "describe_security_group_rules", "SecurityGroupRules", Filters=filters)


class SecurityGroup(Ec2Resource):
    """A security group without rules: the provider takes away the one that EC2 gives every new group."""

    pulumi_type = "aws:ec2/securityGroup:SecurityGroup"
    inputs: ClassVar = {
        "name": Input(replace=True, computed=True),
        "namePrefix": Input(replace=True, computed=True, unread=True),
        "description": Input(replace=True, default="Managed by Pulumi"),
        "vpcId": Input(replace=True, computed=True),
        "revokeRulesOnDelete": Input(default=False, unread=True),
    }
    autoname = AutoName()

    @override
    def make(self, call: Call) -> str:
        name = call.new.get("name") or with_prefix(call.new["namePrefix"])
        made = call.ec2.create_security_group(
            GroupName=name,
            Description=call.new["description"],
            **given(call.new, "vpcId"),
            **tag_specification(call, "security-group"),
        )
        return made["GroupId"]

    @override
    def settle(self, call: Call) -> None:
        if call.outputs:
            return
        group = call.ec2.describe_security_groups(GroupIds=[call.id])["SecurityGroups"][0]
        if group.get("IpPermissionsEgress"):
            everything = {"IpProtocol": ALL, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            call.ec2.revoke_security_group_egress(GroupId=call.id, IpPermissions=[everything])

    @override
    def change(self, call: Call) -> None:
        """Only the provider's own switches can change; AWS need not hear of them."""

    @override
    def describe(self, call: Call) -> Properties | None:
        group = only(call.ec2.describe_security_groups(GroupIds=[call.id])["SecurityGroups"])
        if group is None:
            return None
        return {
            **pick(group, "vpcId", "ownerId", "description", name="GroupName"),
            "ingress": [_inline(p, call.id) for p in group.get("IpPermissions", [])],
            "egress": [_inline(p, call.id) for p in group.get("IpPermissionsEgress", [])],
            "arn": group.get("SecurityGroupArn") or call.arn("ec2", f"security-group/{call.id}"),
            "tags": tag_map(group.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        if call.known.get("revokeRulesOnDelete"):
            self._revoke_all(call)
        delete_when_free(call, "delete_security_group", GroupId=call.id)

    def _revoke_all(self, call: Call) -> None:
        for egress, revoke in (
            (False, call.ec2.revoke_security_group_ingress),
            (True, call.ec2.revoke_security_group_egress),
        ):
            found = [r["SecurityGroupRuleId"] for r in rules_of(call, call.id) if r["IsEgress"] is egress]
            if found:
                revoke(GroupId=call.id, SecurityGroupRuleIds=found)


def _inline(permission: dict[str, Any], group: str) -> Properties:
    """A permission as the group's own `ingress` or `egress` shows it."""
    groups = [pair["GroupId"] for pair in permission.get("UserIdGroupPairs", [])]
    described = [
        item["Description"]
        for key in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
        for item in permission.get(key, [])
        if item.get("Description")
    ]
    return {
        "protocol": permission.get("IpProtocol", ALL),
        "fromPort": permission.get("FromPort", 0),
        "toPort": permission.get("ToPort", 0),
        "cidrBlocks": [item["CidrIp"] for item in permission.get("IpRanges", [])],
        "ipv6CidrBlocks": [item["CidrIpv6"] for item in permission.get("Ipv6Ranges", [])],
        "prefixListIds": [item["PrefixListId"] for item in permission.get("PrefixListIds", [])],
        "securityGroups": [other for other in groups if other != group],
        "self": group in groups,
        "description": described[0] if described else "",
    }


class _SingleRule(Ec2Resource):
    """One rule for one range, group or prefix list; its id is EC2's own."""

    egress: ClassVar[bool]
    inputs: ClassVar = {
        "securityGroupId": Input(replace=True),
        "ipProtocol": Input(),
        "fromPort": Input(),
        "toPort": Input(),
        "cidrIpv4": Input(),
        "cidrIpv6": Input(),
        "prefixListId": Input(),
        "referencedSecurityGroupId": Input(),
        "description": Input(),
    }
    _ENDS = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        if sum(name in new for name in self._ENDS) != 1:
            listed = ",".join(self._ENDS)
            failures.append(
                CheckFailure(self._ENDS[0], f"exactly one of these attributes must be configured: [{listed}]")
            )

    def _permission(self, new: Properties) -> dict[str, Any]:
        words = given(new, "description")
        permission: dict[str, Any] = {
            "IpProtocol": protocol_name(new["ipProtocol"]),
            **given(new, "fromPort", "toPort"),
        }
        ends = {
            "cidrIpv4": ("IpRanges", "CidrIp"),
            "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
            "prefixListId": ("PrefixListIds", "PrefixListId"),
            "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
        }
        for name, (member, key) in ends.items():
            if name in new:
                permission[member] = [{key: new[name], **words}]
        return permission

    @override
    def make(self, call: Call) -> str:
        direction = "egress" if self.egress else "ingress"
        authorize = getattr(call.ec2, f"authorize_security_group_{direction}")
        made = authorize(
            GroupId=call.new["securityGroupId"],
            IpPermissions=[self._permission(call.new)],
            **tag_specification(call, "security-group-rule"),
        )
        return made["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    @override
    def change(self, call: Call) -> None:
        rule = {
            "IpProtocol": protocol_name(call.new["ipProtocol"]),
            **given(call.new, "fromPort", "toPort", "cidrIpv4", "cidrIpv6", "prefixListId"),
            **given(call.new, referencedSecurityGroupId="ReferencedGroupId"),
            "Description": call.new.get("description", ""),
        }
        call.ec2.modify_security_group_rules(
            GroupId=call.new["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": call.id, "SecurityGroupRule": rule}],
        )

    @override
    def describe(self, call: Call) -> Properties | None:
        found = call.ec2.describe_security_group_rules(SecurityGroupRuleIds=[call.id])["SecurityGroupRules"]
        rule = only(found)
        if rule is None or rule["IsEgress"] is not self.egress:
            return None
        protocol = rule["IpProtocol"]
        ports = {} if protocol == ALL else pick(rule, "fromPort", "toPort")
        known = call.known.get("ipProtocol")
        return {
            **pick(rule, "cidrIpv4", "cidrIpv6", "prefixListId", "description", securityGroupId="GroupId"),
            **ports,
            "ipProtocol": known if known and protocol_name(known) == protocol else protocol,
            "referencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId", ""),
            "securityGroupRuleId": call.id,
            "arn": rule.get("SecurityGroupRuleArn") or call.arn("ec2", f"security-group-rule/{call.id}"),
            "tags": tag_map(rule.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        direction = "egress" if self.egress else "ingress"
        revoke = getattr(call.ec2, f"revoke_security_group_{direction}")
        revoke(GroupId=call.known["securityGroupId"], SecurityGroupRuleIds=[call.id])


class SecurityGroupIngressRule(_SingleRule):
    """One way in."""

    pulumi_type = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    egress = False


class SecurityGroupEgressRule(_SingleRule):
    """One way out."""

    pulumi_type = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    egress = True


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
        """What one such resource could have made of the rules: what is known of it, one rule, or like ones."""
        if known:
            yield from self._known_ones(rules, known)
        alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for rule in rules:
            yield self._as_properties([rule]), [rule]
            key = (rule["IsEgress"], rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"))
            alike.setdefault((*key, rule.get("Description", "")), []).append(rule)
        for together in alike.values():
            yield self._as_properties(together), together

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
