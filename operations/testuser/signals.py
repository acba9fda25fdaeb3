"""Signals while something must not stay half done: they end a block in order, or wait until it is over."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_INTERRUPTING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@contextmanager
def orderly_ends() -> Generator[None]:
    """SIGTERM and SIGHUP unwind the block where they would end the process at once."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    with _handling(leave, (signal.SIGTERM, signal.SIGHUP), only_default=True):
        yield


@contextmanager
def signals_held() -> Generator[None]:
    """Signals that would interrupt wait until the block is over."""
    came: list[int] = []

    def keep(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    with _handling(keep, _INTERRUPTING):
        yield
    if came:
        signal.raise_signal(came[0])


@contextmanager
def _handling(
    handler: Callable[[int, FrameType | None], None], numbers: tuple[int, ...], *, only_default: bool = False
) -> Generator[None]:
    """A signal handler for the length of a block; only the main thread can have one."""
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            old = signal.getsignal(number)
            if old is not signal.SIG_IGN and (old is signal.SIG_DFL or not only_default):
                before[number] = old
                signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)
