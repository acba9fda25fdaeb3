"""What rows ask, demand and get is told in Korean: no phrase of theirs is forgotten, and none is kept for nothing."""

from __future__ import annotations

import re

import pytest

from exercises.answers import phrases, told
from exercises.registry import ROWS
from exercises.texts import ROOM
from tests.unit.literals import literals

ENGLISH = re.compile(r"\b(the|with|without|may|has|have|is|its|not|an|that|asks|cannot|allowed,|refused)\b")
TYPED = ("kubectl ", "aws ", "cat ", "helm ", "echo ")
WRONG = ("it has", "that is", "AWS has", "401 has", "403 has", "the pod must", "the node must")
"""How what is wrong with an answer begins."""


OF_ROWS = {text for row in ROWS for text in (row.question.brief, row.expected.text)}
LITERALS = literals("exercises", "grading")


def test_every_row_is_told_in_korean():
    korean = {text: told(text, "ko") for text in OF_ROWS}
    assert len({text for text in OF_ROWS if korean[text] != text}) > 100
    assert [text for text, other in korean.items() if ENGLISH.search(other) and not text.startswith(TYPED)] == []


def test_what_is_wrong_with_an_answer_is_told_in_korean():
    found = {text for text in LITERALS if text.startswith(WRONG)}
    assert len(found) > 30
    assert sorted(text for text in found if told(text, "ko") == text) == []


def test_every_phrase_is_one_that_is_said():
    said = "\0".join([*LITERALS, *OF_ROWS])
    for english in phrases("ko").all:
        for part in re.split(r"{\d}", english):
            assert part.strip(" .,:;()[]") in said, english


def test_a_phrase_has_the_same_places_in_both_languages():
    for english, korean in phrases("ko").all.items():
        assert sorted(re.findall(r"{\d}", english)) == sorted(re.findall(r"{\d}", korean)), english
        assert re.search("[가-힣]", korean) or english.startswith("403:"), english
    assert (ROOM / "shared" / "answers.ko.yaml").read_text().count('": "') == len(phrases("ko").all), (
        "none stands twice"
    )


@pytest.mark.parametrize(
    ("english", "korean"),
    [
        ("allowed", "허용"),
        ("allowed: NAME (and 2 more lines)", "허용: NAME (and 2 more lines)"),
        (
            "wrong: that is x; the answer is the word that the sentence tells",
            "틀림: 그것은 x입니다. 답은 문장이 알려 주는 단어입니다",
        ),
        ("403: system:anonymous may not", "403: system:anonymous에게 권한이 없음"),
        ('403: pods is forbidden: User "bot" cannot list', '403: pods is forbidden: User "bot" cannot list'),
        ("", ""),
    ],
)
def test_what_others_say_stays(english: str, korean: str):
    assert told(english, "ko") == korean
    assert told(english) == english
