"""An emulator in a process of its own whose control planes are played: for what needs no Kubernetes.

Run as a module it is the emulator's process; imported, it starts one. The
played control plane keeps its nodes in memory and takes aws-auth from a file,
so that a test can change it from outside.
"""

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from rehearsal.cluster.api_client import ApiError
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.node_objects import NodeSpec
from rehearsal.cluster.spec import ControlPlaneSpec, ProcessInfo
from rehearsal.emulator import server

REGION = "ap-northeast-2"
ACCOUNT = "111122223333"
AWS_AUTH = "aws-auth.json"
BROKEN = "broken"
"""A cluster of this name cannot be started."""


class PlayedClient:
    """Answers the requests that the emulator makes: for aws-auth, of which it keeps the data."""

    def __init__(self, directory: Path) -> None:
        self._file = directory.parent.parent / AWS_AUTH

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        if body is not None:
            self._file.write_text(json.dumps(body["data"]))
        elif not self._file.exists() or not path.endswith("/configmaps/aws-auth"):
            raise ApiError(method, path, 404, b"not found")
        return {"data": json.loads(self._file.read_text())}


class PlayedControlPlane:
    """A control plane that runs nothing."""

    def __init__(self, spec: ControlPlaneSpec) -> None:
        self.spec = spec
        self.endpoint = "https://127.0.0.1:1"
        self.ca_data = "Y2E="
        self.client = PlayedClient(spec.dir)
        self._nodes: dict[str, NodeSpec] = {}

    async def start(self) -> None:
        await asyncio.sleep(0.05)
        if self.spec.cluster_name == BROKEN:
            raise ControlPlaneError("etcd does not start. Look into its log.")
        self.spec.dir.mkdir(parents=True)
        (self.spec.dir / "urls.json").write_text(
            json.dumps({"authn": self.spec.authn_webhook_url, "authz": self.spec.authz_webhook_url})
        )

    async def stop(self) -> None:
        if self.spec.dir.exists():
            (self.spec.dir / "urls.json").unlink()
            (self.spec.dir / "nodes.json").unlink(missing_ok=True)
            self.spec.dir.rmdir()

    async def upgrade(self, version: str) -> None:
        self.spec = dataclasses.replace(self.spec, version=version)

    async def add_node(self, node: NodeSpec) -> None:
        self._nodes[node.name] = node
        self._tell()

    async def remove_node(self, name: str) -> None:
        self._nodes.pop(name, None)
        self._tell()

    async def put(self, objects: Sequence[dict[str, Any]], *, force: bool = True) -> None:
        pass

    async def take(self, objects: Sequence[dict[str, Any]]) -> None:
        pass

    def _tell(self) -> None:
        nodes = [node.manifest("v1.36.3") for node in self._nodes.values()]
        (self.spec.dir / "nodes.json").write_text(json.dumps(nodes))

    async def ready_nodes(self) -> list[str]:
        return list(self._nodes)

    def processes(self) -> list[ProcessInfo]:
        return []


class Emulator:
    """A running emulator, and a boto3 session of its operator."""

    def __init__(self, directory: Path, module: str = __name__, bin_dir: Path = Path("/")) -> None:
        """`module` runs it; `bin_dir` holds the programs of real control planes."""
        self.dir = directory
        self._clients: dict[Any, Any] = {}
        directory.mkdir(mode=0o700)
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, "--dir", str(directory), "--region", REGION, "--bin-dir", str(bin_dir)],
                stdout=log,
                stderr=log,
                cwd=Path(__file__).parents[2],
                env={**os.environ, "AWS_ACCESS_KEY_ID": "AKIAREALKEYOFTHEUSER", "AUTH": "false"},
            )
        wait_for(lambda: (directory / "world.json").exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()
        told = json.loads((directory / "world.json").read_text())
        self.endpoint: str = told["endpoint"]
        self.id: str = told["id"]
        self.read_credentials()

    def read_credentials(self) -> None:
        """Take the operator's key from the world's own file."""
        credentials = (self.dir / "aws" / "credentials").read_text()
        values = dict(line.split(" = ") for line in credentials.splitlines() if " = " in line)
        self.key, self.secret = values["aws_access_key_id"], values["aws_secret_access_key"]

    def client(self, service: str, key: str = "", secret: str = "", token: str | None = None, **more: Any) -> Any:
        """A boto3 client; the operator's without a key. Making one is slow, so each is made once."""
        which = (service, key, secret, token, *more.items())
        if which not in self._clients:
            self._clients[which] = self._client(service, key, secret, token, more)
        return self._clients[which]

    def _client(self, service: str, key: str, secret: str, token: str | None, more: dict[str, Any]) -> Any:
        return boto3.client(
            service,  # pyright: ignore[reportArgumentType, reportCallIssue]  # the service's name is data
            region_name=more.pop("region", REGION),
            endpoint_url=self.endpoint,
            aws_access_key_id=key or self.key,
            aws_secret_access_key=secret or self.secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, proxies={}, **more),
        )

    def http(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None):
        """A plain HTTP request; gives status and body."""
        url = path if path.startswith("http") else f"{self.endpoint}{path}"
        request = urllib.request.Request(url, data=body, method=method, headers=headers or {})  # noqa: S310  # loopback
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def stop(self) -> int:
        """End it as a service manager would; gives its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=15)


def wait_for(done: Callable[[], Any], within: float = 15) -> Any:
    """Look until `done` gives something true; gives that."""
    deadline = time.monotonic() + within
    while not (answer := done()):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.02)
    return answer


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    """Code and message of the AWS error that a call ends with."""
    try:
        answer = call()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"AWS would refuse this; the emulator answered {answer}")


if __name__ == "__main__":
    server.main(PlayedControlPlane)
