"""Children and references as plain names and properties, without the generated SDK classes.

pulumi_aws' ec2, eks and iam modules with pulumi_kubernetes and pulumi_eks take
0.9 s and 55 MB to import on the machine that this was measured on (2 cores,
Python 3.11, pulumi_aws 7.51.1), in a plugin that every run waits for, and all that they add
here is the translation of snake_case back to the provider's own names. The
names are held against those classes by a test instead.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any, cast

import pulumi
import pulumi.runtime
from pulumi.runtime import rpc
from semver import VersionInfo

Inputs = dict[str, Any]
"""A component's inputs or a child's: camelCase names; values plain, or outputs."""


def version_of(distribution: str) -> str:
    """The installed version of an SDK."""
    return metadata.version(distribution)


BUILT_WITH = {"aws": "7.25.0", "kubernetes": "4.19.0"}
"""Package → the provider version that the real component was built with (pulumi-eks, nodejs/eks/package.json, the same
from its tag v4.3.0 of 2026-07 on). Its children ask for exactly these, whatever SDKs the program has: on AWS the
engine runs a second AWS provider for them, and installs both versions."""


def child_version(token: str) -> str | None:
    """The provider's version for a type or function token; None for what has no package of its own."""
    return BUILT_WITH.get(token.split(":", 1)[0])


class Child(pulumi.CustomResource):
    """A custom resource of a component, read by the provider's own property names."""

    def __init__(
        self,
        token: str,
        name: str,
        inputs: Mapping[str, Any],
        outputs: Iterable[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`outputs`: the properties, beside the inputs, that `get` will be asked for."""
        given = {key: value for key, value in inputs.items() if value is not None}
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(version=child_version(token)))
        super().__init__(token, name, {**dict.fromkeys(outputs), **given}, opts)

    def get(self, name: str) -> pulumi.Output[Any]:
        """An input or output by its camelCase name. Raises KeyError for one that was not asked for."""
        return cast("pulumi.Output[Any]", self.__dict__[name])


class _Existing(pulumi.CustomResource):
    """One property of a custom resource that exists already, read from the engine."""


class _ExistingComponent(pulumi.ComponentResource):
    """One property of a component that exists already, read from the engine."""


class Reference(pulumi.Resource):
    """A resource handed over as a value; what it holds is asked of the engine when somebody wants it.

    The engine's own answer is per resource and holds everything, but the SDK
    then counts all of it unknown when one property is; so one read a property.
    """

    def __init__(self, token: str, urn: str) -> None:
        # Past the constructors of the kinds of resources: they know no mere dependency.
        pulumi.Resource.__init__(self, token, "", True, dependency=True)
        self.token = token
        self._urn = urn
        self._reads: dict[str, pulumi.Resource] = {}
        self.__dict__["urn"] = _settled(urn, self)

    def get(self, name: str) -> pulumi.Output[Any]:
        """An output of the resource by its camelCase name; unknown when the engine has none."""
        return cast("pulumi.Output[Any]", self._read(name).__dict__[name])

    def _read(self, name: str) -> pulumi.Resource:
        if name not in self._reads:
            kind = _Existing if isinstance(self, pulumi.CustomResource) else _ExistingComponent
            self._reads[name] = kind(self.token, "existing", {name: None}, pulumi.ResourceOptions(urn=self._urn))
        return self._reads[name]


class CustomReference(Reference, pulumi.CustomResource):
    """A reference to a resource of a provider; it has an id."""

    @property
    def id(self) -> pulumi.Output[str]:
        """The identifier that the provider gave the resource."""
        return cast("pulumi.Output[str]", self._read("id").__dict__["id"])


class ComponentReference(Reference, pulumi.ComponentResource):
    """A reference to a component of this provider."""


def _settled(value: str, source: pulumi.Resource) -> pulumi.Output[str]:
    async def sources() -> set[pulumi.Resource]:
        return {source}

    return pulumi.Output(sources(), _future(value), _future(True), _future(False))


def _future(value: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


class _Module(rpc.ResourceModule):
    """Turns the references of one module of a package into `Reference`s."""

    def __init__(self, package: str) -> None:
        self._reference = ComponentReference if package == "eks" else CustomReference

    def version(self) -> VersionInfo | None:
        return None

    def construct(self, name: str, typ: str, urn: str) -> pulumi.Resource:
        del name
        return self._reference(typ, urn)


_REFERENCED = (
    ("eks", "index"),
    ("aws", "ec2/securityGroup"),
    ("aws", "ec2/securityGroupRule"),
    ("aws", "eks/addon"),
    ("aws", "eks/cluster"),
    ("aws", "eks/fargateProfile"),
    ("aws", "iam/instanceProfile"),
    ("aws", "iam/openIdConnectProvider"),
    ("aws", "iam/role"),
    ("kubernetes", "core/v1"),
    ("kubernetes", "storage.k8s.io/v1"),
)


def register_references() -> None:
    """Lets the SDK rebuild references that come as inputs or inside a component's outputs. Once a process."""
    for package, module in _REFERENCED:
        rpc.register_resource_module(package, module, _Module(package))


def invoke(token: str, args: Mapping[str, Any], parent: pulumi.Resource) -> pulumi.Output[Any]:
    """A function of a provider, at the version that the component was built with, with the parent's provider."""
    given = {key: value for key, value in args.items() if value is not None}
    options = pulumi.InvokeOptions(parent=parent, version=child_version(token) or "")
    return pulumi.runtime.invoke_output(token, given, options)


def given(value: Any) -> bool:
    """Whether JavaScript would call it true, which the real component asks: an output always is."""
    return isinstance(value, pulumi.Output) or bool(value)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that have a value."""
    return {key: value for key, value in values.items() if value is not None}


def compact(value: Any, *, sort_keys: bool = False) -> str:
    """JSON as JavaScript's JSON.stringify writes it: no spaces, whole numbers without a fraction."""
    return json.dumps(_whole(value), separators=(",", ":"), ensure_ascii=False, sort_keys=sort_keys)


def text_of(value: Any) -> str:
    """A number, a bool or a string as JavaScript's template literals write it."""
    return value if isinstance(value, str) else compact(value)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_whole(item) for item in cast("list[Any]", value)]
    return value
