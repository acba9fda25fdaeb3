"""The one tag by which everything that the stack makes tells which lab it belongs to.

Names do not tell it: IAM roles have names that the engine chooses, and what a user's own tags say may be true of
several labs. IAM knows no region, so the tag names the region too: a lab of the same name elsewhere is another lab.
Whoever looks for what a lab left behind looks for this tag (`operations.cleanup`).
"""

from __future__ import annotations

from typing import Final

LAB_TAG: Final = "myeks:lab"
RESERVED_PREFIX: Final = "myeks:"
"""Tags that begin so are the lab's own."""


def lab_id(region: str, cluster_name: str) -> str:
    """The tag's value: `ap-northeast-2/myeks`."""
    return f"{region}/{cluster_name}"


def lab_tags(region: str, cluster_name: str) -> dict[str, str]:
    """The tag, to be laid over a user's own tags."""
    return {LAB_TAG: lab_id(region, cluster_name)}
