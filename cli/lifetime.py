"""How long a lab may live: `--ttl 4h` becomes the moment at which AWS takes away what costs by the hour.

The moment stands in the stack's settings (`myeks:expires`), so that every later run keeps it; how AWS keeps the
appointment without any machine of the user's is told in components/expiry.py.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from cli.console import duration
from cli.failures import BadInput
from infra.config import expiry
from infra.config_model import EXPIRES_FORM

SHORTEST: Final = timedelta(hours=1)
"""A lab takes about 17 minutes to stand up (`lab plan`)."""
LONGEST: Final = timedelta(days=30)
_FORM: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


def ends(ttl: str, now: datetime) -> str:
    """The moment at which a lab with this lifetime ends, as the setting has it; raises BadInput."""
    found = _FORM.fullmatch(ttl.strip())
    if not ttl.strip() or not found:
        raise BadInput(f"--ttl {ttl} is no lifetime. Write days, hours and minutes, such as 4h, 90m or 1d12h.")
    days, hours, minutes = (int(part or 0) for part in found.groups())
    life = timedelta(days=days, hours=hours, minutes=minutes)
    if not SHORTEST <= life <= LONGEST:
        raise BadInput(f"--ttl {ttl} is too short or too long. Choose between 1h and 30d.")
    # Whole minutes, upwards.
    moment = (now.astimezone(UTC) + life + timedelta(seconds=59)).replace(second=0, microsecond=0)
    return moment.strftime(EXPIRES_FORM)


def told(expires: str, now: datetime) -> str:
    """When the lab ends, for `status`; how to move it."""
    if not expires:
        return "It stands until ./lab down. Give it an end: ./lab up --ttl 4h."
    left = (expiry(expires) - now).total_seconds()
    if left <= 0:
        return f"Its time was up at {expires}: AWS has been taking away what costs. Clear up: ./lab down."
    return f"It ends by itself at {expires}, in {duration(left)}. Move that: ./lab up --ttl 4h."
