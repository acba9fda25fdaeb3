"""The protocol's calls: what the engine is told when things go well, and when they do not."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2
from typing_extensions import override

from rehearsal.plugins.engine import Engine
from rehearsal.plugins.journal import Journal
from rehearsal.plugins.properties import UNKNOWN, Change, Properties, Secret, decode, encode
from rehearsal.plugins.protocol import (
    CancelledError,
    CheckFailure,
    Context,
    Diff,
    InitFailedError,
    InvalidPropertiesError,
    Provider,
    ProviderError,
    Resource,
    State,
    UnknownTokenError,
    WaitTimeoutError,
)
from rehearsal.plugins.server import Servicer, serve

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

    def __init__(self, directory: Path) -> None:
        self.toy = Toy()
        self.provider = ToyProvider(self.toy)
        self.engine = RecordingEngine()
        self.file = directory / "journal"
        self.servicer = Servicer(self.provider, self.engine, Journal(self.file))

    def __call__(self, method: str, request: Any) -> Any:
        return getattr(self.servicer, method)(request, cast("Any", Call()))

    def failing(self, method: str, request: Any) -> Call:
        call = Call()
        with pytest.raises(Aborted):
            getattr(self.servicer, method)(request, cast("Any", call))
        return call

    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def create(self, **inputs: Any) -> provider_pb2.CreateRequest:
        return provider_pb2.CreateRequest(urn=URN, name="t", type=TOKEN, properties=encode(inputs))


class RecordingEngine(Engine):
    def __init__(self) -> None:
        super().__init__("127.0.0.1:1")
        self.said: list[tuple[str, str, str, bool]] = []

    @override
    def log(self, urn: str, severity: Any, text: str, status: bool) -> None:
        self.said.append((urn, severity, text, status))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


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


def test_the_provider_introduces_itself(bench: Bench):
    shake = bench("Handshake", provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert (shake.accept_secrets, shake.accept_resources, shake.accept_outputs) == (True, True, True)
    assert bench("GetPluginInfo", empty_pb2.Empty()).version == "1.2.3"
    configured = bench("Configure", provider_pb2.ConfigureRequest(args=encode({"key": Secret("v")})))
    assert configured.supportsPreview
    assert configured.acceptSecrets
    assert bench.provider.configured == {"key": "v"}


def test_checked_inputs_keep_their_secrets(bench: Bench):
    request = provider_pb2.CheckRequest(
        urn=URN, name="t", type=TOKEN, olds=encode({"name": "old"}), news=encode({"p": Secret("x"), "n": 2})
    )
    assert props(bench("Check", request).inputs) == {"p": Secret("x"), "n": 2, "filled": 1}
    _, old, new = bench.toy.seen["check"]
    assert (old, new) == ({"name": "old"}, {"p": "x", "n": 2})


def test_every_wrong_input_is_named(bench: Bench):
    request = provider_pb2.CheckRequest(urn=URN, type=TOKEN, news=encode({"bad": 1}))
    failures = bench("Check", request).failures
    assert [(f.property, f.reason) for f in failures] == [("bad", "is bad"), ("also.bad", "so is this")]


def test_a_rule_for_names_is_handed_on(bench: Bench):
    naming = provider_pb2.CheckRequest.AutonamingOptions(proposed_name="n", mode="ENFORCE")
    bench("Check", provider_pb2.CheckRequest(type=TOKEN, news=encode({}), autonaming=naming, randomSeed=b"s"))
    ctx: Context = bench.toy.seen["check"][0]
    assert ctx.autonaming is not None
    assert (ctx.autonaming.proposed, ctx.autonaming.mode, ctx.random_seed) == ("n", "enforce", b"s")


def test_changes_are_told_with_path_kind_and_replacement(bench: Bench):
    request = provider_pb2.DiffRequest(urn=URN, id="i", type=TOKEN, olds=encode({}), news=encode({"a": 1}))
    diff = bench("Diff", request)
    assert diff.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert {name: (d.kind, d.inputDiff) for name, d in diff.detailedDiff.items()} == {
        "a.b": (provider_pb2.PropertyDiff.UPDATE, True),
        "c[0]": (provider_pb2.PropertyDiff.ADD_REPLACE, True),
    }
    assert list(diff.replaces) == ["c[0]"]
    assert list(diff.diffs) == ["a", "c"]
    assert diff.deleteBeforeReplace
    none = bench("Diff", provider_pb2.DiffRequest(type=TOKEN, olds=encode({}), news=encode({})))
    assert none.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert none.hasDetailedDiff


def test_a_preview_creates_nothing_and_knows_what_is_unknown(bench: Bench):
    request = bench.create(p=Secret("xxxx"))
    request.preview = True
    bench.toy.on_create = lambda _ctx, _inputs: pytest.fail("created in a preview")
    response = bench("Create", request)
    assert response.id == ""
    assert props(response.properties) == {"p": Secret("xxxx"), "arn": UNKNOWN}
    assert bench.journal() == []


def test_a_creation_is_in_the_journal_before_it_is_answered(bench: Bench):
    def create(ctx: Context, inputs: Properties) -> State:
        ctx.created("id-1")
        assert bench.journal() == [{"urn": URN, "id": "id-1"}]
        return State("id-1", inputs, {**inputs, "whole": "is text-of-the-secret here", "all": ["plain"]})

    bench.toy.on_create = create
    response = bench("Create", bench.create(p=Secret("text-of-the-secret")))
    assert response.id == "id-1"
    assert props(response.properties) == {
        "p": Secret("text-of-the-secret"),
        "whole": Secret("is text-of-the-secret here"),
        "all": ["plain"],
    }
    assert bench.journal() == [{"urn": URN, "id": "id-1"}, {"urn": URN, "done": True}]


def test_what_fails_before_the_object_exists_is_a_plain_error(bench: Bench):
    def create(_ctx: Context, _inputs: Properties) -> State:
        raise ProviderError("creating: api error Nope: no")

    bench.toy.on_create = create
    call = bench.failing("Create", bench.create())
    assert (call.code, call.details) == (grpc.StatusCode.UNKNOWN, "creating: api error Nope: no")
    assert call.metadata == ()


@pytest.mark.parametrize("error", [ProviderError("it is FAILED"), ValueError("it is FAILED")])
def test_what_fails_afterwards_tells_the_engine_of_the_object(bench: Bench, error: Exception):
    def create(ctx: Context, _inputs: Properties) -> State:
        ctx.created("id-1")
        raise error

    bench.toy.on_create = create
    bench.toy.on_read = lambda _ctx, identity, known: State(identity, {}, {"p": "word-word", "status": "FAILED"})
    detail = init_failure(bench.failing("Create", bench.create(p=Secret("word-word"))))
    assert (detail.id, list(detail.reasons)) == ("id-1", ["it is FAILED"])
    assert props(detail.properties) == {"p": Secret("word-word"), "status": "FAILED"}
    assert bench.journal()[-1] == {"urn": URN, "done": True}


def test_an_object_that_cannot_even_be_read_is_kept_with_its_inputs(bench: Bench):
    def create(ctx: Context, _inputs: Properties) -> State:
        ctx.created("id-1")
        raise ProviderError("broken")

    def read(_ctx: Context, _identity: str, _known: State | None) -> State | None:
        raise ProviderError("cannot look")

    bench.toy.on_create, bench.toy.on_read = create, read
    detail = init_failure(bench.failing("Create", bench.create(a=1)))
    assert (detail.id, props(detail.properties)) == ("id-1", {"a": 1})
    assert "cannot look" in bench.engine.said[0][2]


def test_an_unexpected_error_names_itself(bench: Bench, capsys: pytest.CaptureFixture[str]):
    def create(_ctx: Context, _inputs: Properties) -> State:
        raise KeyError("VpcId")

    bench.toy.on_create = create
    call = bench.failing("Create", bench.create())
    assert call.code is grpc.StatusCode.INTERNAL
    assert call.details == "KeyError: 'VpcId'"
    assert "Traceback" in capsys.readouterr().err


def test_an_unknown_type_and_function_are_named(bench: Bench):
    request = provider_pb2.CheckRequest(type="toy:index:Other", news=encode({}))
    assert "toy:index:Other" in bench.failing("Check", request).details
    assert "toy:index:other" in bench.failing("Invoke", provider_pb2.InvokeRequest(tok="toy:index:other")).details


def test_functions_answer_with_secrets_and_failures(bench: Bench):
    answer = bench("Invoke", provider_pb2.InvokeRequest(tok="toy:index:ask", args=encode({})))
    assert props(getattr(answer, "return")) == {"answer": 42, "password": Secret("hush")}
    wrong = bench("Invoke", provider_pb2.InvokeRequest(tok="toy:index:ask", args=encode({"wrong": 1})))
    assert [(f.property, f.reason) for f in wrong.failures] == [("wrong", "is not known")]


def test_reading_tells_what_is_gone_and_what_is_new(bench: Bench):
    bench.toy.on_read = lambda _ctx, _id, _known: None
    assert bench("Read", provider_pb2.ReadRequest(id="i", type=TOKEN)).id == ""

    def read(_ctx: Context, identity: str, known: State | None) -> State | None:
        bench.toy.seen["known"] = known
        return State(identity, {"p": "changed"}, {"p": "changed", "arn": "a"})

    bench.toy.on_read = read
    bench("Read", provider_pb2.ReadRequest(id="i", type=TOKEN))
    assert bench.toy.seen["known"] is None
    request = provider_pb2.ReadRequest(
        id="i", type=TOKEN, inputs=encode({"p": Secret("x")}), properties=encode({"p": Secret("x"), "arn": "a"})
    )
    response = bench("Read", request)
    assert bench.toy.seen["known"] == State("i", {"p": "x"}, {"p": "x", "arn": "a"})
    assert props(response.inputs) == {"p": Secret("changed")}
    assert props(response.properties) == {"p": Secret("changed"), "arn": "a"}


def test_an_unready_object_is_told_when_it_is_read(bench: Bench):
    def read(_ctx: Context, identity: str, _known: State | None) -> State | None:
        raise InitFailedError(identity, {"a": 1}, ["not ready"], {"b": 2})

    bench.toy.on_read = read
    detail = init_failure(bench.failing("Read", provider_pb2.ReadRequest(id="i", type=TOKEN)))
    assert (props(detail.properties), props(detail.inputs), list(detail.reasons)) == ({"a": 1}, {"b": 2}, ["not ready"])


def test_updates_get_the_old_state_and_keep_secrets(bench: Bench):
    request = provider_pb2.UpdateRequest(
        id="i",
        type=TOKEN,
        olds=encode({"arn": "a"}),
        old_inputs=encode({"password": Secret("first-word")}),
        news=encode({"password": Secret("other-word")}),
    )
    response = bench("Update", request)
    assert props(response.properties) == {"password": Secret("other-word"), "copy": Secret("other-word")}
    assert bench.toy.seen["update"][0] == State("i", {"password": "first-word"}, {"arn": "a"})
    request.preview = True
    assert props(bench("Update", request).properties) == {"password": Secret("other-word"), "arn": "a"}


def test_deletion_gets_the_state(bench: Bench):
    request = provider_pb2.DeleteRequest(
        id="i", type=TOKEN, properties=encode({"arn": "a"}), old_inputs=encode({"b": 1})
    )
    bench("Delete", request)
    assert bench.toy.seen["delete"] == State("i", {"b": 1}, {"arn": "a"})


def test_cancelling_ends_waits_at_once(bench: Bench):
    def create(ctx: Context, inputs: Properties) -> State:
        ctx.created("id-1")
        ctx.wait("nothing", lambda: None, timeout=60)
        return State("id-1", inputs, inputs)

    bench.toy.on_create = create
    calls: list[Call] = []
    thread = threading.Thread(target=lambda: calls.append(bench.failing("Create", bench.create())))
    thread.start()
    while not bench.journal():
        time.sleep(0.01)
    bench("Cancel", empty_pb2.Empty())
    thread.join(5)
    assert "was cancelled" in calls[0].details
    assert init_failure(calls[0]).id == "id-1"


def test_waits_end_by_answer_timeout_and_cancellation():
    answers = iter([None, None, "here"])
    assert Context().wait("it", lambda: next(answers), timeout=5, interval=0) == "here"
    with pytest.raises(WaitTimeoutError, match="Waiting for the moon took longer than 0 s"):
        Context().wait("the moon", lambda: None, timeout=0.01, interval=0.02)
    with pytest.raises(WaitTimeoutError):  # the program's own limit goes first
        Context(timeout=0.01).wait("it", lambda: None, timeout=60, interval=0.02)
    ctx = Context()
    ctx.cancelled.set()
    with pytest.raises(CancelledError):
        ctx.wait("it", lambda: None, timeout=60)


def test_a_long_wait_is_shown_once_a_second(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 0.4, 1.1, 1.3, 1.9, 3.5])

    def create(ctx: Context, inputs: Properties) -> State:
        answers = iter([None, None, None, None, None, "ready"])
        with monkeypatch.context() as patch:
            patch.setattr("rehearsal.plugins.protocol.time.monotonic", lambda: next(clock))
            ctx.wait("the cluster", lambda: next(answers), timeout=5, interval=0)
        return State("id-1", inputs, inputs)

    bench.toy.on_create = create
    bench("Create", bench.create())
    assert bench.engine.said == [
        (URN, "info", "waiting for the cluster (1 s)", True),
        (URN, "info", "waiting for the cluster (3 s)", True),
    ]


def test_without_a_file_nothing_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("MYEKS_REHEARSAL_JOURNAL", raising=False)
    Journal.from_environment().created("urn", "id")
    monkeypatch.setenv("MYEKS_REHEARSAL_JOURNAL", str(tmp_path / "j"))
    Journal.from_environment().created("urn", "id")
    assert (tmp_path / "j").read_text() == '{"urn": "urn", "id": "id"}\n'
    assert (tmp_path / "j").stat().st_mode & 0o777 == 0o600


def test_started_by_hand_it_says_what_it_is(bench: Bench):
    with pytest.raises(SystemExit, match="pulumi-resource-toy is started by the Pulumi engine"):
        serve(bench.provider, ["--logtostderr"])
