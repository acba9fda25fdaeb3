"""The ConfigMap aws-auth as EKS's authenticator reads it: who is mapped, and as whom.

The authenticator turns each list into JSON and decodes that into structs, so its rules are those of Go's
encoding/json: names of members match regardless of case, a member of another type stays empty, and the entry counts as
long as it has an ARN. Entries are kept in a map by ARN: of two for the same one the last counts.

After aws-iam-authenticator (pkg/mapper/configmap, pkg/config/mapper.go; July 2026). Which release EKS runs is not
public. `operations.rbac.aws_auth` reads the same for `lab whocan`; a test holds the two equal.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

LISTS: Final = (("mapRoles", "rolearn"), ("mapUsers", "userarn"))
"""Each list, in the order in which they are searched, and the member that has the ARN."""
EMPTY: Final = ("", "``", '""', "''")
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
    return [found for key, member in LISTS for item in _items(data, key) if (found := mapping_of(key, member, item))]


def accounts(data: Mapping[str, str]) -> list[str]:
    """The accounts of mapAccounts, all of whose users and roles are let in."""
    text = data.get("mapAccounts", "")
    content = None if text.strip() in EMPTY else _first_document(yaml.BaseLoader, text)
    return [one for one in content if isinstance(one, str)] if isinstance(content, list) else []


def entries(data: Mapping[str, str], key: str) -> list[Any]:
    """A list's entries as they are written, also those without an ARN.

    Raises YAMLError, TypeError, ValueError or RecursionError for what is no YAML that JSON can hold, and NoList.
    """
    text = data.get(key) or ""
    content = None if text.strip() in EMPTY else document(_GoYaml, text)
    json.dumps(content, allow_nan=False)
    if content is not None and not isinstance(content, list):
        raise NoList(content)
    return content or []


class NoList(ValueError):
    """A key of aws-auth holds something else than a list: `content`."""

    def __init__(self, content: Any) -> None:
        super().__init__("it is no list")
        self.content = content


def _items(data: Mapping[str, str], key: str) -> list[Any]:
    try:
        return entries(data, key)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError):
        return []


def _first_document(loader: Any, text: str) -> Any:
    try:
        return document(loader, text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def document(loader: Any, text: str) -> Any:
    """The first document of a text, None without one; what follows is not read. Raises YAMLError and the like."""
    reading = loader(text)
    try:
        return reading.get_data() if reading.check_data() else None
    finally:
        reading.dispose()


def mapping_of(key: str, member: str, item: Any) -> Mapped | None:
    """What an entry of a list maps; None without an ARN."""
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
