"""AWS's query protocol from the server's side, driven by botocore's model.

Elastic Load Balancing is asked by it: a form comes, XML goes. EC2's protocol is
a relative of it with other names for lists, and has a module of its own.
"""

from collections.abc import Mapping
from typing import Any, cast
from xml.sax.saxutils import escape

from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from rehearsal.emulator import shapes
from rehearsal.emulator.errors import AwsError

XML = {"Content-Type": "text/xml"}


def read(operation: OperationModel, form: Mapping[str, list[str]]) -> dict[str, Any]:
    """The parameters of a request by their API names; raises AwsError when they do not fit the model."""
    shape = shapes.given(operation)
    if shape is None:
        return {}
    flat = {name: values[0] for name, values in form.items() if values}
    params = _structure(shape, flat, "")
    report = ParamValidator().validate(params, cast(Any, shape))
    if report.has_errors():
        raise AwsError("ValidationError", report.generate_report())
    return params


def _structure(shape: StructureShape, flat: Mapping[str, str], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member, member_shape in shapes.members(shape).items():
        name = f"{prefix}{member}"
        if any(key == name or key.startswith(f"{name}.") for key in flat):
            found[member] = _value(member_shape, flat, name)
    return found


def _value(shape: Shape, flat: Mapping[str, str], name: str) -> Any:
    if isinstance(shape, StructureShape):
        return _structure(shape, flat, f"{name}.")
    if isinstance(shape, ListShape):
        start = f"{name}.member."
        indices = {key.removeprefix(start).partition(".")[0] for key in flat if key.startswith(start)}
        return [_value(shapes.item(shape), flat, f"{start}{index}") for index in sorted(indices, key=_number)]
    value = flat.get(name, "")
    match shape.type_name:
        case "integer" | "long":
            return _number(value)
        case "boolean":
            return value.lower() == "true"
        case _:
            return value


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise AwsError("MalformedInput", f"'{text}' is not a number") from error


def write(model: ServiceModel, operation: OperationModel, result: Mapping[str, Any]) -> bytes:
    """The answer to an operation; `result` has the members that boto3 would return."""
    shape = shapes.returned(operation)
    name = shapes.name(operation)
    inner = written(shape, result) if shape else ""
    namespace = cast(dict[str, str], model.metadata).get("xmlNamespace", "")
    metadata = "<ResponseMetadata><RequestId>rehearsal</RequestId></ResponseMetadata>"
    body = f"<{name}Result>{inner}</{name}Result>{metadata}"
    return f'<{name}Response xmlns="{namespace}">{body}</{name}Response>'.encode()


def written(shape: StructureShape, value: Mapping[str, Any], item: str = "member") -> str:
    """The members of a structure as XML; `item` is the name of what a list holds."""
    parts: list[str] = []
    for member, member_shape in shapes.members(shape).items():
        if value.get(member) is not None:
            name = shapes.serialization(member_shape).get("name", member)
            parts.append(f"<{name}>{_written(member_shape, value[member], item)}</{name}>")
    return "".join(parts)


def _written(shape: Shape, value: Any, item: str) -> str:
    if isinstance(shape, StructureShape):
        return written(shape, cast(Mapping[str, Any], value), item)
    if isinstance(shape, ListShape):
        return "".join(f"<{item}>{_written(shapes.item(shape), each, item)}</{item}>" for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "isoformat"):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return escape(str(value))


def write_error(error: AwsError) -> bytes:
    """The protocol's form of an error."""
    inner = f"<Type>Sender</Type><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    return f"<ErrorResponse><Error>{inner}</Error><RequestId>rehearsal</RequestId></ErrorResponse>".encode()
