"""What stands in a lab, told so that two labs can be compared: the engine's state, and what AWS and the cluster
hold of the exercises.

Two labs that were made by the same settings differ in what was drawn by lot: ids, suffixes, addresses, keys. Every
such value is some resource's output, so it is replaced by the name of that output.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from typing import Any, cast

import boto3

from tests.rehearsal.conftest import Lab

Facts = dict[str, Any]
"""What a thing is called → what it is like; plain JSON."""

PARTS = {
    "rbac": ("RbacExercise", "dev-team", "infra-team"),
    "irsa": ("IrsaExercise", "irsa-sa-role", "/my-sa", *(f"/eks-iam-test{number}" for number in (1, 2, 3))),
    "podIdentity": ("PodIdentityExercise", "pod-identity-sa-role", "/pod-identity-sa", "/eks-iam-test4"),
    # What tells the cluster of testuser, and testuser: the second has a setting of its own.
    "identityMapping": ("ViewEntry", "cluster-nodeAccess", "eks:index:Cluster::", "/aws-auth", "access entry/"),
    "testuser": ("ExerciseUser", "testuser-boundary", "/testuser"),
}
"""Part of the lab → what the names of its things hold; the first that fits counts."""

BASE = "base"
"""Everything that belongs to no exercise."""

_DRAWN = re.compile(r"[0-9A-Fa-f]{7}|\d+\.\d+\.\d+\.\d+|127\.0\.0\.1:\d+|[A-Za-z0-9+/=]{60}")
_IDENTIFYING = ("arn", "name", "uniqueId", "endpoint", "publicIp", "publicDns", "keyId", "dnsName", "associationId")
_VOLATILE = ("id", "outputs", "created", "modified", "sourcePosition", "stackTrace")


def part_of(name: str) -> str:
    """The part of the lab that a thing of this name belongs to."""
    return next((part for part, signs in PARTS.items() if any(sign in name for sign in signs)), BASE)


def parts(facts: Facts) -> dict[str, Facts]:
    """The facts by part of the lab; each part is there, if empty."""
    found: dict[str, Facts] = {part: {} for part in (*PARTS, BASE)}
    for name, fact in facts.items():
        found[part_of(name)][name] = fact
    return found


def differences(one: Any, two: Any, where: str = "") -> Iterator[str]:
    """Each place at which two facts differ, with both values."""
    if isinstance(one, dict) and isinstance(two, dict):
        left, right = cast("Facts", one), cast("Facts", two)
        for key in sorted({*left, *right}):
            yield from differences(left.get(key), right.get(key), f"{where} / {key}")
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(cast("list[Any]", two)):
        for index, pair in enumerate(zip(cast("list[Any]", one), cast("list[Any]", two), strict=True)):
            yield from differences(*pair, f"{where} / {index}")
    elif one != two:
        yield f"{where}: {one!r} and not {two!r}"


def facts(lab: Lab) -> Facts:
    """Everything comparable that stands in a lab."""
    resources: list[dict[str, Any]] = lab.state()["resources"]
    # A chart's archive lies in the world's own directory.
    drawn = _drawn(resources) | {str(lab.world): "<world>"}
    told = {**dict(_resources(resources)), **dict(_objects(lab)), **dict(_aws(lab))}
    return {_settled(name, drawn): json.loads(_settled(json.dumps(fact), drawn)) for name, fact in told.items()}


def _drawn(resources: list[dict[str, Any]]) -> dict[str, str]:
    """What was drawn by lot → what to call it; longest first."""
    names: dict[str, str] = {}
    for resource in sorted(resources, key=lambda one: one["urn"]):
        outputs = resource.get("outputs") or {}
        values = {"id": resource.get("id"), **{key: outputs.get(key) for key in _IDENTIFYING}}
        values["authority"] = (outputs.get("certificateAuthority") or {}).get("data")
        values["group"] = (outputs.get("vpcConfig") or {}).get("clusterSecurityGroupId")
        for index, identity in enumerate(outputs.get("identities") or []):
            values[f"issuer{index}"] = identity["oidcs"][0]["issuer"]
        provider = resource["urn"] + "::" + (resource.get("id") or "")
        if resource["type"].startswith("pulumi:providers:"):
            names[provider] = resource["urn"]
        for key, value in values.items():
            if isinstance(value, str) and _DRAWN.search(value):
                for form in (value, value.removeprefix("https://")):
                    names.setdefault(form, f"<{resource['urn'].rpartition('::')[2]} {key}>")
    return dict(sorted(names.items(), key=lambda item: -len(item[0])))


def _settled(text: str, drawn: dict[str, str]) -> str:
    for value, name in drawn.items():
        text = text.replace(value, name)
    return text


def _resources(resources: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    for resource in resources:
        kept = {key: value for key, value in resource.items() if key not in _VOLATILE}
        kept["dependencies"] = sorted(kept.get("dependencies") or [])
        kept["propertyDependencies"] = {
            name: sorted(urns or []) for name, urns in (kept.get("propertyDependencies") or {}).items()
        }
        # Secrets are enciphered anew with every write.
        yield resource["urn"], json.loads(re.sub(r'"ciphertext": "[^"]*"', '"ciphertext": ""', json.dumps(kept)))


_KINDS = (
    "namespaces,serviceaccounts,pods,roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io,"
    "clusterroles.rbac.authorization.k8s.io,clusterrolebindings.rbac.authorization.k8s.io"
)
_OF_THE_OBJECT = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")


def _objects(lab: Lab) -> Iterator[tuple[str, Any]]:
    """What the API server holds, without what it and the kubelet add to each object."""
    mapped = "kubectl get configmap aws-auth -n kube-system -o json | tr -d '\\n'"
    aws_auth, rest = lab.sh(f"{mapped}; echo; kubectl get {_KINDS} -A -o json").split("\n", 1)
    for thing in [json.loads(aws_auth), *json.loads(rest)["items"]]:
        if thing["kind"] == "Pod" and thing["metadata"].get("ownerReferences"):
            continue  # an add-on's or a chart's, with a name drawn by lot
        meta = {key: value for key, value in thing["metadata"].items() if key not in _OF_THE_OBJECT}
        kept = {key: value for key, value in thing.items() if key not in ("metadata", "status")}
        if thing["kind"] == "Pod":
            kept["spec"] = _pod_spec(kept["spec"])
            # The labels of the node that it fell on.
            meta.pop("labels", None)
        yield f"{thing['kind']} {meta.get('namespace', '')}/{meta['name']}", {**kept, "metadata": meta}


def _pod_spec(spec: dict[str, Any]) -> Any:
    """The spec without what was drawn by lot: its node, the name of its token's volume, and how long its tokens last
    (EKS's webhook spreads the renewals of many pods)."""
    text = json.dumps({key: value for key, value in spec.items() if key != "nodeName"})
    text = re.sub(r"kube-api-access-\w{5}", "kube-api-access", text)
    return json.loads(re.sub(r'("expirationSeconds": )\d{5}', r"\1 0", text))


def client(lab: Lab, service: str) -> Any:
    """A client of the lab's AWS, as the lab's operator."""
    known = configparser.ConfigParser()
    known.read(lab.world / "aws" / "credentials")
    key = known[known.sections()[0]]
    world = json.loads((lab.world / "world.json").read_text())
    session = boto3.Session(key["aws_access_key_id"], key["aws_secret_access_key"], region_name="ap-northeast-2")
    return session.client(service, endpoint_url=world["endpoint"])


def _aws(lab: Lab) -> Iterator[tuple[str, Any]]:
    """What IAM and EKS hold of principals, rights and ways into the cluster."""
    iam, eks = client(lab, "iam"), client(lab, "eks")
    for user in iam.list_users()["Users"]:
        name = user["UserName"]
        yield (
            f"user/{name}",
            {
                "boundary": iam.get_user(UserName=name)["User"].get("PermissionsBoundary"),
                "attached": iam.list_attached_user_policies(UserName=name)["AttachedPolicies"],
                "inline": iam.list_user_policies(UserName=name)["PolicyNames"],
                "keys": len(iam.list_access_keys(UserName=name)["AccessKeyMetadata"]),
            },
        )
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        yield f"policy/{policy['PolicyName']}", version["PolicyVersion"]["Document"]
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        yield (
            f"role/{name}",
            {"trust": role["AssumeRolePolicyDocument"], "attached": sorted(one["PolicyArn"] for one in attached)},
        )
    cluster = {"clusterName": "myeks"}
    for principal in eks.list_access_entries(**cluster)["accessEntries"]:
        entry = cast("dict[str, Any]", eks.describe_access_entry(**cluster, principalArn=principal)["accessEntry"])
        policies = eks.list_associated_access_policies(**cluster, principalArn=principal)["associatedAccessPolicies"]
        yield (
            f"access entry/{principal}",
            {
                **{name: entry.get(name) for name in ("kubernetesGroups", "username", "type", "tags")},
                "policies": [(one["policyArn"], one["accessScope"]) for one in policies],
            },
        )
    for one in eks.list_pod_identity_associations(**cluster)["associations"]:
        found = eks.describe_pod_identity_association(**cluster, associationId=one["associationId"])["association"]
        yield f"association {one['namespace']}/{one['serviceAccount']}", found["roleArn"]
