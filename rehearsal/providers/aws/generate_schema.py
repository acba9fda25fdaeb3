"""Writes `schema.json`: what properties the AWS SDK's resource classes have.

The plugin must know every property, nested ones too, but importing the SDK
takes it a second or more at each start. So the names and types are taken from
the SDK once, when its version changes, and a test compares them with it.

    python -m rehearsal.providers.aws.generate_schema
"""

from __future__ import annotations

import collections.abc
import enum
import importlib
import inspect
import json
import types
import typing
from importlib.metadata import version
from typing import Any

import pulumi
from pulumi import _types as sdk_types  # pyright: ignore[reportPrivateUsage] - the only way to its type data

from rehearsal.providers.aws.schema import FILE

PLAYED = {
    "cloudwatch": ["LogGroup"],
    "ec2": [
        "Eip",
        "Instance",
        "InternetGateway",
        "LaunchTemplate",
        "NatGateway",
        "PeeringConnectionOptions",
        "Route",
        "RouteTable",
        "RouteTableAssociation",
        "SecurityGroup",
        "SecurityGroupRule",
        "Subnet",
        "Vpc",
        "VpcPeeringConnection",
    ],
    "eks": [
        "AccessEntry",
        "AccessPolicyAssociation",
        "Addon",
        "Cluster",
        "NodeGroup",
        "PodIdentityAssociation",
    ],
    "iam": [
        "InstanceProfile",
        "OpenIdConnectProvider",
        "Policy",
        "Role",
        "RolePolicy",
        "RolePolicyAttachment",
        "User",
        "UserPolicyAttachment",
    ],
    "kms": ["Alias", "Key"],
    "scheduler": ["Schedule"],
    "secretsmanager": ["Secret", "SecretVersion"],
    "vpc": ["SecurityGroupEgressRule", "SecurityGroupIngressRule"],
}
"""Module of the SDK → the resource classes that the stand-in plays."""

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_LISTS = (list, collections.abc.Sequence)
_MAPS = (dict, collections.abc.Mapping)


def generate() -> dict[str, Any]:
    """The schema as `schema.json` holds it: the SDK's version, and token → inputs, required, outputs."""
    resources: dict[str, Any] = {}
    for module_name, names in PLAYED.items():
        module = importlib.import_module(f"pulumi_aws.{module_name}")
        for name in names:
            resource = getattr(module, name)
            resources[resource.pulumi_type] = {
                **_fields(getattr(module, f"{name}Args")),
                "outputs": {key: _shape(typ) for key, typ in sdk_types.resource_types(resource).items()},
            }
    return {"version": version("pulumi-aws"), "resources": dict(sorted(resources.items()))}


def _fields(args: Any) -> dict[str, Any]:
    names = sdk_types.input_type_py_to_pulumi_names(args)
    parameters = inspect.signature(args.__init__).parameters.values()
    required = [
        names.get(p.name, p.name) for p in parameters if p.name != "__self__" and p.default is inspect.Parameter.empty
    ]
    inputs = {key: _shape(typ) for key, typ in sdk_types.input_type_types(args).items()}
    return {"inputs": inputs, "required": sorted(required)}


def _shape(annotation: Any) -> Any:
    """A type as data: a scalar's name, "document", {"list": …}, {"map": …}, {"inputs": …, "required"}."""
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _union([a for a in arguments if a is not type(None) and not _is_wrapper(a)])
    if origin in _LISTS:
        return {"list": _shape(arguments[0])}
    if origin in _MAPS:
        return {"map": _shape(arguments[1])}
    if inspect.isclass(annotation):
        if issubclass(annotation, enum.Enum):
            return "string"
        if sdk_types.is_input_type(annotation):
            return _fields(annotation)
        if sdk_types.is_output_type(annotation):
            return {"object": True}
    raise TypeError(f"No rule for the annotation {annotation!r}. Add one to generate_schema._shape.")


def _is_wrapper(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (collections.abc.Awaitable, pulumi.Output)


def _union(choices: list[Any]) -> Any:
    if len(choices) == 1:
        return _shape(choices[0])
    others = [choice for choice in choices if choice is not str]
    if len(others) < len(choices) and all(inspect.isclass(choice) for choice in others):
        # An enumeration is text; an object beside text is an IAM policy: JSON text or the object itself.
        return "string" if all(issubclass(choice, enum.Enum) for choice in others) else "document"
    raise TypeError(f"No rule for the choices {choices!r}. Add one to generate_schema._union.")


def text() -> str:
    """The file's whole text."""
    return json.dumps(generate(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
