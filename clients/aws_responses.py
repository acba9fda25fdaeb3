"""Reading AWS's answers: pages, lists of tags, and the errors that mean "there is none"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

_ABSENT: Final = re.compile(
    r"NotFound|NoSuchEntity|NoSuchHostedZone|ResourceNotFound|does not exist|InvalidGroup\.NotFound|"
    r"LoadBalancerNotFound|TargetGroupNotFound"
)
_ALREADY: Final = frozenset({"KMSInvalidStateException"})

_BUSY: Final = re.compile(
    r"DependencyViolation|ResourceInUse|InUse|DeleteConflict|VolumeInUse|InvalidIPAddress\.InUse|IncorrectState|"
    r"ScalingActivityInProgress|ConcurrentModification|PriorRequestNotComplete|"
    r"InvalidNetworkInterface\.InUse|InvalidVolume|Throttl|RequestLimitExceeded|TooManyRequests|ServerException|"
    r"InternalError|ServiceUnavailable|AuthFailure"
)
"""Codes of "not yet": something that goes first is still there, or AWS is busy. EC2 answers AuthFailure to the release
of an address that another service still holds (Amazon EC2 API Reference, "Error codes", seen 2026-11)."""

_IN_USE: Final = re.compile(r"is currently in use")
"""What EC2 says with InvalidParameterValue of a network interface that is still attached."""

_NO_RIGHT: Final = re.compile(r"AccessDenied|Unauthorized|NotAuthorized|Forbidden")


def code_of(error: ClientError) -> str:
    """AWS's error code."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_absent(error: ClientError) -> bool:
    """Whether there is no such thing (any more)."""
    return _ABSENT.search(code_of(error)) is not None or code_of(error) in _ALREADY


def is_busy(error: ClientError) -> bool:
    """Whether the same call can succeed later."""
    if _BUSY.search(code_of(error)):
        return True
    return code_of(error) == "InvalidParameterValue" and _IN_USE.search(_message(error)) is not None


def reason(error: Exception, rights: Iterable[str] = ()) -> str:
    """In one line, why AWS did not answer; `rights` is what the question needs."""
    if not isinstance(error, ClientError):
        return " ".join(str(error).split()).rstrip(".")
    code = code_of(error)
    if _NO_RIGHT.search(code):
        needed = ", ".join(rights)
        return f"these credentials may not ask ({code})" + (f": they need {needed}" if needed else "")
    message = _message(error).rstrip(".")
    return f"{code}: {message}" if message else code


def _message(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))


def pages(client: Any, operation: str, key: str, **params: Any) -> Iterator[Any]:
    """Every item of a list, over all its pages."""
    if not client.can_paginate(operation):
        yield from getattr(client, operation)(**params)[key]
        return
    for page in client.get_paginator(operation).paginate(**params):
        yield from page[key]


def when(stamp: object) -> datetime | None:
    """A time with its zone, from a datetime or from milliseconds since 1970."""
    if isinstance(stamp, datetime):
        return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    if isinstance(stamp, (int, float)):
        return datetime.fromtimestamp(stamp / 1000, UTC)
    return None


def tags(listed: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """`[{"Key": …, "Value": …}]` as a mapping."""
    return {each[key]: each.get(value, "") for each in listed or []}


def named(listed: Iterable[Mapping[str, str]] | None) -> tuple[dict[str, str], str]:
    """EC2's tags, and the value of `Name`."""
    found = tags(listed)
    return found, found.get("Name", "")


def if_there(call: Callable[[], Any]) -> Any:
    """The answer of a call; None when what it asks about does not exist."""
    try:
        return call()
    except ClientError as error:
        if not is_absent(error):
            raise
        return None
