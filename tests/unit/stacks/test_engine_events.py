"""The engine's events as a person sees them."""

from types import SimpleNamespace

import pytest
from pulumi import automation as auto

from cli.views.summary import counts
from stacks.console import Progress, duration
from stacks.engine_events import Watcher


def event(kind: str, op: str, urn: str, type_: str, *, planning: bool = False, **more: object) -> auto.EngineEvent:
    metadata = {"op": op, "urn": urn, "type": type_, "provider": "", **more}
    told = {"metadata": metadata, "planning": planning}
    return auto.EngineEvent.from_json({"sequence": 1, "timestamp": 1, kind: told})


URN = "urn:pulumi:rehearsal::myeks::eks:index:Cluster$aws:ec2/vpc:Vpc::lab"


def test_changes_are_listed_with_what_caused_them():
    watcher = Watcher(Progress(), "applying")
    diff = {"cidrBlock": {"diffKind": "update-replace", "inputDiff": True}}
    watcher(event("resourcePreEvent", "replace", URN, "aws:ec2/vpc:Vpc", detailedDiff=diff))
    watcher(event("resourcePreEvent", "same", URN + "2", "aws:ec2/vpc:Vpc"))
    watcher(event("resourcePreEvent", "create-replacement", URN, "aws:ec2/vpc:Vpc"))
    assert [(c.operation, c.type, c.name, c.properties) for c in watcher.changes] == [
        ("replace", "aws:Vpc", "lab", ("cidrBlock",))
    ]


def test_a_failure_is_told_at_once(capsys: pytest.CaptureFixture[str]):
    watcher = Watcher(Progress(), "applying")
    watcher(event("resourcePreEvent", "create", URN, "aws:ec2/vpc:Vpc"))
    watcher(event("resOpFailedEvent", "create", URN, "aws:ec2/vpc:Vpc"))
    assert "failed: create aws:Vpc lab" in capsys.readouterr().err


def test_a_warning_is_told_once_and_where_plugins_come_from_is_none(capsys: pytest.CaptureFixture[str]):
    watcher = Watcher(Progress(), "applying")
    for message in ("warning: using pulumi-resource-aws from $PATH at x", "no operator", "no operator"):
        told = {"message": message, "color": "never", "severity": "warning"}
        watcher(auto.EngineEvent.from_json({"sequence": 1, "timestamp": 1, "diagnosticEvent": told}))
    said = capsys.readouterr().err
    assert said.count("no operator") == 1
    assert "pulumi-resource" not in said


def test_progress_names_what_it_waits_for(monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    shown = Progress()
    monkeypatch.setattr(shown, "waiting", lambda text, _phase: said.append(text))
    watcher = Watcher(shown, "creating")
    watcher(event("resourcePreEvent", "create", URN, "aws:ec2/vpc:Vpc"))
    watcher(event("resOutputsEvent", "create", URN, "aws:ec2/vpc:Vpc"))
    assert said == ["creating: 0 done; now aws:Vpc lab", "creating: 1 done"]


@pytest.mark.parametrize(("planning", "word"), [(False, "created"), (True, "compared")])
def test_what_took_long_is_told_and_a_preview_made_nothing(planning: bool, word: str, monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    shown = Progress()
    monkeypatch.setattr(shown, "detail", said.append)
    watcher = Watcher(shown, "applying")
    clock = iter([10.0, 11.9])
    with monkeypatch.context() as patch:
        patch.setattr("stacks.engine_events.time", SimpleNamespace(monotonic=lambda: next(clock)))
        watcher(event("resourcePreEvent", "create", URN, "aws:ec2/vpc:Vpc", planning=planning))
        watcher(event("resOutputsEvent", "create", URN, "aws:ec2/vpc:Vpc", planning=planning))
    assert said == [f"aws:Vpc lab {word} in 1.9 s"]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3725, "1 h 2 min")])
def test_durations(seconds: float, text: str):
    assert duration(seconds) == text


def test_counts():
    assert counts({"create": 3, "same": 90}) == "3 created, 90 unchanged"
    assert counts({"replace": 1, "same": 2}, would=True) == "1 to replace, 2 unchanged"
    assert counts({}) == "no resources"
