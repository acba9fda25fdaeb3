"""AWS calls of the emulator's own parts, put to ministack without a socket.

EKS on AWS makes security groups, network interfaces and instances in the
customer's account; the emulator's EKS does the same through the very API that
users see, so that what it makes is listed, tagged and in the way like theirs.
botocore's own serializers and parsers do the wire format.
"""

from typing import Any, cast
from urllib.parse import urlencode

import botocore.session
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import ResponseParser, ResponseParserFactory
from botocore.serialize import Serializer, create_serializer

from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.ministack import Backend

REST_SIGNING_NAMES = {"elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing"}


class Calls:
    """Calls AWS operations with the account root's rights; raises AwsError for AWS's errors."""

    def __init__(self, backend: Backend) -> None:
        """`backend` answers the calls."""
        self._backend = backend
        self._session = botocore.session.get_session()
        self._models: dict[str, tuple[ServiceModel, Serializer, ResponseParser]] = {}

    def model(self, service: str) -> ServiceModel:
        """botocore's model of a service."""
        return self._parts(service)[0]

    def parse(self, operation: OperationModel, status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        """What a service answered to an operation, as boto3 would return it; raises AwsError."""
        parser = self._parts(operation.service_model.service_name)[2]
        response = {"status_code": status, "headers": headers, "body": body, "context": {}}
        parsed = cast(dict[str, Any], parser.parse(cast(Any, response), cast(Any, operation.output_shape)))
        if status >= 300:
            error = parsed.get("Error", {})
            raise AwsError(error.get("Code", "Unknown"), error.get("Message", ""), status)
        parsed.pop("ResponseMetadata", None)
        return parsed

    async def __call__(self, service: str, operation_name: str, /, **params: Any) -> dict[str, Any]:
        """Call an operation by its API name: `await calls("ec2", "DescribeVpcs", VpcIds=[…])`."""
        model, serializer, _ = self._parts(service)
        operation = model.operation_model(operation_name)
        request = serializer.serialize_to_request(params, operation)
        body = request["body"]
        if isinstance(body, dict):
            body = urlencode(cast(dict[str, str], body)).encode()
        headers = {**request["headers"]}
        if isinstance(body, str):
            body = body.encode()
        region = self._backend.settings.region
        signing_name = REST_SIGNING_NAMES.get(service, service)
        headers["Authorization"] = self._backend.root_authorization(signing_name, region)
        headers["Host"] = self._backend.settings.host
        answer = await self._backend.request(
            request["method"],
            request["url_path"],
            query=urlencode(request.get("query_string") or {}),
            headers=headers,
            body=body,
        )
        return self.parse(operation, answer.status, answer.headers, answer.body)

    def _parts(self, service: str) -> tuple[ServiceModel, Serializer, ResponseParser]:
        if service not in self._models:
            model = self._session.get_service_model(service)
            protocol = cast(str, model.resolved_protocol)
            self._models[service] = (
                model,
                cast(Serializer, create_serializer(protocol, include_validation=True)),
                cast(ResponseParser, ResponseParserFactory().create_parser(protocol)),
            )
        return self._models[service]
