"""The environment in which the study note's commands work as they stand, for the shell and for single commands.

It has KUBECONFIG, the AWS settings and every variable that the note puts into .zshrc. All of it is in the
environment of a process and in a directory of its own; nothing of the user's (~/.kube, ~/.aws, the shell's start-up
files) is touched, and nothing that a shell may write is read by another command of ./lab.
"""

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from cli import callers, shell_directory, shell_helm
from cli.subject_credentials import is_credential
from programs import launchers
from rehearsal import aws_cli, aws_cli_2
from stacks import backend
from stacks.console import Progress
from stacks.errors import CannotAsk
from stacks.files import replace_text
from stacks.rehearsal_backend import World, tools
from stacks.stack import CHECKOUT, SHELLS_STACK, SUBJECT, Stack

_SCRIPTS: Final = CHECKOUT / "cli" / "shell_files"
_AWS_FILES: Final = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}
_NOT_OF_A_PLAYED_ONE: Final = ("AWS_", "HELM_")
_SIGN_FOR_STS: Final = """\
case " $* " in
*" --role-arn"*) ;;
*" eks get-token "*) export "AWS_ENDPOINT_URL_STS=https://sts.$AWS_REGION.amazonaws.com" ;;
esac
"""
"""A token for the cluster is a request to STS, signed and not sent: it may name the address that it has on AWS. With a
role the command first asks STS for its credentials, which must be the emulator."""
PLAIN_HELP: Final = """\
case " $* " in
*" help "*) [ -t 1 ] || export "MANPAGER=sed s/.$(printf '\\b')//g" ;;
esac
"""
"""For a terminal its help prints a letter over itself to make it bold. In a pipe or a file each would stand twice."""
_HOME_OF_AWS: Final = 'export "HOME=$LAB_SHELL"\n'
"""AWS CLI 2 keeps a cache and a session below ~/.aws/cli, wherever its settings are."""


@dataclass(frozen=True)
class Who:
    """Whom a shell belongs to."""

    name: str
    """As the prompt shows it: admin, testuser, dev-team/dev-k8s."""
    arn: str = ""
    """The IAM principal; empty where that is not known, or none."""
    is_subject: bool = False
    """Whether it is one of the exercises' subjects, and not the operator."""


@dataclass(frozen=True)
class ShellEnvironment:
    """What a process in the lab sees otherwise than whoever starts it."""

    values: Mapping[str, str]
    unset: frozenset[str]
    path: tuple[tuple[Path, ...], tuple[Path, ...]]
    """Directories of the lab's programs: those before the user's own on PATH, and those after them."""
    is_played: bool
    """Whether AWS is the rehearsal's: then no other setting of AWS or Helm comes in: it might lead to a real account,
    or to another cluster."""

    def around(self, environment: Mapping[str, str]) -> dict[str, str]:
        """All of a process's environment, from that of who starts it."""
        kept = {
            name: value
            for name, value in environment.items()
            if name not in self.unset and not (self.is_played and name.startswith(_NOT_OF_A_PLAYED_ONE))
        }
        return {**kept, **self.values, "PATH": self.with_programs(environment.get("PATH", os.defpath))}

    def with_programs(self, users: str) -> str:
        """PATH with the lab's programs around the user's."""
        before, after = self.path
        return os.pathsep.join([*map(str, before), users, *map(str, after)])


def of(
    stack: Stack, outputs: Mapping[str, Any], directory: Path, who: Who, kubeconfig: object = None
) -> ShellEnvironment:
    """Fill a shell's own directory, and tell its environment; ask inside `outputs_of`.

    Args:
        stack: whose lab it is.
        outputs: of that stack.
        directory: the shell's own. What stands there of another lab is replaced. Where it has a home, the settings
            of aws and kubectl are in that, and it is the shell's ~.
        who: whom the shell is for. The operator gets credentials, a subject's are the caller's to add.
        kubeconfig: text or parsed; the stack's when None.

    Raises:
        CannotAsk: EC2 does not answer.
        Failure: the rehearsal has ended meanwhile.
    """
    world = backend.of(stack).world()
    values, unset = stack.aws_environment if world is None else (world.env(), set(world.unset()))
    if who.is_subject:
        # Their credentials are variables; a profile, as the user's start-up files may name one, is the user's.
        values = {name: value for name, value in values.items() if not is_credential(name)}
        unset = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}
    values = {**values, **variables(outputs)}
    values |= _aws_files(directory, world, is_subject=who.is_subject)
    values |= _kubectl_files(directory, outputs["kubeconfig"] if kubeconfig is None else kubeconfig)
    values |= {
        SHELLS_STACK: stack.name,
        shell_directory.VARIABLE: str(directory),
        "LAB_NAME": outputs["clusterName"] + ("" if world else f"/{stack.name}"),
        "LAB_WHO": who.name,
        SUBJECT: who.name if who.is_subject else "",
        callers.ARN: who.arn,
        "LAB_WORLD": str(world.dir / "world.json") if world else "",
    }
    if (home := directory / shell_directory.HOME).is_dir():
        # ./lab takes the user's back.
        values |= {"HOME": str(home), "LAB_USERS_HOME": str(Path.home())}
    if world:
        values |= shell_helm.lay(directory)
    for script in ("follow.sh", "program.sh", "prompt.sh"):
        _link(directory / script, _SCRIPTS / script)
    first, last = launchers.around(directory, rehearsal=world is not None)
    path = ((_programs(directory, world), *first), last)
    made = ShellEnvironment(values, frozenset(unset), path, world is not None)
    _write_settings(directory / "settings.sh", made)
    if world:
        # Last: it says that everything beside it is of this lab.
        replace_text(directory / "world.json", (world.dir / "world.json").read_text())
    return made


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


def _aws_files(directory: Path, world: World | None, *, is_subject: bool) -> dict[str, str]:
    """AWS settings and credentials of the shell's own: `aws configure` in it writes there.

    They are copies of the operator's: the world's, or on AWS those that the user's environment names. A subject's
    credentials are nowhere on the disk, and of the user's settings they get none.
    """
    own = _settings_directory(directory, "aws")
    values: dict[str, str] = {}
    for variable, name in _AWS_FILES.items():
        source = world.dir / "aws" / name if world else Path(os.environ.get(variable) or f"~/.aws/{name}").expanduser()
        is_empty = is_subject and (name == "credentials" or world is None)
        text = source.read_text() if source.is_file() and not is_empty else ""
        replace_text(own / name, text)
        values[variable] = str(own / name)
        if world is None:
            values[callers.OWN + variable] = os.environ.get(variable, "")
    return values


def _kubectl_files(directory: Path, content: object) -> dict[str, str]:
    """What a process sees of kubectl's files; `content` is a kubeconfig, text or parsed."""
    text = content if isinstance(content, str) else json.dumps(content)
    file = _settings_directory(directory, "kube") / "config"
    replace_text(file, yaml.safe_dump(yaml.safe_load(text)))
    # Another cluster's API would otherwise be taken for this one's.
    shutil.rmtree(directory / "kube-cache", ignore_errors=True)
    return {"KUBECONFIG": str(file), "KUBECACHEDIR": str(directory / "kube-cache")}


def _settings_directory(directory: Path, tool: str) -> Path:
    """Where a shell keeps the settings of a tool: where the tool expects them, if the shell has a home of its own."""
    home = directory / shell_directory.HOME
    own = home / f".{tool}" if home.is_dir() else directory / tool
    own.mkdir(mode=0o700, exist_ok=True)
    return own


def _programs(directory: Path, world: World | None) -> Path:
    """The first directory on PATH: kubectl, aws, helm and lab.

    `lab` is there for good. Everything that needs a standing lab begins with program.sh, which says in a line when it
    is gone, and follows it when it was created again.
    """
    commands = directory / "bin"
    commands.mkdir(exist_ok=True)
    _link(commands / "lab", CHECKOUT / "lab")
    if world is None:
        # On AWS the user's own kubectl, aws and helm are as good.
        return commands
    built = tools(Progress())
    aws = aws_cli_2.installed()
    programs = {
        "kubectl": _become(shlex.quote(str(built / "kubectl"))),
        "aws": _HOME_OF_AWS + PLAIN_HELP + _SIGN_FOR_STS + _become(shlex.quote(str(aws)) if aws else aws_cli.line()),
        shell_helm.PROGRAM: shell_helm.script(built / shell_helm.PROGRAM),
    }
    for name, rest in programs.items():
        file = commands / name
        replace_text(file, f'#!/bin/sh\nLAB_SHELL={shlex.quote(str(directory))}\n. "$LAB_SHELL/program.sh"\n{rest}')
        file.chmod(0o700)
    return commands


def _become(line: str) -> str:
    return f'exec {line} "$@"\n'


def _write_settings(file: Path, made: ShellEnvironment) -> None:
    """The environment as a script for sh, bash and zsh; it holds no secret."""
    lines = [f"unset {name}" for name in sorted(made.unset)]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sorted(made.values.items())]
    before, after = made.path
    first = shlex.quote(str(before[0]))
    path = "".join([*(shlex.quote(f"{one}:") for one in before), '"$PATH"', *(shlex.quote(f":{one}") for one in after)])
    lines += [f"case :$PATH: in :{first}:*) ;; *) PATH={path}; export PATH ;; esac"]
    replace_text(file, "\n".join([*lines, ""]))


def _link(link: Path, target: Path) -> None:
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(target)
