"""A page in Korean says what the English one beside it says: the same commands, code, links and sections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EVERY = sorted([*ROOT.glob("*.ko.md"), *ROOT.glob("docs/*.ko.md")])
PAGES = [each for each in EVERY if each.name not in ("exercises.ko.md", "settings.ko.md")]
"""Compared as a whole; these two have sentences of their own, and tests beside what draws them."""

BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)?(#[^)]*)?\)")


def english_of(page: Path) -> Path:
    return page.with_name(page.name.replace(".ko.md", ".md"))


def blocks(text: str) -> list[list[str]]:
    """Lines of code in each block, without comments."""
    return [[line.partition("#")[0].rstrip() for line in one.splitlines()] for one in BLOCK.findall(text)]


def code(text: str) -> set[str]:
    return {inside for _, inside in CODE.findall(BLOCK.sub("", text))}


def links(text: str) -> set[str]:
    return {target.replace(".ko.", ".") for target, _ in LINK.findall(BLOCK.sub("", text)) if target}


def headings(text: str) -> list[str]:
    """Each with its marks."""
    return [each for each in BLOCK.sub("", text).splitlines() if each.startswith("#")]


def depths(text: str) -> list[str]:
    return [each.partition(" ")[0] for each in headings(text)]


def anchors(text: str) -> set[str]:
    """What a link can lead to: the headings, as GitHub writes them into addresses."""
    plain = (each.partition(" ")[2].strip().lower() for each in headings(text))
    return {"#" + re.sub(r"[^\w\- ]", "", each).replace(" ", "-") for each in plain}


def rows(text: str) -> list[int]:
    """Columns of each row of a table."""
    return [len(re.split(r"(?<!\\)\|", each)) for each in text.splitlines() if each.startswith("|")]


@pytest.fixture(params=PAGES, ids=lambda each: str(each.relative_to(ROOT)))
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    return english_of(request.param).read_text(), request.param.read_text()


def test_the_readme_is_there_in_korean():
    assert ROOT / "README.ko.md" in PAGES


def test_code_is_the_same(pair: tuple[str, str]):
    english, korean = pair
    assert blocks(english) == blocks(korean)
    assert code(english) == code(korean)


def test_sections_tables_and_links_are_the_same(pair: tuple[str, str]):
    english, korean = pair
    assert depths(english) == depths(korean)
    assert rows(english) == rows(korean)
    assert links(english) == links(korean)


@pytest.mark.parametrize("page", [*EVERY, *map(english_of, EVERY)], ids=lambda each: each.name)
def test_a_link_into_a_page_leads_to_a_section(page: Path):
    for target, anchor in LINK.findall(page.read_text()):
        if anchor and "://" not in target:
            there = page.parent / target if target else page
            assert anchor in anchors(there.read_text()), f"{target}{anchor}"


@pytest.mark.parametrize("page", EVERY, ids=lambda each: each.name)
def test_each_page_leads_to_the_other_in_its_first_lines(page: Path):
    english = english_of(page)
    assert page.read_text().splitlines()[2] == f"[English]({english.name})"
    assert english.read_text().splitlines()[2] == f"[한국어]({page.name})"


@pytest.mark.parametrize("page", EVERY, ids=lambda each: each.name)
def test_a_page_leads_to_korean_where_there_is_some(page: Path):
    for target, _ in LINK.findall(page.read_text()):
        if target and "://" not in target and target != english_of(page).name:
            assert (page.parent / target).exists(), target
            korean = (page.parent / target).with_suffix(f".ko{Path(target).suffix}")
            assert ".ko." in target or not korean.exists(), f"{target} is there in Korean"


def test_pictures_are_small_and_all_of_them_are_shown():
    pictures = sorted(ROOT.glob("docs/pictures/*"))
    shown = {target for page in ("README.md", "README.ko.md") for target, _ in LINK.findall((ROOT / page).read_text())}
    assert {str(each.relative_to(ROOT)) for each in pictures} <= shown
    for each in pictures:
        assert each.read_bytes().startswith(b"\x89PNG")
        assert each.stat().st_size < 300_000
