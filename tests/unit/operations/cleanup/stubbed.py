"""Clients whose answers are written down; botocore checks the form of each, and that nothing else is asked."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.stub import Stubber

REGION = "ap-northeast-2"


class Call(NamedTuple):
    """One call and its answer, or the error code that it ends with."""

    service: str
    operation: str
    """As a boto3 method."""
    expected: dict[str, Any]
    answer: dict[str, Any] | str


def stubbed(calls: Sequence[Call]) -> tuple[Any, list[Stubber]]:
    """A maker of clients, and the stubbers to ask whether every answer was fetched."""
    clients: dict[str, Any] = {}
    stubbers: dict[str, Stubber] = {}
    for call in calls:
        if call.service not in clients:
            clients[call.service] = boto3.client(
                call.service,  # pyright: ignore[reportArgumentType, reportCallIssue]  # the service's name is data
                region_name=REGION,
                aws_access_key_id="AKIAEXAMPLE",
                aws_secret_access_key="none",
                config=Config(retries={"total_max_attempts": 1}),
            )
            stubbers[call.service] = Stubber(clients[call.service])
        stubber = stubbers[call.service]
        if isinstance(call.answer, str):
            stubber.add_client_error(call.operation, call.answer, "told so", expected_params=call.expected)
        else:
            stubber.add_response(call.operation, call.answer, call.expected)
    for stubber in stubbers.values():
        stubber.activate()
    return clients.__getitem__, list(stubbers.values())
