"""axe-core, the field's checker of accessibility, from its npm package: version and digest are pinned here.

`npm` fetches it once, into build/. It is MPL-2.0 and stays outside of this repository.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tarfile
from functools import cache
from typing import Any, Final

from stacks.stack import CHECKOUT
from tests.browser.chromium import Tab

VERSION: Final = "4.14.1"
INTEGRITY: Final = "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""As the npm registry has it for this version."""

_RUN: Final = """axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.map(each =>
    `${each.impact} ${each.id}: ${each.help} ${each.nodes.map(node => node.html).slice(0, 3).join(" | ")}`))"""


class CannotFetch(Exception):
    """npm is not here, or does not reach its registry; the text is npm's."""


@cache
def script() -> str:
    """The program's text; raises CannotFetch, and ValueError for another file than the pinned one."""
    directory = CHECKOUT / "build" / "axe-core"
    archive = directory / f"axe-core-{VERSION}.tgz"
    if not archive.exists():
        directory.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(
                ["npm", "pack", f"axe-core@{VERSION}", "--silent", "--pack-destination", directory],
                check=True,
                capture_output=True,
                text=True,
                timeout=60,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise CannotFetch(getattr(error, "stderr", "") or str(error)) from error
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise ValueError(f"{archive} is not axe-core {VERSION}. Delete it, and run this again.")
    with tarfile.open(archive) as members:
        file = members.extractfile("package/axe.min.js")
        if file is None:
            raise ValueError(f"{archive} has no axe.min.js.")
        return file.read().decode()


async def violations(tab: Tab) -> list[Any]:
    """What axe-core finds on the page that a tab shows: every rule that it has, every impact."""
    if not await tab.ask("'axe' in window"):
        await tab.send("Runtime.evaluate", expression=script())
    return await tab.ask(_RUN)
