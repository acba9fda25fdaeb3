"""Kubernetes versions: what a cluster asks for, and how the built programs play it."""

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.toolchain.cache import version_of


def kubelet_version(version: str) -> str:
    """As EKS's kubelets of a minor version say it: a patch version and "-eks-"; then comes a build's hash there."""
    built = version_of("kubernetes")
    own = built if _minor(built) == version else f"v{version}.0"
    return f"{own}-eks-rehearsal"


def _minor(version: str) -> str:
    """ "v1.36.3" as "1.36"."""
    return ".".join(version.removeprefix("v").split(".")[:2])


def emulated_version(wanted: str) -> str | None:
    """The version to emulate; None when it is the built programs' own. Raises ControlPlaneError."""
    built = _minor(version_of("kubernetes"))
    if wanted == built:
        return None
    try:
        newer = [int(part) for part in wanted.split(".")] > [int(part) for part in built.split(".")]
    except ValueError:
        newer = True
    if newer:
        raise ControlPlaneError(
            f"Kubernetes {wanted} cannot be played, the programs are {built}. Choose {built} or older."
        )
    return wanted
