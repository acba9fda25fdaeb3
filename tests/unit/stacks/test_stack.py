"""Settings are checked before anything starts, with every problem at once."""

import os
from pathlib import Path

import pytest

from stacks import pulumi_cli
from stacks import stack as stacks
from stacks.errors import BadInput
from stacks.outputs import outputs_of

GOOD = "config:\n  aws:region: ap-northeast-2\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stacks, "CHECKOUT", tmp_path)
    return tmp_path


def test_in_the_rehearsals_shell_there_is_no_other_stack(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("rehearsal", "dev"):
        (checkout / f"Pulumi.{name}.yaml").write_text(GOOD)
    monkeypatch.setenv("LAB_STACK", "rehearsal")
    assert stacks.load("rehearsal").is_rehearsal
    with pytest.raises(BadInput, match=r"^This shell's AWS is the rehearsal's\. Leave it with exit, then"):
        stacks.load("dev")
    # A move of an exercise reads the file itself.
    with pytest.raises(BadInput, match="the rehearsal's"):
        stacks.file_of("dev")
    monkeypatch.setenv("LAB_STACK", "dev")
    assert not stacks.load("dev").is_rehearsal


def test_the_rehearsal_is_known_by_its_name_alone(checkout: Path):
    for name in ("rehearsal", "dev"):
        (checkout / f"Pulumi.{name}.yaml").write_text(GOOD)
    assert stacks.load("rehearsal").is_rehearsal
    assert not stacks.load("dev").is_rehearsal


def test_a_stack_without_a_file_names_those_that_have_one(checkout: Path):
    (checkout / "Pulumi.dev.yaml").write_text(GOOD)
    with pytest.raises(BadInput, match=r"no stack prod.*Name one of: dev\."):
        stacks.load("prod")


@pytest.mark.parametrize("text", ["config: [1, 2]", "- 1", "config: {a"])
def test_a_file_of_another_shape_is_told(checkout: Path, text: str):
    (checkout / "Pulumi.dev.yaml").write_text(text)
    with pytest.raises(BadInput, match=r"Pulumi\.dev\.yaml"):
        stacks.load("dev")


def test_a_file_that_is_no_text_is_told(checkout: Path):
    (checkout / "Pulumi.dev.yaml").write_bytes(b"config:\n\xff\xfe")
    with pytest.raises(BadInput, match=r"Pulumi\.dev\.yaml is not UTF-8 text \(byte 8\)"):
        stacks.load("dev")


def test_every_problem_is_told_at_once_and_the_exit_code_is_two(checkout: Path):
    (checkout / "Pulumi.dev.yaml").write_text(
        GOOD + "  myeks:natGateway: maybe\n  myeks:vpcCdr: 10.0.0.0/16\n  myeks:domain: example.com\n"
    )
    with pytest.raises(BadInput) as caught:
        stacks.load("dev")
    text = str(caught.value)
    for key in ("myeks:natGateway", "myeks:vpcCdr", "myeks:hostedZoneId"):
        assert key in text
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "profile"),
    [(f"{GOOD}  aws:profile: study\n", "study"), (f"{GOOD}  aws:profile: ''\n", None), (GOOD, None)],
)
def test_commands_reach_the_account_that_the_engine_reaches(checkout: Path, text: str, profile: str | None):
    (checkout / "Pulumi.dev.yaml").write_text(text)
    stack = stacks.load("dev")
    values, unset = stack.aws_environment
    region = {"AWS_REGION": "ap-northeast-2", "AWS_DEFAULT_REGION": "ap-northeast-2"}
    if profile:
        assert values == {**region, "AWS_PROFILE": profile}
        # With boto3 they would win over the profile, with the engine they do not.
        assert unset == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    else:
        assert (values, unset) == (region, set())


def test_the_outputs_are_asked_for_as_the_user_and_aws_as_the_engine(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (checkout / "Pulumi.dev.yaml").write_text(f"{GOOD}  aws:profile: study\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-backend")
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path))
    asked: list[str | None] = []

    def recorded(_stack: str) -> dict[str, str]:
        asked.append(os.environ.get("AWS_ACCESS_KEY_ID"))
        return {"kubeconfig": "{}"}

    monkeypatch.setattr(pulumi_cli, "outputs", recorded)
    with outputs_of(stacks.load("dev")):
        assert os.environ["AWS_PROFILE"] == "study"
        assert "AWS_ACCESS_KEY_ID" not in os.environ
    assert asked == ["of-the-backend"]
    assert os.environ["AWS_ACCESS_KEY_ID"] == "of-the-backend"


@pytest.mark.parametrize("name", ["rehearsal", "dev"])
def test_every_command_means_the_cluster_that_the_engine_makes(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
):
    file = checkout / f"Pulumi.{name}.yaml"
    file.write_text(f"{GOOD}  clusterName: other\n  tags: {{Prod: no, Backup: yes}}\n")
    config = stacks.load(name).config
    assert config.cluster_name == "other"
    assert config.tags == {"Prod": "no", "Backup": "yes"}
    # Left out of the file, it is the project's.
    file.write_text(GOOD)
    project = tmp_path / "Pulumi.yaml"
    project.write_text("name: myeks\nconfig:\n  clusterName: {type: string, default: theirs}\n")
    monkeypatch.setattr(stacks, "PROJECT_FILE", project)
    assert stacks.load(name).config.cluster_name == "theirs"


def test_the_projects_own_defaults_count_as_not_set(checkout: Path):
    (checkout / "Pulumi.dev.yaml").write_text(GOOD)
    assert stacks.settings_of(stacks.load("dev"))["config"] == {"aws:region": "ap-northeast-2"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("""myeks:operatorCidrs: '["203.0.113.10/32"]'""", "myeks:operatorCidrs: It is text, and has to be a list"),
        ("""myeks:tags: '{"a": "b"}'""", "myeks:tags: It is text, and has to be a map"),
        ("myeks:natGateway: 'True'", 'myeks:natGateway: "True" is not true or false'),
        ("myeks:natGateway: yes", 'myeks:natGateway: "yes" is not true or false'),
        ("myeks:exercises:", 'myeks:exercises: "" is not a map'),
    ],
)
def test_a_type_that_the_engine_refuses_is_told_before(checkout: Path, line: str, told: str):
    (checkout / "Pulumi.dev.yaml").write_text(f"{GOOD}  {line}\n")
    with pytest.raises(BadInput) as refused:
        stacks.load("dev")
    assert told in str(refused.value)
    assert str(refused.value).count(told.split(": ")[0]) == 1
    assert refused.value.exit_code == 2


def test_a_profile_leads_nowhere_in_the_rehearsal(checkout: Path):
    (checkout / "Pulumi.rehearsal.yaml").write_text(f"{GOOD}  aws:profile: study\n")
    assert stacks.load("rehearsal").profile is None
