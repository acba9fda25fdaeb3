"""What the controller asks its node when its arguments do not tell it: the region and the VPC.

The chart passes both only when its values have them; the study note's do not. The real controller then asks the
instance's metadata service, which it reaches when the node's hop limit is 2 or more (AWS Load Balancer Controller,
"Installation", seen 2026-11).
"""

import dataclasses
import os
import urllib.request
from typing import Final

from rehearsal.cluster.controllers.load_balancer.settings import Settings

_SECONDS: Final = 5


def completed(settings: Settings) -> Settings:
    """The settings with region and VPC; raises OSError when the node has to be asked and does not answer."""
    if settings.region and settings.vpc:
        return settings
    base = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/") + "/latest/"
    token = _ask(f"{base}api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, "PUT")
    held = {"X-aws-ec2-metadata-token": token}
    region, vpc = settings.region, settings.vpc
    if not region:
        region = os.environ.get("AWS_REGION") or _ask(f"{base}meta-data/placement/region", held)
    if not vpc:
        mac = _ask(f"{base}meta-data/mac", held)
        vpc = _ask(f"{base}meta-data/network/interfaces/macs/{mac}/vpc-id", held)
    return dataclasses.replace(settings, region=region, vpc=vpc)


def _ask(url: str, headers: dict[str, str], method: str = "GET") -> str:
    request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310  # the pod's own setting
    # No proxy: the service is the node's own.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=_SECONDS) as answer:
        return answer.read().decode()
