"""Runs a coroutine without touching the thread's event loop, which the Pulumi SDK's tests expect to be there."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """What `asyncio.run` does, but for leaving the thread without a loop."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)
