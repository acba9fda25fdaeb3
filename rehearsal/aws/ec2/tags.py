"""Tags of EC2's resources as IAM asks for them.

A controller may change only the security groups that bear its tag, and who
creates one with tags needs the right to tag. Amazon EC2 User Guide, "Grant
permission to tag Amazon EC2 resources during creation", seen 2026-11.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rehearsal.aws.authorization import Authorization, tag_keys
from rehearsal.aws.backend import Backend, Params
from rehearsal.aws.ec2.call import Call, Guard

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

    def _arn(self, resource_id: str) -> str:
        settings = self._backend.settings
        kind = KINDS.get(resource_id.rpartition("-")[0], "*")
        return f"arn:aws:ec2:{settings.region}:{settings.account_id}:{kind}/{resource_id}"

    def _tagged(self) -> Iterable[tuple[str, Mapping[str, str]]]:
        # This store's values are lists of tags.
        stored: Any = self._backend.records("ec2", "_tags")
        for resource_id, tags in list(stored.items()):
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
