"""STS's AssumeRole: a role's session for somebody who has a key already.

ministack asks the caller's own policies first and always, and knows few of
STS's rules. Here the trust policy and the caller's policies decide together, as
in one account of AWS: who is named in the trust policy needs no policy of
their own, and a trust policy that names the account leaves it to them.

STS API Reference, "AssumeRole"; IAM User Guide, "Cross account resource access
in IAM", "Pass session tags in AWS STS", "Monitor and control actions taken with
assumed roles", "Troubleshoot access denied error messages"; other texts as they
were seen in public reports. Seen 2026-11.
"""

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from rehearsal.emulator import query
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend, Params
from rehearsal.emulator.policy_documents import check_identity
from rehearsal.emulator.sts_web_identity import TARGET, check_role_arn, check_session_name, form_of, seconds_of

ACTION: Final = "AssumeRole"
ALLOWED: Final = "sts:AssumeRole"
CHAINED_SECONDS: Final = 3600
"""The longest session of a role that is assumed with temporary credentials."""
MOST_TAGS: Final = 50
LARGEST_POLICY: Final = 2048
_ROOT: Final = "Roles may not be assumed by root accounts."


@dataclass(frozen=True)
class Asked:
    """A request, with what it inherits from the caller's session."""

    role_arn: str
    name: str
    seconds: int
    external_id: str
    source_identity: str
    tags: Mapping[str, str]
    transitive: frozenset[str]
    """Keys, in lower case, of tags that a next session inherits."""
    inherited: Mapping[str, str]
    policies: Mapping[str, Any] | None
    """Session policies as ministack keeps them; None when none were passed, which limits nothing."""


class AssumeRole:
    """Answers the operation; the signature has been checked, and nothing else."""

    def __init__(self, backend: Backend, calls: Calls) -> None:
        """Takes the operation, and the decision about it, over from ministack."""
        self._backend = backend
        self._model = calls.model("sts")
        self._others = backend.handler("sts")
        self._evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
        backend.replace("sts", self._handle)
        enforce = self._evaluator.enforce

        def enforced(access_key_id: str, action: str, service: str, *args: Any, **more: Any) -> Any:
            if action == ALLOWED:
                return self._evaluator.check_credentials(access_key_id, service)
            return enforce(access_key_id, action, service, *args, **more)

        self._evaluator.enforce = enforced

    async def _handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, params: Params
    ) -> tuple[int, dict[str, str], bytes]:
        form = form_of(body, params)
        if headers.get("x-amz-target", "").startswith(TARGET) or ACTION not in (
            *form.get("Action", []),
            *params.get("Action", []),
        ):
            return await self._others(method, path, headers, body, params)
        try:
            operation = self._model.operation_model(ACTION)
            answer = self._assume(query.read(operation, form), headers, params)
            return 200, dict(query.XML), query.write(self._model, operation, answer)
        except AwsError as error:
            return error.status, dict(query.XML), query.write_error(error)

    def _assume(self, params: Mapping[str, Any], headers: dict[str, str], sent: Params) -> dict[str, Any]:
        caller = self._backend.caller(headers, sent)
        if caller is None:
            raise AwsError("AccessDenied", _ROOT, 403)
        session = self._backend.session_record(caller.access_key_id)
        asked = self._read(params, session)
        if session and asked.seconds > CHAINED_SECONDS:
            raise AwsError(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            )
        principal = self._evaluator.resolve_principal(caller.access_key_id, caller.account_id)
        role = self._backend.role(asked.role_arn)
        if role is None:
            raise _denied(caller.arn, ALLOWED, asked.role_arn)
        wanted = [ALLOWED]
        if asked.tags or asked.inherited:
            wanted.append("sts:TagSession")
        if asked.source_identity:
            wanted.append("sts:SetSourceIdentity")
        for action in wanted:
            self._decide(action, principal, role, asked)
        if asked.seconds > role["MaxSessionDuration"]:
            raise AwsError(
                "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )
        more = {
            "TransitiveTagKeys": sorted({*asked.transitive, *(key.lower() for key in asked.inherited)}),
            "SourceIdentity": asked.source_identity,
            "SessionPolicies": asked.policies,
        }
        opened = self._backend.open_session(role, asked.name, asked.seconds, {**asked.inherited, **asked.tags}, more)
        return {
            "Credentials": {
                "AccessKeyId": opened.access_key_id,
                "SecretAccessKey": opened.secret_access_key,
                "SessionToken": opened.session_token,
                "Expiration": datetime.fromtimestamp(opened.expiration, UTC),
            },
            "AssumedRoleUser": {"AssumedRoleId": opened.user_id, "Arn": opened.arn},
            "PackedPolicySize": 0 if asked.policies or asked.tags else None,
            "SourceIdentity": asked.source_identity or None,
        }

    def _read(self, params: Mapping[str, Any], session: Mapping[str, Any]) -> Asked:
        """The request, where nothing is wrong with it."""
        check_role_arn(params["RoleArn"])
        check_session_name(params["RoleSessionName"])
        if "SerialNumber" in params or "TokenCode" in params:
            raise AwsError(
                "AccessDenied",
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number "
                "is valid and associated with this user.",
                403,
            )
        external_id = params.get("ExternalId", "")
        if external_id and not re.fullmatch(r"[\w+=,.@:/-]{2,1224}", external_id, re.ASCII):
            raise _unfit(external_id, "externalId", r"[\w+=,.@:\/-]*")
        transitive_before = {key.lower() for key in session.get("TransitiveTagKeys") or []}
        held = {tag["Key"]: tag["Value"] for tag in session.get("SessionTags") or []}
        inherited = {key: value for key, value in held.items() if key.lower() in transitive_before}
        tags = _tags(params.get("Tags", []))
        keys = {key.lower() for key in tags}
        transitive = {key.lower() for key in params.get("TransitiveTagKeys", [])}
        if not transitive <= keys:
            raise AwsError(
                "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."
            )
        if keys & {key.lower() for key in inherited}:
            raise AwsError(
                "InvalidParameterValue",
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
                "from the calling session.",
            )
        return Asked(
            role_arn=params["RoleArn"],
            name=params["RoleSessionName"],
            seconds=seconds_of(str(params.get("DurationSeconds", 3600))),
            external_id=external_id,
            source_identity=_source_identity(params.get("SourceIdentity", ""), session.get("SourceIdentity") or ""),
            tags=tags,
            transitive=frozenset(transitive),
            inherited=inherited,
            policies=self._session_policies(params),
        )

    def _session_policies(self, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        policy: str = params.get("Policy", "")
        arns = [each.get("arn", "") for each in params.get("PolicyArns", [])]
        if not policy and not arns:
            return None
        if len(policy) > LARGEST_POLICY:
            raise _invalid(f"Value at 'policy' failed to satisfy constraint: {_at_most('length', LARGEST_POLICY)}")
        if policy:
            check_identity(policy)
        known = self._backend.module("iam").policy_known
        if not all(known(arn, self._backend.settings.account_id) for arn in arns):
            raise AwsError(
                "ValidationError",
                "At least one Policy ARN in the PolicyArns parameter does not match an existing IAM Managed Policy "
                "ARN.",
            )
        return {"Policy": policy, "PolicyArns": arns}

    def _decide(self, action: str, principal: Any, role: Mapping[str, Any], asked: Asked) -> None:
        """Whether the caller may; raises AwsError when not."""
        keys: dict[str, Any] = {
            "sts:externalid": asked.external_id or None,
            "sts:rolesessionname": asked.name,
            "sts:sourceidentity": asked.source_identity or None,
            "sts:transitivetagkeys": sorted(asked.transitive) or None,
            "aws:tagkeys": list(asked.tags) or None,
            **{f"aws:resourcetag/{tag['Key'].lower()}": tag["Value"] for tag in role.get("Tags") or []},
            **{f"iam:resourcetag/{tag['Key'].lower()}": tag["Value"] for tag in role.get("Tags") or []},
        }
        context = self._evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=action,
            resource_arn=role["Arn"],
            region=self._backend.settings.region,
            request_tags=dict(asked.tags),
            service_context={key: value for key, value in keys.items() if value is not None or key == "aws:tagkeys"},
            principal_keys=principal.keys,
        )
        trust = role["AssumeRolePolicyDocument"]
        own = self._evaluator.evaluate(context, principal.policies, *principal.limits)
        if own.decision == "Deny":
            raise _denied(principal.arn, action, role["Arn"], "with an explicit deny in an identity-based policy")
        trusted = self._evaluator.evaluate_resource_policy(trust, context)
        if trusted.decision == "Deny":
            raise _denied(principal.arn, action, role["Arn"], "with an explicit deny in the role trust policy")
        if trusted.decision != "Allow":
            raise _denied(principal.arn, action, role["Arn"])
        together = self._evaluator.combine_resource_policy(
            own, context, trust, principal.account, required=True, limits=principal.limits
        )
        if together.decision != "Allow":
            reason = f"because no identity-based policy allows the {action} action"
            raise _denied(principal.arn, action, role["Arn"], reason)


def _tags(sent: list[Mapping[str, str]]) -> dict[str, str]:
    if len(sent) > MOST_TAGS:
        raise _invalid(f"Value at 'tags' failed to satisfy constraint: {_at_most('length', MOST_TAGS)}")
    tags = {each["Key"]: each["Value"] for each in sent}
    if len({key.lower() for key in tags}) < len(sent):
        raise AwsError(
            "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    for key, value in tags.items():
        if key.lower().startswith("aws:"):
            raise AwsError("InvalidParameterValue", "System tags cannot be specified as session tags.")
        if len(key) > 128 or len(value) > 256 or not re.fullmatch(r"[\w\s.:/=+\-@]*", key + value):
            raise _unfit(key if len(key) > 128 else value, "tags", r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*")
    return tags


def _source_identity(asked: str, held: str) -> str:
    """Who is behind the sessions of a chain: set once, and inherited."""
    if not asked:
        return held
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", asked, re.ASCII):
        raise _unfit(asked, "sourceIdentity", r"[\w+=,.@-]*")
    if held and held != asked:
        raise AwsError("ValidationError", "The source identity is already set for this assume role session.")
    return asked


def _denied(who: str, action: str, role_arn: str, reason: str = "") -> AwsError:
    message = f"User: {who} is not authorized to perform: {action} on resource: {role_arn}"
    return AwsError("AccessDenied", f"{message} {reason}".rstrip(), 403)


def _at_most(what: str, most: int) -> str:
    return f"Member must have {what} less than or equal to {most}"


def _unfit(value: str, name: str, pattern: str) -> AwsError:
    constraint = f"Member must satisfy regular expression pattern: {pattern}"
    return _invalid(f"Value '{value}' at '{name}' failed to satisfy constraint: {constraint}")


def _invalid(violation: str) -> AwsError:
    return AwsError("ValidationError", f"1 validation error detected: {violation}")
