"""`lab as`: run a command as one of the exercises' subjects, the IAM user testuser or a service account.

Credentials are made for the one command and are in its environment alone. testuser's access key is deleted when the
command ends; a service account's token ends by itself after ten minutes, and with the account.
"""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli import child_process, shell_directory, shell_environment, shell_sessions, subject_credentials
from cli.shell_directory import ShellDirectory
from cli.shell_environment import Who
from exercises.catalogue import OFF, standing
from exercises.identity_mapping.checks import USER
from exercises.rbac.checks import OTHER
from grading.outcomes import HttpRefused
from operations.testuser import access_key
from stacks import backend
from stacks.console import err
from stacks.errors import BadInput, CannotAsk, Failure
from stacks.outputs import outputs_of
from stacks.stack import REHEARSAL, Stack, StackOption, load

ACCOUNTS: Final = {f"{team}-k8s": (f"{team}-team", f"{team}-k8s") for team in OTHER}
"""Short name → namespace and name of a service account of exercise RBAC."""
KNOWN: Final = ", ".join((USER, *ACCOUNTS))

_NAMED = re.compile(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?)/([a-z0-9]([-a-z0-9.]*[a-z0-9])?)")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="as",
        help=f"Run COMMAND as one of the exercises' subjects: {KNOWN}, or the service account NAMESPACE/NAME.\n\n"
        "testuser gets an access key that is deleted when the command ends, a service account a token of ten minutes; "
        "both are in the command's environment alone. Without COMMAND, a shell.",
        short_help="Run a command as testuser or as a service account.",
        context_settings={"ignore_unknown_options": True},
    )(run_as)


def run_as(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Whom to be.", show_default=False)],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND", help="Run this; without it, a shell.")
    ] = None,
    stack: StackOption = REHEARSAL,
) -> None:
    """Run COMMAND as one of the exercises' subjects, or a shell."""
    account = _account(subject)
    before = dict(os.environ)
    chosen = load(stack)
    with outputs_of(chosen) as (outputs, directory), shell_directory.opened() as own:
        lab = _Lab(chosen, outputs, directory, before, own)
        code = lab.as_account(*account, command) if account else lab.as_user(command)
    sys.exit(code)


def _account(subject: str) -> tuple[str, str] | None:
    """Namespace and name of the service account that is meant; None for testuser. Raises BadInput."""
    if subject == USER:
        return None
    if subject in ACCOUNTS:
        return ACCOUNTS[subject]
    named = _NAMED.fullmatch(subject.removeprefix("sa:"))
    if not named:
        raise BadInput(f"There is no subject {subject}. Name one of: {KNOWN}, or a service account as NAMESPACE/NAME.")
    return named[1], named[3]


@dataclass(frozen=True)
class _Lab:
    """A standing lab, inside `outputs_of`."""

    stack: Stack
    outputs: Mapping[str, Any]
    directory: Path
    before: Mapping[str, str]
    """The environment of who has called us."""
    own: ShellDirectory
    """Of this command alone."""

    def as_user(self, command: list[str] | None) -> int:
        """Run a command as testuser; its exit code."""
        arn = str(self.outputs.get("testuserArn") or "")
        name = arn.rpartition("/")[2]
        if not name:
            raise CannotAsk(
                f"There is no {USER} while exercise identity-mapping is off. "
                f"Make them: ./lab stage identity-mapping masters{self.stack.option}"
            )
        who = Who(name, arn, is_subject=True)
        environment = self._environment(who, subject_credentials.as_caller(self.outputs["kubeconfig"]))
        code: int | None = None
        try:
            with access_key.key_of(arn, self.stack.config.region, self.directory, _tell) as key:
                environment["AWS_ACCESS_KEY_ID"] = key.access_key_id
                environment["AWS_SECRET_ACCESS_KEY"] = key.secret_access_key
                code = self._run(who, command, environment)
        except (BotoCoreError, ClientError) as error:
            raise CannotAsk(f"{name} has no key: {error}. Check the credentials and try again.") from error
        except access_key.NoKey as error:
            raise CannotAsk(str(error)) from error
        except access_key.NotDeleted as error:
            if code is not None and backend.of(self.stack).is_gone():
                # So is the user, with every key.
                return code
            raise Failure(str(error)) from error
        return code

    def as_account(self, namespace: str, name: str, command: list[str] | None) -> int:
        """Run a command as a service account; its exit code."""
        subject = f"{namespace}/{name}"
        if (namespace, name) in ACCOUNTS.values() and standing(self.outputs)["rbac"] == OFF:
            raise CannotAsk(
                f"There is no {name} while exercise rbac is off. Make them: ./lab stage rbac before{self.stack.option}"
            )
        token = self._token(namespace, name)
        who = Who(subject, is_subject=True)
        environment = self._environment(
            who, subject_credentials.as_bearer(self.outputs["kubeconfig"], subject, namespace)
        )
        environment[subject_credentials.BEARER] = token
        return self._run(who, command, environment)

    def _environment(self, who: Who, kubeconfig: Mapping[str, Any]) -> dict[str, str]:
        """All of the command's environment but its credentials."""
        made = shell_environment.of(self.stack, self.outputs, self.own.path, who, kubeconfig)
        return made.around(subject_credentials.without_credentials(self.before, on_aws=not made.is_played))

    def _token(self, namespace: str, name: str) -> str:
        from grading.run_probe import token_of  # with the Kubernetes client, most of a second
        from grading.session import NoOperator, reached

        try:
            with reached(self.outputs) as lab:
                made = token_of(lab.api, namespace, name, "")
                if isinstance(made, str):
                    return made
                asked = lab.api.request("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
        except NoOperator as error:
            raise CannotAsk(str(error)) from error
        if isinstance(asked, HttpRefused) and asked.status == 404:
            raise BadInput(
                f"There is no service account {name} in namespace {namespace}. "
                f"See ./lab shell{self.stack.option} -- kubectl get serviceaccounts -A"
            )
        raise CannotAsk(made.shown)

    def _run(self, who: Who, command: list[str] | None, environment: Mapping[str, str]) -> int:
        line = command or []
        if by_hand := shell_sessions.asked_for(command):
            shell_sessions.greet(by_hand, self.stack, self.outputs, who)
            line, environment = shell_sessions.started(by_hand, environment)
        return child_process.run(line, environment, holds=[self.own.held], dies_with_us=True)


def _tell(text: str) -> None:
    err.print(text, markup=False)
