"""The lab's shells as the study note uses them: whoever one becomes, the lab and the other shells do not change."""

import json
import os
import pty
import re
import select
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import shell_environment
from cli.shell_environment import ShellEnvironment
from stacks.stack import CHECKOUT
from tests.rehearsal import lab_states
from tests.rehearsal.conftest import Lab

ACCOUNT = "111122223333"
OPERATOR, TESTUSER = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("operator", "testuser"))
BECOME_TESTUSER = """
key=$(aws iam create-access-key --user-name testuser --query 'AccessKey.[AccessKeyId,SecretAccessKey]' --output text)
printf '%s\\n%s\\nap-northeast-2\\njson\\n' $key | aws configure >/dev/null
"""
"""The note's own commands, with its answers to `aws configure`."""
WHO = "aws sts get-caller-identity --query Arn --output text"


@pytest.fixture(scope="module")
def up(lab: Lab) -> Lab:
    """A lab whose testuser may do everything in the cluster."""
    lab.set(exercises={"identityMapping": "masters", "rbac": "before"})
    lab("up")
    return lab


@pytest.fixture
def without_keys(up: Lab) -> Iterator[None]:
    """testuser has no key of the note's afterwards."""
    yield
    iam: Any = lab_states.client(up, "iam")
    for key in iam.list_access_keys(UserName="testuser")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="testuser", AccessKeyId=key["AccessKeyId"])


def shells(lab: Lab) -> set[Path]:
    return {each for each in (Path(lab.env["MYEKS_LAB_CACHE"]) / "shells").iterdir() if each.is_dir()}


@pytest.mark.parametrize(("arguments", "plain"), [("iam help", "NAME\n"), ("iam list-users", "N\bNA\bAM\bME\bE\n")])
def test_help_in_a_pipe_has_each_letter_once(arguments: str, plain: str):
    shows = f"set -- {arguments}; {shell_environment.PLAIN_HELP}printf 'N\\bNA\\bAM\\bME\\bE\\n' | ${{MANPAGER:-cat}}"
    said = subprocess.run(
        ["sh", "-c", shows], check=True, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert said.stdout == plain, said.stderr


@pytest.mark.usefixtures("without_keys")
def test_a_shell_that_becomes_testuser_does_so_alone(up: Lab):
    before = (up.world / "aws" / "credentials").read_bytes()
    said = up(
        "shell", "--", "bash", "-c",
        f"{BECOME_TESTUSER} {WHO}; kubectl auth whoami -o jsonpath={{.status.userInfo.extra.arn[0]}}; echo; "
        f"cd /; lab status --json | head -2; lab whocan me --json | grep aws_principal; {shlex.quote(str(up.checkout))}"
        "/lab shell -- aws sts get-caller-identity --query Arn --output text; echo $LAB_SHELL",
    )  # fmt: skip
    lines = said.stdout.splitlines()
    assert lines[:2] == [TESTUSER, TESTUSER]
    assert f'"aws_principal": "{TESTUSER}"' in said.stdout
    assert f"Asked as {TESTUSER}, whose credentials this shell has." in said.stderr
    assert "As the lab's operator, not with the AWS credentials that this shell has now." in said.stderr
    assert lines[-2] == OPERATOR
    # It is gone with the shell, and nothing else has changed.
    assert not Path(lines[-1]).exists()
    assert (up.world / "aws" / "credentials").read_bytes() == before
    assert up.sh(WHO) == f"{OPERATOR}\n"
    assert up.json("whocan", "me")["aws_principal"] == OPERATOR
    assert set(up.json("up")["changes"]) == {"same"}


def test_variables_of_a_shell_change_nothing_of_the_operators_commands(up: Lab):
    said = up(
        "shell", "--", "sh", "-c",
        "export AWS_ACCESS_KEY_ID=AKIAOFNOBODY AWS_SECRET_ACCESS_KEY=x AWS_PROFILE=none KUBECONFIG=/dev/null "
        "AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_SHARED_CREDENTIALS_FILE=/dev/null; lab status --json; "
        "lab whocan me; echo code $?",
    )  # fmt: skip
    assert '"status": "ACTIVE"' in said.stdout
    # Who asks is nobody then, and that is what is told.
    assert "code 3" in said.stdout
    assert "AWS does not take this shell's credentials" in said.stderr


def test_a_shell_with_a_home_of_its_own_is_like_another_machine(up: Lab):
    said = up(
        "shell", "--own-home", "--", "sh", "-c",
        "cat ~/.kube/config; touch ~/mine; kubectl get ns kube-system -o name; echo own $HOME; "
        "lab shell -- sh -c 'echo users $HOME'",
    ).stdout  # fmt: skip
    assert "current-context: " in said
    assert "namespace/kube-system" in said
    home = Path(re.findall("(?m)^own (.*)$", said)[0])
    assert home != up.home
    assert not home.exists()
    # The lab is the user's, whoever the shell plays.
    assert f"users {up.home}\n" in said
    assert not (up.home / ".kube").exists()


def test_in_a_shell_of_testuser_they_ask_and_the_operator_works(up: Lab):
    said = up("as", "testuser", "--", "bash", "-c", "lab whocan me --json; lab status --json | head -1")
    assert f'"aws_principal": "{TESTUSER}"' in said.stdout
    assert f"Asked as {TESTUSER}" in said.stderr
    assert "As the lab's operator, not as testuser, whose shell this is." in said.stderr


def test_in_a_shell_of_a_service_account_it_asks(up: Lab):
    said = up("as", "dev-k8s", "--", "bash", "-c", "lab whocan me --json")
    assert '"user": "system:serviceaccount:dev-team:dev-k8s"' in said.stdout
    assert "Asked as the service account dev-team/dev-k8s" in said.stderr


def test_a_damaged_operators_key_is_put_right_by_up_and_told(up: Lab):
    file = up.world / "aws" / "credentials"
    before = file.read_text()
    file.write_text("[default]\naws_access_key_id = AKIAOFANOTHERUSER00\naws_secret_access_key = x\n")
    assert "the operator's AWS key was damaged; put right: aws/credentials" in up("up").stderr
    assert file.read_text() == before
    file.unlink()
    assert up.json("status")["status"] == "ACTIVE"


def test_what_a_killed_shell_left_is_cleared_by_the_next(up: Lab):
    killed = up.start("shell", "--", "sh", "-c", "echo $LAB_SHELL; exec sleep 300")
    assert killed.stdout
    directory = Path(killed.stdout.readline().strip())
    assert directory in shells(up)
    up("shell", "--", "true")
    assert directory in shells(up)
    os.killpg(killed.pid, 9)
    killed.communicate(timeout=30)
    up("shell", "--", "true")
    assert directory not in shells(up)


class Typed:
    """`lab …` on a terminal, with a user's own start-up file."""

    def __init__(self, lab: Lab, *arguments: str, rc: str = "") -> None:
        (lab.home / ".bashrc").write_text(rc)
        self._rc, self.said = lab.home / ".bashrc", ""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            line = [str(lab.checkout / "lab"), *arguments]
            os.execve(line[0], line, {**lab.env, "SHELL": "/bin/bash", "TERM": "dumb"})  # noqa: S606  # on a terminal

    def until(self, text: str, within: float = 90) -> str:
        """Read until it shows; what came before it."""
        end = time.monotonic() + within
        while text not in self.said:
            assert time.monotonic() < end, f"no {text!r} in {self.said!r}"
            if select.select([self._terminal], [], [], 0.2)[0]:
                self.said += os.read(self._terminal, 65536).decode(errors="replace")
        before, self.said = self.said.split(text, 1)
        return before.replace("\r\n", "\n")

    def type(self, line: str) -> None:
        os.write(self._terminal, f"{line}\n".encode())

    def end(self) -> int:
        self.type("exit")
        _, status = os.waitpid(self.pid, 0)
        os.close(self._terminal)
        self._rc.unlink()
        return os.waitstatus_to_exitcode(status)


RC = """
export AWS_PROFILE=prod KUBECONFIG=/dev/null PATH=/usr/bin:/bin PROMPT_COMMAND='true;' PS1='\\w \\$ '
alias mine='echo "my alias"'
"""


@pytest.mark.usefixtures("without_keys")
def test_the_prompt_tells_the_lab_and_who_and_follows_aws_configure(up: Lab):
    session = Typed(up, "shell", rc=RC)
    greeting = session.until("(myeks:admin) ")
    assert len(greeting.strip().splitlines()) == 4
    assert f"You are admin ({OPERATOR})." in greeting
    session.type("mine; aws sts get-caller-identity --query Arn; [ -z $AWS_PROFILE ] && kubectl get ns -o name")
    said = session.until("(myeks:admin) ")
    assert "\nmy alias\n" in said
    assert f'"{OPERATOR}"' in said
    assert "namespace/kube-system" in said
    session.type("false")
    session.until("(myeks:admin) ")
    session.type("echo code $?")
    assert "\ncode 1\n" in session.until("(myeks:admin) ")
    session.type(BECOME_TESTUSER.strip().replace("\n", "; "))
    session.until("(myeks:testuser) ")
    assert session.end() == 0


def test_the_prompt_of_a_shell_as_testuser_says_so(up: Lab):
    session = Typed(up, "as", "testuser", "--", "bash")
    greeting = session.until("(myeks:testuser) ")
    assert f"You are testuser ({TESTUSER})." in greeting
    session.type(WHO)
    assert TESTUSER in session.until("(myeks:testuser) ")
    assert session.end() == 0


def test_settings_win_over_a_users_start_up_files(tmp_path: Path):
    path = ((tmp_path / "bin", tmp_path / "it's"), (tmp_path / "last",))
    made = ShellEnvironment({"KUBECONFIG": "/it's own", "A": "$x"}, frozenset({"AWS_PROFILE"}), path, True)
    shell_environment._write_settings(tmp_path / "settings.sh", made)  # pyright: ignore[reportPrivateUsage]  # needs no lab
    script = f'export AWS_PROFILE=prod KUBECONFIG=/k PATH=/usr/bin:/bin; . "{tmp_path}/settings.sh"; env'
    for shell in ("/bin/sh", "/bin/bash"):
        told = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True, env={}).stdout
        seen = dict(line.split("=", 1) for line in told.splitlines())
        assert {name: seen.get(name) for name in made.values} == dict(made.values)
        assert "AWS_PROFILE" not in seen
        assert seen["PATH"] == f"{tmp_path}/bin:{tmp_path}/it's:/usr/bin:/bin:{tmp_path}/last"


def test_the_files_that_shells_read_are_ones_that_sh_can_read():
    for file in ("follow.sh", "program.sh"):
        subprocess.run(["/bin/sh", "-n", str(CHECKOUT / "cli/shell_files" / file)], check=True)
    for file in ("prompt.sh", "bashrc"):
        subprocess.run(["/bin/bash", "-n", str(CHECKOUT / "cli/shell_files" / file)], check=True)


def test_helm_lists_the_labs_releases_as_whoever_the_shell_is(up: Lab):
    up.has("helm")
    listed = json.loads(up.sh("helm list --all-namespaces --output json"))
    assert {each["name"] for each in listed} == {each["name"] for each in up.json("status")["releases"]}
    # This lab has no archive of any chart.
    assert {each["app_version"] for each in listed} == {"recorded"}
    told = up.sh("helm list -A 2>&1 >/dev/null")
    assert told == (
        "helm: Nothing runs of releases whose APP VERSION is recorded: their charts could not be had. See lab status.\n"
    )
    refused = up("as", "dev-k8s", "--", "helm", "list", "-n", "kube-system", code=1)
    assert "cannot list resource" in refused.stderr


def test_an_open_shell_outlives_its_lab_and_belongs_to_the_next_one(up: Lab):
    """The last test with this lab: it takes it down and stands another one up."""
    session = Typed(up, "shell")
    session.until("(myeks:admin) ")
    session.type("old=$VPCID; lab down >/dev/null 2>&1; echo ended $?")
    assert "ended 0" in session.until("(myeks:gone) ", 180)
    session.type("kubectl get nodes; echo code $?; aws sts get-caller-identity; lab status; echo code $?")
    said = session.until("(myeks:gone) ")
    assert "\nkubectl: The lab is gone. Stand it up with lab up, or leave this shell with exit.\ncode 3\n" in said
    assert "\naws: The lab is gone. Stand it up with lab up" in said
    assert "lab: The rehearsal is not up. Start it with ./lab up.\ncode 3\n" in said
    assert "8080" not in said
    session.type("lab up >/dev/null 2>&1; echo ended $?")
    assert "ended 0" in session.until("(myeks:admin) ", 240)
    session.type(f"kubectl get nodes -o name; {WHO}; [ $VPCID != $old ] && aws ec2 describe-vpcs --vpc-ids $VPCID")
    said = session.until("(myeks:admin) ")
    assert said.count("node/") == 3
    assert OPERATOR in said
    assert re.search(r'"VpcId": "vpc-', said)
    assert session.end() == 0


def test_a_shell_of_testuser_ends_well_though_its_lab_is_gone(up: Lab):
    said = up("as", "testuser", "--", "sh", "-c", "lab down --force && kubectl get ns; echo code $?")
    assert "code 3" in said.stdout
    assert "kubectl: The lab is gone." in said.stderr
    assert "could not be deleted" not in said.stderr
    assert not up.world.exists()
    # Whoever was to delete the key tries for a minute, in vain.
    end = time.monotonic() + 120
    while up.left_running() and time.monotonic() < end:
        time.sleep(0.5)
