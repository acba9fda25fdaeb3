"""What EKS asks other services before it believes a request.

A role, subnet, key or principal that is not there is EKS's own kind of error,
whatever the other service calls it.
"""

from typing import Any
from urllib.parse import unquote

from rehearsal.emulator.ec2.instance_types import INSTANCE_TYPES
from rehearsal.emulator.eks import validation
from rehearsal.emulator.eks.state import invalid
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls


class Lookups:
    """Facts from IAM, EC2 and KMS; raises EKS's errors when they do not hold."""

    def __init__(self, calls: Calls) -> None:
        """`calls` asks."""
        self._calls = calls

    async def subnets(self, ids: list[str]) -> list[dict[str, Any]]:
        """Subnets as DescribeSubnets gives them, in the order of `ids`."""
        if not ids:
            raise invalid("Subnets are required.")
        try:
            found = (await self._calls("ec2", "DescribeSubnets", SubnetIds=ids))["Subnets"]
        except AwsError as error:
            raise invalid(
                f"{error.message} (Service: AmazonEC2; Status Code: 400; Error Code: {error.code})"
            ) from error
        by_id = {subnet["SubnetId"]: subnet for subnet in found}
        return [by_id[subnet_id] for subnet_id in ids]

    async def vpc_cidr(self, vpc_id: str) -> str:
        """A VPC's range."""
        return (await self._calls("ec2", "DescribeVpcs", VpcIds=[vpc_id]))["Vpcs"][0]["CidrBlock"]

    async def groups(self, ids: list[str], vpc_id: str) -> None:
        """Security groups that are in the VPC."""
        if not ids:
            return
        try:
            found = (await self._calls("ec2", "DescribeSecurityGroups", GroupIds=ids))["SecurityGroups"]
        except AwsError as error:
            raise invalid(error.message) from error
        foreign = [group["GroupId"] for group in found if group["VpcId"] != vpc_id]
        if foreign:
            raise invalid(f"Security group(s) {foreign} are not in the same VPC as the subnets.")

    async def _role(self, arn: str) -> dict[str, Any] | None:
        try:
            role = (await self._calls("iam", "GetRole", RoleName=arn.rsplit("/", 1)[-1]))["Role"]
        except AwsError:
            return None
        return role if role["Arn"] == arn else None

    async def cluster_role(self, arn: str) -> None:
        """The role of a cluster, which EKS assumes."""
        role = await self._role(arn)
        if role is None or not validation.trusts(_document(role), "eks.amazonaws.com"):
            raise invalid(
                f"Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not "
                "correct"
            )

    async def node_role(self, arn: str) -> dict[str, Any]:
        """The role of nodes, which EC2 assumes."""
        role = await self._role(arn)
        if role is None:
            raise invalid(f"The role with name {arn.rsplit('/', 1)[-1]} cannot be found.")
        if not validation.trusts(_document(role), "ec2.amazonaws.com"):
            raise invalid(
                "Following required service principals [ec2.amazonaws.com] were not found in the trust relationships "
                f"of nodeRole {arn}"
            )
        return role

    async def pod_role(self, arn: str) -> None:
        """A role that pods are to have; who may assume it shows when a pod asks."""
        if await self._role(arn) is None:
            raise invalid(f"Role provided in the request does not exist: {arn}")

    async def principal_id(self, arn: str, account_id: str) -> str:
        """The unique id of a user or role, "" in another account, where EKS looks too and nobody is here."""
        refused = invalid("The specified principalArn is invalid: invalid principal.")
        parts = arn.split(":")
        kind, _, name = parts[5].partition("/")
        if parts[4] != account_id:
            return ""
        try:
            if kind == "user":
                user = (await self._calls("iam", "GetUser", UserName=name.rsplit("/", 1)[-1]))["User"]
                found, principal_id = user["Arn"], user["UserId"]
            else:
                role = (await self._calls("iam", "GetRole", RoleName=name.rsplit("/", 1)[-1]))["Role"]
                found, principal_id = role["Arn"], role["RoleId"]
        except AwsError as error:
            raise refused from error
        if found != arn:
            raise refused
        return principal_id

    async def key(self, arn: str) -> None:
        """A KMS key that secrets can be encrypted with."""
        try:
            key = (await self._calls("kms", "DescribeKey", KeyId=arn))["KeyMetadata"]
        except AwsError as error:
            raise invalid(f"The keyArn in encryptionConfig provider is not valid: {error.message}") from error
        if not key["Enabled"] or key.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
            raise invalid("The keyArn in encryptionConfig provider must be an enabled symmetric key.")

    async def template(self, named: dict[str, str]) -> dict[str, Any]:
        """A launch template version as DescribeLaunchTemplateVersions gives it."""
        if ("id" in named) == ("name" in named):
            raise invalid(
                "You must specify either the launch template ID or launch template name in the request, but not both."
            )
        which = {"LaunchTemplateId": named["id"]} if "id" in named else {"LaunchTemplateName": named["name"]}
        version = named.get("version", "$Default")
        try:
            found = await self._calls("ec2", "DescribeLaunchTemplateVersions", **which, Versions=[version])
        except AwsError as error:
            raise invalid(f"Launch template details can't be null or are not found: {error.message}") from error
        if not found["LaunchTemplateVersions"]:
            raise invalid(f"Could not find the specified version {version} for the launch template.")
        return found["LaunchTemplateVersions"][0]

    def instance_types(self, names: list[str]) -> None:
        """Instance types that exist."""
        unknown = [name for name in names if name not in INSTANCE_TYPES]
        if unknown:
            raise invalid(f"The following supplied instance types do not exist: [{', '.join(unknown)}]")


def _document(role: dict[str, Any]) -> Any:
    """A role's trust policy; IAM sends it URL-encoded, and botocore decodes some of it."""
    document = role["AssumeRolePolicyDocument"]
    return unquote(document) if isinstance(document, str) else document
