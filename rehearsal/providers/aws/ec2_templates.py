"""Launch templates: every change is a new version.

Replacement and defaults: Terraform AWS provider 6, resource aws_launch_template.
Only the settings that the emulator keeps are played; another one is refused by name.
"""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import from_api, given, only, tag_list, tag_map, tag_specification, to_api
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.ec2 import Ec2Resource
from rehearsal.providers.aws.naming import AutoName, with_prefix
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import Context, State

_SETTINGS = {
    "blockDeviceMappings": "BlockDeviceMappings",
    "disableApiTermination": "DisableApiTermination",
    "ebsOptimized": "EbsOptimized",
    "iamInstanceProfile": "IamInstanceProfile",
    "imageId": "ImageId",
    "instanceInitiatedShutdownBehavior": "InstanceInitiatedShutdownBehavior",
    "instanceType": "InstanceType",
    "keyName": "KeyName",
    "metadataOptions": "MetadataOptions",
    "monitoring": "Monitoring",
    "networkInterfaces": "NetworkInterfaces",
    "tagSpecifications": "TagSpecifications",
    "userData": "UserData",
    "vpcSecurityGroupIds": "SecurityGroupIds",
}
"""Property → member of LaunchTemplateData."""

# The provider has these as text, so that "not said" differs from "false".
_TEXT_BOOLEANS = frozenset({"ebsOptimized", "encrypted", "deleteOnTermination", "associatePublicIpAddress"})
_EBS = ("deleteOnTermination", "encrypted", "iops", "snapshotId", "throughput", "volumeSize", "volumeType")


def _with_booleans(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: item == "true" if key in _TEXT_BOOLEANS and isinstance(item, str) else _with_booleans(item)
            for key, item in value.items()
        }
    return [_with_booleans(item) for item in value] if isinstance(value, list) else value


def _with_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: str(item).lower() if key in _TEXT_BOOLEANS else _with_texts(item) for key, item in value.items()}
    return [_with_texts(item) for item in value] if isinstance(value, list) else value


def launch_data(new: Properties) -> dict[str, Any]:
    """The inputs as LaunchTemplateData."""
    data: dict[str, Any] = {}
    for name, member in _SETTINGS.items():
        value = new.get(name)
        if value is None:
            continue
        if name == "tagSpecifications":
            data[member] = [
                {"ResourceType": spec["resourceType"], "Tags": tag_list(spec.get("tags", {}))} for spec in value
            ]
        elif name == "networkInterfaces":
            data[member] = [_interface(item) for item in value]
        else:
            data[member] = to_api(_with_booleans({name: value}))[name[:1].upper() + name[1:]]
    return data


def _interface(item: Properties) -> dict[str, Any]:
    renamed = {key: value for key, value in item.items() if key != "securityGroups"}
    return {**to_api(_with_booleans(renamed)), **given(item, securityGroups="Groups")}


def inputs_of(data: dict[str, Any]) -> Properties:
    """LaunchTemplateData as the provider shows it."""
    inputs: Properties = {}
    for name, member in _SETTINGS.items():
        value = data.get(member)
        if value is None:
            continue
        if name == "tagSpecifications":
            inputs[name] = [{"resourceType": s["ResourceType"], "tags": tag_map(s.get("Tags"))} for s in value]
        elif name == "networkInterfaces":
            inputs[name] = [_shown_interface(item) for item in value]
        elif name == "metadataOptions":
            inputs[name] = from_api({key: item for key, item in value.items() if key != "State"})
        else:
            inputs[name] = _with_texts({name: from_api(value)})[name]
    return inputs


def _shown_interface(item: dict[str, Any]) -> Properties:
    shown = _with_texts(from_api({key: value for key, value in item.items() if key != "Groups"}))
    return {**shown, "securityGroups": item.get("Groups", [])}


class LaunchTemplate(Ec2Resource):
    """How instances are to be launched."""

    pulumi_type = "aws:ec2/launchTemplate:LaunchTemplate"
    inputs: ClassVar = {
        **{name: Input() for name in _SETTINGS},
        "blockDeviceMappings": Input(plays=frozenset({"deviceName", "ebs", *(f"ebs.{name}" for name in _EBS)})),
        "networkInterfaces": Input(
            plays=frozenset({"deviceIndex", "subnetId", "associatePublicIpAddress", "description", "securityGroups"})
        ),
        "metadataOptions": Input(computed=True, partial=True),
        "vpcSecurityGroupIds": Input(unordered=True),
        "name": Input(replace=True, computed=True),
        "namePrefix": Input(replace=True, computed=True, unread=True),
        "description": Input(),
        "defaultVersion": Input(computed=True),
        "updateDefaultVersion": Input(unread=True),
    }
    autoname = AutoName()
    recomputed: ClassVar = {
        "latestVersion": (*_SETTINGS, "description"),
        "defaultVersion": (*_SETTINGS, "description"),
    }

    @override
    def preview(self, ctx: Context, old: State | None, inputs: Properties) -> Properties:
        outputs = super().preview(ctx, old, inputs)
        if old and not inputs.get("updateDefaultVersion") and "defaultVersion" not in inputs:
            outputs["defaultVersion"] = old.outputs["defaultVersion"]
        return outputs

    @override
    def make(self, call: Call) -> str:
        name = call.new.get("name") or with_prefix(call.new["namePrefix"])
        made = call.ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData=launch_data(call.new),
            **given(call.new, description="VersionDescription"),
            **tag_specification(call, "launch-template"),
        )
        return made["LaunchTemplate"]["LaunchTemplateId"]

    @override
    def change(self, call: Call) -> None:
        latest = call.outputs.get("latestVersion")
        if call.changed & {*_SETTINGS, "description"}:
            made = call.ec2.create_launch_template_version(
                LaunchTemplateId=call.id,
                LaunchTemplateData=launch_data(call.new),
                **given(call.new, description="VersionDescription"),
            )
            latest = made["LaunchTemplateVersion"]["VersionNumber"]
        default = call.new.get("defaultVersion")
        if call.new.get("updateDefaultVersion"):
            default = latest
        if default:
            call.ec2.modify_launch_template(LaunchTemplateId=call.id, DefaultVersion=str(default))

    @override
    def describe(self, call: Call) -> Properties | None:
        template = only(call.ec2.describe_launch_templates(LaunchTemplateIds=[call.id])["LaunchTemplates"])
        if template is None:
            return None
        latest = str(template["LatestVersionNumber"])
        version = call.ec2.describe_launch_template_versions(LaunchTemplateId=call.id, Versions=[latest])[
            "LaunchTemplateVersions"
        ][0]
        return {
            **inputs_of(version.get("LaunchTemplateData", {})),
            "name": template["LaunchTemplateName"],
            "description": version.get("VersionDescription", ""),
            "defaultVersion": template["DefaultVersionNumber"],
            "latestVersion": template["LatestVersionNumber"],
            "arn": call.arn("ec2", f"launch-template/{call.id}"),
            "tags": tag_map(template.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        call.ec2.delete_launch_template(LaunchTemplateId=call.id)
