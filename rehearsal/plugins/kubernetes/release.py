"""`kubernetes:helm.sh/v3:Release`, recorded: the rehearsal has no containers that a chart could install.

What can be told without the chart is as in pulumi-kubernetes 4.34.2
(provider/pkg/provider/helm_release.go): names, defaults, what replaces and
what updates. What only the chart knows stays empty.
"""

from __future__ import annotations

from typing import Any, Final

from rehearsal.plugins.kubernetes import naming
from rehearsal.plugins.kubernetes.api import UnreachableError
from rehearsal.plugins.kubernetes.live import manifest
from rehearsal.plugins.kubernetes.objects import UNREACHABLE, Cluster
from rehearsal.plugins.kubernetes.tokens import ObjectKind, names_of
from rehearsal.plugins.properties import UNKNOWN, Properties, changes
from rehearsal.plugins.protocol import (
    CheckFailure,
    Context,
    Diff,
    InvalidPropertiesError,
    ProviderError,
    Resource,
    State,
)

RECORDED: Final = "recorded"
"""`status.status` of a release here; Helm's own word for an installed one is "deployed"."""

KNOWN = names_of(
    "allowNullValues atomic chart cleanupOnFail compat createNamespace dependencyUpdate description "
    "devel disableCRDHooks disableOpenapiValidation disableWebhooks forceUpdate keyring lint manifest "
    "maxHistory name namespace postrender recreatePods renderSubchartNotes replace repositoryOpts "
    "resetValues resourceNames reuseValues skipAwait skipCrds takeOwnership timeout valueYamlFiles "
    "values verify version waitForJobs"
)
REPOSITORY = frozenset({"caFile", "certFile", "keyFile", "password", "repo", "username"})
_FILES_OF_VALUES = "valueYamlFiles"
# The SDK's own mark for how it serialises the resource; and what Helm computes.
_NOT_KEPT = frozenset({"compat", "manifest", "resourceNames"})
_DEFAULT_TIMEOUT = 300
_NAMESPACE = ObjectKind("", "v1", "Namespace")


class Release(Resource):
    """A Helm release that is kept in the engine's state alone."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def check(self, ctx: Context, old: Properties | None, new: Properties) -> Properties:
        """Inputs with the name, the namespace and the timeout that Helm would use."""
        failures = [*_unknown_names(new), *_chart_problems(new)]
        if failures:
            raise InvalidPropertiesError(failures)
        inputs = {key: value for key, value in new.items() if value is not None and key not in _NOT_KEPT}
        if not inputs.get("name"):
            generated = f"{ctx.name}-{naming.suffix(ctx.random_seed, ctx.urn)}"
            inputs["name"] = old["name"] if old is not None and old.get("name") else generated
        if not inputs.get("namespace"):
            namespace = self._cluster.default_namespace()
            inputs |= {"namespace": namespace} if namespace else {}
        if not inputs.get("skipAwait"):
            inputs.setdefault("timeout", _DEFAULT_TIMEOUT)
        return inputs

    def diff(self, ctx: Context, old: State, new: Properties) -> Diff:
        """Old inputs against new ones; another name or namespace is another release."""
        del ctx
        found = changes(old.inputs, new)
        replacing = {("name",), ("namespace",)}
        return Diff([_marked(change) if change.path in replacing else change for change in found])

    def preview(self, ctx: Context, old: State | None, inputs: Properties) -> Properties:
        """The inputs; what Helm would say is not known."""
        del ctx, old
        return {**inputs, "resourceNames": UNKNOWN, "status": UNKNOWN}

    def create(self, ctx: Context, inputs: Properties) -> State:
        """Record the release, and make its namespace where Helm would."""
        self._provide_namespace(ctx, inputs)
        identity = naming.identity(inputs["namespace"], inputs["name"])
        ctx.status("recorded, not installed")
        return State(identity, inputs, _outputs(inputs, 1))

    def read(self, ctx: Context, identity: str, known: State | None) -> State | None:
        """What is recorded; a release that the state does not know is nowhere, as one whose cluster is gone."""
        if known is None or not known.inputs:
            return None
        try:
            self._reach(ctx, known)
        except UnreachableError as error:
            if not self._cluster.settings.delete_unreachable:
                raise ProviderError(f"{error} The {UNREACHABLE}") from error
            ctx.log(f"{identity} is removed from the state: the cluster is unreachable.", "warning")
            return None
        return known

    def update(self, ctx: Context, old: State, inputs: Properties) -> Properties:
        """Record the next revision."""
        ctx.status("recorded, not installed")
        status = old.outputs.get("status")
        revision = status.get("revision", 0) if isinstance(status, dict) else 0
        return _outputs(inputs, int(revision) + 1)

    def delete(self, ctx: Context, old: State) -> None:
        """Forget the release. Its namespace stays, as with Helm.

        Without its cluster it cannot be deleted, whatever the settings say; only reading it anew forgets it.
        """
        try:
            self._reach(ctx, old)
        except UnreachableError as error:
            raise ProviderError(f"can't delete Helm Release with unreachable cluster. Reason: {error}") from error

    def _reach(self, ctx: Context, state: State) -> None:
        """Ask the cluster something. Raises UnreachableError."""
        self._cluster.client().get(_NAMESPACE, None, str(state.inputs.get("namespace") or "default"), ctx)

    def _provide_namespace(self, ctx: Context, inputs: Properties) -> None:
        client = self._cluster.client()
        name = inputs["namespace"]
        if client.get(_NAMESPACE, None, name, ctx) is not None:
            return
        if not inputs.get("createNamespace"):
            raise ProviderError(
                f'create: failed to create: namespaces "{name}" not found. '
                "Create the namespace first, or set createNamespace."
            )
        labels = {"name": name}  # Helm's own
        obj = manifest(_NAMESPACE, {"metadata": {"name": name, "labels": labels}})
        client.apply(_NAMESPACE, obj, "helm", ctx)


def _marked(change: Any) -> Any:
    return type(change)(change.path, change.kind, True)


def _unknown_names(inputs: Properties) -> list[CheckFailure]:
    failures = [
        CheckFailure(key, f"'{key}' is not an input of a Release. Known are {', '.join(sorted(KNOWN))}.")
        for key in inputs
        if key not in KNOWN and not key.startswith("__")
    ]
    options = inputs.get("repositoryOpts")
    if isinstance(options, dict):
        failures += [
            CheckFailure(
                f"repositoryOpts.{key}", f"'{key}' is not an option. Known are {', '.join(sorted(REPOSITORY))}."
            )
            for key in options
            if key not in REPOSITORY
        ]
    if inputs.get(_FILES_OF_VALUES):
        failures.append(
            CheckFailure(_FILES_OF_VALUES, "The rehearsal does not read files of values. Give them in 'values'.")
        )
    return failures


def _chart_problems(inputs: Properties) -> list[CheckFailure]:
    chart, version, options = inputs.get("chart"), inputs.get("version"), inputs.get("repositoryOpts")
    if not chart:
        return [CheckFailure("chart", "A release needs a chart. Name one.")]
    failures: list[CheckFailure] = []
    repository = options.get("repo") if isinstance(options, dict) else options
    if isinstance(chart, str) and not chart.startswith(("oci://", "./", "/", "http://", "https://")):
        if "/" in chart:
            failures.append(
                CheckFailure(
                    "chart",
                    f"'{chart}' needs a repository that Helm was told of on this machine. "
                    "Give the chart's own name, and repositoryOpts.repo.",
                )
            )
        elif not repository:
            failures.append(CheckFailure("repositoryOpts.repo", f"Chart '{chart}' has no repository. Give its URL."))
    if isinstance(repository, str) and not repository.startswith(("http://", "https://", "oci://")):
        failures.append(CheckFailure("repositoryOpts.repo", f"'{repository}' is not a URL. Give the repository's."))
    if not version:
        failures.append(CheckFailure("version", "The newest version of a chart is not known here. Name a version."))
    return failures


def _outputs(inputs: Properties, revision: int) -> Properties:
    return {
        **inputs,
        "resourceNames": {},
        "status": {
            "appVersion": "",
            "chart": inputs["chart"],
            "name": inputs["name"],
            "namespace": inputs["namespace"],
            "revision": revision,
            "status": RECORDED,
            "version": inputs["version"],
        },
    }
