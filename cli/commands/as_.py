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
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli import child_process, shell_directory, shell_environment, shell_sessions, subject_credentials
from cli.shell_directory import ShellDirectory
from cli.shell_environment import Who
from exercises.catalogue import EXERCISES, OFF, standing
from exercises.identity_mapping.checks import USER
from exercises.made import Made, made
from grading.outcomes import HttpRefused
from operations.testuser import access_key
from stacks import backend
from stacks.console import err
from stacks.errors import BadInput, CannotAsk, Failure
from stacks.outputs import outputs_of
from stacks.stack import REHEARSAL, Stack, StackOption, load

_NAMED = re.compile(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?)/([a-z0-9]([-a-z0-9.]*[a-z0-9])?)")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="as",
        help=f"Run COMMAND as one of the exercises' subjects: {USER}, or a service account, by its name (dev-k8s, "
        "ci-bot) or as NAMESPACE/NAME.\n\n"
        "testuser gets an access key that is deleted when the command ends, a service account a token of ten minutes; "
        "both are in the command's environment alone. Without COMMAND, a shell.",
        short_help="Run a command as testuser or as a service account.",
        context_settings={"ignore_unknown_options": True},
    )(run_as)


def run_as(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="A subject of the exercises.", show_default=False)],
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
    called = subject.removeprefix("sa:")
    if named := _NAMED.fullmatch(called):
        return named[1], named[3]
    mine = [each for each in _accounts() if each.name == called]
    if len(mine) == 1:
        return mine[0].namespace, mine[0].name
    if mine:
        told = " or ".join(f"{each.id} (exercise {each.exercise})" for each in mine)
        raise BadInput(f"There are {len(mine)} service accounts {called}. Name one of them: {told}.")
    raise BadInput(
        f"The exercises have no subject {subject}. Name {USER}, or a service account as NAMESPACE/NAME; "
        "kubectl get serviceaccounts -A lists them."
    )


def _accounts() -> list[Made]:
    """The service accounts of the exercises, whether or not they stand."""
    return [each for each in made() if each.kind == "ServiceAccount"]


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
                token = token_of(lab.api, namespace, name, "")
                if isinstance(token, str):
                    return token
                asked = lab.api.request("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
        except NoOperator as error:
            raise CannotAsk(str(error)) from error
        if isinstance(asked, HttpRefused) and asked.status == 404:
            self._insist_on_exercise(namespace, name)
            raise BadInput(
                f"There is no service account {name} in namespace {namespace}. "
                f"See ./lab shell{self.stack.option} -- kubectl get serviceaccounts -A"
            )
        raise CannotAsk(token.shown)

    def _insist_on_exercise(self, namespace: str, name: str) -> None:
        """Raises CannotAsk where an exercise that is off makes the account."""
        mine = next((each for each in _accounts() if (each.namespace, each.name) == (namespace, name)), None)
        if mine and standing(self.outputs)[mine.exercise] == OFF:
            raise CannotAsk(
                f"There is no {name} while exercise {mine.exercise} is off. "
                f"Make it: ./lab stage {mine.exercise} {EXERCISES[mine.exercise].stages[0]}{self.stack.option}"
            )

    def _run(self, who: Who, command: list[str] | None, environment: Mapping[str, str]) -> int:
        line = command or []
        if by_hand := shell_sessions.asked_for(command):
            shell_sessions.greet(by_hand, self.stack, self.outputs, who)
            line, environment = shell_sessions.started(by_hand, environment)
        return child_process.run(line, environment, holds=[self.own.held], dies_with_us=True)


def _tell(text: str) -> None:
    err.print(text, markup=False)
