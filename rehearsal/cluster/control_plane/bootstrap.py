"""Puts into a new cluster what EKS puts there, before a user looks.

It runs beside everything else once the API server answers: nothing that the
engine creates depends on it, so it must not delay the cluster's creation.
"""

from pathlib import Path
from typing import Any, cast

import yaml

from rehearsal.cluster.api_client import Client
from rehearsal.cluster.control_plane.manifests import apply
from rehearsal.cluster.ports import LOOPBACK

_MANIFESTS = Path(__file__).with_name("bootstrap.yaml")


def manifests() -> list[dict[str, Any]]:
    """The objects, in the order in which they are made."""
    documents = yaml.safe_load_all(_MANIFESTS.read_text())
    return [cast("dict[str, Any]", document) for document in documents]


def pod_identity_webhook(port: int, ca_data: str) -> dict[str, Any]:
    """The webhook that EKS has in every cluster since 1.21; it listens beside the API server.

    As `kubectl get mutatingwebhookconfiguration pod-identity-webhook -o yaml` shows it on EKS, but for the port and
    the version of the reviews, which are v1beta1 there.
    """
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "pod-identity-webhook"},
        "webhooks": [
            {
                "name": "iam-for-pods.amazonaws.com",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": f"https://{LOOPBACK}:{port}/mutate", "caBundle": ca_data},
                "failurePolicy": "Ignore",
                "matchPolicy": "Equivalent",
                "objectSelector": {
                    "matchExpressions": [
                        {"key": "eks.amazonaws.com/skip-pod-identity-webhook", "operator": "DoesNotExist"}
                    ]
                },
                "reinvocationPolicy": "IfNeeded",
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                        "scope": "*",
                    }
                ],
                "sideEffects": "None",
                "timeoutSeconds": 10,
            }
        ],
    }


def aws_auth_webhook(port: int, ca_data: str) -> dict[str, Any]:
    """The webhook that EKS has had in every new cluster since July 2023; it listens beside the API server.

    Its name, that it is one webhook, and the version of the reviews are as `kubectl get
    validatingwebhookconfigurations` shows them on EKS (study notes of 2023 and 2025). The rest was found in no public
    text; it is made like EKS's other webhooks, which let pass what they cannot answer.
    """
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "eks-aws-auth-configmap-validation-webhook"},
        "webhooks": [
            {
                "name": "eks-aws-auth-configmap-validation-webhook.amazonaws.com",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": f"https://{LOOPBACK}:{port}/validate", "caBundle": ca_data},
                "failurePolicy": "Ignore",
                "matchPolicy": "Equivalent",
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["configmaps"],
                        "scope": "*",
                    }
                ],
                "sideEffects": "None",
                "timeoutSeconds": 5,
            }
        ],
    }


async def fill(client: Client, port: int, ca_data: str) -> None:
    """Apply every object; raises ControlPlaneError.

    `port` and `ca_data` are those of the listener that has the webhooks.
    """
    # The webhooks first: they have to see the first pod, and aws-auth from its first form on.
    await apply(client, [pod_identity_webhook(port, ca_data), aws_auth_webhook(port, ca_data), *manifests()])
