"""The aws stand-in as a whole: it knows what the SDK knows, names what it does not, and works nowhere else."""

import importlib
import inspect
import json
import os

import pytest

from rehearsal.providers.aws import generate_schema
from rehearsal.providers.aws.boto_calls import partition
from rehearsal.providers.aws.functions import FUNCTIONS
from rehearsal.providers.aws.provider import RESOURCES, AwsProvider, prove_endpoint
from rehearsal.providers.aws.schema import FILE, schemas
from rehearsal.providers.properties import UNKNOWN, Properties
from rehearsal.providers.protocol import Context, InvalidPropertiesError, ProviderError, UnknownTokenError

ENDPOINT = "http://127.0.0.1:4566"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> AwsProvider:
    """Configured, without an emulator."""
    monkeypatch.setattr("rehearsal.providers.aws.provider.prove_endpoint", lambda: None)
    made = AwsProvider()
    made.configure(Context(), {"region": "ap-northeast-2"})
    return made


def test_the_schema_is_the_sdks():
    assert FILE.read_text() == generate_schema.text(), "run python -m rehearsal.providers.aws.generate_schema"


def test_every_type_of_the_schema_is_played_with_inputs_that_exist():
    assert {cls.pulumi_type for cls in RESOURCES} == schemas().keys()
    for cls in RESOURCES:
        schema = schemas()[cls.pulumi_type]
        assert cls.inputs.keys() <= schema.inputs.keys(), cls
        assert cls.recomputed.keys() <= schema.outputs.keys(), cls
        assert {name for names in cls.recomputed.values() for name in names} <= cls.inputs.keys(), cls
        if cls.autoname:
            assert cls.autoname.property in cls.inputs, cls
        assert set(schema.required) <= cls.inputs.keys() | {"region"}, cls


@pytest.mark.parametrize("token", sorted(FUNCTIONS))
def test_the_arguments_of_functions_are_the_sdks(token: str):
    module, _, name = token.removeprefix("aws:").partition("/")
    snake = "get_" + "".join(f"_{c.lower()}" if c.isupper() else c for c in name.rpartition(":")[2][3:]).lstrip("_")
    package = importlib.import_module("pulumi_aws" if module == "index" else f"pulumi_aws.{module}")
    known = set(inspect.signature(getattr(package, snake)).parameters) - {"opts"}
    ours = {_snake(argument) for argument in FUNCTIONS[token].arguments}
    assert ours - known == set()
    assert known - ours <= {"region", "tags", "filters"}


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def test_unknown_types_and_functions_are_named(provider: AwsProvider):
    with pytest.raises(UnknownTokenError, match="resource type aws:s3/bucket:Bucket"):
        provider.resource("aws:s3/bucket:Bucket")
    with pytest.raises(UnknownTokenError, match="function aws:ec2/getAmi:getAmi"):
        provider.invoke(Context(), "aws:ec2/getAmi:getAmi", {})


def test_unknown_and_missing_arguments_are_named(provider: AwsProvider):
    with pytest.raises(InvalidPropertiesError) as failure:
        provider.invoke(Context(), "aws:eks/getAddonVersion:getAddonVersion", {"addonName": "a", "noSuch": 1})
    assert {f.property for f in failure.value.failures} == {"noSuch", "kubernetesVersion"}


def test_what_needs_no_aws_is_answered_without_it(provider: AwsProvider):
    assert provider.invoke(Context(), "aws:index/getRegion:getRegion", {}) == {
        "id": "ap-northeast-2",
        "name": "ap-northeast-2",
        "region": "ap-northeast-2",
        "endpoint": "ec2.ap-northeast-2.amazonaws.com",
        "description": "Asia Pacific (Seoul)",
    }
    assert provider.invoke(Context(), "aws:index/getPartition:getPartition", {})["partition"] == "aws"
    assert [partition(r) for r in ("cn-north-1", "us-gov-west-1", "eu-west-1")] == ["aws-cn", "aws-us-gov", "aws"]


# -- configuration


def config(settings: Properties) -> Properties:
    return AwsProvider().check_config(Context(), None, settings)


def test_the_region_comes_from_the_setting_or_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert config({"region": "ap-northeast-2", "version": "7"})["region"] == "ap-northeast-2"
    assert config({})["region"] == "eu-west-1"
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(InvalidPropertiesError, match="region"):
        config({})


def test_settings_that_lead_elsewhere_or_are_unknown_are_refused():
    with pytest.raises(InvalidPropertiesError) as failure:
        config({"region": "a", "profile": "work", "accessKey": "AKIA", "endpoints": "[]", "noSuch": "1"})
    assert {f.property for f in failure.value.failures} == {"profile", "accessKey", "endpoints", "noSuch"}


def test_default_tags_travel_as_text(provider: AwsProvider):
    checked = config(
        {"region": "ap-northeast-2", "defaultTags": '{"tags": {"a": "b"}}', "skipRegionValidation": "true"}
    )
    assert json.loads(checked["defaultTags"]) == {"tags": {"a": "b"}}
    assert checked["skipRegionValidation"] is True
    provider.configure(Context(), checked)
    vpc = provider.resource("aws:ec2/vpc:Vpc")
    inputs = vpc.check(Context(), None, {"cidrBlock": "10.0.0.0/16"})
    assert vpc.preview(Context(preview=True), None, inputs)["tagsAll"] == {"a": "b"}
    with pytest.raises(InvalidPropertiesError, match=r"defaultTags\.noSuch"):
        config({"region": "a", "defaultTags": '{"noSuch": 1}'})


def test_another_region_replaces_the_provider():
    found = AwsProvider().diff_config(Context(), {"region": "a", "version": "1"}, {"region": "b", "version": "2"})
    assert [(c.name, c.replace) for c in found.changes] == [("region", True)]
    tags = AwsProvider().diff_config(Context(), {"region": "a"}, {"region": "a", "defaultTags": UNKNOWN})
    assert [(c.name, c.replace) for c in tags.changes] == [("defaultTags", False)]


# -- where it works


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith("AWS_") or name == "MYEKS_REHEARSAL_WORLD":
            monkeypatch.delenv(name)
    monkeypatch.setattr("rehearsal.endpoint.prove", lambda _endpoint, _world: None)
    return monkeypatch


@pytest.mark.parametrize(
    "endpoint",
    ["", "https://ec2.amazonaws.com", "http://localhost:4566", "http://10.0.0.1:4566", "https://127.0.0.1:4566", "x"],
)
def test_it_works_only_on_this_machines_loopback(environment: pytest.MonkeyPatch, endpoint: str):
    environment.setenv("AWS_ENDPOINT_URL", endpoint)
    environment.setenv("MYEKS_REHEARSAL_WORLD", "w")
    with pytest.raises(ProviderError, match="not the rehearsal's emulator"):
        prove_endpoint()


def test_it_works_only_in_a_named_world(environment: pytest.MonkeyPatch):
    environment.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    with pytest.raises(ProviderError, match="not the rehearsal's emulator"):
        prove_endpoint()
    environment.setenv("MYEKS_REHEARSAL_WORLD", "w")
    prove_endpoint()


def test_no_single_service_may_lead_elsewhere(environment: pytest.MonkeyPatch):
    environment.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    environment.setenv("MYEKS_REHEARSAL_WORLD", "w")
    environment.setenv("AWS_ENDPOINT_URL_EC2", "https://ec2.ap-northeast-2.amazonaws.com")
    with pytest.raises(ProviderError, match="AWS_ENDPOINT_URL_EC2"):
        prove_endpoint()


def test_another_world_is_refused_before_anything_is_handled(environment: pytest.MonkeyPatch):
    from rehearsal.endpoint import NotTheEmulator

    def not_it(endpoint: str, world: str) -> None:
        raise NotTheEmulator(f"{endpoint} is not {world}")

    environment.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    environment.setenv("MYEKS_REHEARSAL_WORLD", "w")
    environment.setattr("rehearsal.endpoint.prove", not_it)
    provider = AwsProvider()
    with pytest.raises(ProviderError, match=f"{ENDPOINT} is not w"):
        provider.configure(Context(), {"region": "ap-northeast-2"})
    with pytest.raises(ProviderError, match="not configured"):
        provider.resource("aws:ec2/vpc:Vpc")
