"""What the engine's state holds of a stack: what `lab down` deletes, and what it believes to be there.

Whatever is looked for on AWS beside it is told apart from what the engine itself will delete; and a stack whose state
is lost is told from one whose backend could not be asked.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cli import pulumi_cli
from cli.failures import Failure
from cli.stacks import Stack

CLUSTER: Final = "aws:eks/cluster:Cluster"
PROVIDERS: Final = "pulumi:providers:"
_NO_STACK: Final = "no stack named"


@dataclass(frozen=True)
class Recorded:
    """The resources in a stack's state."""

    ids: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """The engine's types → ids."""

    count: int = 0
    """Resources, without components and providers."""

    endpoint: str = ""
    """URL of the cluster's API server, if the state has a cluster."""

    cluster_urn: str = ""
    """The engine's own name of the cluster, if the state has one."""

    missing: bool = False
    """Whether there is no such stack: it was never up, or its state is lost or in another backend."""

    unknown: str = ""
    """Why the state could not be read; then nothing is known of it."""

    @property
    def has_cluster(self) -> bool:
        """Whether the state holds the cluster."""
        return bool(self.ids.get(CLUSTER))


def parsed(resources: Iterable[Mapping[str, Any]]) -> Recorded:
    """From the resources of a deployment, in the engine's own JSON form."""
    ids: dict[str, set[str]] = {}
    endpoint = urn = ""
    count = 0
    for each in resources:
        kind = str(each.get("type", ""))
        if not each.get("custom") or kind.startswith(PROVIDERS):
            continue
        count += 1
        ids.setdefault(kind, set()).add(str(each.get("id", "")))
        if kind == CLUSTER:
            told = each.get("outputs", {}).get("endpoint")
            endpoint = told if isinstance(told, str) else ""
            urn = str(each.get("urn", ""))
    return Recorded({kind: frozenset(known) for kind, known in ids.items()}, count, endpoint, urn)


def on_aws(stack: Stack) -> Recorded:
    """From the user's own Pulumi backend; never raises for what that does not answer."""
    try:
        ended = pulumi_cli.ask("stack", "export", "--stack", stack.name)
    except Failure as error:
        return Recorded(unknown=str(error))
    if ended.returncode != 0:
        said = ended.stderr.strip()
        if _NO_STACK in said:
            return Recorded(missing=True)
        return Recorded(unknown=said.splitlines()[-1].removeprefix("error: ") if said else "pulumi said nothing")
    try:
        return parsed(json.loads(ended.stdout).get("deployment", {}).get("resources") or [])
    except (ValueError, AttributeError, TypeError):
        return Recorded(unknown="pulumi's export came in a form that is not known")
