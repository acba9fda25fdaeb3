"""The whole lab on this machine, as a user drives it: stood up, looked at, changed, taken away."""

import io
import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
import yaml

from components.external_dns import GRACE_NAME, GRACE_SECONDS
from rehearsal import aws_cli_2
from tests.rehearsal.conftest import Lab

ZONES = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]
PASSWORD = "not-so-secret-9f3b"


def test_a_preview_of_nothing_leaves_nothing(lab: Lab):
    lab("status", code=3)
    seen = lab.json("preview")
    assert set(seen["counts"]) == {"create"}
    assert lab.left_running() == []
    assert not lab.world.exists()


@pytest.fixture(scope="module")
def up(lab: Lab) -> Lab:
    """A lab that stands."""
    lab("up")
    return lab


def test_a_second_up_and_a_preview_show_no_change(up: Lab):
    assert set(up.json("preview")["counts"]) == {"same"}
    assert set(up.json("up")["changes"]) == {"same"}


def test_status_tells_what_stands(up: Lab):
    seen = up.json("status")
    assert seen["status"] == "ACTIVE"
    assert seen["endpoint"].startswith("https://127.0.0.1:")
    assert [node["zone"] for node in seen["nodes"]] == ZONES
    assert all(node["ready"] for node in seen["nodes"])
    assert {a["name"] for a in seen["addons"] if a["status"] == "ACTIVE"} == {
        "vpc-cni",
        "kube-proxy",
        "coredns",
        "metrics-server",
        "aws-ebs-csi-driver",
        "eks-pod-identity-agent",
    }
    assert {r["state"] for r in seen["releases"]} == {"recorded: its chart could not be had"}
    assert {r["change"] for r in seen["releases"]} == {"./lab up"}
    assert {"aws-load-balancer-controller", "kube-ops-view", "kube-prometheus-stack"} == {
        r["chart"] for r in seen["releases"]
    }
    assert 0 < seen["up_for_seconds"] < 3600


def test_the_notes_variables_are_set(up: Lab):
    names = (
        "CLUSTER_NAME VPCID PubSubnet1 PubSubnet2 PubSubnet3 N1 N2 N3 ACCOUNT_ID CERT_ARN MyDomain MyDnzHostedZoneId"
    )
    shown = dict(line.split("=", 1) for line in up.sh(f"for n in {names}; do eval echo $n=\\$$n; done").splitlines())
    assert shown["CLUSTER_NAME"] == "myeks"
    assert shown["VPCID"].startswith("vpc-")
    assert len({shown[f"PubSubnet{n}"] for n in (1, 2, 3)}) == 3
    assert len({shown[f"N{n}"] for n in (1, 2, 3)} - {""}) == 3
    assert re.fullmatch(r"\d{12}", shown["ACCOUNT_ID"])


def test_the_notes_ec2_commands_answer_as_on_aws(up: Lab):
    assert (
        up.sh(
            'test "$(aws ec2 describe-vpcs --filters "Name=tag:Name,Values=$CLUSTER_NAME-VPC" '
            "--query 'Vpcs[*].VpcId' --output text)\" = $VPCID && echo same"
        )
        == "same\n"
    )
    subnet = "aws ec2 describe-subnets --filters Name=tag:Name,Values=$CLUSTER_NAME-Vpc1PublicSubnet2"
    assert (
        up.sh(f'test "$({subnet} --query "Subnets[0].[SubnetId]" --output text)" = $PubSubnet2 && echo same')
        == "same\n"
    )
    node = up.sh(
        'aws ec2 describe-instances --filters "Name=tag:Name,Values=$CLUSTER_NAME-ng1-Node" '
        '"Name=availability-zone,Values=ap-northeast-2c" '
        "--query 'Reservations[*].Instances[*].PublicIpAddress' --output text"
    )
    assert node.strip() == up.sh("echo $N3").strip()
    groups = json.loads(up.sh('aws ec2 describe-security-groups --filters "Name=group-name,Values=*remoteAccess*"'))
    (group,) = groups["SecurityGroups"]
    assert {r["CidrIp"] for p in group["IpPermissions"] if p["IpProtocol"] == "-1" for r in p["IpRanges"]} == {
        "172.20.1.100/32",
        "172.20.1.200/32",
    }


def test_options_of_aws_cli_2_are_taken(up: Lab):
    """On machines for which AWS publishes version 2 as a package; elsewhere the shell has version 1."""
    if aws_cli_2.installed() is None:
        pytest.skip("version 2 cannot be had here")
    shown = up.sh("aws ec2 describe-vpcs --region ap-northeast-2 --output table --no-cli-pager")
    assert "DescribeVpcs" in shown
    shown = up.sh("aws sts get-caller-identity --output yaml --no-cli-auto-prompt")
    assert "user/" in yaml.safe_load(shown)["Arn"]
    assert up.sh("aws configure list-profiles").split() == ["default"]
    assert "AWS_ACCESS_KEY_ID" in up.sh("aws configure export-credentials --format env")
    assert up.sh("kubectl auth whoami")


def test_the_notes_kubectl_commands_answer_as_on_eks(up: Lab):
    nodes = up.sh(
        "kubectl get node --no-headers --label-columns=node.kubernetes.io/instance-type,"
        "eks.amazonaws.com/capacityType,topology.kubernetes.io/zone"
    ).splitlines()
    assert sorted(line.split()[-1] for line in nodes) == ZONES
    assert {tuple(line.split()[-3:-1]) for line in nodes} == {("t3.medium", "ON_DEMAND")}
    classes = json.loads(up.sh("kubectl get sc -o json"))["items"]
    default = "storageclass.kubernetes.io/is-default-class"
    assert [c["metadata"]["name"] for c in classes if c["metadata"].get("annotations", {}).get(default) == "true"] == [
        "gp3"
    ]
    assert "system:masters" in up.sh("kubectl describe clusterrolebindings cluster-admin")
    assert "arn:aws:iam::111122223333:user/operator" in up.sh("kubectl auth whoami")
    assert "kubernetes" in up.sh("kubectl get ingress,svc -A")


def test_the_notes_eks_commands_answer_as_on_eks(up: Lab):
    said = up.sh(
        "export KUBECONFIG=$(mktemp); aws eks update-kubeconfig --name $CLUSTER_NAME --user-alias someone && "
        "kubectl config view -o jsonpath='{.users[0].name}' && kubectl get ns kube-system -o name"
    )
    assert "Added new context" in said
    assert "someone" in said
    assert "namespace/kube-system" in said
    token = json.loads(up.sh("aws eks get-token --cluster-name $CLUSTER_NAME"))["status"]["token"]
    assert token.startswith("k8s-aws-v1.")


def test_whoami_of_the_operator(up: Lab):
    me = up.json("whocan", "me")
    assert ":user/operator" in json.dumps(me)


def test_the_plan_of_the_standing_lab_is_that_of_a_new_one_and_within_a_tenth_of_the_bound(up: Lab):
    before = up.state()
    plan = up.json("plan")
    assert up.state() == before
    for way in ("up", "down"):
        assert 1 <= plan[way]["ratio"] <= 1.1
        assert plan[way]["predictedSeconds"] > plan[way]["boundSeconds"] > 600


def test_a_lifetime_makes_appointments_with_aws_and_can_be_moved(up: Lab):
    def starts() -> set[str]:
        found = up.sh("aws scheduler list-schedules --query 'Schedules[].Name' --output text").split()
        return {
            up.sh(f"aws scheduler get-schedule --name {name} --query StartDate --output text").strip() for name in found
        }

    up("up", "--ttl", "4h")
    (first,) = starts()
    ends = up.json("status")["expires"]
    assert "ends by itself" in up("status").stdout
    up("up", "--ttl", "6h")
    (second,) = starts()
    assert up.json("status")["expires"] > ends
    assert first != second
    up("up", "--ttl", "none")
    assert starts() == set()
    assert up.json("status")["expires"] == ""


def test_the_shell_has_the_lab_itself(up: Lab):
    assert re.fullmatch(r"lab [\d.]+\n", up.sh("cd / && lab --version"))
    assert json.loads(up.sh("cd / && lab status --json"))["status"] == "ACTIVE"
    # Its AWS is not that of another stack.
    assert "Leave it with exit" in up.sh("lab sweep -s dev", code=2)


def test_the_lab_can_be_called_by_a_link(up: Lab, tmp_path: Path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "by").symlink_to(up.checkout)
    (tmp_path / "bin/named").symlink_to("../by/lab")
    (tmp_path / "bin/lab").symlink_to(tmp_path / "bin/named")
    ended = subprocess.run([tmp_path / "bin/lab", "--version"], env=up.env, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_plan_of_another_region_leaves_the_standing_lab_alone(up: Lab):
    before = up.state()
    settings = {
        "aws:region": "eu-central-1",
        "aws:profile": "study",
        "myeks:grafanaAdminPassword": {"secure": "v1:AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    }
    file = up.checkout / "Pulumi.study.yaml"
    file.write_text(yaml.safe_dump({"encryptionsalt": "v1:AAAAAAAAAAA=:v1:AAAAAAAAAAAAAAAA:AAAA", "config": settings}))
    assert up.json("plan", "-s", "study")["up"]["predictedSeconds"] > 600
    assert up.state() == before
    assert [path.name for path in up.world.parent.iterdir() if path.name.startswith("world")] == ["world"]
    assert not [line for line in up.processes() if "eu-central-1" in line]


def test_charts_are_written_where_the_user_is(up: Lab):
    assert up.sh("cd $(mktemp -d) && lab plan --svg charts >/dev/null && ls charts") == "down.svg\nup.svg\n"


def test_another_region_is_told_while_the_lab_stands(up: Lab):
    try:
        settings = yaml.safe_load(up.settings_file.read_text())
        settings["config"]["aws:region"] = "eu-central-1"
        up.settings_file.write_text(yaml.safe_dump(settings))
        said = up("preview", code=1).stderr
        assert "runs in ap-northeast-2, and aws:region says eu-central-1. Run ./lab down first" in said
    finally:
        up.reset()


def test_a_token_for_another_cluster_is_refused(up: Lab):
    said = up.sh(
        "T=$(aws eks get-token --cluster-name other --query status.token --output text); "
        "kubectl --kubeconfig /dev/null --server $(kubectl config view -o jsonpath='{.clusters[0].cluster.server}') "
        "--insecure-skip-tls-verify --token $T get ns",
        code=1,
    )
    assert "Unauthorized" in said or "must be logged in" in said


def test_shell_passes_the_commands_exit_code_on(up: Lab):
    up("shell", "--", "sh", "-c", "exit 7", code=7)
    assert "no command" in up("shell", "--", "no-such-command-here", code=2).stderr


CHANGES = [
    ("NAT gateway", {"natGateway": True}, {("create", "aws:NatGateway"), ("create", "aws:Eip")}),
    (
        "a fourth node",
        {"nodeGroup": {"desiredSize": 4, "maxSize": 4}},
        {("update", "aws:NodeGroup")},
    ),
    ("a chart value", {"grafanaAdminPassword": PASSWORD}, {("update", "kubernetes:Release")}),
    ("extended support", {"supportType": "EXTENDED"}, {("update", "aws:Cluster")}),
    ("no ops servers' operator", {"operatorCidrs": None}, {("delete", "aws:SecurityGroupIngressRule")}),
]


def inputs(lab: Lab) -> dict[str, str]:
    """URN → inputs; a secret's cipher text differs each time that it is written, so it is left out."""
    text = {r["urn"]: json.dumps(r.get("inputs"), sort_keys=True) for r in lab.state()["resources"]}
    return {urn: re.sub(r'"ciphertext": "[^"]*"', "", one) for urn, one in text.items()}


@pytest.mark.parametrize(("settings", "expected"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_change_is_shown_applied_and_taken_back(up: Lab, settings: dict[str, object], expected: set[tuple[str, str]]):
    before = inputs(up)
    try:
        up.set(**settings)
        previewed = {(c["operation"], c["type"]) for c in up.json("preview")["changes"]}
        assert expected <= previewed
        assert not any(operation == "replace" for operation, _ in previewed)
        assert any(op != "same" for op in up.json("up")["changes"])
        assert set(up.json("preview")["counts"]) == {"same"}
        if "nodeGroup" in settings:
            assert len(up.json("status")["nodes"]) == 4
        if "grafanaAdminPassword" in settings:
            for file in up.world.rglob("*"):
                if file.is_file() and not file.is_symlink():
                    assert PASSWORD.encode() not in file.read_bytes(), file
    finally:
        up.reset()
    up("up")
    assert set(up.json("preview")["counts"]) == {"same"}
    assert inputs(up) == before


_GONE = "; ".join(
    f"until ! kubectl get {what} -o name 2>/dev/null | grep -q .; do sleep 0.3; done; date +%s.%N"
    for what in ("ingress --all-namespaces", f"deployment --namespace kube-system {GRACE_NAME}")
)
"""Prints when there are no Ingresses any more, and when the Deployment is gone."""


def test_with_a_domain_the_pages_are_published_and_taken_back(up: Lab):
    before = inputs(up)
    up.has("external-dns")
    zone = up.sh(
        "aws route53 create-hosted-zone --name lab.example.com --caller-reference one "
        "--query HostedZone.Id --output text"
    ).strip()
    certificate = up.sh(
        "aws acm request-certificate --domain-name '*.lab.example.com' --validation-method DNS "
        "--query CertificateArn --output text"
    ).strip()
    try:
        up.set(domain="lab.example.com", hostedZoneId=zone.removeprefix("/hostedzone/"), certificateArn=certificate)
        up("up", timeout=420)
        ingresses = json.loads(up.sh("kubectl get ingress -A -o json"))["items"]
        assert {i["spec"]["rules"][0]["host"] for i in ingresses} == {
            f"{name}.lab.example.com" for name in ("kubeopsview", "prometheus", "grafana")
        }
        key = "alb.ingress.kubernetes.io"
        for ingress in ingresses:
            annotations = ingress["metadata"]["annotations"]
            assert annotations[f"{key}/group.name"] == "study"
            assert annotations[f"{key}/load-balancer-name"] == "myeks-ingress-alb"
            assert annotations[f"{key}/certificate-arn"] == certificate
        status = up.json("status")
        assert status["pages"]["grafana"]["url"] == "https://grafana.lab.example.com"
        assert "external-dns" in {release["chart"] for release in status["releases"]}
        assert set(up.json("preview")["counts"]) == {"same"}
        assert up.sh("echo $MyDomain $CERT_ARN").split() == ["lab.example.com", certificate]
        ready = up.sh(f"kubectl -n kube-system get deployment {GRACE_NAME} -o jsonpath={{.status.readyReplicas}}")
        assert ready == "1"
    finally:
        up.reset()
        watch = up.start("shell", "--", "sh", "-c", f"echo watching; {_GONE}")
        # The shell has begun, with the outputs of before.
        assert "watching" in (watch.stdout or io.StringIO()).readline()
        up("up", timeout=420)
        times, _ = watch.communicate(timeout=180)
        up.sh(
            f"aws route53 delete-hosted-zone --id {zone} && aws acm delete-certificate --certificate-arn {certificate}"
        )
    assert inputs(up) == before
    # The engine waits between the Ingresses and ExternalDNS until the pod that takes its time is gone.
    ingresses, grace = (float(time) for time in times.split())
    assert grace - ingresses > GRACE_SECONDS - 2


def test_a_hosted_zone_of_another_domain_is_told_before_anything_is_made(up: Lab):
    before = inputs(up)
    arn = "arn:aws:acm:ap-northeast-2:111122223333:certificate/00000000-0000-4000-8000-000000000001"
    try:
        up.set(domain="lab.example.com", hostedZoneId="Z0123456789ABCDEFGHIJ", certificateArn=arn)
        said = up("up", code=1).stderr
        assert "myeks:hostedZoneId" in said
        assert "Traceback" not in said
    finally:
        up.reset()
    assert inputs(up) == before


def test_no_secret_is_in_the_state_or_the_logs(up: Lab):
    known = [
        (up.world / "pulumi/passphrase").read_text().strip(),
        (up.world / "secret").read_text().strip(),
        *re.findall(r"aws_secret_access_key\s*=\s*(\S+)", (up.world / "aws/credentials").read_text()),
    ]
    assert len(known) == 3
    assert all(len(secret) > 8 for secret in known)
    places = [
        *(up.world / "pulumi/backend").rglob("*"),
        *(up.world / "log").rglob("*"),
        *(up.world / "clusters").rglob("*.log"),
    ]
    for file in places:
        if file.is_file():
            content = file.read_bytes()
            assert not any(secret.encode() in content for secret in known), file
    for line in up.processes():
        assert not any(secret in line for secret in known)


def test_bad_settings_are_told_all_at_once_and_nothing_is_touched(up: Lab):
    before = up.state()
    try:
        up.set(natGateway="maybe", vpcCdr="10.0.0.0/16", domain="example.com", kubernetesVersion="1.20")
        said = up("up", code=2).stderr
        for key in ("natGateway", "vpcCdr", "hostedZoneId", "certificateArn", "kubernetesVersion"):
            assert f"myeks:{key}" in said
        assert "Traceback" not in said
    finally:
        up.reset()
    assert up.state() == before


class Page:
    """`lab page`, and a browser of a few lines."""

    def __init__(self, lab: Lab) -> None:
        self.process = lab.start("page", "--no-open")
        said = (self.process.stdout or io.StringIO()).readline()
        self.origin, _, self.way = said.rpartition(" ")[2].strip().partition("/enter")
        self.cookie = ""

    def ask(self, path: str, *, origin: str = "", **headers: str) -> tuple[int, str]:
        """Status and content; a POST where an origin is given."""
        sent = {"Cookie": self.cookie, **headers, **({"Origin": origin} if origin else {})}
        request = Request(f"{self.origin}{path}", method="POST" if origin else "GET", headers=sent)  # noqa: S310
        try:
            with build_opener(NoRedirect).open(request, timeout=60) as answer:
                self.cookie = answer.headers.get("Set-Cookie", self.cookie).partition(";")[0]
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def ended(self) -> tuple[int, str]:
        """Exit code, and what it has said."""
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said


class NoRedirect(HTTPRedirectHandler):
    """The address that a button leads to is asked by the test."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None: ...


def test_the_page_shows_the_lab_to_the_browser_that_it_opened(up: Lab):
    page = Page(up)
    try:
        assert page.ask("/")[0] == 403
        assert page.ask(f"/enter{page.way}")[0] == 200
        seen = page.ask("/")[1]
        assert all(told in seen for told in (*ZONES, "myeks-VPC", "myeks-OpsVPC", "myeks-ng1-Node", "ACTIVE"))
        assert page.ask("/", Host="evil.example")[0] == 421
        assert page.ask("/exercises/rbac/hint", origin="http://evil.example")[0] == 403
        assert page.ask("/exercises/rbac/hint", origin=page.origin)[0] == 303
        # It goes on until the command has said why it cannot.
        end = time.monotonic() + 60
        while "hint rbac: failed" not in (told := page.ask("/exercises/rbac")[1]) and time.monotonic() < end:
            time.sleep(0.2)
        assert "rbac is not in play. Begin it with ./lab play rbac." in told
        up("page", "--port", page.origin.rpartition(":")[2], code=2)
    finally:
        page.process.send_signal(signal.SIGINT)
    code, said = page.ended()
    assert code == 0
    assert "Traceback" not in said


def test_down_leaves_nothing(up: Lab):
    page = Page(up)
    # It has seen the lab before it goes.
    page.ask(f"/enter{page.way}")
    page.ask("/exercises")
    assert "Nothing is left" in up("down").stderr
    code, said = page.ended()
    assert (code, "The lab is down" in said) == (0, True)
    assert not up.world.exists()
    assert up.left_running() == []
    assert list(up.home.rglob("*")) == []
    up("status", code=3)
    up("down")
