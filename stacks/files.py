"""Files that must be whole at any moment, whoever is killed."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_text(file: Path, text: str) -> None:
    """Write a file's text: at any moment it is the old or the new one, never a part.

    A new file is the user's alone; an old one keeps its mode, and a link stays a link. Line ends are as in `text`.
    """
    target = file.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(text.encode())
            new.flush()
            os.fsync(new.fileno())
        if target.exists():
            shutil.copymode(target, name)
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
