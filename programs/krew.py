"""kubectl krew, as of github.com/kubernetes-sigs/krew v0.5.0, as far as nothing has to be downloaded."""

import sys
from collections.abc import Sequence

from programs import text
from programs.cluster import Stopped
from programs.names import PLUGINS

_INDEX = ("index", "info", "search", "uninstall", "update", "upgrade")


def main(arguments: list[str]) -> None:
    """List the plug-ins, or say what installing one comes to here."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if name in ("list", "ls"):
        text.show(listed(terminal=sys.stdout.isatty()))
        if sys.stderr.isatty():
            text.tell(
                "These are the lab's own programs; they answer as the plug-ins of these versions do: docs/whocan.md"
            )
    elif name == "install":
        told, unknown = installed([one for one in rest if not one.startswith("-")])
        if unknown:
            raise Stopped(told)
        text.tell(told)
    elif name == "version":
        text.show([f"OPTION\tVALUE\nGitTag\t{next(one.version for one in PLUGINS if one.name == 'krew')}"])
    elif name in _INDEX:
        raise Stopped(f"kubectl krew {name} needs krew's index, which is downloaded. What is there: kubectl krew list")
    elif name in ("help", "-h", "--help"):
        text.show(["kubectl krew list | install PLUGIN...", "Nothing is downloaded: see kubectl krew list."])
    else:
        raise Stopped(f"krew has no command {name}. It has list and install.")


def listed(*, terminal: bool) -> list[str]:
    """Names alone for a pipe, as krew does it; on a terminal with versions."""
    if not terminal:
        return [one.name for one in PLUGINS]
    return text.columns(("PLUGIN", "VERSION"), [(one.name, one.version) for one in PLUGINS])


def installed(names: Sequence[str]) -> tuple[str, list[str]]:
    """What to say to an install of these, and which of them there are not.

    The note has a name in `~~`, which strikes it out in its own markup.
    """
    plain = [one.strip("~") for one in names]
    there = {one.name for one in PLUGINS}
    unknown = [one for one in plain if one not in there]
    if unknown:
        return (
            f"{', '.join(unknown)} cannot be had: krew downloads plug-ins. Those that are there: kubectl krew list",
            unknown,
        )
    if not plain:
        return "Name a plug-in to install. Those that are there: kubectl krew list", []
    verb = "is" if len(plain) == 1 else "are"
    return f"Nothing to download: {', '.join(plain)} {verb} here already. See kubectl krew list", []
