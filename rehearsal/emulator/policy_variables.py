"""Policy variables (`${aws:username}`), and what IAM compares besides text.

ministack reads a variable as the text that it is. A policy that separates
tenants by their tags then allows nothing, and one that denies by them denies
nothing. Here every value is worked out for the request before ministack
compares it, so that the comparison itself stays ministack's.

IAM User Guide, "IAM policy elements: Variables and tags" (its sections "Where
you can use policy variables" and "Policy variables with no value"), "Condition
operators" and "AWS global condition context keys"; seen 2026-11.
"""

import json
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

VERSION: Final = "2012-10-17"
"""The policy language that knows variables; in an older one they are text."""
_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_NAMED: Final = re.compile(r"\s*([^\s,'][^,']*?)\s*(?:,\s*'([^']*)'\s*)?")
"""A variable's key, and its default after a comma."""
_ITSELF: Final = frozenset("*?$")
"""Characters that `${*}`, `${?}` and `${$}` stand for."""
_LITERAL: Final = {ord("*"): "\ue000", ord("?"): "\ue001"}
"""What stands, while two texts are compared, for a character that is no wildcard. Unicode gives these two to nobody."""
_LIKE: Final = ("stringlike", "stringnotlike")
_ARN: Final = ("arnequals", "arnlike", "arnnotequals", "arnnotlike")
_WITH_VARIABLES: Final = re.compile(
    r"(?:forallvalues:|foranyvalue:)?(?:string(?:not)?(?:equals(?:ignorecase)?|like)|arn(?:not)?(?:equals|like))"
    r"(?:ifexists)?"
)
"""Operators whose values may hold variables: those on strings and on ARNs."""

ValueOf = Callable[[str], Any]
"""A condition key's value in the request; None: it has none."""


def expand(text: str, value_of: ValueOf) -> str | None:
    """A value of a policy with its variables filled in; None when one of them has no value.

    What a variable brings is no wildcard: `as_pattern_text` makes the other side comparable.
    """
    missing = False

    def filled(found: re.Match[str]) -> str:
        nonlocal missing
        if found[1] in _ITSELF:
            return found[1].translate(_LITERAL)
        named = _NAMED.fullmatch(found[1])
        value = value_of(named[1]) if named else None
        # A key of several values is no variable.
        if value is None or isinstance(value, (list, tuple)):
            value = named[2] if named else None
        missing = missing or value is None
        return str(value).translate(_LITERAL)

    expanded = _VARIABLE.sub(filled, text)
    return None if missing else expanded


def as_pattern_text(text: str) -> str:
    """A request's value, to compare with an expanded pattern."""
    return text.translate(_LITERAL)


def as_plain_text(text: str) -> str:
    """An expanded value, where the operator knows no wildcards."""
    return text.translate({ord(mark): chr(sign) for sign, mark in _LITERAL.items()})


def expand_all(values: Iterable[str], value_of: ValueOf) -> list[str]:
    """Those values that have a value; the others match nothing."""
    return [found for value in values if (found := expand(value, value_of)) is not None]


def expand_conditions(conditions: Mapping[str, Any], value_of: ValueOf) -> dict[str, Any]:
    """A Condition element with its variables filled in.

    A value without one is left out: an operator such as StringEquals then finds nothing equal, and one such as
    StringNotEquals nothing that it excludes, which is what IAM does.
    """
    expanded: dict[str, Any] = {}
    for operator, keys in conditions.items():
        if not isinstance(keys, dict) or not _WITH_VARIABLES.fullmatch(operator.lower()):
            expanded[operator] = keys
            continue
        wild = any(name in operator.lower() for name in (*_LIKE, *_ARN))
        expanded[operator] = {
            key: [text if wild else as_plain_text(text) for text in expand_all(_listed(values), value_of)]
            for key, values in keys.items()
        }
    return expanded


def _listed(values: Any) -> list[str]:
    return [str(each) for each in values] if isinstance(values, list) else [str(values)]


class PolicyLanguage:
    """ministack's evaluator, taught what this module says."""

    def __init__(
        self, evaluator: Any, role_arn: Callable[[str, str], str | None], tags_of: Callable[[str], Any]
    ) -> None:
        """Changes `evaluator`.

        `role_arn` gives a role's ARN by account and name, `tags_of` a resource's tags by its ARN.
        """
        self._evaluator = evaluator
        self._role_arn = role_arn
        self._tags_of = tags_of
        self._keys = evaluator._resolve_condition_key
        self._conditions = evaluator._conditions_met
        self._parse = evaluator.parse_policy_document
        self._version: ContextVar[str] = ContextVar("policy_version", default="")
        """Of the document that is being evaluated, where ministack passes on its statements alone."""
        evaluator._resolve_condition_key = self.value
        evaluator.parse_policy_document = self._parsed
        evaluator._first_match = self._first_match
        evaluator._conditions_met = self._conditions_met
        evaluator.evaluate_trust_policy = self._with_version(evaluator.evaluate_trust_policy)
        evaluator.evaluate_resource_policy = self._with_version(evaluator.evaluate_resource_policy)
        operators = evaluator._CONDITION_OPS
        for name in _LIKE:
            operators[name] = _comparing_text(operators[name])
        for name in _ARN:
            operators[name] = (
                _arns_alike if "not" not in name else lambda actual, wanted: not _arns_alike(actual, wanted)
            )

    def value(self, key: str, context: Any) -> Any:
        """A condition key's value in a request, None without one."""
        name = key.lower()
        if name == "aws:principalarn" and context.principal_type == "AssumedRole":
            role = context.principal_arn.partition(":assumed-role/")[2].partition("/")[0]
            return self._role_arn(context.principal_account, role) or context.principal_arn
        if name in ("aws:principalisawsservice", "aws:viaawsservice"):
            return str(context.principal_type == "Service" and name.startswith("aws:principal")).lower()
        found = self._keys(key, context)
        service, _, of_tag = name.partition(":resourcetag/")
        if found is not None or not of_tag or service not in ("aws", context.action.partition(":")[0]):
            return found
        return {tag.lower(): text for tag, text in (self._tags_of(context.resource_arn) or {}).items()}.get(of_tag)

    def _parsed(self, document: Any) -> list[Any]:
        statements = self._parse(document)
        version = _version_of(document) or self._version.get()
        for statement in statements:
            statement.variables = version == VERSION
        return statements

    def _with_version(self, evaluate: Callable[..., Any]) -> Callable[..., Any]:
        def evaluated(document: Any, *args: Any, **more: Any) -> Any:
            with self._of_version(_version_of(document)):
                return evaluate(document, *args, **more)

        return evaluated

    @contextmanager
    def _of_version(self, version: str) -> Generator[None]:
        token = self._version.set(version)
        try:
            yield
        finally:
            self._version.reset(token)

    def _first_match(self, context: Any, statements: Iterable[Any], effect: str) -> Any:
        """The first statement of this effect that is about the request; None without one."""
        for statement in statements:
            if (
                statement.effect == effect
                and self._evaluator._action_matches(context.action, statement.actions, statement.not_actions)
                and self._about_resource(context, statement)
            ):
                with self._of_version(VERSION if statement.variables else ""):
                    if self._conditions_met(statement.conditions, context):
                        return statement
        return None

    def _about_resource(self, context: Any, statement: Any) -> bool:
        matches = self._evaluator._resource_matches
        if not statement.variables:
            return matches(context.resource_arn, statement.resources, statement.not_resources)

        def value_of(key: str) -> Any:
            return self.value(key, context)

        resources = expand_all(statement.resources, value_of)
        if statement.resources and not resources:
            return False
        # A resource of NotResource without a value excludes nothing.
        return matches(as_pattern_text(context.resource_arn), resources, expand_all(statement.not_resources, value_of))

    def _conditions_met(self, conditions: Any, context: Any) -> bool:
        if conditions and self._version.get() == VERSION:
            conditions = expand_conditions(conditions, lambda key: self.value(key, context))
        return self._conditions(conditions, context)


def _version_of(document: Any) -> str:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return ""
    return str(document.get("Version") or "") if isinstance(document, dict) else ""


def _comparing_text(compare: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    return lambda actual, wanted: compare(as_pattern_text(actual), wanted)


def _arns_alike(actual: str, wanted: str) -> bool:
    """Whether an ARN fits a pattern, in each of its six parts; a wildcard does not reach beyond its part."""
    if wanted == "*":
        return True
    found, parts = as_pattern_text(actual).split(":", 5), wanted.split(":", 5)
    if len(found) != 6 or len(parts) != 6:
        return as_pattern_text(actual) == wanted
    return all(_fits(text, pattern) for text, pattern in zip(found, parts, strict=True))


def _fits(text: str, pattern: str) -> bool:
    signs = {"*": ".*", "?": "."}
    return bool(re.fullmatch("".join(signs.get(each, re.escape(each)) for each in pattern), text, re.DOTALL))
