"""What `down` says of what does not go: an Ingress without its controller, and a namespace that is kept."""

import time

from tests.rehearsal.conftest import Lab

WITHIN = 15.0
"""Seconds in which a user hears what is waited for."""

KEPT = "example.com/kept"
OWED = "group.ingress.k8s.aws/study"
MAP = "-n monitoring configmap/kept"


def test_down_says_what_it_waits_for_and_goes_on_with_consent(lab: Lab):
    lab("up")
    zone = lab.sh(
        "aws route53 create-hosted-zone --name lab.example.com --caller-reference one "
        "--query HostedZone.Id --output text"
    ).strip()
    certificate = lab.sh(
        "aws acm request-certificate --domain-name '*.lab.example.com' --validation-method DNS "
        "--query CertificateArn --output text"
    ).strip()
    lab.set(domain="lab.example.com", hostedZoneId=zone.removeprefix("/hostedzone/"), certificateArn=certificate)
    lab("up")
    lab.sh(
        "kubectl -n monitoring create configmap kept && "
        f'kubectl patch {MAP} --type merge -p \'{{"metadata":{{"finalizers":["{KEPT}"]}}}}\' && '
        "kubectl get ingress -A --no-headers | while read namespace name _; "
        "do kubectl -n $namespace patch ingress $name --type merge "
        f'-p \'{{"metadata":{{"finalizers":["{OWED}"]}}}}\'; done'
    )
    before = lab.state()["resources"]

    began = time.monotonic()
    said = lab("down", code=1).stderr
    took = time.monotonic() - began
    assert OWED in said
    assert "the AWS Load Balancer Controller, which has no ready pod" in said
    assert "./lab down --yes" in said
    assert took < WITHIN
    assert lab.state()["resources"] == before

    going = lab.start("down", "--yes")
    assert going.stdout
    line = next((each for each in going.stdout if "kubernetes:Namespace" in each and "waits for" in each), "")
    lab.sh(f'kubectl patch {MAP} --type merge -p \'{{"metadata":{{"finalizers":null}}}}\'')
    rest = going.communicate(timeout=120)[0]
    assert f"{KEPT} in 1 resource instances" in line
    assert "being deleted for 1" in line  # 10 to 19 s
    assert "Nothing is left: no resource" in rest
    assert going.returncode == 0
