"""An AWS error, whichever service's.

Code and message are what clients act on and users read, so they travel
together from the place that knows what is wrong to the one that writes the
service's protocol.
"""

from typing import Any


class AwsError(Exception):
    """An error as AWS answers it."""

    def __init__(self, code: str, message: str, status: int = 400, **fields: Any) -> None:
        """`fields` are further members of the error's shape, as "clusterName" in EKS's."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields
