"""Clusters: EKS's side of a control plane's life.

CreateCluster answers at once and starts a real control plane behind it; what
EKS makes in the customer's account for it (a security group, network
interfaces, a log group) is made through the same EC2 and CloudWatch Logs that
users see, and stands in the way of deleting their subnets as it does on AWS.
"""

import asyncio
import logging
import secrets
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.spec import ControlPlaneSpec, DataKey
from rehearsal.emulator.ec2.service import Ec2
from rehearsal.emulator.eks import aws_auth, validation
from rehearsal.emulator.eks.access import Access
from rehearsal.emulator.eks.catalog import KUBERNETES_VERSIONS, VERSIONS
from rehearsal.emulator.eks.logs import ClusterLogs, make_group
from rehearsal.emulator.eks.lookups import Lookups
from rehearsal.emulator.eks.pods import Pods
from rehearsal.emulator.eks.state import Cluster, Clusters, ControlPlaneFactory, Trouble, bad_request, in_use
from rehearsal.emulator.eks.updates import Updates
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.ministack import Backend, Caller

log = logging.getLogger(__name__)

SG_DESCRIPTION = (
    "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any "
    "managed workloads."
)


class ClusterOperations:
    """EKS's operations on clusters."""

    def __init__(
        self,
        backend: Backend,
        calls: Calls,
        ec2: Ec2,
        clusters: Clusters,
        access: Access,
        updates: Updates,
        factory: ControlPlaneFactory,
        pods: Pods,
        fails_later: Trouble,
    ) -> None:
        """`factory` makes a control plane from its specification; `pods` knows what its pods see of AWS."""
        self._backend = backend
        self._settings = backend.settings
        self._calls = calls
        self._ec2 = ec2
        self._clusters = clusters
        self._access = access
        self._updates = updates
        self._factory = factory
        self._pods = pods
        self._fails_later = fails_later
        self._lookups = Lookups(calls)
        self._logs: dict[str, ClusterLogs] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def create(self, params: dict[str, Any], caller: Caller | None) -> dict[str, Any]:
        """CreateCluster."""
        name: str = params["name"]
        validation.check_name(name)
        if name in self._clusters.all or name in self._clusters.reserved:
            raise in_use(f"Cluster already exists with name: {name}", clusterName=name)
        self._clusters.reserved.add(name)
        try:
            cluster = await self._record(params, caller)
            self._clusters.all[name] = cluster
        finally:
            self._clusters.reserved.discard(name)
        cluster.task = self._spawn(self._bring_up(cluster))
        return {"cluster": cluster.view}

    async def _record(self, params: dict[str, Any], caller: Caller | None) -> Cluster:
        """Check a request and make what EKS makes before the control plane."""
        validation.check_played(params)
        version = params.get("version", KUBERNETES_VERSIONS[0].version)
        validation.check_version(version)
        policy = {"supportType": "EXTENDED"} | params.get("upgradePolicy", {})
        validation.check_upgrade_policy(policy, version, datetime.now(UTC))
        vpc_config = params["resourcesVpcConfig"]
        subnets = await self._lookups.subnets(vpc_config.get("subnetIds", []))
        vpc_id = validation.check_subnets(subnets)
        public = vpc_config.get("endpointPublicAccess", True)
        private = vpc_config.get("endpointPrivateAccess", False)
        cidrs = vpc_config.get("publicAccessCidrs") or ["0.0.0.0/0"]
        validation.check_endpoint(public, private, cidrs)
        logging_view = validation.check_logging(params.get("logging", {}))
        network = params.get("kubernetesNetworkConfig", {})
        if network.get("ipFamily", "ipv4") != "ipv4":
            raise bad_request("The rehearsal plays IPv4 clusters only.")
        services = validation.service_cidr(network.get("serviceIpv4Cidr"), await self._lookups.vpc_cidr(vpc_id))
        await self._lookups.groups(vpc_config.get("securityGroupIds", []), vpc_id)
        await self._lookups.cluster_role(params["roleArn"])
        key = validation.check_encryption(params.get("encryptionConfig", []))
        if key:
            await self._lookups.key(key)
        access = params.get("accessConfig", {})
        mode = access.get("authenticationMode", "CONFIG_MAP")
        name, region, account = params["name"], self._settings.region, self._settings.account_id
        view: dict[str, Any] = {
            "name": name,
            "arn": f"arn:aws:eks:{region}:{account}:cluster/{name}",
            "createdAt": time.time(),
            "version": version,
            "roleArn": params["roleArn"],
            "resourcesVpcConfig": {
                "subnetIds": [subnet["SubnetId"] for subnet in subnets],
                "securityGroupIds": vpc_config.get("securityGroupIds", []),
                "vpcId": vpc_id,
                "endpointPublicAccess": public,
                "endpointPrivateAccess": private,
                "publicAccessCidrs": cidrs if public else [],
            },
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": services,
                "ipFamily": "ipv4",
                "elasticLoadBalancing": {"enabled": False},
            },
            "logging": {"clusterLogging": logging_view},
            "identity": {
                "oidc": {"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{secrets.token_hex(16).upper()}"}
            },
            "status": "CREATING",
            "certificateAuthority": {},
            "platformVersion": VERSIONS[version].platform,
            "tags": params.get("tags", {}),
            "encryptionConfig": params.get("encryptionConfig", []),
            "health": {"issues": []},
            "accessConfig": {"authenticationMode": mode},
            "upgradePolicy": policy,
            "deletionProtection": params.get("deletionProtection", False),
            "zonalShiftConfig": params.get("zonalShiftConfig", {"enabled": False}),
        }
        cluster = Cluster(view, bootstrap_addons=params.get("bootstrapSelfManagedAddons", True))
        if caller and access.get("bootstrapClusterCreatorAdminPermissions", True):
            await self._access.admit_creator(cluster, caller)
        group = await self._make_group(view)
        view["resourcesVpcConfig"]["clusterSecurityGroupId"] = group
        self.attach(cluster, subnets)
        return cluster

    async def _make_group(self, view: dict[str, Any]) -> str:
        """The cluster's own security group: its members may talk to each other."""
        group_name = f"eks-cluster-sg-{view['name']}-{secrets.randbelow(10**9) + 10**9}"
        tags = {
            "Name": group_name,
            f"kubernetes.io/cluster/{view['name']}": "owned",
            "aws:eks:cluster-name": view["name"],
        }
        made = await self._calls(
            "ec2",
            "CreateSecurityGroup",
            GroupName=group_name,
            Description=SG_DESCRIPTION,
            VpcId=view["resourcesVpcConfig"]["vpcId"],
            TagSpecifications=[
                {
                    "ResourceType": "security-group",
                    "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                }
            ],
        )
        group_id: str = made["GroupId"]
        own = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group_id}]}]
        await self._calls("ec2", "AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=own)
        return group_id

    def attach(self, cluster: Cluster, subnets: list[dict[str, Any]]) -> None:
        """EKS's interfaces in the cluster's subnets: two, in different zones."""
        config = cluster.view["resourcesVpcConfig"]
        groups = [config["clusterSecurityGroupId"], *config["securityGroupIds"]]
        by_zone = {subnet["AvailabilityZone"]: subnet for subnet in reversed(subnets)}
        for subnet in list(by_zone.values())[-2:]:
            interface = self._ec2.interfaces.attach(
                subnet, groups, description=f"Amazon EKS {cluster.name}", requester="amazon-eks"
            )
            cluster.interfaces.append(interface["NetworkInterfaceId"])

    def detach(self, cluster: Cluster) -> None:
        """Take EKS's interfaces away."""
        while cluster.interfaces:
            self._ec2.interfaces.release(cluster.interfaces.pop())

    async def _data_key(self, cluster: Cluster) -> DataKey | None:
        """A data key made by the customer's KMS key, if the cluster has one."""
        configs: list[dict[str, Any]] = cluster.view["encryptionConfig"]
        if not configs:
            return None
        arn: str = configs[0]["provider"]["keyArn"]
        made = await self._calls("kms", "GenerateDataKey", KeyId=arn, KeySpec="AES_256")
        cluster.wrapped_key = made["CiphertextBlob"]
        return DataKey(made["KeyId"].rpartition("/")[2], made["Plaintext"])

    def _spec(self, cluster: Cluster, data_key: DataKey | None) -> ControlPlaneSpec:
        view = cluster.view
        webhook = f"{self._settings.endpoint}/_rehearsal/webhook/{cluster.secret}"
        return ControlPlaneSpec(
            cluster_name=cluster.name,
            region=self._settings.region,
            version=view["version"],
            issuer=view["identity"]["oidc"]["issuer"],
            service_cidr=view["kubernetesNetworkConfig"]["serviceIpv4Cidr"],
            dir=self._settings.dir / "clusters" / cluster.name,
            bin_dir=self._settings.bin_dir,
            authn_webhook_url=f"{webhook}/authenticate",
            authz_webhook_url=f"{webhook}/authorize",
            pod_environment=partial(self._pods.environment, cluster),
            admission=partial(self._admit, cluster),
            data_key=data_key,
        )

    async def _admit(self, cluster: Cluster, review: dict[str, Any]) -> dict[str, Any]:
        """The answer of EKS's webhooks to an AdmissionReview: of the one for aws-auth, or of the one for pods."""
        if (review["request"].get("kind") or {}).get("kind") == "ConfigMap":
            return aws_auth.reviewed(review)
        return await self._pods.admit(cluster, review)

    async def _bring_up(self, cluster: Cluster) -> None:
        view = cluster.view
        try:
            spec = self._spec(cluster, await self._data_key(cluster))
            control_plane = self._factory(spec)
            await make_group(self._calls, cluster)
            if self._fails_later("CreateCluster"):
                raise ControlPlaneError("The control plane could not be created.")
            await control_plane.start()
        except (ControlPlaneError, AwsError, OSError) as error:
            log.exception("cluster %s cannot be made", cluster.name)
            view["status"] = "FAILED"
            view["health"]["issues"] = [{"code": "InternalFailure", "message": str(error), "resourceIds": []}]
            return
        cluster.control_plane = control_plane
        self._logs[cluster.name] = ClusterLogs(self._backend, self._calls, cluster, spec.dir)
        self._logs[cluster.name].start()
        view["endpoint"] = control_plane.endpoint
        view["certificateAuthority"] = {"data": control_plane.ca_data}
        view["status"] = "ACTIVE"

    async def send_logs(self, cluster: Cluster) -> None:
        """What was written until now goes by the logging configuration of now, before that changes."""
        if logs := self._logs.get(cluster.name):
            await logs.send()

    async def delete(self, name: str) -> dict[str, Any]:
        """DeleteCluster."""
        cluster = self._clusters.get(name)
        if cluster.view["status"] == "DELETING":
            raise in_use(f"Cluster {name} is already being deleted", clusterName=name)
        if cluster.nodegroups:
            raise in_use("Cluster has nodegroups attached", clusterName=name)
        if cluster.view["deletionProtection"]:
            raise bad_request(f"Cluster {name} has deletion protection enabled", clusterName=name)
        self._updates.check_free(cluster)
        cluster.view["status"] = "DELETING"
        bringing_up, cluster.task = cluster.task, None
        cluster.task = self._spawn(self._take_down(cluster, bringing_up))
        return {"cluster": dict(cluster.view)}

    async def _take_down(self, cluster: Cluster, bringing_up: asyncio.Task[None] | None) -> None:
        try:
            await self.shut_down(cluster, bringing_up)
            # The control plane writes to the end: whoever deletes its log group first gets it back.
            await make_group(self._calls, cluster)
            self.detach(cluster)
            group = cluster.view["resourcesVpcConfig"]["clusterSecurityGroupId"]
            await self._calls("ec2", "DeleteSecurityGroup", GroupId=group)
        except AwsError as error:
            # On AWS too a security group that somebody refers to stays behind.
            log.warning("cluster %s left something behind: %s", cluster.name, error)
        finally:
            self._clusters.all.pop(cluster.name, None)

    async def shut_down(self, cluster: Cluster, bringing_up: asyncio.Task[None] | None) -> None:
        """End a cluster's processes, also while they are being started."""
        if bringing_up and not bringing_up.done():
            bringing_up.cancel()
            await asyncio.gather(bringing_up, return_exceptions=True)
        if logs := self._logs.pop(cluster.name, None):
            await logs.stop()
        if cluster.control_plane:
            control_plane, cluster.control_plane = cluster.control_plane, None
            await control_plane.stop()

    async def stop(self) -> None:
        """End every cluster's processes; nothing is deleted in the account, which ends too."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(self.shut_down(cluster, None) for cluster in self._clusters.all.values()))

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
