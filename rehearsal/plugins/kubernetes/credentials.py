"""How the provider proves who it is: whatever the kubeconfig's user says, as kubectl would.

The `kubernetes` package could do this, but takes 0.3 s and 17 MB to import
(2 cores, Python 3.11, kubernetes 37.0.1), in a plugin that runs once for each
provider resource; and where the credential command fails it logs that and goes on as nobody.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from rehearsal.plugins.kubernetes.settings import Access
from rehearsal.plugins.protocol import ProviderError

_EARLY = timedelta(minutes=1)  # a token is renewed before it expires under a request
_COMMAND_SECONDS = 60


class Credentials:
    """The Authorization header, renewed when it expires. Safe to use from many threads."""

    def __init__(self, user: Mapping[str, Any]) -> None:
        """`user` as in a kubeconfig."""
        self._user = user
        self._lock = threading.Lock()
        self._token = ""
        self._expires: datetime | None = None

    def header(self) -> dict[str, str]:
        """Headers that tell who asks; empty for client certificates and nobody. Raises ProviderError."""
        if "exec" in self._user:
            with self._lock:
                if not self._token or (self._expires is not None and datetime.now(UTC) >= self._expires):
                    self._run(self._user["exec"])
                return {"Authorization": f"Bearer {self._token}"}
        token = self._user.get("token") or _read(self._user.get("tokenFile"))
        if token:
            return {"Authorization": f"Bearer {token.strip()}"}
        if "username" in self._user and "password" in self._user:
            pair = f"{self._user['username']}:{self._user['password']}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}

    def forget(self, header: Mapping[str, str]) -> bool:
        """The server refused this header. Whether there may be a better one."""
        with self._lock:
            if header.get("Authorization") == f"Bearer {self._token}":
                self._token = ""
        return "exec" in self._user

    def _run(self, command: Mapping[str, Any]) -> None:
        words = [str(command["command"]), *(command.get("args") or [])]
        environment = {item["name"]: item["value"] for item in command.get("env") or []}
        try:
            ended = subprocess.run(
                words,
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProviderError(
                f"The credential command '{words[0]}' of the kubeconfig did not run: {error}. "
                "Run it by hand to see why."
            ) from error
        if ended.returncode != 0:
            raise ProviderError(
                f"The credential command '{' '.join(words)}' of the kubeconfig failed: {ended.stderr.strip()}. "
                "Run it by hand to see why."
            )
        self._take(words[0], ended.stdout)

    def _take(self, command: str, answer: str) -> None:
        try:
            status = cast("dict[str, Any]", json.loads(answer)["status"])
            self._token = str(status["token"])
            expires = status.get("expirationTimestamp")
            self._expires = datetime.fromisoformat(expires) - _EARLY if expires else None
        except (ValueError, KeyError, TypeError) as error:
            raise ProviderError(
                f"The credential command '{command}' of the kubeconfig did not answer with a token. "
                "Run it by hand to see what it says."
            ) from error


def tls_context(access: Access) -> ssl.SSLContext:
    """Trusts the cluster's own authority alone; presents the user's client certificate if there is one."""
    authority = _data(access.cluster, "certificate-authority")
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if access.cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = _data(access.user, "client-certificate")
    key = _data(access.user, "client-key")
    if certificate and key:
        # ssl takes files alone.
        with tempfile.TemporaryDirectory() as directory:
            pair = Path(directory) / "pair.pem"
            pair.touch(mode=0o600)
            pair.write_bytes(certificate + b"\n" + key)
            context.load_cert_chain(pair)
    return context


def _data(part: Mapping[str, Any], name: str) -> bytes:
    inline = part.get(f"{name}-data")
    if inline:
        return base64.b64decode(inline)
    text = _read(part.get(name))
    return text.encode() if text else b""


def _read(path: str | None) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text()
    except OSError as error:
        raise ProviderError(
            f"The file {path} that the kubeconfig names cannot be read: {error.strerror}. Correct the kubeconfig."
        ) from error
