"""Rows of exercise K10: whether a viewer gets a command into a pod, by the version's rules and by its role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from exercises.catalogue import EXERCISES
from exercises.k10.connecting import Connects, OpenOnlyAtOld
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import AsAccount, can_i, collection
from grading.check import Row
from grading.expectations import Forbidden, Says
from grading.probes import Request, listing
from grading.refusals import AnyForbidden

NAMESPACE: Final = "owasp-k10"
VIEWER: Final = "viewer"
ON_CALL: Final = "on-call"
WEB: Final = "web"
USER: Final = f"system:serviceaccount:{NAMESPACE}:{VIEWER}"


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["k10"])

    def connects(by: Literal["exec", "attach"]) -> Iterator[Row]:
        """By the right to get alone."""
        opened = OpenOnlyAtOld(Forbidden(USER, "create", f"pods/{by}", NAMESPACE))
        question = Connects(NAMESPACE, VIEWER, WEB, by)
        return stage.attack(by, VIEWER, question, AnyForbidden(USER), opened=opened)

    yield from connects("exec")
    yield from connects("attach")
    log = Request(f"kubectl logs {WEB} -n {NAMESPACE}", "GET", f"{collection('pods', NAMESPACE)}/{WEB}/log")
    yield from stage.use("list-pods", VIEWER, AsAccount(NAMESPACE, VIEWER, listing("pods", NAMESPACE)))
    yield from stage.use("log", VIEWER, AsAccount(NAMESPACE, VIEWER, log))
    yield from stage.use("on-call-exec", ON_CALL, Connects(NAMESPACE, ON_CALL, WEB, "exec"))
    may = AsAccount(NAMESPACE, VIEWER, can_i("create", "pods/exec", namespace=NAMESPACE))
    yield from stage.intact("can-i", VIEWER, may, Says("no"))
    yield from gates(stage)
