"""What EKS's webhook writes into a pod, by the pod and its service account."""

import base64
import copy
import json
from typing import Any

import pytest

from rehearsal.emulator.eks import pod_identity_webhook

REGION = "ap-northeast-2"
ROLE = "arn:aws:iam::111122223333:role/r"
IRSA = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
PODS = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
COMMON = [
    ("AWS_STS_REGIONAL_ENDPOINTS", "regional"),
    ("AWS_DEFAULT_REGION", REGION),
    ("AWS_REGION", REGION),
]


def account(**annotations: str) -> dict[str, Any]:
    """A service account; the annotations' names with _ for -."""
    told = {f"eks.amazonaws.com/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return {"metadata": {"name": "my-sa", "annotations": told}}


def pod(*containers: dict[str, Any], annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "annotations": annotations or {}},
        "spec": {"containers": list(containers) or [{"name": "c"}], **spec},
    }


def mutated(given: dict[str, Any], told: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """The pod after the patch."""
    after = copy.deepcopy(given)
    defaults: dict[str, Any] = {"associated": False, "region": REGION, "jitter": lambda least, most: least}
    for change in pod_identity_webhook.patch(given, told, **{**defaults, **more}):
        assert change["op"] == "add"
        *parts, last = [part.replace("~1", "/") for part in change["path"].split("/")[1:]]
        target: Any = after
        for part in parts:
            target = target[part]
        if isinstance(target, list):
            target.insert(int(last), change["value"])
        else:
            target[last] = change["value"]
    return after


def env(container: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["name"], each["value"]) for each in container["env"]]


def test_an_annotated_service_account_s_pod_gets_a_token_for_sts() -> None:
    spec = mutated(pod(), account(role_arn=ROLE))["spec"]
    (container,) = spec["containers"]
    assert env(container) == [
        *COMMON,
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", f"{IRSA}/token"),
    ]
    assert container["volumeMounts"] == [{"name": "aws-iam-token", "readOnly": True, "mountPath": IRSA}]
    token = {"audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}
    assert spec["volumes"] == [{"name": "aws-iam-token", "projected": {"sources": [{"serviceAccountToken": token}]}}]


def test_an_associated_service_account_s_pod_gets_a_token_for_the_agent() -> None:
    after = mutated(pod(), account(), associated=True)
    (container,) = after["spec"]["containers"]
    assert env(container) == [
        *COMMON,
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", f"{PODS}/eks-pod-identity-token"),
    ]
    assert container["volumeMounts"] == [{"name": "eks-pod-identity-token", "readOnly": True, "mountPath": PODS}]
    token = {"audience": "pods.eks.amazonaws.com", "expirationSeconds": 79200, "path": "eks-pod-identity-token"}
    (volume,) = after["spec"]["volumes"]
    assert volume["projected"]["sources"] == [{"serviceAccountToken": token}]
    assert after["metadata"]["labels"] == {"eks.amazonaws.com/pod-identity": "enabled"}


def test_with_both_the_association_counts() -> None:
    after = mutated(pod(), account(role_arn=ROLE), associated=True)
    names = [name for name, _ in env(after["spec"]["containers"][0])]
    assert "AWS_ROLE_ARN" not in names
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in names
    assert [volume["name"] for volume in after["spec"]["volumes"]] == ["eks-pod-identity-token"]


@pytest.mark.parametrize("told", [None, {}, {"metadata": {}}, account(), account(role_arn=""), account(audience="a")])
def test_other_pods_are_left_alone(told: dict[str, Any] | None) -> None:
    assert pod_identity_webhook.patch(pod(), told, associated=False, region=REGION) == []


def test_what_a_pod_has_of_its_own_comes_first_and_stays() -> None:
    own = {
        "name": "c",
        "env": [{"name": "A", "value": "b"}, {"name": "AWS_REGION", "value": "eu-west-1"}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "image": "i",
    }
    spec = mutated(pod(own, volumes=[{"name": "data"}]), account(role_arn=ROLE))["spec"]
    (container,) = spec["containers"]
    assert [name for name, _ in env(container)] == [
        "A",
        "AWS_REGION",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ]
    assert container["image"] == "i"
    assert [mount["name"] for mount in container["volumeMounts"]] == ["data", "aws-iam-token"]
    assert [volume["name"] for volume in spec["volumes"]] == ["aws-iam-token", "data"]


def test_a_container_that_has_one_of_the_two_variables_gets_neither() -> None:
    own = {"name": "c", "env": [{"name": "AWS_ROLE_ARN", "value": "mine"}]}
    (container,) = mutated(pod(own), account(role_arn=ROLE))["spec"]["containers"]
    assert env(container) == [("AWS_ROLE_ARN", "mine"), *COMMON]


def test_a_volume_and_a_mount_that_are_there_are_not_made_twice() -> None:
    once = mutated(pod(), account(role_arn=ROLE))
    assert mutated(once, account(role_arn=ROLE)) == once


def test_init_containers_too_but_not_those_that_are_named_to_be_skipped() -> None:
    skip = {"eks.amazonaws.com/skip-containers": 'sidecar,"a,b"'}
    given = pod(
        {"name": "c"}, {"name": "sidecar"}, {"name": "a,b"}, annotations=skip, initContainers=[{"name": "init"}]
    )
    spec = mutated(given, account(role_arn=ROLE))["spec"]
    assert ["env" in each for each in spec["containers"]] == [True, False, False]
    assert "env" in spec["initContainers"][0]


@pytest.mark.parametrize(
    ("of_account", "of_pod", "seconds"),
    [
        (None, None, 86400),
        ("3600", None, 3600),
        ("3600", "7200", 7200),
        ("60", None, 600),
        (None, "1", 600),
        ("long", None, 86400),
        ("3600", "long", 3600),
    ],
)
def test_how_long_a_token_holds(of_account: str | None, of_pod: str | None, seconds: int) -> None:
    told = account(role_arn=ROLE, **({"token_expiration": of_account} if of_account else {}))
    annotations = {"eks.amazonaws.com/token-expiration": of_pod} if of_pod else {}
    (volume,) = mutated(pod(annotations=annotations), told)["spec"]["volumes"]
    assert volume["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] == seconds
    # Pod Identity spreads the default alone.
    (volume,) = mutated(pod(annotations=annotations), told, associated=True)["spec"]["volumes"]
    expected = 79200 if seconds == 86400 else seconds
    assert volume["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] == expected


def test_the_spread_is_between_22_and_24_hours() -> None:
    asked: list[tuple[int, int]] = []

    def jitter(least: int, most: int) -> int:
        asked.append((least, most))
        return most

    mutated(pod(), account(), associated=True, jitter=jitter)
    assert asked == [(79200, 86400)]


@pytest.mark.parametrize(("switch", "there"), [("true", True), ("false", False), ("F", False), ("maybe", True)])
def test_regional_endpoints_can_be_switched_off(switch: str, there: bool) -> None:
    told = account(role_arn=ROLE, sts_regional_endpoints=switch)
    names = [name for name, _ in env(mutated(pod(), told)["spec"]["containers"][0])]
    assert ("AWS_STS_REGIONAL_ENDPOINTS" in names) is there


def test_another_audience_is_the_service_account_s_to_choose() -> None:
    (volume,) = mutated(pod(), account(role_arn=ROLE, audience="mine"))["spec"]["volumes"]
    assert volume["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "mine"


def test_a_pod_for_windows_finds_its_token_there() -> None:
    given = pod(nodeSelector={"kubernetes.io/os": "windows"})
    variables = dict(env(mutated(given, account(role_arn=ROLE))["spec"]["containers"][0]))
    assert variables["AWS_WEB_IDENTITY_TOKEN_FILE"].startswith("C:\\var\\run\\secrets\\eks.amazonaws.com\\")
    assert variables["AWS_ROLE_ARN"] == ROLE


def test_a_label_is_put_beside_those_that_are_there() -> None:
    given = pod()
    given["metadata"]["labels"] = {"app": "a"}
    labels = mutated(given, account(), associated=True)["metadata"]["labels"]
    assert labels == {"app": "a", "eks.amazonaws.com/pod-identity": "enabled"}


def test_a_review_is_answered_in_its_own_version() -> None:
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u"}}
    assert pod_identity_webhook.answer(review, []) == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": "u", "allowed": True},
    }
    response = pod_identity_webhook.answer(review, [{"op": "add"}])["response"]
    assert (response["allowed"], response["patchType"]) == (True, "JSONPatch")
    assert json.loads(base64.b64decode(response["patch"])) == [{"op": "add"}]
