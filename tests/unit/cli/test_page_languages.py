"""The page in English and in Korean: nothing is missing in one of them, and what is typed is the same."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from cli.page import app
from cli.page.words import known
from exercises.texts import texts
from tests.unit.cli.page_browser import run
from tests.unit.cli.page_lab import Lab, lab, opened
from tests.unit.cli.test_page_pages import ADDRESSES, whole

__all__ = ["lab"]
TEMPLATES = Path(app.__file__).with_name("templates")
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
        assert re.search("[가-힣]", other), english


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
        for told in (
            texts("k03", "ko").title,
            korean.hints[0],
            korean.goals["use"],
            "채점",
            "아직 묻지 않음",
            "403: system:serviceaccount:owasp-k03:ci-bot에게 권한이 없음",
        ):
            assert told in text
        assert "not asked yet" not in text
        # What is typed is the same in every language.
        assert "./lab check k03" in text
        for address in ADDRESSES:
            whole(await page.browser.get(address))
        await page.browser.post("/language", "to=xx&back=%2F")
        assert '<html lang="ko">' in (await page.browser.get("/")).text
        for back in ("//evil.example", "https://evil.example", "/nothing"):
            assert (await page.browser.post("/language", f"to=en&back={quote(back)}")).header("location") == "/"
        assert '<html lang="en">' in (await page.browser.get("/")).text

    run(test)
