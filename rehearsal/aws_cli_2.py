"""AWS CLI version 2 for the rehearsal's shells, as AWS itself publishes it in a Python package.

The study note's commands are of version 2. AWS serves that from addresses of its own, but a package of AWS's CDK holds
the same program, for Lambda layers on linux/x86_64 (aws-cdk.asset-awscli-v2, by "Amazon Web Services", seen 2026-11).
Where it cannot be had, a shell has version 1 of the Python environment, without the options of version 2.
"""

from __future__ import annotations

import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rehearsal.paths import tools_dir

PACKAGE: Final = "aws-cdk.asset-awscli-v2==2.0.198"
SHA256: Final = "5887128f28f49fddb74b59e6dbb51764f7bb5587758982cd61a13b6d1f1228e6"
"""Of the package's wheel; pip refuses any other."""
VERSION: Final = "2.38.5"
"""Of the AWS CLI that this package holds."""
_ARCHIVE: Final = "package/lib/layer.zip"
_PROGRAM: Final = f"awscli/v2/{VERSION}/dist/"
_PATIENCE: Final = 300
_ROOM: Final = 450 << 20
"""Bytes that fetching and unpacking take for a while; 230 MiB stay."""

Report = Callable[[str], None]
"""Takes one line of progress."""


def installed() -> Path | None:
    """The program, if it is there."""
    program = _directory() / "aws"
    return program if os.access(program, os.X_OK) else None


def ensure(report: Report) -> Path | None:
    """The program, fetched on first use; None where it cannot be had, which `report` gets as a line."""
    if (found := installed()) or not _fits():
        return found
    report(f"fetching AWS CLI {VERSION} (67 MiB), once")
    tools_dir().mkdir(parents=True, exist_ok=True)
    try:
        if shutil.disk_usage(tools_dir()).free < _ROOM:
            raise OSError(f"{_ROOM >> 20} MiB are needed in {tools_dir()}")
        with tempfile.TemporaryDirectory(dir=tools_dir(), prefix=".aws-cli-") as place:
            _unpack(_fetch(Path(place)), Path(place) / "made")
            # Whole or not at all; who was faster has the same.
            if not _directory().exists():
                (Path(place) / "made").rename(_directory())
    except (OSError, subprocess.SubprocessError, zipfile.BadZipFile, tarfile.TarError, KeyError) as error:
        report(
            f"AWS CLI {VERSION} cannot be had ({_reason(error)}): the shell has version 1, without its newer options"
        )
    return installed()


def _directory() -> Path:
    return tools_dir() / f"aws-cli-{VERSION}"


def _fits() -> bool:
    """Whether the package's program runs on this machine."""
    return platform.system() == "Linux" and platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc"


def _fetch(place: Path) -> Path:
    wanted = place / "requirements.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
    options = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-cache-dir",
        "--retries",
        "1",
        "--require-hashes",
    ]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, "--dest", str(place), "-r", str(wanted)],
        check=True,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        stdin=subprocess.DEVNULL,
    )
    return next(place.glob("*.whl"))


def _unpack(wheel: Path, target: Path) -> None:
    """The program's files out of a wheel that holds a tar that holds a zip; raises KeyError for another content."""
    with zipfile.ZipFile(wheel) as outer:
        name = next((one for one in outer.namelist() if one.endswith(".jsii.tgz")), "")
        with outer.open(name) as packed, tarfile.open(fileobj=packed, mode="r|gz") as tar:
            layer = next((tar.extractfile(one) for one in tar if one.name == _ARCHIVE), None)
            if layer is None:
                raise KeyError(_ARCHIVE)
            content = io.BytesIO(layer.read())
    with zipfile.ZipFile(content) as archive:
        found = [one for one in archive.infolist() if one.filename.startswith(_PROGRAM) and not one.is_dir()]
        if not found:
            raise KeyError(_PROGRAM)
        for one in found:
            path = target / one.filename.removeprefix(_PROGRAM)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(one))
            path.chmod(0o755 if (one.external_attr >> 16) & 0o111 else 0o644)


def _reason(error: Exception) -> str:
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    return next(reversed(str(said).strip().splitlines()), type(error).__name__).removeprefix("ERROR: ").rstrip(".")
