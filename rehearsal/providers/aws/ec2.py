"""What all resources of EC2's API have in common."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import tag_list
from rehearsal.providers.aws.base import AwsResource, Strings
from rehearsal.providers.aws.boto_calls import Call, error_code
from rehearsal.providers.protocol import ProviderError

# What depends on a group or VPC goes in its own time, an interface after its instance. The real
# provider asks for minutes; here it is long enough to see what goes by itself, and to be told what does not.
DEPENDENCY_MINUTES = 0.35


class Ec2Resource(AwsResource):
    """A resource of EC2's API."""

    @override
    def retag(self, call: Call, put: Strings, drop: list[str]) -> None:
        if drop:
            call.ec2.delete_tags(Resources=[call.id], Tags=[{"Key": key} for key in drop])
        if put:
            call.ec2.create_tags(Resources=[call.id], Tags=tag_list(put))


def delete_when_free(call: Call, operation: str, **arguments: Any) -> None:
    """Delete, again and again for a while as long as AWS answers DependencyViolation."""
    refused: list[Exception] = []

    def poll() -> bool | None:
        try:
            getattr(call.ec2, operation)(**arguments)
        except Exception as error:
            if error_code(error) != "DependencyViolation":
                raise
            refused[:] = [error]
            return None
        return True

    try:
        call.wait(f"what depends on {call.id} to go", poll, minutes=DEPENDENCY_MINUTES)
    except ProviderError:
        if refused and not call.ctx.cancelled.is_set():
            raise refused[0] from None
        raise
