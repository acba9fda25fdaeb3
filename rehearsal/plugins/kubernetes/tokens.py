"""What a type token stands for: group, version and kind, or one of the types that are not objects.

Any group and kind is taken, because the API server knows better than any list
which exist; only what pulumi-kubernetes makes out of something else (charts,
YAML files, lists) has to be told apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rehearsal.plugins.protocol import ProviderError, UnknownTokenError

RELEASE = "kubernetes:helm.sh/v3:Release"
"""The one Helm type that is a resource of the provider."""

_TOKEN = re.compile(r"kubernetes:(?P<group>[a-z0-9.-]+)/(?P<version>v\d+(?:(?:alpha|beta)\d+)?):(?P<kind>[A-Z]\w*)\Z")
# Groups of pulumi-kubernetes that are no API groups.
_NOT_API = frozenset({"helm.sh", "meta", "yaml", "kustomize"})


def names_of(text: str) -> frozenset[str]:
    """The words of a text: long lists of names are easier to read without their quotation marks."""
    return frozenset(text.split())


# https://kubernetes.io/docs/reference/kubernetes-api/ (1.36), kinds outside namespaces.
_CLUSTER_SCOPED = names_of(
    "APIService CertificateSigningRequest ClusterRole ClusterRoleBinding ClusterTrustBundle CSIDriver "
    "CSINode ComponentStatus CustomResourceDefinition DeviceClass FlowSchema IngressClass IPAddress "
    "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration Namespace Node "
    "PersistentVolume PriorityClass PriorityLevelConfiguration ResourceSlice RuntimeClass "
    "SelfSubjectAccessReview SelfSubjectReview SelfSubjectRulesReview ServiceCIDR StorageClass "
    "StorageVersion StorageVersionMigration SubjectAccessReview TokenReview ValidatingAdmissionPolicy "
    "ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration VolumeAttachment "
    "VolumeAttributesClass"
)
_BUILT_IN_GROUPS = frozenset({"", "apps", "autoscaling", "batch", "policy"})


@dataclass(frozen=True)
class ObjectKind:
    """A kind of the Kubernetes API."""

    group: str
    """Empty for the core group."""
    version: str
    kind: str
    """As the API server knows it, without the suffix of a patch."""
    patch: bool = False
    """Whether the resource is some fields of an object that belongs to somebody else."""

    @property
    def api_version(self) -> str:
        """As in manifests: "v1", "apps/v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def built_in(self) -> bool:
        """Whether the kind is Kubernetes' own rather than a custom resource."""
        return self.group in _BUILT_IN_GROUPS or self.group.endswith(".k8s.io")

    @property
    def namespaced(self) -> bool:
        """Whether its objects live in namespaces; of a custom resource only the API server knows: True."""
        return not (self.built_in and self.kind in _CLUSTER_SCOPED)

    def __str__(self) -> str:
        return f"{self.api_version} {self.kind}"


def object_kind(token: str) -> ObjectKind:
    """The kind of a token such as "kubernetes:apps/v1:Deployment". Raises UnknownTokenError, ProviderError."""
    found = _TOKEN.match(token)
    if found is None or found["group"] in _NOT_API:
        raise UnknownTokenError("kubernetes", "resource type", token)
    group = "" if found["group"] == "core" else found["group"]
    kind = ObjectKind(group, found["version"], found["kind"])
    if kind.built_in and kind.kind.endswith("Patch"):
        return ObjectKind(group, kind.version, kind.kind.removesuffix("Patch"), patch=True)
    if kind.built_in and kind.kind.endswith("List"):
        raise ProviderError(
            f"{token} is a list, which exists for YAML manifests and charts and cannot be created directly. "
            "Use the type of its items."
        )
    return kind
