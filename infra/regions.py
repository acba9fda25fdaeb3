"""Regions in which the lab can stand: EKS, and zones a, b and c that every account sees without asking.

Sources: AWS, "Regions and Availability Zones"; Amazon EKS User Guide, "Networking requirements for VPC and
subnets" (zone ids that take no cluster: use1-az3, usw1-az2, cac1-az3); both 2026-11.
"""

from __future__ import annotations

from typing import Final

SUPPORTED_REGIONS: Final[dict[str, str]] = {
    "ap-northeast-2": "Seoul",
    "ap-northeast-3": "Osaka",
    "ap-south-1": "Mumbai",
    "ap-southeast-1": "Singapore",
    "ap-southeast-2": "Sydney",
    "eu-central-1": "Frankfurt",
    "eu-north-1": "Stockholm",
    "eu-west-1": "Ireland",
    "eu-west-2": "London",
    "eu-west-3": "Paris",
    "sa-east-1": "São Paulo",
    "us-east-2": "Ohio",
    "us-west-2": "Oregon",
}
"""Region → its place."""

UNSUITABLE_REGIONS: Final[dict[str, str]] = {
    "ap-northeast-1": "accounts see no zone b there, or one that takes no new subnets",
    "ca-central-1": "one of its zones takes no EKS cluster, and accounts see the zones a, b and d",
    "us-east-1": "one of its zones takes no EKS cluster, and which letter it has differs by account",
    "us-west-1": "accounts see two zones there, and one of its zones takes no EKS cluster",
}
"""Region that people would try → why the lab cannot stand there."""
