# ruff: noqa: N802 - gRPC gives the methods their names
"""Speaks Pulumi's provider protocol over gRPC for a `protocol.Provider`.

The server is threaded: handlers block on AWS and Kubernetes calls, and the
engine has many under way at once. It ends by itself when the engine is gone,
because an orphan would go on changing the world behind the next run's back.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar, cast

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

from rehearsal.providers import grpc_messages
from rehearsal.providers.engine import OPTIONS, Engine
from rehearsal.providers.properties import Properties, decode, encode, plain
from rehearsal.providers.protocol import (
    Autonaming,
    Context,
    InitFailedError,
    InvalidPropertiesError,
    Provider,
    ProviderError,
    Resource,
    State,
)

_THREADS = 96  # more than the engine runs at a time; threads are made as they are needed
_FAREWELL_SECONDS = 5.0  # for calls under way to end what they began, once the engine is gone
_MODES = ("propose", "enforce", "disable")
Answer = TypeVar("Answer")


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """The protocol's calls, turned into calls of a `Provider`."""

    def __init__(self, provider: Provider, engine: Engine) -> None:
        self._provider = provider
        self._engine = engine
        self._cancelled = threading.Event()
        self._under_way = 0
        self._count = threading.Lock()

    # -- about the provider

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """What this side understands."""
        del request, context
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True,
            accept_resources=True,
            accept_outputs=True,
            supports_autonaming_configuration=True,
        )

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Another engine takes over a provider that was started for debugging."""
        del context
        self._engine.address = request.address
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version that the engine compares with the SDK's."""
        del request, context
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """No schema: the SDKs exist already."""
        del request, context
        return provider_pb2.GetSchemaResponse(schema=f'{{"name": "{self._provider.name}"}}')

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Every wait under way ends with an error."""
        del request, context
        self._cancelled.set()
        return empty_pb2.Empty()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Validate the provider's configuration."""
        return self._guarded(context, lambda: self._check(request, self._provider.check_config))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compare two configurations."""

        def run() -> provider_pb2.DiffResponse:
            old = grpc_messages.plain_properties(request.old_inputs if request.HasField("old_inputs") else request.olds)
            new = grpc_messages.plain_properties(request.news)
            return grpc_messages.diff_response(self._provider.diff_config(self._context(request), old, new))

        return self._guarded(context, run)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Take the configuration."""

        def run() -> provider_pb2.ConfigureResponse:
            self._provider.configure(self._context(request), grpc_messages.plain_properties(request.args))
            return provider_pb2.ConfigureResponse(
                acceptSecrets=True,
                supportsPreview=True,
                acceptResources=True,
                acceptOutputs=True,
                supports_autonaming_configuration=True,
            )

        return self._guarded(context, run)

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        """Call a function."""

        def run() -> provider_pb2.InvokeResponse:
            ctx = self._context(request, type=request.tok)
            try:
                result = self._provider.invoke(ctx, request.tok, grpc_messages.plain_properties(request.args))
            except InvalidPropertiesError as error:
                return provider_pb2.InvokeResponse(failures=grpc_messages.failures(error))
            return provider_pb2.InvokeResponse(**cast("Any", {"return": encode(result)}))

        return self._guarded(context, run)

    # -- about one resource

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """Validate a resource's inputs."""
        return self._guarded(context, lambda: self._check(request, self._provider.resource(request.type).check))

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compare a resource's inputs."""

        def run() -> provider_pb2.DiffResponse:
            old = State(
                request.id,
                grpc_messages.plain_properties(request.old_inputs),
                grpc_messages.plain_properties(request.olds),
            )
            resource = self._provider.resource(request.type)
            return grpc_messages.diff_response(
                resource.diff(self._context(request), old, grpc_messages.plain_properties(request.news))
            )

        return self._guarded(context, run)

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """Create a resource, or tell its outputs."""

        def run() -> provider_pb2.CreateResponse:
            ctx = self._context(request, preview=request.preview)
            inputs = decode(request.properties)
            resource = self._provider.resource(request.type)
            if request.preview:
                outputs = resource.preview(ctx, None, plain(inputs))
                return provider_pb2.CreateResponse(properties=grpc_messages.marked(outputs, inputs))
            state = self._keeping_secrets(lambda: self._create(resource, ctx, plain(inputs)), inputs)
            return provider_pb2.CreateResponse(id=state.id, properties=grpc_messages.marked(state.outputs, inputs))

        return self._guarded(context, run)

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """Read a resource: a refresh, an import, or `get`."""

        def run() -> provider_pb2.ReadResponse:
            inputs, outputs = decode(request.inputs), decode(request.properties)
            known = State(request.id, plain(inputs), plain(outputs)) if inputs or outputs else None
            resource = self._provider.resource(request.type)
            state = self._keeping_secrets(
                lambda: resource.read(self._context(request), request.id, known), inputs, outputs
            )
            if state is None:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(
                id=state.id,
                properties=grpc_messages.marked(state.outputs, inputs, outputs),
                inputs=grpc_messages.marked(state.inputs, inputs),
            )

        return self._guarded(context, run)

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """Change a resource in place, or tell its outputs."""

        def run() -> provider_pb2.UpdateResponse:
            ctx = self._context(request, preview=request.preview)
            old = State(
                request.id,
                grpc_messages.plain_properties(request.old_inputs),
                grpc_messages.plain_properties(request.olds),
            )
            inputs = decode(request.news)
            resource = self._provider.resource(request.type)
            if request.preview:
                outputs = resource.preview(ctx, old, plain(inputs))
            else:
                outputs = self._keeping_secrets(lambda: resource.update(ctx, old, plain(inputs)), inputs)
            return provider_pb2.UpdateResponse(properties=grpc_messages.marked(outputs, inputs))

        return self._guarded(context, run)

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete a resource."""

        def run() -> empty_pb2.Empty:
            old = State(
                request.id,
                grpc_messages.plain_properties(request.old_inputs),
                grpc_messages.plain_properties(request.properties),
            )
            self._provider.resource(request.type).delete(self._context(request), old)
            return empty_pb2.Empty()

        return self._guarded(context, run)

    # -- shared

    def wind_down(self, seconds: float) -> None:
        """End every wait and give calls under way that many seconds to answer."""
        self._cancelled.set()
        deadline = time.monotonic() + seconds
        while self._under_way and time.monotonic() < deadline:
            time.sleep(0.02)

    def _create(self, resource: Resource, ctx: Context, inputs: Properties) -> State:
        """Create; whatever fails after the object is there, the engine gets to know the object."""
        born: list[str] = []
        ctx.created_to = born.append
        try:
            return resource.create(ctx, inputs)
        except InitFailedError:
            raise
        except Exception as error:
            if not born:
                raise
            if not isinstance(error, ProviderError):
                traceback.print_exc()
            raise InitFailedError(born[-1], _outputs_so_far(resource, ctx, born[-1], inputs), [str(error)]) from error

    def _check(
        self,
        request: provider_pb2.CheckRequest,
        check: Callable[[Context, Properties | None, Properties], Properties],
    ) -> provider_pb2.CheckResponse:
        news = decode(request.news)
        old = grpc_messages.plain_properties(request.olds) if request.HasField("olds") else None
        try:
            inputs = check(self._context(request), old or None, plain(news))
        except InvalidPropertiesError as error:
            return provider_pb2.CheckResponse(failures=grpc_messages.failures(error))
        return provider_pb2.CheckResponse(inputs=grpc_messages.marked(inputs, news))

    def _context(self, request: Any, **known: Any) -> Context:
        urn: str = getattr(request, "urn", "")
        autonaming = None
        if isinstance(request, provider_pb2.CheckRequest) and request.HasField("autonaming"):
            autonaming = Autonaming(request.autonaming.proposed_name, cast("Any", _MODES[request.autonaming.mode]))
        known.setdefault("type", getattr(request, "type", ""))
        return Context(
            urn=urn,
            name=getattr(request, "name", ""),
            timeout=getattr(request, "timeout", 0.0),
            random_seed=getattr(request, "randomSeed", b""),
            autonaming=autonaming,
            log_to=lambda severity, text, status: self._engine.log(urn, severity, text, status),
            cancelled=self._cancelled,
            **known,
        )

    def _keeping_secrets(self, call: Callable[[], Answer], *marked: Properties) -> Answer:
        """A failure too carries outputs into the state: they keep their secrets."""
        try:
            return call()
        except InitFailedError as error:
            inputs = None if error.inputs is None else grpc_messages.hidden(error.inputs, *marked)
            raise InitFailedError(
                error.id, grpc_messages.hidden(error.outputs, *marked), error.reasons, inputs
            ) from error

    def _guarded(self, context: grpc.ServicerContext, run: Callable[[], Answer]) -> Answer:
        with self._count:
            self._under_way += 1
        try:
            return run()
        except InitFailedError as error:
            grpc_messages.abort_init_failed(context, error)
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:
            traceback.print_exc()
            context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")
        finally:
            with self._count:
                self._under_way -= 1


def _outputs_so_far(resource: Resource, ctx: Context, identity: str, inputs: Properties) -> Properties:
    try:
        state = resource.read(ctx, identity, State(identity, inputs, inputs))
    except Exception as error:  # the failure to report is the one before
        ctx.log(f"{identity} exists, but could not be read: {error}", "warning")
        return inputs
    return inputs if state is None else state.outputs


def serve(provider: Provider, arguments: list[str]) -> None:
    """Serve until the engine ends the process or is gone itself. Prints the port, as the engine expects.

    `arguments` are the process's own: the engine's address, perhaps after flags.
    """
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    if not addresses:
        sys.exit(f"pulumi-resource-{provider.name} is started by the Pulumi engine. Run `pulumi up` instead.")
    engine = Engine(addresses[0])
    servicer = Servicer(provider, engine)
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ending.set())
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while not ending.wait(1.0):
        if not engine.answers() and not engine.answers():
            break
    servicer.wind_down(_FAREWELL_SECONDS)
    sys.stderr.flush()
    os._exit(0)  # waiting for idle threads would keep the engine waiting too
