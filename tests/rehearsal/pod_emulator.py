"""An emulator with real control planes, of which a test can ask what a kubelet and an API server ask.

Run as a module it is the emulator's process. Each of its clusters also listens
on loopback, for a Pod and its Node (`/environment`) and for an AdmissionReview
(`/admission`), and answers what the callbacks in its ControlPlaneSpec answer.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from rehearsal.cluster.api_client import Client
from rehearsal.cluster.control_plane import ControlPlane, ControlPlaneSpec
from rehearsal.emulator import server
from tests.rehearsal.played_emulator import Emulator


class AskedControlPlane(ControlPlane):
    """A control plane whose callbacks can be asked directly."""

    def __init__(self, spec: ControlPlaneSpec) -> None:
        super().__init__(spec)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        await super().start()
        app = web.Application()
        app.router.add_post("/environment", self._environment)
        app.router.add_post("/admission", self._admission)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        (self.spec.dir / "callbacks").write_text(str(self._runner.addresses[0][1]))

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
        await super().stop()

    async def _environment(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert self.spec.pod_environment
        return web.json_response(dict(await self.spec.pod_environment(asked["pod"], asked["node"])))

    async def _admission(self, request: web.Request) -> web.Response:
        assert self.spec.admission
        return web.json_response(await self.spec.admission(await request.json()))


class Callbacks:
    """A cluster of that emulator, asked as its administrator and as its own programs."""

    def __init__(self, emulator: Emulator, name: str, endpoint: str) -> None:
        self._emulator = emulator
        self.dir: Path = emulator.dir / "clusters" / name
        pki = self.dir / "pki"
        self._client = Client(endpoint, pki / "ca.crt", (pki / "clients" / "admin.crt", pki / "clients" / "admin.key"))
        self._port = int((self.dir / "callbacks").read_text())

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        # Not asyncio.run: that leaves the thread without a loop, which other tests' libraries look for.
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(self._client.request(method, path, body))
        finally:
            loop.close()

    def ask(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        """A callback's answer."""
        url = f"http://127.0.0.1:{self._port}/{what}"
        status, answer = self._emulator.http(
            url, "POST", {"Content-Type": "application/json"}, json.dumps(body).encode()
        )
        assert status == 200, answer
        return json.loads(answer)


if __name__ == "__main__":
    server.main(AskedControlPlane)
