"""Launch templates, kept whole.

ministack keeps some of a template's settings and drops the others; what was
sent is kept here, so that what launches from a template, and who reads it
back, sees all of it.
"""

from typing import Any

from rehearsal.emulator.ec2.call import Action, Call


class Templates:
    """The settings of every version of every launch template."""

    def __init__(self) -> None:
        """Starts with none."""
        self._data: dict[tuple[str, int], dict[str, Any]] = {}

    def actions(self) -> dict[str, Action]:
        """What is answered here in ministack's place."""
        return {
            "CreateLaunchTemplate": self._create,
            "CreateLaunchTemplateVersion": self._create_version,
            "DescribeLaunchTemplateVersions": self._describe_versions,
        }

    async def _create(self, call: Call) -> dict[str, Any]:
        result = await call.forward()
        self._data[result["LaunchTemplate"]["LaunchTemplateId"], 1] = call.params["LaunchTemplateData"]
        return result

    async def _create_version(self, call: Call) -> dict[str, Any]:
        result = await call.forward()
        version = result["LaunchTemplateVersion"]
        template, number = version["LaunchTemplateId"], version["VersionNumber"]
        source = call.params.get("SourceVersion", "")
        base = self._data.get((template, int(source)), {}) if source.isdigit() else {}
        self._data[template, number] = {**base, **call.params["LaunchTemplateData"]}
        version["LaunchTemplateData"] = self._data[template, number]
        return result

    async def _describe_versions(self, call: Call) -> dict[str, Any]:
        result = await call.forward()
        for version in result["LaunchTemplateVersions"]:
            kept = self._data.get((version["LaunchTemplateId"], version["VersionNumber"]))
            if kept is not None:
                version["LaunchTemplateData"] = kept
        return result
