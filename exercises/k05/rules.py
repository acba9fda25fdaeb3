"""The learner's detection rules: Sigma, read by pySigma and asked of audit events in SQLite.

Why Sigma: it is how detection rules are shared, and no rule of it depends on the product that runs it. pySigma turns
each rule into a query; the table has a column for each field that a rule names. A field is named by its path in the
event, as `objectRef.resource`. A list, and an object that is no leaf, is there as JSON without spaces.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from grading.audit_log import Event
from grading.outcomes import short

TABLE: Final = "events"
WHOLE: Final = "event"
"""Column with all of an event as JSON, for keywords: values that a rule names without a field."""

_READS: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION})


class BadRule(ValueError):
    """A rule that cannot be used; the text names it and says why, in two sentences."""


@dataclass(frozen=True)
class Rule:
    """A rule, as queries."""

    key: str
    """Its key in the ConfigMap."""

    queries: tuple[str, ...]
    fields: frozenset[str]


def compiled(texts: Mapping[str, str]) -> tuple[Rule, ...]:
    """The rules of a ConfigMap: key → YAML. Raises BadRule."""
    return tuple(_compiled(key, text) for key, text in sorted(texts.items()))


@lru_cache(maxsize=256)
def _compiled(key: str, text: str) -> Rule:
    # A fifth of a second to import: only who judges rules needs it.
    from sigma.backends.sqlite import sqliteBackend
    from sigma.collection import SigmaCollection
    from sigma.exceptions import SigmaError
    from sigma.rule import SigmaRule
    from yaml import YAMLError

    options: Any = {"table": TABLE, "fulltext_field": WHOLE}
    backend = sqliteBackend(**options)
    queries: list[str] = []
    fields: set[str] = set()
    try:
        for rule in SigmaCollection.from_yaml(text).rules:
            if not isinstance(rule, SigmaRule):
                raise BadRule(f"The rule {key} is a correlation. Only rules about single events are asked here.")
            queries += map(str, backend.convert_rule(rule))
            fields.update(backend.required_fields(rule))
    # pySigma takes a document that is no mapping for a rule all the same.
    except (SigmaError, YAMLError, AttributeError, TypeError, KeyError) as error:
        raise BadRule(f"The rule {key} is no Sigma rule: {short(str(error))}. Correct it.") from error
    if not queries:
        raise BadRule(f"The rule {key} is empty. Write a Sigma rule into it, or delete its key.")
    return Rule(key, tuple(queries), frozenset(fields))


def firing(rules: Sequence[Rule], events: Sequence[Event]) -> tuple[str, ...]:
    """Keys of the rules that fit at least one of the events. Raises BadRule for a query that SQLite refuses."""
    named = {WHOLE: WHOLE} | {field.lower(): field for rule in rules for field in rule.fields}
    database = sqlite3.connect(":memory:")
    try:
        # NUMERIC: 101 and '101' are the same. NOCASE: Sigma takes no notice of upper and lower case.
        columns = ", ".join(f"{_quoted(name)} NUMERIC COLLATE NOCASE" for name in named)
        database.execute(f"CREATE TABLE {TABLE} ({columns})")
        marks = ", ".join("?" for _ in named)
        database.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", (_row(each, named) for each in events))  # noqa: S608
        database.create_function("REGEXP", 2, _matches)
        # The queries come from a text that others may write.
        database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY)
        return tuple(rule.key for rule in rules if _fits(database, rule))
    finally:
        database.close()


def _fits(database: sqlite3.Connection, rule: Rule) -> bool:
    try:
        return any(database.execute(query).fetchone() for query in rule.queries)
    except sqlite3.Error as error:
        raise BadRule(f"The rule {rule.key} cannot be asked: {error}. Write it in another way.") from error


def _matches(pattern: str, value: object) -> bool:
    """SQLite's `value REGEXP pattern`."""
    return value is not None and re.search(pattern, str(value)) is not None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _row(event: Event, named: Mapping[str, str]) -> list[Any]:
    values = {path.lower(): value for path, value in _paths(event)} | {WHOLE: _json(event)}
    return [values.get(name) for name in named]


def _paths(value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Each path in an event, and what is there. A key may hold dots itself, as those of annotations do."""
    for key, inner in value.items():
        path = f"{above}{key}"
        if isinstance(inner, dict):
            yield from _paths(inner, f"{path}.")
        if isinstance(inner, dict | list | bool):
            yield path, _json(inner)
        else:
            yield path, inner


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
