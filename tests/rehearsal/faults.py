"""The faults that a lab must come through: what goes wrong in AWS, when, and what the user reads of it.

Each is one of three steps of a lab's evening: standing it up, moving an exercise to another stage, taking it
away. `test_faults.py` puts one of each into one evening.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Ending = Literal["survives", "stops"]


@dataclass(frozen=True)
class Fault:
    """Calls that go wrong, and how the command that meets them ends."""

    name: str
    calls: tuple[dict[str, Any], ...]
    """As rehearsal/aws/faults.py takes them."""
    ending: Ending
    """survives: the command does its work all the same. stops: it ends with 1, and the same command goes on."""
    told: str = ""
    """What the message must hold when it stops: the cause in AWS's word."""
    killed: str = ""
    """Instead of a wrong answer: while this (slow) call is under way, the engine gets this signal."""


def call(service: str, operation: str, effect: str, times: int = 1, after: int = 0) -> dict[str, Any]:
    return {"service": service, "operation": operation, "effect": effect, "times": times, "after": after}


def stops(service: str, operation: str, effect: str, told: str, *, times: int = 20, after: int = 0) -> Fault:
    """A call that fails too often for the SDK's own retries."""
    name = f"{operation} {effect}" + (f" after {after}" if after else "")
    return Fault(name, (call(service, operation, effect, times, after),), "stops", told)


def survives(name: str, *calls: dict[str, Any]) -> Fault:
    return Fault(name, calls, "survives")


def killed(service: str, operation: str, with_: str) -> Fault:
    return Fault(f"{with_} during {operation}", (call(service, operation, "slow"),), "stops", killed=with_)


ONCE = 1

UP: tuple[Fault, ...] = (
    stops("ec2", "CreateVpc", "over-quota", "LimitExceeded"),
    stops("ec2", "CreateSubnet", "access-denied", "AccessDenied"),
    stops("iam", "CreateRole", "access-denied", "AccessDenied"),
    stops("kms", "CreateKey", "access-denied", "AccessDenied"),
    stops("ec2", "RunInstances", "over-quota", "LimitExceeded"),
    stops("ec2", "AllocateAddress", "over-quota", "LimitExceeded"),
    stops("ec2", "CreateLaunchTemplate", "access-denied", "AccessDenied"),
    stops("iam", "CreateOpenIDConnectProvider", "access-denied", "AccessDenied"),
    stops("eks", "CreateCluster", "over-quota", "LimitExceeded"),
    stops("eks", "CreateCluster", "fails-later", "FAILED", times=ONCE),
    stops("eks", "DescribeCluster", "expired-credentials", "ExpiredToken", after=2),
    stops("eks", "CreateNodegroup", "fails-later", "CREATE_FAILED", times=ONCE),
    stops("eks", "CreateNodegroup", "expired-credentials", "ExpiredToken"),
    stops("eks", "CreateAddon", "access-denied", "AccessDenied", after=3),
    stops("eks", "DescribeAddon", "internal-error", "InternalFailure", after=4),
    stops("eks", "CreatePodIdentityAssociation", "unavailable", "ServiceUnavailable"),
    killed("ec2", "CreateRoute", "SIGKILL"),
    killed("eks", "CreateNodegroup", "SIGKILL"),
    killed("eks", "CreateAddon", "SIGINT"),
    survives(
        "throttled three times each, then well",
        *(
            call(service, operation, "throttled", 3)
            for service, operation in (
                ("ec2", "CreateVpc"),
                ("ec2", "CreateSubnet"),
                ("iam", "CreateRole"),
                ("eks", "CreateCluster"),
                ("eks", "DescribeCluster"),
                ("eks", "CreateNodegroup"),
            )
        ),
    ),
    survives(
        "unavailable or broken off three times, then well",
        call("ec2", "AuthorizeSecurityGroupIngress", "unavailable", 3),
        call("iam", "AttachRolePolicy", "internal-error", 3),
        call("eks", "DescribeNodegroup", "cut-off", 3),
        call("logs", "CreateLogGroup", "unavailable", 2),
        call("sts", "GetCallerIdentity", "cut-off", 2),
    ),
)

STAGE: tuple[Fault, ...] = (
    stops("iam", "CreateUser", "access-denied", "AccessDenied"),
    stops("iam", "AttachUserPolicy", "access-denied", "AccessDenied"),
    stops("iam", "CreatePolicy", "over-quota", "LimitExceeded"),
    stops("eks", "CreateAccessEntry", "access-denied", "AccessDenied"),
    stops("eks", "AssociateAccessPolicy", "expired-credentials", "ExpiredToken"),
    stops("eks", "CreatePodIdentityAssociation", "internal-error", "InternalFailure"),
    killed("iam", "CreateUser", "SIGKILL"),
    killed("eks", "CreateAccessEntry", "SIGINT"),
    survives(
        "throttled",
        call("iam", "CreateUser", "throttled", 3),
        call("eks", "CreateAccessEntry", "throttled", 3),
        call("iam", "AttachUserPolicy", "unavailable", 2),
    ),
    survives("slow", call("iam", "CreateUser", "slow"), call("eks", "AssociateAccessPolicy", "slow")),
)

DOWN: tuple[Fault, ...] = (
    stops("eks", "DeleteNodegroup", "access-denied", "AccessDenied"),
    stops("eks", "DeleteCluster", "expired-credentials", "ExpiredToken"),
    stops("ec2", "DeleteVpc", "internal-error", "InternalFailure"),
    stops("iam", "DeleteRole", "access-denied", "AccessDenied"),
    stops("ec2", "TerminateInstances", "access-denied", "AccessDenied"),
    stops("ec2", "DeleteSecurityGroup", "unavailable", "ServiceUnavailable"),
    stops("kms", "ScheduleKeyDeletion", "access-denied", "AccessDenied"),
    stops("eks", "DeleteAddon", "internal-error", "InternalFailure"),
    killed("eks", "DeleteCluster", "SIGKILL"),
    killed("ec2", "DeleteSubnet", "SIGINT"),
    survives(
        "throttled",
        call("eks", "DeleteNodegroup", "throttled", 3),
        call("eks", "DescribeNodegroup", "throttled", 3),
        call("ec2", "DeleteVpc", "unavailable", 3),
        call("iam", "DetachRolePolicy", "cut-off", 2),
    ),
)


def count() -> int:
    """How many faults that is; several in one run count each."""
    return sum(len(fault.calls) for fault in (*UP, *STAGE, *DOWN))
