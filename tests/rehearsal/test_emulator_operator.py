"""The operator's user, key and files, damaged in every way, and put right by the world's owner."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal.endpoint import WorldError
from rehearsal.world import World
from tests.rehearsal.played_emulator import REGION, Emulator, refused

ACCOUNT = "111122223333"
ARN = f"arn:aws:iam::{ACCOUNT}:user/operator"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("operator") / "world")
    yield running
    running.stop()


def world(emulator: Emulator) -> World:
    return World(emulator.id, emulator.process.pid, emulator.endpoint, ACCOUNT, REGION, emulator.dir)


def overwrite(file: Path) -> None:
    """What the note's `aws configure` does with another user's key."""
    file.write_text("[default]\naws_access_key_id = AKIAOFANOTHERUSER00\naws_secret_access_key = x\n")


def replace_by_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "x").touch()


def lead_away(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/null")


DAMAGE: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "nothing": (lambda _: None, []),
    "another's": (overwrite, ["aws/credentials"]),
    "missing": (Path.unlink, ["aws/credentials"]),
    "empty": (lambda file: file.write_text(""), ["aws/credentials"]),
    "no text": (lambda file: file.write_bytes(b"\xff\xfe"), ["aws/credentials"]),
    "unreadable": (lambda file: file.chmod(0), ["aws/credentials"]),
    "everybody's": (lambda file: file.chmod(0o644), ["aws/credentials"]),
    "a directory": (replace_by_directory, ["aws/credentials"]),
    "a link": (lead_away, ["aws/credentials"]),
    "the config": (lambda file: file.with_name("config").write_text("[default]\n"), ["aws/config"]),
    "both": (lambda file: shutil.rmtree(file.parent), ["aws/config", "aws/credentials"]),
    "a file in the directory's place": (
        lambda file: (shutil.rmtree(file.parent), file.parent.touch()),
        ["aws/config", "aws/credentials"],
    ),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGE.values(), ids=list(DAMAGE))
def test_damaged_files_are_written_again(emulator: Emulator, damage: Callable[[Path], object], told: list[str]) -> None:
    file = emulator.dir / "aws" / "credentials"
    before = file.read_text(), (emulator.dir / "aws" / "config").read_text()
    damage(file)
    assert world(emulator).restore_operator() == told
    assert (file.read_text(), (emulator.dir / "aws" / "config").read_text()) == before
    assert file.stat().st_mode & 0o077 == 0
    assert {each.name for each in file.parent.iterdir()} == {"config", "credentials"}
    assert emulator.client("sts").get_caller_identity()["Arn"] == ARN


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("damage", ["inactive", "deleted"])
def test_a_key_that_iam_does_not_take_any_more_is_replaced(emulator: Emulator, damage: str, others: int) -> None:
    emulator.read_credentials()
    iam, mine = emulator.client("iam", emulator.key, emulator.secret), emulator.key
    by_hand = [iam.create_access_key(UserName="operator")["AccessKey"]["AccessKeyId"] for _ in range(others)]
    if damage == "inactive":
        iam.update_access_key(UserName="operator", AccessKeyId=mine, Status="Inactive")
    else:
        iam.delete_access_key(UserName="operator", AccessKeyId=mine)
    refused(lambda: emulator.client("sts", mine, emulator.secret).get_caller_identity())
    assert world(emulator).restore_operator() == ["the access key", "aws/credentials"]
    emulator.read_credentials()
    assert emulator.key != mine
    new = emulator.client("iam", emulator.key, emulator.secret)
    listed = {each["AccessKeyId"] for each in new.list_access_keys(UserName="operator")["AccessKeyMetadata"]}
    assert listed == {emulator.key, *by_hand}
    for one in by_hand:
        new.delete_access_key(UserName="operator", AccessKeyId=one)


def test_a_user_without_rights_or_none_at_all_is_an_administrator_again(emulator: Emulator) -> None:
    emulator.read_credentials()
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam = emulator.client("iam", emulator.key, emulator.secret)
    iam.detach_user_policy(UserName="operator", PolicyArn=policy)
    assert refused(iam.list_users)[0] == "AccessDenied"
    assert world(emulator).restore_operator() == ["the IAM user's rights"]
    iam.delete_access_key(UserName="operator", AccessKeyId=emulator.key)
    assert world(emulator).restore_operator() == ["the access key", "aws/credentials"]
    emulator.read_credentials()
    iam = emulator.client("iam", emulator.key, emulator.secret)
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["operator"]


def test_who_has_not_the_worlds_secret_changes_nothing(emulator: Emulator) -> None:
    secret = emulator.dir / "secret"
    kept, file = secret.read_text(), emulator.dir / "aws" / "credentials"
    file.write_text("")
    secret.write_text("another")
    try:
        with pytest.raises(WorldError, match=r"cannot be put right: .*secret is missing or wrong.* down --force"):
            world(emulator).restore_operator()
        secret.unlink()
        with pytest.raises(WorldError, match=r"cannot be put right"):
            world(emulator).restore_operator()
        assert file.read_text() == ""
    finally:
        secret.write_text(kept)
        world(emulator).restore_operator()
    assert "aws_access_key_id" in file.read_text()
