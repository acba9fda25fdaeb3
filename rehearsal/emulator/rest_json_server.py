"""The server's side of AWS's REST-JSON protocol, driven by botocore's model.

The model that every client is built from says which path belongs to which
operation and where each parameter travels; reading it here too means that an
operation is known by the same name and shape on both sides.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from botocore.model import ListShape, OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

from rehearsal.emulator import shapes
from rehearsal.emulator.asgi import Response
from rehearsal.emulator.errors import AwsError


class RestJson:
    """Reads requests of one service and writes its answers."""

    def __init__(self, model: ServiceModel) -> None:
        """`model` is botocore's model of a service whose protocol is rest-json."""
        self._model = model
        self._validator = ParamValidator()
        routes: list[tuple[int, str, re.Pattern[str], str]] = []
        for name in cast(list[str], model.operation_names):
            http = cast(dict[str, str], model.operation_model(name).http)
            path = http["requestUri"].partition("?")[0]
            literals = sum(1 for part in path.split("/") if part and not part.startswith("{"))
            routes.append((-literals, http["method"], _pattern(path), name))
        # The path with more fixed parts first: an ARN may hold slashes.
        self._routes = sorted(routes, key=lambda route: route[0])

    def operation(self, method: str, path: str) -> str | None:
        """Name of the operation that has this method and path; None when there is none."""
        return next((name for _, verb, route, name in self._routes if verb == method and route.fullmatch(path)), None)

    def read(
        self, method: str, path: str, query: Mapping[str, list[str]], body: bytes
    ) -> tuple[str, dict[str, Any]] | None:
        """The operation that a request asks for, and its parameters; None when there is no such operation.

        Raises AwsError for a body or parameters that do not fit the model.
        """
        for _, verb, pattern, name in self._routes:
            found = pattern.fullmatch(path) if verb == method else None
            if found:
                operation = self._model.operation_model(name)
                params = self._params(operation, found.groupdict(), query, body)
                return name, params
        return None

    def _params(
        self,
        operation: OperationModel,
        in_path: Mapping[str, str],
        query: Mapping[str, list[str]],
        body: bytes,
    ) -> dict[str, Any]:
        try:
            content = json.loads(body) if body.strip() else {}
        except ValueError as error:
            raise AwsError("InvalidParameterException", "The request body is not JSON.") from error
        shape = shapes.given(operation)
        if shape is None:
            return {}
        params: dict[str, Any] = {}
        for member, member_shape in shapes.members(shape).items():
            serialization = shapes.serialization(member_shape)
            wire = serialization.get("name", member)
            location = serialization.get("location")
            if location == "uri":
                params[member] = in_path[_group(wire)]
            elif location == "querystring":
                if wire in query:
                    params[member] = _from_query(member_shape, query[wire])
            elif isinstance(content, dict) and content.get(wire) is not None:
                params[member] = content[wire]
        report = self._validator.validate(params, shape)
        if report.has_errors():
            raise AwsError("InvalidParameterException", report.generate_report())
        return params


def _group(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _pattern(path: str) -> re.Pattern[str]:
    parts: list[str] = []
    for part in path.strip("/").split("/"):
        if part.startswith("{"):
            name = part.strip("{}+")
            # ARNs hold slashes, and arrive here decoded.
            parts.append(f"(?P<{_group(name)}>{'.+?' if name.lower().endswith('arn') else '[^/]+'})")
        else:
            parts.append(re.escape(part))
    return re.compile("/" + "/".join(parts) + "/?")


def _from_query(shape: Shape, values: list[str]) -> Any:
    if isinstance(shape, ListShape):
        return [_from_query(shapes.item(shape), [value]) for value in values]
    match shape.type_name:
        case "integer" | "long":
            return int(values[0]) if values[0].lstrip("-").isdigit() else values[0]
        case "boolean":
            return values[0].lower() == "true"
        case _:
            return values[0]


def answer(content: Mapping[str, Any]) -> Response:
    """A result; times are seconds since 1970, as the protocol has it."""
    return Response(200, {"Content-Type": "application/json"}, json.dumps(content).encode())


def failure(error: AwsError) -> Response:
    """An error, in the header and the body that SDKs look at."""
    body = {**error.fields, "message": error.message}
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return Response(error.status, headers, json.dumps(body).encode())
