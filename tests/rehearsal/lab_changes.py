"""Changes to a standing lab, each of which is taken back at the end of its block: by the API server and by AWS, past
the engine, as somebody would make them who breaks an exercise."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from copy import deepcopy
from typing import Any

import boto3
import pytest

from grading.kube_api import ApiServer
from grading.outcomes import Done, HttpRefused

Object = dict[str, Any]
Change = Callable[[Object], object]
RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Standing:
    """A lab that stands, with the operator's ways to change it."""

    def __init__(self, outputs: Mapping[str, Any], api: ApiServer) -> None:
        self.outputs = outputs
        self.cluster = str(outputs["clusterName"])
        self._api = api
        region = str(outputs["region"])
        self.iam: Any = boto3.client("iam", region_name=region)
        self.eks: Any = boto3.client("eks", region_name=region)
        self.ec2: Any = boto3.client("ec2", region_name=region)

    # The cluster.

    def send(self, method: str, path: str, body: object = None) -> Any:
        """A request that has to succeed."""
        outcome = self._api.request(method, path, body)
        if not isinstance(outcome, Done):
            pytest.fail(f"{method} {path}: {outcome.shown}")
        return outcome.value

    def is_there(self, path: str) -> bool:
        return not isinstance(self._api.request("GET", path), HttpRefused)

    @contextmanager
    def created(self, collection: str, body: Object) -> Generator[None]:
        """One more object; `collection` is the path of its kind."""
        self.send("POST", collection, body)
        try:
            yield
        finally:
            self.send("DELETE", f"{collection}/{body['metadata']['name']}")

    @contextmanager
    def changed(self, path: str, change: Change) -> Generator[None]:
        """An object as `change` leaves it."""
        before = _bare(self.send("GET", path))
        after = deepcopy(before)
        change(after)
        self.send("PUT", path, after)
        try:
            yield
        finally:
            self.send("PUT", path, before)

    @contextmanager
    def deleted(self, path: str) -> Generator[None]:
        """One object less."""
        before = _bare(self.send("GET", path))
        self.send("DELETE", path)
        try:
            yield
        finally:
            self.send("POST", path.rpartition("/")[0], before)

    @contextmanager
    def before_pod(self, pod: str, change: AbstractContextManager[None]) -> Generator[None]:
        """A change that a pod of namespace default sees when it is created: so it is made anew after the change, and
        again after its end."""
        path = f"/api/v1/namespaces/default/pods/{pod}"
        wanted = _as_it_was_asked_for(self.send("GET", path))
        with ExitStack() as stack:
            stack.callback(self._in_its_place, path, wanted)
            stack.enter_context(change)
            self._in_its_place(path, wanted)
            yield

    @contextmanager
    def recreated(self, namespace: str, pod: str, change: Change) -> Generator[None]:
        """A pod that was deleted and made anew, changed; afterwards again, unchanged."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        before = _as_it_was_asked_for(self.send("GET", path))
        after = deepcopy(before)
        change(after)
        self._in_its_place(path, after)
        try:
            yield
        finally:
            self._in_its_place(path, before)

    @contextmanager
    def without_pod(self, namespace: str, pod: str) -> Generator[None]:
        """A pod that is not there."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        before = _as_it_was_asked_for(self.send("GET", path))
        self._remove(path)
        try:
            yield
        finally:
            self._in_its_place(path, before)

    def _remove(self, path: str) -> None:
        if self.is_there(path):
            self.send("DELETE", path, {"gracePeriodSeconds": 0})
        until(lambda: not self.is_there(path), f"{path} to go")

    def _in_its_place(self, path: str, body: Object) -> None:
        self._remove(path)
        self.send("POST", path.rpartition("/")[0], body)

        def runs() -> bool:
            return self.send("GET", path)["status"].get("phase") in ("Running", "Succeeded", "Failed")

        until(runs, f"{path} to run")

    # Roles in the cluster.

    @contextmanager
    def granted(
        self, subject: Object, rules: list[Object], namespace: str = "", name: str = "mutation"
    ) -> Generator[None]:
        """A right for somebody: in a namespace, or (empty) in the whole cluster."""
        kind = "Role" if namespace else "ClusterRole"
        base = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "rules": rules}
        with self.created(f"{base}/{kind.lower()}s", role), self.bound(subject, kind, name, namespace):
            yield

    @contextmanager
    def bound(self, subject: Object, kind: str, role: str, namespace: str = "") -> Generator[None]:
        """An existing role (of `kind`) for somebody."""
        base = f"{RBAC}/namespaces/{namespace}/rolebindings" if namespace else f"{RBAC}/clusterrolebindings"
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
            "metadata": {"name": "mutation"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
            "subjects": [subject],
        }
        with self.created(base, binding):
            yield

    # AWS.

    @property
    def partition(self) -> str:
        return str(self.outputs["oidcProviderArn"]).split(":")[1]

    def role(self, exercise: str) -> str:
        """Name of the role of an exercise: irsa, podIdentity."""
        return str(self.outputs["exerciseRoleArns"][exercise]).rpartition("/")[2]

    @property
    def node_role(self) -> str:
        group = self.eks.describe_nodegroup(clusterName=self.cluster, nodegroupName=self.outputs["nodeGroupName"])
        return str(group["nodegroup"]["nodeRole"]).rpartition("/")[2]

    @contextmanager
    def attached(self, role: str, policy: str) -> Generator[None]:
        """One more managed policy on a role."""
        arn = f"arn:{self.partition}:iam::aws:policy/{policy}"
        self.iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        try:
            yield
        finally:
            self.iam.detach_role_policy(RoleName=role, PolicyArn=arn)

    @contextmanager
    def detached(self, role: str, policy: str) -> Generator[None]:
        """One managed policy less on a role."""
        arn = f"arn:{self.partition}:iam::aws:policy/{policy}"
        self.iam.detach_role_policy(RoleName=role, PolicyArn=arn)
        try:
            yield
        finally:
            self.iam.attach_role_policy(RoleName=role, PolicyArn=arn)

    @contextmanager
    def trust(self, role: str, change: Change) -> Generator[None]:
        """A role's trust policy as `change` leaves it."""
        before = self.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        after = deepcopy(before)
        change(after)
        self.iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(after))
        try:
            yield
        finally:
            self.iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(before))

    @contextmanager
    def audience(self, client_id: str) -> Generator[None]:
        """One more audience that the cluster's OIDC provider lets in."""
        provider = {"OpenIDConnectProviderArn": self.outputs["oidcProviderArn"], "ClientID": client_id}
        self.iam.add_client_id_to_open_id_connect_provider(**provider)
        try:
            yield
        finally:
            self.iam.remove_client_id_from_open_id_connect_provider(**provider)

    @contextmanager
    def without_audience(self, client_id: str) -> Generator[None]:
        """One audience less that the cluster's OIDC provider lets in."""
        provider = {"OpenIDConnectProviderArn": self.outputs["oidcProviderArn"], "ClientID": client_id}
        self.iam.remove_client_id_from_open_id_connect_provider(**provider)
        try:
            yield
        finally:
            self.iam.add_client_id_to_open_id_connect_provider(**provider)

    @contextmanager
    def hop_limit(self, hops: int) -> Generator[None]:
        """Nodes whose instance metadata answers only this far."""
        found = self.ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
        nodes = [
            (one["InstanceId"], one["MetadataOptions"]["HttpPutResponseHopLimit"])
            for reservation in found["Reservations"]
            for one in reservation["Instances"]
        ]
        for instance, _ in nodes:
            self.ec2.modify_instance_metadata_options(InstanceId=instance, HttpPutResponseHopLimit=hops)
        try:
            yield
        finally:
            for instance, before in nodes:
                self.ec2.modify_instance_metadata_options(InstanceId=instance, HttpPutResponseHopLimit=before)

    @contextmanager
    def without_boundary(self, user: str) -> Generator[None]:
        """A user without the permissions boundary."""
        arn = self.iam.get_user(UserName=user)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
        self.iam.delete_user_permissions_boundary(UserName=user)
        try:
            yield
        finally:
            self.iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=arn)

    @contextmanager
    def user_path(self, user: str, path: str) -> Generator[None]:
        """A user under another path, and so with another ARN."""
        self.iam.update_user(UserName=user, NewPath=path)
        try:
            yield
        finally:
            self.iam.update_user(UserName=user, NewPath="/")

    # EKS.

    @contextmanager
    def entry(self, principal: str, **more: Any) -> Generator[None]:
        """One more access entry."""
        who = {"clusterName": self.cluster, "principalArn": principal}
        self.eks.create_access_entry(**who, **more)
        try:
            yield
        finally:
            self.eks.delete_access_entry(**who)

    @contextmanager
    def without_entry(self, principal: str) -> Generator[None]:
        """One access entry less, with its policies."""
        who = {"clusterName": self.cluster, "principalArn": principal}
        policies = self.eks.list_associated_access_policies(**who)["associatedAccessPolicies"]
        tags = self.eks.describe_access_entry(**who)["accessEntry"].get("tags", {})
        self.eks.delete_access_entry(**who)
        try:
            yield
        finally:
            self.eks.create_access_entry(**who, tags=tags)
            for one in policies:
                self.eks.associate_access_policy(**who, policyArn=one["policyArn"], accessScope=one["accessScope"])

    @contextmanager
    def entry_groups(self, principal: str, groups: list[str]) -> Generator[None]:
        """An access entry that names groups."""
        who = {"clusterName": self.cluster, "principalArn": principal}
        self.eks.update_access_entry(**who, kubernetesGroups=groups)
        try:
            yield
        finally:
            self.eks.update_access_entry(**who, kubernetesGroups=[])

    @contextmanager
    def policy(self, principal: str, name: str, scope: Object) -> Generator[None]:
        """An access policy associated, in place of what was there of it."""
        arn = f"arn:{self.partition}:eks::aws:cluster-access-policy/{name}"
        who = {"clusterName": self.cluster, "principalArn": principal}
        before = [
            one
            for one in self.eks.list_associated_access_policies(**who)["associatedAccessPolicies"]
            if one["policyArn"] == arn
        ]
        self.eks.associate_access_policy(**who, policyArn=arn, accessScope=scope)
        try:
            yield
        finally:
            if before:
                self.eks.associate_access_policy(**who, policyArn=arn, accessScope=before[0]["accessScope"])
            else:
                self.eks.disassociate_access_policy(**who, policyArn=arn)

    @contextmanager
    def without_policy(self, principal: str, name: str) -> Generator[None]:
        """An access policy that is not associated any more."""
        arn = f"arn:{self.partition}:eks::aws:cluster-access-policy/{name}"
        who = {"clusterName": self.cluster, "principalArn": principal}
        (before,) = (
            one
            for one in self.eks.list_associated_access_policies(**who)["associatedAccessPolicies"]
            if one["policyArn"] == arn
        )
        self.eks.disassociate_access_policy(**who, policyArn=arn)
        try:
            yield
        finally:
            self.eks.associate_access_policy(**who, policyArn=arn, accessScope=before["accessScope"])

    def _association(self, account: str, namespace: str = "default") -> Object:
        where = {"clusterName": self.cluster, "namespace": namespace, "serviceAccount": account}
        (one,) = self.eks.list_pod_identity_associations(**where)["associations"]
        found = self.eks.describe_pod_identity_association(clusterName=self.cluster, associationId=one["associationId"])
        return found["association"]

    def _associate(self, account: str, role_arn: str, namespace: str = "default") -> Object:
        made = self.eks.create_pod_identity_association(
            clusterName=self.cluster, namespace=namespace, serviceAccount=account, roleArn=role_arn
        )
        return made["association"]

    @contextmanager
    def associated(self, account: str, role_arn: str, namespace: str = "default") -> Generator[None]:
        """One more association of a service account."""
        made = self._associate(account, role_arn, namespace)
        try:
            yield
        finally:
            self.eks.delete_pod_identity_association(clusterName=self.cluster, associationId=made["associationId"])

    @contextmanager
    def associated_otherwise(self, account: str, role_arn: str) -> Generator[None]:
        """An association that leads to another role."""
        before = self._association(account)
        which = {"clusterName": self.cluster, "associationId": before["associationId"]}
        self.eks.update_pod_identity_association(**which, roleArn=role_arn)
        try:
            yield
        finally:
            self.eks.update_pod_identity_association(**which, roleArn=before["roleArn"])

    @contextmanager
    def not_associated(self, account: str, namespace: str = "default") -> Generator[None]:
        """A service account without its association."""
        before = self._association(account, namespace)
        which = {"clusterName": self.cluster, "associationId": before["associationId"]}
        self.eks.delete_pod_identity_association(**which)
        try:
            yield
        finally:
            self._associate(account, before["roleArn"], namespace)


def until(what: Callable[[], bool], waiting_for: str, seconds: float = 30) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:.0f} s for {waiting_for}")
        time.sleep(0.05)


def _bare(found: Object) -> Object:
    """An object as it would be sent, without what the API server wrote into it."""
    metadata = {
        key: value for key, value in found["metadata"].items() if key in ("name", "namespace", "labels", "annotations")
    }
    return {**{key: value for key, value in found.items() if key != "status"}, "metadata": metadata}


def _as_it_was_asked_for(pod: Object) -> Object:
    """A pod without what admission and the scheduler wrote into it."""
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    kept = ("serviceAccountName", "automountServiceAccountToken", "restartPolicy", "terminationGracePeriodSeconds")
    wanted = {key: spec[key] for key in kept if key in spec}
    wanted["containers"] = [{key: container[key] for key in ("name", "image", "command", "args") if key in container}]
    return {**_bare(pod), "spec": wanted}
