"""A KMS for exercise crypto's tests, and envelopes as a learner makes them with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from exercises.crypto.envelopes import sealed
from exercises.crypto.names import DISABLED_KEY_ID, KEY_ID
from exercises.crypto.puzzle import Puzzle
from grading.outcomes import AwsRefused, Done, Outcome
from tests.unit.grading.fake_lab import lab

THE_KEY: Final = "11111111-2222-3333-4444-555555555555"
DISABLED_KEY: Final = "99999999-2222-3333-4444-555555555555"


def envelope_map() -> dict[str, str]:
    """The ConfigMap of the part envelope."""
    puzzle = Puzzle.of(lab().session.names)
    keys_told = {KEY_ID: THE_KEY, DISABLED_KEY_ID: DISABLED_KEY}
    return {**keys_told, "context": f"lab={puzzle.context}", "text": puzzle.text}


def kms(operation: str, *, careless: bool = False, **params: Any) -> Outcome:
    """KMS, whose encrypted data key is a text that only KMS reads; `careless`: it looks at nothing."""
    context = params["EncryptionContext"]
    if operation == "generate_data_key":
        if params["KeyId"] == DISABLED_KEY and not careless:
            return AwsRefused("DisabledException", "GenerateDataKey", f"{DISABLED_KEY} is disabled.")
        data_key = sha256(json.dumps([params["KeyId"], context]).encode()).digest()
        blob = json.dumps({"key": params["KeyId"], "context": context, "plain": data_key.hex()}).encode()
        return Done({"Plaintext": data_key, "CiphertextBlob": blob, "KeyId": _arn(params["KeyId"])}, "allowed")
    try:
        found = json.loads(params["CiphertextBlob"])
    except ValueError:
        return AwsRefused("InvalidCiphertextException", "Decrypt", "")
    if found["context"] != context and not careless:
        return AwsRefused("InvalidCiphertextException", "Decrypt", "EncryptionContext does not match")
    return Done({"Plaintext": bytes.fromhex(found["plain"]), "KeyId": _arn(found["key"])}, "allowed")


def _arn(key_id: str) -> str:
    return f"arn:aws:kms:ap-northeast-2:111122223333:key/{key_id}"


def envelope(
    *, key_id: str = "", context: str = "", text: str = "", iv: bytes = b"i" * 16, change: Callable[[str], str] = str
) -> str:
    """An envelope as it is handed in, right but for what is given."""
    told = envelope_map()
    name, _, value = told["context"].partition("=")
    made = kms("generate_data_key", KeyId=key_id or told[KEY_ID], EncryptionContext={name: context or value})
    assert isinstance(made, Done)
    return change(sealed(text or told["text"], made.value, iv).text)
