"""Charts of our own for tests: packed from the directories below tests/rehearsal/charts, and served on loopback."""

import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

SOURCES = Path(__file__).parent / "rehearsal" / "charts"


def tgz(files: Mapping[str, str | bytes], top: str = "chart") -> bytes:
    """A gzipped tar of these files below one directory."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(tar.getvalue(), mtime=0)


def packed(source: str, name: str = "", version: str = "", **more: str) -> bytes:
    """The archive of one of our charts, under another name and version if they are given, with `more` files."""
    root = SOURCES / source
    files: dict[str, str | bytes] = {
        str(file.relative_to(root)): file.read_text() for file in sorted(root.rglob("*")) if file.is_file()
    }
    about = yaml.safe_load(files["Chart.yaml"])
    about |= {key: value for key, value in (("name", name), ("version", version)) if value}
    files["Chart.yaml"] = yaml.safe_dump(about)
    return tgz(files | more, about["name"])


@dataclass
class Repository:
    """A chart repository on loopback."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Path below the URL → content."""
    asked: list[str] = field(default_factory=list[str])
    """Paths, as they were asked for."""
    silent: threading.Event | None = None
    """While it is there and not set, nothing is answered."""

    def offer(self, name: str, version: str, archive: bytes, digest: str = "") -> None:
        """Put a chart into the repository, its index included."""
        file = f"{name}-{version}.tgz"
        self.files[f"/{file}"] = archive
        index = yaml.safe_load(self.files.get("/index.yaml", b"apiVersion: v1\nentries: {}\n"))
        entry = {"name": name, "version": version, "urls": [file]}
        entry["digest"] = digest or hashlib.sha256(archive).hexdigest()
        index["entries"].setdefault(name, []).insert(0, entry)
        self.files["/index.yaml"] = yaml.safe_dump(index).encode()


@contextmanager
def repository() -> Generator[Repository]:
    """A chart repository for the length of a block."""
    served = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            if served.silent:
                served.silent.wait(30)
            content = served.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        if served.silent:
            served.silent.set()
        server.shutdown()
        server.server_close()
        thread.join()
