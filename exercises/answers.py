"""What a row asks, demands and gets, in a learner's language.

Rows have set phrases for that ("allowed", "403: ... may not"), in English, where the rows are. Another language has its
own for them in one file. What the API server, AWS and programs say stays as they say it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import yaml

from exercises.texts import Language, folder

FILE: Final = "answers.{0}.yaml"
_PLACE: Final = re.compile(r"\\{(\d)\\}")


def told(text: str, language: Language = "en") -> str:
    """A phrase of a row's, or an answer, in this language; as it is where the language has no words for it."""
    if language == "en":
        return text
    if exact := phrases(language).get(text):
        return exact
    for pattern, other in _with_places(language):
        if found := pattern.fullmatch(text):
            return other.format(*(told(each, language) for each in found.groups()))
    return text


@lru_cache
def phrases(language: Language) -> Mapping[str, str]:
    """English → this language."""
    return yaml.load((folder("shared") / FILE.format(language)).read_text(encoding="utf-8"), yaml.CSafeLoader)


@lru_cache
def _with_places(language: Language) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Those that hold what differs: most letters of their own first, so that the one that says most is taken."""
    found = [(english, other) for english, other in phrases(language).items() if "{0}" in english]
    found.sort(key=lambda each: -len(re.sub(r"{\d}", "", each[0])))
    return tuple((re.compile(_PLACE.sub("(.+?)", re.escape(english)), re.DOTALL), other) for english, other in found)
