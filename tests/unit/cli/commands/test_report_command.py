"""`lab report`: writes what a check found, verifies a file, and makes one table of many. Nobody is asked here."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from cli import app
from cli.commands import report
from exercises.report import Report
from rehearsal import paths
from stacks import checking
from stacks import progress as kept
from stacks.errors import BadInput, NotUp
from stacks.report import signing
from stacks.report.document import as_page
from tests.unit.grading.fake_lab import OUTPUTS
from tests.unit.stacks.report_bench import KEY, NOW, OTHER_KEY, STACK, changed, checked, made, page


class Lab:
    def __init__(self) -> None:
        self.up = True
        self.asked: list[dict[str, Any]] = []

    @contextmanager
    def outputs_of(self, _stack: object) -> Generator[tuple[dict[str, Any], Path]]:
        if not self.up:
            raise NotUp("It is not up.")
        yield {**OUTPUTS, "kubernetesVersion": "1.34"}, Path()

    def ask(self, stack: object, names: object, _shown: object, *, looks: bool) -> Report:
        self.asked.append({"names": names, "looks": looks})
        kept.attempted(STACK, "k03", checked().scores[0], NOW)  # as a check does of what is in play
        return checked()


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    made = Lab()
    monkeypatch.setattr(report, "load", lambda _: STACK)
    monkeypatch.setattr(report, "outputs_of", made.outputs_of)
    monkeypatch.setattr(checking, "ask", made.ask)
    monkeypatch.setattr(paths, "world_dir", lambda: tmp_path / "kept" / "world")
    (tmp_path / "kept").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    kept.begun(STACK, "k03", NOW)
    return made


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """How `lab report` ends with these arguments."""
    monkeypatch.setattr(sys, "argv", ["lab", "report", *arguments])
    try:
        app.main()
    except SystemExit as left:
        return left.code
    return 0


def test_a_report_is_written_and_verified(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert not run(monkeypatch, "--name", "김 하늘")
    (file,) = Path().iterdir()
    assert file.name.startswith("lab-report-김-하늘-")
    assert file.suffix == ".html"
    assert lab.asked[0]["looks"] is True
    said = capsys.readouterr().err
    key = signing.key_id(signing.public(signing.own_key("rehearsal")))
    assert key in said
    assert file.name in said
    assert not run(monkeypatch, "verify", file.name)
    said = capsys.readouterr().out
    assert "Report of 김 하늘" in said
    assert f"Key id {key}" in said
    assert "is as this key signed it" in said


def test_the_attempt_that_the_report_makes_is_in_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert not run(monkeypatch, "--name", "Kim", "--json")
    told = json.loads(capsys.readouterr().out)
    assert list(Path().iterdir()) == []
    (k03,) = [each for each in told["data"]["progress"] if each["exercise"] == "k03"]
    assert k03["attempts"] == 1
    Path("a.json").write_text(json.dumps(told))
    assert not run(monkeypatch, "verify", "a.json", "--json")
    assert json.loads(capsys.readouterr().out)["intact"] is True
    told["data"]["learner"] = "Lee"
    Path("a.json").write_text(json.dumps(told))
    assert run(monkeypatch, "verify", "a.json", "--json") == 1
    assert [each["where"] for each in json.loads(capsys.readouterr().out)["changes"]] == ["learner"]


def test_json_and_a_file_are_two_forms_of_one_report(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert not run(monkeypatch, "--name", "Kim", "--json", "--out", "mine.html")
    told = json.loads(capsys.readouterr().out)
    assert f'"id":"{told["data"]["id"]}"' in Path("mine.html").read_text()


def test_a_lab_that_is_down_still_has_its_progress(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    lab.up = False
    assert not run(monkeypatch, "--name", "Kim", "-o", "mine.html")
    assert "nothing was asked. ./lab up first" in capsys.readouterr().err
    assert "The lab was not up" in Path("mine.html").read_text()
    assert lab.asked == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--name NAME"),
        (("--name", "a\x1bb"), "cannot be seen"),
        (("--name", "Kim", "--lang", "xx"), "en"),
        (("--name", "Kim", "--out", "nowhere/mine.html"), "There is no directory"),
        (("verify", "nowhere.html"), "cannot be read"),
        (("verify", "."), "cannot be read"),
        (("collect", "nowhere"), "There is no directory"),
        (("collect", ".", "--json", "--csv"), "exclude each other"),
    ],
)
def test_bad_input_is_told_before_anybody_is_asked(
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
):
    assert run(monkeypatch, *arguments) == 2
    assert said in capsys.readouterr().err
    assert lab.asked == []
    assert list(Path().iterdir()) == []


def test_what_is_no_report_is_bad_input(lab: Lab):
    Path("a.html").write_text("<html></html>")
    with pytest.raises(BadInput, match="is no report"):
        report.verify(Path("a.html"))


def test_each_change_is_named_and_ends_with_one(lab: Lab, capsys: pytest.CaptureFixture[str]):
    Path("a.html").write_text(changed(page(), lambda data: data.update(learner="\x1b[2JLee")))
    with pytest.raises(typer.Exit) as left:
        report.verify(Path("a.html"))
    assert left.value.exit_code == 1
    said = capsys.readouterr().out
    assert "2 changes" in said
    assert "learner: It was changed." in said
    assert "\x1b" not in said


@pytest.fixture
def handed_in(lab: Lab) -> Path:
    """What a teacher may have got."""
    Path("handed").mkdir()
    there = Path("handed")
    (there / "kim.html").write_text(as_page(made("Kim"), KEY, report.report_page.draw))
    (there / "lee.html").write_text(as_page(made("=cmd()"), OTHER_KEY, report.report_page.draw))
    (there / "park").mkdir()
    (there / "park" / "park.html").write_text(changed(page(made("Park")), lambda data: data["totals"].update(passed=9)))
    (there / "index.html").write_text("<html></html>")
    (there / "photo.png").write_bytes(b"\x89PNG\xff")
    (there / ".hidden").write_text("x")
    return there


def test_many_reports_make_one_table_and_what_is_none_is_a_line(handed_in: Path, capsys: pytest.CaptureFixture[str]):
    report.collect(handed_in)
    said = capsys.readouterr().out
    lines = said.splitlines()
    kim = next(line for line in lines if line.startswith("Kim"))
    for each in ("1/", "176/", "holds", signing.key_id(signing.public(KEY)), "kim.html"):
        assert each in kim
    assert "changed" in next(line for line in lines if line.startswith("Park"))
    assert "totals: It was changed" in said
    assert "index.html: it has no block" in said
    assert "photo.png: it is no UTF-8 text" in said
    assert "One key" in said
    assert "signed the reports of Kim, Park" in said
    assert "hidden" not in said


def test_many_reports_for_programs(handed_in: Path, capsys: pytest.CaptureFixture[str]):
    report.collect(handed_in, as_json=True)
    told = {each["file"]: each for each in json.loads(capsys.readouterr().out)["reports"]}
    assert {file: each["state"] for file, each in told.items()} == {
        "kim.html": "holds",
        "lee.html": "holds",
        "park/park.html": "changed",
        "index.html": "no report",
        "photo.png": "no report",
    }
    assert told["kim.html"]["points"] == 176
    report.collect(handed_in, as_csv=True)
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert rows["kim.html"]["signature"] == "holds"
    assert rows["lee.html"]["learner"] == "'=cmd()"
    assert rows["photo.png"]["points"] == ""


def test_an_empty_directory_is_told(lab: Lab, capsys: pytest.CaptureFixture[str]):
    report.collect(Path())
    assert "There is no file." in capsys.readouterr().out
