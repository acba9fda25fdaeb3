"""The files that the control plane's programs read, apart from keys.

Each says what EKS's own control plane is configured to do, as far as a user
of the cluster can see it from outside.
"""

import base64
import json
import os
from pathlib import Path

from rehearsal.cluster.control_plane.pki import write_private
from rehearsal.cluster.spec import DataKey


def write_json(path: Path, document: dict[str, object]) -> Path:
    """Write a document that only its owner may read; JSON is YAML to Kubernetes."""
    write_private(path, json.dumps(document, indent=1).encode())
    return path


def kubeconfig(path: Path, endpoint: str, ca_data: str, user: str, files: tuple[Path, Path]) -> Path:
    """A kubeconfig whose user proves itself with a client certificate."""
    certificate, key = files
    return write_json(
        path,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "cluster",
                    "cluster": {"server": endpoint, "certificate-authority-data": ca_data},
                }
            ],
            "users": [{"name": user, "user": {"client-certificate": str(certificate), "client-key": str(key)}}],
            "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": user}}],
            "current-context": "context",
        },
    )


def webhook_kubeconfig(path: Path, url: str) -> Path:
    """How the API server reaches one of our webhooks; the URL holds the shared secret."""
    return write_json(
        path,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "webhook", "cluster": {"server": url}}],
            "users": [{"name": "kube-apiserver", "user": {}}],
            "contexts": [{"name": "webhook", "context": {"cluster": "webhook", "user": "kube-apiserver"}}],
            "current-context": "webhook",
        },
    )


EGRESS_SOCKET = "egress.sock"
"""Of the control plane's directory, in which the API server works: a Unix socket's whole path may be too long."""


def egress(path: Path) -> Path:
    """Every connection to nodes and pods goes by a socket of ours; all others go directly."""
    transport = {"uds": {"udsName": EGRESS_SOCKET}}
    connection = {"proxyProtocol": "HTTPConnect", "transport": transport}
    return write_json(
        path,
        {
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [{"name": "cluster", "connection": connection}],
        },
    )


def authentication(path: Path) -> Path:
    """Anonymous requests reach the health endpoints alone, as on EKS since 1.32."""
    return write_json(
        path,
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "anonymous": {
                "enabled": True,
                "conditions": [{"path": "/healthz"}, {"path": "/livez"}, {"path": "/readyz"}],
            },
        },
    )


def authorization(path: Path, webhook: Path) -> Path:
    """Node and RBAC, then the access policies by webhook, asked again for every request.

    On EKS a changed access entry shows after seconds; here it shows at once,
    so nothing has to wait. Lost contact to the webhook takes no right away
    that RBAC gives.
    """
    return write_json(
        path,
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthorizationConfiguration",
            "authorizers": [
                {"type": "Node", "name": "node"},
                {"type": "RBAC", "name": "rbac"},
                {
                    "type": "Webhook",
                    "name": "access-policies",
                    "webhook": {
                        "authorizedTTL": "1s",
                        "unauthorizedTTL": "1s",
                        "cacheAuthorizedRequests": False,
                        "cacheUnauthorizedRequests": False,
                        "timeout": "5s",
                        "subjectAccessReviewVersion": "v1",
                        "matchConditionSubjectAccessReviewVersion": "v1",
                        "failurePolicy": "NoOpinion",
                        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": str(webhook)},
                        # Kubernetes' own identities have no access entry: do not ask about them.
                        "matchConditions": [{"expression": "!request.user.startsWith('system:')"}],
                    },
                },
            ],
        },
    )


def encryption(path: Path, key: DataKey | None) -> Path:
    """Every object is encrypted in etcd, as on EKS since 1.28; without a `key` by one of this cluster alone.

    Source: Amazon EKS User Guide, "Default envelope encryption for all Kubernetes API Data", seen 2026-11. EKS's API
    server asks KMS through a plug-in; here the data key is in a file of the control plane's own.
    """
    key = key or DataKey("cluster", os.urandom(32))
    secret = base64.b64encode(key.secret).decode()
    return write_json(
        path,
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [
                {
                    "resources": ["*.*"],
                    "providers": [{"secretbox": {"keys": [{"name": key.name, "secret": secret}]}}],
                }
            ],
        },
    )
