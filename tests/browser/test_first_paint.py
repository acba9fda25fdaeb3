"""The first paint of a page does not wait for the lab: with 2,000 roles and 10,000 audit events it is there within a
second, and what it shows comes after it."""

from __future__ import annotations

import time

import pytest

from cli.page import access, timeline
from cli.page.audit_events import asked
from cli.page.guard import Guard
from cli.page.runs import Runs
from operations.rbac.objects import Policy
from tests.browser.chromium import PROGRAM, Tab
from tests.browser.served import run
from tests.unit.cli.audit_cases import event
from tests.unit.cli.page_lab import Lab, lab
from tests.unit.cli.test_page_access import FOUND
from tests.unit.operations.rbac import random_policies

__all__ = ["lab"]
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=f"there is no {PROGRAM}")
ROLES = 2_000
EVENTS = 10_000
LAB_ANSWERS = 1.5
"""Seconds that a reading takes at least: a second paint that waits for it is told from one that does not."""

WITHIN = 1_000
"""Milliseconds."""

POLICY = Policy.of(random_policies.objects(random_policies.dice(1), ROLES, ROLES))
LOG = [event(f"id-{n}", user=f"user-{n % 50}", code=403 if n % 3 else 200, decision="") for n in range(EVENTS)]
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def late_access(_stack: str) -> access.Access:
    time.sleep(LAB_ANSWERS)
    return access.Access("", POLICY, FOUND.resources)


def late_log(*_: object, **__: object) -> timeline.Happened:
    time.sleep(LAB_ANSWERS)
    return timeline.Happened("", timeline.each_once(map(asked, LOG)))


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("/access", "document.querySelector('.matrix tbody tr')"),
        ("/happened", "document.querySelector('.happened > li')"),
    ],
)
def test_the_first_paint_does_not_wait_for_the_lab(lab: Lab, monkeypatch: pytest.MonkeyPatch, path: str, shows: str):
    monkeypatch.setattr(access, "read", late_access)
    monkeypatch.setattr(timeline, "read", late_log)

    async def test(guard: Guard, _runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        await tab.go(f"{guard.origin}{path}")
        await tab.wait(shows)
        assert await tab.ask(PAINT) < WITHIN

    run(lab, test)
