"""The one place that knows ministack from inside.

ministack is made to be run as a program of its own. Here it is a part: it must
not read the user's credentials, Docker daemon or init scripts, its own
administration routes must stay shut, and some of its services are replaced.
All of that leans on names that ministack does not promise to keep, so it is
gathered here and nowhere else.
"""

import asyncio
import importlib
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import quote

from rehearsal.aws import asgi
from rehearsal.aws.settings import Settings

KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")
"""What the emulator keeps of its starter's environment."""

Params = dict[str, list[str]]
Handler = Callable[[str, str, dict[str, str], bytes, Params], Awaitable[tuple[int, dict[str, str], bytes]]]
"""ministack's service handler: (method, path, headers, body, query) -> (status, headers, body)."""


@dataclass(frozen=True)
class Caller:
    """Who signed a request, as IAM knows them."""

    arn: str
    """An IAM user's or a role session's ARN."""
    principal_id: str
    """AIDA… for a user, AROA…:session for a role session."""
    account_id: str
    access_key_id: str


def clean_environment(settings: Settings) -> None:
    """Leave in this process's environment only what ministack may see, and what it shall see."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(
        {
            "AUTH": "true",
            "MINISTACK_ACCOUNT_ID": settings.account_id,
            "MINISTACK_REGION": settings.region,
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(settings.port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "0",
            "LOG_LEVEL": "WARNING",
            # ministack would take these as the account root's keys, unverified. Without them it
            # falls back to a guessable name, so they hold a secret that nobody is told.
            "AWS_ACCESS_KEY_ID": settings.secret,
            "AWS_SECRET_ACCESS_KEY": settings.secret,
            # A socket that does not exist: the user's Docker daemon, if any, is none of our business.
            "DOCKER_HOST": f"unix://{settings.dir / 'no-docker.sock'}",
            # botocore must not look for credentials of an instance that this process does not run on.
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )


class Backend:
    """ministack in this process, with the account root's rights for the emulator's own parts."""

    def __init__(self, settings: Settings) -> None:
        """Imports ministack: call `clean_environment` before."""
        self.settings = settings
        self._app_module: Any = importlib.import_module("ministack.app")
        self.app = cast(asgi.App, self._app_module.app)

    def on_start(self) -> None:
        """Call in the running event loop, in the place of ministack's own start.

        Its own would run init scripts found on this machine and look for Docker containers to remove.
        """
        self._app_module._MAIN_LOOP = asyncio.get_running_loop()

    def handler(self, service: str) -> Handler:
        """ministack's handler of a service; IAM has been enforced when it is called."""
        return self._app_module.SERVICE_HANDLERS[service]

    def replace(self, service: str, handler: Handler) -> None:
        """Let `handler` answer a service's calls; ministack goes on enforcing IAM before it."""
        self._app_module.SERVICE_HANDLERS[service] = handler

    def module(self, service: str) -> Any:
        """A service's module, whose stores hold its records."""
        return importlib.import_module(f"ministack.services.{service}")

    def records(self, service: str, store: str) -> MutableMapping[str, dict[str, Any]]:
        """One of a service's stores, of the account and region of the request that is being answered."""
        return getattr(self.module(service), store)

    @property
    def instances(self) -> MutableMapping[str, dict[str, Any]]:
        """EC2's instances by id; a change shows in ministack's answers."""
        return self.records("ec2", "_instances")

    @property
    def volumes(self) -> MutableMapping[str, dict[str, Any]]:
        """EBS volumes by id."""
        return self.records("ec2", "_volumes")

    @property
    def addresses(self) -> MutableMapping[str, dict[str, Any]]:
        """Elastic IP addresses by allocation id."""
        return self.records("ec2", "_addresses")

    @property
    def security_groups(self) -> MutableMapping[str, dict[str, Any]]:
        """Security groups by id."""
        return self.records("ec2", "_security_groups")

    def fail_peering(self, peering_id: str) -> None:
        """Mark a peering connection as one that could not be made."""
        ec2 = self.module("ec2")
        ec2._set_vpc_peering_status(ec2._vpc_peering[peering_id], "failed", "Failed due to overlapping CIDR ranges")

    def caller(self, headers: Mapping[str, str], query: Params) -> Caller | None:
        """Who signed this request; None for the emulator's own calls. The signature has been checked."""
        router: Any = importlib.import_module("ministack.core.router")
        evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
        key: str = router.extract_access_key_id(headers, query)
        if evaluator.is_root_access_key(key):
            return None
        found = evaluator.resolve_credential(key)
        if isinstance(found, evaluator.CredentialResolutionError):
            return None
        return Caller(found.principal_arn, found.principal_id, found.account_id, key)

    def region_of(self, headers: Mapping[str, str], query: Params) -> str:
        """The region that a request was signed for."""
        router: Any = importlib.import_module("ministack.core.router")
        return router.extract_region(headers, query)

    def add_managed_policy(self, name: str, document: str, description: str) -> None:
        """Publish an AWS managed policy that ministack does not bring; `name` holds its path, if any."""
        iam = self.module("iam")
        record = iam._make_aws_managed_record(name, document, description)
        iam._aws_managed_policies[f"arn:aws:iam::aws:policy/{name}"] = record

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> asgi.Response:
        """Put a request to ministack without a socket, exactly as given."""
        scope: asgi.Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": quote(path, safe="/%").encode(),
            "query_string": query.encode(),
            "headers": [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in (headers or {}).items()],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", self.settings.port),
        }
        # ministack keeps the request's account and signature in context variables; a task of its own
        # has its own, so that a call made while another is answered does not change that one's.
        return await asyncio.create_task(asgi.call(self.app, scope, body))

    def root_authorization(self, service: str, region: str) -> str:
        """An Authorization header that ministack takes for the account root's; the gate refuses it from outside."""
        scope = f"{self.settings.account_id}/20260101/{region}/{service}/aws4_request"
        return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
