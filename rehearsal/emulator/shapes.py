"""botocore's model shapes, with types.

botocore computes their parts lazily in a way that type checkers do not see
through; these few accessors say what the parts are.
"""

from collections.abc import Mapping
from typing import Any, cast

from botocore.model import ListShape, OperationModel, Shape, StructureShape


def members(shape: StructureShape) -> Mapping[str, Shape]:
    """A structure's members by name."""
    return cast(Mapping[str, Shape], shape.members)


def item(shape: ListShape) -> Shape:
    """What a list holds."""
    return cast(Shape, shape.member)


def serialization(shape: Shape) -> Mapping[str, str]:
    """How a member travels: "name", "queryName", "location"."""
    return cast(Mapping[str, str], cast(Any, shape).serialization)


def given(operation: OperationModel) -> StructureShape | None:
    """An operation's input."""
    return cast("StructureShape | None", operation.input_shape)


def returned(operation: OperationModel) -> StructureShape | None:
    """An operation's output."""
    return cast("StructureShape | None", operation.output_shape)


def name(operation: OperationModel) -> str:
    """An operation's API name."""
    return cast(str, operation.name)
