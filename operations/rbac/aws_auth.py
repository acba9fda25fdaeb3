"""The ConfigMap aws-auth as EKS's authenticator reads it, for `lab whocan`: who is mapped, and as whom.

The authenticator turns each list into JSON and decodes that into structs, so its rules are those of Go's
encoding/json: names of members match regardless of case, a member of another type stays empty, and the entry counts as
long as it has an ARN. Entries are kept in a map by ARN: of two for the same one the last counts.

After aws-iam-authenticator (pkg/mapper/configmap, pkg/config/mapper.go; July 2026). Which release EKS runs is not
public. The rehearsal has a reader of its own, for it knows nothing of the lab; a test holds the two
equal.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

LISTS: Final = (("mapRoles", "rolearn"), ("mapUsers", "userarn"))
"""Each list, in the order in which they are searched, and the member that has the ARN."""
_EMPTY: Final = ("", "``", '""', "''")
"""What a list may hold besides YAML: nothing, as the authenticator takes it."""


@dataclass(frozen=True)
class Mapped:
    """A user or role in aws-auth."""

    key: str
    """mapRoles or mapUsers."""
    arn: str
    username: str
    """May be empty, and may hold templates."""
    groups: tuple[str, ...]
    with_sso: bool = False
    """Has the member sso beside its ARN: then the authenticator drops the entry."""


class _GoYaml(yaml.SafeLoader):
    """Takes plain words for what go-yaml v2 takes them for, where PyYAML differs: y and n, times, dates, numbers."""

    yaml_implicit_resolvers: Any = {}


for _tag, _pattern, _first in (
    ("bool", r"y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF", "yYnNtTfFoO"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _chars = ["" if one == "\0" else one for one in _first]
    _GoYaml.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _chars)
_GoYaml.add_constructor("tag:yaml.org,2002:bool", lambda *_: True)


def mappings(data: Mapping[str, str]) -> list[Mapped]:
    """Every entry with an ARN, as it is written, in the order in which the authenticator reads them."""
    return [
        found for key, member in LISTS for item in _items(data.get(key, "")) if (found := _mapping(key, member, item))
    ]


def accounts(data: Mapping[str, str]) -> list[str]:
    """The accounts of mapAccounts, all of whose users and roles are let in."""
    text = data.get("mapAccounts", "")
    content = None if text.strip() in _EMPTY else _first_document(yaml.BaseLoader, text)
    return [one for one in content if isinstance(one, str)] if isinstance(content, list) else []


def _items(text: str) -> list[Any]:
    content = None if text.strip() in _EMPTY else _first_document(_GoYaml, text)
    try:
        json.dumps(content, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return []
    return content if isinstance(content, list) else []


def _first_document(loader: Any, text: str) -> Any:
    reading = None
    try:
        reading = loader(text)
        return reading.get_data() if reading.check_data() else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    finally:
        if reading:
            reading.dispose()


def _mapping(key: str, member: str, item: Any) -> Mapped | None:
    if not isinstance(item, dict):
        return None
    arn, username, groups, with_sso = "", "", (), False
    # JSON's members are sorted by name, and the last one of a name counts.
    for name, value in sorted(item.items(), key=lambda pair: str(pair[0]).encode()):
        match str(name).casefold():
            case folded if folded == member:
                arn = value if isinstance(value, str) else arn
            case "username":
                username = value if isinstance(value, str) else username
            case "groups" if isinstance(value, list):
                groups = tuple(one if isinstance(one, str) else "" for one in value)
            case "groups" if value is None:
                groups = ()
            case "sso" if key == "mapRoles":
                with_sso = value is not None
            case _:
                pass
    return Mapped(key, arn, username, groups, with_sso) if arn else None
