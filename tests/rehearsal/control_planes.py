"""What the control plane's tests share: a loop that outlives a test, and webhooks in the place of EKS's."""

import asyncio
import base64
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar, cast

from typing_extensions import override

from rehearsal.cluster.control_plane import ApiError, ControlPlane, ControlPlaneSpec, NodeSpec
from rehearsal.toolchain.cache import ensure

REGION = "ap-northeast-2"
ISSUER = f"https://oidc.eks.{REGION}.amazonaws.com/id/0123456789ABCDEF"
T = TypeVar("T")
Object = dict[str, Any]


class Loop:
    """An event loop in a thread of its own, so that one control plane can serve many tests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 60) -> T:
        """Run a coroutine there and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@dataclass
class Webhooks:
    """Answers TokenReviews and SubjectAccessReviews as a test tells it to."""

    url: str = ""
    users: dict[str, tuple[str, list[str]]] = field(default_factory=dict[str, tuple[str, list[str]]])
    """Token to user name and groups."""
    allowed: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    """User, verb and resource that are allowed."""
    broken: bool = False
    """Answer everything with 500."""
    asked: list[Object] = field(default_factory=list[Object])
    """Every review, as it came."""

    def answer(self, review: Object) -> Object:
        spec = review["spec"]
        if review["kind"] == "TokenReview":
            found = self.users.get(spec["token"])
            if found is None:
                status: Object = {"authenticated": False}
            else:
                status = {"authenticated": True, "user": {"username": found[0], "groups": found[1]}}
        else:
            attributes = spec.get("resourceAttributes", {})
            key = (spec["user"], attributes.get("verb", ""), attributes.get("resource", ""))
            status = {"allowed": key in self.allowed}
        return {"apiVersion": review["apiVersion"], "kind": review["kind"], "status": status}


@contextmanager
def serving() -> Generator[Webhooks]:
    """Webhooks that listen on loopback."""
    webhooks = Webhooks()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = cast("Object", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            webhooks.asked.append(review)
            body = json.dumps(webhooks.answer(review)).encode()
            self.send_response(500 if webhooks.broken else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    webhooks.url = f"http://127.0.0.1:{server.server_port}/secret"
    try:
        yield webhooks
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def spec(directory: Path, webhook_url: str, **changes: Any) -> ControlPlaneSpec:
    """A cluster like the lab's in `directory`."""
    values: Object = {
        "cluster_name": "myeks",
        "region": REGION,
        "version": "1.36",
        "issuer": ISSUER,
        "service_cidr": "10.100.0.0/16",
        "dir": directory,
        "authn_webhook_url": webhook_url,
        "authz_webhook_url": webhook_url,
        **changes,
    }
    values.setdefault("bin_dir", ensure(print))
    return ControlPlaneSpec(**values)


def node(number: int) -> NodeSpec:
    """The node of one zone: 1, 2 or 3."""
    return NodeSpec(
        name=f"ip-192-168-{number}-10.{REGION}.compute.internal",
        instance_id=f"i-0123456789abcdef{number}",
        instance_type="t3.medium",
        zone=f"{REGION}{'abc'[number - 1]}",
        region=REGION,
        internal_ip=f"192.168.{number}.10",
        external_ip=f"13.125.1.{number}",
        nodegroup="ng1",
        ami_id="ami-0123456789abcdef0",
        max_pods=100,
        disk_gib=120,
        labels={"team": "study"},
    )


class Cluster:
    """A running control plane, asked synchronously."""

    def __init__(self, plane: ControlPlane, loop: Loop, webhooks: Webhooks) -> None:
        self.plane = plane
        self.loop = loop
        self.webhooks = webhooks

    def request(self, method: str, path: str, body: Object | None = None) -> Object:
        return self.loop.run(self.plane.client.request(method, path, body))

    def create(self, path: str, kind: str, name: str, **fields: Any) -> Object:
        return self.request("POST", path, {"kind": kind, "metadata": {"name": name}, **fields})

    def status_of(self, path: str) -> int:
        """HTTP status of a GET, 200 when it works."""
        try:
            self.request("GET", path)
        except ApiError as error:
            return error.status
        return 200


def until(check: Callable[[], T | None], what: str, timeout: float = 15) -> T:
    """The first true answer of `check`."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout:.0f} s: {what}")


def processes_in(directory: Path) -> dict[int, str]:
    """Programs that work in a directory, by process id."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == directory:
                    found[int(entry.name)] = (entry / "comm").read_text().strip()
            except OSError:
                continue
    return found


class _Etcd(http.client.HTTPConnection):
    """Etcd's JSON gateway on its socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("etcd")
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def stored(directory: Path) -> dict[str, bytes]:
    """Everything that the etcd of a control plane holds, by key."""
    etcd = _Etcd(directory / "etcd.sock:0")
    first, end = (base64.b64encode(each).decode() for each in (b"/registry/", b"/registry0"))
    etcd.request("POST", "/v3/kv/range", json.dumps({"key": first, "range_end": end}))
    found: Object = json.loads(etcd.getresponse().read())
    etcd.close()
    return {base64.b64decode(kv["key"]).decode(): base64.b64decode(kv.get("value", "")) for kv in found["kvs"]}
