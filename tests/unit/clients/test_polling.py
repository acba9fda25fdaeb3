"""How long the lab waits for others, and what it has then."""

import pytest

from clients.polling import poll_until


def test_it_ends_with_what_is_done():
    seen = iter((1, 2, 3))
    waits: list[int] = []
    got = poll_until(
        lambda value: value == 2, lambda: next(seen), within=10, first=0.001, waiting=lambda: waits.append(1)
    )
    assert (got, len(waits), next(seen)) == (2, 1, 3)


def test_who_is_not_done_in_time_is_seen_as_it_was_last():
    assert poll_until(lambda _: False, lambda: "still", within=0.01, first=0.001) == "still"


def test_nobody_waits_for_what_is_done_already():
    poll_until(bool, lambda: True, within=10, waiting=pytest.fail)


def test_what_looking_raises_is_not_asked_again():
    def look() -> bool:
        raise KeyError

    with pytest.raises(KeyError):
        poll_until(bool, look, within=10)
