"""What can come back when somebody is asked: the one vocabulary in which expectations are written.

The API server, AWS and a command in a pod answer in three languages. They are brought into one here, so that the
difference that the exercises are about cannot get lost: "you may not" (403, AccessDenied) is another thing than
"I do not know you" (401), than "I have no credentials", and than no answer at all. Everything here is pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ERROR: Final = "an error"
UNLIKE: Final = "not as expected"
"""What `brief` cannot say in few words."""

_SESSION: Final = re.compile(r"^arn:[\w-]+:sts::\d+:assumed-role/(?P<name>[^/]+)/")
_USER: Final = re.compile(r"^arn:[\w-]+:iam::\d+:user/(?P<name>.+)$")
_REASONS: Final[Mapping[int, str]] = {401: "401 Unauthorized", 403: "403 Forbidden", 404: "404 Not Found"}

LONGEST: Final = 300
"""Characters of an observation that are shown."""


@dataclass(frozen=True)
class Done:
    """It was allowed, and this came back."""

    value: Any
    """Text, or parsed JSON."""

    shown: str
    """The value for a table: short, and never a credential or a token."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str], compare=False, repr=False)
    """Of the API server's answer; names in lower case."""


@dataclass(frozen=True)
class HttpRefused:
    """The API server said no."""

    status: int
    """HTTP status, 400 to 499."""

    message: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], compare=False, repr=False)
    """Names in lower case."""

    @property
    def shown(self) -> str:
        """For a table."""
        return short(f"{self.status}: {self.message}")


@dataclass(frozen=True)
class AwsRefused:
    """An AWS API said no."""

    code: str
    """Error code, as AccessDenied."""

    operation: str
    """API operation that was refused, as ListBuckets."""

    message: str

    @property
    def shown(self) -> str:
        """For a table."""
        return short(f"{self.code} ({self.operation}): {self.message}")


@dataclass(frozen=True)
class Broke:
    """The command ended with an error that neither the API server nor AWS gave, as for want of credentials."""

    message: str

    @property
    def shown(self) -> str:
        """For a table."""
        return short(self.message)


@dataclass(frozen=True)
class Unanswered:
    """Nobody could be asked, so that nothing can be said either way."""

    reason: str

    @property
    def shown(self) -> str:
        """For a table."""
        return short(self.reason)


@dataclass(frozen=True)
class Starting:
    """It cannot be asked yet, and surely can in a moment."""

    reason: str

    @property
    def shown(self) -> str:
        """For a table."""
        return short(self.reason)


def brief(outcome: Outcome, wanted: str = "") -> str:
    """An answer in few words; `wanted` are those for an answer that is as demanded, empty where its own say more."""
    match outcome:
        case Done(value=str(value)) if not wanted:
            found = _SESSION.match(value)
            if found:
                return f"role {found['name']}"
            found = _USER.match(value)
            return f"user {found['name']}" if found else short(value) or "allowed"
        case Done():
            return wanted or "allowed"
        case HttpRefused(status=status):
            return _REASONS.get(status, str(status))
        case AwsRefused(code=code):
            return code
        case Broke():
            return ERROR
        case _:
            return "could not be asked"


Outcome = Done | HttpRefused | AwsRefused | Broke | Unanswered | Starting


@dataclass(frozen=True)
class Ran:
    """A command in a container, ended."""

    exit_code: int
    stdout: str
    stderr: str


def short(text: str) -> str:
    """One line that is fit for a table."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


_STATUS: Final[Mapping[str, int]] = {
    "BadRequest": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "AlreadyExists": 409,
    "Conflict": 409,
    "Invalid": 422,
}
"""Reason in the API server's Status → its HTTP status."""

_UNREACHABLE: Final = (
    "Unable to connect to the server",
    "The connection to the server",
    "i/o timeout",
    "context deadline exceeded",
    "Could not connect to the endpoint URL",
    "Connect timeout on endpoint URL",
    "Read timeout on endpoint URL",
    "Connection was closed before we received a valid response",
)
"""What kubectl and the AWS CLI say when nobody answered them."""

_BUSY: Final = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "IDPCommunicationError",
    }
)
"""Error codes of AWS that say nothing about who may do what."""

_AWS_ERROR: Final = re.compile(
    r"An error occurred \((?P<code>[\w.:-]+)\) when calling the (?P<operation>\w+) operation"
    r"(?: \(reached max retries: \d+\))?: ?(?P<message>.*)",
    re.DOTALL,
)
_KUBECTL_ERROR: Final = re.compile(r"Error from server(?: \((?P<reason>\w+)\))?: (?P<message>.*)", re.DOTALL)


def http(status: int, body: object, headers: Mapping[str, str] | None = None) -> Outcome:
    """An answer of the API server; `body` is parsed JSON or text, `headers` have names in lower case."""
    said: Any = body
    message = said.get("message") if isinstance(said, dict) else said
    text = str(message or "no message")
    if 200 <= status < 300:
        return Done(body, f"{status}{_told(body)}", headers or {})
    if status == 429 or not 400 <= status < 500:
        return Unanswered(f"The API server answered {status}: {text}")
    return HttpRefused(status, text, headers or {})


def aws_error(code: str, operation: str, message: str) -> Outcome:
    """An error that AWS answered."""
    if code in _BUSY:
        return Unanswered(f"AWS answered {code}: {message}")
    return AwsRefused(code, operation, message.strip())


def kubectl(ran: Ran) -> Outcome:
    """What a kubectl that ended has found out."""
    if ran.exit_code == 0:
        return done_text(ran.stdout)
    found = _KUBECTL_ERROR.search(ran.stderr)
    if found and found["reason"]:
        status = _STATUS.get(found["reason"])
        if status is None:
            return Unanswered(f"The API server answered {found['reason']}: {found['message']}")
        return HttpRefused(status, found["message"].strip())
    if "You must be logged in to the server" in ran.stderr:
        return HttpRefused(401, "Unauthorized")
    return _not_understood(ran, "kubectl")


def can_i(ran: Ran) -> Outcome:
    """`kubectl auth can-i`: yes and no are both answers; no ends with exit code 1."""
    word = ran.stdout.split()[0] if ran.stdout.split() else ""
    if (ran.exit_code, word) in ((0, "yes"), (1, "no")):
        return Done(word, word)
    return kubectl(ran) if ran.exit_code else Broke(f"kubectl auth can-i said {short(ran.stdout) or 'nothing'}")


def aws_cli(ran: Ran) -> Outcome:
    """What an AWS CLI that ended has found out."""
    if ran.exit_code == 0:
        return done_text(ran.stdout)
    return aws_error_in(ran.stderr) or _not_understood(ran, "AWS CLI")


def aws_error_in(text: str) -> Outcome | None:
    """The error of AWS that the AWS CLI printed; None where it printed none."""
    found = _AWS_ERROR.search(text)
    return aws_error(found["code"], found["operation"], found["message"]) if found else None


def _not_understood(ran: Ran, program: str) -> Outcome:
    lines = [line for line in ran.stderr.splitlines() if line.strip()] or ran.stdout.splitlines()
    last = lines[-1].strip() if lines else f"exit code {ran.exit_code}, and nothing said"
    if ran.exit_code in (126, 127):
        return Unanswered(f"There is no {program} to run in the pod: {last}")
    if any(sign in ran.stderr for sign in _UNREACHABLE):
        return Unanswered(f"{program} got no answer: {last}")
    return Broke(last)


def done_text(text: str) -> Done:
    """Output of a command that went well."""
    lines = text.strip().splitlines()
    more = f" (and {len(lines) - 1} more lines)" if len(lines) > 1 else ""
    return Done(text.strip(), f"allowed: {short(lines[0])}{more}" if lines else "allowed")


def parsed(outcome: Outcome) -> Outcome:
    """The same with JSON read from its text."""
    if not isinstance(outcome, Done):
        return outcome
    try:
        return Done(json.loads(outcome.value), outcome.shown)
    except ValueError:
        return Broke(f"That is no JSON: {short(str(outcome.value))}")


def facts(values: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Done:
    """Facts that were read out of something larger, and the headers of the answer that it came in."""
    told = short("; ".join(f"{name}: {_plain(value)}" for name, value in values.items())) or "none"
    return Done(dict(values), told, headers or {})


def audit_id(outcome: Outcome) -> str:
    """By what the cluster's audit log names the request that was answered (header Audit-Id; Kubernetes, "Auditing").

    Empty where the API server did not answer this process, as for a command in a pod, or at AWS.
    """
    return outcome.headers.get("audit-id", "") if isinstance(outcome, Done | HttpRefused) else ""


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _told(body: object) -> str:
    said: Any = body
    items = said.get("items") if isinstance(said, dict) else None
    return f", {len(items)} items" if isinstance(items, list) else ""
