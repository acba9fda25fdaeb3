"""How a learner finds the role that a question is about: by what the cluster says, and not by what the lab knows.

A row asks by the same way that it prints, so that a role which nobody names any more is no answer.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass


def quoted(arguments: tuple[str, ...]) -> str:
    """Arguments as they are typed; variables of the shell stay variables."""
    return " ".join(f'"{one}"' if "$" in one else shlex.quote(one) for one in arguments)


@dataclass(frozen=True)
class AnnotatedRole:
    """The role that a service account's annotation for IRSA names: how a learner finds a role in the cluster."""

    namespace: str
    service_account: str

    @property
    def arn_line(self) -> str:
        """Command that prints the role's ARN."""
        where = "" if self.namespace == "default" else f" -n {self.namespace}"
        return (
            f"kubectl get sa {self.service_account}{where}"
            " -o jsonpath='{.metadata.annotations.eks\\.amazonaws\\.com/role-arn}'"
        )

    @property
    def name_line(self) -> str:
        """Command that prints the role's name."""
        return f"{self.arn_line} | cut -d/ -f2"


@dataclass(frozen=True)
class PodsRole:
    """The role as which a pod is known to AWS."""

    namespace: str
    pod: str

    ARGV = ("aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text")

    @property
    def name_line(self) -> str:
        """Command that prints the role's name."""
        where = "" if self.namespace == "default" else f" -n {self.namespace}"
        return f"kubectl exec {self.pod}{where} -- {quoted(self.ARGV)} | cut -d/ -f2"
