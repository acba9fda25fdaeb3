"""The questions that rows ask: each knows how a learner types it, and holds what is needed to ask it.

Line and request are made from the same values, so that what is shown is what is asked. They are data: `ask` puts
them to the API server, to AWS and to the pods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Protocol

from grading.pod_probes import InPod, PodLog, ShortPod
from grading.roles import AnnotatedRole, PodsRole

if TYPE_CHECKING:
    from threading import Event

    # Clients, half a second to import: questions are data, and every command reads them.
    from grading.aws_api import Aws
    from grading.kube_api import ApiServer
    from grading.outcomes import Outcome
    from grading.variables import Names

AS_TESTUSER: Final = "./lab as testuser --"


@dataclass(frozen=True)
class Request:
    """One request to the API server, and the kubectl line that makes it."""

    line: str
    method: str
    path: str
    """With its query."""

    body: dict[str, Any] | None = field(default=None, hash=False)
    picks: Literal["", "whoami", "can-i"] = ""
    """What is taken from the answer: the object itself, a SelfSubjectReview's user, or yes and no."""

    short: str = ""
    """The line in few words, where it holds a whole manifest; empty: the line itself."""


def listing(resource: str, namespace: str = "") -> Request:
    """`kubectl get` of a core resource, in a namespace or (empty) at the cluster scope."""
    if namespace:
        return Request(f"kubectl get {resource} -n {namespace}", "GET", f"/api/v1/namespaces/{namespace}/{resource}")
    return Request(f"kubectl get {resource}", "GET", f"/api/v1/{resource}")


def deleting(pod: str, namespace: str) -> Request:
    """`kubectl delete pod`, without doing it: the question whether it is allowed is the same."""
    return Request(
        f"kubectl delete pod {pod} -n {namespace} --dry-run=server",
        "DELETE",
        f"/api/v1/namespaces/{namespace}/pods/{pod}?dryRun=All",
    )


def whoami() -> Request:
    """`kubectl auth whoami`."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    return Request(
        "kubectl auth whoami", "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review, picks="whoami"
    )


def may_do_everything() -> Request:
    """`kubectl auth can-i` for every verb on every resource."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}},
    }
    return Request(
        "kubectl auth can-i '*' '*' -A",
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        review,
        picks="can-i",
    )


def discovery() -> Request:
    """`kubectl api-resources`, as far as it decides: the list of the API's groups."""
    return Request("kubectl api-resources", "GET", "/apis")


@dataclass(frozen=True)
class AsTestuser:
    """A request to the API server with a token of testuser's, made anew."""

    request: Request
    bearer: Literal["good", "of-another-cluster", "expired"] = "good"

    @property
    def brief(self) -> str:
        """In few words, beside the name of who asks."""
        token = {"good": "", "of-another-cluster": ", another cluster's token", "expired": ", an old token"}[
            self.bearer
        ]
        return f"{self.request.short or self.request.line}{token}"

    @property
    def typed(self) -> str:
        """As a learner types it."""
        if self.bearer == "good":
            return f"{AS_TESTUSER} {self.request.line}"
        cluster = "another" if self.bearer == "of-another-cluster" else "$CLUSTER_NAME"
        make = f'T=$(aws eks get-token --cluster-name "{cluster}" --query status.token --output text)'
        wait = "; sleep 1200" if self.bearer == "expired" else ""
        return f"{AS_TESTUSER} sh -c '{make}{wait}; {self.request.line} --token \"$T\"'"


@dataclass(frozen=True)
class AwsAsTestuser:
    """A call of an AWS API with testuser's key."""

    line: str
    """As a learner types it after `./lab as testuser --`."""

    service: str
    operation: str
    """In boto3's spelling."""

    picks: str = ""
    """Member of the answer that is looked at; empty: none."""

    @property
    def brief(self) -> str:
        """In few words, beside the name of who asks."""
        return self.line

    @property
    def typed(self) -> str:
        """As a learner types it."""
        return f"{AS_TESTUSER} {self.line}"


@dataclass(frozen=True)
class TokenAtSts:
    """A service account's token, taken to STS for a role."""

    namespace: str
    service_account: str
    role: AnnotatedRole
    audience: str = ""
    """Empty: the API server's own."""

    signed_anew: bool = False
    """Whether another key than the cluster's has signed it."""

    @property
    def brief(self) -> str:
        """In few words, beside the name of who asks."""
        token = "a forged token" if self.signed_anew else "its token"
        return f"{token} for {self.audience or 'the API server'}, at STS"

    @property
    def typed(self) -> str:
        """As a learner types it."""
        where = "" if self.namespace == "default" else f" -n {self.namespace}"
        audience = f" --audience {self.audience}" if self.audience else ""
        make = f"T=$(kubectl create token {self.service_account}{where}{audience})"
        shown = "$T"
        if self.signed_anew:
            make += (
                "; openssl genrsa -out /tmp/other.pem 2048"
                '; S=$(printf %s "${T%.*}" | openssl dgst -sha256 -sign /tmp/other.pem | basenc --base64url -w0)'
            )
            shown = "${T%.*}.${S%%=*}"
        return (
            f"{make}; aws sts assume-role-with-web-identity --role-session-name check"
            f' --role-arn "$({self.role.arn_line})" --web-identity-token "{shown}"'
        )


@dataclass(frozen=True)
class TokenAtApiServer:
    """A service account's token for somebody else, shown to the API server."""

    namespace: str
    service_account: str
    audience: str
    request: Request

    @property
    def brief(self) -> str:
        """In few words, beside the name of who asks."""
        return f"{self.request.line}, its token for {self.audience}"

    @property
    def typed(self) -> str:
        """As a learner types it."""
        make = f"kubectl create token {self.service_account} -n {self.namespace} --audience {self.audience}"
        return f'{self.request.line} --token "$({make})"'


Extract = Literal["env", "volume", "mount", "tokens", "annotations"]


@dataclass(frozen=True)
class ReadObject:
    """Facts of an object in the cluster, read as the operator."""

    kind: Literal["pods", "serviceaccounts"]
    namespace: str
    name: str
    extract: Extract
    """env, volume, mount: of a pod, in its first container; tokens: all of a pod that can tell AWS or the API server
    who it is; annotations: of any object."""

    volume: str = ""
    """Name of the volume, for volume and mount."""

    @property
    def brief(self) -> str:
        """In few words, beside the name of who asks."""
        return f"kubectl get {'pod' if self.kind == 'pods' else 'sa'}: {self.extract}"

    @property
    def typed(self) -> str:
        """As a learner types it."""
        paths = {
            "env": ".spec.containers[0].env",
            "volume": f'.spec.volumes[] | select(.name=="{self.volume}")',
            "mount": f'.spec.containers[0].volumeMounts[] | select(.name=="{self.volume}")',
            "tokens": ".spec | [.. | .serviceAccountToken? // empty], .containers[0].env",
            "annotations": ".metadata.annotations",
        }
        kind = {"pods": "pod", "serviceaccounts": "sa"}[self.kind]
        where = "" if self.namespace == "default" else f" -n {self.namespace}"
        return f"kubectl get {kind} {self.name}{where} -o json | jq '{paths[self.extract]}'"


@dataclass(frozen=True)
class RoleTrust:
    """The trust policy of a role, read as the operator."""

    role: AnnotatedRole | PodsRole

    @property
    def brief(self) -> str:
        """In few words, beside the name of who asks."""
        return "aws iam get-role: trust policy"

    @property
    def typed(self) -> str:
        """As a learner types it."""
        return f'aws iam get-role --role-name "$({self.role.name_line})" --query Role.AssumeRolePolicyDocument'


@dataclass(frozen=True)
class Associations:
    """The Pod Identity associations of a service account, read as the operator."""

    namespace: str
    service_account: str

    @property
    def brief(self) -> str:
        """In few words, beside the name of who asks."""
        return "its Pod Identity association"

    @property
    def typed(self) -> str:
        """As a learner types it."""
        which = f"--namespace {self.namespace} --service-account {self.service_account}"
        listed = f"aws eks list-pod-identity-associations --cluster-name $CLUSTER_NAME {which}"
        return (
            'aws eks describe-pod-identity-association --cluster-name $CLUSTER_NAME --association-id "$('
            f"{listed} --query 'associations[0].associationId' --output text)\""
        )


class Lab(Protocol):
    """What a question needs of the lab that it is put to."""

    @property
    def names(self) -> Names:
        """What the lab's own names stand for."""
        ...

    @property
    def api(self) -> ApiServer:
        """Its API server."""
        ...

    @property
    def aws(self) -> Aws:
        """Its AWS."""
        ...

    @property
    def stop(self) -> Event:
        """Set: nothing more is asked or waited for."""
        ...


Takes = Literal["a wait", "a pod", "a moment"]
"""What takes the time of a question: waiting for something to happen, a process in a pod, or nothing much."""


class OwnQuestion(ABC):
    """A question that knows how it is put."""

    takes: ClassVar[Takes] = "a moment"

    @property
    @abstractmethod
    def brief(self) -> str:
        """In few words, beside the name of who asks."""

    @property
    @abstractmethod
    def typed(self) -> str:
        """As a learner types it."""

    @abstractmethod
    def ask(self, lab: Lab) -> Outcome:
        """Put it once. Raises variables.Unknown and session.NoOperator."""


Question = (
    InPod
    | PodLog
    | ShortPod
    | AsTestuser
    | AwsAsTestuser
    | TokenAtSts
    | TokenAtApiServer
    | ReadObject
    | RoleTrust
    | Associations
    | OwnQuestion
)
