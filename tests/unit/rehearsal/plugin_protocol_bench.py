"""A provider of one toy type, and the protocol's calls made on it without a network."""

from collections.abc import Callable
from typing import Any, cast

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2
from typing_extensions import override

from rehearsal.providers.engine import Engine
from rehearsal.providers.properties import UNKNOWN, Change, Properties, Secret, decode, encode
from rehearsal.providers.protocol import (
    CheckFailure,
    Context,
    Diff,
    InvalidPropertiesError,
    Provider,
    Resource,
    State,
    UnknownTokenError,
)
from rehearsal.providers.server import Servicer

URN = "urn:pulumi:test::lab::toy:index:Toy::t"
TOKEN = "toy:index:Toy"


class Toy(Resource):
    """A type whose handlers are replaced test by test."""

    def __init__(self) -> None:
        self.on_create: Callable[[Context, Properties], State] = lambda _ctx, inputs: State("id-1", inputs, inputs)
        self.on_read: Callable[[Context, str, State | None], State | None] = lambda _ctx, _id, known: known
        self.seen: dict[str, Any] = {}

    @override
    def check(self, ctx: Context, old: Properties | None, new: Properties) -> Properties:
        self.seen["check"] = (ctx, old, new)
        if "bad" in new:
            raise InvalidPropertiesError([CheckFailure("bad", "is bad"), CheckFailure("also.bad", "so is this")])
        return {**new, "filled": 1}

    @override
    def diff(self, ctx: Context, old: State, new: Properties) -> Diff:
        self.seen["diff"] = (ctx, old, new)
        found = [Change(("a", "b"), "update"), Change(("c", 0), "add", replace=True)]
        return Diff(found if new else [], delete_before_replace=bool(new))

    @override
    def preview(self, ctx: Context, old: State | None, inputs: Properties) -> Properties:
        assert ctx.preview
        return {**inputs, "arn": UNKNOWN if old is None else old.outputs["arn"]}

    @override
    def create(self, ctx: Context, inputs: Properties) -> State:
        return self.on_create(ctx, inputs)

    @override
    def read(self, ctx: Context, identity: str, known: State | None) -> State | None:
        return self.on_read(ctx, identity, known)

    @override
    def update(self, ctx: Context, old: State, inputs: Properties) -> Properties:
        self.seen["update"] = (old, inputs)
        return {**inputs, "copy": inputs.get("password", "")}

    @override
    def delete(self, ctx: Context, old: State) -> None:
        self.seen["delete"] = old


class ToyProvider(Provider):
    def __init__(self, toy: Toy) -> None:
        self.name, self.version, self.toy = "toy", "1.2.3", toy
        self.configured: Properties = {}

    @override
    def resource(self, token: str) -> Resource:
        if token != TOKEN:
            raise UnknownTokenError(self.name, "resource type", token)
        return self.toy

    @override
    def invoke(self, ctx: Context, token: str, args: Properties) -> Properties:
        if token != "toy:index:ask":
            raise UnknownTokenError(self.name, "function", token)
        if "wrong" in args:
            raise InvalidPropertiesError([CheckFailure("wrong", "is not known")])
        return {"answer": 42, "password": Secret("hush")}

    @override
    def configure(self, ctx: Context, config: Properties) -> None:
        self.configured = config


class Aborted(Exception):
    """Raised as gRPC does when a call is ended."""


class Call:
    """gRPC's side of a call."""

    def __init__(self) -> None:
        self.code: grpc.StatusCode | None = None
        self.details = ""
        self.metadata: tuple[tuple[str, bytes], ...] = ()

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        self.metadata = metadata

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.code, self.details = code, details
        raise Aborted


class Bench:
    """A servicer, its toy, and what it wrote."""

    def __init__(self) -> None:
        self.toy = Toy()
        self.provider = ToyProvider(self.toy)
        self.engine = RecordingEngine()
        self.servicer = Servicer(self.provider, self.engine)

    def __call__(self, method: str, request: Any) -> Any:
        return getattr(self.servicer, method)(request, cast("Any", Call()))

    def failing(self, method: str, request: Any) -> Call:
        call = Call()
        with pytest.raises(Aborted):
            getattr(self.servicer, method)(request, cast("Any", call))
        return call

    def create(self, **inputs: Any) -> provider_pb2.CreateRequest:
        return provider_pb2.CreateRequest(urn=URN, name="t", type=TOKEN, properties=encode(inputs))


class RecordingEngine(Engine):
    def __init__(self) -> None:
        super().__init__("127.0.0.1:1")
        self.said: list[tuple[str, str, str, bool]] = []

    @override
    def log(self, urn: str, severity: Any, text: str, status: bool) -> None:
        self.said.append((urn, severity, text, status))


def props(struct: struct_pb2.Struct) -> Properties:
    return decode(struct)


def init_failure(call: Call) -> provider_pb2.ErrorResourceInitFailed:
    """The detail that tells the engine of an object that exists."""
    ((name, value),) = call.metadata
    assert name == "grpc-status-details-bin"
    status = status_pb2.Status.FromString(value)
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    return detail
