"""CloudWatch Logs as users of EKS's control plane logs need it, around ministack's.

ministack keeps log groups, streams and events. It finds too much: it takes
every JSON pattern for one that fits everything, leaves a stream's prefix
unread, and answers a query of Logs Insights as if its filters were not there.
Here patterns and prefixes count, and queries are refused.
"""

import json
from typing import Any, Final

from rehearsal.emulator.asgi import json_response
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.filter_patterns import InvalidPattern, compiled
from rehearsal.emulator.ministack import Backend, Params

_MINISTACKS: Final = "cloudwatch_logs"
_WITH_PATTERN: Final = ("FilterLogEvents", "PutMetricFilter", "PutSubscriptionFilter", "StartLiveTail")
_NO_STREAM: Final = ":"
"""A name that no log stream may have."""


class Logs:
    """Answers CloudWatch Logs' calls, most of them by ministack."""

    def __init__(self, backend: Backend) -> None:
        """Stands before ministack's handler of the service."""
        self._backend = backend
        self._others = backend.handler("logs")
        backend.module(_MINISTACKS)._compile_filter_pattern = compiled
        backend.replace("logs", self._handle)

    async def _handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: Params
    ) -> tuple[int, dict[str, str], bytes]:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            if operation == "StartQuery":
                raise AwsError(
                    "InvalidParameterException",
                    "The rehearsal does not play CloudWatch Logs Insights. Use filter-log-events with a pattern.",
                )
            if operation in _WITH_PATTERN:
                body = self._checked(body)
        except AwsError as error:
            content = {"__type": error.code, "message": error.message}
            response = json_response(content, error.status, {"x-amzn-errortype": error.code})
            return response.status, response.headers, response.body
        return await self._others(method, path, headers, body, query)

    def _checked(self, body: bytes) -> bytes:
        """A request with a pattern that is one, and with the streams of a prefix by their names."""
        try:
            params: Any = json.loads(body)
            compiled(params.get("filterPattern") or params.get("logEventFilterPattern") or "")
        except InvalidPattern as error:
            raise AwsError("InvalidParameterException", str(error)) from error
        except (ValueError, AttributeError, TypeError):
            # ministack says what is wrong with it.
            return body
        prefix = params.get("logStreamNamePrefix")
        if prefix:
            named = str(params.get("logGroupName") or params.get("logGroupIdentifier") or "")
            group = named.removesuffix(":*").rpartition(":")[2]
            streams = self._backend.records(_MINISTACKS, "_log_groups").get(group, {}).get("streams", {})
            params["logStreamNames"] = [name for name in streams if name.startswith(prefix)] or [_NO_STREAM]
        return json.dumps(params).encode()


def forget_oldest(backend: Backend, group: str, stream: str, kept: int) -> None:
    """Drop a stream's oldest events until their messages have `kept` characters at most.

    CloudWatch Logs keeps everything for as long as the group's retention says. Here it is in memory, and a rehearsal
    is gone long before a day is over.
    """
    found = backend.records(_MINISTACKS, "_log_groups").get(group, {}).get("streams", {}).get(stream)
    if found is None:
        return
    events: list[dict[str, Any]] = found["events"]
    size = sum(len(event["message"]) for event in events)
    records = backend.records(_MINISTACKS, "_log_records")
    dropped = 0
    while size > kept:
        size -= len(events[dropped]["message"])
        records.pop(events[dropped]["eventId"], None)
        dropped += 1
    if dropped:
        del events[:dropped]
        found["firstEventTimestamp"] = events[0]["timestamp"] if events else None
