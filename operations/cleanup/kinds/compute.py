"""EC2's instances, launch templates, disks and snapshots."""

from __future__ import annotations

from collections.abc import Iterator

from clients.aws_responses import named, pages, when
from operations.cleanup import ownership
from operations.cleanup.model import ClientFactory, Kind, LabIdentity, Resource


def _instances(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for reservation in pages(client("ec2"), "describe_instances", "Reservations"):
        for instance in reservation["Instances"]:
            state = instance["State"]["Name"]
            if state == "terminated":
                continue
            tags, name = named(instance.get("Tags"))
            yield Resource(
                id=instance["InstanceId"],
                name=name,
                tags=tags,
                size=instance.get("InstanceType", ""),
                created=when(instance.get("LaunchTime")),
                vpc=instance.get("VpcId", ""),
                state=state,
                going=state == "shutting-down",
            )


def _templates(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for template in pages(client("ec2"), "describe_launch_templates", "LaunchTemplates"):
        tags, _ = named(template.get("Tags"))
        yield Resource(
            id=template["LaunchTemplateId"],
            name=template.get("LaunchTemplateName", ""),
            tags=tags,
            created=when(template.get("CreateTime")),
        )


def _volumes(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for volume in pages(client("ec2"), "describe_volumes", "Volumes"):
        tags, name = named(volume.get("Tags"))
        holders = [each for each in volume.get("Attachments", []) if each.get("DeleteOnTermination")]
        yield Resource(
            id=volume["VolumeId"],
            name=name or tags.get("kubernetes.io/created-for/pvc/name", ""),
            tags=tags,
            size=f"{volume.get('Size', 0)} GiB {volume.get('VolumeType', '')}".rstrip(),
            created=when(volume.get("CreateTime")),
            state=volume["State"],
            # A root disk goes with its instance.
            going=volume["State"] in ("deleting", "deleted") or (volume["State"] == "in-use" and bool(holders)),
            holder=holders[0].get("InstanceId", "") if holders else "",
        )


def _snapshots(client: ClientFactory, lab: LabIdentity) -> Iterator[Resource]:
    del lab
    for snapshot in pages(client("ec2"), "describe_snapshots", "Snapshots", OwnerIds=["self"]):
        tags, name = named(snapshot.get("Tags"))
        yield Resource(
            id=snapshot["SnapshotId"],
            name=name,
            tags=tags,
            size=f"{snapshot.get('VolumeSize', 0)} GiB",
            created=when(snapshot.get("StartTime")),
            state=snapshot.get("State", ""),
        )


def _end_instance(client: ClientFactory, resource: Resource) -> None:
    client("ec2").terminate_instances(InstanceIds=[resource.id])


def _delete_template(client: ClientFactory, resource: Resource) -> None:
    client("ec2").delete_launch_template(LaunchTemplateId=resource.id)


def _delete_volume(client: ClientFactory, resource: Resource) -> None:
    client("ec2").delete_volume(VolumeId=resource.id)


def _delete_snapshot(client: ClientFactory, resource: Resource) -> None:
    client("ec2").delete_snapshot(SnapshotId=resource.id)


INSTANCES = Kind(
    "instance",
    "instances",
    "ec2",
    ("ec2:DescribeInstances",),
    "billed by the hour, with disk and address",
    _instances,
    _end_instance,
    ownership.nameless,
    "aws:ec2/instance:Instance",
)
VOLUMES = Kind(
    "volume",
    "volumes",
    "ec2",
    ("ec2:DescribeVolumes",),
    "billed by its size, used or not",
    _volumes,
    _delete_volume,
    ownership.nameless,
    "aws:ebs/volume:Volume",
    data=True,
)
SNAPSHOTS = Kind(
    "snapshot",
    "snapshots",
    "ec2",
    ("ec2:DescribeSnapshots",),
    "billed by its size",
    _snapshots,
    _delete_snapshot,
    ownership.nameless,
    "aws:ebs/snapshot:Snapshot",
    data=True,
)
TEMPLATES = Kind(
    "launch template",
    "launch templates",
    "ec2",
    ("ec2:DescribeLaunchTemplates",),
    "costs nothing; the region takes 5,000",
    _templates,
    _delete_template,
    ownership.nameless,
    "aws:ec2/launchTemplate:LaunchTemplate",
)
