"""Errors in the protocol of whoever is asked, for services that nobody plays too.

A client reads an error only in the form that its service has; in any other it
reports XML or JSON that it cannot parse, and nobody learns what was wrong. A
request shows by itself which of AWS's protocols it is written in, so that an
error needs no model of the service: AWS's own ones are many, and loading one
takes up to a second.
"""

from collections.abc import Mapping
from typing import Final, Literal
from xml.sax.saxutils import escape

from rehearsal.emulator.asgi import Response, json_response

Protocol = Literal["query", "ec2", "json", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"]
"""botocore's names; "json" stands for JSON 1.0 and 1.1."""

FORM: Final = "application/x-www-form-urlencoded"
REST_XML: Final = frozenset({"cloudfront", "route53", "s3", "s3-object-lambda", "s3-outposts", "s3express"})
"""Signing names of the services whose requests do not show that they take XML; a unit test holds this against
botocore's models."""


def protocol(service: str, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> Protocol:
    """The protocol of a request.

    `service` is its signing name, empty for one that is not signed; `headers` have lower-case names.
    """
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return "smithy-rpc-v2-cbor"
    if "x-amz-target" in headers:
        return "json"
    if headers.get("content-type", "").partition(";")[0].strip().lower() == FORM or "Action" in query:
        return "ec2" if service == "ec2" else "query"
    return "rest-xml" if service in REST_XML else "rest-json"


def error(asked: Protocol, status: int, code: str, message: str) -> Response:
    """An error as that protocol has it; "rest-xml" in the form of S3, which its other services' clients read too."""
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    match asked:
        case "ec2":
            return _xml(status, f"<Response><Errors><Error>{inner}</Error></Errors>{_id('RequestID')}</Response>")
        case "query":
            typed = f"<Error><Type>Sender</Type>{inner}</Error>"
            return _xml(status, f"<ErrorResponse>{typed}{_id('RequestId')}</ErrorResponse>")
        case "rest-xml":
            return _xml(status, f"<Error>{inner}{_id('RequestId')}</Error>")
        case "smithy-rpc-v2-cbor":
            headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
            return Response(status, headers, _cbor({"__type": code, "message": message}))
        case "json" | "rest-json":
            return json_response({"__type": code, "message": message}, status, {"x-amzn-errortype": code})


def _xml(status: int, body: str) -> Response:
    return Response(status, {"content-type": "text/xml"}, body.encode())


def _id(name: str) -> str:
    return f"<{name}>rehearsal</{name}>"


def _cbor(texts: Mapping[str, str]) -> bytes:
    """A map of less than 24 texts (RFC 8949: major type 5 is a map, 3 a text; 25 announces a length of 2 bytes)."""
    parts = [bytes([5 << 5 | len(texts)])]
    for text in (text for pair in texts.items() for text in pair):
        content = text.encode()
        parts += [bytes([3 << 5 | 25]), len(content).to_bytes(2), content]
    return b"".join(parts)
