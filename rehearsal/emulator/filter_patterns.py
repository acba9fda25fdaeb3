"""CloudWatch Logs' filter patterns: which log events a FilterLogEvents finds.

Users look for one call in the audit log by `{ $.auditID = "…" }`. ministack
takes every pattern in braces for one that fits everything, so that a wrong
pattern looks like a right one. Rules: Amazon CloudWatch Logs User Guide,
"Filter pattern syntax for metric filters, subscription filters, filter log
events, and Live Tail", seen 2026-11. Not played, and refused by name: regular
expressions (`%…%`) and patterns in brackets.
"""

import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Final, cast

Matcher = Callable[[str], bool]
"""Takes a log event's message."""
Test = Callable[[Any], bool]
"""Takes a JSON document."""

_TERM: Final = re.compile(r'\s*([-?]?)(?:"((?:\\.|[^"\\])*)"|([^\s"]+))')
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<selector>\$(?:\.[\w\-/]+|\[(?:\d+|\*|'[^']*'|"[^"]*")\])*(?:\.\*)?)
        |(?P<operator>!=|<=|>=|=|<|>|&&|\|\||\(|\))
        |"(?P<quoted>(?:\\.|[^"\\])*)"
        |(?P<word>[^\s"()=<>!&|{}%]+)
    )""",
    re.VERBOSE,
)
_STEP: Final = re.compile(r"\.([\w\-/*]+)|\[(\d+|\*)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


class InvalidPattern(ValueError):
    """The pattern is none, or is not played; the text says which."""


def compiled(pattern: str) -> Matcher:
    """What a pattern finds. Raises InvalidPattern."""
    text = pattern.strip()
    if text.startswith("["):
        raise InvalidPattern("The rehearsal does not play filter patterns in brackets. Use a JSON pattern or terms.")
    if text.startswith("{"):
        if not text.endswith("}"):
            raise InvalidPattern("Invalid filter pattern")
        test = _Json(text[1:-1]).parsed()
        return lambda message: _fits(test, message)
    return _terms(text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _terms(text: str) -> Matcher:
    """Words that are all there, "-word" that are not, or one of "?word"; a case of letters counts."""
    if "%" in text:
        raise InvalidPattern("The rehearsal does not play regular expressions in filter patterns. Use terms.")
    wanted: dict[str, list[str]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            raise InvalidPattern("Invalid filter pattern")
        wanted[found[1]].append(_unescaped(found[2]) if found[2] is not None else found[3])
        position = found.end()

    def fits(message: str) -> bool:
        if any(term in message for term in wanted["-"]) or not all(term in message for term in wanted[""]):
            return False
        # Beside other terms AWS takes no notice of those with a question mark.
        return bool(wanted[""] or wanted["-"] or not wanted["?"]) or any(term in message for term in wanted["?"])

    return fits


def _fits(test: Test, message: str) -> bool:
    if not message.startswith("{"):
        return False
    try:
        return test(json.loads(message))
    except ValueError:
        return False


class _Json:
    """Reads what is between the braces: comparisons with &&, || and parentheses."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position, text = 0, text.strip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                what = "regular expressions in filter patterns" if "%" in text else ""
                raise InvalidPattern(f"The rehearsal does not play {what}." if what else "Invalid filter pattern")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()

    def parsed(self) -> Test:
        test = self._either()
        if self._tokens:
            raise InvalidPattern("Invalid filter pattern")
        return test

    def _next(self, *kinds: str) -> tuple[str, str]:
        if not self._tokens or self._tokens[0][0] not in kinds:
            raise InvalidPattern("Invalid filter pattern")
        return self._tokens.pop(0)

    def _take(self, operator: str) -> bool:
        if self._tokens[:1] == [("operator", operator)]:
            self._tokens.pop(0)
            return True
        return False

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take("||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda document: any(test(document) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda document: all(test(document) for test in tests)

    def _one(self) -> Test:
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise InvalidPattern("Invalid filter pattern")
            return inner
        steps = _steps(self._next("selector")[1])
        kind, operator = self._next("operator", "word")
        if kind == "word":
            return self._word(steps, operator.upper())
        if operator not in ("=", "!=", "<", ">", "<=", ">="):
            raise InvalidPattern("Invalid filter pattern")
        return _comparison(steps, operator, *self._next("quoted", "word"))

    def _word(self, steps: list[str | int], word: str) -> Test:
        """IS TRUE and its like, EXISTS, NOT EXISTS."""
        if word == "EXISTS":
            return lambda document: bool(_values(document, steps))
        if word not in ("IS", "NOT"):
            raise InvalidPattern("Invalid filter pattern")
        what = self._next("word")[1].upper()
        if word == "NOT" and what == "EXISTS":
            return lambda document: not _values(document, steps)
        singles: dict[str, Any] = {"TRUE": True, "FALSE": False, "NULL": None}
        if word == "NOT" or what not in singles:
            raise InvalidPattern("Invalid filter pattern")
        return lambda document: any(value is singles[what] for value in _values(document, steps))


def _steps(selector: str) -> list[str | int]:
    """The way to a property: names, numbers of elements, and "*" for any."""
    steps: list[str | int] = []
    for name, index, single, double in _STEP.findall(selector):
        steps.append(int(index) if index.isdigit() else name or single or double or index)
    if not steps:
        raise InvalidPattern("Invalid filter pattern")
    return steps


def _values(document: Any, steps: list[str | int]) -> list[Any]:
    """What is at the end of the way, of every element where the way says any."""
    found = [document]
    for step in steps:
        found = [value for each in found for value in _children(each, step)]
    return found


def _children(value: Any, step: str | int) -> list[Any]:
    if isinstance(value, list):
        elements = cast("list[Any]", value)
        if step == "*":
            return elements
        return [elements[step]] if isinstance(step, int) and step < len(elements) else []
    if isinstance(value, dict):
        members = cast("dict[Any, Any]", value)
        if step == "*":
            return list(members.values())
        return [members[step]] if step in members else []
    return []


def _comparison(steps: list[str | int], operator: str, kind: str, text: str) -> Test:
    number = float(text) if kind == "word" and _NUMBER.fullmatch(text) else None
    if operator in ("<", ">", "<=", ">="):
        if number is None:
            raise InvalidPattern("Invalid filter pattern")
        return lambda document: any(_ordered(value, operator, number) for value in _values(document, steps))
    wanted = _unescaped(text) if kind == "quoted" else text

    def equal(value: Any) -> bool:
        if isinstance(value, str):
            return fnmatchcase(value, wanted.replace("[", "[[]").replace("?", "[?]"))
        if isinstance(value, bool) or value is None or not isinstance(value, int | float):
            return False
        return number is not None and value == number

    if operator == "=":
        return lambda document: any(equal(value) for value in _values(document, steps))
    return lambda document: any(not equal(value) for value in _values(document, steps))


def _ordered(value: Any, operator: str, number: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return {"<": value < number, ">": value > number, "<=": value <= number, ">=": value >= number}[operator]
