"""The smaller plug-ins on data: whoami, ns, df-pv, krew, and rbac-view's page."""

import json
from pathlib import Path
from typing import Any

import pytest

from operations.rbac.cluster_reader import NotAsked, Self
from operations.rbac.identities import Identity
from programs import df_pv, krew, ns, rbac_view, whoami
from programs.cluster import Stopped
from programs.names import PLUGINS
from tests.unit.programs.policies import EVALUATOR, answering


def test_whoami_all_is_the_user_with_groups_and_arn() -> None:
    seen = Self(Identity("testuser", ("devs", "system:authenticated")), "", {"arn": ("arn:aws:iam::1:user/testuser",)})
    assert whoami.lines(seen) == [
        "User:\ttestuser",
        "Groups:",
        "\tdevs",
        "\tsystem:authenticated",
        "ARN:",
        "\tarn:aws:iam::1:user/testuser",
    ]
    assert "ARN:" not in whoami.lines(Self(Identity("system:serviceaccount:a:b"), "", {}))


def _reviews(allowed: bool) -> dict[str, tuple[int, Any]]:
    return {
        "/apis/authentication.k8s.io/v1/selfsubjectreviews": (201, {"status": {"userInfo": {"username": "testuser"}}}),
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": (201, {"status": {"allowed": allowed}}),
    }


def test_the_groups_are_told_to_those_who_may_review_tokens() -> None:
    assert whoami.seen_by(answering(_reviews(allowed=True)))[1]
    seen, whole = whoami.seen_by(answering(_reviews(allowed=False)))
    assert (seen.identity.user, whole) == ("testuser", False)


class Kubectl:
    """A kubeconfig of one context, and the namespaces of its cluster."""

    def __init__(self, namespace: str = "") -> None:
        self.namespace = namespace
        self.there = ["default", "dev-team", "kube-system"]

    def __call__(self, *line: str) -> str:
        if line[:2] == ("config", "view"):
            return json.dumps({"contexts": [{"name": "arn:x/myeks", "context": {"namespace": self.namespace}}]})
        if line[:2] == ("config", "set-context"):
            self.namespace = line[3].removeprefix("--namespace=")
            return ""
        if line[:2] == ("get", "namespace"):
            return f"namespace/{line[2]}\n" if line[2] in self.there else ""
        assert line[:2] == ("get", "namespaces")
        return " ".join(self.there)


@pytest.fixture
def kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kubectl:
    made = Kubectl()
    monkeypatch.setattr(ns, "kubectl", made)
    monkeypatch.setenv("KUBECACHEDIR", str(tmp_path))
    return made


def test_ns_lists_switches_and_goes_back(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    ns.main([])
    assert capsys.readouterr().out.split() == kubectl.there
    ns.main(["dev-team"])
    assert capsys.readouterr().err == '✔ Active namespace is "dev-team"\n'
    ns.main(["-c"])
    assert capsys.readouterr().out == "dev-team\n"
    ns.main(["-"])
    assert kubectl.namespace == "default"
    ns.main(["-"])
    assert kubectl.namespace == "dev-team"
    ns.main(["-u"])
    assert kubectl.namespace == "default"
    ns.main(["not-there", "-f"])
    assert kubectl.namespace == "not-there"


def test_ns_that_is_not_there(kubectl: Kubectl) -> None:
    with pytest.raises(Stopped, match='no namespace exists with name "not-there"'):
        ns.main(["not-there"])
    with pytest.raises(Stopped, match="No previous namespace"):
        ns.main(["-"])
    with pytest.raises(Stopped, match='unsupported option "--bad"'):
        ns.main(["--bad"])
    assert kubectl.namespace == ""


GIB = 1 << 30
POD = {
    "metadata": {"name": "grafana-0", "namespace": "monitoring"},
    "spec": {"nodeName": "node-1", "volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]},
}
CLAIM = {"metadata": {"name": "data", "namespace": "monitoring"}, "spec": {"volumeName": "pvc-1"}}
MEASURED = {
    "pods": [
        {
            "podRef": {"name": "grafana-0", "namespace": "monitoring"},
            "volume": [
                {"name": "token"},
                {
                    "name": "storage",
                    "pvcRef": {"name": "data", "namespace": "monitoring"},
                    "capacityBytes": 10 * GIB,
                    "usedBytes": GIB + GIB // 2,
                    "availableBytes": 8 * GIB,
                    "inodes": 100,
                    "inodesUsed": 10,
                    "inodesFree": 90,
                },
            ],
        }
    ]
}
PODS, CLAIMS = "/api/v1/pods", "/api/v1/persistentvolumeclaims"
SUMMARY = "/api/v1/nodes/node-1/proxy/stats/summary"


def test_df_pv_measures_the_claims() -> None:
    answers = {PODS: (200, {"items": [POD]}), CLAIMS: (200, {"items": [CLAIM]}), SUMMARY: (200, MEASURED)}
    (volume,), silent = df_pv.volumes(answering(answers), "")
    assert silent == []
    cells = volume.cells()
    assert [cells[name] for name in df_pv.DEFAULT] == [
        *("pvc-1", "data", "monitoring", "node-1", "grafana-0", "storage"),
        *("10Gi", "1.5Gi", "8Gi", "15.00"),
    ]
    assert (cells["iused"], cells["ifree"], cells["%iused"]) == ("10", "90", "10.00")


def test_df_pv_asks_no_node_without_claims() -> None:
    bare = {**POD, "spec": {"nodeName": "node-1"}}
    assert df_pv.volumes(answering({PODS: (200, {"items": [bare]})}), "") == ([], [])


def test_df_pv_of_a_node_that_does_not_measure() -> None:
    answers: dict[str, tuple[int, Any]] = {PODS: (200, {"items": [POD]}), CLAIMS: (200, {"items": [CLAIM]})}
    assert df_pv.volumes(answering(answers), "") == ([], ["node-1"])
    with pytest.raises(NotAsked):
        df_pv.volumes(answering({**answers, SUMMARY: (403, {"message": "nodes is forbidden"})}), "")


def test_df_pv_knows_its_columns() -> None:
    with pytest.raises(Stopped, match='unknown column "colour"'):
        df_pv.main(["--columns", "pv,colour"])


def test_krew_lists_names_for_a_pipe_and_versions_on_a_terminal() -> None:
    names = [one.name for one in PLUGINS]
    assert krew.listed(terminal=False) == names == sorted(names)
    assert krew.listed(terminal=True)[:2] == ["PLUGIN         VERSION", "access-matrix  v0.5.1"]


def test_krew_installs_nothing_and_says_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    krew.main(["install", "access-matrix", "rbac-tool", "~~rbac-view~~", "rolesum", "whoami"])
    told = capsys.readouterr().err
    assert told.startswith("Nothing to download: access-matrix, rbac-tool, rbac-view, rolesum, whoami are here already")
    with pytest.raises(Stopped, match=r"^tree cannot be had: krew downloads"):
        krew.main(["install", "whoami", "tree"])
    with pytest.raises(Stopped, match="needs krew's index"):
        krew.main(["update"])


def test_rbac_view_has_the_roles_of_bindings() -> None:
    found = rbac_view.matrices(EVALUATOR)
    assert [one["name"] for one in found["clusterRoles"]["roles"]] == ["cluster-admin", "events", "no-such-role"]
    read = next(one for one in found["roles"]["roles"] if one["name"] == "reader")
    assert read == {
        "name": "reader",
        "namespace": "dev-team",
        "objects": {"pods": ["list", "get"], "pods/log": ["list", "get"], "configmaps": ["get"]},
        "subjects": [{"kind": "User", "name": "alice"}],
    }
    assert found["roles"]["objects"] == ["*", "configmaps", "pods", "pods/log"]


def test_rbac_views_page_shows_letters_and_takes_names_as_text() -> None:
    role = {"name": "<b>", "objects": {"pods": ["get", "deletecollection", "use"]}, "subjects": []}
    shown = rbac_view.page(
        {"clusterRoles": {"objects": ["pods"], "roles": [role]}, "roles": {"objects": [], "roles": []}}
    )
    assert "<tr><th>&lt;b&gt;</th><td>G DC use</td></tr>" in shown
