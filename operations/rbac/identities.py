"""Who asks: subjects as a person writes them, and the user name and groups that they enter with."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from operations.rbac.objects import Subject

ACCOUNT_PREFIX: Final = "system:serviceaccount:"
"""How the user name of every service account begins; namespace and name follow."""
ACCOUNTS_GROUP: Final = "system:serviceaccounts"
AUTHENTICATED: Final = "system:authenticated"
UNAUTHENTICATED: Final = "system:unauthenticated"
ANONYMOUS: Final = "system:anonymous"
NODES: Final = "system:nodes"
"""The kubelets' group; the Node authorizer allows them what no role says."""
MASTERS: Final = "system:masters"
"""The API server allows this group everything before it looks at RBAC at all."""


class NotASubject(ValueError):
    """A text does not name a subject."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user name and groups, as authentication ends with."""

    user: str = ""
    """Empty when only groups are meant."""
    groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, subject: Subject, more_groups: Iterable[str] = ()) -> "Identity":
        """A subject with the groups that Kubernetes itself gives it; `more_groups` come from elsewhere.

        A group alone is only itself: who is in it is in others too, but nobody can tell which.
        """
        if subject.kind == "Group":
            return cls(groups=tuple(dict.fromkeys((subject.name, *more_groups))))
        user = user_name(subject)
        return cls(user, tuple(dict.fromkeys((*more_groups, *_own_groups(user)))))

    def is_one_of(self, subject: Subject) -> bool:
        """Whether a binding that names this subject is about this identity."""
        if subject.kind == "Group":
            return subject.name in self.groups
        return bool(self.user) and self.user == user_name(subject)


def user_name(subject: Subject) -> str:
    """The name of a user, of a service account as a user; empty for what is no user."""
    if subject.kind == "ServiceAccount":
        return f"{ACCOUNT_PREFIX}{subject.namespace}:{subject.name}" if subject.namespace else ""
    return subject.name if subject.kind == "User" else ""


def parse_subject(text: str) -> Subject:
    """user:NAME, group:NAME or sa:NAMESPACE/NAME; raises NotASubject, whose text says how to write it."""
    kind, _, name = text.partition(":")
    if kind == "user" and name:
        return Subject("User", name)
    if kind == "group" and name:
        return Subject("Group", name)
    namespace, slash, account = name.partition("/")
    if kind == "sa" and namespace and slash and account and "/" not in account:
        return Subject("ServiceAccount", account, namespace)
    raise NotASubject(f"{text} is no subject. Write it as user:NAME, group:NAME or sa:NAMESPACE/NAME.")


def _own_groups(user: str) -> tuple[str, ...]:
    if user == ANONYMOUS:
        return (UNAUTHENTICATED,)
    namespace, _, name = user.removeprefix(ACCOUNT_PREFIX).partition(":")
    if user.startswith(ACCOUNT_PREFIX) and namespace and name:
        return (ACCOUNTS_GROUP, f"{ACCOUNTS_GROUP}:{namespace}", AUTHENTICATED)
    return (AUTHENTICATED,)
