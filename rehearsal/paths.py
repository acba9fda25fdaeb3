"""Where the rehearsal keeps what it builds and what it plays.

Places that can vanish without each other: tools are built once a version and
shared by every checkout of a user, charts are pulled once; a world lives from
`lab up` to `lab down`.
"""

import os
from pathlib import Path


def cache_dir() -> Path:
    """The user's cache for this project: `$MYEKS_LAB_CACHE`, else the XDG cache directory."""
    chosen = os.environ.get("MYEKS_LAB_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "myeks-lab"


def tools_dir() -> Path:
    """Built tools, one directory a tool and version below it."""
    return cache_dir() / "tools"


def charts_dir() -> Path:
    """Archives of Helm charts, NAME-VERSION.tgz: `$MYEKS_LAB_CHARTS`, else `charts` in the cache."""
    chosen = os.environ.get("MYEKS_LAB_CHARTS")
    return Path(chosen) if chosen else cache_dir() / "charts"


def world_dir() -> Path:
    """The running rehearsal's files: `$MYEKS_LAB_WORLD`, else `world` in the cache."""
    chosen = os.environ.get("MYEKS_LAB_WORLD")
    return Path(chosen) if chosen else cache_dir() / "world"
