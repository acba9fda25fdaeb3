"""One of everything that a lab can leave behind, planted in an account by the same calls that make it on AWS.

Each thing bears what its maker gives it: the lab's tag if the stack makes it, otherwise the tags and names of EKS, the
load balancer controller, the CSI driver, the VPC CNI or ExternalDNS.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from operations.cleanup import LabIdentity
from tests.rehearsal.eks_account import trust
from tests.rehearsal.played_emulator import REGION, Emulator, wait_for

AMI = "ami-0123456789abcdef0"
TRUST = trust("ec2.amazonaws.com")


@dataclass
class Planted:
    """A lab's things: kind → ids."""

    emulator: Emulator
    lab: LabIdentity
    net: str
    """First two numbers of its VPC's addresses."""

    tag: dict[str, str] = field(default_factory=dict[str, str])
    """What its maker gives to all that the stack makes; empty: the lab's tag."""

    ids: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    vpc: str = ""
    subnets: list[str] = field(default_factory=list[str])
    node_role: str = ""

    def client(self, service: str) -> Any:
        return self.emulator.client(service)

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    @property
    def iam(self) -> Any:
        return self.client("iam")

    def __post_init__(self) -> None:
        self.tag = self.tag or {"myeks:lab": self.lab.id}

    @property
    def name(self) -> str:
        return self.lab.cluster

    def listed(self, tags: dict[str, str] | None = None, **more: str) -> list[dict[str, str]]:
        return [{"Key": k, "Value": v} for k, v in {**(self.tag if tags is None else tags), **more}.items()]

    def specified(self, kind: str, tags: dict[str, str] | None = None) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": self.listed(tags)}]

    def note(self, kind: str, identifier: str) -> str:
        self.ids.setdefault(kind, []).append(identifier)
        return identifier


Plant = Callable[[Planted], object]


def vpc(p: Planted) -> None:
    p.vpc = p.ec2.create_vpc(CidrBlock=f"{p.net}.0.0/16", TagSpecifications=p.specified("vpc"))["Vpc"]["VpcId"]
    p.note("VPC", p.vpc)


def subnet(p: Planted) -> None:
    for number, zone in enumerate("abc", 1):
        made = p.ec2.create_subnet(
            VpcId=p.vpc,
            CidrBlock=f"{p.net}.{number}.0/24",
            AvailabilityZone=f"{REGION}{zone}",
            TagSpecifications=p.specified("subnet"),
        )["Subnet"]["SubnetId"]
        p.ec2.modify_subnet_attribute(SubnetId=made, MapPublicIpOnLaunch={"Value": True})
        p.subnets.append(p.note("subnet", made))


def internet_gateway(p: Planted) -> None:
    made = p.ec2.create_internet_gateway(TagSpecifications=p.specified("internet-gateway"))["InternetGateway"]
    p.ec2.attach_internet_gateway(InternetGatewayId=made["InternetGatewayId"], VpcId=p.vpc)
    p.note("internet gateway", made["InternetGatewayId"])


def route_table(p: Planted) -> None:
    made = p.ec2.create_route_table(VpcId=p.vpc, TagSpecifications=p.specified("route-table"))["RouteTable"]
    p.ec2.associate_route_table(RouteTableId=made["RouteTableId"], SubnetId=p.subnets[0])
    p.ec2.create_route(
        RouteTableId=made["RouteTableId"],
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId=p.ids["internet gateway"][0],
    )
    p.note("route table", made["RouteTableId"])


def peering(p: Planted) -> None:
    """With a VPC of the account's that is no lab's."""
    other = p.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    made = p.ec2.create_vpc_peering_connection(
        VpcId=p.vpc, PeerVpcId=other, TagSpecifications=p.specified("vpc-peering-connection")
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    p.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made)
    p.note("VPC peering connection", made)


def role(p: Planted) -> None:
    """The cluster's, with a policy attached and one of its own, and one whose profile outlives it."""
    name = f"cluster-eksRole-role-{p.name}"
    p.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("eks.amazonaws.com"), Tags=p.listed())
    p.iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}
    p.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    p.note("role", name)
    made = p.iam.create_policy(PolicyName=f"lbc-{p.name}", PolicyDocument=json.dumps(document), Tags=p.listed())
    arn = p.note("policy", made["Policy"]["Arn"])
    p.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
    p.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    node = p.note("role", f"nodes-role-{p.name}")
    p.node_role = p.iam.create_role(RoleName=node, AssumeRolePolicyDocument=TRUST, Tags=p.listed())["Role"]["Arn"]
    profile = p.note("instance profile", f"ops-profile-{p.name}")
    p.iam.create_instance_profile(InstanceProfileName=profile, Tags=p.listed())
    p.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=node)


def oidc_provider(p: Planted) -> None:
    url = f"https://oidc.eks.{REGION}.amazonaws.com/id/{p.name.upper()}"
    made = p.iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"], Tags=p.listed())
    p.note("OIDC provider", made["OpenIDConnectProviderArn"])


def cluster(p: Planted) -> None:
    eks = p.client("eks")
    eks.create_cluster(
        name=p.name,
        roleArn=f"arn:aws:iam::{p.node_role.split(':')[4]}:role/cluster-eksRole-role-{p.name}",
        resourcesVpcConfig={"subnetIds": p.subnets},
        accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"},
        tags=p.tag,
    )
    wait_for(lambda: eks.describe_cluster(name=p.name)["cluster"]["status"] == "ACTIVE", 60)
    p.note("cluster", p.name)
    group = eks.describe_cluster(name=p.name)["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]
    p.note("security group", group)


def node_group(p: Planted) -> None:
    eks = p.client("eks")
    eks.create_nodegroup(
        clusterName=p.name,
        nodegroupName="ng1",
        subnets=p.subnets,
        nodeRole=p.node_role,
        scalingConfig={"minSize": 1, "desiredSize": 1, "maxSize": 1},
        tags=p.tag,
    )
    wait_for(
        lambda: eks.describe_nodegroup(clusterName=p.name, nodegroupName="ng1")["nodegroup"]["status"] != "CREATING", 60
    )
    p.note("node group", "ng1")


def instance(p: Planted) -> None:
    made = p.ec2.run_instances(
        ImageId=AMI,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        SubnetId=p.subnets[0],
        TagSpecifications=p.specified("instance"),
    )["Instances"][0]["InstanceId"]
    p.note("instance", made)


def scaling_group(p: Planted) -> None:
    name = p.note("Auto Scaling group", f"eks-ng1-{p.name}-0a1b")
    p.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=1,
        AvailabilityZones=[f"{REGION}a"],
        LaunchTemplate={"LaunchTemplateId": p.ids["launch template"][0], "Version": "1"},
        Tags=[{"Key": "eks:cluster-name", "Value": p.name, "PropagateAtLaunch": True}],
    )


def launch_template(p: Planted) -> None:
    made = p.ec2.create_launch_template(
        LaunchTemplateName=f"nodes-template-{p.name}",
        LaunchTemplateData={"InstanceType": "t3.medium"},
        TagSpecifications=p.specified("launch-template"),
    )["LaunchTemplate"]["LaunchTemplateId"]
    p.note("launch template", made)


def load_balancer(p: Planted) -> None:
    elbv2, tags = p.client("elbv2"), p.listed({"elbv2.k8s.aws/cluster": p.name}, **{"ingress.k8s.aws/stack": "study"})
    made = elbv2.create_load_balancer(Name=f"{p.name}-ingress-alb", Subnets=p.subnets, Tags=tags)["LoadBalancers"][0]
    p.note("load balancer", made["LoadBalancerArn"])
    target = elbv2.create_target_group(
        Name=f"k8s-monitori-grafana-{p.net.replace('.', '')}", Protocol="HTTP", Port=80, VpcId=p.vpc, Tags=tags
    )["TargetGroups"][0]["TargetGroupArn"]
    p.note("target group", target)
    elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target}],
    )


def classic_load_balancer(p: Planted) -> None:
    """As the cloud controller manager of EKS makes it for a Service of type LoadBalancer."""
    owned = {f"kubernetes.io/cluster/{p.name}": "owned"}
    group = p.ec2.create_security_group(
        GroupName=f"k8s-elb-{_classic_name(p)}",
        Description="Security group for Kubernetes ELB",
        VpcId=p.vpc,
        TagSpecifications=p.specified("security-group", owned),
    )["GroupId"]
    p.note("security group", group)
    p.client("elb").create_load_balancer(
        LoadBalancerName=p.note("Classic load balancer", _classic_name(p)),
        Listeners=[{"Protocol": "TCP", "LoadBalancerPort": 80, "InstanceProtocol": "TCP", "InstancePort": 30080}],
        Subnets=p.subnets[:1],
        SecurityGroups=[group],
        Tags=p.listed({**owned, "kubernetes.io/service-name": "default/shop"}),
    )


def _classic_name(p: Planted) -> str:
    """`a` and 31 digits of the Service's UID."""
    return f"a{p.net.replace('.', ''):0>31}"


def security_groups(p: Planted) -> None:
    """Of the controller, and the nodes'; two of them name each other."""
    tagged = {"elbv2.k8s.aws/cluster": p.name}
    made = [
        p.note(
            "security group",
            p.ec2.create_security_group(
                GroupName=name,
                Description="[k8s] Managed SecurityGroup for LoadBalancer",
                VpcId=p.vpc,
                TagSpecifications=p.specified("security-group", tags),
            )["GroupId"],
        )
        for name, tags in (
            ("k8s-study-0123456789", tagged),
            (f"k8s-traffic-{p.name.replace('-', '')}-0123456789", tagged),
            (f"{p.name}-ng1-remoteAccess", p.tag),
        )
    ]
    for one, other in ((made[0], made[1]), (made[1], made[0])):
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": other}]}
        p.ec2.authorize_security_group_ingress(GroupId=one, IpPermissions=[rule])


def interfaces(p: Planted) -> None:
    """A load balancer's and the VPC CNI's, let go of and not deleted."""
    for description, tags in (
        (f"ELB app/{p.name}-ingress-alb/0123456789abcdef", {"Name": "none"}),
        ("aws-K8S-i-0123456789abcdef0", {"cluster.k8s.amazonaws.com/name": p.name}),
    ):
        made = p.ec2.create_network_interface(
            SubnetId=p.subnets[1],
            Description=description,
            Groups=[p.ids["security group"][-1]],
            TagSpecifications=p.specified("network-interface", tags),
        )["NetworkInterface"]["NetworkInterfaceId"]
        p.note("network interface", made)


def address(p: Planted) -> None:
    made = p.ec2.allocate_address(Domain="vpc", TagSpecifications=p.specified("elastic-ip"))["AllocationId"]
    p.note("Elastic IP address", made)


def nat_gateway(p: Planted) -> None:
    made = p.ec2.allocate_address(Domain="vpc", TagSpecifications=p.specified("elastic-ip"))["AllocationId"]
    p.note("Elastic IP address", made)
    gateway = p.ec2.create_nat_gateway(
        SubnetId=p.subnets[0], AllocationId=made, TagSpecifications=p.specified("natgateway")
    )["NatGateway"]["NatGatewayId"]
    p.note("NAT gateway", gateway)


def endpoint(p: Planted) -> None:
    """GuardDuty's, with its group, and one that somebody made by hand."""
    guard = {"GuardDutyManaged": "true"}
    for service, tags in (("guardduty-data", guard), ("sts", {"Name": "by hand"})):
        made = p.ec2.create_vpc_endpoint(
            VpcId=p.vpc,
            ServiceName=f"com.amazonaws.{REGION}.{service}",
            VpcEndpointType="Interface",
            SubnetIds=p.subnets,
            TagSpecifications=p.specified("vpc-endpoint", tags),
        )["VpcEndpoint"]["VpcEndpointId"]
        p.note("VPC endpoint", made)
    group = p.ec2.create_security_group(
        GroupName=f"GuardDutyManagedSecurityGroup-{p.vpc}",
        Description="Associated with VPC-vpc and tagged as GuardDutyManaged",
        VpcId=p.vpc,
        TagSpecifications=p.specified("security-group", guard),
    )["GroupId"]
    p.note("security group", group)


def volume(p: Planted) -> None:
    """Of a PersistentVolumeClaim, and a snapshot of it."""
    tags = {f"kubernetes.io/cluster/{p.name}": "owned", "ebs.csi.aws.com/cluster-name": p.name}
    made = p.ec2.create_volume(
        AvailabilityZone=f"{REGION}a", Size=8, VolumeType="gp3", TagSpecifications=p.specified("volume", tags)
    )["VolumeId"]
    p.note("volume", made)
    snapshot = p.ec2.create_snapshot(VolumeId=made, TagSpecifications=p.specified("snapshot", tags))["SnapshotId"]
    p.note("snapshot", snapshot)


def log_group(p: Planted) -> None:
    """EKS has made the cluster's own by then."""
    existing = p.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/eks/{p.name}/")["logGroups"]
    if not existing:
        p.client("logs").create_log_group(logGroupName=f"/aws/eks/{p.name}/cluster")
    p.note("log group", f"/aws/eks/{p.name}/cluster")
    p.client("logs").create_log_group(logGroupName=f"/aws/containerinsights/{p.name}/performance")
    p.note("log group", f"/aws/containerinsights/{p.name}/performance")


def key(p: Planted) -> None:
    tags = [{"TagKey": k, "TagValue": v} for k, v in p.tag.items()]
    made = p.client("kms").create_key(Description=f"secrets of {p.name}", Tags=tags)["KeyMetadata"]["KeyId"]
    p.note("KMS key", made)
    p.client("kms").create_alias(AliasName=f"alias/{p.name}-eks-secrets", TargetKeyId=made)
    p.note("KMS alias", f"alias/{p.name}-eks-secrets")


def secret(p: Planted) -> None:
    tags = [{"Key": k, "Value": v} for k, v in p.tag.items()]
    p.note("secret", p.client("secretsmanager").create_secret(Name=f"{p.name}-payment", Tags=tags)["ARN"])


def schedule(p: Planted) -> None:
    name = p.note("schedule", f"{p.name}-expiry-cluster")
    p.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(15 minutes)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:scheduler:::aws-sdk:eks:deleteCluster", "RoleArn": p.node_role, "Input": "{}"},
    )


def records(p: Planted) -> None:
    """As ExternalDNS writes them: an alias, and a TXT record for it."""
    if not p.lab.hosted_zone_id:
        return
    balancer = p.client("elbv2").describe_load_balancers(Names=[f"{p.name}-ingress-alb"])["LoadBalancers"][0]
    host = f"grafana.{p.lab.domain}"
    owner = f'"heritage=external-dns,external-dns/owner={p.lab.hosted_zone_id},external-dns/resource=ingress/m/grafana"'
    changes: list[dict[str, Any]] = [
        {
            "Name": host,
            "Type": "A",
            "AliasTarget": {
                "HostedZoneId": "ZWKZPGTI48KDX",
                "DNSName": balancer["DNSName"],
                "EvaluateTargetHealth": True,
            },
        },
        {"Name": f"a-{host}", "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": owner}]},
    ]
    p.client("route53").change_resource_record_sets(
        HostedZoneId=p.lab.hosted_zone_id,
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": each} for each in changes]},
    )
    p.note("record", f"{host} A")
    p.note("record", f"a-{host} TXT")


def user(p: Planted) -> None:
    """The user and a key that a killed run left; there is one testuser in an account."""
    p.iam.create_user(UserName="testuser", Tags=p.listed())
    p.iam.attach_user_policy(UserName="testuser", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    p.note("user", "testuser")
    p.note("access key", p.iam.create_access_key(UserName="testuser")["AccessKey"]["AccessKeyId"])


PLANTS: tuple[Plant, ...] = (
    vpc,
    subnet,
    internet_gateway,
    route_table,
    peering,
    role,
    oidc_provider,
    cluster,
    node_group,
    instance,
    launch_template,
    scaling_group,
    load_balancer,
    classic_load_balancer,
    security_groups,
    interfaces,
    address,
    nat_gateway,
    endpoint,
    volume,
    log_group,
    key,
    secret,
    schedule,
    records,
)
"""All but testuser, in the order in which they can be made."""


def plant(emulator: Emulator, lab: LabIdentity, net: str) -> Planted:
    """A whole lab's leftovers."""
    planted = Planted(emulator, lab, net)
    for each in PLANTS:
        each(planted)
    return planted


def everything(planted: Planted) -> Iterator[tuple[str, str]]:
    """Kind and id of each thing planted."""
    for kind, ids in planted.ids.items():
        yield from ((kind, each) for each in ids)


NETWORK: tuple[Plant, ...] = (vpc, subnet, internet_gateway, route_table, security_groups, endpoint)
"""What a lab leaves whose cluster is gone."""


def namesake(emulator: Emulator, cluster_name: str, net: str) -> Planted:
    """Somebody else's cluster of the lab's name, with all that it made, as eksctl and the controllers leave it.

    It bears no tag of a lab, and stands in a VPC of its own.
    """
    theirs = Planted(
        emulator, LabIdentity(cluster_name, REGION), net, tag={"alpha.eksctl.io/cluster-name": cluster_name}
    )
    for each in (vpc, subnet, internet_gateway, role, cluster, node_group, launch_template, scaling_group):
        each(theirs)
    for each in (load_balancer, classic_load_balancer, security_groups, interfaces, volume, log_group):
        each(theirs)
    return theirs
