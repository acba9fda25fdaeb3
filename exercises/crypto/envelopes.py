"""An envelope: data that a data key has encrypted, and the data key, which KMS has encrypted.

Handed in as `KEY.IV.DATA`: the encrypted data key in base64, the initialization vector in hex digits, and the data in
base64, as `aws kms generate-data-key` and `openssl enc -aes-256-cbc` make them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from exercises.crypto.names import CONTEXT, ENVELOPE
from exercises.crypto.puzzle import Puzzle
from grading.outcomes import AwsRefused, Done, Outcome
from grading.probes import Lab

BLOCK_BYTES: Final = 16
"""Of AES; an initialization vector is as long."""


@dataclass(frozen=True)
class Envelope:
    """What is left when the plain data key is forgotten."""

    key: bytes
    """The data key, as KMS has encrypted it."""

    iv: bytes
    data: bytes

    @classmethod
    def read(cls, text: str) -> Envelope:
        """From its text. Raises ValueError that says what is wrong."""
        parts = text.split(".")
        if len(parts) != len(("key", "iv", "data")):
            raise ValueError(f"it has {len(parts)} parts between points, and has to have 3: KEY.IV.DATA")
        try:
            key, data = (base64.b64decode(each, validate=True) for each in (parts[0], parts[2]))
        except binascii.Error:
            raise ValueError("KEY and DATA have to be base64, each in one line") from None
        try:
            iv = bytes.fromhex(parts[1])
        except ValueError:
            iv = b""
        if len(iv) != BLOCK_BYTES:
            raise ValueError("IV has to be 32 hex digits")
        return cls(key, iv, data)

    @property
    def text(self) -> str:
        """As it is handed in."""
        return f"{base64.b64encode(self.key).decode()}.{self.iv.hex()}.{base64.b64encode(self.data).decode()}"


def sealed(plain: str, data_key: Mapping[str, Any], iv: bytes) -> Envelope:
    """Encrypt a text with the answer to GenerateDataKey."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    padder = PKCS7(8 * BLOCK_BYTES).padder()
    padded = padder.update(plain.encode()) + padder.finalize()
    cipher = Cipher(algorithms.AES(data_key["Plaintext"]), modes.CBC(iv)).encryptor()
    return Envelope(data_key["CiphertextBlob"], iv, cipher.update(padded) + cipher.finalize())


def opened(envelope: Envelope, data_key: bytes) -> str:
    """The text in an envelope. Raises ValueError where the key is not that of the data."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    cipher = Cipher(algorithms.AES(data_key), modes.CBC(envelope.iv)).decryptor()
    unpadder = PKCS7(8 * BLOCK_BYTES).unpadder()
    padded = cipher.update(envelope.data) + cipher.finalize()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


def judged(given: str, lab: Lab, key_id: str) -> str | Outcome:
    """What is wrong with an envelope that was handed in; empty when KMS opens it and it holds the text.

    `key_id` is that of the exercise's key.
    """
    puzzle = Puzzle.of(lab.names)
    try:
        envelope = Envelope.read(given)
    except ValueError as error:
        return str(error)
    answer = lab.aws.call("kms", "decrypt", CiphertextBlob=envelope.key, EncryptionContext={CONTEXT: puzzle.context})
    if isinstance(answer, AwsRefused):
        if answer.code == "InvalidCiphertextException":
            return f"KMS does not decrypt KEY with the context {CONTEXT}={puzzle.context}"
        return f"KMS does not decrypt KEY ({answer.code})"
    if not isinstance(answer, Done):
        return answer
    if not str(answer.value["KeyId"]).endswith(key_id):
        return f"KEY was made by another key than that of the ConfigMap {ENVELOPE}"
    if puzzle.text.encode() in envelope.data:
        return "DATA holds the text in plain"
    try:
        found = opened(envelope, answer.value["Plaintext"])
    except ValueError:
        return "KMS decrypts KEY, and DATA is not encrypted with it, or not with aes-256-cbc and this IV"
    if found.strip() == puzzle.text:
        return ""
    return "it can be opened, and does not hold the text"
