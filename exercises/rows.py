"""Every row of every exercise, in the order in which they are shown."""

from __future__ import annotations

from typing import Final

from exercises import identity_mapping, irsa, pod_identity, rbac
from exercises.row import Row

ROWS: Final[tuple[Row, ...]] = (
    *rbac.rows(),
    *identity_mapping.rows(),
    *irsa.rows(),
    *pod_identity.rows(),
)
