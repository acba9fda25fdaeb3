"""The user's own way to AWS, for commands that ask many small questions at once.

One client a service, made when it is first wanted, and patience for seconds instead of the SDK's minutes: an
answer that does not come is reported, not waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import boto3
from botocore.config import Config

PRICING_REGION: Final = "us-east-1"
"""The Price List API has its endpoint there and in a few others; it answers for all regions."""

# Half a minute in all when nothing answers, not the SDK's five.
_PATIENCE: Final = Config(connect_timeout=4, read_timeout=10, retries={"max_attempts": 2, "mode": "standard"})

ClientFactory = Callable[[str], Any]
"""Name of an AWS service → a boto3 client for it."""


def clients(profile: str | None, region: str, config: Config = _PATIENCE) -> ClientFactory:
    """Clients with the user's own credentials; raises BotoCoreError when the profile does not exist."""
    session: Any = boto3.Session(profile_name=profile, region_name=region)
    lock = threading.Lock()
    made: dict[str, Any] = {}

    def make(service: str) -> Any:
        where = PRICING_REGION if service == "pricing" else region
        with lock:  # clients may be used by several threads at once, sessions may not
            if service not in made:
                made[service] = session.client(service, region_name=where, config=config)
            return made[service]

    return make
