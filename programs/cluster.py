"""The cluster that kubectl itself would reach, as the user that kubectl would be.

kubectl proxy makes the connection: which kubeconfig, which context, which credentials and whom to impersonate is
kubectl's to know, from the same settings and options. It listens on a socket that only this user can open, for as
long as the one call takes.
"""

import argparse
import json
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from operations.rbac.cluster_reader import TIMEOUT, NotAsked, Reader
from programs import dying

OPTIONS: Final = (
    "kubeconfig",
    "context",
    "cluster",
    "user",
    "as",
    "as-uid",
    "token",
    "certificate-authority",
    "client-certificate",
    "client-key",
    "tls-server-name",
    "request-timeout",
    "cache-dir",
)
"""kubectl's options that have a value and tell which cluster is asked, and as whom (kubectl options, v1.36)."""
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """The call ends without an answer; the text says why and what to do. `code` is its exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Parser(argparse.ArgumentParser):
    """Reads a plug-in's command line; what it does not know ends the call with two sentences."""

    def __init__(self, prog: str, description: str, **settings: Any) -> None:
        super().__init__(
            prog=prog,
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **settings,
        )

    def error(self, message: str) -> NoReturn:
        """Raise Stopped."""
        raise Stopped(f"{message}. See {self.prog} --help.")


def add_options(parser: argparse.ArgumentParser, *, namespace: bool = True) -> None:
    """Add kubectl's own options, as the plug-ins take them from its library."""
    group = parser.add_argument_group("options of kubectl")
    for name in OPTIONS:
        group.add_argument(f"--{name}", metavar="TEXT", default="")
    group.add_argument("--as-group", metavar="TEXT", action="append", default=[])
    group.add_argument("-s", "--server", metavar="TEXT", default="")
    group.add_argument("--insecure-skip-tls-verify", action="store_true")
    if namespace:
        group.add_argument("-n", "--namespace", metavar="TEXT", default="")


def options_of(given: argparse.Namespace) -> list[str]:
    """What was given of kubectl's own options, without a namespace, to be passed on."""
    found = [
        f"--{name}={value}" for name in (*OPTIONS, "server") if (value := getattr(given, name.replace("-", "_"), ""))
    ]
    found += [f"--as-group={value}" for value in getattr(given, "as_group", [])]
    return [*found, "--insecure-skip-tls-verify"] if getattr(given, "insecure_skip_tls_verify", False) else found


@contextmanager
def asking(options: Sequence[str] = ()) -> Generator[Reader]:
    """The API server that kubectl reaches with these options; raises Stopped for what cannot be asked."""
    # The proxy is this call's own: it has to end with it, however that ends.
    before = {number: signal.signal(number, _stop) for number in _ENDING}
    try:
        with tempfile.TemporaryDirectory(prefix="kubectl-") as directory:
            place = Path(directory) / "api"
            errors = Path(directory) / "errors"
            with errors.open("wb") as told:
                proxy = subprocess.Popen(
                    ["kubectl", "proxy", f"--unix-socket={place}", *options],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=told,
                    preexec_fn=dying.with_us(),  # noqa: PLW1509  # it takes no lock that another thread might hold
                )
            try:
                _wait_for(place, proxy, errors)
                yield Reader.by(_Socket(place).send)
            finally:
                proxy.kill()
                proxy.wait()
    except NotAsked as error:
        raise Stopped(str(error)) from error
    except FileNotFoundError as error:
        if error.filename == "kubectl":
            raise Stopped("There is no kubectl on PATH. Install it, or use lab shell.", 127) from error
        raise
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def kubectl(*arguments: str) -> str:
    """What a short call of kubectl prints; raises Stopped with its own words when it fails."""
    try:
        ended = subprocess.run(["kubectl", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Stopped("There is no kubectl on PATH. Install it, or use lab shell.", 127) from error
    if ended.returncode:
        raise Stopped(_last_words(ended.stderr) or f"kubectl {arguments[0]} failed.")
    return ended.stdout


def namespace_of(given: argparse.Namespace) -> str:
    """The namespace that kubectl would take: -n, else the context's, else default."""
    if given.namespace:
        return given.namespace
    # With the user's credentials in mind only kubeconfig and context matter here.
    options = [one for one in options_of(given) if one.startswith(("--kubeconfig=", "--context="))]
    text = kubectl("config", "view", "--minify", "--output=jsonpath={.contexts[0].context.namespace}", *options)
    return text.strip() or "default"


def _wait_for(place: Path, proxy: subprocess.Popen[bytes], errors: Path) -> None:
    until = time.monotonic() + TIMEOUT[1]
    while not _answers(place):
        if proxy.poll() is not None or time.monotonic() > until:
            raise Stopped(_last_words(errors.read_text(errors="replace")) or "kubectl proxy did not start.")
        time.sleep(0.005)


def _answers(place: Path) -> bool:
    # The socket's file is there a moment before anybody listens.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
        try:
            tried.connect(str(place))
        except OSError:
            return False
    return True


def _last_words(text: str) -> str:
    """kubectl's own message, without what it says before it."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else ""


class _Socket:
    """Sends requests through a socket, a connection a thread."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._own = threading.local()

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> tuple[int, bytes]:
        """Status and content of the answer; raises NotAsked."""
        connection: _Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = _Connection(self._place)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise NotAsked(f"kubectl did not reach the API server: {error!r}. Try kubectl get namespaces.") from error
        if answer.status >= 500 and not content.lstrip().startswith(b"{"):
            # In words, and not in JSON, the proxy itself says that it has no credentials or no connection.
            words = " ".join(content.decode(errors="replace").split())
            raise NotAsked(f"kubectl did not reach the API server: {words}. Try kubectl get namespaces.", answer.status)
        return answer.status, content


class _Connection(HTTPConnection):
    def __init__(self, place: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT[1])
        self._place = place

    def connect(self) -> None:
        """Open the socket in place of a TCP connection."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._place))


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
