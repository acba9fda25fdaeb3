"""A pod is held back until the API server's dry run shows its role, and no longer than it is worth."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from exercises.shared import await_injected_role
from exercises.shared.await_injected_role import ASSOCIATION, Variables, annotation, injected, until_injected
from tests.unit.mocks import run

MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "eks-iam-test4", "namespace": "default"},
    "spec": {"serviceAccountName": "pod-identity-sa", "containers": [{"name": "my-aws-cli", "image": "x"}]},
}
ROLE = "arn:aws:iam::111122223333:role/irsa-1"
OLD_ROLE = "arn:aws:iam::111122223333:role/irsa-0"
IRSA = annotation(ROLE)

URI = {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://169.254.170.23/v1/credentials"}
REGIONAL = {"name": "AWS_STS_REGIONAL_ENDPOINTS", "value": "regional"}
ENV = [REGIONAL, URI]
TOKEN = {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/token"}


def _role(arn: str) -> dict[str, str]:
    return {"name": "AWS_ROLE_ARN", "value": arn}


def _pod(*environments: list[dict[str, str]] | None) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "one", "env": env} for env in environments]}}


class ApiServers:
    """Answer one after another, each well or not; the last answer stays."""

    def __init__(self, *known: bool) -> None:
        self.known = known
        self.asked: list[Mapping[str, Any]] = []

    def __call__(self, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        knows = self.known[min(len(self.asked), len(self.known) - 1)]
        self.asked.append(manifest)
        return _pod(ENV if knows else None)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; time passes in them alone."""
    made: list[float] = []
    monkeypatch.setattr("tenacity.time.monotonic", lambda: sum(made))
    monkeypatch.setattr("tenacity.nap.time.sleep", made.append)
    return made


@pytest.mark.parametrize(
    ("answers", "pause"),
    [
        ([True], [0.2, 0.2]),
        ([False, True], [1, 0.2, 0.2]),
        # One that knows, and another that does not yet: begun again.
        ([True, True, False, True], [0.2, 0.2, 1, 0.2, 0.2]),
        ([False, True, False, True], [1, 0.2, 1, 0.2, 0.2]),
    ],
)
def test_it_asks_until_three_in_a_row_know(answers: list[bool], pause: list[float], pauses: list[float]) -> None:
    servers = ApiServers(*answers)
    until_injected(MANIFEST, ASSOCIATION, servers)
    assert pauses == pause
    assert len(servers.asked) == len(pause) + 1


def test_it_gives_up_and_says_what_to_do(pauses: list[float]) -> None:
    with pytest.raises(TimeoutError, match=r"pods of pod-identity-sa .* 60 s .* Turn the exercise off and on again"):
        until_injected(MANIFEST, ASSOCIATION, ApiServers(False))
    assert pauses == [1] * 60


def test_what_the_api_server_refuses_is_not_asked_again() -> None:
    asked: list[object] = []

    def refuse(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(manifest)
        raise PermissionError("403")

    with pytest.raises(PermissionError):
        until_injected(MANIFEST, ASSOCIATION, refuse)
    assert len(asked) == 1


def test_the_question_takes_no_name_and_leaves_the_manifest_alone() -> None:
    servers = ApiServers(True)
    before = json.dumps(MANIFEST)
    until_injected(MANIFEST, ASSOCIATION, servers)
    probe = {**MANIFEST, "metadata": {"generateName": "eks-iam-test4-", "namespace": "default"}}
    assert servers.asked == [probe] * 3
    assert json.dumps(MANIFEST) == before


@pytest.mark.parametrize(
    ("variables", "pod", "has"),
    [
        (ASSOCIATION, _pod(ENV), True),
        (ASSOCIATION, _pod(ENV, ENV), True),
        (ASSOCIATION, _pod(ENV, None), False),
        (ASSOCIATION, _pod([URI]), False),
        (ASSOCIATION, _pod([REGIONAL]), False),
        (ASSOCIATION, _pod([{"name": "OTHER", "value": "x"}]), False),
        (ASSOCIATION, _pod([]), False),
        (ASSOCIATION, _pod(None), False),
        (IRSA, _pod([TOKEN, _role(ROLE)]), True),
        (IRSA, _pod([TOKEN, _role(ROLE)], [TOKEN, _role(ROLE)]), True),
        (IRSA, _pod([TOKEN, _role(ROLE)], None), False),
        (IRSA, _pod([TOKEN, _role(OLD_ROLE)]), False),
        (IRSA, _pod([_role(ROLE)]), False),
        (IRSA, _pod([TOKEN]), False),
        (IRSA, _pod(ENV), False),
        (IRSA, _pod(None), False),
    ],
)
def test_each_container_must_have_its_role(variables: Variables, pod: dict[str, Any], has: bool) -> None:
    assert injected(pod, variables) is has


def test_the_hook_asks_for_what_the_program_got(monkeypatch: pytest.MonkeyPatch) -> None:
    by: list[str] = []
    wanted: list[Variables] = []

    def dry_runs(kubeconfig: str) -> ApiServers:
        by.append(kubeconfig)
        return ApiServers(True)

    def asked(manifest: Mapping[str, Any], variables: Variables, dry_run: ApiServers) -> None:
        wanted.append(variables)
        dry_run(manifest)

    monkeypatch.setattr(await_injected_role, "_dry_runs", dry_runs)
    monkeypatch.setattr(await_injected_role, "until_injected", asked)

    def program() -> None:
        role = pulumi.Output.from_input(ROLE)
        await_injected_role.hook("known", pulumi.Output.from_input("{}"), role.apply(annotation))

    graph = run(program)
    args = pulumi.ResourceHookArgs(urn="", id="", name="", type="", new_inputs=MANIFEST)
    asyncio.run(_called(graph.hooks["known"], args))
    assert (by, wanted) == (["{}"], [{"AWS_WEB_IDENTITY_TOKEN_FILE": None, "AWS_ROLE_ARN": ROLE}])


async def _called(hook: pulumi.ResourceHook, args: pulumi.ResourceHookArgs) -> None:
    waited = hook.callback(args)
    assert waited is not None
    await waited


def test_it_is_a_dry_run_on_a_connection_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the client's own request: nothing may be made."""
    import kubernetes.config
    import urllib3

    sent: list[tuple[str, str, dict[str, Any]]] = []
    pools: list[object] = []

    def request(self: object, method: str, url: str, **options: Any) -> urllib3.HTTPResponse:
        pools.append(self)
        sent.append((method, url, json.loads(options["body"])))
        return urllib3.HTTPResponse(json.dumps(_pod(ENV)).encode(), status=201, headers={}, preload_content=True)

    monkeypatch.setattr(urllib3.PoolManager, "request", request)
    loaded: list[object] = []
    load = kubernetes.config.load_kube_config_from_dict

    def once(config: object, **options: Any) -> None:
        loaded.append(config)
        load(config, **options)

    monkeypatch.setattr(kubernetes.config, "load_kube_config_from_dict", once)
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
    dry_run = await_injected_role._dry_runs(json.dumps(kubeconfig))  # pyright: ignore[reportPrivateUsage]  # the one call
    assert [injected(dry_run(given), ASSOCIATION) for _ in range(2)] == [True, True]
    url = "http://127.0.0.1:1/api/v1/namespaces/default/pods?dryRun=All"
    assert sent == [("POST", url, asked)] * 2
    assert len({id(pool) for pool in pools}) == 2
    assert loaded == [kubeconfig]
