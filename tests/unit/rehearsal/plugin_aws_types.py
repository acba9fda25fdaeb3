"""The stand-in's AWS types, each ready to be asked without an AWS to talk to."""

import pytest

from rehearsal.providers.aws.base import AwsResource
from rehearsal.providers.aws.boto_calls import Aws
from rehearsal.providers.aws.provider import RESOURCES
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import Context, Diff, InvalidPropertiesError, State

AWS = Aws("ap-northeast-2", {})
TYPES = {cls.pulumi_type: cls(AWS) for cls in RESOURCES}
CTX = Context(name="thing", random_seed=b"seed")


def check(resource: AwsResource, inputs: Properties, old: Properties | None = None) -> Properties:
    return resource.check(CTX, old, inputs)


def diff(resource: AwsResource, old: Properties, new: Properties, outputs: Properties | None = None) -> Diff:
    """From what the program said to what it says now; outputs as if AWS had chosen nothing."""
    was = check(resource, old)
    return resource.diff(CTX, State("id", was, outputs or {}), check(resource, new, was))


def wrong(resource: AwsResource, inputs: Properties) -> dict[str, str]:
    with pytest.raises(InvalidPropertiesError) as failure:
        check(resource, inputs)
    return {f.property: f.reason for f in failure.value.failures}
