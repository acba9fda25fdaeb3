"""Set phrases in another language, by a file: English → that language. `{0}` stands for what differs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

_PLACE: Final = re.compile(r"\\{(\d)\\}")


class Phrases:
    """What stands at the place of `{0}` is told by these phrases too, where it is one of them."""

    def __init__(self, file: Path) -> None:
        self.all: Mapping[str, str] = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
        """English → the other language."""
        found = [(english, other) for english, other in self.all.items() if "{0}" in english]
        # Where several fit, the one that says most is taken.
        found.sort(key=lambda each: -len(re.sub(r"{\d}", "", each[0])))
        self._with_places = [
            (re.compile(_PLACE.sub("(.*?)", re.escape(english)), re.DOTALL), other) for english, other in found
        ]

    def told(self, text: str) -> str:
        """A text in the other language; as it is where there is no phrase for it."""
        if exact := self.all.get(text):
            return exact
        for pattern, other in self._with_places:
            if found := pattern.fullmatch(text):
                return other.format(*map(self.told, found.groups()))
        return text
