"""The page of a report: everything is in one file, nothing of it runs, and what strangers typed stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml
from typing_extensions import override

from cli.views import report_page
from exercises.answers import told
from exercises.texts import LANGUAGES, Language, texts
from stacks.report.verifying import fields
from tests.unit.stacks.report_bench import FAILED, made, page, with_observed

NASTY = "</script></code><img src=x onerror=alert(1)><!--<script>'\"&amp;{{ 7 * 7 }}"


class Tags(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_needs_nothing_beside_itself_and_runs_nothing(language: Language):
    text = page(made(language=language))
    tags = Tags(text)
    assert not tags.open
    scripts = [told for tag, told in tags.found if tag == "script"]
    assert {told["type"] for told in scripts} == {"application/json"}
    assert not any(name in told for _, told in tags.found for name in ("src", "href", "srcset", "style", "action"))
    assert not any(name.startswith("on") for _, told in tags.found for name in told)
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(told["content"] for _, told in tags.found if told.get("http-equiv") == "Content-Security-Policy")
    assert policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_what_strangers_typed_stays_text():
    text = page(made(NASTY, with_observed(NASTY)))
    tags = {tag for tag, _ in Tags(text).found}
    assert "img" not in tags
    assert "onerror=alert(1)>" not in text
    shown = fields(text)
    assert shown["learner"] == NASTY
    assert shown[f"row {FAILED}: observed"] == NASTY
    assert shown[f"row {FAILED}: wrong"] == NASTY


def test_a_page_shows_progress_goals_rows_and_what_the_signature_proves():
    data = made()
    text, count = page(data), len(data["progress"])
    shown = fields(text)
    assert shown["totals"] == f"1 of {count} exercises passed, 176 of {count}00 points"
    assert shown["made"] == "2026-11-24 13:31 UTC"
    assert shown["progress rbac: seconds"] == "12:34"
    assert shown["progress k03: state"] == "in play"
    assert shown["exercise k03, goal attack: verdict"].startswith("failed (")
    assert shown[f"row {FAILED}: verdict"] == "✗ failed"
    assert shown[f"row {FAILED}: audit_id"] == f"id-{FAILED}"
    for each in ("own machine", "./lab report verify FILE", "Audit-Id"):
        assert each in text


def test_every_row_is_on_the_page():
    data = made()
    shown = fields(page(data))
    for exercise in data["exercises"]:
        for row in exercise["rows"]:
            for name in ("name", "subject", "command", "expected", "observed", "why", "audit_id"):
                assert shown[f"row {row['name']}: {name}"] == " ".join(row[name].split())


def test_a_lab_that_is_not_up_or_has_nothing_on_is_told():
    data = {**made(), "exercises": []}
    assert "No exercise stood" in fields(report_page.draw(data, "", ""))["is_up"]
    assert "was not up" in fields(report_page.draw({**data, "is_up": False}, "", ""))["is_up"]


def test_the_same_data_give_the_same_page():
    data = made()
    assert report_page.draw(data, "a", "b") == report_page.draw(data, "a", "b")


def keys(value: Any, of: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {f"{of} {sorted(re.findall(r'{.*?}', str(value)))}"}
    return {found for name, each in value.items() for found in keys(each, f"{of}.{name}")}


def test_every_language_has_every_word_and_every_place_for_a_value():
    words = {name: keys(yaml.safe_load((report_page.ROOM / f"report.{name}.yaml").read_text())) for name in LANGUAGES}
    assert all(each == words["en"] for each in words.values())


@pytest.mark.parametrize("style", report_page.STYLES)
def test_another_style_is_another_version(style: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    before = report_page.drawn_by()
    for file in (*report_page.ROOM.glob("report.*"), report_page.ROOM / "base.css"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(report_page, "ROOM", tmp_path)
    assert report_page.drawn_by() == before
    (tmp_path / style).write_text("body {}")
    assert report_page.drawn_by() != before


def test_a_korean_page_has_the_exercises_korean_words():
    shown = fields(page(made(language="ko")))
    assert shown[f"row {FAILED}: verdict"] == "✗ 실패"
    assert shown["progress k03: state"] == "진행 중"
    expected = fields(page(made()))[f"row {FAILED}: expected"]
    assert shown[f"row {FAILED}: expected"] == told(expected, "ko") != expected
    words = texts("k03", "ko")
    assert words.play
    assert shown["exercise k03: title"] == words.title
    assert shown["exercise k03, goal attack: wanted"] == words.play.goals["attack"]
    assert shown[f"row {FAILED}: why"] == words.rows["exec"]
    assert words.rows["exec"] != texts("k03").rows["exec"]
