"""The style that the page and the report share: one file, without a build step, that works without any script."""

from pathlib import Path
from typing import Final

BASE_CSS: Final = Path(__file__).with_name("base.css")
"""Colours for light and dark, type, tables and folded rows. The page serves it; the report has it in itself."""
