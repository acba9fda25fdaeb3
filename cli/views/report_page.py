"""Draws a report's page from its data alone: one file, readable without a script, on a phone and on paper.

The same data give the same page, so that a report can be drawn again and compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from cli.html import BASE_CSS
from exercises import answers
from exercises.answers import told
from exercises.texts import LANGUAGES, Language, folder, shared
from stacks.report.document import DATA, SIGNATURE, block

if TYPE_CHECKING:
    from jinja2 import Template

ROOM: Final = Path(__file__).parent.parent / "html"
TEMPLATE: Final = "report.html.jinja"
STYLES: Final = (BASE_CSS.name, "report.css")
MARKS: Final = {"passed": "✓", "failed": "✗", "could-not-be-asked": "?"}


def _spoken(language: object) -> Language:
    known: dict[object, Language] = {each: each for each in LANGUAGES}
    return known.get(language, "en")


def drawn_by() -> str:
    """Digest of the files that draw a page: by another one it may look otherwise."""
    of = hashlib.sha256()
    words = [*sorted(ROOM.glob("report.*.yaml")), *sorted(folder("shared").glob("*.yaml"))]
    for file in (ROOM / TEMPLATE, *(ROOM / each for each in STYLES), *words, Path(answers.__file__), Path(__file__)):
        of.update(hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).digest())
    return of.hexdigest()


def draw(data: Mapping[str, Any], digest: str, key_id: str) -> str:
    """The page of a report, without its data and signature.

    Args:
        data: of the form of `stacks.report.data.Data`.
        digest: of the data.
        key_id: of the key that signs it.
    """
    from markupsafe import Markup

    language = _spoken(data["language"])
    frame = shared(language).frame
    return _template().render(
        data=data,
        digest=digest,
        key_id=key_id,
        words=_words(language),
        states=frame.states,
        goals=frame.reached,
        marks=MARKS,
        told=partial(told, language=language),
        # Ours, and without a sign that HTML knows in a style sheet.
        style=Markup("\n".join((ROOM / each).read_text() for each in STYLES)),  # noqa: S704
        # Elements without a value, which is put in when the page is signed.
        data_block=Markup(block(DATA)),  # noqa: S704
        signature_block=Markup(block(SIGNATURE)),  # noqa: S704
    )


@lru_cache
def _template() -> Template:
    # Only a report needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(ROOM),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"clock": _clock, "moment": _moment, "versions": _versions}
    return environment.get_template(TEMPLATE)


@lru_cache
def _words(language: Language) -> dict[str, Any]:
    return yaml.load((ROOM / f"report.{language}.yaml").read_text(), yaml.CSafeLoader)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _moment(told: str) -> str:
    """To the minute; what is no moment stays as it is."""
    try:
        return f"{datetime.fromisoformat(told):%Y-%m-%d %H:%M %Z}"
    except ValueError:
        return told


def _versions(packages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))
