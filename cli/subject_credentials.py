"""How a process becomes somebody else at AWS and at the API server, with nothing secret on the disk.

Secrets are in the one process's environment. What is on the disk only tells where to look: a kubeconfig that takes
the token from a variable, and AWS settings without anybody's credentials.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

import yaml

from stacks.errors import CannotAsk

BEARER: Final = "LAB_AS_TOKEN"
"""Variable with the bearer token of a service account."""

_PRINT_TOKEN: Final = (
    'printf \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}\''
    f' "${BEARER}"'
)
_FOREIGN: Final = ("--profile", "--role", "--role-arn")
"""Options of `aws eks get-token` by which the operator's kubeconfig may choose the operator's own credentials."""


def without_credentials(environment: Mapping[str, str], *, on_aws: bool) -> dict[str, str]:
    """The environment without anything that leads to AWS credentials, the operator's or another subject's.

    Args:
        environment: the operator's.
        on_aws: whether of the user's own AWS settings, which may name credentials in many ways, the certificate
            bundle is to stay.
    """
    cleared = {name: value for name, value in environment.items() if not is_credential(name) and name != BEARER}
    cleared |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    # A machine on AWS has credentials of its own.
    cleared["AWS_EC2_METADATA_DISABLED"] = "true"
    if on_aws and (bundle := _certificate_bundle()):
        cleared["AWS_CA_BUNDLE"] = bundle
    return cleared


def as_caller(kubeconfig: object) -> dict[str, Any]:
    """A kubeconfig that enters as whoever the environment's AWS credentials are; raises CannotAsk."""
    parsed = _parsed(kubeconfig)
    try:
        for user in parsed["users"]:
            plugin = user["user"].get("exec")
            if plugin:
                plugin["args"] = _without_options(plugin.get("args") or [])
                plugin["env"] = [one for one in plugin.get("env") or [] if not is_credential(one["name"])] or None
        return parsed
    except (KeyError, TypeError, AttributeError) as error:
        raise _unreadable(error) from error


def as_bearer(kubeconfig: object, user: str, namespace: str) -> dict[str, Any]:
    """A kubeconfig of the same cluster that enters with the token in BEARER; raises CannotAsk."""
    parsed = _parsed(kubeconfig)
    try:
        current = next(one["context"] for one in parsed["contexts"] if one["name"] == parsed["current-context"])
        clusters = [one for one in parsed["clusters"] if one["name"] == current["cluster"]]
    except (KeyError, TypeError, StopIteration) as error:
        raise _unreadable(error) from error
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", _PRINT_TOKEN],
        "interactiveMode": "Never",
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": clusters,
        "contexts": [{"name": user, "context": {"cluster": current["cluster"], "user": user, "namespace": namespace}}],
        "current-context": user,
        "users": [{"name": user, "user": {"exec": plugin}}],
    }


def is_credential(name: str) -> bool:
    """Whether an environment variable of this name leads to AWS credentials by itself."""
    exact = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_FILE"}
    parts = ("AWS_ACCESS_KEY", "AWS_SECRET_", "AWS_SESSION_", "AWS_ROLE_", "AWS_WEB_IDENTITY_", "AWS_CONTAINER_")
    return name in exact or name.startswith(parts)


def _without_options(arguments: list[str]) -> list[str]:
    kept: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument in _FOREIGN:
            next(rest, None)
        elif not argument.startswith(tuple(f"{option}=" for option in _FOREIGN)):
            kept.append(argument)
    return kept


def _certificate_bundle() -> str | None:
    """The certificate authorities that the user's AWS settings name, for networks whose proxy looks into TLS."""
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        return botocore.session.get_session().get_config_variable("ca_bundle")
    except BotoCoreError:
        return None


def _parsed(kubeconfig: object) -> dict[str, Any]:
    try:
        # Also a parsed one goes through text: the result is the caller's to change.
        return yaml.safe_load(kubeconfig if isinstance(kubeconfig, str) else yaml.safe_dump(kubeconfig))
    except yaml.YAMLError as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> CannotAsk:
    return CannotAsk(f"The stack's kubeconfig cannot be read ({error!r}). Run ./lab up, then ask again.")
