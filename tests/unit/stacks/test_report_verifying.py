"""Each way in which somebody may change a report is found, and its place is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.views import report_page
from stacks.report import signing
from stacks.report.document import DATA, SIGNATURE, NoReport, as_json, as_page, block, parsed
from stacks.report.verifying import verified
from tests.unit.stacks.report_bench import FAILED, KEY, OTHER_KEY, changed, looked_at, made, member, page, small, told

REPORT = page()
SMALL = page(made(asked=small()))
FIRST = "k03-closed-secrets-everywhere"


def k03(data: Any) -> Any:
    return member(data["exercises"], "exercise", "k03")


def row(data: Any, name: str = FAILED) -> Any:
    return member(k03(data)["rows"], "name", name)


def test_a_report_is_as_it_was_signed():
    found = looked_at(REPORT)
    assert found.intact
    assert not found.note
    assert found.data
    assert found.data.learner == "김하늘 <b>&"
    assert found.key_id == signing.key_id(signing.public(KEY))


@pytest.mark.parametrize("text", [REPORT.replace("\n", "\r\n"), "\ufeff" + REPORT])
def test_line_ends_of_another_machine_are_no_change(text: str):
    assert looked_at(text.removeprefix("\ufeff")).intact


CHANGES: dict[str, tuple[Callable[[Any], object], set[str]]] = {
    "the name": (lambda data: data.update(learner="Somebody"), {"learner", "page, learner"}),
    "the time": (lambda data: data.update(made="2026-11-20T10:00:00+00:00"), {"made", "page, made"}),
    "the lab": (lambda data: data["lab"].update(judged_by="0" * 64), {"lab", "page, lab: judged_by"}),
    "a verdict": (lambda data: row(data).update(verdict="passed"), {f"row {FAILED}", f"page, row {FAILED}: verdict"}),
    "an Audit-Id": (lambda data: row(data).update(audit_id="x"), {f"row {FAILED}", f"page, row {FAILED}: audit_id"}),
    "what is not shown": (lambda data: row(data).update(stage="open"), {f"row {FAILED}"}),
    "an exercise's points": (
        lambda data: k03(data).update(points=100),
        {"exercise k03", "page, exercise k03: points"},
    ),
    "progress": (
        lambda data: member(data["progress"], "exercise", "k03").update(hints=0),
        {"progress k03", "page, progress k03: hints"},
    ),
    "totals": (lambda data: data["totals"].update(passed=10), {"totals", "page, totals", "page, totals: passed"}),
    "a row taken away": (lambda data: k03(data)["rows"].pop(0), {f"row {FIRST}", f"page, row {FIRST}"}),
    "a row added": (
        lambda data: k03(data)["rows"].append({**row(data), "name": "k03-closed-new", "verdict": "passed"}),
        {"row k03-closed-new", "page, row k03-closed-new"},
    ),
    "a row twice": (
        lambda data: k03(data)["rows"].append({**row(data), "verdict": "passed"}),
        {
            f"row {FAILED} (2)",
            *(f"page, row {FAILED}: {field}" for field in ("name", "verdict", "goal", "why", "subject")),
        }
        | {f"page, row {FAILED}: {field}" for field in ("command", "expected", "observed", "wrong", "audit_id")},
    ),
    "a row of another exercise": (
        lambda data: member(data["exercises"], "exercise", "rbac")["rows"].append(row(data)),
        {f"row {FAILED} (2)"},
    ),
    "a member": (lambda data: data.update(grade="A"), {"grade"}),
    "the id": (lambda data: data.update(id="another"), {"id"}),
    "the order": (lambda data: k03(data)["rows"].reverse(), {"data"}),
    "the format": (lambda data: data.update(format=2), {"format"}),
    "everything": (lambda data: data.update(exercises=17), {"exercises"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_data_is_named(name: str):
    change, where = CHANGES[name]
    found = told(changed(REPORT, change))
    assert where <= found
    known = {each for each in found if not each.startswith("page, ")}
    if name not in {"everything", "a row of another exercise"}:
        assert known == {each for each in where if not each.startswith("page, ")}


def without(name: str) -> Callable[[Any], object]:
    return lambda signature: signature["parts"].pop(name)


def test_a_row_that_is_also_taken_from_the_list_of_signatures_is_missed_all_the_same():
    """Its exercise names the rows that were asked."""
    found = told(changed(REPORT, lambda data: k03(data)["rows"].pop(0), without(f"row {FIRST}")))
    assert f"row {FIRST}" in found


def test_progress_that_is_taken_away_with_its_signature_is_missed_in_the_whole():
    def take(data: Any) -> None:
        data["progress"].remove(member(data["progress"], "exercise", "k03"))

    def sign(signature: Any) -> None:
        signature["parts"].pop("progress k03")

    assert "data" in told(changed(REPORT, take, sign))

    def renumber(signature: Any) -> None:
        sign(signature)
        data = dict(parsed(changed(REPORT, take)).data)
        signature["digest"] = signing.digest(data)

    assert "signature" in told(changed(REPORT, take, renumber))


def test_a_row_of_another_report_of_the_same_lab_is_no_row_of_this_one():
    other = parsed(page(made("Somebody else")))
    name = f"row {FAILED}"

    def paste(signature: Any) -> None:
        signature["parts"][name] = other.signature.parts[name]

    assert told(changed(REPORT, None, paste)) == {name}


def test_a_public_key_that_was_swapped_is_named():
    found = told(changed(REPORT, None, lambda signature: signature.update(key=signing.public(OTHER_KEY))))
    assert found == {"key", "page, key"}


def test_whoever_signs_all_of_it_again_has_another_key_id():
    """The limit of what a signature proves: collect and verify show the id, and people compare."""
    again = as_page(dict(parsed(REPORT).data), OTHER_KEY, report_page.draw)
    found = looked_at(again)
    assert found.intact
    assert found.key_id != looked_at(REPORT).key_id


def test_a_change_of_what_is_seen_is_named_with_both_values():
    wrong = '<dd data-field="row k03-closed-exec: wrong">'
    assert wrong in REPORT
    text = REPORT.replace(wrong, f"{wrong}almost ")
    (change,) = looked_at(text).changes
    assert change.where == f"page, row {FAILED}: wrong"
    assert '"almost it has to be refused' in change.what
    assert 'the data say "it has to be refused' in change.what


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<main>", "<main><p>All passed.</p>"),
        ("--bad: #a8201a", "--bad: #14692f"),
        ("</body>", "<script>alert(1)</script></body>"),
    ],
)
def test_a_change_beside_the_fields_is_told(old: str, new: str):
    assert old in REPORT
    assert told(REPORT.replace(old, new)) == {"page"}


def test_a_page_that_was_drawn_again_from_changed_data_is_told():
    data = dict(parsed(REPORT).data)
    row(data)["verdict"] = "passed"
    signature = parsed(REPORT).signature
    forged = report_page.draw(data, signing.digest(data), signature.key_id)
    text = forged.replace(block(DATA), block(DATA, data)).replace(
        block(SIGNATURE), block(SIGNATURE, signature.model_dump())
    )
    assert told(text) == {f"row {FAILED}", "page"}


def test_a_page_of_another_version_of_the_lab_holds_without_being_drawn_again():
    other = as_page(made(drawn_by="0" * 64), KEY, lambda *told: report_page.draw(*told).replace("<main>", "<main><hr>"))
    assert looked_at(other).intact
    found = looked_at(other.replace("✗ failed", "✓ passed"))
    assert {change.where for change in found.changes} == {f"page, row {FAILED}: verdict"}
    assert "Another version" in found.note


def test_json_is_signed_without_a_page():
    document = as_json(made(), KEY)
    assert looked_at(json.dumps(document)).intact
    document["data"]["learner"] = "Somebody"
    assert told(json.dumps(document)) == {"learner"}
    found = parsed(REPORT)
    assert told(json.dumps({"data": found.data, "signature": found.signature.model_dump()})) == {"page"}


def test_a_page_around_what_was_signed_without_one_is_told():
    document = as_json(made(), KEY)
    data = document["data"]
    drawn = report_page.draw(data, signing.digest(data), signing.key_id(signing.public(KEY)))
    text = drawn.replace(block(DATA), block(DATA, data)).replace(
        block(SIGNATURE), block(SIGNATURE, document["signature"])
    )
    assert [(each.where, each.what) for each in looked_at(text).changes] == [("page", "It was signed without a page")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no block"),
        ("<html></html>", "no block"),
        (REPORT.replace(f'id="{SIGNATURE}"', 'id="x"'), "no block"),
        (REPORT + block(DATA), "more than one block"),
        ("{}", "no report of a lab"),
        ("{", "no JSON"),
        ('{"data": {}, "data": {}, "signature": {}}', "no JSON"),
        ('{"data": {"a": 1e999}, "signature": {}}', "no JSON"),
        ('{"data": {"a": NaN}, "signature": {}}', "no JSON"),
        ('{"data": ' + '{"a":' * 100_000, "no JSON"),
        ('{"data": {}, "signature": {"key": 1}}', "another form"),
    ],
)
def test_what_is_no_report_is_refused(text: str, why: str):
    with pytest.raises(NoReport, match=why):
        parsed(text)


def test_what_is_signed_and_has_another_form_is_no_report_of_this_version():
    odd = {"format": 2, "id": "x", "learner": "Kim"}
    found = looked_at(json.dumps(as_json(odd, KEY)))
    assert found.data is None
    assert [change.where for change in found.changes] == ["format"]
    assert told(json.dumps(as_json({"format": 1, "id": "x"}, KEY))) == {"data"}
    assert told(json.dumps({"data": {}, "signature": parsed(REPORT).signature.model_dump()})) >= {"learner", "totals"}


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)
)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(parsed(SMALL).data)), PLAIN)
def test_whatever_stands_in_the_place_of_a_value_is_told_and_never_an_error(key: str, value: Any):
    document = parsed(SMALL)
    data = {**document.data, key: value}
    if signing.canonical(data) == signing.canonical(document.data):
        return
    found = verified(parsed(changed(SMALL, lambda told: told.update({key: value}))), report_page.draw, "")
    assert not found.intact


@settings(deadline=None, max_examples=40)
@given(st.integers(0, len(SMALL) - 1), st.sampled_from('aA0<" }'))
def test_no_character_of_the_page_can_be_changed_unseen(at: int, sign: str):
    if SMALL[at] == sign:
        return
    try:
        found = looked_at(SMALL[:at] + sign + SMALL[at + 1 :])
    except NoReport:
        return
    # JSON may be written in several ways that mean the same, and base64 too.
    same = parsed(SMALL[:at] + sign + SMALL[at + 1 :])
    assert not found.intact or same.data == parsed(SMALL).data


def test_no_part_of_a_report_goes_unsigned():
    document = parsed(REPORT)
    names = set(document.signature.parts)
    assert {"learner", "made", "lab", "totals", "format", "language", "is_up"} <= names
    assert {f"progress {each['exercise']}" for each in document.data["progress"]} <= names
    assert {f"row {each['name']}" for told in document.data["exercises"] for each in told["rows"]} <= names
    assert "exercise k03" in names
    assert not re.search(
        r"[<>]",
        block(DATA, document.data)
        .removeprefix('<script type="application/json" id="report-data">')
        .removesuffix("</script>"),
    )
