"""What an ops server does at its first boot: the variables that only the stack knows, before a fixed script.

The script is a shell file of its own, so that it can be read and checked as one; nothing is filled into it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi

SCRIPT = Path(__file__).parent / "files" / "ops-server.sh"
LIMIT_BYTES = 16 * 1024
"""EC2 refuses longer user data (Amazon EC2 User Guide, "Run commands at launch")."""


@dataclass(frozen=True)
class OpsTools:
    """Versions of the tools, without a leading `v`, and the krew plugins."""

    kubectl: str
    helm: str
    aws_cli: str
    krew: str
    krew_plugins: Sequence[str]


@dataclass(frozen=True)
class OpsEnvironment:
    """What the login shells export for the study note's commands."""

    cluster_name: str
    region: str
    account_id: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    public_subnet_ids: Sequence[pulumi.Input[str]]
    """Three, in the order of the zones."""

    zones: Sequence[str]


def ops_user_data(hostname: str, environment: OpsEnvironment, tools: OpsTools) -> pulumi.Output[str]:
    """The user data of one ops server. It holds no secret.

    Raises:
        ValueError: (when its values are known) it would be longer than EC2 takes.
    """
    variables: dict[str, pulumi.Input[str]] = {
        "HOSTNAME": hostname,
        "CLUSTER_NAME": environment.cluster_name,
        "REGION": environment.region,
        "ACCOUNT_ID": environment.account_id,
        "VPC_ID": environment.vpc_id,
        **{f"PUBLIC_SUBNET_{n}": subnet for n, subnet in enumerate(environment.public_subnet_ids, start=1)},
        **{f"ZONE_{n}": zone for n, zone in enumerate(environment.zones, start=1)},
        "KUBECTL_VERSION": tools.kubectl,
        "HELM_VERSION": tools.helm,
        "AWS_CLI_VERSION": tools.aws_cli,
        "KREW_VERSION": tools.krew,
        "KREW_PLUGINS": " ".join(tools.krew_plugins),
    }
    # Output.all resolves each value; typed for the lists that it also takes.
    return pulumi.Output.all(**variables).apply(_write)


def _write(variables: Mapping[str, str]) -> str:
    header = [f"MYEKS_{name}={shlex.quote(value)}" for name, value in variables.items()]
    text = "\n".join(["#!/bin/bash", *header, SCRIPT.read_text(encoding="utf-8")])
    if len(text.encode()) > LIMIT_BYTES:
        raise ValueError(f"The ops servers' user data has more than {LIMIT_BYTES} bytes. Shorten {SCRIPT.name}.")
    return text
