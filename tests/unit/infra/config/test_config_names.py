"""Names that AWS would refuse in the middle of a build, or that would make another name impossible."""

import re

import pytest
from config_cases import CERTIFICATE, PUBLISHED, WITH_DOMAIN, keys, only, told
from hypothesis import given
from hypothesis import strategies as st

from infra.config.loading import parse
from infra.regions import SUPPORTED_REGIONS
from infra.versions import DEFAULT_KUBERNETES_VERSION, KUBERNETES_VERSIONS


@given(name=st.from_regex(r"[0-9A-Za-z][0-9A-Za-z-]{0,19}", fullmatch=True))
def test_names_of_letters_digits_and_hyphens_are_accepted(name: str):
    assert (told({"clusterName": name}) == ()) == (not name.startswith(("internal-", "sg-")))


@pytest.mark.parametrize("written", ["2026-11-24T21:30Z", "2000-01-01T00:00Z"])
def test_an_end_is_a_time_in_utc_even_when_it_has_passed(written: str):
    assert told({"expires": written}) == ()


@pytest.mark.parametrize(
    "written", ["tomorrow", "4h", "2026-11-24T21:30", "2026-11-24T21:30+09:00", "2026-13-01T00:00Z"]
)
def test_any_other_end_is_refused(written: str):
    assert only({"expires": written}).key == "myeks:expires"


@given(name=st.text(max_size=30))
def test_any_other_cluster_name_is_refused(name: str):
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z-]{0,19}", name, re.ASCII):
        assert only({"clusterName": name}).key == "myeks:clusterName"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "EKS"),
        ("-lab", "EKS"),
        ("my lab", "EKS"),
        ("lab\n", "EKS"),
        ("랩", "EKS"),
        ("a" * 101, "EKS"),
        ("a" * 21, "load balancer"),
        ("my_lab", "load balancer"),
        ("internal-lab", "load balancer"),
        ("sg-lab", "security group"),
    ],
)
def test_a_cluster_name_is_refused_for_its_reason(name: str, words: str):
    problem = only({"clusterName": name})
    assert problem.key == "myeks:clusterName"
    assert words in problem.what


@pytest.mark.parametrize("name", ["a" * 20, "my-lab-2", "9", "internal", "sg", "Lab-"])
def test_names_at_the_edge_are_accepted(name: str):
    assert told({"clusterName": name}) == ()


@pytest.mark.parametrize("version", ["1.31", "1.37", "1.3", "1.36.3", "v1.36", "", "latest"])
def test_a_version_that_eks_no_longer_or_not_yet_supports_is_refused(version: str):
    problem = only({"kubernetesVersion": version})
    assert problem.key == "myeks:kubernetesVersion"
    assert '"1.36", "1.35" or "1.34"' in problem.remedy


def test_the_supported_versions_are_accepted():
    assert DEFAULT_KUBERNETES_VERSION in KUBERNETES_VERSIONS
    for version in KUBERNETES_VERSIONS:
        assert told({"kubernetesVersion": version}) == ()


def test_the_supported_regions_are_accepted():
    for region in SUPPORTED_REGIONS:
        assert parse({}, region).region == region


@pytest.mark.parametrize(
    "given_",
    [set(), {"domain"}, {"hostedZoneId"}, {"certificateArn"}, {"domain", "hostedZoneId"}, set(WITH_DOMAIN)],
)
def test_the_three_domain_values_come_together_or_not_at_all(given_: set[str]):
    missing = [] if not given_ else [key for key in WITH_DOMAIN if key not in given_]
    assert keys({"operatorCidrs": ["203.0.113.10/32"], **{key: WITH_DOMAIN[key] for key in given_}}) == missing


NO_DOMAINS = """
example https://example.com *.example.com example.com. Example.com -a.com a..com example.com/ 192.168.0.1
"""


@pytest.mark.parametrize(
    "domain", [*NO_DOMAINS.split(), "a b.com", "a.com\n", "a" * 64 + ".com", ".".join(["abcdefgh"] * 28)]
)
def test_what_is_no_domain_is_refused(domain: str):
    assert only({**PUBLISHED, "domain": domain}).key == "myeks:domain"


@pytest.mark.parametrize("domain", ["example.com", "lab.example.co.kr", "xn--9d0b.kr", "1.example.com", "a-b.io"])
def test_domains_are_accepted(domain: str):
    assert told({**PUBLISHED, "domain": domain}) == ()


@pytest.mark.parametrize(
    ("zone", "remedy"),
    [
        ("/hostedzone/Z0123456789ABCDEFGHIJ", "Write Z0123456789ABCDEFGHIJ."),
        ("example.com", "the id alone"),
        ("z0123456789", "the id alone"),
        ("Z" + "0" * 32, "the id alone"),
    ],
)
def test_what_is_no_hosted_zone_id_is_refused(zone: str, remedy: str):
    problem = only({**PUBLISHED, "hostedZoneId": zone})
    assert problem.key == "myeks:hostedZoneId"
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    "arn",
    [
        "12345678-90ab-cdef-1234-567890abcdef",
        CERTIFICATE.replace("acm", "iam"),
        CERTIFICATE.replace("111122223333", "1111"),
        CERTIFICATE.replace("certificate/", "certificate/x"),
        CERTIFICATE + "\n",
    ],
)
def test_what_is_no_certificate_is_refused(arn: str):
    assert only({**PUBLISHED, "certificateArn": arn}).key == "myeks:certificateArn"


def test_a_certificate_of_another_region_is_refused():
    problem = only({**PUBLISHED, "certificateArn": CERTIFICATE.replace("ap-northeast-2", "us-east-1")})
    assert problem.key == "myeks:certificateArn"
    assert "us-east-1" in problem.what
    assert "ap-northeast-2" in problem.remedy


def test_the_certificate_is_not_compared_with_a_region_that_is_not_known():
    assert keys(PUBLISHED, None) == ["aws:region"]


@pytest.mark.parametrize("name", [" key", "key ", "k\ney", "열쇠", "k" * 256])
def test_what_no_key_pair_is_called_is_refused(name: str):
    assert only({"keyName": name}).key == "myeks:keyName"


@pytest.mark.parametrize(
    ("tags", "key"),
    [
        ({"aws:cost": "x"}, "tags.aws:cost"),
        ({"AWS:cost": "x"}, "tags.AWS:cost"),
        ({"Name": "x"}, "tags.Name"),
        ({"kubernetes.io/role/elb": "1"}, "tags.kubernetes.io/role/elb"),
        ({"": "x"}, "tags."),
        ({"k" * 129: "x"}, f"tags.{'k' * 129}"),
        ({"a;b": "x"}, "tags.a;b"),
        ({"a": "v" * 257}, "tags.a"),
        ({"a": "<"}, "tags.a"),
        ({"a": "one,b=two"}, "tags.a"),
        ({"a": "line\nline"}, "tags.a"),
        ({"a": "tab\ttab"}, "tags.a"),
        ({"a": "next\x85line"}, "tags.a"),
        ({"a\r": "b"}, "tags.a\r"),
        ({"team": "a", "Team": "b"}, "tags.Team"),
        ({f"k{at}": "v" for at in range(41)}, "tags"),
    ],
)
def test_tags_that_aws_or_the_lab_cannot_take_are_refused(tags: dict[str, str], key: str):
    assert only({"tags": tags}).key == f"myeks:{key}"


def test_tags_at_the_edge_are_accepted():
    tags = {
        "k" * 128: "v" * 256,
        "팀": "보안 1",
        "a.b:c/d=e+f-g@h": "",
        "colons: fine for AWS:": "cost: center:",
        **{f"k{at}": "v" for at in range(36)},
    }
    assert len(tags) == 40
    assert parse({"tags": tags}, "ap-northeast-2").tags == tags
