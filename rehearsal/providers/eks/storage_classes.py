"""Storage classes that the component makes when asked; as in pulumi-eks 4.4.0 (cluster/storageclass.ts)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi

from rehearsal.providers.eks.children import Child, Inputs, given, text_of
from rehearsal.providers.protocol import ProviderError


def create(
    component: str,
    classes: Any,
    provider: pulumi.ProviderResource,
    entered: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> dict[str, Child]:
    """One `StorageClass` a key, or the default one of an EBS type given by name."""
    if classes is None:
        return {}
    if isinstance(classes, str):
        classes = {classes: {"type": classes, "default": True}}
    if not isinstance(classes, dict):
        raise ProviderError(
            "'storageClasses' must be a plain map or an EBS volume type, not an output. Give it plainly."
        )
    opts = pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=[*entered])
    wanted = cast("dict[str, Inputs]", classes)
    return {key: _create(f"{component.lower()}-{key}", spec, opts) for key, spec in wanted.items()}


def _create(name: str, spec: Inputs, opts: pulumi.ResourceOptions) -> Child:
    parameters: dict[str, Any] = {"type": spec.get("type")}
    if spec.get("zones") is not None:
        parameters["zones"] = pulumi.Output.from_input(spec["zones"]).apply(", ".join)
    for key in ("iopsPerGb", "encrypted"):
        if given(spec.get(key)):
            parameters[key] = pulumi.Output.from_input(spec[key]).apply(text_of)
    if given(spec.get("kmsKeyId")):
        parameters["kmsKeyId"] = spec["kmsKeyId"]
    metadata = pulumi.Output.all(spec.get("metadata"), spec.get("default")).apply(
        lambda values: _metadata(values[0] or {}, is_default=bool(values[1]))
    )
    return Child(
        "kubernetes:storage.k8s.io/v1:StorageClass",
        name,
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": metadata,
            "provisioner": "kubernetes.io/aws-ebs",
            "parameters": parameters,
            **{
                key: spec.get(key)
                for key in ("allowVolumeExpansion", "mountOptions", "reclaimPolicy", "volumeBindingMode")
            },
        },
        (),
        opts,
    )


def _metadata(metadata: Mapping[str, Any], *, is_default: bool) -> dict[str, Any]:
    if not is_default:
        return dict(metadata)
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {**metadata, "annotations": {**(metadata.get("annotations") or {}), **mark}}
