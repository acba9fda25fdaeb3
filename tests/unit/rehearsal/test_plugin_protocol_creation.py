"""Creations that go well, that fail half-way, and that are waited for."""

import threading
from types import SimpleNamespace

import grpc
import pytest
from google.protobuf import empty_pb2

from rehearsal.providers.properties import UNKNOWN, Properties, Secret
from rehearsal.providers.protocol import CancelledError, Context, ProviderError, State, WaitTimeoutError
from rehearsal.providers.server import serve
from tests.unit.rehearsal.plugin_protocol_bench import URN, Bench, Call, init_failure, props


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_preview_creates_nothing_and_knows_what_is_unknown(bench: Bench):
    request = bench.create(p=Secret("xxxx"))
    request.preview = True
    bench.toy.on_create = lambda _ctx, _inputs: pytest.fail("created in a preview")
    response = bench("Create", request)
    assert response.id == ""
    assert props(response.properties) == {"p": Secret("xxxx"), "arn": UNKNOWN}


def test_a_creation_is_answered_with_its_secrets_marked(bench: Bench):
    def create(ctx: Context, inputs: Properties) -> State:
        ctx.created("id-1")
        return State("id-1", inputs, {**inputs, "whole": "is text-of-the-secret here", "all": ["plain"]})

    bench.toy.on_create = create
    response = bench("Create", bench.create(p=Secret("text-of-the-secret")))
    assert response.id == "id-1"
    assert props(response.properties) == {
        "p": Secret("text-of-the-secret"),
        "whole": Secret("is text-of-the-secret here"),
        "all": ["plain"],
    }


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


def test_cancelling_ends_waits_at_once(bench: Bench):
    born = threading.Event()

    def create(ctx: Context, inputs: Properties) -> State:
        ctx.created("id-1")
        born.set()
        ctx.wait("nothing", lambda: None, timeout=60)
        return State("id-1", inputs, inputs)

    bench.toy.on_create = create
    calls: list[Call] = []
    thread = threading.Thread(target=lambda: calls.append(bench.failing("Create", bench.create())))
    thread.start()
    assert born.wait(5)
    bench("Cancel", empty_pb2.Empty())
    thread.join(5)
    assert "was cancelled" in calls[0].details
    assert init_failure(calls[0]).id == "id-1"


def test_waits_end_by_answer_timeout_and_cancellation():
    answers = iter([None, None, "here"])
    assert Context().wait("it", lambda: next(answers), timeout=5, interval=0) == "here"
    with pytest.raises(WaitTimeoutError, match="Waiting for the moon took longer than 0 s"):
        Context().wait("the moon", lambda: None, timeout=0.01, interval=0.02)
    with pytest.raises(WaitTimeoutError, match="longer than 0 s"):  # the program's own limit goes first
        Context(timeout=0.01).wait("it", lambda: None, timeout=2, interval=0.02)
    ctx = Context()
    ctx.cancelled.set()
    with pytest.raises(CancelledError):
        ctx.wait("it", lambda: None, timeout=60)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The protocol's clock; it goes on by what is slept."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("rehearsal.providers.protocol.time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    return now


def test_a_cancelled_wait_looks_once_more():
    ctx = Context()
    answers = iter([None, "gone meanwhile"])

    def poll() -> str | None:
        ctx.cancelled.set()
        return next(answers)

    assert ctx.wait("it", poll, timeout=60) == "gone meanwhile"


def test_what_goes_on_by_itself_is_waited_for_after_a_cancellation(clock: list[float]):
    ctx = Context()
    ctx.cancelled.set()
    assert ctx.wait("it", lambda: "gone" if clock[0] >= 4 else None, timeout=60, interval=0.5, patience=5) == "gone"
    began = clock[0]
    with pytest.raises(CancelledError, match="Waiting for it was cancelled"):
        ctx.wait("it", lambda: None, timeout=60, interval=0.5, patience=5)
    assert clock[0] - began == 5
    with pytest.raises(WaitTimeoutError):
        ctx.wait("it", lambda: None, timeout=1, interval=0.5, patience=5)


def test_a_long_wait_is_shown_once_a_second(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 0.4, 1.1, 1.3, 1.9, 3.5])

    def create(ctx: Context, inputs: Properties) -> State:
        answers = iter([None, None, None, None, None, "ready"])
        with monkeypatch.context() as patch:
            patch.setattr("rehearsal.providers.protocol.time.monotonic", lambda: next(clock))
            ctx.wait("the cluster", lambda: next(answers), timeout=5, interval=0)
        return State("id-1", inputs, inputs)

    bench.toy.on_create = create
    bench("Create", bench.create())
    assert bench.engine.said == [
        (URN, "info", "waiting for the cluster (1 s)", True),
        (URN, "info", "waiting for the cluster (3 s)", True),
    ]


def test_started_by_hand_it_says_what_it_is(bench: Bench):
    with pytest.raises(SystemExit, match="pulumi-resource-toy is started by the Pulumi engine"):
        serve(bench.provider, ["--logtostderr"])
