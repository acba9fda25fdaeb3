"""Finds values that a chart does not know: Helm takes a misspelt key without a word, and it has no effect.

What a chart knows is in its values.schema.json, its values.yaml and its templates. Below some keys anything may
stand, and nothing there is checked: where the default is an empty mapping or null, where the schema describes no
properties, and where the templates hand the whole mapping on, as to a configuration file or to Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

from rehearsal.charts.archive import Chart

Path = tuple[str, ...]

GLOBAL: Final = "global"
"""Values for a chart and all charts below it: each takes what it knows of them."""

_STEPS: Final = r"((?:\.[A-Za-z_]\w*)+)"
_MENTIONED: Final = re.compile(rf"\.Values{_STEPS}")
_WHOLE: Final = re.compile(
    rf"(?:range\s+(?:\$\w+\s*,\s*)?(?:\$\w+\s*:=\s*)?|toYaml\s+|toJson\s+)\(?\$?\.Values{_STEPS}"
    # The mapping is handed on by its second name: {{ with .Values.a }} … {{ toYaml . }}
    rf"|with\s+\$?\.Values{_STEPS}\s*-?\}}\}}[^{{]*\{{\{{-?\s*(?:tpl\s+\()?toYaml\s+\."
)
_WHOLE_BY_INDEX: Final = re.compile(
    r"(?:range\s+(?:\$\w+\s*,\s*)?(?:\$\w+\s*:=\s*)?|toYaml\s+\(?)index\s+\$?\.Values((?:\s+\"[^\"]+\")+)"
)


def unknown(chart: Chart, values: Mapping[str, Any]) -> list[str]:
    """Paths of the keys that the chart does not know, as "grafana.adminPasword", in their order.

    `values` are what a release sets, with Pulumi's outputs or without; what is no mapping has no keys.
    """
    return [".".join(path) for path in _Known(chart).unknown((), values, chart.values, chart.schema)]


@dataclass(frozen=True)
class _Known:
    """What one chart knows."""

    chart: Chart

    @cached_property
    def _mentioned(self) -> frozenset[Path]:
        """Paths that the templates name, and the paths above them."""
        named = {tuple(found.split(".")[1:]) for found in _MENTIONED.findall(self.chart.templates)}
        for dependency in cast("list[Mapping[str, Any]]", self.chart.metadata.get("dependencies") or []):
            # By what a sub-chart is switched on: Helm reads it, no template does.
            conditions = str(dependency.get("condition") or "").split(",")
            named |= {tuple(condition.strip().split(".")) for condition in conditions if condition.strip()}
        return frozenset(path[:length] for path in named for length in range(1, len(path) + 1))

    @cached_property
    def _whole(self) -> frozenset[Path]:
        """Paths of the mappings that the templates hand on as they are."""
        text = self.chart.templates
        dotted = {tuple(part.split(".")[1:]) for found in _WHOLE.findall(text) for part in found if part}
        return frozenset(dotted | {tuple(re.findall(r'"([^"]+)"', found)) for found in _WHOLE_BY_INDEX.findall(text)})

    def unknown(self, above: Path, values: Mapping[str, Any], defaults: object, schema: object) -> Iterator[Path]:
        """Unknown keys of the mapping at a path, by its defaults and its schema."""
        known: Mapping[str, Any] = cast("dict[str, Any]", defaults) if isinstance(defaults, dict) else {}
        properties = _properties(schema, self.chart.schema or {})
        for key, value in values.items():
            path = (*above, key)
            inner = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None
            if not above and key == GLOBAL:
                continue
            if not above and key in self.chart.charts:
                if inner is not None:
                    yield from self._unknown_below(key, inner, known.get(key))
            elif key not in known and key not in properties and path not in self._mentioned:
                yield path
            elif inner is not None and not self._is_free(path, known.get(key), properties.get(key)):
                yield from self.unknown(path, inner, known.get(key), properties.get(key))

    def _unknown_below(self, key: str, values: Mapping[str, Any], defaults: object) -> Iterator[Path]:
        """Unknown keys of a sub-chart: it knows its own, and the chart above may have given it more."""
        below = _Known(self.chart.charts[key])
        for path in below.unknown((), values, below.chart.values, below.chart.schema):
            if not _has(defaults, path) and (key, *path) not in self._mentioned:
                yield (key, *path)

    def _is_free(self, path: Path, default: object, schema: object) -> bool:
        if path in self._whole:
            return True
        if isinstance(default, dict) and default:
            return False
        return not _properties(schema, self.chart.schema or {}) and not self._mentioned_below(path)

    def _mentioned_below(self, path: Path) -> bool:
        return any(len(found) > len(path) and found[: len(path)] == path for found in self._mentioned)


def _has(defaults: object, path: Path) -> bool:
    for key in path:
        if not isinstance(defaults, dict) or key not in defaults:
            return False
        defaults = cast("dict[str, object]", defaults)[key]
    return True


def _properties(schema: object, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a JSON schema describes of a mapping, alternatives together."""
    if not isinstance(schema, dict):
        return {}
    described = cast("dict[str, Any]", schema)
    found: dict[str, Any] = {}
    reference = described.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        target: Any = root
        for step in reference.removeprefix("#/").split("/"):
            target = target.get(step) if isinstance(target, dict) else None
        # A reference to itself describes nothing new.
        found |= _properties(target, root) if target is not schema else {}
    for way in ("allOf", "anyOf", "oneOf"):
        for part in cast("list[Any]", described.get(way) or []):
            found |= _properties(part, root)
    return found | cast("dict[str, Any]", described.get("properties") or {})
