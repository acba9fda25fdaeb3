"""The page in English and in Korean: nothing is missing in one of them, and what is typed is the same."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from cli.messages import messages, told
from cli.page import app
from cli.page.guard import Guard
from cli.page.look import Problem
from cli.page.runs import Run, ended
from cli.page.words import known
from exercises.texts import texts
from stacks import expiry
from stacks.cluster_facts import RECORDED, Release
from stacks.unfinished import Unfinished
from tests.unit.cli.page_browser import PORT, Browser, run
from tests.unit.cli.page_lab import NOW, Lab, lab, opened
from tests.unit.cli.test_page_pages import ADDRESSES, whole
from tests.unit.literals import literals

__all__ = ["lab"]
TEMPLATES = Path(app.__file__).with_name("templates")
HANGUL = re.compile("[가-힣]")
SAID = re.compile(r'\b_\("([^"]+)"\)')


def test_the_page_has_every_text_of_its_own_in_korean():
    said = {text for file in TEMPLATES.glob("*.html") for text in SAID.findall(file.read_text())}
    states = {"not begun", "in play", "passed", "solution applied", "left"}
    titles = {"Overview", "Exercises", "Who may do what", "One at a time", "It could not be done"}
    computed = {"brings it to {0}", "takes it away"}
    korean = known("ko")
    wanted = said | states | titles | computed
    assert wanted == korean.keys()
    for english, other in korean.items():
        assert sorted(re.findall(r"{\d}", english)) == sorted(re.findall(r"{\d}", other)), english
        assert HANGUL.search(other), english


def test_the_language_is_switched_on_the_page(lab: Lab):
    lab.plays("k03", hints=1)

    async def test() -> None:
        page = await opened()
        assert '<html lang="en">' in (await page.browser.get("/exercises/k03")).text
        answer = await page.browser.post("/language", "to=ko&back=%2Fexercises%2Fk03")
        assert (answer.status, answer.header("location")) == (303, "/exercises/k03")
        text = whole(await page.browser.get("/exercises/k03"))
        assert '<html lang="ko">' in text
        korean = texts("k03", "ko").play
        assert korean
        for words in (
            texts("k03", "ko").title,
            korean.hints[0],
            korean.goals["use"],
            "채점",
            "아직 묻지 않음",
            "403: system:serviceaccount:owasp-k03:ci-bot에게 권한이 없음",
        ):
            assert words in text
        assert "not asked yet" not in text
        # What is typed is the same in every language.
        assert "./lab check k03" in text
        for address in ADDRESSES:
            whole(await page.browser.get(address))
        await page.browser.post("/exercises/k03/check")
        await page.over()
        assert lab.started == [("lab", "check", "k03", "--json", "--lang", "ko")]
        await page.browser.post("/language", "to=xx&back=%2F")
        assert '<html lang="ko">' in (await page.browser.get("/")).text
        for back in ("//evil.example", "https://evil.example", "/nothing"):
            assert (await page.browser.post("/language", f"to=en&back={quote(back)}")).header("location") == "/"
        assert '<html lang="en">' in (await page.browser.get("/")).text

    run(test)


def test_the_sentences_of_other_rooms_are_told_in_korean():
    releases = (Release("a", "b", "c", "1", state, 1, 2, 3) for state in ("deployed", RECORDED, "missing"))
    ends = ("", "2026-11-29T11:00Z", "2026-11-29T16:00Z")
    unfinished = (Unfinished(failed, {"k03": at}, {"k03": "off"}) for failed in (True, False) for at in ("open",))
    for sentence in (
        *(each.told for each in releases),
        *(expiry.told(each, NOW) for each in ends),
        *(each.line("") for each in (*unfinished, Unfinished(failed=True))),
        *(
            ended(Run(1, "check", "k03", NOW, code=code, printed=said))
            for code in (0, 1, 3, 130)
            for said in ("", "{}")
        ),
    ):
        assert sentence
        other = told(sentence, "ko")
        assert HANGUL.search(other), sentence
        assert set(re.findall(r"\./lab [a-z]+", sentence)) == set(re.findall(r"\./lab [a-z]+", other))


def test_every_sentence_of_another_room_is_one_that_is_said_there():
    said = "\0".join(literals("cli", "stacks", "operations", "rehearsal/charts"))
    for english, korean in messages("ko").all.items():
        assert sorted(re.findall(r"{\d}", english)) == sorted(re.findall(r"{\d}", korean)), english
        parts = [] if english == RECORDED else re.split(r"{\d}", english)
        for part in parts:
            assert part.strip(" .,:;()") in said, english


def test_who_is_not_let_in_is_told_so_in_korean():
    async def test() -> None:
        stranger = Browser(Guard(app.make("rehearsal", None, None, "ko"), PORT, "ko"))  # pyright: ignore[reportArgumentType]
        for address in ("/", "/enter?token=wrong"):
            answer = await stranger.get(address)
            assert answer.status == 403
            assert "./lab page를 다시 실행하고" in answer.text

    run(test)


@pytest.mark.parametrize("message", ["Nobody has a word for this.", "missing"])
def test_what_has_no_words_in_korean_is_said_to_be_english(lab: Lab, message: str):
    lab.problem = Problem(message)

    async def test() -> None:
        page = await opened()
        await page.browser.post("/language", "to=ko&back=%2F")
        text = whole(await page.browser.get("/exercises"))
        assert ("영어입니다" in text) is (message != "missing")
        assert (f'<p lang="en">{message}' in text) is (message != "missing")

    run(test)
