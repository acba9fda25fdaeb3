"""What a program's server leaves to the next program, and what it asks of an engine that may have ended."""

import threading
from typing import Any, cast

import pytest
from pulumi import log
from pulumi.automation import _stack  # pyright: ignore[reportPrivateUsage]
from pulumi.automation._server import LanguageServer
from pulumi.runtime._callbacks import _CallbackServicer  # pyright: ignore[reportPrivateUsage]

from rehearsal import language_server
from rehearsal.language_server import CleanLanguageServer


def test_it_takes_the_place_of_the_sdks_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_stack, "LanguageServer", LanguageServer)
    language_server.install()
    assert vars(_stack)["LanguageServer"] is CleanLanguageServer


def test_a_program_finds_no_server_of_another(monkeypatch: pytest.MonkeyPatch):
    servers = cast("list[Any]", _CallbackServicer._servicers)  # pyright: ignore[reportPrivateUsage]
    found: list[int] = []
    monkeypatch.setattr(LanguageServer, "Run", lambda *_: found.append(len(servers)))
    servers.append(object())
    cast("Any", CleanLanguageServer(lambda: None)).Run(None, None)
    assert found == [0]


def test_a_debug_line_does_not_go_to_the_engine(monkeypatch: pytest.MonkeyPatch):
    class Ended:
        def Log(self, _request: object) -> None:  # noqa: N802  # its name in the protocol
            raise ConnectionError

    monkeypatch.setattr(log, "get_engine", Ended)
    language_server.install()
    log.debug("a line")
    with pytest.raises(ConnectionError):
        log.info("a line")


def test_an_interrupted_program_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    begun, may_end = threading.Event(), threading.Event()

    def run(*_: object) -> None:
        begun.set()
        may_end.wait(10)

    monkeypatch.setattr(LanguageServer, "Run", run)
    program = threading.Thread(target=lambda: cast("Any", CleanLanguageServer(lambda: None)).Run(None, None))
    program.start()
    assert begun.wait(10)
    monkeypatch.setattr(language_server, "END_WITHIN", 0.01)
    assert not language_server.wait_for_program()
    may_end.set()
    program.join(10)
    assert language_server.wait_for_program()
