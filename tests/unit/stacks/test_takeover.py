"""An update after a killed one: what is asked, what is told to the engine, and in which order; nothing runs."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from operations.cleanup import KINDS, Report, Resource, Unasked
from stacks import locks, pending_operations, pulumi_cli, takeover
from stacks.errors import CannotAsk, Failure
from stacks.pulumi_cli import Ended
from stacks.stack import Stack
from tests.unit.stacks.takeover_bench import FINE, LOCKED, STACK, VPC, Aws, Backend, absent, creating, resource, urn
from tests.unit.stacks.takeover_bench import backend as backend


def test_where_nothing_is_pending_nobody_is_asked(backend: Backend):
    backend.deployment = {}
    assert backend.update() == FINE
    assert backend.commands == ["up"]
    assert backend.kinds == ()


def test_a_state_that_cannot_be_had_is_left_to_pulumi_to_tell(backend: Backend):
    backend.exports = False
    assert backend.update() == FINE
    assert backend.commands == ["up"]


def test_what_ends_otherwise_is_told_as_it_is(backend: Backend):
    failed = Ended(255, "error: no", "error: no", interrupted=False)
    assert takeover.update(STACK, lambda: failed, yes=True, builds=True) is failed
    # Whatever a program may have written.
    done = Ended(0, "", LOCKED, interrupted=False)
    assert takeover.update(STACK, lambda: done, yes=True, builds=True) is done
    assert backend.released == []


@pytest.mark.parametrize("yes", [True, False])
def test_a_lock_goes_and_the_update_is_run_again(backend: Backend, yes: bool):
    backend.locked = True
    assert backend.update(yes=yes) == FINE
    assert (backend.released, backend.commands) == ([yes], ["up", "up"])


def test_a_stack_that_is_locked_again_is_told(backend: Backend, monkeypatch: pytest.MonkeyPatch):
    backend.locked = True
    monkeypatch.setattr(locks, "release", lambda *_, **__: None)
    assert backend.update().code == 255
    assert backend.commands == ["up", "up"]


def test_what_aws_has_is_taken_over_before_the_update(backend: Backend, capsys: pytest.CaptureFixture[str]):
    backend.deployment["pending_operations"] = [
        creating(VPC, tags={"Name": "myeks-VPC"}),
        creating("aws:iam/role:Role", name="ops-role-1"),
        creating("aws:iam/rolePolicyAttachment:RolePolicyAttachment", role="r", policyArn="p"),
        creating("kubernetes:core/v1:Namespace", metadata={"name": "monitoring"}),
    ]
    backend.has(VPC, Resource("vpc-1", "myeks-VPC"), Resource("vpc-2", "myeks-VPC2"))
    assert backend.update() == FINE
    assert backend.commands == ["stack import", "up"]
    assert backend.ids == {urn(VPC): "vpc-1", urn("kubernetes:core/v1:Namespace"): "monitoring"}
    assert backend.deployment["pending_operations"] == []
    # Those that tell whose the others are, and those that were being created.
    assert {kind.name for kind in backend.kinds} == {"cluster", "VPC", "load balancer", "Classic load balancer", "role"}
    told = capsys.readouterr().err
    assert "Vpc it: creating; AWS has it (vpc-1); it is taken over." in told
    assert "Role it: creating; AWS does not have it." in told
    assert "RolePolicyAttachment it: creating; doing that twice does no harm." in told
    assert "Namespace it: creating; if it is there, it is taken over." in told


def test_of_several_none_is_taken(backend: Backend, capsys: pytest.CaptureFixture[str]):
    backend.deployment["pending_operations"] = [creating(VPC, tags={"Name": "myeks-VPC"})]
    backend.has(VPC, Resource("vpc-1", "myeks-VPC"), Resource("vpc-2", "myeks-VPC"))
    assert backend.update() == FINE
    assert backend.ids == {}
    told = capsys.readouterr().err
    assert "vpc-1, vpc-2" in told
    assert "./lab sweep -s mine" in told


def test_what_a_later_update_made_once_more_stays(backend: Backend, capsys: pytest.CaptureFixture[str]):
    before = {**resource(VPC), "id": "vpc-2"}
    backend.deployment = {"resources": [before], "pending_operations": [creating(VPC, tags={"Name": "myeks-VPC"})]}
    backend.has(VPC, Resource("vpc-1", "myeks-VPC"))
    backend.update()
    assert backend.deployment == {"resources": [before], "pending_operations": []}
    told = capsys.readouterr().err
    assert "the state has one already" in told
    assert "taken over" not in told


def test_what_was_being_changed_is_read_anew(backend: Backend, capsys: pytest.CaptureFixture[str]):
    before = {**resource(VPC), "id": "vpc-1"}
    backend.deployment = {"resources": [before], "pending_operations": [{"type": "updating", "resource": before}]}
    backend.update()
    assert backend.deployment["resources"] == [{**before, "refreshBeforeUpdate": True}]
    # Its id is known: AWS has nothing to tell.
    assert backend.kinds == ()
    assert "Vpc it: updating; it is read again." in capsys.readouterr().err


def test_the_lock_is_met_when_the_state_is_written_and_what_was_done_since_counts(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    backend.deployment["pending_operations"] = [creating(VPC, tags={"Name": "myeks-VPC"})]
    backend.locked = True

    def release(stack: Stack, said: str, *, yes: bool) -> None:
        backend.release(stack, said, yes=yes)
        # The last words of the killed run's provider.
        backend.has(VPC, Resource("vpc-1", "myeks-VPC"))

    monkeypatch.setattr(locks, "release", release)
    assert backend.update() == FINE
    assert (backend.released, backend.commands) == ([True], ["stack import", "stack import", "up"])
    assert backend.ids == {urn(VPC): "vpc-1"}


def test_a_state_that_cannot_be_written_stops_it(backend: Backend, monkeypatch: pytest.MonkeyPatch):
    backend.deployment["pending_operations"] = [creating(VPC)]
    failed = Ended(255, "error: no passphrase", "error: no passphrase", interrupted=False)
    monkeypatch.setattr(pulumi_cli, "run", lambda *_, **__: failed)
    with pytest.raises(Failure, match=r"stack import ended with exit code 255\. no passphrase"):
        takeover.update(STACK, lambda: pytest.fail("ran"), yes=True, builds=True)


def test_without_an_answer_from_aws_nothing_is_forgotten(backend: Backend):
    backend.deployment["pending_operations"] = [creating(VPC)]
    (vpcs,) = (each for each in KINDS if each.engine_type == VPC)
    backend.report = Report(unasked=(Unasked(vpcs, "these credentials may not ask (AccessDenied)"),))
    with pytest.raises(CannotAsk, match="VPCs: these credentials may not ask"):
        backend.update()
    assert backend.commands == []


def test_that_something_else_could_not_be_asked_is_no_matter(backend: Backend):
    backend.deployment["pending_operations"] = [creating(VPC)]
    (clusters,) = (each for each in KINDS if each.engine_type == pending_operations.CLUSTER)
    backend.report = Report(unasked=(Unasked(clusters, "no"),))
    assert backend.update() == FINE


def test_what_bears_no_name_is_asked_for_itself(backend: Backend):
    association = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    egress = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    backend.deployment["pending_operations"] = [
        creating(association, subnetId="subnet-1", routeTableId="rtb-1"),
        creating(
            pending_operations.POD_IDENTITY, clusterName="myeks", namespace="kube-system", serviceAccount="aws-node"
        ),
        creating(ingress, securityGroupId="sg-1", ipProtocol="tcp", fromPort=22, toPort=22, cidrIpv4="203.0.113.1/32"),
        creating(egress, securityGroupId="sg-1", ipProtocol="-1", cidrIpv4="0.0.0.0/0"),
    ]
    link = {"RouteTableAssociationId": "rtbassoc-1", "SubnetId": "subnet-1", "RouteTableId": "rtb-1"}
    ssh = {"IsEgress": False, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "203.0.113.1/32"}
    out = {"IsEgress": True, "IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIpv4": "0.0.0.0/0"}
    rules = [{**ssh, "SecurityGroupRuleId": "sgr-in"}, {**out, "SecurityGroupRuleId": "sgr-out"}]
    backend.aws = Aws(
        describe_route_tables=[{"RouteTables": [{"Associations": [link]}]}],
        list_pod_identity_associations=[{"associations": [{"associationId": "a-1"}]}],
        describe_security_group_rules=[{"SecurityGroupRules": rules}],
    )
    backend.update()
    assert backend.ids == {
        urn(association): "rtbassoc-1",
        urn(pending_operations.POD_IDENTITY): "a-1",
        urn(ingress): "sgr-in",
        urn(egress): "sgr-out",
    }
    assert ("describe_route_tables", {"Filters": [{"Name": "association.subnet-id", "Values": ["subnet-1"]}]}) in (
        backend.aws.asked
    )
    assert (
        "list_pod_identity_associations",
        {"clusterName": "myeks", "namespace": "kube-system", "serviceAccount": "aws-node"},
    ) in backend.aws.asked


def test_of_what_is_in_no_cluster_there_is_none(backend: Backend):
    backend.deployment["pending_operations"] = [
        creating(pending_operations.POD_IDENTITY, clusterName="myeks", namespace="n", serviceAccount="s")
    ]
    backend.aws = Aws(list_pod_identity_associations=[absent()])
    backend.update()
    assert backend.ids == {}


def test_a_question_that_is_not_answered_stops_it(backend: Backend):
    backend.deployment["pending_operations"] = [
        creating(pending_operations.POD_IDENTITY, clusterName="myeks", namespace="n", serviceAccount="s")
    ]
    backend.aws = Aws(list_pod_identity_associations=[EndpointConnectionError(endpoint_url="https://eks")])
    with pytest.raises(CannotAsk, match="PodIdentityAssociation it"):
        backend.update()
    assert backend.commands == []


def state(status: str) -> dict[str, Any]:
    return {"cluster": {"status": status}}


def test_what_aws_is_at_work_on_is_waited_for(backend: Backend):
    backend.deployment["pending_operations"] = [creating(pending_operations.CLUSTER, name="myeks")]
    backend.has(pending_operations.CLUSTER, Resource("myeks", "myeks"))
    backend.aws = Aws(describe_cluster=[state("CREATING"), state("CREATING"), state("ACTIVE")])
    assert backend.update() == FINE
    assert backend.aws.asked == [("describe_cluster", {"name": "myeks"})] * 3
    assert backend.commands == ["stack import", "up"]


def test_it_is_still_waited_for_by_the_run_after_one_that_was_stopped_meanwhile(backend: Backend):
    kept = {**resource(pending_operations.NODE_GROUP), "id": "myeks:ng1", "refreshBeforeUpdate": True}
    backend.deployment["resources"] = [kept, {**resource(pending_operations.ADDON), "id": "myeks:coredns"}]
    backend.aws = Aws(describe_nodegroup=[{"nodegroup": {"status": "DELETING"}}, absent()])
    assert backend.update(builds=False) == FINE
    assert backend.aws.asked == [("describe_nodegroup", {"clusterName": "myeks", "nodegroupName": "ng1"})] * 2
    assert backend.commands == ["destroy"]


@pytest.mark.parametrize(
    ("kind", "identity", "answers", "question"),
    [
        (
            pending_operations.ADDON,
            "myeks:coredns",
            {"describe_addon": [{"addon": {"status": "UPDATING"}}, {"addon": {"status": "ACTIVE"}}]},
            {"clusterName": "myeks", "addonName": "coredns"},
        ),
        (
            pending_operations.NAT_GATEWAY,
            "nat-1",
            {
                "describe_nat_gateways": [
                    {"NatGateways": [{"State": "pending"}]},
                    {"NatGateways": [{"State": "available"}]},
                ]
            },
            {"NatGatewayIds": ["nat-1"]},
        ),
    ],
)
def test_each_is_asked_in_its_own_way(
    backend: Backend, kind: str, identity: str, answers: dict[str, list[Any]], question: dict[str, Any]
):
    backend.deployment["resources"] = [{**resource(kind), "id": identity, "refreshBeforeUpdate": True}]
    backend.aws = Aws(**answers)
    backend.update()
    assert [asked for _, asked in backend.aws.asked] == [question, question]


def test_nobody_waits_for_ever(backend: Backend, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(takeover, "RESTS_WITHIN", 0.0)
    kept = {**resource(pending_operations.CLUSTER), "id": "myeks", "refreshBeforeUpdate": True}
    backend.deployment["resources"] = [kept]
    backend.aws = Aws(describe_cluster=[state("UPDATING")])
    with pytest.raises(Failure, match=r"still at work on it \(myeks\)"):
        backend.update()
    assert backend.commands == []


def marked(kind: str, identity: str, **outputs: Any) -> dict[str, Any]:
    return {**resource(kind), "id": identity, "outputs": outputs, "refreshBeforeUpdate": True}


def test_what_came_out_broken_is_deleted_before_it_is_built_anew(backend: Backend):
    backend.deployment["resources"] = [
        marked(pending_operations.CLUSTER, "myeks"),
        marked(pending_operations.ADDON, "myeks:coredns"),
        marked(pending_operations.RELEASE, "monitoring/grafana", name="grafana"),
    ]
    backend.aws = Aws(describe_cluster=[state("FAILED")], describe_addon=[{"addon": {"status": "DEGRADED"}}])
    backend.update()
    first, second = backend.ran
    assert first[:5] == ("destroy", "--yes", "--skip-preview", "--stack", "mine")
    targets = first[5:]
    assert targets == ("--target", urn(pending_operations.CLUSTER), "--target", urn(pending_operations.RELEASE))
    assert second == ("up",)


def test_a_lab_that_is_taken_away_needs_no_help_with_what_is_broken(backend: Backend):
    backend.deployment["resources"] = [
        marked(pending_operations.CLUSTER, "myeks"),
        marked(pending_operations.RELEASE, "m/g"),
    ]
    backend.aws = Aws(describe_cluster=[state("FAILED")])
    backend.update(builds=False)
    assert backend.commands == ["destroy"]
    assert backend.ran == [("destroy",)]


def test_a_release_that_was_being_upgraded_is_not_thrown_away(backend: Backend):
    backend.deployment["resources"] = [marked(pending_operations.RELEASE, "m/g", status={"status": "pending-upgrade"})]
    backend.update()
    assert backend.commands == ["up"]
