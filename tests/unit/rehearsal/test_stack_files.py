"""A settings file is read as the engine reads it, or refused with the line; the values are those of
`pulumi config --json` (3.259)."""

import pytest
import yaml

from rehearsal import stack_files


def read(config: str) -> dict[str, object]:
    text = "config:\n" + "".join(f"  {line}\n" for line in config.splitlines())
    return stack_files.stack_settings(text, "Pulumi.dev.yaml", "shop")["config"]


AS_THE_ENGINE = {
    "off": "off",
    "yes": "yes",
    "NO": "NO",
    "y": "y",
    "True": True,
    "FALSE": False,
    "~": None,
    "1.30": 1.3,
    '"1.30"': "1.30",
    "1:30": "1:30",
    "0777": 511,
    "0o17": 15,
    "0o8": "0o8",
    "08": 8.0,
    "-017": -15,
    "0x1F": 31,
    "0b11": 3,
    "1_000": 1000,
    "1e3": 1000.0,
    ".5": 0.5,
    "012345678901": 12345678901.0,
    "2026-1-2x": "2026-1-2x",
    "2026-11-24T21:30Z": "2026-11-24T21:30Z",
    "!!str 5": "5",
    "!!float 5": 5.0,
}


@pytest.mark.parametrize(("written", "value"), AS_THE_ENGINE.items())
def test_a_plain_value_has_the_engines_type(written: str, value: object):
    (found,) = read(f"shop:m: [{written}]").values()
    assert found == [value]
    assert type(found[0]) is type(value)  # pyright: ignore[reportIndexIssue, reportUnknownArgumentType]


def test_a_key_without_a_namespace_is_the_projects():
    assert read("name: other\naws:config:region: eu-west-1\nshop:b: 1") == {
        "shop:name": "other",
        "aws:region": "eu-west-1",
        "shop:b": 1,
    }


def test_nothing_is_the_empty_text_at_the_top_and_nothing_below():
    assert read("shop:a:\nshop:b: {c: }") == {"shop:a": "", "shop:b": {"c": None}}
    for text in ("", "# mine\n", "encryptionsalt: v1\n", "config:\n"):
        assert not stack_files.stack_settings(text, "Pulumi.dev.yaml", "shop").get("config")


def test_an_anchor_is_its_value_and_a_merged_key_gives_way():
    assert read("shop:a: &x {k: no, l: 1}\nshop:b: {<<: *x, l: 2}")["shop:b"] == {"k": "no", "l": 2}


REFUSED = {
    "shop:a: 1\nshop:b: 2\nshop:a: 3": (4, "shop:a stands in line 2 already"),
    "shop:m:\n  k: 1\n  'k': 2": (4, "k stands in line 3 already"),
    "shop:a: 1\na: 2": (3, "shop:a is set twice, here as a"),
    "shop:a: 1\nshop:config:a: 2": (3, "shop:a is set twice"),
    "a:b:c: 1": (2, "a:b:c is no key"),
    "shop:m:\n  1: x": (3, "The key 1 is not text"),
    "shop:d: 2026-11-24": (2, "A date is read as a moment"),
    "shop:n: .inf": (2, "does not keep the number .inf"),
    "shop:n: 99999999999999999999": (2, "does not keep the number"),
    "shop:t: !!binary aGk=": (2, "tag binary is not known"),
    "shop:a:\n\tb: 1": (3, "cannot start any token"),
    "shop:a: *nowhere": (2, "undefined alias"),
    "shop:a: [1": (3, "expected"),
}


@pytest.mark.parametrize(("config", "told"), REFUSED.items())
def test_what_the_engine_refuses_is_refused_with_its_line(config: str, told: tuple[int, str]):
    line, what = told
    with pytest.raises(stack_files.Refused) as refused:
        read(config)
    assert str(refused.value).startswith(f"Pulumi.dev.yaml, line {line}: ")
    assert what.casefold() in str(refused.value).casefold()


def test_settings_from_an_environment_of_pulumi_cloud_are_refused():
    text = "config:\n  shop:a: 1\nenvironment:\n  - theirs\n"
    with pytest.raises(stack_files.Refused, match=r"line 3: environment: takes settings from Pulumi Cloud"):
        stack_files.stack_settings(text, "Pulumi.dev.yaml", "shop")


def test_a_value_that_holds_itself_is_refused():
    with pytest.raises(stack_files.Refused, match="holds itself"):
        read("shop:a: &x [*x]")


def test_what_is_written_reads_the_same_by_other_rules_too():
    settings = {"config": {"shop:a": "no", "shop:b": "0o17", "shop:c": ["1e3", "2026-11-24"], "shop:d": {"on": True}}}
    text = stack_files.written(settings)
    assert yaml.safe_load(text) == settings
    assert stack_files.stack_settings(text, "Pulumi.dev.yaml", "shop") == settings


def test_the_project_gives_what_a_stack_leaves_out():
    config = {"a": {"type": "string", "default": "x"}, "aws:region": {"value": "r"}, "b": 2}
    assert stack_files.defaults({"name": "shop", "config": config}) == {"shop:a": "x", "aws:region": "r", "shop:b": 2}
    with pytest.raises(stack_files.Refused, match=r"^Pulumi\.yaml, line 2: "):
        stack_files.project_settings("name: shop\nname: x\n", "Pulumi.yaml")
