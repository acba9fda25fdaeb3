"""Security groups, and their rules one by one.

Replacement and defaults: Terraform AWS provider 6, resources aws_security_group,
aws_vpc_security_group_ingress_rule and its egress twin.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import given, only, pick, tag_map, tag_specification
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.ec2 import Ec2Resource, delete_when_free
from rehearsal.providers.aws.naming import AutoName, with_prefix
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import CheckFailure

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
        if not call.unfinished:
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
