"""Every setting of the lab, read and checked at once, so that a mistake is reported before a resource exists.

A stack takes 20 minutes to build on AWS; a bad value found in the middle of it costs an operator those and
a repair. So all values are read once, at the start, and all problems are reported together, each with its key
and its remedy.

The types and defaults are in config_model, how a value is decoded in config_decode, and what values may have
together in config_names, config_network and config_nodes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from infra.config.decoding import ERROR_TYPE, from_json
from infra.config.model import (
    DEFAULT_REGION,
    GROUPS,
    OPS_VPC_CIDR,
    SERVICE_CIDR,
    Exercises,
    LabConfig,
    NodeGroup,
    OpsServers,
    expiry,
    keys_of,
)
from infra.config.problems import NAMESPACE, ConfigError, Path, Problem, closest, key_of, listed, shown
from infra.config.rules import names, network, nodes
from infra.config.warnings import advice

__all__ = [
    "DEFAULT_REGION",
    "NAMESPACE",
    "OPS_VPC_CIDR",
    "SERVICE_CIDR",
    "ConfigError",
    "Exercises",
    "LabConfig",
    "NodeGroup",
    "OpsServers",
    "Problem",
    "advice",
    "expiry",
    "from_pulumi",
    "parse",
]

SECRET_KEYS: Final = frozenset({"grafanaAdminPassword"})
"""The settings that may be encrypted."""

_RULES = (*names.RULES, *network.RULES, *nodes.RULES)
_KEYS = keys_of(LabConfig)
_ANYWHERE: Final[dict[str, Path]] = {
    **{key: (group, key) for group, model in GROUPS.items() for key in keys_of(model)},
    **{key: (key,) for key in _KEYS},
}
_MAPS = (*GROUPS, "tags")
_LISTS = ("publicSubnetCidrs", "privateSubnetCidrs", "operatorCidrs")
_ENCRYPTED = "(encrypted)"


def parse(values: Mapping[str, object], region: object, *, secret_keys: Collection[str] = ()) -> LabConfig:
    """Check every setting and give them all typed.

    Args:
        values: the ``myeks:`` namespace without its prefix, as a stack's file or the engine gives it: lists
            and maps decoded or as JSON text, numbers and booleans also as text. None and, for optional
            texts, the empty text count as absent. A still encrypted ``{"secure": …}`` counts as a secret of
            unknown content.
        region: the value of ``aws:region``.
        secret_keys: keys of ``values`` that were encrypted, for a caller who has decrypted them.

    Raises:
        ConfigError: everything that is wrong.
    """
    reader = _Reader(secret_keys)
    config = reader.read(values, region)
    for one in _RULES:
        reader.problems.extend(one.problems(config, reader.unread))
    if reader.problems:
        raise ConfigError(sorted(reader.problems, key=_place))
    return config


def from_pulumi() -> LabConfig:
    """The running Pulumi program's configuration, checked; what is advisable about it is logged as warnings.

    Raises:
        ConfigError: everything that is wrong. It is a ``pulumi.RunError`` too, which the engine shows
        without a trace.
    """
    from infra.config.pulumi_program import read  # importing pulumi takes longer than all of this

    return read()


class _Reader:
    """Makes a LabConfig of whatever can be read, and remembers what could not."""

    def __init__(self, secret_keys: Collection[str]) -> None:
        self.problems: list[Problem] = []
        self.unread: set[Path] = set()
        self._secret_keys = secret_keys

    def read(self, values: Mapping[str, object], region: object) -> LabConfig:
        payload = dict(self._settings(values))
        if isinstance(region, str) and region:
            payload["region"] = region
        else:
            what = "It is not set." if region in (None, "") else f"{shown(region)} is not a region's name."
            remedy = f"Write `{names.REGION_KEY}: {DEFAULT_REGION}`, or another region, into Pulumi.<stack>.yaml."
            self.fail(("region",), what, remedy)
        try:
            return self._validated(payload)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._mistyped(detail)
            return self._validated(payload)

    def fail(self, path: Path, what: str, remedy: str) -> None:
        """Note a problem, and that the setting has no value for the rules."""
        key = names.REGION_KEY if path == ("region",) else key_of(*path)
        self.problems.append(Problem(key, what, remedy))
        self.unread.add(path[:2] if path[0] in GROUPS else path[:1])

    def _settings(self, values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
        """The known settings that have a value, maps decoded and without unknown keys."""
        for name, value in values.items():
            key = str(name)
            if key not in _KEYS:
                self._unknown((key,))
            elif value is None:
                continue
            elif key in SECRET_KEYS:
                yield key, _ENCRYPTED if _encrypted(value) else value
            elif key in self._secret_keys or _encrypted(value):
                self.fail((key,), *_NOT_SECRET)
            elif key not in _MAPS:
                plain = from_json(value) if key in _LISTS else value
                self._placeholders((key,), plain)
                yield key, plain
            elif isinstance(decoded := from_json(value), Mapping):
                yield key, dict(self._below(key, cast("Mapping[object, object]", decoded)))
            elif decoded is not None:
                remedy = "Write `key: value` lines below it, or {} for none."
                self.fail((key,), f"{shown(value)} is not a map.", remedy)

    def _below(self, key: str, values: Mapping[object, object]) -> Iterator[tuple[str, object]]:
        for name, value in values.items():
            inner = str(name)
            if key in GROUPS and inner not in keys_of(GROUPS[key]):
                self._unknown((key, inner))
            elif _encrypted(value):
                self.fail((key, inner), *_NOT_SECRET)
            elif value is not None or key not in GROUPS:
                self._placeholders((key, inner), value)
                yield inner, value

    def _unknown(self, path: Path) -> None:
        *above, last = map(str, path)
        beside = keys_of(GROUPS[above[0]]) if above else _KEYS
        # Misspelt, or written at the wrong level, or both.
        if near := closest(last, beside):
            meant = key_of(*above, near)
        elif far := closest(last, _ANYWHERE):
            meant = key_of(*_ANYWHERE[far])
        else:
            meant = names.REGION_KEY if last == "region" else None
        remedy = f"Did you mean {meant}?" if meant else f"Remove it, or choose among {listed(beside)}."
        self.problems.append(Problem(key_of(*path), "There is no such setting.", remedy))

    def _placeholders(self, path: Path, value: object) -> None:
        """Refuse the ``<YOUR-…>`` of an example file, wherever it stands."""
        if isinstance(value, str) and _PLACEHOLDER.search(value):
            self.fail(path, f"{shown(value)} is still the example's placeholder.", "Write your own value.")
        elif isinstance(value, (list, tuple)):
            for index, item in enumerate(cast("list[object]", value)):
                self._placeholders((*path, index), item)

    def _mistyped(self, detail: ErrorDetails) -> None:
        context = detail.get("ctx", {})
        if detail["type"] == "default_factory_not_called":
            return  # follows from another problem of the group
        if detail["type"] == ERROR_TYPE:
            self.fail(detail["loc"], str(context["what"]), str(context["remedy"]))
        else:  # an enumeration's, the only other one that these models give
            words = re.findall("'([^']*)'", str(context["expected"]))
            meant = closest(str(detail["input"]), words)
            what = f"{shown(detail['input'])} is not {listed(words)}."
            self.fail(detail["loc"], what, f"Write {meant or 'one of these'}.")

    def _validated(self, payload: Mapping[str, object]) -> LabConfig:
        """The model of what could be read so far, with defaults in place of the rest."""
        kept = {
            key: {name: item for name, item in value.items() if (key, name) not in self.unread}
            if key in GROUPS and isinstance(value, dict)
            else value
            for key, value in payload.items()
            if (key,) not in self.unread
        }
        return LabConfig.model_validate(kept)


_NOT_SECRET = (
    "It is encrypted, but its value appears in names and outputs.",
    "Set it again without --secret.",
)
_PLACEHOLDER = re.compile("<[^<>]+>")


def _encrypted(value: object) -> bool:
    """Whether it is how a stack's file holds a secret."""
    return isinstance(value, Mapping) and set(cast("Mapping[object, object]", value)) == {"secure"}


def _place(problem: Problem) -> tuple[int, str]:
    """Problems in the order of the settings; aws:region first."""
    namespace, _, path = problem.key.partition(":")
    first = path.partition(".")[0].partition("[")[0]
    if namespace != NAMESPACE:
        return (-1, "")
    return (_KEYS.index(first) if first in _KEYS else len(_KEYS), "" if first in _KEYS else path)
