"""What changes each AWS type in place, what replaces it, and what says the same in other words.

Replacement as in Terraform's AWS provider 6 ("Forces new resource"), under the
names of the AWS SDK. Every input that the stand-in plays is in exactly one of
`replace`, `update` or `switch` of its type; a test holds that.
"""

from dataclasses import dataclass, field
from typing import Any

TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}'
TRUST_AGAIN = '{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow"}],"Version":"2012-10-17"}'
TRUST_OTHER = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:AssumeRole"}]}'
REGION = "eu-west-1"


@dataclass(frozen=True)
class Case:
    """One type: inputs that are valid together, and other values of single inputs."""

    base: dict[str, Any]
    replace: dict[str, Any] = field(default_factory=dict[str, Any])
    """Input → a value that needs a new resource."""
    update: dict[str, Any] = field(default_factory=dict[str, Any])
    """Input → a value that changes the resource in place."""
    switch: dict[str, Any] = field(default_factory=dict[str, Any])
    """The same, where the input is the provider's own and AWS never hears of it."""
    same: dict[str, Any] = field(default_factory=dict[str, Any])
    """Input → a value that means what the base says."""


TAGS = {"tags": {"a": "b"}}
NAMED = {"name": "other", "namePrefix": "other-"}

CASES: dict[str, Case] = {
    "aws:ec2/vpc:Vpc": Case(
        {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True},
        {"cidrBlock": "10.1.0.0/16", "region": REGION, "instanceTenancy": "dedicated"},
        {"enableDnsSupport": False, "enableDnsHostnames": False, "enableNetworkAddressUsageMetrics": True, **TAGS},
    ),
    "aws:ec2/subnet:Subnet": Case(
        {"vpcId": "vpc-1", "cidrBlock": "10.0.1.0/24"},
        {
            "vpcId": "vpc-2",
            "cidrBlock": "10.0.2.0/24",
            "availabilityZone": "ap-northeast-2b",
            "availabilityZoneId": "apne2-az2",
            "region": REGION,
        },
        {
            "mapPublicIpOnLaunch": True,
            "assignIpv6AddressOnCreation": True,
            "enableDns64": True,
            "enableResourceNameDnsARecordOnLaunch": True,
            "enableResourceNameDnsAaaaRecordOnLaunch": True,
            "privateDnsHostnameTypeOnLaunch": "resource-name",
            **TAGS,
        },
        same={"mapPublicIpOnLaunch": "false"},
    ),
    "aws:ec2/internetGateway:InternetGateway": Case({"vpcId": "vpc-1"}, {"region": REGION}, {"vpcId": "vpc-2", **TAGS}),
    "aws:ec2/routeTable:RouteTable": Case({"vpcId": "vpc-1"}, {"vpcId": "vpc-2", "region": REGION}, TAGS),
    "aws:ec2/route:Route": Case(
        {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"},
        {
            "routeTableId": "rtb-2",
            "destinationCidrBlock": "10.0.0.0/8",
            "destinationIpv6CidrBlock": "::/0",
            "destinationPrefixListId": "pl-1",
            "region": REGION,
        },
        {
            "gatewayId": "igw-2",
            "natGatewayId": "nat-1",
            "vpcPeeringConnectionId": "pcx-1",
            "networkInterfaceId": "eni-1",
            "egressOnlyGatewayId": "eigw-1",
            "transitGatewayId": "tgw-1",
        },
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Case(
        {"routeTableId": "rtb-1", "subnetId": "subnet-1"},
        {"subnetId": "subnet-2", "region": REGION},
        {"routeTableId": "rtb-2"},
    ),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": Case(
        {"vpcId": "vpc-1", "peerVpcId": "vpc-2", "accepter": {"allowRemoteVpcDnsResolution": False}},
        {
            "vpcId": "vpc-3",
            "peerVpcId": "vpc-3",
            "peerOwnerId": "444455556666",
            "peerRegion": REGION,
            "region": REGION,
        },
        {
            "accepter": {"allowRemoteVpcDnsResolution": True},
            "requester": {"allowRemoteVpcDnsResolution": True},
            **TAGS,
        },
        {"autoAccept": True},
    ),
    "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions": Case(
        {"vpcPeeringConnectionId": "pcx-1"},
        {"vpcPeeringConnectionId": "pcx-2", "region": REGION},
        {"accepter": {"allowRemoteVpcDnsResolution": True}, "requester": {"allowRemoteVpcDnsResolution": True}},
    ),
    "aws:ec2/eip:Eip": Case(
        {},
        {"domain": "vpc", "networkBorderGroup": "group", "publicIpv4Pool": "pool", "region": REGION},
        {"instance": "i-1", "networkInterface": "eni-1", **TAGS},
        {"associateWithPrivateIp": "10.0.0.1"},
    ),
    "aws:ec2/natGateway:NatGateway": Case(
        {"subnetId": "subnet-1", "allocationId": "eipalloc-1"},
        {
            "subnetId": "subnet-2",
            "allocationId": "eipalloc-2",
            "connectivityType": "private",
            "privateIp": "10.0.0.1",
            "region": REGION,
        },
        TAGS,
    ),
    "aws:ec2/securityGroup:SecurityGroup": Case(
        {"vpcId": "vpc-1"},
        {"vpcId": "vpc-2", "description": "other", "region": REGION, "name": "other"},
        TAGS,
        {"revokeRulesOnDelete": True, "namePrefix": "other-"},
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Case(
        {
            "securityGroupId": "sg-1",
            "ipProtocol": "tcp",
            "fromPort": 22,
            "toPort": 22,
            "cidrIpv4": "10.0.0.0/8",
        },
        {"securityGroupId": "sg-2", "region": REGION},
        {
            "ipProtocol": "udp",
            "fromPort": 23,
            "toPort": 23,
            "cidrIpv4": "10.0.0.0/16",
            "cidrIpv6": "::/0",
            "prefixListId": "pl-1",
            "referencedSecurityGroupId": "sg-2",
            "description": "other",
            **TAGS,
        },
        same={"fromPort": "22"},
    ),
    "aws:ec2/securityGroupRule:SecurityGroupRule": Case(
        {
            "securityGroupId": "sg-1",
            "type": "ingress",
            "protocol": "tcp",
            "fromPort": 22,
            "toPort": 22,
            "cidrBlocks": ["10.0.0.0/8"],
        },
        {
            "securityGroupId": "sg-2",
            "type": "egress",
            "protocol": "udp",
            "fromPort": 23,
            "toPort": 23,
            "cidrBlocks": ["10.0.0.0/16"],
            "ipv6CidrBlocks": ["::/0"],
            "prefixListIds": ["pl-1"],
            "self": True,
            "sourceSecurityGroupId": "sg-2",
            "region": REGION,
        },
        {"description": "other"},
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Case(
        {
            "metadataOptions": {"httpTokens": "required"},
            "vpcSecurityGroupIds": ["sg-1", "sg-2"],
            "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}],
        },
        {"name": "other", "region": REGION},
        {
            "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "false"}}],
            "metadataOptions": {"httpTokens": "optional"},
            "vpcSecurityGroupIds": ["sg-1"],
            "disableApiTermination": True,
            "ebsOptimized": "true",
            "iamInstanceProfile": {"name": "p"},
            "imageId": "ami-1",
            "instanceInitiatedShutdownBehavior": "terminate",
            "instanceType": "t3.small",
            "keyName": "key",
            "monitoring": {"enabled": True},
            "networkInterfaces": [{"deviceIndex": 0}],
            "tagSpecifications": [{"resourceType": "instance", "tags": {"a": "b"}}],
            "userData": "aGk=",
            "description": "other",
            "defaultVersion": 2,
            **TAGS,
        },
        {"updateDefaultVersion": True, "namePrefix": "other-"},
        same={
            "vpcSecurityGroupIds": ["sg-2", "sg-1"],
            "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": True}}],
        },
    ),
    "aws:ec2/instance:Instance": Case(
        {
            "ami": "ami-1",
            "instanceType": "t3.small",
            "metadataOptions": {"httpTokens": "required"},
            "rootBlockDevice": {"volumeSize": 30},
        },
        {
            "ami": "ami-2",
            "subnetId": "subnet-2",
            "availabilityZone": "ap-northeast-2b",
            "privateIp": "10.0.0.1",
            "associatePublicIpAddress": True,
            "keyName": "key",
            "region": REGION,
        },
        {
            "instanceType": "t3.medium",
            "vpcSecurityGroupIds": ["sg-1"],
            "iamInstanceProfile": "profile",
            "metadataOptions": {"httpTokens": "optional"},
            "rootBlockDevice": {"volumeSize": 40},
            "sourceDestCheck": False,
            "disableApiTermination": True,
            **TAGS,
        },
        {
            "userData": "echo",
            "userDataBase64": "ZWNobw==",
            "userDataReplaceOnChange": True,
            "getPasswordData": True,
            "forceDestroy": True,
        },
        same={"rootBlockDevice": {"volumeSize": 30, "deleteOnTermination": True}},
    ),
    "aws:iam/role:Role": Case(
        {"assumeRolePolicy": TRUST},
        {"path": "/other/", "name": "other"},
        {
            "assumeRolePolicy": TRUST_OTHER,
            "description": "other",
            "maxSessionDuration": 7200,
            "permissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess",
            **TAGS,
        },
        {"forceDetachPolicies": True, "namePrefix": "other-"},
        same={"assumeRolePolicy": TRUST_AGAIN},
    ),
    "aws:iam/rolePolicy:RolePolicy": Case(
        {"role": "r", "policy": TRUST},
        {"role": "s", "name": "other"},
        {"policy": TRUST_OTHER},
        {"namePrefix": "other-"},
        same={"policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}},
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Case(
        {"role": "r", "policyArn": "arn:aws:iam::aws:policy/A"},
        {"role": "s", "policyArn": "arn:aws:iam::aws:policy/B"},
    ),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": Case(
        {"user": "u", "policyArn": "arn:aws:iam::aws:policy/A"},
        {"user": "v", "policyArn": "arn:aws:iam::aws:policy/B"},
    ),
    "aws:iam/user:User": Case(
        {},
        {"name": "other"},
        {"path": "/other/", "permissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess", **TAGS},
        {"forceDestroy": True},
    ),
    "aws:iam/policy:Policy": Case(
        {"policy": TRUST},
        {"path": "/other/", "description": "other", "name": "other"},
        {"policy": TRUST_OTHER, **TAGS},
        {"delayAfterPolicyCreationInMs": 5, "namePrefix": "other-"},
        same={"policy": TRUST_AGAIN},
    ),
    "aws:iam/instanceProfile:InstanceProfile": Case(
        {"role": "r"}, {"path": "/other/", "name": "other"}, {"role": "s", **TAGS}, {"namePrefix": "other-"}
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Case(
        {"url": "https://a.example", "clientIdLists": ["a", "b"]},
        {"url": "https://b.example"},
        {"clientIdLists": ["a"], "thumbprintLists": ["0" * 40], **TAGS},
        same={"clientIdLists": ["b", "a"]},
    ),
    "aws:kms/key:Key": Case(
        {},
        {"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "RSA_2048", "multiRegion": True, "region": REGION},
        {
            "description": "other",
            "policy": TRUST,
            "isEnabled": False,
            "enableKeyRotation": True,
            "rotationPeriodInDays": 100,
            **TAGS,
        },
        {"deletionWindowInDays": 7, "bypassPolicyLockoutSafetyCheck": True},
    ),
    "aws:kms/alias:Alias": Case(
        {"targetKeyId": "key-1"},
        {"name": "alias/other", "region": REGION},
        {"targetKeyId": "key-2"},
        {"namePrefix": "alias/other-"},
    ),
    "aws:cloudwatch/logGroup:LogGroup": Case(
        {},
        {"name": "other", "logGroupClass": "INFREQUENT_ACCESS", "region": REGION},
        {"retentionInDays": 7, "kmsKeyId": "arn:aws:kms:::key/1", **TAGS},
        {"skipDestroy": True, "namePrefix": "other-"},
    ),
    "aws:eks/cluster:Cluster": Case(
        {
            "roleArn": "arn:aws:iam::111122223333:role/a",
            "vpcConfig": {"subnetIds": ["subnet-1", "subnet-2"], "publicAccessCidrs": ["10.0.0.0/8"]},
            "enabledClusterLogTypes": ["api", "audit"],
        },
        {
            "name": "other",
            "roleArn": "arn:aws:iam::111122223333:role/b",
            "bootstrapSelfManagedAddons": False,
            "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.21.0.0/16"},
            "region": REGION,
        },
        {
            "version": "1.36",
            "vpcConfig": {"subnetIds": ["subnet-1", "subnet-2"], "publicAccessCidrs": ["192.168.0.0/16"]},
            "accessConfig": {"authenticationMode": "API"},
            "encryptionConfig": {"provider": {"keyArn": "arn:aws:kms:::key/1"}, "resources": ["secrets"]},
            "enabledClusterLogTypes": ["api"],
            "upgradePolicy": {"supportType": "STANDARD"},
            "deletionProtection": True,
            **TAGS,
        },
        {"forceUpdateVersion": True, "defaultAddonsToRemoves": ["coredns"]},
        same={
            "vpcConfig": {
                "subnetIds": ["subnet-2", "subnet-1"],
                "publicAccessCidrs": ["10.0.0.0/8"],
                "endpointPublicAccess": True,
            },
            "enabledClusterLogTypes": ["audit", "api"],
        },
    ),
    "aws:eks/nodeGroup:NodeGroup": Case(
        {
            "clusterName": "c",
            "nodeRoleArn": "arn:aws:iam::111122223333:role/a",
            "subnetIds": ["subnet-1", "subnet-2"],
            "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 2},
            "launchTemplate": {"id": "lt-1", "version": "1"},
        },
        {
            "clusterName": "d",
            "nodeGroupName": "other",
            "nodeRoleArn": "arn:aws:iam::111122223333:role/b",
            "subnetIds": ["subnet-1"],
            "amiType": "AL2023_ARM_64_STANDARD",
            "capacityType": "SPOT",
            "diskSize": 30,
            "instanceTypes": ["t3.large"],
            "remoteAccess": {"ec2SshKey": "key"},
            "region": REGION,
        },
        {
            "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 2},
            "launchTemplate": {"id": "lt-1", "version": "2"},
            "labels": {"a": "b"},
            "taints": [{"key": "a", "effect": "NO_SCHEDULE"}],
            "updateConfig": {"maxUnavailable": 2},
            "nodeRepairConfig": {"enabled": True},
            "releaseVersion": "1.36.0-20261101",
            "version": "1.36",
            **TAGS,
        },
        {"forceUpdateVersion": True, "nodeGroupNamePrefix": "other-"},
        same={"subnetIds": ["subnet-2", "subnet-1"]},
    ),
    "aws:eks/addon:Addon": Case(
        {"clusterName": "c", "addonName": "coredns"},
        {"clusterName": "d", "addonName": "kube-proxy", "region": REGION},
        {
            "addonVersion": "v1",
            "configurationValues": "{}",
            "podIdentityAssociations": [{"roleArn": "arn:aws:iam:::role/a", "serviceAccount": "s"}],
            "serviceAccountRoleArn": "arn:aws:iam:::role/a",
            **TAGS,
        },
        {"preserve": True, "resolveConflictsOnCreate": "OVERWRITE", "resolveConflictsOnUpdate": "PRESERVE"},
    ),
    "aws:eks/accessEntry:AccessEntry": Case(
        {"clusterName": "c", "principalArn": "arn:aws:iam:::role/a", "kubernetesGroups": ["a", "b"]},
        {"clusterName": "d", "principalArn": "arn:aws:iam:::role/b", "type": "EC2_LINUX", "region": REGION},
        {"kubernetesGroups": ["a"], "userName": "other", **TAGS},
        same={"kubernetesGroups": ["b", "a"]},
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Case(
        {
            "clusterName": "c",
            "principalArn": "arn:aws:iam:::role/a",
            "policyArn": "arn:aws:eks::aws:cluster-access-policy/A",
            "accessScope": {"type": "namespace", "namespaces": ["a", "b"]},
        },
        {
            "clusterName": "d",
            "principalArn": "arn:aws:iam:::role/b",
            "policyArn": "arn:aws:eks::aws:cluster-access-policy/B",
            "accessScope": {"type": "cluster"},
            "region": REGION,
        },
        same={"accessScope": {"type": "namespace", "namespaces": ["b", "a"]}},
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Case(
        {"clusterName": "c", "namespace": "n", "serviceAccount": "s", "roleArn": "arn:aws:iam:::role/a"},
        {"clusterName": "d", "namespace": "m", "serviceAccount": "t", "region": REGION},
        {
            "roleArn": "arn:aws:iam:::role/b",
            "targetRoleArn": "arn:aws:iam:::role/c",
            "disableSessionTags": True,
            **TAGS,
        },
    ),
    "aws:scheduler/schedule:Schedule": Case(
        {
            "scheduleExpression": "rate(15 minutes)",
            "flexibleTimeWindow": {"mode": "OFF"},
            "target": {"arn": "arn:aws:scheduler:::aws-sdk:eks:deleteCluster", "roleArn": "arn:r"},
        },
        {"name": "other", "groupName": "other", "region": REGION},
        {
            "description": "other",
            "scheduleExpression": "rate(1 hour)",
            "scheduleExpressionTimezone": "Asia/Seoul",
            "startDate": "2030-01-01T01:00:00Z",
            "endDate": "2030-01-02T01:00:00Z",
            "state": "DISABLED",
            "flexibleTimeWindow": {"mode": "FLEXIBLE"},
            "target": {"arn": "arn:aws:scheduler:::aws-sdk:eks:deleteNodegroup", "roleArn": "arn:r"},
        },
        same={"scheduleExpressionTimezone": "UTC", "state": "ENABLED"},
    ),
    "aws:secretsmanager/secret:Secret": Case(
        {"description": "a"},
        {"name": "other", "region": REGION},
        {"description": "b", "kmsKeyId": "alias/other", **TAGS},
        {"recoveryWindowInDays": 0, "namePrefix": "other-"},
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Case(
        {"secretId": "arn:aws:secretsmanager:::secret:a", "secretString": "not-a-real-secret"},
        {"secretId": "arn:aws:secretsmanager:::secret:b", "secretString": "another", "region": REGION},
    ),
}
CASES["aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"] = CASES[
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
]
