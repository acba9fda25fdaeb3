"""What all resources of EKS's API have in common: tags by ARN, states to wait for, updates that take time."""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.base import AwsResource, Strings
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.properties import Change, Properties
from rehearsal.providers.protocol import Context, Diff, ProviderError, State


class EksResource(AwsResource):
    """A resource of EKS's API whose tags hang on its ARN."""

    arn_property: ClassVar[str] = "arn"

    @override
    def diff(self, ctx: Context, old: State, new: Properties) -> Diff:
        """What failed at its creation stays so on EKS: it has to be made again."""
        found = super().diff(ctx, old, new)
        if old.outputs.get("status") in ("CREATE_FAILED", "FAILED"):
            again = Change(("status",), "update", replace=True)
            return Diff([*found.changes, again], delete_before_replace=True)
        return found

    @override
    def retag(self, call: Call, put: Strings, drop: list[str]) -> None:
        arn = call.outputs[self.arn_property]
        if drop:
            call.eks.untag_resource(resourceArn=arn, tagKeys=drop)
        if put:
            call.eks.tag_resource(resourceArn=arn, tags=put)


def issues(health: dict[str, Any]) -> str:
    """What EKS says is wrong: "code: message" of each issue."""
    return "; ".join(f"{issue.get('code')}: {issue.get('message')}" for issue in health.get("issues", []))


def wait_status(call: Call, what: str, describe: Any, wanted: str, *pending: str, minutes: float) -> None:
    """Wait until `describe()["status"]` is the wanted one; another than those pending is a failure."""

    def poll() -> bool | None:
        found = describe()
        status = found["status"]
        if status != wanted and status not in pending:
            raise ProviderError(
                f"unexpected state '{status}', wanted target '{wanted}': {issues(found.get('health', {}))}"
            )
        return True if status == wanted else None

    call.wait(f"{what} to become {wanted}", poll, minutes=minutes)


def wait_update(call: Call, what: str, answer: dict[str, Any], **which: str) -> None:
    """Wait until the update that EKS answered with has succeeded. `which` names add-on or node group."""
    update = answer["update"]

    def poll() -> bool | None:
        found = call.eks.describe_update(updateId=update["id"], **which)["update"]
        if found["status"] in ("Failed", "Cancelled"):
            reasons = [f"{e.get('errorCode')}: {e.get('errorMessage')}" for e in found.get("errors", [])]
            raise ProviderError(f"update {found['type']} of {what} is {found['status']}: {'; '.join(reasons)}")
        return True if found["status"] == "Successful" else None

    call.wait(f"{what} to be updated", poll, minutes=60)


def present(source: Properties, *names: str) -> Properties:
    """Members of an input or of EKS's answer, which has the provider's names; absent ones are left out."""
    return {name: source[name] for name in names if source.get(name) is not None}
