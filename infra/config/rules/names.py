"""Rules about names: region, version, cluster, key pair, domain, tags, and the secret.

Sources: Amazon EKS API Reference, CreateCluster; Elastic Load Balancing API Reference, CreateLoadBalancer;
Amazon EC2 API Reference, CreateKeyPair; Route 53 and ACM API References (ids and ARNs); IAM User Guide,
"Tags for IAM resources" (the narrowest rules of the services that get the tags); all 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from infra.config.model import LabConfig, expiry
from infra.config.problems import Problem, closest, key_of, listed, shown
from infra.config.rules.rule import Rule, rule
from infra.lab_tag import RESERVED_PREFIX
from infra.regions import SUPPORTED_REGIONS, UNSUITABLE_REGIONS
from infra.versions import KUBERNETES_VERSIONS

REGION_KEY: Final = "aws:region"

LONGEST_CLUSTER_NAME: Final = 20
"""A load balancer's name may have 32 characters, and `-ingress-alb` takes 12. Roles, log group and key
alias allow more. It holds without a domain too: a cluster cannot be renamed when the domain comes later."""

MOST_TAGS: Final = 40
"""Of the 50 that AWS allows, ten are left to the lab itself and to what EKS adds."""
LONGEST_TAG_KEY: Final = 128
LONGEST_TAG_VALUE: Final = 256
LONGEST_KEY_NAME: Final = 255
LONGEST_DOMAIN: Final = 253 - len("kubeopsview.")

_EKS_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
_BALANCER_NAME = re.compile(r"(?!internal-|sg-)[0-9A-Za-z][0-9A-Za-z-]*")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"({_LABEL}\.)+(?![0-9]+$){_LABEL}")
_HOSTED_ZONE = re.compile(r"Z[0-9A-Z]{1,31}")
_CERTIFICATE = re.compile(
    r"arn:aws:acm:(?P<region>[a-z0-9-]+):[0-9]{12}:certificate/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
# \w is letters and digits of any script, as in IAM, and of white space only what is no control character.
_TAG_TEXT = re.compile(r"([\w.:/=+\-@]|[^\S\x00-\x1f\x7f-\x9f])*")


@rule("region")
def region(config: LabConfig) -> Iterator[Problem]:
    """A region in which the lab can stand."""
    name = config.region
    if name in SUPPORTED_REGIONS:
        return
    if name in UNSUITABLE_REGIONS:
        what = f"The lab cannot stand in {name}: {UNSUITABLE_REGIONS[name]}."
    else:
        what = f"{shown(name)} is not a region with EKS and three zones that every account can use."
    meant = closest(name, SUPPORTED_REGIONS)
    remedy = f"Choose {listed(SUPPORTED_REGIONS)}."
    if meant and name not in UNSUITABLE_REGIONS:
        remedy = f"Did you mean {meant}? {remedy}"
    yield Problem(REGION_KEY, what, remedy)


@rule("kubernetesVersion")
def version(config: LabConfig) -> Iterator[Problem]:
    """A version that EKS still creates under standard support."""
    if config.kubernetes_version not in KUBERNETES_VERSIONS:
        yield Problem(
            key_of("kubernetesVersion"),
            f"{shown(config.kubernetes_version)} is not a Kubernetes version that the lab supports.",
            f"Write {listed(shown(known) for known in KUBERNETES_VERSIONS)}, with the quotes.",
        )


@rule("clusterName")
def cluster_name(config: LabConfig) -> Iterator[Problem]:
    """A name that EKS takes, and from which a load balancer's name can be made."""
    name = config.cluster_name
    if not _EKS_NAME.fullmatch(name):
        what = f"{shown(name)} is no name that EKS takes."
    elif len(name) > LONGEST_CLUSTER_NAME:
        what = f"{name} has {len(name)} characters, and the load balancer {name}-ingress-alb more than its 32."
    elif not _BALANCER_NAME.fullmatch(name):
        what = f"AWS takes no load balancer or no security group whose name begins with {name}."
    else:
        return
    yield Problem(
        key_of("clusterName"),
        what,
        f"Use 1 to {LONGEST_CLUSTER_NAME} letters, digits and hyphens, beginning with a letter or digit, "
        "but not with internal- or sg-.",
    )


@rule("keyName")
def key_name(config: LabConfig) -> Iterator[Problem]:
    """A name that an EC2 key pair can have; whether it exists is known to AWS alone."""
    name = config.key_name
    if name is not None and not (name.isascii() and name.isprintable() and name == name.strip()):
        yield Problem(key_of("keyName"), f"{shown(name)} cannot be a key pair.", "Write the name of your EC2 key pair.")
    elif name is not None and len(name) > LONGEST_KEY_NAME:
        yield Problem(
            key_of("keyName"),
            f"The name has {len(name)} characters, and a key pair's at most {LONGEST_KEY_NAME}.",
            "Write the name of your EC2 key pair.",
        )


@rule("domain", "hostedZoneId", "certificateArn")
def domain_together(config: LabConfig) -> Iterator[Problem]:
    """The three values are given together, or none of them."""
    given = {
        "domain": config.domain,
        "hostedZoneId": config.hosted_zone_id,
        "certificateArn": config.certificate_arn,
    }
    present = [name for name, value in given.items() if value is not None]
    if not present:
        return
    for name, value in given.items():
        if value is None:
            yield Problem(
                key_of(name),
                f"It is not set, and {' and '.join(present)} {'is' if len(present) == 1 else 'are'}.",
                "Set domain, hostedZoneId and certificateArn together, or none of them.",
            )


@rule("domain")
def domain(config: LabConfig) -> Iterator[Problem]:
    """A domain name with at least two labels, and room for the longest host below it."""
    name = config.domain
    if name is not None and not (_DOMAIN.fullmatch(name) and len(name) <= LONGEST_DOMAIN):
        yield Problem(
            key_of("domain"),
            f"{shown(name)} is not a domain.",
            "Write it in lower case without scheme, star or final dot, such as example.com.",
        )


@rule("hostedZoneId")
def hosted_zone(config: LabConfig) -> Iterator[Problem]:
    """The bare id of a hosted zone."""
    zone = config.hosted_zone_id
    if zone is not None and not _HOSTED_ZONE.fullmatch(zone):
        bare = zone.removeprefix("/hostedzone/")
        hint = bare if _HOSTED_ZONE.fullmatch(bare) else "the id alone, such as Z0123456789ABCDEFGHIJ"
        yield Problem(key_of("hostedZoneId"), f"{shown(zone)} is not a hosted zone's id.", f"Write {hint}.")


@rule("certificateArn")
def certificate(config: LabConfig) -> Iterator[Problem]:
    """The ARN of an ACM certificate."""
    arn = config.certificate_arn
    if arn is not None and not _CERTIFICATE.fullmatch(arn):
        yield Problem(
            key_of("certificateArn"),
            f"{shown(arn)} is not the ARN of an ACM certificate.",
            "Copy it from `aws acm list-certificates`: arn:aws:acm:REGION:ACCOUNT:certificate/ID.",
        )


@rule("certificateArn", "region")
def certificate_region(config: LabConfig) -> Iterator[Problem]:
    """A load balancer takes certificates of its own region alone."""
    found = _CERTIFICATE.fullmatch(config.certificate_arn or "")
    if found and found["region"] != config.region:
        yield Problem(
            key_of("certificateArn"),
            f"The certificate is in {found['region']}, and the load balancer in {config.region}.",
            f"Request one in {config.region}, and write its ARN.",
        )


@rule("grafanaAdminPassword")
def grafana_password(config: LabConfig) -> Iterator[Problem]:
    """Not blank; the empty text counts as absent."""
    secret = config.grafana_admin_password
    if secret is not None and not secret.get_secret_value().strip():
        yield Problem(
            key_of("grafanaAdminPassword"),
            "The password is blank.",
            "Set one with `pulumi config set --secret`, or remove the key: the chart then makes one.",
        )


@rule("tags")
def tags(config: LabConfig) -> Iterator[Problem]:
    """Tags that every service of the lab takes, and that do not hide the lab's own."""
    if len(config.tags) > MOST_TAGS:
        yield Problem(
            key_of("tags"),
            f"There are {len(config.tags)} tags, and besides the lab's own there is room for {MOST_TAGS}.",
            "Remove some of them.",
        )
    seen: dict[str, str] = {}
    for name, value in config.tags.items():
        key = key_of("tags", name)
        folded = name.casefold()
        if folded in seen:
            yield Problem(
                key,
                f"It differs from {seen[folded]} by case alone, and IAM takes one.",
                "Remove one of them.",
            )
        seen[folded] = name
        if folded.startswith("aws:"):
            yield Problem(key, "Names that begin with aws: are AWS's own.", "Choose another name.")
        elif folded == "name" or "kubernetes.io/" in folded or folded.startswith(RESERVED_PREFIX):
            yield Problem(key, "The lab itself gives this tag to its resources.", "Choose another name.")
        elif not (1 <= len(name) <= LONGEST_TAG_KEY and _TAG_TEXT.fullmatch(name)):
            yield Problem(
                key,
                "AWS takes no tag of this name.",
                f"Use 1 to {LONGEST_TAG_KEY} letters, digits, spaces and _ . : / = + - @.",
            )
        if not (len(value) <= LONGEST_TAG_VALUE and _TAG_TEXT.fullmatch(value)):
            yield Problem(
                key,
                f"AWS takes no tag with the value {shown(value)}.",
                f"Use at most {LONGEST_TAG_VALUE} letters, digits, spaces and _ . : / = + - @.",
            )


@rule("expires")
def expires(config: LabConfig) -> Iterator[Problem]:
    """A time; whether it has passed is a matter of the run, or an expired lab could not be taken away."""
    if config.expires is None:
        return
    try:
        expiry(config.expires)
    except ValueError:
        yield Problem(
            key_of("expires"),
            f"{shown(config.expires)} is not a time in UTC such as 2026-11-24T21:30Z.",
            "Run `./lab up --ttl 4h`, which writes it, or remove the key.",
        )


RULES: Final[tuple[Rule, ...]] = (
    region,
    version,
    cluster_name,
    key_name,
    domain_together,
    domain,
    hosted_zone,
    certificate,
    certificate_region,
    grafana_password,
    expires,
    tags,
)
