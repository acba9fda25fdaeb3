"""The end of the pages: a CronJob ten minutes before, with a right to Ingresses alone."""

from datetime import datetime, timedelta, timezone

import pytest

from components.ingress_expiry import IngressExpiry, IngressExpiryArgs
from tests.unit.mocks import Graph, run

ENDS = datetime(2026, 11, 25, 6, 5, tzinfo=timezone(timedelta(hours=9)))  # 21:05 UTC the day before


@pytest.fixture(scope="module")
def ends() -> Graph:
    def program() -> None:
        IngressExpiry("expiry", IngressExpiryArgs(ENDS, "alpine/k8s:1.36.0"))

    return run(program)


def test_ingresses_go_ten_minutes_before_while_the_controller_is_there(ends: Graph) -> None:
    spec = ends.one(":CronJob").inputs["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("55 20 24 11 *", "Etc/UTC")
    (container,) = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "alpine/k8s:1.36.0"


def test_it_may_delete_ingresses_and_nothing_else(ends: Graph) -> None:
    (rule,) = ends.one(":ClusterRole").inputs["rules"]
    assert (rule["apiGroups"], rule["resources"]) == (["networking.k8s.io"], ["ingresses"])
    assert set(rule["verbs"]) == {"get", "list", "watch", "delete"}
    binding = ends.one(":ClusterRoleBinding").inputs
    account = ends.one(":ServiceAccount").inputs["metadata"]
    pod = ends.one(":CronJob").inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert [(one["kind"], one["name"], one["namespace"]) for one in binding["subjects"]] == [
        ("ServiceAccount", account["name"], account["namespace"])
    ]
    assert pod["serviceAccountName"] == account["name"]
    assert binding["roleRef"]["name"] == ends.one(":ClusterRole").inputs["metadata"]["name"]
