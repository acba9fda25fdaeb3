"""The garbage collector is off while a process starts, and on in one that stays."""

import gc
from collections.abc import Iterator

import pytest

from rehearsal import collector


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    enabled, threshold = gc.isenabled(), gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    if enabled:
        gc.enable()


def test_off_collects_nothing_and_asks_for_no_last_collection(monkeypatch: pytest.MonkeyPatch):
    at_exit: list[object] = []
    monkeypatch.setattr(collector.atexit, "register", at_exit.append)
    collector.off()
    assert not gc.isenabled()
    assert at_exit == [gc.freeze]


def test_a_process_that_stays_collects_what_it_makes_later():
    collector.off()
    collector.seldom()
    assert gc.isenabled()
    assert gc.get_threshold()[0] == collector.SELDOM
    assert gc.get_freeze_count() > 0
