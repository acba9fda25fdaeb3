"""The names that a row is written in, and what they stand for in one lab.

Rows are the same for every lab, so they say `$CLUSTER_NAME` where the value differs. Those that `lab shell` sets are
variables there too, so that a command can be typed there as it stands in the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from string import Template
from threading import Lock
from typing import Any

from typing_extensions import override


class Unknown(Exception):
    """A name's value could not be found out; the text says why."""


class Names(Mapping[str, str]):
    """Name → value. One that has to be asked for is asked for once, by whoever needs it first."""

    def __init__(self, known: Mapping[str, str], ask: Mapping[str, Callable[[], str]] | None = None) -> None:
        """`ask`: name → what finds its value; it may raise Unknown."""
        self._known = dict(known)
        self._ask = dict(ask or {})
        self._lock = Lock()

    @override
    def __getitem__(self, name: str) -> str:
        with self._lock:
            if name not in self._known and name in self._ask:
                self._known[name] = self._ask[name]()
            if not self._known.get(name):
                raise Unknown(f"The stack does not tell ${name}. Run ./lab up, then ask again.")
            return self._known[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter({*self._known, *self._ask})

    @override
    def __len__(self) -> int:
        return len({*self._known, *self._ask})

    def fill(self, text: str) -> str:
        """A text with its names replaced; raises Unknown."""
        return Template(text).safe_substitute(_Loud(self))


class _Loud(Mapping[str, str]):
    """safe_substitute leaves a name alone on KeyError: right for what is no name of ours, wrong for Unknown."""

    def __init__(self, names: Names) -> None:
        self._names = names

    @override
    def __getitem__(self, name: str) -> str:
        if name not in set(self._names):
            raise KeyError(name)
        return self._names[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    @override
    def __len__(self) -> int:
        return len(self._names)


def names_of(outputs: Mapping[str, Any], node_role: Callable[[], str]) -> Names:
    """Names of the lab that has these stack outputs; `node_role` asks for the name of the nodes' IAM role."""
    arns: Mapping[str, str] = outputs.get("exerciseRoleArns") or {}
    issuer = str(outputs.get("oidcIssuer") or "")
    provider = str(outputs.get("oidcProviderArn") or "")
    irsa, pod_identity = arns.get("irsa", ""), arns.get("podIdentity", "")
    return Names(
        {
            "CLUSTER_NAME": str(outputs.get("clusterName") or ""),
            "ACCOUNT_ID": str(outputs.get("accountId") or ""),
            "AWS_REGION": str(outputs.get("region") or ""),
            "PARTITION": provider.split(":")[1] if provider.count(":") > 1 else "aws",
            "ISSUER": f"https://{host}" if (host := issuer.removeprefix("https://")) else "",
            "ISSUER_HOST": host,
            "OIDC_PROVIDER_ARN": provider,
            "IRSA_ROLE_ARN": irsa,
            "IRSA_ROLE": irsa.rpartition("/")[2],
            "POD_IDENTITY_ROLE_ARN": pod_identity,
            "POD_IDENTITY_ROLE": pod_identity.rpartition("/")[2],
            "TESTUSER_ARN": str(outputs.get("testuserArn") or ""),
        },
        {"NODE_ROLE": node_role},
    )


def alike(pattern: str, text: str) -> bool:
    """Whether a text is the pattern, in which `*` stands for any characters but a slash."""
    return bool(re.fullmatch("[^/]*".join(re.escape(part) for part in pattern.split("*")), text))
