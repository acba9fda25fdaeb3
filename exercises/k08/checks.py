"""Rows of exercise K08: who gets the shop's key by a pod, without any right to read Secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from exercises.catalogue import EXERCISES
from exercises.k08.names import NAMESPACE, SHOP, VALUE
from exercises.k08.reading import (
    DEPLOYMENT,
    NOTHING,
    READ,
    AnotherShop,
    AtAws,
    InPlain,
    KeptByAws,
    KeptFrom,
    StealsSecrets,
    Way,
)
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.account_probes import AsAccount, ObjectFacts, can_i
from grading.check import Row
from grading.expectations import Between, Holds, Says

BUILDER = "builder"
OPERATOR = "operator"
USER = f"system:serviceaccount:{NAMESPACE}:{BUILDER}"


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["k08"])
    ways: tuple[Way, ...] = get_args(Way)
    for way in ways:
        yield from stage.attack(way, BUILDER, StealsSecrets(BUILDER, way), KeptFrom(USER), opened=Says(READ))
    yield from stage.attack("as-shop", BUILDER, AnotherShop(BUILDER), KeptFrom(USER), opened=Says(READ))
    yield from stage.use("shop-reads", SHOP, AnotherShop(""), Says(READ))
    running = ObjectFacts(
        f"kubectl get deployment {SHOP} -n {NAMESPACE}", DEPLOYMENT, (("available", ("status", "availableReplicas")),)
    )
    yield from stage.use("shop-runs", SHOP, running, Holds((("available", Between(1, 9)),)))
    reading = AsAccount(NAMESPACE, BUILDER, can_i("get", "secrets", namespace=NAMESPACE))
    yield from stage.intact("no-right", BUILDER, reading, Says("no"))
    yield from stage.intact("other-account", "default", AtAws("", "default"), KeptByAws())
    yield from stage.intact("in-plain", OPERATOR, InPlain(VALUE), Says(NOTHING))
    yield from gates(stage)
