"""The protocol's calls: what the engine is told of configuration, inputs, changes and functions."""

import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from rehearsal.providers.properties import Secret, encode
from rehearsal.providers.protocol import Context, InitFailedError, State
from tests.unit.rehearsal.plugin_protocol_bench import TOKEN, URN, Bench, init_failure, props


@pytest.fixture
def bench() -> Bench:
    return Bench()


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
    naming = provider_pb2.CheckRequest.AutonamingOptions(
        proposed_name="n", mode=provider_pb2.CheckRequest.AutonamingOptions.ENFORCE
    )
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
