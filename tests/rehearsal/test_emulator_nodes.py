"""EKS: a node group's and an add-on's life, and what EKS refuses of them."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.rehearsal.eks_account import Account, account, template, trust
from tests.rehearsal.played_emulator import ACCOUNT, AWS_AUTH, Emulator, refused, wait_for


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    running = Emulator(tmp_path_factory.mktemp("nodes") / "world")
    yield account(running)
    running.stop()


@pytest.fixture(scope="module")
def cluster(aws: Account) -> Iterator[str]:
    aws.cluster("shared")
    yield "shared"
    aws.delete_cluster("shared")


def launch_template(aws: Account, name: str, **data: Any) -> dict[str, str]:
    made = aws.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=template(data))
    return {"id": made["LaunchTemplate"]["LaunchTemplateId"], "version": "1"}


def mapped_roles(aws: Account) -> list[str]:
    """The roles in aws-auth, which the played clusters of an emulator share."""
    return [one["rolearn"] for one in yaml.safe_load(json.loads((aws.emulator.dir / AWS_AUTH).read_text())["mapRoles"])]


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
    assert mapped_roles(aws) == [aws.node_role]
    assert refused(lambda: aws.eks.delete_cluster(name=cluster)) == (
        "ResourceInUseException",
        "Cluster has nodegroups attached",
    )
    four = aws.eks.update_nodegroup_config(clusterName=cluster, nodegroupName="ng1", scalingConfig={"desiredSize": 4})[
        "update"
    ]
    assert aws.updated(cluster, four, nodegroupName="ng1")["status"] == "Successful"
    more = aws.instances(cluster)
    assert {each["InstanceId"] for each in instances} < {each["InstanceId"] for each in more}
    three = aws.eks.update_nodegroup_config(clusterName=cluster, nodegroupName="ng1", scalingConfig={"desiredSize": 3})[
        "update"
    ]
    aws.updated(cluster, three, nodegroupName="ng1")
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
    assert aws.updated(cluster, rolled, nodegroupName="ng1")["status"] == "Successful"
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
    assert mapped_roles(aws) == []
    aws.ec2.delete_security_group(GroupId=group)
    aws.ec2.delete_launch_template(LaunchTemplateId=used["id"])


def test_a_cluster_and_its_nodes_go_up_by_one_version_in_turn(aws: Account) -> None:
    """Order and texts: see `nodegroup_rules.check_upgrade_of_cluster`."""
    eks, name = aws.eks, "upgraded"
    newest, before, *older = [each["clusterVersion"] for each in eks.describe_cluster_versions()["clusterVersions"]]
    aws.cluster(name, version=before)
    assert aws.nodegroup(name)["version"] == before
    made = {each["InstanceId"] for each in aws.instances(name)}
    for wrong in (before, "1.99", *older):
        assert refused(lambda to=wrong: eks.update_cluster_version(name=name, version=to))[0] == (
            "InvalidParameterException"
        )
    early = refused(lambda: eks.update_nodegroup_version(clusterName=name, nodegroupName="ng1", version=newest))
    assert early[0] == "InvalidParameterException"

    update = eks.update_cluster_version(name=name, version=newest)["update"]
    assert (update["status"], update["type"]) == ("InProgress", "VersionUpdate")
    assert {"type": "Version", "value": newest} in update["params"]
    assert eks.describe_cluster(name=name)["cluster"]["version"] == before, "not before it is done"
    assert refused(lambda: eks.update_cluster_version(name=name, version=newest))[0] == "ResourceInUseException"
    assert aws.updated(name, update)["status"] == "Successful"
    view = eks.describe_cluster(name=name)["cluster"]
    assert (view["version"], view["status"]) == (newest, "ACTIVE")
    back = refused(lambda: eks.update_cluster_version(name=name, version=before))
    assert back[1] == f"Unsupported Kubernetes minor version update from {newest} to {before}"

    group = eks.describe_nodegroup(clusterName=name, nodegroupName="ng1")["nodegroup"]
    assert group["version"] == before
    update = eks.update_nodegroup_version(clusterName=name, nodegroupName="ng1", version=newest)["update"]
    assert aws.updated(name, update, nodegroupName="ng1")["status"] == "Successful"
    group = eks.describe_nodegroup(clusterName=name, nodegroupName="ng1")["nodegroup"]
    assert group["version"] == newest
    assert group["releaseVersion"].startswith(f"{newest}.")
    assert made.isdisjoint(each["InstanceId"] for each in aws.instances(name)), "every node is a new one"
    back = refused(lambda: eks.update_nodegroup_version(clusterName=name, nodegroupName="ng1", version=before))
    assert back[0] == "InvalidParameterException"
    aws.delete_cluster(name)


def test_nodes_follow_before_the_next_version_comes(aws: Account) -> None:
    """A cluster of the oldest version goes up version by version, its nodes after it each time."""
    eks, name = aws.eks, "steps"
    versions = [each["clusterVersion"] for each in eks.describe_cluster_versions()["clusterVersions"]][::-1]
    aws.cluster(name, version=versions[0])
    aws.nodegroup(name)
    for wanted in versions[1:]:
        update = eks.update_cluster_version(name=name, version=wanted)["update"]
        assert aws.updated(name, update)["status"] == "Successful"
        after = versions[versions.index(wanted) + 1 :]
        if after:
            code, text = refused(lambda to=after[0]: eks.update_cluster_version(name=name, version=to))
            assert (code, text) == (
                "InvalidRequestException",
                f"Nodegroups ng1 must be updated to match cluster version {wanted} before updating cluster version",
            )
        update = eks.update_nodegroup_version(clusterName=name, nodegroupName="ng1")["update"]
        assert aws.updated(name, update, nodegroupName="ng1")["status"] == "Successful"
        found = eks.describe_nodegroup(clusterName=name, nodegroupName="ng1")["nodegroup"]
        assert found["version"] == wanted
    aws.delete_cluster(name)


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
    assert aws.updated(cluster, change, addonName="vpc-cni")["status"] == "Successful"
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
