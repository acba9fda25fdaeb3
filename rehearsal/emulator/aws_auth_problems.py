"""What EKS's validating webhook refuses in the ConfigMap aws-auth. Pure.

Every cluster made since July 2023 has the webhook, which keeps a typo from locking everybody out
(aws-iam-authenticator#607, comments). What exactly it asks for and its words are not public. So this refuses what the
authenticator itself calls an error when it reads the ConfigMap, in the authenticator's words (pkg/mapper/configmap,
pkg/config/mapper.go; July 2026): a text that is no list, and an entry without an ARN. In addition it refuses a member
of an unknown name, as Go's strict decoder does.

A member of another type passes: the authenticator leaves it empty, and the entry counts. So do keys of other names than
the three, which nobody reads.
"""

from collections.abc import Mapping
from typing import Any, Final

import yaml
from yaml.scanner import ScannerError

from rehearsal.emulator.aws_auth import EMPTY, LISTS, NoList, document, entries, mapping_of

_TYPES: Final = {"mapRoles": "RoleMapping", "mapUsers": "UserMapping"}
"""The authenticator's names of what a list holds, which its errors tell."""
_MEMBERS: Final = {
    "mapRoles": frozenset({"rolearn", "username", "groups", "userid", "sso"}),
    "mapUsers": frozenset({"userarn", "username", "groups", "userid"}),
}
"""The members that an entry may have; case does not matter."""


def refusal(data: Mapping[str, str]) -> str:
    """Why this aws-auth is refused; empty for one that is taken."""
    found = [problem for key, member in reversed(LISTS) for problem in _problems(data, key, member)]
    found += _problems_of_accounts(data.get("mapAccounts") or "")
    return f"error parsing config map: [{' '.join(found)}]" if found else ""


def _problems(data: Mapping[str, str], key: str, member: str) -> list[str]:
    try:
        items = entries(data, key)
    except NoList as error:
        return [f"json: cannot unmarshal {_json_type(error.content)} into Go value of type []config.{_TYPES[key]}"]
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        return [_yaml_words(data[key], error)]
    return [problem for item in items for problem in _problems_of(key, member, item)]


def _problems_of(key: str, member: str, item: Any) -> list[str]:
    if item is not None and not isinstance(item, dict):
        return [f"json: cannot unmarshal {_json_type(item)} into Go value of type config.{_TYPES[key]}"]
    members = {str(name): value for name, value in (item or {}).items()}
    found = [f'json: unknown field "{name}"' for name in members if name.casefold() not in _MEMBERS[key]]
    mapped = mapping_of(key, member, item) is not None
    with_sso = any(name.casefold() == "sso" and value is not None for name, value in members.items())
    if key == "mapUsers" and not mapped:
        found.append("value for userarn must be supplied")
    if key == "mapRoles" and mapped == with_sso:
        found.append(
            "only one of rolearn or SSO can be supplied" if mapped else "one of rolearn or SSO must be supplied"
        )
    return found


def _problems_of_accounts(text: str) -> list[str]:
    if text.strip() in EMPTY:
        return []
    try:
        content = document(yaml.BaseLoader, text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return [_yaml_words(text, error)]
    if isinstance(content, dict | str) and content:
        tag = "!!map" if isinstance(content, dict) else "!!str"
        return [f"yaml: unmarshal errors: cannot unmarshal {tag} into []string"]
    return []


def _json_type(content: Any) -> str:
    """Go's word for what JSON has there."""
    match content:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case dict():
            return "object"
        case _:
            return "array"


def _yaml_words(text: str, error: Exception) -> str:
    """An error in the words of libyaml, which Go's YAML was made from."""
    try:
        for _ in yaml.parse(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
            pass
    except yaml.MarkedYAMLError as own:
        error = own
    except yaml.YAMLError:
        pass
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        # Go counts the lines of the parser from nought, those of the scanner from one.
        line = error.problem_mark.line + isinstance(error, ScannerError)
        return f"yaml: line {line}: {error.problem}" if line else f"yaml: {error.problem}"
    return f"yaml: {' '.join(str(error).split())}"
