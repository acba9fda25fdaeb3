"""The API server, asked in this process: requests with a token of one's own, exec, logs.

Nothing is retried or judged here. What kubectl would start a process and three requests for is one request here, so
that a check of everything takes seconds. Tokens are headers of single requests and never part of the client.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote, urlencode, urlsplit

from grading.endpoint import Endpoint
from grading.outcomes import Done, HttpRefused, Outcome, Ran, Unanswered, http

TIMEOUT: Final = (5.0, 20.0)
"""Seconds to connect and to read."""

EXEC_SECONDS: Final = 60.0
"""How long a command in a pod may take. The AWS CLI gives its sources of credentials some seconds each."""

SWITCHING: Final = 101
"""HTTP status of an answer after which both sides speak another protocol: exec's streams are open."""

EXERCISE: Final = "EXERCISE"
"""Stands for the exercise in a remedy: which one it is, only the row knows."""

ANEW: Final = f"./lab stage {EXERCISE} off and back makes it anew."
"""What to do about what is gone or over. An update alone does not: to the engine it is still there."""

GONE: Final = f"Somebody deleted it, or it went with its node. {ANEW}"


class ApiServer(Protocol):
    """What the exercises need of a cluster's API server. `token` None: as the operator."""

    def request(self, method: str, path: str, body: object = None, token: str | None = None) -> Outcome:
        """One request; the outcome's value is parsed JSON."""
        ...

    def log(self, namespace: str, pod: str) -> Outcome:
        """What a pod's only container has printed; the outcome's value is text."""
        ...

    def run(self, namespace: str, pod: str, argv: tuple[str, ...]) -> Ran | Unanswered:
        """Run a command in a pod's only container to its end."""
        ...

    def begin_streams(self, method: Literal["GET", "POST"], path: str, token: str, audit_id: str) -> Outcome:
        """Open the streams of an exec and close them at once."""
        ...

    @property
    def authority(self) -> str:
        """PEM of the certificate authority that the kubeconfig names."""
        ...

    def handshake(self, authority: str) -> Outcome:
        """Greet it as TLS does, by one who trusts this authority (PEM) alone; the value is VERIFIED or UNVERIFIED."""
        ...


CONTENT_TYPES: Final = {"PATCH": "application/strategic-merge-patch+json"}
"""HTTP method → how its body is meant; others: plain JSON."""

_UPGRADES: Final[Mapping[str, Mapping[str, str]]] = {
    "GET": {
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "v4.channel.k8s.io",
    },
    "POST": {"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v4.channel.k8s.io"},
}
"""HTTP method → headers with which exec asks for streams: kubectl 1.31 and later use a WebSocket, older ones SPDY
(Kubernetes blog, "Streaming Transitions from SPDY to WebSockets", 2024-08-20)."""

_Answer = tuple[int, str, Mapping[str, str]]
"""HTTP status, body, and headers with names in lower case."""


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


VERIFIED: Final = "verified"
UNVERIFIED: Final = "not verified"
"""What a TLS client says of the server's certificate."""


class Client:
    """An API server by the Kubernetes client. Safe to use from several threads."""

    def __init__(self, endpoint: Endpoint, ca_file: Path, operator_token: Callable[[], str], stop: Event) -> None:
        """`operator_token` gives a valid token, cached by its owner; `stop` ends commands in pods early."""
        from kubernetes.client import Configuration
        from kubernetes.client.rest import RESTClientObject

        self._endpoint = endpoint
        self._token = operator_token
        self._stop = stop
        self._configuration = Configuration(host=endpoint.server, ssl_ca_cert=str(ca_file))
        # One connection for each asking thread, kept open.
        self._configuration.connection_pool_maxsize = 8
        # An answer that does not come is an outcome; whether to ask again is for the row to say.
        self._configuration.retries = False
        self._rest = RESTClientObject(self._configuration)

    def request(self, method: str, path: str, body: object = None, token: str | None = None) -> Outcome:
        """One request; the outcome's value is parsed JSON."""
        outcome = self._send(method, path, body, token)
        if isinstance(outcome, tuple):
            status, text, headers = outcome
            try:
                return http(status, json.loads(text), headers)
            except ValueError:
                return http(status, text, headers)
        return outcome

    def log(self, namespace: str, pod: str) -> Outcome:
        """What a pod's only container has printed; the outcome's value is text."""
        outcome = self._send("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log", None, None)
        if not isinstance(outcome, tuple):
            return outcome
        status, text, _ = outcome
        if status == 200:
            return Done(text, "log")
        with contextlib.suppress(ValueError):
            return http(status, json.loads(text))
        return http(status, text)

    @property
    def authority(self) -> str:
        """PEM of the certificate authority that the kubeconfig names."""
        return self._endpoint.ca.decode()

    def handshake(self, authority: str) -> Outcome:
        """Greet it as TLS does, by one who trusts this authority (PEM) alone; the value is VERIFIED or UNVERIFIED."""
        where = urlsplit(self._endpoint.server)
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=authority)
            with (
                socket.create_connection((str(where.hostname), where.port or 443), TIMEOUT[0]) as plain,
                context.wrap_socket(plain, server_hostname=where.hostname) as secured,
            ):
                return Done(VERIFIED, f"{VERIFIED}, {secured.version()}")
        except ssl.SSLCertVerificationError as error:
            return Done(UNVERIFIED, f"{UNVERIFIED}: {error.verify_message}")
        except OSError as error:
            return Unanswered(f"The API server did not answer: {error}")

    def _send(self, method: str, path: str, body: object, token: str | None) -> _Answer | Unanswered:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            headers = {
                "Authorization": f"Bearer {self._token() if token is None else token}",
                # What is no API object, such as the JWKS, has a type of its own.
                "Accept": "application/json, */*",
                "Content-Type": CONTENT_TYPES.get(method, "application/json"),
            }
            answer = self._rest.request(
                method, self._endpoint.server + path, headers=headers, body=body, _request_timeout=TIMEOUT
            )
            return answer.status, (answer.read() or b"").decode(errors="replace"), _lower(answer.headers)
        except ApiException as error:
            said = error.body
            text = said.decode(errors="replace") if isinstance(said, bytes) else str(said or error.reason or "")
            if error.status:
                return int(error.status), text, _lower(error.headers or {})
            return Unanswered(f"The API server did not answer: {text}")
        except (HTTPError, OSError) as error:
            return Unanswered(f"The API server did not answer: {error}")

    def run(self, namespace: str, pod: str, argv: tuple[str, ...]) -> Ran | Unanswered:
        """Run a command in a pod's only container to its end, by exec over a WebSocket."""
        from kubernetes.stream.ws_client import WSClient
        from websocket import WebSocketBadStatusException, WebSocketException

        wanted = [("stdout", "true"), ("stderr", "true"), *(("command", part) for part in argv)]
        url = (
            f"{self._endpoint.server.replace('https://', 'wss://', 1)}"
            f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/exec?{urlencode(wanted)}"
        )
        # v5 only adds how to close stdin, which is not used; v4 is spoken by every API server and kubelet.
        headers = {"authorization": f"Bearer {self._token()}", "sec-websocket-protocol": "v4.channel.k8s.io"}
        try:
            with _closing(WSClient(self._configuration, url, headers, capture_all=False)) as channel:
                ran = self._follow(channel, f"{namespace}/{pod}")
        except WebSocketBadStatusException as error:
            ran = Unanswered(f"Exec in {namespace}/{pod} was refused: {_refusal(error)}")
        except (WebSocketException, OSError) as error:
            return Unanswered(f"Exec in {namespace}/{pod} got no answer: {error}")
        if isinstance(ran, Unanswered) and not self._stop.is_set():
            return self._over(namespace, pod) or ran
        return ran

    def begin_streams(self, method: Literal["GET", "POST"], path: str, token: str, audit_id: str) -> Outcome:
        """Open the streams of an exec and close them at once; the command may run or not.

        The answer to such a request has the kubelet's headers, without Audit-ID. So the ID is given with the request:
        the API server takes it (k8s.io/apiserver, pkg/endpoints/filters/audit_init.go, 1.36).

        Args:
            method: GET asks for a WebSocket, POST for SPDY.
            path: with its query.
            token: whose request it is.
            audit_id: a new UUID.
        """
        import ssl
        from http.client import HTTPException, HTTPSConnection
        from secrets import token_bytes

        headers = {
            "Authorization": f"Bearer {token}",
            "Audit-ID": audit_id,
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(token_bytes(16)).decode(),
            **_UPGRADES[method],
        }
        at = urlsplit(self._endpoint.server)
        context = ssl.create_default_context(cadata=self._endpoint.ca.decode())
        connection = HTTPSConnection(at.hostname or "", at.port or 443, timeout=TIMEOUT[1], context=context)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            told = {"audit-id": audit_id, **_lower(dict(answer.getheaders()))}
            if answer.status == SWITCHING:
                return Done("", f"{SWITCHING}", told)
            text = answer.read().decode(errors="replace")
            try:
                return http(answer.status, json.loads(text), told)
            except ValueError:
                return http(answer.status, text, told)
        except (HTTPException, OSError) as error:
            return Unanswered(f"The API server did not answer: {error}")
        finally:
            connection.close()

    def _over(self, namespace: str, pod: str) -> Unanswered | None:
        """That a pod is not there or has ended, and what to do; None when neither can be told.

        What exec itself says of it differs: by who finds it out, the API server, the kubelet or the runtime.
        """
        found = self.request("GET", f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}")
        if isinstance(found, HttpRefused) and found.status == 404:
            return Unanswered(f"The pod {pod} is not there. {GONE}")
        phase = str((found.value.get("status") or {}).get("phase")) if isinstance(found, Done) else ""
        if phase in ("Succeeded", "Failed"):
            return Unanswered(f"The pod {pod} has ended ({phase}). {ANEW}")
        return None

    def _follow(self, channel: Any, where: str) -> Ran | Unanswered:
        from kubernetes.stream.ws_client import ERROR_CHANNEL, STDERR_CHANNEL, STDOUT_CHANNEL

        until = time.monotonic() + EXEC_SECONDS
        while channel.is_open():
            if self._stop.is_set():
                return Unanswered(f"Interrupted while a command ran in {where}.")
            if time.monotonic() > until:
                return Unanswered(f"A command in {where} did not end within {EXEC_SECONDS:.0f} seconds.")
            channel.update(timeout=0.2)
        # The channels are read once it is closed: all that was sent is there then.
        ended, stdout, stderr = (
            str(channel.read_channel(number)) for number in (ERROR_CHANNEL, STDOUT_CHANNEL, STDERR_CHANNEL)
        )
        return ended_as(ended, stdout, stderr, where)


def ended_as(status: str, stdout: str, stderr: str, where: str) -> Ran | Unanswered:
    """How a command ended, by the Status object (JSON) that exec sends on its error channel."""
    try:
        said: Any = json.loads(status)
        if said["status"] == "Success":
            return Ran(0, stdout, stderr)
        if said.get("reason") == "NonZeroExitCode":
            codes = [int(cause["message"]) for cause in said["details"]["causes"] if cause["reason"] == "ExitCode"]
            return Ran(codes[0], stdout, stderr)
        return Unanswered(f"Exec in {where} failed: {said.get('message') or said}")
    except (ValueError, KeyError, TypeError, IndexError):
        return Unanswered(f"Exec in {where} ended without telling how: {status.strip() or 'the connection was cut'}")


def _refusal(error: Any) -> str:
    body = error.resp_body
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    with contextlib.suppress(ValueError, AttributeError):
        text = str(json.loads(text).get("message") or text)
    return f"{error.status_code} {text}".strip()


@contextmanager
def _closing(channel: Any) -> Generator[Any]:
    try:
        yield channel
    finally:
        channel.close()


def refused(outcome: Outcome, what: str) -> Outcome:
    """A refusal that met the operator, who only wanted to know: nobody could be asked then."""
    if isinstance(outcome, HttpRefused):
        if outcome.status == 404:
            return Unanswered(f"{what} is not there ({outcome.message}). {GONE}")
        return Unanswered(f"You may not ask about {what} ({outcome.shown}).")
    return outcome
