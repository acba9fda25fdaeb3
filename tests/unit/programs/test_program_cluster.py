"""How a plug-in reaches the cluster: kubectl's own options are passed on, and kubectl's own words come back."""

import argparse
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from operations.rbac.cluster_reader import NotAsked, Reader
from programs import __main__ as entry
from programs import cluster
from programs.cluster import Stopped


def given(*line: str) -> argparse.Namespace:
    parser = cluster.Parser("kubectl test", "")
    cluster.add_options(parser)
    return parser.parse_args(list(line))


def test_options_of_kubectl_are_passed_on() -> None:
    line = ["--kubeconfig", "k", "--context=c", "-n", "here", "--as", "a", "--as-group", "g", "--as-group=h"]
    line += ["--as-uid=u", "--token", "t", "-s", "https://x", "--insecure-skip-tls-verify"]
    assert sorted(cluster.options_of(given(*line))) == sorted(
        [
            *("--kubeconfig=k", "--context=c", "--as=a", "--as-group=g", "--as-group=h", "--as-uid=u", "--token=t"),
            *("--server=https://x", "--insecure-skip-tls-verify"),
        ]
    )
    assert cluster.options_of(given()) == []


def test_the_namespace_is_the_option_else_the_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    answer = "dev-team"

    def kubectl(*line: str) -> str:
        asked.append(line)
        return answer

    monkeypatch.setattr(cluster, "kubectl", kubectl)
    assert cluster.namespace_of(given("-n", "here")) == "here"
    assert asked == []
    assert cluster.namespace_of(given("--context", "c", "--as", "bob")) == "dev-team"
    assert asked[0][-1] == "--context=c"
    answer = ""
    assert cluster.namespace_of(given()) == "default"


def test_kubectls_own_words_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = 'E1129 memcache.go:265] couldn\'t get current server API group list\nerror: context "x" does not exist\n'

    def run(line: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(line, 1, "", told)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(Stopped, match=r'^context "x" does not exist$'):
        cluster.kubectl("get", "namespaces")


def test_without_kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Stopped, match="no kubectl on PATH") as stopped, cluster.asking():
        pass
    assert stopped.value.code == 127


class _Api(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = json.dumps({"seen": body, "host": self.headers["Host"]}).encode()
        if self.path == "/no-credentials":
            content = b"getting credentials: exec: executable aws failed\n"
        self.send_response({"/ok": 201, "/no": 403}.get(self.path, 500))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def address_string(self) -> str:
        return ""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """A socket on which an API answers, as kubectl proxy's."""

    class Server(HTTPServer):
        address_family = socket.AF_UNIX

        def server_bind(self) -> None:
            self.socket.bind(self.server_address)

    place = tmp_path / "api"
    with Server(str(place), _Api) as server:  # pyright: ignore[reportArgumentType]  # a path is the address of a socket
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield place
        server.shutdown()
        thread.join()


def test_requests_go_through_the_socket(served: Path) -> None:
    reader = Reader.by(cluster._Socket(served).send)  # pyright: ignore[reportPrivateUsage]
    assert reader.create("/ok", {"a": 1}) == {"seen": {"a": 1}, "host": "localhost"}
    with pytest.raises(NotAsked) as refused:
        reader.create("/no", {})
    assert refused.value.status == 403
    # The API server's own errors are JSON; the proxy's are words.
    with pytest.raises(NotAsked, match="answered 500 to POST /broken"):
        reader.create("/broken", {})
    with pytest.raises(
        NotAsked, match=r"^kubectl did not reach .*: getting credentials: exec: executable aws failed\. Try"
    ):
        reader.create("/no-credentials", {})


def test_a_socket_that_nobody_serves(tmp_path: Path) -> None:
    reader = Reader.by(cluster._Socket(tmp_path / "none").send)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(NotAsked, match="kubectl did not reach the API server"):
        reader.get("/version")


def test_a_plug_ins_error_is_two_sentences_and_no_traceback(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert entry.run("kubectl-access_matrix", tmp_path, ["--fly"]) == 1
    told = capsys.readouterr().err
    assert told == "error: unrecognized arguments: --fly. See kubectl access-matrix --help.\n"
