"""EC2's query protocol from the server's side, driven by botocore's model.

ministack answers most of EC2. Where the answer has to be changed, it is parsed
with the clients' own parser, changed as plain data, and written again here;
where it has to be given again, the request is read here too.
"""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, OperationModel, Shape, StructureShape

from rehearsal.emulator import query, shapes
from rehearsal.emulator.errors import AwsError

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


def read(operation: OperationModel, form: Mapping[str, list[str]]) -> dict[str, Any]:
    """The parameters of a request, by their API names: {"SubnetIds": ["subnet-…"], …}."""
    flat = {name: values[0] for name, values in form.items() if values}
    shape = shapes.given(operation)
    return _read_structure(shape, flat, "") if shape else {}


def _read_structure(shape: StructureShape, flat: Mapping[str, str], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member, member_shape in shapes.members(shape).items():
        name = f"{prefix}{_wire_name(member, member_shape)}"
        if any(key == name or key.startswith(f"{name}.") for key in flat):
            found[member] = _read(member_shape, flat, name)
    return found


def _read(shape: Shape, flat: Mapping[str, str], name: str) -> Any:
    if isinstance(shape, StructureShape):
        return _read_structure(shape, flat, f"{name}.")
    if isinstance(shape, ListShape):
        indices = {key.removeprefix(f"{name}.").partition(".")[0] for key in flat if key.startswith(f"{name}.")}
        return [
            _read(shapes.item(shape), flat, f"{name}.{index}")
            for index in sorted(filter(str.isdigit, indices), key=int)
        ]
    value = flat.get(name, "")
    match shape.type_name:
        case "integer" | "long":
            return int(value)
        case "boolean":
            return value.lower() == "true"
        case _:
            return value


def _wire_name(member: str, shape: Shape) -> str:
    serialization = shapes.serialization(shape)
    if "queryName" in serialization:
        return serialization["queryName"]
    name = serialization.get("name", member)
    return name[0].upper() + name[1:]


def write(operation: OperationModel, result: Mapping[str, Any]) -> bytes:
    """The answer to an operation; `result` has the members that boto3 would return."""
    shape = shapes.returned(operation)
    inner = query.written(shape, result, "item") if shape else "<return>true</return>"
    tag = f"{shapes.name(operation)}Response"
    return f'<{tag} xmlns="{NAMESPACE}"><requestId>rehearsal</requestId>{inner}</{tag}>'.encode()


def write_error(error: AwsError) -> bytes:
    """EC2's form of an error."""
    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    return f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>rehearsal</RequestID></Response>".encode()
