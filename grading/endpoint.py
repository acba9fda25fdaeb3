"""Where an API server listens and what proves that it is the one, from a kubeconfig."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Endpoint:
    """Where an API server listens, from a kubeconfig."""

    server: str
    """URL without a path."""

    ca: bytes
    """PEM of its certificate authority."""

    arguments: tuple[str, ...]
    """Arguments of the kubeconfig's credential command, `aws … eks get-token …`."""

    @classmethod
    def of(cls, kubeconfig: object) -> Endpoint:
        """From the current context of a kubeconfig, text or parsed. Raises ValueError for what is none."""
        try:
            config: Any = yaml.safe_load(kubeconfig) if isinstance(kubeconfig, str) else kubeconfig
            context = _named(config["contexts"], config["current-context"])["context"]
            cluster = _named(config["clusters"], context["cluster"])["cluster"]
            user = _named(config["users"], context["user"])["user"]
            arguments = (user.get("exec") or {}).get("args") or []
            return cls(
                str(cluster["server"]).rstrip("/"),
                base64.b64decode(cluster["certificate-authority-data"]),
                tuple(str(argument) for argument in arguments),
            )
        except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
            raise ValueError(f"the stack's kubeconfig cannot be read ({error!r})") from error

    def option(self, name: str) -> str | None:
        """The value of an option in the credential command, such as --profile."""
        found = [value for option, value in zip(self.arguments, self.arguments[1:], strict=False) if option == name]
        return found[0] if found else None


def _named(items: list[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    for item in items:
        if item["name"] == name:
            return item
    raise ValueError(f"there is no {name}")


@contextmanager
def certificate_file(endpoint: Endpoint) -> Generator[Path]:
    """The certificate authority as a file, which the WebSocket library wants."""
    with tempfile.TemporaryDirectory(prefix="lab-check-") as directory:
        file = Path(directory) / "ca.crt"
        file.write_bytes(endpoint.ca)
        yield file
