"""An interactive shell in the lab: its greeting, and a prompt that shows which lab it is and who the user is there.

bash and zsh read a start-up file of ours that reads the user's own first. Other shells start as they would anywhere.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cli.shell_environment import Who
from stacks.console import err
from stacks.stack import CHECKOUT, Stack

_SCRIPTS: Final = CHECKOUT / "cli" / "shell_files"


def asked_for(command: Sequence[str] | None) -> str | None:
    """The shell that is to be used by hand; None when the command is one that runs by itself."""
    if not command:
        return os.environ.get("SHELL") or "/bin/sh"
    alone = len(command) == 1 or list(command[1:]) == ["-i"]
    known = Path(command[0]).name in ("bash", "zsh", "sh", "dash", "ksh", "fish")
    return command[0] if alone and known and sys.stdin.isatty() else None


def started(shell: str, environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command line of an interactive shell with the lab's prompt, and its environment."""
    kind = Path(shell).name
    if kind == "bash":
        return [shell, "--rcfile", str(_SCRIPTS / "bashrc"), "-i"], dict(environment)
    if kind == "zsh":
        users = environment.get("ZDOTDIR", "")
        return [shell, "-i"], {**environment, "LAB_ZDOTDIR": users, "ZDOTDIR": str(_SCRIPTS / "zsh")}
    return [shell, "-i"], dict(environment)


def greet(shell: str, stack: Stack, outputs: Mapping[str, Any], who: Who, *, own_home: bool = False) -> None:
    """Four lines: who, where, what to type next, how to leave."""
    principal = f" ({who.arn})" if who.arn else ""
    kind = Path(shell).name
    told = "" if kind in ("bash", "zsh") else f" The prompt of {kind} does not tell it; that of bash and zsh does."
    if stack.is_rehearsal:
        lab, where, check = outputs["clusterName"], "rehearsed on this machine: it costs nothing", "lab check"
    else:
        lab, check = f"{outputs['clusterName']}/{stack.name}", f"lab check{stack.option}"
        where = f"on AWS: it costs until ./lab down{stack.option}"
    first = "kubectl auth whoami" if who.is_subject else "kubectl get nodes"
    lines = (
        f"You are {who.name}{principal}.{told}",
        f"Lab {lab} in {outputs['region']}, {where}.",
        f"Type the study note's commands. Or: {first}, {check}",
        "Leave with exit. Then ~ goes too: it is this shell's alone."
        if own_home
        else "Leave with exit. Then aws and kubectl settings go; ~ is your own, and stays.",
    )
    for line in lines:
        err.print(line, markup=False, soft_wrap=True)
