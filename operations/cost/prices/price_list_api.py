"""Asks AWS for today's prices: the Price List API for list prices, EC2 for the Spot prices of the hour.

Never the reason why an estimate fails: whatever is not answered (no credentials, no permission, no network, an
answer of another form) is named with its reason, and the caller has the table for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from clients.aws import ClientFactory
from operations.cost.prices.model import Item, Key, Price, Source
from operations.cost.prices.table import page

WORKERS: Final = 4
MOST_PAGES: Final = 5
"""The filters leave a page or two; more would be an answer that we do not understand."""

_NOBODY: Final = re.compile(r"AccessDenied|Unauthorized|UnrecognizedClient|ExpiredToken|InvalidClientToken|Signature")
"""Error codes that the next request would end with too."""


@dataclass(frozen=True)
class Product:
    """How to find one item in the price list."""

    service: str
    """ServiceCode of the offer."""

    usage: str | tuple[str, ...]
    """Usage type without the region's prefix: `NatGateway-Hours` of `APN2-NatGateway-Hours`; several: it is called
    otherwise in other regions."""

    units: tuple[str, ...]
    """Units of the price that we understand, in lower case."""

    filters: Mapping[str, str] = field(default_factory=dict[str, str])
    """Attributes besides the region, exact."""

    divisor: float = 1.0
    """The list's unit in ours."""


_EKS_FAMILY: Final = {"productFamily": "Compute"}
_GP3: Final = {"volumeApiName": "gp3"}
_ALB: Final = {"productFamily": "Load Balancer-Application"}
_HOURS: Final = ("hrs", "hours", "hour")

PRODUCTS: Final[Mapping[Item, Product]] = {
    Item.CONTROL_PLANE: Product(
        "AmazonEKS", "AmazonEKS-Hours:perCluster", _HOURS, {**_EKS_FAMILY, "operation": "CreateOperation"}
    ),
    Item.EXTENDED_SUPPORT: Product(
        "AmazonEKS", "AmazonEKS-Hours:extendedSupport", _HOURS, {**_EKS_FAMILY, "operation": "ExtendedSupport"}
    ),
    Item.GP3_STORAGE: Product("AmazonEC2", "EBS:VolumeUsage.gp3", ("gb-mo",), {**_GP3, "productFamily": "Storage"}),
    Item.GP3_IOPS: Product(
        "AmazonEC2", "EBS:VolumeP-IOPS.gp3", ("iops-mo",), {**_GP3, "productFamily": "System Operation"}
    ),
    # The list has it by the GiB/s.
    Item.GP3_THROUGHPUT: Product(
        "AmazonEC2",
        "EBS:VolumeP-Throughput.gp3",
        ("gibps-mo",),
        {**_GP3, "productFamily": "Provisioned Throughput"},
        divisor=1024,
    ),
    Item.PUBLIC_IPV4: Product("AmazonVPC", "PublicIPv4:InUseAddress", _HOURS, {"group": "VPCPublicIPv4Address"}),
    Item.LOAD_BALANCER: Product("AWSELB", "LoadBalancerUsage", _HOURS, _ALB),
    Item.LOAD_BALANCER_CAPACITY: Product("AWSELB", "LCUUsage", ("lcu-hrs",), _ALB),
    Item.NAT_GATEWAY: Product("AmazonEC2", "NatGateway-Hours", _HOURS, {"productFamily": "NAT Gateway"}),
    Item.KMS_KEY: Product("awskms", "KMS-Keys", ("keys", "months", "month"), {"productFamily": "Encryption Key"}),
    # EKS's logs are billed as vended logs.
    Item.LOG_INGESTION: Product("AmazonCloudWatch", "VendedLog-Bytes", ("gb",), {"productFamily": "Data Payload"}),
    Item.LOG_STORAGE: Product(
        "AmazonCloudWatch", "TimedStorage-ByteHrs", ("gb-mo",), {"productFamily": "Storage Snapshot"}
    ),
    Item.SECRET: Product(
        "AWSSecretsManager",
        ("AWSSecretsManager-Secret", "AWSSecretsManager-Secrets"),
        ("secrets", "secret"),
        {"productFamily": "Secret"},
    ),
}
"""Item → where the price list has it. Form: AWS Billing User Guide, "AWS Price List"; usage types as they stand in
published price lists and bills, 2026-08 to 2026-11."""


@dataclass(frozen=True)
class Answers:
    """What AWS said."""

    prices: Mapping[Key, Price] = field(default_factory=dict[Key, Price])
    unanswered: Mapping[Key, str] = field(default_factory=dict[Key, str])
    """Key → why it has no live price."""


class NotAnswered(Exception):
    """AWS did not tell this price; the text says why."""


def ask(
    keys: Iterable[Key],
    region: str,
    zones: Sequence[str],
    client: ClientFactory,
    now: datetime,
    *,
    workers: int = WORKERS,
) -> Answers:
    """AWS's prices for all keys that it tells; never raises for what it does not.

    Args:
        keys: what to ask for.
        region: where the lab stands.
        zones: the lab's zones; a Spot price is the mean over them.
        client: makes clients.
        now: the moment; prices bear its day.
        workers: how many are asked at once.
    """
    stopped: list[str] = []

    def one(key: Key) -> tuple[Key, Price | str]:
        if stopped:
            return key, stopped[0]
        try:
            usd = _spot(key, zones, client, now) if key.item is Item.SPOT_INSTANCE else _listed(key, region, client)
        except NotAnswered as error:
            return key, str(error)
        except (BotoCoreError, ClientError) as error:
            right = "ec2:DescribeSpotPriceHistory" if key.item is Item.SPOT_INSTANCE else "pricing:GetProducts"
            why = reason(error, right)
            if _for_all(error, key):
                stopped.append(why)
            return key, why
        return key, Price(usd, Source.LIVE, now.date(), page(key.item))

    wanted = sorted(set(keys), key=str)
    pool = ThreadPoolExecutor(workers)
    try:
        told = list(pool.map(one, wanted))
    finally:
        # Ctrl-C waits for the requests under way alone.
        pool.shutdown(wait=False, cancel_futures=True)
    return Answers(
        {key: price for key, price in told if isinstance(price, Price)},
        {key: why for key, why in told if isinstance(why, str)},
    )


def reason(error: BotoCoreError | ClientError, right: str = "pricing:GetProducts") -> str:
    """In a few words, why AWS did not answer; `right` is what the request needs."""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if "AccessDenied" in code or "Unauthorized" in code:
            return f"these credentials may not ask ({code}): they need {right}"
        return code
    if isinstance(error, NoCredentialsError):
        return "there are no AWS credentials"
    return str(error).rstrip(".")


def product(key: Key) -> Product:
    """Where the price list has a key; raises KeyError for a Spot price, which it has not."""
    if key.item is not Item.INSTANCE:
        return PRODUCTS[key.item]
    return Product(
        "AmazonEC2",
        f"BoxUsage:{key.instance_type}",
        _HOURS,
        {
            "instanceType": key.instance_type,
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
            "licenseModel": "No License required",
        },
    )


def _for_all(error: BotoCoreError | ClientError, key: Key) -> bool:
    """Whether it makes no sense to ask on. The right to see Spot prices is one of its own."""
    if not isinstance(error, ClientError):
        return True
    return key.item is not Item.SPOT_INSTANCE and _NOBODY.search(error.response["Error"]["Code"]) is not None


def _listed(key: Key, region: str, client: ClientFactory) -> float:
    sought = product(key)
    filters = [
        {"Type": "TERM_MATCH", "Field": name, "Value": value}
        for name, value in {"regionCode": region, **sought.filters}.items()
    ]
    found: set[float] = set()
    for entry in _products(client("pricing"), sought.service, filters):
        found.update(_prices(entry, sought, region))
    if not found:
        raise NotAnswered("the price list has no such item in this region")
    if len(found) > 1:
        raise NotAnswered("the price list has several prices for it")
    return found.pop() / sought.divisor


def _products(pricing: Any, service: str, filters: list[dict[str, str]]) -> Iterator[Mapping[str, Any]]:
    token: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        answer = pricing.get_products(
            ServiceCode=service, Filters=filters, FormatVersion="aws_v1", MaxResults=100, **token
        )
        for text in answer["PriceList"]:
            try:
                entry = json.loads(text)
            except ValueError as error:
                raise NotAnswered("the price list came in a form that is not known") from error
            if isinstance(entry, dict):
                yield entry
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}
    raise NotAnswered(f"the price list has more than {MOST_PAGES} pages about it")


def _prices(entry: Mapping[str, Any], sought: Product, region: str) -> Iterator[float]:
    """First-tier prices of an entry, if it is what we look for.

    An entry is `{"product": {"attributes": {"usagetype": …}}, "terms": {"OnDemand": {CODE: {"priceDimensions":
    {CODE: {"unit": …, "beginRange": …, "pricePerUnit": {"USD": …}}}}}}}`.
    """
    try:
        if not _is_usage(entry["product"]["attributes"]["usagetype"], sought.usage, region):
            return
        for term in entry["terms"]["OnDemand"].values():
            for dimension in term["priceDimensions"].values():
                if float(dimension.get("beginRange") or 0) > 0 or dimension["unit"].lower() not in sought.units:
                    continue
                usd = float(dimension["pricePerUnit"]["USD"])
                if usd > 0:
                    yield usd
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotAnswered("the price list came in a form that is not known") from error


def _is_usage(usage_type: str, usage: str | tuple[str, ...], region: str) -> bool:
    """Whether it is this usage in the region itself, and not the one of an Outpost or a local zone beside it."""
    names = "|".join(map(re.escape, (usage,) if isinstance(usage, str) else usage))
    return re.fullmatch(rf"(?:[A-Z0-9]+-|{re.escape(region)}-)?(?:{names})", usage_type) is not None


def _spot(key: Key, zones: Sequence[str], client: ClientFactory, now: datetime) -> float:
    """Mean over the zones of what the type costs now.

    EC2 tells the changes between start and end, and the last one before, which is the price in force (Amazon EC2
    API Reference, DescribeSpotPriceHistory).
    """
    answer = client("ec2").describe_spot_price_history(
        InstanceTypes=[key.instance_type], ProductDescriptions=["Linux/UNIX"], StartTime=now, EndTime=now
    )
    try:
        newest = {
            entry["AvailabilityZone"]: float(entry["SpotPrice"])
            for entry in sorted(answer["SpotPriceHistory"], key=lambda entry: entry["Timestamp"])
        }
    except (KeyError, TypeError, ValueError) as error:
        raise NotAnswered("the Spot prices came in a form that is not known") from error
    prices = [newest[zone] for zone in zones if zone in newest]
    if not prices:
        raise NotAnswered("EC2 has no Spot price for it in the lab's zones")
    return fmean(prices)
