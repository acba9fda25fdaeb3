"""Every setting of the lab, read and checked at once, so that a mistake is told before a resource exists.

A stack takes 20 minutes to build on AWS; a bad value found in the middle of it costs an operator those and a repair.
So all values are read once, at the start, and all problems are told together, each with its key and its remedy.

    values → types (config_model, config_decode) → rules (config_network, config_nodes, config_names) → LabConfig
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from infra import config_names, config_network, config_nodes
from infra.config_advice import advice
from infra.config_decode import ERROR_TYPE, from_json
from infra.config_model import (
    DEFAULT_REGION,
    GROUPS,
    OPS_VPC_CIDR,
    SERVICE_CIDR,
    Exercises,
    LabConfig,
    NodeGroup,
    OpsServers,
    keys_of,
)
from infra.config_problems import NAMESPACE, ConfigError, Path, Problem, closest, key_of, listed, shown

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
    "from_pulumi",
    "parse",
]

SECRET_KEYS: Final = frozenset({"grafanaAdminPassword"})
"""The settings that may be encrypted."""

_RULES = (*config_names.RULES, *config_network.RULES, *config_nodes.RULES)
_KEYS = keys_of(LabConfig)
_EVERY_PATH = (*_KEYS, *(f"{group}.{key}" for group, model in GROUPS.items() for key in keys_of(model)))
_ENCRYPTED = "(encrypted)"


def parse(values: Mapping[str, object], region: object, *, secret_keys: Collection[str] = ()) -> LabConfig:
    """Check every setting and give them all typed.

    Args:
        values: the ``myeks:`` namespace without its prefix, as a stack's file or the engine gives it: lists and maps
            decoded or as JSON text, numbers and booleans also as text. None and, for optional texts, the empty text
            count as absent. A still encrypted ``{"secure": …}`` counts as a secret of unknown content.
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
        ConfigError: everything that is wrong. It is a ``pulumi.RunError`` too, which the engine shows without a trace.
    """
    from infra.config_pulumi import read  # noqa: PLC0415  # importing pulumi takes longer than all the rest of this

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
            self.fail(
                ("region",), what, f"Run `pulumi config set aws:region {DEFAULT_REGION}`, or name another."
            )
        try:
            return _validated(payload)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                self._mistyped(detail)
            return _validated(_without(payload, self.unread))

    def fail(self, path: Path, what: str, remedy: str) -> None:
        """Note a problem, and that the setting has no value for the rules."""
        key = config_names.REGION_KEY if path == ("region",) else key_of(*path)
        self.problems.append(Problem(key, what, remedy))
        self.unread.add(path)

    def _settings(self, values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
        """The known settings that have a value of their own, with the maps and lists in JSON text decoded."""
        for name, value in values.items():
            key = str(name)
            if key not in _KEYS:
                self._unknown(key)
            elif key in SECRET_KEYS:
                if value is not None:
                    yield key, _ENCRYPTED if _encrypted(value) else value
            elif key in self._secret_keys or _encrypted(value):
                self.fail((key,), "It is encrypted, but its value appears in names and outputs.", _SET_PLAIN)
            else:
                decoded = from_json(value) if key in GROUPS or key == "tags" else value
                if isinstance(decoded, Mapping):
                    decoded = dict(self._group(key, cast("Mapping[object, object]", decoded)))
                self._placeholders((key,), decoded)
                if decoded is not None and (key,) not in self.unread:
                    yield key, decoded

    def _group(self, key: str, values: Mapping[object, object]) -> Iterator[tuple[str, object]]:
        known = keys_of(GROUPS[key]) if key in GROUPS else None
        for name, value in values.items():
            inner = str(name)
            if known is not None and inner not in known:
                self._unknown(f"{key}.{inner}", path=(key, inner))
            elif known is not None and _encrypted(value):
                self.fail(
                    (key, inner), "It is encrypted, but its value appears in names and outputs.", _SET_PLAIN
                )
            elif known is None or value is not None:
                yield inner, value

    def _unknown(self, dotted: str, path: Path | None = None) -> None:
        key = key_of(*(path or (dotted,)))
        if dotted == "region":
            self.problems.append(Problem(key, "There is no such setting.", "Set aws:region instead."))
            return
        # A setting written at the wrong level has the right last word.
        last = dotted.rpartition(".")[2]
        moved = [known for known in _EVERY_PATH if known.rpartition(".")[2] == last]
        meant = moved[0] if moved else closest(dotted, _EVERY_PATH) or closest(last, _KEYS)
        remedy = (
            f"Did you mean {key_of(meant)}?" if meant else f"Remove it; the settings are {listed(_KEYS)}."
        )
        self.problems.append(Problem(key, "There is no such setting.", remedy))

    def _placeholders(self, path: Path, value: object) -> None:
        """Refuse the ``<YOUR-…>`` that an example file holds, wherever it stands."""
        if isinstance(value, str):
            if "<" in value and ">" in value.partition("<")[2]:
                self.fail(
                    path, f"{shown(value)} is still the example's placeholder.", "Write your own value there."
                )
                self.unread.add(path[:1])
        elif isinstance(value, (list, tuple)):
            for index, item in enumerate(cast("list[object]", value)):
                self._placeholders((*path, index), item)
        elif isinstance(value, Mapping):
            for name, item in cast("Mapping[str, object]", value).items():
                self._placeholders((*path, name), item)

    def _mistyped(self, detail: ErrorDetails) -> None:
        path = detail["loc"]
        context = detail.get("ctx", {})
        if detail["type"] == ERROR_TYPE:
            self.fail(path, str(context["what"]), str(context["remedy"]))
        else:  # the only other type that the model can give is that of an enumeration
            words = str(context["expected"]).replace("'", "")
            self.fail(path, "It is none of its possible values.", f"Write one of {words}.")


_SET_PLAIN = "Set it again without --secret."


def _encrypted(value: object) -> bool:
    """Whether it is how a stack's file holds a secret."""
    return isinstance(value, Mapping) and set(cast("Mapping[object, object]", value)) == {"secure"}


def _validated(payload: Mapping[str, object]) -> LabConfig:
    return LabConfig.model_validate(payload, by_alias=True, by_name=False)


def _without(payload: Mapping[str, object], paths: Collection[Path]) -> dict[str, object]:
    """The payload less what could not be read: a setting of a group alone, anything else whole."""
    kept: dict[str, object] = {}
    for key, value in payload.items():
        if (key,) in paths:
            continue
        if key in GROUPS and isinstance(value, dict):
            gone = {path[1] for path in paths if path[0] == key and len(path) > 1}
            kept[key] = {
                name: one for name, one in cast("dict[str, object]", value).items() if name not in gone
            }
        elif not any(path[0] == key for path in paths):
            kept[key] = value
    return kept


def _place(problem: Problem) -> tuple[int, str]:
    """Problems in the order of the settings; aws:region first."""
    namespace, _, path = problem.key.partition(":")
    first = path.partition(".")[0].partition("[")[0]
    if namespace != NAMESPACE:
        return (-1, "")
    return (_KEYS.index(first) if first in _KEYS else len(_KEYS), "" if first in _KEYS else path)
