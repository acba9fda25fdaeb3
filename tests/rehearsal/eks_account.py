"""What a cluster needs in an account: a network, roles and, for whoever enters it, a token."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from botocore.credentials import Credentials
from botocore.hooks import HierarchicalEmitter
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from tests.rehearsal.played_emulator import REGION, Emulator, wait_for

EVENTS = HierarchicalEmitter()
"""Kept here, because a signer does not keep it."""

NODE_CONFIG = """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config:
      maxPods: 100

--//
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/sh
dnf install -y tree

--//--
"""


@dataclass
class Account:
    """An emulator with what a cluster is made from."""

    emulator: Emulator
    vpc: str
    subnets: list[str]
    cluster_role: str
    node_role: str

    @property
    def eks(self) -> Any:
        return self.emulator.client("eks")

    @property
    def ec2(self) -> Any:
        return self.emulator.client("ec2")

    @property
    def iam(self) -> Any:
        return self.emulator.client("iam")

    def request(self, name: str, **more: Any) -> dict[str, Any]:
        """CreateCluster's parameters."""
        network = {"subnetIds": self.subnets, **more.pop("resourcesVpcConfig", {})}
        access = {"authenticationMode": "API_AND_CONFIG_MAP"}
        return {
            "name": name,
            "roleArn": self.cluster_role,
            "resourcesVpcConfig": network,
            "accessConfig": access,
            **more,
        }

    def cluster(self, name: str, **more: Any) -> dict[str, Any]:
        """An active cluster."""
        self.eks.create_cluster(**self.request(name, **more))
        wait_for(lambda: self.eks.describe_cluster(name=name)["cluster"]["status"] != "CREATING", 60)
        return self.eks.describe_cluster(name=name)["cluster"]

    def delete_cluster(self, name: str) -> None:
        """A cluster and its node groups, gone."""
        for group in self.eks.list_nodegroups(clusterName=name)["nodegroups"]:
            self.eks.delete_nodegroup(clusterName=name, nodegroupName=group)
        wait_for(lambda: not self.eks.list_nodegroups(clusterName=name)["nodegroups"], 30)
        self.eks.delete_cluster(name=name)
        wait_for(lambda: name not in self.eks.list_clusters()["clusters"], 30)

    def nodegroup_request(self, cluster: str, name: str = "ng1", **more: Any) -> dict[str, Any]:
        """CreateNodegroup's parameters."""
        scaling = {"minSize": 3, "desiredSize": 3, "maxSize": 4}
        return {
            "clusterName": cluster,
            "nodegroupName": name,
            "subnets": self.subnets,
            "nodeRole": self.node_role,
            "scalingConfig": scaling,
            **more,
        }

    def nodegroup(self, cluster: str, name: str = "ng1", **more: Any) -> dict[str, Any]:
        """A node group that is no longer being made."""
        self.eks.create_nodegroup(**self.nodegroup_request(cluster, name, **more))
        return self.settled(cluster, name)

    def settled(self, cluster: str, name: str = "ng1") -> dict[str, Any]:
        """A node group once nothing is being done to it."""

        def look() -> dict[str, Any] | None:
            group = self.eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
            return group if group["status"] not in ("CREATING", "UPDATING") else None

        return wait_for(look, 60)

    def updated(self, cluster: str, update: dict[str, Any], **owner: str) -> dict[str, Any]:
        """An update once it has ended."""

        def look() -> dict[str, Any] | None:
            found = self.eks.describe_update(name=cluster, updateId=update["id"], **owner)["update"]
            return found if found["status"] != "InProgress" else None

        return wait_for(look, 60)

    def instances(self, cluster: str) -> list[dict[str, Any]]:
        """A cluster's running instances."""
        filters = [
            {"Name": "tag:eks:cluster-name", "Values": [cluster]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        found = self.ec2.describe_instances(Filters=filters)["Reservations"]
        return [instance for reservation in found for instance in reservation["Instances"]]

    def user(self, name: str, policy: str = "AdministratorAccess") -> tuple[str, str, str]:
        """A new IAM user: ARN, access key id, secret."""
        arn = self.iam.create_user(UserName=name)["User"]["Arn"]
        self.iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return arn, key["AccessKeyId"], key["SecretAccessKey"]

    def delete_user(self, name: str) -> None:
        for key in self.iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            self.iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        for policy in self.iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
            self.iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
        self.iam.delete_user(UserName=name)


def trust(*services: str, arn: str = "") -> str:
    """A role's trust policy."""
    principal: dict[str, Any] = {"Service": list(services)} if services else {"AWS": arn}
    statement = {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def account(emulator: Emulator) -> Account:
    """A network in three zones, and the two roles."""
    ec2, iam = emulator.client("ec2"), emulator.client("iam")
    vpc = ec2.create_vpc(CidrBlock="192.168.0.0/16")["Vpc"]["VpcId"]
    subnets: list[str] = []
    for number, zone in enumerate("abc", 1):
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"192.168.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
        subnets.append(subnet["Subnet"]["SubnetId"])
        ec2.modify_subnet_attribute(SubnetId=subnets[-1], MapPublicIpOnLaunch={"Value": True})
    cluster = iam.create_role(RoleName="cluster", AssumeRolePolicyDocument=trust("eks.amazonaws.com"))["Role"]["Arn"]
    node = iam.create_role(RoleName="node", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))["Role"]["Arn"]
    return Account(emulator, vpc, subnets, cluster, node)


def template(data: dict[str, Any]) -> dict[str, Any]:
    """Launch template data with a NodeConfig, as the lab's."""
    return {"InstanceType": "t3.medium", "UserData": base64.b64encode(NODE_CONFIG.encode()).decode(), **data}


def token(cluster: str, endpoint: str, key: str, secret: str, session: str | None = None, *, expires: int = 60) -> str:
    """What `aws eks get-token` gives."""
    signer = RequestSigner(ServiceId("STS"), REGION, "sts", "v4", Credentials(key, secret, session), EVENTS)
    url = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"{endpoint}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": cluster},
            "context": {},
        },
        region_name=REGION,
        expires_in=expires,
        operation_name="",
    )
    return encode(str(url))


def encode(url: str) -> str:
    """A presigned URL as a bearer token."""
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def decode(bearer: str) -> str:
    """The presigned URL in a bearer token."""
    text = bearer.removeprefix("k8s-aws-v1.")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
