"""What is allowed but worth knowing before the lab is built. Never an error: the operator decides."""

from __future__ import annotations

from datetime import date, timedelta

from components.controller_tags import controller_tags
from infra.config.model import LabConfig
from infra.config.problems import Problem, key_of
from infra.versions import DEFAULT_KUBERNETES_VERSION, KUBERNETES_VERSIONS

NOTICE = timedelta(days=30)
"""How long before the end of standard support the warning begins."""


def advice(config: LabConfig, today: date | None = None) -> tuple[Problem, ...]:
    """Remarks on a checked configuration, as of ``today`` (by default the machine's date)."""
    found: list[Problem] = []
    until = KUBERNETES_VERSIONS[config.kubernetes_version].standard_support_until
    if (today or date.today()) + NOTICE > until:
        then = "EKS upgrades the cluster to the next version"
        if config.support_type == "EXTENDED":
            then = "an hour costs 0.60 USD instead of 0.10"
        found.append(
            Problem(
                key_of("kubernetesVersion"),
                f"Standard support of {config.kubernetes_version} lasts until {until}; after it {then}.",
                f"Use {DEFAULT_KUBERNETES_VERSION}.",
            )
        )
    if config.node_group.desired_size < len(config.zones):
        found.append(
            Problem(
                key_of("nodeGroup", "desiredSize"),
                f"{config.node_group.desired_size} nodes leave a zone without one.",
                "Write 3 or more for one in each zone.",
            )
        )
    if not config.operator_cidrs:
        found.append(
            Problem(
                key_of("operatorCidrs"),
                "None is given: SSH is closed, and the cluster's endpoint is open to all addresses.",
                "List your own address as /32.",
            )
        )
    found += [
        Problem(
            key_of("tags", name),
            "The argument that hands tags on to the cluster's controllers cannot hold it: load balancers and volumes "
            "that they make do not get this tag.",
            "Leave it so, or write it without = in its name, a colon before a space, and a colon or space at its end.",
        )
        for name in config.tags
        if name not in controller_tags(config.tags)
    ]
    return tuple(found)
