"""IAM: ministack's, with the operations and refusals that it lacks, and with what a deletion ends.

A stack that changes its tags calls operations on OIDC providers and users that
ministack does not have; and a role or user that is deleted leaves nobody
behind who could still act in its name.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlencode
from xml.sax.saxutils import escape

from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.ministack import Backend, Params
from rehearsal.emulator.policy_documents import INLINE_SIZES, MANAGED_SIZE, check_identity, check_trust, size_of

NAMESPACE: Final = "https://iam.amazonaws.com/doc/2010-05-08/"
XML: Final = {"Content-Type": "text/xml"}
OF_ONESELF: Final = frozenset({"GetUser", "CreateAccessKey", "DeleteAccessKey", "ListAccessKeys", "UpdateAccessKey"})
"""Operations that are about the caller when they name nobody."""
MOST_TAGS: Final = 50
TAG: Final = re.compile(r"[\w\s.:/=+\-@]*")
"""What a tag's key and value are made of."""
MOST_KEYS: Final = 2
"""Access keys that a user may have (IAM quotas, 2026)."""

Form = Mapping[str, str]
Answer = tuple[int, dict[str, str], bytes]
Operation = Callable[[Form], str]
"""Takes an operation's parameters, gives the content of its result as XML; raises AwsError."""


class Iam:
    """Answers IAM's calls."""

    def __init__(self, backend: Backend) -> None:
        """Takes IAM's calls over from ministack."""
        self._backend = backend
        self._original = backend.handler("iam")
        self._operations: Mapping[str, Operation] = {
            "TagOpenIDConnectProvider": self._tag_provider,
            "UntagOpenIDConnectProvider": self._untag_provider,
            "ListOpenIDConnectProviderTags": self._provider_tags,
            "AddClientIDToOpenIDConnectProvider": self._add_client_id,
            "RemoveClientIDFromOpenIDConnectProvider": self._remove_client_id,
            "UpdateOpenIDConnectProviderThumbprint": self._update_thumbprints,
            "UpdateUser": self._update_user,
        }
        backend.replace("iam", self._handle)

    async def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Params) -> Answer:
        sent = {**query, **parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)}
        form = {name: values[0] for name, values in sent.items()}
        action = form.get("Action", "")
        try:
            if action in OF_ONESELF and not form.get("UserName"):
                form["UserName"] = self._own_name(headers, query)
                method, body, query = "POST", urlencode(form).encode(), {}
            if operation := self._operations.get(action):
                return _success(action, operation(form))
            self._check(action, form)
        except AwsError as error:
            return _failure(error)
        gone = self._principal_id(action, form)
        answer = await self._original(method, path, headers, body, query)
        if gone and answer[0] == 200:
            self._backend.close_sessions(gone)
        return answer

    def _own_name(self, headers: dict[str, str], query: Params) -> str:
        """The user who asks, where nobody else is named; ministack would take them for the account's root."""
        caller = self._backend.caller(headers, query)
        if caller is None or ":user/" not in caller.arn:
            raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials")
        return caller.arn.rsplit("/", 1)[-1]

    def _check(self, action: str, form: Form) -> None:
        """What AWS refuses and ministack does."""
        if action == "CreateAccessKey":
            name = form.get("UserName", "")
            keys = [key for key in self._backend.records("iam", "_access_keys").values() if key["UserName"] == name]
            if len(keys) >= MOST_KEYS:
                message = f"Cannot exceed quota for AccessKeysPerUser: {MOST_KEYS}"
                raise AwsError("LimitExceeded", message, 409)
        if action in ("CreateRole", "UpdateRole"):
            _check_duration(form.get("MaxSessionDuration", "3600"))
        roles = self._backend.records("iam", "_roles")
        role = form.get("RoleName", "")
        match action:
            case "CreateRole" if role not in roles:
                self._check_trust(form, "AssumeRolePolicyDocument")
            case "UpdateAssumeRolePolicy" if role in roles:
                self._check_trust(form, "PolicyDocument")
            case "CreatePolicy" | "CreatePolicyVersion":
                document = _document(form, "PolicyDocument")
                check_identity(document)
                if size_of(document) > MANAGED_SIZE:
                    raise AwsError("LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED_SIZE}", 409)
            case "PutUserPolicy" | "PutRolePolicy" | "PutGroupPolicy":
                self._check_inline(action.removeprefix("Put").removesuffix("Policy").lower(), form)
            case _:
                pass

    def _check_trust(self, form: Form, name: str) -> None:
        check_trust(_document(form, name), self._backend.settings.account_id, self._is_there)

    def _is_there(self, principal: str) -> bool:
        """Whether a user, a role or a session's role is of this account, by ARN or unique id."""
        users, roles = (self._backend.records("iam", store) for store in ("_users", "_roles"))
        if ":assumed-role/" in principal:
            return principal.split("/")[1] in roles
        ids = [(each["Arn"], each["UserId"]) for each in users.values()]
        ids += [(each["Arn"], each["RoleId"]) for each in roles.values()]
        return any(principal in each for each in ids)

    def _check_inline(self, kind: str, form: Form) -> None:
        """An inline policy of a "user", "role" or "group" that is there."""
        name = form.get(f"{kind.capitalize()}Name", "")
        owner = self._backend.records("iam", f"_{kind}s").get(name)
        if owner is None:
            return
        document = _document(form, "PolicyDocument")
        check_identity(document)
        kept: Any = (
            owner["InlinePolicies"]
            if kind == "role"
            else self._backend.records("iam", f"_{kind}_inline_policies").get(name) or {}
        )
        others = sum(size_of(text) for each, text in kept.items() if each != form.get("PolicyName"))
        if others + size_of(document) > INLINE_SIZES[kind]:
            message = f"Maximum policy size of {INLINE_SIZES[kind]} bytes exceeded for {kind} {name}"
            raise AwsError("LimitExceeded", message, 409)

    def _principal_id(self, action: str, form: Form) -> str:
        """The unique id of what a call will delete; empty when it deletes nobody."""
        match action:
            case "DeleteRole":
                role = self._backend.records("iam", "_roles").get(form.get("RoleName", ""))
                return role["RoleId"] if role else ""
            case "DeleteUser":
                user = self._backend.records("iam", "_users").get(form.get("UserName", ""))
                return user["UserId"] if user else ""
            case _:
                return ""

    def _provider(self, form: Form) -> dict[str, Any]:
        arn = form.get("OpenIDConnectProviderArn", "")
        found = self._backend.records("iam", "_oidc_providers").get(arn)
        if found is None:
            raise AwsError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404)
        return found

    def _tag_provider(self, form: Form) -> str:
        provider = self._provider(form)
        added = {each["Key"]: each.get("Value", "") for each in _structures(form, "Tags")}
        if not all(TAG.fullmatch(text) for pair in added.items() for text in pair):
            raise AwsError(
                "ValidationError",
                "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must satisfy "
                r"regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*",
            )
        tags = {each["Key"]: each["Value"] for each in provider.get("Tags", [])} | added
        if len(tags) > MOST_TAGS:
            raise AwsError("LimitExceeded", f"Cannot exceed quota for TagsPerOpenIdConnectProvider: {MOST_TAGS}", 409)
        provider["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        return ""

    def _untag_provider(self, form: Form) -> str:
        provider, gone = self._provider(form), _members(form, "TagKeys")
        provider["Tags"] = [each for each in provider.get("Tags", []) if each["Key"] not in gone]
        return ""

    def _provider_tags(self, form: Form) -> str:
        tags = "".join(
            f"<member><Key>{escape(each['Key'])}</Key><Value>{escape(each['Value'])}</Value></member>"
            for each in self._provider(form).get("Tags", [])
        )
        return f"<Tags>{tags}</Tags><IsTruncated>false</IsTruncated>"

    def _add_client_id(self, form: Form) -> str:
        ids = self._provider(form)["ClientIDList"]
        if form["ClientID"] not in ids:
            ids.append(form["ClientID"])
        return ""

    def _remove_client_id(self, form: Form) -> str:
        provider = self._provider(form)
        provider["ClientIDList"] = [each for each in provider["ClientIDList"] if each != form["ClientID"]]
        return ""

    def _update_thumbprints(self, form: Form) -> str:
        self._provider(form)["ThumbprintList"] = _members(form, "ThumbprintList")
        return ""

    def _update_user(self, form: Form) -> str:
        """Another path: the user's ARN changes with it. Another name would be another resource to the lab."""
        name = form.get("UserName", "")
        user = self._backend.records("iam", "_users").get(name)
        if user is None:
            raise AwsError("NoSuchEntity", f"The user with name {name} cannot be found.", 404)
        if form.get("NewUserName", name) != name:
            raise AwsError("InvalidInput", "The rehearsal does not play NewUserName of UpdateUser.")
        if path := form.get("NewPath", ""):
            user["Path"] = path
            user["Arn"] = f"{user['Arn'].partition(':user/')[0]}:user{path}{name}"
        return ""


def _document(form: Form, name: str) -> str:
    if document := form.get(name):
        return document
    message = f"Value null at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: Member must not be null"
    raise AwsError("ValidationError", f"1 validation error detected: {message}")


def _check_duration(text: str) -> None:
    """Seconds that a role's sessions may last."""
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise AwsError("MalformedInput", f"'{text}' is not a number")
    limit = "greater than or equal to 3600" if int(text) < 3600 else "less than or equal to 43200"
    if not 3600 <= int(text) <= 43200:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{text}' at 'maxSessionDuration' failed to satisfy constraint: "
            f"Member must have value {limit}",
        )


def _members(form: Form, name: str) -> list[str]:
    """A list of the query protocol, in its order."""
    found = {int(match[1]): form[key] for key in form if (match := re.fullmatch(rf"{name}\.member\.(\d+)", key))}
    return [found[index] for index in sorted(found)]


def _structures(form: Form, name: str) -> list[dict[str, str]]:
    """A list of structures of the query protocol, in its order."""
    found: dict[int, dict[str, str]] = {}
    for key, value in form.items():
        if match := re.fullmatch(rf"{name}\.member\.(\d+)\.(\w+)", key):
            found.setdefault(int(match[1]), {})[match[2]] = value
    return [found[index] for index in sorted(found)]


def _success(action: str, content: str) -> Answer:
    result = f"<{action}Result>{content}</{action}Result>" if content else ""
    metadata = "<ResponseMetadata><RequestId>rehearsal</RequestId></ResponseMetadata>"
    body = f'<{action}Response xmlns="{NAMESPACE}">{result}{metadata}</{action}Response>'
    return 200, dict(XML), body.encode()


def _failure(error: AwsError) -> Answer:
    inner = f"<Type>Sender</Type><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
    body = f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{inner}</Error><RequestId>rehearsal</RequestId></ErrorResponse>'
    return error.status, dict(XML), body.encode()
