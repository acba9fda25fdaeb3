"""eksctl's verbs that make IAM roles, associations and access entries, on data."""

import json

import pytest
import yaml
from botocore.exceptions import ClientError

from programs.cluster import Stopped
from programs.eksctl import accounts, associations, roles
from tests.unit.programs.eksctl_world import (
    ACCOUNT,
    ISSUER,
    MY_SA,
    NODES,
    PROVIDER,
    S3,
    USER,
    Aws,
    Cluster,
    Session,
    Shown,
    role_of,
    type_,
)

CREATE = f"create iamserviceaccount --name my-sa --namespace default --cluster myeks --attach-policy-arn {S3}"


def test_a_service_account_is_made_with_its_role(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    session = Session()
    type_(monkeypatch, session, f"{CREATE} --approve --tags a=b")
    (made,) = session.played.made("create_role")
    name = made["RoleName"]
    # As CloudFormation cuts it: the stack's name to 45 characters, and 12 that are drawn.
    assert name.startswith("eksctl-myeks-addon-iamserviceaccount-default--Role1-")
    assert len(name) == 64
    assert {one["Key"]: one["Value"] for one in made["Tags"]} == {
        "a": "b",
        "alpha.eksctl.io/cluster-name": "myeks",
        "eksctl.cluster.k8s.io/v1alpha1/cluster-name": "myeks",
        "alpha.eksctl.io/eksctl-version": "0.215.0",
        "alpha.eksctl.io/iamserviceaccount-name": "default/my-sa",
    }
    (statement,) = json.loads(made["AssumeRolePolicyDocument"])["Statement"]
    assert statement["Principal"] == {"Federated": PROVIDER}
    assert statement["Condition"]["StringEquals"] == {
        f"{ISSUER}:sub": "system:serviceaccount:default:my-sa",
        f"{ISSUER}:aud": "sts.amazonaws.com",
    }
    assert session.played.made("attach_role_policy") == [{"RoleName": name, "PolicyArn": S3}]
    meta = session.api.objects[MY_SA]["metadata"]
    assert meta["labels"] == {"app.kubernetes.io/managed-by": "eksctl"}
    assert meta["annotations"] == {"eks.amazonaws.com/role-arn": f"arn:aws:iam::{ACCOUNT}:role/{name}"}
    told = capsys.readouterr().out
    assert 'created serviceaccount "default/my-sa"' in told
    assert "without CloudFormation" in told


@pytest.mark.parametrize("flag", ["", " --approve=false"])
def test_without_approve_nothing_is_made(flag: str, monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    session = Session()
    type_(monkeypatch, session, CREATE + flag)
    assert "run again with '--approve'" in capsys.readouterr().out
    assert not session.played.made("create_role")
    assert MY_SA not in session.api.objects


def test_what_stands_is_left_out_unless_it_may_be_overridden(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    meta = {"name": "my-sa", "annotations": {"own": "1"}, "resourceVersion": "3"}
    session = Session(Cluster(**{MY_SA: {"metadata": meta}}))
    type_(monkeypatch, session, f"{CREATE} --approve")
    assert "1 existing iamserviceaccount(s) (default/my-sa) will be excluded" in capsys.readouterr().out
    assert not session.played.made("create_role")
    type_(monkeypatch, session, f"{CREATE} --approve --override-existing-serviceaccounts")
    (made,) = session.played.made("create_role")
    found = session.api.objects[MY_SA]["metadata"]
    assert found["annotations"]["own"] == "1"
    assert found["annotations"][accounts.ROLE_ANNOTATION].endswith(made["RoleName"])
    # A role that eksctl made is never made again.
    again = Session(aws=role_of("default/my-sa"))
    type_(monkeypatch, again, f"{CREATE} --approve --override-existing-serviceaccounts")
    assert not again.played.made("create_role")


def test_a_role_that_cannot_have_its_policy_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ClientError({"Error": {"Code": "NoSuchEntity", "Message": "no policy"}}, "AttachRolePolicy")
    session = Session(aws=Aws(attach_role_policy=error))
    with pytest.raises(Stopped, match="operation error AttachRolePolicy, NoSuchEntity: no policy"):
        type_(monkeypatch, session, f"{CREATE} --approve")
    assert len(session.played.made("delete_role")) == 1
    assert MY_SA not in session.api.objects


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("create iamserviceaccount --cluster myeks --name x", "--attach-policy-arn or --attach-role-arn must be set"),
        (f"create iamserviceaccount --cluster myeks --attach-policy-arn {S3}", "--name must be set"),
        (f"{CREATE} another", "cannot be used at the same time"),
        (f"{CREATE} --attach-role-arn {NODES}", "cannot provide --attach-role-arn"),
        (f"create iamserviceaccount --name x --attach-policy-arn {S3}", "--cluster must be set"),
        (f"{CREATE} -f cluster.yaml", "a config file is not read here"),
        (f"{CREATE} --nonsense", "unrecognized arguments: --nonsense"),
        ("get accessentry --cluster other", "No cluster found for name: other"),
        ("get cluster -o wide", "invalid choice"),
        ("get cluster -A", "the rehearsal has one region"),
    ],
)
def test_flags_that_do_not_go_together_are_told(line: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    with pytest.raises(Stopped, match=said):
        type_(monkeypatch, session, line)
    assert not session.played.made("create_role")


def test_a_cluster_without_provider_gets_no_role(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(aws=Aws(list_open_id_connect_providers={"OpenIDConnectProviderList": [{"Arn": f"{PROVIDER}X"}]}))
    with pytest.raises(Stopped, match="without IAM OIDC provider"):
        type_(monkeypatch, session, f"{CREATE} --approve")
    assert not session.played.made("create_role")


def test_service_accounts_are_found_by_their_roles_tags(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    listing = "get iamserviceaccount --cluster myeks"
    type_(monkeypatch, Session(aws=role_of("default/my-sa")), listing)
    assert f"default\t\tmy-sa\tarn:aws:iam::{ACCOUNT}:role/made" in capsys.readouterr().out
    type_(monkeypatch, Session(aws=role_of("default/my-sa", cluster="other")), listing)
    assert capsys.readouterr().out == "No iamserviceaccounts found\n"
    type_(monkeypatch, Session(aws=role_of("default/my-sa")), f"{listing} --namespace kube-system")
    assert capsys.readouterr().out == "No iamserviceaccounts found\n"


def test_a_service_account_that_eksctl_made_goes_with_its_role(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    own = {"metadata": {"name": "my-sa", "labels": {roles.MANAGED_BY: "eksctl"}}}
    line = "delete iamserviceaccount --cluster myeks my-sa"
    session = Session(Cluster(**{MY_SA: own}), role_of("default/my-sa"))
    type_(monkeypatch, session, line)
    assert session.played.made("detach_role_policy") == [{"RoleName": "made", "PolicyArn": S3}]
    assert session.played.made("delete_role") == [{"RoleName": "made"}]
    assert MY_SA not in session.api.objects
    assert 'deleted serviceaccount "default/my-sa"' in capsys.readouterr().out
    others = Session(Cluster(**{MY_SA: {"metadata": {"name": "my-sa"}}}), role_of("default/other"))
    type_(monkeypatch, others, line)
    assert not others.played.made("delete_role")
    assert MY_SA in others.api.objects
    assert "was not created by eksctl; will not be deleted" in capsys.readouterr().out


PAIR = "--cluster myeks --namespace default --service-account-name my-sa"


def test_an_association_is_made_with_role_and_account(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    session = Session()
    line = f"create podidentityassociation {PAIR} --permission-policy-arns {S3} --create-service-account"
    type_(monkeypatch, session, line)
    (role,) = session.played.made("create_role")
    assert role["RoleName"].startswith("eksctl-myeks-podidentityrole-default-my-sa-Role1-")
    assert json.loads(role["AssumeRolePolicyDocument"])["Statement"] == [associations.TRUST]
    (made,) = session.played.made("create_pod_identity_association")
    assert made["roleArn"].endswith(role["RoleName"])
    assert (made["namespace"], made["serviceAccount"]) == ("default", "my-sa")
    # The role is no annotation of the account: that would be IRSA.
    assert session.api.objects[MY_SA]["metadata"]["annotations"] == {}
    assert "all tasks were completed successfully" in capsys.readouterr().out
    given = Session()
    type_(monkeypatch, given, f"create podidentityassociation {PAIR} --role-arn {NODES}")
    assert not given.played.made("create_role")
    assert given.played.made("create_pod_identity_association")[0]["roleArn"] == NODES
    assert MY_SA not in given.api.objects


def test_an_association_needs_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "DescribeAddon")
    session = Session(aws=Aws(describe_addon=error))
    with pytest.raises(Stopped, match='"eks-pod-identity-agent" addon must be installed'):
        type_(monkeypatch, session, f"create podidentityassociation {PAIR} --role-arn {NODES}")
    assert not session.played.made("create_pod_identity_association")


def test_an_association_goes_with_its_role_alone(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    aws = role_of("default/my-sa", roles.ASSOCIATION_TAG)
    aws.answers["list_pod_identity_associations"] = {"associations": [{"associationId": "a-1"}]}
    type_(monkeypatch, Session(aws=aws), f"delete podidentityassociation {PAIR}")
    assert aws.made("delete_pod_identity_association") == [{"clusterName": "myeks", "associationId": "a-1"}]
    assert aws.made("delete_role") == [{"RoleName": "made"}]
    owned = role_of("default/other", roles.ASSOCIATION_TAG)
    owned.answers["list_pod_identity_associations"] = {"associations": [{"associationId": "a-1", "ownerArn": "addon"}]}
    with pytest.raises(Stopped, match="in use by addon addon"):
        type_(monkeypatch, Session(aws=owned), f"delete podidentityassociation {PAIR}")
    assert not owned.made("delete_pod_identity_association")
    none = role_of("default/other", roles.ASSOCIATION_TAG)
    type_(monkeypatch, Session(aws=none), f"delete podidentityassociation {PAIR}")
    assert 'pod identity association "default/my-sa" not found' in capsys.readouterr().out
    assert not none.made("delete_role")


def test_access_entries_are_listed_made_once_and_deleted(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    policy = {"policyArn": "arn:p", "accessScope": {"type": "namespace", "namespaces": ["a"]}}
    aws = Aws(
        list_access_entries={"accessEntries": [USER]},
        describe_access_entry={"accessEntry": {"kubernetesGroups": ["g", "h"]}},
        list_associated_access_policies={"associatedAccessPolicies": [policy]},
    )
    type_(monkeypatch, Session(aws=aws), "get accessentries --cluster myeks")
    assert capsys.readouterr().out.splitlines()[-1].split() == [USER, "2", "1"]
    type_(monkeypatch, Session(aws=aws), "get accessentry --cluster myeks -o yaml")
    told = capsys.readouterr()
    assert yaml.safe_load(told.out) == [
        {
            "principalARN": USER,
            "kubernetesGroups": ["g", "h"],
            "accessPolicies": [{"policyARN": "arn:p", "accessScope": {"type": "namespace", "namespaces": ["a"]}}],
        }
    ]
    line = f"create accessentry --cluster myeks --principal-arn {USER} --kubernetes-groups g,h"
    type_(monkeypatch, Session(aws=aws), line)
    (made,) = aws.made("create_access_entry")
    assert (made["principalArn"], made["kubernetesGroups"]) == (USER, ["g", "h"])
    aws.answers["describe_access_entry"] = {"accessEntry": {"tags": made["tags"]}}
    type_(monkeypatch, Session(aws=aws), line)
    assert "already up-to-date" in capsys.readouterr().out
    assert len(aws.made("create_access_entry")) == 1
    type_(monkeypatch, Session(aws=aws), f"delete accessentry --cluster myeks --principal-arn {USER}")
    assert aws.made("delete_access_entry") == [{"clusterName": "myeks", "principalArn": USER}]
    with pytest.raises(Stopped, match="access entries API is not currently enabled"):
        type_(monkeypatch, Session(accessConfig={"authenticationMode": "CONFIG_MAP"}), "get accessentry -c myeks")
