"""What a healthy account looks like, to be spoilt in one place by each test."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from infra.config.aws_checks import Answers
from infra.config.loading import LabConfig, parse
from operations.doctor.observations import (
    Caller,
    Machine,
    Observations,
    QuotaSeen,
    RecordedResources,
    Tool,
    VersionSeen,
)
from operations.doctor.quotas import QUOTAS

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SEOUL = "ap-northeast-2"
ACCOUNT = "111122223333"
PUBLISHED: dict[str, Any] = {
    "domain": "lab.example.com",
    "hostedZoneId": "Z0123456789ABC",
    "certificateArn": f"arn:aws:acm:{SEOUL}:{ACCOUNT}:certificate/12345678-1234-1234-1234-123456789012",
    "allowAnyOperatorCidr": True,
}

HEALTHY = Observations(
    stack="dev",
    machine=Machine(
        (3, 12), (Tool("pulumi", "v3.260.0"), Tool("aws", "2.36.5"), Tool("kubectl", "v1.36.3")), sdk="3.259.0"
    ),
    clock_ahead=0.4,
    caller=Caller(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me"),
    denied=(),
    settings=Answers(),
    versions={
        "1.36": VersionSeen("STANDARD_SUPPORT", date(2027, 8, 2)),
        "1.35": VersionSeen("STANDARD_SUPPORT", date(2027, 3, 27)),
        "1.34": VersionSeen("STANDARD_SUPPORT", date(2026, 12, 2)),
    },
    quotas={quota.code: QuotaSeen(1000, 0) for quota in QUOTAS},
    peerings=(),
    address=None,
    cluster=None,
    name_conflicts=(),
    recorded=RecordedResources(),
)


def lab(**values: object) -> LabConfig:
    """A checked lab in Seoul."""
    return parse(values, SEOUL)


def spoilt(**changes: Any) -> Observations:
    """The healthy account with some things otherwise."""
    return replace(HEALTHY, **changes)
