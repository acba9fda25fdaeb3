"""Instances: sizes in their order, types that the lab's image boots on, and pods that get an address."""

import pytest
from config_cases import keys, only, told
from hypothesis import given
from hypothesis import strategies as st

from infra.config.loading import LabConfig, parse
from infra.config.rules.nodes import FEWEST_PODS
from infra.instance_types import INSTANCE_TYPES, is_arm

TYPES = st.sampled_from(sorted(INSTANCE_TYPES))


@pytest.mark.parametrize(
    ("name", "single", "prefixes"),
    [
        # From the list that AWS publishes with its CNI (eni-max-pods), and EKS's advice for prefixes.
        ("t3.nano", 4, 34),
        ("t3.small", 11, 110),
        ("t3a.small", 8, 98),
        ("t3.medium", 17, 110),
        ("t3.large", 35, 110),
        ("t3.xlarge", 58, 110),
        ("t2.medium", 17, 17),
        ("m5.large", 29, 110),
        ("m5.4xlarge", 234, 110),
        ("m5.8xlarge", 234, 250),
        ("c5.18xlarge", 737, 250),
        ("m7a.medium", 8, 98),
        ("m8i.large", 59, 110),
    ],
)
def test_how_many_pods_a_type_holds(name: str, single: int, prefixes: int):
    assert INSTANCE_TYPES[name].max_pods(prefix_delegation=False) == single
    assert INSTANCE_TYPES[name].max_pods(prefix_delegation=True) == prefixes


def test_a_hundred_pods_on_the_default_type_need_prefix_delegation():
    assert told({"nodeGroup": {"maxPods": 100}}) == ()
    problem = only({"nodeGroup": {"maxPods": 100, "prefixDelegation": False}})
    assert problem.key == "myeks:nodeGroup.maxPods"
    assert "t3.medium holds 17 without prefix delegation" in problem.what
    assert "myeks:nodeGroup.prefixDelegation" in problem.remedy
    assert told({"nodeGroup": {"maxPods": 17, "prefixDelegation": False}}) == ()
    assert keys({"nodeGroup": {"maxPods": 18, "prefixDelegation": False}}) == ["nodeGroup.maxPods"]


@given(
    types=st.lists(TYPES, min_size=1, max_size=5, unique=True),
    prefixes=st.booleans(),
    extra=st.integers(1, 500),
)
def test_as_many_pods_as_the_tightest_type_holds_and_no_more(types: list[str], prefixes: bool, extra: int):
    most = min(INSTANCE_TYPES[name].max_pods(prefixes) for name in types)
    group: dict[str, object] = {"instanceTypes": types, "prefixDelegation": prefixes}
    assert told({"nodeGroup": {**group, "maxPods": max(most, FEWEST_PODS)}}) == () or most < FEWEST_PODS
    assert only({"nodeGroup": {**group, "maxPods": max(most, FEWEST_PODS) + extra}}).key == "myeks:nodeGroup.maxPods"


def test_a_type_without_nitro_keeps_single_addresses():
    problem = only({"nodeGroup": {"instanceTypes": ["t2.medium"], "maxPods": 100}})
    assert "no Nitro" in problem.what
    assert "17 or less" in problem.remedy


@pytest.mark.parametrize("pods", [-1, 0, 7])
def test_too_few_pods_are_refused(pods: int):
    assert only({"nodeGroup": {"maxPods": pods}}).key == "myeks:nodeGroup.maxPods"


@pytest.mark.parametrize(
    "name",
    ["t4g.medium", "m7g.large", "c7gn.xlarge", "im4gn.large", "r8g.metal-24xl", "a1.large", "x2gd.medium"],
)
@pytest.mark.parametrize("where", ["nodeGroup", "opsServers"])
def test_arm_types_are_refused_as_such(name: str, where: str):
    given_ = {"instanceTypes": [name], "maxPods": 100} if where == "nodeGroup" else {"instanceType": name}
    problem = only({where: given_})
    assert problem.key.startswith(f"myeks:{where}.instanceType")
    assert "Arm" in problem.what


@pytest.mark.parametrize("name", ["g4dn.xlarge", "t3.huge", "medium", "", "T3.medium", "m5.metal"])
def test_types_that_are_not_known_are_refused(name: str):
    problem = only({"nodeGroup": {"instanceTypes": [name]}})
    assert problem.key == "myeks:nodeGroup.instanceTypes[0]"
    assert "t3" in problem.remedy


def test_a_misspelt_type_is_recognised():
    assert "Did you mean t3.medium?" in only({"opsServers": {"instanceType": "t3medium"}}).remedy


@given(name=TYPES)
def test_no_supported_type_is_arm(name: str):
    assert not is_arm(name)
    assert told({"opsServers": {"instanceType": name}}) == ()


def test_types_are_listed_once_and_at_least_one():
    assert only({"nodeGroup": {"instanceTypes": []}}).key == "myeks:nodeGroup.instanceTypes"
    assert only({"nodeGroup": {"instanceTypes": ["t3.medium"] * 2}}).key == "myeks:nodeGroup.instanceTypes[1]"
    assert "nodeGroup.instanceTypes" in keys({"nodeGroup": {"instanceTypes": sorted(INSTANCE_TYPES)[:21]}})


@given(sizes=st.tuples(*[st.integers(0, 450)] * 3))
def test_sizes_are_accepted_in_their_order_alone(sizes: tuple[int, int, int]):
    least, desired, most = sizes
    found = told({"nodeGroup": {"minSize": least, "desiredSize": desired, "maxSize": most}})
    assert (found == ()) == (least <= desired <= most and most >= 1)


@given(desired=st.integers(0, 450))
def test_the_desired_size_can_be_changed_alone(desired: int):
    group = parse({"nodeGroup": {"desiredSize": desired}}, "ap-northeast-2").node_group
    assert (group.min_size, group.desired_size, group.max_size) == (min(3, desired), desired, max(3, desired))


def test_set_bounds_are_kept_to():
    assert only({"nodeGroup": {"desiredSize": 4, "maxSize": 3}}).key == "myeks:nodeGroup.desiredSize"
    assert only({"nodeGroup": {"desiredSize": 2, "minSize": 3}}).key == "myeks:nodeGroup.desiredSize"


@pytest.mark.parametrize(
    ("sizes", "key"),
    [
        ({"minSize": -1}, "minSize"),
        ({"maxSize": 451}, "maxSize"),
        ({"minSize": 0, "desiredSize": 0, "maxSize": 0}, "maxSize"),
        ({"minSize": 4, "maxSize": 3}, "minSize"),
    ],
)
def test_sizes_outside_the_possible_are_refused(sizes: dict[str, int], key: str):
    assert only({"nodeGroup": sizes}).key == f"myeks:nodeGroup.{key}"


@pytest.mark.parametrize(("size", "fits"), [(-1, False), (19, False), (20, True), (16384, True), (16385, False)])
def test_disks_from_20_to_16384_gib(size: int, fits: bool):
    assert (told({"nodeGroup": {"diskSizeGiB": size}}) == ()) == fits


def test_the_defaults_fit_themselves():
    assert LabConfig().ops_servers.instance_type in INSTANCE_TYPES
    assert told({}) == ()
