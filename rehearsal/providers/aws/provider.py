"""The provider itself: which types and functions there are, its configuration, and proof of where it works.

It refuses to work unless AWS's endpoint is the rehearsal's own emulator: the
same program, with the same names, must never reach an AWS account by mistake.
"""

from __future__ import annotations

import ipaddress
import json
import os
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

from rehearsal.providers.aws import (
    ec2_addresses,
    ec2_instances,
    ec2_network,
    ec2_routing,
    ec2_security,
    ec2_security_rule,
    ec2_templates,
    eks_access,
    eks_cluster,
    eks_node_group,
    iam_policies,
    iam_roles,
    kms_logs,
    scheduler,
    secrets_manager,
)
from rehearsal.providers.aws.base import AwsResource
from rehearsal.providers.aws.boto_calls import Aws, Call, in_awss_words
from rehearsal.providers.aws.functions import FUNCTIONS
from rehearsal.providers.aws.schema import coerce, without_nulls
from rehearsal.providers.properties import UNKNOWN, Change, Properties
from rehearsal.providers.protocol import (
    CheckFailure,
    Context,
    Diff,
    InvalidPropertiesError,
    Provider,
    ProviderError,
    Resource,
    UnknownTokenError,
)

RESOURCES: tuple[type[AwsResource], ...] = (
    ec2_network.Vpc,
    ec2_network.Subnet,
    ec2_network.InternetGateway,
    ec2_addresses.Eip,
    ec2_addresses.NatGateway,
    ec2_routing.RouteTable,
    ec2_routing.Route,
    ec2_routing.RouteTableAssociation,
    ec2_routing.VpcPeeringConnection,
    ec2_routing.PeeringConnectionOptions,
    ec2_security.SecurityGroup,
    ec2_security.SecurityGroupIngressRule,
    ec2_security.SecurityGroupEgressRule,
    ec2_security_rule.SecurityGroupRule,
    ec2_templates.LaunchTemplate,
    ec2_instances.Instance,
    iam_roles.Role,
    iam_roles.RolePolicy,
    iam_roles.RolePolicyAttachment,
    iam_roles.User,
    iam_roles.UserPolicyAttachment,
    iam_policies.Policy,
    iam_policies.InstanceProfile,
    iam_policies.OpenIdConnectProvider,
    kms_logs.Key,
    kms_logs.Alias,
    kms_logs.LogGroup,
    eks_cluster.Cluster,
    eks_node_group.NodeGroup,
    eks_access.Addon,
    eks_access.AccessEntry,
    eks_access.AccessPolicyAssociation,
    eks_access.PodIdentityAssociation,
    scheduler.Schedule,
    secrets_manager.Secret,
    secrets_manager.SecretVersion,
)
"""Every type that is played."""

_CLASSES = {cls.pulumi_type: cls for cls in RESOURCES}
_CONFIG: dict[str, Any] = {
    "region": "string",
    "defaultTags": {"inputs": {"tags": {"map": "string"}}, "required": []},
    "skipCredentialsValidation": "boolean",
    "skipMetadataApiCheck": "boolean",
    "skipRegionValidation": "boolean",
    "skipRequestingAccountId": "boolean",
}
_ENGINES_OWN = ("version", "pluginDownloadURL")


class AwsProvider(Provider):
    """The stand-in `aws` provider."""

    def __init__(self) -> None:
        self.name = "aws"
        self.version = version("pulumi-aws")
        self._aws = Aws("", {})
        self._resources: dict[str, AwsResource] = {}

    @override
    def check_config(self, ctx: Context, old: Properties | None, new: Properties) -> Properties:
        failures: list[CheckFailure] = []
        checked: Properties = {}
        for name, value in without_nulls(new).items():
            if name in _ENGINES_OWN or name.startswith("__"):
                checked[name] = value
            elif name in _CONFIG:
                checked[name] = coerce(_from_json(value), _CONFIG[name], (name,), failures)
            else:
                failures.append(CheckFailure(name, "the rehearsal does not play this setting of the aws provider"))
        region = checked.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            failures.append(CheckFailure("region", "no region is set: set aws:region, or AWS_REGION"))
        if failures:
            raise InvalidPropertiesError(failures)
        # Nested values travel as JSON text in a provider's inputs.
        return {
            key: json.dumps(value) if isinstance(value, dict) else value
            for key, value in {**checked, "region": region}.items()
        }

    @override
    def diff_config(self, ctx: Context, old: Properties, new: Properties) -> Diff:
        changed = [key for key in {**old, **new} if old.get(key) != new.get(key) and key not in _ENGINES_OWN]
        return Diff([Change((key,), "update", replace=key == "region") for key in sorted(changed)])

    @override
    def configure(self, ctx: Context, config: Properties) -> None:
        prove_endpoint()
        region = config.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not isinstance(region, str):
            raise ProviderError("The aws provider has no region. Set aws:region.")
        tags: Any = _from_json(config.get("defaultTags", {}))
        self._aws = Aws(region, {} if tags is UNKNOWN else tags.get("tags", {}))
        self._resources = {token: cls(self._aws) for token, cls in _CLASSES.items()}

    @override
    def resource(self, token: str) -> Resource:
        if token not in _CLASSES:
            raise UnknownTokenError(self.name, "resource type", token)
        if token not in self._resources:
            raise ProviderError(f"The aws provider is not configured, so {token} cannot be handled. Run it again.")
        return self._resources[token]

    @override
    def invoke(self, ctx: Context, token: str, args: Properties) -> Properties:
        function = FUNCTIONS.get(token)
        if function is None:
            raise UnknownTokenError(self.name, "function", token)
        shapes = {**function.arguments, "region": "string"}
        failures: list[CheckFailure] = []
        checked: Properties = {}
        for name, value in without_nulls(args).items():
            if name not in shapes:
                failures.append(CheckFailure(name, f"the rehearsal does not play this argument of {token}"))
            else:
                checked[name] = coerce(value, shapes[name], (name,), failures)
        failures += [
            CheckFailure(name, f"{token} requires this argument") for name in function.required if name not in checked
        ]
        if failures:
            raise InvalidPropertiesError(failures)
        call = Call(self._aws, ctx, checked.get("region") or self._aws.region)
        with in_awss_words(f"invoking {token}"):
            return function.run(call, checked)


def _from_json(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def prove_endpoint() -> None:
    """Raise ProviderError unless every AWS call goes to the rehearsal's own emulator."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    world = os.environ.get("MYEKS_REHEARSAL_WORLD", "")
    if not _on_loopback(endpoint) or not world:
        raise ProviderError(
            f"AWS_ENDPOINT_URL ({endpoint or 'not set'}) is not the rehearsal's emulator on this machine. "
            f"Run the program through the rehearsal, or use the real aws provider."
        )
    for name in sorted(os.environ):
        if name.startswith("AWS_ENDPOINT_URL_") and os.environ[name] != endpoint:
            raise ProviderError(
                f"{name} ({os.environ[name]}) leads past the rehearsal's emulator. Remove it from the environment."
            )
    from rehearsal.endpoint import NotTheEmulator, prove

    try:
        prove(endpoint, world)
    except NotTheEmulator as error:
        raise ProviderError(str(error)) from error


def _on_loopback(endpoint: str) -> bool:
    parts = urlsplit(endpoint)
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
