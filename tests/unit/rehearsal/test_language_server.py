"""What a program's server leaves to the next program, and what it says of an engine that ended."""

from typing import Any, cast

import pytest
from grpc._cython.cygrpc import ExecuteBatchError
from pulumi.automation import _stack  # pyright: ignore[reportPrivateUsage]
from pulumi.automation._server import LanguageServer
from pulumi.runtime._callbacks import _CallbackServicer  # pyright: ignore[reportPrivateUsage]

from rehearsal import language_server
from rehearsal.language_server import CleanLanguageServer


def server() -> Any:
    return CleanLanguageServer(lambda: None)


def test_it_takes_the_place_of_the_sdks_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_stack, "LanguageServer", LanguageServer)
    language_server.install()
    assert vars(_stack)["LanguageServer"] is CleanLanguageServer


def test_a_program_finds_no_server_of_another(monkeypatch: pytest.MonkeyPatch):
    servers = cast("list[Any]", _CallbackServicer._servicers)  # pyright: ignore[reportPrivateUsage]
    found: list[int] = []
    monkeypatch.setattr(LanguageServer, "Run", lambda *_: found.append(len(servers)))
    servers.append(object())
    server().Run(None, None)
    assert found == [0]


@pytest.mark.parametrize("error", [ExecuteBatchError(1, "ended"), None])
def test_an_engine_that_ended_is_an_error_and_no_trace(monkeypatch: pytest.MonkeyPatch, error: Exception | None):
    def run(*_: object) -> str:
        if error:
            raise error
        return "fine"

    monkeypatch.setattr(LanguageServer, "Run", run)
    told = server().Run(None, None)
    assert (told.error if error else told) == ("The engine ended while the program ran." if error else "fine")
