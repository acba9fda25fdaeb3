"""Says what was changed in a report since it was signed: which part of its data, and which field of its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Final

from pydantic import ValidationError
from typing_extensions import override

from stacks.report import signing
from stacks.report.data import FORMAT, Data
from stacks.report.document import Document, Draw, page_digest

FIELD: Final = "data-field"
"""Attribute of an element of the page that shows one field: `row NAME: verdict`."""

_VOID: Final = frozenset({"meta", "link", "br", "hr", "img", "input", "col", "wbr", "base", "area", "embed", "source"})


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was signed."""

    where: str
    what: str

    @property
    def line(self) -> str:
        """For a person."""
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Verified:
    """What was found out about a report."""

    data: Data | None
    """None where they have not the form of a report that this lab knows."""

    key_id: str
    changes: tuple[Change, ...]
    note: str = ""
    """What could not be looked at, and why."""

    @property
    def intact(self) -> bool:
        """Whether all is as it was signed."""
        return not self.changes


def verified(document: Document, draw: Draw, drawn_by: str) -> Verified:
    """What was changed.

    Args:
        document: the report.
        draw: draws pages as this lab does.
        drawn_by: digest of the files by which it does.
    """
    signature = document.signature
    found = list(_of_data(document)) or list(_of_whole(document))
    data = _data(document.data)
    if data is None and not found:
        found.append(_unknown_form(document.data))
    note = ""
    page_is_signed = page_digest(document.page) == signature.page if document.page else not signature.page
    if document.page and not signature.page:
        found.append(Change("page", "It was signed without a page"))
    elif signature.page and not document.page:
        found.append(Change("page", "It was signed with a page, which is not here"))
    elif document.page and (found or not page_is_signed):
        if data is None:
            note = "The page was not compared with the data, which have another form than this lab knows."
        else:
            drawn = draw(document.data, signing.digest(document.data), signature.key_id)
            found.extend(_of_page(document.page, drawn, is_signed=page_is_signed, same=data.lab.drawn_by == drawn_by))
            if data.lab.drawn_by != drawn_by:
                note = "Another version of the lab drew the page: only fields that both versions have were compared."
    return Verified(data, signature.key_id, tuple(dict.fromkeys(found)), note)


def _data(told: Mapping[str, Any]) -> Data | None:
    try:
        return Data.model_validate(told)
    except ValidationError:
        return None


def _unknown_form(told: Mapping[str, Any]) -> Change:
    if told.get("format") != FORMAT:
        return Change("format", "Another version of the lab wrote this report. Verify it with that version")
    return Change("data", "They have not the form of a report")


def _of_data(document: Document) -> Iterator[Change]:
    """Parts that are not as the key signed them, and those that are missing."""
    signature, report = document.signature, document.data.get("id")
    parts = signing.parts(document.data)
    wrong = [name for name, value in parts.items() if not signing.part_holds(signature, report, name, value)]
    if parts and len(wrong) == len(parts):
        if signing.holds(signature):
            yield Change("id", "It was changed")
        else:
            yield Change("key", "It signed nothing of this report: the key was changed, or everything else")
        return
    for name in wrong:
        was = name in signature.parts
        yield Change(name, "It was changed" if was else "It was added")
    for name in signature.parts:
        if name not in parts:
            yield Change(name, "It was taken away")
    yield from _missing(document.data)


def _missing(data: Mapping[str, Any]) -> Iterator[Change]:
    """Rows that their exercise names and that are not there, whatever the list of signatures says."""
    exercises = data.get("exercises")
    for exercise in exercises if isinstance(exercises, list) else ():
        told: Mapping[str, Any] = exercise if isinstance(exercise, dict) else {}
        asked, rows = told.get("asked"), told.get("rows")
        if isinstance(asked, list) and isinstance(rows, list):
            there = [row.get("name") for row in rows if isinstance(row, dict)]
            for name in asked:
                if name not in there:
                    yield Change(f"row {name}", "It was taken away")


def _of_whole(document: Document) -> Iterator[Change]:
    """What no single part tells."""
    signature = document.signature
    if not signing.holds(signature):
        yield Change("signature", "The one over the whole does not hold: something was taken away, or put elsewhere")
    elif signing.digest(document.data) != signature.digest:
        yield Change("data", "Something was taken away, or put elsewhere")


def _of_page(page: str, drawn: str, *, is_signed: bool, same: bool) -> Iterator[Change]:
    """Fields that the page shows otherwise than the data say."""
    if page_digest(page) == page_digest(drawn):
        if not is_signed:
            yield Change("page", "It shows the data as they are now, not as they were signed")
        return
    found = list(_otherwise(fields(page), fields(drawn), same=same))
    yield from found
    if not is_signed and not found:
        yield Change("page", "Something other than its fields was changed: text, looks, or how it is written")


def _otherwise(shown: Mapping[str, str], told: Mapping[str, str], *, same: bool) -> Iterator[Change]:
    """Fields that differ; of a part that only one of the two has the part alone."""
    parts_shown, parts_told = ({name.partition(": ")[0] for name in each} for each in (shown, told))
    for name in dict.fromkeys([*told, *shown]):
        part = name.partition(": ")[0]
        where = f"page, {name}"
        if name in shown and name in told:
            if shown[name] != told[name]:
                yield Change(where, f'It shows "{shown[name]}", the data say "{told[name]}"')
        elif not same:
            continue
        elif part not in parts_told:
            yield Change(f"page, {part}", "It is shown, and not in the data")
        elif part not in parts_shown:
            yield Change(f"page, {part}", "It is in the data, and not shown")
        elif name in shown:
            yield Change(where, f'It shows "{shown[name]}", the data say nothing')
        else:
            yield Change(where, f'It shows nothing, the data say "{told[name]}"')


def fields(page: str) -> dict[str, str]:
    """Field → its text, of a page; what stands in one that is there twice is joined."""
    reader = _Fields()
    reader.feed(page)
    reader.close()
    return {name: " ".join(" ".join(texts).split()) for name, texts in reader.found.items()}


class _Fields(HTMLParser):
    """Collects the text of elements that show a field; a field holds no other field."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self._name = ""
        self._depth = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        if self._name:
            self._depth += 1
        elif name := dict(attrs).get(FIELD):
            self._name, self._depth = name, 1
            self.found.setdefault(name, [])

    @override
    def handle_endtag(self, tag: str) -> None:
        if self._name and tag not in _VOID:
            self._depth -= 1
            if not self._depth:
                self._name = ""

    @override
    def handle_data(self, data: str) -> None:
        if self._name:
            self.found[self._name].append(data)
