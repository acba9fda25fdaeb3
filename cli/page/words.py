"""The page's own words in the languages of the exercises' texts. English stands where it is used, in the templates; the
file has what that is in another language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from exercises.texts import Language

FILE: Final = "words.{0}.yaml"


@cache
def known(language: Language) -> Mapping[str, str]:
    """English → the same in this language; nothing for English."""
    if language == "en":
        return {}
    text = Path(__file__).with_name(FILE.format(language)).read_text()
    return {str(english): str(other) for english, other in yaml.load(text, yaml.CSafeLoader).items()}


def say(text: str, language: Language) -> str:
    """A text of the page's own in a language; in English where it has no other words."""
    return known(language).get(text, text)
