"""How `lab whocan` words mappings of aws-auth that let nobody in, and accounts that are let in whole."""

import pytest

from cli.views import whocan_tables as words
from operations.rbac.evaluator import Grant
from operations.rbac.iam_principals import in_aws_auth
from operations.rbac.objects import Subject

DATA = {
    "mapRoles": "[{rolearn: 'arn:aws:iam::111122223333:role/team/dev', username: dev, groups: [devs]}]",
    "mapAccounts": "['111122223333']",
}


def test_they_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    words.principals("IAM principals:", in_aws_auth(DATA))
    told = " ".join(capsys.readouterr().out.split())
    assert "role/team/dev: user dev, groups devs (aws-auth); of no effect: a role's ARN has no path here" in told
    assert "every user and role of account 111122223333: user its own ARN, groups system:authenticated" in told
    assert told.count("of no effect") == 1


def test_only_who_comes_in_is_in_the_table() -> None:
    devs = Grant(Subject("Group", "devs"), None, ())
    everybody = Grant(Subject("Group", "system:authenticated"), None, ())
    rows = words.entering([devs, everybody], in_aws_auth(DATA))
    assert [(kind, name, how) for kind, name, _, how, _ in rows] == [
        ("account", "111122223333", "comes in as Group system:authenticated (aws-auth)")
    ]
