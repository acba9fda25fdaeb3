"""EKS's authenticator: whose token is this, and which Kubernetes user does it become?

A token is a presigned request to STS; the checks below decide whether it may
be sent there at all, so that nobody can make the authenticator ask something
else or somebody else. Who STS says it is, is then looked for in the access
entries and, where the cluster still uses it, in the ConfigMap aws-auth.
Everything here is pure; `eks.entrance` brings the facts.

The checks are those of aws-iam-authenticator, which EKS runs; its README and
the EKS User Guide ("Create access entries", "auth-configmap"), seen 2026-11.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from rehearsal.emulator.aws_auth import LISTS, accounts, mappings

PREFIX: Final = "k8s-aws-v1."
LONGEST: Final = 4096
"""Characters that a token may have."""
VALID_FOR: Final = timedelta(minutes=15)
"""How old a token may be, and the most that X-Amz-Expires may say."""
AHEAD: Final = timedelta(minutes=5)
"""How far the signer's clock may be ahead of ours; SigV4's own tolerance."""
PARAMETERS: Final = frozenset(
    {
        "action",
        "version",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
        "x-amz-user-agent",
    }
)
"""The only query parameters that a token may have, in lower case."""
RAW_URL: Final = re.compile(r"[A-Za-z0-9_-]*")
KEY: Final = re.compile(r"(AKIA|ASIA)[A-Z0-9]{12,}")
"""Access key ids of users and sessions; the emulator knows other keys, which it does not check."""


class Refused(Exception):
    """The token lets nobody in; the text says why, for the API server's log."""


class Unmapped(Refused):
    """STS knows who it is, and no access entry and no line of aws-auth does."""

    def __init__(self, arn: str) -> None:
        """`arn` is the user's or role's own."""
        super().__init__(f"{arn} is neither in an access entry nor in aws-auth")
        self.arn = arn


@dataclass(frozen=True)
class Token:
    """A presigned request that may be sent to STS."""

    host: str
    query: str
    """The query string as signed."""
    access_key_id: str


def read_token(token: str, *, own_host: str, region: str, now: datetime) -> Token:
    """Take a bearer token apart; raises Refused unless it is a harmless GetCallerIdentity.

    `own_host` is the emulator's ("127.0.0.1:PORT"), for which `aws eks get-token` signs when it is
    pointed there; the other host that is taken is STS's in `region`.
    """
    if len(token) > LONGEST:
        raise Refused("the token is too long")
    encoded = token.removeprefix(PREFIX)
    if encoded == token:
        raise Refused(f"the token does not begin with {PREFIX}")
    try:
        # As base64.RawURLEncoding: the letters of URLs alone, and no padding.
        if not RAW_URL.fullmatch(encoded):
            raise Refused("the token is no base64url without padding")
        url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("ascii")
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("the token does not hold a URL") from error
    allowed = {("http", own_host), ("https", f"sts.{region}.amazonaws.com")}
    if (parts.scheme, parts.netloc) not in allowed:
        raise Refused(f"the token is signed for {parts.scheme}://{parts.netloc}")
    if parts.path != "/" or parts.fragment:
        raise Refused(f"the token is signed for the path {parts.path}")
    values: dict[str, str] = {}
    for name, value in pairs:
        if name.lower() not in PARAMETERS:
            raise Refused(f"the token has the parameter {name}")
        if name.lower() in values:
            raise Refused(f"the token has the parameter {name} twice")
        values[name.lower()] = value
    _check_values(values, now)
    key = values.get("x-amz-credential", "").partition("/")[0]
    if not KEY.fullmatch(key):
        raise Refused("the token is not signed with an access key of a user or a session")
    return Token(parts.netloc, parts.query, key)


def _check_values(values: Mapping[str, str], now: datetime) -> None:
    if values.get("action") != "GetCallerIdentity":
        raise Refused(f"the token asks for {values.get('action', 'nothing')}")
    if values.get("x-amz-algorithm") != "AWS4-HMAC-SHA256":
        raise Refused("the token is not signed with AWS4-HMAC-SHA256")
    if not values.get("x-amz-signature"):
        raise Refused("the token has no signature")
    signed = values.get("x-amz-signedheaders", "").split(";")
    if len(signed) != len(set(signed)):
        raise Refused("the token signs a header twice")
    for header in ("host", "x-k8s-aws-id"):
        if header not in signed:
            raise Refused(f"the token does not sign the header {header}")
    expires = values.get("x-amz-expires", "")
    if not expires.isascii() or not expires.isdigit() or not 0 < int(expires) <= VALID_FOR.total_seconds():
        raise Refused("the token's X-Amz-Expires is not between 1 and 900 seconds")
    try:
        made = datetime.strptime(values.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused("the token's X-Amz-Date is no date") from error
    if now > made + VALID_FOR:
        raise Refused("the token has expired")
    if made > now + AHEAD:
        raise Refused("the token's date is in the future")


@dataclass(frozen=True)
class Identity:
    """Who STS says has signed a token."""

    arn: str
    """A user's ARN, or a role session's (assumed-role)."""
    account_id: str
    principal_id: str
    """AIDA… of a user, AROA… of a role: without the session's name."""
    session_name: str
    """Empty for a user."""
    access_key_id: str

    @classmethod
    def of(cls, arn: str, user_id: str, account_id: str, access_key_id: str) -> "Identity":
        """From GetCallerIdentity's answer."""
        principal_id, _, session = user_id.partition(":")
        return cls(arn, account_id, principal_id, session, access_key_id)

    @property
    def canonical_arn(self) -> str:
        """The user's or role's own ARN, the role's without its path."""
        return canonical_arn(self.arn)


def canonical_arn(arn: str) -> str:
    """A role session's ARN as its role's (which cannot know the role's path); others unchanged."""
    found = re.fullmatch(r"arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([^/]+)/[^/]+", arn)
    return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else arn


def without_path(arn: str) -> str:
    """A role's ARN as its sessions know it; a user's unchanged, for a user's ARN always tells its path."""
    found = re.fullmatch(r"(arn:aws[a-z-]*:iam::\d{12}:role/)(?:.*/)?([^/]+)", arn)
    return f"{found[1]}{found[2]}" if found else arn


@dataclass(frozen=True)
class Entry:
    """What of an access entry decides."""

    principal_id: str
    """The unique id that EKS kept when the entry was made; empty when the principal was in another account."""
    principal_arn: str
    username: str
    groups: tuple[str, ...]
    type: str


@dataclass(frozen=True)
class Entrance:
    """As whom an identity enters; the username is still a template."""

    username: str
    groups: tuple[str, ...]

    @property
    def needs_private_dns_name(self) -> bool:
        """Whether the username is an instance's."""
        return "{{EC2PrivateDNSName}}" in self.username


def find_entry(identity: Identity, entries: Iterable[Entry]) -> Entry | None:
    """The access entry of an identity: by its unique id, for a recreated principal is another one."""
    for entry in entries:
        if entry.principal_id:
            if entry.principal_id == identity.principal_id:
                return entry
        elif entry.principal_arn == identity.canonical_arn:
            return entry
    return None


def find_in_aws_auth(identity: Identity, data: Mapping[str, str]) -> Entrance | None:
    """The mapping of an identity in the ConfigMap aws-auth's data.

    A role's ARN is only found without a path. Both lists are searched for any kind of ARN, mapRoles first. Of two users
    whose ARNs differ in case alone the authenticator takes either; here it is the last.
    """
    wanted = identity.canonical_arn.lower()
    listed = mappings(data)
    for key, _ in LISTS:
        for one in reversed(listed):
            if one.key == key and one.arn.lower() == wanted and not one.with_sso:
                return Entrance(one.username, one.groups)
    return Entrance(identity.canonical_arn, ()) if identity.account_id in accounts(data) else None


@dataclass(frozen=True)
class User:
    """Whom the API server takes the caller for."""

    username: str
    uid: str
    groups: tuple[str, ...]
    extra: dict[str, list[str]]

    def status(self) -> dict[str, Any]:
        """As a TokenReview's status."""
        user = {"username": self.username, "uid": self.uid, "groups": list(self.groups), "extra": self.extra}
        return {"authenticated": True, "user": user}


def enter(identity: Identity, mapping: Entrance, private_dns_name: str = "") -> User:
    """Fill in a mapping's templates. `private_dns_name` is that of the instance whose role it is.

    Raises Refused when it is asked for and is not there; a user has no session, whose name is then empty.
    """
    raw = identity.session_name
    values = {
        "{{SessionName}}": raw.replace("@", "-"),
        "{{SessionNameRaw}}": raw,
        "{{AccountID}}": identity.account_id,
        "{{EC2PrivateDNSName}}": private_dns_name,
        "{{AccessKeyID}}": identity.access_key_id,
    }

    def fill(text: str) -> str:
        if "{{EC2PrivateDNSName}}" in text and not private_dns_name:
            raise Refused(f"the private DNS name of {identity.arn} is not known")
        for name, value in values.items():
            text = text.replace(name, value)
        return text

    return User(
        username=fill(mapping.username),
        uid=f"aws-iam-authenticator:{identity.account_id}:{identity.principal_id}",
        groups=tuple(fill(group) for group in mapping.groups),
        extra={
            "accessKeyId": [identity.access_key_id],
            "arn": [identity.arn],
            "canonicalArn": [identity.canonical_arn],
            "principalId": [identity.principal_id],
            "sessionName": [identity.session_name],
            "sigs.k8s.io/aws-iam-authenticator/principalId": [identity.principal_id],
        },
    )


def granted(user: User) -> str:
    """The line of aws-iam-authenticator's log about somebody who was let in."""
    groups = f"[{' '.join(user.groups)}]"
    fields = {"arn": user.extra["arn"][0], **_CALL, "groups": groups, "uid": user.uid, "username": user.username}
    return _line("info", "access granted", fields)


def denied(refused: Refused) -> str:
    """The line about somebody who was not let in."""
    if isinstance(refused, Unmapped):
        return _line("warning", "access denied", {"arn": refused.arn, **_CALL, "error": "ARN is not mapped"})
    return _line("warning", "access denied", {**_CALL, "error": str(refused)})


_CALL: Final = {"client": "127.0.0.1", "method": "POST", "path": "/authenticate"}
_BARE: Final = re.compile(r"[A-Za-z0-9\-._/@^+]+")


def _line(level: str, message: str, fields: Mapping[str, str]) -> str:
    """As the authenticator writes: time, level and message, then the fields by name, in quotes where they need them."""
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    pairs = [("time", f'"{time}"'), ("level", level), ("msg", json.dumps(message))]
    pairs += [(name, value if _BARE.fullmatch(value) else json.dumps(value)) for name, value in sorted(fields.items())]
    return " ".join(f"{name}={value}" for name, value in pairs)
