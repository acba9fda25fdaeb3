"""The kubeconfig that the component hands out: kubectl and the Kubernetes provider enter through the AWS CLI.

It holds no secret: whoever uses it must have AWS credentials, and the API
server's authenticator asks AWS who they are.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from rehearsal.providers.protocol import ProviderError

_EXEC_API = "client.authentication.k8s.io/v1beta1"


def require_aws_cli() -> None:
    """Raises ProviderError without an `aws` on PATH.

    The real component also refuses AWS CLIs older than 1.24 and 2.7 (2022);
    asking for the version takes half a second of every run, and this project
    brings its own CLI.
    """
    if shutil.which("aws") is None:
        raise ProviderError(
            "There is no aws CLI on PATH, and EKS clusters are entered through it. Install the AWS CLI."
        )


def region_of(arn: str) -> str:
    """The region in an ARN. Raises ProviderError for what is no ARN."""
    parts = arn.split(":")
    if len(parts) < 4 or parts[0] != "arn":
        raise ProviderError(f"The cluster's ARN '{arn}' is not an ARN. Refresh the stack.")
    return parts[3]


def generate(
    cluster: str,
    endpoint: str,
    region: str,
    certificate: str,
    credentials: Mapping[str, str] | None = None,
    *,
    with_profile: bool = True,
) -> dict[str, Any]:
    """A kubeconfig object. `certificate` is base64 PEM; `credentials` may hold roleArn and profileName.

    Shape and order of keys as pulumi-eks 4.4.0 writes them
    (nodejs/eks/cluster/cluster.ts, generateKubeconfig).
    """
    args = ["--region", region, "eks", "get-token", "--cluster-name", cluster, "--output", "json"]
    if credentials and credentials.get("roleArn"):
        args += ["--role", credentials["roleArn"]]
    if credentials and with_profile and credentials.get("profileName"):
        args += ["--profile", credentials["profileName"]]
    run = {
        "apiVersion": _EXEC_API,
        "command": "aws",
        "args": args,
        "env": [{"name": "KUBERNETES_EXEC_INFO", "value": f'{{"apiVersion": "{_EXEC_API}"}}'}],
    }
    return {
        "apiVersion": "v1",
        "clusters": [
            {
                "cluster": {"server": endpoint, "certificate-authority-data": certificate},
                "name": "kubernetes",
            }
        ],
        "contexts": [{"context": {"cluster": "kubernetes", "user": "aws"}, "name": "aws"}],
        "current-context": "aws",
        "kind": "Config",
        "users": [{"name": "aws", "user": {"exec": run}}],
    }
