"""Rows of exercise K07: which pods get their node's credentials, and who needs credentials all the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exercises.catalogue import EXERCISES
from exercises.k07.asking import AS_ITSELF, AS_NODE, BUCKETS, InDeployment, NoCredentials
from exercises.k07.names import AGENTS, DEPLOYER, NAMESPACE, NODE_AGENT, NODE_GROUP, ORDERS, WEB
from exercises.shared.aws_checks import NODE_SESSION
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import AsAccount, creating
from grading.check import Row
from grading.expectations import Allowed, Says
from grading.refusals import AnyForbidden

USER = f"system:serviceaccount:{NAMESPACE}:{DEPLOYER}"


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["k07"])
    node = Says(NODE_SESSION)
    for deployment in (WEB, ORDERS):
        asks = InDeployment(NAMESPACE, deployment, AS_NODE)
        yield from stage.attack(f"{deployment}-is-the-node", deployment, asks, NoCredentials(), opened=node)
    on_host = AsAccount(NAMESPACE, DEPLOYER, creating(_pod("on-the-node", hostNetwork=True), "pods"))
    yield from stage.attack("host-network", DEPLOYER, on_host, AnyForbidden(USER))
    yield from stage.use("orders-own-role", ORDERS, InDeployment(NAMESPACE, ORDERS, BUCKETS), Allowed())
    yield from stage.use("node-agent", NODE_AGENT, InDeployment(AGENTS, NODE_AGENT, AS_ITSELF), node)
    plain = AsAccount(NAMESPACE, DEPLOYER, creating(_pod("another"), "pods"))
    yield from stage.use("deployer-deploys", DEPLOYER, plain, Allowed())
    yield from gates(stage)


def _pod(name: str, **more: Any) -> dict[str, Any]:
    """A pod on the exercise's node."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            **more,
            "nodeSelector": {"eks.amazonaws.com/nodegroup": NODE_GROUP},
            "tolerations": [{"key": "lab.myeks/exercise", "value": "k07", "effect": "NoSchedule"}],
            "containers": [{"name": name, "image": "public.ecr.aws/docker/library/busybox:1.37"}],
        },
    }
