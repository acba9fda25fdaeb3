"""Rows of exercise crypto: whether the answers are right, and what a signature is worth where it is verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, get_args

from exercises.catalogue import EXERCISES
from exercises.crypto.answers import NONE, RIGHT, HandedIn
from exercises.crypto.forgeries import ForgedToken, Forgery, RealToken, SignedRequest
from exercises.crypto.keys import DataKey, Greeting
from exercises.crypto.names import ACCOUNT, MALLORY, PARTS
from exercises.k06.ways_in import ClientCertificate
from exercises.shared.gates import gates
from exercises.shared.stage_rows import StageRows
from grading.check import Row
from grading.expectations import Allowed, AwsDenied, Holds, Says, Unauthorized
from grading.kube_api import UNVERIFIED, VERIFIED

YOU: Final = "you"
"""Who answers: whoever works with the lab."""

OPERATOR: Final = "operator"


def rows() -> Iterator[Row]:
    """Every row of the exercise."""
    stage = StageRows(EXERCISES["crypto"])
    for part in PARTS:
        yield from stage.answer(part, YOU, HandedIn(part), Says(RIGHT), before=Says(NONE))
    yield from stage.use("real-signature", OPERATOR, SignedRequest("real"), Allowed())
    yield from stage.use("my-sa", ACCOUNT, RealToken("API server"), Says(ACCOUNT))
    yield from stage.use("my-sa-sts", ACCOUNT, RealToken("STS"), Says(ACCOUNT))
    yield from stage.intact("one-byte", OPERATOR, SignedRequest("one-byte"), Unauthorized())
    yield from stage.intact("wrong-secret", OPERATOR, SignedRequest("wrong-secret"), Unauthorized())
    forgeries: tuple[Forgery, ...] = get_args(Forgery)
    for how in forgeries:
        yield from stage.intact(how, MALLORY, ForgedToken(how, "API server"), Unauthorized())
    for how in forgeries:
        refused = AwsDenied("InvalidIdentityToken", "AssumeRoleWithWebIdentity")
        yield from stage.intact(f"{how}-sts", MALLORY, ForgedToken(how, "STS"), refused)
    yield from stage.use("endpoint", OPERATOR, Greeting(own=True), Says(VERIFIED))
    yield from stage.intact("foreign-authority", OPERATOR, Greeting(own=False), Says(UNVERIFIED))
    certificate = Holds(
        (("conditions", ("Approved",)), ("certificate", "none")), "approved, and no certificate is issued"
    )
    for row in stage.intact("client-certificate", OPERATOR, ClientCertificate("owasp-crypto-mallory"), certificate):
        # No answer changes it, and to wait for what never comes takes seconds: it is not judged in play.
        yield replace(row, goal=None)
    yield from stage.use("data-key", OPERATOR, DataKey("right"), Says("same"))
    yield from stage.intact(
        "wrong-context", OPERATOR, DataKey("wrong-context"), AwsDenied("InvalidCiphertextException", "Decrypt")
    )
    yield from stage.intact(
        "disabled-key", OPERATOR, DataKey("disabled-key"), AwsDenied("DisabledException", "GenerateDataKey")
    )
    yield from gates(stage)
