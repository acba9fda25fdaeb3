"""The settings file after a change of stages: the change is in it, and nothing else has moved."""

import stat
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exercises.catalogue import EXERCISES, OFF
from grading.check import ExerciseName
from stacks import settings_file
from stacks.errors import BadInput
from stacks.files import replace_text
from stacks.settings_file import KEY, laid_over, with_stages
from stacks.stack import CHECKOUT, parsed

Stages = dict[ExerciseName, str]
SHIPPED = [CHECKOUT / "Pulumi.dev.yaml", CHECKOUT / "Pulumi.rehearsal.yaml"]

stages = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from((OFF, *one.stages)) for name, one in EXERCISES.items()}
).filter(bool)
SHOWN = [name for name, one in EXERCISES.items() if f"    {one.key}: " in SHIPPED[0].read_text()]
"""Those that the shipped files name."""
shown_stages = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from((OFF, *EXERCISES[name].stages)) for name in SHOWN}
).filter(bool)


def value_of(text: str) -> dict[str, object]:
    return yaml.safe_load(text)["config"][KEY]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
@settings(max_examples=30)
@given(there=shown_stages, back=shown_stages)
def test_only_the_values_of_a_shipped_file_change(file: Path, there: Stages, back: Stages):
    text = file.read_text()
    changed = with_stages(with_stages(text, there), back)
    wanted: Stages = {**there, **back}
    keys = {EXERCISES[name].key: stage for name, stage in wanted.items()}
    assert value_of(changed) == {**value_of(text), **keys}
    different = [(one, two) for one, two in zip(text.splitlines(), changed.splitlines(), strict=True) if one != two]
    for one, two in different:
        assert one.split("#")[1:] == two.split("#")[1:]
        assert one.split(":")[0] == two.split(":")[0]
        assert one.split(":")[0].strip() in keys
    # Every stage on the way back leaves the very file that was there.
    home: Stages = {
        name: stage if isinstance(stage := value_of(text)[EXERCISES[name].key], str) else ("on" if stage else OFF)
        for name in SHOWN
    }
    assert with_stages(changed, home) == text


LAYOUTS = {
    "nothing": "",
    "comments alone": "# mine",
    "no config": "encryptionsalt: v1:abc\n",
    "config without a value": "config:\n",
    "config that is empty": "config: {}\n",
    "config in flow style": "config: {aws:region: eu-west-1}\n",
    "no exercises": "config:\n  # where\n  aws:region: eu-west-1 # here\n  # tags\n  myeks:tags: {a: b}\n",
    "exercises without a value": "config:\n  aws:region: eu-west-1\n  myeks:exercises: # none yet\n",
    "exercises that are empty": "config:\n  aws:region: eu-west-1\n  myeks:exercises: {} # none yet\n",
    "exercises in flow style": 'config:\n  myeks:exercises: {rbac: "off", irsa: false} # two\n  myeks:tags: {}\n',
    "exercises as JSON text": 'config:\n  myeks:exercises: \'{"rbac": "off", "irsa": true}\'\n',
    "the other stages are missing": "config:\n  myeks:exercises:\n    # a\n    testuserBoundary: false # b\n# end\n",
    "a stage without a value": "config:\n  myeks:exercises:\n    rbac: # to be told\n    irsa:\n",
    "a stage in single quotes": "config:\n  myeks:exercises:\n    rbac: 'before'   # so\n",
    "off without quotes, which YAML reads as false": "config:\n  myeks:exercises:\n    rbac: off\n    irsa: no\n",
    "switches as text": 'config:\n  myeks:exercises:\n    irsa: "false"\n    podIdentity: "true"\n',
    "deep indentation": "config:\n      myeks:exercises:\n            rbac: before\n      myeks:tags: {}\n",
    "Windows line ends": "config:\r\n  aws:region: eu-west-1 # here\r\n  myeks:exercises:\r\n    irsa: true\r\n",
    "no line end": "config:\n  myeks:exercises:\n    rbac: before",
    "letters beyond ASCII": "# 보안 🔐\nconfig:\n  myeks:tags: {가: 나}\n  myeks:exercises:\n    rbac: before # 끝\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=30)
@given(wanted=stages)
def test_every_way_to_write_the_settings(layout: str, wanted: Stages):
    text = LAYOUTS[layout]
    changed = with_stages(text, wanted)
    keys = {EXERCISES[name].key: stage for name, stage in wanted.items()}
    before = yaml.safe_load(text) or {}
    config = before.get("config") or {}
    exercises = config.get(KEY) or {}
    exercises = yaml.safe_load(exercises) if isinstance(exercises, str) else exercises
    assert yaml.safe_load(changed) == {**before, "config": {**config, KEY: {**exercises, **keys}}}
    # What is not YAML's content is still there, in its order.
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    assert [line.partition("#")[2] for line in changed.splitlines() if "#" in line] == comments
    assert changed.count("\r\n") == (changed.count("\n") if "\r\n" in text else 0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rbac: 'before'   # so", "rbac: 'off'   # so"),
        ('rbac: "before"', 'rbac: "off"'),
        ("rbac: before", 'rbac: "off"'),  # which would be false without them
    ],
)
def test_a_text_keeps_its_quotes_and_off_has_some(before: str, after: str):
    around = "config:\n  myeks:exercises:\n    {}\n"
    assert with_stages(around.format(before), {"rbac": "off"}) == around.format(after)
    quote = after[6] if before != "rbac: before" else ""
    there = with_stages(around.format(before), {"rbac": "after"})
    assert f"rbac: {quote}after{quote}" in there


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  myeks:exercises: [rbac]\n",
        "config:\n  myeks:exercises: before\n",
        "{}\n",
        # The stage is shared with another setting, which would change too.
        "config:\n  myeks:clusterName: &x before\n  myeks:exercises:\n    rbac: *x\n",
        "config:\n  myeks:exercises:\n    rbac: |\n      before\n    irsa: true\n",
    ],
)
def test_what_cannot_be_changed_safely_is_refused(text: str):
    with pytest.raises(BadInput, match=r"by hand\. Write rbac: after there"):
        with_stages(text, {"rbac": "after"})


def test_what_is_no_yaml_is_refused():
    with pytest.raises(BadInput, match=r"The settings file, line 1: Expected the node content.* Fix it there\.$"):
        with_stages("config: [", {"rbac": "after"})


@pytest.mark.parametrize("text", ["config: [1]\n", "- 1\n", "text\n"])
def test_what_has_no_settings_is_refused(text: str):
    with pytest.raises(BadInput, match=r"has no mapping under config:"):
        with_stages(text, {"rbac": "after"})


def test_a_stage_is_moved_where_its_key_has_no_namespace():
    before = "config:\n  exercises: # mine\n    rbac: before\n"
    assert with_stages(before, {"rbac": "after"}) == before.replace("before", "after")


def test_a_file_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "real" / "Pulumi.dev.yaml"
    file.parent.mkdir()
    file.write_bytes(b"a: 1\r\n")
    file.chmod(0o640)
    link = tmp_path / "Pulumi.dev.yaml"
    link.symlink_to(file)
    replace_text(link, "a: 2\r\n")
    assert link.is_symlink()
    assert file.read_bytes() == b"a: 2\r\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_room)
    with pytest.raises(OSError, match="No space"):
        replace_text(link, "a: 3\n")
    assert file.read_bytes() == b"a: 2\r\n"
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_stages_laid_over_a_stack_leave_its_file_alone(tmp_path: Path):
    file = tmp_path / "Pulumi.rehearsal.yaml"
    text = (CHECKOUT / "Pulumi.rehearsal.yaml").read_text()
    file.write_text(text)
    stack = parsed("rehearsal", file, text)
    with laid_over(stack, {"identity-mapping": "entry", "irsa": "on"}) as meant:
        assert meant.file != file
        assert meant.file.name == file.name  # a stack's name is its file's
        assert stat.S_IMODE(meant.file.stat().st_mode) == 0o600
        assert stat.S_IMODE(meant.file.parent.stat().st_mode) == 0o700
        assert meant.config.exercises.stages()["identity-mapping"] == "entry"
        assert value_of(settings_file.read(meant.file))["irsa"] == "on"
        copy = meant.file
    assert not copy.exists()
    assert file.read_text() == text
    with laid_over(stack, {}) as meant:
        assert meant is stack
