"""The two webhooks of a cluster's API server: who is this token, and may this user do that?

Brings the facts (STS's answer, access entries, aws-auth, an instance's name)
to the decisions in `authenticator` and `access_policies`.
"""

import logging
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.emulator.eks import aws_auth
from rehearsal.emulator.eks.access_policies import Request, allowing
from rehearsal.emulator.eks.iam_authenticator import (
    PREFIX,
    Entrance,
    Entry,
    Identity,
    Refused,
    Token,
    Unmapped,
    User,
    denied,
    enter,
    find_entry,
    find_in_aws_auth,
    granted,
    read_token,
    without_path,
)
from rehearsal.emulator.eks.state import AccessEntry, Cluster
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend

log = logging.getLogger(__name__)


class EntranceControl:
    """Answers TokenReviews and SubjectAccessReviews."""

    def __init__(self, backend: Backend, calls: Calls) -> None:
        """`backend` is asked who signed a token."""
        self._backend = backend
        self._calls = calls

    async def authenticate(self, cluster: Cluster, review: dict[str, Any]) -> dict[str, Any]:
        """A TokenReview with its status; a token that is not for us is simply not authenticated."""
        token = (review.get("spec") or {}).get("token", "")
        try:
            user = await self._enter(cluster, token)
            status = user.status()
            cluster.authenticator_log.append(granted(user))
        except Refused as refused:
            status: dict[str, Any] = {"authenticated": False}
            if str(token).startswith(PREFIX):
                log.info("cluster %s refused a token: %s", cluster.name, refused)
                status["error"] = str(refused)
                cluster.authenticator_log.append(denied(refused))
        return {"apiVersion": review.get("apiVersion"), "kind": review.get("kind"), "status": status}

    async def _enter(self, cluster: Cluster, bearer: str) -> User:
        settings = self._backend.settings
        token = read_token(bearer, own_host=settings.host, region=settings.region, now=datetime.now(UTC))
        identity = await self._identify(cluster, token)
        entrance = await self._entrance(cluster, identity)
        if entrance is None:
            raise Unmapped(identity.canonical_arn)
        name = await self._private_dns_name(identity) if entrance.needs_private_dns_name else ""
        return enter(identity, entrance, name)

    async def _identify(self, cluster: Cluster, token: Token) -> Identity:
        """Send the token's request to STS, for this cluster: STS checks the signature."""
        answer = await self._backend.request(
            "GET", "/", query=token.query, headers={"Host": token.host, "x-k8s-aws-id": cluster.name}
        )
        operation = self._calls.model("sts").operation_model("GetCallerIdentity")
        try:
            found = self._calls.parse(operation, answer.status, answer.headers, answer.body)
        except AwsError as error:
            raise Refused(f"STS refused it ({error.code}: {error.message})") from error
        return Identity.of(found["Arn"], found["UserId"], found["Account"], token.access_key_id)

    async def _entrance(self, cluster: Cluster, identity: Identity) -> Entrance | None:
        """Access entries first; aws-auth only for who has none, and only where the cluster uses it."""
        mode = cluster.authentication_mode
        if mode != "CONFIG_MAP" and (entry := find_entry(identity, _entries(cluster))):
            return Entrance(entry.username, entry.groups)
        if mode == "API":
            return None
        if cluster.hidden_admin and identity.principal_id == cluster.hidden_admin:
            return Entrance("kubernetes-admin", ("system:masters",))
        return find_in_aws_auth(identity, await self._aws_auth(cluster))

    async def _aws_auth(self, cluster: Cluster) -> dict[str, str]:
        """The ConfigMap's data as it is now, so that a change shows at the next request."""
        if cluster.control_plane is None:
            return {}
        try:
            found = await cluster.control_plane.client.request("GET", aws_auth.PATH)
        except ControlPlaneError:
            # It is not there, or the API server is going down: nobody is mapped.
            return {}
        return found.get("data") or {}

    async def _private_dns_name(self, identity: Identity) -> str:
        """An instance's session is named after it."""
        if not re.fullmatch(r"i-[0-9a-f]{8,17}", identity.session_name):
            return ""
        try:
            found = await self._calls("ec2", "DescribeInstances", InstanceIds=[identity.session_name])
        except AwsError:
            return ""
        return found["Reservations"][0]["Instances"][0].get("PrivateDnsName", "")

    def authorize(self, cluster: Cluster, review: dict[str, Any]) -> dict[str, Any]:
        """A SubjectAccessReview with its status: allowed by an access policy, or no opinion."""
        spec: dict[str, Any] = review.get("spec") or {}
        entry = _entry_of(cluster, spec)
        policy = allowing(Request.of(spec), entry.policies.values()) if entry else None
        status: dict[str, Any] = {"allowed": policy is not None, "denied": False}
        if entry and policy:
            status["reason"] = f"EKS access policy: allowed by {policy} of access entry {entry.view['accessEntryArn']}"
        return {"apiVersion": review.get("apiVersion"), "kind": review.get("kind"), "status": status}


def _entries(cluster: Cluster) -> list[Entry]:
    return [
        Entry(
            principal_id=entry.principal_id,
            principal_arn=arn,
            username=entry.view["username"],
            groups=tuple(entry.view["kubernetesGroups"]),
            type=entry.view["type"],
        )
        for arn, entry in cluster.entries.items()
    ]


def _entry_of(cluster: Cluster, spec: dict[str, Any]) -> AccessEntry | None:
    """The access entry of a user whom the authenticator let in: by all that it said of the user.

    Whoever impersonates has to name the user and the extra fields, and needs RBAC's leave for both.
    """
    if cluster.authentication_mode == "CONFIG_MAP":
        return None
    # The API server hands extra keys over in lower case when they came by way of impersonation.
    extra = {unquote(name).lower(): values for name, values in (spec.get("extra") or {}).items()}

    def told(name: str) -> str:
        values = extra.get(name) or [""]
        return values[0] if len(values) == 1 else ""

    arn = told("arn")
    if not arn:
        return None
    identity = Identity(arn, arn.split(":")[4], told("principalid"), told("sessionname"), told("accesskeyid") or "-")
    entry = find_entry(identity, _entries(cluster))
    if entry is None or entry.type != "STANDARD" or identity.canonical_arn != without_path(entry.principal_arn):
        return None
    try:
        user = enter(identity, Entrance(entry.username, entry.groups))
    except Refused:
        return None
    return cluster.entries[entry.principal_arn] if user.username == spec.get("user") else None
