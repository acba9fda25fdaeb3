"""The keys and files of one cluster, made before its programs start.

What belongs to whom is decided here: which name and group each program has,
and which files it reads.
"""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rehearsal.cluster.control_plane import settings
from rehearsal.cluster.control_plane.audit import audit_policy
from rehearsal.cluster.control_plane.pki import Authority, token_key
from rehearsal.cluster.ports import LOOPBACK
from rehearsal.cluster.spec import ControlPlaneSpec

ADMIN = "admin.kubeconfig"
"""File in the control plane's directory."""
FRONT_PROXY = "front-proxy-client"
"""Name of the API server where it passes on another one's request, as on EKS."""


@dataclass(frozen=True)
class Material:
    """The keys and files that the programs are started with, by their use."""

    ca: Path
    """Signs servers' certificates; this is the one that users see."""
    ca_data: str
    """Its certificate as kubeconfig and EKS carry it: PEM in base64."""
    ca_key: Path
    client_ca: Path
    """Signs the control plane's own clients."""
    admin: tuple[Path, Path]
    serving: tuple[Path, Path]
    kubelet: tuple[Path, Path]
    kubelet_client: tuple[Path, Path]
    kubelet_serving: Callable[[Sequence[str]], tuple[Path, Path]]
    """Makes certificate and key of the kubelet's port, for these addresses."""
    front_proxy_ca: Path
    front_proxy: tuple[Path, Path]
    """With which the API server comes to aggregated API servers, which believe it whose request it passes on."""
    egress: Path
    token_key: Path
    authentication: Path
    authorization: Path
    authn_webhook: Path
    encryption: Path
    audit_policy: Path
    controller_manager: Path
    scheduler: Path
    kwok: Path


def service_address(spec: ControlPlaneSpec) -> str:
    """Address of the Service `kubernetes`: the first of the range."""
    return str(ipaddress.ip_network(spec.service_cidr)[1])


def write(spec: ControlPlaneSpec, endpoint: str) -> Material:
    """Make every key and every file that the programs read, for an API server at that URL."""
    directory = spec.dir
    pki = directory / "pki"
    client_pki, front_proxy_pki = pki / "clients", pki / "front-proxy"
    for each in (client_pki, front_proxy_pki):
        each.mkdir(mode=0o700)
    authority = Authority(pki, spec.cluster_name)
    clients = Authority(client_pki, f"{spec.cluster_name} clients", keeps_key=False)
    front_proxies = Authority(front_proxy_pki, f"{spec.cluster_name} front proxy", keeps_key=False)
    api_names = [
        LOOPBACK,
        service_address(spec),
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ]
    masters = ["system:masters"]
    # EKS's own name for what it does in a cluster while it makes it.
    admin = clients.client("admin", "eks:cluster-bootstrap", masters)
    settings.kubeconfig(directory / ADMIN, endpoint, authority.data, "eks:cluster-bootstrap", admin)

    def own_kubeconfig(name: str, user: str) -> Path:
        # Masters, so that they need not wait until the API server has made the roles for them.
        files = clients.client(name, user, masters)
        return settings.kubeconfig(directory / f"{name}.kubeconfig", endpoint, authority.data, user, files)

    return Material(
        ca=authority.certificate_file,
        ca_data=authority.data,
        ca_key=authority.key_file,
        client_ca=clients.certificate_file,
        admin=admin,
        serving=authority.server("kube-apiserver", "kube-apiserver", api_names),
        kubelet=clients.client("kubelet-own", "kubelet", masters),
        kubelet_client=clients.client("kubelet-client", "kube-apiserver-kubelet-client", masters),
        kubelet_serving=partial(authority.server, "kubelet", "kubelet"),
        front_proxy_ca=front_proxies.certificate_file,
        front_proxy=front_proxies.client("front-proxy", FRONT_PROXY),
        egress=settings.egress(directory / "egress.json"),
        token_key=token_key(pki),
        authentication=settings.authentication(directory / "authentication.json"),
        authorization=settings.authorization(
            directory / "authorization.json",
            settings.webhook_kubeconfig(directory / "authz-webhook.json", spec.authz_webhook_url),
        ),
        authn_webhook=settings.webhook_kubeconfig(directory / "authn-webhook.json", spec.authn_webhook_url),
        encryption=settings.encryption(directory / "encryption.json", spec.data_key),
        audit_policy=audit_policy(directory / "audit-policy.json"),
        controller_manager=own_kubeconfig("controller-manager", "system:kube-controller-manager"),
        scheduler=own_kubeconfig("scheduler", "system:kube-scheduler"),
        kwok=own_kubeconfig("kwok", "kwok"),
    )
