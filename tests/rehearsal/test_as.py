"""`lab as` on the real engine, API server and IAM: who the command is, and that nothing of its credentials stays."""

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from cli.subject_credentials import BEARER, as_bearer
from rehearsal.emulator.fault_injection import SLOW_SECONDS
from tests.rehearsal import lab_states
from tests.rehearsal.conftest import Lab

USER = "testuser"
SLEEP = ("--", "sh", "-c", 'echo "$AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY"; exec sleep 300')
"""A command that tells its key, here only, and stays."""

GUARDED = 90.0
"""Seconds within which a guard ends, even one that has to wait for a key to turn up."""

started: list[subprocess.Popen[str]] = []


@pytest.fixture(scope="module")
def up(lab: Lab) -> Lab:
    """A lab whose user may do everything in the cluster."""
    lab.set(exercises={"identityMapping": "masters", "rbac": "before"})
    temporary = lab.home / "tmp"
    temporary.mkdir()
    lab.env["TMPDIR"] = str(temporary)
    lab("up")
    return lab


@pytest.fixture(scope="module")
def iam(up: Lab) -> Any:
    return lab_states.client(up, "iam")


@pytest.fixture(autouse=True)
def nothing_left(iam: Any, up: Lab) -> Iterator[None]:
    """After each test: no key, no guard, no lease; and nothing that a failed test has started."""
    yield
    for process in started:
        process.kill()
        process.wait()
    started.clear()
    until("the user to have no key", lambda: keys(iam) == [])
    until("every guard to be gone", lambda: not guards(up), GUARDED)
    assert leases(up) == []


def keys(iam: Any) -> list[str]:
    return [key["AccessKeyId"] for key in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]]


def leases(lab: Lab) -> list[Path]:
    return list((lab.world / "testuser-keys").glob("*.lease"))


def running() -> Iterator[tuple[int, bytes, bytes]]:
    """Every process: its id, command line and environment."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            except OSError:
                continue


def guards(lab: Lab) -> list[int]:
    mine = f"MYEKS_LAB_WORLD={lab.world}\0".encode()
    return [pid for pid, line, environment in running() if b"testuser/watchdog.py" in line and mine in environment]


def holding(text: str) -> list[int]:
    """Processes that have it in their command line or environment."""
    return [pid for pid, *where in running() if any(text.encode() in part for part in where)]


def on_disk(lab: Lab, text: str) -> list[Path]:
    """Files of the world and of the user's home, with temporary ones, that contain it."""
    found: list[Path] = []
    for root in (lab.world, lab.home):
        for file in root.rglob("*"):
            try:
                if stat.S_ISREG(file.lstat().st_mode) and text.encode() in file.read_bytes():
                    found.append(file)
            except OSError:
                continue
    return found


def faults(lab: Lab, lay: list[dict[str, str]] | None = None) -> list[dict[str, Any]]:
    """Lay faults, or ask how often those that lie have struck."""
    answer = urllib3.request(
        "GET" if lay is None else "POST",
        f"{json.loads((lab.world / 'world.json').read_text())['endpoint']}/_rehearsal/faults",
        body=None if lay is None else json.dumps(lay),
        headers={"Authorization": f"Bearer {(lab.world / 'secret').read_text()}"},
        timeout=10,
    )
    assert answer.status == 200, answer.data
    return answer.json()


def until(what: str, seen: Callable[[], object], within: float = 30) -> None:
    end = time.monotonic() + within
    while not seen():
        if time.monotonic() > end:
            pytest.fail(f"waited {within} s for {what}")
        time.sleep(0.1)


def at_work(lab: Lab, iam: Any) -> tuple[subprocess.Popen[str], str, str]:
    """`lab as testuser` with a command that stays; the key and the secret that it has."""
    process = lab.start("as", USER, *SLEEP)
    started.append(process)
    assert process.stdout
    key, secret = process.stdout.readline().split()
    assert keys(iam) == [key]
    return process, key, secret


def command_of(process: subprocess.Popen[str]) -> int:
    """The process id of its command, once the shell has become `sleep`."""
    found: list[int] = []

    def seen() -> list[int]:
        found[:] = [pid for pid, line, _ in running() if line == b"sleep\x00300\x00" and parent_of(pid) == process.pid]
        return found

    until("the command", seen)
    assert len(found) == 1
    return found[0]


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_the_command_is_testuser_at_aws_and_in_the_cluster(up: Lab):
    said = json.loads(up("as", USER, "--", "aws", "sts", "get-caller-identity").stdout)
    assert said["Arn"] == "arn:aws:iam::111122223333:user/testuser"
    assert "arn:aws:iam::111122223333:user/testuser" in up("as", USER, "--", "kubectl", "auth", "whoami").stdout
    assert up("as", USER, "--", "kubectl", "auth", "can-i", "*", "*", "-A").stdout == "yes\n"
    refused = up("as", USER, "--", "aws", "iam", "list-users", code=None)
    assert refused.returncode != 0
    assert "AccessDenied" in refused.stderr


def test_the_operators_own_settings_do_not_win(up: Lab, monkeypatch: pytest.MonkeyPatch):
    credentials = up.home / ".aws" / "credentials"
    credentials.parent.mkdir()
    credentials.write_text("[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other\n")
    for name, value in {"AWS_PROFILE": "default", "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}.items():
        monkeypatch.setitem(up.env, name, value)
    monkeypatch.setitem(up.env, "AWS_SESSION_TOKEN", "of-somebody")
    said = json.loads(up("as", USER, "--", "aws", "sts", "get-caller-identity").stdout)
    assert said["Arn"].endswith("user/testuser")


def test_the_notes_own_way_in_works(up: Lab):
    said = up(
        "as", USER, "--", "sh", "-c",
        "aws eks update-kubeconfig --name $CLUSTER_NAME --user-alias testuser && kubectl get node -o name "
        "&& echo $VPCID $N1",
    ).stdout  # fmt: skip
    assert said.count("node/") == 3
    assert "vpc-" in said
    # What one subject adds to their kubeconfig is no other's.
    assert "testuser" not in up.sh("kubectl config get-users")


def test_after_success_and_failure_nothing_is_left(up: Lab, iam: Any):
    tell = 'echo "$AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY"; exit '
    secrets: list[str] = []
    for code in (0, 9):
        key, secret = up("as", USER, "--", "sh", "-c", tell + str(code), code=code).stdout.split()
        assert key.startswith("AKIA")
        assert keys(iam) == []
        assert on_disk(up, secret) == []
        assert holding(secret) == []
        secrets.append(secret)
    assert len(set(secrets)) == 2


def test_only_the_command_has_the_secret(up: Lab, iam: Any):
    process, key, secret = at_work(up, iam)
    command = command_of(process)
    assert holding(secret) == [command]
    assert on_disk(up, secret) == []
    (guard,) = guards(up)
    assert key.encode() not in Path(f"/proc/{guard}/cmdline").read_bytes()
    (lease,) = leases(up)
    assert json.loads(lease.read_text())["key"] == key
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_after_a_signal_nothing_is_left(up: Lab, iam: Any, number: signal.Signals):
    process, _, secret = at_work(up, iam)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert keys(iam) == []
    assert holding(secret) == []
    assert on_disk(up, secret) == []


def test_after_the_command_was_killed_nothing_is_left(up: Lab, iam: Any):
    process, _, secret = at_work(up, iam)
    os.kill(command_of(process), signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == 137
    assert keys(iam) == []
    assert holding(secret) == []


def test_after_lab_itself_was_killed_nothing_is_left(up: Lab, iam: Any):
    process, _, secret = at_work(up, iam)
    process.kill()
    process.wait(timeout=30)
    until("the guard to delete the key", lambda: keys(iam) == [])
    until("the command to end", lambda: holding(secret) == [])
    assert on_disk(up, secret) == []


def test_lab_killed_at_any_moment_leaves_no_key(up: Lab, iam: Any):
    """From its start on: before, while and after the key is made."""
    for tenths in range(0, 16, 2):
        process = up.start("as", USER, *SLEEP)
        time.sleep(0.6 + tenths / 10)
        process.kill()
        process.wait(timeout=30)
        until("the guard to be gone", lambda: not guards(up), GUARDED)
        assert keys(iam) == []


def test_a_key_that_is_made_only_after_lab_was_killed_does_not_stay(up: Lab, iam: Any):
    """AWS carries the call out although nobody waits for it any more, and the guard has already looked once."""
    faults(up, [{"service": "iam", "operation": "CreateAccessKey", "effect": "slow"}])
    process = up.start("as", USER, *SLEEP)
    started.append(process)
    until("the call", lambda: faults(up)[0]["spoiled"])
    process.kill()
    assert keys(iam) == []
    # Whoever wants a key now keeps their own, and waits until it is clear whose the late one is.
    up("as", USER, "--", "aws", "sts", "get-caller-identity")
    time.sleep(SLOW_SECONDS + 1)
    until("the guard to be gone", lambda: not guards(up), GUARDED)
    assert keys(iam) == []
    faults(up, [])


def test_a_key_that_even_the_guard_left_is_deleted_by_the_next_command(up: Lab, iam: Any):
    process, key, _ = at_work(up, iam)
    (guard,) = guards(up)
    os.kill(guard, signal.SIGKILL)
    process.kill()
    process.wait(timeout=30)
    assert keys(iam) == [key]
    ended = up("as", USER, "--", "true")
    assert f"deleted the access key {key} of testuser, which a killed command left" in ended.stderr
    assert keys(iam) == []


def test_two_commands_at_once_do_not_take_each_others_key(up: Lab, iam: Any):
    process, key, _ = at_work(up, iam)
    second = up("as", USER, "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID; aws sts get-caller-identity")
    assert "deleted" not in second.stderr
    assert keys(iam) == [key]
    assert second.stdout.split()[0] != key
    other = up.start("as", USER, *SLEEP)
    started.append(other)
    assert other.stdout
    other.stdout.readline()
    assert "Both are in use" in up("as", USER, "--", "true", code=3).stderr
    for one in (process, other):
        one.send_signal(signal.SIGINT)
        one.communicate(timeout=30)
        assert one.returncode == 130


def test_a_key_made_by_hand_is_left_alone(up: Lab, iam: Any):
    by_hand = iam.create_access_key(UserName=USER)["AccessKey"]["AccessKeyId"]
    try:
        up("as", USER, "--", "true")
        assert keys(iam) == [by_hand]
    finally:
        iam.delete_access_key(UserName=USER, AccessKeyId=by_hand)


def test_a_service_accounts_command_is_the_account_and_nobody_at_aws(up: Lab):
    said = up("as", "dev-k8s", "--", "kubectl", "auth", "whoami", "-o", "json").stdout
    assert json.loads(said)["status"]["userInfo"]["username"] == "system:serviceaccount:dev-team:dev-k8s"
    refused = up("as", "dev-k8s", "--", "kubectl", "get", "pods", code=1).stderr
    assert 'cannot list resource "pods" in API group "" in the namespace "dev-team"' in refused
    nobody = up("as", "infra-team/infra-k8s", "--", "aws", "sts", "get-caller-identity", code=None)
    assert nobody.returncode != 0
    assert "Unable to locate credentials" in nobody.stderr


def test_a_service_accounts_token_is_in_the_commands_environment_alone(up: Lab):
    process = up.start("as", "infra-k8s", "--", "sh", "-c", f'echo "${BEARER}"; kubectl get ns; exec sleep 300')
    started.append(process)
    assert process.stdout
    token = process.stdout.readline().strip()
    assert token.count(".") == 2
    assert "Forbidden" in process.stdout.readline()
    command = command_of(process)
    assert holding(token) == [command]
    assert on_disk(up, token) == []
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert holding(token) == []


def test_the_kubeconfig_of_a_service_account_prints_the_token_of_the_environment(up: Lab):
    source = json.loads(up.sh("kubectl config view --raw -o json"))
    plugin = as_bearer(source, "a/b", "a")["users"][0]["user"]["exec"]
    ran = subprocess.run(
        [plugin["command"], *plugin["args"]], env={**os.environ, BEARER: "a.b-c_d.e%s"}, capture_output=True, check=True
    )
    assert json.loads(ran.stdout) == {
        "apiVersion": plugin["apiVersion"],
        "kind": "ExecCredential",
        "status": {"token": "a.b-c_d.e%s"},
    }


def test_who_is_not_there_is_told_with_what_makes_them(up: Lab):
    assert (
        "There is no service account nope in namespace default" in up("as", "default/nope", "--", "id", code=2).stderr
    )
    told = up("as", "nobody", "--", "id", code=2).stderr
    assert "no subject nobody. Name testuser, or a service account as NAMESPACE/NAME" in told
    assert "There is no command no-such-thing" in up("as", USER, "--", "no-such-thing", code=2).stderr


def test_stages_move_who_testuser_is(up: Lab, iam: Any):
    """Forward by the command, as a learner does: the table and the API server agree, and the checkout stays clean."""
    before = up.settings_file.read_text()
    up("stage", "identity-mapping", "unmapped")
    assert up.settings_file.read_text() == before
    refused = up("as", USER, "--", "kubectl", "get", "nodes", code=1).stderr
    assert "Unauthorized" in refused or "provide credentials" in refused
    stands = {row["exercise"]: row for row in up.json("stage")["exercises"]}
    assert (stands["identity-mapping"]["standing"], stands["identity-mapping"]["configured"]) == (
        "unmapped",
        "unmapped",
    )
    up("stage", "identity-mapping", "masters", "rbac", "after")
    assert up("as", USER, "--", "kubectl", "get", "nodes", "-o", "name").stdout.count("node/") == 3
    assert up("as", "dev-k8s", "--", "kubectl", "get", "pods", "-o", "name").stdout == "pod/dev-kubectl\n"
    assert up("as", "dev-k8s", "--", "kubectl", "get", "pods", "-n", "infra-team", code=1).stdout == ""
    up("stage", "rbac", "before")
    assert up.settings_file.read_text() == before


def test_a_failed_update_says_how_to_go_back(up: Lab):
    before = up.settings_file.read_text()
    etcd = [pid for pid, line, environment in running() if _is_api_server(up, line, environment)]
    for pid in etcd:
        os.kill(pid, signal.SIGSTOP)
    try:
        process = up.start("stage", "rbac", "after")
        until("the stage to be kept", lambda: _kept(up) == {"rbac": "after"})
        process.send_signal(signal.SIGINT)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=90)
    finally:
        for pid in etcd:
            os.kill(pid, signal.SIGCONT)
    assert process.returncode != 0
    assert "./lab stage rbac before goes back" in said
    up("stage", "rbac", "before")
    assert up.settings_file.read_text() == before
    assert set(up.json("preview")["counts"]) == {"same"}


def _kept(lab: Lab) -> dict[str, object]:
    """The stages that are laid over the settings file."""
    file = lab.world.with_name(f"{lab.world.name}.stages.json")
    return {key: one["stage"] for key, one in json.loads(file.read_text()).items()} if file.exists() else {}


def _is_api_server(lab: Lab, line: bytes, environment: bytes) -> bool:
    return b"kube-apiserver" in line.split(b"\0")[0] and str(lab.world).encode() in line + environment


def test_without_its_exercise_a_subject_does_not_exist(up: Lab, iam: Any):
    up("stage", "identity-mapping", "off", "rbac", "off")
    try:
        assert "./lab stage identity-mapping masters" in up("as", USER, "--", "id", code=3).stderr
        assert "./lab stage rbac before" in up("as", "dev-k8s", "--", "id", code=3).stderr
    finally:
        up("stage", "identity-mapping", "masters")
