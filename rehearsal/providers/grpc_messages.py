"""Between the protocol's messages and the plugins' own values.

Apart from the server, which is about calls: here is what an answer looks like,
and that no secret that came in goes out unmarked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from rehearsal.providers.properties import Path, Properties, Secret, decode, encode, plain, secret_paths, with_secrets
from rehearsal.providers.protocol import Diff, InitFailedError, InvalidPropertiesError

_KINDS = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


_SHORTEST_TEXT = 4  # a shorter text turns up by chance


def plain_properties(struct: struct_pb2.Struct) -> Properties:
    """Properties of a request, without their secret marks."""
    return plain(decode(struct))


def hidden(properties: Properties, *sources: Properties) -> Properties:
    """The properties with every secret of the sources marked: in its place, and wherever its text is repeated."""
    paths = frozenset[Path]().union(*(secret_paths(source) for source in sources))
    texts = [text for source in sources for text in _texts(source, False) if len(text) >= _SHORTEST_TEXT]
    marked = with_secrets(properties, paths)
    return {key: _hide(value, texts) for key, value in marked.items()} if texts else marked


def _texts(value: Any, secret: bool) -> Iterator[str]:
    if isinstance(value, Secret):
        yield from _texts(value.value, True)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item, secret)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, secret)
    elif secret and isinstance(value, str):
        yield value


def _hide(value: Any, texts: list[str]) -> Any:
    if isinstance(value, str):
        return Secret(value) if any(text in value for text in texts) else value
    if isinstance(value, dict):
        return {key: _hide(item, texts) for key, item in value.items()}
    return [_hide(item, texts) for item in value] if isinstance(value, list) else value


def marked(properties: Properties, *sources: Properties) -> struct_pb2.Struct:
    """Properties of an answer, in which no secret of the sources is readable."""
    return encode(hidden(properties, *sources))


def failures(error: InvalidPropertiesError) -> list[provider_pb2.CheckFailure]:
    """Wrong inputs, as an answer holds them."""
    return [provider_pb2.CheckFailure(property=f.property, reason=f.reason) for f in error.failures]


def diff_response(diff: Diff) -> provider_pb2.DiffResponse:
    """Changes, as an answer holds them."""
    some = provider_pb2.DiffResponse.DIFF_SOME if diff.changes else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some,
        diffs=list(dict.fromkeys(str(c.path[0]) for c in diff.changes)),
        replaces=[c.name for c in diff.changes if c.replace],
        detailedDiff={
            c.name: provider_pb2.PropertyDiff(kind=_KINDS[c.kind, c.replace], inputDiff=True) for c in diff.changes
        },
        hasDetailedDiff=True,
        deleteBeforeReplace=diff.delete_before_replace,
    )


def abort_init_failed(context: grpc.ServicerContext, error: InitFailedError) -> NoReturn:
    """End a call with the error that tells the engine of an object which exists."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.id,
        properties=encode(error.outputs),
        reasons=error.reasons,
        inputs=None if error.inputs is None else encode(error.inputs),
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))
