"""axe-core finds nothing on any page, at two widths, light and dark, in both languages."""

from __future__ import annotations

import pytest

from cli.page import access, request_way, timeline
from cli.page.guard import Guard
from cli.page.runs import Runs
from stacks.errors import CannotAsk
from tests.browser import axe
from tests.browser.chromium import PROGRAM, Tab
from tests.browser.served import run
from tests.unit.cli.audit_cases import ATTACK_ID, POLICY_REFUSED
from tests.unit.cli.page_lab import EVIL, NOT_UP, Lab, lab
from tests.unit.cli.test_page_access import FOUND
from tests.unit.cli.test_page_happened import FOUND as HAPPENED

__all__ = ["lab"]
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=f"there is no {PROGRAM}")
LOOKS = [(width, dark) for width in (360, 1440) for dark in (False, True)]
PAGES = (
    "/",
    "/exercises",
    "/exercises/k03",
    "/exercises/rbac",
    "/exercises/crypto",
    "/access",
    "/access/subject?who=sa:shop/bot",
    "/access/subject?who=nobody",
    "/happened",
    f"/happened/request?id={ATTACK_ID}",
    "/happened/request?id=none",
    "/nothing",
)


@pytest.fixture(autouse=True)
def checker() -> None:
    try:
        axe.script()
    except axe.CannotFetch as error:
        pytest.skip(f"axe-core cannot be fetched: {error}")


@pytest.fixture(autouse=True)
def read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "read", lambda _: FOUND)
    monkeypatch.setattr(timeline, "read", lambda *_, **__: HAPPENED)
    monkeypatch.setattr(request_way, "read", lambda *_: request_way.Found("", request_way.way(POLICY_REFUSED, FOUND)))


async def looked_at(tab: Tab, what: str) -> list[str]:
    """What axe-core finds at every look, and whether the page is wider than the screen."""
    found: list[str] = []
    for width, dark in LOOKS:
        await tab.look(width, dark=dark)
        where = f"{what}, {width} px, {'dark' if dark else 'light'}"
        found += [f"{where}: {each}" for each in await axe.violations(tab)]
        if not await tab.ask("document.documentElement.scrollWidth <= window.innerWidth"):
            found.append(f"{where}: wider than the screen")
    return found


async def speak(guard: Guard, tab: Tab, language: str) -> None:
    await tab.go(f"{guard.origin}/exercises")
    await tab.ask("window.before = true")
    await tab.click(f".language button[value={language}]")
    await tab.wait(
        f"!window.before && document.documentElement.lang === '{language}' && document.readyState === 'complete'"
    )


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_page(lab: Lab, language: str):
    lab.plays("k03", hints=3)

    async def test(guard: Guard, _runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        await speak(guard, tab, language)
        found: list[str] = []
        for path in PAGES:
            await tab.go(f"{guard.origin}{path}")
            await tab.ask("document.querySelectorAll('details').forEach(each => { each.open = true })")
            found += await looked_at(tab, path)
        assert found == []

    run(lab, test)


def test_the_pages_of_a_lab_that_is_down(lab: Lab):
    lab.problem = NOT_UP

    async def test(guard: Guard, _runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        for path in ("/", "/exercises", "/exercises/k03"):
            await tab.go(f"{guard.origin}{path}")
            assert await looked_at(tab, path) == []

    run(lab, test)


def test_the_checker_finds_what_is_wrong(lab: Lab):
    async def test(guard: Guard, _runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        await tab.go(f"{guard.origin}/nothing")
        await tab.ask(
            "document.querySelector('main').innerHTML += '<img src=\"data:,\"><p style=\"min-width: 2000px\">'"
        )
        await tab.ask(
            "document.querySelector('main p').style.cssText = 'color: #777; background: #888; min-width: 2000px'"
        )
        found = await looked_at(tab, "bad")
        for each in (
            "360 px, dark: critical image-alt",
            "1440 px, light: serious color-contrast",
            "360 px, light: wider",
        ):
            assert any(each in one for one in found), found

    run(lab, test)


def test_what_is_asked_before_something_goes(lab: Lab):
    lab.plays("k03")
    lab.by_hand = [f"RoleBinding owasp-k03/{'long' * 40}", EVIL]

    async def test(guard: Guard, _runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        for action in ("reset", "solution"):
            await tab.go(f"{guard.origin}/exercises/k03")
            await tab.click(f"#do-{action}")
            await tab.wait("document.querySelector('#agree')")
            assert await looked_at(tab, action) == []

    run(lab, test)


def test_a_second_command_is_refused(lab: Lab):
    lab.plays("k03")
    lab.goes_on, lab.said = True, f"  0.1 s  {'a-long-word' * 40} {EVIL}\n"

    async def test(guard: Guard, _runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        await tab.go(f"{guard.origin}/exercises/k03")
        await tab.click("#do-check")
        await tab.wait(
            "document.querySelector('#do-check').disabled && document.querySelector('#run-lines').textContent"
        )
        assert await looked_at(tab, "at work") == []
        await tab.ask("document.querySelector('form[action$=\"/check\"]').submit()")
        await tab.wait("document.querySelector('h1').textContent === 'One at a time'")
        assert await looked_at(tab, "409") == []

    run(lab, test)


def test_what_could_not_be_done(lab: Lab):
    lab.plays("k03")
    lab.fails = CannotAsk(f"The API server does not answer: {'https://long.example/' * 20} {EVIL}")

    async def test(guard: Guard, _runs: Runs, tabs: list[Tab]) -> None:
        (tab,) = tabs
        for language in ("en", "ko"):
            await speak(guard, tab, language)
            await tab.go(f"{guard.origin}/exercises/k03")
            await tab.click("#do-reset")
            await tab.wait("document.querySelector('#problem')")
            assert await looked_at(tab, "503") == []

    run(lab, test)
