"""Tags of EC2's resources: one store for all, and what IAM asks about it.

ministack keeps some tags twice and changes one of the two, so that a launch template showed for ever what it was made
with. Here every Describe call shows what DescribeTags tells, whatever kind of resource it is about.

A controller may change only the security groups that bear its tag, and who creates one with tags needs the right to
tag. Amazon EC2 User Guide, "Grant permission to tag Amazon EC2 resources during creation"; Amazon EC2 API Reference,
"DeleteTags". Seen 2026-11.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rehearsal.emulator.authorization import Authorization, tag_keys
from rehearsal.emulator.ec2.call import Action, Call, Guard
from rehearsal.emulator.ministack import Backend, Params

KINDS: Final = {
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "i": "instance",
    "igw": "internet-gateway",
    "lt": "launch-template",
    "nat": "natgateway",
    "pcx": "vpc-peering-connection",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
}
"""First part of an id → resource type in an ARN."""
IDS: Final = {
    "DescribeAddresses": "AllocationId",
    "DescribeInstances": "InstanceId",
    "DescribeInternetGateways": "InternetGatewayId",
    "DescribeKeyPairs": "KeyPairId",
    "DescribeLaunchTemplates": "LaunchTemplateId",
    "DescribeNatGateways": "NatGatewayId",
    "DescribeNetworkInterfaces": "NetworkInterfaceId",
    "DescribeRouteTables": "RouteTableId",
    "DescribeSecurityGroupRules": "SecurityGroupRuleId",
    "DescribeSecurityGroups": "GroupId",
    "DescribeSubnets": "SubnetId",
    "DescribeVolumes": "VolumeId",
    "DescribeVpcPeeringConnections": "VpcPeeringConnectionId",
    "DescribeVpcs": "VpcId",
}
"""Describe call → the member of each of its items that is the item's id."""


class Tags:
    """What IAM is asked about tags."""

    def __init__(self, backend: Backend, authorization: Authorization) -> None:
        """Tells IAM which resources there are and how they are tagged."""
        self._backend = backend
        self._authorization = authorization
        authorization.know_tags("ec2", self._tagged)
        authorization.know_resource("ec2", self._resource)

    def guards(self) -> dict[str, Guard]:
        """Each check by the action that it is made before."""
        return {"CreateSecurityGroup": self._create_group, "CreateTags": self._others, "DeleteTags": self._others}

    def actions(self) -> dict[str, Action]:
        """What is answered here in ministack's place."""
        return {"DeleteTags": self._delete, "CreateManagedPrefixList": self._create_prefix_list}

    def amend(self, action: str, item: dict[str, Any]) -> None:
        """Give what a Describe call lists the tags that DescribeTags tells."""
        item["Tags"] = [dict(tag) for tag in self._store().get(item.get(IDS[action], ""), [])]
        if action == "DescribeNetworkInterfaces":
            item["TagSet"] = item["Tags"]

    def _store(self) -> Any:
        """ministack's own: id → list of tags."""
        return self._backend.records("ec2", "_tags")

    async def _delete(self, call: Call) -> dict[str, Any]:
        """A tag with a value goes only if it has that value; without any tag named, all go."""
        store, unwanted = self._store(), call.params.get("Tags", [])
        for resource_id in call.params["Resources"]:
            store[resource_id] = [tag for tag in store.get(resource_id, []) if not _is_among(tag, unwanted)]
        return {}

    async def _create_prefix_list(self, call: Call) -> dict[str, Any]:
        """ministack reads the tags of a call that only tags."""
        result = await call.forward()
        tags = [tag for each in call.params.get("TagSpecifications", []) for tag in each.get("Tags", [])]
        self._store()[result["PrefixList"]["PrefixListId"]] = tags
        return {"PrefixList": {**result["PrefixList"], "Tags": tags}}

    def _arn(self, resource_id: str) -> str:
        settings = self._backend.settings
        kind = KINDS.get(resource_id.rpartition("-")[0], "*")
        return f"arn:aws:ec2:{settings.region}:{settings.account_id}:{kind}/{resource_id}"

    def _tagged(self) -> Iterable[tuple[str, Mapping[str, str]]]:
        for resource_id, tags in list(self._store().items()):
            if tags:
                yield self._arn(resource_id), _pairs(tags)

    def _resource(self, form: Params) -> str:
        """The first resource that a call tags; ministack does not look for it."""
        action, first = form.get("Action", [""])[0], form.get("ResourceId.1", [""])[0]
        return self._arn(first) if first and action in ("CreateTags", "DeleteTags") else ""

    async def _others(self, call: Call) -> None:
        keys = tag_keys(_pairs(call.params.get("Tags", [])))
        for resource_id in call.params.get("Resources", [])[1:]:
            self._authorization.demand(call.headers, {}, f"ec2:{call.action}", self._arn(resource_id), keys)

    async def _create_group(self, call: Call) -> None:
        specifications: list[dict[str, Any]] = call.params.get("TagSpecifications", [])
        tags = [tag for each in specifications for tag in each.get("Tags", [])]
        if tags:
            keys = {**tag_keys(_pairs(tags)), "ec2:CreateAction": call.action}
            settings = self._backend.settings
            arn = f"arn:aws:ec2:{settings.region}:{settings.account_id}:security-group/*"
            self._authorization.demand(call.headers, {}, "ec2:CreateTags", arn, keys)


def _pairs(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {each["Key"]: each.get("Value", "") for each in tags}


def _is_among(tag: Mapping[str, str], unwanted: list[dict[str, str]]) -> bool:
    if not unwanted:
        return not tag["Key"].startswith("aws:")
    return any(tag["Key"] == each["Key"] and each.get("Value", tag["Value"]) == tag["Value"] for each in unwanted)
