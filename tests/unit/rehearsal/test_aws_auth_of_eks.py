"""What EKS does with aws-auth: the node roles that it maps, and what its webhook refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import yaml

from rehearsal.cluster.api_client import ApiError
from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.emulator.aws_auth import mappings
from rehearsal.emulator.aws_auth_problems import refusal
from rehearsal.emulator.eks import aws_auth
from rehearsal.emulator.eks.nodes import NodeFailure
from rehearsal.emulator.eks.state import Cluster, ControlPlane, Nodegroup
from tests.unit.rehearsal import own_loop

ROLE = "arn:aws:iam::111122223333:role/nodes"
DEV = "arn:aws:iam::111122223333:role/dev"
ADDED = f"""\
- groups:
  - system:bootstrappers
  - system:nodes
  rolearn: {ROLE}
  username: system:node:{{{{EC2PrivateDNSName}}}}
"""
KEPT = f"- groups:\n  - devs\n  rolearn: {DEV}\n  username: dev\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"mapRoles": f"- rolear: {DEV}\n  username: y\n"}, 'json: unknown field "rolear" one of rolearn or SSO must'),
        ({"mapRoles": f"- rolearm: {DEV}"}, "one of rolearn or SSO must be supplied"),
        ({"mapUsers": "- userar: arn:aws:iam::1:user/a"}, 'json: unknown field "userar" value for userarn must be'),
        ({"mapUsers": f"- rolearn: {DEV}"}, "value for userarn must be supplied"),
        ({"mapRoles": f"- rolearn: {DEV}\n  usernam: dev"}, 'json: unknown field "usernam"'),
        ({"mapRoles": f"- rolearn: {DEV}\n  group: [devs]"}, 'json: unknown field "group"'),
        ({"mapUsers": "- {userarn: a, sso: {}}"}, 'json: unknown field "sso"'),
        ({"mapRoles": "- username: dev"}, "one of rolearn or SSO must be supplied"),
        ({"mapRoles": "-"}, "one of rolearn or SSO must be supplied"),
        ({"mapRoles": f"- {{rolearn: {DEV}, sso: {{}}}}"}, "only one of rolearn or SSO can be supplied"),
        ({"mapRoles": "- dev"}, "json: cannot unmarshal string into Go value of type config.RoleMapping"),
        ({"mapRoles": f"rolearn: {DEV}"}, "json: cannot unmarshal object into Go value of type []config.RoleMapping"),
        ({"mapUsers": "5"}, "json: cannot unmarshal number into Go value of type []config.UserMapping"),
        ({"mapUsers": "yes"}, "json: cannot unmarshal bool into Go value of type []config.UserMapping"),
        ({"mapRoles": f"- rolearn: {DEV}\n  groups:\n  - a\n oops: b\n"}, "yaml: line 3: did not find expected '-'"),
        ({"mapRoles": "- {rolearn: a, username: {{SessionName}}}"}, "yaml: found unhashable key"),
        ({"mapAccounts": "one: 111122223333"}, "yaml: unmarshal errors: cannot unmarshal !!map into []string"),
        ({"mapAccounts": "- ["}, "yaml: line 1: did not find expected node content"),
    ],
)
def test_the_webhook_refuses_what_would_let_nobody_in(data: dict[str, str], why: str) -> None:
    told = refusal({"mapRoles": KEPT, **data})
    assert told.startswith("error parsing config map: [")
    assert why in told


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"mapRoles": "", "mapUsers": "[]\n", "mapAccounts": '""'},
        {"mapRoles": KEPT + ADDED},
        # Case of the names does not matter to the authenticator, that of the keys does: then nobody reads them.
        {"mapRoles": f"- roleARN: {DEV}\n  UserName: dev\n  GROUPS: [devs]"},
        {"maproles": "- [", "mapGroups": "anything"},
        # A member of another type stays empty, and the entry counts.
        {"mapRoles": f"- rolearn: {DEV}\n  username: 12345\n  groups: devs\n  userid: AROAX"},
        {"mapRoles": "- sso: {permissionSetName: Dev, accountID: '111122223333'}"},
        {"mapAccounts": "- 111122223333"},
    ],
)
def test_the_webhook_takes_what_the_authenticator_reads(data: dict[str, str]) -> None:
    assert refusal(data) == ""


def review(name: str, data: dict[str, str] | None) -> dict[str, Any]:
    found = {"metadata": {"name": name, "namespace": "kube-system"}, **({} if data is None else {"data": data})}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {"uid": "u", "kind": {"kind": "ConfigMap"}, "object": found},
    }


def test_the_webhook_answers_with_the_reason() -> None:
    wrong = {"mapRoles": "- rolear: x"}
    answer = aws_auth.reviewed(review("aws-auth", wrong))
    assert answer == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": "u", "allowed": False, "status": {"message": refusal(wrong)}},
    }
    for name, data in (("aws-auth", None), ("aws-auth", {"mapRoles": KEPT}), ("coredns", wrong)):
        assert aws_auth.reviewed(review(name, data))["response"] == {"uid": "u", "allowed": True}


def test_a_node_role_is_added_once_and_the_rest_stays() -> None:
    data = {"mapRoles": KEPT, "mapUsers": "- userarn: x"}
    added = {"mapRoles": KEPT + ADDED, "mapUsers": "- userarn: x"}
    assert aws_auth.with_nodes(data, ROLE) == added
    assert aws_auth.with_nodes(added, ROLE) is None
    assert aws_auth.with_nodes({"mapRoles": f"- roleARN: {ROLE.upper()}\n  groups: [mine]"}, ROLE) is None
    nothing: list[dict[str, str]] = [{}, {"mapRoles": ""}, {"mapRoles": "[]\n"}]
    for empty in nothing:
        assert aws_auth.with_nodes(empty, ROLE) == {"mapRoles": ADDED}


def test_a_node_role_s_path_is_left_out_so_that_its_nodes_come_in() -> None:
    pathed = ROLE.replace("role/", "role/team/")
    assert aws_auth.with_nodes({}, pathed) == {"mapRoles": ADDED}
    assert aws_auth.without_nodes({"mapRoles": ADDED}, pathed) == {"mapRoles": "[]\n"}


def test_a_node_role_is_taken_out_whoever_wrote_it() -> None:
    data = {"mapRoles": f"- {{rolearn: {ROLE}, username: mine}}\n{KEPT}", "mapUsers": "- userarn: x"}
    assert aws_auth.without_nodes(data, ROLE) == {"mapRoles": KEPT, "mapUsers": "- userarn: x"}
    assert aws_auth.without_nodes({"mapRoles": KEPT}, ROLE) is None
    assert aws_auth.without_nodes({}, ROLE) is None


def test_what_an_entry_means_to_the_authenticator_stays() -> None:
    """EKS writes the list again; a name that is no text must not become one."""
    odd = {"mapRoles": f"- {{rolearn: {DEV}, username: 12345, groups: [1, devs]}}\n- {{rolearn: b, username: yes}}"}
    added = aws_auth.with_nodes(odd, ROLE)
    assert added is not None
    assert mappings(added)[:2] == mappings(odd)


@pytest.mark.parametrize("text", ["- [", "rolearn: x", "words"])
def test_what_is_no_list_is_not_touched(text: str) -> None:
    for change in (aws_auth.with_nodes, aws_auth.without_nodes):
        with pytest.raises(aws_auth.Unreadable, match=r"^The aws-auth ConfigMap in your cluster is invalid\.$"):
            change({"mapRoles": text}, ROLE)


@dataclass
class Api:
    """An API server that holds one ConfigMap, or none."""

    data: dict[str, str] | None = None
    refusals: list[int] = field(default_factory=list[int])
    """Statuses with which the next writes are refused."""
    asked: list[str] = field(default_factory=list[str])
    broken: bool = False

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self.asked.append(f"{method} {path}")
        if self.broken:
            raise ControlPlaneError("it is being restarted")
        if body is None:
            if self.data is None:
                raise ApiError(method, path, 404, b"")
            return {"metadata": {"resourceVersion": "7"}, "data": self.data}
        if self.refusals:
            raise ApiError(method, path, self.refusals.pop(0), b"")
        assert method == "POST" or body["metadata"]["resourceVersion"] == "7", "a change that somebody made is lost"
        self.data = dict(body["data"])
        return dict(body)


def cluster(api: Api, mode: str, *roles: str, status: str = "ACTIVE") -> Cluster:
    @dataclass
    class Plane:
        client: Api

    made = Cluster({"name": "c", "accessConfig": {"authenticationMode": mode}}, bootstrap_addons=True)
    made.control_plane = cast("ControlPlane", Plane(api))
    made.nodegroups = {
        str(number): Nodegroup({"nodeRole": role, "status": status}) for number, role in enumerate(roles)
    }
    return made


def admit(api: Api, mode: str) -> None:
    own_loop.run(aws_auth.admit_nodes(cluster(api, mode), ROLE))


@pytest.mark.parametrize("mode", ["CONFIG_MAP", "API_AND_CONFIG_MAP"])
def test_where_aws_auth_is_read_a_node_group_s_role_is_mapped(mode: str) -> None:
    api = Api({"mapRoles": KEPT})
    admit(api, mode)
    assert api.data == {"mapRoles": KEPT + ADDED}
    asked = len(api.asked)
    admit(api, mode)
    assert [one.split()[0] for one in api.asked[asked:]] == ["GET"], "it is there already"


def test_where_aws_auth_is_not_read_nobody_touches_it() -> None:
    api = Api({"mapRoles": ADDED})
    admit(api, "API")
    own_loop.run(aws_auth.dismiss_nodes(cluster(api, "API"), ROLE))
    assert api.asked == []


def test_a_missing_config_map_is_made() -> None:
    api = Api()
    admit(api, "API_AND_CONFIG_MAP")
    assert api.data == {"mapRoles": ADDED}
    assert api.asked[-1] == "POST /api/v1/namespaces/kube-system/configmaps?fieldManager=vpcLambda"


@pytest.mark.parametrize("status", [404, 409])
def test_who_is_overtaken_reads_again(status: int) -> None:
    api = Api({"mapUsers": "[]"}, [status])
    admit(api, "CONFIG_MAP")
    assert api.data == {"mapUsers": "[]", "mapRoles": ADDED}
    assert [one.split()[0] for one in api.asked] == ["GET", "PUT"] * 2


@pytest.mark.parametrize("api", [Api({"mapRoles": "- ["}), Api({}, [400, 400])], ids=["unreadable", "refused"])
def test_an_invalid_config_map_fails_nodes_that_have_no_other_way_in(api: Api) -> None:
    before = dict(api.data or {})
    admit(api, "API_AND_CONFIG_MAP")
    with pytest.raises(NodeFailure, match="The aws-auth ConfigMap in your cluster is invalid") as failed:
        admit(api, "CONFIG_MAP")
    assert (failed.value.code, api.data) == ("AccessDenied", before)


def test_an_api_server_that_does_not_answer_fails_the_node_group() -> None:
    with pytest.raises(NodeFailure) as failed:
        admit(Api(broken=True), "API_AND_CONFIG_MAP")
    assert failed.value.code == "ClusterUnreachable"


@pytest.mark.parametrize(
    ("others", "status", "left"),
    [
        ((), "ACTIVE", KEPT),
        ((DEV,), "ACTIVE", KEPT),
        ((ROLE,), "ACTIVE", KEPT + ADDED),
        ((ROLE,), "CREATE_FAILED", KEPT + ADDED),
        ((ROLE,), "DELETING", KEPT),
    ],
)
def test_with_its_last_node_group_a_role_goes(others: tuple[str, ...], status: str, left: str) -> None:
    api = Api({"mapRoles": KEPT + ADDED})
    own_loop.run(aws_auth.dismiss_nodes(cluster(api, "CONFIG_MAP", *others, status=status), ROLE))
    assert api.data is not None
    assert yaml.safe_load(api.data["mapRoles"]) == yaml.safe_load(left)


@pytest.mark.parametrize("api", [Api(), Api({"mapRoles": "- ["}), Api(broken=True)])
def test_a_node_group_goes_whatever_is_in_aws_auth(api: Api) -> None:
    own_loop.run(aws_auth.dismiss_nodes(cluster(api, "CONFIG_MAP"), ROLE))
    assert not [one for one in api.asked if not one.startswith("GET")]
