"""eksctl's verbs on data: what is read from the command line, what is printed, and what aws-auth becomes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from programs.__main__ import run
from programs.cluster import Stopped
from programs.eksctl import clusters, commands, entries, output, roles
from programs.eksctl.output import Log, printed
from tests.unit.programs.eksctl_world import AWS_AUTH, NODES, USER, Aws, Cluster, Session, Shown, aws_auth, type_

MASTERS = f"create iamidentitymapping --cluster myeks --username testuser --group system:masters --arn {USER}"


def test_a_table_is_filled_up_by_tabs() -> None:
    rows = [("NAMESPACE", "NAME", "ROLE ARN"), ("default", "my-sa", "arn")]
    assert output.table(rows) == "NAMESPACE\tNAME\tROLE ARN\ndefault\t\tmy-sa\tarn\n"
    # A cell as wide as a column still has a tab behind it.
    assert output.table([("12345678", "x"), ("1", "y")]) == "12345678\tx\n1\t\ty\n"
    assert printed("accessentries", [], entries.COLUMNS, "table") == "No accessentries found\n"
    assert printed("accessentries", [], entries.COLUMNS, "json") == "[]\n"


def test_tasks_are_described_as_one_or_as_steps() -> None:
    assert output.tasks([]) == "no tasks"
    assert output.tasks(["a"]) == "1 task: { a }"
    assert output.tasks(["a", "b"]).splitlines()[1:] == [
        "    2 sequential sub-tasks: { ",
        "        a,",
        "        b,",
        "    } }",
    ]


def test_the_log_is_beside_what_a_script_reads(capsys: Shown) -> None:
    Log(to_stderr=True).info("x")
    Log(level=2).info("not told")
    Log(level=2).warning("y")
    told = capsys.readouterr()
    assert told.err.endswith(" [ℹ]  x\n")  # noqa: RUF001  # eksctl's own sign
    assert told.out.endswith(" [!]  y\n")
    assert "not told" not in told.out


def test_mappings_are_listed_as_roles_users_accounts(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    nodes = {"rolearn": NODES, "username": "system:node:{{EC2PrivateDNSName}}", "groups": ["b", "a"]}
    api = aws_auth([nodes], [{"userarn": USER, "username": "testuser"}], mapAccounts='["1"]')
    type_(monkeypatch, Session(api), "get iamidentitymapping --cluster myeks")
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [[cell for cell in line if cell] for line in lines] == [
        ["ARN", "USERNAME", "GROUPS", "ACCOUNT"],
        ["1"],
        [NODES, "system:node:{{EC2PrivateDNSName}}", "b,a"],
        [USER, "testuser"],
    ]
    type_(monkeypatch, Session(api), f"get iamidentitymapping -c myeks --arn {USER} -o json")
    assert json.loads(capsys.readouterr().out) == [{"userarn": USER, "username": "testuser"}]
    with pytest.raises(Stopped, match="no iamidentitymapping with arn"):
        type_(monkeypatch, Session(api), "get iamidentitymapping -c myeks --arn x")


def test_a_second_mapping_of_an_arn_is_added_with_a_warning(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    api = aws_auth([{"rolearn": NODES, "groups": ["system:nodes"]}])
    type_(monkeypatch, Session(api), MASTERS)
    assert "[!]" not in capsys.readouterr().out
    type_(monkeypatch, Session(api), f"{MASTERS} --group=a,b")
    assert "will be shadowed by your new mapping" in capsys.readouterr().out
    kept = api.objects[AWS_AUTH]
    assert kept["metadata"]["resourceVersion"] == "7"
    assert kept["data"]["mapRoles"] == f"- groups:\n  - system:nodes\n  rolearn: {NODES}\n"
    users = yaml.safe_load(kept["data"]["mapUsers"])
    assert [one["groups"] for one in users] == [["system:masters"], ["system:masters", "a", "b"]]
    with pytest.raises(Stopped, match="shadowing is disabled"):
        type_(monkeypatch, Session(api), f"{MASTERS} --group other --no-duplicate-arns")
    type_(monkeypatch, Session(api), f"{MASTERS} --no-duplicate-arns")
    assert "skipping" in capsys.readouterr().out
    assert yaml.safe_load(kept["data"]["mapUsers"]) == users


def test_a_cluster_without_aws_auth_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Cluster()
    type_(monkeypatch, Session(api), MASTERS)
    assert "userarn" in api.objects[AWS_AUTH]["data"]["mapUsers"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--username x", "expected a valid arn"),
        (f"--arn {USER}", "neither username nor group"),
        ("--arn arn:aws:iam::1:group/x --username x", "neither user nor role"),
        ("--arn nonsense --username x", "invalid prefix"),
    ],
)
def test_what_is_no_mapping_is_refused_and_nothing_is_saved(
    flags: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Cluster()
    with pytest.raises(Stopped, match=said):
        type_(monkeypatch, Session(api), f"create iamidentitymapping --cluster myeks {flags}")
    assert AWS_AUTH not in api.objects


def test_one_mapping_is_removed_or_all_of_an_arn(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    users = [{"userarn": USER, "username": f"u{number}", "groups": ["a", "b"]} for number in range(3)]
    api = aws_auth([{"rolearn": NODES, "username": "n"}], users)
    delete = f"delete iamidentitymapping --cluster myeks --arn {USER}"
    type_(monkeypatch, Session(api), delete)
    told = capsys.readouterr().out
    assert f'removing identity "{USER}" from auth ConfigMap (username = "u0", groups = ["a" "b"])' in told
    assert "there are 2 mappings left" in told
    assert len(yaml.safe_load(api.objects[AWS_AUTH]["data"]["mapUsers"])) == 2
    type_(monkeypatch, Session(api), f"{delete} --all")
    assert api.objects[AWS_AUTH]["data"]["mapUsers"] == "[]\n"
    assert NODES in api.objects[AWS_AUTH]["data"]["mapRoles"]
    with pytest.raises(Stopped, match="not found in auth ConfigMap"):
        type_(monkeypatch, Session(api), delete)
    with pytest.raises(Stopped, match="either --arn or --account"):
        type_(monkeypatch, Session(api), "delete iamidentitymapping --cluster myeks")


def test_what_is_no_yaml_is_told_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    api = aws_auth(mapUsers="- {")
    with pytest.raises(Stopped, match='unmarshalling "mapUsers"'):
        type_(monkeypatch, Session(api), MASTERS)
    assert api.objects[AWS_AUTH]["data"]["mapUsers"] == "- {"


def test_clusters_in_short_and_one_in_detail(monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    told: dict[str, Any] = {
        "version": "1.36",
        "resourcesVpcConfig": {"vpcId": "vpc-1", "subnetIds": ["b", "a"]},
        "tags": {"own": "1"},
    }
    aws = Aws(list_clusters={"clusters": ["myeks"]})
    type_(monkeypatch, Session(aws=aws, **told), "get cluster")
    assert capsys.readouterr().out.splitlines()[1].split() == ["myeks", "ap-northeast-2", "False"]
    type_(monkeypatch, Session(aws=aws, tags={roles.CLUSTER_TAG: "myeks"}), "get clusters")
    assert capsys.readouterr().out.splitlines()[1].split()[-1] == "True"
    type_(monkeypatch, Session(aws=aws, **told), "get cluster myeks")
    assert capsys.readouterr().out.splitlines()[1].split() == ["myeks", "1.36", "-", "-", "vpc-1", "a,b", "EKS"]
    assert clusters.fields(told)["ResourcesVpcConfig"]["VpcId"] == "vpc-1"
    assert clusters.fields(told)["Tags"] == {"own": "1"}


@pytest.mark.parametrize("line", ["--help", "-h", "help", "", "get --help"])
def test_help_says_whose_it_is_and_what_is_there(line: str, capsys: Shown) -> None:
    commands.main(line.split())
    told = capsys.readouterr().out
    assert told.startswith("This is not eksctl")
    assert told.count("\n  eksctl ") == len(commands.COMMANDS) == 13


def test_the_version_says_whose_it_is(tmp_path: Path, capsys: Shown) -> None:
    assert run("eksctl", tmp_path, ["version"]) == 0
    assert "not eksctl" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("create cluster --name x", "lab up and lab down"),
        ("get nodegroups --cluster myeks", "aws eks list-nodegroups"),
        ("utils associate-iam-oidc-provider --cluster myeks", "aws iam list-open-id-connect-providers"),
        ("drain", "eksctl --help"),
        ("get", "eksctl --help"),
    ],
)
def test_a_verb_that_is_not_there_is_one_line(line: str, said: str, tmp_path: Path, capsys: Shown) -> None:
    assert run("eksctl", tmp_path, line.split()) == 1
    told = capsys.readouterr().err
    assert told.startswith("Error: eksctl ")
    assert said in told
    assert told.count("\n") == 1
