"""An API server and an AWS that keep what eksctl's verbs send them, and a line typed into both."""

import argparse
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from programs.cluster import Stopped
from programs.eksctl import commands, mappings, roles

Shown = pytest.CaptureFixture[str]
ACCOUNT = "111122223333"
USER = f"arn:aws:iam::{ACCOUNT}:user/testuser"
NODES = f"arn:aws:iam::{ACCOUNT}:role/nodes"
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ISSUER = "oidc.eks.ap-northeast-2.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
MY_SA = "/api/v1/namespaces/default/serviceaccounts/my-sa"
AWS_AUTH = f"{mappings.PATH}/aws-auth"


class Cluster:
    """An API server that keeps objects by path."""

    def __init__(self, **objects: Any) -> None:
        self.objects: dict[str, Any] = {"/api/v1/namespaces/default": {}, **objects}

    def get(self, path: str) -> Any:
        return self.objects.get(path)

    def create(self, path: str, body: Any) -> None:
        self.objects[f"{path}/{body['metadata']['name']}"] = body

    def replace(self, path: str, body: Any) -> None:
        assert path in self.objects
        self.objects[path] = body

    def delete(self, path: str) -> None:
        del self.objects[path]


class Aws:
    """IAM and EKS as far as the verbs go: a call is kept, and lists are answered in one page."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "list_roles": {"Roles": []},
            "list_open_id_connect_providers": {"OpenIDConnectProviderList": [{"Arn": PROVIDER}]},
            "list_attached_role_policies": {"AttachedPolicies": [{"PolicyArn": S3}]},
            "list_role_policies": {"PolicyNames": []},
            "list_pod_identity_associations": {"associations": []},
            **answers,
        }
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.exceptions = argparse.Namespace(ResourceNotFoundException=ClientError)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**given: Any) -> Any:
            self.calls.append((name, given))
            if name == "create_role":
                return {"Role": {"Arn": f"arn:aws:iam::{ACCOUNT}:role/{given['RoleName']}"}}
            answer = self.answers.get(name, {})
            if isinstance(answer, Exception):
                raise answer
            return answer(given) if callable(answer) else answer

        return call

    def get_paginator(self, name: str) -> Any:
        return argparse.Namespace(paginate=lambda **given: [getattr(self, name)(**given)])

    def made(self, name: str) -> list[dict[str, Any]]:
        return [given for one, given in self.calls if one == name]


class Session:
    """The client of the verbs, over such a cluster and such an AWS."""

    region = "ap-northeast-2"

    def __init__(self, api: Cluster | None = None, aws: Aws | None = None, **cluster: Any) -> None:
        self.api, self.played = api or Cluster(), aws or Aws()
        self.told = {"name": "myeks", "identity": {"oidc": {"issuer": f"https://{ISSUER}"}}, **cluster}

    def aws(self, _service: str) -> Aws:
        return self.played

    def cluster(self, name: str) -> dict[str, Any]:
        if name != "myeks":
            raise Stopped(f"No cluster found for name: {name}.")
        return self.told

    @contextmanager
    def kubernetes(self, _cluster: object) -> Generator[Cluster]:
        yield self.api


def type_(monkeypatch: pytest.MonkeyPatch, session: Session, line: str) -> None:
    """Type a line after eksctl."""
    monkeypatch.setattr(commands, "Client", lambda *_: session)
    commands.main(line.split())


def aws_auth(roles_: Any = (), users: Any = (), **more: str) -> Cluster:
    data = {"mapRoles": yaml.safe_dump(list(roles_)), "mapUsers": yaml.safe_dump(list(users)), **more}
    meta = {"name": "aws-auth", "resourceVersion": "7"}
    return Cluster(**{AWS_AUTH: {"kind": "ConfigMap", "metadata": meta, "data": data}})


def role_of(account: str, tag: str = roles.ACCOUNT_TAG, cluster: str = "myeks") -> Aws:
    """An account with one role that eksctl made."""
    tags = {roles.CLUSTER_TAG: cluster, tag: account}
    return Aws(
        list_roles={"Roles": [{"RoleName": "made", "Arn": f"arn:aws:iam::{ACCOUNT}:role/made", "Path": "/"}]},
        list_role_tags={"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]},
    )
