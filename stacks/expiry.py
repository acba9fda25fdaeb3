"""How long a lab may live: `--ttl 4h` becomes the moment at which AWS takes away what costs by the hour.

The moment stands in the stack's settings (`myeks:expires`), so that every later run keeps it; how AWS keeps the
appointment without any machine of the user's is described in components/expiry.py.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from components import ingress_expiry
from infra.config.loading import ConfigError, LabConfig, expiry
from infra.config.model import EXPIRES_FORM
from infra.config.rules.support import unsupported
from stacks import kept_stages, settings_file
from stacks.console import duration, err
from stacks.errors import BadInput
from stacks.files import replace_text
from stacks.stack import Stack, read

SHORTEST: Final = timedelta(hours=1)
"""A lab takes about 17 minutes to create (`lab plan`)."""
LONGEST: Final = timedelta(days=30)
NONE: Final = "none"
"""As a lifetime: the lab has no end."""
_FORM: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


def ends(ttl: str, now: datetime) -> str:
    """The moment at which a lab with this lifetime ends, as the setting has it, empty for `none`; raises BadInput."""
    if ttl.strip() == NONE:
        return ""
    found = _FORM.fullmatch(ttl.strip())
    if not ttl.strip() or not found:
        raise BadInput(f"--ttl {ttl} is no lifetime. Write days, hours and minutes, such as 4h, 90m or 1d12h, or none.")
    days, hours, minutes = (int(part or 0) for part in found.groups())
    # Longer ones than Python can count are too long as well.
    life = timedelta(days=min(days, LONGEST.days + 1), hours=min(hours, 10_000), minutes=min(minutes, 1_000_000))
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
    return f"It ends by itself at {expires}, in {duration(left)}. Move that: ./lab up --ttl 4h, or none."


def has_begun_to_end(config: LabConfig, now: datetime) -> bool:
    """Whether AWS may have taken something away already: the pages go somewhat before the rest."""
    at = config.expires_at
    return at is not None and at - ingress_expiry.AHEAD <= now


def require(config: LabConfig, now: datetime) -> None:
    """Raises BadInput when the lab's end has passed (AWS would take it away while it is built), or the support of its
    Kubernetes version."""
    if problems := list(unsupported(config, now.date())):
        raise BadInput(str(ConfigError(problems)))
    if config.expires and expiry(config.expires) <= now:
        raise BadInput(
            f"The lab was to end at {config.expires}, which has passed. Clear up with ./lab down, or give it more time "
            f"with ./lab up --ttl 4h, or no end with ./lab up --ttl {NONE}."
        )


def forget(stack: Stack) -> None:
    """The lab is gone: take its end out of the settings, so that the next one does not end at that moment too."""
    # What is kept beside the rehearsal goes with it.
    if not stack.config.expires or kept_stages.EXPIRES in stack.stages:
        return
    text = read(stack.file)
    try:
        replace_text(stack.file, settings_file.with_expires(text, ""))
    except BadInput as error:
        err.print(f"{stack.file.name} still has the end of the lab that is gone. {error}", markup=False)
        return
    err.print(f"{stack.file.name} has no end of the lab any more: {stack.config.expires} was this one's.", markup=False)
