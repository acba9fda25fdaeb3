"""Waits until another system is done with something: the one place for how often the lab asks, and when it gives up."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_exponential

T = TypeVar("T")


def poll_until(
    done: Callable[[T], bool],
    look: Callable[[], T],
    *,
    within: float,
    first: float = 0.5,
    longest: float = 15,
    waiting: Callable[[], object] = lambda: None,
) -> T:
    """Look again and again until `done` says so of what was seen; what was seen last, done or not.

    Seconds: it gives up after `within`, and the pauses grow from `first` to `longest`. `waiting` is called before each
    pause. What `look` raises ends the waiting.
    """

    def pause(_: RetryCallState) -> None:
        waiting()

    retrying = Retrying(
        retry=retry_if_result(lambda seen: not done(seen)),
        stop=stop_after_delay(within),
        wait=wait_exponential(multiplier=first, max=longest),
        before_sleep=pause,
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    return retrying(look)
