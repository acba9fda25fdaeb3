"""What is known of a resource before it exists, after an update, and when it is read."""

import pytest

from rehearsal.providers.aws.base import DEFAULTS, AwsResource
from rehearsal.providers.aws.boto_calls import Call
from rehearsal.providers.aws.schema import schemas
from rehearsal.providers.properties import UNKNOWN, Properties
from rehearsal.providers.protocol import Context, State
from tests.unit.rehearsal.plugin_aws_cases import CASES, TRUST, TRUST_AGAIN, Case
from tests.unit.rehearsal.plugin_aws_types import CTX, TYPES, check


@pytest.mark.parametrize("token", sorted(CASES))
def test_a_preview_has_every_output_of_the_sdk(token: str):
    resource = TYPES[token]
    inputs = check(resource, CASES[token].base)
    outputs = resource.preview(CTX, None, inputs)
    assert outputs.keys() == schemas()[token].outputs.keys()
    for name, value in inputs.items():
        if name not in (DEFAULTS, "region") and not resource.specs[name].partial:
            assert outputs[name] == value


def test_before_it_exists_only_what_aws_chooses_is_unknown():
    role = TYPES["aws:iam/role:Role"]
    outputs = role.preview(CTX, None, check(role, {"assumeRolePolicy": TRUST, "tags": {"a": "b"}}))
    unknown = {name for name, value in outputs.items() if value is UNKNOWN}
    assert unknown == {"arn", "createDate", "inlinePolicies", "managedPolicyArns", "namePrefix", "uniqueId"}
    assert outputs["description"] == ""
    assert outputs["tagsAll"] == {"a": "b"}


def test_an_update_keeps_what_it_does_not_touch():
    template = TYPES["aws:ec2/launchTemplate:LaunchTemplate"]
    old_inputs = check(template, {"userData": "YQ==", "updateDefaultVersion": True})
    outputs = {"arn": "arn:x", "latestVersion": 3, "defaultVersion": 3, "metadataOptions": {"httpTokens": "optional"}}
    new = check(template, {"userData": "Yg==", "updateDefaultVersion": True}, old_inputs)
    seen = template.preview(CTX, State("lt-1", old_inputs, outputs), new)
    assert (seen["arn"], seen["userData"]) == ("arn:x", "Yg==")
    assert seen["latestVersion"] is UNKNOWN
    assert seen["defaultVersion"] is UNKNOWN
    assert seen["metadataOptions"] == {"httpTokens": "optional"}
    kept = check(template, {"userData": "Yg=="}, old_inputs)
    assert template.preview(CTX, State("lt-1", old_inputs, outputs), kept)["defaultVersion"] == 3
    tags = check(template, {"userData": "YQ==", "updateDefaultVersion": True, "tags": {"a": "b"}}, old_inputs)
    assert template.preview(CTX, State("lt-1", old_inputs, outputs), tags)["latestVersion"] == 3


def test_a_partly_given_object_keeps_aws_choices_in_an_update():
    cluster = TYPES["aws:eks/cluster:Cluster"]
    base = CASES[cluster.pulumi_type].base
    old = State("c", check(cluster, base), {"vpcConfig": {**base["vpcConfig"], "clusterSecurityGroupId": "sg-1"}})
    changed = {**base, "vpcConfig": {**base["vpcConfig"], "publicAccessCidrs": ["192.168.0.0/16"]}}
    seen = cluster.preview(CTX, old, check(cluster, changed, old.inputs))
    assert seen["vpcConfig"]["clusterSecurityGroupId"] == "sg-1"
    assert seen["vpcConfig"]["publicAccessCidrs"] == ["192.168.0.0/16"]
    assert cluster.preview(CTX, None, check(cluster, base))["vpcConfig"] is UNKNOWN


def described(monkeypatch: pytest.MonkeyPatch, token: str, answer: Properties | None) -> AwsResource:
    resource = TYPES[token]

    def describe(_self: AwsResource, _call: Call) -> Properties | None:
        return answer

    monkeypatch.setattr(type(resource), "describe", describe)
    return resource


ROLE = {
    "name": "thing-0123456",
    "assumeRolePolicy": TRUST_AGAIN,
    "path": "/",
    "description": "",
    "maxSessionDuration": 3600,
    "permissionsBoundary": "",
    "arn": "arn:aws:iam::111122223333:role/thing-0123456",
    "tags": {"a": "b", "aws:made": "by AWS"},
}


def read(resource: AwsResource, inputs: Properties, outputs: Properties) -> State:
    state = resource.read(CTX, "id", State("id", inputs, outputs) if inputs else None)
    assert state is not None
    return state


def test_a_refresh_of_what_is_unchanged_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    role = described(monkeypatch, "aws:iam/role:Role", ROLE)
    inputs = {**check(role, {"assumeRolePolicy": TRUST, "tags": {"a": "b"}}), "name": "thing-0123456"}
    state = read(role, inputs, {"arn": "old"})
    assert state.inputs == inputs
    assert state.outputs.keys() == schemas()["aws:iam/role:Role"].outputs.keys()
    assert state.outputs["assumeRolePolicy"] == TRUST
    assert state.outputs["tagsAll"] == state.outputs["tags"] == {"a": "b"}
    assert role.diff(CTX, state, inputs).changes == []


def test_a_refresh_finds_what_somebody_changed_and_the_next_update_puts_it_right(monkeypatch: pytest.MonkeyPatch):
    role = described(monkeypatch, "aws:iam/role:Role", {**ROLE, "maxSessionDuration": 7200, "description": "theirs"})
    inputs = {**check(role, {"assumeRolePolicy": TRUST, "tags": {"a": "b"}}), "name": "thing-0123456"}
    state = read(role, inputs, {})
    assert (state.inputs["maxSessionDuration"], state.inputs["description"]) == (7200, "theirs")
    found = role.diff(CTX, state, inputs)
    assert {(c.name, c.kind) for c in found.changes} == {("maxSessionDuration", "update"), ("description", "delete")}


def test_an_import_has_complete_inputs_and_a_made_name_stays_made(monkeypatch: pytest.MonkeyPatch):
    role = described(monkeypatch, "aws:iam/role:Role", ROLE)
    state = read(role, {}, {})
    assert state.inputs == {
        "name": "thing-0123456",
        "assumeRolePolicy": TRUST_AGAIN,
        "path": "/",
        "maxSessionDuration": 3600,
        "tags": {"a": "b"},
        DEFAULTS: ["name"],
    }
    new = role.check(
        Context(name="thing", random_seed=b"x"), state.inputs, {"assumeRolePolicy": TRUST, "tags": {"a": "b"}}
    )
    assert role.diff(CTX, state, new).changes == []


def test_an_import_does_not_know_the_providers_own_switches(monkeypatch: pytest.MonkeyPatch):
    template = described(
        monkeypatch, "aws:ec2/launchTemplate:LaunchTemplate", {"name": "thing-0123456", "latestVersion": 1}
    )
    state = read(template, {}, {})
    new = check(template, {"namePrefix": "thing-", "updateDefaultVersion": True}, state.inputs)
    found = template.diff(CTX, state, new)
    assert {(c.name, c.replace) for c in found.changes} == {("updateDefaultVersion", False), ("namePrefix", False)}


def test_what_aws_adds_to_an_object_is_no_change(monkeypatch: pytest.MonkeyPatch):
    base = CASES["aws:eks/cluster:Cluster"].base
    seen = {**base["vpcConfig"], "endpointPublicAccess": True, "clusterSecurityGroupId": "sg-1", "vpcId": "vpc-1"}
    answer = {**base, "vpcConfig": seen, "accessConfig": {"authenticationMode": "API"}, "name": "thing-0123456"}
    cluster = described(monkeypatch, "aws:eks/cluster:Cluster", answer)
    imported = read(cluster, {}, {})
    assert imported.inputs["vpcConfig"] == seen
    assert [c.name for c in cluster.diff(CTX, imported, check(cluster, base, imported.inputs)).changes] == []
    refreshed = read(cluster, check(cluster, base, imported.inputs), {})
    assert refreshed.inputs["vpcConfig"] == base["vpcConfig"]
    assert refreshed.outputs["vpcConfig"] == seen


def test_what_is_gone_reads_as_nothing(monkeypatch: pytest.MonkeyPatch):
    role = described(monkeypatch, "aws:iam/role:Role", None)
    assert role.read(CTX, "id", None) is None


def test_a_case_names_only_inputs_of_its_type():
    for token, case in CASES.items():
        assert isinstance(case, Case)
        assert case.same.keys() <= TYPES[token].specs.keys()
