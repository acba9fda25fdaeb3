"""What `helm` is in a shell of the rehearsal: the real one, with repositories, plug-in and cache of the shell's own.

The note adds chart repositories, which a machine may not reach. Their charts then come from the directory of archives
that `lab up` takes them from too, by a plug-in of Helm in shell_files/helm.
"""

import shlex
from pathlib import Path
from typing import Final

from infra.versions import CHARTS
from rehearsal.charts.repository import Pin
from rehearsal.paths import charts_dir
from stacks.files import replace_text
from stacks.stack import CHECKOUT

_FILES: Final = CHECKOUT / "cli" / "shell_files"
PROGRAM: Final = "helm"


def lay(directory: Path) -> dict[str, str]:
    """Make Helm's own places in a shell's directory; the variables that lead to them."""
    own = directory / "helm"
    plugins = own / "data" / "plugins"
    plugins.mkdir(mode=0o700, parents=True, exist_ok=True)
    plugin = plugins / "lab-charts"
    if not plugin.exists():
        plugin.unlink(missing_ok=True)
        plugin.symlink_to(_FILES / "helm" / "lab-charts")
    pins = [(Pin(one.name, one.version, one.repository).file_name, one.repository) for one in CHARTS]
    lines = [f"{name} {repository.partition('://')[2].rstrip('/')}\n" for name, repository in pins]
    replace_text(own / "pinned", "".join(lines))
    return {
        "HELM_CACHE_HOME": str(own / "cache"),
        "HELM_CONFIG_HOME": str(own / "config"),
        "HELM_DATA_HOME": str(own / "data"),
        "HELM_PLUGINS": str(plugins),
    }


def script(built: Path) -> str:
    """The rest of the program on PATH, after program.sh; `built` is where the lab's own Helm is, or will be."""
    return (
        f"LAB_HELM={shlex.quote(str(built))}\nLAB_CHARTS={shlex.quote(str(charts_dir().absolute()))}\n"
        f". {shlex.quote(str(_FILES / 'helm.sh'))}\n"
    )
