"""Functions that a program may ask before or beside its resources.

Names and results: the AWS SDK's `get_*` functions of the pinned version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.providers.aws.api_shapes import pick, tag_map
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.iam_roles import policy_text, timestamp
from rehearsal.providers.properties import Properties, Secret
from rehearsal.providers.protocol import ProviderError

_DNS_SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}


@dataclass(frozen=True)
class Function:
    """Arguments by name (beside `region`) with their shapes as in the schema, and what answers."""

    run: Callable[[Call, Properties], Properties]
    arguments: Mapping[str, Any]
    required: tuple[str, ...] = ()


def _caller_identity(call: Call, args: Properties) -> Properties:
    identity = call.client("sts").get_caller_identity()
    found = {"accountId": identity["Account"], "arn": identity["Arn"], "userId": identity["UserId"]}
    return {**found, "id": args.get("id") or identity["Account"]}


def _partition(call: Call, args: Properties) -> Properties:
    name = call.aws.partition
    suffix = _DNS_SUFFIXES[name]
    reverse = ".".join(reversed(suffix.split(".")))
    return {"partition": name, "dnsSuffix": suffix, "reverseDnsPrefix": reverse, "id": args.get("id") or name}


def _region(call: Call, args: Properties) -> Properties:
    name = args.get("region") or args.get("name") or args.get("id") or call.region
    endpoint = f"ec2.{name}.amazonaws.com"
    if args.get("endpoint"):
        name = args["endpoint"].split(".")[1]
        endpoint = args["endpoint"]
    return {"id": name, "name": name, "region": name, "endpoint": endpoint, "description": _described(name)}


def _described(region: str) -> str:
    """The region's name for people, from botocore's data."""
    from botocore.session import Session

    for known in Session().get_data("endpoints")["partitions"]:
        if region in known["regions"]:
            return known["regions"][region]["description"]
    raise ProviderError(f"no region {region} is known. Name an existing region.")


def _availability_zones(call: Call, args: Properties) -> Properties:
    filters = [{"Name": f["name"], "Values": f["values"]} for f in args.get("filters", [])]
    if args.get("state"):
        filters.append({"Name": "state", "Values": [args["state"]]})
    found = call.ec2.describe_availability_zones(
        Filters=filters, **({"AllAvailabilityZones": True} if args.get("allAvailabilityZones") else {})
    )["AvailabilityZones"]
    out = {*args.get("excludeNames", [])}, {*args.get("excludeZoneIds", [])}
    zones = sorted(
        (zone for zone in found if zone["ZoneName"] not in out[0] and zone["ZoneId"] not in out[1]),
        key=lambda zone: zone["ZoneName"],
    )
    groups = {zone.get("GroupName") or call.region for zone in zones}
    return {
        **args,
        "id": call.region,
        "region": call.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted(groups),
    }


def _parameter(call: Call, args: Properties) -> Properties:
    decrypt = args.get("withDecryption", True)
    parameter = call.client("ssm").get_parameter(Name=args["name"], WithDecryption=decrypt)["Parameter"]
    secure = parameter["Type"] == "SecureString"
    return {
        "id": parameter["Name"],
        "name": parameter["Name"],
        "arn": parameter.get("ARN", ""),
        "type": parameter["Type"],
        "value": Secret(parameter["Value"]),
        "insecureValue": "" if secure else parameter["Value"],
        "version": parameter.get("Version", 0),
        "withDecryption": decrypt,
        "region": call.region,
    }


def _addon_version(call: Call, args: Properties) -> Properties:
    found = call.all_pages(
        "eks",
        "describe_addon_versions",
        "addons",
        addonName=args["addonName"],
        kubernetesVersion=args["kubernetesVersion"],
    )
    versions = [version for addon in found for version in addon["addonVersions"]]
    for version in versions:  # newest first, as EKS lists them
        defaults = [c for c in version.get("compatibilities", []) if c.get("defaultVersion")]
        if args.get("mostRecent") or defaults:
            known = {key: args[key] for key in ("addonName", "kubernetesVersion", "mostRecent") if key in args}
            return {**known, "id": args["addonName"], "version": version["addonVersion"], "region": call.region}
    raise ProviderError(
        f"EKS has no version of the add-on {args['addonName']} for Kubernetes {args['kubernetesVersion']}. "
        f"Choose another version of Kubernetes."
    )


def _cluster_versions(call: Call, args: Properties) -> Properties:
    asked = {key: args[key] for key in ("clusterType", "defaultOnly", "includeAll", "versionStatus") if key in args}
    if args.get("clusterVersionsOnlies"):
        asked["clusterVersions"] = args["clusterVersionsOnlies"]
    found = call.all_pages("eks", "describe_cluster_versions", "clusterVersions", **asked)
    names = ("clusterType", "clusterVersion", "defaultPlatformVersion", "defaultVersion")
    versions = [
        {
            **{name: version[name] for name in names if name in version},
            "versionStatus": version.get("versionStatus", ""),
            "endOfStandardSupportDate": timestamp(version.get("endOfStandardSupportDate")),
            "endOfExtendedSupportDate": timestamp(version.get("endOfExtendedSupportDate")),
            "releaseDate": timestamp(version.get("releaseDate")),
        }
        for version in found
    ]
    return {**args, "clusterVersions": versions, "region": call.region}


def _role(call: Call, args: Properties) -> Properties:
    role = call.iam.get_role(RoleName=args["name"])["Role"]
    return {
        **pick(role, "arn", "path", name="RoleName", uniqueId="RoleId"),
        "id": role["RoleName"],
        "assumeRolePolicy": policy_text(role["AssumeRolePolicyDocument"]),
        "createDate": timestamp(role.get("CreateDate")),
        "description": role.get("Description", ""),
        "maxSessionDuration": role.get("MaxSessionDuration", 3600),
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
        "roleLastUseds": [],
        "tags": tag_map(role.get("Tags")),
    }


_STRINGS = {"list": "string"}
_FILTERS = {"list": {"inputs": {"name": "string", "values": _STRINGS}, "required": ["name", "values"]}}

FUNCTIONS: Mapping[str, Function] = {
    "aws:index/getCallerIdentity:getCallerIdentity": Function(_caller_identity, {"id": "string"}),
    "aws:index/getPartition:getPartition": Function(_partition, {"id": "string"}),
    "aws:index/getRegion:getRegion": Function(_region, {"endpoint": "string", "id": "string", "name": "string"}),
    "aws:index/getAvailabilityZones:getAvailabilityZones": Function(
        _availability_zones,
        {
            "allAvailabilityZones": "boolean",
            "excludeNames": _STRINGS,
            "excludeZoneIds": _STRINGS,
            "filters": _FILTERS,
            "state": "string",
        },
    ),
    "aws:ssm/getParameter:getParameter": Function(
        _parameter, {"name": "string", "withDecryption": "boolean"}, ("name",)
    ),
    "aws:eks/getAddonVersion:getAddonVersion": Function(
        _addon_version,
        {"addonName": "string", "kubernetesVersion": "string", "mostRecent": "boolean"},
        ("addonName", "kubernetesVersion"),
    ),
    "aws:eks/getClusterVersions:getClusterVersions": Function(
        _cluster_versions,
        {
            "clusterType": "string",
            "clusterVersionsOnlies": _STRINGS,
            "defaultOnly": "boolean",
            "includeAll": "boolean",
            "versionStatus": "string",
        },
    ),
    "aws:iam/getRole:getRole": Function(_role, {"name": "string"}, ("name",)),
}
"""Token → function."""
