"""A shell's own files and environment, without a lab: the rehearsal's, an AWS stack's, and a subject's in both."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli import shell_environment
from cli.shell_environment import Who
from infra.config.loading import parse
from rehearsal.world import World
from stacks.rehearsal_backend import opening
from stacks.stack import Stack

SEOUL = "ap-northeast-2"
OUTPUTS: Mapping[str, Any] = {
    "kubeconfig": '{"current-context": "x"}',
    "clusterName": "myeks",
    "region": SEOUL,
}
ADMIN = Who("admin", "arn:aws:iam::111122223333:user/operator")
TESTUSER = Who("testuser", "arn:aws:iam::111122223333:user/testuser", is_subject=True)
SECRET = "aws_secret_access_key = of-the-operator"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World("id", 1, "http://127.0.0.1:1", "111122223333", SEOUL, tmp_path / "world")
    (made.dir / "aws").mkdir(parents=True)
    (made.dir / "aws" / "config").write_text("[default]\nendpoint_url = http://127.0.0.1:1\n")
    (made.dir / "aws" / "credentials").write_text(f"[default]\n{SECRET}\n")
    (made.dir / "world.json").write_text("{}")
    monkeypatch.setattr(opening, "running", lambda: made)
    monkeypatch.setattr(shell_environment, "tools", lambda _: Path("/tools"))
    return made


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "shell's own"
    directory.mkdir()
    monkeypatch.setattr(shell_environment, "variables", lambda _: {"VPCID": "vpc-1", "MyDomain": "it's"})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".aws").mkdir(parents=True)
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    return directory


def rehearsal() -> Stack:
    return Stack("rehearsal", Path("/nonexistent"), parse({}, SEOUL))


def dev(profile: str | None = None) -> Stack:
    return Stack("dev", Path("/nonexistent"), parse({}, SEOUL), profile)


def holding(directory: Path, text: str) -> list[str]:
    return [
        str(each.relative_to(directory)) for each in directory.rglob("*") if each.is_file() and text in each.read_text()
    ]


def test_the_operators_shell_has_copies_of_the_worlds_files(world: World, own: Path):
    seen = shell_environment.of(rehearsal(), OUTPUTS, own, ADMIN).around({"PATH": "/bin"})
    credentials = Path(seen["AWS_SHARED_CREDENTIALS_FILE"])
    assert credentials.is_relative_to(own)
    assert Path(seen["AWS_CONFIG_FILE"]).is_relative_to(own)
    assert Path(seen["KUBECONFIG"]).is_relative_to(own)
    assert Path(seen["KUBECACHEDIR"]).is_relative_to(own)
    assert SECRET in credentials.read_text()
    assert credentials.stat().st_mode & 0o077 == 0
    credentials.write_text("[default]\n")
    assert SECRET in (world.dir / "aws" / "credentials").read_text()
    assert str(world.dir) not in {value for name, value in seen.items() if name != "LAB_WORLD"}
    assert (seen["LAB_STACK"], seen["LAB_NAME"], seen["LAB_WHO"], seen["LAB_AS"]) == ("rehearsal", "myeks", "admin", "")


@pytest.mark.usefixtures("world")
def test_a_home_of_its_own_is_where_the_tools_keep_their_settings(own: Path, tmp_path: Path):
    (own / "home").mkdir()
    seen = shell_environment.of(rehearsal(), OUTPUTS, own, ADMIN).around({"PATH": "/bin", "HOME": "/home/me"})
    home = Path(seen["HOME"])
    assert home.is_relative_to(own)
    assert seen["KUBECONFIG"] == str(home / ".kube" / "config")
    assert seen["AWS_SHARED_CREDENTIALS_FILE"] == str(home / ".aws" / "credentials")
    assert SECRET in (home / ".aws" / "credentials").read_text()
    # Commands of ./lab go on with the user's own: their cache, and the rehearsal in it.
    assert seen["LAB_USERS_HOME"] == str(tmp_path / "home")


@pytest.mark.usefixtures("world")
def test_nothing_of_the_callers_aws_settings_gets_into_a_shell_of_the_rehearsal(own: Path):
    callers = {"PATH": "/bin", "AWS_PROFILE": "prod", "AWS_ENDPOINT_URL_EKS": "https://x", "AWS_ACCESS_KEY_ID": "A"}
    seen = shell_environment.of(rehearsal(), OUTPUTS, own, ADMIN).around(callers)
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL_EKS", "AWS_ACCESS_KEY_ID"} & seen.keys()


@pytest.mark.usefixtures("world")
def test_helm_keeps_everything_in_the_shells_directory(own: Path):
    callers = {"PATH": "/bin", "HELM_KUBECONTEXT": "prod", "HELM_PLUGINS": "/theirs", "HELM_CONFIG_HOME": "/theirs"}
    seen = shell_environment.of(rehearsal(), OUTPUTS, own, ADMIN).around(callers)
    places = {name: Path(value) for name, value in seen.items() if name.startswith("HELM_")}
    assert set(places) == {"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS"}
    assert all(place.is_relative_to(own) for place in places.values())
    assert (places["HELM_PLUGINS"] / "lab-charts" / "plugin.yaml").is_file()
    assert {each.name for each in (own / "bin").iterdir()} == {"aws", "helm", "kubectl", "lab"}


@pytest.mark.usefixtures("world")
def test_a_subject_finds_no_credentials(own: Path):
    seen = shell_environment.of(rehearsal(), OUTPUTS, own, TESTUSER, {"current-context": "theirs"}).around(
        {"PATH": "/bin"}
    )
    assert Path(seen["AWS_SHARED_CREDENTIALS_FILE"]).read_text() == ""
    assert "endpoint_url" in Path(seen["AWS_CONFIG_FILE"]).read_text()
    assert "theirs" in Path(seen["KUBECONFIG"]).read_text()
    assert holding(own, SECRET) == []
    assert (seen["LAB_WHO"], seen["LAB_AS"], seen["LAB_ARN"]) == ("testuser", "testuser", TESTUSER.arn)


def test_on_aws_a_shell_has_copies_of_the_users_own_files(own: Path, tmp_path: Path):
    users = tmp_path / "home" / ".aws" / "credentials"
    users.write_text(f"[study]\n{SECRET}\n")
    seen = shell_environment.of(dev("study"), OUTPUTS, own, Who("alice", "arn:alice")).around({"PATH": "/bin"})
    assert SECRET in Path(seen["AWS_SHARED_CREDENTIALS_FILE"]).read_text()
    assert Path(seen["AWS_CONFIG_FILE"]).read_text() == ""
    assert seen["AWS_PROFILE"] == "study"
    # So the commands of ./lab find the way back.
    assert seen["LAB_OWN_AWS_SHARED_CREDENTIALS_FILE"] == ""
    assert (seen["LAB_NAME"], seen["LAB_WORLD"]) == ("myeks/dev", "")
    assert [each.name for each in (own / "bin").iterdir()] == ["lab"]
    Path(seen["AWS_SHARED_CREDENTIALS_FILE"]).write_text("")
    assert SECRET in users.read_text()


def test_on_aws_a_subject_gets_neither_the_users_files_nor_their_profile(own: Path, tmp_path: Path):
    for name in ("config", "credentials"):
        (tmp_path / "home" / ".aws" / name).write_text(SECRET)
    seen = shell_environment.of(dev("study"), OUTPUTS, own, TESTUSER).around({"PATH": "/bin", "AWS_PROFILE": "study"})
    assert "AWS_PROFILE" not in seen
    assert holding(own, SECRET) == []


@pytest.mark.usefixtures("world")
def test_a_second_lab_takes_the_place_of_the_first(own: Path):
    shell_environment.of(rehearsal(), OUTPUTS, own, ADMIN)
    (own / "kube-cache").mkdir()
    (own / "aws" / "credentials").write_text("of another user")
    shell_environment.of(rehearsal(), {**OUTPUTS, "kubeconfig": '{"current-context": "y"}'}, own, ADMIN)
    assert not (own / "kube-cache").exists()
    assert SECRET in (own / "aws" / "credentials").read_text()
    assert "current-context: y" in (own / "kube" / "config").read_text()
