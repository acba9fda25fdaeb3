"""Whom an interrupt reaches, and what comes of it."""

import signal
from pathlib import Path

import pytest

from rehearsal.engine import EngineCommand, interruptible


class Engine(EngineCommand):
    """An engine that runs, or that does not."""

    def __init__(self, *, runs: bool) -> None:
        super().__init__(Path("/nowhere"))
        self.runs = runs

    def interrupt(self) -> bool:
        self.interrupted = self.interrupted or self.runs
        return self.runs


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("ending", [None, ValueError("update canceled")])
def test_a_running_engine_stops_first_and_however_it_ends_the_block_is_interrupted(
    number: int, ending: Exception | None
):
    before = signal.getsignal(number)
    told: list[str] = []
    engine = Engine(runs=True)

    def work() -> None:
        with interruptible(engine, told.append):
            signal.raise_signal(number)
            told.append("went on")
            if ending:
                raise ending

    with pytest.raises(KeyboardInterrupt):
        work()
    assert told[0].startswith("Stopping once the resources in flight are done")
    assert told[1:] == ["went on"]
    assert signal.getsignal(number) is before
    # The next block begins anew.
    with interruptible(engine, told.append):
        assert not engine.interrupted


def test_without_a_running_engine_it_interrupts_at_once():
    told: list[str] = []

    def work() -> None:
        with interruptible(Engine(runs=False), told.append):
            signal.raise_signal(signal.SIGINT)
            told.append("went on")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert told == []


def test_an_undisturbed_block_leaves_nothing():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interruptible(Engine(runs=True), lambda _: None):
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
