"""Pictures of each page of the lab that stands, with k03 in play or at any stage.

`make screenshots` puts all pages, in both languages and at two widths, into build/screenshots. `make pictures` makes
those of README, in docs/pictures; it has k03 checked on the page, which counts as a try.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from exercises.texts import LANGUAGES, Language
from stacks.stack import CHECKOUT
from tests.browser.chromium import PROGRAM, Tab, browser

PAGES: Final = {
    "overview": "/",
    "exercises": "/exercises",
    "exercise": "/exercises/k03",
    "access": "/access",
    "subject": "/access/subject?who=group:system:authenticated",
    "happened": "/happened",
}
MOST: Final = 300_000
"""Bytes of a picture of README: it is loaded with each visit."""
SIZE: Final = (1100, 800)

_REQUEST: Final = """(() => {
    const link = each => each.querySelector("a[href*='request?id=']");
    const all = [...document.querySelectorAll(".happened > li")].filter(link);
    const by = text => all.find(each => each.classList.contains("is-refused") && each.innerText.includes(text));
    const found = by("refused by admission") || by("refused") || all[0];
    return found ? link(found).getAttribute("href") : "";
})()"""
"""The address of a request that came far and was refused; in English."""


async def _pictures(address: str, *, of_readme: bool) -> None:
    origin = address.partition("/enter")[0]
    async with browser() as (tab,):
        await tab.go(address)
        await tab.wait("location.pathname === '/' && document.querySelector('h1')")
        await _speak(tab, origin, "en")
        await tab.go(f"{origin}/happened?verdict=refused&minutes=60")
        request = await tab.ask(_REQUEST)
        if not request:
            raise SystemExit("The audit log has no request that was refused. Run ./lab check, then this again.")
        pages = {**PAGES, "request": request}
        for language in LANGUAGES:
            await _speak(tab, origin, language)
            for name, path in pages.items():
                if not of_readme:
                    await _whole(tab, f"{origin}{path}", f"{name}-{language}")
                elif name in ("overview", "request"):
                    await _of_readme(tab, f"{origin}{path}", name, language)
        if of_readme:
            await tab.go(f"{origin}{PAGES['exercise']}")
            await tab.click("#do-check")
            await tab.wait("document.querySelector('#goals time') && !document.querySelector('#run').dataset.busy")
            for language in LANGUAGES:
                await _speak(tab, origin, language)
                await _of_readme(tab, f"{origin}{PAGES['exercise']}", "exercise", language)


async def _speak(tab: Tab, origin: str, language: Language) -> None:
    await tab.go(f"{origin}/exercises")
    await tab.ask("window.before = true")
    await tab.click(f".language button[value={language}]")
    await tab.wait(f"!window.before && document.documentElement.lang === '{language}'")


async def _whole(tab: Tab, address: str, name: str) -> None:
    for width, dark in ((360, True), (1440, False)):
        await tab.look(width, dark=dark)
        await tab.go(address)
        await _kept(tab, CHECKOUT / "build" / "screenshots" / f"{name}-{width}.png", 4000)


async def _of_readme(tab: Tab, address: str, name: str, language: Language) -> None:
    width, height = SIZE
    await tab.look(width, dark=False)
    await tab.go(address)
    file = CHECKOUT / "docs" / "pictures" / f"{name}{'' if language == 'en' else f'.{language}'}.png"
    await _kept(tab, file, height)
    if file.stat().st_size > MOST:
        raise SystemExit(f"{file} is larger than {MOST} bytes.")


async def _kept(tab: Tab, file: Path, height: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    await tab.picture(file, height)
    sys.stdout.write(f"{file.relative_to(CHECKOUT)} ({file.stat().st_size // 1024} KB)\n")


def main() -> int:
    """Make them; 1 without a browser or without a page."""
    if not PROGRAM.exists():
        sys.stderr.write(f"There is no {PROGRAM}. On Debian: apt-get install chromium.\n")
        return 1
    page = subprocess.Popen([CHECKOUT / "lab", "page", "--no-open"], stdout=subprocess.PIPE, text=True)
    try:
        assert page.stdout  # asked for above
        found = re.search(r"http://\S+", page.stdout.readline())
        if found is None:
            return 1
        asyncio.run(_pictures(found[0], of_readme="--readme" in sys.argv))
    finally:
        page.terminate()
        page.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
