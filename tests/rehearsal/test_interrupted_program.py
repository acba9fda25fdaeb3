"""A program runs in the process that asked for it: it has ended when a run has, however its engine ended."""

import threading
import time
from pathlib import Path

import pytest

from rehearsal.outcome import RunFailed
from rehearsal.stack import RehearsalStack
from rehearsal.toolchain.cache import ensure
from tests.rehearsal import plugin_aws_world


def test_a_run_that_is_interrupted_ends_with_its_program(tmp_path: Path):
    begun, ended = threading.Event(), threading.Event()

    def program() -> None:
        begun.set()
        time.sleep(3)
        ended.set()

    (tmp_path / "Pulumi.yaml").write_text("name: slow\nruntime: python\n")
    (tmp_path / "Pulumi.test.yaml").write_text("config:\n  aws:region: ap-northeast-2\n")
    with plugin_aws_world.running(tmp_path / "w") as world:
        made = RehearsalStack(
            world,
            ensure(lambda _: None),
            project_file=tmp_path / "Pulumi.yaml",
            stack_file=tmp_path / "Pulumi.test.yaml",
            program=program,
        )

        def interrupt() -> None:
            if begun.wait(60):
                made.engine.interrupt()
                made.engine.interrupt()

        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(RunFailed):
            made.preview()
        assert ended.is_set()
