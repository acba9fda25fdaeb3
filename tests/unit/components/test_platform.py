"""What runs in the cluster: add-ons, storage, controller, DNS, views, monitoring, web pages."""

import json
from typing import Any

import pulumi
import pytest
import yaml

from components.controller_tags import controller_tags
from components.monitoring import Monitoring, MonitoringArgs, values
from infra import versions
from tests.unit.conftest import CERTIFICATE, DOMAIN, LAB, OPERATOR, PASSWORD, ZONE_ID, stack
from tests.unit.mocks import REGION, Graph, run


def _release(graph: Graph, name: str) -> dict[str, Any]:
    return graph.named(f"{name}-release").inputs


def test_addons(default: Graph) -> None:
    addons = {addon.inputs["addonName"]: addon.inputs for addon in default.of("eks/addon:Addon")}
    # vpc-cni and kube-proxy come with the cluster.
    assert addons.keys() == {"coredns", "metrics-server", "aws-ebs-csi-driver", "eks-pod-identity-agent"}
    for name, inputs in addons.items():
        assert inputs["addonVersion"] == f"v1.0.0-{name}"
        assert inputs["resolveConflictsOnCreate"] == inputs["resolveConflictsOnUpdate"] == "OVERWRITE"
    # The volumes that it makes are known as the lab's.
    assert json.loads(addons["aws-ebs-csi-driver"]["configurationValues"]) == {"controller": {"extraVolumeTags": LAB}}


BREAK_AN_ARGUMENT = {
    "a=b": "c",
    "Cost": "center: 7",
    "cost: center": "7",
    "Path": "team:",
    "Space": "at its end ",
    "Line": "one\u2028two",
}
HOLD_IN_ONE = {"Team": "x = y", "Time": "10:30", "a:b": ":c", "colon:": "before the sign", "Empty": "", " first": " b"}


def test_a_tag_that_would_break_a_controllers_argument_is_not_handed_on() -> None:
    graph = stack({"tags": BREAK_AN_ARGUMENT | HOLD_IN_ONE})
    told = _release(graph, "lbc")["values"]["defaultTags"]
    assert told == {**LAB, **HOLD_IN_ONE}
    addons = {addon.inputs["addonName"]: addon.inputs for addon in graph.of("eks/addon:Addon")}
    settings = json.loads(addons["aws-ebs-csi-driver"]["configurationValues"])
    assert settings == {"controller": {"extraVolumeTags": told}}
    # What the stack makes itself has them all.
    assert graph.named("cluster-logs").inputs["tags"] == {**LAB, **HOLD_IN_ONE, **BREAK_AN_ARGUMENT}


@pytest.mark.parametrize("last", ["Team", "Time", "a:b", "colon:", "Empty"])
def test_what_is_handed_on_survives_unquoted_yaml_wherever_it_stands(last: str) -> None:
    """The chart's own line: `- --default-tags=` with every name=value and a comma between them, unquoted."""
    tags = {name: value for name, value in HOLD_IN_ONE.items() if name != last} | {last: HOLD_IN_ONE[last]}
    csv = ",".join(f"{name}={value}" for name, value in controller_tags(tags | BREAK_AN_ARGUMENT).items())
    assert yaml.safe_load(f"args:\n- --default-tags={csv}\n") == {"args": [f"--default-tags={csv}"]}


def test_addon_versions_are_the_defaults_of_the_clusters_version(default: Graph) -> None:
    asked = [args for token, args in default.invokes if token == "aws:eks/getAddonVersion:getAddonVersion"]
    assert sorted(args["addonName"] for args in asked) == sorted(versions.ADDONS)
    assert {(args["kubernetesVersion"], args["mostRecent"]) for args in asked} == {("1.36", False)}


@pytest.mark.parametrize(
    ("name", "account", "policy"),
    [
        ("node-addons-vpc-cni", "aws-node", "AmazonEKS_CNI_Policy"),
        ("addons-ebs-csi", "ebs-csi-controller-sa", "service-role/AmazonEBSCSIDriverPolicy"),
    ],
)
def test_addon_with_a_role_of_its_own(default: Graph, name: str, account: str, policy: str) -> None:
    association = default.named(f"{name}-association").inputs
    assert association["namespace"] == "kube-system"
    assert association["serviceAccount"] == account
    assert association["roleArn"].endswith(f"role/{name}-role")
    attached = [
        one.inputs["policyArn"] for one in default.of(":RolePolicyAttachment") if one.inputs["role"] == f"{name}-role"
    ]
    assert attached == [f"arn:aws:iam::aws:policy/{policy}"]


def test_a_policy_with_a_configmap_as_parameter_always_stands_and_decides_nothing(bare: Graph) -> None:
    """Else the API server stops to watch ConfigMaps for policies, and never begins again."""
    policy = bare.one(":ValidatingAdmissionPolicy").inputs
    binding = bare.one(":ValidatingAdmissionPolicyBinding").inputs
    assert policy["spec"]["paramKind"] == {"apiVersion": "v1", "kind": "ConfigMap"}
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert binding["spec"]["paramRef"]["parameterNotFoundAction"] == "Allow"
    assert binding["spec"]["validationActions"] == ["Audit"]
    (label,) = binding["spec"]["matchResources"]["namespaceSelector"]["matchLabels"].items()
    assert label == ("kubernetes.io/metadata.name", binding["metadata"]["name"]), "a namespace that nobody has"


def test_gp3_is_the_one_default_class(default: Graph) -> None:
    storage = default.one(":StorageClass").inputs
    assert storage["metadata"]["name"] == "gp3"
    assert storage["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert storage["provisioner"] == "ebs.csi.aws.com"
    assert storage["allowVolumeExpansion"] is True
    assert storage["volumeBindingMode"] == "WaitForFirstConsumer"
    assert storage["parameters"] == {
        "type": "gp3",
        "allowAutoIOPSPerGBIncrease": "true",
        "encrypted": "true",
        "fsType": "xfs",
    }


def test_releases_are_pinned_and_waited_for(full: Graph) -> None:
    releases = full.of(":Release")
    assert len(releases) == 4
    for release in releases:
        chart = next(one for one in versions.CHARTS if one.name == release.inputs["chart"])
        assert release.inputs["version"] == chart.version
        assert release.inputs["repositoryOpts"] == {"repo": chart.repository}
        assert release.inputs["name"] == chart.name
        assert "skipAwait" not in release.inputs


def test_controller_is_told_its_cluster_and_uses_the_account_made_beforehand(default: Graph) -> None:
    release = _release(default, "lbc")
    assert release["namespace"] == "kube-system"
    assert release["values"] == {
        "clusterName": "myeks",
        "vpcId": "network-vpc-id",
        "region": REGION,
        "serviceAccount": {"create": False, "name": "aws-load-balancer-controller"},
        "enableServiceMutatorWebhook": False,
        # Its load balancers are known as the lab's, too.
        "defaultTags": LAB,
    }
    account = default.one(":ServiceAccount").inputs["metadata"]
    assert account["name"] == "aws-load-balancer-controller"
    assert account["namespace"] == "kube-system"
    assert account["annotations"]["eks.amazonaws.com/role-arn"].endswith("role/lbc-irsa-role")


def test_external_dns_keeps_one_zone(full: Graph) -> None:
    chosen = _release(full, "dns")["values"]
    assert chosen["provider"] == {"name": "aws"}
    # The zone by its id: beside one below the domain, and where the domain lies below the zone.
    assert chosen["extraArgs"] == {
        "aws-zone-type": "public",
        "zone-id-filter": ZONE_ID,
        "aws-zone-match-parent": True,
    }
    assert chosen["sources"] == ["service", "ingress"]
    assert chosen["domainFilters"] == [DOMAIN]
    assert chosen["policy"] == "sync"
    assert chosen["registry"] == "txt"
    assert chosen["txtOwnerId"] == ZONE_ID
    assert chosen["deploymentStrategy"] == {"type": "Recreate"}
    annotations = chosen["serviceAccount"]["annotations"]
    assert annotations["eks.amazonaws.com/role-arn"].endswith("role/dns-irsa-role")
    policy = json.loads(full.named("dns-irsa-policy").inputs["policy"])
    changing = [s for s in policy["Statement"] if "route53:ChangeResourceRecordSets" in s["Action"]]
    assert [s["Resource"] for s in changing] == [[f"arn:aws:route53:::hostedzone/{ZONE_ID}"]]


def test_a_pod_that_takes_its_time_to_end_gives_external_dns_its_last_loop(full: Graph) -> None:
    spec = full.named("dns-grace-period").inputs["spec"]
    assert spec["replicas"] == 1
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    # 5 s after an event, one for its clock, and calls to Route 53.
    assert waits >= 15
    # A hook that outlasts the grace period is cut off.
    assert pod["terminationGracePeriodSeconds"] > waits
    # With these the engine would not wait for its end, or not for its pod's.
    assert "annotations" not in full.named("dns-grace-period").inputs["metadata"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True


def test_no_external_dns_without_a_domain(default: Graph) -> None:
    assert not default.of("apps/v1:Deployment")
    assert not [release for release in default.of(":Release") if release.inputs["chart"] == "external-dns"]
    assert not [role for role in default.of("iam/role:Role") if role.name.startswith("dns")]


def test_ops_view_serves_port_8080_inside_the_cluster(default: Graph) -> None:
    release = _release(default, "ops-view")
    assert release["namespace"] == "kube-system"
    assert release["values"] == {"service": {"type": "ClusterIP", "port": 8080}}


def test_monitoring_has_every_value_of_the_note(default: Graph) -> None:
    release = _release(default, "monitoring")
    assert release["namespace"] == "monitoring"
    assert default.one(":Namespace").inputs["metadata"]["name"] == "monitoring"
    chosen = release["values"]
    assert chosen["prometheus"]["prometheusSpec"] == {
        "scrapeInterval": "15s",
        "evaluationInterval": "15s",
        "podMonitorSelectorNilUsesHelmValues": False,
        "serviceMonitorSelectorNilUsesHelmValues": False,
        "retention": "5d",
        "retentionSize": "10GiB",
    }
    assert chosen["defaultRules"] == {"create": False}
    for part in ["alertmanager", "kubeControllerManager", "kubeEtcd", "kubeScheduler"]:
        assert chosen[part] == {"enabled": False}
    assert chosen["prometheus-windows-exporter"]["prometheus"]["monitor"]["enabled"] is False
    grafana = chosen["grafana"]
    assert grafana["defaultDashboardsTimezone"] == "Asia/Seoul"
    assert grafana["grafana.ini"]["date_formats"]["default_timezone"] == "Asia/Seoul"
    assert grafana["defaultDashboardsEnabled"] is False
    assert "ingress" not in grafana
    assert "ingress" not in chosen["prometheus"]


def test_dashboard_is_imported_at_a_pinned_revision_by_a_provider_of_its_folders_name(default: Graph) -> None:
    grafana = _release(default, "monitoring")["values"]["grafana"]
    (provider,) = grafana["dashboardProviders"]["dashboardproviders.yaml"]["providers"]
    (folder,) = grafana["dashboards"]
    assert provider["name"] == folder
    assert provider["options"]["path"] == f"/var/lib/grafana/dashboards/{folder}"
    (dashboard,) = grafana["dashboards"][folder].values()
    assert dashboard["gnetId"] == 17900
    assert dashboard["revision"] == versions.KUBERNETES_ALL_IN_ONE_DASHBOARD.revision


def test_password_reaches_grafana_and_is_plain_nowhere(full: Graph) -> None:
    holders = [node.name for node in full.nodes if node.holds(PASSWORD)]
    assert holders == ["monitoring-release"]
    assert [node.name for node in full.nodes if node.leaks(PASSWORD)] == []
    assert _release(full, "monitoring")["values"]["grafana"]["adminPassword"] == PASSWORD
    assert PASSWORD not in str(full.outputs)


def test_a_plain_password_would_be_seen() -> None:
    """The test above can fail: a component that is handed a plain text does leak it."""
    chart = versions.KUBE_PROMETHEUS_STACK
    graph = run(lambda: _discard(Monitoring("m", MonitoringArgs(chart, 1, 1, pulumi.Output.from_input(PASSWORD)))))
    assert graph.named("m-release").leaks(PASSWORD)


def _discard(_: object) -> None:
    return None


def test_chart_makes_a_password_when_none_is_configured() -> None:
    assert "adminPassword" not in values(MonitoringArgs(versions.KUBE_PROMETHEUS_STACK, 1, 1))["grafana"]


@pytest.mark.parametrize(
    ("name", "namespace", "service", "port"),
    [
        ("kubeopsview", "kube-system", "kube-ops-view", 8080),
        ("prometheus", "monitoring", "kube-prometheus-stack-prometheus", 9090),
        ("grafana", "monitoring", "kube-prometheus-stack-grafana", 80),
    ],
)
def test_page(full: Graph, name: str, namespace: str, service: str, port: int) -> None:
    ingress = full.named(f"pages-{name}").inputs
    assert ingress["metadata"]["name"] == name
    assert ingress["metadata"]["namespace"] == namespace
    assert ingress["spec"]["ingressClassName"] == "alb"
    (rule,) = ingress["spec"]["rules"]
    assert rule["host"] == f"{name}.{DOMAIN}"
    (path,) = rule["http"]["paths"]
    assert (path["path"], path["pathType"]) == ("/", "Prefix")
    assert path["backend"] == {"service": {"name": service, "port": {"number": port}}}


def test_pages_share_one_load_balancer(full: Graph) -> None:
    annotations = [ingress.inputs["metadata"]["annotations"] for ingress in full.of(":Ingress")]
    assert len(annotations) == 3
    assert annotations[0] == annotations[1] == annotations[2]
    assert {key.removeprefix("alb.ingress.kubernetes.io/"): value for key, value in annotations[0].items()} == {
        "group.name": "study",
        "load-balancer-name": "myeks-ingress-alb",
        "scheme": "internet-facing",
        "target-type": "ip",
        "success-codes": "200-399",
        "listen-ports": '[{"HTTPS": 443}, {"HTTP": 80}]',
        "certificate-arn": CERTIFICATE,
        "ssl-redirect": "443",
        "inbound-cidrs": f"{OPERATOR},198.51.100.0/28",
    }


def test_no_ingress_without_domain_and_certificate(default: Graph) -> None:
    assert not default.of(":Ingress")


def test_no_ingress_without_pages() -> None:
    graph = stack(
        {
            "domain": DOMAIN,
            "hostedZoneId": ZONE_ID,
            "certificateArn": CERTIFICATE,
            "monitoring": False,
            "kubeOpsView": False,
        }
    )
    assert not graph.of(":Ingress")
    assert graph.outputs["pages"].value == {}


def test_only_asked_for_releases(bare: Graph) -> None:
    assert [release.inputs["chart"] for release in bare.of(":Release")] == ["aws-load-balancer-controller"]
    assert not bare.of(":Namespace")
    assert bare.outputs["grafanaPasswordCommand"].value == ""
