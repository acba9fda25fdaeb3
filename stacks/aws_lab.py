"""A lab for the question what AWS has of it: clients, what identifies it, and what the engine's state holds.

It needs the stack's settings alone, so that it also answers for a lab whose state is lost. A backend opens it
(`Backend.opened`), in the environment in which the lab's AWS answers.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from clients.polling import poll_until
from operations import cleanup
from operations.cleanup import Leftover, Report
from stacks import cluster_facts
from stacks.cluster_facts import Ask
from stacks.console import Progress
from stacks.errors import CannotAsk, Failure
from stacks.stack import Stack
from stacks.state import StackState

CLUSTER_GOES_WITHIN: Final = 20 * 60.0
"""Seconds that EKS may take to delete a cluster."""

SETTLED_WITHIN: Final = 300.0
"""Seconds in which AWS lets go of what goes by itself; load balancers' interfaces take longest."""

FORGET_WITH_CLUSTER: Final = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}
"""Environment in which the Kubernetes provider forgets what is in a cluster that it cannot reach."""


class AnotherCluster(Failure):
    """Under the name of the cluster that the state holds stands another one."""


@dataclass(frozen=True)
class LabSession:
    """A lab that can be asked about."""

    stack: Stack
    lab: cleanup.LabIdentity
    client: cleanup.ClientFactory
    recorded: StackState

    @cached_property
    def ask(self) -> Ask:
        """The way to ask the cluster of the state's kubeconfig, as its operator. Raises CannotAsk."""
        return cluster_facts.reached(
            {"kubeconfig": self.recorded.kubeconfig, "region": self.lab.region, "clusterName": self.lab.cluster}
        )


def identity(stack: Stack, held: StackState) -> cleanup.LabIdentity:
    """What tells the stack's lab from others.

    The domain is the settings' one. Without any it is the one that the state `held`: the settings may have lost it
    before the lab did.
    """
    config = stack.config
    domain, zone = config.domain or "", config.hosted_zone_id or ""
    if not (domain and zone):
        domain, zone = held.domain, held.hosted_zone_id
    return cleanup.LabIdentity(
        cluster=config.cluster_name, region=config.region, domain=domain.lower(), hosted_zone_id=zone
    )


def of(stack: Stack, held: StackState) -> LabSession:
    """The stack's lab, whose state holds this; raises CannotAsk when there is no way to ask."""
    return LabSession(stack, identity(stack, held), client_of(stack), held)


def client_of(stack: Stack) -> cleanup.ClientFactory:
    """Clients for the account that the stack's engine reaches; raises CannotAsk."""
    try:
        return cleanup.clients(stack.profile, stack.config.region)
    except BotoCoreError as error:
        raise CannotAsk(f"{str(error).rstrip('.')}. Set aws:profile in {stack.file.name}, or AWS_PROFILE.") from error


def standing_cluster(report: Report) -> Leftover | None:
    """The cluster of the lab's name, whosever it is, unless it is being deleted."""
    return next((each for each in report.left if each.kind is cleanup.CLUSTERS and not each.resource.going), None)


def delete_command(stack: Stack, report: Report) -> str:
    """The command that deletes what a report says is left and the engine does not hold."""
    return f"./lab sweep{stack.option} --delete{' --force' if standing_cluster(report) else ''}"


def cluster_is_gone(lab: LabSession, shown: Progress) -> bool:
    """Whether the cluster that the state holds exists no more, so that nothing in it can be asked or deleted.

    One whose deletion is under way is waited for. Without an answer from EKS the cluster counts as there: what is in
    it must not be forgotten on suspicion. A cluster of the same name with another endpoint is not the one that the
    state means. The engine would take it for that by its name and delete it: on AWS, where it may be anybody's, that
    raises AnotherCluster.
    """
    if not lab.recorded.has_cluster:
        return False

    def status() -> str:
        try:
            found = lab.client("eks").describe_cluster(name=lab.lab.cluster)["cluster"]
        except ClientError as error:
            return "" if error.response["Error"]["Code"] == "ResourceNotFoundException" else "unknown"
        except BotoCoreError:
            return "unknown"
        endpoint = found.get("endpoint", "")
        if endpoint and lab.recorded.endpoint and endpoint != lab.recorded.endpoint:
            if not lab.stack.is_rehearsal:
                raise _another(lab)
            return ""
        return found["status"]

    told = poll_until(
        lambda told: told != "DELETING",
        status,
        within=CLUSTER_GOES_WITHIN,
        waiting=lambda: shown.waiting(f"EKS is deleting {lab.lab.cluster}"),
    )
    return told == ""


def _another(lab: LabSession) -> AnotherCluster:
    name, stack = lab.lab.cluster, lab.stack
    return AnotherCluster(
        f"The cluster {name} that stands is not the one that stack {stack.name} made: that one is gone, and pulumi "
        "would delete the other by its name. Take the one that is gone out of the state, then run "
        f"./lab down{stack.option} again:\n"
        f"  pulumi state delete --stack {stack.name} --target-dependents '{lab.recorded.cluster_urn}'"
    )
