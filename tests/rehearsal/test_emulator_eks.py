"""EKS: a cluster's life, its changes, and what EKS refuses."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rehearsal.eks_account import Account, account
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
    assert aws.updated(cluster, begun)["status"] == "Successful"
    again = refused(lambda: eks.update_cluster_config(name=cluster, logging=audit))
    assert again[1] == "No changes needed for the logging config provided"
    aws.updated(cluster, eks.update_cluster_config(name=cluster, resourcesVpcConfig=cidrs)["update"])
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
    aws.updated(cluster, off["update"])
    aws.emulator.client("logs").delete_log_group(logGroupName=f"/aws/eks/{cluster}/cluster")


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("1.36", "already at"),
        ("1.35", "Unsupported Kubernetes minor version update from 1.36 to 1.35"),
        ("1.31", "unsupported Kubernetes version"),
    ],
)
def test_a_version_does_not_go_back(aws: Account, cluster: str, version: str, text: str) -> None:
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
