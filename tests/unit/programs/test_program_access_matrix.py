"""kubectl access-matrix: which questions it asks, the tables that it makes of the answers, and whom it asks as."""

import contextlib
import io
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from grading.requests import ResourceRequest
from operations.rbac.api_resources import Catalogue, Resource
from operations.rbac.evaluator import Evaluator
from operations.rbac.objects import Policy, Subject
from programs import access_matrix
from programs.cluster import Stopped
from tests.unit.programs.policies import EVALUATOR

PODS = Resource("pods", verbs=("create", "delete", "get", "list", "update"), singular="pod", short_names=("po",))
DEPLOYMENTS = Resource("deployments", "apps", verbs=("list", "create"))
NODES = Resource("nodes", namespaced=False, verbs=("list",))
NO_VERBS = Resource("tests", verbs=())


class FakeReader:
    """Allows to list everything, and to create in dev-team."""

    def __init__(self) -> None:
        self.asked: list[ResourceRequest] = []

    def catalogue(self) -> Catalogue:
        return Catalogue((PODS, DEPLOYMENTS, NODES, NO_VERBS))

    def policy(self) -> Any:
        return EVALUATOR.policy

    def may_i(self, requests: Sequence[ResourceRequest]) -> list[bool]:
        self.asked += requests
        return [one.verb == "list" or (one.verb == "create" and one.namespace == "dev-team") for one in requests]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> tuple[FakeReader, list[list[str]]]:
    reader, options = FakeReader(), list[list[str]]()

    @contextlib.contextmanager
    def asking(given: list[str]) -> Generator[FakeReader]:
        options.append(given)
        yield reader

    monkeypatch.setattr(access_matrix, "asking", asking)
    return reader, options


Cluster = tuple[FakeReader, list[list[str]]]


def test_all_resources_without_a_namespace(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    access_matrix.main([])
    assert capsys.readouterr().out.splitlines() == [
        "NAME              LIST  CREATE  UPDATE  DELETE",
        "deployments.apps  ✔     ✖               ",
        "nodes             ✔                     ",
        "pods              ✔     ✖       ✖       ✖",
        "No namespace given, this implies cluster scope (try -n if this is not intended)",
    ]
    reader, options = cluster
    assert {one.namespace for one in reader.asked} == {""}
    # What the server does not serve is not asked.
    assert ResourceRequest("update", "apps", "deployments") not in reader.asked
    assert options == [[]]


def test_namespaced_ones_as_the_note_types_it(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    access_matrix.main(["--namespace", "default", "--sa", "dev-team:dev-k8s", "-o", "ascii-table"])
    assert capsys.readouterr().out.splitlines() == [
        "NAME              LIST  CREATE  UPDATE  DELETE",
        "deployments.apps  yes   no      n/a     n/a",
        "pods              yes   no      no      no",
    ]
    reader, options = cluster
    assert {one.namespace for one in reader.asked} == {"default"}
    assert options == [["--as=system:serviceaccount:dev-team:dev-k8s"]]


def test_who_asks_is_kubectls_to_know(cluster: Cluster) -> None:
    line = ["--as", "bob", "--as-group=devs", "--as-group", "ops", "--kubeconfig", "k", "--context=c", "-n", "dev-team"]
    access_matrix.main(line)
    access_matrix.main(["--as", "bob", "--sa", "robot", "-n", "dev-team"])
    assert cluster[1] == [
        ["--kubeconfig=k", "--context=c", "--as=bob", "--as-group=devs", "--as-group=ops"],
        ["--as=system:serviceaccount:dev-team:robot"],
    ]


def test_verbs(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    access_matrix.main(["--verbs", "get,list"])
    access_matrix.main(["--verbs", "all"])
    heads = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("NAME")]
    every = ["CREATE", "GET", "LIST", "WATCH", "UPDATE", "PATCH", "DELETE", "DELETECOLLECTION"]
    assert heads == [["NAME", "GET", "LIST"], ["NAME", *every]]


def test_differences_with_another_namespace(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    access_matrix.main(["-n", "default", "--diff-with", "n=dev-team"])
    assert capsys.readouterr().out.splitlines() == [
        "NAME              LIST  CREATE  UPDATE  DELETE",
        "deployments.apps        ✔               ",
        "pods                    ✔               ",
    ]
    access_matrix.main(["-n", "dev-team", "--diff-with", "namespace=default", "-o", "ascii-table"])
    assert capsys.readouterr().out.splitlines()[1] == "deployments.apps  n/a   no      n/a     n/a"


def test_subjects_of_the_cluster_and_of_a_namespace() -> None:
    verbs = ("list", "create")
    alice, dev = Subject("User", "alice"), Subject("ServiceAccount", "dev-k8s", "dev-team")
    masters = Subject("Group", "system:masters")
    assert access_matrix.subjects(EVALUATOR, PODS, "", "", verbs) == {masters: {"list", "create"}}
    found = access_matrix.subjects(EVALUATOR, PODS, "", "dev-team", verbs)
    assert found == {masters: {"list", "create"}, dev: {"list", "create"}, alice: {"list"}}
    assert access_matrix.subject_lines(found, verbs, "icon-table") == [
        "NAME            KIND            SA-NAMESPACE  LIST  CREATE",
        "alice           User                          ✔     ✖",
        "dev-k8s         ServiceAccount  dev-team      ✔     ✔",
        "system:masters  Group                         ✔     ✔",
    ]


def test_what_is_built_into_the_api_server_is_no_binding() -> None:
    assert access_matrix.subjects(Evaluator(Policy()), PODS, "", "", ("list",)) == {}


def test_subjects_for_a_resource_by_its_short_name(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    access_matrix.main(["for", "po", "--verbs=list"])
    assert capsys.readouterr().out.splitlines() == [
        "NAME            KIND   SA-NAMESPACE  LIST",
        "system:masters  Group                ✔",
        "Only ClusterRoleBindings are considered, because no namespace is given.",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--verbs", "get,fly"], "unexpected verbs: fly"),
        (["--sa", "robot"], "Write --sa NAMESPACE:robot"),
        (["--diff-with", "sa"], "FLAG=VALUE, not sa"),
        (["--diff-with", "nothing=x"], "unrecognized arguments"),
        (["pods"], "unrecognized arguments: pods"),
        (["for", "unicorns"], "no resource unicorns"),
        (["-o", "yaml"], "invalid choice"),
    ],
)
def test_a_bad_line_is_told(line: list[str], said: str, cluster: Cluster) -> None:
    with pytest.raises(Stopped, match=said), contextlib.redirect_stdout(io.StringIO()):
        access_matrix.main(line)
