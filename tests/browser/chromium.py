"""Drives a headless Chromium by its own protocol, which needs nothing but a WebSocket: no driver, no download.

Protocol: chromedevtools.github.io/devtools-protocol, version 1.3.
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, ClientWebSocketResponse

PROGRAM: Final = Path("/usr/bin/chromium")
PATIENCE: Final = 60.0


class Tab:
    """One tab; `told` is what it said that nobody wants to hear: mistakes of scripts, and what the policy refused."""

    def __init__(self, socket: ClientWebSocketResponse, session: str) -> None:
        self._socket, self._session = socket, session
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._loaded = asyncio.Event()
        self.told: list[str] = []

    def hear(self, message: dict[str, Any]) -> None:
        """A message of the browser's to this tab."""
        if (number := message.get("id")) in self._waiting:
            self._waiting.pop(number).set_result(message)
        elif message.get("method") == "Page.loadEventFired":
            self._loaded.set()
        elif message.get("method") == "Log.entryAdded":
            entry = message["params"]["entry"]
            self.told.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")
        elif message.get("method") == "Runtime.exceptionThrown":
            self.told.append(str(message["params"]["exceptionDetails"]))

    async def send(self, method: str, **params: Any) -> Any:
        """A command's result."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        place = {"sessionId": self._session} if self._session else {}
        await self._socket.send_json({"id": number, "method": method, "params": params, **place})
        told = await asyncio.wait_for(answer, PATIENCE)
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']}")
        return told["result"]

    async def go(self, address: str) -> None:
        """Load an address."""
        self._loaded.clear()
        await self.send("Page.navigate", url=address)
        await asyncio.wait_for(self._loaded.wait(), PATIENCE)

    async def ask(self, expression: str) -> Any:
        """The value of an expression of JavaScript, also of one that comes later."""
        told = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(f"{expression}: {told['exceptionDetails']}")
        return told["result"].get("value")

    async def wait(self, expression: str) -> None:
        """Until an expression is true; raises TimeoutError."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if await self.ask(f"Boolean({expression})"):
                    return
            except RuntimeError:
                pass  # The page is on its way to another one.
            await asyncio.sleep(0.05)
        raise TimeoutError(f"{expression} has not come true; the page says: {await self.text()}")

    async def click(self, selector: str) -> None:
        """Click an element with the mouse."""
        await self.wait(f"document.querySelector({selector!r})")
        box = await self.ask(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect();"
            f" return [b.x + b.width / 2, b.y + b.height / 2] }})(document.querySelector({selector!r}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    async def press(self, key: str, code: int) -> None:
        """Press a key, by its name and its number."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    async def text(self) -> str:
        """What a reader sees."""
        return str(await self.ask("document.body.innerText"))

    async def look(self, width: int, *, dark: bool) -> None:
        """As on a screen of this width, in this colour scheme."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])
        await self.send("Emulation.setScrollbarsHidden", hidden=True)
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )

    async def picture(self, file: Path, height: int) -> None:
        """The page from its top as a PNG, so many pixels high at most."""
        size = (await self.send("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], height), "scale": 1}
        told = await self.send("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(told["data"]))


@asynccontextmanager
async def browser(tabs: int = 1) -> AsyncGenerator[list[Tab]]:
    """A browser of nobody's, with so many tabs; it is gone after the block, with all that it kept."""
    with tempfile.TemporaryDirectory(prefix="page-browser-") as directory:
        # Chromium's sandbox refuses root.
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        options = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", *root]
        process = subprocess.Popen(
            [PROGRAM, *options, "--remote-debugging-port=0", f"--user-data-dir={directory}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port, path = await _port(Path(directory, "DevToolsActivePort"))
            async with (
                ClientSession() as client,
                client.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket,
            ):
                made: dict[str, Tab] = {}
                whole = made[""] = Tab(socket, "")
                reading = asyncio.create_task(_read(socket, made))
                for _ in range(tabs):
                    target = (await whole.send("Target.createTarget", url="about:blank"))["targetId"]
                    told = await whole.send("Target.attachToTarget", targetId=target, flatten=True)
                    tab = made[told["sessionId"]] = Tab(socket, told["sessionId"])
                    for each in ("Page", "Runtime", "Log"):
                        await tab.send(f"{each}.enable")
                yield [tab for session, tab in made.items() if session]
                await whole.send("Browser.close")
                reading.cancel()
        except BaseException:
            process.terminate()
            raise
        finally:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _read(socket: ClientWebSocketResponse, tabs: dict[str, Tab]) -> None:
    async for message in socket:
        told = message.json()
        if tab := tabs.get(told.get("sessionId", "")):
            tab.hear(told)


async def _port(file: Path) -> tuple[int, str]:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        lines = file.read_text().split() if file.exists() else []
        if len(lines) == 2:
            return int(lines[0]), lines[1]
        await asyncio.sleep(0.05)
    raise TimeoutError("Chromium does not answer")
