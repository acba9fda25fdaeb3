"""What the engine's state holds of a stack: what `lab down` deletes, and what it believes to be there.

What is looked for on AWS besides is kept apart from what the engine itself will delete; and a stack whose state
is lost is not the same as one whose backend could not be asked.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from typing_extensions import TypeIs

from infra.versions import EXTERNAL_DNS
from stacks import pulumi_cli
from stacks.console import progress
from stacks.errors import Failure
from stacks.stack import Stack

CLUSTER: Final = "aws:eks/cluster:Cluster"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
STACK: Final = "pulumi:pulumi:Stack"
PROVIDERS: Final = "pulumi:providers:"
KUBERNETES: Final = "pulumi:providers:kubernetes"
_NO_STACK: Final = "no stack named"


@dataclass(frozen=True)
class StackState:
    """The resources in a stack's state."""

    ids: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """The engine's types → ids."""

    count: int = 0
    """Resources, without components and providers."""

    endpoint: str = ""
    """URL of the cluster's API server, if the state has a cluster."""

    cluster_urn: str = ""
    """The engine's own name of the cluster, if the state has one."""

    domain: str = ""
    """Domain whose records the lab writes, if the state tells one."""

    hosted_zone_id: str = ""
    """Hosted zone of the domain; told together with it, or neither is."""

    kubeconfig: object = None
    """By which the engine reaches the cluster, text or parsed; None if the state has none."""

    missing: bool = False
    """Whether there is no such stack: it was never up, or its state is lost or in another backend."""

    unknown: str = ""
    """Why the state could not be read; then nothing is known of it."""

    @property
    def has_cluster(self) -> bool:
        """Whether the state holds the cluster."""
        return bool(self.ids.get(CLUSTER))


def parsed(resources: Iterable[Mapping[str, Any]]) -> StackState:
    """From the resources of a deployment, in the engine's own JSON form."""
    ids: dict[str, set[str]] = {}
    endpoint = urn = ""
    count = 0
    # The outputs are those of the last program that ran, which may have been one without a domain; ExternalDNS stands
    # until its deletion is done. A run that was broken off may have neither, or only the outputs.
    by_release = by_outputs = ("", "")
    kubeconfig: object = None
    for each in resources:
        kind = str(each.get("type", ""))
        if kind == STACK:
            by_outputs = _zone_of(each.get("outputs"))
        elif kind == RELEASE:
            by_release = max(by_release, _zone_of_release(each.get("inputs")))
        elif kind == KUBERNETES:
            # The provider has it also after a run that was broken off, which leaves no outputs.
            kubeconfig = (each.get("inputs") or {}).get("kubeconfig") or kubeconfig
        if not each.get("custom") or kind.startswith(PROVIDERS):
            continue
        count += 1
        ids.setdefault(kind, set()).add(str(each.get("id", "")))
        if kind == CLUSTER:
            told = each.get("outputs", {}).get("endpoint")
            endpoint = told if isinstance(told, str) else ""
            urn = str(each.get("urn", ""))
    domain, zone = by_release if all(by_release) else by_outputs
    return StackState(
        {kind: frozenset(known) for kind, known in ids.items()}, count, endpoint, urn, domain, zone, kubeconfig
    )


def _zone_of(outputs: Any) -> tuple[str, str]:
    """Domain and hosted zone in the stack's outputs; both empty unless both are there."""
    told = outputs if isinstance(outputs, dict) else {}
    domain, zone = told.get("domain"), told.get("hostedZoneId")
    return (domain.lower(), zone) if _is_name(domain) and _is_name(zone) else ("", "")


def _zone_of_release(inputs: Any) -> tuple[str, str]:
    """The same from the values of ExternalDNS's release; both empty for another chart."""
    if not isinstance(inputs, dict) or inputs.get("chart") != EXTERNAL_DNS.name:
        return "", ""
    values = inputs.get("values") or {}
    domains = values.get("domainFilters") or [""]
    return _zone_of({"domain": domains[0], "hostedZoneId": values.get("txtOwnerId")})


def _is_name(value: object) -> TypeIs[str]:
    """Whether it is a text that says something; what is secret or not known yet is something else."""
    return isinstance(value, str) and bool(value)


def state_of(stack: Stack) -> StackState:
    """What the engine's state holds of a stack on AWS; says so meanwhile, for it takes seconds."""
    with progress() as shown:
        shown.phase(f"asking pulumi what stack {stack.name} holds")
        return on_aws(stack)


def on_aws(stack: Stack) -> StackState:
    """From the user's own Pulumi backend; never raises for what that does not answer."""
    try:
        ended = pulumi_cli.ask("stack", "export", "--stack", stack.name)
    except Failure as error:
        return StackState(unknown=str(error))
    if ended.returncode != 0:
        said = ended.stderr.strip()
        if _NO_STACK in said:
            return StackState(missing=True)
        return StackState(unknown=said.splitlines()[-1].removeprefix("error: ") if said else "pulumi said nothing")
    try:
        return parsed(json.loads(ended.stdout).get("deployment", {}).get("resources") or [])
    except (ValueError, AttributeError, TypeError):
        return StackState(unknown="pulumi's export came in a form that is not known")
