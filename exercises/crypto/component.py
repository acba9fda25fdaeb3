"""What exercise crypto has in the cluster and at AWS: the puzzles, two service accounts, and a role for one of them.

The lab's own answers are handed in by a hook, after the ConfigMap for answers is made: they are read from the real
objects, as a learner reads them, and so they cannot be known before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
from pulumi_aws import kms
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, ServiceAccount
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.base import Component, Tags
from components.irsa_role import IrsaRole, IrsaRoleArgs, OidcProvider
from components.policies import Scope
from exercises.crypto import solutions
from exercises.crypto.authorities import offered
from exercises.crypto.names import (
    ACCOUNT,
    ANSWERS,
    CERTIFICATES,
    CONTEXT,
    DISABLED_KEY_ID,
    ENVELOPE,
    KEY_ID,
    MALLORY,
    NAMESPACE,
    PARTS,
)
from exercises.crypto.puzzle import MAPS, Puzzle
from exercises.shared.fixture import Context, Fixture
from exercises.shared.pods import FORCED
from grading.endpoint import Endpoint
from grading.session import reached

PATIENCE_SECONDS: Final = 60.0
"""How long a KMS key that was made just now may be unknown: KMS spreads changes within seconds, seldom within minutes
(KMS Developer Guide, "AWS KMS eventual consistency", seen 2026-11)."""

PAUSE_SECONDS: Final = 2.0
MANAGER: Final = "pulumi-kubernetes-crypto"
"""Field manager of the lab's own answers. It begins as the provider's do: nobody hands them in by hand."""


@dataclass(frozen=True)
class CryptoExerciseArgs:
    """The cluster of which the puzzles are made."""

    cluster_name: pulumi.Input[str]
    issuer: pulumi.Input[str]
    """URL of the cluster's OIDC issuer, with `https://`."""

    oidc_provider: OidcProvider
    kubeconfig: pulumi.Input[str]
    """JSON text of a kubeconfig, by which the lab's own answers are handed in."""

    scope: Scope
    solved: bool = False
    """Whether the lab's own answers are handed in: stage closed."""

    tags: Tags = field(default_factory=dict[str, str])


class CryptoExercise(Component):
    """Puzzles, accounts, and the place for answers; needs the cluster's Kubernetes provider in `opts`."""

    def __init__(self, name: str, args: CryptoExerciseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("CryptoExercise", name, opts)
        namespace = Namespace(
            f"{name}-namespace",
            metadata=ObjectMetaArgs(name=NAMESPACE, labels={"lab.myeks/exercise": name}, annotations=FORCED),
            opts=self.child(),
        )
        role = IrsaRole(
            f"{name}-sa",
            IrsaRoleArgs(
                oidc_provider=args.oidc_provider,
                namespace=NAMESPACE,
                service_account=ACCOUNT,
                scope=args.scope,
                tags=args.tags,
            ),
            opts=self.child(),
        )
        account = role.service_account(f"{name}-account", self.child([namespace]))
        other = ServiceAccount(f"{name}-{MALLORY}", metadata=_named(MALLORY), opts=self.child([namespace]))
        puzzle = pulumi.Output.all(args.issuer, args.cluster_name, args.scope.region).apply(lambda told: Puzzle(*told))
        data: dict[str, pulumi.Input[Mapping[str, pulumi.Input[str]]]] = {
            each: puzzle.apply(lambda found, each=each: found.config_maps[each]) for each in MAPS
        }
        authority = pulumi.Output.from_input(args.kubeconfig).apply(lambda text: Endpoint.of(text).ca.decode())
        data[CERTIFICATES] = pulumi.Output.all(args.issuer, authority).apply(lambda both: offered(*both))
        data[ENVELOPE] = {
            KEY_ID: self._key(name, args).key_id,
            DISABLED_KEY_ID: self._key(name, args, enabled=False).key_id,
            "context": puzzle.apply(lambda found: f"{CONTEXT}={found.context}"),
            "text": puzzle.apply(lambda found: found.text),
        }
        puzzles = [
            ConfigMap(f"{name}-{each}", metadata=_named(each), data=told, opts=self.child([namespace]))
            for each, told in data.items()
        ]
        ConfigMap(
            f"{name}-{ANSWERS}",
            metadata=_named(ANSWERS),
            # What the hook hands in is no field of the stack's, so that nothing seems to be changed by hand.
            data=None if args.solved else dict.fromkeys(PARTS, ""),
            opts=self.child(
                [namespace, account, other, *puzzles],
                # A stage begins without the answers of the one before.
                delete_before_replace=True,
                replacement_trigger="closed" if args.solved else "open",
                after_create=_hook(f"{name}-hand-in", args) if args.solved else None,
            ),
        )
        self.register_outputs({})

    def _key(self, name: str, args: CryptoExerciseArgs, *, enabled: bool = True) -> kms.Key:
        what = "key" if enabled else "disabled-key"
        about = "data keys of the part envelope" if enabled else "disabled from the start"
        return kms.Key(
            f"{name}-{what}",
            description=f"Exercise {name}: {about}",
            is_enabled=enabled,
            # The shortest that KMS takes.
            deletion_window_in_days=7,
            tags=args.tags,
            opts=self.child(),
        )


def _named(name: str) -> ObjectMetaArgs:
    return ObjectMetaArgs(name=name, namespace=NAMESPACE, annotations=FORCED)


def _hook(name: str, args: CryptoExerciseArgs) -> pulumi.ResourceHook:
    """Hands the lab's own answers in. Where that fails, the update does."""
    resolved: list[Mapping[str, Any]] = []
    # As the stack's outputs have it.
    told = pulumi.Output.all(
        clusterName=args.cluster_name, oidcIssuer=args.issuer, kubeconfig=args.kubeconfig, region=args.scope.region
    )
    # A preview may not know them, and runs no hook.
    told.apply(resolved.append)

    def answer() -> None:
        # With libraries that only this needs.
        from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

        again = Retrying(
            stop=stop_after_delay(PATIENCE_SECONDS),
            wait=wait_fixed(PAUSE_SECONDS),
            retry=retry_if_exception_type(solutions.Unsolved),
            reraise=True,
        )
        with reached(resolved[-1]) as lab:
            again(solutions.hand_in, lab, MANAGER)

    async def hand_in(_: pulumi.ResourceHookArgs) -> None:
        # In a thread: the program's other resources go on.
        await asyncio.to_thread(answer)

    return pulumi.ResourceHook(name, hand_in)


def build(context: Context) -> Fixture:
    """The exercise at a stage."""
    CryptoExercise(
        "crypto",
        CryptoExerciseArgs(
            cluster_name=context.cluster.cluster_name,
            issuer=context.cluster.oidc_issuer,
            oidc_provider=context.cluster.oidc_provider,
            kubeconfig=context.cluster.own_kubeconfig,
            scope=context.scope,
            solved=context.stage == "closed",
            tags=context.tags,
        ),
        context.opts,
    )
    return Fixture()
