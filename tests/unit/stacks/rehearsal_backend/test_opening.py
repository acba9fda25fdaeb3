"""The rehearsal that a command meets when it begins."""

import stat
from pathlib import Path
from threading import Event, Thread

import pytest
import yaml

from infra.config.loading import parse
from rehearsal import world as worlds
from rehearsal.toolchain import cache
from rehearsal.world import World
from stacks import takeover
from stacks.console import Progress
from stacks.errors import Failure
from stacks.rehearsal_backend import opening
from stacks.stack import Stack, parsed
from tests.unit.infra.config.config_cases import PUBLISHED, SEOUL

FRANKFURT = "eu-central-1"
DAMAGED = ["aws/credentials"]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A rehearsal that runs in Seoul."""
    world = World("id", 1, "http://127.0.0.1:1", "111122223333", SEOUL, tmp_path)
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path))
    monkeypatch.setattr(worlds, "attach", lambda: world)
    monkeypatch.setattr(World, "restore_operator", lambda _: DAMAGED)
    monkeypatch.setattr(opening, "_importing", Thread())
    monkeypatch.setattr(cache, "ensure", lambda _tell, _optional: Path("/nowhere"))
    return world


def stack(region: str) -> Stack:
    return Stack("rehearsal", Path("/nonexistent"), parse({}, region))


def test_a_running_rehearsal_is_joined(running: World):
    assert opening.begin(stack(SEOUL), Progress()) == (running, Path("/nowhere"), False)


@pytest.mark.usefixtures("running")
def test_a_damaged_key_of_the_operators_is_put_right_and_told(capsys: pytest.CaptureFixture[str]):
    opening.begin(stack(SEOUL), Progress())
    assert "the operator's AWS key was damaged; put right: aws/credentials" in capsys.readouterr().err


@pytest.mark.usefixtures("running")
def test_a_running_rehearsal_of_another_region_is_told_before_anything_is_asked():
    with pytest.raises(Failure, match=rf"runs in {SEOUL}, and aws:region says {FRANKFURT}\. Run \./lab down first"):
        opening.begin(stack(FRANKFURT), Progress())


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("settings", "to_run", "built"),
    [
        (PUBLISHED, True, ["external-dns"]),
        (PUBLISHED, False, []),
        ({}, True, []),
    ],
)
def test_external_dns_is_built_for_an_update_of_a_lab_with_a_domain(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, object], to_run: bool, built: list[str]
):
    asked: list[str] = []

    def ensure(_tell: object, optional: list[str]) -> Path:
        asked.extend(optional)
        return Path("/nowhere")

    monkeypatch.setattr(cache, "ensure", ensure)
    chosen = Stack("rehearsal", Path("/nonexistent"), parse(settings, SEOUL))
    opening.begin(chosen, Progress(), to_run=to_run)
    assert asked == built


def test_the_engine_gets_the_stages_that_are_laid_over_the_file(running: World, tmp_path: Path):
    file = tmp_path / "checkout" / "Pulumi.rehearsal.yaml"
    file.parent.mkdir()
    file.write_text("config:\n  aws:region: ap-northeast-2\n  myeks:exercises: {rbac: before, irsa: true}\n")
    given: list[Path] = []

    class Recorded:
        def __init__(self, *_: object, stack_file: Path, **__: object) -> None:
            given.append(stack_file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening.run, "RehearsalStack", Recorded)
        for stages in ({}, {"rbac": "after"}):
            opening.stack_in(running, Path("/nowhere"), parsed("rehearsal", file, file.read_text(), stages))
    own, laid_over = given
    assert own == file
    assert laid_over.name == file.name, "a stack's name is its file's"
    assert stat.S_IMODE(laid_over.stat().st_mode) == 0o600
    assert yaml.safe_load(laid_over.read_text())["config"] == {
        "aws:region": "ap-northeast-2",
        "myeks:exercises": {"rbac": "after", "irsa": True},
    }


def test_nothing_is_put_right_while_the_program_is_imported_by_another_thread(
    running: World, monkeypatch: pytest.MonkeyPatch
):
    """Two threads that import `requests` at a time met a module that was half made, and `up` ended with a trace."""
    go_on = Event()
    importing = Thread(target=go_on.wait, daemon=True)
    monkeypatch.setattr(opening, "_importing", importing)
    ended: list[bool] = []
    monkeypatch.setattr(takeover, "put_right", lambda *_, **__: ended.append(not importing.is_alive()))
    opening.begin(stack(SEOUL), Progress())
    opening.begin(stack(SEOUL), Progress())  # as `check --every-stage` does
    kept = opening.stack_in(running, Path("/nowhere"), stack(SEOUL))
    putting = Thread(target=kept._put_right, args=(kept, True))  # pyright: ignore[reportPrivateUsage]
    putting.start()
    putting.join(0.1)
    assert ended == []
    go_on.set()
    putting.join(10)
    assert ended == [True]
