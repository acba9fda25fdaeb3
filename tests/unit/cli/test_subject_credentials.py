"""What a subject of `lab as` sees: nothing of the operator's, and no secret in a file."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.commands import as_
from cli.subject_credentials import BEARER, as_bearer, as_caller, without_credentials
from stacks.errors import BadInput, CannotAsk

ARGUMENTS = ["--region", "ap-northeast-2", "eks", "get-token", "--cluster-name", "myeks"]
CLUSTER = {"name": "kubernetes", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": "QQ=="}}


def kubeconfig(**plugin: Any) -> dict[str, Any]:
    command = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws", "args": ARGUMENTS, **plugin}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "another", "cluster": {"server": "https://127.0.0.1:2"}}, CLUSTER],
        "contexts": [{"name": "aws", "context": {"cluster": "kubernetes", "user": "aws"}}],
        "current-context": "aws",
        "users": [{"name": "aws", "user": {"exec": command}}],
    }


OPERATORS = {
    "PATH": "/bin",
    "AWS_PROFILE": "admin",
    "AWS_DEFAULT_PROFILE": "admin",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_SESSION_TOKEN": "t",
    "AWS_SECURITY_TOKEN": "t",
    "AWS_ROLE_ARN": "arn",
    "AWS_ROLE_SESSION_NAME": "n",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/t",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t",
    "AWS_SHARED_CREDENTIALS_FILE": "/home/me/.aws/credentials",
    "AWS_CONFIG_FILE": "/home/me/.aws/config",
    "AWS_REGION": "ap-northeast-2",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    BEARER: "of another subject",
}


def test_no_credentials_of_the_operators_are_left():
    seen = without_credentials(OPERATORS, on_aws=False)
    assert seen == {
        "PATH": "/bin",
        "AWS_REGION": "ap-northeast-2",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def test_of_the_users_own_aws_settings_only_the_certificates_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = tmp_path / "config"
    config.write_text("[profile work]\nca_bundle = /etc/ssl/company.pem\ncredential_process = /bin/admin\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    seen = without_credentials(os.environ, on_aws=True)
    assert seen["AWS_CONFIG_FILE"] == os.devnull
    assert seen["AWS_CA_BUNDLE"] == "/etc/ssl/company.pem"
    monkeypatch.setenv("AWS_PROFILE", "there-is-none")
    assert "AWS_CA_BUNDLE" not in without_credentials(os.environ, on_aws=True)


@pytest.mark.parametrize("as_text", [False, True])
def test_a_caller_enters_by_the_environment_alone(as_text: bool):
    operators = kubeconfig(
        args=[*ARGUMENTS, "--profile", "admin", "--role-arn", "arn:x", "--role=arn:y"],
        env=[{"name": "AWS_PROFILE", "value": "admin"}, {"name": "KUBERNETES_EXEC_INFO", "value": "{}"}],
    )
    before = json.dumps(operators)
    mine = as_caller(json.dumps(operators) if as_text else operators)
    plugin = mine["users"][0]["user"]["exec"]
    assert plugin["args"] == ARGUMENTS
    assert plugin["env"] == [{"name": "KUBERNETES_EXEC_INFO", "value": "{}"}]
    assert mine["clusters"] == operators["clusters"]
    assert json.dumps(operators) == before


def test_a_bearers_kubeconfig_takes_the_token_from_the_environment():
    mine = as_bearer(kubeconfig(), "dev-team/dev-k8s", "dev-team")
    assert mine["clusters"] == [CLUSTER]
    ((context,), (user,)) = (mine["contexts"], mine["users"])
    assert context["context"] == {"cluster": "kubernetes", "user": user["name"], "namespace": "dev-team"}
    assert mine["current-context"] == context["name"]
    assert user["user"]["exec"]["interactiveMode"] == "Never"
    assert f"${BEARER}" in json.dumps(user)


@pytest.mark.parametrize("broken", ["", "[", "users: 1", yaml.safe_dump({**kubeconfig(), "contexts": []})])
def test_a_kubeconfig_that_is_none_is_told(broken: str):
    with pytest.raises(CannotAsk, match="kubeconfig cannot be read"):
        as_bearer(broken, "a/b", "a")


@pytest.mark.parametrize("broken", ["", "[", "users: 1"])
def test_a_callers_kubeconfig_that_is_none_is_told(broken: str):
    with pytest.raises(CannotAsk, match="kubeconfig cannot be read"):
        as_caller(broken)


@pytest.mark.parametrize(
    ("subject", "meant"),
    [
        ("testuser", None),
        ("dev-k8s", ("dev-team", "dev-k8s")),
        ("infra-k8s", ("infra-team", "infra-k8s")),
        ("ci-bot", ("owasp-k03", "ci-bot")),
        ("sa:my-sa", ("default", "my-sa")),
        ("default/my-sa", ("default", "my-sa")),
        ("sa:kube-system/aws-node", ("kube-system", "aws-node")),
        ("a/name.with.dots", ("a", "name.with.dots")),
    ],
)
def test_subjects(subject: str, meant: tuple[str, str] | None):
    assert as_._account(subject) == meant  # pyright: ignore[reportPrivateUsage]  # it is the command's grammar


def test_a_name_that_two_exercises_have_is_told_with_both():
    with pytest.raises(
        BadInput, match=r"2 service accounts builder\. Name one of them: owasp-k01/builder \(exercise k01\)"
    ):
        as_.run_as("builder", ["id"])


@pytest.mark.parametrize("subject", ["", "nobody", "root", "a/b/c", "/b", "a/", "A/b", "../x/y", "a/..", "-a/b"])
def test_unknown_subjects_are_told_with_the_form_of_a_name(subject: str):
    with pytest.raises(BadInput, match="Name testuser, or a service account as NAMESPACE/NAME"):
        as_.run_as(subject, ["id"])
