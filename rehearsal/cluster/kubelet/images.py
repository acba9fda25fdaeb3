"""Which images are played, and what each of them would bring.

No image is ever pulled. A container of an image that is named here runs the
image's commands as they are found on this machine, or a program that plays
the image's own; any other image has no process, and whoever wants to look
into it gets this as an error.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rehearsal import aws_cli
from rehearsal.cluster.kubelet.errors import NotStarted

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the commands are that every image has: a shell, ls, cat, sleep, tail, env."""


MODULES: Final = Path(__file__).parents[3]
"""Where Python finds the modules that play images."""


@dataclass(frozen=True)
class Start:
    """What a container's process is started with, variables put in."""

    argv: list[str]
    env: Mapping[str, str]


Adapt = Callable[[Start, Mapping[int, int]], Start]
"""Takes what the container's specification says, and the container's ports, each with the port on 127.0.0.1 that stands
for it; gives what is started here."""


@dataclass(frozen=True)
class Image:
    """What counts of an image: how it starts, and which commands of ours it has beside the system's."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    """Arguments when the container names none; a command when there is no entrypoint."""
    tools: frozenset[str] = frozenset()
    """Commands on its PATH: "aws", and programs of the tools' directory by their names, as "kubectl"."""
    program: str = ""
    """Program of the tools' directory that is started in the place of the entrypoint's first word, wherever a
    container's command line begins with that word."""
    module: str = ""
    """The same by a Python module of ours, as "rehearsal.x.y", started as `python -m` does it."""
    ports: tuple[int, ...] = ()
    """TCP ports on which the image's program listens, beside those that its container declares."""
    adapt: Adapt | None = None
    """Makes the program listen on the ports that it was given here, where it does not read them from its environment
    by itself (`ports.variable`)."""


def set_flag(argv: Sequence[str], flag: str, value: str) -> list[str]:
    """A command line in which a flag has this value, and is named once; `flag` with its dashes.

    For programs that take `--flag=value` and `--flag value`.
    """
    kept: list[str] = []
    skip = False
    for argument in argv:
        if skip:
            skip = False
        elif argument == flag:
            skip = True
        elif not argument.startswith(f"{flag}="):
            kept.append(argument)
    return [*kept, f"{flag}={value}"]


def _webhook_server(start: Start, ports: Mapping[int, int]) -> Start:
    """The load balancer controller's: its port here, and by an argument where its certificate is mounted."""
    argv = set_flag(start.argv, "--webhook-bind-port", str(ports[WEBHOOKS]))
    if not any(argument.startswith("--webhook-cert-dir") for argument in argv):
        argv = [*argv, "--webhook-cert-dir=/tmp/k8s-webhook-server/serving-certs"]
    return Start(argv, start.env)


WEBHOOKS: Final = 9443
"""Port of the load balancer controller's webhooks."""


def _metrics_server(start: Start, ports: Mapping[int, int]) -> Start:
    """ExternalDNS's only port, for health and metrics: where it says that it listens, else its default."""
    told = [argument.rpartition(":")[2] for argument in start.argv if argument.startswith("--metrics-address=")]
    port = ports.get(int(told[-1]) if told and told[-1].isdigit() else METRICS, ports[METRICS])
    return Start(set_flag(start.argv, "--metrics-address", f"127.0.0.1:{port}"), start.env)


METRICS: Final = 7979
"""Port of ExternalDNS for health and metrics."""

_AWS_CLI: Final = Image(entrypoint=("aws",), tools=frozenset({"aws"}))
_KUBECTL: Final = Image(entrypoint=("kubectl",), command=("--help",), tools=frozenset({"kubectl"}))

PLAYED: Final[Mapping[str, Image]] = {
    "amazon/aws-cli": _AWS_CLI,
    "public.ecr.aws/aws-cli/aws-cli": _AWS_CLI,
    "alpine/k8s": Image(command=("bash",), tools=frozenset({"aws", "kubectl"})),
    "bitnami/kubectl": _KUBECTL,
    "bitnamilegacy/kubectl": _KUBECTL,
    "public.ecr.aws/eks/aws-load-balancer-controller": Image(
        entrypoint=("/controller",),
        module="rehearsal.cluster.controllers.load_balancer",
        ports=(WEBHOOKS,),
        adapt=_webhook_server,
    ),
    "registry.k8s.io/external-dns/external-dns": Image(
        entrypoint=("/ko-app/external-dns",), program="external-dns", ports=(METRICS,), adapt=_metrics_server
    ),
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
    """Whether at least one container of a pod runs here, or has been asked for by `kubectl debug`."""
    spec = pod["spec"]
    return any(image_of(each["image"]) for each in spec["containers"]) or bool(spec.get("ephemeralContainers"))


def argv_of(image: Image, container: Mapping[str, Any]) -> list[str]:
    """What a container starts, before variables are put in: its own command and arguments, else the image's."""
    command: Sequence[str] = container.get("command") or []
    arguments: Sequence[str] = container.get("args") or []
    argv = [*command, *arguments] if command else [*image.entrypoint, *(arguments or image.command)]
    if argv[:1] != list(image.entrypoint[:1]):
        return argv
    if image.module:
        # Not resolved: the interpreter's own directory is the virtual environment's.
        return [sys.executable, "-m", image.module, *argv[1:]]
    return [image.program, *argv[1:]] if image.program else argv


class Commands:
    """The commands of ours that images have, as directories of links."""

    def __init__(self, directory: Path, bin_dir: Path) -> None:
        """`directory` is filled on demand; `bin_dir` holds the tools."""
        self._directory = directory
        self._bin_dir = bin_dir

    def path(self, image: Image) -> str:
        """Value of PATH in a container of that image. Raises NotStarted while the program that plays it is missing."""
        if image.program and not (self._bin_dir / image.program).exists():
            raise NotStarted(
                "ImagePullBackOff",
                f"the rehearsal plays this image by the program {image.program}, which is not built yet. "
                "./lab up builds it when the stack's settings need it.",
            )
        tools = image.tools | ({image.program} if image.program else set())
        if not tools:
            return SYSTEM_PATH
        directory = self._directory / "-".join(sorted(tools))
        if not directory.exists():
            directory.mkdir(parents=True)
            for tool in tools:
                if tool == "aws":
                    aws_cli.write(directory / tool)
                else:
                    (directory / tool).symlink_to(self._bin_dir / tool)
        return f"{directory}:{SYSTEM_PATH}"
