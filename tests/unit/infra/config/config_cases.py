"""What the tests of the configuration ask: which problems some values have."""

from collections.abc import Mapping

from infra.config.loading import ConfigError, Problem, parse

SEOUL = "ap-northeast-2"
CERTIFICATE = f"arn:aws:acm:{SEOUL}:111122223333:certificate/12345678-90ab-cdef-1234-567890abcdef"
WITH_DOMAIN = {
    "domain": "example.com",
    "hostedZoneId": "Z0123456789ABCDEFGHIJ",
    "certificateArn": CERTIFICATE,
}

PUBLISHED = {**WITH_DOMAIN, "operatorCidrs": ["203.0.113.10/32"]}
"""A domain's pages, for one address alone."""


def told(values: Mapping[str, object], region: object = SEOUL) -> tuple[Problem, ...]:
    """The problems of these values; none when they are accepted."""
    try:
        parse(values, region)
    except ConfigError as error:
        return error.problems or (Problem("none", "An error that tells nothing.", ""),)
    return ()


def keys(values: Mapping[str, object], region: object = SEOUL) -> list[str]:
    """The settings that have a problem, without their common prefix."""
    return [problem.key.removeprefix("myeks:") for problem in told(values, region)]


def only(values: Mapping[str, object], region: object = SEOUL) -> Problem:
    """The one problem of these values."""
    found = told(values, region)
    assert len(found) == 1, found
    return found[0]
