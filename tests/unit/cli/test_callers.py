"""Who called a command: the shell's own credentials decide for a question, and never for work on the lab."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from cli import callers
from cli.subject_credentials import BEARER
from infra.config.loading import parse
from rehearsal.environment import environment
from stacks import stack
from stacks.errors import BadInput, CannotAsk
from stacks.stack import Stack

OPERATOR = "arn:aws:iam::111122223333:user/operator"
TESTUSER = "arn:aws:iam::111122223333:user/testuser"
PLUGIN = {"command": "aws", "args": ["eks", "get-token", "--profile", "admin"]}
KUBECONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "x",
    "users": [{"name": "u", "user": {"exec": PLUGIN}}],
}
WORLDS = {"AWS_SHARED_CREDENTIALS_FILE": "/world/credentials", "AWS_CONFIG_FILE": "/world/config"}
ENDPOINT = "http://127.0.0.1:1"


class Asked:
    """What STS is asked with, and what it says."""

    def __init__(self) -> None:
        self.arn = OPERATOR
        self.seen: dict[str, str] = {}

    def client(self, service: str, region_name: str) -> Any:
        assert (service, region_name) == ("sts", "ap-northeast-2")
        self.seen = dict(os.environ)
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": self.arn}


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Asked:
    @contextmanager
    def outputs_of(_: Stack) -> Generator[tuple[dict[str, Any], Path]]:
        unset = {name for name in os.environ if name.startswith("AWS_")}
        with environment({**WORLDS, "AWS_ENDPOINT_URL": ENDPOINT}, unset - WORLDS.keys()):
            yield {"kubeconfig": KUBECONFIG, "region": "ap-northeast-2"}, Path()

    asked = Asked()
    monkeypatch.setattr(callers, "outputs_of", outputs_of)
    monkeypatch.setattr(boto3, "client", asked.client)
    for name in list(os.environ):
        if name.startswith(("AWS_", "LAB_")):
            monkeypatch.delenv(name)
    return asked


def rehearsal() -> Stack:
    return Stack("rehearsal", Path("/nonexistent"), parse({}, "ap-northeast-2"))


def shell(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    mine = {"AWS_SHARED_CREDENTIALS_FILE": "/shell/credentials", "AWS_CONFIG_FILE": "/shell/config"}
    for name, value in {"LAB_STACK": "rehearsal", "LAB_ARN": OPERATOR, "AWS_ENDPOINT_URL": "x", **mine, **more}.items():
        monkeypatch.setenv(name, value)


def test_outside_of_a_shell_the_operator_asks(sts: Asked, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA-of-somebody")
    with callers.asking(rehearsal()) as outputs:
        assert outputs["kubeconfig"] == KUBECONFIG
        assert "AWS_ACCESS_KEY_ID" not in os.environ
    assert sts.seen == {}


def test_a_shell_asks_with_the_files_that_it_may_write(
    sts: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    shell(monkeypatch)
    with callers.asking(rehearsal()):
        assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == "/shell/credentials"
        # Whatever the shell's endpoint says, no real account is asked.
        assert os.environ["AWS_ENDPOINT_URL"] == ENDPOINT
    assert capsys.readouterr().err == ""
    sts.arn = TESTUSER
    with callers.asking(rehearsal()):
        pass
    assert capsys.readouterr().err == f"Asked as {TESTUSER}, whose credentials this shell has.\n"
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == "/shell/credentials"


def test_a_shell_of_testuser_asks_with_their_key(
    sts: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    shell(monkeypatch, LAB_AS="testuser", LAB_ARN=TESTUSER, AWS_ACCESS_KEY_ID="AKIAOFTESTUSER")
    sts.arn = TESTUSER
    with callers.asking(rehearsal()) as outputs:
        assert "--profile" not in outputs["kubeconfig"]["users"][0]["user"]["exec"]["args"]
    assert sts.seen["AWS_ACCESS_KEY_ID"] == "AKIAOFTESTUSER"
    assert f"Asked as {TESTUSER}" in capsys.readouterr().err


def test_a_service_accounts_shell_asks_by_its_token(
    sts: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    shell(monkeypatch, LAB_AS="dev-team/dev-k8s", LAB_ARN="", **{BEARER: "t"})
    with callers.asking(rehearsal()) as outputs:
        assert f"${BEARER}" in yaml.safe_dump(outputs["kubeconfig"])
        assert os.environ[BEARER] == "t"
    assert sts.seen == {}
    assert "Asked as the service account dev-team/dev-k8s" in capsys.readouterr().err


def test_credentials_that_aws_does_not_take_are_told(sts: Asked, monkeypatch: pytest.MonkeyPatch):
    from botocore.exceptions import NoCredentialsError

    def refuse() -> dict[str, str]:
        raise NoCredentialsError

    shell(monkeypatch)
    monkeypatch.setattr(sts, "get_caller_identity", refuse)
    with pytest.raises(CannotAsk, match="AWS does not take this shell's credentials"), callers.asking(rehearsal()):
        pass


@pytest.mark.parametrize(
    ("command", "subject", "key", "said"),
    [
        ("status", "testuser", "", "As the lab's operator, not as testuser, whose shell this is."),
        ("status", "", "AKIA", "As the lab's operator, not with the AWS credentials that this shell has now."),
        ("status", "", "", ""),
        ("whocan", "testuser", "", ""),
        ("cost", "testuser", "", ""),
        (None, "testuser", "", ""),
    ],
)
@pytest.mark.usefixtures("sts")
def test_who_works_is_told_where_it_is_not_who_typed(
    command: str | None,
    subject: str,
    key: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    shell(monkeypatch, LAB_AS=subject, AWS_ACCESS_KEY_ID=key)
    callers.tell_who_works(command)
    assert capsys.readouterr().err.strip() == said


def test_credentials_that_were_changed_in_the_shells_own_file_are_noticed(
    sts: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    del sts
    mine, worlds = tmp_path / "mine", tmp_path / "aws" / "credentials"
    worlds.parent.mkdir()
    for file in (mine, worlds):
        file.write_text("[default]\n")
    monkeypatch.setenv("MYEKS_LAB_WORLD", str(tmp_path))
    shell(monkeypatch, AWS_SHARED_CREDENTIALS_FILE=str(mine))
    callers.tell_who_works("status")
    assert capsys.readouterr().err == ""
    mine.write_text("[default]\naws_access_key_id = AKIAOFANOTHER\n")
    callers.tell_who_works("status")
    assert "not with the AWS credentials that this shell has now" in capsys.readouterr().err


def test_on_aws_work_is_done_with_the_users_own_files(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(callers, "_of_the_shell", {})
    variables = {
        "AWS_CONFIG_FILE": "/shell/config",
        "LAB_OWN_AWS_CONFIG_FILE": "/home/me/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/shell/credentials",
        "LAB_OWN_AWS_SHARED_CREDENTIALS_FILE": "",
        "PATH": "/bin",
    }
    callers.leave_the_shell(variables)
    assert variables == {"AWS_CONFIG_FILE": "/home/me/config", "PATH": "/bin"}
    untouched = {"AWS_CONFIG_FILE": "/home/me/config"}
    callers.leave_the_shell(untouched)
    assert untouched == {"AWS_CONFIG_FILE": "/home/me/config"}


def test_a_subjects_shell_on_aws_does_no_work_of_the_operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stack, "CHECKOUT", tmp_path)
    for name in ("dev", "rehearsal"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config:\n  aws:region: ap-northeast-2\n")
    monkeypatch.setenv("LAB_STACK", "dev")
    monkeypatch.setenv("LAB_AS", "testuser")
    with pytest.raises(BadInput, match=r"At AWS this shell is testuser\. Leave it with exit"):
        stack.load("dev")
    assert stack.load("dev", as_caller=True).name == "dev"
    assert stack.load("rehearsal").is_rehearsal
