"""What programs and APIs say, brought into one vocabulary."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import yaml

from exercises.catalogue import EXERCISES, standing, walk
from grading.endpoint import Endpoint
from grading.expectations import Says
from grading.kube_api import ended_as, refused
from grading.outcomes import (
    AwsRefused,
    Broke,
    Done,
    HttpRefused,
    Outcome,
    Ran,
    Unanswered,
    aws_cli,
    can_i,
    http,
    kubectl,
    parsed,
    short,
)
from grading.variables import Names, Unknown, alike, names_of
from tests.unit.grading.fake_lab import ISSUER_HOST, OUTPUTS

KUBECTL = [
    ("Error from server (Forbidden): no", HttpRefused(403, "no")),
    ("Error from server (NotFound): gone", HttpRefused(404, "gone")),
    ("Error from server (AlreadyExists): there", HttpRefused(409, "there")),
    ("error: You must be logged in to the server (Unauthorized)", HttpRefused(401, "Unauthorized")),
    ("error: unknown command", Broke("error: unknown command")),
    ("Warning: something\nerror: the last line counts", Broke("error: the last line counts")),
]


@pytest.mark.parametrize(("stderr", "outcome"), KUBECTL, ids=[stderr for stderr, _ in KUBECTL])
def test_what_kubectl_says(stderr: str, outcome: Outcome):
    assert kubectl(Ran(1, "", stderr)) == outcome


AWS = [
    (
        "An error occurred (AccessDenied) when calling the ListBuckets operation: Access Denied",
        AwsRefused("AccessDenied", "ListBuckets", "Access Denied"),
    ),
    (
        "aws: [ERROR]: An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: old",
        AwsRefused("ExpiredToken", "GetCallerIdentity", "old"),
    ),
    (
        "make_bucket failed: s3://x An error occurred (AccessDenied) when calling the CreateBucket operation: no",
        AwsRefused("AccessDenied", "CreateBucket", "no"),
    ),
    (
        "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation"
        " (reached max retries: 4): no provider",
        AwsRefused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", "no provider"),
    ),
    ("Unable to locate credentials. You can configure them.", Broke),
    ("Error when retrieving credentials from container-role: Error retrieving metadata", Broke),
    ("Could not connect to the endpoint URL: http://x", Unanswered),
    ("Read timeout on endpoint URL: http://x", Unanswered),
    ("An error occurred (Throttling) when calling the ListBuckets operation: slow down", Unanswered),
]


@pytest.mark.parametrize(("stderr", "outcome"), AWS, ids=[stderr[:60] for stderr, _ in AWS])
def test_what_the_aws_cli_says(stderr: str, outcome: Any):
    found = aws_cli(Ran(254, "", stderr))
    assert found == outcome or (isinstance(outcome, type) and isinstance(found, outcome))


def test_a_timeout_is_never_a_verdict():
    for line in ("Unable to connect to the server: dial tcp: i/o timeout", "context deadline exceeded"):
        assert isinstance(kubectl(Ran(1, "", line)), Unanswered)


def test_no_needs_its_exit_code():
    assert can_i(Ran(1, "no\n", "")) == Done("no", "no")
    assert can_i(Ran(1, "no - EKS says so\n", "")) == Done("no", "no")
    assert can_i(Ran(0, "yes\n", "Warning: resource 'nodes' is not namespace scoped")) == Done("yes", "yes")
    assert isinstance(can_i(Ran(0, "no\n", "")), Broke)
    assert isinstance(can_i(Ran(1, "yes\n", "")), Broke)
    assert isinstance(can_i(Ran(1, "", "Unable to connect to the server: x")), Unanswered)


@pytest.mark.parametrize(("code", "kind"), [(200, Done), (201, Done), (401, HttpRefused), (403, HttpRefused)])
def test_an_answer_of_the_api_server(code: int, kind: type):
    assert isinstance(http(code, {"message": "x"}), kind)


@pytest.mark.parametrize("code", [301, 429, 500, 503, 504])
def test_a_server_in_trouble_has_said_nothing(code: int):
    assert isinstance(http(code, {"message": "x"}), Unanswered)


def test_what_met_the_operator_says_nothing_about_the_subject():
    assert isinstance(refused(HttpRefused(403, "no"), "the pod x"), Unanswered)
    gone = refused(HttpRefused(404, "no"), "The pod x")
    assert isinstance(gone, Unanswered)
    assert "The pod x is not there" in gone.reason
    assert refused(Done(1, "1"), "x") == Done(1, "1")


def test_json_that_is_none_breaks():
    assert parsed(Done('"x"', "")) == Done("x", "")
    assert isinstance(parsed(Done("x", "")), Broke)
    assert parsed(Broke("x")) == Broke("x")


def test_a_table_gets_one_short_line():
    assert short("a\n  b\tc") == "a b c"
    assert len(short("x" * 1000)) == 300


STATUS: dict[str, Any] = {"kind": "Status", "metadata": {}, "status": "Success"}
FAILURE: dict[str, Any] = {
    "status": "Failure",
    "reason": "NonZeroExitCode",
    "details": {"causes": [{"reason": "ExitCode", "message": "254"}]},
}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (json.dumps(STATUS), Ran(0, "out", "err")),
        (json.dumps(FAILURE), Ran(254, "out", "err")),
        (json.dumps({"status": "Failure", "reason": "InternalError", "message": "no such file"}), "no such file"),
        (json.dumps({**FAILURE, "details": {"causes": []}}), "without telling how"),
        ("", "cut"),
        ("hello", "hello"),
    ],
)
def test_how_a_command_in_a_pod_ended(status: str, outcome: Ran | str):
    found = ended_as(status, "out", "err", "default/pod")
    if isinstance(outcome, str):
        assert isinstance(found, Unanswered)
        assert outcome in found.reason
        assert "default/pod" in found.reason
    else:
        assert found == outcome


KUBECONFIG: dict[str, Any] = {
    "current-context": "aws",
    "contexts": [{"name": "aws", "context": {"cluster": "kubernetes", "user": "aws"}}],
    "clusters": [
        {
            "name": "kubernetes",
            "cluster": {
                "server": "https://127.0.0.1:6443/",
                "certificate-authority-data": base64.b64encode(b"PEM").decode(),
            },
        }
    ],
    "users": [{"name": "aws", "user": {"exec": {"command": "aws", "args": ["eks", "get-token", "--profile", "me"]}}}],
}


@pytest.mark.parametrize("shape", [KUBECONFIG, json.dumps(KUBECONFIG), yaml.safe_dump(KUBECONFIG)])
def test_a_kubeconfig_tells_where_and_by_what(shape: object):
    endpoint = Endpoint.of(shape)
    assert (endpoint.server, endpoint.ca) == ("https://127.0.0.1:6443", b"PEM")
    assert (endpoint.option("--profile"), endpoint.option("--role")) == ("me", None)


@pytest.mark.parametrize("shape", [None, "", "a: [", {}, {**KUBECONFIG, "current-context": "other"}])
def test_what_is_no_kubeconfig_is_told(shape: object):
    with pytest.raises(ValueError, match="kubeconfig"):
        Endpoint.of(shape)


def test_names_come_from_the_outputs():
    names = names_of(OUTPUTS, lambda: "node-role")
    assert names.fill("$PARTITION $ISSUER $IRSA_ROLE $NODE_ROLE") == (
        f"aws https://{ISSUER_HOST} irsa-sa-role-1a2b3c4 node-role"
    )
    assert names.fill("$(kubectl get pods) ${T%.*} $OTHER") == "$(kubectl get pods) ${T%.*} $OTHER"


def test_a_name_without_a_value_is_told():
    names = names_of({**OUTPUTS, "exerciseRoleArns": {}}, lambda: "")
    for text in ("$IRSA_ROLE_ARN", "a $NODE_ROLE b"):
        with pytest.raises(Unknown, match=r"\$(IRSA_ROLE_ARN|NODE_ROLE)"):
            names.fill(text)


def test_a_name_is_asked_for_once():
    asked: list[int] = []
    names = Names({}, {"X": lambda: (asked.append(1), "value")[1]})
    assert names.fill("$X $X") == "value value"
    assert asked == [1]
    assert set(names) == {"X"}
    assert len(names) == 1


@pytest.mark.parametrize(
    ("pattern", "text", "same"),
    [
        ("role/*", "role/a", True),
        ("role/*", "role/a/b", False),
        ("role/*", "xrole/a", False),
        ("a.c", "abc", False),
        ("i-*", "i-", True),
        ("", "", True),
        ("", "x", False),
    ],
)
def test_a_star_is_any_text_without_a_slash(pattern: str, text: str, same: bool):
    assert alike(pattern, text) is same
    assert (Says(pattern).against(Done(text, text), Names({})) == "") is same


def test_where_the_exercises_stand():
    assert standing({}) == dict.fromkeys(EXERCISES, "off")
    assert standing({"exercises": {"rbac": "after", "identityMapping": "off", "irsa": True, "podIdentity": False}}) == {
        **dict.fromkeys(EXERCISES, "off"),
        "rbac": "after",
        "identity-mapping": "off",
        "irsa": "on",
        "pod-identity": "off",
    }


def test_a_walk_reaches_every_stage_once_in_as_few_updates_as_can_be():
    steps = walk(EXERCISES)
    assert len(steps) == max(len(one.stages) for one in EXERCISES.values())
    assert sorted(move for step in steps for move in step.items()) == sorted(
        (name, stage) for name, one in EXERCISES.items() for stage in one.stages
    )
    assert walk(["rbac"]) == ({"rbac": "before"}, {"rbac": "after"}, {"rbac": "least"})
    assert walk(["pod-identity", "pod-identity"]) == ({"pod-identity": "on"}, {"pod-identity": "wide"})
