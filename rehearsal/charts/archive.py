"""Reads a chart archive as far as its values can be checked, and writes an empty chart.

Helm itself, inside the provider, installs the chart. What is read here is what Helm does not look at: which values a
chart without a schema knows. An empty chart stands for one that cannot be had: Helm installs it as a release that has
the values and no objects.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final, cast

import yaml

RECORDED: Final = "rehearsal/recorded"
"""Annotation in Chart.yaml of an empty chart that stands for another."""

APP_VERSION: Final = "recorded"
"""The application's version in such a chart, which `helm list` shows in a column of its own."""

WHY: Final = "its chart could not be had"
"""Value of that annotation, and what a user reads."""

MOST_BYTES: Final = 100 * 1024 * 1024
"""Size of an unpacked archive. Helm refuses larger ones (helm.sh/helm/v3, pkg/chart/loader/archive.go)."""


class NotAChart(ValueError):
    """What is wrong with an archive, as the second half of a sentence."""


@dataclass(frozen=True)
class Chart:
    """A chart with what is in it."""

    metadata: Mapping[str, Any]
    """Chart.yaml."""

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """values.yaml: the defaults."""

    schema: Mapping[str, Any] | None = None
    """values.schema.json, if the chart has one."""

    templates: str = ""
    """The text of all templates."""

    charts: Mapping[str, Chart] = field(default_factory=dict[str, "Chart"])
    """Sub-charts by the key under which the chart's values hold theirs: alias or name."""

    @property
    def name(self) -> str:
        """Name in Chart.yaml."""
        return str(self.metadata.get("name", ""))

    @property
    def version(self) -> str:
        """Version in Chart.yaml."""
        return str(self.metadata.get("version", ""))


def read(data: bytes) -> Chart:
    """The chart in an archive (.tgz). Raises NotAChart."""
    files: dict[str, bytes] = {}
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            # To its end, where a cut-off archive shows.
            content = packed.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise NotAChart(f"holds more than {MOST_BYTES // 1024 // 1024} MiB")
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for member in tar:
                # Everything is below one directory, which has the chart's name.
                path = PurePosixPath(member.name).parts[1:]
                file = tar.extractfile(member) if member.isfile() and path else None
                if file:
                    files["/".join(path)] = file.read()
    except (tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise NotAChart(f"is no gzipped tar archive ({error})") from error
    return _chart(files)


def _chart(files: Mapping[str, bytes]) -> Chart:
    if "Chart.yaml" not in files:
        raise NotAChart("has no Chart.yaml")
    metadata = _mapping(files, "Chart.yaml")
    schema = files.get("values.schema.json")
    try:
        known = None if schema is None else json.loads(schema)
    except ValueError as error:
        raise NotAChart(f"has a values.schema.json that is not JSON ({error})") from error
    templates = [text.decode(errors="replace") for path, text in files.items() if path.startswith("templates/")]
    by_name = {chart.name: chart for chart in _below(files)}
    aliases: dict[str, Chart] = {}
    for dependency in cast("list[Mapping[str, Any]]", metadata.get("dependencies") or []):
        found = by_name.get(str(dependency.get("name")))
        if found is not None:
            aliases[str(dependency.get("alias") or found.name)] = found
    return Chart(
        metadata,
        _mapping(files, "values.yaml"),
        cast("Mapping[str, Any]", known) if isinstance(known, dict) else None,
        "\n".join(templates),
        by_name | aliases,
    )


def _below(files: Mapping[str, bytes]) -> list[Chart]:
    """The sub-charts, which are directories or archives below charts/."""
    unpacked: dict[str, dict[str, bytes]] = {}
    found: list[Chart] = []
    for path, content in files.items():
        parts = path.split("/")
        if parts[0] != "charts":
            continue
        if len(parts) == 2 and path.endswith(".tgz"):
            found.append(read(content))
        elif len(parts) > 2:
            unpacked.setdefault(parts[1], {})["/".join(parts[2:])] = content
    return found + [_chart(below) for below in unpacked.values() if "Chart.yaml" in below]


def _mapping(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        content: object = yaml.load(files.get(name, b""), Loader=_LOADER) or {}  # noqa: S506  # a safe loader
    except yaml.YAMLError as error:
        raise NotAChart(f"has a {name} that is not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise NotAChart(f"has a {name} that is no mapping")
    return cast("dict[str, Any]", content)


_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The largest chart's values take seconds without libyaml."""


def empty(name: str, version: str) -> bytes:
    """An archive of a chart without objects that stands for this one; the same bytes each time."""
    content = yaml.safe_dump(
        {
            "apiVersion": "v2",
            "name": name,
            "version": version,
            "appVersion": APP_VERSION,
            "description": f"Stands for {name} {version}: {WHY}.",
            "annotations": {RECORDED: WHY},
        }
    ).encode()
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo(f"{name}/Chart.yaml")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(tar.getvalue(), mtime=0)
