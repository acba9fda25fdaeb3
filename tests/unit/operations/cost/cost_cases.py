"""Labs, moments and prices that the tests of the bill have in common."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from infra.config.loading import LabConfig, parse

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SEOUL = "ap-northeast-2"
PUBLISHED = {
    "domain": "lab.example.com",
    "hostedZoneId": "Z0123456789ABC",
    "certificateArn": f"arn:aws:acm:{SEOUL}:123456789012:certificate/12345678-1234-1234-1234-123456789012",
    "allowAnyOperatorCidr": True,
}


def config(**values: object) -> LabConfig:
    """A checked lab in Seoul."""
    return parse(values, SEOUL)


configs = st.builds(
    lambda size, disk, spot, ops, nat, version, published: config(
        nodeGroup={"desiredSize": size, "diskSizeGiB": disk, "capacityType": "SPOT" if spot else "ON_DEMAND"},
        opsServers={"enabled": ops},
        natGateway=nat,
        kubernetesVersion=version,
        **(PUBLISHED if published else {}),
    ),
    st.integers(1, 20),
    st.integers(20, 2000),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["1.34", "1.35", "1.36"]),
    st.booleans(),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
