"""Sentences of other rooms that a learner reads, in the languages of the exercises' texts: a file has what each is in
another language than English."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from exercises.phrases import Phrases
from exercises.texts import Language

FILE: Final = "messages.{0}.yaml"


@cache
def messages(language: Language) -> Phrases:
    """Those of a language that is not English."""
    return Phrases(Path(__file__).with_name(FILE.format(language)))


def told(message: str, language: Language) -> str:
    """A sentence in a language; in English where it has no other words."""
    return message if language == "en" else messages(language).told(message)
