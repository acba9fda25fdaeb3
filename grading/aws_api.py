"""AWS, asked in this process: as the operator, with testuser's key, or unsigned.

One place turns boto3's exceptions into outcomes; nothing is retried or judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any, Final, Literal, Protocol

from grading.outcomes import Done, Outcome, Unanswered, aws_error
from grading.tokens import Key, SessionKey

OPERATOR: Final = "operator"
UNSIGNED: Final = "unsigned"

Signer = Key | Literal["operator", "unsigned"]
"""Who signs a call: a key, the operator's own credentials, or nobody."""


class Aws(Protocol):
    """What the exercises need of AWS."""

    def call(self, service: str, operation: str, signer: Signer = "operator", **params: Any) -> Outcome:
        """Call an operation, named as in boto3; the outcome's value is the parsed answer."""
        ...

    def operator_key(self) -> Key | Unanswered:
        """The operator's key, as their kubeconfig uses it."""
        ...

    @property
    def sts(self) -> str:
        """URL of the region's STS."""
        ...


class Boto:
    """AWS by boto3. Safe to use from several threads."""

    def __init__(self, region: str, profile: str | None = None, role: str | None = None) -> None:
        """Where the kubeconfig names a profile or a role to enter by, those are used for `operator_key` alone."""
        self._region, self._profile, self._role = region, profile, role
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = Lock()
        self._session: Any = None

    @property
    def sts(self) -> str:
        """URL of the region's STS."""
        return str(self._client("sts", UNSIGNED).meta.endpoint_url)

    def call(self, service: str, operation: str, signer: Signer = "operator", **params: Any) -> Outcome:
        """Call an operation, named as in boto3; the outcome's value is the parsed answer."""
        from botocore.exceptions import BotoCoreError, ClientError

        name = operation
        try:
            client = self._client(service, signer)
            name = client.meta.method_to_api_mapping[operation]
            return Done(getattr(client, operation)(**params), "allowed")
        except ClientError as error:
            said = error.response.get("Error", {})
            return aws_error(said.get("Code", "Unknown"), name, said.get("Message", ""))
        except BotoCoreError as error:
            return Unanswered(f"AWS could not be asked for {name}: {error}")

    def operator_key(self) -> Key | Unanswered:
        """The operator's key, as their kubeconfig uses it."""
        import boto3
        from botocore.exceptions import BotoCoreError

        try:
            with self._lock:
                session = boto3.Session(profile_name=self._profile, region_name=self._region)
                found = session.get_credentials()
        except BotoCoreError as error:
            return Unanswered(f"There are no AWS credentials: {error}")
        if found is None:
            return Unanswered("There are no AWS credentials. Log in to AWS, then ask again.")
        frozen = found.get_frozen_credentials()
        key = SessionKey(frozen.access_key, frozen.secret_key, frozen.token)
        return self._as_role(key) if self._role else key

    def _as_role(self, key: Key) -> Key | Unanswered:
        answer = self.call("sts", "assume_role", key, RoleArn=self._role, RoleSessionName="lab-check")
        if not isinstance(answer, Done):
            return Unanswered(f"The role of the stack's kubeconfig cannot be taken: {answer.shown}")
        got: Mapping[str, str] = answer.value["Credentials"]
        return SessionKey(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])

    def _client(self, service: str, signer: Signer) -> Any:
        """A client; making one is not thread-safe, using one is."""
        import boto3
        from botocore import UNSIGNED as NOT_SIGNED
        from botocore.config import Config

        who = signer if isinstance(signer, str) else signer.access_key_id
        with self._lock:
            if (service, who) not in self._clients:
                if self._session is None:
                    self._session = boto3.Session(region_name=self._region)
                settings: dict[str, Any] = {
                    "connect_timeout": 5,
                    "read_timeout": 20,
                    "retries": {"mode": "standard", "total_max_attempts": 3},
                }
                keys: dict[str, Any] = {}
                if signer == UNSIGNED:
                    settings["signature_version"] = NOT_SIGNED
                elif not isinstance(signer, str):
                    keys = {
                        "aws_access_key_id": signer.access_key_id,
                        "aws_secret_access_key": signer.secret_access_key,
                        "aws_session_token": getattr(signer, "session_token", None),
                    }
                self._clients[service, who] = self._session.client(service, config=Config(**settings), **keys)
            return self._clients[service, who]
