"""What cannot work in the rehearsal, answered by one line: why, and what shows the same here.

The rehearsal's machines and names are played, and their public addresses may be other people's: ssh, ping and open
are looked at before they leave this machine. Whatever is not about the lab goes to the machine's own program.
"""

import getopt
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from programs.cluster import Stopped

_SSH: Final = "1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVw:W:XYy"
"""ssh's options of one letter; a colon follows those with a value (OpenSSH 9.9, ssh(1))."""
_IPV4: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_AWS_NAME: Final = re.compile(r"(ip|ec2)-\d+-\d+-\d+-\d+\..*")
NOT_FOUND: Final = 127
_CODES: Final = {"ssh": 255, "ping": 1, "open": 1}
"""What the programs themselves end with when they reach nobody."""


def leaving(name: str, arguments: list[str], directory: Path) -> None:
    """Answer ssh, ping or open if it is about the lab; else become the machine's own program.

    The one command that a played machine answers is `hostname`: EC2 tells it.
    `directory` is that of our own launchers, in which the machine's program is not. Raises Stopped.
    """
    target = Target() if name == "open" else target_of(name, arguments)
    instances = _instances() if target.is_on_aws else None
    if answer := _open(arguments, os.environ) if name == "open" else _machine(target, instances):
        if target.command == "hostname" and (found := instance_of(target.host, instances or ())):
            sys.stdout.write(f"{found['PrivateDnsName']}\n")
            return
        raise Stopped(answer, _CODES[name])
    others = [one for one in os.get_exec_path() if Path(one) != directory]
    found = shutil.which(name, path=os.pathsep.join(others))
    if not found:
        raise Stopped("There is no such program on this machine. Install it, or do without.", NOT_FOUND)
    os.execv(found, [name, *arguments])  # noqa: S606  # the user's own command, which we only looked at


def lacking(name: str) -> None:
    """Say that there is no kind cluster, for a machine that does not have kind; raises Stopped."""
    words = f"{name} is not installed, and there is no kind cluster to delete: see kubectl config get-contexts"
    raise Stopped(words, NOT_FOUND)


@dataclass(frozen=True)
class Target:
    """The machine that ssh or ping is about."""

    host: str = ""
    """Empty when none is named."""
    command: str = ""
    """What it is to run."""

    @property
    def is_on_aws(self) -> bool:
        """Whether it may be one of EC2's instances."""
        return bool(_IPV4.fullmatch(self.host) or _AWS_NAME.fullmatch(self.host))


def target_of(name: str, arguments: Sequence[str]) -> Target:
    """The machine that a command line of ssh or ping is about."""
    if name == "ping":
        return Target(arguments[-1] if arguments else "")
    try:
        _, rest = getopt.getopt(list(arguments), _SSH)
    except getopt.GetoptError:
        return Target()
    host, *command = rest or [""]
    named = urlsplit(host).hostname or "" if host.startswith("ssh://") else host.rpartition("@")[2]
    return Target(named, " ".join(command))


def instance_of(host: str, instances: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The instance of EC2 that has this address or name."""
    names = ("PublicIpAddress", "PrivateIpAddress", "PublicDnsName", "PrivateDnsName")
    return next((one for one in instances if host in [one[name] for name in names if one.get(name)]), None)


def machine_words(host: str, instances: Sequence[Mapping[str, Any]]) -> str:
    """The line for a machine that the rehearsal plays; empty when it is none of these instances of EC2."""
    one = instance_of(host, instances)
    if one is None:
        return ""
    tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags") or ()}
    private = one.get("PrivateDnsName", "")
    if "eks:cluster-name" in tags:
        return (
            f"{host} is the node {private}, which is played: no machine answers there. "
            f"What is known of it: kubectl get node {private} -o wide"
        )
    return (
        f"{host} is {tags.get('Name') or one['InstanceId']}, which is played: no machine answers there. "
        f"What is known of it: aws ec2 describe-instances --instance-ids {one['InstanceId']}"
    )


def _machine(target: Target, instances: Sequence[Mapping[str, Any]] | None) -> str:
    """The line for a played machine; empty for others. Without `instances` EC2 did not tell."""
    if not target.is_on_aws:
        return ""
    if instances is not None:
        return machine_words(target.host, instances)
    # Who this shell is may not ask EC2: then the variables of its start are all that is known.
    known = " ".join(os.environ.get(one, "") for one in ("N1", "N2", "N3")).split()
    words = f"{target.host} is a node, which is played: no machine answers there. See kubectl get node"
    return words if target.host in known else ""


def _instances() -> list[dict[str, Any]] | None:
    """The account's instances; None when EC2 does not tell."""
    import boto3  # a part of a second, and only an address needs it
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        ec2: Any = boto3.client("ec2", config=Config(connect_timeout=3, read_timeout=5, retries={"max_attempts": 1}))
        pages = ec2.get_paginator("describe_instances").paginate()
        return [one for page in pages for kept in page["Reservations"] for one in kept["Instances"]]
    except (BotoCoreError, ClientError):
        return None


def _open(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """The line for a page of the lab; empty when it is about something else."""
    domain = environment.get("MyDomain", "").rstrip(".")
    for one in arguments:
        host = urlsplit(one).hostname or "" if "://" in one else ""
        # Without a domain the note's address ends with the dot before it.
        of_lab = f".{host}".rstrip(".").endswith(f".{domain}") if domain else host.endswith(".")
        if of_lab:
            return (
                f"{one} is not served here: DNS and the load balancer are played. "
                "What is behind it: kubectl get ingress,service,endpoints -A"
            )
    return ""


def tell(name: str, stopped: Stopped) -> None:
    """A program's line on stderr."""
    sys.stderr.write(f"{name}: {stopped}\n")
