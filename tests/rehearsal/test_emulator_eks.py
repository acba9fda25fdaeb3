"""EKS: a cluster's, a node group's and an add-on's life, and what EKS refuses."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rehearsal.eks_account import Account, account, template, trust
from tests.rehearsal.played_emulator import ACCOUNT, BROKEN, REGION, Emulator, refused, wait_for

ALL_LOGS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    running = Emulator(tmp_path_factory.mktemp("eks") / "world")
    yield account(running)
    running.stop()


@pytest.fixture(scope="module")
def cluster(aws: Account) -> Iterator[str]:
    aws.cluster("shared")
    yield "shared"
    aws.delete_cluster("shared")


def test_a_cluster_lives_and_leaves_nothing_but_its_log_group(aws: Account) -> None:
    logs = aws.emulator.client("logs")
    made = aws.eks.create_cluster(
        **aws.request("life", logging={"clusterLogging": [{"types": ALL_LOGS, "enabled": True}]}, tags={"a": "b"})
    )["cluster"]
    assert (made["status"], made.get("endpoint")) == ("CREATING", None)
    wait_for(lambda: aws.eks.describe_cluster(name="life")["cluster"]["status"] == "ACTIVE")
    cluster = aws.eks.describe_cluster(name="life")["cluster"]
    assert cluster["endpoint"].startswith("https://127.0.0.1:")
    assert base64.b64decode(cluster["certificateAuthority"]["data"])
    assert cluster["identity"]["oidc"]["issuer"].startswith(f"https://oidc.eks.{REGION}.amazonaws.com/id/")
    assert cluster["resourcesVpcConfig"]["vpcId"] == aws.vpc
    assert cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "10.100.0.0/16"
    assert aws.eks.list_tags_for_resource(resourceArn=cluster["arn"])["tags"] == {"a": "b"}
    # What EKS makes in the account is there to be seen, and in the way.
    group = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    shown = aws.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert shown["GroupName"].startswith("eks-cluster-sg-life-")
    assert {"Key": "kubernetes.io/cluster/life", "Value": "owned"} in shown["Tags"]
    assert shown["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group
    interfaces = aws.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["Amazon EKS life"]}])
    assert len({each["AvailabilityZone"] for each in interfaces["NetworkInterfaces"]}) == 2
    busy = interfaces["NetworkInterfaces"][0]["SubnetId"]
    assert refused(lambda: aws.ec2.delete_subnet(SubnetId=busy))[0] == "DependencyViolation"
    assert refused(lambda: aws.ec2.delete_security_group(GroupId=group))[0] == "DependencyViolation"
    assert [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]] == ["/aws/eks/life/cluster"]
    # Deleted before the cluster, the log group is made again.
    logs.delete_log_group(logGroupName="/aws/eks/life/cluster")
    assert aws.eks.delete_cluster(name="life")["cluster"]["status"] == "DELETING"
    wait_for(lambda: "life" not in aws.eks.list_clusters()["clusters"])
    code, message = refused(lambda: aws.eks.describe_cluster(name="life"))
    assert (code, message) == ("ResourceNotFoundException", "No cluster found for name: life.")
    assert refused(lambda: aws.ec2.describe_security_groups(GroupIds=[group]))[0] == "InvalidGroup.NotFound"
    assert aws.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]] == ["/aws/eks/life/cluster"]
    logs.delete_log_group(logGroupName="/aws/eks/life/cluster")
    assert not (aws.emulator.dir / "clusters" / "life").exists()


def test_a_cluster_whose_control_plane_does_not_start_has_failed_and_says_why(aws: Account) -> None:
    cluster = aws.cluster(BROKEN)
    assert cluster["status"] == "FAILED"
    assert cluster["health"]["issues"][0]["message"] == "etcd does not start. Look into its log."
    refuse = refused(lambda: aws.eks.create_addon(clusterName=BROKEN, addonName="vpc-cni"))
    assert refuse[0] == "InvalidRequestException"
    aws.delete_cluster(BROKEN)


def test_a_cluster_can_be_deleted_while_it_is_being_made(aws: Account) -> None:
    aws.eks.create_cluster(**aws.request("hasty"))
    aws.eks.delete_cluster(name="hasty")
    wait_for(lambda: "hasty" not in aws.eks.list_clusters()["clusters"])
    assert aws.ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def one_zone(aws: Account) -> dict[str, Any]:
    return {"resourcesVpcConfig": {"subnetIds": aws.subnets[:1]}}


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (one_zone, "InvalidParameterException", "at least two different AZs"),
        ({"resourcesVpcConfig": {"subnetIds": ["subnet-0", "subnet-1"]}}, "InvalidParameterException", "subnet-0"),
        ({"resourcesVpcConfig": {"subnetIds": []}}, "InvalidParameterException", "Subnets"),
        ({"version": "1.31"}, "InvalidParameterException", "unsupported Kubernetes version"),
        ({"version": "2.0"}, "InvalidParameterException", "unsupported Kubernetes version"),
        ({"name": "my_cluster!"}, "InvalidParameterException", "regular expression"),
        ({"name": "-x"}, "InvalidParameterException", "regular expression"),
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "InvalidParameterException", "could not be assumed"),
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:role/node"}, "InvalidParameterException", "could not be assumed"),
        (
            {"resourcesVpcConfig": {"endpointPublicAccess": False, "endpointPrivateAccess": False}},
            "InvalidParameterException",
            "cannot be false",
        ),
        (
            {"resourcesVpcConfig": {"publicAccessCidrs": ["203.0.113.5/24"]}},
            "InvalidParameterException",
            "publicAccessCidrs",
        ),
        (
            {"resourcesVpcConfig": {"securityGroupIds": ["sg-00000000000000000"]}},
            "InvalidParameterException",
            "sg-0000",
        ),
        ({"kubernetesNetworkConfig": {"serviceIpv4Cidr": "192.168.0.0/20"}}, "InvalidParameterException", "overlaps"),
        ({"kubernetesNetworkConfig": {"serviceIpv4Cidr": "8.8.0.0/16"}}, "InvalidParameterException", "within"),
        (
            {
                "encryptionConfig": [
                    {"resources": ["secrets"], "provider": {"keyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/x"}}
                ]
            },
            "InvalidParameterException",
            "keyArn",
        ),
        (
            {"encryptionConfig": [{"resources": ["pods"], "provider": {"keyArn": "x"}}]},
            "InvalidParameterException",
            "secrets",
        ),
        ({"computeConfig": {"enabled": True}}, "InvalidRequestException", "Auto Mode"),
        ({"remoteNetworkConfig": {"remoteNodeNetworks": []}}, "InvalidRequestException", "remoteNetworkConfig"),
    ],
)
def test_eks_refuses_a_cluster(aws: Account, change: Any, code: str, text: str) -> None:
    if callable(change):
        change = change(aws)
    request = aws.request(**{"name": "refused", **change})
    answer = refused(lambda: aws.eks.create_cluster(**request))
    assert (answer[0], text in answer[1]) == (code, True), answer
    assert "refused" not in aws.eks.list_clusters()["clusters"]


def test_a_name_is_given_once(aws: Account, cluster: str) -> None:
    answer = refused(lambda: aws.eks.create_cluster(**aws.request(cluster)))
    assert answer == ("ResourceInUseException", f"Cluster already exists with name: {cluster}")


def updated(aws: Account, cluster: str, update: dict[str, Any], **owner: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = aws.eks.describe_update(name=cluster, updateId=update["id"], **owner)["update"]
        return found if found["status"] != "InProgress" else None

    return wait_for(look)


def test_a_cluster_is_changed_one_thing_at_a_time(aws: Account, cluster: str) -> None:
    eks = aws.eks
    audit = {"clusterLogging": [{"types": ["audit"], "enabled": True}]}
    cidrs = {"publicAccessCidrs": ["203.0.113.5/32"], "endpointPrivateAccess": True}
    both = refused(lambda: eks.update_cluster_config(name=cluster, logging=audit, resourcesVpcConfig=cidrs))
    assert both[1] == "Only one type of update can be allowed."
    begun = eks.update_cluster_config(name=cluster, logging=audit)["update"]
    assert (begun["status"], begun["type"]) == ("InProgress", "LoggingUpdate")
    assert eks.describe_cluster(name=cluster)["cluster"]["status"] == "UPDATING"
    busy = refused(lambda: eks.update_cluster_config(name=cluster, resourcesVpcConfig=cidrs))
    assert busy[0] == "ResourceInUseException"
    assert refused(lambda: eks.delete_cluster(name=cluster))[0] == "ResourceInUseException"
    assert updated(aws, cluster, begun)["status"] == "Successful"
    again = refused(lambda: eks.update_cluster_config(name=cluster, logging=audit))
    assert again[1] == "No changes needed for the logging config provided"
    updated(aws, cluster, eks.update_cluster_config(name=cluster, resourcesVpcConfig=cidrs)["update"])
    same = refused(lambda: eks.update_cluster_config(name=cluster, resourcesVpcConfig=cidrs))
    assert "already at the desired configuration" in same[1]
    view = eks.describe_cluster(name=cluster)["cluster"]
    assert view["status"] == "ACTIVE"
    assert view["resourcesVpcConfig"]["publicAccessCidrs"] == ["203.0.113.5/32"]
    assert {"types": ["audit"], "enabled": True} in view["logging"]["clusterLogging"]
    mode = {"authenticationMode": "CONFIG_MAP"}
    back = refused(lambda: eks.update_cluster_config(name=cluster, accessConfig=mode))
    assert "Unsupported authentication mode update" in back[1]
    off = eks.update_cluster_config(name=cluster, logging={"clusterLogging": [{"types": ["audit"], "enabled": False}]})
    updated(aws, cluster, off["update"])
    aws.emulator.client("logs").delete_log_group(logGroupName=f"/aws/eks/{cluster}/cluster")


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("1.36", "already at"),
        ("1.35", "Unsupported Kubernetes minor version update from 1.36 to 1.35"),
        ("1.31", "unsupported Kubernetes version"),
    ],
)
def test_a_version_only_goes_up_by_one(aws: Account, cluster: str, version: str, text: str) -> None:
    assert text in refused(lambda: aws.eks.update_cluster_version(name=cluster, version=version))[1]


def test_versions_and_addons_are_told_with_their_dates(aws: Account) -> None:
    versions = {each["clusterVersion"]: each for each in aws.eks.describe_cluster_versions()["clusterVersions"]}
    assert f"{versions['1.36']['endOfStandardSupportDate']:%Y-%m-%d}" == "2027-08-02"
    assert f"{versions['1.34']['endOfStandardSupportDate']:%Y-%m-%d}" == "2026-12-02"
    assert [version for version, each in versions.items() if each["defaultVersion"]] == ["1.36"]
    for addon in ("vpc-cni", "kube-proxy", "coredns", "metrics-server", "aws-ebs-csi-driver", "eks-pod-identity-agent"):
        for version in versions:
            listed = aws.eks.describe_addon_versions(addonName=addon, kubernetesVersion=version)["addons"][0]
            defaults = [
                each["addonVersion"]
                for each in listed["addonVersions"]
                if any(fit["defaultVersion"] for fit in each["compatibilities"])
            ]
            assert len(defaults) == 1, (addon, version)


def launch_template(aws: Account, name: str, **data: Any) -> dict[str, str]:
    made = aws.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=template(data))
    return {"id": made["LaunchTemplate"]["LaunchTemplateId"], "version": "1"}


def test_a_node_group_is_instances_and_nodes(aws: Account, cluster: str) -> None:
    group = aws.ec2.create_security_group(GroupName="remoteAccess", Description="d", VpcId=aws.vpc)["GroupId"]
    named = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "myeks-ng1-Node"}]}]
    used = launch_template(aws, "ng1", SecurityGroupIds=[group], TagSpecifications=named)
    made = aws.eks.create_nodegroup(**aws.nodegroup_request(cluster, launchTemplate=used, labels={"team": "a"}))
    assert made["nodegroup"]["status"] == "CREATING"
    view = aws.settled(cluster)
    assert (view["status"], view["launchTemplate"]["version"]) == ("ACTIVE", "1")
    instances = aws.instances(cluster)
    assert sorted(each["Placement"]["AvailabilityZone"][-1] for each in instances) == ["a", "b", "c"]
    assert {tag["Value"] for each in instances for tag in each["Tags"] if tag["Key"] == "Name"} == {"myeks-ng1-Node"}
    assert {each["SecurityGroups"][0]["GroupId"] for each in instances} == {group}
    nodes = json.loads((aws.emulator.dir / "clusters" / cluster / "nodes.json").read_text())
    assert {node["metadata"]["name"] for node in nodes} == {each["PrivateDnsName"] for each in instances}
    assert {node["status"]["capacity"]["pods"] for node in nodes} == {"100"}
    labels = nodes[0]["metadata"]["labels"]
    assert (labels["eks.amazonaws.com/nodegroup"], labels["team"]) == ("ng1", "a")
    assert labels["topology.k8s.aws/zone-id"]
    entry = aws.eks.describe_access_entry(clusterName=cluster, principalArn=aws.node_role)["accessEntry"]
    assert (entry["type"], entry["username"]) == ("EC2_LINUX", "system:node:{{EC2PrivateDNSName}}")
    assert refused(lambda: aws.eks.delete_cluster(name=cluster)) == (
        "ResourceInUseException",
        "Cluster has nodegroups attached",
    )
    four = aws.eks.update_nodegroup_config(clusterName=cluster, nodegroupName="ng1", scalingConfig={"desiredSize": 4})[
        "update"
    ]
    assert updated(aws, cluster, four, nodegroupName="ng1")["status"] == "Successful"
    more = aws.instances(cluster)
    assert {each["InstanceId"] for each in instances} < {each["InstanceId"] for each in more}
    three = aws.eks.update_nodegroup_config(clusterName=cluster, nodegroupName="ng1", scalingConfig={"desiredSize": 3})[
        "update"
    ]
    updated(aws, cluster, three, nodegroupName="ng1")
    assert {each["InstanceId"] for each in aws.instances(cluster)} == {each["InstanceId"] for each in instances}
    # An instance that somebody terminates is replaced.
    gone = instances[0]["InstanceId"]
    aws.ec2.terminate_instances(InstanceIds=[gone])
    wait_for(lambda: len(aws.instances(cluster)) == 3)
    assert gone not in {each["InstanceId"] for each in aws.instances(cluster)}
    # Another version of the template replaces them all.
    before = {each["InstanceId"] for each in aws.instances(cluster)}
    aws.ec2.create_launch_template_version(
        LaunchTemplateId=used["id"], SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.large"}
    )
    rolled = aws.eks.update_nodegroup_version(
        clusterName=cluster, nodegroupName="ng1", launchTemplate={"id": used["id"], "version": "2"}
    )["update"]
    assert updated(aws, cluster, rolled, nodegroupName="ng1")["status"] == "Successful"
    after = aws.instances(cluster)
    assert before.isdisjoint(each["InstanceId"] for each in after)
    assert {each["InstanceType"] for each in after} == {"t3.large"}
    assert aws.eks.describe_nodegroup(clusterName=cluster, nodegroupName="ng1")["nodegroup"]["launchTemplate"] == {
        "id": used["id"],
        "name": "ng1",
        "version": "2",
    }
    aws.eks.delete_nodegroup(clusterName=cluster, nodegroupName="ng1")
    assert refused(lambda: aws.eks.delete_nodegroup(clusterName=cluster, nodegroupName="ng1"))[0] in (
        "ResourceInUseException",
        "ResourceNotFoundException",
    )
    wait_for(lambda: not aws.eks.list_nodegroups(clusterName=cluster)["nodegroups"])
    assert aws.instances(cluster) == []
    assert json.loads((aws.emulator.dir / "clusters" / cluster / "nodes.json").read_text()) == []
    entries = aws.eks.list_access_entries(clusterName=cluster)["accessEntries"]
    assert aws.node_role not in entries
    aws.ec2.delete_security_group(GroupId=group)
    aws.ec2.delete_launch_template(LaunchTemplateId=used["id"])


@pytest.mark.parametrize(
    ("data", "change", "text"),
    [
        (
            {},
            {"remoteAccess": {"ec2SshKey": "k"}},
            "Remote access configuration cannot be specified with a launch template.",
        ),
        ({}, {"diskSize": 20}, "Disk size must be specified within the launch template."),
        ({}, {"instanceTypes": ["t3.large"]}, "Cannot specify instance types in launch template and API request"),
        ({"IamInstanceProfile": {"Name": "p"}}, {}, "IAM instance profile"),
        ({"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-0"}]}, {}, "Subnets cannot be specified"),
        ({"UserData": base64.b64encode(b"#!/bin/sh\n").decode()}, {}, "not in the MIME multipart format"),
        ({"InstanceType": "t9.huge"}, {}, "do not exist: [t9.huge]"),
        ({}, {"scalingConfig": {"minSize": 3, "desiredSize": 2, "maxSize": 3}}, "can't be greater than desired size"),
        ({}, {"scalingConfig": {"minSize": 1, "desiredSize": 4, "maxSize": 3}}, "can't be greater than max size"),
        ({}, {"subnets": ["subnet-0"]}, "subnet-0"),
        ({}, {"nodeRole": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "cannot be found"),
        ({}, {"nodeRole": f"arn:aws:iam::{ACCOUNT}:role/cluster"}, "service principals [ec2.amazonaws.com]"),
        ({}, {"amiType": "AL2023_ARM_64_STANDARD"}, "not a valid instance type"),
        ({}, {"amiType": "BOTTLEROCKET_x86_64"}, "does not play the AMI type"),
        ({}, {"labels": {"kubernetes.io/role": "x"}}, "reserved prefixes"),
        ({}, {"launchTemplate": {"id": "lt-00000000000000000"}}, "aunch template"),
        ({}, {"version": "1.37"}, "cannot be newer"),
    ],
)
def test_eks_refuses_a_node_group(
    aws: Account, cluster: str, data: dict[str, Any], change: dict[str, Any], text: str
) -> None:
    used = launch_template(aws, "refused", **data)
    request = aws.nodegroup_request(cluster, "refused", **{"launchTemplate": used, **change})
    answer = refused(lambda: aws.eks.create_nodegroup(**request))
    assert answer[0] in ("InvalidParameterException", "InvalidRequestException")
    assert text in answer[1]
    assert aws.eks.list_nodegroups(clusterName=cluster)["nodegroups"] == []
    assert aws.instances(cluster) == []
    aws.ec2.delete_launch_template(LaunchTemplateId=used["id"])


def test_nodes_without_network_addon_never_become_ready(aws: Account) -> None:
    aws.cluster("bare", bootstrapSelfManagedAddons=False)
    group = aws.nodegroup("bare")
    assert group["status"] == "CREATE_FAILED"
    assert group["health"]["issues"][0]["code"] == "NodeCreationFailure"
    aws.delete_cluster("bare")
    assert aws.instances("bare") == []


def test_what_runs_on_nodes_is_degraded_until_there_are_some(aws: Account, cluster: str) -> None:
    eks = aws.eks
    for addon in ("vpc-cni", "coredns"):
        assert eks.create_addon(clusterName=cluster, addonName=addon)["addon"]["status"] == "CREATING"
    status = {name: eks.describe_addon(clusterName=cluster, addonName=name)["addon"] for name in ("vpc-cni", "coredns")}
    assert {name: addon["status"] for name, addon in status.items()} == {"vpc-cni": "ACTIVE", "coredns": "DEGRADED"}
    assert status["coredns"]["health"]["issues"][0]["code"] == "InsufficientNumberOfReplicas"
    aws.nodegroup(cluster)
    assert eks.describe_addon(clusterName=cluster, addonName="coredns")["addon"]["status"] == "ACTIVE"
    eks.delete_nodegroup(clusterName=cluster, nodegroupName="ng1")
    wait_for(lambda: not eks.list_nodegroups(clusterName=cluster)["nodegroups"])
    values = json.dumps({"enableNetworkPolicy": "true"})
    change = eks.update_addon(clusterName=cluster, addonName="vpc-cni", configurationValues=values)["update"]
    assert updated(aws, cluster, change, addonName="vpc-cni")["status"] == "Successful"
    assert eks.describe_addon(clusterName=cluster, addonName="vpc-cni")["addon"]["configurationValues"] == values
    for addon in ("vpc-cni", "coredns"):
        eks.delete_addon(clusterName=cluster, addonName=addon)
    assert eks.list_addons(clusterName=cluster)["addons"] == []


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"addonName": "nobody"}, "not supported"),
        ({"addonName": "coredns", "addonVersion": "v1.0.0-eksbuild.1"}, "Addon version specified is not supported"),
        ({"addonName": "vpc-cni", "configurationValues": '{"enableNetworkPolicy": true}'}, "string expected"),
        (
            {"addonName": "vpc-cni", "configurationValues": '{"env": {"ENABLE_PREFIX_DELEGATION": true}}'},
            "string expected",
        ),
        ({"addonName": "vpc-cni", "configurationValues": "[1"}, "object expected"),
        ({"addonName": "vpc-cni", "serviceAccountRoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "does not exist"),
        (
            {"addonName": "coredns", "podIdentityAssociations": [{"serviceAccount": "x", "roleArn": "y"}]},
            "no service account x",
        ),
    ],
)
def test_eks_refuses_an_addon(aws: Account, cluster: str, request_: dict[str, Any], text: str) -> None:
    assert text in refused(lambda: aws.eks.create_addon(clusterName=cluster, **request_))[1]


def test_an_addon_has_its_role_by_pod_identity(aws: Account, cluster: str) -> None:
    eks, name = aws.eks, "aws-ebs-csi-driver"
    role = aws.iam.create_role(RoleName="ebs", AssumeRolePolicyDocument=trust("pods.eks.amazonaws.com"))["Role"]["Arn"]
    wanted = [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": role}]
    eks.create_addon(clusterName=cluster, addonName=name, podIdentityAssociations=wanted)
    owned = eks.describe_addon(clusterName=cluster, addonName=name)["addon"]["podIdentityAssociations"]
    listed = eks.list_pod_identity_associations(clusterName=cluster)["associations"]
    assert [each["associationArn"] for each in listed] == owned
    full = eks.describe_pod_identity_association(clusterName=cluster, associationId=listed[0]["associationId"])
    assert (full["association"]["namespace"], full["association"]["roleArn"]) == ("kube-system", role)
    twice = {"namespace": "kube-system", "serviceAccount": "ebs-csi-controller-sa", "roleArn": role}
    answer = refused(lambda: eks.create_pod_identity_association(clusterName=cluster, **twice))
    assert answer[0] == "ResourceInUseException"
    eks.delete_addon(clusterName=cluster, addonName=name)
    assert eks.list_pod_identity_associations(clusterName=cluster)["associations"] == []
    aws.iam.delete_role(RoleName="ebs")


def test_an_operation_that_is_not_played_is_refused_by_name(aws: Account) -> None:
    answer = refused(lambda: aws.eks.list_fargate_profiles(clusterName="x"))
    assert answer == ("InvalidRequestException", "The rehearsal does not play EKS's operation ListFargateProfiles.")
    elsewhere = aws.emulator.client("eks", region="us-east-1")
    assert "in ap-northeast-2 only" in refused(elsewhere.list_clusters)[1]


def test_tags_are_the_things_own(aws: Account, cluster: str) -> None:
    arn = aws.eks.describe_cluster(name=cluster)["cluster"]["arn"]
    aws.eks.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    aws.eks.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert aws.eks.describe_cluster(name=cluster)["cluster"]["tags"] == {"b": "2"}
    nobody = arn.replace(cluster, "nobody")
    assert refused(lambda: aws.eks.list_tags_for_resource(resourceArn=nobody))[0] == "ResourceNotFoundException"
