"""An error that a client of any service can read, whichever protocol it has."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import botocore.session
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import ResponseParser, ResponseParserFactory
from botocore.serialize import Serializer, create_serializer

from rehearsal.emulator import protocols

ASKED = (
    ("cloudformation", "DescribeStacks", {}, "query"),
    ("ses", "ListIdentities", {}, "query"),
    ("ec2", "DescribeVpcs", {}, "ec2"),
    ("dynamodb", "ListTables", {}, "json"),
    ("ssm", "DescribeParameters", {}, "json"),
    ("lambda", "ListFunctions", {}, "rest-json"),
    ("sesv2", "ListEmailIdentities", {}, "rest-json"),
    ("cloudfront", "ListDistributions", {}, "rest-xml"),
    ("route53", "ListHostedZones", {}, "rest-xml"),
    ("s3", "ListBuckets", {}, "rest-xml"),
    ("s3control", "ListJobs", {"AccountId": "111122223333"}, "rest-xml"),
    ("cloudwatch", "ListMetrics", {}, "smithy-rpc-v2-cbor"),
)
"""botocore's service, an operation, its parameters, and the protocol: every one of AWS's, and every service that
has its own way of writing errors."""


@pytest.fixture(scope="module")
def session() -> botocore.session.Session:
    return botocore.session.get_session()


@pytest.mark.parametrize(("service", "operation", "params", "protocol"), ASKED)
def test_a_client_reads_code_and_message(
    session: botocore.session.Session, service: str, operation: str, params: dict[str, Any], protocol: str
) -> None:
    model = session.get_service_model(service)
    called = model.operation_model(operation)
    request = cast(Serializer, create_serializer(protocol)).serialize_to_request(params, called)
    headers = {name.lower(): value for name, value in request["headers"].items()}
    # The client adds it when it prepares the request, if its serializer has not.
    if isinstance(request["body"], dict):
        headers.setdefault("content-type", protocols.FORM)
    seen = protocols.protocol(signing_name(model), headers, {})
    assert seen == protocol

    answer = protocols.error(seen, 400, "UnsupportedService", "The rehearsal does not play <it> & that's that.")
    parser = cast(ResponseParser, ResponseParserFactory().create_parser(protocol))
    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body, "context": {}}
    error = parser.parse(cast(Any, response), cast(Any, called.output_shape))["Error"]
    assert error["Code"] == "UnsupportedService"
    assert error["Message"] == "The rehearsal does not play <it> & that's that."


def signing_name(model: ServiceModel) -> str:
    return cast(str, model.signing_name)


def test_every_service_that_takes_xml_without_showing_it_is_known() -> None:
    named = {
        metadata.get("signingName", metadata["endpointPrefix"])
        for metadata in every_metadata()
        if metadata["protocol"] == "rest-xml"
    }
    assert named <= protocols.REST_XML
    # The others have no model of their own: S3's clients sign for them.
    assert protocols.REST_XML - named == {"s3-object-lambda", "s3-outposts", "s3express"}


def every_metadata() -> Iterator[dict[str, Any]]:
    """The metadata of each service model, from the file's beginning: whole, they take a minute to read."""
    loader = Loader()
    for service in loader.list_available_services("service-2"):
        version = loader.determine_latest_version(service, "service-2")
        yield head(loader, f"{service}/{version}/service-2")


def head(loader: Loader, name: str) -> dict[str, Any]:
    for directory in loader.search_paths:
        path = Path(directory) / f"{name}.json.gz"
        if path.exists():
            with gzip.open(path, "rt") as file:
                text = file.read(4096)
            found, _ = json.JSONDecoder().raw_decode(text, text.index("{", text.index('"metadata"')))
            return found
    raise AssertionError(f"{name} is in none of botocore's directories")


def test_who_signs_nothing_is_answered_in_the_form_of_the_request() -> None:
    assert protocols.protocol("", {"content-type": f"{protocols.FORM}; charset=utf-8"}, {}) == "query"
    assert protocols.protocol("", {}, {"Action": ["GetCallerIdentity"]}) == "query"
    assert protocols.protocol("", {"x-amz-target": "AWSIdentity.GetId"}, {}) == "json"
    assert protocols.protocol("", {}, {}) == "rest-json"
