"""The puzzles of one lab, and their answers: everything follows from the cluster's own identity.

The stack makes the puzzles from it, and the check works out the answers from it once more, so that no answer has to be
kept anywhere. The cluster's issuer differs from cluster to cluster, so an answer from another lab is wrong in this one.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Final

from grading.tokens import Presigned, SessionKey, presigned
from grading.variables import Names

FIRST, LAST = 32, 126
"""ASCII codes of the first and of the last printable character."""

PRINTABLE: Final = LAST - FIRST + 1
SENTENCE: Final = "Add the same x to every character, and take it away again. The word of this lab is {}."
FILES: Final = ("orders", "payments", "users")
SUMS: Final = "SHA256SUMS"
MAPS: Final = ("caesar", "files", "signer")
"""ConfigMaps that follow from the identity alone."""

NOTE_DAY: Final = datetime(2025, 3, 15, tzinfo=UTC)
"""Day of the study note. A URL that was signed on it has ended long ago."""


def shifted(text: str, x: int) -> str:
    """A text with x added to the code of each character; after the last printable one comes the first again."""
    return "".join(chr(FIRST + (ord(each) - FIRST + x) % PRINTABLE) for each in text)


@dataclass(frozen=True)
class Puzzle:
    """The puzzles of the lab of which this is the identity."""

    issuer: str
    """URL of the cluster's OIDC issuer, with `https://`."""

    cluster: str
    region: str

    @classmethod
    def of(cls, names: Names) -> Puzzle:
        """Of a lab that is asked. Raises Unknown."""
        return cls(names["ISSUER"], names["CLUSTER_NAME"], names["AWS_REGION"])

    @property
    def config_maps(self) -> Mapping[str, Mapping[str, str]]:
        """Name of a ConfigMap → what a learner finds in it."""
        signer = {
            "access-key-id": self.key.access_key_id,
            "secret-access-key": self.key.secret_access_key,
            "date": self.moment.strftime("%Y%m%dT%H%M%SZ"),
            "region": self.region,
            "string-to-sign": self.signed.string_to_sign,
        }
        return {
            "caesar": {"ciphertext": shifted(SENTENCE.format(self.word), self.x)},
            "files": {**self.files, SUMS: self.sums},
            "signer": signer,
        }

    @property
    def x(self) -> int:
        """Caesar's key, 1 to 94."""
        return 1 + self._number("x") % (PRINTABLE - 1)

    @property
    def word(self) -> str:
        """Answer to caesar: eight letters."""
        return self._word("word")

    @property
    def context(self) -> str:
        """Value of the encryption context of the part envelope."""
        return self._word("context")

    @property
    def text(self) -> str:
        """What is to be in the envelope."""
        return f"This text is for lab {self._word('text')} alone."

    def _word(self, label: str) -> str:
        drawn = self._drawn(label)
        return "".join("bdfgklmnprstvz"[drawn[i] % 14] + "aeiou"[drawn[i + 1] % 5] for i in range(0, 8, 2))

    @property
    def originals(self) -> Mapping[str, str]:
        """The files as they were when the digests were written."""
        drawn = self._drawn("files")
        return {
            name: f"name: {name}\ncluster: {self.cluster}\nissuer: {self.issuer}\nreplicas: {2 + drawn[at] % 6}\n"
            for at, name in enumerate(FILES)
        }

    @property
    def changed(self) -> str:
        """Name of the file that was changed."""
        return FILES[self._number("changed") % len(FILES)]

    @property
    def files(self) -> Mapping[str, str]:
        """The files as they are: the digit of one of them is one higher."""
        found = dict(self.originals)
        text = found[self.changed]
        found[self.changed] = f"{text[:-2]}{int(text[-2]) + 1}\n"
        return found

    @property
    def sums(self) -> str:
        """As `sha256sum` writes it, of the files as they were."""
        return "".join(f"{_hex(text)}  {name}\n" for name, text in self.originals.items())

    @property
    def digest(self) -> str:
        """Answer to hash."""
        return _hex(self.files[self.changed])

    @property
    def key(self) -> SessionKey:
        """An access key that was invented: AWS does not know it."""
        secret = base64.b32encode(self._drawn("secret")).decode()[:20].lower()
        return SessionKey(f"AKIA{base64.b32encode(self._drawn('key')).decode()[:16]}", f"not-a-real-secret-{secret}")

    @property
    def moment(self) -> datetime:
        """When the URL was signed."""
        return NOTE_DAY + timedelta(seconds=self._number("moment") % 86_400)

    @cached_property
    def signed(self) -> Presigned:
        """The URL of a token for this cluster, by the AWS SDK; its signature is the answer to sigv4."""
        sts = f"https://sts.{self.region}.amazonaws.com"
        return presigned(self.key, self.cluster, region=self.region, sts=sts, when=self.moment)

    def _drawn(self, label: str) -> bytes:
        return sha256(f"{self.issuer}\n{label}".encode()).digest()

    def _number(self, label: str) -> int:
        return int.from_bytes(self._drawn(label)[:4], "big")


def _hex(text: str) -> str:
    return sha256(text.encode()).hexdigest()
