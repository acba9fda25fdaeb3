"""Keeps keys and tokens out of a report.

Rows show no credential by themselves (`grading.outcomes`). But a report leaves the machine, and it holds what the API
server, AWS and a learner said. So every text of it goes through here, whatever it is about.
"""

from __future__ import annotations

import re
from typing import Any, Final

MASK: Final = "[not shown]"

_WORD: Final = r"[A-Za-z0-9+/_.=~-]"
_SECRETS: Final = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            # Ids of access keys begin with four letters of AWS's own (IAM User Guide, "IAM identifiers", seen 2026-11).
            r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}",
            # Tokens of service accounts and of other issuers are JWTs: JSON that begins with {", in base64url.
            rf"eyJ{_WORD}{{8,}}",
            rf"k8s-aws-v1\.{_WORD}{{16,}}",
            r"(?<=X-Amz-Signature=)\w+",
            rf"(?<=X-Amz-Security-Token=)(?:{_WORD}|%)+",
            rf"(?i:(?<=bearer )){_WORD}{{8,}}",
            # Bootstrap tokens of kubeadm (Kubernetes, "Authenticating with Bootstrap Tokens").
            r"(?<![\w.-])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.-])",
            # Secret access keys have 40 characters of base64. A digest in hexadecimal has no capital letter.
            r"(?<![A-Za-z0-9+/])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*[0-9+/])"
            r"[A-Za-z0-9+/]{40,}",
            # Session tokens, and whatever else is long and no words.
            r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_=-]{120,}",
        )
    ),
    re.DOTALL,
)


def masked(value: Any) -> Any:
    """The same plain value with a mark in the place of each key and token, in texts and in names of members."""
    if isinstance(value, str):
        return _SECRETS.sub(MASK, value)
    if isinstance(value, dict):
        return {masked(key): masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(each) for each in value]
    return value
