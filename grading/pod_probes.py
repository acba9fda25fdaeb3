"""Questions that a command in a pod puts: by exec, by the log of a pod that has ended, and by a pod of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from grading.roles import quoted

SESSION_NAME: Final = "AWS_ROLE_SESSION_NAME"
"""Environment variable by which the AWS CLI names the session of a role that it takes by a token."""

Reader = Literal["kubectl", "can-i", "aws", "aws-json", "token"]
"""How the output of a command in a pod is understood; `token`: a JWT, of which only the claims are kept."""


@dataclass(frozen=True)
class InPod:
    """A command in a pod, by exec, as the study note asks."""

    namespace: str
    pod: str
    argv: tuple[str, ...]
    """May hold `names.Names`."""

    reader: Reader
    new_session: bool = False
    """The AWS CLI keeps the session of a role that it took by a token for an hour, in the pod. Asked by a session of
    a new name, it has to take the role once more, so that the answer is today's."""

    undo_bucket: str = ""
    """Bucket that the command makes if it is allowed to, wrongly; it is then deleted at once."""

    @property
    def brief(self) -> str:
        """In few words, beside the name of who asks."""
        # Where the token lies is told in full by the row for its mount.
        return f"cat …/{self.argv[-1].rpartition('/')[2]}" if self.reader == "token" else quoted(self.argv)

    @property
    def typed(self) -> str:
        """As a learner types it."""
        where = "" if self.namespace == "default" else f" -n {self.namespace}"
        session = ("env", f"{SESSION_NAME}=check-$RANDOM") if self.new_session else ()
        return f"kubectl exec -it {self.pod}{where} -- {quoted((*session, *self.argv))}"


@dataclass(frozen=True)
class PodLog:
    """What the command of a pod that has ended found out at AWS."""

    namespace: str
    pod: str

    @property
    def brief(self) -> str:
        """In few words, beside the name of who asks."""
        return self.typed

    @property
    def typed(self) -> str:
        """As a learner types it."""
        return f"kubectl logs {self.pod}" + ("" if self.namespace == "default" else f" -n {self.namespace}")


@dataclass(frozen=True)
class ShortPod:
    """A pod that asks AWS once and is deleted; its image is that of a pod of the exercise."""

    name: str
    namespace: str
    service_account: str
    image_of: str
    """Name of the pod, in namespace default, whose first container's image is used."""

    argv: tuple[str, ...]
    """Arguments of the AWS CLI."""

    @property
    def brief(self) -> str:
        """In few words, beside the name of who asks."""
        return f"aws {quoted(self.argv)}"

    @property
    def typed(self) -> str:
        """As a learner types it."""
        where = "" if self.namespace == "default" else f" -n {self.namespace}"
        return (
            f"kubectl run {self.name}{where} --rm -i --restart=Never"
            f" --image=\"$(kubectl get pod {self.image_of} -o jsonpath='{{.spec.containers[0].image}}')\""
            f' --overrides=\'{{"spec":{{"serviceAccountName":"{self.service_account}"}}}}\''
            f" -- {quoted(self.argv)}"
        )
