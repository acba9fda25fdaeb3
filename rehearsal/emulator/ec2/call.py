"""One call to EC2 on its way through: what was asked, and what ministack answers to it.

The parts that change EC2's behaviour all work on this, so that reading the
request, asking ministack and parsing its answer are written once.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from botocore.model import OperationModel

from rehearsal.emulator import shapes
from rehearsal.emulator.ec2 import query_protocol
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Handler

FORM = "application/x-www-form-urlencoded"


class Call:
    """A request to one EC2 operation; IAM has let it pass."""

    def __init__(
        self,
        calls: Calls,
        original: Handler,
        operation: OperationModel,
        headers: dict[str, str],
        form: dict[str, list[str]],
    ) -> None:
        """`original` is ministack's own handler, `form` the request's parameters as sent."""
        self._calls = calls
        self._original = original
        self.headers = headers
        self.operation = operation
        self.form = form
        self.params: dict[str, Any] = query_protocol.read(operation, form)

    @property
    def action(self) -> str:
        """The operation's API name."""
        return shapes.name(self.operation)

    async def forward(self, form: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
        """ministack's answer, parsed; raises AwsError. With `form`, other parameters than were sent."""
        return await self.ask(self.action, self.form if form is None else form)

    async def ask(self, action: str, form: Mapping[str, list[str]]) -> dict[str, Any]:
        """ministack's answer to any action, without what is added here."""
        operation = self._calls.model("ec2").operation_model(action)
        sent = {**form, "Action": [action], "Version": ["2016-11-15"]}
        body = urlencode(sent, doseq=True).encode()
        headers = {**self.headers, "content-type": FORM}
        status, answered, content = await self._original("POST", "/", headers, body, {})
        return self._calls.parse(operation, status, answered, content)


Action = Callable[[Call], Awaitable[dict[str, Any]]]
"""Gives an operation's result, as boto3 would return it; raises AwsError."""
Guard = Callable[[Call], Awaitable[None]]
"""Raises AwsError when AWS would refuse what ministack would do."""
