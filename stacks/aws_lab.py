"""Opens a lab for the question what AWS has of it: clients, what identifies it, and what the engine's state holds.

It needs the stack's settings alone, so that it also answers for a lab whose state is lost.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from operations import cleanup
from rehearsal.environment import environment
from stacks import cluster_facts, rehearsal_backend, state
from stacks.cluster_facts import Ask
from stacks.console import Progress, progress
from stacks.errors import CannotAsk, Failure
from stacks.stack import Stack
from stacks.state import Recorded

if TYPE_CHECKING:
    from rehearsal.stack import RehearsalStack

CLUSTER_GOES_WITHIN: Final = 20 * 60.0
"""Seconds that EKS may take to delete a cluster."""


class AnotherCluster(Failure):
    """Under the name of the cluster that the state holds stands another one."""


@dataclass(frozen=True)
class Opened:
    """A lab that can be asked about."""

    stack: Stack
    lab: cleanup.Lab
    client: cleanup.Client
    recorded: Recorded

    @cached_property
    def ask(self) -> Ask:
        """The way to ask the cluster of the state's kubeconfig, as its operator. Raises CannotAsk."""
        return cluster_facts.reached(
            {"kubeconfig": self.recorded.kubeconfig, "region": self.lab.region, "clusterName": self.lab.cluster}
        )


def identity(stack: Stack, held: Recorded) -> cleanup.Lab:
    """What tells the stack's lab from others.

    The domain is the settings' one. Without any it is the one that the state `held`: the settings may have lost it
    before the lab did.
    """
    config = stack.config
    domain, zone = config.domain or "", config.hosted_zone_id or ""
    if not (domain and zone):
        domain, zone = held.domain, held.hosted_zone_id
    return cleanup.Lab(cluster=config.cluster_name, region=config.region, domain=domain.lower(), hosted_zone_id=zone)


@contextmanager
def opened(stack: Stack) -> Generator[Opened]:
    """The stack's lab; raises CannotAsk when there is no way to ask.

    While the block runs, this process's environment is the one in which the lab's AWS answers.
    """
    if stack.is_rehearsal:
        world = rehearsal_backend.running()
        kept = rehearsal_backend.stack_in(world, rehearsal_backend.tools(Progress()), stack)
        with in_rehearsal(stack, kept) as lab:
            yield lab
    else:
        region = stack.config.region
        with environment({"AWS_REGION": region, "AWS_DEFAULT_REGION": region}, set()):
            held = state_of(stack)
            yield Opened(stack, identity(stack, held), _clients(stack), held)


def state_of(stack: Stack) -> Recorded:
    """What the engine's state holds of a stack on AWS; says so meanwhile, for it takes seconds."""
    with progress() as shown:
        shown.phase(f"asking pulumi what stack {stack.name} holds")
        return state.on_aws(stack)


@contextmanager
def in_rehearsal(stack: Stack, kept: "RehearsalStack") -> Generator[Opened]:
    """As `opened`, of a stack in a world that is open already."""
    with environment(kept.environment(), kept.world.unset()):
        held = state.parsed(kept.resources())
        yield Opened(stack, identity(stack, held), _clients(stack), held)


def _clients(stack: Stack) -> cleanup.Client:
    try:
        return cleanup.clients(None if stack.is_rehearsal else stack.profile, stack.config.region)
    except BotoCoreError as error:
        raise CannotAsk(f"{str(error).rstrip('.')}. Mend aws:profile in {stack.file.name}, or AWS_PROFILE.") from error


def cluster_is_gone(lab: Opened, shown: Progress) -> bool:
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

    waiting = Retrying(
        retry=retry_if_result(lambda told: told == "DELETING"),
        stop=stop_after_delay(CLUSTER_GOES_WITHIN),
        wait=wait_exponential(multiplier=0.5, max=15),
        before_sleep=lambda _: shown.waiting(f"EKS is deleting {lab.lab.cluster}"),
    )
    try:
        return waiting(status) == ""
    except RetryError:
        return False


def _another(lab: Opened) -> AnotherCluster:
    name, stack = lab.lab.cluster, lab.stack
    return AnotherCluster(
        f"The cluster {name} that stands is not the one that stack {stack.name} made: that one is gone, and pulumi "
        "would delete the other by its name. Take the one that is gone out of the state, then run "
        f"./lab down{stack.option} again:\n"
        f"  pulumi state delete --stack {stack.name} --target-dependents '{lab.recorded.cluster_urn}'"
    )
