"""kubectl rolesum on a small policy: what the real one prints for the same roles."""

import pytest

from operations.rbac.evaluator import Evaluator
from operations.rbac.objects import Policy, Subject
from programs import rolesum
from programs.cluster import Stopped
from tests.unit.programs.policies import ALICE, EVALUATOR, binding, role, rule

HEAD = "G L W C U P D DC"


def test_a_group_has_its_cluster_roles() -> None:
    assert rolesum.lines(EVALUATOR, Subject("Group", "system:masters"), "default") == [
        "Group: system:masters",
        "",
        "Policies:",
        "",
        "• [CRB] */cluster-admin ⟶  [CR] */cluster-admin",
        f"  Resource  Name  Exclude  Verbs  {HEAD}  ",
        "  *.*       [*]     [-]     [-]   ✔ ✔ ✔ ✔ ✔ ✔ ✔ ✔   ",
    ]


def test_an_account_has_its_secrets_and_the_namespaces_roles() -> None:
    assert rolesum.lines(EVALUATOR, Subject("ServiceAccount", "dev-k8s", "dev-team"), "dev-team", ["token"]) == [
        "ServiceAccount: dev-team/dev-k8s",
        "Secrets:",
        "• */token",
        "",
        "Policies:",
        "• [RB] dev-team/roleB-dev-team ⟶  [R] dev-team/role-dev-team",
        f"  Resource  Name  Exclude  Verbs  {HEAD}  ",
        "  *.*       [*]     [-]     [-]   ✔ ✔ ✔ ✔ ✔ ✔ ✔ ✔   ",
        "",
    ]


def test_roles_of_the_namespace_that_is_asked_and_of_the_cluster() -> None:
    alice = Subject("User", "alice")
    here = rolesum.lines(EVALUATOR, alice, "dev-team")
    assert here[3:] == [
        "• [RB] dev-team/read ⟶  [CR] */reader",
        f"  Resource       Name     Exclude  Verbs  {HEAD}  ",
        "  configmaps  [one, two]    [-]     [-]   ✔ ✖ ✖ ✖ ✖ ✖ ✖ ✖   ",
        "  pods           [*]        [-]     [-]   ✔ ✔ ✖ ✖ ✖ ✖ ✖ ✖   ",
        "  pods/log       [*]        [-]     [-]   ✔ ✔ ✖ ✖ ✖ ✖ ✖ ✖   ",
        "",
        "• [CRB] */events ⟶  [CR] */events",
        f"  Resource                 Name  Exclude  Verbs  {HEAD}  ",
        "  events.[,events.k8s.io]  [*]     [-]     [-]   ✖ ✖ ✖ ✔ ✖ ✖ ✖ ✖   ",
    ]
    elsewhere = rolesum.lines(EVALUATOR, alice, "default")
    assert not any("reader" in line for line in elsewhere)
    assert rolesum.lines(EVALUATOR, alice, "", cluster_only=True)[3] == "• [CRB] */events ⟶  [CR] */events"


def test_rules_for_one_resource_are_one_row_unless_their_names_differ() -> None:
    rules = (rule("get", "secrets"), rule("use list", "secrets"), rule("delete", "secrets", names=("mine",)))
    policy = Policy.of([role("r", *rules), binding("b", "ClusterRole", "r", ALICE)])
    assert rolesum.lines(Evaluator(policy), Subject("User", "alice"), "default")[-2:] == [
        "  secrets    [*]      [-]    [use]  ✔ ✔ ✖ ✖ ✖ ✖ ✖ ✖   ",
        "  secrets   [mine]    [-]     [-]   ✖ ✖ ✖ ✖ ✖ ✖ ✔ ✖   ",
    ]


def test_a_role_that_is_not_there_ends_the_answer_as_with_the_plug_in() -> None:
    with pytest.raises(Stopped, match='ClusterRole "no-such-role" not found'):
        rolesum.lines(EVALUATOR, Subject("User", "bob"), "default")


@pytest.mark.parametrize(("line", "said"), [([], "is required"), (["-k", "Pod", "x"], '"Pod" is no kind of subject')])
def test_a_bad_line_is_told(line: list[str], said: str) -> None:
    with pytest.raises(Stopped, match=said):
        rolesum.main(line)
