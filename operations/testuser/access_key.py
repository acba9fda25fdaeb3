"""An access key of the IAM user testuser that exists no longer than what it is for.

The study note makes a long-lived key and pastes it into a file. Here a key lives in this process's memory, and in the
environment of the one command that is run with it, and it is deleted at the end: on success, on failure, on Ctrl-C,
SIGTERM and SIGHUP by this process, on anything harder by a guard (testuser_guard), and when even that is killed by the
next command that makes a key (testuser_leases). The guard and the next command also delete a key of which IAM did not
tell: it may turn up only after a while.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
)

from operations.testuser import leases as leases
from operations.testuser.signals import orderly_ends, signals_held
from operations.testuser.watchdog import Guard, client, delete, keys_of, made_since

KNOWN_WITHIN: Final = 60.0
"""Seconds that AWS may take to know a new key; it takes some, since IAM spreads what is new to its regions."""
BETWEEN: Final = 0.5
"""Seconds between two answers that know the key: one host of one service that knows it says nothing of the others."""
TOLD_AFTER: Final = 5.0
"""Seconds after which the wait is reported."""
MOST_KEYS: Final = 2
"""Access keys that one IAM user may have (IAM User Guide, "IAM and AWS STS quotas", 2026-11)."""
DIRECTORY: Final = "testuser-keys"
"""Where leases are, below the directory that the caller names."""

_UNKNOWN_YET: Final = frozenset(
    {
        "AuthFailure",  # EC2
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",  # EKS
    }
)
_REFUSED: Final = frozenset({"AccessDenied", "AccessDeniedException", "DryRunOperation", "UnauthorizedOperation"})
"""Refusals of somebody who is known, and EC2's answer to a dry run that they may do."""


@dataclass(frozen=True)
class Credentials:
    """A long-term access key; the secret is in no text that is made of it."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


class NoKey(Exception):
    """There is no key for the user: what is wrong, then what to do."""


class NotDeleted(Exception):
    """A key was made and could not be deleted: its id, and the command that deletes it."""


@contextmanager
def key(
    user_name: str, region: str, lock_dir: Path, tell: Callable[[str], object] = lambda _: None
) -> Generator[Credentials]:
    """A new access key that AWS knows, for the length of a block.

    SIGTERM and SIGHUP end the block like an exception (in the main thread, where they would end the process). Keys
    that killed commands of this machine have left are deleted first.

    Args:
        user_name: the IAM user's name.
        region: AWS region whose STS has to know the key.
        lock_dir: a directory that all commands of this lab share; nothing secret is written there.
        tell: called with what was cleared and what is waited for.

    Raises:
        NoKey: there is no such user, they have as many keys as they may, or AWS does not come to know the key.
        NotDeleted: after the block, when the key is still there.
        botocore.exceptions.ClientError, BotoCoreError: IAM refuses or does not answer.
    """
    with orderly_ends(), ExitStack() as undo:
        made = _made(user_name, region, lock_dir / DIRECTORY, tell, undo)
        _wait_until_known(made, region, tell)
        yield made


@contextmanager
def key_of(
    user_arn: str, region: str, lock_dir: Path, tell: Callable[[str], object] = lambda _: None
) -> Generator[Credentials]:
    """As `key`, for the user with this ARN; raises NoKey too when these credentials are another account's.

    Another account may well have a user of that name, and would get a key that nobody meant.
    """
    name = user_arn.rpartition("/")[2]
    iam = client(region)
    try:
        found = iam.get_user(UserName=name)["User"]["Arn"]
    except iam.exceptions.NoSuchEntityException as error:
        raise NoKey(f"There is no IAM user {name}. ./lab up puts it back.") from error
    if found != user_arn:
        raise NoKey(
            f"The lab's {name} is {user_arn}, and these credentials lead to {found}. "
            "Use credentials of the lab's account."
        )
    with key(name, region, lock_dir, tell) as made:
        yield made


def command_to_delete(user_name: str, key_id: str) -> str:
    """What a person types to delete a key."""
    return f"aws iam delete-access-key --user-name {user_name} --access-key-id {key_id}"


def _made(user_name: str, region: str, directory: Path, tell: Callable[[str], object], undo: ExitStack) -> Credentials:
    """Make a key, and put onto `undo` what takes it away."""
    iam = client(region)
    with leases.making(directory, tell) as lock:
        held, left = leases.others(directory, user_name)
        in_use = {lease.key_id for lease in held if lease.key_id}
        try:
            _delete_leftovers(iam, user_name, left, in_use, tell)
            listed = list(keys_of(iam, user_name))
        except iam.exceptions.NoSuchEntityException as error:
            raise NoKey(f"There is no IAM user {user_name}. ./lab up puts it back.") from error
        if len(listed) >= MOST_KEYS:
            raise NoKey(_too_many(user_name, listed, in_use))
        # One that another command has just made may be listed only later, and is not this command's all the same.
        before = sorted(in_use.union(listed))
        lease = undo.enter_context(leases.held(directory, user_name, before))
        guard = undo.enter_context(Guard(user_name, region, before, lock, lease.file))
        # Nothing may come between the creation and the deletion being certain.
        with signals_held():
            key = _Key(iam, user_name, lease, guard, tell)
            undo.callback(key.delete)
            return key.make()


class _Key:
    """The one key of this run."""

    def __init__(
        self, iam: Any, user_name: str, lease: leases.Lease, guard: Guard, tell: Callable[[str], object]
    ) -> None:
        self._iam, self._user, self._lease, self._guard, self._tell = iam, user_name, lease, guard, tell
        self._id = ""
        self._refused = False

    def make(self) -> Credentials:
        from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

        try:
            made = self._iam.create_access_key(UserName=self._user)["AccessKey"]
        except self._iam.exceptions.ClientError as error:
            # Refused: none was made. Any other end of the call does not tell, unless it was never heard.
            self._refused = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) < 500
            raise
        except (ConnectTimeoutError, EndpointConnectionError):
            self._refused = True
            raise
        self._id = str(made["AccessKeyId"])
        self._guard.made(self._id)
        self._lease.made(self._id)
        return Credentials(self._id, str(made["SecretAccessKey"]))

    def delete(self) -> None:
        """Delete it, whatever signal comes meanwhile. Raises NotDeleted."""
        with signals_held():
            # One that IAM does not find may turn up within a minute: too long for who has pressed Ctrl-C, and not
            # for the guard.
            if self._refused or self._deleted():
                self._guard.done()
                self._lease.end()

    def _deleted(self) -> bool:
        if not self._id:
            self._tell(
                f"IAM did not tell whether {self._user} has a new access key. One that turns up is deleted; "
                f"see for yourself: aws iam list-access-keys --user-name {self._user}"
            )
            return False
        try:
            return _insist(partial(delete, self._iam, self._user, self._id))
        except Exception as error:
            raise NotDeleted(self._told(error)) from error

    def _told(self, error: Exception) -> str:
        return (
            f"The access key {self._id} of {self._user} could not be deleted: {error}\n"
            f"Delete it: {command_to_delete(self._user, self._id)}"
        )


def _insist(call: Callable[[], bool]) -> bool:
    """Some attempts within seconds: a single lost packet shall leave no key."""
    return Retrying(
        stop=stop_after_delay(10), wait=wait_exponential(0.2, max=2), retry=retry_if_exception(_passes), reraise=True
    )(call)


def _passes(error: BaseException) -> bool:
    """Whether an error may be gone a moment later: no answer, an error of AWS's own, or too many requests."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        answer: Any = error.response
        code = answer.get("Error", {}).get("Code", "")
        return answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500 or "Throttl" in code
    return isinstance(error, BotoCoreError)


def _delete_leftovers(
    iam: Any, user_name: str, left: list[leases.Lease], in_use: set[str], tell: Callable[[str], object]
) -> None:
    """Delete the keys of leases that nobody holds."""
    for lease in left:
        not_its = in_use.union(lease.before)
        ids = [lease.key_id] if lease.key_id else made_since(iam, user_name, not_its, lease.since)
        deleted = [one for one in ids if delete(iam, user_name, one)]
        for one in deleted:
            tell(f"deleted the access key {one} of {user_name}, which a killed command left")
        if deleted or not lease.is_young:
            lease.end()


def _too_many(user_name: str, ids: list[str], in_use: set[str]) -> str:
    named = f"{user_name} has the access keys {' and '.join(ids)}, and IAM allows no more."
    by_hand = [one for one in ids if one not in in_use]
    if by_hand:
        return f"{named} Delete one that was made by hand: {command_to_delete(user_name, by_hand[0])}"
    return f"{named} Both are in use: end one of the commands that run as {user_name}, then run this again."


def _wait_until_known(made: Credentials, region: str, tell: Callable[[str], object]) -> None:
    """Ask AWS as the key's owner until it knows them wherever they will be asked for. Raises NoKey.

    A key spreads to each service, and there to each host, on its own (HashiCorp Vault, issues 687 and 8413). STS is
    asked most, because the cluster's API server asks it, too.
    """
    import boto3
    from botocore.config import Config

    def client_of(service: str) -> Any:
        return boto3.client(
            service,
            region_name=region,
            aws_access_key_id=made.access_key_id,
            aws_secret_access_key=made.secret_access_key,
            config=Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"}),
        )

    sts, eks, ec2 = (client_of(service) for service in ("sts", "eks", "ec2"))
    who = (sts, "get_caller_identity", {})
    questions = (who, (eks, "list_clusters", {}), who, (ec2, "describe_instances", {"DryRun": True}), who)
    between = 0 if _on_this_machine(sts.meta.endpoint_url) else BETWEEN
    misses = wait_exponential(0.2, max=2)
    began, told, in_a_row = monotonic(), False, 0

    def known() -> bool:
        nonlocal in_a_row
        asked, operation, parameters = questions[in_a_row]
        asked.close()  # a connection of its own may lead to another host
        in_a_row = in_a_row + 1 if _knows(partial(getattr(asked, operation), **parameters)) else 0
        return in_a_row == len(questions)

    def waiting(_state: RetryCallState) -> None:
        nonlocal told
        if not told and monotonic() - began > TOLD_AFTER:
            told = True
            tell(f"waiting until AWS knows the new key (at most {KNOWN_WITHIN:.0f} s)")

    try:
        Retrying(
            stop=stop_after_delay(KNOWN_WITHIN),
            wait=lambda state: between if in_a_row else misses(state),
            retry=retry_if_result(lambda done: not done),
            before_sleep=waiting,
        )(known)
    except RetryError as error:
        raise NoKey(f"AWS does not know the new key after {KNOWN_WITHIN:.0f} s. Run the command again.") from error


def _knows(call: Callable[[], object]) -> bool:
    """Whether who answers knows the key. Raises what is neither a yes nor a no."""
    from botocore.exceptions import ClientError

    try:
        call()
    except ClientError as error:
        answer: Any = error.response
        code = answer.get("Error", {}).get("Code", "")
        if code in _UNKNOWN_YET:
            return False
        if code not in _REFUSED:
            raise
    return True


def _on_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
