"""Instances that live in their subnet, zone and security groups.

ministack keeps instances but gives them addresses, zone and disks of its own
invention, and knows no launch templates when it runs them. Here an instance
is launched into ministack's store with the facts that AWS would give it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from rehearsal.emulator.ec2.call import Action, Call
from rehearsal.emulator.ec2.instance_types import INSTANCE_TYPES
from rehearsal.emulator.ec2.interfaces import Interfaces, new_id
from rehearsal.emulator.ec2.launch import ROOT_DEVICE, Launch, put_together
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend

Gone = Callable[[list[str]], Awaitable[None]]
"""Told the ids of instances that somebody terminated."""


class Instances:
    """EC2's instance actions."""

    def __init__(self, backend: Backend, calls: Calls, interfaces: Interfaces) -> None:
        """`interfaces` hands out addresses."""
        self._backend = backend
        self._calls = calls
        self._interfaces = interfaces
        self._options: dict[str, dict[str, Any]] = {}
        self.on_terminated: list[Gone] = []

    def actions(self) -> dict[str, Action]:
        """What is answered here in ministack's place."""
        return {
            "RunInstances": self._run,
            "TerminateInstances": self._terminate,
            "ModifyInstanceMetadataOptions": self._modify_metadata,
            "ModifyInstanceAttribute": self._modify_attribute,
            "DescribeInstanceTypes": self._describe_types,
            "DescribeInstanceTypeOfferings": self._describe_offerings,
        }

    def amend(self, instance: dict[str, Any]) -> None:
        """Make a described instance tell what is known here."""
        for name in ("KeyName", "PublicIpAddress", "PublicDnsName"):
            if not instance.get(name):
                instance.pop(name, None)
        options = self._options.get(instance["InstanceId"])
        if options is None:
            return
        instance |= {name: value for name, value in options.items() if name != "DisableApiTermination"}
        if instance["State"]["Name"] == "terminated":
            for name in ("PrivateIpAddress", "PublicIpAddress", "PrivateDnsName", "PublicDnsName"):
                instance.pop(name, None)
            instance["NetworkInterfaces"] = []
            return
        instance["NetworkInterfaces"] = self._interfaces.of_instance(instance["InstanceId"])

    def amend_volume(self, volume: dict[str, Any]) -> None:
        """Make a described volume tell what ministack keeps and does not show."""
        record = self._backend.volumes.get(volume["VolumeId"], {})
        for name in ("Throughput", "KmsKeyId"):
            if record.get(name):
                volume[name] = record[name]

    async def _run(self, call: Call) -> dict[str, Any]:
        params = call.params
        template = await self._template(params.get("LaunchTemplate"))
        launch = put_together(params, template)
        subnet = await self._subnet(launch.subnet_id)
        groups = launch.groups or (await self._interfaces.default_group(subnet["VpcId"]),)
        for group in groups:
            self._check_group(group, subnet["VpcId"])
        if launch.key_name:
            await self._calls("ec2", "DescribeKeyPairs", KeyNames=[launch.key_name])
        if launch.profile:
            await self._check_profile(launch.profile)
        wanted = max(1, params.get("MaxCount", 1))
        launched = [await self._launch(call, launch, subnet, groups) for _ in range(wanted)]
        described = await self._calls("ec2", "DescribeInstances", InstanceIds=launched)
        instances = [each for reservation in described["Reservations"] for each in reservation["Instances"]]
        owner = self._backend.settings.account_id
        return {"Instances": instances, "OwnerId": owner, "ReservationId": new_id("r"), "Groups": []}

    async def _launch(self, call: Call, launch: Launch, subnet: dict[str, Any], groups: tuple[str, ...]) -> str:
        """Launch one instance; gives its id."""
        public = subnet["MapPublicIpOnLaunch"] if launch.public_ip is None else launch.public_ip
        public_ip = self._interfaces.public_address() if public else ""
        interface = self._interfaces.attach(subnet, groups, private_ip=launch.private_ip, instance_id="pending")
        form = {
            "ImageId": [launch.image_id],
            "InstanceType": [launch.instance_type],
            "MinCount": ["1"],
            "MaxCount": ["1"],
            "SubnetId": [subnet["SubnetId"]],
            "PrivateIpAddress": [interface["PrivateIpAddress"]],
            **{f"SecurityGroupId.{index}": [group] for index, group in enumerate(groups, 1)},
            **{f"IamInstanceProfile.{name}": [value] for name, value in launch.profile.items()},
            **({"KeyName": [launch.key_name]} if launch.key_name else {}),
            **({"UserData": [launch.user_data]} if launch.user_data else {}),
        }
        try:
            answer = await call.ask("RunInstances", form)
        except AwsError:
            self._interfaces.release(interface["NetworkInterfaceId"])
            raise
        instance_id = answer["Instances"][0]["InstanceId"]
        interface["Attachment"]["InstanceId"] = instance_id
        self._interfaces.set_public_ip(interface, public_ip)
        record = self._backend.instances[instance_id]
        record["Placement"] = {"AvailabilityZone": subnet["AvailabilityZone"], "Tenancy": "default"}
        record["PrivateDnsName"] = interface["PrivateDnsName"]
        record["PublicIpAddress"] = public_ip
        record["PublicDnsName"] = self._interfaces.public_dns_name(public_ip) if public_ip else ""
        record["Monitoring"] = {"State": "enabled" if launch.monitored else "disabled"}
        record["Architecture"] = INSTANCE_TYPES[launch.instance_type].arch
        record["RootDeviceName"] = ROOT_DEVICE
        volumes = self._make_volumes(record, launch, subnet["AvailabilityZone"])
        self._options[instance_id] = {
            "Placement": {**record["Placement"], "AvailabilityZoneId": subnet["AvailabilityZoneId"]},
            "MetadataOptions": launch.metadata,
            "EbsOptimized": False,
            "EnaSupport": True,
            "PrivateDnsNameOptions": {"HostnameType": "ip-name", "EnableResourceNameDnsARecord": False},
            "DisableApiTermination": launch.protected,
            **({"InstanceLifecycle": "spot"} if launch.spot else {}),
        }
        await self._tag(launch, instance_id, volumes, interface)
        return instance_id

    def _make_volumes(self, record: dict[str, Any], launch: Launch, zone: str) -> list[str]:
        """Give the instance the disks that the launch asks for; ministack has made one of its own."""
        model = self._backend.volumes.pop(record["BlockDeviceMappings"][0]["Ebs"]["VolumeId"])
        attached = model["Attachments"][0]
        mappings: list[dict[str, Any]] = []
        for volume in launch.volumes:
            volume_id = new_id("vol")
            ebs, device = volume["Ebs"], volume["DeviceName"]
            kept = ebs["DeleteOnTermination"]
            self._backend.volumes[volume_id] = {
                **model,
                "VolumeId": volume_id,
                "AvailabilityZone": zone,
                "Size": ebs["VolumeSize"],
                "VolumeType": ebs["VolumeType"],
                "Iops": ebs["Iops"],
                "Throughput": ebs["Throughput"] or 0,
                "Encrypted": ebs["Encrypted"],
                "KmsKeyId": ebs["KmsKeyId"] or "",
                "Attachments": [{**attached, "VolumeId": volume_id, "Device": device, "DeleteOnTermination": kept}],
            }
            mapping = {"VolumeId": volume_id, "Status": "attached", "DeleteOnTermination": kept}
            mappings.append({"DeviceName": device, "Ebs": {**mapping, "AttachTime": attached["AttachTime"]}})
        record["BlockDeviceMappings"] = mappings
        return [mapping["Ebs"]["VolumeId"] for mapping in mappings]

    async def _tag(self, launch: Launch, instance_id: str, volumes: list[str], interface: dict[str, Any]) -> None:
        interfaces = [interface["NetworkInterfaceId"]]
        for kind, ids in (("instance", [instance_id]), ("volume", volumes), ("network-interface", interfaces)):
            if tags := launch.tags.get(kind):
                await self._calls("ec2", "CreateTags", Resources=ids, Tags=tags)

    async def _template(self, named: dict[str, str] | None) -> dict[str, Any]:
        if not named:
            return {}
        which = {name: named[name] for name in ("LaunchTemplateId", "LaunchTemplateName") if name in named}
        version = named.get("Version", "$Default")
        found = await self._calls("ec2", "DescribeLaunchTemplateVersions", **which, Versions=[version])
        if not found["LaunchTemplateVersions"]:
            message = f"Could not find the specified version {version} for the launch template with ID "
            message += f"{named.get('LaunchTemplateId', named.get('LaunchTemplateName'))}."
            raise AwsError("InvalidLaunchTemplateId.VersionNotFound", message)
        return found["LaunchTemplateVersions"][0]["LaunchTemplateData"]

    async def _subnet(self, subnet_id: str) -> dict[str, Any]:
        if subnet_id:
            return await self._interfaces.subnet(subnet_id)
        filters = [{"Name": "default-for-az", "Values": ["true"]}]
        found = (await self._calls("ec2", "DescribeSubnets", Filters=filters))["Subnets"]
        if not found:
            raise AwsError("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")
        return found[0]

    def _check_group(self, group_id: str, vpc_id: str) -> None:
        self._interfaces.group(group_id)
        if self._backend.security_groups[group_id]["VpcId"] != vpc_id:
            raise AwsError(
                "InvalidParameter", f"Security group {group_id} and the instance's subnet belong to different networks."
            )

    async def _check_profile(self, profile: dict[str, str]) -> None:
        name = profile.get("Name") or profile["Arn"].rsplit("/", 1)[-1]
        try:
            await self._calls("iam", "GetInstanceProfile", InstanceProfileName=name)
        except AwsError as error:
            part = "name" if "Name" in profile else "arn"
            message = f"Value ({profile.get('Name') or profile['Arn']}) for parameter iamInstanceProfile.{part} is "
            message += f"invalid. Invalid IAM Instance Profile {'name' if part == 'name' else 'ARN'}"
            raise AwsError("InvalidParameterValue", message) from error

    async def _terminate(self, call: Call) -> dict[str, Any]:
        ids: list[str] = call.params["InstanceIds"]
        for instance_id in ids:
            if self._options.get(instance_id, {}).get("DisableApiTermination"):
                message = f"The instance '{instance_id}' may not be terminated. Modify its 'disableApiTermination' "
                raise AwsError("OperationNotPermitted", f"{message}instance attribute and try again.")
        result = await call.forward()
        for instance_id in ids:
            for interface in self._interfaces.of_instance(instance_id):
                self._interfaces.release(interface["NetworkInterfaceId"])
            self._drop_volumes(instance_id)
            for address in self._backend.addresses.values():
                if address.get("InstanceId") == instance_id:
                    address.update(InstanceId=None, AssociationId=None)
        for told in self.on_terminated:
            await told(ids)
        return result

    def _drop_volumes(self, instance_id: str) -> None:
        attached = {
            volume_id: volume
            for volume_id, volume in self._backend.volumes.items()
            if any(each["InstanceId"] == instance_id for each in volume["Attachments"])
        }
        for volume_id, volume in attached.items():
            if volume["Attachments"][0].get("DeleteOnTermination", True):
                del self._backend.volumes[volume_id]
            else:
                volume.update(State="available", Attachments=[])

    async def _modify_metadata(self, call: Call) -> dict[str, Any]:
        instance_id = call.params["InstanceId"]
        await self._calls("ec2", "DescribeInstances", InstanceIds=[instance_id])
        options = self._options.setdefault(instance_id, {}).setdefault("MetadataOptions", {"State": "applied"})
        options |= {name: value for name, value in call.params.items() if name.startswith(("Http", "InstanceMetadata"))}
        return {"InstanceId": instance_id, "InstanceMetadataOptions": options}

    async def _modify_attribute(self, call: Call) -> dict[str, Any]:
        params = dict(call.params)
        instance_id = params.pop("InstanceId")
        found = await self._calls("ec2", "DescribeInstances", InstanceIds=[instance_id])
        state = found["Reservations"][0]["Instances"][0]["State"]["Name"]
        record = self._backend.instances[instance_id]
        for name, value in params.items():
            plain = value.get("Value") if isinstance(value, dict) else value
            match name:
                case "SourceDestCheck":
                    record["SourceDestCheck"] = plain
                case "DisableApiTermination":
                    self._options.setdefault(instance_id, {})["DisableApiTermination"] = plain
                case "Groups":
                    record["SecurityGroups"] = [self._interfaces.group(group) for group in value]
                    for interface in self._interfaces.of_instance(instance_id):
                        interface["Groups"] = record["SecurityGroups"]
                case "InstanceType" | "UserData":
                    if state != "stopped":
                        message = f"The instance '{instance_id}' is not in the 'stopped' state."
                        raise AwsError("IncorrectInstanceState", message)
                    record[name] = plain
                case _:
                    raise AwsError("UnsupportedOperation", f"The rehearsal does not play the attribute {name}.")
        return {}

    async def _describe_types(self, call: Call) -> dict[str, Any]:
        wanted: list[str] = call.params.get("InstanceTypes", [])
        unknown = [name for name in wanted if name not in INSTANCE_TYPES]
        if unknown:
            message = f"The following supplied instance types do not exist: [{', '.join(unknown)}]"
            raise AwsError("InvalidInstanceType", message)
        rows = [row for row in INSTANCE_TYPES.values() if not wanted or row.name in wanted]
        return {"InstanceTypes": [row.description() for row in rows]}

    async def _describe_offerings(self, call: Call) -> dict[str, Any]:
        """Every type that is known here, in every zone: which zone lacks which type is not played."""
        location = call.params.get("LocationType", "region")
        if location == "region":
            places = [self._backend.settings.region]
        elif location == "availability-zone":
            zones = await self._calls("ec2", "DescribeAvailabilityZones")
            places = [zone["ZoneName"] for zone in zones["AvailabilityZones"]]
        else:
            raise AwsError("InvalidParameterValue", f"The rehearsal does not play offerings by {location}.")
        wanted: dict[str, list[str]] = {each["Name"]: each["Values"] for each in call.params.get("Filters", [])}
        if unknown := wanted.keys() - {"instance-type", "location"}:
            raise AwsError("InvalidParameterValue", f"The filter '{min(unknown)}' is invalid")
        return {
            "InstanceTypeOfferings": [
                {"InstanceType": name, "LocationType": location, "Location": place}
                for name in INSTANCE_TYPES
                for place in places
                if name in wanted.get("instance-type", [name]) and place in wanted.get("location", [place])
            ]
        }
