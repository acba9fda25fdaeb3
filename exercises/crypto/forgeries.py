"""What a signature is for, asked of those who verify it: the same request and the same token, changed by somebody who
does not have the key."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Final, Literal

from typing_extensions import override

from exercises.crypto.names import ACCOUNT, MALLORY, NAMESPACE
from grading.account_probes import minted, token_of
from grading.kube_api import ANEW, refused
from grading.outcomes import Broke, Done, HttpRefused, Outcome, Unanswered
from grading.probes import Lab, OwnQuestion, whoami
from grading.run_probe import ROLE_ARN
from grading.tokens import PREFIX, SessionKey, for_cluster, of_url, presigned, signed_anew

Signature = Literal["real", "one-byte", "wrong-secret"]
Forgery = Literal["changed-sub", "alg-none", "foreign-key"]
Verifier = Literal["API server", "STS"]

AUDIENCE: Final = "sts.amazonaws.com"
_GET_TOKEN: Final = "aws eks get-token --cluster-name $CLUSTER_NAME --query status.token --output text"  # noqa: S105  # a command, and no token
_DECODE: Final = "basenc --base64url -d 2>/dev/null"
_ENCODE: Final = "basenc --base64url -w0 | tr -d ="


@dataclass(frozen=True)
class SignedRequest(OwnQuestion):
    """The operator's own token for the cluster, which is a signed request, as it is or changed."""

    how: Signature

    @property
    @override
    def brief(self) -> str:
        changed = {"real": "", "one-byte": ", one byte changed", "wrong-secret": ", signed with a wrong secret"}
        return f"kubectl auth whoami{changed[self.how]}"

    @property
    @override
    def typed(self) -> str:
        match self.how:
            case "real":
                make = f"T=$({_GET_TOKEN})"
            case "one-byte":
                url = f'printf %s "${{T#{PREFIX}}}" | {_DECODE} | sed s/Expires=60/Expires=61/ | {_ENCODE}'
                make = f"T=$({_GET_TOKEN}); T={PREFIX}$({url})"
            case "wrong-secret":
                key = 'eval "$(aws configure export-credentials --format env)"'
                make = f'T=$({key}; AWS_SECRET_ACCESS_KEY="x${{AWS_SECRET_ACCESS_KEY#?}}" {_GET_TOKEN})'
        return f'{make}; kubectl auth whoami --token "$T"'

    @override
    def ask(self, lab: Lab) -> Outcome:
        key = lab.aws.operator_key()
        if isinstance(key, Unanswered):
            return key
        cluster, region = lab.names["CLUSTER_NAME"], lab.names["AWS_REGION"]
        if self.how == "wrong-secret":
            session = getattr(key, "session_token", None)
            key = SessionKey(key.access_key_id, _other_first(key.secret_access_key), session)
        if self.how == "one-byte":
            url = presigned(key, cluster, region=region, sts=lab.aws.sts).url
            token = of_url(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"))
        else:
            token = for_cluster(key, cluster, region=region, sts=lab.aws.sts)
        return _at_api_server(lab, token)


@dataclass(frozen=True)
class RealToken(OwnQuestion):
    """A token of my-sa, as the API server signed it."""

    verifier: Verifier

    @property
    @override
    def brief(self) -> str:
        return f"its token, at {self.verifier}"

    @property
    @override
    def typed(self) -> str:
        return f"T=$({_create(ACCOUNT, self.verifier)}); {_show(self.verifier)}"

    @override
    def ask(self, lab: Lab) -> Outcome:
        token = _token(lab, ACCOUNT, self.verifier)
        return _shown(lab, token, self.verifier) if isinstance(token, str) else token


@dataclass(frozen=True)
class ForgedToken(OwnQuestion):
    """A token of mallory's, changed so that it says my-sa everywhere."""

    how: Forgery
    verifier: Verifier

    @property
    @override
    def brief(self) -> str:
        what = {"changed-sub": "sub changed", "alg-none": "alg none", "foreign-key": "a foreign key"}[self.how]
        return f"a token with {what}, at {self.verifier}"

    @property
    @override
    def typed(self) -> str:
        payload = f"echo $T | cut -d. -f2 | {_DECODE} | sed s/{MALLORY}/{ACCOUNT}/g | {_ENCODE}"
        make = f"T=$({_create(MALLORY, self.verifier)}); H=${{T%%.*}}; S=${{T##*.}}; P=$({payload})"
        match self.how:
            case "changed-sub":
                pass
            case "alg-none":
                make += f'; H=$(printf \'{{"alg":"none"}}\' | {_ENCODE}); S='
            case "foreign-key":
                make += (
                    "; openssl genrsa -out /tmp/other.pem 2048"
                    f'; S=$(printf %s "$H.$P" | openssl dgst -sha256 -sign /tmp/other.pem | {_ENCODE})'
                )
        return f'{make}; T="$H.$P.$S"; {_show(self.verifier)}'

    @override
    def ask(self, lab: Lab) -> Outcome:
        token = _token(lab, MALLORY, self.verifier)
        return _shown(lab, forged(token, self.how), self.verifier) if isinstance(token, str) else token


def forged(token: str, how: Forgery) -> str:
    """A token of mallory's that says my-sa. Raises ValueError for what is no token."""
    header, payload, signature = token.split(".")
    changed = _encoded(_decoded(payload).replace(MALLORY.encode(), ACCOUNT.encode()))
    match how:
        case "changed-sub":
            return f"{header}.{changed}.{signature}"
        case "alg-none":
            return f"{_encoded(json.dumps({'alg': 'none'}).encode())}.{changed}."
        case "foreign-key":
            return signed_anew(f"{header}.{changed}.{signature}")


def _token(lab: Lab, account: str, verifier: Verifier) -> str | Outcome:
    if verifier == "API server":
        return token_of(lab, NAMESPACE, account)
    made = minted(lab.api, NAMESPACE, account, audience=AUDIENCE)
    if isinstance(made, HttpRefused) and made.status == 404:
        return Broke(f"The service account {account} is not there, and it belongs to the exercise.")
    return made if isinstance(made, str) else refused(made, f"The service account {account}")


def _shown(lab: Lab, token: str, verifier: Verifier) -> Outcome:
    return _at_api_server(lab, token) if verifier == "API server" else _at_sts(lab, token)


def _at_api_server(lab: Lab, token: str) -> Outcome:
    request = whoami()
    outcome = lab.api.request(request.method, request.path, request.body, token)
    return _known(str(outcome.value["status"]["userInfo"]["username"])) if isinstance(outcome, Done) else outcome


def _at_sts(lab: Lab, token: str) -> Outcome:
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}"
    found = refused(lab.api.request("GET", path), f"The service account {ACCOUNT}")
    if not isinstance(found, Done):
        return found
    role = (found.value["metadata"].get("annotations") or {}).get(ROLE_ARN)
    if not role:
        return Broke(f"The service account {ACCOUNT} has no annotation {ROLE_ARN}. {ANEW}")
    outcome = lab.aws.call(
        "sts",
        "assume_role_with_web_identity",
        "unsigned",
        RoleArn=role,
        RoleSessionName="check",
        WebIdentityToken=token,
    )
    # The answer holds credentials; all that is kept of it is whose token it was.
    return _known(str(outcome.value["SubjectFromWebIdentityToken"])) if isinstance(outcome, Done) else outcome


def _known(user: str) -> Done:
    """As whom somebody is let in; an account of the exercise by its name alone."""
    return Done(user.removeprefix(f"system:serviceaccount:{NAMESPACE}:"), f"allowed: {user}")


def _create(account: str, verifier: Verifier) -> str:
    audience = f" --audience {AUDIENCE}" if verifier == "STS" else ""
    return f"kubectl create token {account} -n {NAMESPACE}{audience}"


def _show(verifier: Verifier) -> str:
    if verifier == "API server":
        return 'kubectl auth whoami --token "$T"'
    annotation = ROLE_ARN.replace(".", r"\.")
    arn = f"kubectl get sa {ACCOUNT} -n {NAMESPACE} -o jsonpath='{{.metadata.annotations.{annotation}}}'"
    return (
        "aws sts assume-role-with-web-identity --role-session-name check"
        f' --role-arn "$({arn})" --web-identity-token "$T" --query SubjectFromWebIdentityToken'
    )


def _other_first(secret: str) -> str:
    return ("y" if secret.startswith("x") else "x") + secret[1:]


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
