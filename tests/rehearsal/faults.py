"""The faults that a lab must come through: what goes wrong in AWS, when, and what the user reads of it.

A lab's evening has three steps: standing it up, moving the exercises to other stages, taking it away. Each of the
evenings below has faults in all three.
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
    """As rehearsal/emulator/fault_injection.py takes them."""
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


@dataclass(frozen=True)
class Evening:
    """Faults in the order in which they are met: after each that stops, the same command goes on into the next."""

    up: tuple[Fault, ...]
    stage: tuple[Fault, ...]
    down: tuple[Fault, ...]


EVENINGS: tuple[Evening, ...] = (
    Evening(
        (
            stops("ec2", "CreateVpc", "over-quota", "LimitExceeded"),
            stops("eks", "DescribeCluster", "expired-credentials", "ExpiredToken", after=2),
            stops("eks", "CreateAddon", "access-denied", "AccessDenied", after=1),
        ),
        (
            stops("iam", "CreatePolicy", "over-quota", "LimitExceeded"),
            stops("iam", "AttachUserPolicy", "access-denied", "AccessDenied"),
        ),
        (
            stops("eks", "DeleteNodegroup", "access-denied", "AccessDenied"),
            stops("eks", "DeleteCluster", "expired-credentials", "ExpiredToken"),
            stops("ec2", "DeleteVpc", "internal-error", "InternalFailure"),
        ),
    ),
    Evening(
        (
            stops("ec2", "CreateSubnet", "access-denied", "AccessDenied"),
            stops("ec2", "RunInstances", "over-quota", "LimitExceeded"),
            stops("eks", "CreateCluster", "fails-later", "FAILED", times=ONCE),
        ),
        (
            stops("iam", "CreateUser", "access-denied", "AccessDenied"),
            stops("eks", "CreateAccessEntry", "access-denied", "AccessDenied"),
        ),
        (
            stops("eks", "DeleteAddon", "internal-error", "InternalFailure"),
            stops("ec2", "DeleteSecurityGroup", "unavailable", "ServiceUnavailable"),
        ),
    ),
    Evening(
        (
            stops("iam", "CreateRole", "access-denied", "AccessDenied"),
            stops("eks", "CreateCluster", "over-quota", "LimitExceeded"),
            stops("eks", "CreateNodegroup", "expired-credentials", "ExpiredToken"),
        ),
        (stops("eks", "AssociateAccessPolicy", "expired-credentials", "ExpiredToken"),),
        (stops("iam", "DeleteRole", "access-denied", "AccessDenied"),),
    ),
    Evening(
        (
            stops("kms", "CreateKey", "access-denied", "AccessDenied"),
            stops("ec2", "AllocateAddress", "over-quota", "LimitExceeded"),
            stops("eks", "CreateNodegroup", "fails-later", "CREATE_FAILED", times=ONCE),
        ),
        (stops("eks", "CreatePodIdentityAssociation", "internal-error", "InternalFailure"),),
        (stops("ec2", "TerminateInstances", "access-denied", "AccessDenied"),),
    ),
    Evening(
        (
            stops("iam", "CreateOpenIDConnectProvider", "access-denied", "AccessDenied"),
            stops("ec2", "CreateLaunchTemplate", "access-denied", "AccessDenied"),
            killed("eks", "CreateAddon", "SIGINT"),
        ),
        (killed("iam", "CreateUser", "SIGKILL"),),
        (stops("kms", "ScheduleKeyDeletion", "access-denied", "AccessDenied"),),
    ),
    Evening(
        (
            killed("ec2", "CreateRoute", "SIGKILL"),
            killed("eks", "CreateNodegroup", "SIGKILL"),
            stops("eks", "DescribeAddon", "internal-error", "InternalFailure"),
        ),
        (killed("eks", "CreateAccessEntry", "SIGINT"),),
        (killed("eks", "DeleteCluster", "SIGKILL"),),
    ),
    Evening(
        (
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
        ),
        (
            survives(
                "throttled",
                call("iam", "CreateUser", "throttled", 3),
                call("eks", "CreateAccessEntry", "throttled", 3),
                call("iam", "AttachUserPolicy", "unavailable", 2),
            ),
        ),
        (killed("ec2", "DeleteSubnet", "SIGINT"),),
    ),
    Evening(
        (
            survives(
                "unavailable three times each, then well",
                call("ec2", "AuthorizeSecurityGroupIngress", "unavailable", 3),
                call("iam", "AttachRolePolicy", "internal-error", 3),
                call("eks", "DescribeNodegroup", "unavailable", 3),
                call("logs", "CreateLogGroup", "unavailable", 2),
                call("sts", "GetCallerIdentity", "unavailable", 2),
            ),
        ),
        (survives("slow", call("iam", "CreateUser", "slow"), call("eks", "AssociateAccessPolicy", "slow")),),
        (
            survives(
                "throttled",
                call("eks", "DeleteNodegroup", "throttled", 3),
                call("eks", "DescribeNodegroup", "throttled", 3),
                call("ec2", "DeleteVpc", "unavailable", 3),
                call("iam", "DetachRolePolicy", "internal-error", 2),
            ),
        ),
    ),
)


def listed() -> list[tuple[str, Fault]]:
    """Every fault with its step."""
    return [
        (step, fault)
        for evening in EVENINGS
        for step, faults in (("up", evening.up), ("stage", evening.stage), ("down", evening.down))
        for fault in faults
    ]


def count() -> int:
    """How many faults that is; several in one run count each."""
    return sum(len(fault.calls) for _, fault in listed())
