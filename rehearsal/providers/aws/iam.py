"""What IAM's resource types share."""

from typing import ClassVar

from typing_extensions import override

from rehearsal.providers.aws.api_shapes import tag_list
from rehearsal.providers.aws.base import AwsResource, Strings
from rehearsal.providers.aws.boto_calls import Call


class IamResource(AwsResource):
    """A type that IAM tags by calls of its own, `tag_role` and the like."""

    noun: ClassVar[str]
    """As IAM's operations name it: `open_id_connect_provider`."""

    parameter: ClassVar[str]
    """The parameter of those calls that takes its id."""

    @override
    def retag(self, call: Call, put: Strings, drop: list[str]) -> None:
        which = {self.parameter: call.id}
        if drop:
            getattr(call.iam, f"untag_{self.noun}")(**which, TagKeys=drop)
        if put:
            getattr(call.iam, f"tag_{self.noun}")(**which, Tags=tag_list(put))
