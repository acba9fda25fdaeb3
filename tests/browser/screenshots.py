"""Pictures of each page of the lab that stands, at two widths: `make screenshots` puts them into build/screenshots."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from stacks.stack import CHECKOUT
from tests.browser.chromium import PROGRAM, browser

PAGES: Final = {
    "overview": "/",
    "exercises": "/exercises",
    "exercise": "/exercises/k03",
    "access": "/access",
    "subject": "/access/subject?who=group:system:authenticated",
    "happened": "/happened",
}


async def _pictures(address: str, into: Path) -> None:
    async with browser() as (tab,):
        await tab.go(address)
        await tab.wait("location.pathname === '/' && document.querySelector('h1')")
        for name, path in PAGES.items():
            for width, dark in ((360, True), (1440, False)):
                await tab.look(width, dark=dark)
                await tab.go(address.partition("/enter")[0] + path)
                file = into / f"{name}-{width}.png"
                await tab.picture(file)
                sys.stdout.write(f"{file.relative_to(CHECKOUT)} ({file.stat().st_size // 1024} KB)\n")


def main() -> int:
    """Make them; 1 without a browser."""
    if not PROGRAM.exists():
        sys.stderr.write(f"There is no {PROGRAM}. On Debian: apt-get install chromium.\n")
        return 1
    into = CHECKOUT / "build" / "screenshots"
    into.mkdir(parents=True, exist_ok=True)
    page = subprocess.Popen([CHECKOUT / "lab", "page", "--no-open"], stdout=subprocess.PIPE, text=True)
    try:
        assert page.stdout  # asked for above
        found = re.search(r"http://\S+", page.stdout.readline())
        if found is None:
            return 1
        asyncio.run(_pictures(found[0], into))
    finally:
        page.terminate()
        page.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
