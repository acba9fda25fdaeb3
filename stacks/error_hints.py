"""Why a run stopped, in one line and a remedy, out of everything that the engine said about it.

The engine repeats a provider's error for each component around the resource, and adds what broke as a
consequence. What the user needs is the first cause and the one command that goes on.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rehearsal.outcome import RunFailed, SettingsRefused, causes
from stacks.errors import BadInput, Failure

_NOISE: Final = (
    re.compile(r"^\d+ errors? occurred:?$"),
    re.compile(r"grpc: the client connection is closing|connection error: desc|error reading from server: EOF"),
    re.compile(r"^(update|destroy) failed$"),
    re.compile(r"^resource monitor shut down|^context canceled$"),
)
"""Lines that only follow from the cause."""


_SETTINGS: Final = re.compile(r"^The configuration has (a problem|\d+ problems):$", re.MULTILINE)
"""How infra.config.loading's ConfigError begins."""


_EXCEPTION: Final = re.compile(r"^[\w.]*(Error|Exception|Exit|Interrupt|Warning)(: |$)")
"""The last line of a Python program's traceback, which tells what the lines before it only place."""


@dataclass(frozen=True)
class Remedy:
    """What helps against a kind of error."""

    when: str
    """Regular expression over AWS's error codes and words."""
    what: str
    """What the user does before the command that goes on; a whole sentence."""


REMEDIES: Final = (
    Remedy(
        r"incorrect passphrase|passphrase must be set|PULUMI_CONFIG_PASSPHRASE",
        "The stack's secrets do not open: set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the "
        "passphrase that the stack was made with.",
    ),
    Remedy(
        r"no stack named .* found",
        "The backend does not have this stack: pulumi whoami -v names the backend, pulumi stack init makes the stack.",
    ),
    Remedy(
        r"deployment version is too new|newer version of the Pulumi CLI",
        "A newer pulumi wrote the state: install that version or a newer one.",
    ),
    Remedy(
        r"no resource plugin|could not (find|load|download) plugin|failed to (load|install|download) plugin",
        "A provider plug-in is missing: run pulumi install.",
    ),
    Remedy(
        r"PULUMI_ACCESS_TOKEN must be set|could not list bucket|unable to (open|check) bucket|open bucket|"
        r"problem logging in|could not open url .*://|api\.pulumi\.com|backend.*(dial tcp|no such host)",
        "The backend that keeps the state does not answer: check pulumi whoami -v, and log in again by pulumi login.",
    ),
    Remedy(
        r"ModuleNotFoundError|ImportError|No module named",
        "The program's Python environment is not whole: run pulumi install, or delete .venv and run ./lab again.",
    ),
    Remedy(
        r"SSO (token|session)|token from sso|SSOProviderInvalidToken|InvalidIdentityToken",
        "Your AWS sign-in has expired: run aws sso login --profile NAME, with the profile that the stack uses, or get "
        "a new identity token where you sign in by one.",
    ),
    Remedy(
        r"ExpiredToken|TokenRefreshRequired|security token included in the request is expired",
        "Your AWS credentials have expired: log in again (aws sso login --profile NAME, or new keys).",
    ),
    Remedy(
        r"cluster (is )?unreachable|unreachable cluster|\.eks\.amazonaws\.com\S*: (dial tcp|net/http|context deadline)",
        "The cluster does not answer this machine, whose public address (curl https://checkip.amazonaws.com) may not "
        "be in myeks:operatorCidrs.",
    ),
    Remedy(
        r"InvalidClientTokenId|UnrecognizedClient|NoCredentialProviders|Unable to locate credentials|no valid cred",
        "AWS does not take your credentials: check aws sts get-caller-identity.",
    ),
    Remedy(
        r"Throttl|Rate exceeded|TooManyRequests|RequestLimitExceeded",
        "AWS asks for fewer requests: wait a minute.",
    ),
    Remedy(
        r"LimitExceeded|QuotaExceeded|MaxVpcs|vcpu limit",
        "A quota of your AWS account is reached: ./lab doctor names it; free something or ask AWS for more.",
    ),
    Remedy(
        r"AccessDenied|UnauthorizedOperation|not authorized to perform",
        "Your AWS user lacks a right: ./lab doctor names what the lab needs.",
    ),
    Remedy(
        r"CREATE_FAILED|unexpected state 'FAILED'",
        "AWS could not make it; its reason stands above. The next run makes it again.",
    ),
    Remedy(
        r"already exists|AlreadyExists|AlreadyAssociated|\.Duplicate\b",
        "It is there already and the engine does not know it: on AWS ./lab sweep shows it, and takes it away with "
        "--delete if it is the lab's; in the cluster, kubectl delete does.",
    ),
    Remedy(
        r"another operation \(install/upgrade/rollback\) is in progress",
        "A change of this Helm release was cut off: helm rollback NAME -n NAMESPACE undoes it, in ./lab shell.",
    ),
    Remedy(
        r"ResourceInUse.*(in progress|CREATING|UPDATING|DELETING)",
        "AWS is still at work on it: wait some minutes.",
    ),
    Remedy(
        r"DependencyViolation|ResourceInUse|DeleteConflict",
        "Something outside the lab still uses it: ./lab sweep shows what.",
    ),
    Remedy(
        r"ServiceUnavailable|InternalFailure|InternalError|ServerException|temporarily unable",
        "AWS itself failed: wait a few minutes.",
    ),
    Remedy(
        r"EndpointConnectionError|Could not connect|no such host|i/o timeout|Connection was closed",
        "AWS could not be reached: check the network.",
    ),
)
"""The first that matches is shown."""


def cause(said: str) -> str:
    """The first cause as one line, and the remedy for its kind where there is one, as a second.

    What the program says of the settings stands whole: all problems at once, each with its own remedy.
    """
    if ours := _SETTINGS.search(said):
        return said[ours.start() :].strip()
    lines = [line for line in map(_bare, said.splitlines()) if line and not any(p.search(line) for p in _NOISE)]
    if not lines:
        return " ".join(said.split()) or "The engine said nothing about it."
    raised = [line for line in lines if _EXCEPTION.search(line)] if "Traceback (most recent call last)" in said else []
    told = raised[-1:] or lines
    first = next((line for line in told if _remedy(line)), told[0])
    return "\n".join(filter(None, (first, _remedy(first))))


def refusal(error: RunFailed) -> type[Failure]:
    """As what a run of the engine that failed ends a command: settings that it does not take are the user's input."""
    return BadInput if isinstance(error, SettingsRefused) else Failure


def logged(events: Path) -> str:
    """The errors in an event log of the pulumi CLI (`--event-log`), one a line; empty when there are none."""
    try:
        lines = events.read_text().splitlines()
    except OSError:
        return ""
    return "\n".join(causes(_errors(lines)))


def printed(stderr: str) -> str:
    """What pulumi wrote to stderr from its first error on; empty when there is none."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stderr)
    error = re.search(r"^error:", plain, re.MULTILINE)
    return plain[error.start() :].strip() if error else ""


def _errors(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        try:
            event: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError:
            continue  # cut off with the engine
        told = event.get("diagnosticEvent") or {}
        if told.get("severity") == "error":
            yield re.sub(r"<\{%[^%]*%\}>", "", str(told.get("message", ""))).strip()


def _bare(line: str) -> str:
    return line.strip().removeprefix("* ").removeprefix("error:").strip()


def _remedy(line: str) -> str:
    return next((one.what for one in REMEDIES if re.search(one.when, line, re.IGNORECASE)), "")
