"""What RunInstances is to launch, put together from the request and its launch template.

Only the putting together: no state is touched, so that it can be read and
tested as the table of rules that it is.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from rehearsal.emulator.ec2.instance_types import INSTANCE_TYPES
from rehearsal.emulator.errors import AwsError

ROOT_DEVICE: Final = "/dev/xvda"
"""The root device of Amazon Linux images."""


@dataclass(frozen=True)
class Launch:
    """One instance to be."""

    image_id: str
    instance_type: str
    subnet_id: str
    """Empty: a default subnet."""
    groups: tuple[str, ...]
    """Security group ids; empty: the VPC's default group."""
    private_ip: str
    public_ip: bool | None
    """Whether it shall have a public address; None: as the subnet says."""
    key_name: str
    user_data: str
    """As sent: base64."""
    profile: dict[str, str]
    """IamInstanceProfile: Arn or Name; empty for none."""
    metadata: dict[str, Any]
    volumes: list[dict[str, Any]]
    """BlockDeviceMappings with an Ebs part; the root device's is always among them."""
    tags: dict[str, list[dict[str, str]]] = field(default_factory=dict[str, list[dict[str, str]]])
    """Tags by resource type: instance, volume, network-interface."""
    protected: bool = False
    """DisableApiTermination."""
    monitored: bool = False
    spot: bool = False


def put_together(request: dict[str, Any], template: dict[str, Any]) -> Launch:
    """The request's settings over the template's; raises AwsError for what AWS refuses."""
    merged = {**template, **request}
    interface = _interface(merged)
    if interface and (request.get("SubnetId") or request.get("SecurityGroupIds")) and request.get("NetworkInterfaces"):
        raise AwsError(
            "InvalidParameterCombination",
            "Network interfaces and an instance-level subnet ID or security groups may not be specified on the "
            "same request",
        )
    image_id = merged.get("ImageId", "")
    if not image_id:
        raise AwsError("MissingParameter", "The request must contain the parameter ImageId")
    instance_type = merged.get("InstanceType", "m1.small")
    if instance_type not in INSTANCE_TYPES:
        raise AwsError("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
    return Launch(
        image_id=image_id,
        instance_type=instance_type,
        subnet_id=interface.get("SubnetId", merged.get("SubnetId", "")),
        groups=tuple(interface.get("Groups") or merged.get("SecurityGroupIds") or ()),
        private_ip=interface.get("PrivateIpAddress", merged.get("PrivateIpAddress", "")),
        public_ip=interface.get("AssociatePublicIpAddress"),
        key_name=merged.get("KeyName", ""),
        user_data=merged.get("UserData", ""),
        profile=merged.get("IamInstanceProfile", {}),
        metadata=_metadata(merged.get("MetadataOptions", {})),
        volumes=_volumes(merged.get("BlockDeviceMappings", [])),
        tags=_tags(template.get("TagSpecifications", []), request.get("TagSpecifications", [])),
        protected=merged.get("DisableApiTermination", False),
        monitored=merged.get("Monitoring", {}).get("Enabled", False),
        spot=merged.get("InstanceMarketOptions", {}).get("MarketType") == "spot",
    )


def _interface(merged: dict[str, Any]) -> dict[str, Any]:
    primary = [each for each in merged.get("NetworkInterfaces", []) if each.get("DeviceIndex", 0) == 0]
    return primary[0] if primary else {}


def _metadata(wanted: dict[str, Any]) -> dict[str, Any]:
    """Instance metadata options; Amazon Linux 2023 images ask for IMDSv2 unless told otherwise."""
    defaults = {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 2,
        "HttpEndpoint": "enabled",
        "HttpProtocolIpv6": "disabled",
        "InstanceMetadataTags": "disabled",
    }
    return {"State": "applied", **defaults, **{name: value for name, value in wanted.items() if name in defaults}}


def _volumes(mappings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    named = {mapping["DeviceName"]: dict(mapping.get("Ebs", {})) for mapping in mappings if "NoDevice" not in mapping}
    named.setdefault(ROOT_DEVICE, {})
    volumes: list[dict[str, Any]] = []
    for device, ebs in named.items():
        kind = ebs.get("VolumeType", "gp3")
        volumes.append(
            {
                "DeviceName": device,
                "Ebs": {
                    "VolumeSize": ebs.get("VolumeSize", 8),
                    "VolumeType": kind,
                    "Iops": ebs.get("Iops", 3000),
                    "Throughput": ebs.get("Throughput", 125) if kind == "gp3" else None,
                    # A key of one's own means encryption.
                    "Encrypted": ebs.get("Encrypted", "KmsKeyId" in ebs),
                    "KmsKeyId": ebs.get("KmsKeyId"),
                    "DeleteOnTermination": ebs.get("DeleteOnTermination", True),
                },
            }
        )
    return volumes


def _tags(*specifications: list[dict[str, Any]]) -> dict[str, list[dict[str, str]]]:
    by_type: dict[str, dict[str, str]] = {}
    for specification in (each for listed in specifications for each in listed):
        known = by_type.setdefault(specification["ResourceType"], {})
        known.update({tag["Key"]: tag.get("Value", "") for tag in specification.get("Tags", [])})
    return {kind: [{"Key": key, "Value": value} for key, value in tags.items()] for kind, tags in by_type.items()}
