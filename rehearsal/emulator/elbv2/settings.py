"""Tags and attributes, which every kind of resource has."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from rehearsal.emulator.elbv2.state import State
from rehearsal.emulator.errors import AwsError

MOST_ARNS: Final = 20
"""That DescribeTags takes at a time."""
MOST_TAGS: Final = 50


class Settings:
    """The actions on tags and attributes."""

    def __init__(self, state: State) -> None:
        """Works on what exists."""
        self._state = state

    def actions(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]]:
        """Each action by its name."""
        found: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "AddTags": self._add_tags,
            "RemoveTags": self._remove_tags,
            "DescribeTags": self._describe_tags,
        }
        for kind in ("LoadBalancer", "TargetGroup", "Listener"):
            found[f"Describe{kind}Attributes"] = self._reader(f"{kind}Arn")
            found[f"Modify{kind}Attributes"] = self._writer(f"{kind}Arn")
        return found

    def _reader(self, name: str) -> Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]:
        async def read(params: dict[str, Any]) -> dict[str, Any]:
            self._state.anything(params[name])
            attributes = self._state.attributes[params[name]]
            return {"Attributes": [{"Key": key, "Value": value} for key, value in attributes.items()]}

        return read

    def _writer(self, name: str) -> Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]:
        async def write(params: dict[str, Any]) -> dict[str, Any]:
            self._state.anything(params[name])
            changed = {each["Key"]: each.get("Value", "") for each in params["Attributes"]}
            self._state.attributes[params[name]] |= changed
            return {"Attributes": [{"Key": key, "Value": value} for key, value in changed.items()]}

        return write

    async def _add_tags(self, params: dict[str, Any]) -> dict[str, Any]:
        added = {each["Key"]: each.get("Value", "") for each in params["Tags"]}
        for arn in params["ResourceArns"]:
            self._state.anything(arn)
            if len(self._state.tags[arn] | added) > MOST_TAGS:
                raise AwsError("TooManyTags", f"A resource has at most {MOST_TAGS} tags")
        for arn in params["ResourceArns"]:
            self._state.tags[arn] |= added
        return {}

    async def _remove_tags(self, params: dict[str, Any]) -> dict[str, Any]:
        for arn in params["ResourceArns"]:
            self._state.anything(arn)
        for arn in params["ResourceArns"]:
            for key in params["TagKeys"]:
                self._state.tags[arn].pop(key, None)
        return {}

    async def _describe_tags(self, params: dict[str, Any]) -> dict[str, Any]:
        arns = params["ResourceArns"]
        if len(arns) > MOST_ARNS:
            raise AwsError("ValidationError", f"Cannot have more than {MOST_ARNS} resources described")
        for arn in arns:
            self._state.anything(arn)
        return {
            "TagDescriptions": [
                {
                    "ResourceArn": arn,
                    "Tags": [{"Key": key, "Value": value} for key, value in self._state.tags.get(arn, {}).items()],
                }
                for arn in arns
            ]
        }
