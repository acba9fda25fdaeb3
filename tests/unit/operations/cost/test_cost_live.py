"""AWS's own prices, by stubbed clients that answer in the form of the API; no network.

botocore checks both what is asked and what is answered against its model of the API.
"""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from infra.instance_types import INSTANCE_TYPES
from operations.cost.prices import price_list_api
from operations.cost.prices.model import UNITS, Item, Key, Source
from operations.cost.prices.price_list_api import PRODUCTS, ask, product

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SEOUL = "ap-northeast-2"
ZONES = ("ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c")

Stubs = dict[str, Stubber]


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    """Made once: a new session reads the whole model of EC2."""
    session: Any = boto3.Session("test", "test", region_name=SEOUL)
    return {"pricing": session.client("pricing", region_name="us-east-1"), "ec2": session.client("ec2")}


@pytest.fixture
def stubs(clients: dict[str, Any]) -> Iterator[Stubs]:
    made = {service: Stubber(client) for service, client in clients.items()}
    for stub in made.values():
        stub.activate()
    yield made
    for stub in made.values():
        stub.deactivate()
    for stub in made.values():
        stub.assert_no_pending_responses()


def asked(stubs: Stubs, *keys: Key) -> price_list_api.Answers:
    client: Callable[[str], Any] = lambda service: stubs[service].client  # noqa: E731
    return ask(keys, SEOUL, ZONES, client, NOW, workers=1)


def entry(usage: str, usd: str, unit: str, *, begin: str = "0", family: str = "Compute Instance") -> dict[str, Any]:
    """An entry of the price list, as AWS documents it: product, terms, price dimensions."""
    term, rate = "JRTCKXETXF", "6YS6EN2CT7"
    return {
        "product": {
            "productFamily": family,
            "attributes": {"regionCode": SEOUL, "locationType": "AWS Region", "usagetype": usage},
            "sku": "SKU1",
        },
        "serviceCode": "AmazonEC2",
        "terms": {
            "OnDemand": {
                f"SKU1.{term}": {
                    "priceDimensions": {
                        f"SKU1.{term}.{rate}": {
                            "unit": unit,
                            "beginRange": begin,
                            "endRange": "Inf",
                            "description": f"${usd} per {unit}",
                            "appliesTo": [],
                            "rateCode": f"SKU1.{term}.{rate}",
                            "pricePerUnit": {"USD": usd},
                        }
                    },
                    "sku": "SKU1",
                    "effectiveDate": "2026-11-01T00:00:00Z",
                    "offerTermCode": term,
                    "termAttributes": {},
                }
            }
        },
        "version": "20261101000000",
        "publicationDate": "2026-11-01T00:00:00Z",
    }


def listed(*entries: dict[str, Any] | str, token: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = {
        "FormatVersion": "aws_v1",
        "PriceList": [one if isinstance(one, str) else json.dumps(one) for one in entries],
    }
    return {**answer, "NextToken": token} if token else answer


def request(key: Key, token: str = "") -> dict[str, Any]:
    sought = product(key)
    wanted = {"regionCode": SEOUL, **sought.filters}
    asked_for: dict[str, Any] = {
        "ServiceCode": sought.service,
        "Filters": [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()],
        "FormatVersion": "aws_v1",
        "MaxResults": 100,
    }
    return {**asked_for, "NextToken": token} if token else asked_for


def told(stubs: Stubs, key: Key, *entries: dict[str, Any] | str) -> price_list_api.Answers:
    stubs["pricing"].add_response("get_products", listed(*entries), request(key))
    return asked(stubs, key)


# Item → usage type, price and unit as the list has them for Seoul; USD in our unit.
LISTED = {
    Key(Item.CONTROL_PLANE): ("APN2-AmazonEKS-Hours:perCluster", "0.1000000000", "Hours", 0.10),
    Key(Item.EXTENDED_SUPPORT): ("APN2-AmazonEKS-Hours:extendedSupport", "0.5000000000", "Hours", 0.50),
    Key(Item.INSTANCE, "t3.medium"): ("APN2-BoxUsage:t3.medium", "0.0520000000", "Hrs", 0.052),
    Key(Item.GP3_STORAGE): ("APN2-EBS:VolumeUsage.gp3", "0.0912000000", "GB-Mo", 0.0912),
    Key(Item.GP3_IOPS): ("APN2-EBS:VolumeP-IOPS.gp3", "0.0060000000", "IOPS-Mo", 0.006),
    Key(Item.GP3_THROUGHPUT): ("APN2-EBS:VolumeP-Throughput.gp3", "49.1520000000", "GiBps-mo", 0.048),
    Key(Item.PUBLIC_IPV4): ("APN2-PublicIPv4:InUseAddress", "0.0050000000", "Hrs", 0.005),
    Key(Item.LOAD_BALANCER): ("APN2-LoadBalancerUsage", "0.0225000000", "Hrs", 0.0225),
    Key(Item.LOAD_BALANCER_CAPACITY): ("APN2-LCUUsage", "0.0080000000", "LCU-Hrs", 0.008),
    Key(Item.NAT_GATEWAY): ("APN2-NatGateway-Hours", "0.0590000000", "Hrs", 0.059),
    Key(Item.KMS_KEY): ("ap-northeast-2-KMS-Keys", "1.0000000000", "Keys", 1.0),
    Key(Item.LOG_INGESTION): ("APN2-VendedLog-Bytes", "0.7600000000", "GB", 0.76),
    Key(Item.LOG_STORAGE): ("APN2-TimedStorage-ByteHrs", "0.0314000000", "GB-Mo", 0.0314),
    Key(Item.SECRET): ("APN2-AWSSecretsManager-Secret", "0.4000000000", "Secrets", 0.4),
}


@pytest.mark.parametrize("key", LISTED, ids=str)
def test_each_item_is_found_in_the_list(stubs: Stubs, key: Key):
    usage, usd, unit, expected = LISTED[key]
    price = told(stubs, key, entry(usage, usd, unit)).prices[key]
    assert price.usd == pytest.approx(expected)
    assert (price.source, price.seen) == (Source.LIVE, NOW.date())
    assert price.page.startswith("https://aws.amazon.com/")


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        ("USE1-AWSSecretsManager-Secrets", 0.4),
        ("AWSSecretsManager-Secrets", 0.4),
        ("APN2-AWSSecretsManagerAPIRequest", None),
    ],
)
def test_a_secret_is_called_otherwise_in_other_regions(stubs: Stubs, usage: str, usd: float | None):
    key = Key(Item.SECRET)
    price = told(stubs, key, entry(usage, "0.4000000000", "Secrets")).prices.get(key)
    assert (price and price.usd) == usd


def test_every_item_can_be_asked_for():
    assert {key.item for key in LISTED} == set(Item) - {Item.SPOT_INSTANCE}
    assert set(PRODUCTS) | {Item.INSTANCE, Item.SPOT_INSTANCE} == set(Item) == set(UNITS)
    assert all(product(Key(Item.INSTANCE, name)).filters["instanceType"] == name for name in INSTANCE_TYPES)


def test_an_instance_is_asked_for_by_everything_that_makes_its_price(stubs: Stubs):
    """Written out, because `request` takes the filters from where the code has them."""
    key = Key(Item.INSTANCE, "t3.medium")
    filters = {f["Field"]: f["Value"] for f in request(key)["Filters"]}
    assert filters == {
        "regionCode": SEOUL,
        "instanceType": "t3.medium",
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "licenseModel": "No License required",
    }


@pytest.mark.parametrize(
    ("key", "neighbour", "usd", "unit"),
    [
        (Key(Item.NAT_GATEWAY), "APN2-NatGateway-Bytes", "0.0590000000", "GB"),
        (Key(Item.NAT_GATEWAY), "APN2-RegionalNatGateway-Hours", "0.1770000000", "Hrs"),
        (Key(Item.PUBLIC_IPV4), "APN2-PublicIPv4:IdleAddress", "0.0040000000", "Hrs"),
        (Key(Item.LOAD_BALANCER), "APN2-Outposts-LoadBalancerUsage", "0.0300000000", "Hrs"),
        (Key(Item.LOAD_BALANCER), "APN2-LCUUsage", "0.0080000000", "LCU-Hrs"),
        (Key(Item.LOAD_BALANCER_CAPACITY), "APN2-ReservedLCUUsage", "0.0070000000", "LCU-Hrs"),
        (Key(Item.CONTROL_PLANE), "APN2-AmazonEKS-Local-Outposts-Hours:perCluster", "0.2000000000", "Hours"),
        (Key(Item.LOG_INGESTION), "APN2-VendedLog-Bytes-CFLogs", "0.1000000000", "GB"),
        (Key(Item.INSTANCE, "t3.medium"), "APN2-UnusedBox:t3.medium", "0.0900000000", "Hrs"),
        # Beside the price: a part that is free, and a tier that begins later.
        (Key(Item.KMS_KEY), "ap-northeast-2-KMS-Keys", "0.0000000000", "Keys"),
    ],
)
def test_a_neighbour_in_the_list_is_not_taken_for_it(stubs: Stubs, key: Key, neighbour: str, usd: str, unit: str):
    usage, right, its_unit, expected = LISTED[key]
    answers = told(stubs, key, entry(neighbour, usd, unit), entry(usage, right, its_unit))
    assert answers.prices[key].usd == pytest.approx(expected)


def test_the_first_tier_counts(stubs: Stubs):
    key = Key(Item.LOG_INGESTION)
    usage, usd, unit, _ = LISTED[key]
    tiers = entry(usage, usd, unit)
    (term,) = tiers["terms"]["OnDemand"].values()
    term["priceDimensions"]["next"] = {"unit": unit, "beginRange": "10240", "pricePerUnit": {"USD": "0.38"}}
    assert told(stubs, key, tiers).prices[key].usd == pytest.approx(0.76)


def test_pages_are_followed(stubs: Stubs):
    key = Key(Item.NAT_GATEWAY)
    usage, usd, unit, expected = LISTED[key]
    stubs["pricing"].add_response("get_products", listed(token="second"), request(key))
    stubs["pricing"].add_response("get_products", listed(entry(usage, usd, unit)), request(key, "second"))
    assert asked(stubs, key).prices[key].usd == pytest.approx(expected)


def test_pages_without_an_end_are_given_up(stubs: Stubs):
    key = Key(Item.NAT_GATEWAY)
    for page in range(price_list_api.MOST_PAGES):
        answer = listed(token=f"page {page}")
        stubs["pricing"].add_response("get_products", answer, request(key, f"page {page - 1}" if page else ""))
    assert "pages" in asked(stubs, key).unanswered[key]


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([], "no such item"),
        ([entry("APN2-NatGateway-Hours", "0.059", "Furlongs")], "no such item"),
        ([entry("APN2-NatGateway-Hours", "0.0000000000", "Hrs")], "no such item"),
        (
            [entry("APN2-NatGateway-Hours", "0.059", "Hrs"), entry("APN2-NatGateway-Hours", "0.062", "Hrs")],
            "several prices",
        ),
        (["{not JSON"], "form that is not known"),
        ([{"product": {}}], "form that is not known"),
        ([entry("APN2-NatGateway-Hours", "free", "Hrs")], "form that is not known"),
    ],
)
def test_what_is_not_understood_is_not_guessed(stubs: Stubs, entries: list[dict[str, Any] | str], why: str):
    key = Key(Item.NAT_GATEWAY)
    answers = told(stubs, key, *entries)
    assert answers.prices == {}
    assert why in answers.unanswered[key]


def test_one_that_is_not_answered_does_not_stop_the_others(stubs: Stubs):
    nat, key = Key(Item.NAT_GATEWAY), Key(Item.KMS_KEY)
    usage, usd, unit, expected = LISTED[key]
    # Asked in the order of their names.
    stubs["pricing"].add_response("get_products", listed(entry(usage, usd, unit)), request(key))
    stubs["pricing"].add_client_error("get_products", "ThrottlingException")
    spot = Key(Item.SPOT_INSTANCE, "t3.medium")
    stubs["ec2"].add_client_error("describe_spot_price_history", "UnauthorizedOperation")
    answers = asked(stubs, nat, key, spot)
    assert answers.prices[key].usd == expected
    assert set(answers.unanswered) == {nat, spot}
    assert "ThrottlingException" in answers.unanswered[nat]
    assert "need ec2:DescribeSpotPriceHistory" in answers.unanswered[spot]


def test_the_right_to_see_spot_prices_is_one_of_its_own(stubs: Stubs):
    """Two of them, because they are asked last."""
    denied, told_one = Key(Item.SPOT_INSTANCE, "m5.large"), Key(Item.SPOT_INSTANCE, "t3.medium")
    stubs["ec2"].add_client_error("describe_spot_price_history", "UnauthorizedOperation")
    stubs["ec2"].add_response("describe_spot_price_history", spots(("ap-northeast-2a", "0.02", 11)), SPOT_REQUEST)
    answers = asked(stubs, denied, told_one)
    assert set(answers.prices) == {told_one}
    assert set(answers.unanswered) == {denied}


@pytest.mark.parametrize("code", ["AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException"])
def test_who_may_not_ask_is_asked_no_further(stubs: Stubs, code: str):
    keys = [Key(Item.KMS_KEY), Key(Item.NAT_GATEWAY), Key(Item.PUBLIC_IPV4)]
    stubs["pricing"].add_client_error("get_products", code)
    answers = asked(stubs, *keys)
    assert answers.prices == {}
    assert set(answers.unanswered) == set(keys)
    assert all(code in why for why in answers.unanswered.values())
    assert all(("need pricing:GetProducts" in why) == ("Denied" in code) for why in answers.unanswered.values())


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (NoCredentialsError(), "there are no AWS credentials"),
        (EndpointConnectionError(endpoint_url="https://api.pricing.us-east-1.amazonaws.com/"), "Could not connect"),
    ],
)
def test_without_credentials_or_network_nothing_more_is_tried(error: Exception, why: str):
    tried: list[str] = []

    def client(service: str) -> Any:
        tried.append(service)
        raise error

    answers = ask(LISTED, SEOUL, ZONES, client, NOW, workers=1)
    assert tried == ["pricing"]
    assert set(answers.unanswered) == set(LISTED)
    assert all(why in text for text in answers.unanswered.values())


def test_several_are_asked_at_once():
    """Four wait for each other: were they asked in a row, none would come through."""
    together = threading.Barrier(price_list_api.WORKERS, timeout=20)

    class Pricing:
        def get_products(self, **asked: Any) -> dict[str, Any]:
            together.wait()
            (sought,) = [
                key for key in LISTED if request(key)["Filters"] == asked["Filters"] and key.item not in skipped
            ]
            usage, usd, unit, _ = LISTED[sought]
            return listed(entry(usage, usd, unit))

    # The first shares a request with another one, and three times four are enough.
    skipped = {Item.LOAD_BALANCER_CAPACITY, Item.SECRET}
    keys = [key for key in LISTED if key.item not in skipped]
    assert len(keys) % price_list_api.WORKERS == 0
    answers = ask(keys, SEOUL, ZONES, lambda _: Pricing(), NOW)
    assert set(answers.prices) == set(keys)


def spots(*prices: tuple[str, str, int]) -> dict[str, Any]:
    return {
        "NextToken": "",
        "SpotPriceHistory": [
            {
                "AvailabilityZone": zone,
                "InstanceType": "t3.medium",
                "ProductDescription": "Linux/UNIX",
                "SpotPrice": usd,
                "Timestamp": datetime(2026, 11, 24, hour, tzinfo=UTC),
            }
            for zone, usd, hour in prices
        ],
    }


SPOT_REQUEST = {
    "InstanceTypes": ["t3.medium"],
    "ProductDescriptions": ["Linux/UNIX"],
    "StartTime": NOW,
    "EndTime": NOW,
}


def test_spot_is_the_mean_of_the_newest_prices_in_the_labs_zones(stubs: Stubs):
    key = Key(Item.SPOT_INSTANCE, "t3.medium")
    history = spots(
        ("ap-northeast-2a", "0.0200", 11),
        ("ap-northeast-2a", "0.0900", 3),
        ("ap-northeast-2b", "0.0220", 10),
        ("ap-northeast-2d", "0.0010", 11),
    )
    stubs["ec2"].add_response("describe_spot_price_history", history, SPOT_REQUEST)
    price = asked(stubs, key).prices[key]
    assert price.usd == pytest.approx(0.021)
    assert price.source is Source.LIVE


def test_no_spot_price_in_the_labs_zones_is_no_price(stubs: Stubs):
    key = Key(Item.SPOT_INSTANCE, "t3.medium")
    stubs["ec2"].add_response("describe_spot_price_history", spots(("ap-northeast-2d", "0.001", 11)), SPOT_REQUEST)
    assert "zones" in asked(stubs, key).unanswered[key]
