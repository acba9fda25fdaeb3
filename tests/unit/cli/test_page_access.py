"""Who may do what, on the page: the table, why each cell is so, and the way from IAM to a right."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from cli.page import access
from cli.page.access import Access, Filters, Letter
from cli.page.look import Problem
from operations.rbac.api_resources import VERBS, Resource, Subresource
from operations.rbac.iam_principals import Principal
from operations.rbac.objects import Binding, Policy, Role, Rule, Subject
from tests.unit.cli.page_browser import run
from tests.unit.cli.page_lab import EVIL, NOT_UP, Lab, lab, opened
from tests.unit.cli.test_page_pages import whole

__all__ = ["lab"]
BOT = Subject("ServiceAccount", "bot", "shop")
ALICE = Subject("User", "alice")
DEVS = Subject("Group", "devs")
EVERYBODY = Subject("Group", "system:authenticated")


def rule(*verbs: str, of: str, group: str = "", names: tuple[str, ...] = ()) -> Rule:
    return Rule(verbs, (group,), (of,), names)


def bound(name: str, role: str, *subjects: Subject, namespace: str = "") -> Binding:
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    return Binding(kind, name, namespace, "ClusterRole", role, subjects)


POLICY = Policy(
    (
        Role("ClusterRole", "reader", rules=(rule("get", "list", "watch", of="pods"),)),
        Role("ClusterRole", "one", rules=(rule("get", of="secrets", names=("mine",)),)),
        Role("ClusterRole", "everything", rules=(Rule(("*",), ("*",), ("*",)),)),
        Role("ClusterRole", "discovery", rules=(Rule(("get",), non_resource_urls=("/version",)),)),
    ),
    (
        bound("bots", "reader", BOT),
        bound("bot-here", "one", BOT, namespace="shop"),
        bound("devs", "reader", DEVS, ALICE),
        bound("system:discovery", "discovery", EVERYBODY),
        bound("system:kube-dns", "everything", Subject("ServiceAccount", "kube-dns", "kube-system")),
        bound("gone", "no-such-role", Subject("User", "nobody")),
    ),
)
RESOURCES = (
    Resource("pods", verbs=VERBS, subresources=(Subresource("exec", ("create",)),)),
    Resource("secrets", verbs=VERBS),
    Resource("deployments", "apps", verbs=VERBS),
    Resource("nodes", namespaced=False, verbs=VERBS),
    Resource("leases", "coordination.k8s.io", verbs=VERBS),
    Resource("bindings"),
)
PRINCIPALS = (
    Principal("arn:aws:iam::111122223333:role/dev", "access entry", "dev", ("devs",)),
    Principal("arn:aws:iam::111122223333:user/old", "aws-auth", "old", ("devs",), no_effect="an entry wins"),
)
FOUND = Access("", POLICY, RESOURCES, PRINCIPALS)


def shown(cells: tuple[Letter, ...]) -> str:
    return " ".join(f"({one.letter})" if one.held == "some names" else one.letter for one in cells)


def test_a_row_is_what_a_scope_gives_a_subject():
    made = access.table(FOUND, Filters())
    assert made.columns == ("pods", "pods/exec", "secrets", "deployments.apps", "nodes", "nodes/proxy")
    assert [(row.key, row.scope, shown(row.cells[0]), shown(row.cells[2])) for row in made.rows] == [
        ("group:devs", "cluster", "G L W", ""),
        ("sa:shop/bot", "cluster", "G L W", ""),
        ("sa:shop/bot", "shop", "", "(G)"),
        ("user:alice", "cluster", "G L W", ""),
    ]


def test_filters_narrow_it_down():
    def rows(**given: object) -> list[tuple[str, str]]:
        return [(row.key, row.scope) for row in access.table(FOUND, Filters(**given)).rows]  # pyright: ignore[reportArgumentType]

    assert rows(subject="BOT") == [("sa:shop/bot", "cluster"), ("sa:shop/bot", "shop")]
    assert rows(scope="shop") == [("sa:shop/bot", "shop")]
    assert rows(subject="nobody") == []
    own = {key for key, _ in rows(own=True)}
    assert {"group:system:masters", "sa:kube-system/kube-dns", "group:system:authenticated"} <= own
    assert access.table(FOUND, Filters(resource="lease")).columns == ("leases.coordination.k8s.io",)


def test_a_table_that_is_too_large_tells_how_much_it_leaves_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access, "MOST_ROWS", 1)
    monkeypatch.setattr(access, "MOST_COLUMNS", 2)
    made = access.table(FOUND, Filters())
    assert (len(made.rows), made.more_rows, len(made.columns), made.more_columns) == (1, 3, 2, 4)


def test_each_right_says_by_which_binding():
    identity = access.identity_of(FOUND, Subject("User", "dev"))
    assert identity.groups == ("devs", "system:authenticated")
    (right,) = access.rights(FOUND, identity)
    assert (right.resource, shown(right.letters)) == ("pods", "G L W")
    assert [(way.via, way.subject, way.scope) for way in right.ways] == [
        ("ClusterRoleBinding devs → ClusterRole reader", "Group devs", "cluster")
    ]
    pods, secrets = access.rights(FOUND, access.identity_of(FOUND, BOT))
    assert (shown(pods.letters), shown(secrets.letters), secrets.ways[0].names) == ("G L W", "(G)", "mine")
    assert secrets.ways[0].scope == "namespace shop"


def test_a_right_to_all_objects_counts_more_than_one_to_some():
    policy = Policy(POLICY.roles, (bound("one", "one", ALICE), bound("all", "everything", ALICE)))
    found = {
        each.resource: each for each in access.rights(Access("", policy, RESOURCES), access.identity_of(FOUND, ALICE))
    }
    assert shown(found["secrets"].letters) == "G L W C U P D DC"
    assert "bindings" not in found  # it cannot be asked for


def test_the_way_from_iam_to_a_right():
    dev, old = access.paths(FOUND)
    assert dev.bindings == [("Group devs", "ClusterRoleBinding devs → ClusterRole reader", "cluster")]
    assert dev.everybodys == 1
    assert (old.bindings, old.everybodys) == ([], 0)
    assert [each.principal.arn for each in access.paths(FOUND, access.identity_of(FOUND, DEVS))] == [dev.principal.arn]
    # What somebody gave every user is not among what Kubernetes gives them.
    open_to_all = Policy(POLICY.roles, (*POLICY.bindings, bound("way-in", "everything", EVERYBODY)))
    assert "way-in" in str(access.paths(Access("", open_to_all, RESOURCES, PRINCIPALS))[0].bindings)


ADDRESSES = [
    "/access",
    "/access?subject=bot&own=on",
    "/access/subject?who=sa:shop/bot",
    f"/access?subject={quote(EVIL)}",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "found",
    [
        FOUND,
        Access("", POLICY, RESOURCES, unread=f"EKS said {EVIL}"),
        Access("", Policy(POLICY.roles, (bound(EVIL, "reader", Subject("User", EVIL), BOT),)), RESOURCES, PRINCIPALS),
        Access("", None, problem=NOT_UP),
        Access("", None, problem=Problem(f"AWS said {EVIL}")),
    ],
    ids=["whole", "no principals", "evil", "down", "silent"],
)
def test_the_pages_are_whole(lab: Lab, monkeypatch: pytest.MonkeyPatch, address: str, found: Access):
    monkeypatch.setattr(access, "read", lambda _: found)

    async def test() -> None:
        text = whole(await (await opened()).browser.get(address))
        assert "<script>alert" not in text
        if found is FOUND and "who=" in address:
            assert "RoleBinding bot-here → ClusterRole one" in text
        if found is FOUND and address == "/access":
            assert "an entry wins" in text
            assert 'href="/access/subject?who=sa%3Ashop/bot#right-pods"' in text
        if found.problem is NOT_UP:
            assert "./lab up" in text

    run(test)


@pytest.mark.parametrize("who", ["", "bot", "sa:bot", quote(EVIL)])
def test_what_is_no_subject_is_told(lab: Lab, who: str):
    async def test() -> None:
        answer = await (await opened()).browser.get(f"/access/subject?who={who}")
        assert answer.status == 404
        assert "Write it as user:NAME" in whole(answer)

    run(test)
