"""From what the engine says to what the user reads."""

import json
from pathlib import Path

import pytest

from infra.config.loading import ConfigError, Problem
from rehearsal import outcome
from rehearsal.outcome import causes
from stacks import error_hints
from stacks.error_hints import REMEDIES, cause, logged, printed

FAILED_GROUP = """1 error occurred:
	* unexpected state 'CREATE_FAILED', wanted target 'ACTIVE': NodeCreationFailure: Instances failed to join
eks:index:ManagedNodeGroup resource 'nodes' has a problem: grpc: the client connection is closing"""


def test_the_first_cause_stands_alone():
    first, remedy = cause(FAILED_GROUP).splitlines()
    assert first.startswith("unexpected state 'CREATE_FAILED'")
    assert "NodeCreationFailure" in first
    assert "makes it again" in remedy


def test_a_cause_that_is_known_goes_before_one_that_is_not():
    said = "resource is broken\ncreating aws:iam/role:Role (x): AccessDenied: User is not authorized"
    assert cause(said).startswith("creating aws:iam/role:Role (x): AccessDenied")


@pytest.mark.parametrize("count", [1, 2])
def test_problems_of_the_settings_stand_whole(count: int):
    problems = [Problem("myeks:hostedZoneId", "There is none.", "Name one."), Problem("myeks:keyName", "No.", "Yes.")]
    told = str(ConfigError(problems[:count]))
    assert cause(f"error: program failed\n{told}\n") == told


def test_what_is_not_known_is_told_as_it_is():
    assert cause("error: something else\nand more") == "something else"
    assert cause("update failed") == "update failed"
    assert cause("") == "The engine said nothing about it."


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("api error ExpiredToken: The security token included in the request is expired", "log in again"),
        ("InvalidClientTokenId: The security token included in the request is invalid", "get-caller-identity"),
        ("ThrottlingException: Rate exceeded", "wait a minute"),
        ("VpcLimitExceeded: The maximum number of VPCs has been reached", "quota"),
        ("UnauthorizedOperation: You are not authorized to perform this operation", "lacks a right"),
        ("DependencyViolation: The vpc 'vpc-1' has dependencies and cannot be deleted", "sweep"),
        ("ServiceUnavailable: The service is temporarily unable to handle the request", "wait a few minutes"),
        ('Could not connect to the endpoint URL: "https://eks.ap-northeast-2.amazonaws.com/"', "network"),
        ('Post "https://eks.ap-northeast-2.amazonaws.com/clusters": dial tcp 52.95.0.1:443: i/o timeout', "network"),
        ("failed to refresh cached credentials, refresh cached SSO token failed, unable to refresh", "aws sso login"),
        ("Error loading SSO Token: Token for x does not exist", "aws sso login"),
        ("The SSO session associated with this profile has expired or is otherwise invalid.", "aws sso login"),
        ("the SSO session has expired or is invalid: open /home/me/.aws/sso/cache/0.json", "aws sso login"),
        ("Error when retrieving token from sso: Token has expired and refresh failed", "aws sso login"),
        ("InvalidIdentityToken: Token is not yet valid", "identity token"),
        ("ExpiredTokenException: The security token included in the request is expired", "aws sso login"),
        ("configured Kubernetes cluster is unreachable: unable to load schema information", "operatorCidrs"),
        ("can't delete Helm Release with unreachable cluster. Reason: no route", "operatorCidrs"),
        (
            'Get "https://A1.gr7.ap-northeast-2.eks.amazonaws.com/version?timeout=32s": dial tcp 3.3.3.3:443: '
            "i/o timeout",
            "operatorCidrs",
        ),
        ("ResourceInUseException: Cluster already exists with name: myeks", "does not know it"),
        ("EntityAlreadyExists: Role with name r already exists.", "does not know it"),
        ("InvalidPermission.Duplicate: the specified rule exists", "does not know it"),
        ('serviceaccounts "lbc" already exists', "kubectl delete"),
        ("ResourceInUseException: Nodegroup currently has update 0a1b in progress", "still at work"),
        ("ResourceInUseException: Cannot delete because cluster myeks is in CREATING status", "still at work"),
        ("ResourceInUseException: Cluster has nodegroups attached", "outside the lab"),
        ("another operation (install/upgrade/rollback) is in progress", "helm rollback"),
    ],
)
def test_each_kind_has_its_remedy(said: str, remedy: str):
    line, told = cause(said).splitlines()
    assert line == said
    assert remedy in told


def test_every_remedy_is_a_sentence():
    assert all(one.what.endswith(".") for one in REMEDIES)


def test_errors_of_an_event_log(tmp_path: Path):
    log = tmp_path / "events.json"
    told = [
        {"diagnosticEvent": {"severity": "warning", "message": "careful"}},
        {"diagnosticEvent": {"severity": "error", "message": "<{%reset%}>AccessDenied: no<{%reset%}>\n"}},
        {"summaryEvent": {}},
        {"diagnosticEvent": {"severity": "error", "message": "<{%reset%}>AccessDenied: no<{%reset%}>\n"}},
    ]
    log.write_text("\n".join(map(json.dumps, told)) + '\n{"diagnosticEv')
    assert logged(log) == "AccessDenied: no"
    assert logged(tmp_path / "none") == ""


ABANDONED = """python inline source runtime error: resource monitor shut down
Traceback (most recent call last):
  File "pulumi/runtime/invoke.py", line 331, in do_rpc_call
grpc._channel._InactiveRpcError: <_InactiveRpcError of RPC that terminated with:
	status = StatusCode.UNAVAILABLE
>

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "pulumi/automation/_server.py", line 94, in run
Exception: resource monitor shut down"""


def test_what_a_program_meets_when_the_engine_gives_up_is_no_cause():
    failed = "creating EKS Node Group: unexpected state 'CREATE_FAILED'"
    assert causes([ABANDONED, failed, failed, "update failed"]) == [failed]
    assert causes([ABANDONED]) == [ABANDONED]


def test_errors_on_stderr_begin_where_the_first_is():
    said = "warning: using x\n\x1b[91merror: 2 errors occurred:\x1b[0m\n\t* no stack\n\t* no login\n"
    assert printed(said) == "error: 2 errors occurred:\n\t* no stack\n\t* no login"
    assert cause(printed(said)) == "no stack"
    assert printed("warning: an error: none\n") == ""


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ('error: constructing secrets manager of type "passphrase": incorrect passphrase', "PULUMI_CONFIG_PASSPHRASE"),
        ("error: no stack named 'dev' found", "pulumi stack init"),
        ("error: this stack's deployment version is too new", "A newer pulumi wrote the state"),
        ("error: no resource plugin 'pulumi-resource-aws' found in the workspace", "pulumi install"),
        ("error: could not list bucket: blob (code=Unknown)", "pulumi login"),
        ("error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions", "pulumi login"),
    ],
)
def test_what_stops_pulumi_before_its_first_event_has_a_remedy(said: str, remedy: str):
    first, second = cause(said).splitlines()
    assert first == said.removeprefix("error: ")
    assert remedy in second


def test_of_a_program_that_fails_its_exception_is_told():
    said = """error: Program failed with an unhandled exception:
Traceback (most recent call last):
  File "__main__.py", line 13, in <module>
    from infra.stack import deploy
ModuleNotFoundError: No module named 'pulumi_eks'"""
    first, second = cause(said).splitlines()
    assert first == "ModuleNotFoundError: No module named 'pulumi_eks'"
    assert "pulumi install" in second
    assert cause(said.replace("ModuleNotFoundError: No module named 'pulumi_eks'", "KeyError: 'x'")) == "KeyError: 'x'"


def test_settings_that_the_engine_refuses_are_the_users_input():
    refused = outcome.refused("Stack 'dev' with configuration key 'tags' must be of type 'object'")
    assert error_hints.refusal(refused).exit_code == 2
    assert error_hints.refusal(outcome.refused("no such subnet")).exit_code == 1
