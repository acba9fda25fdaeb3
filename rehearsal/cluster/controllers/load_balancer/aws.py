"""What every part asks of AWS: clients in the pod's environment, whole lists, tags as mappings, errors as text."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from rehearsal.cluster.controllers.load_balancer.settings import Settings

MOST_ARNS: Final = 20
"""That elasticloadbalancing:DescribeTags takes at a time."""
CLUSTER: Final = "elbv2.k8s.aws/cluster"
STACK: Final = "ingress.k8s.aws/stack"
RESOURCE: Final = "ingress.k8s.aws/resource"

Failure = (ClientError, BotoCoreError)
"""What a call to AWS ends with when it fails."""


class Aws:
    """Clients of the services; region and credentials are the pod's."""

    def __init__(self, settings: Settings) -> None:
        """Makes the clients, which ask nobody anything yet."""
        # Nobody's proxy: the endpoint, if the environment names one, is near.
        more = Config(proxies={}, retries={"total_max_attempts": 3})
        self.elb: Any = boto3.client("elbv2", region_name=settings.region, config=more)
        self.ec2: Any = boto3.client("ec2", region_name=settings.region, config=more)
        self.shield: Any = boto3.client("shield", region_name=settings.region, config=more)

    def elb_tags(self, arns: Iterable[str]) -> dict[str, dict[str, str]]:
        """Tags of load balancers, target groups, listeners and rules by their ARNs."""
        every, found = list(arns), dict[str, dict[str, str]]()
        for start in range(0, len(every), MOST_ARNS):
            answer = self.elb.describe_tags(ResourceArns=every[start : start + MOST_ARNS])
            for each in answer["TagDescriptions"]:
                found[each["ResourceArn"]] = mapping(each["Tags"])
        return found

    def all_of(self, service: Any, operation: str, key: str, **params: Any) -> list[dict[str, Any]]:
        """Every item of a list, over all its pages."""
        if not service.can_paginate(operation):
            return getattr(service, operation)(**params)[key]
        return [each for page in service.get_paginator(operation).paginate(**params) for each in page[key]]


def mapping(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """AWS's list of tags as a mapping."""
    return {each["Key"]: each["Value"] for each in tags}


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """A mapping as AWS's list of tags."""
    return [{"Key": name, "Value": tags[name]} for name in sorted(tags)]


def code_of(error: BaseException) -> str:
    """AWS's code of an error; empty when it has none."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def told(error: Exception) -> str:
    """An error as the real controller words it."""
    if not isinstance(error, ClientError):
        return str(error)
    found = error.response["Error"]
    return f"operation error {error.operation_name}, api error {found['Code']}: {found['Message']}"


def patiently(call: Callable[[], Any], code: str, seconds: float) -> None:
    """Call again every 2 s for so long while AWS answers with that code."""
    retrying = Retrying(
        retry=retry_if_exception(lambda error: code_of(error) == code),
        wait=wait_fixed(2),
        stop=stop_after_delay(seconds),
        reraise=True,
    )
    retrying(call)
