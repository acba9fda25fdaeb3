"""Where the process that plays a container listens in the place of the container's ports.

Every pod of a cluster has an address of its own and any port on it; processes
of this machine share 127.0.0.1. So each TCP port of a container gets a free
port there, which its process learns from its environment.
"""

from collections.abc import Mapping
from typing import Any

from rehearsal.cluster.kubelet.images import Image
from rehearsal.cluster.ports import Port


def variable(port: int) -> str:
    """Name of the environment variable that holds the port of 127.0.0.1 for a container's port."""
    return f"REHEARSAL_PORT_{port}"


def declared(image: Image, container: Mapping[str, Any]) -> list[int]:
    """The TCP ports that a container's specification declares, or its image by itself; each once, in order."""
    named = [each["containerPort"] for each in container.get("ports") or [] if each.get("protocol", "TCP") == "TCP"]
    return sorted({*named, *image.ports})


class Ports:
    """One container's ports, which stay the same when its process is started again; `release` gives them back."""

    def __init__(self, image: Image, container: Mapping[str, Any]) -> None:
        """Raises OSError when the machine has no free port."""
        self._ports = {number: Port() for number in declared(image, container)}

    @property
    def numbers(self) -> dict[int, int]:
        """The container's port → the port of 127.0.0.1."""
        return {number: port.number for number, port in self._ports.items()}

    @property
    def variables(self) -> dict[str, str]:
        """As environment variables."""
        return {variable(number): str(port) for number, port in self.numbers.items()}

    def release(self) -> None:
        """Let others have them."""
        for port in self._ports.values():
            port.release()
