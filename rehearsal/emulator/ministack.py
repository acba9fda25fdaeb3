"""The one place that knows ministack from inside.

ministack is made to be run as a program of its own. Here it is a part: it must
not read the user's credentials, Docker daemon or init scripts, its own
administration routes must stay shut, and some of its services are replaced.
All of that leans on names that ministack does not promise to keep, so it is
gathered here and nowhere else.
"""

import asyncio
import importlib
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import quote

from rehearsal.emulator import asgi
from rehearsal.emulator.settings import Settings

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


@dataclass(frozen=True)
class Session:
    """Temporary credentials of a role."""

    arn: str
    """arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION."""
    user_id: str
    """AROA…:SESSION."""
    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Assumption:
    """Somebody who is no IAM user or role, and who wants to assume a role."""

    principal: str
    """A service principal ("pods.eks.amazonaws.com"), or the ARN of an OIDC provider."""
    action: str
    """As "sts:AssumeRole"."""
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    """Condition keys of the request."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Session tags."""


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
            # falls back to a guessable name, so they hold a secret that is printed nowhere.
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

    def add(self, service: str, handler: Handler, like: str) -> None:
        """Let `handler` answer a service that ministack does not have; it enforces IAM before it.

        `service` is botocore's name and the signing name; its resources are named as those of `like` are.
        """
        actions: Any = importlib.import_module("ministack.core.iam_actions")
        router: Any = importlib.import_module("ministack.core.router")
        # Known by the scope that it is signed for. Otherwise ministack would look through every service of
        # AWS's for one of that name, which takes seconds, with the event loop standing still.
        router.SERVICE_PATTERNS[service] = {"credential_scope": service}
        actions.SERVICE_TO_IAM_NAMESPACE[service] = service
        actions._BOTOCORE_SERVICE_MAP[service] = [service]
        original = actions.extract_resource_arn

        def resource_arn(asked: str, *args: Any, **more: Any) -> str:
            return original(like if asked == service else asked, *args, **more)

        actions.extract_resource_arn = resource_arn
        self.replace(service, handler)

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

    def role(self, arn: str) -> dict[str, Any] | None:
        """IAM's record of a role; None when there is none of just this ARN in this account."""
        roles = self.module("iam")._roles
        found = roles.get_scoped(self.settings.account_id, None, arn.rsplit("/", 1)[-1])
        return found if found and found["Arn"] == arn else None

    def oidc_provider(self, issuer: str) -> dict[str, Any] | None:
        """IAM's record of the OIDC provider of an issuer ("https://…")."""
        arn = f"arn:aws:iam::{self.settings.account_id}:oidc-provider/{issuer.removeprefix('https://')}"
        return self.module("iam")._oidc_providers.get_scoped(self.settings.account_id, None, arn)

    def may_assume(self, role: Mapping[str, Any], asked: Assumption) -> bool:
        """Whether a role's trust policy lets a service or a web identity assume it."""
        evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
        account = self.settings.account_id
        context = evaluator.EvalContext(
            principal_arn=asked.principal,
            principal_type="WebIdentityUser" if asked.principal.startswith("arn:") else "Service",
            principal_account=account,
            action=asked.action,
            resource_arn=role["Arn"],
            region=self.settings.region,
            request_tags=dict(asked.tags),
            tag_keys=list(asked.tags),
            service_context={name.lower(): value for name, value in asked.keys.items()},
        )
        policy = role["AssumeRolePolicyDocument"]
        if not asked.principal.startswith("arn:"):
            policy = _for_service(policy, asked.principal)
        return evaluator.evaluate_trust_policy(policy, asked.principal, context)

    def open_session(
        self,
        role: Mapping[str, Any],
        name: str,
        seconds: int,
        tags: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Session:
        """Credentials of a role; whether they may be given is the caller's to know.

        `more` is what the session is to be known by besides: "TransitiveTagKeys", "SourceIdentity",
        "FederatedProvider", and "SessionPolicies" as ministack keeps them.
        """
        iam, sts = self.module("iam"), self.module("sts")
        arn, error = sts._assumed_role_arn(role["Arn"], name)
        if error:
            raise ValueError(f"{role['Arn']} is no role's ARN")
        session = Session(
            arn=arn,
            user_id=f"{role['RoleId']}:{name}",
            access_key_id=iam._gen_session_access_key(),
            secret_access_key=iam._gen_secret(),
            session_token=iam._gen_session_token(),
            expiration=time.time() + seconds,
        )
        record: dict[str, Any] = {
            "Arn": session.arn,
            "UserId": session.user_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.session_token,
            "Expiration": session.expiration,
            "AccountId": self.settings.account_id,
            "PrincipalType": "AssumedRole",
            "SessionTags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()],
            **(more or {}),
        }
        sts.register_session(session.access_key_id, record)
        return session

    def session_record(self, access_key_id: str) -> Mapping[str, Any]:
        """What a session is known by; empty when the key is none of a session's."""
        return self.module("sts")._sessions.get(access_key_id) or {}

    def is_open(self, session: Session) -> bool:
        """Whether a session's credentials are still known."""
        return session.access_key_id in self.module("sts")._sessions

    def close_sessions(self, principal_id: str) -> None:
        """Forget the sessions of a role or user that is gone: one of the same name is somebody else."""
        sessions = self.module("sts")._sessions
        for key in [key for key, each in sessions.items() if each["UserId"].partition(":")[0] == principal_id]:
            del sessions[key]

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


def _for_service(policy: str | Mapping[str, Any], service: str) -> dict[str, Any]:
    """A trust policy as one service sees it: ministack takes a service for the account's root, and any for any."""
    document: Any = json.loads(policy) if isinstance(policy, str) else policy
    statements = document.get("Statement", [])
    kept: list[dict[str, Any]] = []
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services: Any = principal.get("Service", []) if isinstance(principal, dict) else []
        named = [services] if isinstance(services, str) else services
        everybody = principal == "*" and statement.get("Effect") == "Deny"
        if everybody or service.lower() in (each.lower() for each in named):
            kept.append({**statement, "Principal": "*"})
    return {**document, "Statement": kept}
