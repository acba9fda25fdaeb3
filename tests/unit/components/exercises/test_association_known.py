"""A pod is held back until the API server's dry run shows its credentials, and no longer than it is worth."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.exercises import association_known
from components.exercises.association_known import INJECTED, injected, until_known
from tests.unit.mocks import run

MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "eks-iam-test4", "namespace": "default"},
    "spec": {"serviceAccountName": "pod-identity-sa", "containers": [{"name": "my-aws-cli", "image": "x"}]},
}
ENV = [{"name": INJECTED, "value": "http://169.254.170.23/v1/credentials"}]


def _pod(*environments: list[dict[str, str]] | None) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "one", "env": env} for env in environments]}}


class ApiServer:
    """Knows the association from the n-th question on."""

    def __init__(self, knows_after: int) -> None:
        self.knows_after = knows_after
        self.asked: list[Mapping[str, Any]] = []

    def __call__(self, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(manifest)
        return _pod(ENV if len(self.asked) > self.knows_after else None)


@pytest.mark.parametrize("late", [0, 1, 5])
def test_it_asks_until_the_webhook_knows(late: int) -> None:
    server = ApiServer(knows_after=late)
    until_known(MANIFEST, server, patience=60, pause=0)
    assert len(server.asked) == late + 1


def test_it_gives_up_and_says_what_to_do() -> None:
    server = ApiServer(knows_after=10**9)
    with pytest.raises(TimeoutError, match=r"pods of pod-identity-sa .* Turn the exercise off and on again"):
        until_known(MANIFEST, server, patience=0.05, pause=0.01)
    assert len(server.asked) > 1


def test_what_the_api_server_refuses_is_not_asked_again() -> None:
    asked: list[object] = []

    def refuse(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(manifest)
        raise PermissionError("403")

    with pytest.raises(PermissionError):
        until_known(MANIFEST, refuse, patience=60, pause=0)
    assert len(asked) == 1


def test_the_question_takes_no_name_and_leaves_the_manifest_alone() -> None:
    server = ApiServer(knows_after=0)
    before = json.dumps(MANIFEST)
    until_known(MANIFEST, server)
    assert server.asked == [{**MANIFEST, "metadata": {"generateName": "eks-iam-test4-", "namespace": "default"}}]
    assert json.dumps(MANIFEST) == before


@pytest.mark.parametrize(
    ("pod", "has"),
    [
        (_pod(ENV), True),
        (_pod(ENV, ENV), True),
        (_pod(ENV, None), False),
        (_pod([{"name": "OTHER", "value": "x"}]), False),
        (_pod([]), False),
        (_pod(None), False),
    ],
)
def test_each_container_must_have_its_credentials(pod: dict[str, Any], has: bool) -> None:
    assert injected(pod) is has


def test_the_hook_asks_by_the_kubeconfig_that_the_program_got(monkeypatch: pytest.MonkeyPatch) -> None:
    by: list[str] = []

    def dry_run(kubeconfig: str, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        by.append(kubeconfig)
        return _pod(ENV)

    monkeypatch.setattr(association_known, "_dry_run", dry_run)

    def program() -> None:
        association_known.hook("known", pulumi.Output.from_input("{}"))

    graph = run(program)
    args = pulumi.ResourceHookArgs(urn="", id="", name="", type="", new_inputs=MANIFEST)
    asyncio.run(_called(graph.hooks["known"], args))
    assert by == ["{}"]


async def _called(hook: pulumi.ResourceHook, args: pulumi.ResourceHookArgs) -> None:
    waited = hook.callback(args)
    assert waited is not None
    await waited


def test_it_is_a_dry_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Against the client's own request: nothing may be made."""
    import urllib3

    sent: list[tuple[str, str, dict[str, Any]]] = []

    def request(self: object, method: str, url: str, **options: Any) -> urllib3.HTTPResponse:
        sent.append((method, url, json.loads(options["body"])))
        return urllib3.HTTPResponse(json.dumps(_pod(ENV)).encode(), status=201, headers={}, preload_content=True)

    monkeypatch.setattr(urllib3.PoolManager, "request", request)
    kubeconfig = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
    }
    spec = {**MANIFEST["spec"], "terminationGracePeriodSeconds": 0}
    asked = {**MANIFEST, "metadata": {"generateName": "x-", "namespace": "default"}, "spec": spec}
    # As the engine gives a hook its numbers.
    given = {**asked, "spec": {**spec, "terminationGracePeriodSeconds": 0.0}}
    made = association_known._dry_run(json.dumps(kubeconfig), given)  # pyright: ignore[reportPrivateUsage]  # the one call
    assert injected(made)
    ((method, url, body),) = sent
    assert method == "POST"
    assert url == "http://127.0.0.1:1/api/v1/namespaces/default/pods?dryRun=All"
    assert body == asked
