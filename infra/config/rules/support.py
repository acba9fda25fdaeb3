"""Whether EKS still supports the Kubernetes version, as of a day.

Apart from the other rules because it is a matter of the day and not of the settings alone: a lab whose version has lost
its support since must still be told about and taken away, so only what builds or changes a lab asks here.

Source: Amazon EKS User Guide, "View current cluster upgrade policy" and "Kubernetes versions", 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from infra.config.model import LabConfig
from infra.config.problems import Problem, key_of, listed, shown
from infra.versions import KUBERNETES_VERSIONS


def unsupported(config: LabConfig, today: date) -> Iterator[Problem]:
    """What keeps the version from being chosen on that day: its support has ended, or only extended support is left
    and supportType does not ask for it.

    Args:
        config: checked; its version is one of infra.versions.
        today: in UTC.
    """
    name = config.kubernetes_version
    version = KUBERNETES_VERSIONS[name]
    supported = [other for other, one in KUBERNETES_VERSIONS.items() if today <= one.standard_support_until]
    newer = f"Write {listed(map(shown, supported))}" if supported else "Use a newer release of this lab"
    if today > version.extended_support_until:
        yield Problem(
            key_of("kubernetesVersion"),
            f"EKS has not supported {name} since {version.extended_support_until}.",
            f"{newer}.",
        )
    elif today > version.standard_support_until and config.support_type == "STANDARD":
        yield Problem(
            key_of("kubernetesVersion"),
            f"Standard support of {name} ended on {version.standard_support_until}, and EKS upgrades such clusters.",
            f"{newer}, or for a new lab set {key_of('supportType')} to EXTENDED, at six times the price.",
        )
