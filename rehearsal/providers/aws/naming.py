"""Names that the provider makes up when the program gives none, as the real one does.

Pulumi appends a dash and seven hexadecimal digits to the logical name
(pulumi-aws 7, "autonaming"); Terraform's `namePrefix` is followed by 26 digits.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from dataclasses import dataclass

from rehearsal.providers.protocol import CheckFailure, Context, InvalidPropertiesError

_RANDOM_DIGITS = 7
_counter = itertools.count()


@dataclass(frozen=True)
class AutoName:
    """Which property is made up, how long it may be, and what it begins with."""

    property: str = "name"
    longest: int = 255
    begins: str = ""
    prefix_property: str = "namePrefix"

    def make(self, ctx: Context) -> str:
        """A name for the resource; the same for the same plan. Raises InvalidPropertiesError."""
        if ctx.autonaming is not None:
            return self._by_rule(ctx)
        name = f"{self.begins}{ctx.name}-"
        if len(name) + _RANDOM_DIGITS > self.longest:
            raise InvalidPropertiesError(
                [
                    CheckFailure(
                        self.property,
                        f"name '{name}' plus {_RANDOM_DIGITS} random chars is longer than maximum length "
                        f"{self.longest}",
                    )
                ]
            )
        return name + _digits(ctx.random_seed, _RANDOM_DIGITS)

    def _by_rule(self, ctx: Context) -> str:
        rule = ctx.autonaming
        assert rule is not None  # noqa: S101 - the caller has looked; said again for the type checker
        if rule.mode == "disable":
            raise InvalidPropertiesError(
                [CheckFailure(self.property, "a name is required: automatic naming is disabled")]
            )
        return self.begins + rule.proposed

    def is_made(self, value: str, ctx: Context) -> bool:
        """Whether a name looks like one that `make` gave."""
        start = f"{self.begins}{ctx.name}-"
        return bool(ctx.name) and value.startswith(start) and len(value) == len(start) + _RANDOM_DIGITS


def _digits(seed: bytes, count: int) -> str:
    # Without a seed (an older engine) any digits will do.
    return hashlib.sha256(seed or os.urandom(16)).hexdigest()[:count]


def with_prefix(prefix: str) -> str:
    """A unique name that begins with the prefix: time and counter, as Terraform makes it."""
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime()) + f"{time.time_ns() % 10**4:04d}"
    return f"{prefix}{stamp}{next(_counter):08x}"
