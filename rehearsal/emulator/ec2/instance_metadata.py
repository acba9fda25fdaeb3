"""An instance's metadata service (IMDS), as what runs on the instance finds it.

On AWS it is at 169.254.169.254 and knows who asks by where the question comes
from. Here it is a path of the emulator's that only that place gets; how far
away the place is decides, as on AWS, whether the token of IMDSv2 gets there.

Amazon EC2 User Guide, "Access instance metadata for an EC2 instance", "Instance
metadata categories" and "Retrieve security credentials", seen 2026-11.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from rehearsal.emulator.asgi import Response
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Assumption, Backend, Session

TTL: Final = "x-aws-ec2-metadata-token-ttl-seconds"
TOKEN: Final = "x-aws-ec2-metadata-token"  # noqa: S105  # a header's name
LONGEST: Final = 21600
"""Seconds that a token of IMDSv2 may live."""
SESSION_SECONDS: Final = 6 * 3600
"""How long an instance's credentials hold."""
RENEW_BEFORE: Final = 300
"""Seconds before their end at which there are new ones."""


@dataclass(frozen=True)
class Place:
    """Something that runs on an instance."""

    instance_id: str
    role_arn: str
    """The instance profile's role."""
    hops: int
    """1 on the instance's own network, 2 in a pod's."""


class Metadata:
    """Answers for every instance."""

    def __init__(self, backend: Backend, calls: Calls) -> None:
        """`calls` tells of instances, `backend` opens their roles' sessions."""
        self._backend = backend
        self._calls = calls
        self._secret = secrets.token_bytes(32)
        self._sessions: dict[tuple[str, str], Session] = {}
        """By instance and the role's unique id."""

    async def reaches(self, place: Place) -> bool:
        """Whether a client that does as AWS's do gets anything at all."""
        options = (await self._instance(place) or {}).get("MetadataOptions") or {}
        if options.get("HttpEndpoint") != "enabled":
            return False
        return options["HttpTokens"] == "optional" or options["HttpPutResponseHopLimit"] >= place.hops

    async def answer(self, place: Place, method: str, path: str, headers: Mapping[str, str]) -> Response | None:
        """The answer to a request ("latest/…"); None: nothing ever comes."""
        instance = await self._instance(place)
        if instance is None:
            return None
        options = instance["MetadataOptions"]
        if options["HttpEndpoint"] != "enabled":
            return _text("Forbidden", 403)
        if method == "PUT" and path == "latest/api/token":
            if "x-forwarded-for" in headers:
                return _text("Forbidden", 403)
            # The limit is on the answer to this request alone.
            return self._new_token(place, headers) if options["HttpPutResponseHopLimit"] >= place.hops else None
        if method != "GET":
            return _text("Method Not Allowed", 405)
        shown = headers.get(TOKEN)
        if not self._holds(place, shown) if shown else options["HttpTokens"] == "required":
            return _text("Unauthorized", 401)
        return self._show(place, instance, path)

    async def _instance(self, place: Place) -> dict[str, Any] | None:
        try:
            found = await self._calls("ec2", "DescribeInstances", InstanceIds=[place.instance_id])
        except AwsError:
            return None
        instance = found["Reservations"][0]["Instances"][0] if found["Reservations"] else None
        return instance if instance and instance["State"]["Name"] == "running" else None

    def _new_token(self, place: Place, headers: Mapping[str, str]) -> Response:
        wanted = headers.get(TTL, "")
        if not wanted.isascii() or not wanted.isdigit() or not 1 <= int(wanted) <= LONGEST:
            return _text("Bad Request", 400)
        return Response(200, {"content-type": "text/plain", TTL: wanted}, self._token(place, int(wanted)).encode())

    def _token(self, place: Place, seconds: int) -> str:
        until = int(time.time()) + seconds
        return f"{until}-{self._seal(place, until)}"

    def _holds(self, place: Place, token: str) -> bool:
        until, _, seal = token.partition("-")
        if not until.isascii() or not until.isdigit() or int(until) < time.time():
            return False
        return hmac.compare_digest(seal.encode(), self._seal(place, int(until)).encode())

    def _seal(self, place: Place, until: int) -> str:
        return hmac.new(self._secret, f"{place.instance_id}/{until}".encode(), hashlib.sha256).hexdigest()

    def _show(self, place: Place, instance: Mapping[str, Any], path: str) -> Response:
        role = self._backend.role(place.role_arn)
        leaves = _leaves(instance, self._backend.settings.account_id, self._backend.settings.region)
        if role is not None:
            leaves[f"meta-data/iam/security-credentials/{role['RoleName']}"] = ""
            if path == f"latest/meta-data/iam/security-credentials/{role['RoleName']}":
                return _text(json.dumps(self._credentials(place, role["RoleName"]), indent=2))
        wanted = path.removeprefix("latest/") if path.startswith("latest/") else path
        if wanted in leaves:
            return _text(leaves[wanted])
        directory = wanted if wanted.endswith("/") else f"{wanted}/"
        below = [name.removeprefix(directory) for name in leaves if name.startswith(directory)]
        names = {f"{name.partition('/')[0]}/" if "/" in name else name for name in below}
        return _text("\n".join(sorted(names))) if names else _text("Not Found", 404)

    def _credentials(self, place: Place, role_name: str) -> dict[str, str]:
        """The role's credentials for this instance: the same until they come to their end."""
        now = datetime.now(UTC)
        session = self.session(place)
        if session is None:
            return {
                "Code": "AssumeRoleUnauthorizedAccess",
                "Message": f"EC2 cannot assume the role {role_name}. Please see documentation at "
                "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html"
                "#troubleshoot_iam-ec2_errors-info-doc.",
                "LastUpdated": _iso(now),
            }
        return {
            "Code": "Success",
            "LastUpdated": _iso(now),
            "Type": "AWS-HMAC",
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "Token": session.session_token,
            "Expiration": _iso(datetime.fromtimestamp(session.expiration, UTC)),
        }

    def session(self, place: Place) -> Session | None:
        """The instance's session of its role, named by the instance; None when EC2 may not assume the role."""
        role = self._backend.role(place.role_arn)
        if role is None or not self._backend.may_assume(role, Assumption("ec2.amazonaws.com", "sts:AssumeRole")):
            return None
        key = (place.instance_id, role["RoleId"])
        session = self._sessions.get(key)
        if session is None or session.expiration - RENEW_BEFORE < time.time() or not self._backend.is_open(session):
            session = self._backend.open_session(role, place.instance_id, SESSION_SECONDS)
            self._sessions[key] = session
        return session

    def forget(self, instance_id: str) -> None:
        """An instance is gone."""
        for key in [key for key in self._sessions if key[0] == instance_id]:
            del self._sessions[key]


def _leaves(instance: Mapping[str, Any], account_id: str, region: str) -> dict[str, str]:
    """What an instance's metadata holds, by path below latest/; credentials apart."""
    zone, name = instance["Placement"]["AvailabilityZone"], instance["PrivateDnsName"]
    values = {
        "ami-id": instance["ImageId"],
        "hostname": name,
        "instance-id": instance["InstanceId"],
        "instance-life-cycle": instance.get("InstanceLifecycle", "on-demand"),
        "instance-type": instance["InstanceType"],
        "local-hostname": name,
        "local-ipv4": instance["PrivateIpAddress"],
        "placement/availability-zone": zone,
        "placement/availability-zone-id": instance["Placement"].get("AvailabilityZoneId", ""),
        "placement/region": region,
        "public-hostname": instance.get("PublicDnsName", ""),
        "public-ipv4": instance.get("PublicIpAddress", ""),
        "services/domain": "amazonaws.com",
        "services/partition": "aws",
    }
    for interface in instance.get("NetworkInterfaces") or ():
        inside = f"network/interfaces/macs/{interface['MacAddress']}"
        values |= {f"{inside}/subnet-id": interface["SubnetId"], f"{inside}/vpc-id": interface["VpcId"]}
        if interface["Attachment"]["DeviceIndex"] == 0:
            values["mac"] = interface["MacAddress"]
    document = {
        "accountId": account_id,
        "architecture": instance.get("Architecture", "x86_64"),
        "availabilityZone": zone,
        "imageId": instance["ImageId"],
        "instanceId": instance["InstanceId"],
        "instanceType": instance["InstanceType"],
        "privateIp": instance["PrivateIpAddress"],
        "region": region,
        "version": "2017-09-30",
    }
    found = {f"meta-data/{key}": value for key, value in values.items() if value}
    return {**found, "dynamic/instance-identity/document": json.dumps(document, indent=2)}


def _text(content: str, status: int = 200) -> Response:
    return Response(status, {"content-type": "text/plain"}, content.encode())


def _iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
