"""The EKS Pod Identity agent of a node: hands a pod's token to EKS Auth, and the answer to the pod.

On EKS a DaemonSet that the add-on eks-pod-identity-agent installs, at
169.254.170.23 on every node; it calls EKS Auth with the node's own role. The
real one keeps credentials for up to three hours. This one asks every time, so
that a changed association shows at once.

After eks-pod-identity-agent (internal/validation, pkg/handlers, pkg/errors; 2026).
"""

import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import jwt
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from rehearsal.emulator.asgi import Response, json_response
from rehearsal.emulator.eks.eks_auth import SERVICE
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend, Session

ADDON: Final = "eks-pod-identity-agent"


class PodIdentityAgent:
    """Answers on every node that the add-on runs on."""

    def __init__(self, backend: Backend, calls: Calls) -> None:
        """`backend` carries its calls to EKS Auth."""
        self._backend = backend
        self._operation = calls.model(SERVICE).operation_model("AssumeRoleForPodIdentity")
        self._calls = calls

    async def answer(
        self, cluster_name: str, node: Session | None, method: str, path: str, headers: Mapping[str, str]
    ) -> Response:
        """The answer to a pod; `node` is the session of the node's role, None when it has none."""
        if method != "GET" or path != "v1/credentials":
            return _plain("404 page not found", 404)
        token = headers.get("authorization", "")
        if problem := _problem(token):
            return _plain(problem, 400)
        if node is None:
            return _plain("unable to fetch credentials from EKS Auth: the node has no credentials", 500)
        try:
            granted = await self._ask(cluster_name, node, token)
        except AwsError as error:
            fault = "server" if error.status >= 500 else "client"
            return _plain(f"[{uuid.uuid4()}]: ({error.code}): {error.message}, fault: {fault}", error.status)
        credentials = granted["credentials"]
        expiration: datetime = credentials["expiration"]
        return json_response(
            {
                "AccessKeyId": credentials["accessKeyId"],
                "SecretAccessKey": credentials["secretAccessKey"],
                "Token": credentials["sessionToken"],
                "AccountId": granted["assumedRoleUser"]["arn"].split(":")[4],
                "Expiration": expiration.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )

    async def _ask(self, cluster_name: str, node: Session, token: str) -> dict[str, Any]:
        """EKS Auth's answer to a call that the node's role has signed."""
        settings = self._backend.settings
        path = f"/clusters/{cluster_name}/assume-role-for-pod-identity"
        body = json.dumps({"token": token}).encode()
        headers = {"Content-Type": "application/json", "Host": settings.host}
        request = AWSRequest("POST", f"{settings.endpoint}{path}", headers=headers, data=body)
        key = Credentials(node.access_key_id, node.secret_access_key, node.session_token)
        SigV4Auth(key, SERVICE, settings.region).add_auth(request)
        answer = await self._backend.request("POST", path, headers=dict(request.headers), body=body)
        return self._calls.parse(self._operation, answer.status, answer.headers, answer.body)


def _problem(token: str) -> str:
    """What the agent itself finds wrong with a token, whose signature it does not check."""
    if not token:
        return "Service account token cannot be empty"
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        return f"Service account token cannot be parsed: {error}"
    expiration = claims.get("exp")
    if isinstance(expiration, int) and time.time() > expiration:
        return "Service account token failed basic claim validations: token is expired"
    return ""


def _plain(text: str, status: int) -> Response:
    return Response(status, {"content-type": "text/plain; charset=utf-8"}, f"{text}\n".encode())
