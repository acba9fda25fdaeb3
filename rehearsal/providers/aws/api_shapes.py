"""Between the provider's property names and those of AWS's APIs.

The same word, begun small there and large here; tags are a map there and a
list of pairs here.
"""

from __future__ import annotations

from typing import Any

from rehearsal.providers.aws.boto_calls import Call


def to_api(value: Any) -> Any:
    """An object of inputs as an API takes it: {"httpTokens": "required"} → {"HttpTokens": "required"}."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: to_api(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_api(item) for item in value]
    return value


def from_api(value: Any) -> Any:
    """An API's object as the provider shows it: the way back of `to_api`."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: from_api(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_api(item) for item in value]
    return value


def pick(source: dict[str, Any], *names: str, **renamed: str) -> dict[str, Any]:
    """Members of an API's object by their property names, or as property=Member where they differ."""
    found = {name: source.get(name[:1].upper() + name[1:]) for name in names}
    found.update({name: source.get(member) for name, member in renamed.items()})
    return {name: value for name, value in found.items() if value is not None}


def given(source: dict[str, Any], *names: str, **renamed: str) -> dict[str, Any]:
    """Inputs by their API names, or as property=Member where they differ; absent ones are left out."""
    members = {name: name[:1].upper() + name[1:] for name in names} | renamed
    return {member: source[name] for name, member in members.items() if source.get(name) is not None}


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as EC2 and IAM take them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_map(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags as the provider shows them."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def tag_specification(call: Call, kind: str) -> dict[str, Any]:
    """The argument that puts the new resource's tags on at its creation; `kind` is EC2's word for the type."""
    tags: dict[str, str] = call.new.get("tags") or {}
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tag_list(tags)}]} if tags else {}


def only(found: list[Any]) -> Any:
    """The one item of a description, None when there is none."""
    return found[0] if found else None
