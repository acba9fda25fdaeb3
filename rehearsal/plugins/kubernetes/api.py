"""What the API server answers with, apart from how it is asked: a run without changes imports no HTTP client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.plugins.protocol import ProviderError

Object = dict[str, Any]


class UnreachableError(ProviderError):
    """The API server does not answer."""


class ApiError(ProviderError):
    """The API server refused."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        """`answer` is the server's `Status` object."""
        super().__init__(str(answer.get("message") or f"the API server answered {status}"))
        self.status = status
        self.reason = str(answer.get("reason") or "")
        details = answer.get("details") or {}
        self.causes: list[Mapping[str, str]] = list(details.get("causes") or [])
        self.about = str(details.get("kind") or "")


class UnknownKindError(ProviderError):
    """The API server has no such kind (yet)."""


@dataclass(frozen=True)
class Served:
    """How the server offers a kind."""

    plural: str
    namespaced: bool
