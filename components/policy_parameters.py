"""Lets admission policies read ConfigMaps as their parameters for as long as the lab stands.

While no binding of a ValidatingAdmissionPolicy has ConfigMaps as its parameters, for a second or two, the API server
stops to watch them, and never begins again: until it is restarted every policy with such parameters says "no params
found" (kubernetes/kubernetes#130887; Kubernetes 1.34 to 1.36). Whoever turns exercise K02 off and on, or deletes a
binding and makes a better one, would meet that. So one such binding always stands. It selects no namespace.
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import (
    MatchResourcesArgs,
    NamedRuleWithOperationsArgs,
    ParamKindArgs,
    ParamRefArgs,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpecArgs,
    ValidatingAdmissionPolicySpecArgs,
    ValidationArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.base import Component

NAME: Final = "lab-policy-parameters"
NO_NAMESPACE: Final = {"kubernetes.io/metadata.name": NAME}
"""Selects the namespace of this name, which there is not."""


class PolicyParameters(Component):
    """A policy that decides nothing, and its binding; needs the cluster's Kubernetes provider in `opts`."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("PolicyParameters", name, opts)
        metadata = ObjectMetaArgs(name=NAME)
        policy = ValidatingAdmissionPolicy(
            f"{name}-policy",
            metadata=metadata,
            spec=ValidatingAdmissionPolicySpecArgs(
                param_kind=ParamKindArgs(api_version="v1", kind="ConfigMap"),
                match_constraints=MatchResourcesArgs(
                    resource_rules=[
                        NamedRuleWithOperationsArgs(
                            api_groups=[""], api_versions=["v1"], operations=["CREATE"], resources=["configmaps"]
                        )
                    ]
                ),
                validations=[ValidationArgs(expression="true")],
            ),
            opts=self.child(),
        )
        ValidatingAdmissionPolicyBinding(
            f"{name}-binding",
            metadata=metadata,
            spec=ValidatingAdmissionPolicyBindingSpecArgs(
                policy_name=NAME,
                validation_actions=["Audit"],
                param_ref=ParamRefArgs(name=NAME, namespace="default", parameter_not_found_action="Allow"),
                match_resources=MatchResourcesArgs(namespace_selector=LabelSelectorArgs(match_labels=NO_NAMESPACE)),
            ),
            opts=self.child([policy]),
        )
        self.register_outputs({})
