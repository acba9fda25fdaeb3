"""Address ranges: any layout that AWS takes is accepted, and every kind that it would refuse is refused."""

from ipaddress import IPv4Network
from random import Random

import pytest
from config_cases import PUBLISHED, WITH_DOMAIN, keys, only, told
from hypothesis import assume, given
from hypothesis import strategies as st

from infra.config.loading import OPS_VPC_CIDR, SERVICE_CIDR
from infra.config.rules.network import SMALLEST_FOR_NODES, network

OPS, SERVICES = IPv4Network(OPS_VPC_CIDR), IPv4Network(SERVICE_CIDR)
FORBIDDEN = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))


def networks(shortest: int, longest: int) -> st.SearchStrategy[IPv4Network]:
    """Any canonical range of these sizes."""
    return st.builds(
        lambda address, prefix: IPv4Network((address >> (32 - prefix) << (32 - prefix), prefix)),
        st.integers(0, 2**32 - 1),
        st.integers(shortest, longest),
    )


def vpcs(longest: int) -> st.SearchStrategy[IPv4Network]:
    """Any range that a VPC of the lab can have."""
    return networks(16, longest).filter(
        lambda vpc: not any(vpc.overlaps(other) for other in (OPS, SERVICES, *FORBIDDEN))
    )


def first_number(range_: IPv4Network, first: int) -> IPv4Network:
    """The range with another first number."""
    return IPv4Network((first << 24 | int(range_.network_address) & 0xFFFFFF, range_.prefixlen))


def six_of(vpc: IPv4Network, prefix: int, seed: int) -> list[str]:
    """Six different ranges of a size in a VPC."""
    count = 2 ** (prefix - vpc.prefixlen)
    step = 2 ** (32 - prefix)
    picked = Random(seed).sample(range(count), 6)  # noqa: S311  # no secret
    return [str(IPv4Network((int(vpc.network_address) + step * at, prefix))) for at in picked]


def layout(vpc: object, subnets: list[str]) -> dict[str, object]:
    return {"vpcCidr": str(vpc), "publicSubnetCidrs": subnets[:3], "privateSubnetCidrs": subnets[3:]}


@given(vpc=vpcs(23), data=st.data(), seed=st.integers())
def test_any_layout_that_aws_takes_is_accepted(vpc: IPv4Network, data: st.DataObject, seed: int):
    prefix = data.draw(st.integers(vpc.prefixlen + 3, SMALLEST_FOR_NODES))
    assert told(layout(vpc, six_of(vpc, prefix, seed))) == ()


@given(vpc=vpcs(25), seed=st.integers())
def test_the_smallest_subnets_are_accepted_without_prefix_delegation(vpc: IPv4Network, seed: int):
    values = layout(vpc, six_of(vpc, 28, seed))
    assert told({**values, "nodeGroup": {"prefixDelegation": False, "maxPods": 17}}) == ()


@given(vpc=vpcs(20), seed=st.integers(), one=st.integers(0, 5), other=st.integers(0, 5), halve=st.booleans())
def test_any_two_overlapping_subnets_are_refused(vpc: IPv4Network, seed: int, one: int, other: int, halve: bool):
    assume(one != other)
    subnets = six_of(vpc, 24, seed)
    inner = IPv4Network(subnets[one])
    subnets[other] = str(next(inner.subnets())) if halve else str(inner)
    lists = [f"publicSubnetCidrs[{at}]" for at in range(3)] + [f"privateSubnetCidrs[{at}]" for at in range(3)]
    assert keys(layout(vpc, subnets)) == [lists[max(one, other)]]


@given(vpc=vpcs(20), outside=networks(16, 26), seed=st.integers(), at=st.integers(0, 2))
def test_any_subnet_outside_the_vpc_is_refused(vpc: IPv4Network, outside: IPv4Network, seed: int, at: int):
    assume(not outside.overlaps(vpc))
    subnets = six_of(vpc, 24, seed)
    subnets[3 + at] = str(outside)
    problem = only(layout(vpc, subnets))
    assert problem.key == f"myeks:privateSubnetCidrs[{at}]"
    assert "outside the VPC" in problem.what
    assert str(vpc) in problem.remedy


@given(vpc=networks(0, 15) | networks(29, 32))
def test_a_vpc_of_another_size_is_refused(vpc: IPv4Network):
    assert "myeks:vpcCidr" in {problem.key for problem in told({"vpcCidr": str(vpc)}) if "size" in problem.what}


@given(text=st.text(max_size=20))
def test_only_canonical_ipv4_ranges_are_read(text: str):
    found = network(text)
    assert found is None or str(found) == text


@given(wanted=networks(0, 31), host=st.integers(1, 2**32))
def test_host_bits_are_refused_and_the_range_named(wanted: IPv4Network, host: int):
    address = wanted.network_address + 1 + host % (wanted.num_addresses - 1)
    text = f"{address}/{wanted.prefixlen}"
    assert network(text) is None
    problem = next(one for one in told({"operatorCidrs": [text]}) if one.key == "myeks:operatorCidrs[0]")
    assert problem.remedy == f"Write {wanted}."


@pytest.mark.parametrize(
    "vpc",
    ["172.20.0.0/16", "172.20.128.0/20", "10.100.0.0/16", "10.100.64.0/24", "127.0.0.0/16", "169.254.0.0/20"],
)
def test_a_vpc_that_meets_a_range_in_use_is_refused(vpc: str):
    subnets = six_of(IPv4Network(vpc), 28, 1)
    values = {**layout(vpc, subnets), "nodeGroup": {"prefixDelegation": False, "maxPods": 17}}
    assert only(values).key == "myeks:vpcCidr"


def test_without_the_ops_servers_the_lab_may_have_their_range():
    values = layout("172.20.0.0/16", six_of(IPv4Network("172.20.0.0/16"), 24, 1))
    assert keys(values) == ["vpcCidr"]
    assert told({**values, "opsServers": {"enabled": False}}) == ()


@pytest.mark.parametrize("key", ["publicSubnetCidrs", "privateSubnetCidrs"])
@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_there_are_exactly_three_subnets_of_each_kind(key: str, count: int):
    problem = only({key: [f"192.168.{100 + at}.0/24" for at in range(count)]})
    assert problem.key == f"myeks:{key}"
    assert "three" in problem.remedy


def test_a_default_subnet_outside_a_new_vpc_is_said_to_be_the_default():
    problem = told({"vpcCidr": "10.0.0.0/16"})[0]
    assert "192.168.1.0/24, the default," in problem.what


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("192.168.1.0", "Write 192.168.1.0/32 for this one address."),
        ("192.168.1.1/24", "Write 192.168.1.0/24."),
        ("192.168.1.0/255.255.255.0", "Write 192.168.1.0/24."),
        ("fd00::/64", "Write an IPv4 range."),
        ("192.168.1.0/33", "Write one like 192.168.1.0/24."),
        ("192.168.01.0/24", "Write one like 192.168.1.0/24."),
        (" 192.168.1.0/24", "Write one like 192.168.1.0/24."),
        ("", "Write one like 192.168.1.0/24."),
        ("0", "Write one like 192.168.1.0/24."),
    ],
)
@pytest.mark.parametrize("key", ["vpcCidr", "publicSubnetCidrs", "privateSubnetCidrs", "operatorCidrs"])
def test_what_is_not_a_canonical_ipv4_range_is_refused_with_what_to_write(key: str, text: str, remedy: str):
    rest = [] if key == "operatorCidrs" else ["192.168.101.0/24", "192.168.102.0/24"]
    problem = only({key: text if key == "vpcCidr" else [text, *rest]})
    assert problem.key == (f"myeks:{key}" if key == "vpcCidr" else f"myeks:{key}[0]")
    assert problem.remedy == remedy


@pytest.mark.parametrize("small", ["192.168.1.0/27", "192.168.1.0/28"])
def test_prefix_delegation_needs_subnets_with_a_free_block(small: str):
    values: dict[str, object] = {"publicSubnetCidrs": [small, "192.168.2.0/26", "192.168.3.0/24"]}
    assert "prefixDelegation" in only(values).remedy
    assert told({**values, "nodeGroup": {"prefixDelegation": False, "maxPods": 17}}) == ()


def test_the_load_balancer_of_the_pages_needs_more_than_the_smallest_subnet():
    values = {
        "publicSubnetCidrs": ["192.168.1.0/28", "192.168.2.0/27", "192.168.3.0/24"],
        "nodeGroup": {"prefixDelegation": False, "maxPods": 17},
    }
    assert told(values) == ()
    assert only({**values, **PUBLISHED}).key == "myeks:publicSubnetCidrs[0]"


@pytest.mark.parametrize("wide", ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/7"])
def test_an_operator_as_wide_as_the_internet_needs_consent(wide: str):
    problem = only({"operatorCidrs": ["203.0.113.10/32", wide]})
    assert problem.key == "myeks:operatorCidrs[1]"
    assert "allowAnyOperatorCidr" in problem.remedy
    assert told({"operatorCidrs": [wide], "allowAnyOperatorCidr": True}) == ()
    assert told({"operatorCidrs": [wide], "allowAnyOperatorCidr": False}) != ()


def test_pages_that_everybody_may_open_need_the_same_consent():
    problem = only({**WITH_DOMAIN})
    assert problem.key == "myeks:operatorCidrs"
    assert "Prometheus and kube-ops-view" in problem.what
    assert "allowAnyOperatorCidr" in problem.remedy
    assert told({**WITH_DOMAIN, "allowAnyOperatorCidr": True}) == ()
    assert told({**WITH_DOMAIN, "operatorCidrs": ["203.0.113.10/32"]}) == ()


def test_only_pages_that_are_published_need_it():
    assert "kube-ops-view" not in only({**WITH_DOMAIN, "kubeOpsView": False}).what
    assert "Prometheus" not in only({**WITH_DOMAIN, "monitoring": False}).what
    assert told({**WITH_DOMAIN, "monitoring": False, "kubeOpsView": False}) == ()
    assert told({}) == ()


def test_consent_that_cannot_be_read_is_no_consent_and_told_alone():
    assert keys({"operatorCidrs": ["0.0.0.0/0"], "allowAnyOperatorCidr": "yes"}) == ["allowAnyOperatorCidr"]


@pytest.mark.parametrize("everything", ["::/0", "2001:db8::1/128"])
def test_ipv6_operators_are_refused_even_with_consent(everything: str):
    assert "IPv6" in only({"operatorCidrs": [everything], "allowAnyOperatorCidr": True}).what


@pytest.mark.parametrize("private", ["10.0.0.0/8", "10.1.2.3/32", "172.31.0.0/16", "192.168.0.10/32", "127.0.0.1/32"])
def test_an_operator_whom_the_internet_cannot_see_is_refused(private: str):
    assert "private or reserved" in only({"operatorCidrs": [private]}).what


def test_operators_are_listed_once_and_not_without_end():
    assert only({"operatorCidrs": ["203.0.113.10/32", "203.0.113.10/32"]}).key == "myeks:operatorCidrs[1]"
    many = [f"203.0.113.{at}/32" for at in range(39)]
    assert only({"operatorCidrs": many}).key == "myeks:operatorCidrs"
    assert told({"operatorCidrs": many[:38]}) == ()
    assert "load balancer" in only({"operatorCidrs": many[:31], **WITH_DOMAIN}).what
    assert told({"operatorCidrs": many[:30], **WITH_DOMAIN}) == ()


# First numbers below which every address is public.
PUBLIC = st.sampled_from([8, 9, *range(11, 100), *range(101, 127), *range(128, 169), *range(193, 198)])


@given(operators=st.lists(st.builds(first_number, networks(8, 32), PUBLIC), max_size=38, unique=True))
def test_any_public_operators_are_accepted(operators: list[IPv4Network]):
    assert told({"operatorCidrs": [str(one) for one in operators]}) == ()
