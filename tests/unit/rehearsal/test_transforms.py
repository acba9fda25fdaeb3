"""Which clusters a program's Kubernetes provider may enter."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from rehearsal.transforms import ForeignClusterError, prove_own

OWN = "https://127.0.0.1:6443"


def kubeconfig(*servers: str, **more: Any) -> str:
    clusters = [{"name": server, "cluster": {"server": server, **more}} for server in servers]
    return json.dumps({"clusters": clusters, "current-context": "c"})


def prove(config: object) -> None:
    prove_own(config, lambda: [OWN])


def test_the_rehearsals_own_cluster_passes(tmp_path: Path):
    prove(kubeconfig(OWN))
    prove(kubeconfig(f"{OWN}/"))
    prove(json.loads(kubeconfig(OWN)))
    prove("clusters:\n- name: c\n  cluster:\n    server: https://127.0.0.1:6443\n")
    file = tmp_path / "config"
    file.write_text(kubeconfig(OWN))
    prove(str(file))


@pytest.mark.parametrize("unknown", [None, "", object()])
def test_what_is_not_known_yet_passes(unknown: object):
    prove(unknown)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (kubeconfig("https://203.0.113.7:6443"), "https://203.0.113.7:6443, which is not on this machine"),
        # A name can lead anywhere.
        (kubeconfig("https://localhost:6443"), "not on this machine"),
        (kubeconfig("https://127.0.0.1.example.com:6443"), "not on this machine"),
        # Whichever cluster its context or the provider's own settings choose.
        (kubeconfig(OWN, "https://203.0.113.7"), "not on this machine"),
        # A cluster of the user's on this machine.
        (kubeconfig("https://127.0.0.1:6444"), "which is no cluster of the rehearsal"),
        (kubeconfig(OWN, **{"proxy-url": "http://127.0.0.1:3128"}), "through a proxy"),
        (kubeconfig(), None),
        ("{", "cannot be read"),
        ("/nowhere/at/all", "cannot be read"),
        ("a: b\nc: d", "names no clusters"),
    ],
)
def test_any_other_cluster_is_refused(config: str, said: str | None):
    if said is None:
        prove(config)
        return
    with pytest.raises(ForeignClusterError, match=said):
        prove(config)


def test_a_refused_server_sees_no_connection():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        with pytest.raises(ForeignClusterError):
            prove(kubeconfig(f"https://127.0.0.1:{listener.getsockname()[1]}"))
        with pytest.raises(TimeoutError):
            listener.accept()
