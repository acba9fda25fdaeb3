"""What a row asks, demands and gets, in a learner's language.

Rows have set phrases for that ("allowed", "403: ... may not"), in English, where the rows are. Another language has its
own for them in one file. What the API server, AWS and programs say stays as they say it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from exercises.phrases import Phrases
from exercises.texts import Language, folder

FILE: Final = "answers.{0}.yaml"


def told(text: str, language: Language = "en") -> str:
    """A phrase of a row's, or an answer, in this language; as it is where the language has no words for it."""
    return text if language == "en" else phrases(language).told(text)


@lru_cache
def phrases(language: Language) -> Phrases:
    """Those of a language that is not English."""
    return Phrases(folder("shared") / FILE.format(language))
