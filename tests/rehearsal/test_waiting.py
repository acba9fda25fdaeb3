"""What `down` says of what does not go: an Ingress without its controller, and a namespace that is kept."""

import json
import time
from pathlib import Path

from tests.rehearsal.conftest import Lab
from tests.rehearsal.test_killed_on_aws import Mine

WITHIN = 15.0
"""Seconds in which a user hears what is waited for."""

KEPT = "example.com/kept"
OWED = "group.ingress.k8s.aws/study"
MAP = "-n monitoring configmap/kept"
INGRESS = "-n monitoring ingress/shop"


def finalizers(lab: Lab, what: str, *names: str) -> None:
    patch = json.dumps({"metadata": {"finalizers": names or None}})
    lab.sh(f"kubectl patch {what} --type merge --patch '{patch}'")


def test_down_says_what_it_waits_for_and_goes_on_with_consent(lab: Lab):
    lab("up")
    # In a namespace of the stack, which cannot go before them.
    lab.sh("kubectl -n monitoring create ingress shop --rule='shop.example.com/*=shop:80'")
    lab.sh("kubectl -n monitoring create configmap kept")
    finalizers(lab, INGRESS, OWED)
    finalizers(lab, MAP, KEPT)
    before = lab.state()["resources"]

    began = time.monotonic()
    said = lab("down", code=1).stderr
    took = time.monotonic() - began
    assert f"monitoring/shop  finalizer {OWED}" in said
    assert "the AWS Load Balancer Controller, which has no ready pod" in said
    assert "run ./lab down --yes" in said
    assert took < WITHIN
    assert lab.state()["resources"] == before

    going = lab.start("down", "--yes")
    assert going.stdout
    line = next((each for each in going.stdout if "kubernetes:Namespace" in each and "waits for" in each), "")
    finalizers(lab, MAP)
    rest = going.communicate(timeout=120)[0]
    assert f"{KEPT} in 1 resource instances" in line
    # The Ingress is no obstacle any more.
    assert OWED not in line
    assert "being deleted for 1" in line  # 10 to 19 s
    assert "Nothing is left: no resource" in rest
    assert going.returncode == 0


def test_on_aws_it_is_told_beside_what_pulumi_says(lab: Lab, tmp_path: Path):
    mine = Mine(lab, tmp_path)
    # The charts' repositories are not reached from here: the network stands, and some of the rest.
    mine("up", "--yes", code=None)
    named = "Name=tag:Name,Values=myeks-Vpc1PublicSubnet1"
    subnets = ("describe-subnets", "--filters", named, "--query", "Subnets[0].SubnetId")
    subnet = mine.run("aws", "ec2", *subnets, "--output", "text").stdout.strip()
    making = ("create-network-interface", "--subnet-id", subnet, "--description", "of a test")
    asked = ("--query", "NetworkInterface.NetworkInterfaceId", "--output", "text")
    interface = mine.run("aws", "ec2", *making, *asked).stdout.strip()
    going = mine.start("down", "--yes")
    assert going.stdout
    line = next((each for each in going.stdout if "aws:Subnet" in each and "waits for" in each), "")
    # The stand-in of the AWS provider gives up after some seconds.
    going.communicate(timeout=180)
    assert f"waits for network interface {interface} (of a test)" in line
    assert "being deleted for 1" in line
