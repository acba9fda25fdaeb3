"""The stack's outputs: all there, none secret."""

import pytest

from exercises.catalogue import EXERCISES
from infra import versions
from tests.unit.conftest import CERTIFICATE, DOMAIN, PASSWORD, ZONE_ID
from tests.unit.mocks import ACCOUNT, ISSUER_HOST, REGION, Graph

NAMES = {
    "accountId",
    "addons",
    "certificateArn",
    "clusterName",
    "domain",
    "exerciseRoleArns",
    "exercises",
    "expires",
    "grafanaPasswordCommand",
    "hostedZoneId",
    "kubeconfig",
    "kubeconfigCommand",
    "kubernetesVersion",
    "maxPods",
    "nodeGroupName",
    "nodePublicIpsCommand",
    "oidcIssuer",
    "oidcProviderArn",
    "opsServerInstanceIds",
    "opsServerPrivateIps",
    "opsServerPublicIps",
    "pages",
    "privateSubnetIds",
    "publicSubnetIds",
    "region",
    "releases",
    "testuserArn",
    "vpcId",
}


@pytest.mark.parametrize("graph", ["default", "full", "bare"])
def test_every_output_is_there_and_none_is_secret(graph: str, request: pytest.FixtureRequest) -> None:
    outputs = request.getfixturevalue(graph).outputs
    assert outputs.keys() == NAMES
    assert [name for name, output in outputs.items() if output.secret] == []
    assert [name for name, output in outputs.items() if output.value is None] == []
    assert PASSWORD not in str(outputs)


def test_what_the_study_note_exports_by_hand(full: Graph) -> None:
    value = {name: output.value for name, output in full.outputs.items()}
    assert value["clusterName"] == "myeks"
    assert value["accountId"] == ACCOUNT
    assert value["region"] == REGION
    assert value["vpcId"] == "network-vpc-id"
    assert value["publicSubnetIds"] == [f"network-public-{n}-id" for n in (1, 2, 3)]
    assert value["nodeGroupName"] == "ng1"
    assert value["maxPods"] == 100
    assert value["certificateArn"] == CERTIFICATE
    assert value["domain"] == DOMAIN
    assert value["hostedZoneId"] == ZONE_ID
    assert value["kubeconfigCommand"] == f"aws eks update-kubeconfig --region {REGION} --name myeks"
    assert value["opsServerPrivateIps"] == ["172.20.1.100", "172.20.1.200"]
    assert len(value["opsServerPublicIps"]) == len(value["opsServerInstanceIds"]) == 2
    assert value["oidcIssuer"] == f"https://{ISSUER_HOST}"
    assert value["oidcProviderArn"].startswith(f"arn:aws:iam::{ACCOUNT}:")


def test_absent_values_are_empty(bare: Graph) -> None:
    value = {name: output.value for name, output in bare.outputs.items()}
    for name in ("certificateArn", "domain", "hostedZoneId", "grafanaPasswordCommand"):
        assert value[name] == ""
    for name in ("opsServerPublicIps", "opsServerPrivateIps", "opsServerInstanceIds"):
        assert value[name] == []
    assert value["pages"] == {}


def test_pages_are_urls_with_a_domain_and_port_forwards_without(full: Graph, default: Graph) -> None:
    assert full.outputs["pages"].value == {
        "kubeopsview": {"url": f"https://kubeopsview.{DOMAIN}/#scale=1.5"},
        "prometheus": {"url": f"https://prometheus.{DOMAIN}"},
        "grafana": {"url": f"https://grafana.{DOMAIN}"},
    }
    assert default.outputs["pages"].value == {
        "kubeopsview": {"portForward": "kubectl port-forward --namespace kube-system service/kube-ops-view 8080:8080"},
        "prometheus": {
            "portForward": "kubectl port-forward --namespace monitoring"
            " service/kube-prometheus-stack-prometheus 9090:9090"
        },
        "grafana": {
            "portForward": "kubectl port-forward --namespace monitoring service/kube-prometheus-stack-grafana 3000:80"
        },
    }


def test_releases_and_addons_are_told_with_their_versions(full: Graph) -> None:
    releases = full.outputs["releases"].value
    assert [(one["chart"], one["version"]) for one in releases] == [
        (chart.name, chart.version) for chart in versions.CHARTS
    ]
    assert {one["namespace"] for one in releases} == {"kube-system", "monitoring"}
    assert {one["name"] for one in full.outputs["addons"].value} == set(versions.ADDONS)


def test_password_command_reads_the_charts_own_secret(default: Graph) -> None:
    command = default.outputs["grafanaPasswordCommand"].value
    assert "--namespace monitoring kube-prometheus-stack-grafana" in command
    assert command.endswith("| base64 --decode")


def test_exercises_are_told_as_configured(full: Graph, default: Graph) -> None:
    off = {"rbac": "off", "identityMapping": "off", "irsa": "off", "podIdentity": "off"}
    aws = {"k07": "closed", "k08": "closed", "crypto": "closed"}
    last = {"rbac": "after", "identityMapping": "entry", "irsa": "on", "podIdentity": "on", **aws}
    others = {one.key: "off" for one in EXERCISES.values() if one.key not in off}
    for graph, stands in ((default, off), (full, last)):
        assert graph.outputs["exercises"].value == {**others, **stands, "testuserBoundary": True}
    assert [graph.outputs["testuserArn"].value for graph in (default, full)] == [
        "",
        f"arn:aws:iam::{ACCOUNT}:user/testuser",
    ]
    assert default.outputs["exerciseRoleArns"].value == {}
    assert full.outputs["exerciseRoleArns"].value == {
        "irsa": f"arn:aws:iam::{ACCOUNT}:role/irsa-sa-role",
        "podIdentity": f"arn:aws:iam::{ACCOUNT}:role/pod-identity-sa-role",
    }
