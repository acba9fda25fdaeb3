"""In which language a learner reads the exercises' texts: what the command line, LAB_LANG or the locale says.

The command line's own messages are English in every language.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Final

import typer

from exercises.texts import LANGUAGES, Language
from stacks.errors import BadInput

VARIABLE: Final = "LAB_LANG"
LOCALE: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first of these that is set tells the locale of messages (POSIX.1-2024, chapter 8, Environment Variables)."""

LanguageOption = Annotated[
    str,
    typer.Option(
        "--lang",
        metavar="|".join(LANGUAGES),
        help=f"Language of the exercises' texts; without it {VARIABLE}, else the locale's.",
        show_default=False,
    ),
]


def chosen(option: str, variables: Mapping[str, str] = os.environ) -> Language:
    """The language of the exercises' texts; raises BadInput for one that the lab does not speak.

    Args:
        option: what `--lang` says; empty: nothing.
        variables: the environment.
    """
    for name, wanted in (("--lang", option), (VARIABLE, variables.get(VARIABLE, ""))):
        if wanted:
            for language in LANGUAGES:
                if wanted.lower() == language:
                    return language
            raise BadInput(f"{name} {wanted!r} is no language of the lab. Use one of: {', '.join(LANGUAGES)}.")
    locale = next((value for name in LOCALE if (value := variables.get(name))), "")
    return "ko" if re.match(r"ko(?![a-z])", locale.lower()) else "en"
