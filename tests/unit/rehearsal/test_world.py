"""What a world tells its tools, and what it takes for a world."""

import json
from pathlib import Path

import pytest

from rehearsal import processes
from rehearsal import world as worlds
from rehearsal.endpoint import NotTheEmulator, WorldError, prove
from rehearsal.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World("id", 1, "http://127.0.0.1:1", "111122223333", "ap-northeast-2", tmp_path)


@pytest.fixture
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MYEKS_LAB_WORLD", str(tmp_path / "world"))
    return tmp_path / "world"


def test_tools_see_the_emulator_and_no_account_of_the_users(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_EKS", "AWS_CA_BUNDLE", "AWS_REGION")
    for name in mine:
        monkeypatch.setenv(name, "the user's")
    environment = world.env()
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "ap-northeast-2"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == str(world.dir / "aws" / "credentials")
    assert environment["MYEKS_REHEARSAL_WORLD"] == "id"
    assert {"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_EKS", "AWS_CA_BUNDLE"} <= world.unset()
    assert "AWS_SESSION_TOKEN" in world.unset()
    assert world.unset().isdisjoint(environment)


def test_a_world_that_a_shell_starts_has_nothing_of_who_is_in_the_shell() -> None:
    theirs = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_CONFIG_FILE": "/shell", "KUBECONFIG": "/shell", "LAB_AS_TOKEN": "t"}
    kept = {"PATH": "/bin", "MYEKS_LAB_WORLD": "/w"}
    assert worlds._without_a_caller({**theirs, **kept}) == kept  # pyright: ignore[reportPrivateUsage]  # starts nothing


def test_a_proxy_is_not_asked_for_the_emulator(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert "NO_PROXY" not in world.env()
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert world.env()["NO_PROXY"] == "example.com,127.0.0.1,localhost"


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "https://ec2.ap-northeast-2.amazonaws.com",
        "http://localhost:4566",
        "http://10.0.0.1:4566",
        "http://0.0.0.0:4566",
        "http://127.0.0.1",
        "https://127.0.0.1:4566",
        "http://127.0.0.1.example.com:4566",
        "http://127.0.0.1:port",
        "file:///etc/passwd",
    ],
)
def test_only_an_address_of_this_machine_can_be_the_emulators(endpoint: str) -> None:
    with pytest.raises(NotTheEmulator, match="is not a rehearsal's address on this machine"):
        prove(endpoint, "id")


def test_a_port_where_nobody_listens_is_not_the_emulator() -> None:
    with pytest.raises(NotTheEmulator, match="is not the rehearsal id"):
        prove("http://127.0.0.1:1", "id")
    with pytest.raises(NotTheEmulator):
        prove("http://127.0.0.1:1", "")


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "{",
        "[]",
        "{}",
        json.dumps({"id": "x", "pid": "none"}),
        # A process that is there and is no emulator: process ids are used again.
        json.dumps(
            {
                "id": "x",
                "pid": 1,
                "endpoint": "http://127.0.0.1:1",
                "account_id": "1",
                "region": "r",
            }
        ),
    ],
)
def test_what_a_dead_world_left_is_no_world_and_is_swept(own_world: Path, content: str | None) -> None:
    if content is not None:
        own_world.mkdir()
        (own_world / worlds.MARK).touch()
        (own_world / "world.json").write_text(content)
    assert worlds.attach() is None
    assert worlds.sweep() is (content is not None)
    assert not own_world.exists()
    assert worlds.sweep() is False


def test_a_directory_of_somebody_elses_is_never_removed(own_world: Path) -> None:
    own_world.mkdir()
    (own_world / "letters").write_text("dear")
    for begin in (worlds.sweep, lambda: worlds.sweep(force=True), lambda: worlds.start("ap-northeast-2", own_world)):
        with pytest.raises(WorldError, match=r"are not the rehearsal's\. Name another directory in MYEKS_LAB_WORLD"):
            begin()
    assert (own_world / "letters").read_text() == "dear"


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("python -m rehearsal.emulator.server --dir /w/world --region r --bin-dir /b", True),
        ("/cache/bin/etcd --data-dir=/w/world/clusters/myeks/etcd", True),
        ("/cache/bin/kube-apiserver --x=/w/world/clusters/myeks/pki/ca.crt", True),
        ("/cache/bin/etcd --data-dir=/w/world2/clusters/myeks/etcd", False),
        ("python -m rehearsal.emulator.server --dir /w/world2 --region r", False),
        ("less /w/world/log/emulator.log", False),
        ("/bin/sh -c ls /w/world/", False),
    ],
)
def test_only_the_rehearsals_own_programs_are_its_processes(
    monkeypatch: pytest.MonkeyPatch, line: str, ours: bool
) -> None:
    monkeypatch.setattr(processes, "_listed", lambda: [(4711, line)])
    assert (processes.working_in(Path("/w/world")) == [4711]) is ours


def test_who_joins_a_running_world_has_not_started_it(
    world: World, own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It may have come up between a look and the start: whoever takes it for its own would end it.
    monkeypatch.setattr(worlds, "attach", lambda: world)
    assert worlds.joined(world.region, Path("/nowhere")) == (world, False)
    with pytest.raises(WorldError, match=r"runs in ap-northeast-2, and aws:region says eu-west-1\. Run \./lab down"):
        worlds.joined("eu-west-1", Path("/nowhere"))
