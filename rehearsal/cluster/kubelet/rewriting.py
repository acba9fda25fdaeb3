"""Puts paths of a pod's own files into a process's arguments and environment, where it cannot see them.

Where a process can have a view of the file system of its own, /var/run/secrets
is simply the pod's. Elsewhere the next best is to name the pod's files by
where they really are: in arguments and in the environment. A path that a
program makes up by itself is not found then, and the documentation says so.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

_BEFORE = r"(?:(?<![\w.\-/])|(?<=file://))"
_AFTER = r"(?![\w.\-])"
"""A path begins and ends where a file name could not go on."""


class Rewriting:
    """Replaces paths in texts."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        """`paths`: what the pod calls it → where it is."""
        self._paths = {path.rstrip("/"): place for path, place in paths.items() if path.rstrip("/")}
        # The longest first: of two that fit, the nearer one counts.
        longest = sorted(self._paths, key=len, reverse=True)
        choice = "|".join(re.escape(path) for path in longest)
        self._pattern = re.compile(f"{_BEFORE}(?:{choice}){_AFTER}") if longest else None

    def text(self, text: str) -> str:
        """The text with every path replaced that stands for itself or begins a longer one."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: str(self._paths[found[0]]), text)

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Arguments, rewritten."""
        return [self.text(argument) for argument in argv]

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """Values of an environment, rewritten."""
        return {name: self.text(value) for name, value in env.items()}
