"""One standing lab as the exercises see it: its names, its stages, and whom to ask.

Made from the stack's outputs and the environment, in which the AWS of the lab answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from threading import Event, Lock
from typing import Any, Final, Literal

from grading.aws_api import Aws, Boto
from grading.check import ExerciseName
from grading.endpoint import Endpoint, certificate_file
from grading.kube_api import ApiServer, Client
from grading.outcomes import Done, Unanswered
from grading.tokens import Key, for_cluster
from grading.variables import Names, Unknown, names_of

ANOTHER: Final = "another"
"""A cluster that a token is for, and that is not this one."""

LONG_AGO: Final = timedelta(minutes=20)
"""Age of an expired token; one is good for 15 minutes."""

FRESH: Final = 600.0
"""Seconds for which the operator's token is used again; it is good for 900."""

TokenKind = Literal["good", "of-another-cluster", "expired"]


@dataclass
class GradingSession:
    """A lab that can be asked. Safe to use from several threads."""

    names: Names
    stages: Mapping[ExerciseName, str]
    """Exercise → stage at which it stands."""

    boundary: bool
    """Whether testuser is meant to have a permissions boundary."""

    api: ApiServer
    aws: Aws
    testuser: Key | Unanswered
    """testuser's key, or why there is none."""

    settled_by: float
    """Until then (time.monotonic) an answer that AWS gives before it has spread a change is asked for again."""

    session_name: str = field(default_factory=lambda: f"check-{token_hex(8)}")
    """Name of sessions of roles: another one for each grading session."""

    stop: Event = field(default_factory=Event)
    """Set: nothing more is asked or waited for."""

    _tokens: dict[TokenKind, str] = field(default_factory=dict["TokenKind", str])
    _dates: set[datetime] = field(default_factory=set[datetime])
    _lock: Lock = field(default_factory=Lock)

    def testuser_token(self, kind: TokenKind) -> str | Unanswered:
        """A token of testuser's for the API server.

        A good one is never the same twice: an API server remembers for minutes whom it let in by a token, so that by
        the same one a change would never show. The others are to let nobody in; there is one of each kind.
        """
        if isinstance(self.testuser, Unanswered):
            return self.testuser
        with self._lock:
            if kind == "good" or kind not in self._tokens:
                cluster = self.names["CLUSTER_NAME"]
                self._tokens[kind] = for_cluster(
                    self.testuser,
                    ANOTHER if kind == "of-another-cluster" else cluster,
                    region=self.names["AWS_REGION"],
                    sts=self.aws.sts,
                    when=datetime.now(UTC) - LONG_AGO if kind == "expired" else self._date(),
                )
            return self._tokens[kind]

    def _date(self) -> datetime:
        """Now, or as many seconds ago as it takes to be of no other token: dates in tokens have whole seconds."""
        date = datetime.now(UTC).replace(microsecond=0)
        while date in self._dates:
            date -= timedelta(seconds=1)
        self._dates.add(date)
        return date


class NoOperator(Exception):
    """The operator has no credentials, so that nobody can be asked; the text says why."""


@dataclass(frozen=True)
class Reached:
    """A lab's API server and AWS, asked as the operator."""

    api: ApiServer
    aws: Aws
    names: Names
    stop: Event


@contextmanager
def reached(outputs: Mapping[str, Any]) -> Generator[Reached]:
    """The lab that has these stack outputs. Raises NoOperator, as `opened` does."""
    try:
        endpoint = Endpoint.of(outputs.get("kubeconfig"))
    except ValueError as error:
        raise NoOperator(str(error)) from error
    aws = Boto(str(outputs["region"]), endpoint.option("--profile"), endpoint.option("--role"))
    names = names_of(outputs, lambda: _node_role(aws, outputs))
    stop = Event()
    operator = Operator(aws, names)
    operator.token()
    with certificate_file(endpoint) as ca_file:
        try:
            yield Reached(Client(endpoint, ca_file, operator.token, stop), aws, names, stop)
        finally:
            stop.set()


@contextmanager
def opened(
    outputs: Mapping[str, Any],
    *,
    patience: float,
    boundary: bool,
    testuser: Key | Unanswered,
    stages: Mapping[ExerciseName, str],
) -> Generator[GradingSession]:
    """The lab that has these stack outputs.

    Args:
        outputs: of the stack; see infra/outputs.py.
        patience: seconds, from now on, within which AWS may not have spread the last change yet.
        boundary: whether testuser is meant to have a permissions boundary.
        testuser: their key, or why there is none.
        stages: where the exercises stand.

    Raises:
        NoOperator: there are no credentials, or the kubeconfig cannot be read.
    """
    with reached(outputs) as lab:
        yield GradingSession(
            names=lab.names,
            stages=stages,
            boundary=boundary,
            api=lab.api,
            aws=lab.aws,
            testuser=testuser,
            settled_by=time.monotonic() + patience,
            stop=lab.stop,
        )


class Operator:
    """The operator's token for the API server, signed anew before it ends."""

    def __init__(self, aws: Aws, names: Names, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds."""
        self._aws, self._names, self._clock = aws, names, clock
        self._token, self._made = "", 0.0
        self._lock = Lock()

    def token(self) -> str:
        """A token that is good for some minutes more. Raises NoOperator."""
        with self._lock:
            if not self._token or self._clock() - self._made > FRESH:
                key = self._aws.operator_key()
                if isinstance(key, Unanswered):
                    raise NoOperator(key.reason)
                self._made = self._clock()
                self._token = for_cluster(
                    key, self._names["CLUSTER_NAME"], region=self._names["AWS_REGION"], sts=self._aws.sts
                )
            return self._token


def _node_role(aws: Aws, outputs: Mapping[str, Any]) -> str:
    """Name of the nodes' IAM role. Raises Unknown when EKS does not tell it."""
    answer = aws.call(
        "eks", "describe_nodegroup", clusterName=outputs["clusterName"], nodegroupName=outputs["nodeGroupName"]
    )
    if not isinstance(answer, Done):
        raise Unknown(f"EKS does not tell the nodes' role: {answer.shown}")
    return str(answer.value["nodegroup"]["nodeRole"]).rpartition("/")[2]
