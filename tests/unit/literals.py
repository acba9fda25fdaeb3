"""The texts that stand in source files, for tests of what is told in another language."""

from __future__ import annotations

import ast
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def literals(*rooms: str) -> list[str]:
    """Those of every module in some rooms; what an f-string fills in is X."""
    files = [file for room in rooms for file in sorted((CHECKOUT / room).rglob("*.py"))]
    return [text for file in files for text in _of(file)]


def _of(file: Path) -> list[str]:
    tree = ast.parse(file.read_text())
    filled = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    inside = {id(part) for node in filled for part in node.values}
    plain = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside
    ]
    return [
        *plain,
        *("".join(str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values) for node in filled),
    ]
