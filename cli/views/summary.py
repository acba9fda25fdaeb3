"""Tables for a person: what a run changed, and what stands.

`up` ends with what it changed and how to go on; `status` tells at any time what
stands. Both draw their tables from here.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rehearsal import paths
from stacks import expiry, tables
from stacks.cluster_facts import RECORDED, Release
from stacks.console import duration, out
from stacks.engine_events import Change
from stacks.stack import REHEARSAL
from stacks.status import Facts, other_max_pods

_PAST: Final = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "same": "unchanged",
}
MOST_CREATED_SHOWN: Final = 12
"""A first `up` creates about a hundred resources; past this many only their number is shown."""


def counts(changes: Mapping[str, int], *, would: bool = False) -> str:
    """`3 created, 1 replaced, 90 unchanged`, or `3 to create, 90 unchanged`."""
    parts = [
        f"{changes[op]} to {op}" if would and op != "same" else f"{changes[op]} {word}"
        for op, word in _PAST.items()
        if changes.get(op)
    ]
    return ", ".join(parts) or "no resources"


def changes(made: Sequence[Change], *, every: bool = False) -> None:
    """A table of what a run changes; a long list of nothing but creations is left out unless `every`."""
    shown = [c for c in made if not c.type.startswith("pulumi:")]
    if not every and len(shown) > MOST_CREATED_SHOWN and all(c.operation == "create" for c in shown):
        return
    tables.show(
        ("change", "type", "name", "because of"),
        ((c.operation, c.type, c.name, ", ".join(c.properties)) for c in shown),
    )


def stood_up(outputs: Mapping[str, Any], releases: Sequence[Release]) -> None:
    """How a rehearsal's `up` ends: what Helm has, and how the pages are reached."""
    out.print(f"Cluster {outputs['clusterName']} ({outputs['region']}, Kubernetes {outputs['kubernetesVersion']})")
    helm(releases)
    _pages(outputs.get("pages") or {}, rehearsal=True)


def standing(facts: Facts) -> None:
    """What `status` shows."""
    out.print(
        f"Cluster {facts.cluster}: {facts.status}, Kubernetes {facts.version}, {facts.region}, "
        f"up for {duration(facts.up_for_seconds)}"
    )
    out.print(f"Endpoint {facts.endpoint}")
    out.print(expiry.told(facts.expires, datetime.now(UTC)))
    tables.show(
        ("node", "zone", "type", "status"),
        ((n.name, n.zone, n.instance_type, "Ready" if n.ready else "NotReady") for n in facts.nodes),
    )
    if wrong := other_max_pods(facts.nodes, facts.max_pods):
        out.print(wrong)
    tables.show(("add-on", "version", "status"), ((a.name, a.version, a.status) for a in facts.addons))
    helm(facts.releases)
    _pages(facts.pages, rehearsal=facts.stack == REHEARSAL)


def helm(rows: Sequence[Release]) -> None:
    """What Helm has of each release, and what changes a state that is not the wanted one."""
    tables.show(
        ("release", "namespace", "chart", "version", "state"),
        ((r.name, r.namespace, r.chart, r.version, r.told) for r in rows),
    )
    if any(one.state == RECORDED for one in rows):
        tables.prose(
            "Recorded: Helm has the release with its values, and nothing of its chart runs here. Put its archive, "
            f"NAME-VERSION.tgz, into {paths.charts_dir()}, or see that its repository is reached; then run ./lab up."
        )
    for one in rows:
        if one.change and one.state != RECORDED:
            out.print(f"{one.name} is {one.state}. To bring it to deployed: {one.change}")


def _pages(pages: Mapping[str, Mapping[str, str]], *, rehearsal: bool) -> None:
    # In the rehearsal nothing runs behind a page.
    tables.show(
        ("page", "on AWS, reach it by" if rehearsal else "reach it by"),
        ((name, how.get("url") or how.get("portForward", "")) for name, how in sorted(pages.items())),
    )
