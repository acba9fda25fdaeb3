"""A terminal of few columns for what the command line prints on stdout."""

import pytest
from rich.console import Console

from stacks import tables


def narrow(monkeypatch: pytest.MonkeyPatch, console: Console) -> None:
    """Print tables and whole lines on this console; what is printed elsewhere is patched where it is."""
    for function in (tables.show, tables.line, tables.prose):
        monkeypatch.setitem(function.__kwdefaults__ or {}, "to", console)
