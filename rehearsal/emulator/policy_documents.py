"""What IAM refuses to keep as a policy.

ministack keeps any text as a role's trust policy, and checks others only in
part. On AWS a mistake in a document shows when it is written, in IAM's words;
here it would show as a refusal much later, or not at all.

IAM User Guide, "Grammar of the IAM JSON policy language", "AWS JSON policy
elements: Principal" and "IAM and AWS STS quotas"; texts as they were seen in
public reports. Seen 2026-11.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, cast

from botocore.session import Session

from rehearsal.emulator.errors import AwsError

Statement = Mapping[str, Any]
Exists = Callable[[str], bool]
"""Whether there is a user, role or session's role of an ARN or unique id in the account."""

VERSIONS: Final = frozenset({"2008-10-17", "2012-10-17"})
_DOCUMENT: Final = frozenset({"Version", "Id", "Statement"})
_STATEMENT: Final = frozenset(
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"]
)
_TRUST_ACTIONS: Final = frozenset(
    f"sts:{name}"
    for name in (
        "assumerole",
        "assumerolewithsaml",
        "assumerolewithwebidentity",
        "setcontext",
        "setsourceidentity",
        "tagsession",
    )
)
_OPERATOR: Final = re.compile(
    r"null|(?:for(?:all|any)values?:)?(?:string(?:not)?(?:equals(?:ignorecase)?|like)|numeric(?:not)?equals"
    r"|numeric(?:less|greater)than(?:equals)?|date(?:not)?equals|date(?:less|greater)than(?:equals)?|bool"
    r"|binaryequals|(?:not)?ipaddress|arn(?:not)?(?:equals|like))(?:ifexists)?"
)
_SYNTAX: Final = "Syntax errors in policy."
_VENDOR: Final = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
_ENTITY: Final = re.compile(
    r"arn:aws[a-z-]*:(?:iam::(?P<own>\d{12}):(?:root|(?:user|role)/[\w+=,.@/-]+)"
    r"|sts::(?P<session>\d{12}):(?:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+))"
)
_PROVIDER: Final = re.compile(
    r"arn:aws[a-z-]*:iam::\d{12}:(?:oidc|saml)-provider/\S+|(?:[a-z0-9-]+\.)+[a-z]{2,}", re.ASCII
)
_SERVICE: Final = re.compile(r"(?P<name>[a-z0-9-]+(?:\.[a-z0-9-]+)*)\.amazonaws\.com(?:\.cn)?")
_OTHERS: Final = """
edgelambda ec2fleet elasticloadbalancing elasticmapreduce email events ops-apigateway replicator spotfleet spot
states tagging transitgateway trustedadvisor vpc-flow-logs monitoring delivery export vmie cks reportgenerator
sms-voice gamelift session jellyfish robomaker application-autoscaling custom-resource applicationinsights
"""
"""Services that assume roles and whose principal botocore has under another name."""
TRUST_SIZE: Final = 2048
INLINE_SIZES: Final = {"user": 2048, "role": 10240, "group": 5120}
"""Characters, white space aside, of all the inline policies of one."""
MANAGED_SIZE: Final = 6144


def size_of(document: str) -> int:
    """Characters as IAM counts them."""
    return len(re.sub(r"\s", "", document))


def check_trust(document: str, account: str, exists: Exists) -> None:
    """Raise AwsError for what IAM does not take as a role's trust policy in this account.

    A principal of another account is not looked up: the rehearsal knows its own account alone. An identity provider
    is not looked up either, because IAM takes the ARN of one that is still to come.
    """
    if size_of(document) > TRUST_SIZE:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE}", 409)
    policy = _read(document, "This policy contains invalid Json")
    _version(policy)
    _known(policy, _DOCUMENT)
    statements = _statements(policy)
    if not statements:
        raise _malformed("Could not parse the policy: Statement is empty!")
    sids: set[str] = set()
    for statement in statements:
        if not isinstance(statement, dict):
            raise _malformed(_SYNTAX)
        _trust_statement(cast("Statement", statement), account, exists)
        sid = statement.get("Sid")
        if sid and sid in sids:
            raise _malformed("The Statement Ids in the policy are not unique")
        sids.add(str(sid))


def _trust_statement(statement: Statement, account: str, exists: Exists) -> None:
    _known(statement, _STATEMENT)
    effect = statement.get("Effect")
    if not effect:
        raise _malformed("Missing required field Effect")
    if effect not in ("Allow", "Deny"):
        raise _malformed(f"Invalid effect: {effect}")
    if "NotPrincipal" in statement:
        refused = "Allow with NotPrincipal is not allowed."
        raise _malformed(refused if effect == "Allow" else "AssumeRole policy must not contain NotPrincipal field.")
    if "Principal" not in statement:
        raise _malformed("Missing required field Principal")
    _principals(statement["Principal"], account, exists)
    if "Resource" in statement:
        raise _malformed("Has prohibited field Resource")
    if "NotResource" in statement:
        raise _malformed("AssumeRole policy must not contain resources.")
    if "Action" in statement and "NotAction" in statement:
        raise _malformed(_SYNTAX)
    actions = _texts(statement.get("Action", statement.get("NotAction", [])))
    if not actions:
        raise _malformed("Missing required field Action")
    for action in actions:
        name = action.lower()
        wild = name.startswith("sts:") and ("*" in name or "?" in name)
        if name not in _TRUST_ACTIONS and not wild:
            raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    _condition(statement.get("Condition", {}))


def _principals(principal: Any, account: str, exists: Exists) -> None:
    if not isinstance(principal, dict):
        raise _malformed("Principal must be a JSON object.")
    if not principal:
        raise _malformed("Missing required field Principal cannot be empty!")
    for kind, values in cast("dict[str, Any]", principal).items():
        if kind not in ("AWS", "Service", "Federated"):
            raise _malformed(f'Invalid principal in policy: "{kind}"')
        named = _texts(values)
        if not named:
            raise _malformed("Missing required field Principal cannot be empty!")
        for value in named:
            if kind == "Federated" and not _PROVIDER.fullmatch(value):
                raise _malformed("Federated principals must be valid domain names or SAML metadata ARNs")
            if (kind == "AWS" and not _is_principal(value, account, exists)) or (
                kind == "Service" and not is_service(value)
            ):
                raise _malformed(f'Invalid principal in policy: "{kind.upper()}":"{value}"')


def _is_principal(value: str, account: str, exists: Exists) -> bool:
    """An account, or somebody of an account; one of this account has to be there."""
    if value == "*" or re.fullmatch(r"\d{12}", value, re.ASCII):
        return True
    if re.fullmatch(r"A(?:ID|RO)A[A-Z0-9]{12,}", value):
        return exists(value)
    found = _ENTITY.fullmatch(value)
    if not found:
        return False
    elsewhere = account not in (found["own"], found["session"])
    return elsewhere or value.endswith(":root") or ":federated-user/" in value or exists(value)


def is_service(principal: str) -> bool:
    """Whether this can be an AWS service: one of its names' parts is a service's."""
    found = _SERVICE.fullmatch(principal)
    if not found:
        return False
    return any(part in _services() or part.split("-")[0] in _services() for part in found["name"].split("."))


@cache
def _services() -> frozenset[str]:
    return frozenset(Session().get_available_services()) | frozenset(_OTHERS.split())


def check_identity(document: str) -> None:
    """Raise AwsError for what IAM does not take as a policy of a user, group or role, managed or inline."""
    policy = _read(document, _SYNTAX)
    _version(policy)
    statements = _statements(policy)
    if not policy.keys() <= _DOCUMENT or not statements:
        raise _malformed(_SYNTAX)
    sids: set[str] = set()
    for statement in statements:
        if not isinstance(statement, dict):
            raise _malformed(_SYNTAX)
        _identity_statement(cast("Statement", statement))
        sid = statement.get("Sid", "")
        if not isinstance(sid, str):
            raise _malformed(_SYNTAX)
        if not re.fullmatch(r"[0-9A-Za-z]*", sid):
            raise _malformed(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
                "[0-9A-Za-z]*"
            )
        if sid and sid in sids:
            raise _malformed("Statement IDs (SID) in a single policy must be unique.")
        sids.add(sid)


def _identity_statement(statement: Statement) -> None:
    if "Principal" in statement or "NotPrincipal" in statement:
        raise _malformed("Policy document should not specify a principal.")
    if not statement.keys() <= _STATEMENT or statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed(_SYNTAX)
    for element in ("Action", "Resource"):
        if element in statement and f"Not{element}" in statement:
            raise _malformed(_SYNTAX)
        if not _texts(statement.get(element, statement.get(f"Not{element}", []))):
            raise _malformed(f"Policy statement must contain {element.lower()}s.")
    for action in _texts(statement.get("Action", statement.get("NotAction", []))):
        if action != "*" and not re.fullmatch(r"[\w*?-]+:[\w*?.-]+", action):
            raise _malformed(_VENDOR if ":" not in action else _SYNTAX)
    for resource in _texts(statement.get("Resource", statement.get("NotResource", []))):
        if resource != "*" and not resource.startswith("arn:"):
            raise _malformed(f'Resource {resource} must be in ARN format or "*".')
    _condition(statement.get("Condition", {}))


def _condition(condition: Any) -> None:
    """Operators that there are, each with keys, each key with one value or more."""
    if not isinstance(condition, dict):
        raise _malformed(_SYNTAX)
    for operator, keys in cast("dict[str, Any]", condition).items():
        if not _OPERATOR.fullmatch(operator.lower()) or not isinstance(keys, dict):
            raise _malformed(_SYNTAX)
        for key, values in cast("dict[str, Any]", keys).items():
            if ":" not in key:
                raise _malformed(_VENDOR)
            listed = cast("list[Any]", values) if isinstance(values, list) else [values]
            if not all(isinstance(each, (str, int, float)) for each in listed):
                raise _malformed(_SYNTAX)


def _read(document: str, otherwise: str) -> dict[str, Any]:
    try:
        policy = json.loads(document, object_pairs_hook=_without_repetition)
    except ValueError as error:
        raise _malformed(otherwise) from error
    if not isinstance(policy, dict):
        raise _malformed(otherwise)
    return cast("dict[str, Any]", policy)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a member stands twice in an object")
    return dict(pairs)


def _version(policy: Statement) -> None:
    if policy.get("Version", "2008-10-17") not in VERSIONS:
        raise _malformed("The policy must contain a valid version string")


def _known(element: Statement, names: frozenset[str]) -> None:
    for name in element:
        if name not in names:
            raise _malformed(f"Unknown field {name}")


def _statements(policy: Statement) -> list[Any]:
    statements = policy.get("Statement", [])
    if isinstance(statements, dict):
        return [statements]
    return cast("list[Any]", statements) if isinstance(statements, list) else []


def _texts(value: Any) -> list[str]:
    """One text or several; raises for anything else."""
    listed = cast("list[Any]", value) if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in listed):
        raise _malformed(_SYNTAX)
    return [each for each in listed if each]


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message)
