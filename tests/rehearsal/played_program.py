"""A program for containers of tests: a web page, an admission webhook and an aggregated API server in one.

It listens on the port of 127.0.0.1 that it is told, by TLS when it is given a
certificate.
"""

import argparse
import json
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GROUP = "lab.example.com"
PORT = 8443
"""Of the container."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/stream":
            self._stream()
        elif self.path == f"/apis/{GROUP}/v1":
            self._answer(
                {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1", "resources": []}
            )
        elif self.path == f"/apis/{GROUP}/v1/caller":
            self._answer({"user": self.headers.get("X-Remote-User"), "groups": self.headers.get_all("X-Remote-Group")})
        else:
            self._answer({"page": self.path} if self.path.startswith("/page") else {}, self.path.startswith("/page"))

    def do_POST(self) -> None:
        """An admission webhook that does not want a certain label."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        name, labels = request["object"]["metadata"]["name"], request["object"]["metadata"].get("labels", {})
        print("asked about", name, flush=True)
        response = {"uid": request["uid"], "allowed": "unwanted" not in labels}
        if not response["allowed"]:
            response["status"] = {"message": f"{name} is not wanted"}
        self._answer({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})

    def _answer(self, body: object, found: bool = True) -> None:
        data = json.dumps(body).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self) -> None:
        """Lines without an end."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        while True:
            self.wfile.write(b"line\n")
            time.sleep(0.1)

    def log_message(self, format: str, *args: object) -> None:  # the base class names it so
        pass


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slow", type=float, default=0, help="seconds until it listens")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--clients", help="authority whose certificates callers must have")
    settings = parser.parse_args()
    time.sleep(settings.slow)
    server = ThreadingHTTPServer(("127.0.0.1", settings.port), Handler)
    if settings.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.certificate, settings.key)
        if settings.clients:
            context.load_verify_locations(settings.clients)
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
