"""What several commands' tests share."""

from pathlib import Path

import pytest

from cli import pulumi_cli


@pytest.fixture
def pulumi_installed(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A machine that has pulumi, which nobody runs; a stack's last update went well."""
    program: Path = tmp_path_factory.mktemp("bin") / "pulumi"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(pulumi_cli, "last_update_failed", lambda _stack: False)
