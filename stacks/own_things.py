"""What stands in the rehearsal's account after the lab is gone: what the lab left, and what the learner made by hand.

The study note has the learner make a user and more, and a learner tries things out. None of that is a defect of the
stack. What the stack made is known by its tag, its name or its place in the engine's state; the rest is the learner's,
who gets the command that removes it: on AWS it would stay.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from operations.cleanup import Report, Resource

Found = Mapping[str, list[str]]
"""Service and kind → ids, as `rehearsal.emulator.inventory` tells: {"iam users": ["student"]}."""

_DELETE_USER: Final = (
    "aws iam list-access-keys --user-name {id} --query 'AccessKeyMetadata[].AccessKeyId' --output text | xargs -n 1 -r "
    "aws iam delete-access-key --user-name {id} --access-key-id; "
    "aws iam list-attached-user-policies --user-name {id} --query 'AttachedPolicies[].PolicyArn' --output text | "
    "xargs -n 1 -r aws iam detach-user-policy --user-name {id} --policy-arn; aws iam delete-user --user-name {id}"
)
_DELETE_ROLE: Final = (
    "aws iam list-attached-role-policies --role-name {id} --query 'AttachedPolicies[].PolicyArn' --output text | "
    "xargs -n 1 -r aws iam detach-role-policy --role-name {id} --policy-arn; aws iam delete-role --role-name {id}"
)

COMMANDS: Final[Mapping[str, str]] = {
    "ec2 vpcs": "aws ec2 delete-vpc --vpc-id {id}",
    "ec2 subnets": "aws ec2 delete-subnet --subnet-id {id}",
    "ec2 internet gateways": "aws ec2 delete-internet-gateway --internet-gateway-id {id}",
    "ec2 route tables": "aws ec2 delete-route-table --route-table-id {id}",
    "ec2 nat gateways": "aws ec2 delete-nat-gateway --nat-gateway-id {id}",
    "ec2 addresses": "aws ec2 release-address --allocation-id {id}",
    "ec2 peering connections": "aws ec2 delete-vpc-peering-connection --vpc-peering-connection-id {id}",
    "ec2 security groups": "aws ec2 delete-security-group --group-id {id}",
    "ec2 launch templates": "aws ec2 delete-launch-template --launch-template-id {id}",
    "ec2 instances": "aws ec2 terminate-instances --instance-ids {id}",
    "ec2 volumes": "aws ec2 delete-volume --volume-id {id}",
    "ec2 snapshots": "aws ec2 delete-snapshot --snapshot-id {id}",
    "ec2 network interfaces": "aws ec2 delete-network-interface --network-interface-id {id}",
    "ec2 key pairs": "aws ec2 delete-key-pair --key-name {id}",
    "ec2 vpc endpoints": "aws ec2 delete-vpc-endpoints --vpc-endpoint-ids {id}",
    "iam roles": _DELETE_ROLE,
    "iam policies": "aws iam delete-policy --policy-arn arn:aws:iam::{account}:policy/{id}",
    "iam instance profiles": "aws iam delete-instance-profile --instance-profile-name {id}",
    "iam users": _DELETE_USER,
    "iam groups": "aws iam delete-group --group-name {id}",
    "iam further keys of the operator": "aws iam delete-access-key --access-key-id {id}",
    "iam oidc providers": "aws iam delete-open-id-connect-provider --open-id-connect-provider-arn {id}",
    "eks clusters": "aws eks delete-cluster --name {id}",
    "kms keys": "aws kms schedule-key-deletion --key-id {id} --pending-window-in-days 7",
    "kms aliases": "aws kms delete-alias --alias-name {id}",
    "logs log groups": "aws logs delete-log-group --log-group-name {id}",
    "elb classic load balancers": "aws elb delete-load-balancer --load-balancer-name {id}",
    "elbv2 load balancers": "aws elbv2 delete-load-balancer --load-balancer-arn $(aws elbv2 describe-load-balancers "
    "--names {id} --query 'LoadBalancers[0].LoadBalancerArn' --output text)",
    "elbv2 target groups": "aws elbv2 delete-target-group --target-group-arn $(aws elbv2 describe-target-groups "
    "--names {id} --query 'TargetGroups[0].TargetGroupArn' --output text)",
    "autoscaling groups": "aws autoscaling delete-auto-scaling-group --force-delete --auto-scaling-group-name {id}",
    "s3 buckets": "aws s3 rb --force s3://{id}",
    "ecr repositories": "aws ecr delete-repository --force --repository-name {id}",
    "ssm parameters": "aws ssm delete-parameter --name {id}",
    "secretsmanager secrets": "aws secretsmanager delete-secret --secret-id {id}",
    "scheduler schedules": "aws scheduler delete-schedule --name {id}",
    "cloudtrail trails": "aws cloudtrail delete-trail --name {id}",
}
"""How each kind of thing is removed. Kinds that are not here only the lab's own programs make."""

IN_THE_WAY: Final = (
    "ec2 instances",
    "ec2 nat gateways",
    "ec2 vpc endpoints",
    "elb classic load balancers",
    "elbv2 load balancers",
    "ec2 network interfaces",
    "ec2 peering connections",
    "ec2 security groups",
    "ec2 subnets",
)
"""Kinds that keep a network, in the order in which they can be removed."""

_SERVICES: Final = {"cloudwatch": "logs", "lb": "elbv2"}
"""The engine's name of a service → boto3's, where it is another."""
_EKS: Final = "/aws/eks/"
"""How the log groups begin that EKS makes: nobody makes them by hand."""


def told_apart(found: Found, report: Report, recorded: Mapping[str, frozenset[str]]) -> tuple[Found, Found]:
    """What the lab left, and what is the learner's own.

    Args:
        found: what the account has.
        report: what of it bears the lab's tag or name.
        recorded: the engine's types → ids that its state held before the lab was taken away.
    """
    known = {(each.kind.service, name) for each in report.left if each.ours for name in _names(each.resource)}
    for engine_type, ids in recorded.items():
        provider, _, rest = engine_type.partition(":")
        if provider == "aws":
            module = rest.partition("/")[0]
            known |= {(_SERVICES.get(module, module), name) for one in ids for name in (one, _last(one))}
    labs: dict[str, list[str]] = {}
    own: dict[str, list[str]] = {}
    for kind, ids in found.items():
        service = kind.partition(" ")[0]
        for one in ids:
            is_labs = kind not in COMMANDS or one.startswith(_EKS) or (service, one) in known
            (labs if is_labs else own).setdefault(kind, []).append(one)
    return labs, own


def _names(resource: Resource) -> set[str]:
    return {resource.id, _last(resource.id), resource.name} - {""}


def _last(name: str) -> str:
    """The name at the end of an ARN, or of an id with a group before it."""
    return name.rpartition("/")[2]


def removal(kind: str, identifier: str, account: str) -> str:
    """The command that removes one."""
    return COMMANDS[kind].format(id=shlex.quote(identifier), account=account)


def lines(own: Found, account: str) -> Iterator[str]:
    """Each thing and below it the command that removes it."""
    for kind, ids in own.items():
        for one in ids:
            yield f"  {kind}: {one}"
            yield f"    {removal(kind, one, account)}"
