"""Every text is there in every language, with the same rows, commands and identifiers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.views.playing import COMMANDS, paragraphs
from exercises.catalogue import EXERCISES
from exercises.objects import CLUSTER_NAME, IMAGES, at_stage, identity
from exercises.registry import ROWS
from exercises.texts import LANGUAGES, Language, folder, shared, texts, why
from grading.check import ExerciseName

OTHERS = [each for each in LANGUAGES if each != "en"]
STILL_ENGLISH: frozenset[str] = frozenset()
"""Exercises whose words are English alone: nobody has written the others yet. Best none."""

HANGUL = re.compile(r"[가-힣]")
CODE = re.compile(r"`([^`]+)`")
PLACE = re.compile(r"\{\w+\}")
IDENTIFIER = re.compile(
    r"""owasp-[a-z0-9-]*[a-z0-9]            # an exercise's own names
    | \$[A-Z_]+ | \b[A-Z]+_[A-Z_]+\b        # variables
    | \b[a-z]+[A-Z]\w*                      # fields: runAsUser
    | \b[a-z]+(?::[a-z-]+)+                 # users and groups: system:masters
    | \b[a-z]+(?:\.[a-z]+)*/[a-z][a-z/]*    # subresources and paths: pods/exec
    | \b(?:[A-Z][a-z]+){3,}\b               # what has no Korean name: ValidatingAdmissionPolicy
    """,
    re.VERBOSE | re.ASCII,
)
NUMBER = re.compile(r"\b\d+(?:\.\d+)*", re.ASCII)
HAS_A_KOREAN_NAME = {"ClusterRoleBinding", "ClusterRoleBindings"}
TYPED = re.compile(r"\.play\.(story|hints\.\d|why)")
"""Texts in which a line can be a command."""


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Where a text stands → the text."""
    if isinstance(value, str):
        yield at, value
        return
    for key, each in value.items() if isinstance(value, dict) else enumerate(value or ()):
        yield from leaves(each, f"{at}.{key}")


def told(exercise: ExerciseName, language: Language) -> dict[str, str]:
    """Every text of an exercise but those of rows whose English words are in checks.py."""
    return dict(leaves(texts(exercise, language).model_dump(exclude={"sentences"})))


def commands(text: str) -> list[str]:
    """The lines that are typed as they stand."""
    return [each for each in paragraphs(text) if each.startswith(COMMANDS) and not each.endswith(".")]


def names(exercise: ExerciseName) -> set[str]:
    """Names of the exercise's objects that are no words."""
    if not EXERCISES[exercise].from_objects:
        return set()
    images = dict.fromkeys((*IMAGES, CLUSTER_NAME), "image")
    objects = [each for stage in EXERCISES[exercise].stages for each in at_stage(exercise, stage, images)]
    return {name for each in objects for name in identity(each)[1:] if "-" in name}


def identifiers(text: str) -> set[str]:
    """What has to be written in the same way in every language."""
    return {*CODE.findall(text), *IDENTIFIER.findall(text)} - HAS_A_KOREAN_NAME


@pytest.fixture(
    params=[(name, language) for name in EXERCISES if name not in STILL_ENGLISH for language in OTHERS], ids=str
)
def pair(request: pytest.FixtureRequest) -> tuple[ExerciseName, Language]:
    return request.param


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [*EXERCISES, "shared"])
def test_every_language_has_its_file(name: Any, language: Language):
    file = folder(name) / f"text.{language}.yaml"
    wanted = language == "en" or name not in STILL_ENGLISH
    assert file.exists() is wanted, f"{file.parent.name} and {file.name}: see CONTRIBUTING.md, A language"


def test_no_text_is_missing_in_one_language(pair: tuple[ExerciseName, Language]):
    name, language = pair
    english, other = told(name, "en"), told(name, language)
    assert english.keys() == other.keys()
    for at, text in english.items():
        nothing_but_commands = list(paragraphs(text)) == commands(text)
        assert nothing_but_commands or HANGUL.search(other[at]), at
        assert bool(text) is bool(other[at]), at


def test_every_row_has_its_reason_in_every_language(pair: tuple[ExerciseName, Language]):
    name, language = pair
    rows = [row for row in ROWS if row.exercise == name]
    assert [row.name for row in rows if not HANGUL.search(why(row, language))] == []
    # What nobody's row says any more is a leftover.
    assert texts(name, language).sentences.keys() <= {row.why for row in rows}


def test_commands_and_identifiers_are_the_same(pair: tuple[ExerciseName, Language]):
    name, language = pair
    english, other = told(name, "en"), told(name, language)
    mine = names(name)
    for at, text in english.items():
        if TYPED.fullmatch(at):
            assert commands(text) == commands(other[at]), at
        assert identifiers(text) == identifiers(other[at]), at
        # Small numbers may be words in English.
        assert set(NUMBER.findall(text)) <= set(NUMBER.findall(other[at])), at
        assert {each for each in mine if each in text.lower()} == {each for each in mine if each in other[at]}, at
    for sentence, text in texts(name, language).sentences.items():
        assert identifiers(sentence) == identifiers(text), sentence


@pytest.mark.parametrize("language", OTHERS)
def test_the_words_around_have_the_same_places(language: Language):
    english, other = (dict(leaves(shared(each).model_dump())) for each in ("en", language))
    assert english.keys() == other.keys()
    for at, text in english.items():
        assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(other[at])), at


def test_a_story_ends_with_where_to_begin_and_fits_a_screen(pair: tuple[ExerciseName, Language]):
    words = texts(*pair).play
    if words:
        assert "./lab shell" in list(paragraphs(words.story))[-1]
        assert len(words.story.splitlines()) <= 12


def test_english_stands_in_where_a_language_has_no_words_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    shutil.copy(folder("k03") / "text.en.yaml", tmp_path)
    monkeypatch.setattr("exercises.texts.folder", lambda _name: tmp_path)
    assert texts.__wrapped__("k03", "ko") == texts("k03", "en")
