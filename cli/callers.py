"""Who called a command of ./lab: whoever the shell is in which it was typed.

Commands that work on the lab do so as its operator, from files that no shell is led to. Only a question whose answer
depends on who asks (`lab whocan`) is put as the caller, who is whom the shell's own credentials belong to.
"""

import os
from collections.abc import Generator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from cli import subject_credentials
from rehearsal import paths
from rehearsal.environment import environment
from stacks.console import err
from stacks.errors import CannotAsk
from stacks.outputs import outputs_of
from stacks.stack import REHEARSAL, SHELLS_STACK, SUBJECT, Stack

ARN: Final = "LAB_ARN"
"""Variable of a shell with the ARN of whom it was made for."""
OWN: Final = "LAB_OWN_"
"""Begins a variable with the value that another variable has outside of the shell."""
_ASKS_AS_THE_CALLER: Final = frozenset({"whocan"})
_ASKS_NOBODY: Final = frozenset({"cost", "doctor", "plan", "shell", "as", "refresh-shell"})
_FILES: Final = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")

_of_the_shell: dict[str, str] = {}
"""AWS settings that a shell on AWS has in the place of the user's own."""


def leave_the_shell(variables: MutableMapping[str, str]) -> None:
    """Take this process's AWS files from outside of the shell; to be called before anything reads them."""
    for name in _FILES:
        own = variables.pop(OWN + name, None)
        if own is None:
            continue
        _of_the_shell[name] = variables.pop(name, "")
        if own:
            variables[name] = own


@contextmanager
def asking(stack: Stack) -> Generator[Mapping[str, Any]]:
    """The stack's outputs with a kubeconfig that enters as the caller; in the block, AWS is asked as them too.

    Says on stderr who that is, unless it is the operator. Raises what `outputs_of` does.
    """
    mine = {**os.environ, **_of_the_shell}
    with outputs_of(stack) as (outputs, _):
        if os.environ.get(SHELLS_STACK) != stack.name:
            yield outputs
            return
        theirs = {name: value for name, value in mine.items() if _is_callers(name)}
        # On AWS a profile of the settings is the operator's; here nothing but the shell decides.
        unset = {name for name in os.environ if _is_callers(name)} - theirs.keys()
        with environment(theirs, unset):
            subject, bearer = mine.get(SUBJECT, ""), mine.get(subject_credentials.BEARER)
            if bearer:
                namespace = subject.partition("/")[0]
                kubeconfig = subject_credentials.as_bearer(outputs["kubeconfig"], subject, namespace)
                _say(f"Asked as the service account {subject}, whose shell this is.")
            else:
                kubeconfig = outputs["kubeconfig"]
                if subject:
                    kubeconfig = subject_credentials.as_caller(kubeconfig)
                _tell(str(outputs["region"]), mine.get(ARN, ""), is_subject=bool(subject))
            yield {**outputs, "kubeconfig": kubeconfig}


def tell_who_works(command: str | None) -> None:
    """In a shell that is not the operator's: say that this command works as the operator all the same."""
    if os.environ.get(SHELLS_STACK) != REHEARSAL or command is None or command in _ASKS_AS_THE_CALLER | _ASKS_NOBODY:
        return
    if subject := os.environ.get(SUBJECT):
        _say(f"As the lab's operator, not as {subject}, whose shell this is.")
    elif _has_other_credentials():
        err.print(
            "As the lab's operator, not with the AWS credentials that this shell has now.", markup=False, soft_wrap=True
        )


def _is_callers(name: str) -> bool:
    return name in _FILES or name == subject_credentials.BEARER or subject_credentials.is_credential(name)


def _has_other_credentials() -> bool:
    """Whether the shell was given others than it had at its start. Decides about a sentence, and nothing else."""
    if any(os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE")):
        return True
    try:
        mine = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).read_bytes()
        return mine != (paths.world_dir() / "aws" / "credentials").read_bytes()
    except (KeyError, OSError):
        return False


def _tell(region: str, expected: str, *, is_subject: bool) -> None:
    """Say whom AWS takes this process's credentials for. Raises CannotAsk when it takes them for nobody's."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        arn = str(boto3.client("sts", region_name=region).get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError) as error:
        raise CannotAsk(
            f"AWS does not take this shell's credentials: {error}. Renew them with aws configure, or open a new shell "
            "with ./lab shell."
        ) from error
    if is_subject or arn != expected:
        _say(f"Asked as {arn}, whose credentials this shell has.")


def _say(text: str) -> None:
    err.print(text, markup=False, soft_wrap=True)
