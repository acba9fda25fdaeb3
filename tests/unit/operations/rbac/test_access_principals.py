"""IAM principals behind users and groups, and access policies that could matter."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from grading.requests import Request, ResourceRequest, UrlRequest
from operations.rbac import iam_principals
from operations.rbac.cluster_reader import NotAsked
from operations.rbac.evaluator import BUILT_IN, Grant
from operations.rbac.iam_principals import AccessPolicy, Principal
from operations.rbac.identities import Identity
from operations.rbac.objects import Subject

USER = "arn:aws:iam::111122223333:user/testuser"
ROLE = "arn:aws:iam::111122223333:role/team/dev"
BARE = "arn:aws:iam::111122223333:role/dev"
CLUSTER = {"clusterName": "myeks"}
AWS_AUTH = {
    "mapUsers": f"- {{userarn: {USER}, username: testuser, groups: ['system:masters']}}\n- {{userarn: x}}\n- nonsense",
    "mapRoles": f"- {{rolearn: {BARE}, username: dev, groups: }}",
}


@contextmanager
def eks(monkeypatch: pytest.MonkeyPatch, mode: str) -> Generator[Stubber]:
    client: Any = boto3.client("eks", "ap-northeast-2", aws_access_key_id="x", aws_secret_access_key="x")
    monkeypatch.setattr(iam_principals.boto3, "client", lambda *_, **__: client)
    with Stubber(client) as stubber:
        cluster = {"cluster": {"name": "myeks", "accessConfig": {"authenticationMode": mode}}}
        stubber.add_response("describe_cluster", cluster, {"name": "myeks"})
        yield stubber


def add_entry(stubber: Stubber, arn: str, username: str, groups: list[str], *scopes: dict[str, Any]) -> None:
    own = {**CLUSTER, "principalArn": arn}
    entry = {"username": username, "kubernetesGroups": groups, "type": "STANDARD"}
    stubber.add_response("describe_access_entry", {"accessEntry": entry}, own)
    policies = [
        {"policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", "accessScope": one}
        for one in scopes
    ]
    stubber.add_response("list_associated_access_policies", {"associatedAccessPolicies": policies}, own)


def test_entries_come_with_their_policies_over_all_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iam_principals, "AT_ONCE", 1)
    with eks(monkeypatch, "API_AND_CONFIG_MAP") as stubber:
        stubber.add_response("list_access_entries", {"accessEntries": [USER], "nextToken": "more"}, CLUSTER)
        stubber.add_response("list_access_entries", {"accessEntries": [ROLE]}, {**CLUSTER, "nextToken": "more"})
        add_entry(stubber, USER, "testuser", [], {"type": "namespace", "namespaces": ["default"]}, {"type": "cluster"})
        add_entry(stubber, ROLE, "dev", ["devs"])
        # The entry of testuser wins over what aws-auth says.
        found = iam_principals.of_cluster("myeks", "ap-northeast-2", AWS_AUTH)
        stubber.assert_no_pending_responses()
    view = "AmazonEKSViewPolicy"
    assert tuple(one for one in found if one.source == "access entry") == (
        Principal(ROLE, "access entry", "dev", ("devs",)),
        Principal(USER, "access entry", "testuser", (), (AccessPolicy(view, ("default",)), AccessPolicy(view, None))),
    )
    entry_wins = "an access entry of the same principal wins"
    assert {(one.arn, one.no_effect) for one in found if one.source == "aws-auth"} == {
        (BARE, entry_wins),
        (USER, entry_wins),
        ("x", "this is no ARN of a user or role"),
    }
    (entry,) = (one for one in found if (one.arn, one.source) == (USER, "access entry"))
    assert [str(one) for one in entry.policies] == [f"{view} on namespace default", f"{view} on the cluster"]


def test_an_entry_that_goes_away_meanwhile_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with eks(monkeypatch, "API") as stubber:
        stubber.add_response("list_access_entries", {"accessEntries": [USER]}, CLUSTER)
        stubber.add_client_error("describe_access_entry", "ResourceNotFoundException", http_status_code=404)
        # In this mode nothing reads aws-auth.
        assert iam_principals.of_cluster("myeks", "ap-northeast-2", AWS_AUTH) == ()


def test_where_only_aws_auth_counts_no_entry_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with eks(monkeypatch, "CONFIG_MAP"):
        found = iam_principals.of_cluster("myeks", "ap-northeast-2", AWS_AUTH)
    assert tuple(one for one in found if not one.no_effect) == (
        Principal(BARE, "aws-auth", "dev"),
        Principal(USER, "aws-auth", "testuser", ("system:masters",)),
    )


def test_eks_that_does_not_answer_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with eks(monkeypatch, "API") as stubber:
        stubber.add_client_error("list_access_entries", "AccessDeniedException")
        with pytest.raises(NotAsked, match="access entries of myeks"):
            iam_principals.of_cluster("myeks", "ap-northeast-2", {})


def test_a_broken_aws_auth_maps_nobody() -> None:
    assert iam_principals.in_aws_auth({"mapUsers": "{", "mapRoles": "just text"}) == ()
    assert iam_principals.in_aws_auth({}) == ()


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (f"{{rolearn: {BARE}, username: d}}", ""),
        ("{rolearn: 'arn:aws:iam::999900001111:role/x'}", ""),
        ("{rolearn: 'ARN:AWS:IAM::111122223333:ROLE/DEV'}", ""),
        (f"{{rolearn: {USER}}}", ""),
        ("{rolearn: 'arn:aws:iam::111122223333:root'}", ""),
        (f"{{rolearn: {ROLE}}}", f"a role's ARN has no path here: write {BARE}"),
        ("{rolearn: 'arn:aws:iam::111122223333:role/d*'}", "an ARN is compared as it stands, without wildcards"),
        ("{rolearn: 'arn:aws-cn:iam::111122223333:role/d'}", "the cluster's ARNs are of the partition aws"),
        ("{rolearn: 'arn:aws:iam::1111:role/d'}", "this is no ARN of a user or role"),
        ("{rolearn: 'arn:aws:sts::111122223333:assumed-role/d/s'}", "this is no ARN of a user or role"),
        ("{rolearn: 'arn:aws:iam::111122223333:group/d'}", "this is no ARN of a user or role"),
        (f"{{rolearn: {BARE}, sso: {{accountID: '111122223333'}}}}", "it has sso beside rolearn"),
    ],
)
def test_a_mapping_that_lets_nobody_in_says_why(written: str, why: str) -> None:
    (found,) = iam_principals.in_aws_auth({"mapRoles": f"[{written}]"})
    assert found.no_effect == why
    assert found.may_be(Identity(found.username or "x")) is (not why and bool(found.username))


def test_of_two_mappings_of_one_arn_the_last_lets_in() -> None:
    data = {
        "mapRoles": f"[{{rolearn: {BARE}, username: a, groups: [g]}}, {{rolearn: {BARE.upper()}, username: b}}]",
        "mapUsers": f"[{{userarn: {BARE}, username: c}}]",
    }
    found = iam_principals.in_aws_auth(data)
    assert [(one.username, one.no_effect) for one in found] == [
        ("a", "a later entry has the same ARN"),
        ("b", ""),
        ("c", "mapRoles has the same ARN and is searched first"),
    ]
    assert iam_principals.groups_of("a", found) == ()
    assert iam_principals.of_caller(BARE, found) == found[1]


def test_the_entry_of_a_role_with_a_path_wins_over_its_mapping() -> None:
    (found,) = iam_principals.in_aws_auth(
        {"mapRoles": f"[{{rolearn: {BARE}, groups: [devs]}}]"}, [Principal(ROLE, "access entry", "entryname")]
    )
    assert found.no_effect == "an access entry of the same principal wins"
    assert iam_principals.behind(grants(Subject("Group", "devs")), (found,)) == ()


def test_an_account_lets_everybody_of_it_in() -> None:
    (whole, wrong) = iam_principals.in_aws_auth({"mapAccounts": "['111122223333', '1']"})
    assert whole.whole_account
    assert not whole.no_effect
    assert wrong.no_effect == "an account has 12 digits"
    assert iam_principals.of_caller(USER, (whole, wrong)) is whole
    assert iam_principals.of_caller("arn:aws:iam::999900001111:user/x", (whole, wrong)) is None
    assert iam_principals.behind(grants(Subject("Group", "system:authenticated")), (whole, wrong)) == (whole,)
    assert iam_principals.behind(grants(Subject("Group", "devs")), (whole,)) == ()


def grants(*subjects: Subject) -> list[Grant]:
    return [Grant(one, None, ()) for one in subjects]


def test_principals_behind_subjects() -> None:
    master = Principal(USER, "aws-auth", "testuser", ("system:masters",))
    session = Principal(ROLE, "access entry", "dev-{{SessionName}}", ("devs", "system:authenticated"))
    both = (master, session)
    assert iam_principals.behind([BUILT_IN], both) == (master,)
    assert iam_principals.behind(grants(Subject("User", "testuser")), both) == (master,)
    assert iam_principals.behind(grants(Subject("User", "dev-alice"), Subject("Group", "devs")), both) == (session,)
    assert iam_principals.behind(grants(Subject("User", "devs"), Subject("Group", "testuser")), both) == ()
    assert iam_principals.behind(grants(Subject("Group", "system:authenticated")), both) == ()
    assert iam_principals.behind(grants(Subject("ServiceAccount", "testuser", "n")), both) == ()


def test_signs_in_a_user_name_are_no_pattern() -> None:
    assert not Principal(USER, "aws-auth", "dev*").may_be(Identity("developer"))
    assert Principal(USER, "aws-auth", "dev[1]*").may_be(Identity("dev[1]*"))


def test_the_groups_that_a_user_is_given() -> None:
    known = (
        Principal(USER, "aws-auth", "testuser", ("system:masters",)),
        Principal(ROLE, "access entry", "{{SessionName}}", ("devs",)),
    )
    assert iam_principals.groups_of("testuser", known) == ("system:masters",)
    assert iam_principals.groups_of("somebody", known) == iam_principals.groups_of("", known) == ()


def test_the_caller_is_found_by_arn_whatever_the_path_of_the_role() -> None:
    role = Principal(ROLE, "access entry", "dev")
    assert iam_principals.of_caller("arn:aws:iam::111122223333:role/dev", (role,)) is role
    assert iam_principals.of_caller("arn:aws:iam::111122223333:role/other", (role,)) is None
    assert iam_principals.of_caller("arn:aws:iam::111122223333:user/dev", (role,)) is None


LIST_PODS = ResourceRequest("list", "", "pods", namespace="dev-team")


@pytest.mark.parametrize(
    ("name", "namespaces", "request_", "anywhere", "could"),
    [
        ("AmazonEKSViewPolicy", None, LIST_PODS, False, True),
        ("AmazonEKSViewPolicy", ("dev-team",), LIST_PODS, False, True),
        ("AmazonEKSViewPolicy", ("dev-*",), LIST_PODS, False, True),
        ("AmazonEKSViewPolicy", ("default",), LIST_PODS, False, False),
        ("AmazonEKSViewPolicy", ("default",), LIST_PODS, True, True),
        ("AmazonEKSViewPolicy", ("default",), ResourceRequest("list", "", "nodes"), False, False),
        ("AmazonEKSViewPolicy", None, ResourceRequest("delete", "", "pods", namespace="dev-team"), False, False),
        ("AmazonEKSEditPolicy", None, ResourceRequest("delete", "", "pods", namespace="dev-team"), False, True),
        ("AmazonEKSViewPolicy", None, ResourceRequest("get", "", "secrets", namespace="dev-team"), False, False),
        ("AmazonEKSAdminViewPolicy", None, ResourceRequest("get", "", "secrets", namespace="dev-team"), False, True),
        ("AmazonEKSSecretReaderPolicy", None, ResourceRequest("get", "", "secrets", namespace="x"), False, True),
        ("AmazonEKSSecretReaderPolicy", None, LIST_PODS, False, False),
        ("AmazonEKSClusterAdminPolicy", None, UrlRequest("get", "/metrics"), False, True),
        ("AmazonEKSAdminPolicy", None, UrlRequest("get", "/metrics"), False, False),
    ],
)
def test_policies_that_could_matter(
    name: str, namespaces: tuple[str, ...] | None, request_: Request, anywhere: bool, could: bool
) -> None:
    policy = AccessPolicy(name, namespaces)
    one = Principal(USER, "access entry", "testuser", (), (policy,))
    assert iam_principals.beyond([one], request_, anywhere=anywhere) == (((one, policy),) if could else ())
