"""The admission webhooks that the chart registers: an Ingress of a class that is not there is refused.

Readiness gates of pods, which the real controller adds in labelled namespaces, are not played: who would wait for
them gets a warning.
"""

import http.server
import json
import ssl
import threading
from typing import Any, Final

from rehearsal.cluster.controllers.load_balancer.cluster import ApiError, Cluster
from rehearsal.cluster.controllers.load_balancer.groups import Refused, is_ours
from rehearsal.cluster.controllers.load_balancer.settings import Settings

INGRESS: Final = "/validate-networking-v1-ingress"
PODS: Final = ("/mutate-v1-pod", "/mutate-v1-pod-server-id")
OTHERS: Final = (
    "/mutate-v1-service",
    "/mutate-elbv2-k8s-aws-v1beta1-targetgroupbinding",
    "/validate-elbv2-k8s-aws-v1beta1-targetgroupbinding",
    "/validate-elbv2-k8s-aws-v1beta1-ingressclassparams",
)
NOT_PLAYED: Final = "the rehearsal adds no readiness gates to pods"


def review(path: str, request: dict[str, Any], cluster: Cluster, settings: Settings) -> dict[str, Any] | None:
    """The answer to an AdmissionReview's request; None when there is no such webhook."""
    allowed: dict[str, Any] = {"uid": request["uid"], "allowed": True}
    if path in PODS:
        return {**allowed, "warnings": [NOT_PLAYED]}
    if path in OTHERS:
        return allowed
    if path != INGRESS:
        return None
    ingress = request["object"]
    try:
        is_ours(ingress, cluster.classes(), settings.ingress_class)
    except Refused as error:
        return {**allowed, "allowed": False, "status": {"code": 403, "message": str(error)}}
    except ApiError as error:
        return {**allowed, "allowed": False, "status": {"code": 500, "message": str(error)}}
    return allowed


def serve(cluster: Cluster, settings: Settings) -> http.server.ThreadingHTTPServer:
    """Listen, in threads of its own; raises OSError when the port or the certificate cannot be had."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            asked = json.loads(body)
            answer = review(self.path.partition("?")[0], asked["request"], cluster, settings)
            content = json.dumps({**asked, "request": None, "response": answer}).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # the base class names it so
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    directory = settings.webhook_certificates
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", settings.webhook_port), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
