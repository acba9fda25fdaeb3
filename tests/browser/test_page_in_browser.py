"""The page in a real browser: nothing in it is against its own policy, and every button does what it says.

Without a lab: what the page reads comes from the unit tests' one, and no command is really started.
"""

from __future__ import annotations

import asyncio

import pytest

from cli.page import access, request_way, timeline
from cli.page.guard import Guard
from cli.page.runs import Runs
from tests.browser.chromium import PROGRAM, Tab, browser
from tests.browser.served import run
from tests.unit.cli.audit_cases import ATTACK_ID, POLICY_REFUSED
from tests.unit.cli.page_lab import EVIL, Lab, lab
from tests.unit.cli.test_page_access import FOUND
from tests.unit.cli.test_page_happened import FOUND as HAPPENED

__all__ = ["lab"]
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=f"there is no {PROGRAM}")
TAB = 9
ENTER = 13


def test_no_page_is_against_its_own_policy_or_wider_than_a_small_screen(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access, "read", lambda _: FOUND)
    monkeypatch.setattr(timeline, "read", lambda *_, **__: HAPPENED)
    monkeypatch.setattr(request_way, "read", lambda *_: request_way.Found("", request_way.way(POLICY_REFUSED, FOUND)))
    lab.plays("k03", hints=3)

    async def test(guard: Guard, _runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        for width in (360, 1440):
            await tab.look(width, dark=width == 360)
            for path in (
                "/",
                "/exercises",
                "/exercises/k03",
                "/access",
                "/access/subject?who=sa:shop/bot",
                "/happened",
                f"/happened/request?id={ATTACK_ID}",
            ):
                await tab.go(f"{guard.origin}{path}")
                assert await tab.ask("document.documentElement.scrollWidth <= window.innerWidth"), path
                assert await tab.ask("document.querySelectorAll('h1').length") == 1
        # The style is there: no page is shown bare.
        assert await tab.ask("getComputedStyle(document.querySelector('main')).maxWidth") != "none"
        assert [each for each in tab.told if "favicon" not in each] == []

    run(lab, test)


def test_a_check_is_followed_in_every_window(lab: Lab):
    lab.plays("k03")
    lab.goes_on, lab.said = True, f"  0.1 s  asked 1 of 24 rows {EVIL}\n"

    async def test(guard: Guard, _runs: Runs, tabs: list[Tab]) -> None:
        mine, other = tabs
        for tab in tabs:
            await tab.go(f"{guard.origin}/exercises/k03")
        await mine.click("#do-check")
        for tab in tabs:
            await tab.wait("document.querySelector('#run-lines').textContent.includes('asked 1 of 24 rows <script>')")
            await tab.wait("document.querySelector('#do-check').disabled")
        lab.stages["k03"] = "closed"
        lab.end()
        for tab in tabs:
            await tab.wait("document.querySelector('#run-state').textContent === 'check k03: done'")
            await tab.wait("document.querySelector('#state strong').textContent === 'closed'")
            await tab.wait("!document.querySelector('#do-check').disabled")
        assert "alert" not in str(other.told)

    run(lab, test, tabs=2)


def test_a_reset_is_agreed_to_by_keyboard_alone(lab: Lab):
    lab.plays("k03")
    lab.by_hand = ["RoleBinding owasp-k03/mine"]

    async def test(guard: Guard, runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        await tab.go(f"{guard.origin}/exercises/k03")

        async def reach(selector: str) -> None:
            for _ in range(40):
                await tab.press("Tab", TAB)
                if await tab.ask(f"document.activeElement.matches({selector!r})"):
                    break
            else:
                pytest.fail(f"{selector} is not reached")
            await tab.press("Enter", ENTER)

        await reach("#do-reset")
        await tab.wait("document.querySelector('#taken-back')")
        assert "RoleBinding owasp-k03/mine" in await tab.text()
        assert lab.started == []
        await reach("#agree")
        await tab.wait("document.querySelector('#run-state').textContent === 'reset k03: done'")
        assert lab.started == [("lab", "reset", "k03", "--json", "--lang", "en", "--yes")]
        assert runs.latest

    run(lab, test)


def test_a_command_is_copied_by_a_click(lab: Lab):
    async def test(guard: Guard, _runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        await tab.go(f"{guard.origin}/exercises/k03")
        await tab.send(
            "Browser.grantPermissions",
            origin=guard.origin,
            permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
        )
        await tab.send("Emulation.setFocusEmulationEnabled", enabled=True)
        await tab.click(".commands button.copy")
        await tab.wait("document.querySelector('.commands button.copy').textContent === 'Copied'")
        assert await tab.ask("navigator.clipboard.readText()") == "./lab shell"

    run(lab, test)


def test_a_page_whose_lab_goes_says_so(lab: Lab):
    async def test(guard: Guard, runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        await tab.go(f"{guard.origin}/exercises")
        # The window may not listen yet when it is told for the first time.
        for _ in range(100):
            runs.gone("The lab is down.")
            await asyncio.sleep(0.1)
            if await tab.ask("document.querySelector('#run-state').textContent") == "The lab is down.":
                return
        pytest.fail(await tab.text())

    run(lab, test)


def test_another_browser_gets_nothing(lab: Lab):
    async def test(guard: Guard, _runs: Runs, _tabs: list[Tab]) -> None:
        async with browser() as (stranger,):
            for path in ("/", "/exercises", "/enter?token=wrong"):
                await stranger.go(f"{guard.origin}{path}")
                text = await stranger.text()
                assert "./lab page again" in text
                assert "myeks-VPC" not in text

    run(lab, test)
