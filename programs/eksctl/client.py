"""AWS and the cluster's API server, as whoever the shell's AWS credentials are.

eksctl reads no kubeconfig: it asks EKS where the cluster is, and signs its own token.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from threading import Event
from typing import Any, Final

from programs.cluster import Stopped

_NOT_FOUND: Final = 404


class Kubernetes:
    """The cluster's API server."""

    def __init__(self, server: Any) -> None:
        """`server` is an `grading.kube_api.ApiServer`."""
        self._server = server

    def get(self, path: str) -> dict[str, Any] | None:
        """An object; None where there is none. Raises Stopped."""
        return self._send("GET", path, None, absent=True)

    def create(self, path: str, body: object) -> None:
        """Make an object in the collection at `path`. Raises Stopped."""
        self._send("POST", path, body)

    def replace(self, path: str, body: object) -> None:
        """Put another object in the place of the one that was read. Raises Stopped."""
        self._send("PUT", path, body)

    def delete(self, path: str) -> None:
        """Delete an object. Raises Stopped."""
        self._send("DELETE", path, None)

    def _send(self, method: str, path: str, body: object, *, absent: bool = False) -> Any:
        from grading.outcomes import Done, HttpRefused

        outcome = self._server.request(method, path, body)
        if isinstance(outcome, Done):
            return outcome.value
        if isinstance(outcome, HttpRefused):
            if absent and outcome.status == _NOT_FOUND:
                return None
            raise Stopped(outcome.message)
        raise Stopped(outcome.shown)


@dataclass(frozen=True)
class Client:
    """AWS with the caller's credentials."""

    region_asked: str = ""
    profile: str = ""

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.Session(profile_name=self.profile or None, region_name=self.region_asked or None)

    @property
    def region(self) -> str:
        """The region that is asked. Raises Stopped where none is set."""
        region: str | None = self._session.region_name
        if not region:
            raise Stopped("AWS Region must be set. Add --region, or set AWS_REGION")
        return region

    @cache  # noqa: B019  # one of these a process
    def aws(self, service: str) -> Any:
        """boto3's client for a service."""
        return self._session.client(service, region_name=self.region)

    def cluster(self, name: str) -> dict[str, Any]:
        """What EKS says of a cluster. Raises Stopped."""
        try:
            return self.aws("eks").describe_cluster(name=name)["cluster"]
        except self.aws("eks").exceptions.ClientError as error:
            raise Stopped(f"unable to describe cluster control plane: {refused(error)}") from error

    @contextmanager
    def kubernetes(self, cluster: Mapping[str, Any]) -> Generator[Kubernetes]:
        """The API server of a cluster as EKS describes it. Raises Stopped."""
        import base64

        from grading import kube_api, tokens
        from grading.endpoint import Endpoint, certificate_file

        keys = self._session.get_credentials()
        if keys is None:
            raise Stopped("There are no AWS credentials. Start lab shell again, or run aws configure.")
        frozen = keys.get_frozen_credentials()
        key = tokens.SessionKey(frozen.access_key, frozen.secret_key, frozen.token)
        sts: str = self.aws("sts").meta.endpoint_url
        token = tokens.for_cluster(key, cluster["name"], region=self.region, sts=sts)
        ca = base64.b64decode(cluster["certificateAuthority"]["data"])
        endpoint = Endpoint(cluster["endpoint"].rstrip("/"), ca, ())
        with certificate_file(endpoint) as file:
            yield Kubernetes(kube_api.Client(endpoint, file, lambda: token, Event()))


def refused(error: Any) -> str:
    """botocore's ClientError in the words of the SDK that eksctl has."""
    said = error.response.get("Error") or {}
    return f"operation error {error.operation_name}, {said.get('Code')}: {said.get('Message')}"
