"""Gives each Helm release of a program its chart from this machine, and checks its values, before anything is made.

This is done while the program declares the release, not when the engine registers it: then all releases have been
seen before the first resource is made, and a wrong value costs nothing. That is why it is a transformation of the
SDK (`register_stack_transformation`), and not a transform, which the engine asks for much later.

An empty chart brings no controller. The provider would wait ten minutes for the address of an Ingress, and fail; so an
Ingress that is declared after a release without a chart is not waited for. Its deletion is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NoReturn, cast

import pulumi
from pulumi.runtime import register_stack_transformation
from pulumi.runtime.settings import get_monitor

from rehearsal.charts import values
from rehearsal.charts.directory import ChartError, Charts
from rehearsal.charts.repository import Pin

RELEASE: Final = "kubernetes:helm.sh/v3:Release"
INGRESS: Final = "kubernetes:networking.k8s.io/v1:Ingress"
NOT_AWAITED: Final = "pulumi.com/skipAwait"
"""Annotation by which the provider takes an object for ready at once."""


class BadReleases(ChartError, pulumi.RunError):
    """What is wrong with releases; it ends a program with its text alone, without a Python trace."""


class Releases:
    """The releases of one run of a program."""

    def __init__(self, charts: Charts, pins: Collection[Pin], state: Collection[Mapping[str, Any]]) -> None:
        """`pins` tell the digests that are known, `state` holds the engine's resources before the run."""
        self._charts = charts
        self._pins = {(pin.name, pin.version, pin.repository): pin for pin in pins}
        self._recorded = {
            str(resource["urn"]).rpartition("::")[2]
            for resource in state
            if resource["type"] == RELEASE and charts.is_recorded(str(resource.get("inputs", {}).get("chart", "")))
        }
        self._problems: list[str] = []
        self._lacks_one = False
        """Whether a release that was declared has no chart."""

    def around(self, program: Callable[[], None]) -> None:
        """Run the program with its releases led to their charts. Raises BadReleases; then nothing is registered."""
        register_stack_transformation(self._lead)
        program()
        if self._problems:
            error = BadReleases("\n".join(self._problems))

            def refuse(*_: object, **__: object) -> NoReturn:
                raise error

            # What the program has declared waits for its end to be registered, and would be.
            monitor: Any = get_monitor()
            monitor.RegisterResource = refuse
            raise error

    def _lead(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_ == INGRESS and self._lacks_one:
            return pulumi.ResourceTransformationResult(_not_awaited(args.props), args.opts)
        pin = self._pin(args.props) if args.type_ == RELEASE else None
        if pin is None:
            return None
        try:
            had = self._charts.had(pin)
        except ChartError as error:
            self._problems.append(str(error))
            return None
        self._lacks_one |= had.chart is None
        props = dict(args.props)
        given = props.get("values")
        if had.chart and isinstance(given, Mapping):
            name = props.get("name") or args.name
            self._problems += [
                f"Release {name}: the chart {pin.name} {pin.version} does not know the value {path}. "
                "Write it as the chart's values.yaml has it, or leave it out."
                for path in values.unknown(had.chart, cast("Mapping[str, Any]", given))
            ]
        props["chart"] = str(had.path)
        props["repository_opts"] = None
        options = args.opts
        if had.chart and args.name in self._recorded:
            # Helm installs a chart's CRDs with a release's first revision only.
            own = pulumi.ResourceOptions(replace_on_changes=["chart"], delete_before_replace=True)
            options = pulumi.ResourceOptions.merge(options, own)
        return pulumi.ResourceTransformationResult(props, options)

    def _pin(self, props: Mapping[str, Any]) -> Pin | None:
        """The chart of a release; None where it is no chart of a repository over HTTP at one version."""
        options = props.get("repository_opts")
        inside = cast("Mapping[str, Any]", options) if isinstance(options, Mapping) else {}
        repository = inside.get("repo") or getattr(options, "repo", None)
        name, version = props.get("chart"), props.get("version")
        if not isinstance(name, str) or not isinstance(version, str) or not isinstance(repository, str):
            return None
        return self._pins.get((name, version, repository)) or Pin(name, version, repository)


def _not_awaited(props: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of an object with the annotation; its metadata may be a mapping, the SDK's own type or missing."""

    def annotated(given: Mapping[str, str] | None) -> dict[str, str]:
        return {**(given or {}), NOT_AWAITED: "true"}

    metadata: Any = props.get("metadata") or {}
    if isinstance(metadata, Mapping):
        known = cast("Mapping[str, Any]", metadata)
        annotations = pulumi.Output.from_input(known.get("annotations")).apply(annotated)
        return {**props, "metadata": {**known, "annotations": annotations}}
    own = copy.copy(metadata)
    own.annotations = pulumi.Output.from_input(own.annotations).apply(annotated)
    return {**props, "metadata": own}
