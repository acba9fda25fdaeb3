"""Every kind of the Kubernetes API as a Pulumi resource.

Follows provider/pkg/provider/provider.go and provider/pkg/await/await.go of
pulumi-kubernetes 4.34.2, but for the comparison of an update: it is made between
the old inputs and the new ones, so that a run without changes asks the API
server nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from rehearsal.plugins.kubernetes import conflicts, live, naming, readiness, replacement, waiting
from rehearsal.plugins.kubernetes.api import ApiError, Object, UnknownKindError, UnreachableError
from rehearsal.plugins.kubernetes.settings import Settings
from rehearsal.plugins.kubernetes.tokens import ObjectKind
from rehearsal.plugins.properties import UNKNOWN, Change, Properties, changes, has_unknown
from rehearsal.plugins.protocol import (
    Context,
    Diff,
    InitFailedError,
    ProviderError,
    Resource,
    State,
)

if TYPE_CHECKING:
    from rehearsal.plugins.kubernetes.client import Client

_ATTEMPTS = 5
_FORBIDDEN, _NOT_FOUND = 403, 404
_DEFAULT_NAMESPACE = "default"
_PROPAGATION = {"orphan": "Orphan", "background": "Background"}

UNREACHABLE = (
    "Kubernetes cluster is unreachable. If the cluster was deleted, remove this resource from the state by "
    'running again with PULUMI_K8S_DELETE_UNREACHABLE="true" in the environment.'
)
"""What an error of an unreachable cluster ends with, in the real provider's words."""


class Cluster(Protocol):
    """What the objects need of their provider."""

    settings: Settings

    def client(self) -> Client:
        """The API server. Raises ProviderError when there is no way to it."""
        ...

    def default_namespace(self) -> str:
        """Where objects go that name no namespace; "" when it is not known."""
        ...

    def warn_once(self, ctx: Context, text: str) -> None:
        """A warning that the user needs to read once."""
        ...


class KubernetesObject(Resource):
    """One kind."""

    def __init__(self, kind: ObjectKind, cluster: Cluster) -> None:
        self.kind = kind
        self._cluster = cluster

    # -- without the API server

    def check(self, ctx: Context, old: Properties | None, new: Properties) -> Properties:
        """Inputs with name and namespace."""
        if self.kind.patch and not naming.metadata(new).get("name"):
            raise ProviderError("Patch resources require the metadata.name field to be set. Name the object.")
        generated = f"{ctx.name}-{naming.suffix(ctx.random_seed, ctx.urn)}"
        inputs = naming.named(new, old, generated, ctx.autonaming)
        meta = inputs.get("metadata")
        namespace = self._cluster.default_namespace()
        # Of a custom resource only the API server knows whether it has a namespace: it is asked on creation.
        if isinstance(meta, dict) and namespace and self.kind.built_in and self.kind.namespaced:
            inputs = {**inputs, "metadata": {"namespace": namespace, **_present(meta)}}
        return live.secret_data(inputs)

    def diff(self, ctx: Context, old: State, new: Properties) -> Diff:
        """Old inputs against new ones."""
        del ctx
        found = changes(self._comparable(old.inputs), self._comparable(new))
        if not found:
            return Diff()
        settings = self._cluster.settings
        fields = replacement.replacing_fields(
            self.kind,
            new,
            mutable_config_maps=settings.mutable_config_maps,
            mutable_secrets=settings.mutable_secrets,
        )
        judged = replacement.marked(found, new, fields)
        return Diff(judged, self._delete_before_replace(judged, old, new))

    def _delete_before_replace(self, judged: list[Change], old: State, new: Properties) -> bool:
        """Whether the new object needs the old one's name."""
        if not any(change.replace for change in judged) or naming.is_true(new, naming.AUTONAMED):
            return False
        now, before = naming.metadata(self._comparable(new)), naming.metadata(self._comparable(old.outputs))
        return now.get("name") == before.get("name") and now.get("namespace") == before.get("namespace")

    def _comparable(self, properties: Properties) -> Properties:
        """The properties with the namespace written out, so that the default one is no change."""
        meta = properties.get("metadata")
        if not isinstance(meta, dict):
            return properties
        meta = _present(meta)
        if not self.kind.namespaced:
            meta.pop("namespace", None)
        elif not meta.get("namespace"):
            meta["namespace"] = _DEFAULT_NAMESPACE
        return {**properties, "metadata": meta}

    # -- previews

    def preview(self, ctx: Context, old: State | None, inputs: Properties) -> Properties:
        """What the API server would make of it; the inputs alone where it cannot be asked."""
        if has_unknown(inputs) or (old is None and self.kind.patch):
            return inputs
        manager = self._manager(old, inputs)
        try:
            client = self._cluster.client()
            obj = self._manifest(client, ctx, inputs)
            # Without a live object there can be no real conflict: a replaced object is still there in a preview.
            seen = conflicts.apply(
                client, self.kind, obj, manager, ctx, force=old is None or self._forced(), dry_run=True
            )
        except (UnreachableError, UnknownKindError):
            return inputs
        except ApiError as error:
            if error.status == _FORBIDDEN or (error.status == _NOT_FOUND and error.about == "namespaces"):
                return inputs
            if old is None and error.reason == "Invalid" and "immutable" in str(error):
                return inputs  # the object that is to be replaced has the name
            raise
        shown = live.outputs(seen, manager, self.kind.api_version)
        if old is None:
            meta = {**shown["metadata"], "uid": UNKNOWN, "resourceVersion": UNKNOWN, "creationTimestamp": UNKNOWN}
            # Controllers fill the status in when the object is real.
            shown = {key: value for key, value in shown.items() if key != "status"} | {"metadata": meta}
        return shown

    # -- changes

    def create(self, ctx: Context, inputs: Properties) -> State:
        """Apply the object, unless one of its name is there, and wait until it is ready."""
        client = self._cluster.client()
        manager = self._manager(None, inputs)

        def make() -> Object:
            obj = self._manifest(client, ctx, inputs)
            meta = obj["metadata"]
            if not self.kind.patch and not self._cluster.settings.upsert:
                there = client.get(self.kind, meta.get("namespace"), meta["name"], ctx)
                if there is not None:
                    raise ProviderError(self._already_exists(client, ctx, meta["name"]))
            return conflicts.apply(client, self.kind, obj, manager, ctx, force=self._forced())

        made = _with_retries(ctx, make)
        identity = naming.identity(made["metadata"].get("namespace"), made["metadata"]["name"])
        ctx.created(identity)
        made = self._ready(ctx, client, made, identity, manager)
        return State(identity, inputs, self._outputs(made, manager))

    def update(self, ctx: Context, old: State, inputs: Properties) -> Properties:
        """Apply the new fields under the old manager's name, and wait."""
        client = self._cluster.client()
        before, manager = self._manager(old, old.inputs), self._manager(old, inputs)
        obj = self._manifest(client, ctx, inputs)
        meta = obj["metadata"]
        if client.get(self.kind, meta.get("namespace"), meta["name"], ctx) is None:
            raise ProviderError(
                f"{self.kind.kind} {old.id} is not there any more, so it cannot be updated. "
                "Refresh the stack, then run the update again."
            )
        changed = conflicts.apply(client, self.kind, obj, manager, ctx, force=self._forced())
        if before != manager:
            self._give_up(client, ctx, changed["metadata"], before)
        changed = self._ready(ctx, client, changed, old.id, manager)
        return self._outputs(changed, manager)

    def delete(self, ctx: Context, old: State) -> None:
        """Delete the object and wait until it is gone; of a patch, give the fields up."""
        namespace, name = naming.split_identity(old.id)
        meta = {**naming.metadata(old.outputs), "name": name, **({"namespace": namespace} if namespace else {})}
        try:
            client = self._cluster.client()
            if self.kind.patch:
                self._give_up(client, ctx, meta, self._manager(old, old.inputs))
                return
            policy = naming.annotation(old.inputs, naming.DELETION_PROPAGATION).lower()
            asked = client.delete(self.kind, namespace, name, _PROPAGATION.get(policy, "Foreground"), ctx)
            if asked:
                waiting.until_gone(ctx, client, self.kind, {"metadata": meta})
        except UnknownKindError:
            return  # the definition is gone, and with it every object
        except UnreachableError as error:
            if not self._cluster.settings.delete_unreachable:
                raise ProviderError(f"{error} The {UNREACHABLE}") from error
            ctx.log(f"{old.id} is removed from the state alone: the cluster is unreachable.", "warning")

    def read(self, ctx: Context, identity: str, known: State | None) -> State | None:
        """The object as it is; its inputs are the fields that the program set."""
        namespace, name = naming.split_identity(identity)
        try:
            found = self._cluster.client().get(self.kind, namespace, name, ctx)
        except UnknownKindError:
            return None
        except UnreachableError as error:
            if self._cluster.settings.delete_unreachable:
                ctx.log(f"{identity} is removed from the state: the cluster is unreachable.", "warning")
                return None
            raise ProviderError(f"{error} The {UNREACHABLE}") from error
        if found is None:
            return None
        if known is not None and known.inputs:
            manager = known.outputs.get(live.MANAGER) or live.inputs_of_manager(found)[1]
            inputs = live.inputs_like(found, known.inputs)
        else:
            inputs, manager = live.inputs_of_manager(found)
        return State(identity, live.secret_data(inputs), self._outputs(found, manager or naming.field_manager()))

    # -- parts

    def _manager(self, old: State | None, inputs: Properties) -> str:
        chosen = naming.annotation(inputs, naming.FIELD_MANAGER)
        kept = old.outputs.get(live.MANAGER) if old is not None else None
        return chosen or kept or naming.field_manager()

    def _forced(self) -> bool:
        return self._cluster.settings.patch_force

    def _outputs(self, found: Object, manager: str) -> Properties:
        return live.outputs(found, manager, self.kind.api_version)

    def _manifest(self, client: Client, ctx: Context, inputs: Properties) -> Object:
        obj = live.manifest(self.kind, inputs)
        if client.served(self.kind, ctx).namespaced:
            obj["metadata"].setdefault("namespace", client.namespace)
        else:
            obj["metadata"].pop("namespace", None)
        return obj

    def _give_up(self, client: Client, ctx: Context, meta: Any, manager: str) -> None:
        """Stop managing fields: those that nobody else manages go. An object that is gone has none."""
        kept = {key: meta[key] for key in ("name", "namespace") if meta.get(key)}
        empty = {"apiVersion": self.kind.api_version, "kind": self.kind.kind, "metadata": kept}
        if client.get(self.kind, kept.get("namespace"), kept["name"], ctx) is not None:
            client.apply(self.kind, empty, manager, ctx)

    def _ready(self, ctx: Context, client: Client, made: Object, identity: str, manager: str) -> Object:
        if readiness.waits_for_load_balancer(self.kind, made) and not naming.is_true(made, naming.SKIP_AWAIT):
            self._cluster.warn_once(
                ctx,
                f"{self.kind.kind} {identity} would now wait for its load balancer. The rehearsal runs no load "
                "balancer controller, so neither this one nor any other Ingress or Service gets an address.",
            )
            if not naming.annotation(made, naming.WAIT_FOR):
                return made
        try:
            return waiting.until_ready(ctx, client, self.kind, made)
        except waiting.NotReadyError as error:
            raise InitFailedError(identity, self._outputs(error.live, manager), [str(error)]) from error

    def _already_exists(self, client: Client, ctx: Context, name: str) -> str:
        plural = client.served(self.kind, ctx).plural
        resource = f"{plural}.{self.kind.group}" if self.kind.group else plural
        return (
            f'{resource} "{name}" already exists. Delete it or import it; or change some fields of it by a '
            f"{self.kind.kind}Patch; or set upsertExistingObjects on the provider to take it over."
        )


def _present(meta: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in meta.items() if value is not None}


def _with_retries(ctx: Context, make: Callable[[], Object]) -> Object:
    """Some misorder is tolerated, as by the real provider: a namespace or definition may be on its way."""
    pause = 0.5
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return make()
        except (ApiError, UnknownKindError) as error:
            absent = isinstance(error, UnknownKindError) or error.status == _NOT_FOUND
            if not absent or attempt == _ATTEMPTS:
                raise
            ctx.status(f"attempt {attempt} of {_ATTEMPTS} failed: {error}")
        if ctx.cancelled.wait(pause):
            break
        pause *= 2
    raise ProviderError("The creation was cancelled. Run the update again.")
