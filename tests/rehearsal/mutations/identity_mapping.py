"""Exercise identity mapping: what breaks it, and the rows that have to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tests.rehearsal.lab_changes import RBAC, Object, Standing
from tests.rehearsal.mutations.mutation import AWS_AUTH, NODES, TESTUSER, VIEW, Apply, Mutation

PLAYED_ENTRY = tuple(f"play-{name}" for name in ("everything", "secrets", "nodes", "kube-system", "create-pod"))
"""What must be refused to whoever plays identity-mapping."""


def mutations() -> Iterator[Mutation]:
    """Every stage's."""
    yield from _masters()
    yield from _authenticated()
    yield from _unmapped()
    yield from _entry()


def _mapped(**changed: Any) -> Apply:
    """testuser's line in aws-auth, changed."""
    import yaml

    def change(found: Object) -> None:
        users = yaml.safe_load(found["data"]["mapUsers"])
        users[0].update(changed)
        found["data"]["mapUsers"] = yaml.safe_dump(users)

    return lambda lab: lab.changed(AWS_AUTH, change)


def _mapping(groups: list[str]) -> Apply:
    """testuser in aws-auth, who was not there."""
    import yaml

    def apply(lab: Standing) -> AbstractContextManager[None]:
        line = {"userarn": _arn(lab), "username": TESTUSER, "groups": groups}
        return lab.changed(AWS_AUTH, lambda found: found.setdefault("data", {}).update(mapUsers=yaml.safe_dump([line])))

    return apply


def _not_mapped(lab: Standing) -> AbstractContextManager[None]:
    return lab.changed(AWS_AUTH, lambda found: found["data"].update(mapUsers="[]"))


def _arn(lab: Standing) -> str:
    return str(lab.outputs["testuserArn"])


def _of(stage: str) -> Callable[..., Mutation]:
    def make(name: str, apply: Apply, *failed: str) -> Mutation:
        rows = frozenset(f"mapping-{stage}-{one}" for one in failed)
        return Mutation("identity-mapping", stage, name, apply, rows)

    return make


def _bounded(stage: str) -> Iterator[Mutation]:
    yield _of(stage)("has no boundary", lambda lab: lab.without_boundary(TESTUSER), "aws-s3-denied")
    left = frozenset({f"mapping-{stage}-aws-s3-allowed"})
    nothing: Apply = lambda _: nullcontext()  # noqa: E731  # as all of the table
    yield Mutation("identity-mapping", stage, "a boundary was left behind", nothing, left, boundary=False)


def _masters() -> Iterator[Mutation]:
    make = _of("masters")
    inside = ("whoami", "list-nodes", "can-i-everything")
    yield make("the group is another", _mapped(groups=["system:authenticated"]), *inside)
    yield make("a group too many", _mapped(groups=["system:masters", "developers"]), "whoami")
    yield make("the name is another", _mapped(username="somebody"), "whoami")
    yield make("is not mapped", _not_mapped, *inside)
    yield make("an access entry was left behind", lambda lab: lab.entry(_arn(lab)), *inside)
    yield make(
        "is another user",
        lambda lab: lab.user_path(TESTUSER, "/others/"),
        *(*inside, "aws-identity", "aws-s3-denied"),
    )
    yield from _bounded("masters")


def _authenticated() -> Iterator[Mutation]:
    make = _of("authenticated")
    user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": TESTUSER}
    inside = ("whoami", "list-nodes")
    yield make("the group is another", _mapped(groups=["system:masters"]), *inside)
    yield make("may list nodes", lambda lab: lab.granted(user, NODES), "list-nodes")
    yield make(
        "nobody may discover",
        lambda lab: lab.changed(f"{RBAC}/clusterrolebindings/system:discovery", lambda found: found.pop("subjects")),
        "discovery",
    )
    yield make("is not mapped", _not_mapped, *inside, "discovery")
    yield make("an access entry was left behind", lambda lab: lab.entry(_arn(lab)), *inside)
    yield make(
        "is another user",
        lambda lab: lab.user_path(TESTUSER, "/others/"),
        *(*inside, "discovery", "aws-identity", "aws-s3-denied"),
    )
    yield from _bounded("authenticated")


def _unmapped() -> Iterator[Mutation]:
    make = _of("unmapped")
    yield make("the mapping was left behind", _mapping(["system:authenticated"]), "list-nodes", "discovery")
    yield make("an access entry was left behind", lambda lab: lab.entry(_arn(lab)), "list-nodes", "discovery")
    yield make("is another user", lambda lab: lab.user_path(TESTUSER, "/others/"), "aws-identity", "aws-s3-denied")
    yield from _bounded("unmapped")


def _entry() -> Iterator[Mutation]:
    make = _of("entry")
    everywhere = {"type": "cluster"}
    here = {"type": "namespace", "namespaces": ["default"]}
    yield make(
        "may look everywhere",
        lambda lab: lab.policy(_arn(lab), VIEW, everywhere),
        "list-pods-kube-system",
        "play-kube-system",
    )
    yield make(
        "may look in another namespace",
        lambda lab: lab.policy(_arn(lab), VIEW, {"type": "namespace", "namespaces": ["kube-system"]}),
        *("list-pods", "list-pods-kube-system", "play-pods", "play-kube-system"),
    )
    yield make("may not look", lambda lab: lab.without_policy(_arn(lab), VIEW), "list-pods", "play-pods")
    yield make(
        "may write",
        lambda lab: lab.policy(_arn(lab), "AmazonEKSEditPolicy", here),
        *("delete-pod", "play-create-pod", "play-secrets"),
    )
    yield make(
        "may look at everything",
        lambda lab: lab.policy(_arn(lab), "AmazonEKSAdminViewPolicy", everywhere),
        *("list-pods-kube-system", "list-nodes", "play-kube-system", "play-nodes", "play-secrets"),
    )
    yield make(
        "is an administrator",
        lambda lab: lab.policy(_arn(lab), "AmazonEKSClusterAdminPolicy", everywhere),
        *("list-pods-kube-system", "list-nodes", "delete-pod", *PLAYED_ENTRY),
    )
    inside = ("whoami", "list-pods", "list-pods-kube-system", "list-nodes", "delete-pod", "play-pods", *PLAYED_ENTRY)
    yield make("has no entry", lambda lab: lab.without_entry(_arn(lab)), *inside)
    yield make("is in a group", lambda lab: lab.entry_groups(_arn(lab), ["developers"]), "whoami")
    user: Callable[[Standing], Object] = lambda lab: {  # noqa: E731  # a subject that needs the lab
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "User",
        "name": _arn(lab),
    }
    yield make("RBAC lets them list nodes", lambda lab: lab.granted(user(lab), NODES), "list-nodes", "play-nodes")
    # The entry knows them by their id, so they come in; the policy goes by the ARN.
    yield make(
        "is another user",
        lambda lab: lab.user_path(TESTUSER, "/others/"),
        *("aws-identity", "aws-s3-denied", "list-pods", "play-pods"),
    )
    yield from _bounded("entry")
