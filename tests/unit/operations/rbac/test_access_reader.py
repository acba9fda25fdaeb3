"""What the reader makes of an API server's answers."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from grading.requests import ResourceRequest
from operations.rbac.cluster_reader import NotAsked, Reader
from operations.rbac.identities import Identity

RBAC = "/apis/rbac.authorization.k8s.io/v1"
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "x",
}


class Answer:
    """Status and content of an HTTP answer."""

    def __init__(self, status: int, body: object) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()


class Server:
    """Answers requests; a path has one answer, or several in their turn."""

    def __init__(self, answers: Mapping[str, Answer | list[Answer]]) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self._answers = {path: list(one) if isinstance(one, list) else one for path, one in answers.items()}

    def send(self, method: str, path: str, _headers: Mapping[str, str], body: Any) -> tuple[int, bytes]:
        self.asked.append((method, path, body))
        found = self._answers.get(path, Answer(404, {"message": "not found"}))
        answer = found.pop(0) if isinstance(found, list) else found
        return answer.status, answer.body


def reading(answers: Mapping[str, Answer | list[Answer]]) -> tuple[Reader, Server]:
    server = Server(answers)
    return Reader.by(server.send), server


def listed(*names: str, more: str = "") -> Answer:
    return Answer(200, {"items": [{"metadata": {"name": name}} for name in names], "metadata": {"continue": more}})


def policy_answers(**changes: Answer | list[Answer]) -> dict[str, Answer | list[Answer]]:
    kinds = ("clusterroles", "roles", "clusterrolebindings", "rolebindings")
    return {f"{RBAC}/{kind}?limit=500": changes.get(kind, listed()) for kind in kinds}


def test_pages_are_followed_to_the_end() -> None:
    answers = policy_answers(clusterroles=listed("a", "b", more="to/be continued"))
    answers[f"{RBAC}/clusterroles?limit=500&continue=to%2Fbe+continued"] = listed("c")
    reader, _ = reading(answers)
    assert [role.name for role in reader.policy().roles] == ["a", "b", "c"]


def test_a_list_that_grew_too_old_is_begun_anew() -> None:
    answers = policy_answers(clusterroles=[listed("a", more="x"), listed("a", "new")])
    answers[f"{RBAC}/clusterroles?limit=500&continue=x"] = Answer(410, {"message": "too old"})
    reader, _ = reading(answers)
    assert [role.name for role in reader.policy().roles] == ["a", "new"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, {"message": "Unauthorized"}, "does not know these credentials"),
        (403, {"message": "roles is forbidden"}, "You may not ask that: roles is forbidden"),
        (500, b"<html>", "answered 500"),
        (410, {"message": "too old"}, "answered 410"),
    ],
)
def test_a_refusal_is_no_answer(status: int, body: object, said: str) -> None:
    reader, _ = reading(policy_answers(rolebindings=Answer(status, body)))
    with pytest.raises(NotAsked, match=said) as refused:
        reader.policy()
    assert refused.value.status == status


def test_a_server_that_is_not_there_is_no_answer() -> None:
    with pytest.raises(NotAsked, match="could not be asked"):
        Reader(KUBECONFIG).policy()


@pytest.mark.parametrize("command", ["false", "there-is-no-such-command"])
def test_no_credentials_are_told_and_not_logged(command: str, caplog: pytest.LogCaptureFixture) -> None:
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": command}
    with pytest.raises(NotAsked, match="gave no credentials"):
        Reader({**KUBECONFIG, "users": [{"name": "u", "user": {"exec": exec_}}]})
    assert caplog.records == []
    logging.getLogger().error("afterwards errors are logged again")
    assert len(caplog.records) == 1


def test_a_service_account_is_looked_for_in_its_namespace() -> None:
    reader, _ = reading({"/api/v1/namespaces/dev-team/serviceaccounts/dev-k8s": Answer(200, {})})
    assert reader.account_exists("dev-team", "dev-k8s")
    assert not reader.account_exists("infra-team", "dev-k8s")


def test_a_namespace_may_be_unknown_or_forbidden() -> None:
    path = "/api/v1/namespaces"
    reader, _ = reading(
        {f"{path}/there": Answer(200, {}), f"{path}/hidden": Answer(403, {}), f"{path}/broken": Answer(500, {})}
    )
    assert reader.namespace_exists("there")
    assert reader.namespace_exists("hidden")
    assert not reader.namespace_exists("missing")
    with pytest.raises(NotAsked):
        reader.namespace_exists("broken")


def test_aws_auth_may_be_missing_or_forbidden() -> None:
    path = "/api/v1/namespaces/kube-system/configmaps/aws-auth"
    assert reading({path: Answer(200, {"data": {"mapUsers": "[]"}})})[0].aws_auth() == {"mapUsers": "[]"}
    assert reading({path: Answer(200, {})})[0].aws_auth() == {}
    assert reading({})[0].aws_auth() == {}
    assert reading({path: Answer(403, {})})[0].aws_auth() is None


def test_the_caller_is_asked_for_by_review() -> None:
    arn = "arn:aws:iam::111122223333:user/alice"
    user = {"username": "alice", "uid": "1", "groups": ["devs"], "extra": {"arn": [arn]}}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    reader, server = reading({path: Answer(201, {"status": {"userInfo": user}})})
    seen = reader.myself()
    assert (seen.identity, seen.extra) == (Identity("alice", ("devs",)), {"arn": (arn,)})
    ((method, _, body),) = server.asked
    assert (method, body["kind"]) == ("POST", "SelfSubjectReview")


def test_the_callers_own_requests_are_asked_one_by_one() -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answers = [Answer(201, {"status": {"allowed": True}}), Answer(201, {"status": {"allowed": False}})]
    reader, server = reading({path: answers})
    assert reader.may_i([ResourceRequest("get", "apps", "deployments", "scale", "web", "dev-team")]) == [True]
    assert reader.may_i([ResourceRequest("get", "", "pods")]) == [False]
    assert server.asked[0][2]["spec"]["resourceAttributes"] == {
        "verb": "get",
        "group": "apps",
        "resource": "deployments",
        "subresource": "scale",
        "name": "web",
        "namespace": "dev-team",
    }


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ({"major": "1", "minor": "34"}, (1, 34)),
        ({"major": "1", "minor": "34+"}, (1, 34)),
        ({"major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "34"}, (1, 34)),
    ],
)
def test_the_version_is_the_one_whose_behaviour_the_server_has(told: dict[str, str], version: tuple[int, int]) -> None:
    reader, _ = reading({"/version": Answer(200, told)})
    assert reader.version() == version
