"""Requests to the emulator's own routes, and the proof that what answers on an address is the emulator."""

import http.client
import ipaddress
import json
from typing import Any, Final
from urllib.parse import urlsplit

ANSWER_WITHIN: Final = 10.0
"""Seconds that the emulator may take to say who it is."""


class WorldError(Exception):
    """The world could not be started, reached or stopped: what is wrong, then what to do."""


class NotTheEmulator(WorldError):
    """An endpoint that is not the emulator's own; nothing may be sent to it."""


def prove(endpoint: str, world_id: str) -> None:
    """Raise NotTheEmulator unless `endpoint` is on loopback and answers as the world `world_id`."""
    parts = urlsplit(endpoint)
    try:
        address = ipaddress.ip_address(parts.hostname or "")
        port = parts.port
    except ValueError:
        address, port = None, None
    if parts.scheme != "http" or address is None or not address.is_loopback or port is None or not world_id:
        raise NotTheEmulator(
            f"AWS_ENDPOINT_URL ({endpoint or 'not set'}) is not a rehearsal's address on this machine. "
            "Run this through ./lab, which sets it."
        )
    try:
        status, body = ask(endpoint, "GET", "/_rehearsal/identity")
        identity: Any = json.loads(body) if status == 200 else None
    except (WorldError, ValueError):
        identity = None
    if not isinstance(identity, dict) or identity.get("id") != world_id:
        raise NotTheEmulator(
            f"What answers on {endpoint} is not the rehearsal {world_id}. Run ./lab down, then ./lab up."
        )


def ask(endpoint: str, method: str, path: str, secret: str = "") -> tuple[int, bytes]:
    """One request to the emulator, past any proxy; raises WorldError when nobody answers."""
    parts = urlsplit(endpoint)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_WITHIN)
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise WorldError(f"Nothing answers on {endpoint} ({error}). Run ./lab down, then ./lab up.") from error
    finally:
        connection.close()
