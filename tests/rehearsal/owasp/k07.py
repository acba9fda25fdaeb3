"""K07 broken and repaired by hand: half ways, repairs that go too far, and right repairs other than the lab's."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import boto3

from exercises.k07.component import HOPS
from exercises.k07.names import NODE_GROUP
from tests.rehearsal.owasp.case import Case


def options(region: str, **changes: Any) -> None:
    """Metadata options of the exercise's node, as `aws ec2 modify-instance-metadata-options` changes them."""
    ec2 = boto3.client("ec2", region_name=region)
    running = [
        {"Name": "tag:eks:nodegroup-name", "Values": [NODE_GROUP]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    found = ec2.describe_instances(Filters=running)["Reservations"]
    numbers = [each["InstanceId"] for reservation in found for each in reservation["Instances"]]
    assert numbers
    for number in numbers:
        ec2.modify_instance_metadata_options(InstanceId=number, **changes)


def at_stage(stage: str, region: str) -> None:
    """The node as the stack has it at a stage."""
    options(region, HttpEndpoint="enabled", HttpTokens="required", HttpPutResponseHopLimit=HOPS[stage])


_REACHED: Final = partial(options, HttpPutResponseHopLimit=2)
_NOT_REACHED: Final = partial(options, HttpPutResponseHopLimit=1)
_NAMESPACE: Final = """
apiVersion: v1
kind: Namespace
metadata: {{name: owasp-k07, labels: {{lab.myeks/exercise: k07, pod-security.kubernetes.io/{mode}: {level}}}}}
"""
_BASELINE: Final = _NAMESPACE.format(mode="enforce", level="baseline")
_NETWORK_POLICY: Final = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: no-metadata, namespace: owasp-k07}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}]
"""
_POLICY: Final = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: owasp-k07-network}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {lab.myeks/exercise: k07}}
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  matchConditions:
    - {name: deployer, expression: "request.userInfo.username == 'system:serviceaccount:owasp-k07:deployer'"}
  validations:
    - {expression: "!object.spec.?hostNetwork.orValue(false)", message: not on the node's network}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: owasp-k07-network}
spec: {policyName: owasp-k07-network, validationActions: [Deny]}
"""

BROKEN: Final = (
    Case("reached-again", aws=_REACHED, hurts="attack"),
    Case("without-a-token", aws=partial(options, HttpTokens="optional"), hurts="attack"),
    Case("a-policy-that-nobody-enforces", apply=_NETWORK_POLICY, aws=_REACHED, hurts="attack"),
    Case("host-network-is-warned-of", apply=_NAMESPACE.format(mode="warn", level="baseline"), hurts="attack"),
    Case("web-gone", delete=("Deployment/owasp-k07/web",), hurts="attack"),
    Case("turned-off", aws=partial(options, HttpEndpoint="disabled"), hurts="use"),
    Case("no-ordinary-pod", apply=_NAMESPACE.format(mode="enforce", level="restricted"), hurts="use"),
    Case("deployer-may-nothing", delete=("RoleBinding/owasp-k07/deployer",), hurts="use"),
)

REPAIRS: Final = (
    Case("by-hand", apply=_BASELINE, aws=_NOT_REACHED),
    Case("policy-for-deployer", apply=_POLICY, aws=_NOT_REACHED),
)
