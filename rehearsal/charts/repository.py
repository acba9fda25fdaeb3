"""Pulls a chart from a Helm repository over HTTP, as `helm pull` does, with bounds on how long that may take.

A repository is a file index.yaml that names the archives (Helm documentation, "The Chart Repository Guide", seen
2026-11). Whoever is offline must not wait: a repository that does not begin to answer in a few seconds counts as one
that cannot be reached.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urljoin, urlsplit

import yaml

ANSWER_WITHIN: Final = 5.0
"""Seconds until the repository must have begun to answer, and for each further piece of what it sends."""

DONE_WITHIN: Final = 120.0
"""Seconds for index and archive together."""

_PIECE: Final = 256 * 1024


@dataclass(frozen=True)
class Pin:
    """A chart at one version, as a program asks for it."""

    name: str
    version: str
    repository: str
    """URL of the repository, without index.yaml."""

    digest: str = ""
    """SHA-256 of the archive in hexadecimal digits; empty: not known, the repository's own index is believed."""

    @property
    def file_name(self) -> str:
        """Name of the archive in a directory of charts."""
        return f"{self.name}-{self.version}.tgz"


class NotHad(Exception):
    """Why a chart could not be pulled, in one sentence without a full stop."""


class Pull:
    """One chart on its way, in a thread of its own that keeps nobody from ending."""

    def __init__(self, pin: Pin, answer_within: float = ANSWER_WITHIN) -> None:
        self._pin = pin
        self._answer_within = answer_within
        self._began = time.monotonic()
        self._answered = threading.Event()
        self._archive: bytes | None = None
        self._reason = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self) -> bytes:
        """The archive; waits for it. Raises NotHad."""
        # A name server that is silent holds the thread for longer than any time limit of a connection.
        self._answered.wait(max(0.0, self._began + self._answer_within - time.monotonic()))
        if not self._answered.is_set():
            raise NotHad(f"{self._pin.repository} did not answer within {self._answer_within:g} s")
        self._thread.join(max(0.0, self._began + DONE_WITHIN - time.monotonic()))
        if self._archive is None:
            raise NotHad(self._reason or f"{self._pin.repository} was not done after {DONE_WITHIN:.0f} s")
        return self._archive

    def _run(self) -> None:
        try:
            self._archive = self._pull()
        except NotHad as error:
            self._reason = str(error)
        except (OSError, ValueError, http.client.HTTPException, yaml.YAMLError) as error:
            told = " ".join(str(error).removeprefix("<urlopen error ").removesuffix(">").split())
            self._reason = f"{self._pin.repository} could not be read ({told or type(error).__name__})"
        finally:
            self._answered.set()

    def _pull(self) -> bytes:
        pin = self._pin
        base = pin.repository.rstrip("/") + "/"
        entry = entry_of(self._get(urljoin(base, "index.yaml")), pin.name, pin.version)
        if entry is None:
            raise NotHad(f"{pin.repository} has no {pin.name} {pin.version}")
        urls = cast("list[object]", entry.get("urls") or [])
        if not urls:
            raise NotHad(f"{pin.repository} names no archive of {pin.name} {pin.version}")
        archive = self._get(urljoin(base, str(urls[0])))
        seen = hashlib.sha256(archive).hexdigest()
        for whose, digest in (("pinned", pin.digest), ("in the repository's index", entry.get("digest"))):
            expected = str(digest or "").removeprefix("sha256:").lower()
            if expected and expected != seen:
                raise NotHad(f"the archive at {urls[0]} has SHA-256 {seen}, and {whose} is {expected}")
        return archive

    def _get(self, url: str) -> bytes:
        if urlsplit(url).scheme not in ("http", "https"):
            raise NotHad(f"{url} is not an address of HTTP")
        request = urllib.request.Request(url, headers={"User-Agent": "myeks-lab"})  # noqa: S310  # see above
        with urllib.request.urlopen(request, timeout=self._answer_within) as answer:  # noqa: S310
            self._answered.set()
            pieces: list[bytes] = []
            while piece := answer.read(_PIECE):
                pieces.append(piece)
                if time.monotonic() - self._began > DONE_WITHIN:
                    raise NotHad(f"{url} was not read after {DONE_WITHIN:.0f} s")
        return b"".join(pieces)


def entry_of(index: bytes, name: str, version: str) -> Mapping[str, Any] | None:
    """What a repository's index says of a chart at a version; None when it has none.

    Indexes grow to tens of MiB, for which YAML takes half a minute. Helm writes them all in the same layout, so the
    entry is cut out first; an index in another layout is read whole.
    """
    text = index.decode(errors="replace")
    if not _LAYOUT.search(text):
        whole: Any = yaml.safe_load(text)
        if not isinstance(whole, dict) or not isinstance(whole.get("entries"), dict):
            raise NotHad("what it sent as index.yaml is no index")
        return _at(whole["entries"].get(name), version)
    for part in _entries(text, name):
        if re.search(rf"^    version: ['\"]?{re.escape(version)}['\"]?$", part, re.MULTILINE):
            found = _at(yaml.safe_load(part), version)
            if found:
                return found
    return None


_LAYOUT: Final = re.compile(r"^entries:\n  \S+:\n  - ", re.MULTILINE)


def _entries(text: str, name: str) -> Iterator[str]:
    """The list items below a chart's name, each as text."""
    block = re.search(rf"^  {re.escape(name)}:\n((?:(?:  - |    ).*\n|\n)*)", text + "\n", re.MULTILINE)
    if block:
        yield from (f"  - {item}" for item in re.split(r"^  - ", block[1], flags=re.MULTILINE)[1:])


def _at(entries: object, version: str) -> Mapping[str, Any] | None:
    for entry in cast("list[object]", entries) if isinstance(entries, list) else []:
        if isinstance(entry, dict) and str(cast("dict[str, Any]", entry).get("version")) == version:
            return cast("dict[str, Any]", entry)
    return None
