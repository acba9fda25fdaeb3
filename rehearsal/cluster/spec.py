"""What a control plane is made from and what it tells of itself.

Plain values only, so that the part that plays EKS can build and read them
without knowing how the programs are run.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PodEnvironment = Callable[[dict[str, Any], dict[str, Any]], Awaitable[Mapping[str, str]]]
"""Takes a Pod and its Node, gives environment variables."""
Admission = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Takes an AdmissionReview (admission.k8s.io/v1) with a request, gives one with a response."""


@dataclass(frozen=True)
class DataKey:
    """The key that encrypts what etcd holds."""

    name: str
    """Stands before every encrypted value; has no colon."""
    secret: bytes = field(repr=False)
    """32 bytes."""


@dataclass(frozen=True)
class ControlPlaneSpec:
    """One cluster's control plane."""

    cluster_name: str
    """EKS's name of the cluster; names things in logs and errors."""
    region: str
    """AWS region, as "ap-northeast-2"; the nodes' names end in it."""
    version: str
    """Kubernetes version as EKS writes it, "1.36". A lower one than the built programs' is emulated."""
    issuer: str
    """URL that service-account tokens carry as `iss`: the cluster's OIDC issuer."""
    service_cidr: str
    """Addresses of Services; EKS chooses 10.100.0.0/16, or 172.20.0.0/16 when the VPC is in 10/8."""
    dir: Path
    """The control plane's own directory: made by start, removed by stop."""
    bin_dir: Path
    """Where etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok are."""
    authn_webhook_url: str
    """Answers TokenReview (authentication.k8s.io/v1) for bearer tokens that are no service account's.
    http on loopback; the path holds a secret, so that nobody else on the machine can ask. Refusals are
    not remembered; an accepted token is, for 10 s, which no setting of the API server turns off."""
    authz_webhook_url: str
    """Answers SubjectAccessReview (authorization.k8s.io/v1) where RBAC has no opinion; as above."""
    pod_environment: PodEnvironment | None = None
    """Environment of every process in a container of that pod, laid over the pod's own: where on this
    machine the pod finds what it would find under an address of AWS. Asked again for every process."""
    admission: Admission | None = None
    """Plays EKS's webhooks: the one that sees every pod that is created, and the one that sees what kube-system's
    ConfigMaps become, aws-auth among them. None: changes and refuses nothing."""
    data_key: DataKey | None = None
    """Encrypts what etcd holds. None: a key that the control plane makes."""


@dataclass(frozen=True)
class ProcessInfo:
    """One process of the control plane, as it is now."""

    name: str
    """The program: etcd, kube-apiserver, kube-controller-manager, kube-scheduler or kwok."""
    pid: int
    """Of the latest start; a restarted program has a new one."""
    rss_bytes: int
    """Resident memory, 0 when not alive."""
    alive: bool
