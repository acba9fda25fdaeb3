"""How each program of the control plane is called.

The flags are of three kinds: what makes the cluster behave like an EKS one,
what keeps other users of this machine out, and what makes it start fast and
stay small. The last kind says what it was measured to give.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal.cluster.control_plane.certificates import FRONT_PROXY, Material
from rehearsal.cluster.control_plane.processes import Program
from rehearsal.cluster.control_plane.token_signer import SOCKET as SIGNER_SOCKET
from rehearsal.cluster.node_objects import KWOK_ANNOTATION
from rehearsal.cluster.ports import LOOPBACK, Port
from rehearsal.cluster.spec import ControlPlaneSpec

ETCD_SOCKET = "etcd.sock:0"
LARGEST_EVENT = 1024 * 1024 - 26
"""Bytes that one event may have in CloudWatch Logs, less what it counts for itself. EKS shortens a larger audit event
to its metadata (EKS Best Practices Guide, "Detective Controls", as of 2026-05-04)."""
LONGEST = "24h"
"""To which EKS shortens a token that somebody asks for (aws/containers-roadmap#1836, DataDog/stratus-red-team#163,
seen 2026-11; AWS does not document it). A pod's own token lasts as long as `token_signer` says."""
STAGES = Path(__file__).with_name("stages.yaml")


def _flags(settings: Mapping[str, str | int | Path | bool]) -> list[str]:
    shown = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in settings.items()}
    return [f"--{name}={value}" for name, value in shown.items()]


_GO = {"kube-apiserver": {"GOGC": "50"}}
"""Collecting twice as often saves the API server 35 of 270 MiB and costs it 0.1 s of processor time."""


def _program(spec: ControlPlaneSpec, name: str, flags: Sequence[str]) -> Program:
    return Program(
        name,
        [str(spec.bin_dir / name), *flags],
        cwd=spec.dir,
        log=spec.dir / "log" / f"{name}.log",
        # Nothing of the user's environment: a proxy or a KUBECONFIG in it is not meant for these.
        env={"HOME": str(spec.dir), "PATH": "/usr/bin:/bin", **_GO.get(name, {})},
    )


def etcd(spec: ControlPlaneSpec) -> Program:
    """Etcd on a socket in the cluster's own directory, which nobody else may enter."""
    client, peer = f"unix://{ETCD_SOCKET}", "unix://etcd-peer.sock:0"
    return _program(
        spec,
        "etcd",
        _flags(
            {
                "name": "etcd",
                "data-dir": spec.dir / "etcd",
                "listen-client-urls": client,
                "advertise-client-urls": client,
                "listen-peer-urls": peer,
                "initial-advertise-peer-urls": peer,
                "initial-cluster": f"etcd={peer}",
                # A world is thrown away with its processes; it need not survive the machine.
                "unsafe-no-fsync": True,
                # A single member need not wait a second for others before it leads.
                "heartbeat-interval": 20,
                "election-timeout": 100,
                "log-level": "warn",
            }
        ),
    )


class Commands:
    """The programs of one cluster that need its keys.

    `emulated` is the Kubernetes version to emulate, or None for the programs' own.
    """

    def __init__(self, spec: ControlPlaneSpec, material: Material, api: Port, emulated: str | None) -> None:
        self._spec = spec
        self._material = material
        self._api = api
        self._emulated = emulated

    def _program(self, name: str, settings: Mapping[str, str | int | Path | bool]) -> Program:
        return _program(self._spec, name, _flags(settings))

    def _version(self) -> dict[str, str]:
        if self._emulated is None:
            return {}
        return {"emulated-version": self._emulated, "min-compatibility-version": self._emulated}

    def _streams(self) -> dict[str, str]:
        """Brings kubectl's WebSockets to the kubelet of the rehearsal, which speaks nothing else.

        From 1.36 on an API server passes them on to a kubelet that declares WebSockets. Older ones translate them
        into SPDY, unless this is turned off.
        """
        if self._emulated is None:
            return {}
        return {"feature-gates": "TranslateStreamCloseWebsocketRequests=false,PortForwardWebsockets=false"}

    def apiserver(self) -> Program:
        """The API server, as EKS configures it where that can be seen."""
        spec, material = self._spec, self._material
        return self._program(
            "kube-apiserver",
            {
                "etcd-servers": f"unix://{ETCD_SOCKET}",
                "bind-address": LOOPBACK,
                "advertise-address": LOOPBACK,
                "endpoint-reconciler-type": "none",
                "secure-port": self._api.number,
                "service-cluster-ip-range": spec.service_cidr,
                "tls-cert-file": material.serving[0],
                "tls-private-key-file": material.serving[1],
                "client-ca-file": material.client_ca,
                "kubelet-certificate-authority": material.ca,
                "kubelet-preferred-address-types": "InternalIP",
                "kubelet-client-certificate": material.kubelet_client[0],
                "kubelet-client-key": material.kubelet_client[1],
                "egress-selector-config-file": material.egress,
                # As on EKS, where a Service without a ready pod is answered with "no endpoints available".
                "enable-aggregator-routing": True,
                "proxy-client-cert-file": material.front_proxy[0],
                "proxy-client-key-file": material.front_proxy[1],
                "requestheader-client-ca-file": material.front_proxy_ca,
                "requestheader-allowed-names": FRONT_PROXY,
                "requestheader-username-headers": "X-Remote-User",
                "requestheader-group-headers": "X-Remote-Group",
                "requestheader-extra-headers-prefix": "X-Remote-Extra-",
                "service-account-issuer": spec.issuer,
                "service-account-jwks-uri": f"{spec.issuer}/keys",
                "api-audiences": "https://kubernetes.default.svc",
                "service-account-signing-endpoint": SIGNER_SOCKET,
                "service-account-max-token-expiration": LONGEST,
                "authentication-config": material.authentication,
                "authentication-token-webhook-config-file": material.authn_webhook,
                "authentication-token-webhook-version": "v1",
                "authentication-token-webhook-cache-ttl": "0s",
                "authorization-config": material.authorization,
                "enable-admission-plugins": "NodeRestriction",
                "encryption-provider-config": material.encryption,
                "audit-policy-file": material.audit_policy,
                "audit-log-path": spec.dir / "log" / "audit.log",
                "audit-log-mode": "batch",
                "audit-log-maxsize": 10,
                "audit-log-maxbackup": 2,
                "audit-log-truncate-enabled": True,
                "audit-log-truncate-max-event-size": LARGEST_EVENT,
                "allow-privileged": True,
                "profiling": False,
                **self._version(),
                **self._streams(),
            },
        )

    def controller_manager(self) -> Program:
        """Every controller that has something to do without a cloud or a metrics server."""
        material = self._material
        return self._program(
            "kube-controller-manager",
            {
                "kubeconfig": material.controller_manager,
                "leader-elect": False,
                "secure-port": 0,
                "service-account-private-key-file": material.token_key,
                "root-ca-file": material.ca,
                # EKS signs no client certificate, whoever approves it: with one signer named the others do not run.
                "cluster-signing-kubelet-serving-cert-file": material.ca,
                "cluster-signing-kubelet-serving-key-file": material.ca_key,
                "profiling": False,
                **self._version(),
            },
        )

    def scheduler(self) -> Program:
        """The scheduler."""
        return self._program(
            "kube-scheduler",
            {
                "kubeconfig": self._material.scheduler,
                "leader-elect": False,
                "secure-port": 0,
                "profiling": False,
                **self._version(),
            },
        )

    def kwok(self) -> Program:
        """KWOK, which keeps nodes and pods going; what a kubelet is asked is not asked of it."""
        material = self._material
        return self._program(
            "kwok",
            {
                "kubeconfig": material.kwok,
                "config": STAGES,
                "manage-all-nodes": False,
                "manage-nodes-with-annotation-selector": f"{KWOK_ANNOTATION}=fake",
                "node-lease-duration-seconds": 40,
                # Without a port: it would run commands for anybody on this machine.
                "node-port": 0,
            },
        )
