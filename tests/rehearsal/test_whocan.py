"""Who may do what, computed, is what a real API server answers: thousands of SubjectAccessReviews, no difference."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from grading.requests import Request, ResourceRequest, UrlRequest
from operations.rbac.cluster_reader import PAGE, Reader
from operations.rbac.evaluator import Evaluator, Grant
from operations.rbac.identities import Identity
from operations.rbac.objects import Policy, Rule
from rehearsal.cluster.control_plane import ControlPlane
from tests.rehearsal.control_planes import Cluster, Loop, serving, spec, until
from tests.unit.operations.rbac import random_policies
from tests.unit.operations.rbac.aggregation import aggregated

SEED = 36
ROLES, BINDINGS, COMPARISONS = 200, 150, 2500
AT_ONCE = 8
RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
MARKER = "the-marker"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A cluster full of random roles and bindings, which its API server has taken note of."""
    loop = Loop()
    with serving() as webhooks:
        plane = ControlPlane(spec(tmp_path_factory.mktemp("plane") / "myeks", webhooks.url))
        loop.run(plane.start())
        try:
            cluster = Cluster(plane, loop, webhooks)
            until(lambda: cluster.status_of(f"{RBAC}/clusterroles/view") == 200, "the cluster's own roles", 30)
            made = Reader(plane.admin_kubeconfig.read_text())
            fill(made)
            yield made
        finally:
            loop.run(plane.stop())
            loop.close()


def fill(reader: Reader) -> None:
    """Create everything, and wait until controller and authorizer have seen the last of it."""
    for name in random_policies.NAMESPACES:
        reader.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": name}})
    create(reader, random_policies.objects(random_policies.dice(SEED), ROLES, BINDINGS))
    # The controller writes the rules of aggregated roles: wait for what we compute them to be.
    until(lambda: rules(aggregated(policy := reader.policy())) == rules(policy), "aggregated rules as computed", 60)
    # The authorizer sees each kind's objects in the order of their making: who sees these sees all.
    namespace = random_policies.NAMESPACES[0]
    marks: list[tuple[str, str]] = [("", "Cluster"), (namespace, "")]
    for place, prefix in marks:
        metadata = {"name": MARKER, **({"namespace": place} if place else {})}
        rule = {"verbs": ["mark"], "apiGroups": [""], "resources": [f"{prefix}markers"]}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": f"{prefix}Role", "name": MARKER}
        user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": MARKER}
        create(reader, [{"kind": f"{prefix}Role", "metadata": metadata, "rules": [rule]}])
        create(
            reader, [{"kind": f"{prefix}RoleBinding", "metadata": metadata, "roleRef": reference, "subjects": [user]}]
        )
        request = ResourceRequest("mark", "", f"{prefix}markers", namespace=place)
        until(lambda asked=request: ask(reader, Identity(MARKER), asked)[0], f"{prefix}Role and its binding in force")


def rules(policy: Policy) -> dict[str, set[Rule]]:
    """Each ClusterRole's rules; their order matters to nobody."""
    return {role.name: set(role.rules) for role in policy.roles if role.kind == "ClusterRole"}


def create(reader: Reader, objects: list[dict[str, Any]]) -> None:
    def one(item: dict[str, Any]) -> None:
        namespace = item["metadata"].get("namespace")
        place = f"/namespaces/{namespace}" if namespace else ""
        reader.create(f"{RBAC}{place}/{item['kind'].lower()}s", {"apiVersion": "rbac.authorization.k8s.io/v1", **item})

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, objects))


def ask(reader: Reader, identity: Identity, request: Request) -> tuple[bool, str]:
    """What the API server says, and its reason."""
    if isinstance(request, UrlRequest):
        what = {"nonResourceAttributes": {"verb": request.verb, "path": request.path}}
    else:
        fields = ("verb", "group", "resource", "subresource", "name", "namespace")
        what = {"resourceAttributes": {name: getattr(request, name) for name in fields}}
    who = {"user": identity.user, "groups": list(identity.groups)}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {**who, **what}}
    status = reader.create(REVIEWS, review)["status"]
    return bool(status.get("allowed")), str(status.get("reason", ""))


@dataclass(frozen=True)
class Difference:
    """Where we and the API server disagree; printed when the test fails."""

    identity: Identity
    request: Request
    ours: Grant | None
    theirs: str


def binding_in(reason: str) -> tuple[str, str, str] | None:
    """Kind, namespace and name of the binding that the API server says it was."""
    found = re.match(r'RBAC: allowed by (\w+) "([^"]+)"', reason)
    if not found:
        return None
    name, _, namespace = found[2].partition("/")
    return found[1], namespace, name


def test_the_answers_are_those_of_subject_access_review(reader: Reader) -> None:
    policy = reader.policy()
    random = random_policies.dice(SEED + 1)
    who = random_policies.identities(random, policy, 60)
    asked = random_policies.questions(random, policy, who, COMPARISONS)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda one: ask(reader, *one), asked))

    evaluator = Evaluator(policy)
    differences: list[Difference] = []
    decided: Counter[str] = Counter()
    for (identity, request), (allowed, reason) in zip(asked, answers, strict=True):
        ours = evaluator.allowed_by(identity, request)
        listed = [grant for grant in evaluator.who_can(request) if identity.is_one_of(grant.subject)]
        by = binding_in(reason)
        bindings = {(one.binding.kind, one.binding.namespace, one.binding.name) for one in listed if one.binding}
        if (ours is not None, bool(listed), by is None or by in bindings) != (allowed, allowed, True):
            differences.append(Difference(identity, request, ours, f"{allowed} {reason}"))
        decided.update(features(identity, request, ours, policy) if ours else ["refused"])
    assert differences == []

    # The questions were hard enough: both answers often, and every feature decided some of them.
    assert COMPARISONS * 0.25 < decided["refused"] < COMPARISONS * 0.75, decided
    wanted = {"masters", "user", "group", "account", "own namespace", "cluster", "names", "url", "url star"}
    wanted |= {"verb star", "group star", "resource star", "subresource star", "subresource", "aggregated"}
    assert {name: decided[name] for name in wanted if decided[name] < 3} == {}, decided


def features(identity: Identity, request: Request, grant: Grant, policy: Policy) -> set[str]:
    """What of RBAC it took to allow this."""
    if grant.binding is None:
        return {"masters"}
    (rule,) = grant.rules
    kinds = {"User": "user", "Group": "group", "ServiceAccount": "account"}
    found = {kinds[grant.subject.kind], "own namespace" if grant.namespace else "cluster"}
    aggregates = {role.name for role in policy.roles if role.aggregates is not None}
    if grant.binding.role_kind == "ClusterRole" and grant.binding.role_name in aggregates:
        found.add("aggregated")
    if isinstance(request, UrlRequest):
        return found | {"url" if request.path in rule.non_resource_urls else "url star"}
    marks = {
        "verb star": request.verb not in rule.verbs,
        "group star": request.group not in rule.api_groups,
        "resource star": "*" in rule.resources,
        "subresource": f"{request.resource}/{request.subresource}" in rule.resources,
        "subresource star": bool(request.subresource) and f"*/{request.subresource}" in rule.resources,
        "names": bool(rule.resource_names),
    }
    return found | {name for name, there in marks.items() if there}


def test_bindings_without_their_role_are_there_and_give_nothing(reader: Reader) -> None:
    evaluator = Evaluator(reader.policy())
    lost = [one for one in evaluator.policy.bindings if one.role_name == "no-such-role"]
    assert lost
    assert all(evaluator.role_of(one) is None for one in lost)


def test_lists_longer_than_a_page_are_read_whole(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = reader.policy()
    assert len(whole.roles) < PAGE
    monkeypatch.setattr("operations.rbac.cluster_reader.PAGE", 7)
    assert in_any_order(reader.policy()) == in_any_order(whole)


def in_any_order(policy: Policy) -> Policy:
    """The policy with each role's rules sorted: the controller turns those of a circle round for ever."""
    return replace(
        policy, roles=tuple(replace(role, rules=tuple(sorted(role.rules, key=repr))) for role in policy.roles)
    )


def test_names_are_found_in_the_servers_own_discovery(reader: Reader) -> None:
    catalogue = reader.catalogue()
    for name in ("deploy", "deployments", "Deployment", "deployments.apps"):
        assert catalogue.find(name).resource.full_name == "deployments.apps"
    assert catalogue.find("pods/exec").subresource == "exec"
    assert [one.full_name for one in catalogue.find("ev").others] == ["events.events.k8s.io"]
    assert not catalogue.find("nodes/proxy").resource.namespaced


def test_the_caller_is_known(reader: Reader) -> None:
    seen = reader.myself()
    assert "system:masters" in seen.identity.groups
    assert (
        reader.may_i([ResourceRequest("get", "", "pods"), ResourceRequest("list", "apps", "deployments")]) == [True] * 2
    )
    assert reader.namespace_exists("team-a")
    assert not reader.namespace_exists("team-z")
    until(lambda: reader.account_exists("team-a", "default"), "the namespace's own account", 30)
    assert not reader.account_exists("team-a", "nobody")
    assert reader.aws_auth() == {}
