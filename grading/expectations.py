"""What a row demands of the answer. "Allowed" and "refused" are both demands, and strict ones.

A refusal has to be the right one: by whom, of what, to whom. Otherwise a check would be content with a 401 where a
403 is due, or with "no credentials" where AWS has to say AccessDenied: the mistakes that the exercises are there to
tell apart. Texts may hold `names.Names`. Everything here is pure.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

from grading.outcomes import AwsRefused, Broke, Done, HttpRefused, Outcome
from grading.variables import Names, alike

FORBIDDEN: Final = re.compile(
    r'(?P<object>\S+?)(?: "[^"]*")? is forbidden: User "(?P<user>[^"]*)" cannot (?P<verb>\S+) '
    r'resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)"| at the cluster scope)'
)
"""The API server's words for 403 (k8s.io/apiserver, handlers/responsewriters)."""

_UNAUTHORIZED: Final = ("Unauthorized", "the server has asked for the client to provide credentials")
_AWS_CALLER: Final = re.compile(r"User: (?P<caller>\S+) is not authorized to perform: (?P<action>[\w:*]+)")
_NOT_SPREAD: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidIdentityToken",
        "NoSuchEntity",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
    }
)
"""Error codes with which AWS refuses what it has not heard of yet."""


class Expectation(ABC):
    """One demand."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The demand in words."""

    @abstractmethod
    def against(self, outcome: Outcome, names: Names) -> str:
        """What is wrong with an outcome; empty when it is as demanded. Raises names.Unknown."""

    def early(self, outcome: Outcome) -> bool:  # noqa: ARG002  # for those who look at it
        """Whether AWS may answer so for a moment, before it has spread what was set up."""
        return False


@dataclass(frozen=True)
class Allowed(Expectation):
    """It is allowed; what comes back is not looked at."""

    @property
    @override
    def text(self) -> str:
        return "allowed"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        return "" if isinstance(outcome, Done) else "it has to be allowed"

    @override
    def early(self, outcome: Outcome) -> bool:
        return _not_yet_let_in(outcome)


@dataclass(frozen=True)
class Says(Expectation):
    """It is allowed, and this text comes back; `*` stands for any characters but a slash."""

    pattern: str

    @property
    @override
    def text(self) -> str:
        return self.pattern

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, Done):
            return "it has to be allowed"
        wanted = names.fill(self.pattern)
        return "" if alike(wanted, str(outcome.value)) else f"it has to say {wanted}"

    @override
    def early(self, outcome: Outcome) -> bool:
        return _not_yet_let_in(outcome)


@dataclass(frozen=True)
class OneOf:
    """Any of these values is right."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Between:
    """A whole number from `least` to `most` is right."""

    least: int
    most: int


@dataclass(frozen=True)
class Holds(Expectation):
    """It is allowed, and what comes back holds these facts."""

    facts: tuple[tuple[str, Any], ...]
    """Member → value: a text, number, tuple (a list in this order), OneOf or Between; None: the member is not there."""

    words: str = ""
    """The demand in words; made of the facts when empty."""

    @property
    @override
    def text(self) -> str:
        return self.words or "; ".join(f"{name} {_words(value)}" for name, value in self.facts)

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, Done):
            return "it has to be allowed"
        found: Mapping[str, Any] = outcome.value if isinstance(outcome.value, dict) else {}
        wrong = [name for name, value in self.facts if not _is(value, found.get(name), names)]
        if not wrong:
            return ""
        wanted = [f"{name}: {_words(value, names)}" for name, value in self.facts if name in wrong]
        return f"right is {'; '.join(wanted)}"

    @override
    def early(self, outcome: Outcome) -> bool:
        return _not_yet_let_in(outcome)


@dataclass(frozen=True)
class Forbidden(Expectation):
    """The API server knows who asks, and says 403 to exactly this request."""

    user: str
    """User name as the API server writes it."""

    verb: str
    resource: str
    namespace: str = ""
    """Empty: at the cluster scope."""

    group: str = ""
    """API group; empty: the core group."""

    @property
    @override
    def text(self) -> str:
        where = f"in namespace {self.namespace}" if self.namespace else "at the cluster scope"
        return f"403: {self.user} cannot {self.verb} {self.resource} {where}"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, HttpRefused) or outcome.status != 403:
            return "it has to be refused with 403"
        said = FORBIDDEN.match(outcome.message)
        if not said:
            return "403 has to name who cannot do what"
        wanted = {
            "user": names.fill(self.user),
            "verb": self.verb,
            "resource": self.resource,
            "namespace": self.namespace,
            "group": self.group,
        }
        wrong = [f"{part} {value or 'none'}" for part, value in wanted.items() if (said[part] or "") != value]
        return f"403 has to name {', '.join(wrong)}" if wrong else ""

    @override
    def early(self, outcome: Outcome) -> bool:
        # It does not know yet that this user may come in.
        return isinstance(outcome, HttpRefused) and outcome.status == 401


@dataclass(frozen=True)
class Unauthorized(Expectation):
    """The API server does not know who asks: 401."""

    @property
    @override
    def text(self) -> str:
        return "401: Unauthorized"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, HttpRefused) or outcome.status != 401:
            return "it has to be refused with 401"
        return "" if outcome.message.startswith(_UNAUTHORIZED) else "401 has to say Unauthorized"


@dataclass(frozen=True)
class AwsDenied(Expectation):
    """AWS knows who asks, and refuses with this error code."""

    code: str
    operation: str
    """API operation, as ListBuckets."""

    caller: str = ""
    """Whom AWS has to name, where its message names somebody; `*` as in Says. Empty: anybody."""

    @property
    @override
    def text(self) -> str:
        return f"{self.code} ({self.operation})" + (f" to {self.caller}" if self.caller else "")

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if not isinstance(outcome, AwsRefused) or outcome.code != self.code:
            return f"AWS has to refuse it with {self.code}"
        if outcome.operation != self.operation:
            return f"{self.code} has to be about {self.operation}"
        said = _AWS_CALLER.search(outcome.message)
        if self.caller and said and not alike(names.fill(self.caller), said["caller"]):
            return f"{self.code} has to be said to {names.fill(self.caller)}"
        return ""

    @override
    def early(self, outcome: Outcome) -> bool:
        # The code alone can be that of somebody who has not got as far as the operation.
        demanded = isinstance(outcome, AwsRefused) and (outcome.code, outcome.operation) == (self.code, self.operation)
        return not demanded and _not_yet_let_in(outcome)


def _not_yet_let_in(outcome: Outcome) -> bool:
    """Whether somebody who is to be let in may be told so for a moment."""
    match outcome:
        case HttpRefused(status=status):
            return status in (401, 403)
        case AwsRefused(code=code):
            return code in _NOT_SPREAD
        case Broke(message=message):
            return "redentials" in message
        case _:
            return False


def _is(wanted: Any, found: Any, names: Names) -> bool:
    if isinstance(wanted, OneOf):
        return any(_is(value, found, names) for value in wanted.values)
    if isinstance(wanted, Between):
        return type(found) is int and wanted.least <= found <= wanted.most
    if isinstance(wanted, str):
        return isinstance(found, str) and alike(names.fill(wanted), found)
    if isinstance(wanted, tuple):
        parts: Sequence[Any] = wanted
        same = isinstance(found, list) and len(found) == len(parts)
        return same and all(_is(value, one, names) for value, one in zip(parts, found, strict=True))
    return type(wanted) is type(found) and wanted == found


def _words(value: Any, names: Names | None = None) -> str:
    if value is None:
        return "absent"
    if isinstance(value, OneOf):
        return " or ".join(_words(one, names) for one in value.values)
    if isinstance(value, Between):
        return f"{value.least} to {value.most}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_words(one, names) for one in value) + "]" if value else "none"
    return names.fill(str(value)) if names else str(value)
