"""What IAM has to know about a request beyond what ministack looks at.

Policies of controllers admit what bears a tag of theirs, and name the very
resource that is tagged. ministack knows the tags of few services, takes one
resource from a request, and does not ask whether who creates a thing with tags
may tag. All three are added here; like `backend`, this module leans on names
that ministack does not promise to keep.

Service Authorization Reference, "Actions, resources, and condition keys" for
Amazon EC2 and for Elastic Load Balancing V2; seen 2026-11.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from rehearsal.aws.backend import Backend, Params
from rehearsal.aws.errors import AwsError

Tagged = Iterable[tuple[str, Mapping[str, str]]]
"""ARNs and the tags of what they name."""

DENIED: Final = {"ec2": "UnauthorizedOperation"}
"""How a service calls a refusal; others say AccessDenied."""


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
