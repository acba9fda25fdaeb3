"""Every row of every exercise, in the order in which they are shown."""

from __future__ import annotations

from typing import Final

from exercises.identity_mapping import checks as identity_mapping
from exercises.irsa import checks as irsa
from exercises.pod_identity import checks as pod_identity
from exercises.rbac import checks as rbac
from grading.check import Row

ROWS: Final[tuple[Row, ...]] = (
    *rbac.rows(),
    *identity_mapping.rows(),
    *irsa.rows(),
    *pod_identity.rows(),
)
