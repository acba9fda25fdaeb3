"""A cluster with two roles for its pods, one by IRSA and one by Pod Identity, and what a test does in a pod's place."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import jwt
from botocore import UNSIGNED
from botocore.config import Config

from tests.rehearsal.eks_account import Account, account, trust
from tests.rehearsal.played_emulator import ACCOUNT, REGION, Emulator
from tests.rehearsal.pod_emulator import Callbacks

NAME = "myeks"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
STS_AUDIENCE = "sts.amazonaws.com"
POD_AUDIENCE = "pods.eks.amazonaws.com"
CREDENTIALS_URI = "http://169.254.170.23/v1/credentials"


@dataclass
class PodAccount:
    """The cluster `myeks`, its API server and its account."""

    aws: Account
    kubernetes: Callbacks
    issuer: str
    irsa_role: str
    pod_role: str
    association: str
    node: dict[str, Any]

    @property
    def emulator(self) -> Emulator:
        return self.aws.emulator

    @property
    def host(self) -> str:
        return self.issuer.removeprefix("https://")

    @property
    def provider(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.host}"

    @cached_property
    def sts(self) -> Any:
        """STS as a pod's SDK asks it for its first credentials: unsigned."""
        return boto3.client(
            "sts",
            region_name=REGION,
            endpoint_url=self.emulator.endpoint,
            config=Config(signature_version=UNSIGNED, proxies={}, retries={"total_max_attempts": 1}),
        )

    def token(
        self,
        service_account: str,
        audience: str = STS_AUDIENCE,
        pod: dict[str, Any] | None = None,
        seconds: int = 3600,
    ) -> str:
        """A token of the API server's, bound to a pod if there is one; `seconds` are asked for."""
        spec: dict[str, Any] = {"audiences": [audience], "expirationSeconds": seconds}
        if pod:
            bound = {"kind": "Pod", "apiVersion": "v1", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
            spec["boundObjectRef"] = bound
        path = f"/api/v1/namespaces/default/serviceaccounts/{service_account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return self.kubernetes.request("POST", path, body)["status"]["token"]

    def forged(self, token: str, key: Any = None, **claims: Any) -> str:
        """The token with other claims, signed anew: with the cluster's own key unless another is given."""
        key = key or (self.kubernetes.dir / "pki" / "sa.key").read_text()
        old = jwt.decode(token, options={"verify_signature": False})
        return jwt.encode({**old, **claims}, key, "RS256", {"kid": jwt.get_unverified_header(token)["kid"]})

    def pod(self, name: str, service_account: str = "default", **spec: Any) -> dict[str, Any]:
        """A pod in the API server that no node has."""
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "serviceAccountName": service_account,
                "schedulerName": "nobody",
                "containers": [{"name": "my-aws-cli", "image": "amazon/aws-cli:2"}],
                **spec,
            },
        }
        return self.kubernetes.request("POST", "/api/v1/namespaces/default/pods", body)

    def environment(self, pod: dict[str, Any]) -> dict[str, str]:
        """Variables of the pod's first container and what is laid over them."""
        own = {each["name"]: each["value"] for each in pod["spec"]["containers"][0].get("env", [])}
        return {**own, **self.kubernetes.ask("environment", {"pod": pod, "node": self.node})}

    def web_identity(self, token: str, role: str = "", **more: Any) -> dict[str, Any]:
        return self.sts.assume_role_with_web_identity(
            RoleArn=role or self.irsa_role, RoleSessionName="session", WebIdentityToken=token, **more
        )

    def client(self, service: str, credentials: dict[str, Any]) -> Any:
        """A client with somebody's temporary credentials."""
        key, secret = credentials["AccessKeyId"], credentials["SecretAccessKey"]
        token = credentials.get("SessionToken") or credentials["Token"]
        return self.emulator.client(service, key, secret, token)

    def run(self, directory: Path, environment: dict[str, str], *command: str) -> tuple[int, str]:
        """A command of the AWS CLI in the place of a pod's."""
        aws = str(Path(sys.executable).parent / "aws")
        env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(directory),
            "AWS_EC2_METADATA_SERVICE_NUM_ATTEMPTS": "1",
            **environment,
        }
        ended = subprocess.run([aws, *command], env=env, capture_output=True, text=True, check=False, timeout=60)
        return ended.returncode, ended.stdout + ended.stderr


def web_identity_trust(provider: str, host: str, subject: str = "system:serviceaccount:default:my-sa") -> str:
    """A role's trust policy for one service account."""
    condition = {"StringEquals": {f"{host}:sub": subject, f"{host}:aud": STS_AUDIENCE}}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def build(emulator: Emulator) -> PodAccount:
    """Everything that stands when the exercises' pods are created."""
    aws = account(emulator)
    for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"):
        aws.iam.attach_role_policy(RoleName="node", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    cluster = aws.cluster(NAME)
    assert cluster["status"] == "ACTIVE", cluster
    scaling = {"minSize": 1, "desiredSize": 1, "maxSize": 1}
    assert aws.nodegroup(NAME, scalingConfig=scaling)["status"] == "ACTIVE"
    aws.eks.create_addon(clusterName=NAME, addonName="eks-pod-identity-agent")
    issuer = cluster["identity"]["oidc"]["issuer"]
    provider = aws.iam.create_open_id_connect_provider(Url=issuer, ClientIDList=[STS_AUDIENCE])
    arn, host = provider["OpenIDConnectProviderArn"], issuer.removeprefix("https://")
    irsa = aws.iam.create_role(RoleName="irsa", AssumeRolePolicyDocument=web_identity_trust(arn, host))["Role"]["Arn"]
    pods = aws.iam.create_role(RoleName="pods", Path="/lab/", AssumeRolePolicyDocument=trust(POD_AUDIENCE))
    for name in ("irsa", "pods"):
        aws.iam.attach_role_policy(RoleName=name, PolicyArn=S3_READ)
    made = aws.eks.create_pod_identity_association(
        clusterName=NAME, namespace="default", serviceAccount="pod-identity-sa", roleArn=pods["Role"]["Arn"]
    )
    kubernetes = Callbacks(emulator, NAME, cluster["endpoint"])
    for name, annotations in (("my-sa", {"eks.amazonaws.com/role-arn": irsa}), ("pod-identity-sa", {}), ("other", {})):
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "annotations": annotations}}
        kubernetes.request("POST", "/api/v1/namespaces/default/serviceaccounts", body)
    (node,) = kubernetes.request("GET", "/api/v1/nodes")["items"]
    association = made["association"]["associationId"]
    return PodAccount(aws, kubernetes, issuer, irsa, pods["Role"]["Arn"], association, node)


def an_hour_ago() -> dict[str, int]:
    """Claims of a token whose time is over."""
    now = int(time.time())
    return {"iat": now - 7200, "nbf": now - 7200, "exp": now - 3600}
