"""Property values: what is sent comes back as it went, and differences are named as Pulumi names them."""

from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.providers.properties import (
    UNKNOWN,
    Asset,
    Change,
    ResourceReference,
    Secret,
    changes,
    decode,
    encode,
    has_unknown,
    plain,
    render,
    secret_paths,
    with_secrets,
)

SIGNATURE = "4dabf18193072939515e22adb298388d"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
STRING_ASSET = {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "hello"}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53), max_value=2**53)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.text()
    | st.just(UNKNOWN)
    | st.builds(ResourceReference, st.text(min_size=1), st.none() | st.text(min_size=1) | st.just(UNKNOWN))
    | st.just(Asset(STRING_ASSET))
)
keys = st.text().filter(lambda key: key != SIGNATURE)


def _containers(children: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(children, max_size=4) | st.dictionaries(keys, children, max_size=4)


plain_values = st.recursive(scalars, _containers, max_leaves=12)
# A secret in a secret says no more than one: it comes back as one.
values = st.recursive(scalars | st.builds(Secret, plain_values), _containers, max_leaves=12)
properties = st.dictionaries(keys, values, max_size=5)


def wire(**fields: Any) -> struct_pb2.Struct:
    """A struct as the engine sends it."""
    struct = struct_pb2.Struct()
    struct.update(fields)
    return struct


@given(properties)
def test_what_is_encoded_is_decoded_again(value: dict[str, object]):
    through = struct_pb2.Struct.FromString(encode(value).SerializeToString())
    assert decode(through) == value


@given(properties)
def test_whole_numbers_stay_whole(value: dict[str, object]):
    def kinds(item: object) -> object:
        if isinstance(item, dict):
            return {key: kinds(v) for key, v in item.items()}
        return [kinds(v) for v in item] if isinstance(item, list) else type(plain(item))

    assert kinds(decode(encode(value))) == kinds(value)


def test_the_wires_own_forms_are_understood():
    sent = wire(
        plain={SIGNATURE: OUTPUT, "value": "x", "dependencies": ["urn:a"]},
        later={SIGNATURE: OUTPUT, "dependencies": ["urn:a"]},
        hidden={SIGNATURE: OUTPUT, "value": "y", "secret": True},
        twice={SIGNATURE: SECRET, "value": {SIGNATURE: SECRET, "value": "z"}},
        unborn={SIGNATURE: RESOURCE, "urn": "urn:b", "id": "", "packageVersion": "7.0.0"},
        component={SIGNATURE: RESOURCE, "urn": "urn:c"},
        count=3.0,
        share=0.5,
        number="3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    )
    assert decode(sent) == {
        "plain": "x",
        "later": UNKNOWN,
        "hidden": Secret("y"),
        "twice": Secret("z"),
        "unborn": ResourceReference("urn:b", UNKNOWN, "7.0.0"),
        "component": ResourceReference("urn:c"),
        "count": 3,
        "share": 0.5,
        "number": UNKNOWN,
    }


def test_an_unknown_signature_and_an_unknown_type_are_errors():
    with pytest.raises(ValueError, match="5555"):
        decode(wire(strange={SIGNATURE: "5555"}))
    with pytest.raises(TypeError, match="object"):
        encode({"strange": object()})


@given(properties)
def test_secrets_come_off_and_go_back_to_their_places(value: dict[str, object]):
    marked = with_secrets(plain(value), secret_paths(value))
    assert marked == value


def test_a_secret_whose_place_is_gone_hides_the_nearest_part():
    paths = secret_paths({"a": {"b": [Secret("x")]}})
    assert with_secrets({"a": {"b": []}}, paths) == {"a": {"b": Secret([])}}
    assert with_secrets({"a": "text"}, paths) == {"a": Secret("text")}
    assert with_secrets({"other": "text"}, paths) == {"other": "text"}


def test_unknowns_are_found_at_any_depth():
    assert has_unknown({"a": [{"b": Secret(UNKNOWN)}]})
    assert has_unknown([ResourceReference("urn", UNKNOWN)])
    assert not has_unknown({"a": [1, "x", None, ResourceReference("urn", "id")]})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", "update")]),
        ({"a": 1}, {"a": True}, [("a", "update")]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": "1"}, {"a": 1}, [("a", "update")]),
        ({}, {"a": 1}, [("a", "add")]),
        ({"a": None}, {}, []),
        ({"a": 1}, {"a": None}, [("a", "delete")]),
        ({"a": UNKNOWN}, {"a": UNKNOWN}, [("a", "update")]),
        ({"t": {"x y": 1}}, {"t": {"x y": 2}}, [('t["x y"]', "update")]),
        ({"l": [{"n": 1}, 2]}, {"l": [{"n": 3}]}, [("l[0].n", "update"), ("l[1]", "delete")]),
        ({"a": {"b": 1}}, {"a": "b"}, [("a", "update")]),
        ({"__defaults": [1], "a": 1}, {"__defaults": [2], "a": 1}, []),
    ],
)
def test_differences(old: object, new: object, expected: list[tuple[str, str]]):
    assert [(change.name, change.kind) for change in changes(old, new)] == expected


@given(properties)
def test_nothing_differs_from_itself(value: dict[str, object]):
    known = plain(value)
    if not has_unknown(known):
        assert changes(known, known) == []


def test_a_path_is_written_as_pulumi_writes_it():
    assert render(("spec", "ports", 0, "name")) == "spec.ports[0].name"
    assert render(("tags", 'a"b\\')) == 'tags["a\\"b\\\\"]'
    assert Change(("a.b",), "add").name == '["a.b"]'


def test_a_secret_does_not_print_itself():
    assert "hunter2" not in repr(Secret("hunter2"))
