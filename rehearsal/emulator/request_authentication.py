"""SigV4 authentication of every request to the emulator.

ministack takes some keys for the account root's without checking a signature
(a 12-digit account id, "test", none at all on some routes) and has
administration routes that ask for nothing. In the rehearsal a user without
rights must stay without rights, so whatever comes from outside has to be
signed with the key of an IAM user or a role session; ministack then checks
the signature. One call is never signed, the one by which a pod's token becomes
a key: it goes past ministack to the part that verifies the token.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from rehearsal.emulator import asgi, protocols

KEY: Final = re.compile(r"(AKIA|ASIA)[A-Z0-9]{12,}")
"""Access key ids of IAM users and of sessions (IAM User Guide, "IAM identifiers")."""

SERVICES: Final = frozenset(
    {
        "acm",
        "autoscaling",
        "cloudtrail",
        "ec2",
        "ecr",
        "eks",
        "eks-auth",
        "elasticloadbalancing",
        "iam",
        "kms",
        "logs",
        "monitoring",
        "route53",
        "s3",
        "scheduler",
        "secretsmanager",
        "shield",
        "ssm",
        "sts",
        "tagging",
        "waf-regional",
        "wafv2",
    }
)
"""Services that the rehearsal plays, by their SigV4 signing name. Others are refused by name:
an answer from a service that nobody looked at would be worth less than none."""


WEB_IDENTITY: Final = {"Action": ["AssumeRoleWithWebIdentity"], "Version": ["2011-06-15"]}
"""What an unsigned call has to be."""
LARGEST: Final = 65536
"""Bytes of an unsigned call: STS takes tokens of 20,000 characters."""

Unsigned = Callable[[Mapping[str, list[str]]], Awaitable[asgi.Response]]
"""Answers a call of WEB_IDENTITY from its parameters."""


class Signature(NamedTuple):
    """What a request says of who signed it and for what."""

    access_key_id: str
    service: str


class Refusal(NamedTuple):
    """Why a request is turned away."""

    status: int
    code: str
    message: str


def signature(authorization: str, query: dict[str, list[str]]) -> Signature | None:
    """The SigV4 credential scope of a request, from its header or, presigned, from its query string."""
    found = re.match(r"AWS4-HMAC-SHA256 +Credential=([^/, ]+)/\d{8}/[^/, ]+/([^/, ]+)/aws4_request\b", authorization)
    if found:
        # A second credential in the query string could be read for this one further in.
        clash = any(name.lower() in ("x-amz-credential", "awsaccesskeyid") for name in query)
        return None if clash else Signature(found[1], found[2])
    if authorization:
        return None
    scopes = [value for name, values in query.items() if name.lower() == "x-amz-credential" for value in values]
    if len(scopes) != 1 or query.get("X-Amz-Algorithm") != ["AWS4-HMAC-SHA256"] or "AWSAccessKeyId" in query:
        return None
    parts = scopes[0].split("/")
    return Signature(parts[0], parts[3]) if len(parts) == 5 else None


def refusal(host: str, own_hosts: frozenset[str], path: str, signed: Signature | None) -> Refusal | None:
    """Why this request may not pass; None when it may."""
    if host not in own_hosts:
        return Refusal(421, "InvalidHost", f"This emulator does not answer for {host or 'no host'}.")
    if path.startswith(("/_", "/latest/")):
        # ministack's administration, and its instance metadata, which knows no caller.
        return Refusal(404, "NotFound", "There is no such path.")
    if signed is None:
        return Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    if not KEY.fullmatch(signed.access_key_id):
        return Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    if signed.service not in SERVICES:
        message = f"The rehearsal does not play the AWS service {signed.service}. Run this on AWS."
        return Refusal(400, "UnsupportedService", message)
    return None


def may_be_unsigned(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> bool:
    """Whether this can be the one call that nobody signs; what it is after all, its parameters say."""
    if path != "/" or any(name in headers for name in ("authorization", "x-amz-target", "x-amz-security-token")):
        return False
    if any(name.lower().startswith("x-amz-") for name in query):
        return False
    if method == "GET":
        return True
    length = headers.get("content-length", "")
    is_form = headers.get("content-type", "").partition(";")[0].strip().lower() == protocols.FORM
    return method == "POST" and is_form and length.isascii() and length.isdigit() and int(length) <= LARGEST


def web_identity(query: Mapping[str, list[str]], body: bytes) -> dict[str, list[str]] | None:
    """The parameters of an unsigned call, None when it is another than WEB_IDENTITY or says anything twice."""
    try:
        sent = parse_qs(body.decode("ascii"), keep_blank_values=True)
    except UnicodeDecodeError:
        return None
    form = {**query, **sent}
    if query.keys() & sent.keys() or any(len(values) != 1 for values in form.values()):
        return None
    return form if all(form.get(name) == values for name, values in WEB_IDENTITY.items()) else None


class SigV4Middleware:
    """ASGI middleware that turns away what `refusal` names."""

    def __init__(self, app: asgi.App, own_hosts: frozenset[str], unsigned: Unsigned) -> None:
        """`own_hosts`: values of the Host header that are this emulator's own; `unsigned` answers WEB_IDENTITY."""
        self._app = app
        self._own_hosts = own_hosts
        self._unsigned = unsigned

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Pass a request on, or answer it with an AWS error."""
        if scope["type"] != "http":
            return
        headers = asgi.headers_of(scope)
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        signed = signature(headers.get("authorization", ""), query)
        refused = refusal(headers.get("host", ""), self._own_hosts, scope["path"], signed)
        if refused is None:
            await self._app(scope, receive, send)
            return
        body = await asgi.read_body(receive)
        if headers.get("host", "") in self._own_hosts and may_be_unsigned(
            scope["method"], scope["path"], headers, query
        ):
            form = web_identity(query, body)
            if form is not None:
                await asgi.respond(send, await self._unsigned(form))
                return
        await asgi.respond(send, answer_of(refused, signed, headers, query))


def answer_of(
    refused: Refusal, signed: Signature | None, headers: Mapping[str, str], query: Mapping[str, list[str]]
) -> asgi.Response:
    """The refusal in the protocol of the request, so that SDKs can read it."""
    asked = protocols.protocol(signed.service if signed else "", headers, query)
    return protocols.error(asked, refused.status, refused.code, refused.message)
