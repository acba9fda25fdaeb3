"""Pods that are made to read the shop's key: those of an attacker, and one more of the shop's own.

Each is a real pod, because what a kubelet puts into a pod is asked of nobody by RBAC. What it prints is looked at
and goes nowhere.
"""

from __future__ import annotations

import copy
import json
import shlex
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import ClassVar, Final, Literal

from typing_extensions import override

from exercises.k08.names import NAMESPACE, SHOP, at_aws
from exercises.k08.pods import PODS, Spec, is_there, make_optional, needed, pod_named, ran_to_end, reader
from grading.account_probes import token_of
from grading.expectations import Expectation
from grading.kube_api import refused
from grading.outcomes import AwsRefused, Broke, Done, HttpRefused, Outcome, Ran, aws_cli
from grading.probes import Lab, OwnQuestion, Takes
from grading.refusals import AnyForbidden
from grading.variables import Names

OBJECT: Final = "payment"
KEY: Final = "key"
AT_AWS: Final = at_aws("$CLUSTER_NAME")
"""The secret in Secrets Manager, as the lab calls it."""

READS: Final = (
    "if [ -s /run/payment/key ]; then cat /run/payment/key;"
    ' elif [ -n "$PAYMENT_KEY" ]; then printenv PAYMENT_KEY;'
    ' elif [ -n "$PAYMENT_SECRET" ]; then'
    ' aws secretsmanager get-secret-value --secret-id "$PAYMENT_SECRET" --query SecretString --output text;'
    ' elif [ -n "$PAYMENT_PARAMETER" ]; then aws ssm get-parameter --name "$PAYMENT_PARAMETER" --with-decryption'
    " --query Parameter.Value --output text;"
    " else echo no key is configured >&2; exit 1; fi"
)
"""How the shop finds its key: in a file, in its environment, or at AWS under a name from its environment."""

READ: Final = "read"
NOTHING: Final = "nothing"

DEPLOYMENT: Final = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{SHOP}"
BUSYBOX: Final = "busybox:1.37"

_RESTRICTED: Final = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_RESTRICTED_POD: Final = {
    "restartPolicy": "Never",
    "automountServiceAccountToken": False,
    "terminationGracePeriodSeconds": 0,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
}
"""So that Pod Security lets the pod be: it does not look at Secrets."""

Way = Literal["volume", "projected", "env", "env-from", "init"]
"""How a Secret comes into a pod."""


@dataclass(frozen=True)
class _RunsPod(OwnQuestion):
    """A pod that runs once, in the shop's namespace, made by a service account or (empty) by the operator."""

    takes: ClassVar[Takes] = "a pod"

    account: str

    @abstractmethod
    def spec(self, lab: Lab, template: Spec) -> Spec | Outcome:
        """The pod's specification; `template` is a copy of that of the shop's pods."""

    def understood(self, ran: Ran) -> Outcome:
        """What a pod found that ended."""
        if ran.exit_code == 0 and ran.stdout.strip():
            return Done(READ, "the pod prints the key")
        return Done(NOTHING, "the pod runs, and finds nothing")

    @override
    def ask(self, lab: Lab) -> Outcome:
        found = lab.api.request("GET", DEPLOYMENT)
        if isinstance(found, HttpRefused) and found.status == 404:
            return Broke(f"The Deployment {SHOP} is not there, and it belongs to the exercise.")
        if not isinstance(found, Done):
            return refused(found, f"The Deployment {SHOP}")
        spec = self.spec(lab, copy.deepcopy(found.value["spec"]["template"]["spec"]))
        token = token_of(lab, NAMESPACE, self.account) if self.account else None
        if not isinstance(spec, dict):
            return spec
        if token is not None and not isinstance(token, str):
            return token
        pod = pod_named(f"lab-check-{token_hex(4)}", spec)
        made = lab.api.request("POST", PODS, pod, token)
        if not isinstance(made, Done):
            return made
        path = f"{PODS}/{pod['metadata']['name']}"
        try:
            ran = ran_to_end(lab, path, reader(spec))
            return self.understood(ran) if isinstance(ran, Ran) else ran
        finally:
            lab.api.request("DELETE", f"{path}?gracePeriodSeconds=0")


@dataclass(frozen=True)
class StealsSecrets(_RunsPod):
    """A pod that prints every Secret of the namespace, in one of the ways in which a pod gets them."""

    way: Way

    @property
    @override
    def brief(self) -> str:
        return f"a pod with the Secret ({self.way})"

    @property
    @override
    def typed(self) -> str:
        pod = shlex.quote(json.dumps(pod_named("thief", self._spec({OBJECT: (KEY,)})), separators=(",", ":")))
        return f"echo {pod} | kubectl create -f - {_token(self.account)} && {_log('thief', 'thief')}"

    @override
    def spec(self, lab: Lab, template: Spec) -> Spec | Outcome:
        del template
        found = refused(lab.api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets"), "The Secrets")
        if not isinstance(found, Done):
            return found
        secrets = {each["metadata"]["name"]: tuple(each.get("data") or ()) for each in found.value["items"]}
        return self._spec(secrets or {OBJECT: (KEY,)})

    def _spec(self, secrets: Mapping[str, tuple[str, ...]]) -> Spec:
        container: Spec = {"name": "thief", "image": BUSYBOX, "securityContext": _RESTRICTED}
        spec: Spec = {**_RESTRICTED_POD, "containers": [container]}
        numbered = list(enumerate(secrets.items()))
        match self.way:
            case "env":
                names = [
                    (f"STOLEN_{number}_{at}", secret, key)
                    for number, (secret, keys) in numbered
                    for at, key in enumerate(keys)
                ]
                container["env"] = [
                    {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": True}}}
                    for name, secret, key in names
                ]
                script = "env | grep ^STOLEN_"
            case "env-from":
                container["envFrom"] = [
                    {"prefix": f"STOLEN_{number}_", "secretRef": {"name": secret, "optional": True}}
                    for number, (secret, _) in numbered
                ]
                script = "env | grep ^STOLEN_"
            case _:
                paths = [f"/run/stolen{number}" for number, _ in numbered]
                container["volumeMounts"] = [
                    {"name": path.rpartition("/")[2], "mountPath": path, "readOnly": True} for path in paths
                ]
                spec["volumes"] = [self._volume(number, secret) for number, (secret, _) in numbered]
                script = f"cat {' '.join(f'{path}/*' for path in paths)} 2>/dev/null"
        container["command"] = ["sh", "-c", f"{script}; true"]
        if self.way == "init":
            spec["initContainers"] = [container]
            spec["containers"] = [
                {"name": "later", "image": BUSYBOX, "command": ["true"], "securityContext": _RESTRICTED}
            ]
        return spec

    def _volume(self, number: int, secret: str) -> Spec:
        name = f"stolen{number}"
        if self.way == "projected":
            return {"name": name, "projected": {"sources": [{"secret": {"name": secret, "optional": True}}]}}
        return {"name": name, "secret": {"secretName": secret, "optional": True}}


@dataclass(frozen=True)
class AnotherShop(_RunsPod):
    """One more pod of the shop's, as its Deployment would make it today, which prints the key that it finds."""

    @property
    @override
    def brief(self) -> str:
        return "one more pod of the shop's"

    @property
    @override
    def typed(self) -> str:
        reads = json.dumps(["sh", "-c", READS])
        change = f'.restartPolicy="Never" | .containers[0].command={reads} | del(.containers[0].args)'
        pod = f'{{apiVersion:"v1",kind:"Pod",metadata:{{name:"another"}},spec:(.spec.template.spec | {change})}}'
        source = f"kubectl get deployment {SHOP} -n {NAMESPACE} -o json | jq {shlex.quote(pod)}"
        token = f" {_token(self.account)}" if self.account else ""
        return f"{source} | kubectl create -f - -n {NAMESPACE}{token} && {_log('another', SHOP)}"

    @override
    def spec(self, lab: Lab, template: Spec) -> Spec | Outcome:
        if self.account:
            make_optional(template)
        elif missing := next((name for name in needed(template) if not is_there(lab, name)), ""):
            return Broke(f"The shop's pods need the Secret {missing}, which is not there.")
        template["restartPolicy"] = "Never"
        template["containers"][0]["command"] = ["sh", "-c", READS]
        template["containers"][0].pop("args", None)
        return template

    @override
    def understood(self, ran: Ran) -> Outcome:
        found = super().understood(ran)
        if self.account or found == Done(READ, found.shown):
            return found
        # The shop itself has to find it: why it does not is worth telling.
        return aws_cli(Ran(ran.exit_code or 1, "", ran.stdout))


@dataclass(frozen=True)
class AtAws(_RunsPod):
    """A pod of another service account, which asks Secrets Manager for the shop's key."""

    other: str
    """That service account."""

    @property
    @override
    def brief(self) -> str:
        return f"aws secretsmanager get-secret-value, as {self.other}"

    @property
    @override
    def typed(self) -> str:
        image = (
            f"$(kubectl get deployment {SHOP} -n {NAMESPACE} -o jsonpath='{{.spec.template.spec.containers[0].image}}')"
        )
        overrides = json.dumps({"spec": {"serviceAccountName": self.other}})
        return (
            f'kubectl run another -n {NAMESPACE} --rm -i --restart=Never --image="{image}"'
            f" --overrides={shlex.quote(overrides)} -- {' '.join(_ASKS[1:])} --secret-id {AT_AWS}"
        )

    @override
    def spec(self, lab: Lab, template: Spec) -> Spec | Outcome:
        first = template["containers"][0]
        named = next((each.get("value") for each in first.get("env") or () if each["name"] == "PAYMENT_SECRET"), "")
        container = {
            "name": "another",
            "image": first["image"],
            "securityContext": _RESTRICTED,
            "command": [*_ASKS, "--secret-id", named or lab.names.fill(AT_AWS)],
        }
        return {**_RESTRICTED_POD, "serviceAccountName": self.other, "containers": [container]}

    @override
    def understood(self, ran: Ran) -> Outcome:
        return aws_cli(ran) if ran.exit_code else Done(READ, "AWS gives it the key")


_ASKS: Final = ("aws", "secretsmanager", "get-secret-value", "--query", "VersionId", "--output", "text")


@dataclass(frozen=True)
class InPlain(OwnQuestion):
    """Whether the key stands in an object that is no Secret."""

    value: str

    @property
    @override
    def brief(self) -> str:
        return "the key in plain text, outside Secrets"

    @property
    @override
    def typed(self) -> str:
        return f"kubectl get configmaps,deployments,pods -n {NAMESPACE} -o yaml | grep -c {self.value}"

    @override
    def ask(self, lab: Lab) -> Outcome:
        core, apps = f"/api/v1/namespaces/{NAMESPACE}", f"/apis/apps/v1/namespaces/{NAMESPACE}"
        for path in (f"{core}/configmaps", f"{apps}/deployments", f"{core}/pods"):
            found = lab.api.request("GET", path)
            if not isinstance(found, Done):
                return found
            if self.value in json.dumps(found.value):
                return Done(READ, f"it stands in {path.rpartition('/')[2]}")
        return Done(NOTHING, "nowhere")


@dataclass(frozen=True)
class KeptFrom(Expectation):
    """Who asks does not get the key: the pod is refused, or it finds nothing."""

    user: str

    @property
    @override
    def text(self) -> str:
        return f"{AnyForbidden(self.user).text}, or the pod finds nothing"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        if isinstance(outcome, Done):
            return "" if outcome.value == NOTHING else "the pod must not get the key"
        return AnyForbidden(self.user).against(outcome, names)


@dataclass(frozen=True)
class KeptByAws(Expectation):
    """AWS does not give the key: it says AccessDenied, or does not know who asks."""

    @property
    @override
    def text(self) -> str:
        return "AccessDenied, or no credentials"

    @override
    def against(self, outcome: Outcome, names: Names) -> str:
        denied = isinstance(outcome, AwsRefused) and outcome.code.startswith("AccessDenied")
        nobody = isinstance(outcome, Broke) and "redentials" in outcome.message
        return "" if denied or nobody else "AWS has to refuse it"


def _token(account: str) -> str:
    return f'--token "$(kubectl create token {account} -n {NAMESPACE})"'


def _log(pod: str, container: str) -> str:
    return f"sleep 5 && kubectl logs {pod} -n {NAMESPACE} -c {container}"
