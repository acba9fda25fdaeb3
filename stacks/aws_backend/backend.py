"""Drives the user's own pulumi CLI and backend for a stack on AWS.

State, secrets provider, credentials and prompts stay the user's: this only checks the settings first, says what the
lab will cost, and asks.
"""

import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from operations.doctor.findings import Finding
from rehearsal import paths
from rehearsal.environment import environment
from stacks import aws_lab, cluster_facts, expiry, pulumi_cli, pulumi_state, settings_file, state
from stacks.aws_backend import down, engine, examination
from stacks.aws_lab import LabSession
from stacks.console import Progress
from stacks.errors import CannotAsk
from stacks.made_by_hand import Agree, nobody
from stacks.outcomes import LeftOnAws, Run, Update
from stacks.pending_operations import Json
from stacks.stack import Stack, parsed, read, standing_outputs
from stacks.takeover import Engine


@dataclass(frozen=True)
class AwsBackend:
    """One stack on AWS; the methods' promises are those of `stacks.backend.Backend`."""

    stack: Stack

    @property
    def costs(self) -> bool:
        """It does."""
        return True

    @property
    def place(self) -> str:
        """AWS, with the region."""
        return f"AWS in {self.stack.config.region}"

    @property
    def patience(self) -> float:
        """IAM and EKS take a minute."""
        return 90.0

    def examine(self) -> tuple[Finding, ...]:
        """Asks AWS with the user's own credentials."""
        return examination.on_aws(self.stack)

    def with_end(self, expires: str | None) -> tuple[Stack, Callable[[], None]]:
        """In the stack's own settings file."""
        stack = self.stack
        if expires is None:
            return stack, _nothing
        before = read(stack.file)
        after = settings_file.with_expires(before, expires)
        write = partial(settings_file.write, stack.file, before, after)
        return parsed(stack.name, stack.file, after, stack.stages), write

    def agree(self, *, yes: bool, tell: Callable[[Stack], object] | None) -> None:
        """Everybody who has not said yes is asked."""
        stack = self.stack
        expiry.require(stack.config, datetime.now(UTC))
        pulumi_cli.binary()  # before anybody is asked
        if tell:
            tell(stack)
        name, region = stack.config.cluster_name, stack.config.region
        engine.ask(f"Stand {name} up on AWS in {region} (stack {stack.name})?", yes=yes)

    def up(self, shown: Progress, *, yes: bool, agree: Agree, refresh: bool = False, as_json: bool = False) -> Update:
        """Everything is read again by itself after an update that failed."""
        stack = self.stack
        with shown.paused():
            refresh = refresh or self.last_update_failed()
            arguments = ["up", "--yes", "--skip-preview", *(["--refresh"] if refresh else []), "--stack", stack.name]
            engine.change(stack, *arguments, stdout=sys.stderr if as_json else None, yes=yes, agree=agree)
            made = pulumi_cli.outputs(stack.name)
            with environment(*stack.aws_environment):
                releases = cluster_facts.after_up(made, stack.option)
        return Update(outputs=made, releases=releases, seconds=shown.elapsed)

    def apply(self, shown: Progress, *, refresh: bool = False, agree: Agree = nobody) -> None:
        """What pulumi says goes to stderr: the caller's stdout may be for a script."""
        stack = self.stack
        expiry.require(stack.config, datetime.now(UTC))
        arguments = ["up", "--yes", "--skip-preview", *(["--refresh"] if refresh else []), "--stack", stack.name]
        with shown.paused():
            engine.change(stack, *arguments, "--config-file", str(stack.file), stdout=sys.stderr, yes=True, agree=agree)

    def preview(self, shown: Progress, *, as_json: bool = False) -> Run | None:
        """With `as_json` pulumi prints its own JSON."""
        with shown.paused():
            ended = pulumi_cli.run("preview", *(["--json"] if as_json else []), "--stack", self.stack.name)
        pulumi_cli.require(ended, "preview")
        return None

    def destroy(self, shown: Progress, *, yes: bool, as_json: bool = False) -> LeftOnAws:
        """By the engine; then AWS is asked what is left."""
        with shown.paused(), self.opened() as lab:
            return down.destroy(lab, yes=yes, as_json=as_json)

    @contextmanager
    def outputs(self) -> Generator[tuple[Mapping[str, Any], Path]]:
        """From the user's own Pulumi backend; in the user's environment, with the profile that the settings name."""
        stack = self.stack
        directory = paths.cache_dir() / "stacks" / stack.name
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Pulumi's own backend is reached as the user reaches it.
        standing = standing_outputs(stack, pulumi_cli.outputs(stack.name))
        with environment(*stack.aws_environment):
            yield standing, directory

    @contextmanager
    def opened(self) -> Generator[LabSession]:
        """The settings are enough: the state may be lost."""
        region = self.stack.config.region
        with environment({"AWS_REGION": region, "AWS_DEFAULT_REGION": region}, set()):
            yield aws_lab.of(self.stack, state.state_of(self.stack))

    def resources(self) -> list[Json]:
        """From the user's own Pulumi backend."""
        return pulumi_state.OnAws(self.stack).resources()

    @contextmanager
    def engine(self) -> Generator[Engine]:
        """Pulumi's own lock comes with the writing."""
        yield pulumi_state.OnAws(self.stack)

    def last_update_failed(self) -> bool:
        """By the history that Pulumi's backend keeps."""
        return pulumi_cli.last_update_failed(self.stack.name)

    def operator(self, outputs: Mapping[str, Any]) -> tuple[str, str]:
        """Whom the user's own credentials belong to, by AWS's word."""
        try:
            arn = str(boto3.client("sts", region_name=str(outputs["region"])).get_caller_identity()["Arn"])
        except (BotoCoreError, ClientError) as error:
            raise CannotAsk(f"AWS does not tell who you are: {error}. Check the credentials and try again.") from error
        return arn.rpartition("/")[2], arn

    def world(self) -> None:
        """There is none."""

    def is_gone(self) -> bool:
        """AWS stays."""
        return False


def _nothing() -> None:
    """Nothing is to be written."""
