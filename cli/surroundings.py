"""The environment in which the study note's commands work as they stand, for the shell and for single commands.

It has KUBECONFIG, the AWS settings and every variable that the note puts into .zshrc. All of it is in the
environment of a process and in files of the lab's own; nothing of the user's (~/.kube, ~/.aws, the shell's start-up
files) is touched.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from cli import rehearsed
from cli.console import Progress
from cli.failures import CannotAsk
from cli.files import replace_text
from cli.stacks import CHECKOUT, SHELLS_STACK, Stack
from programs import launchers


def of(stack: Stack, outputs: Mapping[str, Any], directory: Path) -> dict[str, str]:
    """What a process in the lab sees beside this process's own environment, but for its kubeconfig.

    `directory` is the stack's own, for files; ask inside `outputs_of`. Raises CannotAsk when EC2 does not answer.
    """
    settings = variables(outputs)
    first, last = launchers.directories(directory, rehearsal=stack.is_rehearsal)
    if stack.is_rehearsal:
        first = (_commands(directory, rehearsed.tools(Progress())), *first)
    settings["PATH"] = os.pathsep.join([*map(str, first), os.environ.get("PATH", os.defpath), *map(str, last)])
    settings[SHELLS_STACK] = stack.name
    return settings


def kubectl_files(directory: Path, content: object) -> dict[str, str]:
    """What a process sees of kubectl's files, which are kept in this directory.

    `content` is a kubeconfig, text or parsed. `aws eks update-kubeconfig` adds to the file, so it is only written
    anew when `content` is another one.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, made_from = directory / "kubeconfig", directory / "kubeconfig.source"
    text = content if isinstance(content, str) else json.dumps(content)
    if not file.exists() or not made_from.exists() or made_from.read_text() != text:
        replace_text(file, yaml.safe_dump(yaml.safe_load(text)))
        replace_text(made_from, text)
    # kubectl's cache of the API's shape would otherwise stay in ~/.kube.
    return {"KUBECONFIG": str(file), "KUBECACHEDIR": str(directory / "kube-cache")}


def variables(outputs: Mapping[str, Any]) -> dict[str, str]:
    """The note's shell variables: names as in its .zshrc, values from the stack and from EC2.

    N1 to N3 are the nodes' public IPv4 addresses in zones a, b, c (empty where a zone has no node; several
    are separated by spaces, as the note's own command gives them).
    """
    region, name = outputs["region"], outputs["clusterName"]
    zones = [f"{region}{letter}" for letter in "abc"]
    addresses = _node_addresses(region, f"{name}-{outputs['nodeGroupName']}-Node", zones)
    return {
        "CLUSTER_NAME": name,
        "VPCID": outputs["vpcId"],
        **{f"PubSubnet{n}": subnet for n, subnet in enumerate(outputs["publicSubnetIds"], 1)},
        **{f"N{n}": " ".join(addresses[zone]) for n, zone in enumerate(zones, 1)},
        "CERT_ARN": outputs.get("certificateArn") or "",
        "MyDomain": outputs.get("domain") or "",
        "MyDnzHostedZoneId": outputs.get("hostedZoneId") or "",
        "ACCOUNT_ID": outputs["accountId"],
        "AWS_PAGER": "",
    }


def _node_addresses(region: str, instance_name: str, zones: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {zone: [] for zone in zones}
    wanted = [
        {"Name": "tag:Name", "Values": [instance_name]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    try:
        for page in (
            boto3.client("ec2", region_name=region).get_paginator("describe_instances").paginate(Filters=wanted)
        ):
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    zone = instance["Placement"]["AvailabilityZone"]
                    if zone in found and instance.get("PublicIpAddress"):
                        found[zone].append(instance["PublicIpAddress"])
    except (BotoCoreError, ClientError) as error:
        raise CannotAsk(
            f"EC2 could not be asked for the nodes: {error}. Check the credentials and try again."
        ) from error
    return found


def _commands(directory: Path, bin_dir: Path) -> Path:
    """A directory for PATH with the rehearsal's kubectl, aws and lab, and nothing else of theirs."""
    commands = directory / "bin"
    commands.mkdir(exist_ok=True)
    for name, target in {
        "kubectl": bin_dir / "kubectl",
        "aws": Path(sys.executable).parent / "aws",
        "lab": CHECKOUT / "lab",
    }.items():
        link = commands / name
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    return commands
