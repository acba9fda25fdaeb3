"""A Pulumi engine that only writes down what a program asks of it, edges included.

Pulumi's own mocks show a resource's inputs but not what it depends on, and the order of a teardown is nothing but
those edges. So the monitor here keeps every registration, and `Graph` follows the edges as the engine does when it
decides what may be deleted (`DependenciesOf` in pulumi/pkg/resource/graph, 3.259): inputs, dependsOn, parent,
provider, and all earlier descendants of a component that is depended on.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import pulumi
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import config as runtime_config
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import ROOT, SETTINGS, get_root_resource
from pulumi.runtime.stack import Stack, run_pulumi_func

from tests.unit.certificates import authority

PROJECT = "myeks"
STACK = "test"
ACCOUNT = "111122223333"
REGION = "ap-northeast-2"
ISSUER_HOST = f"oidc.eks.{REGION}.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
SERVER = "https://0123456789ABCDEF.gr7.ap-northeast-2.eks.amazonaws.com"
AUTHORITY = base64.b64encode(authority("the cluster").encode()).decode()
CLUSTER_SECURITY_GROUP = "sg-made-by-eks"

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_CLUSTER, _NODE_GROUP = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


@dataclass(frozen=True)
class Output:
    """One output of the stack."""

    value: Any
    secret: bool


@dataclass(frozen=True)
class Node:
    """One registered resource."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    """Plain values; secrets unwrapped."""

    raw: dict[str, Any]
    """The inputs as sent, secrets still wrapped."""

    edges: frozenset[str]
    """URNs of dependencies, of inputs' resources, of the parent and the provider."""

    parent: str
    provider: str
    custom: bool
    remote: bool
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    inputs_from: frozenset[str] = frozenset()
    """The part of `edges` whose outputs are inputs."""

    def leaks(self, secret: str) -> bool:
        """Whether the text stands anywhere in the inputs outside a secret."""
        return secret in json.dumps(_without_secrets(self.raw))

    def holds(self, secret: str) -> bool:
        """Whether the text stands anywhere in the inputs, inside a secret or not."""
        return secret in json.dumps(self.raw)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if fields.get(_SIGNATURE) == _SECRET:
            return None
        return {key: _without_secrets(item) for key, item in fields.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in cast("list[Any]", value)]
    return value


class Graph:
    """Everything that one run of a program registered."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.invokes: list[tuple[str, dict[str, Any]]] = []
        self.outputs: dict[str, Output] = {}
        self.hooks: dict[str, pulumi.ResourceHook] = {}

    def of(self, kind: str) -> list[Node]:
        """All resources whose type token ends with `kind`, such as `ec2/vpc:Vpc` or `:Vpc`, by their logical names.

        The SDK registers them on threads, whose order is another on a busy machine.
        """
        return sorted((node for node in self.nodes if node.type.endswith(kind)), key=lambda node: (node.name, node.urn))

    def one(self, kind: str, name: str | None = None, **inputs: Any) -> Node:
        """The only resource of this type, logical name and inputs."""
        found = [
            node
            for node in self.of(kind)
            if (name is None or node.name == name)
            and all(node.inputs.get(key) == value for key, value in inputs.items())
        ]
        assert len(found) == 1, f"{len(found)} resources {kind} {name or ''} {inputs or ''}: {found}"
        return found[0]

    def named(self, name: str) -> Node:
        """The only custom or remote resource with this logical name."""
        found = [node for node in self.nodes if node.name == name and (node.custom or node.remote)]
        assert len(found) == 1, f"{len(found)} resources named {name}"
        return found[0]

    @cached_property
    def _needs(self) -> dict[str, set[str]]:
        """URN → what the engine holds it to depend on directly; for a finished graph."""
        by_urn = {node.urn: node for node in self.nodes}
        position = {node.urn: index for index, node in enumerate(self.nodes)}
        below: dict[str, set[str]] = {}
        for node in self.nodes:
            above = node.parent
            while above in by_urn:
                below.setdefault(above, set()).add(node.urn)
                above = by_urn[above].parent
        needs: dict[str, set[str]] = {}
        for node in self.nodes:
            needs[node.urn] = set(node.edges)
            for urn in node.edges - {node.parent}:
                if urn in by_urn and not by_urn[urn].custom:
                    earlier = {one for one in below.get(urn, ()) if position[one] < position[node.urn]}
                    needs[node.urn] |= earlier
        return needs

    def closure(self, node: Node) -> set[str]:
        """URNs of everything that exists before this resource and is deleted after it."""
        seen: set[str] = set()
        waiting = [node.urn]
        while waiting:
            new = self._needs.get(waiting.pop(), set()) - seen
            seen |= new
            waiting.extend(new)
        return seen

    def outlives(self, survivor: Node, node: Node) -> bool:
        """Whether `survivor` is made before `node` and deleted after it."""
        return survivor.urn in self.closure(node)


class _Mocks(pulumi_mocks.Mocks):
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.monitor: _Monitor | None = None

    def call(self, args: pulumi_mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Answer an invoke; one that nobody knows is an error."""
        self.graph.invokes.append((args.token, dict(args.args)))
        answers: dict[str, dict[str, Any]] = {
            "aws:index/getCallerIdentity:getCallerIdentity": {
                "accountId": ACCOUNT,
                "arn": f"arn:aws:iam::{ACCOUNT}:user/operator",
            },
            "aws:index/getPartition:getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com"},
            "aws:ssm/getParameter:getParameter": {"value": "ami-newest"},
        }
        if args.token == "aws:eks/getAddonVersion:getAddonVersion":
            return {"version": f"v1.0.0-{args.args['addonName']}", **args.args}, []
        return {**args.args, **answers[args.token]}, []

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Make up the outputs that real resources would have."""
        short = args.typ.rpartition(":")[2]
        state = {**args.inputs, **self._computed(args, short)}
        return f"{args.name}-id", state

    def _computed(self, args: pulumi_mocks.MockResourceArgs, short: str) -> dict[str, Any]:
        name = args.inputs.get("name") or args.name
        if args.typ == "eks:index:Cluster":
            return self._cluster(args)
        if args.typ == "eks:index:ManagedNodeGroup":
            return {
                "nodeGroup": self._reference(_NODE_GROUP, args.name, args.name, {"clusterName": self._only_cluster()})
            }
        if args.typ == "aws:ec2/launchTemplate:LaunchTemplate":
            return {"latestVersion": 1}
        if args.typ == "aws:ec2/eip:Eip":
            return {"publicIp": f"198.51.100.{sum(args.name.encode()) % 256}"}
        if args.typ.startswith("aws:"):
            service = args.typ.split(":")[1].split("/")[0]
            where = "" if service == "iam" else REGION
            between = ":" if service == "secretsmanager" else "/"
            arn = f"arn:aws:{service}:{where}:{ACCOUNT}:{short.lower()}{between}{name}"
            return {"arn": arn, "name": name, "keyId": f"{args.name}-key", "uniqueId": f"{args.name}-unique"}
        return {}

    def _cluster(self, args: pulumi_mocks.MockResourceArgs) -> dict[str, Any]:
        """The remote component's outputs; the cluster itself is a reference, as the real one gives it."""
        cluster_name = args.inputs["name"]
        state = {
            "name": cluster_name,
            "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{cluster_name}",
            "vpcConfig": {"clusterSecurityGroupId": CLUSTER_SECURITY_GROUP},
        }
        reference = self._reference(_CLUSTER, f"{args.name}-eksCluster", cluster_name, state)
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "aws",
            "contexts": [{"name": "aws", "context": {"cluster": "kubernetes", "user": "aws"}}],
            "clusters": [
                {"name": "kubernetes", "cluster": {"server": SERVER, "certificate-authority-data": AUTHORITY}}
            ],
            "users": [{"name": "aws", "user": {"exec": {"command": "aws", "args": ["eks", "get-token"]}}}],
        }
        return {
            "eksCluster": reference,
            "kubeconfig": kubeconfig,
            "kubeconfigJson": json.dumps(kubeconfig),
            "clusterSecurityGroupId": CLUSTER_SECURITY_GROUP,
            "oidcProviderUrl": f"https://{ISSUER_HOST}",
            "oidcIssuer": ISSUER_HOST,
        }

    def _reference(self, kind: str, name: str, identity: str, state: dict[str, Any]) -> dict[str, Any]:
        """A resource of a component's own, as the component gives it."""
        assert self.monitor is not None
        urn = f"urn:pulumi:{STACK}::{PROJECT}::{kind}::{name}"
        self.monitor.resources[urn] = pulumi_mocks.MockMonitor.ResourceRegistration(urn, identity, state)
        return {_SIGNATURE: _RESOURCE, "urn": urn, "id": identity, "packageVersion": ""}

    def _only_cluster(self) -> str:
        assert self.monitor is not None
        (cluster,) = (each for urn, each in self.monitor.resources.items() if f"::{_CLUSTER}::" in urn)
        return cluster.id


class _Monitor(pulumi_mocks.MockMonitor):
    """Pulumi's mock monitor, keeping each registration."""

    def __init__(self, mocks: _Mocks, graph: Graph) -> None:
        super().__init__(mocks)
        self.graph = graph

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name in the protocol
        """Answer with the mocks' outputs and keep the request.

        Written anew, because the SDK's own rebuilds resource references on a worker thread, where its settings
        are those of the first program that the process ran.
        """
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        node = _node(request, urn)
        self.graph.nodes.append(node)
        args = pulumi_mocks.MockResourceArgs(node.type, node.name, node.inputs, request.provider)
        identifier, state = self.mocks.new_resource(args)
        self.resources[urn] = pulumi_mocks.MockMonitor.ResourceRegistration(urn, identifier or "", state)
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=identifier or "", object=json_format.ParseDict(state, Struct())
        )

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the SDK's, but with the names of this run."""
        above = parent.split("::")[2] + "$" if parent else ""
        return f"urn:pulumi:{STACK}::{PROJECT}::{above}{type_}::{name}"


class _Callbacks:
    """Where the engine would find what the program wants to be called back for."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        self._graph.hooks[hook.name] = hook


def _node(request: Any, urn: str) -> Node:
    raw = json_format.MessageToDict(request.object)
    edges = set(request.dependencies)
    inputs_from = {urn for needed in request.propertyDependencies.values() for urn in needed.urns}
    edges |= inputs_from
    provider = request.provider.rpartition("::")[0]
    # The SDK waits for the providers of a component as well, before it registers it.
    providers = [one.rpartition("::")[0] for one in request.providers.values()]
    edges.update(one for one in (request.parent, provider, request.deletedWith, *providers) if one)
    return Node(
        urn=urn,
        type=request.type,
        name=request.name,
        inputs=_plain(raw),
        raw=raw,
        # Everything hangs on the stack itself, which says nothing.
        edges=frozenset(edge for edge in edges if "::pulumi:pulumi:Stack::" not in edge),
        parent=request.parent,
        provider=provider,
        custom=request.custom,
        remote=request.remote,
        options={
            "ignoreChanges": list(request.ignoreChanges),
            "deleteBeforeReplace": request.deleteBeforeReplace,
            "replaceOnChanges": list(request.replaceOnChanges),
            "deletedWith": request.deletedWith,
            "replacementTrigger": _trigger(request),
            "beforeCreate": list(request.hooks.before_create),
            "afterCreate": list(request.hooks.after_create),
            "afterUpdate": list(request.hooks.after_update),
            "aliases": [one.urn or one.spec.parentUrn for one in request.aliases] or list(request.aliasURNs),
        },
        inputs_from=frozenset(inputs_from),
    )


def _trigger(request: Any) -> Any:
    """The value whose change replaces the resource; None without one."""
    given = request.HasField("replacement_trigger")
    return _plain(json_format.MessageToDict(request.replacement_trigger)) if given else None


def _plain(value: Any) -> Any:
    """A value with secrets unwrapped and references to resources as their URNs."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if fields.get(_SIGNATURE) == _SECRET:
            return _plain(fields["value"])
        if fields.get(_SIGNATURE) == _RESOURCE:
            return fields["urn"]
        return {key: _plain(item) for key, item in fields.items()}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    # Protobuf's numbers are floats.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def run(
    program: Callable[[], None],
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Graph:
    """Run a Pulumi program in a world of its own and give back what it registered.

    Args:
        program: the program; its exceptions come out of this function.
        settings: full configuration keys (`myeks:domain`) → values; what is no text is written as JSON.
        secrets: likewise, as secret configuration.
    """
    graph = Graph()
    mocks = _Mocks(graph)
    monitor = _Monitor(mocks, graph)
    mocks.monitor = monitor
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    _forget()
    pulumi_mocks.set_mocks(mocks, project=PROJECT, stack=STACK, preview=False, monitor=monitor)
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in (settings or {}).items()}
    runtime_config.set_all_config({**values, **(secrets or {})}, list(secrets or {}))
    cast("Any", SETTINGS).callbacks = _Callbacks(graph)

    try:
        loop.run_until_complete(run_pulumi_func(program))
        graph.outputs = loop.run_until_complete(_resolved())
    except BaseException:
        # The failure is the caller's now. Everything that waited for the failed part fails with it, unheard; told
        # by the garbage collector, in the middle of other tests, it would be noise or worse.
        loop.set_exception_handler(_unheard)
        raise
    finally:
        loop.run_until_complete(_wound_up())
        loop.close()
        _forget()
        # Other tests of the same process find an open loop, as the SDK left it.
        asyncio.set_event_loop(asyncio.new_event_loop())
    return graph


def _forget() -> None:
    """Take from the SDK what it has kept of another program: its stack with outputs and transformations, and what a
    failed one still waited for, which never comes."""
    ROOT.set(None)
    settings = cast("Any", SETTINGS)
    settings.outputs.clear()
    settings.rpc_manager.clear()


def _unheard(_loop: asyncio.AbstractEventLoop, _context: dict[str, Any]) -> None:
    return None


async def _wound_up() -> None:
    """Leave no task and no thread behind."""
    left = asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()


async def _resolved() -> dict[str, Output]:
    """The stack's outputs."""
    stack = cast("Stack", get_root_resource())
    return {name: await _output(value) for name, value in stack.outputs.items()}


async def _output(value: Any) -> Output:
    lifted = pulumi.Output.from_input(value)
    return Output(await lifted.future(), await lifted.is_secret())
