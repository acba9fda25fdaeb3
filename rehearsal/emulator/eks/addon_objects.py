"""What an add-on puts into its cluster: its accounts, roles, workloads, Services and budgets.

Who may do what in kube-system, and what stands there, is what a security lab
looks at first. The programs behind it are not played: KWOK keeps the pods
running. The objects are written down in `addon_manifests`, one file for each
add-on, with their sources.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Final, NamedTuple, cast

import yaml

from rehearsal.cluster.control_plane.manifests import KINDS, Manifest
from rehearsal.emulator.eks.catalog import ADDONS

_MANIFESTS: Final = Path(__file__).with_name("addon_manifests")
_REGISTRY: Final = "602401143452.dkr.ecr.{region}.amazonaws.com"
"""Where EKS keeps its add-ons' images, in most regions (EKS User Guide, "View Amazon container image registries")."""
_ROLE: Final = "eks.amazonaws.com/role-arn"


class Place(NamedTuple):
    """The cluster that an add-on is for."""

    cluster: str
    region: str
    endpoint: str
    """URL of its API server."""
    service_cidr: str
    """Range of its Services; the tenth address is the cluster's DNS."""


def objects(view: Mapping[str, Any], place: Place) -> list[Manifest]:
    """An add-on's objects in the order in which they are made, from its record in EKS's own shape.

    Of the configuration values these have an effect: vpc-cni's `env`, `init.env` and `enableNetworkPolicy`, the number
    of replicas of coredns, metrics-server and the EBS CSI driver, and the latter's `controller.extraVolumeTags`.
    """
    name, version = cast("str", view["addonName"]), cast("str", view["addonVersion"])
    written = _written(name)
    release = version.partition("-eksbuild")[0]
    names = {
        "agent": written.get("agent", {}).get(version, ""),
        "cluster": place.cluster,
        "dns": str(ipaddress.ip_network(place.service_cidr)[10]),
        "endpoint": place.endpoint,
        "number": release.removeprefix("v"),
        "region": place.region,
        "registry": _REGISTRY.format(region=place.region),
        "release": release,
        "version": version,
    }
    labels = _filled(written["labels"], names)
    made = [_whole(each, labels) for each in _filled(written["objects"], names)]
    values: Any = yaml.safe_load(view.get("configurationValues") or "") or {}
    _configure(name, made, values)
    if role := view.get("serviceAccountRoleArn"):
        for account in ADDONS[name].service_accounts:
            _one(made, "ServiceAccount", account)["metadata"]["annotations"] = {_ROLE: role}
    return made


@cache
def _written(name: str) -> dict[str, Any]:
    return yaml.safe_load((_MANIFESTS / f"{name}.yaml").read_text())


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    """A copy in which $names are filled in; $(NAME) is the kubelet's to fill in."""
    match value:
        case dict():
            return {key: _filled(each, names) for key, each in value.items()}
        case list():
            return [_filled(each, names) for each in value]
        case str():
            return Template(value).safe_substitute(names)
        case _:
            return value


def _whole(manifest: Manifest, labels: Mapping[str, str]) -> Manifest:
    kind = KINDS[manifest["kind"]]
    metadata = manifest["metadata"]
    where = {"namespace": "kube-system"} if kind.namespaced else {}
    named = {**metadata, **where, "labels": {**labels, **metadata.get("labels", {})}}
    return {"apiVersion": kind.version, **manifest, "metadata": named}


def _one(made: Sequence[Manifest], kind: str, name: str) -> Manifest:
    return next(each for each in made if (each["kind"], each["metadata"]["name"]) == (kind, name))


def _configure(name: str, made: Sequence[Manifest], values: Mapping[str, Any]) -> None:
    """Change the objects as an add-on's configuration values say."""
    match name:
        case "vpc-cni":
            pod = _one(made, "DaemonSet", "aws-node")["spec"]["template"]["spec"]
            node, agent = pod["containers"]
            _set_variables(node, values.get("env"))
            _set_variables(pod["initContainers"][0], _inner(values, "init").get("env"))
            policy = values.get("enableNetworkPolicy", "false")
            agent["args"].append(f"--enable-network-policy={policy}")
        case "coredns":
            _set_replicas(made, "coredns", values.get("replicaCount"))
        case "metrics-server":
            _set_replicas(made, "metrics-server", values.get("replicas"))
        case "aws-ebs-csi-driver":
            controller = _inner(values, "controller")
            _set_replicas(made, "ebs-csi-controller", controller.get("replicaCount"))
            if tags := _inner(controller, "extraVolumeTags"):
                pairs = ",".join(f"{key}={value}" for key, value in sorted(tags.items()))
                plugin = _one(made, "Deployment", "ebs-csi-controller")["spec"]["template"]["spec"]["containers"][0]
                plugin["args"].append(f"--extra-tags={pairs}")
        case _:
            pass


def _inner(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _set_variables(container: dict[str, Any], wanted: Any) -> None:
    if isinstance(wanted, dict):
        known = {each["name"]: each for each in container["env"]}
        known |= {name: {"name": name, "value": value} for name, value in cast("dict[str, Any]", wanted).items()}
        container["env"] = list(known.values())


def _set_replicas(made: Sequence[Manifest], deployment: str, wanted: Any) -> None:
    if wanted is not None:
        _one(made, "Deployment", deployment)["spec"]["replicas"] = wanted
