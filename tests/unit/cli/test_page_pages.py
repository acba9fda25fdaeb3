"""Each page of the lab from what its readings tell: whole, escaped, and right also when the lab is down."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from cli.page.app import MOST_IN_A_FORM
from cli.page.look import Problem
from exercises.catalogue import EXERCISES
from exercises.judge import rows_of
from stacks.errors import CannotAsk
from tests.unit.cli.page_browser import Answer, run
from tests.unit.cli.page_lab import EVIL, FACTS, NOT_UP, NOW, OVERVIEW, Lab, lab, opened

__all__ = ["lab"]
ADDRESSES = ["/", "/exercises", *(f"/exercises/{name}" for name in EXERCISES), "/nothing"]
VOID = {"meta", "link", "input", "br"}


class Whole(HTMLParser):
    """Fails for what the policy would not run, and for elements that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert "style" not in given
        assert not [name for name in given if name.startswith("on")]
        assert tag != "style"
        assert tag != "script" or given.get("src") == "/static/page.js"
        for name in ("src", "href", "action"):
            assert re.match(r"/(?!/)|#|data:,$", given.get(name) or "/"), given
        if "id" in given:
            self.ids.append(str(given["id"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def whole(answer: Answer) -> str:
    page = Whole()
    page.feed(answer.text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert answer.header("content-type").startswith("text/html")
    return answer.text


def buttons(text: str) -> list[str]:
    return re.findall(r'<button id="do-(\w+)"', text)


@pytest.mark.parametrize("problem", [None, NOT_UP, Problem(f"AWS said {EVIL}")], ids=["up", "down", "silent"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_is_whole(lab: Lab, address: str, problem: Problem | None):
    lab.problem = problem
    lab.plays("k03", hints=3, passed=NOW)

    async def test() -> None:
        answer = await (await opened()).browser.get(address)
        text = whole(answer)
        assert answer.status == (404 if address == "/nothing" else 200)
        assert "<script>alert" not in text
        if problem and address != "/nothing":
            assert ("./lab up" in text) == problem.not_up
            # Nobody knows whether an exercise is off.
            assert "It is off" not in text

    run(test)


def test_the_overview_shows_what_stands_in_what(lab: Lab):
    async def test() -> None:
        text = whole(await (await opened()).browser.get("/"))
        for told in ("myeks-VPC", "public-1", "pcx-1", "alb.example.com", "grafana.example.com", "1 h 1 min"):
            assert told in text
        assert "shop-&lt;script&gt;" in text
        assert "1 pods without a node" in text
        # What is not as it should be is told by a sign too.
        for told in ("! DEGRADED", "! failed", "Node lost has no instance"):
            assert told in text
        lab.overview = replace(OVERVIEW, facts=replace(FACTS, nodes=()))
        assert "Node lost" not in whole(await (await opened()).browser.get("/"))

    run(test)


def test_the_catalogue_tells_stage_and_progress(lab: Lab):
    lab.plays("k03", attempts=2, points=40, hints=1)

    async def test() -> None:
        text = whole(await (await opened()).browser.get("/exercises"))
        card = text.partition('href="/exercises/k03"')[2].partition("</li>")[0]
        for told in ("K03 (2022), K02 (2025)", "<strong>open</strong>", "in play", "40 / 100", "1 / 3", "2 tries"):
            assert told in card
        assert text.count('class="card"') == len(EXERCISES)

    run(test)


def test_an_exercise_offers_what_can_be_done(lab: Lab):
    async def shown(name: str) -> list[str]:
        return buttons(whole(await (await opened()).browser.get(f"/exercises/{name}")))

    async def test() -> None:
        assert await shown("k03") == ["play", "solution"]
        lab.plays("k03")
        assert await shown("k03") == ["check", "hint", "reset", "solution"]
        lab.plays("k03", hints=3)
        assert await shown("k03") == ["check", "reset", "solution"]
        lab.plays("k03", since=None, passed=NOW)
        assert "play" in await shown("k03")

    run(test)


def test_hints_and_the_answer_are_told_only_when_they_were_taken(lab: Lab):
    play = EXERCISES["k03"].words.play
    assert play

    async def shown() -> str:
        return whole(await (await opened()).browser.get("/exercises/k03"))

    async def test() -> None:
        lab.plays("k03", hints=1)
        text = await shown()
        assert play.hints[0] in text
        assert "kubectl create role deploy-shop" not in text
        assert 'RBAC has no "deny"'.replace('"', "&#34;") not in text
        lab.plays("k03", hints=3, solution=NOW)
        text = await shown()
        assert "kubectl create role deploy-shop" in text
        assert 'RBAC has no "deny"'.replace('"', "&#34;") in text

    run(test)


CHECKED = {
    "rows": [
        {
            "exercise": "k03",
            "stage": row.stage,
            "name": row.name,
            "subject": row.subject,
            "command": row.command,
            "expected": "403",
            "observed": f"200 {EVIL}",
            "why": row.why,
            "verdict": "failed" if row.goal == "attack" else "passed",
            "wrong": "it has to be refused" if row.goal == "attack" else "",
        }
        for row in rows_of("k03")
    ],
    "summary": {
        "played": [
            {
                "exercise": "k03",
                "points": 0,
                "passed": False,
                "goals": {"attack": {"verdict": "failed"}, "use": {"verdict": "passed"}},
            }
        ]
    },
}


def test_a_check_is_shown_by_its_goals_until_the_exercise_is_moved(lab: Lab):
    lab.plays("k03")
    lab.printed, lab.code = CHECKED, 1

    async def test() -> None:
        page = await opened()
        before = whole(await page.browser.get("/exercises/k03"))
        assert "not asked yet" in before
        assert "points</strong>" not in before
        answer = await page.browser.post("/exercises/k03/check")
        assert (answer.status, answer.header("location")) == (303, "/exercises/k03")
        await page.over()
        text = whole(await page.browser.get("/exercises/k03"))
        assert "0 of 100 points" in text
        assert "200 &lt;script&gt;" in text
        assert "(it has to be refused)" in text
        assert "not asked yet" not in text
        assert "check k03: not all passed" in text
        # Legitimate use works: the sentence about it would be wrong.
        assert "There are points only" not in text
        lab.printed, lab.code = {}, 0
        await page.browser.post("/exercises/k03/play")
        await page.over()
        assert "0 of 100 points" not in await page_text(page)

    async def page_text(page: Any) -> str:
        return whole(await page.browser.get("/exercises/k03"))

    run(test)


def test_buttons_run_the_commands(lab: Lab):
    lab.plays("k03")

    async def test() -> None:
        page = await opened()
        for action in ("check", "hint", "play"):
            assert (await page.browser.post(f"/exercises/k03/{action}")).status == 303
            await page.over()
        assert lab.started == [
            ("lab", "check", "k03", "--json", "--lang", "en"),
            ("lab", "hint", "k03", "--json", "--lang", "en"),
            ("lab", "play", "k03", "--json", "--lang", "en", "--yes"),
        ]
        lab.started.clear()
        aws = await opened("dev")
        await aws.browser.post("/exercises/k03/check")
        await aws.over()
        assert lab.started == [("lab", "check", "k03", "--json", "--lang", "en", "-s", "dev")]

    run(test)


@pytest.mark.parametrize("action", ["reset", "solution", "play"])
def test_what_was_done_by_hand_is_named_and_goes_only_after_a_yes_to_that(lab: Lab, action: str):
    lab.plays("k03")
    lab.by_hand = [f"RoleBinding owasp-k03/{EVIL}"]

    async def test() -> None:
        page = await opened()
        asked = await page.browser.post(f"/exercises/k03/{action}")
        text = whole(asked)
        assert asked.status == 200
        assert "RoleBinding owasp-k03/&lt;script&gt;" in text
        assert lab.started == []
        (seal,) = re.findall(r'name="agreed" value="(\w+)"', text)
        # Something else was done meanwhile, or somebody agreed to something else.
        lab.by_hand.append("Secret owasp-k03/mine")
        again = await page.browser.post(f"/exercises/k03/{action}", f"agreed={seal}")
        assert "has changed since you were asked" in whole(again)
        assert "Secret owasp-k03/mine" in again.text
        await page.browser.post(f"/exercises/k03/{action}", "agreed=yes")
        lab.by_hand.pop()
        await page.browser.post(f"/exercises/k01/{action}", f"agreed={seal}")
        assert lab.started == []
        assert (await page.browser.post(f"/exercises/k03/{action}", f"agreed={seal}")).status == 303
        await page.over()
        assert lab.started == [("lab", action, "k03", "--json", "--lang", "en", "--yes")]

    run(test)


def test_a_second_command_is_refused_kindly(lab: Lab):
    lab.plays("k03")

    async def test() -> None:
        lab.goes_on = True
        page = await opened()
        assert (await page.browser.post("/exercises/k03/check")).status == 303
        for action in ("check", "hint", "reset"):
            second = await page.browser.post(f"/exercises/k01/{action}")
            assert second.status == 409
            assert "check k03 is at work" in whole(second)
        assert "disabled" in await shown(page)
        assert len(lab.started) == 1

    async def shown(page: Any) -> str:
        text = whole(await page.browser.get("/exercises/k03"))
        assert "check k03: at work" in text
        return text

    run(test)


def test_what_changes_nothing_is_no_way_to_change_something(lab: Lab):
    lab.plays("k03")

    async def test() -> None:
        page = await opened()
        assert (await page.browser.get("/exercises/k03/check")).status == 405
        for address in ("k03/destroy", "k99/check", "k03/--yes"):
            assert (await page.browser.post(f"/exercises/{address}")).status == 404
        assert (await page.browser.post("/exercises/k03/reset", "a" * (MOST_IN_A_FORM + 1))).status == 413
        assert (await page.browser.post("/exercises")).status == 405
        for name in ("../app.py", "page.py", "%2e%2e/app.py", ""):
            assert (await page.browser.get(f"/static/{name}")).status == 404
        assert (await page.browser.get("/static/page.js")).header("content-type").startswith("text/javascript")
        assert lab.started == []

    run(test)


def test_a_failure_is_told_and_not_run_into(lab: Lab):
    lab.fails = CannotAsk(f"The API server did not answer: {EVIL}")

    async def test() -> None:
        page = await opened()
        answer = await page.browser.post("/exercises/k03/reset")
        assert answer.status == 503
        assert "The API server did not answer: &lt;script&gt;" in whole(answer)
        assert lab.started == []
        lab.fails = None
        lab.code, lab.said = 1, f"lab: Another command is at work: {EVIL}\n"
        await page.browser.post("/exercises/k03/check")
        await page.over()
        text = whole(await page.browser.get("/exercises/k03"))
        assert "check k03: failed" in text
        assert "Another command is at work: &lt;script&gt;" in text

    run(test)
