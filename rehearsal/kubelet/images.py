"""Which images are played, and what each of them would bring.

No image is ever pulled. A container of an image that is named here runs the
image's commands as they are found on this machine; any other image has no
process, and whoever wants to look into it is told so.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the commands are that every image has: a shell, ls, cat, sleep, tail, env."""


@dataclass(frozen=True)
class Image:
    """What counts of an image: how it starts, and which commands of ours it has beside the system's."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    """Arguments when the container names none; a command when there is no entrypoint."""
    tools: frozenset[str] = frozenset()
    """Of "aws" and "kubectl"."""


_AWS_CLI: Final = Image(entrypoint=("aws",), tools=frozenset({"aws"}))
_KUBECTL: Final = Image(entrypoint=("kubectl",), command=("--help",), tools=frozenset({"kubectl"}))

PLAYED: Final[Mapping[str, Image]] = {
    "amazon/aws-cli": _AWS_CLI,
    "public.ecr.aws/aws-cli/aws-cli": _AWS_CLI,
    "alpine/k8s": Image(command=("bash",), tools=frozenset({"aws", "kubectl"})),
    "bitnami/kubectl": _KUBECTL,
    "bitnamilegacy/kubectl": _KUBECTL,
    "busybox": Image(command=("sh",)),
    "alpine": Image(command=("/bin/sh",)),
}
"""Repository, as `repository` writes it → the image. stages.yaml names the same ones."""


def repository(reference: str) -> str:
    """Name of an image without tag and digest, and without Docker Hub's own host and library."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    name = head + slash + last.partition(":")[0]
    for prefix in ("docker.io/", "index.docker.io/"):
        name = name.removeprefix(prefix)
    return name.removeprefix("library/")


def image_of(reference: str) -> Image | None:
    """The played image that a container's `image` names, or None."""
    return PLAYED.get(repository(reference))


def is_played(pod: Mapping[str, Any]) -> bool:
    """Whether at least one container of a pod runs here."""
    return any(image_of(container["image"]) for container in pod["spec"]["containers"])


def argv_of(image: Image, container: Mapping[str, Any]) -> list[str]:
    """What a container starts, before variables are put in: its own command and arguments, else the image's."""
    command: Sequence[str] = container.get("command") or []
    arguments: Sequence[str] = container.get("args") or []
    if command:
        return [*command, *arguments]
    return [*image.entrypoint, *(arguments or image.command)]


class Commands:
    """The commands of ours that images have, as directories of links."""

    def __init__(self, directory: Path, bin_dir: Path) -> None:
        """`directory` is filled on demand; `bin_dir` holds the control plane's tools."""
        self._directory = directory
        self._sources = {
            "kubectl": bin_dir / "kubectl",
            # Not resolved: the interpreter's own directory is the virtual environment's.
            "aws": Path(sys.executable).parent / "aws",
        }

    def path(self, image: Image) -> str:
        """Value of PATH in a container of that image."""
        if not image.tools:
            return SYSTEM_PATH
        directory = self._directory / "-".join(sorted(image.tools))
        if not directory.exists():
            directory.mkdir(parents=True)
            for tool in image.tools:
                (directory / tool).symlink_to(self._sources[tool])
        return f"{directory}:{SYSTEM_PATH}"
