"""Holds a pod back until EKS's webhook would give it its role.

The webhook looks once, when a pod is created, and it looks at copies: of the service accounts, which it watches and
does not wait for (amazon-eks-pod-identity-webhook, pkg/cache), and of the Pod Identity associations, which EKS spreads
within seconds after it has said that they are made (EKS User Guide, "Learn how EKS Pod Identity grants pods access to
AWS services", considerations, seen 2026-11). A pod that comes too early never gets its role, or gets the one that its
account had before. No API tells how far the copies are, but a dry run does: the API server answers with the pod as it
would be made, webhooks included.
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
IN_A_ROW = 3
"""Dry runs that must go well: EKS has at least two API servers (EKS User Guide, "Understand resilience in Amazon EKS
clusters", seen 2026-11), and one that knows says nothing of the other."""

BETWEEN_SECONDS = 0.2
"""Pause between two that go well."""

Variables = Mapping[str, str | None]
"""Environment variables that the webhook gives to each container of a pod with a role: name → value, None: any."""

ASSOCIATION: Variables = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": None,
    # The webhook gives this one only to a pod whose service account it knows, too.
    "AWS_STS_REGIONAL_ENDPOINTS": None,
}
"""By a Pod Identity association; it does not name the role."""


def annotation(role_arn: str) -> Variables:
    """By an annotation of the service account (IRSA)."""
    return {"AWS_WEB_IDENTITY_TOKEN_FILE": None, "AWS_ROLE_ARN": role_arn}


DryRun = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Manifest of a pod → the pod as the API server would make it, in the API's JSON form."""


def hook(
    name: str, kubeconfig: pulumi.Input[str], variables: pulumi.Input[Mapping[str, str | None]]
) -> pulumi.ResourceHook:
    """A hook to be run before a pod is created.

    Where the role does not come in time, or the API server cannot be asked, it warns: the pod is then made as it
    would have been without the hook.

    Args:
        name: of the hook; unique in the program.
        kubeconfig: JSON text of a kubeconfig with one context, whose user may create the pod.
        variables: what the webhook is to give to the pod.
    """
    resolved: list[tuple[str, Variables]] = []
    # A preview may not know them, and runs no hook.
    pulumi.Output.all(kubeconfig, variables).apply(lambda both: resolved.append((both[0], both[1])))

    async def wait(args: pulumi.ResourceHookArgs) -> None:
        manifest: Mapping[str, Any] = args.new_inputs or {}
        text, wanted = resolved[-1]
        # In a thread: the program's other resources go on.
        await asyncio.to_thread(lambda: until_injected(manifest, wanted, _dry_runs(text)))

    return pulumi.ResourceHook(name, wait, pulumi.ResourceHookOptions(ignore_errors=True))


def until_injected(manifest: Mapping[str, Any], variables: Variables, dry_run: DryRun) -> None:
    """Return when the webhook would give the pod these variables, whichever API server is asked.

    Raises:
        TimeoutError: it would not, for PATIENCE_SECONDS.
    """
    from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay

    probe = {**manifest, "metadata": _unnamed(manifest["metadata"])}
    in_a_row = 0

    def everywhere() -> bool:
        nonlocal in_a_row
        in_a_row = in_a_row + 1 if injected(dry_run(probe), variables) else 0
        return in_a_row == IN_A_ROW

    retrying = Retrying(
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=lambda _state: BETWEEN_SECONDS if in_a_row else PAUSE_SECONDS,
        retry=retry_if_result(lambda done: not done),
    )
    try:
        retrying(everywhere)
    except RetryError as error:
        raise TimeoutError(
            f"EKS does not give pods of {manifest['spec']['serviceAccountName']} their role, {PATIENCE_SECONDS:.0f} s "
            "after it was told. Turn the exercise off and on again."
        ) from error


def injected(pod: Mapping[str, Any], variables: Variables) -> bool:
    """Whether the webhook has given each container of the pod these variables."""
    return all(_has(container, variables) for container in pod["spec"]["containers"])


def _has(container: Mapping[str, Any], variables: Variables) -> bool:
    found = {variable["name"]: variable.get("value") for variable in container.get("env") or []}
    return all(name in found and value in (None, found[name]) for name, value in variables.items())


def _unnamed(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The pod to come has its name to itself, even where the one before is not quite gone."""
    kept = {key: value for key, value in metadata.items() if key != "name"}
    return {**kept, "generateName": f"{metadata['name']}-"}


def _number(text: str) -> float:
    """A hook's inputs have come through the engine, to which every number is a float."""
    return int(float(text)) if float(text).is_integer() else float(text)


def _dry_runs(kubeconfig: str) -> DryRun:
    """Dry runs by a kubeconfig, whose token is got once; each on a connection of its own, which may lead to another
    API server."""
    # A second of imports, of use only when a pod is made.
    from kubernetes import client, config

    settings = client.Configuration()
    config.load_kube_config_from_dict(json.loads(kubeconfig), client_configuration=settings)

    def dry_run(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        with client.ApiClient(settings) as api:
            # The client takes the JSON form as well as its own model.
            pod = json.loads(json.dumps(manifest), parse_float=_number)
            made = client.CoreV1Api(api).create_namespaced_pod(
                manifest["metadata"]["namespace"], pod, dry_run="All", _request_timeout=10
            )
            return cast("Mapping[str, Any]", api.sanitize_for_serialization(made))

    return dry_run
