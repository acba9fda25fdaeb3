"""The other ways into a cluster: without a login, by a client certificate, and as a pod of the application."""

from __future__ import annotations

import base64
import json
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, ClassVar, Final

from typing_extensions import override

from exercises.k06.tokens import INVALID_SINCE, TOKEN_TYPE
from grading.account_probes import DRY_RUN, collection
from grading.kube_api import refused
from grading.outcomes import Broke, Done, HttpRefused, Outcome, facts
from grading.probes import Lab, OwnQuestion, Takes

SERVER: Final = "$(kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}')"
REQUESTS: Final = collection("certificatesigningrequests", group="certificates.k8s.io")
SIGNER: Final = "kubernetes.io/kube-apiserver-client"
SIGNS_WITHIN: Final = 4.0
"""Seconds. A signing controller acts on an approval at once, so that a certificate would be there by then."""

RBAC: Final = "rbac.authorization.k8s.io"
ANONYMOUS: Final = frozenset({"system:unauthenticated", "system:anonymous"})
BOOTSTRAPPED: Final = "kubernetes.io/bootstrapping"
"""Label of what the API server makes for itself, as the binding for its health endpoints."""

API_AUDIENCES: Final = ("", "https://kubernetes.default.svc")
"""Audiences of a token that the API server takes; empty: its own, whatever it is called."""


@dataclass(frozen=True)
class Anonymous(OwnQuestion):
    """A GET without any credentials."""

    path: str

    @property
    @override
    def brief(self) -> str:
        return f"GET {self.path}, without a token"

    @property
    @override
    def typed(self) -> str:
        return f'curl -sk "{SERVER}{self.path}"'

    @override
    def ask(self, lab: Lab) -> Outcome:
        # An empty bearer token is none to the API server (k8s.io/apiserver, authentication/request/bearertoken).
        return lab.api.request("GET", self.path, None, "")


@dataclass(frozen=True)
class AnonymousBindings(OwnQuestion):
    """Which bindings name those who have not logged in, beyond Kubernetes' own; read as the operator."""

    @property
    @override
    def brief(self) -> str:
        return "bindings of system:unauthenticated and system:anonymous"

    @property
    @override
    def typed(self) -> str:
        return "kubectl get rolebindings,clusterrolebindings -A -o wide | grep -E 'system:(unauthenticated|anonymous)'"

    @override
    def ask(self, lab: Lab) -> Outcome:
        found: list[str] = []
        for kind in ("RoleBinding", "ClusterRoleBinding"):
            listed = refused(lab.api.request("GET", collection(f"{kind.lower()}s", group=RBAC)), f"{kind}s")
            if not isinstance(listed, Done):
                return listed
            for item in listed.value.get("items") or ():
                meta = item["metadata"]
                names = {str(each.get("name")) for each in item.get("subjects") or ()}
                if names & ANONYMOUS and BOOTSTRAPPED not in (meta.get("labels") or {}):
                    found.append(f"{kind} {meta.get('namespace', '')}/{meta['name']}")
        return facts({"bindings": sorted(found)})


@dataclass(frozen=True)
class AnonymousMay(OwnQuestion):
    """Whether RBAC gives a right in a namespace to those who have not logged in, asked as the operator."""

    verb: str
    resource: str
    namespace: str

    @property
    @override
    def brief(self) -> str:
        return f"may {self.verb} {self.resource}"

    @property
    @override
    def typed(self) -> str:
        review = shlex.quote(json.dumps(self._review(), separators=(",", ":")))
        return f"echo {review} | kubectl create -f - -o jsonpath='{{.status.allowed}}'"

    @override
    def ask(self, lab: Lab) -> Outcome:
        path = collection("subjectaccessreviews", group="authorization.k8s.io")
        outcome = refused(lab.api.request("POST", path, self._review()), "A right")
        if not isinstance(outcome, Done):
            return outcome
        return facts({"allowed": "true" if outcome.value["status"].get("allowed") else "false"})

    def _review(self) -> dict[str, Any]:
        attributes = {"verb": self.verb, "resource": self.resource, "namespace": self.namespace}
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": "system:anonymous",
                "groups": ["system:unauthenticated"],
                "resourceAttributes": attributes,
            },
        }


@dataclass(frozen=True)
class ClientCertificate(OwnQuestion):
    """Requests a client certificate and approves the request, as the operator; the key is kept nowhere."""

    user: str
    """Common name in the certificate: the user that it would be."""

    takes: ClassVar[Takes] = "a wait"

    within: float = SIGNS_WITHIN
    """Seconds to wait for the certificate."""

    @property
    @override
    def brief(self) -> str:
        return "a client certificate, requested and approved"

    @property
    @override
    def typed(self) -> str:
        name = "owasp-k06-check"
        spec = f'"signerName":"{SIGNER}","usages":["client auth"],"request":"\'$R\'"'
        return (
            f'R=$(openssl req -new -newkey rsa:2048 -nodes -keyout /dev/null -subj "/CN={self.user}" 2>/dev/null'
            " | base64 -w0)"
            f'; echo \'{{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest"'
            f',"metadata":{{"name":"{name}"}},"spec":{{{spec}}}}}\' | kubectl create -f -'
            f"; kubectl certificate approve {name}; sleep 4; kubectl get csr {name}; kubectl delete csr {name}"
        )

    @override
    def ask(self, lab: Lab) -> Outcome:
        name = f"owasp-k06-check-{token_hex(4)}"
        made = refused(lab.api.request("POST", REQUESTS, self._request(name)), "A certificate")
        if not isinstance(made, Done):
            return made
        try:
            approved = {**made.value, "status": {"conditions": [_APPROVED]}}
            done = refused(lab.api.request("PUT", f"{REQUESTS}/{name}/approval", approved), "The approval")
            return self._issued(name, lab) if isinstance(done, Done) else done
        finally:
            lab.api.request("DELETE", f"{REQUESTS}/{name}")

    def _issued(self, name: str, lab: Lab) -> Outcome:
        until = time.monotonic() + self.within
        while True:
            found = refused(lab.api.request("GET", f"{REQUESTS}/{name}"), "The certificate's request")
            if not isinstance(found, Done):
                return found
            status: Mapping[str, Any] = found.value.get("status") or {}
            issued = "issued" if status.get("certificate") else "none"
            if issued == "issued" or time.monotonic() > until or lab.stop.wait(0.5):
                conditions = [each["type"] for each in status.get("conditions") or []]
                return facts({"conditions": conditions, "certificate": issued})

    def _request(self, name: str) -> dict[str, Any]:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509.oid import NameOID

        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.user)])
        signed = x509.CertificateSigningRequestBuilder().subject_name(subject)
        pem = signed.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.PEM)
        return {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": name},
            "spec": {
                "signerName": SIGNER,
                "usages": ["client auth"],
                "expirationSeconds": 3600,
                "request": base64.b64encode(pem).decode(),
            },
        }


_APPROVED: Final = {"type": "Approved", "status": "True", "reason": "LabCheck", "message": "Approved by lab check."}


@dataclass(frozen=True)
class TemplatesPod(OwnQuestion):
    """Whether a pod of a Deployment could start, and what token it would have.

    The pod is asked of the API server by dry run, so that what admission adds to it (the account's token) is there.
    """

    namespace: str
    deployment: str

    @property
    @override
    def brief(self) -> str:
        return f"a pod of deployment {self.deployment}: its Secrets and its token"

    @property
    @override
    def typed(self) -> str:
        return (
            f"kubectl get secrets -n {self.namespace}; kubectl get deployment {self.deployment} -n {self.namespace}"
            ' -o json | jq \'.spec.template + {apiVersion:"v1",kind:"Pod"} | .metadata.name="try"\''
            f" | kubectl create -n {self.namespace} --dry-run=server -o yaml -f -"
        )

    @override
    def ask(self, lab: Lab) -> Outcome:
        path = f"{collection('deployments', self.namespace, 'apps')}/{self.deployment}"
        found = lab.api.request("GET", path)
        if isinstance(found, HttpRefused) and found.status == 404:
            return Broke(f"The Deployment {self.deployment} is not there, and it belongs to the exercise.")
        if not isinstance(found, Done):
            return refused(found, f"The Deployment {self.deployment}")
        template = found.value["spec"]["template"]
        metadata = {**(template.get("metadata") or {}), "name": "lab-check", "namespace": self.namespace}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        made = lab.api.request("POST", f"{collection('pods', self.namespace)}?{DRY_RUN}", pod)
        return self._facts(made.value["spec"], lab) if isinstance(made, Done) else made

    def _facts(self, spec: Mapping[str, Any], lab: Lab) -> Outcome:
        found = {name: self._secret(name, lab) for name in sorted(set(secrets_of(spec)))}
        for outcome in found.values():
            if not isinstance(outcome, Done | HttpRefused):
                return outcome
        missing = [name for name, outcome in found.items() if not isinstance(outcome, Done)]
        static = [outcome.value for outcome in found.values() if isinstance(outcome, Done)]
        token = "bound to the pod" if _bound(spec) else _static(static)
        return facts({"account": spec.get("serviceAccountName"), "missing Secrets": missing, "token": token})

    def _secret(self, name: str, lab: Lab) -> Outcome:
        outcome = lab.api.request("GET", f"{collection('secrets', self.namespace)}/{name}")
        return outcome if isinstance(outcome, HttpRefused) and outcome.status == 404 else refused(outcome, "A Secret")


def _bound(spec: Mapping[str, Any]) -> bool:
    sources = (source for volume in spec.get("volumes") or [] for source in _sources(volume))
    tokens = [each["serviceAccountToken"] for each in sources if "serviceAccountToken" in each]
    return any(each.get("audience", "") in API_AUDIENCES for each in tokens)


def _static(secrets: list[Mapping[str, Any]]) -> str:
    tokens = [each for each in secrets if each.get("type") == TOKEN_TYPE]
    good = [each for each in tokens if INVALID_SINCE not in (each["metadata"].get("labels") or {})]
    return "in a Secret" if good else "invalid" if tokens else "none"


def secrets_of(spec: Mapping[str, Any]) -> Iterator[str]:
    """Names of the Secrets without which a pod of this spec does not start."""
    for volume in spec.get("volumes") or []:
        yield from _required([volume.get("secret")], "secretName")
        yield from _required([source.get("secret") for source in _sources(volume)], "name")
    for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
        yield from _required([each.get("secretRef") for each in container.get("envFrom") or []], "name")
        references = [(each.get("valueFrom") or {}).get("secretKeyRef") for each in container.get("env") or []]
        yield from _required(references, "name")


def _required(references: list[Mapping[str, Any] | None], key: str) -> Iterator[str]:
    return (str(each[key]) for each in references if each and not each.get("optional"))


def _sources(volume: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (volume.get("projected") or {}).get("sources") or []
