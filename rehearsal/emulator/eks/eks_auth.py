"""EKS Auth: credentials of a role for a pod, in exchange for its token.

The service behind EKS Pod Identity. It believes the cluster's signature, looks
for the association of the token's service account, and assumes the role as
pods.eks.amazonaws.com, with tags that say for whom.

API: "Amazon EKS Auth API Reference"; tags and trust: EKS User Guide, "How EKS
Pod Identity works" and "Grant Pods access to AWS resources based on tags";
texts as they were seen in public reports. All seen 2026-11.
"""

import logging
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from rehearsal.emulator import rest_json_server
from rehearsal.emulator.eks.pod_identity_webhook import POD_IDENTITY_AUDIENCE
from rehearsal.emulator.eks.state import Cluster, Clusters
from rehearsal.emulator.eks.tokens import Expired, ServiceAccountToken, TokenRefused, Tokens
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Assumption, Backend

log = logging.getLogger(__name__)

SERVICE: Final = "eks-auth"
SESSION_SECONDS: Final = 6 * 3600
"""How long a pod's credentials hold."""


class EksAuth:
    """Answers EKS Auth's one operation; IAM has let the caller pass."""

    def __init__(self, backend: Backend, calls: Calls, clusters: Clusters, tokens: Tokens) -> None:
        """Adds the service to ministack's."""
        self._backend = backend
        self._clusters = clusters
        self._tokens = tokens
        self._wire = rest_json_server.RestJson(calls.model(SERVICE))
        backend.add(SERVICE, self._handle, like="eks")

    async def _handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        del headers
        try:
            request = self._wire.read(method, path, query, body)
            if request is None:
                raise AwsError("InvalidRequestException", f"EKS Auth has no operation {method} {path}.")
            response = rest_json_server.answer(await self._assume_role(request[1]))
        except AwsError as error:
            response = rest_json_server.failure(error)
        except Exception as error:
            # Whatever it was, the client gets the service's form of it.
            log.exception("EKS Auth %s failed", path)
            response = rest_json_server.failure(AwsError("InternalServerException", str(error), 500))
        return response.status, response.headers, response.body

    async def _assume_role(self, params: dict[str, Any]) -> dict[str, Any]:
        """AssumeRoleForPodIdentity."""
        name = params["clusterName"]
        cluster = self._clusters.all.get(name)
        if cluster is None:
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        token = await self._verified(params["token"], cluster)
        association = _association(cluster, token)
        role = self._backend.role(association["roleArn"])
        tags = {} if association["disableSessionTags"] else session_tags(cluster.view["arn"], cluster.name, token)
        wanted = ["sts:AssumeRole", "sts:TagSession"] if tags else ["sts:AssumeRole"]
        keys = {"aws:SourceAccount": self._backend.settings.account_id, "aws:SourceArn": cluster.view["arn"]}
        asked = [Assumption(POD_IDENTITY_AUDIENCE, action, keys, tags) for action in wanted]
        if role is None or not all(self._backend.may_assume(role, each) for each in asked):
            raise AwsError(
                "AccessDeniedException",
                "Unauthorized Exception! EKS does not have permissions to assume the associated role.",
            )
        session = self._backend.open_session(
            role,
            session_name(cluster.name, token.pod_name),
            SESSION_SECONDS,
            tags,
            # A role that the pod's session assumes inherits all of them.
            {"TransitiveTagKeys": list(tags)},
        )
        return {
            "subject": {"namespace": token.namespace, "serviceAccount": token.service_account},
            "audience": POD_IDENTITY_AUDIENCE,
            "podIdentityAssociation": {
                "associationArn": association["associationArn"],
                "associationId": association["associationId"],
            },
            "assumedRoleUser": {"arn": session.arn, "assumeRoleId": session.user_id},
            "credentials": {
                "accessKeyId": session.access_key_id,
                "secretAccessKey": session.secret_access_key,
                "sessionToken": session.session_token,
                "expiration": session.expiration,
            },
        }

    async def _verified(self, text: str, cluster: Cluster) -> ServiceAccountToken:
        try:
            token = await self._tokens.verify(text)
        except Expired as error:
            now, until = (datetime.fromtimestamp(each, UTC) for each in (error.now, error.expiration))
            raise AwsError(
                "ExpiredTokenException",
                f"The token included in the request is expired: current date/time {_iso(now)} must be before the "
                f"expiration date/time {_iso(until)}",
            ) from error
        except TokenRefused as error:
            raise AwsError("InvalidTokenException", f"The token included in the request is invalid: {error}") from error
        if token.issuer != cluster.view["identity"]["oidc"]["issuer"]:
            raise AwsError("InvalidTokenException", "The token included in the request is not of this cluster.")
        if POD_IDENTITY_AUDIENCE not in token.audiences:
            raise AwsError("InvalidTokenException", "The token included in the request has a wrong audience.")
        if not token.pod_name:
            raise AwsError("InvalidTokenException", "The token included in the request is not bound to a pod.")
        return token


def _association(cluster: Cluster, token: ServiceAccountToken) -> dict[str, Any]:
    for view in cluster.associations.values():
        if (view["namespace"], view["serviceAccount"]) == (token.namespace, token.service_account):
            return view
    raise AwsError(
        "ResourceNotFoundException",
        f"No association found for service account {token.service_account} in namespace {token.namespace} of cluster "
        f"{cluster.name}.",
        404,
    )


def session_tags(cluster_arn: str, cluster_name: str, token: ServiceAccountToken) -> dict[str, str]:
    """The tags that EKS gives to a pod's session."""
    return {
        "eks-cluster-arn": cluster_arn,
        "eks-cluster-name": cluster_name,
        "kubernetes-namespace": token.namespace,
        "kubernetes-service-account": token.service_account,
        "kubernetes-pod-name": token.pod_name,
        "kubernetes-pod-uid": token.pod_uid,
    }


def session_name(cluster_name: str, pod_name: str) -> str:
    """EKS's name for a pod's session: at most 64 characters, the last of them unique."""
    return f"eks-{cluster_name[:10]}-{pod_name[:10]}-{uuid.uuid4()}"


def _iso(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")
