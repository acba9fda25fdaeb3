"""STS's AssumeRoleWithWebIdentity: a role for whoever holds a token of an EKS cluster.

The one call of AWS that nobody signs, because it is how one comes by a key. What
stands in for the signature is verified here: that the account trusts the
token's issuer, that the issuer signed it, for whom, and until when. Whether
the role takes the token's holder is then IAM's trust policy to say.

STS API Reference, "AssumeRoleWithWebIdentity"; texts as they were seen in
public reports of these errors. Seen 2026-11.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from rehearsal.emulator import asgi
from rehearsal.emulator.eks.tokens import (
    Expired,
    Malformed,
    NotYet,
    ServiceAccountToken,
    TokenRefused,
    Tokens,
    issuer_of,
)
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.ministack import Assumption, Backend, Params

ACTION: Final = "AssumeRoleWithWebIdentity"
NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
TARGET: Final = "AWSSecurityTokenServiceV20110615."
"""Of STS's JSON protocol, which no SDK uses and ministack would take."""
FORM: Final = "application/x-www-form-urlencoded"
NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
"""A session's name."""
SHORTEST: Final = 900
LONGEST: Final = 43200
"""Seconds that a session may last; a role's MaxSessionDuration can be less."""
UNKNOWN_KEY: Final = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)


class WebIdentity:
    """Answers the operation, whoever asks and however."""

    def __init__(self, backend: Backend, tokens: Tokens) -> None:
        """Takes the operation over from ministack, which believes any token."""
        self._backend = backend
        self._tokens = tokens
        self._others = backend.handler("sts")
        backend.replace("sts", self._handle)

    async def _handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: Params
    ) -> tuple[int, dict[str, str], bytes]:
        """A signed call to STS."""
        if headers.get("x-amz-target", "").startswith(TARGET):
            error = AwsError("InvalidAction", "The rehearsal plays STS's query protocol only.")
            response = _failure(error)
        else:
            form = form_of(body, query)
            # In the query string and in the body: ministack takes an empty action in one for none.
            if ACTION not in (*form.get("Action", []), *query.get("Action", [])):
                return await self._others(method, path, headers, body, query)
            response = await self.answer(form)
        return response.status, response.headers, response.body

    async def answer(self, form: Mapping[str, list[str]]) -> asgi.Response:
        """The operation's answer; `form` holds its parameters as sent."""
        try:
            return _success(await self._assume({name: values[0] for name, values in form.items()}))
        except AwsError as error:
            return _failure(error)

    async def _assume(self, params: Mapping[str, str]) -> dict[str, Any]:
        for name in ("RoleArn", "RoleSessionName", "WebIdentityToken"):
            if not params.get(name):
                raise _invalid(
                    f"1 validation error detected: Value null at '{name[0].lower()}{name[1:]}' failed to "
                    "satisfy constraint: Member must not be null"
                )
        if any(name in params or f"{name}.member.1.arn" in params for name in ("Policy", "PolicyArns")):
            raise _invalid("The rehearsal does not play session policies of AssumeRoleWithWebIdentity.")
        role_arn, name = params["RoleArn"], params["RoleSessionName"]
        check_role_arn(role_arn)
        check_session_name(name)
        seconds = seconds_of(params.get("DurationSeconds", "3600"))
        token, provider = await self._verified(params["WebIdentityToken"])
        audience = next(each for each in token.audiences if each in provider["ClientIDList"])
        role = self._backend.role(role_arn)
        host = token.issuer.removeprefix("https://")
        keys = {f"{host}:aud": audience, f"{host}:sub": token.subject, "sts:RoleSessionName": name}
        asked = Assumption(provider["Arn"], f"sts:{ACTION}", keys)
        if role is None or not self._backend.may_assume(role, asked):
            raise AwsError("AccessDenied", f"Not authorized to perform sts:{ACTION}", 403)
        if seconds > role["MaxSessionDuration"]:
            raise _invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        session = self._backend.open_session(role, name, seconds, more={"FederatedProvider": provider["Arn"]})
        return {
            "Credentials": {
                "AccessKeyId": session.access_key_id,
                "SecretAccessKey": session.secret_access_key,
                "SessionToken": session.session_token,
                "Expiration": datetime.fromtimestamp(session.expiration, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "SubjectFromWebIdentityToken": token.subject,
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            "Provider": provider["Arn"],
            "Audience": audience,
        }

    async def _verified(self, text: str) -> tuple[ServiceAccountToken, Mapping[str, Any]]:
        """What the token says, and the IAM provider that vouches for its issuer."""
        try:
            issuer = issuer_of(text)
            provider = self._backend.oidc_provider(issuer)
            if provider is None:
                raise _refused(f"No OpenIDConnect provider found in your account for {issuer}")
            token = await self._tokens.verify(text)
        except Malformed as error:
            raise _refused(
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
            ) from error
        except Expired as error:
            raise AwsError(
                "ExpiredTokenException",
                f"Token expired: current date/time {int(error.now)} must be before the expiration date/time "
                f"{error.expiration}",
            ) from error
        except NotYet as error:
            raise _refused("Token is not valid yet") from error
        except TokenRefused as error:
            raise _refused(UNKNOWN_KEY) from error
        if not set(token.audiences) & set(provider["ClientIDList"]):
            raise _refused("Incorrect token audience")
        return token, provider


def form_of(body: bytes, query: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The parameters of a call in the query protocol, wherever they travel."""
    return {**query, **parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)}


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _refused(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message)


def check_role_arn(arn: str) -> None:
    """Raise AwsError unless this is a role's ARN."""
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+", arn):
        raise _invalid("Request ARN is invalid")


def check_session_name(name: str) -> None:
    """Raise AwsError unless a session may be named so."""
    if NAME.fullmatch(name):
        return
    constraint = r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
    if len(name) < 2:
        constraint = "Member must have length greater than or equal to 2"
    elif len(name) > 64:
        constraint = "Member must have length less than or equal to 64"
    raise _invalid(
        f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: {constraint}"
    )


def seconds_of(text: str) -> int:
    """How long a session shall last; raises AwsError for what no role's may."""
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < SHORTEST:
        constraint = f"Member must have value greater than or equal to {SHORTEST}"
    elif int(text) > LONGEST:
        constraint = f"Member must have value less than or equal to {LONGEST}"
    else:
        return int(text)
    raise _invalid(
        f"1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: {constraint}"
    )


def _success(result: Mapping[str, Any]) -> asgi.Response:
    content = f"<{ACTION}Result>{_xml(result)}</{ACTION}Result>"
    metadata = "<ResponseMetadata><RequestId>rehearsal</RequestId></ResponseMetadata>"
    body = f'<{ACTION}Response xmlns="{NAMESPACE}">{content}{metadata}</{ACTION}Response>'
    return asgi.Response(200, {"content-type": "text/xml"}, body.encode())


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{_xml(each)}</{name}>" for name, each in value.items())
    return escape(str(value))


def _failure(error: AwsError) -> asgi.Response:
    inner = f"<Type>Sender</Type><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
    body = f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{inner}</Error><RequestId>rehearsal</RequestId></ErrorResponse>'
    return asgi.Response(error.status, {"content-type": "text/xml"}, body.encode())
