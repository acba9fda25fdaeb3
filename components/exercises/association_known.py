"""Holds a pod back until EKS's webhook knows of its new Pod Identity association.

EKS spreads an association within seconds after it has said that it is made (EKS User Guide, "Learn how EKS Pod
Identity grants pods access to AWS services", considerations, seen 2026-11). Its webhook looks once, when a pod is
created: a pod that comes too early never gets its role. No API tells how far EKS is, but a dry run does: the API
server answers with the pod as it would be made, webhooks included.

A lab that is built from nothing has minutes between the two. One that stands and turns the exercise on has not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import pulumi

PATIENCE_SECONDS = 60.0
"""Many times the several seconds that the User Guide tells of."""

PAUSE_SECONDS = 1.0
INJECTED = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
"""Environment variable that the webhook gives to the containers of a pod that has an association."""

DryRun = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Manifest of a pod → the pod as the API server would make it, in the API's JSON form."""


def hook(name: str, kubeconfig: pulumi.Input[str]) -> pulumi.ResourceHook:
    """A hook to be run before a pod is created.

    Where the association does not get known in time, or the API server cannot be asked, it warns: the pod is then
    made as it would have been without the hook.

    Args:
        name: of the hook; unique in the program.
        kubeconfig: JSON text of a kubeconfig with one context, whose user may create the pod.
    """
    resolved: list[str] = []
    # A preview may not know it, and runs no hook.
    pulumi.Output.from_input(kubeconfig).apply(resolved.append)

    async def wait(args: pulumi.ResourceHookArgs) -> None:
        manifest: Mapping[str, Any] = args.new_inputs or {}
        # In a thread: the program's other resources go on.
        await asyncio.to_thread(until_known, manifest, lambda pod: _dry_run(resolved[-1], pod))

    return pulumi.ResourceHook(name, wait, pulumi.ResourceHookOptions(ignore_errors=True))


def until_known(
    manifest: Mapping[str, Any], dry_run: DryRun, patience: float = PATIENCE_SECONDS, pause: float = PAUSE_SECONDS
) -> None:
    """Return when the webhook would give the pod its credentials.

    Raises:
        TimeoutError: it would not, for `patience` seconds.
    """
    from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

    probe = {**manifest, "metadata": _unnamed(manifest["metadata"])}
    retrying = Retrying(
        stop=stop_after_delay(patience), wait=wait_fixed(pause), retry=retry_if_result(lambda pod: not injected(pod))
    )
    try:
        retrying(dry_run, probe)
    except RetryError as error:
        raise TimeoutError(
            f"EKS does not give pods of {manifest['spec']['serviceAccountName']} their role, {patience:.0f} s after "
            "the association was made. Turn the exercise off and on again."
        ) from error


def injected(pod: Mapping[str, Any]) -> bool:
    """Whether the webhook has given each container of the pod the way to its credentials."""
    return all(
        any(variable["name"] == INJECTED for variable in container.get("env") or [])
        for container in pod["spec"]["containers"]
    )


def _unnamed(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The pod to come has its name to itself, even where the one before is not quite gone."""
    kept = {key: value for key, value in metadata.items() if key != "name"}
    return {**kept, "generateName": f"{metadata['name']}-"}


def _number(text: str) -> float:
    """A hook's inputs have come through the engine, to which every number is a float."""
    return int(float(text)) if float(text).is_integer() else float(text)


def _dry_run(kubeconfig: str, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    # A second of imports, of use only when a pod is made.
    from kubernetes import client, config

    with config.new_client_from_config_dict(json.loads(kubeconfig)) as api:
        # The client takes the JSON form as well as its own model.
        pod = json.loads(json.dumps(manifest), parse_float=_number)
        made = client.CoreV1Api(api).create_namespaced_pod(
            manifest["metadata"]["namespace"], pod, dry_run="All", _request_timeout=10
        )
        return cast("Mapping[str, Any]", api.sanitize_for_serialization(made))
