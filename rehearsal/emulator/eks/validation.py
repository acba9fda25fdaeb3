"""What EKS checks before it makes or changes a cluster, as pure rules over plain facts.

Texts are EKS's own, as far as they were seen in public reports of these
errors (issue trackers of Terraform, eksctl and Karpenter, 2020 to 2026).
"""

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from rehearsal.emulator.eks.catalog import KUBERNETES_VERSIONS, LOG_TYPES, VERSIONS
from rehearsal.emulator.eks.state import bad_request, invalid

NAME: Final = re.compile(r"[0-9A-Za-z][A-Za-z0-9\-_]*")
MODES: Final = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
"""Authentication modes; a cluster can only go to a later one (EKS User Guide, "Change authentication mode")."""

SUPPORT_TYPES: Final = ("STANDARD", "EXTENDED")
"""What happens when standard support of a version ends; EKS's default is the second."""

NOT_PLAYED: Final = (
    "outpostConfig",
    "remoteNetworkConfig",
    "controlPlaneScalingConfig",
    "kubeApiServerConfig",
    "kubeSchedulerConfig",
    "kubeControllerManagerConfig",
)
"""Members of CreateCluster that would change what is played."""


def check_name(name: str, parameter: str = "clusterName") -> None:
    """A cluster's or node group's name."""
    if not NAME.fullmatch(name):
        raise invalid(
            f"The {parameter} parameter contains invalid characters. It should conform to the regular expression "
            '"^[0-9A-Za-z][A-Za-z0-9-_]*". In other words, it should start with a number or letter, and can contain '
            "numbers, letters, dashes, and underscores."
        )
    if len(name) > 100:
        raise invalid(f"The {parameter} parameter can have a length of 100 characters at most.")


def check_played(params: Mapping[str, Any]) -> None:
    """Refuse what a cluster may be made with on AWS and cannot be here, rather than ignore it."""
    refused = sorted(name for name in NOT_PLAYED if params.get(name))
    auto_mode = [
        params.get("computeConfig", {}).get("enabled"),
        params.get("storageConfig", {}).get("blockStorage", {}).get("enabled"),
        params.get("kubernetesNetworkConfig", {}).get("elasticLoadBalancing", {}).get("enabled"),
    ]
    if any(auto_mode):
        refused.append("EKS Auto Mode")
    if refused:
        raise bad_request(f"The rehearsal does not play {', '.join(refused)}.")


def check_version(version: str) -> None:
    """A Kubernetes version that a cluster can be made with."""
    if version not in VERSIONS:
        raise invalid("unsupported Kubernetes version")


def check_upgrade_policy(policy: Mapping[str, Any], version: str, now: datetime, current: str = "EXTENDED") -> None:
    """An upgrade policy that a cluster of this version can have; `current` is what it has, or has by default.

    Once the version's standard support has ended nothing can be changed, not even at creation (EKS User Guide, "View
    current cluster upgrade policy"; the text of that refusal was not seen, so it is ours).
    """
    wanted = policy.get("supportType", current)
    if wanted not in SUPPORT_TYPES:
        raise invalid(f"supportType {wanted} is not valid. Supported values are: {', '.join(SUPPORT_TYPES)}")
    if wanted != current and now >= VERSIONS[version].standard_until + timedelta(days=1):
        raise invalid(
            f"The upgrade policy cannot be changed to {wanted}: Kubernetes version {version} is in extended support."
        )


def check_upgrade(current: str, wanted: str) -> None:
    """From one version to the next, never back and never over one."""
    check_version(wanted)
    if current == wanted:
        raise invalid(f"Cluster is already at Kubernetes version {current}")
    offered = [row.version for row in KUBERNETES_VERSIONS]
    if offered.index(wanted) != offered.index(current) - 1:
        raise invalid(f"Unsupported Kubernetes minor version update from {current} to {wanted}")


def check_subnets(subnets: Iterable[Mapping[str, Any]]) -> str:
    """At least two zones, one VPC; gives the VPC's id."""
    listed = list(subnets)
    vpcs = {subnet["VpcId"] for subnet in listed}
    if len(vpcs) > 1:
        raise invalid("Subnets specified must all belong to the same VPC")
    if len({subnet["AvailabilityZone"] for subnet in listed}) < 2:
        raise invalid("Subnets specified must be in at least two different AZs")
    return vpcs.pop()


def check_endpoint(public: bool, private: bool, cidrs: Iterable[str]) -> None:
    """The API server's endpoint can be reached somehow, and from ranges that are ranges."""
    if not public and not private:
        raise invalid("Private and public endpoint access cannot be false")
    bad: list[str] = []
    for cidr in cidrs:
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            bad.append(cidr)
    if bad:
        raise invalid(f"The following CIDRs are invalid in publicAccessCidrs: [{', '.join(bad)}]")


def check_logging(wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Log types that exist; gives `clusterLogging` as EKS describes it, every type in one of two lists."""
    enabled: set[str] = set()
    disabled: set[str] = set()
    for setup in wanted.get("clusterLogging", []):
        for kind in setup.get("types", []):
            if kind not in LOG_TYPES:
                raise invalid(f"Invalid log type {kind}. Supported log types are: {', '.join(LOG_TYPES)}")
            (enabled if setup.get("enabled") else disabled).add(kind)
    if enabled & disabled:
        raise invalid("A log type cannot be enabled and disabled in one request")
    return logging_view(enabled)


def logging_view(enabled: set[str]) -> list[dict[str, Any]]:
    """`clusterLogging` as EKS describes it."""
    groups = (
        (True, [kind for kind in LOG_TYPES if kind in enabled]),
        (False, [kind for kind in LOG_TYPES if kind not in enabled]),
    )
    return [{"types": types, "enabled": switch} for switch, types in groups if types]


def enabled_logs(view: Mapping[str, Any]) -> set[str]:
    """The log types that a cluster writes."""
    setups = view["logging"]["clusterLogging"]
    return {kind for setup in setups if setup["enabled"] for kind in setup["types"]}


def service_cidr(wanted: str | None, vpc_cidr: str) -> str:
    """The Services' range: the wanted one if it fits, else one of EKS's two, whichever the VPC does not use."""
    vpc = ipaddress.ip_network(vpc_cidr, strict=False)
    if wanted is None:
        return "172.20.0.0/16" if vpc.overlaps(ipaddress.ip_network("10.0.0.0/8")) else "10.100.0.0/16"
    try:
        network = ipaddress.IPv4Network(wanted)
    except ValueError as error:
        raise invalid("The serviceIpv4Cidr parameter is not a valid CIDR block.") from error
    private = [ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
    if not any(network.subnet_of(block) for block in private) or not 12 <= network.prefixlen <= 24:
        raise invalid(
            "The serviceIpv4Cidr must be within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 and between /24 and /12."
        )
    if network.overlaps(vpc):
        raise invalid("The serviceIpv4Cidr overlaps with a CIDR block of the VPC.")
    return wanted


def check_encryption(configs: list[dict[str, Any]]) -> str | None:
    """Secrets alone, one key; gives the key's ARN, None without encryption of one's own."""
    if not configs:
        return None
    if len(configs) > 1:
        raise invalid("encryptionConfig array can have at most 1 item.")
    if configs[0].get("resources") != ["secrets"]:
        raise invalid('The only supported resource in encryptionConfig is "secrets".')
    key = configs[0].get("provider", {}).get("keyArn", "")
    if not key:
        raise invalid("The keyArn in encryptionConfig provider is required.")
    return key


def check_mode_change(current: str, wanted: str) -> None:
    """Access entries can be switched on and aws-auth off, never the other way."""
    if MODES.index(wanted) < MODES.index(current):
        raise invalid(f"Unsupported authentication mode update from {current} to {wanted}")


def trusts(document: str | Mapping[str, Any], service: str) -> bool:
    """Whether a role's trust policy lets an AWS service assume the role."""
    policy: Any = json.loads(document) if isinstance(document, str) else document
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        named = services if isinstance(services, list) else [services]
        if statement.get("Effect") == "Allow" and service in named:
            return True
    return False
