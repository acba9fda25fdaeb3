"""Settings arrive in many guises, are read as Pulumi reads them, and every mistake is told in one go."""

from datetime import UTC, date, datetime

import pytest
from config_cases import SEOUL, WITH_DOMAIN, keys, only, told
from hypothesis import given
from hypothesis import strategies as st

from infra.config.loading import ConfigError, LabConfig, NodeGroup, advice, parse
from infra.config.model import GROUPS, keys_of


def test_nothing_set_gives_the_lab_of_the_note():
    config = parse({}, SEOUL)
    assert config == LabConfig()
    assert config.cluster_name == "myeks"
    assert config.kubernetes_version == "1.36"
    assert config.support_type == "STANDARD"
    assert config.vpc_cidr == "192.168.0.0/16"
    assert config.public_subnet_cidrs == ("192.168.1.0/24", "192.168.2.0/24", "192.168.3.0/24")
    assert config.private_subnet_cidrs == ("192.168.11.0/24", "192.168.12.0/24", "192.168.13.0/24")
    assert config.zones == ("ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c")
    group = config.node_group
    assert (group.min_size, group.desired_size, group.max_size) == (3, 3, 3)
    assert (group.instance_types, group.disk_size_gib, group.max_pods) == (("t3.medium",), 120, 100)
    assert group.prefix_delegation
    assert not config.nat_gateway
    assert config.domain is config.key_name is config.grafana_admin_password is None
    assert set(config.exercises.stages().values()) == {"off"}


def test_every_setting_can_be_given():
    config = parse(
        {
            "clusterName": "study",
            "kubernetesVersion": "1.35",
            "supportType": "EXTENDED",
            "vpcCidr": "10.0.0.0/20",
            "publicSubnetCidrs": ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"],
            "privateSubnetCidrs": ["10.0.8.0/24", "10.0.9.0/24", "10.0.10.0/24"],
            "natGateway": True,
            "operatorCidrs": ["203.0.113.10/32", "198.51.100.0/24"],
            "allowAnyOperatorCidr": False,
            "keyName": "my key",
            "nodeGroup": {
                "instanceTypes": ["m5.large", "m6i.large"],
                "minSize": 0,
                "desiredSize": 4,
                "maxSize": 6,
                "diskSizeGiB": 30,
                "maxPods": 29,
                "prefixDelegation": False,
                "capacityType": "SPOT",
            },
            "opsServers": {"enabled": False, "instanceType": "t3.micro"},
            **WITH_DOMAIN,
            "grafanaAdminPassword": "s3cret-s3cret",
            "monitoring": False,
            "kubeOpsView": False,
            "exercises": {
                "rbac": "after",
                "identityMapping": "entry",
                "irsa": True,
                "podIdentity": True,
                "testuserBoundary": False,
            },
            "expires": "2026-11-24T21:30Z",
            "tags": {"Owner": "me"},
        },
        SEOUL,
    )
    assert config.cluster_name == "study"
    assert config.support_type == "EXTENDED"
    assert config.operator_cidrs == ("203.0.113.10/32", "198.51.100.0/24")
    assert config.node_group.capacity_type == "SPOT"
    assert config.node_group.disk_size_gib == 30
    assert not config.ops_servers.enabled
    assert config.grafana_admin_password is not None
    assert config.grafana_admin_password.get_secret_value() == "s3cret-s3cret"
    assert config.exercises.stages()["identity-mapping"] == "entry"
    assert config.tags == {"Owner": "me"}
    assert config.expires_at == datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
    # Nothing was left at its default by a key that the model does not read.
    assert {name for name in LabConfig.model_fields if getattr(config, name) != getattr(LabConfig(), name)} == (
        set(LabConfig.model_fields) - {"region", "allow_any_operator_cidr"}
    )


@pytest.mark.parametrize("value", [True, "true", "True"])
def test_truth_is_read_as_pulumi_reads_it(value: object):
    assert parse({"natGateway": value}, SEOUL).nat_gateway is True


@pytest.mark.parametrize("value", ["yes", "on", "TRUE", "", "1", 1, 0, 3.5, [], {"a": 1}])
def test_what_pulumi_would_not_read_as_truth_is_refused(value: object):
    assert only({"natGateway": value}).key == "myeks:natGateway"


@pytest.mark.parametrize("value", [4, "4", "+4", 4.0])
def test_whole_numbers_are_read_as_pulumi_reads_them(value: object):
    assert parse({"nodeGroup": {"desiredSize": value}}, SEOUL).node_group.desired_size == 4


@pytest.mark.parametrize("value", [3.5, "3.5", "three", "", " 3", "3_0", "٣", True, [3], {}, "9" * 5000])
def test_what_is_no_whole_number_is_refused(value: object):
    problem = only({"nodeGroup": {"maxPods": value}})
    assert problem.key == "myeks:nodeGroup.maxPods"
    assert "whole number" in problem.what
    assert len(problem.what) < 120


def test_a_number_without_quotes_is_text_where_text_is_wanted():
    assert parse({"kubernetesVersion": 1.36}, SEOUL).kubernetes_version == "1.36"
    assert parse({"tags": {"Cost": 42, "Temporary": True}}, SEOUL).tags == {"Cost": "42", "Temporary": "true"}


def test_lists_and_maps_may_be_json_text_as_the_engine_hands_them():
    config = parse({"operatorCidrs": '["203.0.113.10/32"]', "nodeGroup": '{"desiredSize": 4}'}, SEOUL)
    assert config.operator_cidrs == ("203.0.113.10/32",)
    assert config.node_group.desired_size == 4


@pytest.mark.parametrize("group", [*GROUPS, "tags"])
@pytest.mark.parametrize("value", ["text", "[1]", ["a"], 3, True, ""])
def test_what_is_no_map_is_refused(group: str, value: object):
    problem = only({group: value})
    assert problem.key == f"myeks:{group}"
    assert "map" in problem.what


@pytest.mark.parametrize("value", ["203.0.113.10/32", '{"a": 1}', 3, {"a": 1}, False])
def test_what_is_no_list_is_refused(value: object):
    assert "list" in only({"operatorCidrs": value}).what


def test_null_and_the_empty_text_mean_not_set():
    unset = {
        "domain": "",
        "hostedZoneId": "",
        "certificateArn": "",
        "keyName": "",
        "grafanaAdminPassword": "",
    }
    assert parse(unset, SEOUL) == LabConfig()
    assert parse(dict.fromkeys(keys_of(LabConfig)), SEOUL) == LabConfig()
    assert parse({"nodeGroup": {"maxPods": None}}, SEOUL) == LabConfig()


def test_an_unquoted_off_is_off():
    # YAML 1.1, which Python's parser reads, takes it for false.
    config = parse({"exercises": {"rbac": False, "identityMapping": False}}, SEOUL)
    assert set(config.exercises.stages().values()) == {"off"}


@pytest.mark.parametrize(
    ("values", "key", "remedy"),
    [
        ({"clusterNmae": "x"}, "clusterNmae", "myeks:clusterName?"),
        ({"cluster_name": "x"}, "cluster_name", "myeks:clusterName?"),
        ({"CLUSTERNAME": "x"}, "CLUSTERNAME", "myeks:clusterName?"),
        ({"maxPods": 17}, "maxPods", "myeks:nodeGroup.maxPods?"),
        ({"region": "eu-west-1"}, "region", "aws:region?"),
        ({"nodeGroup": {"maxPod": 17}}, "nodeGroup.maxPod", "myeks:nodeGroup.maxPods?"),
        ({"nodeGroup": {"max_pods": 17}}, "nodeGroup.max_pods", "myeks:nodeGroup.maxPods?"),
        ({"nodeGroup": {"natGateway": True}}, "nodeGroup.natGateway", "myeks:natGateway?"),
        ({"exercises": {"rback": "off"}}, "exercises.rback", "myeks:exercises.rbac?"),
        ({"opsServers": {"zzz": 1}}, "opsServers.zzz", "enabled or instanceType"),
        ({"zzz": 1}, "zzz", "clusterName, kubernetesVersion"),
    ],
)
def test_an_unknown_key_is_refused_and_the_nearest_named(values: dict[str, object], key: str, remedy: str):
    problem = only(values)
    assert problem.key == f"myeks:{key}"
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"exercises": {"rbac": "on"}}, "off, before, after or least"),
        ({"exercises": {"identityMapping": "Masters"}}, "Write masters."),
        ({"nodeGroup": {"capacityType": "spot"}}, "Write SPOT."),
        ({"nodeGroup": {"capacityType": ["SPOT"]}}, "ON_DEMAND or SPOT"),
    ],
)
def test_a_word_that_is_none_of_the_choices_is_refused(values: dict[str, object], words: str):
    problem = only(values)
    assert words in f"{problem.what} {problem.remedy}"


def test_every_problem_is_told_at_once():
    bad: dict[str, object] = {
        "clusterName": "-x",
        "kubernetesVersion": "1.31",
        "vpcCidr": "172.20.0.0/16",
        "publicSubnetCidrs": ["172.20.1.0/24", "172.20.1.128/25", "10.9.0.0/24"],
        "privateSubnetCidrs": ["172.20.11.0/24", "172.20.12.0/24", "172.20.13.0/24"],
        "natGateway": "yes",
        "operatorCidrs": ["0.0.0.0/0"],
        "nodeGroup": {"minSize": 5, "maxSize": 2, "maxPods": 100, "prefixDelegation": False, "disk": 1},
        "domain": "example.com",
        "exercises": {"rbac": "later"},
        "tags": {"aws:x": "y"},
        "clusterNmae": "x",
    }
    assert keys(bad, "eu-nowhere-1") == [
        "aws:region",
        "clusterName",
        "kubernetesVersion",
        "vpcCidr",
        "publicSubnetCidrs[2]",
        "publicSubnetCidrs[1]",
        "natGateway",
        "operatorCidrs[0]",
        "nodeGroup.disk",
        "nodeGroup.minSize",
        "nodeGroup.maxPods",
        "hostedZoneId",
        "certificateArn",
        "exercises.rbac",
        "tags.aws:x",
        "clusterNmae",
    ]


def test_a_setting_that_cannot_be_read_silences_only_the_rules_that_need_it():
    found = keys({"vpcCidr": ["10.0.0.0/16"], "publicSubnetCidrs": ["x", "10.0.0.0/24", "10.0.0.0/25"]})
    assert found == ["vpcCidr", "publicSubnetCidrs[0]", "publicSubnetCidrs[2]"]
    assert keys({"nodeGroup": {"desiredSize": "x", "maxPods": 500}}) == [
        "nodeGroup.desiredSize",
        "nodeGroup.maxPods",
    ]


def test_the_text_for_the_user_names_key_problem_and_remedy():
    with pytest.raises(ConfigError) as caught:
        parse({"natGateway": "yes", "zzz": 1}, SEOUL)
    text = str(caught.value)
    assert text.startswith("The configuration has 2 problems:\n")
    for problem in caught.value.problems:
        assert problem.key in text
        assert problem.what in text
        assert problem.remedy in text


@pytest.mark.parametrize(
    ("region", "words"),
    [
        (None, "It is not set. Write `aws:region: ap-northeast-2`, or another region, into Pulumi.<stack>.yaml."),
        ("", "It is not set."),
        (3, "not a region's name"),
        ("eu-west1", "Did you mean eu-west-1?"),
        ("us-east-1", "differs by account"),
        ("ap-northeast-1", "zone b"),
        ("cn-north-1", "not a region with EKS"),
        ("me-south-1", "not a region with EKS"),
    ],
)
def test_a_region_without_three_sure_zones_is_refused(region: object, words: str):
    problem = only({}, region)
    assert problem.key == "aws:region"
    assert words in f"{problem.what} {problem.remedy}"
    assert "ap-northeast-2" in problem.remedy


def test_the_zones_follow_the_region():
    assert parse({}, "eu-west-1").zones == ("eu-west-1a", "eu-west-1b", "eu-west-1c")


def test_a_secret_is_shown_by_nothing():
    secret = "hunter2-hunter2"
    config = parse({"grafanaAdminPassword": secret}, SEOUL)
    assert secret not in repr(config)
    assert secret not in str(config)
    assert secret not in config.model_dump_json()
    for wrong in ([secret], {"value": secret}):
        with pytest.raises(ConfigError) as caught:
            parse({"grafanaAdminPassword": wrong}, SEOUL)
        assert secret not in str(caught.value)
        assert secret not in repr(caught.value)
        # What Python prints below "During handling of the above exception".
        assert secret not in repr(caught.value.__context__)


def test_an_encrypted_password_counts_as_set_and_anything_else_encrypted_is_refused():
    assert parse({"grafanaAdminPassword": {"secure": "v1:abc"}}, SEOUL).grafana_admin_password is not None
    assert "--secret" in only({"domain": {"secure": "v1:abc"}}).remedy
    assert keys({"nodeGroup": {"maxPods": {"secure": "v1:abc"}}}) == ["nodeGroup.maxPods"]
    with pytest.raises(ConfigError, match="--secret") as caught:
        parse({"keyName": "plain-again"}, SEOUL, secret_keys={"keyName"})
    assert "plain-again" not in str(caught.value)


@pytest.mark.parametrize("blank", [" ", "\t\n"])
def test_a_blank_password_is_refused(blank: str):
    assert only({"grafanaAdminPassword": blank}).key == "myeks:grafanaAdminPassword"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"keyName": "<YOUR-KEY-PAIR>"}, "keyName"),
        ({"operatorCidrs": ["203.0.113.10/32", "<YOUR-ADDRESS>/32"]}, "operatorCidrs[1]"),
        ({"operatorCidrs": r'["\u003cYOUR-ADDRESS\u003e/32"]'}, "operatorCidrs[0]"),
        ({"nodeGroup": {"instanceTypes": ["<TYPE>"]}}, "nodeGroup.instanceTypes[0]"),
        ({"tags": {"Owner": "<YOU>"}}, "tags.Owner"),
    ],
)
def test_a_placeholder_of_the_example_is_refused_as_such(values: dict[str, object], key: str):
    problem = only(values)
    assert problem.key == f"myeks:{key}"
    assert "placeholder" in problem.what


def test_the_model_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        LabConfig().cluster_name = "other"  # pyright: ignore[reportAttributeAccessIssue]  # what is tested


def test_advice_names_what_is_allowed_but_costs_or_surprises():
    calm = parse({"operatorCidrs": ["203.0.113.10/32"]}, SEOUL)
    assert advice(calm, date(2026, 11, 24)) == ()
    assert [one.key for one in advice(calm, date(2027, 7, 4))] == ["myeks:kubernetesVersion"]
    odd = parse({"kubernetesVersion": "1.34", "nodeGroup": {"desiredSize": 2}}, SEOUL)
    assert [one.key for one in advice(odd, date(2026, 11, 24))] == [
        "myeks:kubernetesVersion",
        "myeks:nodeGroup.desiredSize",
        "myeks:operatorCidrs",
    ]


def test_advice_says_what_the_end_of_standard_support_means():
    day = date(2027, 7, 4)
    (kept,) = advice(parse({"operatorCidrs": ["203.0.113.10/32"], "supportType": "EXTENDED"}, SEOUL), day)
    assert "0.60 USD" in kept.what
    (upgraded,) = advice(parse({"operatorCidrs": ["203.0.113.10/32"]}, SEOUL), day)
    assert "upgrades the cluster" in upgraded.what
    assert "0.60" not in upgraded.what


def test_a_tag_that_no_controller_can_be_given_is_told():
    tags = {"Project": "myeks", "Cost": "center: 7", "a=b": "c"}
    calm = parse({"operatorCidrs": ["203.0.113.10/32"], "tags": tags}, SEOUL)
    assert [one.key for one in advice(calm, date(2026, 11, 24))] == ["myeks:tags.Cost", "myeks:tags.a=b"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
SOME_KEY = st.sampled_from(keys_of(LabConfig)) | st.text(max_size=8)


@given(values=st.dictionaries(SOME_KEY, JSON, max_size=5), region=st.none() | st.just(SEOUL) | st.text())
def test_whatever_is_written_is_accepted_or_refused_in_words(values: dict[str, object], region: str | None):
    for problem in told(values, region):
        assert problem.key.startswith(("myeks:", "aws:region"))
        assert problem.what.strip()
        assert problem.remedy.strip()


@given(values=st.dictionaries(st.sampled_from(keys_of(NodeGroup)), JSON, max_size=4))
def test_whatever_is_written_below_a_group_is_accepted_or_refused_below_it(values: dict[str, object]):
    for problem in told({"nodeGroup": values}):
        assert problem.key.startswith("myeks:nodeGroup.")
