"""Every table can be read from 60 columns on: no word is cut off or broken, and no line is longer than the terminal."""

import io
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from rich.console import Console

from cli.views import cost
from infra.config.loading import parse
from stacks import tables
from stacks.stack import Stack
from tests.unit.cli.narrow import narrow

NAMES = ("aws-load-balancer-controller", "kube-prometheus-stack", "system:controller:ttl-after-finished-controller")


def printed(width: int, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    told = io.StringIO()
    tables.show(heads, rows, to=Console(file=told, width=width))
    return told.getvalue()


def words(rows: list[tuple[str, ...]]) -> list[str]:
    return sorted(word for row in rows for cell in row for word in cell.split())


@pytest.mark.parametrize("width", [60, 80, 120])
def test_words_stay_whole_and_lines_fit(width: int) -> None:
    random = Random(width)  # noqa: S311  # any table will do, and the same each time
    for _ in range(200):
        columns = random.randint(1, 7)
        rows = [
            tuple(" ".join(random.choices((*NAMES, "a", "of", "the"), k=random.randint(0, 4))) for _ in range(columns))
            for _ in range(random.randint(1, 5))
        ]
        said = printed(width, tuple(f"h{number}" for number in range(columns)), rows)
        assert all(len(line) <= width for line in said.splitlines()), said
        beside = {"·", *(f"h{number}" for number in range(columns))}
        assert sorted(word for word in said.split() if word.rstrip(":") not in beside) == words(rows), said


def test_a_table_that_fits_has_its_columns_beside_each_other() -> None:
    assert printed(60, ("name", "what"), [("a", "b c"), ("longer", "d")]).splitlines() == [
        "name    what",
        "a       b c ",
        "longer  d   ",
    ]


def test_one_that_does_not_is_a_paragraph_a_row() -> None:
    name = NAMES[2]
    assert printed(60, ("subject", "binding", "scope"), [(name, name, "cluster")]).splitlines() == [
        name,
        f"  binding: {name} ·",
        "  scope: cluster",
    ]


def test_a_word_that_no_line_can_hold_stays_whole() -> None:
    arn = f"arn:aws:iam::111122223333:role/{'x' * 60}"
    assert arn in printed(60, ("who", "arn"), [("role", arn)]).split()


def test_brackets_are_no_markup_and_no_rows_are_a_line() -> None:
    assert "[bold]" in printed(60, ("a",), [("[bold]",)])
    told = io.StringIO()
    tables.show(("a",), [], to=Console(file=told, width=60), none="Nothing.")
    assert told.getvalue() == "Nothing.\n"


@pytest.mark.parametrize("width", [60, 80])
def test_what_the_lab_costs_can_be_read(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(cost, "_now", lambda: datetime(2026, 9, 1, tzinfo=UTC))
    console = Console(file=io.StringIO(), width=width)
    narrow(monkeypatch, console)
    monkeypatch.setattr(cost, "out", console)
    cost.tell(Stack("rehearsal", Path(), parse({"natGateway": True}, "ap-northeast-2")))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert all(len(line) <= width for line in said.splitlines()), said
    assert "…" not in said
    found = cost.estimate(Stack("rehearsal", Path(), parse({"natGateway": True}, "ap-northeast-2")), None)
    for row in found.bill.rows:
        assert all(word in said.split() for word in row.line.what.split())
    for saving in found.savings:
        assert all(word in said.split() for word in saving.setting.split())
