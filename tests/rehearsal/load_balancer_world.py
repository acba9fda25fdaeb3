"""A cluster in which the load balancer controller's image runs as its chart would have it, and pages behind it."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.load_balancer_policy import STATEMENTS
from rehearsal.cluster.control_plane import ApiError
from rehearsal.cluster.control_plane.pki import Authority
from tests.rehearsal.eks_account import Account, account
from tests.rehearsal.played_emulator import ACCOUNT, REGION, Emulator
from tests.rehearsal.pod_account import STS_AUDIENCE, web_identity_trust
from tests.rehearsal.pod_emulator import Callbacks

NAME = "myeks"
SYSTEM = "kube-system"
CONTROLLER = "aws-load-balancer-controller"
WEBHOOKS = "aws-load-balancer-webhook-service"
PREFIX = "alb.ingress.kubernetes.io/"
CERTIFICATES = "/tmp/k8s-webhook-server/serving-certs"  # noqa: S108  # the chart's mount
PAGES = "pages"
"""Namespace of the Ingresses."""
DEPLOYMENT = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/{CONTROLLER}"
INGRESSES = f"/apis/networking.k8s.io/v1/namespaces/{PAGES}/ingresses"
BINDINGS = "/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"

RIGHTS: list[tuple[str, str, str]] = [
    ("", "nodes,pods,services,namespaces", "get,list,watch"),
    ("", "events", "create,patch"),
    ("discovery.k8s.io", "endpointslices", "get,list,watch"),
    ("networking.k8s.io", "ingresses", "get,list,patch,update,watch"),
    ("networking.k8s.io", "ingresses/status", "patch,update"),
    ("networking.k8s.io", "ingressclasses", "get,list,watch"),
    ("elbv2.k8s.aws", "targetgroupbindings", "create,delete,get,list,patch,update,watch"),
    ("coordination.k8s.io", "leases", "create,get,update,patch"),
]
"""What of the chart's ClusterRole and Role this controller uses: group, resources, verbs."""


def policy(without: str = "") -> str:
    """The lab's policy for the controller's role, or that policy without one action."""
    place = {"partition": "aws", "region": REGION, "account": ACCOUNT}
    statements = [
        {
            "Effect": "Allow",
            "Action": [action for action in each.actions if action != without],
            "Resource": [str(resource).format(**place) for resource in each.resources],
            **({"Condition": each.conditions} if each.conditions else {}),
        }
        for each in STATEMENTS
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": [each for each in statements if each["Action"]]})


@dataclass
class World:
    """The account, and the cluster's API server as its administrator."""

    aws: Account
    kubernetes: Callbacks
    certificate: str

    @property
    def emulator(self) -> Emulator:
        return self.aws.emulator

    @property
    def elb(self) -> Any:
        return self.emulator.client("elbv2")

    def allow(self, text: str) -> None:
        """Give the controller's role a policy."""
        self.aws.iam.put_role_policy(RoleName="lbc", PolicyName="lbc", PolicyDocument=text)

    def status_of(self, path: str) -> int:
        try:
            self.kubernetes.request("GET", path)
        except ApiError as error:
            return error.status
        return 200

    def get(self, path: str) -> dict[str, Any]:
        return self.kubernetes.request("GET", path)

    def page(self, name: str, group: str | None = "study", **settings: str) -> dict[str, Any]:
        """An Ingress as the lab's pages have it."""
        annotations = {
            **({"group.name": group} if group else {}),
            "load-balancer-name": f"myeks-{group or name}",
            "scheme": "internet-facing",
            "target-type": "ip",
            "success-codes": "200-399",
            "listen-ports": '[{"HTTPS": 443}, {"HTTP": 80}]',
            "certificate-arn": self.certificate,
            "ssl-redirect": "443",
            **{key.replace("_", "-"): value for key, value in settings.items()},
        }
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        path = {"path": "/", "pathType": "Prefix", "backend": backend}
        body = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {
                "name": name,
                "namespace": PAGES,
                "annotations": {PREFIX + key: value for key, value in annotations.items()},
            },
            "spec": {
                "ingressClassName": "alb",
                "rules": [{"host": f"{name}.example.com", "http": {"paths": [path]}}],
            },
        }
        return self.kubernetes.request("POST", INGRESSES, body)

    def ingress(self, name: str) -> dict[str, Any]:
        return self.get(f"{INGRESSES}/{name}")

    def host(self, name: str) -> str:
        """The address of an Ingress, once it has one."""

        def look() -> str:
            shown = self.ingress(name)["status"]["loadBalancer"].get("ingress", [])
            return shown[0]["hostname"] if shown else ""

        return until(look, f"an address of {name}")

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reason and message of what has been told about an object of the pages' namespace."""
        path = f"/api/v1/namespaces/{PAGES}/events?fieldSelector=involvedObject.name%3D{name}"
        return [(each["reason"], each["message"]) for each in self.get(path)["items"]]

    def delete(self, name: str) -> None:
        self.kubernetes.request("DELETE", f"{INGRESSES}/{name}")

    def is_gone(self, name: str) -> bool:
        return self.status_of(f"{INGRESSES}/{name}") == 404

    def set_replicas(self, path: str, replicas: int) -> None:
        """How many pods a Deployment shall have."""
        scale = self.get(f"{path}/scale")
        # Without its version: the Deployment's own controller changes it all the time.
        metadata = {name: scale["metadata"][name] for name in ("name", "namespace")}
        self.kubernetes.request("PUT", f"{path}/scale", {**scale, "metadata": metadata, "spec": {"replicas": replicas}})

    def scale(self, replicas: int) -> None:
        """As many controllers, and no process of another."""
        self.set_replicas(DEPLOYMENT, replicas)
        path = f"/api/v1/namespaces/{SYSTEM}/pods?labelSelector=app%3D{CONTROLLER}"
        until(lambda: len(self.get(path)["items"]) == replicas, f"{replicas} controllers")

    def is_served(self) -> bool:
        """Whether the webhooks answer: an Ingress of a class that is not there is refused by them."""
        body = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "nobody", "namespace": PAGES},
            "spec": {"ingressClassName": "none", "defaultBackend": {"service": {"name": "x", "port": {"number": 1}}}},
        }
        try:
            self.kubernetes.request("POST", f"{INGRESSES}?dryRun=All", body)
        except ApiError as error:
            return 'IngressClass "none" not found' in str(error)
        return False

    def groups(self) -> list[dict[str, Any]]:
        """The security groups that bear the controller's tag."""
        wanted = [{"Name": "tag:elbv2.k8s.aws/cluster", "Values": [NAME]}]
        return self.aws.ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]

    def left(self) -> dict[str, list[Any]]:
        """What of the controller's is in the account and in the cluster."""
        return {
            "balancers": self.elb.describe_load_balancers()["LoadBalancers"],
            "target groups": self.elb.describe_target_groups()["TargetGroups"],
            "security groups": self.groups(),
            "rules": [
                pair
                for group in self.aws.ec2.describe_security_groups()["SecurityGroups"]
                for permission in group["IpPermissions"]
                for pair in permission["UserIdGroupPairs"]
                if pair.get("Description", "").startswith("elbv2.k8s.aws")
            ],
            "bindings": self.get(BINDINGS)["items"],
        }

    def is_clean(self) -> bool:
        return not any(self.left().values())


def until(look: Callable[[], Any], what: str, within: float = 40) -> Any:
    """Look until there is something; gives that."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.1)
    return found


def build(emulator: Emulator, directory: Path) -> World:
    """Everything but the controller's Deployment, which `install` makes."""
    aws = account(emulator)
    gateway = aws.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    aws.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=aws.vpc)
    aws.ec2.create_tags(Resources=aws.subnets, Tags=[{"Key": "kubernetes.io/role/elb", "Value": "1"}])
    for name in ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"):
        aws.iam.attach_role_policy(RoleName="node", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    cluster = aws.cluster(NAME)
    scaling = {"minSize": 2, "desiredSize": 2, "maxSize": 2}
    assert aws.nodegroup(NAME, scalingConfig=scaling)["status"] == "ACTIVE"
    issuer = cluster["identity"]["oidc"]["issuer"]
    provider = aws.iam.create_open_id_connect_provider(Url=issuer, ClientIDList=[STS_AUDIENCE])
    subject = f"system:serviceaccount:{SYSTEM}:{CONTROLLER}"
    trusted = web_identity_trust(provider["OpenIDConnectProviderArn"], issuer.removeprefix("https://"), subject)
    role = aws.iam.create_role(RoleName="lbc", AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    acm = emulator.client("acm")
    certificate = acm.request_certificate(DomainName="*.example.com")["CertificateArn"]
    world = World(aws, Callbacks(emulator, NAME, cluster["endpoint"]), certificate)
    world.allow(policy())
    _prepare(world, role, directory)
    return world


def _prepare(world: World, role: str, directory: Path) -> None:
    """The objects that the chart brings, but for the Deployment, and a Service with pods behind it."""
    create = world.kubernetes.request
    definition = {
        "group": "elbv2.k8s.aws",
        "scope": "Namespaced",
        "names": {"kind": "TargetGroupBinding", "plural": "targetgroupbindings", "singular": "targetgroupbinding"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    }
    group = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    create("POST", group, _object("CustomResourceDefinition", "targetgroupbindings.elbv2.k8s.aws", definition))
    until(lambda: world.status_of(BINDINGS) == 200, "TargetGroupBindings")
    annotations = {"eks.amazonaws.com/role-arn": role}
    base = f"/api/v1/namespaces/{SYSTEM}"
    create("POST", f"{base}/serviceaccounts", _object("ServiceAccount", CONTROLLER, annotations=annotations))
    rules = [
        {"apiGroups": [name], "resources": resources.split(","), "verbs": verbs.split(",")}
        for name, resources, verbs in RIGHTS
    ]
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    create("POST", f"{rbac}/clusterroles", {**_object("ClusterRole", CONTROLLER), "rules": rules})
    binding = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": CONTROLLER},
        "subjects": [{"kind": "ServiceAccount", "name": CONTROLLER, "namespace": SYSTEM}],
    }
    create("POST", f"{rbac}/clusterrolebindings", {**_object("ClusterRoleBinding", CONTROLLER), **binding})
    classes = "/apis/networking.k8s.io/v1/ingressclasses"
    create("POST", classes, _object("IngressClass", "alb", {"controller": "ingress.k8s.aws/alb"}))
    _webhook(world, directory)
    create("POST", "/api/v1/namespaces", _object("Namespace", PAGES))
    pages = f"/api/v1/namespaces/{PAGES}"
    service = {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    create("POST", f"{pages}/services", _object("Service", "web", service))
    container = {"name": "web", "image": "nginx:1.29", "ports": [{"containerPort": 8080}]}
    create("POST", f"/apis/apps/v1/namespaces/{PAGES}/deployments", _deployment("web", 2, container))


def _webhook(world: World, directory: Path) -> None:
    """The Secret with a certificate, the Service and the configuration that the chart makes."""
    authority = Authority(directory, "of the chart")
    certificate, key = authority.server("served", "served", [f"{WEBHOOKS}.{SYSTEM}.svc"])
    files = {"tls.crt": certificate, "tls.key": key, "ca.crt": authority.certificate_file}
    data = {name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()}
    base, create = f"/api/v1/namespaces/{SYSTEM}", world.kubernetes.request
    create("POST", f"{base}/secrets", {**_object("Secret", "aws-load-balancer-tls"), "data": data})
    ports = [{"name": "webhook-server", "port": 443, "targetPort": "webhook-server"}]
    create("POST", f"{base}/services", _object("Service", WEBHOOKS, {"selector": {"app": CONTROLLER}, "ports": ports}))
    hook = {
        "name": "vingress.elbv2.k8s.aws",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {
            "caBundle": authority.data,
            "service": {"name": WEBHOOKS, "namespace": SYSTEM, "path": "/validate-networking-v1-ingress"},
        },
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "sideEffects": "None",
        "rules": [
            {
                "apiGroups": ["networking.k8s.io"],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["ingresses"],
            }
        ],
    }
    create(
        "POST", HOOKS, {**_object("ValidatingWebhookConfiguration", "aws-load-balancer-webhook"), "webhooks": [hook]}
    )


def install(world: World, replicas: int = 1) -> None:
    """The controller's Deployment, with the chart's arguments."""
    container = {
        "name": CONTROLLER,
        "image": "public.ecr.aws/eks/aws-load-balancer-controller:v3.5.0",
        "args": [
            f"--cluster-name={NAME}",
            "--ingress-class=alb",
            f"--aws-region={REGION}",
            f"--aws-vpc-id={world.aws.vpc}",
            "--metrics-bind-addr=:8080",
            "--default-tags=lab=myeks,owner=me",
        ],
        "ports": [{"name": "webhook-server", "containerPort": 9443}],
        "volumeMounts": [{"name": "cert", "mountPath": CERTIFICATES, "readOnly": True}],
    }
    spec = {
        "serviceAccountName": CONTROLLER,
        "terminationGracePeriodSeconds": 10,
        "volumes": [{"name": "cert", "secret": {"secretName": "aws-load-balancer-tls"}}],
    }
    body = _deployment(CONTROLLER, replicas, container, spec)
    world.kubernetes.request("POST", f"/apis/apps/v1/namespaces/{SYSTEM}/deployments", body)
    until(world.is_served, "webhooks")


def _deployment(
    name: str, replicas: int, container: Mapping[str, Any], spec: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **(spec or {})}}
    wanted = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": pod}
    return _object("Deployment", name, wanted)


def _object(
    kind: str, name: str, spec: Mapping[str, Any] | None = None, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    versions = {
        "ClusterRole": "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
        "CustomResourceDefinition": "apiextensions.k8s.io/v1",
        "Deployment": "apps/v1",
        "IngressClass": "networking.k8s.io/v1",
        "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    }
    metadata = {"name": name, **({"annotations": annotations} if annotations else {})}
    found = {"apiVersion": versions.get(kind, "v1"), "kind": kind, "metadata": metadata}
    return {**found, **({"spec": spec} if spec is not None else {})}
