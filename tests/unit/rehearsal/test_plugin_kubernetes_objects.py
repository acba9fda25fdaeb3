"""What the kubernetes stand-in asks of the API server, and what it makes of the answers; the server is a stub."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import urllib3

from rehearsal.plugins.kubernetes import client as wire
from rehearsal.plugins.kubernetes import conflicts, live, naming, waiting
from rehearsal.plugins.kubernetes.api import ApiError, Served, UnknownKindError, UnreachableError
from rehearsal.plugins.kubernetes.client import Client
from rehearsal.plugins.kubernetes.objects import KubernetesObject
from rehearsal.plugins.kubernetes.release import Release
from rehearsal.plugins.kubernetes.settings import Access, Settings
from rehearsal.plugins.kubernetes.tokens import ObjectKind
from rehearsal.plugins.properties import UNKNOWN, Properties, Secret
from rehearsal.plugins.protocol import CancelledError, Context, InitFailedError, ProviderError, State

CONFIG_MAP = ObjectKind("", "v1", "ConfigMap")
POD = ObjectKind("", "v1", "Pod")
INGRESS = ObjectKind("networking.k8s.io", "v1", "Ingress")


def status(code: int, reason: str, message: str, **details: Any) -> ApiError:
    return ApiError(code, {"reason": reason, "message": message, "details": details})


class Stub:
    """Keeps objects by kind and name, and every call. `fail` may raise first; `held` objects do not go."""

    namespace = "default"

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fail: Callable[[str, dict[str, Any]], None] = lambda _verb, _options: None
        self.held = False

    def _call(self, verb: str, **options: Any) -> None:
        self.calls.append((verb, options))
        self.fail(verb, options)

    def get(self, kind: ObjectKind, namespace: str | None, name: str, ctx: Context) -> Any:
        self._call("get", name=name)
        return self.objects.get((kind.kind, name))

    def listed(self, kind: ObjectKind, namespace: str | None, selector: str, ctx: Context) -> list[Any]:
        self._call("list", selector=selector)
        return [obj for (found, _), obj in self.objects.items() if found == kind.kind]

    def apply(self, kind: ObjectKind, obj: Any, manager: str, ctx: Context, **options: Any) -> Any:
        self._call("apply", obj=obj, manager=manager, **options)
        made = {**obj, "metadata": {**obj["metadata"], "uid": "u"}}
        if not options.get("dry_run"):
            self.objects[kind.kind, obj["metadata"]["name"]] = made
        return made

    def delete(self, kind: ObjectKind, namespace: str | None, name: str, propagation: str, ctx: Context) -> bool:
        self._call("delete", propagation=propagation)
        return self.held or self.objects.pop((kind.kind, name), None) is not None

    def served(self, kind: ObjectKind, ctx: Context) -> Served:
        return Served(f"{kind.kind.lower()}s", kind.namespaced)


class Playground:
    """A cluster around the stub."""

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**settings)
        self.stub = Stub()
        self.warnings: list[str] = []

    def client(self) -> Client:
        return cast("Client", self.stub)

    def default_namespace(self) -> str:
        return "default"

    def warn_once(self, ctx: Context, text: str) -> None:
        self.warnings.append(text)

    def of(self, kind: ObjectKind) -> KubernetesObject:
        return KubernetesObject(kind, self)


def context(**known: Any) -> Context:
    return Context(urn="urn:x", name="thing", **known)


def config_map(name: str = "cm", data: Any = "1", **meta: Any) -> Properties:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default", **meta},
        "data": {"k": data},
    }


@pytest.fixture
def cluster() -> Playground:
    return Playground()


def test_an_object_is_applied_under_a_manager_of_its_own(cluster: Playground) -> None:
    born: list[str] = []
    made = cluster.of(CONFIG_MAP).create(context(created_to=born.append), config_map())
    assert made.id == "default/cm"
    assert born == ["default/cm"]
    manager = made.outputs[live.MANAGER]
    assert manager.startswith("pulumi-kubernetes-")
    _, options = cluster.stub.calls[-1]
    assert options["manager"] == manager
    assert options["force"] is False
    changed = cluster.of(CONFIG_MAP).update(context(), made, config_map(data="2"))
    assert changed[live.MANAGER] == manager
    assert cluster.stub.calls[-1][1]["obj"]["data"] == {"k": "2"}


def test_equal_inputs_ask_nothing(cluster: Playground) -> None:
    handler = cluster.of(CONFIG_MAP)
    checked = handler.check(context(), None, config_map())
    assert not handler.diff(context(), State("default/cm", checked, checked), checked).changes
    assert cluster.stub.calls == []


def test_the_default_namespace_is_no_change(cluster: Playground) -> None:
    inputs = config_map()
    bare = {**inputs, "metadata": {"name": "cm"}}
    assert not cluster.of(CONFIG_MAP).diff(context(), State("default/cm", bare, inputs), inputs).changes
    assert cluster.of(CONFIG_MAP).check(context(), None, bare)["metadata"]["namespace"] == "default"
    namespace = cluster.of(ObjectKind("", "v1", "Namespace"))
    assert "namespace" not in namespace.check(context(), None, bare)["metadata"]
    custom = cluster.of(ObjectKind("example.com", "v1", "Bug"))
    assert "namespace" not in custom.check(context(), None, bare)["metadata"]


@pytest.mark.parametrize(
    ("old", "new", "before"),
    [
        (config_map(), config_map(data="2"), True),
        (config_map(), config_map("other", data="2"), False),
        (config_map(annotations={naming.AUTONAMED: "true"}), None, False),
        (config_map(), {**config_map(data="2"), "metadata": {"name": "cm", "namespace": "other"}}, False),
    ],
)
def test_a_fixed_name_is_freed_first(
    cluster: Playground, old: Properties, new: Properties | None, before: bool
) -> None:
    wanted = new or {**old, "data": {"k": "2"}}
    found = cluster.of(CONFIG_MAP).diff(context(), State("default/cm", old, old), wanted)
    assert any(change.replace for change in found.changes)
    assert found.delete_before_replace == before


def test_what_exists_already_is_not_taken_over(cluster: Playground) -> None:
    cluster.stub.objects["ConfigMap", "cm"] = {}
    with pytest.raises(ProviderError, match='configmaps "cm" already exists') as error:
        cluster.of(CONFIG_MAP).create(context(), config_map())
    assert "upsertExistingObjects" in str(error.value)
    assert [verb for verb, _ in cluster.stub.calls] == ["get"]


def test_upsert_takes_it_over() -> None:
    cluster = Playground(upsert=True)
    cluster.stub.objects["ConfigMap", "cm"] = {}
    cluster.of(CONFIG_MAP).create(context(), config_map())
    assert [verb for verb, _ in cluster.stub.calls] == ["apply"]


def conflict(*managers: str) -> ApiError:
    causes = [{"reason": "FieldManagerConflict", "message": f'conflict with "{name}" using v1'} for name in managers]
    return status(409, "Conflict", "Apply failed with 1 conflict", causes=causes)


def failing_unless_forced(error: ApiError) -> Callable[[str, dict[str, Any]], None]:
    def fail(verb: str, options: dict[str, Any]) -> None:
        if verb == "apply" and not options["force"]:
            raise error

    return fail


def test_another_managers_field_is_left_alone(cluster: Playground) -> None:
    cluster.stub.fail = failing_unless_forced(conflict("kubectl", "argocd"))
    with pytest.raises(conflicts.FieldConflictError, match=r"Apply failed with 1 conflict.*pulumi.com/patchForce"):
        cluster.of(CONFIG_MAP).create(context(), config_map())


def test_the_annotation_takes_it_over(cluster: Playground) -> None:
    cluster.stub.fail = failing_unless_forced(conflict("argocd"))
    forced = config_map(annotations={naming.PATCH_FORCE: "true"})
    assert cluster.of(CONFIG_MAP).create(context(), forced).id == "default/cm"


def test_what_kubectl_applied_is_taken_over(cluster: Playground) -> None:
    cluster.stub.fail = failing_unless_forced(conflict("kubectl"))
    assert cluster.of(CONFIG_MAP).create(context(), config_map()).id == "default/cm"


def test_another_409_is_no_field_conflict(cluster: Playground) -> None:
    cluster.stub.fail = failing_unless_forced(status(409, "Conflict", "the object has been modified"))
    with pytest.raises(ApiError, match="has been modified"):
        cluster.of(CONFIG_MAP).create(context(), config_map())


def test_creation_waits_for_what_it_needs(cluster: Playground, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = [status(404, "NotFound", 'namespaces "x" not found', kind="namespaces")] * 2

    def fail(verb: str, options: dict[str, Any]) -> None:
        if verb == "apply" and missing:
            raise missing.pop()

    cluster.stub.fail = fail
    ctx = context()
    monkeypatch.setattr(ctx.cancelled, "wait", lambda _seconds: False)  # pyright: ignore[reportUnknownLambdaType]
    assert cluster.of(CONFIG_MAP).create(ctx, config_map()).id == "default/cm"
    assert missing == []


def test_creation_does_not_wait_for_ever(cluster: Playground, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(verb: str, options: dict[str, Any]) -> None:
        raise UnknownKindError("no matches for kind")

    cluster.stub.fail = fail
    ctx = context()
    monkeypatch.setattr(ctx.cancelled, "wait", lambda _seconds: False)  # pyright: ignore[reportUnknownLambdaType]
    with pytest.raises(UnknownKindError):
        cluster.of(CONFIG_MAP).create(ctx, config_map())
    assert len(cluster.stub.calls) == 5


def pod(**state: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}, "status": state}


def test_an_object_that_does_not_come_up_is_kept_with_its_manager(cluster: Playground) -> None:
    with pytest.raises(InitFailedError) as error:
        cluster.of(POD).create(context(timeout=0.01), pod(phase="Pending"))
    assert error.value.id == "default/p"
    assert error.value.outputs[live.MANAGER].startswith("pulumi-kubernetes-")
    assert "Last seen: phase Pending" in error.value.reasons[0]


def test_a_pod_that_failed_is_not_waited_for(cluster: Playground) -> None:
    with pytest.raises(InitFailedError, match=r"Pod p: the pod failed: evicted$"):
        cluster.of(POD).create(context(timeout=5), pod(phase="Failed", message="evicted"))


def test_waiting_can_be_skipped(cluster: Playground) -> None:
    waiting_pod = pod(phase="Pending")
    waiting_pod["metadata"]["annotations"] = {naming.SKIP_AWAIT: "true"}
    assert cluster.of(POD).create(context(), waiting_pod).id == "default/p"


def test_cancellation_ends_waiting_and_keeps_the_object(cluster: Playground) -> None:
    ctx = context()
    ctx.cancelled.set()
    with pytest.raises(InitFailedError, match="cancelled"):
        cluster.of(POD).create(ctx, pod(phase="Pending"))


def test_the_annotations_timeout_counts(cluster: Playground) -> None:
    waiting_pod = pod(phase="Pending")
    waiting_pod["metadata"]["annotations"] = {naming.TIMEOUT: "0"}
    with pytest.raises(InitFailedError, match="longer than 0 s"):
        cluster.of(POD).create(context(), waiting_pod)


def test_nobody_gives_an_ingress_an_address(cluster: Playground) -> None:
    ingress = {"metadata": {"name": "i", "namespace": "default"}}
    cluster.of(INGRESS).create(context(), ingress)
    assert len(cluster.warnings) == 1
    assert "runs no load balancer controller" in cluster.warnings[0]


def test_an_object_that_is_gone_is_not_updated(cluster: Playground) -> None:
    with pytest.raises(ProviderError, match=r"not there any more.*Refresh"):
        cluster.of(CONFIG_MAP).update(context(), State("default/cm", config_map(), config_map()), config_map(data="2"))


def test_a_deleted_object_is_gone_when_deletion_ends(cluster: Playground) -> None:
    handler = cluster.of(CONFIG_MAP)
    made = handler.create(context(), config_map())
    handler.delete(context(), made)
    verbs = [verb for verb, _ in cluster.stub.calls]
    assert verbs[-2:] == ["delete", "get"]
    assert cluster.stub.calls[-2][1]["propagation"] == "Foreground"
    handler.delete(context(), made)  # gone already


def test_a_deletion_that_was_taken_is_seen_through_after_a_cancellation(
    cluster: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cluster.of(CONFIG_MAP).create(context(), config_map())
    cluster.stub.held = True
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 20:
            del cluster.stub.objects["ConfigMap", "cm"]

    now = SimpleNamespace(monotonic=lambda: sum(slept), sleep=sleep)
    monkeypatch.setattr("rehearsal.plugins.protocol.time", now)
    ctx = context()
    ctx.cancelled.set()
    cluster.of(CONFIG_MAP).delete(ctx, made)
    assert len(slept) == 20
    made = cluster.of(CONFIG_MAP).create(context(), config_map())
    with pytest.raises(CancelledError, match="ConfigMap cm to be deleted was cancelled"):
        cluster.of(CONFIG_MAP).delete(ctx, made)


def test_deletion_waits_for_finalizers_and_names_them(cluster: Playground) -> None:
    made = cluster.of(CONFIG_MAP).create(context(), config_map())
    cluster.stub.held = True
    cluster.stub.objects["ConfigMap", "cm"]["metadata"]["finalizers"] = ["example.com/hold"]
    with pytest.raises(ProviderError, match=r"held by the finalizers example.com/hold"):
        cluster.of(CONFIG_MAP).delete(context(timeout=0.01), made)


def test_another_object_of_the_name_counts_as_gone(cluster: Playground) -> None:
    obj = {"metadata": {"name": "cm", "uid": "old"}}
    cluster.stub.objects["ConfigMap", "cm"] = {"metadata": {"name": "cm", "uid": "new"}}
    waiting.until_gone(context(timeout=0.01), cluster.client(), CONFIG_MAP, obj)


def unreachable(verb: str, options: dict[str, Any]) -> None:
    raise UnreachableError("The Kubernetes API server does not answer.")


def test_without_the_cluster_deletion_fails_and_says_how(cluster: Playground) -> None:
    cluster.stub.fail = unreachable
    old = State("default/cm", config_map(), config_map())
    with pytest.raises(ProviderError, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        cluster.of(CONFIG_MAP).delete(context(), old)
    with pytest.raises(ProviderError, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        cluster.of(CONFIG_MAP).read(context(), old.id, old)


def test_without_the_cluster_objects_can_be_forgotten() -> None:
    cluster = Playground(delete_unreachable=True)
    cluster.stub.fail = unreachable
    old = State("default/cm", config_map(), config_map())
    cluster.of(CONFIG_MAP).delete(context(), old)
    assert cluster.of(CONFIG_MAP).read(context(), old.id, old) is None


RECORDED = State("kube-system/r", {"name": "r", "namespace": "kube-system", "chart": "c", "version": "1"}, {})


def test_only_the_state_knows_a_release(cluster: Playground) -> None:
    assert Release(cluster).read(context(), RECORDED.id, RECORDED) is RECORDED
    assert Release(cluster).read(context(), RECORDED.id, None) is None
    Release(cluster).delete(context(), RECORDED)


@pytest.mark.parametrize("forgets", [False, True])
def test_without_the_cluster_a_release_cannot_be_deleted(forgets: bool) -> None:
    cluster = Playground(delete_unreachable=forgets)
    cluster.stub.fail = unreachable
    with pytest.raises(ProviderError, match="can't delete Helm Release with unreachable cluster"):
        Release(cluster).delete(context(), RECORDED)


def test_without_the_cluster_a_release_is_forgotten_when_it_is_read(cluster: Playground) -> None:
    cluster.stub.fail = unreachable
    with pytest.raises(ProviderError, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        Release(cluster).read(context(), RECORDED.id, RECORDED)
    forgetting = Playground(delete_unreachable=True)
    forgetting.stub.fail = unreachable
    assert Release(forgetting).read(context(), RECORDED.id, RECORDED) is None


def test_objects_of_a_kind_that_is_gone_are_gone(cluster: Playground) -> None:
    def fail(verb: str, options: dict[str, Any]) -> None:
        raise UnknownKindError("no matches")

    cluster.stub.fail = fail
    old = State("default/cm", config_map(), config_map())
    cluster.of(CONFIG_MAP).delete(context(), old)
    assert cluster.of(CONFIG_MAP).read(context(), old.id, old) is None


def test_reading_shows_drift_and_keeps_the_manager(cluster: Playground) -> None:
    handler = cluster.of(CONFIG_MAP)
    made = handler.create(context(), config_map())
    cluster.stub.objects["ConfigMap", "cm"]["data"] = {"k": "drifted", "other": "ignored"}
    found = handler.read(context(), made.id, made)
    assert found is not None
    assert found.inputs["data"] == {"k": "drifted"}
    assert found.outputs["data"] == {"k": "drifted", "other": "ignored"}
    assert found.outputs[live.MANAGER] == made.outputs[live.MANAGER]
    del cluster.stub.objects["ConfigMap", "cm"]
    assert handler.read(context(), made.id, made) is None


def test_a_secrets_data_is_secret_in_every_answer(cluster: Playground) -> None:
    kind = ObjectKind("", "v1", "Secret")
    inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "Yg=="}}
    handler = cluster.of(kind)
    assert isinstance(handler.check(context(), None, inputs)["data"], Secret)
    made = handler.create(context(), inputs)
    assert isinstance(made.outputs["data"], Secret)
    found = handler.read(context(), made.id, None)
    assert found is not None
    assert isinstance(found.inputs["data"], Secret)


def test_previews_ask_the_server_and_change_nothing(cluster: Playground) -> None:
    shown = cluster.of(CONFIG_MAP).preview(context(preview=True), None, config_map())
    assert cluster.stub.calls[-1][1]["dry_run"] is True
    assert cluster.stub.objects == {}
    assert shown["data"] == {"k": "1"}
    assert shown["metadata"]["uid"] is UNKNOWN


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("away"),
        UnknownKindError("no matches"),
        status(403, "Forbidden", "not you"),
        status(404, "NotFound", "no namespace", kind="namespaces"),
        status(422, "Invalid", "spec.selector: field is immutable"),
    ],
)
def test_where_the_server_cannot_tell_the_inputs_are_shown(cluster: Playground, error: Exception) -> None:
    def fail(verb: str, options: dict[str, Any]) -> None:
        raise error

    cluster.stub.fail = fail
    assert cluster.of(CONFIG_MAP).preview(context(preview=True), None, config_map()) == config_map()


def test_what_the_server_would_refuse_fails_in_the_preview(cluster: Playground) -> None:
    def fail(verb: str, options: dict[str, Any]) -> None:
        raise status(422, "Invalid", "data: bad")

    cluster.stub.fail = fail
    with pytest.raises(ApiError, match="data: bad"):
        cluster.of(CONFIG_MAP).preview(context(preview=True), None, config_map())


def test_unknown_inputs_are_shown_without_asking(cluster: Playground) -> None:
    inputs = config_map(data=UNKNOWN)
    assert cluster.of(CONFIG_MAP).preview(context(preview=True), None, inputs) == inputs
    assert cluster.stub.calls == []


def test_a_patch_needs_a_name_and_gives_its_fields_up(cluster: Playground) -> None:
    patch = cluster.of(ObjectKind("", "v1", "ConfigMap", patch=True))
    with pytest.raises(ProviderError, match=r"require the metadata.name field"):
        patch.check(context(), None, {"data": {}})
    cluster.stub.objects["ConfigMap", "cm"] = {"metadata": {"name": "cm"}}
    made = patch.create(context(), config_map())
    patch.delete(context(), made)
    verb, options = cluster.stub.calls[-1]
    assert verb == "apply"
    assert options["manager"] == made.outputs[live.MANAGER]
    assert options["obj"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cm", "namespace": "default"},
    }


def test_another_field_manager_takes_the_fields_with_it(cluster: Playground) -> None:
    handler = cluster.of(CONFIG_MAP)
    made = handler.create(context(), config_map())
    renamed = config_map(annotations={naming.FIELD_MANAGER: "me"})
    assert handler.update(context(), made, renamed)[live.MANAGER] == "me"
    verb, options = cluster.stub.calls[-1]
    assert (verb, options["manager"]) == ("apply", made.outputs[live.MANAGER])
    assert "data" not in options["obj"]


def test_a_release_needs_its_namespace(cluster: Playground) -> None:
    inputs = {"name": "r", "namespace": "monitoring", "chart": "c", "version": "1"}
    with pytest.raises(ProviderError, match='namespaces "monitoring" not found'):
        Release(cluster).create(context(), inputs)
    made = Release(cluster).create(context(), {**inputs, "createNamespace": True})
    assert made.outputs["status"]["status"] == "recorded"
    assert cluster.stub.objects["Namespace", "monitoring"]["metadata"]["labels"] == {"name": "monitoring"}
    assert Release(cluster).create(context(), inputs).id == "monitoring/r"


# -- the wire


class Pool:
    """Answers requests from a list; an exception in it is raised."""

    def __init__(self, *answers: tuple[int, Any] | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, str, Any]] = []

    def request(self, method: str, url: str, body: Any, headers: dict[str, str]) -> Any:
        self.requests.append((method, url, headers.get("Authorization")))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return urllib3.HTTPResponse(json.dumps(answer[1]).encode(), status=answer[0])


REFUSED = urllib3.exceptions.ProtocolError("connection refused")
CORE = (200, {"resources": [{"name": "pods", "kind": "Pod", "namespaced": True}, {"name": "pods/log", "kind": "Pod"}]})


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Client, Pool]]:
    monkeypatch.setattr(wire, "_PAUSE", 0)

    def make(*answers: Any, patience: float = 30) -> tuple[Client, Pool]:
        made = Client(Access("https://127.0.0.1:1", {}, {"token": "t"}, "default"), patience)
        pool = Pool(*answers)
        monkeypatch.setattr(made, "_pool", pool)
        return made, pool

    return make


Connect = Callable[..., tuple[Client, Pool]]


def test_a_kind_is_looked_up_once(connect: Connect) -> None:
    client, pool = connect(CORE, (200, {"metadata": {}}), (404, {"reason": "NotFound"}))
    assert client.get(POD, "n", "a/b", context()) == {"metadata": {}}
    assert client.get(POD, None, "b", context()) is None
    assert [url for _, url, _ in pool.requests] == [
        "https://127.0.0.1:1/api/v1",
        "https://127.0.0.1:1/api/v1/namespaces/n/pods/a%2Fb",
        "https://127.0.0.1:1/api/v1/namespaces/default/pods/b",
    ]
    assert pool.requests[0][2] == "Bearer t"


def test_a_kind_that_comes_later_is_found(connect: Connect) -> None:
    client, _ = connect((200, {"resources": []}), CORE, (200, {}))
    with pytest.raises(UnknownKindError, match='no matches for kind "Pod" in version "v1"'):
        client.get(POD, "n", "p", context())
    assert client.get(POD, "n", "p", context()) == {}


def test_apply_says_who_and_how(connect: Connect) -> None:
    client, pool = connect(CORE, (200, {}))
    client.apply(POD, {"metadata": {"name": "p"}}, "me", context(), force=True, dry_run=True)
    method, url, _ = pool.requests[-1]
    assert method == "PATCH"
    assert url.endswith("/pods/p?fieldManager=me&force=true&fieldValidation=Strict&dryRun=All")


def test_a_restart_is_waited_for(connect: Connect) -> None:
    client, pool = connect(CORE, REFUSED, (503, {"message": "shutting down"}), (200, {"kind": "Pod"}))
    assert client.get(POD, "n", "p", context()) == {"kind": "Pod"}
    assert len(pool.requests) == 4


def test_a_server_that_is_gone_is_waited_for_once(connect: Connect) -> None:
    client, pool = connect(CORE, REFUSED, patience=-1)
    with pytest.raises(UnreachableError, match="has not answered"):
        client.get(POD, "n", "p", context())
    with pytest.raises(UnreachableError):
        client.get(POD, "n", "q", context())
    assert len(pool.requests) == 2, "the second call does not wait again"


def test_waiting_for_the_server_can_be_cancelled(connect: Connect) -> None:
    client, _ = connect(CORE, REFUSED)
    ctx = context()
    ctx.cancelled.set()
    with pytest.raises(ProviderError, match="cancelled"):
        client.get(POD, "n", "p", ctx)


def test_the_servers_words_reach_the_user(connect: Connect) -> None:
    client, _ = connect(CORE, (403, {"reason": "Forbidden", "message": 'pods "p" is forbidden: no'}))
    with pytest.raises(ApiError, match='pods "p" is forbidden: no') as error:
        client.get(POD, "n", "p", context())
    assert (error.value.status, error.value.reason) == (403, "Forbidden")


def test_a_refused_token_without_a_better_one_is_an_error(connect: Connect) -> None:
    client, pool = connect((401, {"message": "Unauthorized"}))
    with pytest.raises(ApiError, match="Unauthorized"):
        client.get(POD, "n", "p", context())
    assert len(pool.requests) == 1
