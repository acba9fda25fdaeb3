"""Instances, as far as a bastion needs them; another setting is refused by name.

Replacement and defaults: Terraform AWS provider 6, resource aws_instance.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import from_api, given, only, pick, tag_list, tag_map, to_api
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.compare import Input
from rehearsal.providers.aws.ec2 import Ec2Resource
from rehearsal.providers.properties import Change, Properties
from rehearsal.providers.protocol import CheckFailure, ProviderError, State

_VOLUME = ("volumeType", "volumeSize", "iops", "throughput", "encrypted", "kmsKeyId", "deleteOnTermination")
_USER_DATA = ("userData", "userDataBase64")


class Instance(Ec2Resource):
    """A virtual machine."""

    pulumi_type = "aws:ec2/instance:Instance"
    inputs: ClassVar = {
        "ami": Input(replace=True, computed=True),
        "instanceType": Input(computed=True),
        "subnetId": Input(replace=True, computed=True),
        "availabilityZone": Input(replace=True, computed=True),
        "privateIp": Input(replace=True, computed=True),
        "associatePublicIpAddress": Input(replace=True, computed=True),
        "vpcSecurityGroupIds": Input(computed=True, unordered=True),
        "keyName": Input(replace=True, computed=True),
        "iamInstanceProfile": Input(computed=True),
        "userData": Input(unread=True),
        "userDataBase64": Input(unread=True),
        "userDataReplaceOnChange": Input(default=False, unread=True),
        "metadataOptions": Input(computed=True, partial=True),
        "rootBlockDevice": Input(
            computed=True,
            partial=True,
            plays=frozenset({*_VOLUME, "tags"}),
            member_defaults={"deleteOnTermination": True},
            replace_members=frozenset({"encrypted", "kmsKeyId"}),
        ),
        "sourceDestCheck": Input(default=True),
        "disableApiTermination": Input(computed=True),
        "getPasswordData": Input(default=False, unread=True),
        "forceDestroy": Input(default=False, unread=True),
    }

    @override
    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        if all(name in new for name in _USER_DATA):
            failures.append(CheckFailure("userData", "conflicts with userDataBase64"))
        for name in ("ami", "instanceType"):
            if name not in new:
                failures.append(CheckFailure(name, '"ami" and "instanceType" must be set without a launch template'))
        if new.get("getPasswordData"):
            failures.append(CheckFailure("getPasswordData", "the rehearsal has no Windows instances"))

    @override
    def replaces(self, change: Change, spec: Input, old: State, new: Properties) -> bool:
        """Other user data makes another instance when the program says so."""
        if change.path[0] in _USER_DATA and change.path[0] in old.inputs:
            return bool(old.inputs.get("userDataReplaceOnChange"))
        return super().replaces(change, spec, old, new)

    @override
    def make(self, call: Call) -> str:
        new = call.new
        arguments: dict[str, Any] = {
            "MinCount": 1,
            "MaxCount": 1,
            **given(new, "instanceType", "keyName", ami="ImageId"),
            **self._placement(new),
        }
        data = user_data(new)
        if data:
            arguments["UserData"] = data
        if "iamInstanceProfile" in new:
            arguments["IamInstanceProfile"] = {"Name": new["iamInstanceProfile"]}
        if "metadataOptions" in new:
            arguments["MetadataOptions"] = to_api(new["metadataOptions"])
        if "rootBlockDevice" in new:
            arguments["BlockDeviceMappings"] = [self._root(call, new["rootBlockDevice"])]
        if new.get("disableApiTermination"):
            arguments["DisableApiTermination"] = True
        arguments["TagSpecifications"] = [{"ResourceType": "instance", "Tags": tag_list(new["tags"])}]
        return call.ec2.run_instances(**arguments)["Instances"][0]["InstanceId"]

    @staticmethod
    def _placement(new: Properties) -> dict[str, Any]:
        placement = given(new, "subnetId", privateIp="PrivateIpAddress")
        groups = given(new, vpcSecurityGroupIds="SecurityGroupIds")
        zone = {"Placement": given(new, "availabilityZone")} if "availabilityZone" in new else {}
        if "associatePublicIpAddress" not in new:
            return {**placement, **groups, **zone}
        # EC2 takes the public address only together with a network interface's settings.
        interface = {
            "DeviceIndex": 0,
            "AssociatePublicIpAddress": new["associatePublicIpAddress"],
            **placement,
            **given(new, vpcSecurityGroupIds="Groups"),
        }
        return {"NetworkInterfaces": [interface], **zone}

    @staticmethod
    def _root(call: Call, device: Properties) -> dict[str, Any]:
        images = call.ec2.describe_images(ImageIds=[call.new["ami"]])["Images"]
        name = images[0].get("RootDeviceName") if images else None
        members = {key: value for key, value in device.items() if key in _VOLUME}
        return {"DeviceName": name or "/dev/xvda", "Ebs": to_api({"deleteOnTermination": True, **members})}

    @override
    def settle(self, call: Call) -> None:
        instance = call.wait(f"{call.id} to be running", lambda: self._in_state(call, "running"), minutes=10)
        if not call.unfinished:
            return
        tags = call.new.get("rootBlockDevice", {}).get("tags")
        if tags:
            call.ec2.create_tags(Resources=[_root_volume(instance)], Tags=tag_list(tags))
        if not call.new["sourceDestCheck"]:
            self._modify(call, SourceDestCheck={"Value": False})

    def _in_state(self, call: Call, wanted: str) -> dict[str, Any] | None:
        instance = find(call, call.id)
        if instance is None:
            raise ProviderError(f"{call.id} went while waiting for it to be {wanted}.")
        state = instance["State"]["Name"]
        if state in ("terminated", "shutting-down") and wanted != "terminated":
            reason = instance.get("StateReason", {}).get("Message", "")
            raise ProviderError(f"{call.id} is {state} and will not be {wanted}: {reason}")
        return instance if state == wanted else None

    def _modify(self, call: Call, **attribute: Any) -> None:
        call.ec2.modify_instance_attribute(InstanceId=call.id, **attribute)

    @override
    def change(self, call: Call) -> None:
        new, changed = call.new, call.changed
        if "vpcSecurityGroupIds" in changed:
            self._modify(call, Groups=new["vpcSecurityGroupIds"])
        if "sourceDestCheck" in changed:
            self._modify(call, SourceDestCheck={"Value": new["sourceDestCheck"]})
        if "disableApiTermination" in changed:
            self._modify(call, DisableApiTermination={"Value": bool(new.get("disableApiTermination"))})
        if "metadataOptions" in changed:
            call.ec2.modify_instance_metadata_options(InstanceId=call.id, **to_api(new["metadataOptions"]))
        if "iamInstanceProfile" in changed:
            self._change_profile(call)
        if "rootBlockDevice" in changed:
            self._change_root(call)
        # User data of an imported instance is not known, so it cannot have changed.
        data = bool(changed.intersection(_USER_DATA) and call.old.keys() & set(_USER_DATA))
        if "instanceType" in changed or data:
            self._change_stopped(call, data)

    def _change_profile(self, call: Call) -> None:
        filters = [{"Name": "instance-id", "Values": [call.id]}]
        found = call.ec2.describe_iam_instance_profile_associations(Filters=filters)
        current = only(found["IamInstanceProfileAssociations"])
        profile = call.new.get("iamInstanceProfile")
        if current and profile:
            call.ec2.replace_iam_instance_profile_association(
                AssociationId=current["AssociationId"], IamInstanceProfile={"Name": profile}
            )
        elif current:
            call.ec2.disassociate_iam_instance_profile(AssociationId=current["AssociationId"])
        elif profile:
            call.ec2.associate_iam_instance_profile(InstanceId=call.id, IamInstanceProfile={"Name": profile})

    def _change_root(self, call: Call) -> None:
        instance = find(call, call.id)
        volume = _root_volume(instance or {})
        was, now = call.old.get("rootBlockDevice", {}), call.new.get("rootBlockDevice", {})
        sizes = {name: now[name] for name in _VOLUME[:4] if now.get(name) not in (None, was.get(name))}
        if sizes:
            names = {"volumeType": "VolumeType", "volumeSize": "Size", "iops": "Iops", "throughput": "Throughput"}
            call.ec2.modify_volume(VolumeId=volume, **{names[name]: value for name, value in sizes.items()})
        if now.get("tags") and now["tags"] != was.get("tags"):
            call.ec2.create_tags(Resources=[volume], Tags=tag_list(now["tags"]))
        dropped = was.get("tags", {}).keys() - now.get("tags", {}).keys()
        if dropped:
            call.ec2.delete_tags(Resources=[volume], Tags=[{"Key": key} for key in sorted(dropped)])

    def _change_stopped(self, call: Call, data: bool) -> None:
        call.ec2.stop_instances(InstanceIds=[call.id])
        call.wait(f"{call.id} to be stopped", lambda: self._in_state(call, "stopped"), minutes=10)
        if "instanceType" in call.changed:
            self._modify(call, InstanceType={"Value": call.new["instanceType"]})
        if data:
            self._modify(call, UserData={"Value": base64.b64decode(_encoded(call.new))})
        call.ec2.start_instances(InstanceIds=[call.id])

    @override
    def describe(self, call: Call) -> Properties | None:
        instance = find(call, call.id)
        if instance is None or instance["State"]["Name"] in ("terminated", "shutting-down"):
            return None
        profile: str = instance.get("IamInstanceProfile", {}).get("Arn", "")
        interface: dict[str, Any] = next(iter(instance.get("NetworkInterfaces", [])), {})
        return {
            **pick(instance, "instanceType", "subnetId", "keyName", "sourceDestCheck", ami="ImageId"),
            **self._addresses(instance),
            "availabilityZone": instance["Placement"]["AvailabilityZone"],
            "tenancy": instance["Placement"].get("Tenancy", "default"),
            "vpcSecurityGroupIds": [group["GroupId"] for group in instance.get("SecurityGroups", [])],
            "iamInstanceProfile": profile.rpartition("/")[2],
            "primaryNetworkInterfaceId": interface.get("NetworkInterfaceId", ""),
            "associatePublicIpAddress": interface.get("Association", {}).get("IpOwnerId") == "amazon",
            "monitoring": instance.get("Monitoring", {}).get("State") == "enabled",
            "ebsOptimized": instance.get("EbsOptimized", False),
            "metadataOptions": _metadata(instance),
            "rootBlockDevice": self._root_device(call, instance),
            "instanceState": instance["State"]["Name"],
            "instanceLifecycle": instance.get("InstanceLifecycle", ""),
            "arn": call.arn("ec2", f"instance/{call.id}"),
            **self._user_data(call),
            "tags": tag_map(instance.get("Tags")),
        }

    @staticmethod
    def _addresses(instance: dict[str, Any]) -> Properties:
        return {
            "privateIp": instance.get("PrivateIpAddress", ""),
            "privateDns": instance.get("PrivateDnsName", ""),
            "publicIp": instance.get("PublicIpAddress", ""),
            "publicDns": instance.get("PublicDnsName", ""),
        }

    @staticmethod
    def _user_data(call: Call) -> Properties:
        if any(name in call.known for name in _USER_DATA):
            return {}  # the program's own word stands
        answer = call.ec2.describe_instance_attribute(InstanceId=call.id, Attribute="userData")
        encoded = answer.get("UserData", {}).get("Value", "")
        try:
            return {"userData": base64.b64decode(encoded).decode()} if encoded else {}
        except (UnicodeDecodeError, binascii.Error):
            return {"userDataBase64": encoded}

    @staticmethod
    def _root_device(call: Call, instance: dict[str, Any]) -> Properties | None:
        volume_id = _root_volume(instance)
        volume = only(call.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"]) if volume_id else None
        if volume is None:
            return None
        device = pick(volume, "volumeId", "volumeType", "iops", "throughput", "encrypted", "kmsKeyId")
        return {
            **device,
            "volumeSize": volume["Size"],
            "deviceName": instance.get("RootDeviceName", ""),
            "deleteOnTermination": _root_mapping(instance).get("DeleteOnTermination", True),
            "tags": tag_map(volume.get("Tags")),
            "tagsAll": tag_map(volume.get("Tags")),
        }

    @override
    def remove(self, call: Call) -> None:
        if call.known.get("forceDestroy"):
            self._modify(call, DisableApiTermination={"Value": False})
        call.ec2.terminate_instances(InstanceIds=[call.id])

        def poll() -> bool | None:
            instance = find(call, call.id)
            return True if instance is None or instance["State"]["Name"] == "terminated" else None

        call.wait(f"{call.id} to be terminated", poll, minutes=20)


def find(call: Call, instance: str) -> dict[str, Any] | None:
    """An instance as EC2 describes it, None when EC2 has none of that id."""
    reservations = call.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    return only([found for reservation in reservations for found in reservation["Instances"]])


def user_data(new: Properties) -> str:
    """User data as boto3 wants it: plain, for it encodes by itself."""
    if "userDataBase64" in new:
        return base64.b64decode(new["userDataBase64"]).decode("utf-8", "surrogateescape")
    return new.get("userData", "")


def _encoded(new: Properties) -> str:
    return new.get("userDataBase64") or base64.b64encode(new.get("userData", "").encode()).decode()


def _root_mapping(instance: dict[str, Any]) -> dict[str, Any]:
    name = instance.get("RootDeviceName")
    mappings = instance.get("BlockDeviceMappings", [])
    return next((m.get("Ebs", {}) for m in mappings if m.get("DeviceName") == name), {})


def _root_volume(instance: dict[str, Any]) -> str:
    return _root_mapping(instance).get("VolumeId", "")


def _metadata(instance: dict[str, Any]) -> Properties | None:
    options = instance.get("MetadataOptions")
    return from_api({key: value for key, value in options.items() if key != "State"}) if options else None
