"""What IAM has to know about a request beyond what ministack looks at.

Policies of controllers admit what bears a tag of theirs, and name the very
resource that is tagged. ministack knows the tags of few services, takes one
resource from a request, and does not ask whether who creates a thing with tags
may tag. It takes policy variables for text, and knows little of what a session
was opened with. All of these are added here; like `backend`, this module leans
on names that ministack does not promise to keep.

Service Authorization Reference, "Actions, resources, and condition keys" for
Amazon EC2 and for Elastic Load Balancing V2; seen 2026-11.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Final

from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.ministack import Backend, Params
from rehearsal.emulator.policy_variables import PolicyLanguage

Tagged = Iterable[tuple[str, Mapping[str, str]]]
"""ARNs and the tags of what they name."""

DENIED: Final = {"ec2": "UnauthorizedOperation"}
"""How a service calls a refusal; others say AccessDenied."""
_BY_BOUNDARY: Final = (
    (b"because no identity-based policy allows", b"because no permissions boundary allows"),
    (b"with an explicit deny in an identity-based policy", b"with an explicit deny in a permissions boundary"),
)


class Authorization:
    """IAM's view of resources, and further questions to it."""

    def __init__(self, backend: Backend) -> None:
        """`backend` plays IAM."""
        self._backend = backend
        self._actions: Any = importlib.import_module("ministack.core.iam_actions")
        self._evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
        # Where ministack looks for the tags that a request sets: in the model of botocore's that is named so.
        self._actions._BOTOCORE_SERVICE_MAP["elasticloadbalancing"] = ["elbv2"]
        self._actions._TAG_MEMBERS |= {"TagSpecifications"}
        tagging = backend.module("tagging")
        PolicyLanguage(self._evaluator, self._role_arn, tagging.resource_tags)
        self._name_boundaries()
        self._know_sessions()

    def _role_arn(self, account: str, name: str) -> str | None:
        role = self._backend.module("iam")._roles.get_scoped(account, None, name)
        return role["Arn"] if role else None

    def _name_boundaries(self) -> None:
        """Name a permissions boundary in the refusals that it decides; ministack blames identity-based policies.

        AWS names the type of policy that refused (IAM User Guide, "Troubleshoot access denied error messages").
        """
        actions, evaluator = self._actions, self._evaluator
        evaluate, refuse = evaluator.evaluate, actions.access_denied_response
        # A request has a context of its own.
        by_boundary: ContextVar[bool] = ContextVar("by_boundary", default=False)

        def evaluated(asked: Any, policies: Any, *limits: Any) -> Any:
            result = evaluate(asked, policies, *limits)
            if limits:
                by_boundary.set(result.decision != evaluate(asked, policies).decision)
            return result

        def refused(*args: Any, **more: Any) -> tuple[int, dict[str, str], bytes]:
            status, headers, body = refuse(*args, **more)
            if by_boundary.get():
                for ministacks, awss in _BY_BOUNDARY:
                    body = body.replace(ministacks, awss)
            return status, headers, body

        evaluator.evaluate, actions.access_denied_response = evaluated, refused

    def _know_sessions(self) -> None:
        """Let conditions and policy variables see what a session was opened with, besides its tags."""
        original = self._evaluator._principal_keys

        def principal_keys(credential: Any) -> dict[str, Any]:
            session = self._backend.session_record(credential.access_key_id)
            known = {
                "aws:sourceidentity": session.get("SourceIdentity"),
                "aws:federatedprovider": session.get("FederatedProvider"),
            }
            return {**original(credential), **{key: value for key, value in known.items() if value}}

        self._evaluator._principal_keys = principal_keys

    def know_tags(self, service: str, tagged: Callable[[], Tagged]) -> None:
        """Let `aws:ResourceTag` and the tagging API's GetResources see a service's tags.

        `service` is the one in its ARNs.
        """
        tagging = self._backend.module("tagging")

        def collect() -> Iterable[tuple[str, list[dict[str, str]]]]:
            for arn, tags in tagged():
                yield arn, [{"Key": key, "Value": value} for key, value in tags.items()]

        tagging._RESOURCE_TAG_COLLECTORS[service] = collect
        tagging._COLLECTORS[service] = collect

    def know_resource(self, service: str, named: Callable[[Params], str]) -> None:
        """Let IAM decide about the resource that `named` finds in a request's form; empty: the one it knows itself."""
        original = self._actions.extract_resource_arn

        def resource_arn(asked: str, *args: Any, **more: Any) -> str:
            # method, path, headers, body and the parameters, in this order.
            found = named(args[4]) if asked == service else ""
            return found or original(asked, *args, **more)

        self._actions.extract_resource_arn = resource_arn

    def demand(
        self, headers: Mapping[str, str], query: Params, action: str, arn: str, keys: Mapping[str, Any] | None = None
    ) -> None:
        """Ask IAM once more about a request that it has let pass; raises AwsError when the caller may not.

        `action` as "ec2:CreateTags", `keys` the request's condition keys.
        """
        router: Any = importlib.import_module("ministack.core.router")
        service = action.partition(":")[0]
        denied = self._evaluator.enforce(
            router.extract_access_key_id(headers, query),
            action,
            service,
            self._backend.region_of(headers, query),
            resource_arn=arn,
            service_context=dict(keys or {}),
        )
        if denied is None:
            return
        who = getattr(denied, "principal_arn", "")
        explicit = getattr(denied, "decision", "") == "Deny"
        reason = (
            "with an explicit deny in an identity-based policy"
            if explicit
            else f"because no identity-based policy allows the {action} action"
        )
        message = f"User: {who} is not authorized to perform: {action} on resource: {arn} {reason}"
        raise AwsError(DENIED.get(service, "AccessDenied"), message, 403)


def tag_keys(tags: Mapping[str, str]) -> dict[str, Any]:
    """The condition keys of a request that sets these tags."""
    return {**{f"aws:RequestTag/{key}": value for key, value in tags.items()}, "aws:TagKeys": list(tags)}
