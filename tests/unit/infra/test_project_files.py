"""The project's files say what the model says, and the example is an AWS stack after its three edits."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from infra.config.loading import ConfigError, LabConfig, parse
from infra.config.model import GROUPS, keys_of
from stacks.aws_lab import FORGET_WITH_CLUSTER
from tests.unit.infra.config.config_cases import CERTIFICATE

ROOT = Path(__file__).parents[3]
STACKS = ("dev", "rehearsal")
KINDS = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object", type(None): "string"}


def read(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load((ROOT / name).read_text()))


def settings(text: str) -> tuple[dict[str, Any], str]:
    """The lab's settings and the region in a stack's file."""
    config = cast("dict[str, Any]", yaml.safe_load(text)["config"])
    ours = {key.removeprefix("myeks:"): value for key, value in config.items() if key.startswith("myeks:")}
    assert len(ours) == len(config) - 1, "a key of another namespace than myeks, beside aws:region"
    return ours, config["aws:region"]


PROJECT = read("Pulumi.yaml")
SCHEMA = cast("dict[str, dict[str, Any]]", PROJECT["config"])
DEFAULTS = LabConfig().model_dump(mode="json", by_alias=True, exclude={"region", "grafana_admin_password"})


def test_the_project_is_a_python_program_in_the_checkouts_own_environment():
    assert PROJECT["name"] == "myeks"
    assert PROJECT["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}
    assert PROJECT["main"] == "."


def test_pulumi_install_takes_the_checkouts_requirements_at_the_versions_of_the_tests():
    """By this toolchain it runs `pip install -r requirements.txt` beside Pulumi.yaml (its sdk/python/toolchain)."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    assert "-c constraints.txt" in lines
    # pip reads a name's "_" as "-".
    held = set((ROOT / "constraints.txt").read_text().lower().replace("_", "-").splitlines())
    wanted = [line.lower().replace("_", "-") for line in lines if "==" in line]
    assert {"pulumi==3.259.0", "pulumi-aws==7.51.1", "pulumi-eks==4.4.0", "pulumi-kubernetes==4.34.2"} <= set(wanted)
    assert set(wanted) <= held


README = (ROOT / "README.md").read_text()


def test_on_aws_begins_with_plain_pulumi():
    section = README.partition("## On AWS\n")[2].partition("\n## ")[0]
    places = [section.index(f"\npulumi {verb}") for verb in ("install", "stack init dev", "up", "destroy")]
    assert places == sorted(places)
    assert places[-1] < section.index("./lab")


def test_the_docs_say_how_a_lab_whose_cluster_is_gone_is_destroyed():
    ((name, value),) = FORGET_WITH_CLUSTER.items()
    assert f"{name}={value} pulumi destroy --refresh" in (ROOT / "docs" / "aws.md").read_text()


def test_the_schema_has_every_setting_and_no_other():
    assert tuple(SCHEMA) == keys_of(LabConfig)


@pytest.mark.parametrize("key", keys_of(LabConfig))
def test_the_schema_gives_type_default_and_meaning(key: str):
    declared, default = SCHEMA[key], DEFAULTS.get(key)
    assert declared["type"] == KINDS[type(default)]
    # The engine requires a key without default of every stack, and a secret one that is encrypted.
    # A list of all exercises would be a second one beside the catalogue.
    assert declared["default"] == ({} if key == "exercises" else "" if default is None else default)
    assert "secret" not in declared
    assert len(declared["description"]) > 10
    if declared["type"] == "array":
        assert declared["items"] == {"type": "string"}


def test_the_schemas_own_defaults_are_accepted():
    assert parse({key: declared["default"] for key, declared in SCHEMA.items()}, "ap-northeast-2") == LabConfig()


def test_both_stacks_have_the_same_settings():
    dev, rehearsal = (settings((ROOT / f"Pulumi.{stack}.yaml").read_text())[0] for stack in STACKS)
    assert dev.keys() == rehearsal.keys()
    for group in GROUPS:
        assert dev[group].keys() == rehearsal[group].keys()
    # Everything that a reader may want to change is there to be changed.
    assert set(keys_of(LabConfig)) - dev.keys() == {"allowAnyOperatorCidr", "expires", "grafanaAdminPassword"}


def test_the_rehearsals_stack_is_accepted():
    config = parse(*settings((ROOT / "Pulumi.rehearsal.yaml").read_text()))
    assert config.region == "ap-northeast-2"
    assert config.domain is None
    assert config.node_group == LabConfig().node_group


DEV = (ROOT / "Pulumi.dev.yaml").read_text()
EDITS = {
    "<YOUR-ADDRESS>": "203.0.113.10",
    "<YOUR-KEY-PAIR>": "my-key",
    "<YOUR-DOMAIN>": "example.com",
    "<YOUR-HOSTED-ZONE-ID>": "Z0123456789ABCDEFGHIJ",
    "<YOUR-CERTIFICATE-ARN>": CERTIFICATE,
}


def test_the_example_as_it_is_names_its_edits_and_nothing_else():
    with pytest.raises(ConfigError) as caught:
        parse(*settings(DEV))
    assert [problem.key for problem in caught.value.problems] == [
        "myeks:operatorCidrs[0]",
        "myeks:keyName",
        "myeks:domain",
        "myeks:hostedZoneId",
        "myeks:certificateArn",
    ]
    assert all("placeholder" in problem.what for problem in caught.value.problems)


def test_the_example_is_a_stack_after_three_commented_edits():
    assert re.findall(r"# Edit (\d):", DEV) == ["1", "2", "3"]
    text = DEV
    for placeholder, value in EDITS.items():
        assert text.count(placeholder) == 1
        text = text.replace(placeholder, value)
    assert "<" not in text
    config = parse(*settings(text))
    assert config.operator_cidrs == ("203.0.113.10/32",)
    assert config.key_name == "my-key"
    assert (config.domain, config.hosted_zone_id) == ("example.com", "Z0123456789ABCDEFGHIJ")


def test_the_example_is_a_stack_without_a_domain_too():
    text = DEV
    for placeholder, value in EDITS.items():
        if "DOMAIN" in placeholder or "ZONE" in placeholder or "CERTIFICATE" in placeholder:
            text = re.sub(rf"^.*{placeholder}\n", "", text, flags=re.MULTILINE)
        else:
            text = text.replace(placeholder, value)
    assert parse(*settings(text)).domain is None
