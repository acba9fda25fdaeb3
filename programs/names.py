"""Which programs there are, which real one each stands for, and what the shell's PATH needs to have them.

Four kinds: kubectl's plug-ins; eksctl; what a machine may lack (kind), which says what shows the same; and
what would leave this machine for addresses that the rehearsal only plays (ssh, ping, open).
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Plugin:
    """A plug-in of kubectl."""

    name: str
    """As krew knows it, and as it is typed after kubectl."""
    module: str
    """In this package; its `main` gets the arguments."""
    version: str
    """Of the real plug-in whose arguments and answers these are."""
    source: str
    """The real plug-in's repository on GitHub."""

    @property
    def program(self) -> str:
        """The executable by which kubectl finds it."""
        return f"kubectl-{self.name.replace('-', '_')}"


PLUGINS: Final = (
    Plugin("access-matrix", "access_matrix", "v0.5.1", "corneliusweig/rakkess"),
    Plugin("df-pv", "df_pv", "v0.5.0", "yashbhutwala/kubectl-df-pv"),
    Plugin("krew", "krew", "v0.5.0", "kubernetes-sigs/krew"),
    Plugin("ns", "ns", "v0.11.0", "ahmetb/kubectx"),
    Plugin("rbac-tool", "rbac_tool", "v1.20.0", "alcideio/rbac-tool"),
    Plugin("rbac-view", "rbac_view", "v0.2.1", "jasonrichardsmith/rbac-view"),
    Plugin("rolesum", "rolesum", "v1.5.6", "Ladicle/kubectl-rolesum"),
    Plugin("whoami", "whoami", "v0.0.48", "rajatjindal/kubectl-whoami"),
)

LACKING: Final = ("kind",)
"""Answered in the rehearsal's shell where the machine has no such program."""

LEAVING: Final = ("open", "ping", "ssh")
"""Looked at in the rehearsal's shell before the machine's own program gets the command."""

EKSCTL: Final = "eksctl"
"""The lab's own in the rehearsal's shell, before the machine's: the real one needs CloudFormation for every verb."""
