"""How handlers reach AWS: clients made once, and AWS's own words for what it refuses.

boto3 is imported on the first call only: a run that changes nothing compares
inputs, and must not pay for loading AWS's API models.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import Context, ProviderError

T = TypeVar("T")

_CONNECTIONS = 96  # one for each thread of the server: none waits for another's connection
_CONNECT_SECONDS = 5
_READ_SECONDS = 120  # an answer may wait for the control plane's processes
_GONE = ("NotFound", "NoSuchEntity", "ResourceNotFoundException", "NotFoundException")


class Aws:
    """The account and region that the provider works in, and its clients, one a service and region."""

    def __init__(self, region: str, default_tags: Mapping[str, str]) -> None:
        """`default_tags` go on every resource that takes tags; the resource's own win."""
        self.region = region
        self.default_tags = dict(default_tags)
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._account = ""

    def client(self, service: str, region: str) -> Any:
        """The boto3 client of a service. Clients are safe to share between threads, making one is not."""
        key = (service, region)
        if key not in self._clients:
            with self._lock:
                if key not in self._clients:
                    self._clients[key] = self._make(service, region)
        return self._clients[key]

    def _make(self, service: str, region: str) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        if self._session is None:
            self._session = Session(region_name=self.region)
        return self._session.client(
            service,
            region_name=region,
            config=Config(
                max_pool_connections=_CONNECTIONS,
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"mode": "standard", "max_attempts": 3},
            ),
        )

    @property
    def account(self) -> str:
        """The account's number, asked once."""
        if not self._account:
            identity = self.client("sts", self.region).get_caller_identity()
            self._account = identity["Account"]
        return self._account

    @property
    def partition(self) -> str:
        """ "aws", or "aws-cn", "aws-us-gov" by the region's name."""
        return partition(self.region)


def partition(region: str) -> str:
    """The partition of a region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


@dataclass
class Call:
    """One operation on one resource: the engine's call, what is known, and AWS in the resource's region."""

    aws: Aws
    ctx: Context
    region: str
    id: str = ""
    outputs: Properties = field(default_factory=dict[str, Any])
    """Outputs as the engine has them; empty in a creation or import."""
    old: Properties = field(default_factory=dict[str, Any])
    """Inputs of the last update."""
    new: Properties = field(default_factory=dict[str, Any])
    """Inputs of this creation or update."""
    changed: frozenset[str] = frozenset()
    """Names of the inputs in which `new` differs from `old`; `tags` has its own handler."""

    unfinished: bool = False
    """The object is new, or its creation failed half-way and is to be finished now."""

    @property
    def known(self) -> Properties:
        """The newest value of each property."""
        return {**self.outputs, **self.old, **self.new}

    def client(self, service: str) -> Any:
        """The client of a service in the resource's region."""
        return self.aws.client(service, self.region)

    @property
    def ec2(self) -> Any:
        """The EC2 client."""
        return self.client("ec2")

    @property
    def iam(self) -> Any:
        """The IAM client."""
        return self.client("iam")

    @property
    def eks(self) -> Any:
        """The EKS client."""
        return self.client("eks")

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this account and region, such as ("ec2", "vpc/vpc-1")."""
        return f"arn:{partition(self.region)}:{service}:{self.region}:{self.aws.account}:{resource}"

    def wait(self, what: str, poll: Callable[[], T | None], *, minutes: float) -> T:
        """Ask until there is an answer; `minutes` as in the real provider's documentation."""
        return self.ctx.wait(what, poll, timeout=minutes * 60)

    def wait_gone(self, what: str, describe: Callable[[], Any], *, minutes: float) -> None:
        """Ask until AWS says that there is no such thing, or `describe` returns None."""

        def poll() -> bool | None:
            try:
                return True if describe() is None else None
            except Exception as error:
                if is_gone(error):
                    return True
                raise

        self.wait(f"{what} to be deleted", poll, minutes=minutes)

    def all_pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """Every item of a paged answer."""
        pages = self.client(service).get_paginator(operation).paginate(**arguments)
        return [item for page in pages for item in page[key]]


def error_code(error: BaseException) -> str:
    """AWS's error code, "" when the error is not AWS's."""
    response = getattr(error, "response", None)
    return response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""


def is_gone(error: BaseException) -> bool:
    """Whether AWS says that the resource does not exist."""
    return any(mark in error_code(error) for mark in _GONE)


@contextmanager
def in_awss_words(doing: str) -> Generator[None]:
    """Turn AWS's errors into text for the user, with AWS's code and message. `doing` begins the text."""
    try:
        yield
    except Exception as error:
        code = error_code(error)
        if code:
            details: Any = getattr(error, "response", {})["Error"]
            operation = getattr(error, "operation_name", "")
            message = details.get("Message") or details.get("message") or ""
            raise ProviderError(f"{doing}: operation {operation}, api error {code}: {message}") from error
        module = type(error).__module__
        if module == "botocore.exceptions" and "Connect" in type(error).__name__:
            endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
            raise ProviderError(
                f"{doing}: the AWS emulator at {endpoint} does not answer. Start the rehearsal again."
            ) from error
        if module.startswith("botocore."):
            raise ProviderError(f"{doing}: {error}") from error
        raise
