"""Nobody gets an answer of the page but the browser that came with its address, once, and from the page itself."""

from __future__ import annotations

from typing import Any

import pytest

from cli.page.guard import POLICY, Guard
from tests.unit.cli.page_browser import HOST, ORIGIN, PORT, Browser, entrance, run


async def secret(scope: Any, _receive: Any, send: Any) -> None:
    """What the guard stands before."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": f"secret {scope['method']}".encode()})


@pytest.fixture
def guard() -> Guard:
    return Guard(secret, PORT)


def test_only_the_browser_that_came_by_the_address_gets_in(guard: Guard):
    async def test() -> None:
        mine, other = Browser(guard), Browser(guard)
        assert (await mine.get("/")).status == 403
        answer = await mine.enter(guard)
        assert answer.status == 200
        assert (await mine.get("/")).text == "secret GET"
        refused = await other.get("/")
        assert (refused.status, "secret" in refused.text) == (403, False)
        assert "./lab page" in refused.text

    run(test)


def test_the_cookie_goes_with_requests_of_the_page_alone_and_no_script_reads_it(guard: Guard):
    async def test() -> None:
        answer = await Browser(guard).enter(guard)
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(answer.header("set-cookie").split("; "))
        # A redirect would take no strict cookie along when a file or another page has opened the address.
        assert (answer.status, answer.header("location")) == (200, "")

    run(test)


def test_the_address_is_spent_after_its_first_use(guard: Guard):
    async def test() -> None:
        mine, other = Browser(guard), Browser(guard)
        address = guard.address.removeprefix(guard.origin)
        await mine.enter(guard)
        again = await other.get(address)
        assert (again.status, again.header("set-cookie")) == (403, "")
        # Who is in may load it again.
        once_more = await mine.get(address)
        assert (once_more.status, once_more.header("set-cookie")) == (200, "")
        assert "token=None" in guard.address
        assert (await other.get(entrance("None"))).status == 403

    run(test)


@pytest.mark.parametrize("token", ["", "wrong", "ä"])
def test_a_wrong_token_opens_nothing_and_spends_nothing(guard: Guard, token: str):
    async def test() -> None:
        assert (await Browser(guard).get(entrance(token))).status == 403
        assert (await Browser(guard).post(guard.address.removeprefix(guard.origin))).status == 403
        assert (await Browser(guard).enter(guard)).status == 200

    run(test)


@pytest.mark.parametrize("cookie", ["", "lab-page-8123=", "lab-page-8123=wrong", "lab-page-8124={}", "other={}", "=;,"])
def test_a_wrong_cookie_is_none(guard: Guard, cookie: str):
    async def test() -> None:
        mine = Browser(guard)
        await mine.enter(guard)
        value = (mine.cookie or "").partition("=")[2]
        assert (await mine.get("/", cookie=cookie.format(value))).status == 403
        assert (await mine.get("/", cookie=f"other=1; lab-page-8123={value}")).status == 200

    run(test)


@pytest.mark.parametrize(
    "host", ["localhost:8123", "127.0.0.1", "127.0.0.1:8124", "evil.example:8123", "127.0.0.1:8123.evil.example", None]
)
def test_another_name_that_leads_here_gets_no_answer(guard: Guard, host: str | None):
    async def test() -> None:
        mine = Browser(guard)
        await mine.enter(guard)
        answer = await mine.get("/", host=host)
        assert (answer.status, "secret" in answer.text) == (421, False)
        # The address is not spent by such a request either.
        fresh = Guard(secret, PORT)
        assert (await Browser(fresh).get(fresh.address.removeprefix(fresh.origin), host=host)).status == 421

    run(test)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:8123", f"https://{HOST}"])
def test_a_request_of_another_site_is_refused(guard: Guard, origin: str):
    async def test() -> None:
        mine = Browser(guard)
        await mine.enter(guard)
        for method in ("GET", "POST"):
            answer = await mine.ask(method, "/", headers={"origin": origin})
            assert (answer.status, "secret" in answer.text) == (403, False)
        assert not [name for name, _ in answer.headers if name.startswith("access-control")]

    run(test)


def test_what_changes_something_must_come_from_the_page(guard: Guard):
    async def test() -> None:
        mine = Browser(guard)
        await mine.enter(guard)
        assert (await mine.post("/")).text == "secret POST"
        assert (await mine.post("/", origin=None)).status == 403
        fetched: dict[str, str | None] = {"origin": ORIGIN, "sec-fetch-site": "cross-site"}
        assert (await mine.ask("POST", "/", headers=fetched)).status == 403
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            assert (await mine.ask(method, "/", headers={"origin": ORIGIN})).status == 405

    run(test)


def test_every_answer_has_the_policy(guard: Guard):
    async def test() -> None:
        mine = Browser(guard)
        answers = [await mine.get("/"), await mine.enter(guard), await mine.get("/"), await mine.get("/", host="x")]
        for answer in answers:
            assert answer.header("content-security-policy") == POLICY
            assert answer.header("x-content-type-options") == "nosniff"
            assert answer.header("cache-control") == "no-store"

    run(test)
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY


def test_a_web_socket_is_closed(guard: Guard):
    async def test() -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await guard({"type": "websocket", "headers": [], "path": "/"}, lambda: pytest.fail("read"), send)
        assert [each["type"] for each in sent] == ["websocket.close"]

    run(test)
