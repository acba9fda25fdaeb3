"""Tags for what a controller makes in the lab's stead: load balancers and volumes.

Both controllers get them in one argument, `--default-tags=name=value,name=value` (aws-load-balancer-controller 3.5.0)
and `--extra-tags=…` (the EBS CSI driver's add-on), and both charts write that argument into their YAML without quotes.
So a tag that AWS takes may end the argument early, or make the chart's YAML unreadable: no controller, no load
balancer. Such a tag stays on what the stack itself makes and is not passed to the controllers.

This file imports nothing of Pulumi's: the settings' advice asks it too, and has to answer at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# In unquoted YAML a colon before a space or at the end makes a map, spaces at the end are dropped, and these two
# separators end a line. (Commas, quotes and "#" are in no AWS tag.)
_NOT_IN_PLAIN_YAML = re.compile("[:\\s]$|:\\s|[\u2028\u2029]")


def controller_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that such an argument can hold. A name in it ends at the first "=", so it may have none itself."""
    return {
        name: value
        for name, value in tags.items()
        if "=" not in name and not _NOT_IN_PLAIN_YAML.search(f"{name}={value}")
    }
