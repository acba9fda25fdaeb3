"""`lab shell`: a shell in which the study note's commands work as they stand.

It has KUBECONFIG, the AWS settings and every variable that the note puts into
.zshrc. Everything is in the environment of that shell; nothing of the user's
own (~/.kube, ~/.aws, the shell's start-up files) is touched.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from cli import rehearsed
from cli.console import Progress, err
from cli.failures import BadInput, CannotAsk
from cli.outputs import outputs_of, with_path
from cli.stacks import CHECKOUT, REHEARSAL, StackOption, load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="shell",
        help="Open a shell with kubectl, aws and the note's variables set up, or run COMMAND in it.",
        context_settings={"ignore_unknown_options": True},
    )(shell)


def shell(
    stack: StackOption = REHEARSAL,
    command: Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="Run this instead.")] = None,
) -> None:
    """Open a shell with kubectl, aws and the note's variables set up, or run COMMAND in it."""
    chosen = load(stack)
    with outputs_of(chosen) as (outputs, directory):
        settings = variables(outputs)
        settings["KUBECONFIG"] = str(_kubeconfig(directory, outputs["kubeconfig"]))
        # kubectl's cache of the API's shape would otherwise stay in ~/.kube.
        settings["KUBECACHEDIR"] = str(directory / "kube-cache")
        if chosen.is_rehearsal:
            settings["PATH"] = with_path(_commands(directory, rehearsed.tools(Progress())))
        settings["LAB_STACK"] = chosen.name
        line = command or [os.environ.get("SHELL", "/bin/sh"), "-i"]
        if not command:
            err.print(
                f"A shell in stack {chosen.name}: KUBECONFIG, AWS and the note's variables are set. Leave it by exit."
            )
        try:
            ended = subprocess.run(
                line, env=os.environ | settings, cwd=os.environ.get("LAB_INVOKED_FROM") or None, check=False
            )
        except FileNotFoundError as error:
            raise BadInput(
                f"There is no command {line[0]}. Check its name, or open a shell with ./lab shell."
            ) from error
    sys.exit(ended.returncode)


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


def _kubeconfig(directory: Path, content: object) -> Path:
    """The shell's own kubeconfig; `aws eks update-kubeconfig` adds to it, so an existing one is kept."""
    file = directory / "kubeconfig"
    text = content if isinstance(content, str) else json.dumps(content)
    made_from = directory / "kubeconfig.source"
    if not file.exists() or not made_from.exists() or made_from.read_text() != text:
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(yaml.safe_load(text)))
        made_from.write_text(text)
    return file


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
