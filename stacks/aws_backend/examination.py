"""What doctor asks of AWS about a stack, with the user's own credentials; nothing is changed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from operations.doctor.findings import Finding
from operations.doctor.observations import RecordedResources, Unseen
from stacks import state
from stacks.stack import Stack


def on_aws(stack: Stack) -> tuple[Finding, ...]:
    """Every finding about a stack on AWS."""
    # These take a while to import, and most commands need none of them.
    from botocore.exceptions import BotoCoreError

    from clients.aws import clients
    from infra.config.aws_checks import AwsLookups
    from operations.doctor.diagnose import diagnose
    from operations.doctor.probes import Sight, see

    config, profile = stack.config, stack.profile
    try:
        client = clients(profile, config.region)
    except BotoCoreError as error:
        client = _no_client(error)
    sight = Sight(client, AwsLookups(config.region, profile, client), stack.name, lambda: _recorded(stack))
    return diagnose(config, see(config, sight), datetime.now(UTC))


def _no_client(error: Exception) -> Callable[[str], Any]:
    """Clients of a profile that cannot be used: what is wrong is a finding like any other."""

    def refuse(service: str) -> Any:
        del service
        raise error

    return refuse


def _recorded(stack: Stack) -> RecordedResources | Unseen:
    """What the engine's state holds: after a run that failed, the outputs say nothing."""
    found = state.on_aws(stack)
    return Unseen(found.unknown.rstrip(".")) if found.unknown else RecordedResources(found.ids)
