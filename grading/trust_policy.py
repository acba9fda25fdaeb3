"""Whether a role's trust policy lets somebody in who is not there yet: an account or a pod that an attacker makes next.

STS decides about tokens that somebody has, and AWS's policy simulator takes no trust policies. So a policy is evaluated
here as IAM does it (IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators", seen
2026-11). What nobody can know beforehand counts for the attacker: a key whose value is not told, a policy variable, an
operator that does not compare text. Everything here is pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

_OPERATOR: Final = re.compile(
    r"(?:(?P<each>forallvalues|foranyvalue):)?string(?P<no>not)?(?P<how>equals|equalsignorecase|like)(?P<if>ifexists)?"
)
_STARS: Final = 3
"""Stars of a pattern that are filled in each in its own way."""


@dataclass(frozen=True)
class Asks:
    """A request for the role."""

    principal: tuple[str, str]
    """Kind and name, as in a policy: ("Service", "pods.eks.amazonaws.com")."""

    actions: tuple[str, ...]
    """All of them are needed."""

    keys: Mapping[str, str | None]
    """Condition key → its value; None: the request does not have it. What is not named here can be anything."""


def lets_in(policy: Mapping[str, Any], asks: Asks) -> bool:
    """Whether the trust policy may give the role to who asks so."""
    return all(_allows(policy, asks, action) for action in asks.actions)


def values_of(policy: Mapping[str, Any], key: str) -> Iterator[str]:
    """Every value with which a statement compares a condition key."""
    for statement in _statements(policy):
        for keys in (statement.get("Condition") or {}).values():
            for name, values in keys.items():
                if name.lower() == key.lower():
                    yield from map(str, _listed(values))


def fitting(patterns: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    """Texts that fit a pattern: `*` becomes one of `texts`, `?` a letter; a pattern without both is itself one."""
    for pattern in patterns:
        first, *rest = pattern.replace("?", "x").split("*")
        many = len(rest) > _STARS
        for filled in ([text] * len(rest) for text in texts) if many else product(texts, repeat=len(rest)):
            yield first + "".join(text + part for text, part in zip(filled, rest, strict=True))


def _allows(policy: Mapping[str, Any], asks: Asks, action: str) -> bool:
    mine = [each for each in _statements(policy) if _is_about(each, asks, action)]
    met = [(each.get("Effect"), _met(each.get("Condition") or {}, asks.keys)) for each in mine]
    # A denial that may not be met stops nobody, and a grant that may be met is one.
    return ("Deny", True) not in met and any(effect == "Allow" and found is not False for effect, found in met)


def _is_about(statement: Mapping[str, Any], asks: Asks, action: str) -> bool:
    if "Action" in statement:
        named = any(_like(str(each), action, re.IGNORECASE) for each in _listed(statement["Action"]))
    else:
        named = not any(_like(str(each), action, re.IGNORECASE) for each in _listed(statement.get("NotAction")))
    if "NotPrincipal" in statement:
        # Everybody but those. Whom else a policy keeps out so is not asked: a grant means everybody, a denial nobody.
        return named and statement.get("Effect") == "Allow"
    principal: Any = statement.get("Principal")
    if not isinstance(principal, dict):
        return named and principal == "*"
    kind, name = asks.principal
    return named and (name in _listed(principal.get(kind)) or "*" in _listed(principal.get("AWS")))


def _met(condition: Mapping[str, Any], keys: Mapping[str, str | None]) -> bool | None:
    """Whether all of a Condition holds; None: nobody can know."""
    told = {name.lower(): value for name, value in keys.items()}
    found = [
        _holds(operator.lower(), name.lower(), [str(each) for each in _listed(values)], told)
        for operator, of in condition.items()
        for name, values in of.items()
    ]
    return False if False in found else None if None in found else True


def _holds(operator: str, key: str, values: list[str], keys: Mapping[str, str | None]) -> bool | None:
    if key not in keys:
        return None
    value = keys[key]
    if operator == "null":
        return (value is None) is ([each.lower() for each in values] == ["true"])
    said = _OPERATOR.fullmatch(operator)
    if said is None or any("${" in each for each in values):
        return None
    if value is None:
        return bool(said["if"] or said["each"] == "forallvalues" or (said["no"] and not said["each"]))
    compare: Mapping[str, Callable[[str], bool]] = {
        "equals": lambda wanted: wanted == value,
        "equalsignorecase": lambda wanted: wanted.lower() == value.lower(),
        "like": lambda wanted: _like(wanted, value),
    }
    return any(map(compare[said["how"]], values)) is not bool(said["no"])


def _like(pattern: str, text: str, flags: int = 0) -> bool:
    """Whether a text fits a pattern of IAM's: `*` is any characters, `?` one."""
    signs = {"*": ".*", "?": "."}
    parts = re.split(r"([*?])", pattern)
    return bool(re.fullmatch("".join(signs.get(part, re.escape(part)) for part in parts), text, flags | re.DOTALL))


def _statements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _listed(policy.get("Statement"))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
