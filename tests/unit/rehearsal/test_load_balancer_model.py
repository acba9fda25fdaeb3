"""What the load balancer controller makes of Ingresses, before it asks AWS for anything."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rehearsal.cluster.controllers.load_balancer import metadata
from rehearsal.cluster.controllers.load_balancer.backends import hashed, target_group
from rehearsal.cluster.controllers.load_balancer.cluster import ApiError, Cluster
from rehearsal.cluster.controllers.load_balancer.groups import Group, GroupId, Refused, groups, held
from rehearsal.cluster.controllers.load_balancer.model import NO_SERVICE, NOT_FOUND, Desired, build
from rehearsal.cluster.controllers.load_balancer.network import backend_name
from rehearsal.cluster.controllers.load_balancer.settings import Settings, pairs, parse
from rehearsal.cluster.controllers.load_balancer.webhook import review
from rehearsal.cluster.kubelet.images import Start, argv_of, image_of

SETTINGS = Settings("myeks", "ap-northeast-2", "vpc-1", target_type="ip")
CLASSES = {
    "alb": {"spec": {"controller": "ingress.k8s.aws/alb"}},
    "nginx": {"spec": {"controller": "k8s.io/ingress-nginx"}},
    "own": {"spec": {"controller": "ingress.k8s.aws/alb", "parameters": {"name": "own"}}},
}
CERTIFICATE = "arn:aws:acm:ap-northeast-2:111122223333:certificate/a"
LISTEN = '[{"HTTPS": 443}, {"HTTP": 80}]'


def ingress(name: str = "web", namespace: str = "default", **changes: Any) -> dict[str, Any]:
    """An Ingress; `annotations` without their prefix, the rest of `changes` is its metadata's or its spec's."""
    annotations = {f"alb.ingress.kubernetes.io/{key}": value for key, value in changes.pop("annotations", {}).items()}
    spec = {"ingressClassName": "alb", "rules": [rule(f"{name}.example.com")], **changes.pop("spec", {})}
    return {"metadata": {"name": name, "namespace": namespace, "annotations": annotations, **changes}, "spec": spec}


def rule(host: str = "", *paths: dict[str, Any]) -> dict[str, Any]:
    return {**({"host": host} if host else {}), "http": {"paths": list(paths) or [path("/")]}}


def path(text: str, kind: str = "Prefix", service: str = "web", port: Any = 80) -> dict[str, Any]:
    named = {"name": port} if isinstance(port, str) else {"number": port}
    return {"path": text, "pathType": kind, "backend": {"service": {"name": service, "port": named}}}


def service(namespace: str, name: str) -> dict[str, Any] | None:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "named", "port": 81, "targetPort": "web"}]
    if name == "none":
        return None
    return {"metadata": {"name": name, "namespace": namespace, "uid": "6a4c7a4e"}, "spec": {"ports": ports}}


def desired(*members: dict[str, Any], group: GroupId | None = None) -> Desired:
    made = build(Group(group or GroupId("", "study"), list(members), []), service, SETTINGS)
    assert made
    return made


def refusal(*members: dict[str, Any]) -> str:
    with pytest.raises(Refused) as raised:
        desired(*members)
    return str(raised.value)


def test_an_ingress_without_a_name_is_a_group_of_its_own() -> None:
    (alone, study) = groups(
        [
            ingress("a"),
            ingress("c", annotations={"group.name": "study"}),
            ingress("b", annotations={"group.name": "study"}),
        ],
        CLASSES,
        "alb",
    )[::-1]
    assert (alone.id, str(alone.id), alone.id.finalizer) == (
        GroupId("default", "a"),
        "default/a",
        "ingress.k8s.aws/resources",
    )
    assert (str(study.id), study.id.finalizer) == ("study", "group.ingress.k8s.aws/study")
    assert [each["metadata"]["name"] for each in study.members] == ["b", "c"]


def test_members_come_by_their_order_then_by_their_names() -> None:
    orders = {"a": "10", "b": "-1", "c": "0"}
    members = [ingress(name, annotations={"group.name": "g", "group.order": order}) for name, order in orders.items()]
    (found,) = groups([*members, ingress("d", annotations={"group.name": "g"})], CLASSES, "alb")
    assert [each["metadata"]["name"] for each in found.members] == ["b", "c", "d", "a"]


@pytest.mark.parametrize("name", ["Study", "-study", "study-", "a" * 64, "stu_dy"])
def test_a_name_that_is_none_means_to_leave_every_group(name: str) -> None:
    here = ingress(annotations={"group.name": name}, finalizers=["group.ingress.k8s.aws/study"])
    (found,) = groups([here], CLASSES, "alb")
    assert (found.id, found.members, found.leaving) == (GroupId("", "study"), [], [here])


def test_who_is_deleted_or_moves_leaves_and_holds_the_finalizer() -> None:
    deleted = ingress(
        "a", annotations={"group.name": "x"}, deletionTimestamp="now", finalizers=["group.ingress.k8s.aws/x"]
    )
    moved = ingress("b", annotations={"group.name": "y"}, finalizers=["group.ingress.k8s.aws/x", "other"])
    by_name = {str(each.id): each for each in groups([deleted, moved], CLASSES, "alb")}
    assert (by_name["x"].members, by_name["x"].leaving) == ([], [deleted, moved])
    assert by_name["y"].members == [moved]
    assert held(moved) == [GroupId("", "x")]


@pytest.mark.parametrize("name", ["nginx", "none", "own", None])
def test_ingresses_of_other_classes_are_left_alone(name: str | None) -> None:
    assert groups([ingress(spec={"ingressClassName": name})], CLASSES, "alb") == []


def test_the_annotation_of_a_class_counts_before_the_field() -> None:
    here = ingress(spec={"ingressClassName": "nginx"})
    here["metadata"]["annotations"]["kubernetes.io/ingress.class"] = "alb"
    assert len(groups([here], CLASSES, "alb")) == 1


def test_names_are_those_of_the_real_controller() -> None:
    """Figures from that project's own tests at v3.5.0, where the cluster has no name."""
    nobody = replace(SETTINGS, cluster="")
    explicit, implicit = GroupId("", "explicit-group"), GroupId("awesome-ns", "ing-1")
    assert hashed("k8s", explicit, "", str(explicit), "internal") == "k8s-explicitgroup-5bf9e53c23"
    assert hashed("k8s", implicit, "", str(implicit), "internet-facing") == "k8s-awesomen-ing1-43b698093c"
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    found = {"metadata": {"namespace": "ns-1", "name": "name-1", "uid": "my-uuid"}, "spec": {"ports": ports}}
    here = ingress("name-1", "ns-1")

    def name(port: dict[str, Any]) -> str:
        backend = {"service": {"name": "name-1", "port": port}}
        made = target_group(GroupId("", ""), here, backend, lambda *_: found, nobody)
        assert made
        return made.name

    assert name({"name": "http"}) == "k8s-ns1-name1-2c37289a00"
    assert name({"number": 80}) == "k8s-ns1-name1-ab859e54b5"
    assert backend_name("testCluster") == "k8s-traffic-testCluster-411a1bcdb1"


def test_what_bears_no_name_gets_one_by_its_group() -> None:
    made = desired(ingress(), group=GroupId("name-space", "ingress-name"))
    assert made.security_group.startswith("k8s-namespac-ingressn-")
    assert made.name.startswith("k8s-namespac-ingressn-")
    assert made.name != made.security_group, "a load balancer's name holds its scheme"
    (group,) = made.target_groups.values()
    assert group.id == "default/web-web:80"


def test_the_labs_pages_redirect_to_the_secure_port() -> None:
    settings = {
        "load-balancer-name": "myeks-ingress-alb",
        "scheme": "internet-facing",
        "success-codes": "200-399",
        "listen-ports": LISTEN,
        "certificate-arn": CERTIFICATE,
        "ssl-redirect": "443",
        "inbound-cidrs": "203.0.113.0/24, 2001:db8::/32",
    }
    made = desired(ingress("a", annotations=settings), ingress("b", annotations=settings))
    assert (made.name, made.scheme) == ("myeks-ingress-alb", "internet-facing")
    plain, secure = made.listeners
    assert (plain.port, plain.protocol, plain.rules) == (80, "HTTP", [])
    config = {"Port": "443", "Protocol": "HTTPS", "StatusCode": "HTTP_301"}
    assert plain.default == [{"Type": "redirect", "RedirectConfig": config}]
    assert (secure.default, secure.cidrs) == ([NOT_FOUND], ["203.0.113.0/24"])
    # The second Ingress names the certificate again, which adds it beside itself.
    assert secure.certificates == [CERTIFICATE, CERTIFICATE]
    assert [each.conditions[0]["HostHeaderConfig"]["Values"] for each in secure.rules] == [
        ["a.example.com"],
        ["b.example.com"],
    ]
    assert {each.codes for each in made.target_groups.values()} == {"200-399"}


def test_a_port_and_everybody_when_nothing_is_said() -> None:
    (listener,) = desired(ingress()).listeners
    assert (listener.port, listener.protocol, listener.cidrs) == (80, "HTTP", ["0.0.0.0/0"])
    assert listener.rules[0].conditions[1]["PathPatternConfig"]["Values"] == ["/*"]
    (listener,) = desired(ingress(annotations={"certificate-arn": f"{CERTIFICATE}, {CERTIFICATE}2"})).listeners
    assert (listener.port, listener.protocol) == (443, "HTTPS")
    assert listener.certificates == [CERTIFICATE, f"{CERTIFICATE}2"]


def test_paths_come_in_the_order_of_their_types() -> None:
    paths = [path("/any*", "ImplementationSpecific"), path("/a"), path("/a/long"), path("/exact", "Exact")]
    (listener,) = desired(ingress(spec={"rules": [rule("", *paths)]})).listeners
    assert [each.conditions[0]["PathPatternConfig"]["Values"] for each in listener.rules] == [
        ["/exact"],
        ["/a/long", "/a/long/*"],
        ["/a", "/a/*"],
        ["/any*"],
    ]


def test_backends_by_name_and_those_that_are_not_there() -> None:
    paths = [path("/a", port="named"), path("/b", service="none")]
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    made = desired(ingress(spec={"rules": [rule("", *paths)], "defaultBackend": backend}))
    (listener,) = made.listeners
    assert listener.default == [{"Type": "forward", "target": "default/web-web:80"}]
    assert [each.actions for each in listener.rules] == [
        [{"Type": "forward", "target": "default/web-web:named"}],
        [NO_SERVICE],
    ]
    named = made.target_groups["default/web-web:named"]
    assert (named.port, named.target_port) == (1, "web")


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        ({"wafv2-acl-arn": "x"}, "wafv2-acl-arn is not played here"),
        ({"target-type": "instance"}, "target-type instance is not played here"),
        ({"scheme": "public"}, "unknown scheme: public"),
        ({"load-balancer-name": "x" * 33}, "cannot be longer than 32 characters"),
        ({"listen-ports": "80"}, "failed to parse listen-ports"),
        ({"listen-ports": "[]"}, "empty listen-ports"),
        ({"listen-ports": '[{"TCP": 80}]'}, "listen protocol must be within [HTTP, HTTPS]: TCP"),
        ({"listen-ports": '[{"HTTP": 0}]'}, "listen port must be within [1, 65535]: 0"),
        ({"listen-ports": LISTEN}, "finding certificates by host name is not played here"),
        ({"ssl-redirect": "443"}, "listener does not exist for SSLRedirect port: 443"),
        ({"ssl-redirect": "80"}, "listener protocol non-SSL for SSLRedirect port: 80"),
        ({"inbound-cidrs": "203.0.113.0"}, ""),
        ({"inbound-cidrs": "here"}, "invalid inbound-cidrs settings on Ingress: default/web"),
        ({"group.order": "1001"}, "order must be within"),
    ],
)
def test_what_cannot_be_made_is_told(annotations: dict[str, str], told: str) -> None:
    if not told:
        assert desired(ingress(annotations=annotations))
        return
    assert told in refusal(ingress(annotations=annotations))


@pytest.mark.parametrize(
    ("name", "first", "second", "told"),
    [
        ("scheme", "internal", "internet-facing", "conflicting scheme"),
        ("load-balancer-name", "a", "b", "conflicting load balancer name: a b"),
        ("inbound-cidrs", "10.0.0.0/8", "10.1.0.0/16", "conflicting inbound-cidrs"),
        ("listen-ports", '[{"HTTP": 80}]', '[{"HTTPS": 80}]', "conflicting protocol"),
    ],
)
def test_members_that_contradict_each_other(name: str, first: str, second: str, told: str) -> None:
    assert told in refusal(ingress("a", annotations={name: first}), ingress("b", annotations={name: second}))


def test_wildcards_and_ports_that_are_not_there() -> None:
    assert "wildcards" in refusal(ingress(spec={"rules": [rule("", path("/a*"))]}))
    assert "unable to find port 99" in refusal(ingress(spec={"rules": [rule("", path("/", port=99))]}))
    assert "annotations are not played" in refusal(
        ingress(spec={"rules": [rule("", path("/", port="use-annotation"))]})
    )
    two = (
        ingress("a", spec={"defaultBackend": path("/")["backend"]}),
        ingress("b", spec={"defaultBackend": path("/")["backend"]}),
    )
    assert "multiple ingress defined default backend" in refusal(*two)


def test_arguments_as_the_chart_passes_them(capsys: pytest.CaptureFixture[str]) -> None:
    found = parse(
        [
            "--cluster-name=myeks",
            "--ingress-class=alb",
            "--aws-region=ap-northeast-2",
            "--aws-vpc-id=vpc-1",
            "--metrics-bind-addr=:8080",
            "--default-tags=a=b,c=d",
            "--enable-shield=false",
        ]
    )
    assert (found.cluster, found.vpc, found.default_tags, found.shield) == (
        "myeks",
        "vpc-1",
        {"a": "b", "c": "d"},
        False,
    )
    assert "not played: --metrics-bind-addr=:8080" in capsys.readouterr().out
    with pytest.raises(ValueError, match="KEY=VALUE"):
        pairs("a")


def test_the_node_is_asked_for_what_no_argument_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    node = {
        "api/token": "held",
        "meta-data/placement/region": "ap-northeast-2",
        "meta-data/mac": "02:00",
        "meta-data/network/interfaces/macs/02:00/vpc-id": "vpc-2",
    }

    def ask(url: str, headers: dict[str, str], method: str = "GET") -> str:
        path = url.removeprefix("http://node/metadata/latest/")
        assert (method, headers.get("X-aws-ec2-metadata-token")) in (("PUT", None), ("GET", "held"))
        asked.append(path)
        return node[path]

    monkeypatch.setattr(metadata, "_ask", ask)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://node/metadata/")
    monkeypatch.delenv("AWS_REGION", raising=False)
    bare = parse(["--cluster-name=myeks"])
    assert (bare.region, bare.vpc) == ("", "")
    found = metadata.completed(bare)
    assert (found.cluster, found.region, found.vpc) == ("myeks", "ap-northeast-2", "vpc-2")
    # What an argument tells is not asked for, nor what the pod's own variable tells.
    asked.clear()
    told = parse(["--cluster-name=myeks", "--aws-vpc-id=vpc-1", "--aws-region=us-east-1"])
    assert (metadata.completed(told), asked) == (told, [])
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert metadata.completed(bare).region == "eu-west-1"
    assert "meta-data/placement/region" not in asked


def test_the_image_listens_where_its_pod_is_given_a_port() -> None:
    image = image_of("public.ecr.aws/eks/aws-load-balancer-controller:v3.5.0")
    assert image
    assert image.adapt
    argv = argv_of(image, {"args": ["--cluster-name=myeks", "--webhook-bind-port=9443"]})
    start = image.adapt(Start(argv, {}), {9443: 40001, 8080: 40002})
    assert start.argv[1:] == [
        "-m",
        "rehearsal.cluster.controllers.load_balancer",
        "--cluster-name=myeks",
        "--webhook-bind-port=40001",
        "--webhook-cert-dir=/tmp/k8s-webhook-server/serving-certs",
    ]


class Classes:
    """Stands for the API server."""

    def classes(self) -> dict[str, Any]:
        return CLASSES


def test_webhooks_refuse_a_class_that_is_not_there() -> None:
    def answer(path: str, found: dict[str, Any]) -> dict[str, Any] | None:
        return review(path, {"uid": "1", "object": found}, Classes(), SETTINGS)  # pyright: ignore[reportArgumentType]  # its one method

    wanted = "/validate-networking-v1-ingress"
    assert answer(wanted, ingress()) == {"uid": "1", "allowed": True}
    assert answer(wanted, ingress(spec={"ingressClassName": "nginx"})) == {"uid": "1", "allowed": True}
    refused = answer(wanted, ingress(spec={"ingressClassName": "none"}))
    assert refused
    assert not refused["allowed"]
    assert 'IngressClass "none" not found' in refused["status"]["message"]
    gated = answer("/mutate-v1-pod", {})
    assert gated
    assert gated["allowed"]
    assert gated["warnings"]
    assert answer("/elsewhere", {}) is None


class Gone(Cluster):
    """An API server that has nothing."""

    def __init__(self) -> None:
        pass

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        raise ApiError(404, f"{method} {path}")


def test_an_ingress_that_is_gone_gets_no_finalizer_and_has_none_to_lose() -> None:
    here = ingress(resourceVersion="1", finalizers=["mine"])
    with pytest.raises(ApiError):
        Gone().add_finalizer("/x", here, "new")
    Gone().remove_finalizer("/x", here, "mine")
