# ruff: noqa: N802 - gRPC gives the methods their names
"""Serves the components over gRPC, on the SDK's own component server.

The server keeps its settings in context variables, and gRPC gives each request
a task of its own, so components constructed at the same time do not see each
other's. Two things it leaves to the default are not enough here: blocking calls
to the engine run in a pool of six threads on two cores, while a cluster has
twenty children in the making, and nothing ends the plugin when the engine is
killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import grpc
import grpc.aio
import pulumi
from pulumi.provider.provider import CallResult, ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from rehearsal.providers.eks import kubeconfig, shapes
from rehearsal.providers.eks.addons import Addon, VpcCniAddon
from rehearsal.providers.eks.children import ComponentReference, Inputs, compact, register_references, version_of
from rehearsal.providers.eks.cluster import Cluster
from rehearsal.providers.eks.node_group import ManagedNodeGroup
from rehearsal.providers.engine import OPTIONS, Engine
from rehearsal.providers.properties import decode
from rehearsal.providers.protocol import ProviderError

_THREADS = 64
_REFUSALS = (ProviderError, pulumi.InputPropertyError, pulumi.InputPropertiesError)
_KUBECONFIG_METHOD = "eks:index:Cluster/getKubeconfig"


def _cluster(name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> ConstructResult:
    component = Cluster(name, inputs, opts)
    return ConstructResult(component.urn, component.state)


def _managed_node_group(name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> ConstructResult:
    component = ManagedNodeGroup(name, inputs, opts)
    return ConstructResult(component.urn, component.state)


def _addon(name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> ConstructResult:
    component = Addon(name, inputs, opts)
    return ConstructResult(component.urn, {"addon": component.addon})


def _vpc_cni_addon(name: str, inputs: Inputs, opts: pulumi.ResourceOptions) -> ConstructResult:
    component = VpcCniAddon(name, inputs, opts)
    return ConstructResult(component.urn, {"addon": component.addon})


_Construct = Callable[[str, Inputs, pulumi.ResourceOptions], ConstructResult]
COMPONENTS: dict[str, tuple[shapes.Fields, _Construct]] = {
    "eks:index:Addon": (shapes.ADDON, _addon),
    "eks:index:Cluster": (shapes.CLUSTER, _cluster),
    "eks:index:ManagedNodeGroup": (shapes.MANAGED_NODE_GROUP, _managed_node_group),
    "eks:index:VpcCniAddon": (shapes.VPC_CNI_ADDON, _vpc_cni_addon),
}
"""The components that are played: their inputs, and how each is constructed."""


class EksProvider(Provider):
    """The package `eks`, at the installed SDK's version."""

    def __init__(self) -> None:
        super().__init__(version_of("pulumi-eks"))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Any,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Registers a component and its children. Raises ProviderError for a type that is not played."""
        return _component(resource_type)[1](name, dict(inputs), options or pulumi.ResourceOptions())

    def call(self, token: str, args: Any) -> CallResult:
        """`Cluster.get_kubeconfig`, the only method of the package."""
        if token != _KUBECONFIG_METHOD:
            raise ProviderError(f"The rehearsal does not play the method {token}. Use Cluster.get_kubeconfig.")
        return CallResult({"result": _kubeconfig(cast("Inputs", args))})


def _component(token: str) -> tuple[shapes.Fields, _Construct]:
    if token not in COMPONENTS:
        played = ", ".join(sorted(COMPONENTS))
        raise ProviderError(f"The rehearsal does not play the resource type {token}. Use one of {played}.")
    return COMPONENTS[token]


def _kubeconfig(args: Inputs) -> pulumi.Output[str]:
    cluster = args["__self__"]
    if not isinstance(cluster, ComponentReference):
        raise ProviderError("get_kubeconfig was called on something that is no eks.Cluster. Call it on the cluster.")
    values = cluster.get("eksCluster").apply(
        lambda found: pulumi.Output.all(
            *(found.get(key) for key in ("name", "endpoint", "arn", "certificateAuthority"))
        )
    )
    options = {key: args.get(key) for key in ("roleArn", "profileName")}
    return pulumi.Output.all(values, options).apply(
        lambda known: compact(
            kubeconfig.generate(
                known[0][0], known[0][1], kubeconfig.region_of(known[0][2]), known[0][3]["data"], known[1]
            )
        )
    )


class Servicer(ProviderServicer):
    """The SDK's component server, with inputs checked by name and refusals without a Python traceback."""

    async def Construct(self, request: provider_pb2.ConstructRequest, context: Any) -> provider_pb2.ConstructResponse:
        """Register a component and its children."""
        return await self._answer(context, lambda: self._checked(request, context))

    async def Call(self, request: provider_pb2.CallRequest, context: Any) -> provider_pb2.CallResponse:
        """Call a method of a component."""
        return await self._answer(context, lambda: self._call(request, context))

    async def _checked(self, request: provider_pb2.ConstructRequest, context: Any) -> provider_pb2.ConstructResponse:
        shape, _ = _component(request.type)
        wrong = shapes.problems(decode(request.inputs), shape)
        if wrong:
            raise pulumi.InputPropertiesError(
                f"{request.type} '{request.name}' has inputs that cannot be played.",
                [{"property_path": problem.path, "reason": problem.reason} for problem in wrong],
            )
        return await self._construct(request, context)

    async def _answer(self, context: Any, work: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await work()
        except pulumi.InputPropertiesError as error:
            status = self.create_grpc_invalid_properties_status(error.message, error.errors)
            await context.abort_with_status(status)
        except pulumi.InputPropertyError as error:
            details = {"property_path": error.property_path, "reason": error.reason}
            status = self.create_grpc_invalid_properties_status("", [cast("Any", details)])
            await context.abort_with_status(status)
        except ProviderError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))


def _on_unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A refusal fails many outputs; one of them tells the user, and the others need not be printed."""
    if not isinstance(context.get("exception"), _REFUSALS):
        loop.default_exception_handler(context)


async def _serve(address: str) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "engine"))
    for number in (signal.SIGINT, signal.SIGTERM):  # the engine's way to end a plugin, when all is said
        loop.add_signal_handler(number, os._exit, 0)
    loop.set_exception_handler(_on_unheard)
    register_references()
    server = grpc.aio.server(options=OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(EksProvider(), [], address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    engine = Engine(address)
    while await loop.run_in_executor(None, lambda: engine.answers() or engine.answers()):
        await asyncio.sleep(1.0)
    os._exit(0)  # calls to an engine that is gone are nothing to wait for


def main() -> None:
    """Serves until the engine ends. The first argument is the engine's address."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not addresses:
        sys.exit("pulumi-resource-eks is started by the Pulumi engine. Run `pulumi up` instead.")
    asyncio.run(_serve(addresses[0]))
