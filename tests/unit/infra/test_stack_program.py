"""The program as a whole: it refuses before it registers, and registers the same every time."""

from datetime import datetime, tzinfo

import pytest

from infra import stack as program
from infra.config.aws_checks import Answers, Unanswered
from infra.config.loading import ConfigError, LabConfig, Problem
from infra.stack import deploy
from tests.unit.conftest import CERTIFICATE, DOMAIN, OPERATOR, ZONE_ID, stack
from tests.unit.mocks import REGION, Graph, run


class Says:
    """Answers with what it was made of, and remembers being asked."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[LabConfig] = []

    def ask(self, config: LabConfig) -> Answers:
        self.asked.append(config)
        return self.answers


def _refused(lookups: Says, settings: dict[str, object]) -> tuple[ConfigError, Graph | None]:
    built: list[Graph] = []
    with pytest.raises(ConfigError) as error:
        built.append(run(lambda: deploy(lookups), {"aws:region": REGION, **settings}))
    return error.value, built[0] if built else None


def test_bad_configuration_registers_nothing_and_asks_nobody() -> None:
    lookups = Says(Answers())
    error, graph = _refused(lookups, {"myeks:natGatway": "true", "myeks:vpcCidr": "10.0.0.0/33"})
    assert {problem.key for problem in error.problems} == {"myeks:natGatway", "myeks:vpcCidr"}
    assert graph is None
    assert lookups.asked == []


def test_what_aws_objects_to_registers_nothing() -> None:
    problems = (Problem("myeks:keyName", "No such key.", "Name another."), Problem("myeks:domain", "No.", "Yes."))
    error, graph = _refused(Says(Answers(problems)), {})
    assert error.problems == problems
    assert graph is None


def test_what_aws_does_not_answer_is_told_and_does_not_stop_the_run(caplog: pytest.LogCaptureFixture) -> None:
    lookups = Says(Answers(unanswered=(Unanswered("myeks:keyName", "UnauthorizedOperation: no"),)))
    with caplog.at_level("INFO"):
        graph = run(lambda: deploy(lookups), {"aws:region": REGION})
    assert graph.one("eks:index:Cluster")
    assert "myeks:keyName could not be checked with AWS. UnauthorizedOperation: no" in caplog.text


def test_an_end_that_has_passed_registers_nothing() -> None:
    """AWS would take the lab away while it is built."""
    error, graph = _refused(Says(Answers()), {"myeks:expires": "2026-01-31T09:05Z"})
    (problem,) = error.problems
    assert problem.key == "myeks:expires"
    assert "--ttl" in problem.remedy
    assert graph is None


def test_a_version_without_the_support_that_is_asked_for_registers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime(2026, 12, 3, tzinfo=tz)

    monkeypatch.setattr(program, "datetime", Later)
    old: dict[str, object] = {"myeks:kubernetesVersion": "1.34"}
    error, graph = _refused(Says(Answers()), old)
    assert [problem.key for problem in error.problems] == ["myeks:kubernetesVersion"]
    assert graph is None
    kept = run(lambda: deploy(Says(Answers())), {"aws:region": REGION, **old, "myeks:supportType": "EXTENDED"})
    assert kept.one("eks:index:Cluster").inputs["upgradePolicy"] == {"supportType": "EXTENDED"}


def test_the_end_is_arranged_before_the_cluster_is_begun_and_stands_until_it_is_gone() -> None:
    graph = stack({"expires": "2999-01-31T09:05Z", "natGateway": True})
    schedules = graph.of(":Schedule")
    assert len(schedules) == 2 + 2 + 1 + 3, "nodes, cluster, two servers, the NAT gateway, three addresses"
    cluster = graph.one("eks:index:Cluster")
    assert not any(graph.outlives(cluster, schedule) for schedule in schedules)
    end = [schedule for schedule in schedules if schedule.name.startswith("cluster-expiry-")]
    assert len(end) == 2, "cluster and nodes"
    assert all(graph.outlives(schedule, cluster) for schedule in end)
    assert graph.outputs["expires"].value == "2999-01-31T09:05Z"


def test_published_pages_end_first() -> None:
    settings = {"domain": DOMAIN, "hostedZoneId": ZONE_ID, "certificateArn": CERTIFICATE, "operatorCidrs": [OPERATOR]}
    graph = stack({**settings, "expires": "2999-01-31T09:05Z"})
    assert graph.outlives(graph.one("eks:index:Cluster"), graph.one(":CronJob"))
    assert not stack(settings).of(":CronJob")


def test_two_runs_ask_for_the_same(default: Graph) -> None:
    again = stack()
    assert {node.urn: node.raw for node in again.nodes} == {node.urn: node.raw for node in default.nodes}
    assert {node.urn: node.edges for node in again.nodes} == {node.urn: node.edges for node in default.nodes}


def test_removing_one_operator_range_leaves_the_others_rules_alone(full: Graph) -> None:
    one = stack({"operatorCidrs": ["198.51.100.0/28"], "tags": {"Project": "myeks", "Owner": "me"}})
    before = {rule.urn: rule.raw for rule in full.of(":SecurityGroupIngressRule")}
    after = {rule.urn: rule.raw for rule in one.of(":SecurityGroupIngressRule")}
    assert after.items() <= before.items()
    assert {urn.rpartition("::")[2] for urn in before.keys() - after.keys()} == {
        "ops-ssh-203.0.113.7-32",
        "nodes-ssh-203.0.113.7-32",
    }


def test_logical_names_are_short(full: Graph) -> None:
    """Names on AWS are made of them, and have 64 characters at most. Kubernetes objects have names of their own."""
    long = [node.name for node in full.nodes if len(node.name) > 40 and not node.type.startswith("kubernetes:")]
    assert long == []
