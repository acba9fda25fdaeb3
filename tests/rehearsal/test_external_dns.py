"""ExternalDNS for real: its own program in a pod, with a role by IRSA, writes the emulated zone and cleans it."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from rehearsal.toolchain import cache
from tests.rehearsal.played_emulator import Emulator, wait_for
from tests.rehearsal.pod_account import PodAccount, build, web_identity_trust

DOMAIN = "lab.example.com"
BALANCER = "k8s-pages-0123456789-1111111111.ap-northeast-2.elb.amazonaws.com"
NAMESPACE = "/api/v1/namespaces/default"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
IMAGE = "registry.k8s.io/external-dns/external-dns:v0.21.0"

Record = tuple[str, str]
"""Name without the last dot, and type."""


class Lab:
    """A cluster, a public zone for its domain and a second zone that is nobody's business, and ExternalDNS."""

    def __init__(self, pods: PodAccount) -> None:
        self.pods = pods
        self.route53 = pods.emulator.client("route53")
        self.zone, self.other = self._zone(DOMAIN), self._zone(f"below.{DOMAIN}")
        self._role()
        self._rights()
        self.request("POST", "/apis/apps/v1/namespaces/default/deployments", self._deployment())

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.pods.kubernetes.request(method, path, body)

    def _zone(self, name: str) -> str:
        made = self.route53.create_hosted_zone(Name=name, CallerReference=name)
        return made["HostedZone"]["Id"].removeprefix("/hostedzone/")

    def _role(self) -> None:
        subject = "system:serviceaccount:default:external-dns"
        trust = web_identity_trust(self.pods.provider, self.pods.host, subject)
        role = self.pods.aws.iam.create_role(RoleName="dns", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        one_zone = {
            "Effect": "Allow",
            "Action": ["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"],
            "Resource": f"arn:aws:route53:::hostedzone/{self.zone}",
        }
        find = {"Effect": "Allow", "Action": "route53:ListHostedZones", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [one_zone, find]})
        self.pods.aws.iam.put_role_policy(RoleName="dns", PolicyName="dns", PolicyDocument=policy)
        annotations = {"eks.amazonaws.com/role-arn": role}
        account = {"metadata": {"name": "external-dns", "annotations": annotations}}
        self.request("POST", f"{NAMESPACE}/serviceaccounts", account)

    def _rights(self) -> None:
        verbs = ["get", "watch", "list"]
        rules = [
            {"apiGroups": [""], "resources": ["services", "pods", "nodes"], "verbs": verbs},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": verbs},
            {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": verbs},
        ]
        self.request("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "external-dns"}, "rules": rules})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "external-dns"}
        subject = {"kind": "ServiceAccount", "name": "external-dns", "namespace": "default"}
        binding = {"metadata": {"name": "external-dns"}, "roleRef": reference, "subjects": [subject]}
        self.request("POST", f"{RBAC}/clusterrolebindings", binding)

    def _deployment(self) -> dict[str, Any]:
        """The arguments are those that the chart 1.21.1 makes of the lab's values."""
        container = {
            "name": "external-dns",
            "image": IMAGE,
            "args": [
                *("--log-level=info", "--log-format=text", "--interval=1m", "--events"),
                *("--source=service", "--source=ingress", "--policy=sync", "--registry=txt"),
                *(f"--txt-owner-id={self.zone}", f"--domain-filter={DOMAIN}", "--provider=aws"),
                *("--aws-zone-match-parent", "--aws-zone-type=public", f"--zone-id-filter={self.zone}"),
            ],
            "ports": [{"name": "http", "protocol": "TCP", "containerPort": 7979}],
        }
        labels = {"app.kubernetes.io/name": "external-dns"}
        template = {
            "metadata": {"labels": labels},
            "spec": {"serviceAccountName": "external-dns", "containers": [container]},
        }
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        return {"metadata": {"name": "external-dns"}, "spec": spec}

    def pod(self) -> dict[str, Any]:
        """The pod of the Deployment, once there is one."""
        query = f"{NAMESPACE}/pods?labelSelector=app.kubernetes.io/name%3Dexternal-dns"
        return wait_for(lambda: self.request("GET", query)["items"], 60)[0]

    def records(self, zone: str = "") -> set[Record]:
        """What is in a zone beside what every zone has."""
        found = self.route53.list_resource_record_sets(HostedZoneId=zone or self.zone)["ResourceRecordSets"]
        return {(each["Name"].rstrip("."), each["Type"]) for each in found if each["Type"] not in ("NS", "SOA")}

    def until(self, wanted: Callable[[set[Record]], bool]) -> set[Record]:
        """The zone's records once they are as wanted."""
        with suppress(AssertionError):
            wait_for(lambda: wanted(self.records()), 90)
        return self.records()

    def balanced(self, path: str) -> None:
        """Say that an object has a load balancer, as its controller does."""
        made = self.request("GET", path)
        made["status"] = {"loadBalancer": {"ingress": [{"hostname": BALANCER}]}}
        self.request("PUT", f"{path}/status", made)

    def log(self) -> str:
        """What the program has said."""
        return "\n".join(file.read_text() for file in self.pods.kubernetes.dir.rglob("containers/external-dns/*.log"))

    def raw(self, path: str) -> str:
        """kubectl's answer for a path of the API server, as its administrator."""
        kubeconfig = self.pods.kubernetes.dir / "admin.kubeconfig"
        command = [cache.ensure(print) / "kubectl", "--kubeconfig", kubeconfig, "get", "--raw", path]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def expected(host: str) -> set[Record]:
    """An alias to a load balancer for both kinds of addresses, and who owns each."""
    name = f"{host}.{DOMAIN}"
    return {(name, "A"), (name, "AAAA"), (f"cname-{name}", "TXT"), (f"aaaa-{name}", "TXT")}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    directory = tmp_path_factory.mktemp("dns")
    bin_dir = cache.ensure(print, extra=["external-dns"])
    running = Emulator(directory / "world", "tests.rehearsal.pod_emulator", bin_dir)
    try:
        yield Lab(build(running))
    finally:
        assert running.stop() == 0
        shutil.rmtree(directory)


def test_records_come_and_go_with_what_they_lead_to(lab: Lab) -> None:
    rule = {
        "host": f"page.{DOMAIN}",
        "http": {
            "paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "page", "port": {"number": 80}}}}
            ]
        },
    }
    lab.request("POST", INGRESSES, {"metadata": {"name": "page"}, "spec": {"rules": [rule]}})
    annotations = {"external-dns.alpha.kubernetes.io/hostname": f"service.{DOMAIN}"}
    ports = [{"port": 80, "targetPort": 8080}]
    service = {
        "metadata": {"name": "service", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "ports": ports, "selector": {"app": "none"}},
    }
    lab.request("POST", f"{NAMESPACE}/services", service)
    lab.balanced(f"{INGRESSES}/page")
    lab.balanced(f"{NAMESPACE}/services/service")
    both = expected("page") | expected("service")
    assert lab.until(lambda found: found == both) == both, lab.log()
    found = lab.route53.list_resource_record_sets(HostedZoneId=lab.zone)["ResourceRecordSets"]
    (alias,) = [each for each in found if (each["Name"], each["Type"]) == (f"page.{DOMAIN}.", "A")]
    assert alias["AliasTarget"]["DNSName"].rstrip(".") == BALANCER
    (owner,) = [each for each in found if (each["Name"], each["Type"]) == (f"cname-page.{DOMAIN}.", "TXT")]
    assert f"heritage=external-dns,external-dns/owner={lab.zone}," in owner["ResourceRecords"][0]["Value"]
    lab.request("DELETE", f"{INGRESSES}/page")
    assert lab.until(lambda found: found == expected("service")) == expected("service"), lab.log()
    lab.request("DELETE", f"{NAMESPACE}/services/service")
    assert lab.until(lambda found: not found) == set(), lab.log()
    assert lab.records(lab.other) == set()


def test_it_runs_in_its_pod_and_answers_on_its_port(lab: Lab) -> None:
    pod = lab.pod()
    (status,) = pod["status"]["containerStatuses"]
    assert (status["ready"], status["restartCount"]) == (True, 0), lab.log()
    metrics = lab.raw(f"{NAMESPACE}/pods/{pod['metadata']['name']}:7979/proxy/metrics")
    assert 'external_dns_build_info{arch="' in metrics
    assert f'version="{cache.version_of("external-dns")}"' in metrics
