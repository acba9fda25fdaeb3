"""What every component of the lab shares, so that each file below has only what is its own.

A component groups resources under one name in the state (`myeks:components:<Kind>`); its children are named
after it, so that one program can hold the same component twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pulumi

Tags = Mapping[str, str]
"""AWS tags without `Name`, which each resource adds for itself."""


_TYPE = "myeks:components:"


class Component(pulumi.ComponentResource):
    """A group of resources of one purpose."""

    def __init__(self, kind: str, name: str, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(f"{_TYPE}{kind}", name, None, opts)
        self._name_of_component = name

    def child(
        self,
        depends_on: Sequence[pulumi.Resource] = (),
        *,
        delete_before_replace: bool | None = None,
        replacement_trigger: pulumi.Input[str] | None = None,
        before_create: pulumi.ResourceHook | None = None,
        after_create: pulumi.ResourceHook | None = None,
        once_of: str = "",
    ) -> pulumi.ResourceOptions:
        """Options of a child resource.

        Args:
            depends_on: what must exist before the child and be deleted after it, without being its input.
            delete_before_replace: for a child whose replacement cannot exist beside it.
            replacement_trigger: for a child that is of no use any more when this value changes, although none of
                its inputs does.
            before_create: what is run before the child is created, in no preview.
            after_create: what is run after that, and after each update of the child; in no preview.
            once_of: kind of the component of the same name that had the child before; a standing lab keeps it so.
        """
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(depends_on),
            delete_before_replace=delete_before_replace,
            replacement_trigger=replacement_trigger,
            hooks=_hooks(before_create, after_create),
            aliases=[pulumi.Alias(parent=self._urn_of(once_of))] if once_of else None,
        )

    def _urn_of(self, kind: str) -> str:
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{_TYPE}{kind}::{self._name_of_component}"


def _hooks(
    before_create: pulumi.ResourceHook | None, after_create: pulumi.ResourceHook | None
) -> pulumi.ResourceHookBinding | None:
    if before_create is None and after_create is None:
        return None
    after: list[Any] = [after_create] if after_create else []
    before: list[Any] = [before_create] if before_create else []
    return pulumi.ResourceHookBinding(
        before_create=before or None, after_create=after or None, after_update=after or None
    )


def named(tags: Tags, name: str) -> dict[str, str]:
    """Tags of one resource: the lab's own and its `Name`, which the EC2 console and the study note look
    for."""
    return {**tags, "Name": name}


class Chart(Protocol):
    """A Helm chart at one version."""

    @property
    def name(self) -> str:
        """Name of the chart in its repository."""
        ...

    @property
    def repository(self) -> str:
        """URL of the Helm repository."""
        ...

    @property
    def version(self) -> str:
        """Chart version, not the version of the application in it."""
        ...
