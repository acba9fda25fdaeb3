"""What AWS documents of EKS's API server is so here: audit policy, client certificates, encryption at rest."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jwt
import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typing_extensions import override

from rehearsal.cluster.control_plane import ApiError, ControlPlane
from rehearsal.cluster.control_plane.pki import Authority
from tests.rehearsal.control_planes import Cluster, Loop, Object, serving, spec, stored, until

NAMESPACE = "/api/v1/namespaces/default"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    loop = Loop()
    with serving() as webhooks:
        plane = ControlPlane(spec(tmp_path_factory.mktemp("plane") / "myeks", webhooks.url))
        loop.run(plane.start())
        try:
            made = Cluster(plane, loop, webhooks)
            until(lambda: made.status_of(f"{NAMESPACE}/serviceaccounts/default") == 200, "default account")
            yield made
        finally:
            loop.run(plane.stop())
            loop.close()


def audited(cluster: Cluster, verb: str, uri: str, name: str = "") -> list[Object]:
    """The audit log's events of a verb on a path, and of an object's name; waits until there is one."""
    log = cluster.plane.spec.dir / "log" / "audit.log"

    def events() -> list[Object]:
        # What follows the last line end is still being written.
        found = [cast("Object", json.loads(line)) for line in log.read_text().split("\n")[:-1]]
        asked = [each for each in found if each["verb"] == verb and each["requestURI"].partition("?")[0] == uri]
        return [each for each in asked if name in ("", each["objectRef"].get("name"))]

    return until(events, f"audit event of {verb} {uri}")


def test_the_audit_log_names_who_asked(cluster: Cluster) -> None:
    cluster.webhooks.users["audited"] = ("curious", [])
    ca = base64.b64decode(cluster.plane.ca_data).decode()
    with urllib3.PoolManager(ca_cert_data=ca, retries=False) as pool:
        url = f"{cluster.plane.endpoint}{NAMESPACE}/secrets"
        answer = pool.request("GET", url, headers={"Authorization": "Bearer audited"})
    assert answer.status == 403
    (found,) = audited(cluster, "list", f"{NAMESPACE}/secrets")
    assert (found["user"]["username"], found["responseStatus"]["code"]) == ("curious", 403)
    assert found["auditID"] == answer.headers["Audit-Id"]


def test_the_log_holds_changes_of_aws_auth_whole(cluster: Cluster) -> None:
    """EKS Best Practices Guide, "Detective Controls", as of 2026-05-04: RequestResponse."""
    path = "/api/v1/namespaces/kube-system/configmaps"
    cluster.create(path, "ConfigMap", "aws-auth", data={"mapUsers": "first"})
    kept = cluster.request("GET", f"{path}/aws-auth")
    cluster.request("PUT", f"{path}/aws-auth", {**kept, "data": {"mapUsers": "second"}})
    (created,) = audited(cluster, "create", path, "aws-auth")
    assert "requestObject" not in created, "EKS's rule names changes alone"
    (changed,) = audited(cluster, "update", f"{path}/aws-auth")
    assert changed["level"] == "RequestResponse"
    assert changed["requestObject"]["data"] == {"mapUsers": "second"}
    assert changed["responseObject"]["data"] == {"mapUsers": "second"}


def test_the_log_holds_no_content_of_secrets_and_no_token(cluster: Cluster) -> None:
    secret = {"data": {"password": base64.b64encode(b"never-in-the-log").decode()}}
    cluster.create(f"{NAMESPACE}/secrets", "Secret", "logged", **secret)
    (event,) = audited(cluster, "create", f"{NAMESPACE}/secrets", "logged")
    assert event["level"] == "Metadata"
    assert not {"requestObject", "responseObject"} & event.keys()
    path = f"{NAMESPACE}/serviceaccounts/default/token"
    cluster.request("POST", path, {"kind": "TokenRequest", "spec": {"expirationSeconds": 600}})
    until(lambda: len(audited(cluster, "create", path)) == 2, "both stages of a token's request")
    events = audited(cluster, "create", path)
    assert {each["stage"] for each in events} == {"RequestReceived", "ResponseComplete"}
    assert {each["level"] for each in events} == {"Request"}
    assert events[1]["requestObject"]["spec"]["expirationSeconds"] == 600
    assert "responseObject" not in events[1], "the token is in the response"


def test_the_log_holds_changes_of_roles_with_the_answer(cluster: Cluster) -> None:
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    cluster.create(path, "ClusterRole", "logged", rules=rules)
    (event,) = audited(cluster, "create", path, "logged")
    assert event["level"] == "RequestResponse"
    assert event["responseObject"]["rules"] == rules


DAY = 86400
KUBERNETES = "https://kubernetes.default.svc"
A_POD_S_OWN = 3607
"""Seconds that Kubernetes writes into the volume of a pod's own token."""


def pod(cluster: Cluster, name: str) -> Object:
    """A pod that no node has, as what a token is bound to."""
    spec = {"containers": [{"name": "main", "image": "anything:1"}], "schedulerName": "nobody"}
    made = cluster.create(f"{NAMESPACE}/pods", "Pod", name, spec=spec)
    return {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": made["metadata"]["uid"]}


def token_request(cluster: Cluster, seconds: int, audience: str = "", bound: Object | None = None) -> Object:
    """What the API server makes of a request for a token."""
    wanted = {"expirationSeconds": seconds, "audiences": [audience] if audience else [], "boundObjectRef": bound}
    path = f"{NAMESPACE}/serviceaccounts/default/token"
    return cluster.request("POST", path, {"kind": "TokenRequest", "spec": wanted})


def claims(token: str) -> Object:
    return jwt.decode(token, options={"verify_signature": False})


def lifetime(answer: Object) -> tuple[int, int | None]:
    """Seconds that an answered request's token is good, and after which the API server warns of it."""
    told = claims(answer["status"]["token"])
    warn = told["kubernetes.io"].get("warnafter")
    return told["exp"] - told["iat"], warn and warn - told["iat"]


def review(cluster: Cluster, token: str, audience: str = KUBERNETES) -> Object:
    """Whose token that is, if it is good."""
    wanted = {"token": token, "audiences": [audience]}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    return cluster.request("POST", path, {"kind": "TokenReview", "spec": wanted})["status"]


@pytest.mark.parametrize(
    ("asked", "lasts"),
    [(600, 600), (7200, 7200), (A_POD_S_OWN, A_POD_S_OWN), (DAY, DAY), (DAY + 1, DAY), (365 * DAY, DAY)],
)
@pytest.mark.parametrize("audience", [KUBERNETES, "sts.amazonaws.com"])
def test_a_request_gets_24_hours_at_most(cluster: Cluster, audience: str, asked: int, lasts: int) -> None:
    """Longer ones are shortened and not refused: DataDog/stratus-red-team#163, aws/containers-roadmap#1836."""
    answer = token_request(cluster, asked, audience)
    assert lifetime(answer) == (lasts, None)
    assert answer["spec"]["expirationSeconds"] == lasts
    reviewed = review(cluster, answer["status"]["token"], audience)
    assert reviewed["user"]["username"] == "system:serviceaccount:default:default"


@pytest.mark.parametrize(("asked", "says"), [(599, "less than 10 minutes"), (2**32 + 1, "larger than 2\\^32 seconds")])
def test_a_request_that_kubernetes_refuses_is_refused(cluster: Cluster, asked: int, says: str) -> None:
    with pytest.raises(ApiError, match=says) as caught:
        token_request(cluster, asked)
    assert caught.value.status == 422


def test_a_pod_s_own_token_lasts_90_days(cluster: Cluster) -> None:
    """EKS User Guide, "Grant Kubernetes workloads access to AWS using Kubernetes service accounts", as of 2026-11."""
    bound = pod(cluster, "tokens")
    own = token_request(cluster, A_POD_S_OWN, bound=bound)
    assert lifetime(own) == (90 * DAY, A_POD_S_OWN)
    assert own["spec"]["expirationSeconds"] == A_POD_S_OWN, "so that the kubelet renews it every hour"
    assert review(cluster, own["status"]["token"])["authenticated"]
    # Only that one is: no other length, no other audience, nothing that is bound to anything else.
    assert lifetime(token_request(cluster, 3600, bound=bound)) == (3600, None)
    assert lifetime(token_request(cluster, 365 * DAY, bound=bound)) == (DAY, None)
    for_aws = token_request(cluster, A_POD_S_OWN, "sts.amazonaws.com", bound)
    assert lifetime(for_aws) == (A_POD_S_OWN, None)
    secret = cluster.create(f"{NAMESPACE}/secrets", "Secret", "binds")["metadata"]["uid"]
    to_secret = {"apiVersion": "v1", "kind": "Secret", "name": "binds", "uid": secret}
    assert lifetime(token_request(cluster, A_POD_S_OWN, bound=to_secret)) == (A_POD_S_OWN, None)


def test_a_token_in_a_secret_does_not_end(cluster: Cluster) -> None:
    """The controller manager signs it, with the same key."""
    about = {"name": "for-ever", "annotations": {"kubernetes.io/service-account.name": "default"}}
    body = {"kind": "Secret", "metadata": about, "type": "kubernetes.io/service-account-token"}
    cluster.request("POST", f"{NAMESPACE}/secrets", body)

    def written() -> str | None:
        data = cluster.request("GET", f"{NAMESPACE}/secrets/for-ever").get("data", {})
        return base64.b64decode(data["token"]).decode() if "token" in data else None

    token = until(written, "token in the secret", 30)
    assert "exp" not in claims(token)
    (key,) = cluster.request("GET", "/openid/v1/jwks")["keys"]
    assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    assert jwt.decode(token, jwt.PyJWK(key), ["RS256"])["sub"] == "system:serviceaccount:default:default"
    assert review(cluster, token)["authenticated"]


def test_an_old_token_is_warned_of_and_refused_after_90_days(cluster: Cluster) -> None:
    """EKS User Guide, as above: the audit log tells of tokens that are older than an hour."""
    token = token_request(cluster, A_POD_S_OWN, bound=pod(cluster, "old"))["status"]["token"]
    key = (cluster.plane.spec.dir / "pki" / "sa.key").read_text()
    ca = base64.b64decode(cluster.plane.ca_data).decode()

    def asked(age: int, path: str) -> int:
        """Status of a request with that token, had it been made `age` seconds ago."""
        told = claims(token)
        times = {name: told[name] - age for name in ("iat", "nbf", "exp")}
        times["kubernetes.io"] = {**told["kubernetes.io"], "warnafter": told["kubernetes.io"]["warnafter"] - age}
        aged = jwt.encode({**told, **times}, key, "RS256", {"kid": jwt.get_unverified_header(token)["kid"]})
        with urllib3.PoolManager(ca_cert_data=ca, retries=False) as pool:
            url = f"{cluster.plane.endpoint}{NAMESPACE}/{path}"
            return pool.request("GET", url, headers={"Authorization": f"Bearer {aged}"}).status

    # Nobody has allowed the account anything: 403 is a token that is good.
    assert [asked(0, "endpoints"), asked(2 * DAY, "services")] == [403, 403]
    stale = "authentication.k8s.io/stale-token"
    (fresh,) = audited(cluster, "list", f"{NAMESPACE}/endpoints")
    assert stale not in fresh["annotations"]
    (old,) = audited(cluster, "list", f"{NAMESPACE}/services")
    assert old["annotations"][stale].startswith("subject: system:serviceaccount:default:default, seconds after")
    assert asked(90 * DAY - 600, "services") == 403
    assert asked(90 * DAY + 600, "services") == 401


def request_certificate(cluster: Cluster, name: str, signer: str, usage: str, subject: tuple[str, str]) -> None:
    """Ask for a certificate of a user and group, and approve it."""
    key = ec.generate_private_key(ec.SECP256R1())
    user, group = subject
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group), x509.NameAttribute(NameOID.COMMON_NAME, user)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    if usage == "server auth":
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("node")]), critical=False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    wanted = {
        "request": base64.b64encode(pem).decode(),
        "signerName": signer,
        "usages": ["digital signature", usage],
    }
    cluster.create(CSRS, "CertificateSigningRequest", name, spec=wanted)

    def is_approved() -> bool:
        now = cluster.request("GET", f"{CSRS}/{name}")
        if now["status"].get("conditions"):
            return True
        approved = {"type": "Approved", "status": "True", "reason": "Test", "message": "by hand"}
        try:
            cluster.request("PUT", f"{CSRS}/{name}/approval", {**now, "status": {"conditions": [approved]}})
        except ApiError as error:
            # Kubernetes approves a kubelet's request by itself, maybe at this very moment.
            if error.status != 409:
                raise
        return False

    until(is_approved, f"request {name} approved")


def certificate(cluster: Cluster, name: str) -> str:
    """The certificate that was issued for a request, empty until there is one."""
    return cluster.request("GET", f"{CSRS}/{name}")["status"].get("certificate", "")


def test_no_client_certificate_is_signed(cluster: Cluster) -> None:
    """Amazon EKS User Guide, "Secure workloads with Kubernetes certificates", seen 2026-11.

    EKS signs servers' certificates; an approved request for a client's stays without one.
    """
    masters = ("someone", "system:masters")
    request_certificate(cluster, "user", "kubernetes.io/kube-apiserver-client", "client auth", ("someone", "team"))
    node = ("system:node:node", "system:nodes")
    request_certificate(cluster, "kubelet", "kubernetes.io/kube-apiserver-client-kubelet", "client auth", node)
    request_certificate(cluster, "serves", "kubernetes.io/kubelet-serving", "server auth", node)
    until(lambda: certificate(cluster, "serves"), "the kubelet's serving certificate, asked for last")
    assert [certificate(cluster, name) for name in ("user", "kubelet")] == ["", ""]
    with pytest.raises(Exception, match="system:masters"):
        request_certificate(cluster, "master", "kubernetes.io/kube-apiserver-client", "client auth", masters)


class _ClusterAuthority(Authority):
    """The authority that users see and the controller manager signs with, from its files."""

    @override
    def __init__(self, directory: Path, pki: Path) -> None:
        self._directory = directory
        self._key = cast("Any", serialization.load_pem_private_key((pki / "ca.key").read_bytes(), None))
        self._name = x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes()).subject


def test_a_certificate_of_the_cluster_s_authority_lets_nobody_in(cluster: Cluster, tmp_path: Path) -> None:
    pki = cluster.plane.spec.dir / "pki"
    assert not (pki / "clients" / "ca.key").exists(), "whoever has it can make an administrator"
    made = _ClusterAuthority(tmp_path, pki).client("forged", "someone", ["system:masters"])

    def asked(files: tuple[Path, Path]) -> int:
        with urllib3.PoolManager(
            ca_certs=str(pki / "ca.crt"), cert_file=str(files[0]), key_file=str(files[1]), retries=False
        ) as pool:
            return pool.request("GET", f"{cluster.plane.endpoint}/api/v1/nodes").status

    assert asked(made) == 401
    assert asked((pki / "clients" / "admin.crt", pki / "clients" / "admin.key")) == 200


def test_everything_in_etcd_is_encrypted(cluster: Cluster) -> None:
    """Amazon EKS User Guide, "Default envelope encryption for all Kubernetes API Data", seen 2026-11."""
    names = {"plural": "words", "singular": "word", "kind": "Word"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    crd = {
        "group": "example.com",
        "names": names,
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    cluster.create(crds, "CustomResourceDefinition", "words.example.com", spec=crd)
    path = "/apis/example.com/v1/namespaces/default/words"
    until(lambda: cluster.status_of(path) == 200, "the new resource is served")
    cluster.request(
        "POST", path, {"apiVersion": "example.com/v1", "kind": "Word", "metadata": {"name": "own"}, "word": "plain-1"}
    )
    cluster.create(f"{NAMESPACE}/configmaps", "ConfigMap", "open", data={"word": "plain-2"})
    secret = {"data": {"password": base64.b64encode(b"plain-3").decode()}}
    cluster.create(f"{NAMESPACE}/secrets", "Secret", "hidden", **secret)
    objects = stored(cluster.plane.spec.dir)
    for key in (
        "/registry/configmaps/default/open",
        "/registry/secrets/default/hidden",
        "/registry/example.com/words/default/own",
        "/registry/apiextensions.k8s.io/customresourcedefinitions/words.example.com",
        "/registry/namespaces/default",
    ):
        assert key in objects
    # What the API server notes for itself is no API object: its own lease, and which node ports are taken.
    notes = ("/registry/peerserverleases/", "/registry/ranges/")
    plain = [key for key, value in objects.items() if not value.startswith(b"k8s:enc:")]
    assert [key for key in plain if not key.startswith(notes)] == []
    files = [file.read_bytes() for file in (cluster.plane.spec.dir / "etcd").rglob("*") if file.is_file()]
    assert not any(word in data for data in files for word in (b"plain-1", b"plain-2", b"plain-3"))
    assert cluster.request("GET", f"{NAMESPACE}/configmaps/open")["data"] == {"word": "plain-2"}
