"""A running program reads its settings from the engine, all of them, and keeps the secret one secret."""

import json
from collections.abc import Callable, Mapping
from contextvars import copy_context

import pulumi
import pytest
from config_cases import WITH_DOMAIN
from pulumi.runtime import set_all_config

from infra.config.loading import ConfigError, LabConfig, from_pulumi, parse

REGION = {"aws:region": "ap-northeast-2"}


def in_program(settings: Mapping[str, str], secret_keys: list[str] | None = None) -> LabConfig:
    """The configuration of a program whose engine hands it these settings."""

    def program() -> LabConfig:
        set_all_config(dict(settings), secret_keys or [])
        return from_pulumi()

    # In a context of its own, so that no setting is left for another test.
    return copy_context().run(program)


def as_the_engine_hands(values: Mapping[str, object]) -> dict[str, str]:
    """Every value as text: scalars as they are, lists and maps as JSON."""
    return {f"myeks:{key}": one if isinstance(one, str) else json.dumps(one) for key, one in values.items()}


def test_the_program_sees_what_parse_sees():
    values: dict[str, object] = {
        "clusterName": "study",
        "natGateway": True,
        "kubernetesVersion": 1.35,
        "operatorCidrs": ["203.0.113.10/32"],
        "nodeGroup": {"desiredSize": 4, "prefixDelegation": False, "maxPods": 17},
        "tags": {"Owner": "me"},
        **WITH_DOMAIN,
    }
    assert in_program({**REGION, **as_the_engine_hands(values)}) == parse(values, "ap-northeast-2")


def test_settings_of_others_are_none_of_ours():
    assert in_program({**REGION, "aws:profile": "x", "myeksx:clusterName": "y", "other:zzz": "z"}) == LabConfig()


def test_an_unknown_key_ends_the_program_with_its_text_alone():
    with pytest.raises(ConfigError) as caught:
        in_program({"myeks:clusterNmae": "x", "myeks:natGateway": "yes"})
    assert [one.key for one in caught.value.problems] == [
        "aws:region",
        "myeks:natGateway",
        "myeks:clusterNmae",
    ]
    # The engine prints a RunError without a trace.
    assert isinstance(caught.value, pulumi.RunError)


def test_the_environment_is_read_where_the_sdk_reads_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({**REGION, "myeks:zzz": "1", "myeks:natGateway": "true"}))
    with pytest.raises(ConfigError, match="myeks:zzz"):
        in_program({})
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({**REGION, "myeks:natGateway": "true"}))
    assert in_program({}).nat_gateway


def test_the_password_stays_a_secret_encrypted_or_not():
    for secret_keys in ([], ["myeks:grafanaAdminPassword"]):
        config = in_program({**REGION, "myeks:grafanaAdminPassword": "hunter2-hunter2"}, secret_keys)
        assert config.grafana_admin_password is not None
        assert config.grafana_admin_password.get_secret_value() == "hunter2-hunter2"
        assert "hunter2" not in repr(config)


def test_a_secret_where_the_value_would_be_seen_is_refused_unseen():
    with pytest.raises(ConfigError, match="--secret") as caught:
        in_program({**REGION, "myeks:keyName": "hunter2 "}, ["myeks:keyName"])
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_advice_is_logged(monkeypatch: pytest.MonkeyPatch):
    warned: list[str] = []
    log: Callable[[str], None] = warned.append
    monkeypatch.setattr(pulumi.log, "warn", log)
    in_program({**REGION, "myeks:nodeGroup": '{"desiredSize": 1}', "myeks:operatorCidrs": '["203.0.113.10/32"]'})
    assert any("myeks:nodeGroup.desiredSize" in text for text in warned)
